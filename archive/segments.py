"""Segments: many sorted CDXJ lines in one object, in blocks, with a list of blocks to search in.

The form is ZipNum, as pywb reads it: blocks of 1000 lines, each a gzip member, one behind the other; beside
it a secondary index with a line for each block, and the .loc file that tells pywb where the blocks are.

    index/segment-<digest>.cdxj.gz   the blocks index/segment-<digest>.idx       key timestamp TAB name of the
    blocks TAB offset TAB length TAB number index/segment-<digest>.loc       name of the blocks TAB where they
    are: beside index/segment-<digest>.keys      which keys the segment may hold: most segments need not be
    asked for a URL

Rules: the list of blocks is read once and kept; a look-up is a binary search in it and one ranged read of the
block that must hold the line. Lines are bytes without a line end, in the order of their bytes (as `sort` has
it with LC_ALL=C). Reading and writing are streams: one block of each segment is in memory.
"""

import hashlib
import itertools
import sys
import tempfile
import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import deflate

from archive.errors import DamagedWarc
from archive.store import Store

LINES = 1000  # of a block: to inflate one is most of a look-up; the field takes 3000, at .4 % less room
LEVEL = 3
AHEAD = 8  # blocks that one read of a long scan brings, at most
KEY_BITS = 12  # of the filter, for each key: one look-up in thirty is in vain
MOST_WORDS = 2 << 20  # of 64 bits: 16 MiB, and no filter for the few segments that would need more
REMADE = "`morgue rebuild --index` makes the index anew"

T = TypeVar("T")


class Cache(Generic[T]):
    """The values used last, up to a weight in bytes; may be used by several threads at once."""

    def __init__(self, limit: int, weigh: Callable[[T], int]) -> None:
        self.limit = limit
        self.weight = 0
        self._weigh = weigh
        self._kept: OrderedDict[object, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object, load: Callable[[], T]) -> T:
        """The value of `key`, loaded where it is not kept; what alone passes the limit is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = load()
        with self._lock:
            if key not in self._kept and self._weigh(value) <= self.limit:
                self._kept[key] = value
                self.weight += self._weigh(value)
            while self.weight > self.limit:
                self.weight -= self._weigh(self._kept.popitem(last=False)[1])
        return value


class Filter:
    """Which keys a segment may hold: no for certain, yes most likely (a Bloom filter in words of 64 bits).

    A key sets four bits of one word, all chosen by its BLAKE2b digest: a look at one word answers.
    """

    def __init__(self, words: "array[int]") -> None:
        self.words = words

    @classmethod
    def sized(cls, keys: int) -> "Filter | None":
        """An empty filter for so many keys; None where it would be too large."""
        count = keys * KEY_BITS // 64 + 1
        return cls(array("Q", [0]) * count) if count <= MOST_WORDS else None

    @classmethod
    def read(cls, data: bytes) -> "Filter":
        """A stored filter (words in little-endian order)."""
        words = array("Q", data[: len(data) // 8 * 8])
        if sys.byteorder == "big":
            words.byteswap()
        return cls(words)

    def write(self, path: Path) -> None:
        """Write a file with the bytes that `read` takes; no copy of them is made."""
        words = self.words
        if sys.byteorder == "big":
            words = array("Q", words)
            words.byteswap()
        with path.open("wb") as file:
            words.tofile(file)

    def add(self, key: bytes) -> None:
        """Remember a key."""
        place, bits = self._bits(key)
        self.words[place] |= bits

    def __contains__(self, key: bytes) -> bool:
        place, bits = self._bits(key)
        return self.words[place] & bits == bits

    def _bits(self, key: bytes) -> tuple[int, int]:
        found = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
        bits = 1 << (found & 63) | 1 << (found >> 6 & 63) | 1 << (found >> 12 & 63) | 1 << (found >> 18 & 63)
        return (found >> 24) % len(self.words), bits


class Layer(Protocol):
    """Sorted lines of the index, wherever they lie."""

    def may_hold(self, key: bytes) -> bool:
        """Whether lines of this key may be here; False is certain."""

    def lines(self, start: bytes, end: bytes, *, reverse: bool = False) -> Iterator[bytes]:
        """Lines from `start` on, before `end`, in order."""

    def edges(self, start: bytes, end: bytes) -> list[bytes]:
        """Where blocks begin between the two: `key timestamp`."""


class Caches:
    """What look-ups keep in memory, in bytes: blocks as stored, blocks inflated, CDXJ of runs not merged."""

    def __init__(self, *, stored: int = 64 << 20, inflated: int = 32 << 20, young: int = 128 << 20) -> None:
        self.stored: Cache[bytes] = Cache(stored, len)
        self.inflated: Cache[bytes] = Cache(inflated, len)
        self.young: Cache[bytes] = Cache(young, len)


def sorted_lines(data: bytes) -> bytes:
    """The lines of a CDXJ, sorted, each with its line end."""
    found = [line for line in data.split(b"\n") if line]
    found.sort()
    return b"".join(line + b"\n" for line in found)


def first_at(data: bytes, wanted: bytes) -> int:
    """Where the first line that is not less than `wanted` begins in sorted lines; their end where none is."""
    low, high = 0, len(data)
    while low < high:
        begin = data.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = data.find(b"\n", begin)
        end = len(data) if end < 0 else end
        if data[begin:end] < wanted:
            low = end + 1
        else:
            high = begin
    return min(low, len(data))


def between(data: bytes, start: bytes, end: bytes) -> list[bytes]:
    """Those of sorted lines that are not less than `start` and less than `end`."""
    return data[first_at(data, start) : first_at(data, end)].split(b"\n")[:-1]


class Plain:
    """A layer that is one CDXJ object: a run not merged yet, or a segment of an older version."""

    def __init__(self, store: Store, key: str, caches: Caches) -> None:
        self.key = key
        self._store = store
        self._caches = caches

    def _data(self) -> bytes:
        return self._caches.young.get(self.key, lambda: sorted_lines(self._store.read(self.key)))

    def may_hold(self, key: bytes) -> bool:  # noqa: ARG002 - to look is as cheap
        """It may always."""
        return True

    def lines(self, start: bytes, end: bytes, *, reverse: bool = False) -> Iterator[bytes]:
        """Lines from `start` on, before `end`, in order."""
        found = between(self._data(), start, end)
        yield from reversed(found) if reverse else found

    def edges(self, start: bytes, end: bytes) -> list[bytes]:  # noqa: ARG002 - it has no blocks
        """None: there are no blocks."""
        return []


class Segment:
    """A layer in blocks, as a head names it; its list of blocks is read when it is first needed, and kept."""

    def __init__(self, store: Store, said: Mapping[str, Any], caches: Caches | None = None) -> None:
        self.key: str = said["key"]
        self._store = store
        self._blocks: str = said["blocks"]
        self._keys: str = said.get("keys", "")
        self._filter: Filter | None = None
        self._caches = caches or Caches()
        self._listed: tuple[list[bytes], list[int], list[int]] | None = None

    def _list(self) -> tuple[list[bytes], list[int], list[int]]:
        if self._listed is None:
            self._listed = read_blocks(self._store.read(self._blocks), self._blocks)
        return self._listed

    def may_hold(self, key: bytes) -> bool:
        """Whether lines of this key may be here; False is certain."""
        if not self._keys:
            return True
        if self._filter is None:
            self._filter = Filter.read(self._store.read(self._keys))
        return key in self._filter

    def _span(self, start: bytes, end: bytes) -> range:
        """Numbers of the blocks that may hold lines between the two."""
        firsts = self._list()[0]
        return range(max(bisect_left(firsts, start) - 1, 0), bisect_left(firsts, end))

    def edges(self, start: bytes, end: bytes) -> list[bytes]:
        """Where a block begins behind another, between the two: `key timestamp`."""
        firsts = self._list()[0]
        return firsts[max(bisect_left(firsts, start), 1) : bisect_left(firsts, end)]

    def lines(self, start: bytes, end: bytes, *, reverse: bool = False) -> Iterator[bytes]:
        """Lines from `start` on, before `end`, in order; a long scan reads several blocks at once."""
        span = self._span(start, end)
        numbers = reversed(span) if reverse else iter(span)
        ahead = 2 if len(span) == 2 else 1  # a URL at the seam of two blocks costs one read as well
        while some := list(itertools.islice(numbers, ahead)):
            for number in some:
                found = between(self._block(number, some), start, end)
                yield from reversed(found) if reverse else found
            ahead = min(2 * ahead, AHEAD)

    def _block(self, number: int, some: list[int]) -> bytes:
        def load() -> bytes:
            stored = self._caches.stored.get((self.key, number), lambda: self._read(number, some))
            return _inflated(stored, self.key, self._list()[1][number])

        return self._caches.inflated.get((self.key, number), load)

    def _read(self, number: int, some: list[int]) -> bytes:
        """One block as stored; the others of `some`, its neighbours, come with it and are kept."""
        _, offsets, lengths = self._list()
        low, high = min(some), max(some)
        begin = offsets[low]
        data = self._store.read(self.key, begin, offsets[high] + lengths[high] - begin)
        parts = {n: data[offsets[n] - begin : offsets[n] - begin + lengths[n]] for n in some}
        for other in some:
            if other != number:
                self._caches.stored.get((self.key, other), partial(parts.__getitem__, other))
        return parts[number]

    def scan(self) -> Iterator[bytes]:
        """All lines, past the caches: for merging."""
        firsts, offsets, lengths = self._list()
        for low in range(0, len(firsts), AHEAD):
            high = min(low + AHEAD, len(firsts)) - 1
            data = self._store.read(self.key, offsets[low], offsets[high] + lengths[high] - offsets[low])
            for n in range(low, high + 1):
                at = offsets[n] - offsets[low]
                yield from _inflated(data[at : at + lengths[n]], self.key, offsets[n]).split(b"\n")[:-1]


def read_blocks(data: bytes, key: str) -> tuple[list[bytes], list[int], list[int]]:
    """First keys, offsets and lengths of all blocks, from a secondary index; raise DamagedWarc."""
    rows = [line.rsplit(b"\t", 4) for line in data.split(b"\n") if line]
    try:
        return [row[0] for row in rows], [int(row[2]) for row in rows], [int(row[3]) for row in rows]
    except (ValueError, IndexError) as error:
        raise DamagedWarc(f"{key} is no list of blocks ({error}); {REMADE}") from error


def _inflated(data: bytes, key: str, offset: int) -> bytes:
    try:
        return bytes(deflate.gzip_decompress(data))
    except (deflate.DeflateError, ValueError, MemoryError) as error:
        raise DamagedWarc(
            f"{key} at {offset}: no whole block of the index; {REMADE}", offset=offset
        ) from error


def write_segment(
    store: Store, lines: Iterable[bytes], *, size: int = LINES, expected: int = 0
) -> dict[str, Any]:
    """Write sorted lines as a segment; how a head names it: {"key", "blocks", "lines", "keys"}.

    The name is a digest of the blocks, so that the same lines are the same segment. `size` counts the lines
    of a block; `expected` is how many lines there are at most, for the filter of keys (0: none is made).
    """
    keys, named = Filter.sized(expected) if expected else None, {}
    with tempfile.TemporaryDirectory(prefix="morgue-index-") as folder:
        path = Path(folder) / "segment"
        listed, count = _write_blocks(path, _noted(lines, keys) if keys else iter(lines), size)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        name = f"segment-{digest[:32]}"
        store.put_file(f"index/{name}.cdxj.gz", path, digest)
        if keys:
            named["keys"] = _put_keys(store, keys, f"index/{name}", path)
    rows = [
        b"%s\t%s.cdxj.gz\t%d\t%d\t%d\n" % (first, name.encode(), offset, length, number)
        for number, (first, offset, length) in enumerate(listed, 1)
    ]
    made: dict[str, Any] = {"key": f"index/{name}.cdxj.gz", "blocks": f"index/{name}.idx", "lines": count}
    store.put(f"index/{name}.idx", b"".join(rows))
    store.put(f"index/{name}.loc", f"{name}.cdxj.gz\t{name}.cdxj.gz\n".encode())
    return made | named


def _put_keys(store: Store, keys: Filter, name: str, path: Path) -> str:
    """Store a filter, from a file: a copy of it in memory would be the most that merging has there."""
    keys.write(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # Its size follows what was expected, so that the same blocks may have another filter.
    store.put_file(f"{name}-{size:x}.keys", path, digest)
    return f"{name}-{size:x}.keys"


def _noted(lines: Iterable[bytes], keys: Filter) -> Iterator[bytes]:
    last = b""
    for line in lines:
        key = line[: line.find(b" ")]
        if key != last:
            keys.add(key)
            last = key
        yield line


def _write_blocks(path: Path, lines: Iterator[bytes], size: int) -> tuple[list[tuple[bytes, int, int]], int]:
    listed, count, offset = [], 0, 0
    with path.open("wb") as out:
        while block := list(itertools.islice(lines, size)):
            data = bytes(deflate.gzip_compress(b"\n".join(block) + b"\n", LEVEL))
            out.write(data)
            listed.append((b" ".join(block[0].split(b" ", 2)[:2]), offset, len(data)))
            offset += len(data)
            count += len(block)
    return listed, count
