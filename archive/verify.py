"""Fixity: is every byte of a WARC what it should be?

Rules: nothing is trusted. Gzip members are walked, lengths compared, digests computed anew, required headers
and dates read, record ids seen once. A payload digest may be over the body without transfer coding (the spec,
WARC 1.1 section 6.3.2) or over the body as stored (what warcio and others compute): both are known.
"""

import base64
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from archive.errors import DamagedWarc
from archive.warc import Member, Record, members, read_record
from archive.wire import entity

REQUIRED = ("warc-record-id", "warc-date", "warc-type", "content-length")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong: where (bytes as stored), and what."""

    offset: int
    what: str


@dataclass(slots=True)
class Verdict:
    """What a check of one WARC found; no faults means that it is whole."""

    name: str
    records: Counter[str] = field(default_factory=Counter)
    digests: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    size: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify(file: BinaryIO, *, name: str) -> Verdict:
    """Check a WARC with one gzip member per record; faults are gathered, not raised."""
    verdict = Verdict(name)
    seen: set[str] = set()
    try:
        for member in members(file):
            verdict.size = member.offset + member.length
            verdict.faults += [Fault(offset=member.offset, what=w) for w in _faults(member, verdict, seen)]
    except DamagedWarc as error:
        verdict.faults.append(Fault(offset=error.offset, what=str(error)))
    if not verdict.records and not verdict.faults:
        verdict.faults.append(Fault(offset=0, what="no record at all: the file is empty"))
    return verdict


def verify_bytes(data: bytes, *, name: str) -> Verdict:
    """Check a WARC that is in memory."""
    return verify(io.BytesIO(data), name=name)


def _faults(member: Member, verdict: Verdict, seen: set[str]) -> Iterator[str]:
    try:
        record = read_record(member.data)
    except DamagedWarc as error:
        yield str(error)
        return
    verdict.records[record.kind] += 1
    yield from _shape(member.data, record)
    yield from _identity(record, seen)
    yield from _block(record, verdict)
    yield from _payload(record, verdict)


def _shape(data: bytes, record: Record) -> Iterator[str]:
    end = data.find(b"\r\n\r\n") + 4
    rest = data[end + len(record.block) :]
    if not data.startswith(b"WARC/1."):
        yield "the record does not begin with WARC/1.0 or WARC/1.1"
    if rest != b"\r\n\r\n":
        what = "more than one record" if b"WARC/1." in rest else f"{rest[:12]!r}"
        yield f"the gzip member holds {what} behind the block, not just two line ends"


def _identity(record: Record, seen: set[str]) -> Iterator[str]:
    for name in REQUIRED:
        if not record.headers.get(name):
            yield f"{record.kind} record without {name}"
    number = record.headers.get("warc-record-id", "")
    if number and number in seen:
        yield f"record id {number} stands twice"
    seen.add(number)
    try:
        _ = record.at
    except DamagedWarc as error:
        yield str(error)


def _block(record: Record, verdict: Verdict) -> Iterator[str]:
    said = record.headers.get("warc-block-digest")
    if said is None:
        return
    match = matches(said, record.block)
    verdict.digests["block" if match else "unknown algorithm" if match is None else "block wrong"] += 1
    if match is False:
        yield f"block digest of {record.url or record.kind} is wrong"


def _payload(record: Record, verdict: Verdict) -> Iterator[str]:
    said = record.headers.get("warc-payload-digest")
    # A revisit's payload digest is that of the record it refers to: there is nothing here to compare.
    if said is None or record.kind == "revisit":
        return
    form = _form(record, said)
    verdict.digests[form] += 1
    if form == "payload wrong":
        yield f"payload digest of {record.url} is wrong"


def _form(record: Record, said: str) -> str:
    candidates: list[tuple[str, Callable[[], bytes]]] = [("payload", lambda: record.block)]
    if record.is_http and record.kind == "response":
        try:
            head, body = record.http()
        except DamagedWarc:
            head, body = None, record.block
        candidates = [("payload over transfer coding", lambda: body)]
        if head:
            candidates.insert(0, ("payload", lambda: entity(head, body)))
    elif record.is_http:
        candidates.append(("payload", lambda: record.block.partition(b"\r\n\r\n")[2]))
    for form, payload in candidates:
        match = matches(said, payload())
        if match is not False:
            return form if match else "unknown algorithm"
    return "payload wrong"


def matches(said: str, data: bytes) -> bool | None:
    """Whether a labelled digest (sha1:BASE32, sha256:hex ...) is that of `data`; None: unknown algorithm."""
    label, _, value = said.partition(":")
    algorithm = label.lower().replace("-", "")
    if algorithm not in ("md5", "sha1", "sha256", "sha384", "sha512"):
        return None
    digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
    base32 = base64.b32encode(digest).decode()
    return value in (base32, base32.rstrip("="), base32.lower()) or value.lower() == digest.hex()
