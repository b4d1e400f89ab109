"""Exchanges as WARC/1.1 records, each one gzip member.

Rules: warcio makes every byte of a record; the HTTP head is handed to it as bytes, so that it is stored as it
crossed the wire. The payload digest is over the body without transfer coding (WARC 1.1, section 6.3.2); the
block digest is over the block as stored. An exchange's records go out together, name each other, and end with
the metadata record of the fetch: `ends_group` knows it, so that a torn file is cut between exchanges.

    metadata   application/pem-certificate-chain   what the server showed (once per host and run)
    request    application/http
    metadata   application/http                    interim responses (1xx), where there were any
    response   application/http                    or revisit: the same payload, or 304
    metadata   application/warc-fields             how long, found where and how, what went wrong
"""

import base64
import hashlib
import io
import os
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import deflate
from isal import isal_zlib
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from archive.cdxj import surt_of
from archive.methods import asked_with, keyed
from archive.model import Capture, Exchange, Location, Original
from archive.opening import Opening
from archive.rights import UNSAID, beside, parse, signals_in
from archive.walls import PAGES, wall_in
from archive.wire import NotHttp, ResponseHead, entity, misfit, payload_pieces, read_head

GZIP_LEVEL = 6
SHORT, SHORT_LEVEL = 4096, 1  # bytes of records that are mostly headers; ISA-L's level
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
STORED = 0xFFFF  # bytes of a stored block, at most
CODED = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "video/", "audio/", "font/woff")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
WORTH = 256  # bytes of a body below which a revisit would be no smaller than the response
FIELDS = "application/warc-fields"
CERTIFICATES = "application/pem-certificate-chain"
PROFILE = "http://netpreserve.org/warc/1.1/revisit/"

Put = Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The gzip members of an exchange, in order, and the capture among them (not located yet).

    A member that is too big for memory is a function that writes it, piece by piece. `captured` is the place
    of the capture's record in `members`.
    """

    members: tuple[bytes | Callable[[Put], None], ...]
    capture: Capture | None = None
    captured: int = 0

    @property
    def small(self) -> bool:
        """Whether all of it is in memory: then it is written at once, and may be written again."""
        return all(isinstance(member, bytes) for member in self.members)

    @property
    def size(self) -> int:
        """Bytes of the members that are in memory."""
        return sum(len(member) for member in self.members if isinstance(member, bytes))

    @property
    def data(self) -> bytes:
        """All members as bytes."""
        out: list[bytes] = []
        self.write(out.append)
        return b"".join(out)

    def write(self, put: Put) -> tuple[int, ...]:
        """Hand all bytes to `put`, at once unless a member is too big; return the members' lengths."""
        small: list[bytes] = []
        lengths: list[int] = []
        for member in self.members:
            if isinstance(member, bytes):
                small.append(member)
                lengths.append(len(member))
                continue
            put(b"".join(small))
            small = []
            lengths.append(_counted(member, put))
        if small:
            put(b"".join(small))
        return tuple(lengths)

    def located(self, offset: int, lengths: tuple[int, ...]) -> Capture | None:
        """The capture, where the first member begins at `offset` of the file."""
        if self.capture is None:
            return None
        before = sum(lengths[: self.captured])
        warc, length = self.capture.location.warc, lengths[self.captured]
        return replace(self.capture, location=Location(warc=warc, offset=offset + before, length=length))


def _counted(member: Callable[[Put], None], put: Put) -> int:
    count = 0

    def counting(data: bytes) -> None:
        nonlocal count
        count += len(data)
        put(data)

    member(counting)
    return count


class _Head:
    """The wire's own head, where warcio expects headers that it would write anew."""

    def __init__(self, head: bytes) -> None:
        self.headers_buff = head

    def compute_headers_buffer(self, _filter: Any = None) -> None:
        """Nothing to do: the bytes are the wire's."""


class _Writer(WARCWriter):  # type: ignore[misc]
    """warcio's writer, without payload digests where there is no payload."""

    NO_PAYLOAD_DIGEST_TYPES = ("warcinfo", "revisit", "request", "metadata")

    @classmethod
    def _make_warc_id(cls) -> str:
        """A random UUID (RFC 9562, version 4), in a third of the time that the uuid module takes."""
        made = os.urandom(16).hex()
        variant = "89ab"[int(made[16], 16) & 3]
        return f"<urn:uuid:{made[:8]}-{made[8:12]}-4{made[13:16]}-{variant}{made[17:20]}-{made[20:]}>"


class _Ready(_Writer):
    """The same for records that come with their digests and their date: nothing of them is looked for."""

    def ensure_digest(self, *_: Any, **__: Any) -> None:
        """They are there."""

    def _init_warc_headers(self, uri: str, kind: str, given: dict[str, str]) -> StatusAndHeaders:
        own = [("WARC-Type", kind), ("WARC-Record-ID", self._make_warc_id()), ("WARC-Target-URI", uri)]
        return StatusAndHeaders("", [*given.items(), *own], protocol=self.warc_version)


_OWN = threading.local()


def _writer() -> _Ready:
    """The writer of this thread: making one asks for the machine's name each time."""
    if not hasattr(_OWN, "writer"):
        _OWN.writer = _Ready(io.BytesIO(), gzip=False, warc_version="1.1")
    writer: _Ready = _OWN.writer
    return writer


class _Pieces:
    """A body in pieces, as the stream that warcio reads."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def read(self, _size: int = -1) -> bytes:
        """The next piece; empty at the end."""
        return next((p for p in self._pieces if p), b"")


class _Gzip:
    """One gzip member, made while it is written."""

    def __init__(self, put: Put) -> None:
        self._put = put
        self._coder = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)

    def write(self, data: bytes) -> None:
        """Some more of the record."""
        if coded := self._coder.compress(data):
            self._put(coded)

    def flush(self) -> None:
        """The record is whole: warcio says so once."""
        self._put(self._coder.flush())


def warcinfo_member(
    *, filename: str, info: Mapping[str, str], number: str = "", date: str = ""
) -> tuple[str, bytes]:
    """The record that opens a WARC: its id, and its gzip member.

    With `number` (a record id) and `date` (a WARC-Date) the same bytes come out each time. Control characters
    become spaces: a name out of somebody's zip must make no field of its own.
    """
    out = io.BytesIO()
    writer = _Writer(out, gzip=False, warc_version="1.1")
    told = {name: CONTROL.sub(" ", value) for name, value in info.items()}
    record = writer.create_warcinfo_record(CONTROL.sub(" ", filename), told)
    for name, value in (("WARC-Record-ID", number), ("WARC-Date", date)):
        if value:
            record.rec_headers.replace_header(name, value)
    writer.write_record(record)
    return record.rec_headers.get_header("WARC-Record-ID"), _member(out.getvalue())


def write_exchange(
    exchange: Exchange,
    *,
    warcinfo: str,
    warc: str,
    known: Callable[[str], Original | None] = lambda _: None,
    certificates: bool = False,
) -> Written:
    """The records of one exchange; `certificates` says whether those of its host are among them.

    `warcinfo` is the id of the WARC's first record, `warc` the key that the capture's Location names, `known`
    finds the published record that has a payload of this digest.
    """
    return _Group(exchange, warcinfo, warc, known).written(certificates=certificates)


class _Group:
    """The records of one exchange while they are made."""

    def __init__(
        self, exchange: Exchange, warcinfo: str, warc: str, known: Callable[[str], Original | None]
    ) -> None:
        self.exchange = exchange
        self.warc = warc
        self.writer = _writer()
        self.common = {"WARC-Date": date_of(exchange), "WARC-Warcinfo-ID": warcinfo}
        if exchange.peer:
            self.common["WARC-IP-Address"] = exchange.peer
        self.head = _head(exchange) if exchange.response else None
        self.digest = _payload_digest(exchange, self.head) if exchange.response else ""
        self.lie = self._lie()
        opening = self._opening()
        self.wall = self._wall(opening)
        self.original = self._original(known)
        self.rights = self._rights(opening)
        self.paged = opening is not None
        self.members: list[bytes | Callable[[Put], None]] = []

    def _original(self, known: Callable[[str], Original | None]) -> Original | None:
        """The record whose payload this one repeats. Truncated and other than 200: never."""
        if self.head is None or self.exchange.truncated:
            return None
        if self.head.status == 304:
            return self.exchange.original
        repeats = self.head.status == 200 and self.exchange.body_size >= WORTH
        return known(self.digest) if repeats else None

    def _lie(self) -> str | None:
        """What the server's head says of the body, and the body is not."""
        if self.head is None or self.exchange.method == "HEAD":
            return None
        return misfit(self.head, next(self.exchange.body_pieces(), b"")[:4096])

    def _opening(self) -> Opening | None:
        """The beginning of the page; None where the answer is none."""
        if self.head is None or self.head.mime not in PAGES or not self.exchange.body_size:
            return None
        return Opening(self.head, next(self.exchange.body_pieces(), b""))

    def _wall(self, opening: Opening | None) -> str:
        """What stands in the page's place, as far as the answer alone tells; "" where nothing does."""
        if self.head is None or self.head.mime not in PAGES or self.exchange.method == "HEAD":
            return ""
        found = wall_in(self.head, opening or Opening(self.head, b""), self.exchange.url)
        return found.label if found else ""

    def _rights(self, opening: Opening | None) -> str:
        """The publisher's signals; a revisit has no page of its own, only its head and its host speak."""
        if self.head is None:
            return ""
        own = signals_in(self.head, None if self.original else opening)
        return str(beside(own, parse(self.exchange.rights)) if self.exchange.rights else own)

    def written(self, *, certificates: bool) -> Written:
        exchange = self.exchange
        request = self._record("request", exchange.request, self.common)
        beside = {"WARC-Concurrent-To": request.rec_headers.get_header("WARC-Record-ID")}
        if certificates and exchange.tls:
            self._metadata(exchange.tls.chain.encode(), CERTIFICATES, beside)
        self._add(request)
        if exchange.interim:
            self._metadata(exchange.interim, "application/http;msgtype=response", beside)
        place, capture = len(self.members), None
        if exchange.response:
            answer = self._answer(beside)
            number = answer.rec_headers.get_header("WARC-Record-ID")
            beside = {"WARC-Concurrent-To": number}
            capture = self._capture(number)
            self._add(answer, big=exchange.big is not None and not self.original)
        self._metadata(self._fields(), FIELDS, beside)
        return Written(members=tuple(self.members), capture=capture, captured=place)

    def _answer(self, beside: dict[str, str]) -> ArcWarcRecord:
        extra = self.common | beside | {"WARC-Payload-Digest": self.digest}
        if self.exchange.truncated:
            extra["WARC-Truncated"] = self.exchange.truncated
        if self.original:
            extra |= _refers_to(self.original, not_modified=self.head is not None and self.head.status == 304)
            record = self._record("revisit", self.exchange.head, extra)
        elif self.exchange.big:
            record = self._big(extra)
        else:
            record = self._record("response", self.exchange.response, extra, head=self.exchange.head_length)
        self._protocols(record)
        return record

    def _protocols(self, record: ArcWarcRecord) -> None:
        tls = self.exchange.tls
        version = self.head.version if self.head else None
        for protocol in (version and f"http/{version}", tls and tls.version):
            if protocol:
                record.rec_headers.add_header("WARC-Protocol", protocol)
        if tls:
            record.rec_headers.add_header("WARC-Cipher-Suite", tls.cipher)

    def _fields(self) -> bytes:
        exchange = self.exchange
        fields = {
            "fetchTimeMs": str(round(exchange.seconds * 1000)),
            "via": exchange.referrer,
            "viaDate": f"{exchange.referred:%Y-%m-%dT%H:%M:%SZ}" if exchange.referred else None,
            "foundBy": exchange.via,
            "fetchError": exchange.error,
            "rightsSignals": self.rights or (UNSAID if self.paged else None),
            "notKept": f"the publisher says {exchange.left_out}" if exchange.left_out else None,
            "bodyAsSent": f"it is not {self.lie}, whatever its head says" if self.lie else None,
            "wall": self.wall,
        }
        return "".join(f"{k}: {_one_line(v)}\r\n" for k, v in fields.items() if v).encode()

    def _metadata(self, block: bytes, kind: str, beside: dict[str, str]) -> None:
        self._add(self._record("metadata", block, self.common | beside | {"Content-Type": kind}))

    def _record(self, kind: str, block: bytes, headers: dict[str, str], *, head: int = -1) -> ArcWarcRecord:
        """A record of a block in memory, whose HTTP head is its first `head` bytes (-1: all, where HTTP)."""
        end = len(block) if head < 0 else head
        http = kind != "metadata"
        payload = block[end:] if http else block
        return self.writer.create_warc_record(
            self.exchange.url,
            kind,
            payload=io.BytesIO(payload),
            length=len(payload),
            http_headers=_Head(block[:end]) if http else None,
            warc_headers_dict=headers | {"WARC-Block-Digest": _sha256([block])},
        )

    def _big(self, headers: dict[str, str]) -> ArcWarcRecord:
        """The response record of a body on disk."""
        exchange = self.exchange
        digest = _sha256([exchange.head], exchange.body_pieces())
        return self.writer.create_warc_record(
            exchange.url,
            "response",
            payload=_Pieces(exchange.body_pieces()),
            length=exchange.body_size,
            http_headers=_Head(exchange.head),
            warc_headers_dict=headers | {"WARC-Block-Digest": digest},
        )

    def _add(self, record: ArcWarcRecord, *, big: bool = False) -> None:
        if big:
            self.members.append(lambda put: self.writer._write_warc_record(_Gzip(put), record))
            return
        self.writer.out = io.BytesIO()
        self.writer.write_record(record)
        data = self.writer.out.getvalue()
        body = self.exchange.body_size if record.rec_type == "response" and self._coded() else 0
        if body:
            self.members.append(_stored_member(data[: -body - 4], data[-body - 4 :]))
        else:
            self.members.append(_member(data))

    def _coded(self) -> bool:
        """Whether the body is compressed already: a second time costs much and gains nothing."""
        head = self.head
        if head is None or self.lie:
            return False
        coding = (head.get(b"content-encoding") or b"").strip().lower()
        return coding in (b"gzip", b"br", b"zstd") or head.mime.startswith(CODED)

    def _capture(self, number: str) -> Capture:
        exchange, head = self.exchange, self.head
        method, sent = asked_with(exchange.request) if exchange.method != "GET" else ("GET", "")
        return Capture(
            surt=surt_of(keyed(exchange.url, method, sent)),
            at=exchange.began,
            url=exchange.url,
            status=head.status if head else 0,
            mime=(head.mime if head else "") or "unk",
            digest=self.original.digest if self.original else self.digest,
            location=Location(warc=self.warc, offset=0, length=0),
            kind="revisit" if self.original else "response",
            redirect=_redirect(head),
            id=number,
            truncated=exchange.truncated,
            wall=self.wall,
            rights=self.rights,
            method=method,
            sent=sent,
        )


def ends_group(kind: str, content_type: str) -> bool:
    """Whether a record of this kind is the last of an exchange, or stands for itself."""
    return kind == "warcinfo" or (kind == "metadata" and content_type == FIELDS)


def _refers_to(original: Original, *, not_modified: bool) -> dict[str, str]:
    """The headers of a revisit (WARC 1.1, section 6.7)."""
    found = {
        "WARC-Profile": PROFILE + ("server-not-modified" if not_modified else "identical-payload-digest"),
        "WARC-Refers-To-Target-URI": original.url,
        "WARC-Refers-To-Date": iso_of(original),
        "WARC-Payload-Digest": original.digest,
    }
    return found | ({"WARC-Refers-To": original.id} if original.id else {})


def _member(data: bytes) -> bytes:
    """A gzip member: a short one by ISA-L, at the same size; libdeflate would fill its tables for nothing."""
    if len(data) < SHORT:
        return bytes(isal_zlib.compress(data, SHORT_LEVEL, 31))
    return bytes(deflate.gzip_compress(data, GZIP_LEVEL))


def _stored_member(head: bytes, body: bytes) -> bytes:
    """A gzip member: the head compressed, the body, coded already, only stored (RFC 1951, section 3.2.4)."""
    coder = isal_zlib.compressobj(SHORT_LEVEL, isal_zlib.DEFLATED, -15)
    parts = [GZIP_HEAD, coder.compress(head), coder.flush(isal_zlib.Z_SYNC_FLUSH)]
    for start in range(0, max(len(body), 1), STORED):
        piece = body[start : start + STORED]
        last = start + STORED >= len(body)
        parts += [struct.pack("<BHH", last, len(piece), len(piece) ^ 0xFFFF), piece]
    check = zlib.crc32(body, zlib.crc32(head))
    return b"".join([*parts, struct.pack("<II", check, (len(head) + len(body)) & 0xFFFFFFFF)])


def _sha256(first: Iterable[bytes], rest: Iterable[bytes] = ()) -> str:
    digest = hashlib.sha256()
    for pieces in (first, rest):
        for piece in pieces:
            digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def _redirect(head: ResponseHead | None) -> str | None:
    if head is None or not 300 <= head.status < 400:
        return None
    return (head.get(b"location") or b"").decode("latin-1") or None


def _head(exchange: Exchange) -> ResponseHead | None:
    try:
        return read_head(exchange.head)
    except NotHttp:
        return None


def _payload_digest(exchange: Exchange, head: ResponseHead | None) -> str:
    if head is None:
        # What is no HTTP message has no head: all of it is payload.
        return payload_digest(exchange.response)
    if exchange.big is None:
        return payload_digest(entity(head, exchange.body))
    digest = hashlib.sha1(usedforsecurity=False)
    for piece in payload_pieces(head, exchange.body_pieces()):
        digest.update(piece)
    return _sha1(digest.digest())


def payload_digest(payload: bytes) -> str:
    """SHA-1 of a payload in the form that CDX files share: sha1:BASE32."""
    return _sha1(hashlib.sha1(payload, usedforsecurity=False).digest())


def _sha1(digest: bytes) -> str:
    return "sha1:" + base64.b32encode(digest).decode()


def date_of(exchange: Exchange) -> str:
    """The exchange's beginning as a WARC-Date."""
    return f"{exchange.began.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def iso_of(original: Original) -> str:
    """The WARC-Date of the record that a revisit refers to; whole seconds as they were written."""
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if original.at.microsecond else "%Y-%m-%dT%H:%M:%SZ"
    return original.at.strftime(form)


def _one_line(text: str) -> str:
    return " ".join(text.split())
