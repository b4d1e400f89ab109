"""Taking down for good: nothing of it remains, and nothing else moves."""

import gzip
import io
import json
import uuid
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from archive.access import Access
from archive.articles import rows
from archive.config import Config
from archive.erasure import Erasure, blank_member, erase
from archive.errors import DamagedWarc, NotCaptured
from archive.holdings import Archive
from archive.index import Index, merge
from archive.monthly import packages
from archive.playback import play
from archive.process import write_missing_columns
from archive.room.origins import Origins
from archive.room.replay import Replay
from archive.runs import all_runs
from archive.store import FolderStore, Store
from archive.verify import verify_bytes
from tests.keeping import Answer, Keeper, Reader, edition
from tests.test_revisits import PAGE, run, said
from tests.test_study import FILLING, OTHER, URL, page, told

Morgue = Callable[..., Any]
SECRET = "Jossen Pellwater lives at Quay Street 7"


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    keeper = Keeper(tmp_path)
    private = page("Quay private", f"{SECRET}.", *FILLING)
    keeper.keep(
        Answer(at=edition(20), url=URL, body=private),
        Answer(at=edition(20), url=OTHER, body=page("Ferry runs late", "Late on Friday.", *FILLING)),
    )
    keeper.keep(Answer(at=edition(22), url=URL, body=told("6 million crowns")))
    return keeper


def taken_down(keeper: Keeper, *urls: str, **more: Any) -> Erasure:
    return erase(
        keeper.store,
        urls or (URL,),
        reason="court order",
        spool=keeper.root / "spool",
        software="test",
        **more,
    )


def everything(store: Store) -> bytes:
    """All bytes of the store, unpacked where they are packed."""
    found = []
    for key in store.keys(""):
        data = store.read(key)
        found.append(data)
        if key.endswith(".gz"):
            found.append(gzip.decompress(data))
        if key.endswith(".parquet"):
            import pyarrow.parquet as pq

            found.append(str(pq.ParquetFile(io.BytesIO(data)).read(use_threads=False).to_pylist()).encode())
        if key.endswith(".wacz"):
            with zipfile.ZipFile(io.BytesIO(data)) as book:
                found += [book.read(name) for name in book.namelist()]
                found.append(gzip.decompress(book.read("archive/data.warc.gz")))
    return b"".join(found)


def test_nothing_of_it_remains_in_any_object(keeper: Keeper) -> None:
    merge(keeper.store)
    write_missing_columns(keeper.store)
    list(packages(keeper.store, "2026-11", config=Config.from_env({"MORGUE_SPOOL": str(keeper.root / "s")})))
    assert SECRET.encode() in everything(keeper.store)
    done = taken_down(keeper)
    assert (done.erased, done.mended, len(done.warcs)) == (2, 0, 2)
    left = everything(keeper.store)
    assert SECRET.encode() not in left
    assert b"Quay private" not in left
    assert b"Quay reopens" not in left
    assert b"Ferry runs late" in left


def test_nothing_else_moves(keeper: Keeper) -> None:
    before = Index(keeper.store).captures(OTHER)
    bodies = [play(keeper.store, Index(keeper.store), c).body for c in before]
    row = next(r for r in rows(keeper.store) if r.article.url == OTHER)
    taken_down(keeper)
    after = Index(keeper.store).captures(OTHER)
    assert after == before
    assert [play(keeper.store, Index(keeper.store), c).body for c in after] == bodies
    assert rows(keeper.store) == [row]


def test_every_warc_is_whole_and_its_manifest_says_what_it_is(keeper: Keeper) -> None:
    taken_down(keeper)
    for each in all_runs(keeper.store):
        for warc in each.warcs:
            data = keeper.store.read(warc.key)
            assert verify_bytes(data, name=warc.key).ok
            assert keeper.store.digest(warc.key) == warc.sha256
            assert len(data) == warc.size
            kinds = [record.rec_type for record in ArchiveIterator(io.BytesIO(data))]
            assert kinds[0] == "warcinfo"


def test_captures_of_other_days_stay(keeper: Keeper) -> None:
    done = taken_down(keeper, until=edition(21))
    assert done.erased == 1
    assert [c.at for c in Index(keeper.store).captures(URL)] == [edition(22)]
    assert SECRET.encode() not in everything(keeper.store)


def test_a_revisit_that_leaned_on_it_stands_by_itself(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    first, second = "http://paper.example/a", "http://paper.example/b"
    run(tmp_path, 1, said(first))
    run(tmp_path, 2, said(second, own=b"b"))
    run(tmp_path, 3, said(second, own=b"c"))
    store = FolderStore(tmp_path / "archive")
    before = [(c.at, c.digest) for c in Index(store).captures(second)]
    done = erase(store, [first], reason="why", spool=tmp_path / "spool", software="test")
    assert (done.erased, done.mended) == (1, 2)
    index = Index(store)
    after = index.captures(second)
    assert index.captures(first) == []
    assert [(c.at, c.digest) for c in after] == before
    for capture in after:
        assert play(store, index, capture).body == PAGE
    assert sorted(play(store, index, c).head.get(b"x-head") or b"" for c in after) == [b"b", b"c"]


def test_records_that_a_server_has_at_hand_hinder_no_takedown(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    first, second = "http://paper.example/a", "http://paper.example/b"
    run(tmp_path, 1, said(first))
    run(tmp_path, 2, said(second, own=b"b"))
    store = FolderStore(tmp_path / "archive")
    access = Access(store)
    index = Index(store, hidden=access.hides, patience=0)
    reader = Reader(Replay(store, index, Origins(room_port=1, replay_port=2), b"worker").app())
    for url in (first, second):
        assert reader.get(f"/raw/id_/{url}").content == PAGE
    erase(store, [first], reason="why", spool=tmp_path / "spool", software="test")
    access.renew()
    assert reader.get(f"/raw/id_/{first}").status_code == 404
    assert reader.get(f"/raw/id_/{second}").content == PAGE


def test_a_search_file_forgets_what_was_erased(keeper: Keeper, tmp_path: Path) -> None:
    with Archive(keeper.store, search=tmp_path / "search") as kept:
        assert len(kept.search("Pellwater").hits) == 1
    taken_down(keeper)
    with Archive(keeper.store, search=tmp_path / "search") as kept:
        assert kept.search("Pellwater").count == 0
        assert kept.search("ferry").count == 1
    stored = b"".join(path.read_bytes() for path in (tmp_path / "search").iterdir())
    assert b"Pellwater" not in stored


def test_the_same_takedown_again_goes_on_where_it_was_killed(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("archive.erasure._rows", killed)
        with pytest.raises(KeyboardInterrupt):
            taken_down(keeper)
    assert Archive(keeper.store).captures(URL) == []  # hidden from the first moment on
    taken_down(keeper)
    assert SECRET.encode() not in everything(keeper.store)
    for each in all_runs(keeper.store):
        assert all(verify_bytes(keeper.store.read(w.key), name=w.key).ok for w in each.warcs)


def test_what_was_done_is_on_record(keeper: Keeper) -> None:
    done = taken_down(keeper)
    record = json.loads(keeper.store.read(done.key))
    assert (record["urls"], record["reason"], record["erased"]) == ([URL], "court order", 2)


def test_what_was_never_captured_cannot_be_erased(keeper: Keeper) -> None:
    with pytest.raises(NotCaptured, match="nothing to erase"):
        taken_down(keeper, "http://nowhere.example/")


def test_the_command_asks_before_it_erases(morgue: Morgue, keeper: Keeper) -> None:
    archive = ("--archive", keeper.store.url)
    asked = morgue("access", "erase", URL, "--reason", "court order", *archive)
    assert asked.code != 0
    assert SECRET.encode() in everything(keeper.store)
    done = morgue("access", "erase", URL, "--reason", "court order", "--yes", *archive)
    assert done.code == 0, done.err
    assert "2 captures erased from 2 WARCs" in done.out


@given(st.integers(min_value=330, max_value=200_000))
def test_a_blank_member_has_any_length_and_one_record(length: int) -> None:
    data = blank_member(length)
    assert len(data) == length
    (record,) = ArchiveIterator(io.BytesIO(data))
    assert record.rec_headers.get_header("WARC-Filename") == "erased"
    reader = zlib.decompressobj(31)
    reader.decompress(data)
    assert reader.eof
    assert not reader.unused_data


def test_the_shortest_response_that_others_write_can_be_blanked() -> None:
    head = [
        b"WARC/1.0", b"WARC-Type: response", b"WARC-Record-ID: <urn:uuid:%s>" % str(uuid.uuid4()).encode(),
        b"WARC-Date: 2020-01-01T00:00:00Z", b"WARC-Target-URI: http://a.example/",
        b"Content-Type: application/http", b"Content-Length: 19", b"", b"HTTP/1.1 204 x", b"", b"", b"", b"",
    ]  # fmt: skip
    record = b"\r\n".join(head)
    length = len(gzip.compress(record, 9))
    assert len(blank_member(length)) == length


def test_what_is_too_short_for_a_record_is_refused() -> None:
    with pytest.raises(DamagedWarc, match="too short"):
        blank_member(100)
