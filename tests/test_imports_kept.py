"""Imports that are cut short, raced or repeated; imports from the web, from S3, and by the command."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import AddressRefused, CallerError, DamagedWarc, StoreBusy, Unreachable
from archive.imports import Order, bring
from archive.publish import recover
from archive.runs import all_runs
from archive.spool import idle_runs
from archive.store import FolderStore
from archive.warc.forms import form_of, whole_records
from tests.conftest import Ran, wait_until
from tests.test_imports import URL, Place, members_of, place, three, written
from tests.test_replay import a_replay
from tests.test_room import a_room

assert place  # a fixture


class Away(FolderStore):
    """A store that goes away before the manifest is put."""

    def put(self, key: str, data: bytes) -> None:
        if key.startswith("runs/"):
            raise StoreBusy("it has gone away")
        super().put(key, data)


def left_unpublished(place: Place) -> str:
    """An import whose store went away: complete in the spool, and not visible."""
    name = place.file(written())
    with pytest.raises(StoreBusy, match="whole in the spool"):
        bring(name, Away(place.store.root), Order(spool=place.spool))
    assert not list(all_runs(place.store))
    return name


def test_an_import_that_could_not_be_published_is_completed_by_a_second_run(place: Place) -> None:
    name = left_unpublished(place)
    bring(name, place.store, Order(spool=place.spool))
    assert place.page() == b"<h1>Theirs</h1>"
    assert len(place.kept()) == 1


def test_what_another_machine_published_meanwhile_is_not_published_again(place: Place) -> None:
    name = left_unpublished(place)
    bring(name, place.store, Order(spool=place.root / "another-spool"))
    assert bring(name, place.store, Order(spool=place.spool)).action == "already"
    assert not list(place.spool.glob("*/"))


class Raced(FolderStore):
    """A store into which another machine puts the same import just before ours is complete."""

    def put(self, key: str, data: bytes) -> None:
        if key.startswith("runs/") and self.size(key) is None:
            theirs = json.loads(data)
            theirs["parameters"]["import"]["at"] = "2024-10-20T00:00:00+00:00"
            super().put(key, json.dumps(theirs).encode())
        super().put(key, data)


def test_two_machines_that_import_the_same_at_once_both_succeed(place: Place) -> None:
    done = bring(place.file(written()), Raced(place.store.root), Order(spool=place.spool))
    assert done.action == "already"
    assert len(place.kept()) == 1
    assert not list(place.spool.glob("*/"))


def test_recover_publishes_an_import_as_it_is_though_it_has_one_record(place: Place) -> None:
    one = members_of(written())[2]
    with pytest.raises(StoreBusy):
        bring(place.file(one), Away(place.store.root), Order(spool=place.spool))
    recover(place.spool, keep_hours=24)
    assert place.kept() == [one]
    assert place.told()["source"] == "theirs.warc.gz"


@pytest.mark.parametrize("gz", [True, False], ids=["gzipped", "plain"])
def test_the_spool_is_cleared_when_all_was_read_and_compared(place: Place, gz: bool) -> None:
    place.take(written(gz=gz))
    assert [each.action for each in recover(place.spool, keep_hours=0)] == ["cleared"]
    assert not list(place.spool.glob("*/"))


@pytest.mark.parametrize("gz", [True, False], ids=["gzipped", "plain"])
def test_what_the_store_lost_is_put_there_again(place: Place, gz: bool) -> None:
    place.take(written(gz=gz))
    (place.store.root / next(place.store.keys("warc/"))).unlink()
    assert [each.action for each in recover(place.spool, keep_hours=0)] == ["restored"]
    assert place.page() == b"<h1>Theirs</h1>"


def test_a_killed_import_leaves_nothing_visible_and_the_next_one_completes_it(
    place: Place, tmp_path: Path
) -> None:
    pipe, data = tmp_path / "pipe", written()
    os.mkfifo(pipe)
    env = {**os.environ, "MORGUE_ARCHIVE": str(place.store.root), "MORGUE_SPOOL": str(place.spool)}
    process = subprocess.Popen([sys.executable, "-m", "archive", "import", str(pipe)], env=env)
    with pipe.open("wb", buffering=0) as out:
        out.write(data[:100])
        wait_until(lambda: bool(list(place.spool.glob("import-*/source"))), what="reading")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not list(place.store.keys())
    assert not list(idle_runs(place.spool))
    place.take(data)
    assert place.page() == b"<h1>Theirs</h1>"
    assert not list(place.spool.glob("import-*"))


def test_a_stopped_import_leaves_nothing(place: Place) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(place.file(written()), place.store, Order(spool=place.spool), stop)
    assert place.is_untouched()


class Server(BaseHTTPRequestHandler):
    """Gives a WARC, or half of one, or leads to it."""

    data = b""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/theirs.warc.gz")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.data)))
        self.end_headers()
        self.wfile.write(self.data[:50] if self.path == "/half" else self.data)

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@pytest.fixture
def server() -> Iterator[str]:
    Server.data = written()
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("path", ["/theirs.warc.gz?signature=secret", "/moved"])
def test_a_url_is_imported_and_its_query_is_not_written_down(place: Place, server: str, path: str) -> None:
    bring(server + path, place.store, Order(spool=place.spool, allow_private=True))
    assert place.kept() == [Server.data]
    assert place.told()["source"] == server + path.partition("?")[0]


def test_a_url_that_breaks_off_is_no_import(place: Place, server: str) -> None:
    with pytest.raises(Unreachable, match="broke off after 50 of"):
        bring(f"{server}/half", place.store, Order(spool=place.spool, allow_private=True))
    assert place.is_untouched()


def test_a_url_at_an_address_that_is_not_public_is_refused(place: Place, server: str) -> None:
    with pytest.raises(AddressRefused, match="--allow-private"):
        bring(f"{server}/theirs.warc.gz", place.store, Order(spool=place.spool))


def test_a_key_of_the_archive_is_imported(place: Place) -> None:
    place.store.put("incoming/theirs.warc.gz", written())
    bring("incoming/theirs.warc.gz", place.store, Order(spool=place.spool))
    assert place.page() == b"<h1>Theirs</h1>"


def test_a_warc_of_the_archive_itself_is_not_imported_into_it(place: Place) -> None:
    place.take(written())
    with pytest.raises(CallerError, match="of this archive already"):
        bring(next(place.store.keys("warc/")), place.store, Order(spool=place.spool))


@pytest.mark.parametrize("name", ["nowhere.warc.gz", "ftp://paper.example/x", "/nowhere", "../nowhere"])
def test_a_name_that_means_nothing_is_the_callers_mistake(place: Place, name: str) -> None:
    with pytest.raises(CallerError, match="neither a file nor a URL nor a key"):
        bring(name, place.store, Order(spool=place.spool))


def test_an_object_in_s3_is_imported_into_an_archive_in_s3(
    s3: dict[str, str], morgue: Callable[..., Ran], tmp_path: Path
) -> None:
    from archive.s3 import S3Store

    prefix = f"imports-{os.urandom(4).hex()}"
    S3Store(bucket="morgue", prefix=prefix).put("incoming/theirs.warc.gz", written())
    there = {"MORGUE_ARCHIVE": f"s3://morgue/{prefix}/archive"}
    done = morgue("import", f"s3://morgue/{prefix}/incoming/theirs.warc.gz", "--json", **there)
    assert done.code == 0, done.err
    assert done.json["action"] == "imported"
    assert morgue("get", URL, **there).out == "<h1>Theirs</h1>"


def test_the_command_imports_and_the_others_find_it(morgue: Callable[..., Ran], place: Place) -> None:
    page = (
        b"<html><head><title>T</title><script type='application/ld+json'>"
        + json.dumps(
            {"@type": "NewsArticle", "headline": "Harbour opens", "datePublished": "2024-10-18"}
        ).encode()
        + b"</script></head><body><h1>Harbour opens</h1><p>"
        + b"Ships came in. " * 40
        + b"</p></body></html>"
    )
    name = place.file(written((URL, page)))
    done = morgue("import", name)
    assert done.code == 0, done.err
    assert "3 records, 1 captures" in done.out
    assert morgue("captures", URL, "--json").json["status"] == 200
    assert morgue("extract").code == 0
    assert morgue("articles", "--json").json["headline"] == "Harbour opens"
    assert morgue("verify").code == 0


def test_the_command_goes_on_behind_a_damaged_file_and_ends_with_5(
    morgue: Callable[..., Ran], place: Place
) -> None:
    bad = place.file(written()[:-9], "bad.warc.gz")
    good = place.file(written(), "good.warc.gz")
    done = morgue("import", bad, good)
    assert done.code == 5
    assert "bad.warc.gz is damaged at" in done.err
    assert "1 of 2 could not be imported" in done.err
    assert "imported" in done.out


def test_the_room_and_the_replay_show_what_was_imported(place: Place) -> None:
    done = place.take(written(), note="from a friend")
    room = a_room(place.store)
    assert "paper.example" in room.get("/").text
    assert "from a friend" in room.get(f"/runs/{done.run}").text
    assert a_replay(place.store).get(f"/raw/20241018id_/{URL}").text == "<h1>Theirs</h1>"


@given(st.binary(max_size=400))
def test_any_bytes_have_a_form_or_a_refusal(data: bytes) -> None:
    path = Path(os.environ["MORGUE_ARCHIVE"]).parent / "any"
    path.write_bytes(data)
    with suppress(CallerError, DamagedWarc):
        assert form_of(path) in ("plain", "members", "whole", "zip")


@given(st.integers(0, 2000), st.integers(1, 60), st.booleans())
def test_whatever_is_overwritten_all_records_that_it_does_not_touch_are_found(
    start: int, length: int, gz: bool
) -> None:
    parts = PARTS if gz else [gzip.decompress(p) for p in PARTS]
    data = b"".join(parts)
    start = 4 + start % (len(data) - 4)  # what a file is, its first bytes say
    harmed = data[:start] + b"\x01" * length + data[start + length :]
    found = list(whole_records(io.BytesIO(harmed), fit=lambda _: True, lost=lambda *_: None))
    offset = 0
    for part in parts:
        touched = offset < start + length and start < offset + len(part)
        if not touched and not (not gz and offset - 4 < start + length and start < offset):
            assert any(r.offset == offset and r.block for r in found), offset
        offset += len(part)


PARTS = members_of(three())
