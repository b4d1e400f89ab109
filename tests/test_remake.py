"""The index made anew from the WARCs alone."""

import gzip
import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from archive.cdxj import line_of
from archive.cli import group
from archive.errors import DamagedWarc, NotStored
from archive.index import Index, merge, read_head
from archive.process import write_missing_columns
from archive.remake import Relisted, remake_columns, remake_index, unnamed
from archive.runs import all_runs
from archive.store import Store, open_store, opened
from archive.warc.reader import members
from archive.warc.swift import swift_members
from tests.test_index import add_run

URL = "http://paper.example/a"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    add_run(tmp_path, 0, URL, "http://paper.example/b")
    return add_run(tmp_path, 1, URL)


def remade(store: Store) -> list[Relisted]:
    found: list[Relisted] = []
    remake_index(store, progress=found.append)
    return found


def path_of(tmp_path: Path, store: Store, what: str, run: int = 0) -> Path:
    return tmp_path / "archive" / getattr(list(all_runs(store))[run].warcs[0], what)


def test_the_index_is_the_same_when_it_is_made_anew(store: Store) -> None:
    before = [line_of(c) for c in Index(store).all()]
    assert {each.found for each in remade(store)} == {"same"}
    assert [line_of(c) for c in Index(store).all()] == before
    assert len(read_head(store).segments) == 1


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> int:
    """Two processes, however small the archive."""
    monkeypatch.setattr("archive.remake.EACH", 1)
    return 2


def test_several_processes_make_the_same_index(store: Store, two: int) -> None:
    before = [line_of(c) for c in Index(store).all()]
    found: list[Relisted] = []
    remake_index(store, progress=found.append, jobs=two)
    assert [each.found for each in found] == ["same", "same"]
    assert [line_of(c) for c in Index(store).all()] == before


def test_damage_that_another_process_meets_is_told(store: Store, tmp_path: Path, two: int) -> None:
    path = path_of(tmp_path, store, "key")
    path.write_bytes(path.read_bytes()[:-20])
    found: list[Relisted] = []
    remake_index(store, progress=found.append, jobs=two)
    assert [each.found for each in found] == ["damaged", "same"]


def test_a_missing_cdxj_is_made_as_it_was(store: Store, tmp_path: Path) -> None:
    path = path_of(tmp_path, store, "cdxj")
    before = path.read_bytes()
    path.unlink()
    assert [each.found for each in remade(store)] == ["made", "same"]
    assert path.read_bytes() == before


def test_all_that_is_derived_is_made_from_the_warcs_and_manifests_alone(store: Store, tmp_path: Path) -> None:
    merge(store)
    write_missing_columns(store)
    folder = tmp_path / "archive"
    parquet = {path: path.read_bytes() for path in folder.glob("captures/**/*.parquet")}
    before = [line_of(c) for c in Index(store).all()]
    for name in ("cdxj", "index", "captures"):
        shutil.rmtree(folder / name)
    done = CliRunner().invoke(group, ["rebuild", "--index", "--archive", str(folder)])
    assert (done.exit_code, "2 runs written as Parquet" in done.output) == (0, True)
    assert [line_of(c) for c in Index(open_store(str(folder))).all()] == before
    assert {path: path.read_bytes() for path in folder.glob("captures/**/*.parquet")} == parquet
    assert len(parquet) == 2


def test_of_a_run_whose_index_is_lost_for_good_nothing_is_written(store: Store, tmp_path: Path) -> None:
    path_of(tmp_path, store, "cdxj").unlink()
    warc = path_of(tmp_path, store, "key")
    warc.write_bytes(warc.read_bytes()[:-20])
    remake_index(store)
    assert remake_columns(store) == 1


def test_where_a_cdxj_is_wrong_the_index_follows_the_warc(store: Store, tmp_path: Path) -> None:
    before = [line_of(c) for c in Index(store).all()]
    path = path_of(tmp_path, store, "cdxj")
    path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n")
    assert [each.found for each in remade(store)] == ["differs", "same"]
    assert [line_of(c) for c in Index(store).all()] == before


def test_what_a_damaged_warc_held_stays_findable(store: Store, tmp_path: Path) -> None:
    before = [line_of(c) for c in Index(store).all()]
    path = path_of(tmp_path, store, "key")
    path.write_bytes(path.read_bytes()[:-30])
    assert [each.found for each in remade(store)] == ["damaged", "same"]
    assert [line_of(c) for c in Index(store).all()] == before


def test_the_command_fails_where_a_warc_is_damaged(store: Store, tmp_path: Path) -> None:
    path = path_of(tmp_path, store, "key")
    path.write_bytes(path.read_bytes()[:-30])
    command = [sys.executable, "-m", "archive", "rebuild", "--index", "--archive", str(tmp_path / "archive")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert "1 WARCs damaged" in done.stdout


def test_a_run_folded_before_the_index_is_made_anew_is_found_once(store: Store, tmp_path: Path) -> None:
    merge(store)
    remake_index(store)
    add_run(tmp_path, 2, URL)
    merge(store)
    assert len(Index(store).captures(URL)) == 3


def test_warcs_that_no_manifest_names_are_told(store: Store, tmp_path: Path) -> None:
    path = path_of(tmp_path, store, "key")
    other = path.with_name("other.warc.gz")
    other.write_bytes(path.read_bytes())
    assert unnamed(store) == [str(other.relative_to(tmp_path / "archive"))]


def test_an_empty_archive_has_an_empty_index(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "archive"))
    assert remake_index(store).segments == ()
    assert Index(store).all() == []


@given(st.binary(max_size=300), st.integers(1, 40), st.integers(0, 2), st.integers(-60, 360))
def test_an_object_reads_like_a_file(data: bytes, buffer: int, whence: int, offset: int) -> None:
    store = open_memory(data)
    file, like = opened(store, "k", buffer=buffer), io.BytesIO(data)
    at = max(0, offset + (0, 7, len(data))[whence])
    assert (file.read(7), like.read(7)) == (data[:7], data[:7])
    file.seek(at)
    like.seek(at)
    assert file.read() == like.read()


def test_an_object_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(NotStored):
        opened(open_store(str(tmp_path)), "warc/none")


def gzipped(pieces: list[bytes], level: int) -> bytes:
    return b"".join(gzip.compress(piece, level, mtime=0) for piece in pieces)


# What looks like the head of a member may stand anywhere in one that is stored and not deflated.
PIECES = st.lists(
    st.one_of(st.binary(max_size=400), st.just(gzip.compress(b"within", mtime=0) * 3)), min_size=1, max_size=8
)


@given(PIECES, st.integers(0, 9))
def test_members_are_walked_fast_as_they_are_walked_slowly(pieces: list[bytes], level: int) -> None:
    data = gzipped(pieces, level)
    assert list(swift_members(io.BytesIO(data))) == list(members(io.BytesIO(data)))


@given(PIECES, st.integers(1, 17))
def test_a_torn_member_is_damage_when_walked_fast(pieces: list[bytes], cut: int) -> None:
    data = gzipped(pieces, 6)[:-cut]
    with pytest.raises(DamagedWarc):
        list(swift_members(io.BytesIO(data)))


class _Memory:
    """One object in memory, as a store."""

    url = "memory"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        return self.data[start : None if length is None else start + length]

    def size(self, key: str) -> int | None:
        return len(self.data)


def open_memory(data: bytes) -> Store:
    return _Memory(data)  # type: ignore[return-value]
