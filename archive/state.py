"""What is known of each newspaper, and when it is due: a cache in the store.

Rules: a page has one writer, and the shards of a site write one after the other; each run puts one part and
then one head, whose number rises, and drops what no head names any more. A part holds ranges of lines
(zlib), one for each stretch of time in which its pages are due, so that a run reads what is due and little
else. A lost or stale state costs requests, never records.

    state/<site>/head-00000012.json   {"ranges": [[start, end, key, offset, length, lines, first], ...],
                                       "tables": [[key, offset, length], ...], "sources": [{...}], ...}
    state/<site>/part-<digest>        ranges: JSON lines by due time; tables: digests, then due times

A page's entry lies in one range. Where it is looked at before its time, an entry with `"away": true` in the
same stretch takes it out: later ranges win.
"""

import hashlib
import json
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from archive.agenda import Known, Source
from archive.errors import MorgueError, NotStored, StoreConflict
from archive.model import Original
from archive.store import Store
from archive.variants import variant_key

QUARTER, HOUR, DAY, MONTH = 900, 3600, 86400, 30 * 86400
KEPT_HEADS = 2
READERS = 16
TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Lines of a part: pages due from `start` to `end` (seconds since 1970), `first` the earliest."""

    start: int
    end: int
    key: str
    offset: int
    length: int
    lines: int
    first: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A sorted table of a part: which pages are known, and when they are due."""

    key: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a site's state consists of; `looks` and `changes` are counts of all articles so far."""

    site: str
    number: int = 0
    written: datetime | None = None
    ranges: tuple[Range, ...] = ()
    tables: tuple[Table, ...] = ()
    sources: tuple[Source, ...] = ()
    looks: int = 0
    changes: int = 0
    known: int = 0

    @property
    def parts(self) -> set[str]:
        """Keys of the parts that it names."""
        return {r.key for r in self.ranges} | {t.key for t in self.tables}

    def count_due(self, now: datetime) -> int:
        """At most so many pages are due: the lines of all ranges that have begun."""
        return sum(r.lines for r in self.ranges if r.first <= now.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a run learnt: pages as they are now, and those that it took up before their time."""

    pages: tuple[Known, ...] = ()
    taken: tuple[Known, ...] = ()
    sources: tuple[Source, ...] = ()
    looks: int = 0
    changes: int = 0


@dataclass(slots=True)
class State:
    """What is known of a site, as one head says; read when it is asked for."""

    store: Store
    head: Head
    _tables: list[tuple["array[int]", "array[int]"]] | None = field(default=None)

    def knows(self, url: str) -> bool:
        """Whether the page was heard of before."""
        return self.due_of(url) is not None

    def due_of(self, url: str) -> int | None:
        """When a page is due (seconds since 1970); None where it is not known."""
        key = key_of(url)
        for keys, dues in self._loaded():
            place = bisect_left(keys, key)
            if place < len(keys) and keys[place] == key:
                return dues[place]
        return None

    def _loaded(self) -> list[tuple["array[int]", "array[int]"]]:
        if self._tables is None:
            self._tables = [_table(_bytes(self.store, t)) for t in reversed(self.head.tables)]
        return self._tables

    def find(self, url: str) -> Known | None:
        """What is known of one page; None where it is not known."""
        due = self.due_of(url)
        if due is None:
            return None
        stretch = [r for r in self.head.ranges if r.start <= due < r.end]
        wanted = variant_key(url)
        found = [k for k in _live(self.store, stretch) if variant_key(k.url) == wanted]
        return max(found, key=lambda k: k.due, default=None)

    def due(self, now: datetime) -> list[Known]:
        """Pages that are due, the longest due first."""
        begun, _ = _parted(self.head.ranges, now.timestamp())
        found = (k for k in _live(self.store, begun) if k.due <= now)
        return sorted(found, key=lambda k: k.due)


def key_of(url: str) -> int:
    """64 bits that stand for a URL and its variants."""
    return int.from_bytes(hashlib.blake2b(variant_key(url).encode(), digest_size=8).digest(), "big")


def stretch_of(due: int, now: int) -> tuple[int, int]:
    """Where the stretch of time begins and ends in which `due` lies: finer the nearer it is."""
    ahead = due - now
    grain = QUARTER if ahead < HOUR else HOUR if ahead < DAY else DAY if ahead < MONTH else MONTH
    return due - due % grain, due - due % grain + grain


def head_keys(store: Store, site: str) -> list[str]:
    """Keys of the heads of a site, oldest first."""
    return list(store.keys(f"state/{site}/head-"))


def read_state(store: Store, site: str) -> State | None:
    """The state of a site; None where there is none, or none that can be read."""
    for key in reversed(head_keys(store, site)):
        try:
            return State(store, _head(site, json.loads(store.read(key))))
        except (NotStored, ValueError, KeyError, TypeError):
            continue
    return None


def read_heads(store: Store) -> list[Head]:
    """The newest heads of all sites, read side by side."""
    newest: dict[str, str] = {}
    for key in store.keys("state/"):
        site, _, name = key.removeprefix("state/").partition("/")  # .hosts has no heads
        if name.startswith("head-"):
            newest[site] = key
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda item: _head(item[0], json.loads(store.read(item[1]))), newest.items()))


def write_state(store: Store, site: str, update: Update, *, now: datetime, kept: int = KEPT_HEADS) -> Head:
    """Add what a run learnt; a writer that came first is taken into account. `kept` heads stay readable."""
    for _ in range(TRIES):
        state = read_state(store, site) or State(store, Head(site=site))
        head, part = _following(store, state.head, update, now)
        if part:
            store.put(part[0], part[1])
        try:
            store.put(_head_key(site, head.number), _dump(head))
        except StoreConflict:
            if part:
                _forget_part(store, site, part[0])
            continue
        _sweep(store, head, kept)
        return head
    raise StoreConflict(f"the state of {site} is being written by others all the time; is it crawled twice?")


def forget_state(store: Store, site: str) -> None:
    """Drop all that is known of a site."""
    for key in list(store.keys(f"state/{site}/")):
        store.drop(key)


def _head_key(site: str, number: int) -> str:
    return f"state/{site}/head-{number:08}.json"


def _following(
    store: Store, head: Head, update: Update, now: datetime
) -> tuple[Head, tuple[str, bytes] | None]:
    part = _Part(head.site)
    ranges = _ranges(store, head, update, now, part)
    tables = _tables_of(store, head, update, part)
    key, data = part.sealed()
    sources = {s.url: s for s in head.sources} | {s.url: s for s in update.sources}
    following = replace(
        head,
        number=head.number + 1,
        written=now,
        ranges=tuple(replace(r, key=r.key or key) for r in ranges),
        tables=tuple(replace(t, key=t.key or key) for t in tables),
        sources=tuple(sources.values()),
        looks=head.looks + update.looks,
        changes=head.changes + update.changes,
        known=sum(t.length for t in tables) // 12,
    )
    return following, (key, data) if data else None


class _Part:
    """The object that a run adds: pieces one after the other."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> int:
        self._pieces.append(data)
        self._size += len(data)
        return self._size - len(data)

    def sealed(self) -> tuple[str, bytes]:
        data = b"".join(self._pieces)
        return f"state/{self._site}/part-{hashlib.sha256(data).hexdigest()[:32]}", data


def _ranges(store: Store, head: Head, update: Update, now: datetime, part: _Part) -> list[Range]:
    """The old ranges and the new lines; what has begun, and small neighbours, are written anew."""
    at = int(now.timestamp())
    begun, kept = _parted(head.ranges, at)
    lines: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for known in update.taken:
        due = known.due.timestamp()
        for stretch in {(r.start, r.end) for r in kept if r.start <= due < r.end}:
            lines.setdefault(stretch, []).append(_plain(known) | {"away": True})
    touched = {k.url for k in update.pages}
    # What was due and not looked at keeps its place in time.
    left = (k for k in _live(store, begun) if k.url not in touched)
    for known in (*left, *update.pages):
        lines.setdefault(stretch_of(int(known.due.timestamp()), at), []).append(_plain(known))
    for stretch, own in sorted(lines.items()):
        kept = _added(store, kept, stretch, own, part)
    return kept


def _parted(ranges: tuple[Range, ...], at: float) -> tuple[list[Range], list[Range]]:
    """The ranges of stretches of which something is due, and the others: a stretch is read as a whole."""
    first: dict[tuple[int, int], int] = {}
    for each in ranges:
        stretch = each.start, each.end
        first[stretch] = min(first.get(stretch, each.first), each.first)
    begun = [r for r in ranges if first[r.start, r.end] <= at]
    return begun, [r for r in ranges if first[r.start, r.end] > at]


def _added(
    store: Store, ranges: list[Range], stretch: tuple[int, int], own: list[dict[str, Any]], part: _Part
) -> list[Range]:
    same = [r for r in ranges if (r.start, r.end) == stretch]
    others = [r for r in ranges if (r.start, r.end) != stretch]
    while same and same[-1].lines < 2 * len(own):
        own = [*_lines(store, same.pop()), *own]
    last = {line["url"]: line for line in own}
    # Nothing older lies below: there is nobody left to take out.
    own = [line for line in last.values() if same or not line.get("away")]
    if not own:
        return others + same
    own.sort(key=lambda line: int(line["due"]))
    data = zlib.compress("\n".join(json.dumps(line, separators=(",", ":")) for line in own).encode(), 6)
    first = min((int(line["due"]) for line in own if not line.get("away")), default=stretch[1])
    made = Range(
        start=stretch[0],
        end=stretch[1],
        key="",
        offset=part.add(data),
        length=len(data),
        lines=len(own),
        first=first,
    )
    return [*others, *same, made]


def _live(store: Store, ranges: Iterable[Range]) -> Iterator[Known]:
    """The pages of these ranges; of two lines of a stretch, the later one holds."""
    stretches: dict[tuple[int, int], dict[str, dict[str, Any]]] = {}
    for each in ranges:
        lines = stretches.setdefault((each.start, each.end), {})
        lines.update((line["url"], line) for line in _lines(store, each))
    for lines in stretches.values():
        yield from (Known(**_typed(Known, line)) for line in lines.values() if not line.get("away"))


def _lines(store: Store, each: Range) -> list[dict[str, Any]]:
    text = zlib.decompress(_bytes(store, each)).decode()
    return [json.loads(line) for line in text.split("\n")]


def _bytes(store: Store, piece: Range | Table) -> bytes:
    return store.read(piece.key, piece.offset, piece.length)


def _tables_of(store: Store, head: Head, update: Update, part: _Part) -> list[Table]:
    """Tables double in size, the newest last; of two entries of a page the newer one holds."""
    if not update.pages:
        return list(head.tables)
    kept = list(head.tables)
    new = {key_of(k.url): int(k.due.timestamp()) for k in update.pages}
    while kept and kept[-1].length // 12 < 2 * len(new):
        keys, dues = _table(_bytes(store, kept.pop()))
        new = dict(zip(keys, dues, strict=True)) | new
    data = _table_bytes(new)
    return [*kept, Table(key="", offset=part.add(data), length=len(data))]


def _table_bytes(entries: dict[int, int]) -> bytes:
    keys = sorted(entries)
    both = array("Q", keys), array("I", (min(entries[k], 0xFFFFFFFF) for k in keys))
    if sys.byteorder == "big":
        for each in both:
            each.byteswap()
    return both[0].tobytes() + both[1].tobytes()


def _table(data: bytes) -> tuple["array[int]", "array[int]"]:
    count = len(data) // 12
    keys, dues = array("Q"), array("I")
    keys.frombytes(data[: count * 8])
    dues.frombytes(data[count * 8 :])
    if sys.byteorder == "big":
        keys.byteswap()
        dues.byteswap()
    return keys, dues


def _forget_part(store: Store, site: str, key: str) -> None:
    """Drop the part of a head that was not written, unless another's head names the very same."""
    first = read_state(store, site)
    if first and key not in first.head.parts:
        store.drop(key)


def _sweep(store: Store, head: Head, kept: int) -> None:
    """Drop old heads, and parts that only they named; whoever reads one of them begins again."""
    old = head_keys(store, head.site)[:-kept]
    if not old:
        return
    named = set(head.parts)
    for key in head_keys(store, head.site)[-kept:]:
        named |= _parts_of(store, head.site, key)
    for key in old:
        for part in _parts_of(store, head.site, key) - named:
            store.drop(part)
        store.drop(key)


def _parts_of(store: Store, site: str, key: str) -> set[str]:
    try:
        return _head(site, json.loads(store.read(key))).parts
    except (MorgueError, ValueError, KeyError, TypeError):
        return set()


def _dump(head: Head) -> bytes:
    data = {
        "written": _stamp(head.written),
        "number": head.number,
        "looks": head.looks,
        "changes": head.changes,
        "known": head.known,
        "ranges": [[r.start, r.end, r.key, r.offset, r.length, r.lines, r.first] for r in head.ranges],
        "tables": [[t.key, t.offset, t.length] for t in head.tables],
        "sources": [_plain(source) for source in head.sources],
    }
    return json.dumps(data, separators=(",", ":")).encode()


def _head(site: str, data: dict[str, Any]) -> Head:
    names = ("start", "end", "key", "offset", "length", "lines", "first")
    return Head(
        site=site,
        number=int(data["number"]),
        written=_moment(data["written"]),
        looks=int(data["looks"]),
        changes=int(data["changes"]),
        known=int(data["known"]),
        ranges=tuple(Range(**dict(zip(names, r, strict=True))) for r in data["ranges"]),
        tables=tuple(Table(key=k, offset=o, length=n) for k, o, n in data["tables"]),
        sources=tuple(Source(**_typed(Source, s)) for s in data["sources"]),
    )


def _plain(value: Known | Source) -> dict[str, Any]:
    """A value as JSON: moments in seconds since 1970, what is as usual left out."""
    data: dict[str, Any] = {}
    for spec in fields(value):
        own = getattr(value, spec.name)
        if not own and spec.name not in ("url", "due"):
            continue
        if isinstance(own, datetime):
            own = _stamp(own)
        elif isinstance(own, Original):
            own = [own.url, own.at.timestamp(), own.digest, own.id]
        data[spec.name] = own
    return data


MOMENTS = {"seen", "due", "told", "fetched", "changed", "told_new", "trusted", "not_before"}


def _typed(kind: type[Known] | type[Source], data: dict[str, Any]) -> dict[str, Any]:
    names = kind.__slots__
    typed = {n: v for n, v in data.items() if n in names}
    for name in MOMENTS & typed.keys():
        typed[name] = _moment(typed[name])
    if original := typed.get("original"):
        url, at, digest, number = original
        typed["original"] = Original(url=url, at=datetime.fromtimestamp(at, UTC), digest=digest, id=number)
    return typed


def _stamp(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _moment(stamp: float | None) -> datetime | None:
    return None if stamp is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=stamp)
