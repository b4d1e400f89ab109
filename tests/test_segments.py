"""Segments: what is found by blocks is what stands in the list."""

import gzip
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import DamagedWarc
from archive.segments import (
    Cache,
    Caches,
    Filter,
    Plain,
    Segment,
    between,
    first_at,
    sorted_lines,
    write_segment,
)
from archive.store import FolderStore

# Few letters, so that keys are prefixes of each other and equal keys span blocks.
KEYS = st.text("ab)/ ,", min_size=1, max_size=5).filter(lambda key: key.strip() == key)
LINES = st.builds(
    lambda key, stamp, rest: f"{key} {stamp} {rest}".encode(),
    KEYS,
    st.integers(min_value=2000, max_value=2005),
    st.text("xyé{}", max_size=3),
)
ANY = st.one_of(KEYS.map(str.encode), LINES, st.sampled_from([b"", b"\xff"]))


class Counting(FolderStore):
    """A folder that remembers what was read of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: list[tuple[str, int, int | None]] = []

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        self.reads.append((key, start, length))
        return super().read(key, start, length)


def a_segment(store: FolderStore, lines: list[bytes], size: int = 3, **caches: int) -> Segment:
    made = write_segment(store, lines, size=size)
    assert made["lines"] == len(lines)
    return Segment(store, made, Caches(**caches))


def numbered(count: int) -> list[bytes]:
    return [b"example,paper)/%05d 20261120060000 {}" % n for n in range(count)]


@settings(max_examples=150)
@given(st.lists(LINES, unique=True).map(sorted), ANY, ANY, st.integers(min_value=1, max_value=4))
def test_blocks_find_what_the_plain_list_holds(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], start: bytes, end: bytes, size: int
) -> None:
    segment = a_segment(FolderStore(tmp_path_factory.mktemp("blocks")), lines, size)
    wanted = [line for line in lines if start <= line < end]
    assert list(segment.lines(start, end)) == wanted
    assert list(segment.lines(start, end, reverse=True)) == wanted[::-1]
    assert list(segment.scan()) == lines


@given(st.lists(LINES).map(sorted), ANY)
def test_a_binary_search_finds_the_first_line_that_is_not_less(lines: list[bytes], wanted: bytes) -> None:
    data = b"".join(line + b"\n" for line in lines)
    before = [line for line in lines if line < wanted]
    assert first_at(data, wanted) == sum(len(line) + 1 for line in before)


@given(st.lists(LINES))
def test_lines_are_sorted_by_their_bytes(lines: list[bytes]) -> None:
    data = sorted_lines(b"\n".join(lines))
    assert data.split(b"\n")[:-1] == sorted(lines)
    assert between(data, b"", b"\xff") == sorted(lines)


@given(st.lists(LINES, unique=True, min_size=1).map(sorted), st.integers(min_value=1, max_value=4))
def test_a_secondary_index_says_where_each_block_lies(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int
) -> None:
    store = FolderStore(tmp_path_factory.mktemp("zipnum"))
    made = write_segment(store, lines, size=size)
    data, found = store.read(made["key"]), []
    for number, row in enumerate(store.read(made["blocks"]).decode().splitlines(), 1):
        first, shard, offset, length, count = row.split("\t")
        block = gzip.decompress(data[int(offset) : int(offset) + int(length)]).split(b"\n")[:-1]
        assert block[0].startswith(first.encode() + b" ")
        assert (f"index/{shard}", int(count)) == (made["key"], number)
        found += block
    assert found == lines
    shard = made["key"].removeprefix("index/")
    assert store.read(made["blocks"].replace(".idx", ".loc")).decode() == f"{shard}\t{shard}\n"


def test_a_look_up_reads_one_block_of_a_large_segment(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    segment = a_segment(store, numbered(9000), 100)
    store.reads.clear()
    for number in (17, 8017):
        key = b"example,paper)/%05d" % number
        assert len(list(segment.lines(key + b" ", key + b"!"))) == 1
    blocks, *ranges = store.reads
    assert blocks[0].endswith(".idx")
    assert len(ranges) == 2
    assert all(length and length < store.size(segment.key) / 50 for _, _, length in ranges)


def test_a_block_that_was_read_is_not_read_again(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    segment = a_segment(store, numbered(900), 100)
    for _ in range(3):
        assert len(list(segment.lines(b"example,paper)/00300", b"example,paper)/00303"))) == 3
    # The list of blocks once, and with the block the one before, whose last lines might be of the range.
    assert len(store.reads) == 2


def test_a_long_scan_reads_several_blocks_at_once(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    segment = a_segment(store, numbered(6400), 100)
    for reverse in (False, True):
        store.reads.clear()
        fresh = Segment(store, {"key": segment.key, "blocks": segment.key.replace(".cdxj.gz", ".idx")})
        assert len(list(fresh.lines(b"", b"\xff", reverse=reverse))) == 6400
        assert len(store.reads) < 15


def test_what_is_kept_of_blocks_has_a_bound(tmp_path: Path) -> None:
    caches: dict[str, int] = {"stored": 2000, "inflated": 20_000}
    segment = a_segment(FolderStore(tmp_path), numbered(9000), 100, **caches)
    assert len(list(segment.lines(b"", b"\xff"))) == 9000
    assert 0 < segment._caches.stored.weight <= 2000
    assert 0 < segment._caches.inflated.weight <= 20_000


def test_a_value_heavier_than_the_bound_is_given_and_not_kept() -> None:
    cache: Cache[bytes] = Cache(10, len)
    assert cache.get("a", lambda: b"x" * 11) == b"x" * 11
    assert cache.weight == 0


def test_the_value_used_longest_ago_goes_first() -> None:
    cache: Cache[bytes] = Cache(10, len)
    for name in ("a", "b", "a", "c"):
        cache.get(name, lambda: b"12345")
    loads: list[Any] = []
    cache.get("a", lambda: loads.append("a") or b"12345")
    cache.get("b", lambda: loads.append("b") or b"12345")
    assert loads == ["b"]


def test_the_same_lines_are_the_same_segment(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    assert write_segment(store, numbered(10)) == write_segment(store, numbered(10))


@pytest.mark.parametrize(
    "spoil",
    [lambda d: d[:-9], lambda d: d[:40] + b"\0\0\0" + d[43:], lambda d: b""],
    ids=["torn", "changed", "empty"],
)
def test_a_damaged_block_is_said_to_be_damaged(tmp_path: Path, spoil: Any) -> None:
    store = FolderStore(tmp_path)
    segment = a_segment(store, numbered(100), 200)
    path = tmp_path / segment.key
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DamagedWarc, match="rebuild --index"):
        list(segment.lines(b"", b"\xff"))


def test_a_damaged_list_of_blocks_is_said_to_be_damaged(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    segment = a_segment(store, numbered(10))
    (tmp_path / segment.key.replace(".cdxj.gz", ".idx")).write_bytes(b"nothing\n")
    with pytest.raises(DamagedWarc, match="rebuild --index"):
        list(segment.lines(b"", b"\xff"))


def test_a_plain_layer_is_read_once(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    store.put("cdxj/a.cdxj", b"b 2 {}\na 1 {}\n")
    layer = Plain(store, "cdxj/a.cdxj", Caches())
    for _ in range(2):
        assert list(layer.lines(b"a", b"z")) == [b"a 1 {}", b"b 2 {}"]
    assert len(store.reads) == 1


@given(st.sets(st.binary(max_size=8)), st.integers(min_value=0, max_value=300))
def test_a_filter_never_denies_a_key_that_it_was_told(keys: set[bytes], size: int) -> None:
    made = Filter.sized(size)
    assert made is not None
    for key in keys:
        made.add(key)
    with tempfile.TemporaryDirectory() as folder:
        made.write(Path(folder) / "keys")
        stored = Filter.read((Path(folder) / "keys").read_bytes())
    assert all(key in stored for key in keys)


def test_a_filter_denies_nearly_every_other_key() -> None:
    made = Filter.sized(20_000)
    assert made is not None
    for number in range(20_000):
        made.add(b"example,paper)/%d" % number)
    assert sum(b"example,other)/%d" % n in made for n in range(20_000)) < 1000


def test_a_segment_too_large_for_a_filter_has_none() -> None:
    assert Filter.sized(100_000_000) is None


def test_a_segment_knows_keys_that_it_does_not_hold_without_reading_blocks(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    made = write_segment(store, numbered(900), size=100, expected=1000)
    segment = Segment(store, made)
    held = [segment.may_hold(b"example,paper)/%05d" % n) for n in range(2000)]
    assert all(held[:900])
    assert sum(held[900:]) < 150
    assert {key for key, _, _ in store.reads} == {made["keys"]}
