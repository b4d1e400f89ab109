"""The index: which captures there are of a URL.

A run is findable as soon as its manifest is published: its CDXJ files are the index's youngest layer. `merge`
folds runs into larger sorted segments, so that old captures stay cheap to find. Heads are numbered and
write-once; the highest number holds. All of it can be rebuilt from the CDXJ files, and those from the WARCs.

    index/head-00000007.json        {"segments": [{"key", "lines"}], "runs": [manifest keys covered]}
    index/segment-<digest>.cdxj     sorted CDXJ lines
"""

import bisect
import hashlib
import heapq
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from archive.cdxj import capture_of, surt_of
from archive.errors import NotCaptured, StoreConflict
from archive.model import Capture
from archive.runs import read_run, run_keys
from archive.store import Store

READERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the merged part of the index covers."""

    number: int = 0
    segments: tuple[dict[str, Any], ...] = ()
    runs: frozenset[str] = frozenset()


@dataclass(slots=True)
class Index:
    """Look-ups over one archive.

    Layers are write-once, so each is read once and kept; new runs are looked for when the list of layers is
    older than `patience` seconds.
    """

    store: Store
    patience: float = 1.0
    _listed: tuple[float, list[str]] = (0.0, [])
    _layers: dict[str, list[str]] = field(default_factory=dict)
    _runs: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def captures(self, url: str) -> list[Capture]:
        """Captures of exactly this URL (by SURT), oldest first."""
        key = surt_of(url) + " "
        lines: set[str] = set()
        for name in self._names():
            layer = self._layer(name)
            first = bisect.bisect_left(layer, key)
            while first < len(layer) and layer[first].startswith(key):
                lines.add(layer[first])
                first += 1
        return sorted((capture_of(line) for line in lines), key=lambda c: (c.at, c.location.offset))

    def closest(self, url: str, at: datetime | None = None) -> Capture:
        """The capture nearest to `at` (the latest where None); raise NotCaptured."""
        found = self.captures(url)
        if not found:
            raise NotCaptured(f"nothing was captured of {url}")
        wanted = at or datetime.max.replace(tzinfo=UTC)
        return min(found, key=lambda c: (abs(wanted - c.at), -c.location.offset))

    def all(self) -> list[Capture]:
        """Every capture, in index order; for small archives and exports."""
        return [capture_of(line) for line in heapq.merge(*(self._layer(n) for n in self._names()))]

    def _names(self) -> list[str]:
        when, names = self._listed
        if not names or time.monotonic() - when > self.patience:
            names = self._list()
            self._listed = (time.monotonic(), names)
        return names

    def _list(self) -> list[str]:
        head = read_head(self.store)
        young = [key for key in run_keys(self.store) if key not in head.runs]
        return [s["key"] for s in head.segments] + [c for key in young for c in self._cdxjs(key)]

    def _cdxjs(self, manifest: str) -> tuple[str, ...]:
        if manifest not in self._runs:
            self._runs[manifest] = tuple(w.cdxj for w in read_run(self.store, manifest).warcs)
        return self._runs[manifest]

    def _layer(self, name: str) -> list[str]:
        if name not in self._layers:
            self._layers[name] = read_lines(self.store, name)
        return self._layers[name]


def read_lines(store: Store, key: str) -> list[str]:
    """The lines of a CDXJ object, sorted."""
    return sorted(line for line in store.read(key).decode("utf-8").split("\n") if line)


def read_head(store: Store) -> Head:
    """The newest head of the merged index."""
    keys = list(store.keys("index/head-"))
    return _head(store, keys[-1]) if keys else Head()


def _head(store: Store, key: str) -> Head:
    found = json.loads(store.read(key))
    number = int(key.removeprefix("index/head-").removesuffix(".json"))
    return Head(number=number, segments=tuple(found["segments"]), runs=frozenset(found["runs"]))


def merge(store: Store) -> Head:
    """Fold runs that no segment covers into segments (each at least twice its younger neighbour).

    Two merges at once are safe: heads are write-once, the slower one starts again on the newer head.
    """
    for _ in range(20):
        head = read_head(store)
        young = [key for key in run_keys(store) if key not in head.runs]
        if not young:
            return head
        merged = _fold(store, head, young)
        try:
            store.put(f"index/head-{merged.number:08}.json", _dump(merged))
            return merged
        except StoreConflict:
            continue
    raise StoreConflict("the index is being merged by others all the time; run `morgue index` again later")


def _fold(store: Store, head: Head, young: list[str]) -> Head:
    cdxjs = [warc.cdxj for key in young for warc in read_run(store, key).warcs]
    lines = list(heapq.merge(*(read_lines(store, key) for key in cdxjs)))
    kept = list(head.segments)
    while kept and kept[-1]["lines"] < 2 * len(lines):
        lines = list(heapq.merge(read_lines(store, kept.pop()["key"]), lines))
    data = "".join(f"{line}\n" for line in lines).encode()
    key = f"index/segment-{hashlib.sha256(data).hexdigest()[:32]}.cdxj"
    store.put(key, data)
    segments = (*kept, {"key": key, "lines": len(lines)})
    return Head(number=head.number + 1, segments=segments, runs=head.runs | set(young))


def _dump(head: Head) -> bytes:
    return json.dumps({"segments": head.segments, "runs": sorted(head.runs)}, indent=1).encode()


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
