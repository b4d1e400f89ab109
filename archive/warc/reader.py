"""WARC files back into records, strictly: every byte is accounted for.

Rules: a WARC that we write has one gzip member per record. `members` walks them and says where the last whole
one ends; warcio and fastwarc both run over a torn tail without an error, so lengths are compared here.
"""

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from archive.cdxj import surt_of
from archive.errors import DamagedWarc
from archive.model import Capture, Location
from archive.rights import signals_of
from archive.wire import NotHttp, ResponseHead, head_end, read_head

READ = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One gzip member of a WARC: where it lies (bytes as stored) and what it holds."""

    offset: int
    length: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record: its WARC headers (names in lower case) and its block."""

    kind: str
    headers: dict[str, str]
    block: bytes

    @property
    def url(self) -> str:
        """WARC-Target-URI without the angle brackets that some writers add; "" where there is none."""
        return self.headers.get("warc-target-uri", "").strip("<>")

    @property
    def at(self) -> datetime:
        """WARC-Date, in UTC; raise DamagedWarc where it is none."""
        return read_date(self.headers.get("warc-date", ""))

    @property
    def is_http(self) -> bool:
        """Whether the block is an HTTP message."""
        return self.headers.get("content-type", "").startswith("application/http")

    def http(self) -> tuple[ResponseHead, bytes]:
        """Head and raw body of a response; raise DamagedWarc where the block is no HTTP message."""
        end = head_end(self.block)
        try:
            return read_head(self.block[:end]), self.block[end:] if end else b""
        except NotHttp as error:
            raise DamagedWarc(f"record of {self.url}: {error}") from error


def read_date(text: str) -> datetime:
    """A WARC-Date (WARC 1.1, section 5.4: W3CDTF in UTC, up to nanoseconds)."""
    whole, dot, fraction = text.removesuffix("Z").partition(".")
    try:
        moment = datetime.fromisoformat(whole + dot + fraction[:6]).replace(tzinfo=UTC)
    except ValueError as error:
        raise DamagedWarc(f"{text!r} is no WARC-Date") from error
    return moment


def members(file: BinaryIO) -> Iterator[Member]:
    """Walk the gzip members of a file; raise DamagedWarc at the offset where the first torn one begins."""
    offset, pending = 0, b""
    while pending or (pending := file.read(READ)):
        reader = zlib.decompressobj(31)
        out, used, rest = [], 0, pending
        while True:
            try:
                out.append(reader.decompress(rest))
            except zlib.error as error:
                raise DamagedWarc(
                    f"no whole gzip member at offset {offset}: {error}", offset=offset
                ) from error
            used += len(rest) - len(reader.unused_data)
            if reader.eof:
                break
            rest = file.read(READ)
            if not rest:
                raise DamagedWarc(f"torn gzip member at offset {offset}", offset=offset)
        yield Member(offset=offset, length=used, data=b"".join(out))
        offset, pending = offset + used, reader.unused_data


def read_record(data: bytes) -> Record:
    """Read one record from plain or gzipped bytes; raise DamagedWarc where it is not whole."""
    try:
        found = next(iter(ArchiveIterator(io.BytesIO(data), no_record_parse=True)), None)
        if found is None:
            raise DamagedWarc("no WARC record here")
        return _record(found)
    except (ArchiveLoadFailed, zlib.error, ValueError, EOFError) as error:
        raise DamagedWarc(f"not a WARC record: {' '.join(str(error).split())[:160]}") from error


def _record(found: Any) -> Record:
    headers = {name.lower(): value for name, value in found.rec_headers.headers}
    block = found.raw_stream.read()
    said = headers.get("content-length", "")
    if not said.isdigit() or int(said) != len(block):
        raise DamagedWarc(f"record of {len(block)} bytes says Content-Length {said!r}")
    return Record(kind=found.rec_type, headers=headers, block=block)


def captures_of(file: BinaryIO, *, warc: str) -> Iterator[Capture]:
    """The captures of a gzipped WARC, as its CDXJ would name them; `warc` is its key."""
    for member in members(file):
        record = read_record(member.data)
        if record.kind in ("response", "revisit") and record.is_http:
            yield _capture(record, Location(warc=warc, offset=member.offset, length=member.length))


def _capture(record: Record, place: Location) -> Capture:
    try:
        found = record.http()
        head: ResponseHead | None = found[0]
        body = b"" if record.kind == "revisit" else found[1]
    except DamagedWarc:
        head, body = None, b""
    status = head.status if head else 0
    target = head.get(b"location") if head and 300 <= status < 400 else None
    return Capture(
        surt=surt_of(record.url),
        at=record.at,
        url=record.url,
        status=status,
        mime=(head.mime if head else "") or "unk",
        digest=record.headers.get("warc-payload-digest", ""),
        location=place,
        kind=record.kind,
        redirect=target.decode("latin-1") if target else None,
        id=record.headers.get("warc-record-id", ""),
        truncated=record.headers.get("warc-truncated"),
        rights=str(signals_of(head, body)) if head else "",
    )
