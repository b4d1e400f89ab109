"""Fixity: is every byte of a WARC what it should be?

Rules: nothing is trusted. Members are walked, lengths compared, digests computed anew, required headers and
dates read, record ids seen once, what refers followed. A payload digest may be over the body without transfer
coding (the spec, WARC 1.1 section 6.3.2) or over the body as stored (what warcio and others compute): both
are known. A fault is damage, or a claim that the file itself contradicts; a note is odd, known, and harmless:

    wget 1.14 gives two of its own metadata:// records one id, and wget revisits the digest of no byte
    some writers leave line ends out behind an empty block, or count them into it
    a file that is still `.open` may hold all its records in one gzip member, to be closed later
    a server lied about its coding, and the metadata record of the fetch says `bodyAsSent`
"""

import io
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from archive.errors import DamagedWarc
from archive.warc.reader import matches, of_nothing, read_date
from archive.warc.strict import Framed, frames
from archive.wire import NotHttp, ResponseHead, entity, head_end, misfit, read_head

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRED = ("warc-record-id", "warc-date", "warc-type")
WGET = "metadata://gnu.org/software/wget/"
REFERS = ("warc-refers-to", "warc-refers-to-target-uri", "warc-refers-to-date")
RECORD_ID = re.compile(r"<?[a-z][a-z0-9+.-]*:\S+?>?\Z", re.I)
DIGESTS = ("warc-payload-digest", "warc-block-digest")
KINDS = {
    "warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation",
}  # fmt: skip
DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")  # WARC 1.1, 5.4: a date may be as coarse as it is known
ARC_DATE = re.compile(r"\d{14}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, or odd: where (bytes as stored), and what.

    `kind` is "broken" (the record is not whole, or cannot be found again), "digest" (its bytes are not those
    that were written) or "claim" (it says of itself what is not so).
    """

    offset: int
    what: str
    kind: str = "claim"


@dataclass(slots=True)
class Verdict:
    """What a check of one WARC found; no faults means that it is whole. `notes` are odd, and harmless."""

    name: str
    records: Counter[str] = field(default_factory=Counter)
    digests: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    size: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify(file: BinaryIO, *, name: str, each: "Callable[[Framed], None] | None" = None) -> Verdict:
    """Check a WARC or ARC, gzipped or plain; faults are gathered, not raised. `each` gets every record."""
    return _Check(name, each).run(file)


def broken(record: Framed) -> bool:
    """Whether a record is not whole by itself."""
    check = _Check("")
    check.look(record)
    return any(fault.kind == "broken" for fault in check.verdict.faults)


def verify_bytes(data: bytes, *, name: str) -> Verdict:
    """Check a WARC that is in memory."""
    return verify(io.BytesIO(data), name=name)


class _Check:
    """The check of one file, while it goes on."""

    def __init__(self, name: str, each: "Callable[[Framed], None] | None" = None) -> None:
        self.verdict = Verdict(name)
        self.each = each
        self.open = name.endswith(".open")
        self.seen: dict[str, str] = {}
        self.pending: dict[str, Fault] = {}  # by record id: may be explained by a record that comes later
        self.revisits: list[tuple[Fault, str]] = []

    def run(self, file: BinaryIO) -> Verdict:
        verdict = self.verdict
        try:
            for record in frames(file):
                verdict.size = record.offset + record.length
                self.look(record)
                if self.each:
                    self.each(record)
        except DamagedWarc as error:
            verdict.faults.append(Fault(offset=error.offset, what=str(error), kind="broken"))
        verdict.faults += self.pending.values()
        verdict.faults += [fault for fault, number in self.revisits if number not in self.seen]
        if not verdict.records and not verdict.faults:
            self.fault(0, "no record at all: the file is empty", kind="broken")
        verdict.faults.sort(key=lambda fault: fault.offset)
        return verdict

    def fault(self, offset: int, what: str, *, note: bool = False, kind: str = "claim") -> None:
        found = Fault(offset=offset, what=what, kind=kind)
        (self.verdict.notes if note else self.verdict.faults).append(found)

    def look(self, record: Framed) -> None:
        kind = record.names.get("warc-type", "")
        self.verdict.records[kind or "unnamed"] += 1
        if record.version == "arc":
            self.arc(record)
            return
        for line in record.odd:
            self.fault(record.offset, f"a header line that is none: {line[:40]!r}")
        self.identity(record, kind)
        self.ending(record, kind)
        self.block(record)
        self.payload(record, kind)
        if kind == "revisit":
            self.revisit(record)
        elif kind == "response":
            self.coding(record)
        elif kind == "metadata":
            self.explanation(record)

    def arc(self, record: Framed) -> None:
        if not ARC_DATE.match(record.names["warc-date"]):
            self.fault(record.offset, f"{record.names['warc-date']!r} is no ARC date", kind="broken")
        if record.rest.strip(b"\r\n"):
            self.fault(record.offset, f"behind the record stands {record.rest[:12]!r}", kind="broken")
        elif record.rest not in (b"\n", b"\r\n"):
            self.fault(record.offset, "the line end behind the record is missing", note=True)

    def identity(self, record: Framed, kind: str) -> None:
        names, offset = record.names, record.offset
        for name in REQUIRED:
            if not names.get(name):
                self.fault(offset, f"{kind or 'unnamed'} record without {name}", kind="broken")
        if kind and kind not in KINDS:
            self.fault(offset, f"{kind!r} is no WARC-Type of the standard", note=True)
        if record.version not in ("1.0", "1.1"):
            self.fault(offset, f"WARC/{record.version} is neither WARC/1.0 nor WARC/1.1")
        number, target = names.get("warc-record-id", ""), names.get("warc-target-uri", "").strip("<>")
        if number and not RECORD_ID.match(number):
            self.fault(offset, f"record id {number[:60]!r} is no URI")
        if number and number in self.seen:
            both = target.startswith(WGET) and self.seen[number].startswith(WGET)
            self.fault(offset, f"record id {number} stands twice", note=both)
        self.seen[number] = target
        self.date(names.get("warc-date", ""), offset)

    def date(self, text: str, offset: int) -> None:
        try:
            moment = read_date(text) if text else None
        except DamagedWarc as error:
            self.fault(offset, str(error), kind="broken")
            return
        if moment and not text.endswith("Z") and not DAY.match(text):
            self.fault(offset, f"WARC-Date {text!r} is not in UTC: it does not end with Z")

    def ending(self, record: Framed, kind: str) -> None:
        if record.rest == b"\r\n\r\n":
            return
        offset, rest = record.offset, record.rest
        if b"WARC/" in rest:
            what = "the gzip member holds more than one record: none but the first can be read by its offset"
            note = self.open and rest.startswith(b"\r\n\r\nWARC/")
            self.fault(offset, what, note=note, kind="broken")
        elif not record.block and rest in (b"\r\n", b""):
            self.fault(offset, "fewer than two line ends behind an empty block", note=True)
        elif not rest and _counted_in(record, kind):
            self.fault(offset, "Content-Length counts the line ends behind the block", note=True)
        else:
            what = f"behind the block stand {rest[:12]!r}, not just two line ends"
            self.fault(offset, what, kind="broken")

    def block(self, record: Framed) -> None:
        said = record.names.get("warc-block-digest")
        if not said:
            return
        match = matches(said, record.block)
        self.verdict.digests["block" if match else "unknown" if match is None else "block wrong"] += 1
        if match is False:
            nothing = of_nothing(record.names.get("warc-type", ""), said)
            what = f"block digest of {_target(record)} is {'that of nothing' if nothing else 'wrong'}"
            self.fault(record.offset, what, note=nothing, kind="digest")
        elif match is None:
            self.fault(
                record.offset, f"block digest {said[:24]!r} is of no algorithm that we know", note=True
            )

    def payload(self, record: Framed, kind: str) -> None:
        said = record.names.get("warc-payload-digest")
        if not said:
            if kind in ("response", "resource") and not any(record.names.get(d) for d in DIGESTS):
                self.fault(record.offset, f"{kind} of {_target(record)} without any digest")
            return
        # A revisit's payload digest is that of the record it refers to: there is nothing here to compare.
        # Nor has one segment of a record the digest of all of it.
        apart = kind in ("revisit", "continuation") or "warc-segment-number" in record.names
        form = "" if apart else _form(record, kind, said)
        if form:
            self.verdict.digests[form] += 1
        if form == "payload wrong":
            # Some digest the whole payload before they truncate it.
            cut = "warc-truncated" in record.names
            what = f"payload digest of {_target(record)} is wrong"
            self.fault(record.offset, what, note=cut, kind="digest")

    def revisit(self, record: Framed) -> None:
        names = record.names
        if not names.get("warc-profile"):
            self.fault(record.offset, f"revisit of {_target(record)} without warc-profile")
        digest, same = names.get("warc-payload-digest"), "warc-target-uri" in names
        if any(names.get(name) for name in REFERS[1:]):
            return
        number = names.get("warc-refers-to")
        what = f"revisit of {_target(record)} refers to nothing"
        if record.version == "1.0" and digest and same:
            # Before WARC 1.1 digest and URI were the reference; an id may be that of another file.
            if number not in self.seen:
                self.fault(record.offset, what + " here but its payload digest (WARC/1.0)", note=True)
        elif number:
            self.revisits.append((Fault(offset=record.offset, what=what + " in this file"), number))
        else:
            self.fault(record.offset, what)

    def coding(self, record: Framed) -> None:
        """A body that is not what its head says: decoded, and the head was kept; or the server lied."""
        head, body = _http(record)
        if head is None or head.status in (204, 304) or not body:
            return
        said = misfit(head, body[:8192])
        if said:
            what = (
                f"the body of {_target(record)} is not {said}, as its head says: decoded, or the server lied"
            )
            number = record.names.get("warc-record-id", "")
            self.pending[number] = Fault(offset=record.offset, what=what)

    def explanation(self, record: Framed) -> None:
        number = record.names.get("warc-concurrent-to") or record.names.get("warc-refers-to") or ""
        if number in self.pending and b"bodyAsSent:" in record.block:
            fault = self.pending.pop(number)
            self.fault(fault.offset, f"{fault.what}: as the server sent it", note=True)


def _target(record: Framed) -> str:
    return record.names.get("warc-target-uri", "").strip("<>") or record.names.get("warc-type", "a record")


def _http(record: Framed) -> tuple[ResponseHead | None, bytes]:
    """Head and raw body of an HTTP response; no head where it is none."""
    kind = record.names.get("content-type", "").lower().replace(" ", "")
    if not kind.startswith("application/http") or "msgtype=request" in kind:
        return None, record.block
    end = head_end(record.block)
    try:
        return read_head(record.block[:end]), record.block[end:] if end else b""
    except NotHttp:
        return None, record.block


def _counted_in(record: Framed, kind: str) -> bool:
    """Whether the two line ends that should stand behind the block are its last bytes."""
    if not record.block.endswith(b"\r\n\r\n"):
        return False
    if kind in ("warcinfo", "metadata"):
        return record.block.endswith(b"\r\n\r\n\r\n\r\n")
    head, body = _http(record)
    if kind == "request" or (head and not body[:-4] and head.length in (None, 0)):
        return record.block.endswith(b"\r\n\r\n\r\n\r\n")
    if kind == "revisit":
        return body == b"\r\n\r\n"
    return head is not None and head.length is not None and len(body) - 4 == head.length


def _form(record: Framed, kind: str, said: str) -> str:
    """What a payload digest was computed over, in words."""
    candidates: list[tuple[str, Callable[[], bytes]]] = [("payload", lambda: record.block)]
    head, body = _http(record)
    if kind == "response" and record.names.get("content-type", "").startswith("application/http"):
        candidates = [("payload over transfer coding", lambda: body)]
        if head:
            found = head
            candidates.insert(0, ("payload", lambda: entity(found, body)))
    elif kind == "request":
        candidates.append(("payload", lambda: record.block.partition(b"\r\n\r\n")[2]))
    for form, payload in candidates:
        match = matches(said, payload())
        if match is not False:
            return form if match else "unknown"
    return "payload wrong"
