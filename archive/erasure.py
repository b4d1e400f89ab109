"""Taking down for good: captures are cut out of their WARCs, and nothing else moves.

    audit/erasing-<when>.json    what is to be erased, as index lines: the plan, before anything is cut
    audit/erased-<when>.json     what was erased, why, and which keys were changed

Rules: a rule of access hides the captures first. A record is replaced by one that says so, as a gzip member
of the very same length (its header has a comment of spaces, RFC 1952, 2.3.1): every other record stays where
index, rows and citations say. A revisit elsewhere that leaned on an erased record is written anew as a
response, in a run of its own, before anything is cut. Then CDXJ, manifest, tables of articles and captures,
merged index and monthly WACZ follow. Each step may be repeated: after a kill the same command goes on.

What stays: that there was a record; reports and state, which name addresses; backups that others made.
"""

import io
import json
import struct
import tempfile
import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from archive import crawllog
from archive.access import Access, Rule
from archive.articles import tables
from archive.cdxj import capture_of, line_of
from archive.errors import DamagedWarc, NotCaptured, NotStored, StoreConflict
from archive.holdings import exchange_at
from archive.index import LAST, Head, Index, put_head, read_head
from archive.model import Capture, Exchange, Location, PublishedWarc, Run
from archive.parcel import group_of
from archive.playback import original_of, play
from archive.publish import publish
from archive.runs import all_runs, read_run, run_keys
from archive.segments import write_segment
from archive.spool import RunStart, Spool
from archive.store import Store, opened, sha256_of
from archive.verify import verify
from archive.warc import read_record

GONE = "application/warc-fields"
TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was done: how many captures were erased, revisits written anew, and which keys were changed."""

    stamp: str
    urls: tuple[str, ...]
    reason: str
    erased: int
    mended: int
    warcs: tuple[str, ...]
    tables: tuple[str, ...]
    groups: tuple[str, ...]
    run: str = ""

    @property
    def key(self) -> str:
        """Where the record of it lies."""
        return f"audit/erased-{self.stamp}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be erased, and which revisits lean on it: written down before anything is cut."""

    stamp: str
    urls: tuple[str, ...]
    reason: str
    gone: tuple[Capture, ...]
    leaning: tuple[Capture, ...]

    @property
    def key(self) -> str:
        """Where the plan lies."""
        return f"audit/erasing-{self.stamp}.json"

    def plain(self) -> bytes:
        """As JSON, captures as index lines."""
        lines = {name: [line_of(c) for c in getattr(self, name)] for name in ("gone", "leaning")}
        return json.dumps({"urls": self.urls, "reason": self.reason, **lines}, indent=1).encode()


def erase(
    store: Store, urls: Iterable[str], *, reason: str, spool: Path, software: str,
    since: datetime | None = None, until: datetime | None = None,
) -> Erasure:  # fmt: skip
    """Erase the captures of these addresses (within some times); raise NotCaptured where there is none.

    What an earlier takedown left undone is done first.
    """
    asked = tuple(urls)
    earlier = [carry_out(store, plan, spool, software) for plan in unfinished(store)]
    index = Index(store)
    gone = tuple(c for url in asked for c in index.known(url) if _within(c.at, since, until))
    if not gone:
        if earlier and set(asked) <= set(earlier[-1].urls):
            return earlier[-1]
        raise NotCaptured(f"nothing was captured of {', '.join(asked)}: there is nothing to erase")
    now = datetime.now(UTC)
    for url in asked:
        Access(store).add(Rule(kind="exclude", what=url, reason=reason, made=now, since=since, until=until))
    leaning = tuple(leaning_on(store, index, list(gone)))
    plan = Plan(stamp=f"{now:%Y%m%dT%H%M%S%fZ}", urls=asked, reason=reason, gone=gone, leaning=leaning)
    store.put(plan.key, plan.plain())
    return carry_out(store, plan, spool, software)


def unfinished(store: Store) -> list[Plan]:
    """The plans that were begun and not ended."""
    begun = {key.removeprefix("audit/erasing-") for key in store.keys("audit/erasing-")}
    ended = {key.removeprefix("audit/erased-") for key in store.keys("audit/erased-")}
    return [_plan(store, name) for name in sorted(begun - ended)]


def _plan(store: Store, name: str) -> Plan:
    said = json.loads(store.read(f"audit/erasing-{name}"))
    gone, leaning = (tuple(map(capture_of, said[each])) for each in ("gone", "leaning"))
    return Plan(
        stamp=name.removesuffix(".json"), urls=tuple(said["urls"]), reason=said["reason"], gone=gone,
        leaning=leaning,
    )  # fmt: skip


def carry_out(store: Store, plan: Plan, spool: Path, software: str) -> Erasure:
    """Do what is planned; each step does nothing where it was done before."""
    gone, leaning = list(plan.gone), list(plan.leaning)
    run = _mended(store, Index(store), leaning, spool, software, plan.stamp) if leaning else ""
    places = {c.location for c in [*gone, *leaning]}
    warcs = [_cut(store, key, warc, gone, leaning) for key, warc in _holding(store, places)]
    changed, groups = _rows(store, places)
    _reindex(store, places)
    for capture in gone:
        store.erase(f"wacz/{_site(capture)}/{capture.at:%Y-%m}.wacz")
    done = Erasure(
        stamp=plan.stamp, urls=plan.urls, reason=plan.reason, erased=len(gone), mended=len(leaning),
        warcs=tuple(warcs), tables=tuple(changed), groups=tuple(groups), run=run,
    )  # fmt: skip
    store.put(done.key, json.dumps(asdict(done), indent=1).encode())
    return done


def leaning_on(store: Store, index: Index, gone: list[Capture]) -> Iterator[Capture]:
    """Revisits, other than those that are erased themselves, whose body lies in a record that is."""
    places = {c.location for c in gone}
    digests = {c.digest for c in gone if c.kind != "revisit"}
    for line in index.lines(b"", LAST):
        if b'"warc/revisit"' not in line:
            continue
        capture = capture_of(line.decode())
        if capture.location in places or (capture.digest and capture.digest not in digests):
            continue
        try:
            if original_of(store, index, capture).location in places:
                yield capture
        except (NotCaptured, NotStored, DamagedWarc):
            continue


def _mended(
    store: Store, index: Index, leaning: list[Capture], folder: Path, software: str, stamp: str
) -> str:
    """Write the revisits anew as responses, and publish them; the id of their run."""
    for run in all_runs(store, _site(leaning[0])):
        if run.parameters.get("takedown") == stamp:
            return run.id  # an earlier try came this far
    now = datetime.now(UTC)
    name = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
    start = RunStart(
        id=name, site=_site(leaning[0]), archive=store.url, started=now, software=software,
        parameters={"takedown": stamp},
    )  # fmt: skip
    spool = Spool(folder, start)
    for capture in leaning:
        spool.submit(_whole(store, index, capture)).result()
    spool.close("takedown")
    publish(store, spool.folder)
    return name


def _whole(store: Store, index: Index, capture: Capture) -> Exchange:
    """The exchange of a revisit with the body that it repeated, framed by a Content-Length."""
    played = play(store, index, capture)
    framing = (b"transfer-encoding", b"content-length")
    kept = [b"%s: %s" % pair for pair in played.head.headers if pair[0].lower() not in framing]
    first = f"HTTP/{played.head.version} {played.head.status} {played.head.reason}".encode(
        "latin-1", "replace"
    )
    head = b"\r\n".join([first, *kept, b"Content-Length: %d" % len(played.body), b"", b""])
    found = exchange_at(store, capture.location)
    return replace(found, response=head + played.body, head_length=len(head))


def _holding(store: Store, places: set[Location]) -> list[tuple[str, PublishedWarc]]:
    """The WARCs in which these records lie, with the manifests that name them."""
    wanted = {place.warc for place in places}
    return [
        (key, warc) for key in run_keys(store) for warc in read_run(store, key).warcs if warc.key in wanted
    ]


def _cut(
    store: Store, manifest: str, warc: PublishedWarc, gone: list[Capture], leaning: list[Capture]
) -> str:
    """Cut records out of one WARC, and put WARC, CDXJ and manifest in place of what was there."""
    with tempfile.TemporaryDirectory(prefix="morgue-erase-") as folder:
        path = Path(folder) / "warc"
        with opened(store, warc.key) as source, path.open("wb") as out:
            while piece := source.read(4 << 20):
                out.write(piece)
        with path.open("r+b") as file:
            for capture in (c for c in gone if c.location.warc == warc.key):
                for place in _group(store, capture.location):
                    _blank(file, place)
            for capture in (c for c in leaning if c.location.warc == warc.key):
                _blank(file, capture.location)
        with path.open("rb") as file:
            faults = verify(file, name=warc.key).faults
        if faults:
            raise DamagedWarc(f"{warc.key} would be damaged by this: {faults[0].what}; it is left as it is")
        digest = sha256_of(path)
        store.amend(warc.key, path)
    places = {c.location for c in [*gone, *leaning]}
    old = store.read(warc.cdxj).splitlines()
    lines = [line for line in old if capture_of(line.decode()).location not in places]
    store.amend(warc.cdxj, b"".join(line + b"\n" for line in lines))
    if warc.log:
        store.amend(warc.log, crawllog.packed(_told(store, warc, gone)))
    run = read_run(store, manifest)
    warcs = tuple(replace(w, sha256=digest) if w.key == warc.key else w for w in run.warcs)
    store.amend(manifest, _manifest(replace(run, warcs=warcs)))
    return warc.key


def _told(store: Store, warc: PublishedWarc, gone: list[Capture]) -> bytes:
    """The lines of a WARC's crawl log that tell of nothing that is erased."""
    offsets, urls = {c.location.offset for c in gone if c.location.warc == warc.key}, {c.url for c in gone}
    lines = crawllog.unpacked(store.read(warc.log))
    said = ((line, json.loads(line)) for line in lines)
    kept = (line for line, each in said if each["offset"] not in offsets and each["url"] not in urls)
    return "".join(f"{line}\n" for line in kept).encode()


def _manifest(run: Run) -> bytes:
    data = asdict(run) | {"started": run.started.isoformat(), "ended": run.ended.isoformat()}
    del data["key"]
    return json.dumps(data, indent=1, sort_keys=True).encode()


def _group(store: Store, place: Location) -> list[Location]:
    """Where a record, its request and its metadata lie."""
    before, own, behind = group_of(store, place)
    offset = place.offset - sum(map(len, before))
    found = []
    for member in [*before, own, *behind]:
        length = place.length if offset == place.offset else len(member)
        found.append(Location(warc=place.warc, offset=offset, length=length))
        offset += length
    return found


def _blank(file: Any, place: Location) -> None:
    """Put a record that says so in the place of another, with its length."""
    file.seek(place.offset)
    old = file.read(place.length)
    if read_record(old).headers.get("warc-filename") == "erased":
        return  # an earlier try came this far
    file.seek(place.offset)
    file.write(blank_member(place.length))


def blank_member(length: int) -> bytes:
    """A gzip member of this length in bytes, with a record that says that another stood here.

    It says why, unless the other was so short that there is no room for it; the least that a record must say
    is less than any record of an exchange has (WARC 1.1, section 5: that, an address and an HTTP message).
    """
    block = b"erased: taken down; see audit/\r\n"
    kind = b"Content-Type: " + GONE.encode()
    found = _member_of(_stand_in(block, kind), length) or _member_of(_stand_in(b""), length)
    if found is None:
        raise DamagedWarc(f"a record of {length} bytes is too short to be replaced in its place")
    return found


def _stand_in(block: bytes, *more: bytes) -> bytes:
    number, now = str(uuid.uuid4()).encode(), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}".encode()
    head = [
        b"WARC/1.1", b"WARC-Type: warcinfo", b"WARC-Record-ID: <urn:uuid:%s>" % number, b"WARC-Date: " + now,
        b"WARC-Filename: erased", *more, b"Content-Length: %d" % len(block), b"", b"",
    ]  # fmt: skip
    return b"\r\n".join(head) + block + b"\r\n\r\n"


def _member_of(record: bytes, length: int) -> bytes | None:
    """A gzip member of exactly this length; None where the record does not fit."""
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = coder.compress(record) + coder.flush()
    tail = struct.pack("<II", zlib.crc32(record), len(record))
    room = length - 10 - len(packed) - len(tail)
    if room < 0:
        return None
    flags = 16 if room else 0  # FCOMMENT: text up to a zero byte
    comment = b" " * (room - 1) + b"\0" if room else b""
    return b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\x02\xff" + comment + packed + tail


def _rows(store: Store, places: set[Location]) -> tuple[list[str], list[str]]:
    """Take the rows of these records out of the tables; the keys that were changed, and their groups."""
    changed: list[str] = []
    groups: list[str] = []
    runs = {key.rpartition("/")[2].removesuffix(".json"): key for key, _ in _holding(store, places)}
    for group, keys in tables(store).items():
        if group.rpartition("/")[2] in runs:
            hit = [key for key in keys if _without(store, key, _is_row(places))]
            changed += hit
            groups.append(group)
    for key in store.keys("captures/"):
        name = key.rpartition("/")[2].removesuffix(".parquet")
        if name in runs and _without(store, key, _is_line(places)):
            changed.append(key)
    return changed, groups


def _is_row(places: set[Location]) -> Any:
    names = {(p.warc, p.offset) for p in places}
    return lambda row: (row["warc"]["key"], row["warc"]["offset"]) in names


def _is_line(places: set[Location]) -> Any:
    names = {(p.warc, p.offset) for p in places}
    return lambda row: (row["warc_filename"], row["warc_record_offset"]) in names


def _without(store: Store, key: str, gone: Any) -> bool:
    table = pq.ParquetFile(io.BytesIO(store.read(key))).read(use_threads=False)
    kept = [not gone(row) for row in table.to_pylist()]
    if all(kept):
        return False
    out = io.BytesIO()
    pq.write_table(table.filter(pa.array(kept)), out, compression="zstd")
    store.amend(key, out.getvalue())
    return True


def _reindex(store: Store, places: set[Location]) -> None:
    """A merged index without these captures, of one segment; the older heads and segments go."""
    names: dict[str, set[int]] = defaultdict(set)
    for place in places:
        names[place.warc].add(place.offset)

    def kept(line: bytes) -> bool:
        place = capture_of(line.decode()).location
        return place.offset not in names.get(place.warc, ())

    keys = run_keys(store)
    old = list(store.keys("index/"))
    made = write_segment(store, filter(kept, Index(store).lines(b"", LAST)), expected=_lines(store))
    segments = (made,) if made["lines"] else ()
    for _ in range(TRIES):
        try:
            number = read_head(store).number + 1
            put_head(store, Head(number=number, segments=segments, runs=frozenset(keys)))
            break
        except StoreConflict:
            continue
    else:
        raise StoreConflict("the index is being merged by others all the time; run the takedown again later")
    stem = str(made["key"]).rpartition(".cdxj")[0]
    for key in (key for key in old if not key.startswith(stem)):
        store.erase(key)


def _lines(store: Store) -> int:
    return max(sum(int(segment["lines"]) for segment in read_head(store).segments), 1000)


def _site(capture: Capture) -> str:
    return capture.location.warc.split("/")[1]


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return not ((since and at < since) or (until and at >= until))
