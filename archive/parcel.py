"""What goes into an export of captures: the pages of a selection, and all that stands with them.

Rules: each record once. A page brings what it loads, from the captures nearest to it in time; a redirect
brings where it leads; a revisit brings the record that it refers to, so that a parcel stands alone; a
response brings its request and metadata. What a rule of access or the policy of export forbids stays out,
with all of its records, and is counted.
"""

import io
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin

from archive.articles import newest_rows, tables
from archive.cdxj import capture_of
from archive.errors import DamagedWarc, NotCaptured, NotStored
from archive.index import Index
from archive.model import ArticleRow, Capture, Location
from archive.permission import Permission
from archive.playback import original_of, play
from archive.requisites import requisites
from archive.runs import all_runs
from archive.store import Store
from archive.warc import Record, read_record
from archive.warc.forms import as_member
from archive.warc.writer import ends_group

BESIDE = 16 << 10  # bytes read before a response, and behind it: its request and metadata
GROUP = 5  # records before a response: interim responses, certificates, the request
DEPTH = 4  # style sheets that import style sheets, redirects of redirects, frames in frames
PAGES = ("text/html", "application/xhtml+xml")
LOADING = (*PAGES, "text/css")  # what loads more


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A capture with its records as gzip members, its own behind those `before`; `row` where it is an
    article's page. `page` says that a reader may begin here.
    """

    capture: Capture
    members: tuple[bytes, ...]
    before: int = 0
    row: ArticleRow | None = None
    page: bool = False


class _Places:
    """Where the records lie that were taken: on disk where they are many, so that memory stays as it is."""

    def __init__(self) -> None:
        # A private file, which SQLite removes; a room's answer may be written by several threads in turn.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE place (warc, offset, PRIMARY KEY (warc, offset)) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def add(self, place: Location) -> bool:
        """Note a record; whether it was not there."""
        asked = "INSERT OR IGNORE INTO place VALUES (?, ?)"
        return self._db.execute(asked, (place.warc, place.offset)).rowcount > 0


class Parcel:
    """One export, as a stream of items; afterwards what is missing and what was left out."""

    def __init__(self, store: Store, index: Index, permission: Permission) -> None:
        self.store = store
        self.index = index
        self.permission = permission
        self.left_out: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        self.pages = 0
        self._taken = _Places()

    def of_rows(self, rows: Iterable[ArticleRow]) -> Iterator[Item]:
        """The pages of articles, with what they load."""
        for row in rows:
            found = next((c for c in self.index.known(row.article.url) if c.location == row.warc), None)
            if found is None:
                self.missing["not in the index"] += 1
                continue
            yield from self._with(found, DEPTH, row=row, page=True)

    def of_urls(
        self, urls: Iterable[str], since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[Item]:
        """All captures of some addresses, with what they load."""
        for url in urls:
            found = [c for c in self.index.captures(url) if _within(c.at, since, until)]
            if not found:
                self.missing["never captured"] += 1
            for capture in found:
                yield from self._with(capture, DEPTH, page=capture.mime in PAGES)

    def of_site(
        self,
        site: str,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Item]:
        """Everything that was captured of a newspaper, run by run."""
        groups = tables(self.store, site)
        for run in all_runs(self.store, site):
            if not _overlaps(run.started, run.ended, since, until):
                continue
            own = [group for group in groups if group.endswith(f"/{run.id}")]
            rows = {(r.warc.warc, r.warc.offset): r for r in newest_rows(self.store, own)}
            for warc in run.warcs:
                found = map(capture_of, self.store.read(warc.cdxj).decode().splitlines())
                for capture in sorted(found, key=lambda c: c.location.offset):
                    if not _within(capture.at, since, until) or self._hidden(capture):
                        continue
                    row = rows.get((capture.location.warc, capture.location.offset))
                    page = row is not None or (capture.mime in PAGES and capture.status == 200)
                    yield from self._with(capture, 0, row=row, page=page)

    def _hidden(self, capture: Capture) -> bool:
        return bool(self.index.hidden and self.index.hidden(capture))

    def _with(
        self, capture: Capture, depth: int, *, row: ArticleRow | None = None, page: bool = False
    ) -> Iterator[Item]:
        """A capture, and what stands with it."""
        if not self._taken.add(capture.location):
            return
        if said := self.permission.gives(capture):
            self.left_out[said] += 1
            return
        try:
            before, own, behind = group_of(self.store, capture.location)
        except (NotStored, DamagedWarc):
            self.missing["cannot be read"] += 1
            return
        self.pages += page
        members = (*before, own, *behind)
        yield Item(capture=capture, members=members, before=len(before), row=row, page=page)
        for other in self._beside(capture, depth):
            yield from self._with(other, depth - 1)

    def _beside(self, capture: Capture, depth: int) -> Iterator[Capture]:
        if capture.kind == "revisit":
            try:
                yield original_of(self.store, self.index, capture)
            except (NotCaptured, NotStored, DamagedWarc):
                self.missing["what a revisit refers to"] += 1
        if depth <= 0:
            return
        for url in self._loaded(capture):
            try:
                yield self.index.closest(url, capture.at)
            except NotCaptured:
                self.missing["what a page loads, never captured"] += 1

    def _loaded(self, capture: Capture) -> list[str]:
        if capture.redirect:
            return [urljoin(capture.url, capture.redirect)]
        unchanged = capture.kind == "revisit" and capture.status == 304  # whose head says no media type
        if not unchanged and (capture.mime not in LOADING or capture.status != 200):
            return []
        try:
            played = play(self.store, self.index, capture)
            mime = played.head.mime if unchanged else capture.mime
            return requisites(played.text(), capture.url, mime) if mime in LOADING else []
        except (NotCaptured, NotStored, DamagedWarc, ValueError):
            return []


def group_of(store: Store, place: Location) -> tuple[list[bytes], bytes, list[bytes]]:
    """A record's gzip member, with those of its request before it and its metadata behind it.

    Raise NotStored or DamagedWarc.
    """
    start = max(place.offset - BESIDE, 0)
    ahead = place.offset - start
    data = store.read(place.warc, start, ahead + place.length + BESIDE)
    own, rest = data[ahead : ahead + place.length], data[ahead + place.length :]
    if len(own) < place.length:
        raise DamagedWarc(f"{place.warc} ends before {place.offset + place.length}", offset=place.offset)
    record = read_record(own)
    request = record.headers.get("warc-concurrent-to", "")
    before = _before(data[:ahead], request) if request else []
    return before, as_member(own), list(_behind(rest, record.headers.get("warc-record-id", "")))


def _before(data: bytes, number: str) -> list[bytes]:
    """The members that end `data`, from the record of this id on; none where that is not among them."""
    found: list[bytes] = []
    while len(found) < GROUP:
        member, record = _last(data)
        if record is None or number not in (record.headers.get("warc-record-id"), *_named(record)):
            return []
        found.insert(0, member)
        if record.headers.get("warc-record-id") == number:
            return found
        data = data[: -len(member)]
    return []


def _last(data: bytes) -> tuple[bytes, Record | None]:
    """The gzip member with which `data` ends, and its record: what looks like the start of one may not be."""
    place = len(data)
    while (place := data.rfind(b"\x1f\x8b\x08", 0, place)) >= 0:
        reader = zlib.decompressobj(31)
        try:
            text = reader.decompress(data[place:])
            if reader.eof and not reader.unused_data:
                return data[place:], read_record(text)
        except (zlib.error, DamagedWarc):
            continue
    return b"", None


def _behind(data: bytes, number: str) -> Iterator[bytes]:
    """The members that belong to the record with this id, up to the end of its exchange."""
    while data.startswith(b"\x1f\x8b"):
        reader = zlib.decompressobj(31)
        try:
            text = reader.decompress(data)
            if not reader.eof:
                return  # cut off here: longer than what was read
            record = read_record(text)
        except (zlib.error, DamagedWarc):
            return
        if not _belongs(record, number):
            return
        yield data[: len(data) - len(reader.unused_data)]
        if ends_group(record.kind, record.headers.get("content-type", "")):
            return
        data = reader.unused_data


def _belongs(record: Record, number: str) -> bool:
    return bool(number) and record.kind in ("request", "metadata") and number in _named(record)


def _named(record: Record) -> tuple[str | None, str | None]:
    return record.headers.get("warc-concurrent-to"), record.headers.get("warc-refers-to")


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return not ((since and at < since) or (until and at >= until))


def _overlaps(start: datetime, end: datetime, since: datetime | None, until: datetime | None) -> bool:
    late = timedelta(hours=1)  # a run's times are those of its process; a capture's of the wire
    return not ((since and end + late < since) or (until and start - late >= until))


def whole(items: Iterable[Item]) -> bytes:
    """The records of some items, one behind the other; for small ones."""
    out = io.BytesIO()
    for item in items:
        for member in item.members:
            out.write(member)
    return out.getvalue()
