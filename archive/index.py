"""The index: which captures there are of a URL.

A run is findable as soon as its manifest is published: its CDXJ files are the index's youngest layer. `merge`
folds runs into larger sorted segments (`archive.segments`), each at least four times its younger neighbour,
so that old captures stay cheap to find. Heads are numbered and write-once; the highest number holds. All of
it can be rebuilt from the CDXJ files, and those from the WARCs.

    index/head-00000007.json         {"segments": [{"key", "blocks", "keys", "lines"}], "runs": [...]}
    index/segment-<digest>.cdxj.gz   sorted CDXJ lines in blocks; .idx: where each begins; .keys: which URLs

Segments without blocks (.cdxj), as older versions made them, are read until the next merge makes them anew.
"""

import heapq
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from archive.cdxj import capture_of, surt_of
from archive.errors import NotCaptured, StoreConflict
from archive.model import Capture
from archive.runs import read_run, run_keys
from archive.segments import Cache, Caches, Layer, Plain, Segment, sorted_lines, write_segment
from archive.store import Store

READERS = 8
GROWTH = 4  # twice would cost as much merging, and twice the segments to look into
SORTED = 32 << 20  # bytes of lines that are sorted in memory at once
LAST = b"\xff"  # behind every line: no UTF-8 begins with it
WEIGHT = 800  # bytes of memory that a capture takes, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the merged part of the index covers."""

    number: int = 0
    segments: tuple[dict[str, Any], ...] = ()
    runs: frozenset[str] = frozenset()


@dataclass(slots=True)
class Index:
    """Look-ups over one archive; may be used by several threads at once.

    Layers are write-once, so what is read of them is kept, within bounds; new runs are looked for when the
    list of layers is older than `patience` seconds. What is `hidden` is as if it were not there, except to
    `known`.
    """

    store: Store
    patience: float = 0.5
    hidden: Callable[[Capture], bool] | None = None
    caches: Caches = field(default_factory=Caches)
    _listed: tuple[float, tuple[Layer, ...]] = (0.0, ())
    _head: Head = field(default_factory=Head)
    _layers: dict[str, Layer] = field(default_factory=dict)
    _runs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _found: Cache[list[Capture]] = field(
        default_factory=lambda: Cache(16 << 20, lambda c: WEIGHT * len(c) + WEIGHT)
    )

    def captures(self, url: str) -> list[Capture]:
        """Captures of exactly this URL (by SURT) that are not hidden, oldest first."""
        found = self.known(url)
        return [c for c in found if not self.hidden(c)] if self.hidden else found

    def known(self, url: str) -> list[Capture]:
        """The same with those that are hidden: a revisit may rest upon one."""
        key = surt_of(url)
        layers = self.layers()

        def load() -> list[Capture]:
            lines = merged(layers, f"{key} ".encode(), f"{key}!".encode())
            found = (capture_of(line.decode()) for line in lines)
            return sorted(found, key=lambda c: (c.at, c.location.offset))

        return list(self._found.get((key, layers), load))

    def closest(self, url: str, at: datetime | None = None) -> Capture:
        """The capture nearest to `at` (the latest where None); raise NotCaptured."""
        found = self.captures(url)
        if not found:
            raise NotCaptured(f"nothing was captured of {url}")
        wanted = at or datetime.max.replace(tzinfo=UTC)
        return min(found, key=lambda c: (abs(wanted - c.at), -c.location.offset))

    def all(self) -> list[Capture]:
        """Every capture, in index order; for small archives and exports."""
        return [capture_of(line.decode()) for line in self.lines(b"", LAST)]

    def lines(self, start: bytes, end: bytes, *, reverse: bool = False) -> Iterator[bytes]:
        """CDXJ lines from `start` on, before `end`, each once, as a stream in index order."""
        found = merged(self.layers(), start, end, reverse=reverse)
        hidden = self.hidden
        return (line for line in found if not hidden(capture_of(line.decode()))) if hidden else found

    def edges(self, start: bytes, end: bytes) -> list[bytes]:
        """Where blocks of segments begin between the two, sorted: where a long answer can be cut."""
        return sorted({edge for layer in self.layers() for edge in layer.edges(start, end)})

    def layers(self) -> tuple[Layer, ...]:
        """All layers, as of `patience` seconds ago at most; the same tuple where nothing changed."""
        when, layers = self._listed
        return layers if when and time.monotonic() - when <= self.patience else self.renew()

    def renew(self) -> tuple[Layer, ...]:
        """All layers as of now, which count for the next `patience` seconds."""
        now, layers = time.monotonic(), self._listed[1]
        found = self._list()
        layers = layers if found == layers else found
        self._listed = (now, layers)
        return layers

    def _list(self) -> tuple[Layer, ...]:
        # Runs first: what is merged meanwhile is then found twice, and not missed.
        runs = run_keys(self.store)
        head = self._head = newer_head(self.store, self._head)
        made = dict(self._layers)
        layers = {s["key"]: made.get(s["key"]) or self._segment(s) for s in head.segments}
        for key in (key for run in runs if run not in head.runs for key in self._cdxjs(run)):
            layers[key] = made.get(key) or Plain(self.store, key, self.caches)
        self._layers = layers
        return tuple(layers.values())

    def _segment(self, said: dict[str, Any]) -> Layer:
        return layer_of(self.store, said, self.caches)

    def _cdxjs(self, manifest: str) -> tuple[str, ...]:
        if manifest not in self._runs:
            self._runs[manifest] = tuple(w.cdxj for w in read_run(self.store, manifest).warcs)
        return self._runs[manifest]


def merged(layers: Iterable[Layer], start: bytes, end: bytes, *, reverse: bool = False) -> Iterator[bytes]:
    """The lines of all layers between the two, each once, in order."""
    key = start.partition(b" ")[0]
    if b" " in start and end.startswith((key + b" ", key + b"!")):  # one URL is asked for
        layers = [layer for layer in layers if layer.may_hold(key)]
    found = [layer.lines(start, end, reverse=reverse) for layer in layers]
    return once(heapq.merge(*found, reverse=reverse))


def once(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Sorted lines, each once."""
    last = None
    for line in lines:
        if line != last:
            yield line
        last = line


def layer_of(store: Store, said: dict[str, Any], caches: Caches) -> Layer:
    """The layer of a segment, as a head names it."""
    if "blocks" in said:
        return Segment(store, said, caches)
    return Plain(store, said["key"], caches)


def read_lines(store: Store, key: str) -> list[str]:
    """The lines of a CDXJ object, sorted."""
    return sorted(line for line in store.read(key).decode("utf-8").split("\n") if line)


def read_head(store: Store) -> Head:
    """The newest head of the merged index."""
    keys = list(store.keys("index/head-"))
    return _read_head(store, keys[-1]) if keys else Head()


def newer_head(store: Store, known: Head) -> Head:
    """The newest head, where `known` was it a while ago: heads count up, so that none need be listed."""
    if not known.number:
        return read_head(store)
    number = known.number
    while store.size(_head_key(number + 1)) is not None:
        number += 1
    return known if number == known.number else _read_head(store, _head_key(number))


def _head_key(number: int) -> str:
    return f"index/head-{number:08}.json"


def _read_head(store: Store, key: str) -> Head:
    found = json.loads(store.read(key))
    number = int(key.removeprefix("index/head-").removesuffix(".json"))
    return Head(number=number, segments=tuple(found["segments"]), runs=frozenset(found["runs"]))


def merge(store: Store) -> Head:
    """Fold runs that no segment covers into segments; a stream, so that memory stays flat.

    Two merges at once are safe: heads are write-once, the slower one starts again on the newer head.
    """
    for _ in range(20):
        head = read_head(store)
        young = [key for key in run_keys(store) if key not in head.runs]
        if not young and all("blocks" in segment for segment in head.segments):
            return head
        folded = _fold(store, head, young)
        try:
            put_head(store, folded)
            return folded
        except StoreConflict:
            continue
    raise StoreConflict("the index is being merged by others all the time; run `morgue index` again later")


def _fold(store: Store, head: Head, young: list[str]) -> Head:
    cdxjs = (warc.cdxj for key in young for warc in read_run(store, key).warcs)
    with ExitStack() as stack:
        sources, count = in_order((store.read(key) for key in cdxjs), stack)
        kept = list(head.segments)
        while kept and (kept[-1]["lines"] < GROWTH * count or any("blocks" not in s for s in kept)):
            segment = kept.pop()
            count += segment["lines"]
            sources.append(_scan(store, segment))
        made = write_segment(store, once(heapq.merge(*sources)), expected=count)
    segments = (*kept, made) if made["lines"] else tuple(kept)
    return Head(number=head.number + 1, segments=segments, runs=head.runs | set(young))


def _scan(store: Store, said: dict[str, Any]) -> Iterator[bytes]:
    if "blocks" in said:
        return Segment(store, said).scan()
    return iter(sorted_lines(store.read(said["key"])).split(b"\n")[:-1])


def in_order(
    texts: Iterable[bytes], stack: ExitStack, *, room: int = SORTED
) -> tuple[list[Iterator[bytes]], int]:
    """The lines of many CDXJ texts as sorted streams, and their number.

    What is more than `room` bytes goes into temporary files, which end with `stack`.
    """
    streams: list[Iterator[bytes]] = []
    waiting: list[bytes] = []
    size = count = 0
    for text in texts:
        found = [line for line in text.split(b"\n") if line]
        waiting += found
        count += len(found)
        size += len(text)
        if size > room:
            streams.append(filed(sorted(waiting), stack))
            waiting, size = [], 0
    return [*streams, iter(sorted(waiting))], count


def filed(lines: Iterable[bytes], stack: ExitStack) -> Iterator[bytes]:
    """Lines in a temporary file, which ends with `stack`, and from it again."""
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    file.writelines(line + b"\n" for line in lines)
    file.seek(0)
    return (line[:-1] for line in file)


def put_head(store: Store, head: Head) -> None:
    """Make a head the newest; raise StoreConflict where another has its number."""
    data = json.dumps({"segments": head.segments, "runs": sorted(head.runs)}, indent=1).encode()
    store.put(_head_key(head.number), data)


def recent(store: Store, site: str, since: datetime) -> list[Capture]:
    """What runs of a site that ended after `since` captured, oldest first."""
    first = f"{since - timedelta(days=2):%Y%m%dT%H%M%SZ}"
    # A run id begins with its start: what began too long ago is not read.
    keys = [key for key in run_keys(store, site) if key.rpartition("/")[2] >= first]
    with ThreadPoolExecutor(READERS) as pool:
        runs = pool.map(lambda key: read_run(store, key), keys)
        lines = pool.map(lambda key: read_lines(store, key), [w.cdxj for run in runs for w in run.warcs])
    found = (capture_of(line) for each in lines for line in each)
    return sorted((c for c in found if c.at >= since), key=lambda c: c.at)
