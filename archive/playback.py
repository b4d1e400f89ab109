"""A capture played back: the response as it was stored, revisits resolved."""

import time
from dataclasses import dataclass, replace
from datetime import datetime

from archive.errors import DamagedWarc, NotCaptured
from archive.index import Index
from archive.model import Capture, Location
from archive.segments import Cache
from archive.store import Store
from archive.warc import Record, read_record
from archive.warc.reader import intact, read_date
from archive.wire import ResponseHead, decode, entity

KEPT = 60.0  # seconds
WEIGHT = 2000  # bytes of memory that a record takes beside its block, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """A stored response. `body` has its transfer coding removed and its content coding kept."""

    capture: Capture
    head: ResponseHead
    body: bytes

    def decoded(self) -> bytes:
        """The body without content coding."""
        return decode(self.head, self.body)

    def text(self) -> str:
        """The decoded body as text, by the charset that the response or the page names."""
        return text_in((self.head.get(b"content-type") or b"").decode("latin-1"), self.decoded())


def text_in(kind: str, body: bytes) -> str:
    """A body without codings as text, by the charset that its Content-Type or the page names; else UTF-8."""
    from w3lib.encoding import html_to_unicode

    return str(html_to_unicode(kind, body, default_encoding="utf-8")[1])


def read_location(store: Store, location: Location) -> Record:
    """The record at a Location, by one ranged read; raise NotStored, or DamagedWarc where it has changed."""
    data = store.read(location.warc, location.offset, location.length)
    try:
        return intact(read_record(data))
    except DamagedWarc as error:
        raise DamagedWarc(f"{location.warc} at {location.offset}: {error}", offset=location.offset) from error


class Records:
    """Records of one archive, of which those read in the last minute are kept: a reader goes back and forth.

    Only what was whole and had its digest is kept. Whether a record may be shown is asked before it is taken
    from here, each time; what was cut out of a WARC stands in no index, and is asked for by nobody.
    """

    def __init__(self, store: Store, *, room: int = 64 << 20) -> None:
        self.store = store
        self._most = room // 4  # one film is not to push out all else
        self._kept: Cache[Record] = Cache(room, lambda record: WEIGHT + len(record.block))

    def at(self, place: Location) -> Record:
        """The record at a Location, as `read_location`."""
        if place.length > self._most:
            return read_location(self.store, place)
        return self._kept.get((place, int(time.monotonic() / KEPT)), lambda: read_location(self.store, place))


def _http(record: Record, place: Location) -> tuple[ResponseHead, bytes]:
    """Head and body of a record; where damage hit its own headers, they cannot say which record it is."""
    try:
        return record.http()
    except DamagedWarc as error:
        raise DamagedWarc(f"{place.warc} at {place.offset}: {error}", offset=place.offset) from error


def play(store: Store, index: Index, capture: Capture, records: Records | None = None) -> Playback:
    """The response of a capture; a revisit lends its body from the capture that it refers to.

    `records` is where records of `store` are taken from that were read lately.
    """
    record = records.at(capture.location) if records else read_location(store, capture.location)
    if record.kind == "revisit":
        original = play(store, index, _original(index, capture, record), records)
        return _lent(original, capture, record)
    head, body = _http(record, capture.location)
    return Playback(capture=capture, head=head, body=entity(head, body))


def original_of(store: Store, index: Index, capture: Capture) -> Capture:
    """The response that a revisit refers to; raise NotCaptured where it is not in this archive."""
    return _original(index, capture, read_location(store, capture.location))


def _original(index: Index, capture: Capture, record: Record) -> Capture:
    url = record.headers.get("warc-refers-to-target-uri", record.url).strip("<>")
    known = [c for c in index.known(url) if c.kind == "response" and c.location != capture.location]
    same = [c for c in known if c.digest == capture.digest]
    if not same and record.headers.get("warc-profile", "").endswith("server-not-modified"):
        # There was no payload to digest: other writers give no digest here, or that of nothing.
        same = [c for c in known if c.status == 200 and c.at <= capture.at]
    if not same:
        raise NotCaptured(f"the revisit of {record.url} refers to {url}, whose record is not in this archive")
    wanted = _referred(record, capture)
    return min(same, key=lambda c: (c.at > capture.at, abs(c.at - wanted)))


def _lent(original: Playback, capture: Capture, record: Record) -> Playback:
    if not record.block.strip():  # old revisits have no head of their own
        return replace(original, capture=capture)
    head = _http(record, capture.location)[0]
    # The body's codings are the original's: a 304 or a revisit head may lack them (WARC 1.1, section 6.7).
    own = {name.lower() for name, _ in head.headers}
    missing = tuple((n, v) for n, v in original.head.headers if n.lower() not in own)
    status = original.head.status if head.status == 304 else head.status
    return Playback(
        capture=capture, head=replace(head, status=status, headers=head.headers + missing), body=original.body
    )


def _referred(record: Record, capture: Capture) -> datetime:
    """The moment of the record that a revisit refers to; its own where it does not say."""
    try:
        return read_date(record.headers["warc-refers-to-date"])
    except (KeyError, DamagedWarc):
        return capture.at
