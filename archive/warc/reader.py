"""WARC files back into records, strictly: every byte is accounted for.

Rules: a WARC that we write has one gzip member per record. `members` walks them and says where the last whole
one ends; warcio and fastwarc both run over a torn tail without an error, so lengths are compared here.
"""

import base64
import hashlib
import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

import deflate

from archive.cdxj import moment_of, surt_of
from archive.errors import DamagedWarc
from archive.methods import asked_with, keyed
from archive.model import Capture, Location
from archive.rights import UNSAID, signals_of
from archive.wire import NotHttp, ResponseHead, entity, head_end, read_head

READ = 1 << 20
MAGIC = b"\x1f\x8b\x08"
SHORTEST = 18  # bytes of a gzip member: its head and its end
DENSEST = 1032  # bytes that one byte of deflate can stand for, at most
FIELDS = "application/warc-fields"

Page = tuple[ResponseHead | None, bytes]


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
        """Whether the block is an HTTP message; where no media type is given, it shows."""
        said = self.headers.get("content-type", "").lower()
        return said.startswith("application/http") or (not said and self.block.startswith(b"HTTP/"))

    @property
    def is_capture(self) -> bool:
        """Whether an index lists the record: what came of a request, or what stands for that.

        A resource is what others keep of a page without its HTTP head; an old revisit may have no block.
        """
        if self.kind not in ("response", "revisit", "resource"):
            return False
        if self.kind != "resource" and self.is_http:
            return True
        web = self.url.lower().startswith(("http://", "https://"))
        return web and (self.kind == "resource" or (self.kind == "revisit" and not self.block.strip()))

    def http(self) -> tuple[ResponseHead, bytes]:
        """Head and raw body of a response; raise DamagedWarc where the block is no HTTP message.

        A resource is all body: its head says no more than the media type.
        """
        head = self.head()
        if self.kind == "resource":
            return head, self.block
        end = head_end(self.block)
        return head, self.block[end:] if end else b""

    def head(self) -> ResponseHead:
        """Head of a response, as `http`, without a copy of its body."""
        if self.kind == "resource":
            named = (b"Content-Type", self.headers.get("content-type", "").encode("latin-1", "replace"))
            return ResponseHead(version="1.1", status=200, reason="OK", headers=(named,))
        try:
            return read_head(self.block[: head_end(self.block)])
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


def members(file: BinaryIO, start: int = 0) -> Iterator[Member]:
    """Walk the gzip members of a file; raise DamagedWarc at the offset where the first torn one begins.

    `start` is the offset at which the file stands.
    """
    offset, pending = start, b""
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


def inflated(data: bytes, start: int, end: int) -> bytes | None:
    """What the gzip member between the two holds; None where one does not begin and end there, whole.

    All of it has the length and the CRC-32 that stand at its end (RFC 1952, 2.3.1).
    """
    if end - start < SHORTEST:
        return None
    crc, size = struct.unpack_from("<II", data, end - 8)
    if not 0 < size <= DENSEST * (end - start):  # of "nothing" the library checks nothing
        return None
    try:
        found = bytes(deflate.gzip_decompress(memoryview(data)[start:end]))
    except (deflate.DeflateError, ValueError, MemoryError):
        return None
    return found if len(found) == size and deflate.crc32(found) == crc else None


def read_record(data: bytes) -> Record:
    """Read one record from plain or gzipped bytes; raise DamagedWarc where it is not whole.

    Of a gzip member all is inflated, and its CRC-32 checked: warcio stops at the end of the record, and does
    not see damage that can be inflated.
    """
    from warcio.archiveiterator import ArchiveIterator  # a long import, for which a listing has no use
    from warcio.exceptions import ArchiveLoadFailed

    if data.startswith(MAGIC):
        data = inflated(data, 0, len(data)) or next(members(io.BytesIO(data))).data
    try:
        found = next(iter(ArchiveIterator(io.BytesIO(data), no_record_parse=True)), None)
        if found is None:
            raise DamagedWarc("no WARC record here")
        return _record(found)
    except (ArchiveLoadFailed, zlib.error, ValueError, EOFError) as error:
        raise DamagedWarc(f"not a WARC record: {' '.join(str(error).split())[:160]}") from error


def _record(found: Any) -> Record:
    headers = {name.lower(): value for name, value in found.rec_headers.headers}
    if found.format == "arc":
        if not headers["archive-date"].isdigit():  # warcio takes for one whatever has four spaces in a line
            raise DamagedWarc("not a WARC record: neither a version nor the date of an ARC")
        return arc_record(headers["uri"], headers["archive-date"], headers, found.raw_stream.read())
    block = found.raw_stream.read()
    said = headers.get("content-length", "")
    if not said.isdigit() or int(said) != len(block):
        raise DamagedWarc(f"record of {len(block)} bytes says Content-Length {said!r}")
    return Record(kind=found.rec_type, headers=headers, block=block)


def intact(record: Record) -> Record:
    """The record, if its block has the digest that stands in its header; raise DamagedWarc."""
    said = record.headers.get("warc-block-digest")
    if said and matches(said, record.block) is False and not of_nothing(record.kind, said):
        raise DamagedWarc(f"the block of {record.url or record.kind} is not what its digest says")
    return record


def of_nothing(kind: str, said: str) -> bool:
    """Whether a revisit has the digest of no byte, which wget gives to all of them (--warc-dedup)."""
    return kind == "revisit" and matches(said, b"") is True


def matches(said: str, data: bytes) -> bool | None:
    """Whether a labelled digest (sha1:BASE32, sha256:hex ...) is that of `data`; None: unknown algorithm."""
    label, _, value = said.partition(":")
    algorithm = label.lower().replace("-", "")
    if algorithm not in ("md5", "sha1", "sha256", "sha384", "sha512"):
        return None
    digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
    base32 = base64.b32encode(digest).decode()
    return value in (base32, base32.rstrip("="), base32.lower()) or value.lower() == digest.hex()


def arc_record(url: str, date: str, headers: dict[str, str], block: bytes) -> Record:
    """An ARC record in the words of WARC: an ARC holds responses alone, behind the one that describes it."""
    kind = "warcinfo" if url.startswith("filedesc:") else "response"
    web = url.lower().startswith(("http://", "https://"))
    said = {
        "warc-target-uri": url,
        "warc-date": _arc_date(date),
        "content-type": "application/http; msgtype=response" if web else headers.get("content-type", ""),
        "content-length": str(len(block)),
    }
    return Record(kind=kind, headers=said, block=block)


def _arc_date(date: str) -> str:
    try:
        return moment_of(date).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return date


def captures_of(file: BinaryIO, *, warc: str) -> Iterator[Capture]:
    """The captures of a gzipped WARC, as its CDXJ would name them; `warc` is its key."""
    return listed(
        (read_record(member.data), Location(warc=warc, offset=member.offset, length=member.length))
        for member in members(file)
    )


def listed(records: Iterable[tuple[Record, Location]]) -> Iterator[Capture]:
    """The captures among the records of a WARC, in its order."""
    listing = Listing()
    for record, place in records:
        if done := listing.add(record, place):
            yield done
    if done := listing.end():
        yield done


class Listing:
    """Puts the records of an exchange together, as they come; a request may stand before or after.

    The rights of a page are read from the page only where no metadata record tells them: to read it is most
    of what a listing costs.
    """

    def __init__(self) -> None:
        self._found: Capture | None = None
        self._page: Record | None = None
        self._asked: Record | None = None

    def add(self, record: Record, place: Location) -> Capture | None:
        """Take a record; the capture before it, which is then complete; raise DamagedWarc as capture_in."""
        if record.kind == "request":
            self._asked = record
            self._found = self._found and _asked(self._found, record, self._found.id)
        elif record.kind == "metadata":
            self._tell(record)
        if not record.is_capture:
            return None
        head = head_in(record)
        found, asked = capture_in(record, place, head), self._asked
        mine = record.headers.get("warc-concurrent-to")
        if asked and mine and mine == asked.headers.get("warc-record-id"):
            found = _asked(found, asked, asked.headers.get("warc-concurrent-to"))
        done = self.end()
        self._found, self._page = found, record
        return done

    def _tell(self, record: Record) -> None:
        """What the metadata record of the capture's own fetch says of it."""
        if self._found is None or not _is_of(record, self._found):
            return
        said = fields_in(record.block)
        rights = said.get("rightsSignals")
        if rights is not None:
            self._page = None
        if rights or "wall" in said:
            told = "" if rights == UNSAID else rights or ""
            self._found = replace(self._found, wall=said.get("wall", ""), rights=told)

    def end(self) -> Capture | None:
        """The last capture."""
        if self._found is None or self._page is None:
            return self._found
        head, body = page_in(self._page)
        rights = str(signals_of(head, body)) if head else ""
        return replace(self._found, rights=rights) if rights else self._found


def _is_of(record: Record, capture: Capture) -> bool:
    beside = record.headers.get("warc-concurrent-to")
    return beside == capture.id != "" and record.headers.get("content-type") == FIELDS


def fields_in(block: bytes) -> dict[str, str]:
    """The names and values of a block of warc-fields."""
    lines = (line.partition(":") for line in block.decode("utf-8", "replace").splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def _asked(capture: Capture, request: Record, other: str | None) -> Capture:
    """A capture with the method of its request, where that is not GET and the request is of it."""
    if request.block.startswith(b"GET ") or request.headers.get("warc-concurrent-to") != other:
        return capture
    method, sent = asked_with(request.block)
    key = surt_of(keyed(capture.url, method, sent))
    return replace(capture, surt=key, method=method, sent=sent)


def head_in(record: Record) -> ResponseHead | None:
    """Head of a record; None where it is no HTTP message."""
    try:
        return record.head()
    except DamagedWarc:
        return None


def page_in(record: Record) -> Page:
    """Head and body of a record, those of a revisit without body; no head where it is no HTTP message."""
    try:
        head, body = record.http()
    except DamagedWarc:
        return None, b""
    return head, b"" if record.kind == "revisit" else body


def capture_in(record: Record, place: Location, head: ResponseHead | None) -> Capture:
    """The index line of a record, without rights; raise DamagedWarc where its date cannot be read."""
    status = head.status if head else 0
    target = head.get(b"location") if head and 300 <= status < 400 else None
    return Capture(
        surt=surt_of(record.url),
        at=record.at,
        url=record.url,
        status=status,
        mime=(head.mime if head else "") or "unk",
        digest=record.headers.get("warc-payload-digest", "") or _digest(record),
        location=place,
        kind=record.kind,
        redirect=target.decode("latin-1") if target else None,
        id=record.headers.get("warc-record-id", ""),
        truncated=record.headers.get("warc-truncated"),
    )


def _digest(record: Record) -> str:
    """SHA-1 of the payload, where the writer gave none; a revisit has no payload of its own."""
    if record.kind == "revisit":
        return ""
    try:
        head, body = record.http()
        payload = entity(head, body)
    except DamagedWarc:
        payload = record.block
    return "sha1:" + base64.b32encode(hashlib.sha1(payload, usedforsecurity=False).digest()).decode()
