"""WARCs of other archives taken into ours: kept as they are, checked, indexed, published as a run.

Rules: what is stored is the file, byte for byte, wherever its records can be addressed as they lie; otherwise
its records' bytes, each in a gzip member of its own. Damage is found before anything is published. One source
is one run, whose id ends with a digest of the source and of what was selected: the same again is known by it,
on any machine. Times of the run are those of its records; its manifest says when it was imported, and how.
Until all is checked and durable a source is in a folder that nothing else takes for a run:

    <spool>/import-*/lock       held (flock) by the process that imports; without it the folder is rubbish
                     source     as it came
                     ...        then as the folder of a run that has ended (see archive/spool.py), and renamed
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from archive import SOFTWARE
from archive.cdxj import line_of
from archive.draft import warc_key
from archive.errors import CallerError, DamagedWarc, SpoolError, StoreConflict, StoreError
from archive.model import Capture, Location, Run
from archive.patience import ONCE, Patience
from archive.publish import Publisher
from archive.runs import read_run, run_keys
from archive.sources import Source, open_source
from archive.spool import RunEnd, RunStart, read_start, write_end, write_start
from archive.store import Store, sync_folder, write_durably
from archive.verify import Fault, Verdict, broken, verify
from archive.wacz import unzipped
from archive.warc import Listing, warcinfo_member
from archive.warc.forms import as_member, form_of, stored, suffix_of, unpacked, whole_records
from archive.warc.reader import Record
from archive.warc.strict import Framed, record_of

SITE = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\Z")
PAGES = ("text/html", "application/xhtml+xml")
MOSTLY = 0.8  # the share of its pages from which on a WARC is that of one newspaper
SAID = 20  # faults and gaps that a manifest lists; it counts them all
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records of a source are wanted: by host or URL prefix, and by date (before `until`)."""

    only: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it selects at all."""
        return bool(self.only or self.since or self.until)

    def takes(self, record: Record) -> bool:
        """Whether a record is wanted; one that describes the file (warcinfo) is not asked about."""
        if self.only and not any(_within(record.url, wanted) for wanted in self.only):
            return False
        return not ((self.since and record.at < self.since) or (self.until and record.at >= self.until))

    def said(self) -> dict[str, Any]:
        """The selection as a manifest keeps it."""
        since, until = (moment and moment.isoformat() for moment in (self.since, self.until))
        return {"only": sorted(self.only), "since": since, "until": until}


def _within(url: str, wanted: str) -> bool:
    """Whether a URL is below a prefix, or of a host or one of its subdomains."""
    if "://" in wanted:
        return url.startswith(wanted)
    parts = urlsplit(url) if "://" in url else None
    host = (parts.netloc if ":" in wanted else parts.hostname or "") if parts else ""
    return host.lower() == wanted.lower() or host.lower().endswith(f".{wanted.lower()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How sources are to be imported.

    `site` is "" for "by their host"; `known` are site ids by host. With `keep`, what is whole of a damaged
    source is taken.
    """

    spool: Path
    site: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    keep: bool = False
    selection: Selection = Selection()
    allow_private: bool = False
    agent: str = SOFTWARE
    patience: Patience = ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of one source.

    `action` is "imported", "already" (it is in the archive) or "nothing" (no record of it was selected).
    `left_out` counts places where records were lost to damage, `left_out_bytes` what lay there; `remarks` are
    faults that did not keep the records out; `elsewhere` counts revisits of what is not in this source.
    """

    source: str
    action: str
    run: str = ""
    site: str = ""
    sha256: str = ""
    records: int = 0
    captures: int = 0
    left_out: int = 0
    left_out_bytes: int = 0
    remarks: int = 0
    elsewhere: int = 0


def bring(
    name: str, store: Store, order: Order, progress: Progress = lambda _stage, _done, _of: None
) -> Imported:
    """Import one source, published when this returns; raise a MorgueError, and then nothing is visible of it.

    A run that an interrupted import left complete in the spool is published.
    """
    if order.site and not SITE.match(order.site):
        raise CallerError(f"{order.site!r} is no site's name: use a-z, 0-9, '.', '_' and '-'")
    clear_left(order.spool)
    source = open_source(name, store, allow_private=order.allow_private, agent=order.agent)
    with stage(order.spool) as folder:
        sha256, size = fetch(source, folder / "source", progress)
        token = token_of(sha256, order.selection)
        waiting = _left_complete(order.spool, token, store)
        if found := already(store, token, sha256):
            if waiting and not (waiting / "published").is_file():
                shutil.rmtree(waiting)  # another machine published the same meanwhile
            return _known(source, found)
        if waiting is None:
            job = _Job(folder, source.name, sha256, size, order, progress)
            waiting = job.prepare(store, token)
        if waiting is None:
            return Imported(source=source.name, action="nothing", sha256=sha256)
    return _publish(source, waiting, store, order, token, sha256)


def _publish(source: Source, folder: Path, store: Store, order: Order, token: str, sha256: str) -> Imported:
    try:
        run = Publisher(store=store, patience=order.patience).publish(folder)
    except StoreConflict:
        # Another machine imported the same at the same time: its manifest tells another moment.
        if not (found := already(store, token, sha256)):
            raise
        shutil.rmtree(folder)
        return _known(source, found)
    except StoreError as error:
        kept = f"it is whole in the spool, {folder}: `morgue recover` publishes it, or the same import again"
        raise type(error)(f"{error}; {kept}") from error
    assert run is not None
    return replace(_known(source, run), action="imported")


def _known(source: Source, run: Run) -> Imported:
    said = run.parameters["import"]
    files = said["files"]
    return Imported(
        source=source.name,
        action="already",
        run=run.id,
        site=run.site,
        sha256=said["sha256"],
        records=sum(warc.records for warc in run.warcs),
        captures=run.counts.get("exchanges", 0),
        left_out=sum(each["left_out"] for each in files) + len(said.get("lost", ())),
        left_out_bytes=sum(each["left_out_bytes"] for each in files),
        remarks=sum(each["remarks"] for each in files),
        elsewhere=said["elsewhere"],
    )


def token_of(sha256: str, selection: Selection) -> str:
    """Eight hex digits for a source and what is selected of it: the end of its run's id."""
    chosen = json.dumps(selection.said(), sort_keys=True) if selection.active else ""
    return hashlib.sha256(f"{sha256} {chosen}".encode()).hexdigest()[:8]


def already(store: Store, token: str, sha256: str) -> Run | None:
    """The run that imported this before; None where there is none."""
    for key in run_keys(store):
        if key.endswith(f"-{token}.json"):
            run = read_run(store, key)
            if run.parameters.get("import", {}).get("sha256") == sha256:
                return run
    return None


def _left_complete(spool: Path, token: str, store: Store) -> Path | None:
    """A run of this source that is complete in the spool and was not published."""
    for folder in sorted(spool.glob(f"*-{token}")):
        if (folder / "run.json").is_file() and read_start(folder).archive == _lasting(store):
            return folder
    return None


def _lasting(store: Store) -> str:
    return store.url if "://" in store.url else str(Path(store.url).absolute())


@contextmanager
def stage(spool: Path) -> Iterator[Path]:
    """A folder of the spool to prepare an import in; whatever is left in it at the end is removed."""
    try:
        spool.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="import-", dir=spool))
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise SpoolError(f"cannot write to the spool {spool}: {error.strerror}; set MORGUE_SPOOL") from error
    try:
        yield folder
    except OSError as error:
        raise SpoolError(f"cannot write to the spool {folder}: {error.strerror}; make room") from error
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def clear_left(spool: Path) -> None:
    """Remove what imports that were killed left half done."""
    for folder in spool.glob("import-*/"):
        try:
            lock = os.open(folder / "lock", os.O_RDWR)
        except OSError:
            continue  # it is being made
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def fetch(source: Source, to: Path, progress: Progress) -> tuple[str, int]:
    """Write a source to a file, durably; return its SHA-256 (hex) and size."""
    digest, count = hashlib.sha256(), 0
    with to.open("wb") as file:
        for piece in source.pieces:
            file.write(piece)
            digest.update(piece)
            count += len(piece)
            progress("reading", count, source.size)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), count


@dataclass(slots=True)
class Look:
    """What one pass over a WARC finds: its verdict, captures, dates, warcinfo, and how much is selected."""

    verdict: Verdict
    captures: list[Capture] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    info: dict[str, str] = field(default_factory=dict)
    selected: int = 0
    several: bool = False
    listing: Listing = field(default_factory=Listing)

    def harm(self, *kinds: str) -> list[Fault]:
        """Faults of these kinds."""
        return [fault for fault in self.verdict.faults if fault.kind in kinds]


def look(path: Path, selection: Selection, progress: Progress) -> Look:
    """Check a WARC or ARC in one pass, and index it; where a selection is made of it, only count that."""
    found = Look(Verdict(path.name))
    size = path.stat().st_size

    def each(framed: Framed) -> None:
        _note(found, framed, selection)
        progress("checking", framed.offset + framed.length, size)

    with path.open("rb") as file:
        found.verdict = verify(file, name=path.name, each=each)
    last = found.listing.end()
    found.captures += [last] if last else []
    return found


def _note(found: Look, framed: Framed, selection: Selection) -> None:
    record = record_of(framed)
    found.several = found.several or b"WARC/" in framed.rest
    if record.kind == "warcinfo":
        found.info = found.info or _fields(record)
    try:
        found.first = min(found.first or record.at, record.at)
        found.last = max(found.last or record.at, record.at)
        found.selected += record.kind != "warcinfo" and selection.takes(record)
        if not selection.active:
            place = Location(warc="", offset=framed.offset, length=framed.length)
            done = found.listing.add(record, place)
            found.captures += [done] if done else []
    except DamagedWarc:
        return  # its date cannot be read: the verdict says so


def _fields(record: Record) -> dict[str, str]:
    """What a warcinfo record says; bounded, since it goes into a manifest."""
    pairs = (line.partition(":") for line in record.block[:20_000].decode("utf-8", "replace").splitlines())
    return {name.strip()[:80]: value.strip()[:500] for name, colon, value in list(pairs)[:40] if colon}


@dataclass(slots=True)
class _Part:
    """One WARC of a source while it is made ready; `told` goes into the manifest."""

    name: str
    path: Path
    look: Look
    told: dict[str, Any]
    suffix: str


class _Job:
    """One source on its way into the spool."""

    def __init__(
        self, folder: Path, name: str, sha256: str, size: int, order: Order, progress: Progress
    ) -> None:
        self.folder = folder
        self.name = name
        self.order = order
        self.progress = progress
        self.said: dict[str, Any] = {
            "source": name,
            "sha256": sha256,
            "size": size,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "by": SOFTWARE,
            "note": order.note,
            "selection": order.selection.said() if order.selection.active else None,
        }

    def prepare(self, store: Store, token: str) -> Path | None:
        """Make the folder of a run that has ended; None where nothing was selected."""
        parts = list(self.parts())
        if not parts:
            return None
        captures = [capture for part in parts for capture in part.look.captures]
        site = self.order.site or site_of(captures, self.order.known)
        first = min(part.look.first for part in parts if part.look.first)
        last = max(part.look.last for part in parts if part.look.last)
        run_id = f"{first:%Y%m%dT%H%M%SZ}-{token}"
        for serial, part in enumerate(parts, 1):
            self.place(part, site, f"{site}-{first:%Y%m%d%H%M%S}-{token}-{serial:05}", first)
        self.said |= {"files": [part.told for part in parts], "elsewhere": _elsewhere(captures)}
        counts = counts_of(captures) | {"records": sum(p.told["records"] for p in parts)}
        write_end(self.folder, RunEnd(ended=last, reason="imported", counts=counts))
        start = RunStart(
            id=run_id, site=site, archive=_lasting(store), started=first, software=SOFTWARE,
            parameters={"import": self.said},
        )  # fmt: skip
        write_start(self.folder, start)
        target = self.folder.with_name(run_id)
        self.folder.rename(target)
        sync_folder(target.parent)
        return target

    def files(self) -> Iterator[tuple[str, Path]]:
        """The WARCs of the source: itself, or those inside a WACZ."""
        source = self.folder / "source"
        try:
            form = form_of(source)
        except DamagedWarc as error:
            raise DamagedWarc(f"{self.name}: {error}", offset=error.offset) from error
        except CallerError as error:
            raise CallerError(f"{self.name} cannot be imported: {error}") from error
        if form != "zip":
            yield Path(urlsplit(self.name).path).name or self.name, source
            return
        self.said["wacz"], found = unzipped(source, self.folder, self.name, keep=self.order.keep)
        source.unlink()
        yield from found

    def parts(self) -> Iterator[_Part]:
        """What there is to be kept; a WACZ may lose one of its WARCs to damage, where that is allowed."""
        hopeless: list[DamagedWarc] = []
        count = 0
        for name, path in self.files():
            try:
                part = self.part(name, path)
            except DamagedWarc as error:
                if not (self.order.keep and "wacz" in self.said):
                    raise
                hopeless.append(error)
                continue
            count += part is not None
            if part:
                yield part
        if hopeless:
            self.said["lost"] = [str(error) for error in hopeless]
            if not count:
                raise hopeless[0]

    def part(self, name: str, path: Path) -> _Part | None:
        """Check one WARC, and write it anew where it cannot be kept as it is."""
        told: dict[str, Any] = {"name": name, "size": path.stat().st_size, "left_out": 0, "left_out_bytes": 0}
        with path.open("rb") as file:
            told["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        ways: list[str] = []
        form = form_of(path)
        suffix = suffix_of(path, form)
        found = look(path, self.order.selection, self.progress) if form != "whole" else None
        if found is None or found.several:
            path, found = self.inflate(name, path, told), None
            ways.append("recompressed")
        found = found or look(path, self.order.selection, self.progress)
        self.judge(name, found, inflated=bool(ways))
        if self.order.selection.active:
            if not found.selected:
                path.unlink()
                return None
            ways.append("selected")
        if found.harm("broken"):
            ways.append("salvaged")
        told["warcinfo"] = found.info
        if ways:
            suffix = suffix if suffix.endswith(".gz") else f"{suffix}.gz"
            path, found = self.rewrite(name, path, found, told, suffix)
        told |= {"kept": ", ".join(ways) or "as it is", "records": found.verdict.records.total()}
        told |= {
            "remarks": len(found.verdict.faults),
            "faults": [_said(f) for f in found.verdict.faults[:SAID]],
        }
        return _Part(name, path, found, told, suffix)

    def judge(self, name: str, found: Look, *, inflated: bool) -> None:
        """Raise DamagedWarc for what is broken or has changed, unless what is whole is to be kept."""
        harm = found.harm("broken", "digest")
        if harm and not self.order.keep:
            more = f" (and {len(harm) - 1} more)" if len(harm) > 1 else ""
            where = " of its inflated bytes" if inflated else ""
            raise DamagedWarc(
                f"{name} is damaged at {harm[0].offset}{where}: {harm[0].what}{more}; nothing was imported, "
                "`--damaged keep` takes what is whole",
                offset=harm[0].offset,
            )

    def inflate(self, name: str, path: Path, told: dict[str, Any]) -> Path:
        """A file that was compressed as a whole, plain."""
        plain = path.with_name(f"{path.name}.plain")
        self.progress("inflating", 0, None)
        torn = unpacked(path, plain)
        if torn and not self.order.keep:
            raise DamagedWarc(
                f"{name} is damaged at {torn.offset}: {torn}; `--damaged keep` takes what is whole",
                offset=torn.offset,
            )
        if torn:
            lost = path.stat().st_size - torn.offset
            told |= {"left_out": 1, "left_out_bytes": lost, "gaps": [{"from": torn.offset, "why": str(torn)}]}
        path.unlink()
        return plain

    def rewrite(
        self, name: str, path: Path, found: Look, told: dict[str, Any], suffix: str
    ) -> tuple[Path, Look]:
        """The records to be kept, each its own gzip member, in a new file."""
        out = path.with_name(f"{path.name}.kept")
        with path.open("rb") as source, path.open("rb") as raw, out.open("wb") as to:
            if self.order.selection.active and suffix == ".warc.gz":
                to.write(self.warcinfo(name, told, found))
            count, harmed = 0, bool(found.harm("broken"))
            for framed in whole_records(source, fit=lambda f: not (harmed and broken(f)), lost=_gaps(told)):
                if self.wanted(framed):
                    to.write(as_member(stored(framed, raw)))
                    count += 1
                self.progress("writing", framed.offset + framed.length, path.stat().st_size)
            to.flush()
            os.fsync(to.fileno())
        path.unlink()
        if not count:
            raise DamagedWarc(f"{name} holds no whole record: {found.harm('broken')[0].what}")
        return out, look(out, Selection(), lambda _stage, _done, _of: None)

    def wanted(self, framed: Framed) -> bool:
        """Whether a whole record is to be kept: all, or those selected and what describes the file."""
        record = record_of(framed)
        return record.kind == "warcinfo" or self.order.selection.takes(record)

    def warcinfo(self, name: str, told: dict[str, Any], found: Look) -> bytes:
        """A record that says where selected records come from; the same bytes whenever it is made."""
        chosen = json.dumps(self.order.selection.said(), sort_keys=True)
        info = {
            "software": SOFTWARE,
            "format": "WARC File Format 1.1",
            "description": f"records selected from {name}, SHA-256 {told['sha256']}, by {chosen}",
            "isPartOf": self.name,
        }
        number = uuid.uuid5(uuid.NAMESPACE_URL, f"{told['sha256']} {chosen}")
        last = found.last or datetime.now(UTC)
        date = f"{last:%Y-%m-%dT%H:%M:%SZ}"
        return warcinfo_member(filename=name, info=info, number=f"<{number.urn}>", date=date)[1]

    def place(self, part: _Part, site: str, name: str, at: datetime) -> None:
        """Give a WARC its final name, and write its index lines beside it."""
        key = warc_key(site, name, at, part.suffix)
        lines = sorted(
            f"{line_of(replace(c, location=replace(c.location, warc=key)))}\n".encode()
            for c in part.look.captures
        )
        write_durably(self.folder / f"{name}.cdxj", lines)
        part.path.rename(self.folder / f"{name}{part.suffix}")


def _gaps(told: dict[str, Any]) -> Callable[[int, int, str], None]:
    def lost(start: int, end: int, why: str) -> None:
        told["left_out"] += 1
        told["left_out_bytes"] += end - start
        gaps = told.setdefault("gaps", [])
        if len(gaps) < SAID:
            gaps.append({"from": start, "to": end, "why": why})

    return lost


def _said(fault: Fault) -> dict[str, Any]:
    return {name: value for name, value in asdict(fault).items() if name != "kind"}


def site_of(captures: list[Capture], known: Mapping[str, str]) -> str:
    """Where a source goes that names no site: its one host (or the site that has it), or "imports"."""
    pages = Counter(_host(c.url) for c in captures if c.status == 200 and c.mime in PAGES)
    hosts = pages or Counter(_host(c.url) for c in captures)
    host, count = next(iter(hosts.most_common(1)), ("", 0))
    if count < MOSTLY * hosts.total() or not host:
        return "imports"
    return known.get(host) or re.sub(r"[^a-z0-9.-]+", "-", host).strip("-.")[:100] or "imports"


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower().rpartition("@")[2].removeprefix("www.")


def counts_of(captures: list[Capture]) -> dict[str, int]:
    """Captures by what came back, in the words of a crawl's counts."""
    names = {2: "ok", 3: "redirects", 4: "refused", 5: "server_errors"}
    counts = Counter(
        "unchanged" if c.status == 304 else names.get(c.status // 100, "failed") for c in captures
    )
    revisits = sum(c.kind == "revisit" for c in captures)
    return {"exchanges": len(captures)} | dict(counts) | ({"revisits": revisits} if revisits else {})


def _elsewhere(captures: list[Capture]) -> int:
    """How many revisits have no response with their payload in the same source."""
    held = {c.digest for c in captures if c.kind != "revisit"}
    return sum(c.kind == "revisit" and c.digest not in held for c in captures)
