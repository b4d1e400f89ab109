"""HTTP/1.x as it crosses the wire: heads, chunk framing, content codings. No I/O.

Rules: bytes in, values out; nothing is corrected, only read. As lenient as browsers are: bare LF, lines
without a colon, folded lines, an empty reason, latin-1. h11 and httptools both refuse or normalise such
messages, and neither keeps the bytes, which is why this reader is our own.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

STATUS_LINE = re.compile(rb"HTTP/(\d+(?:\.\d+)?)[ \t]+(\d{3})(?:[ \t]+([^\r\n]*))?", re.I)
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,16})[ \t]*(?:;.*)?\Z", re.S)
CHUNK_START = re.compile(rb"[ \t]*[0-9a-fA-F]{0,16}[ \t]*(?:;.*)?\r?\Z", re.S)
MAX_CHUNK_LINE = 8192
MOST_DECODED = 256 << 20  # bytes that a coded body may become: four times what is fetched by default
MOST_MEMBERS = 1000  # gzip members of one body
STEP = 256 << 10


class NotHttp(ValueError):
    """These bytes are no HTTP/1.x response head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHead:
    """The head of a response: names and values as sent, in order, duplicates kept."""

    version: str
    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...]
    mime: str = field(init=False, repr=False, compare=False)
    _named: dict[bytes, list[bytes]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Headers are asked for a dozen times a page, by their names in lower case, and the media type often.

        `mime` is in lower case and without parameters; "" where there is none.
        """
        named: dict[bytes, list[bytes]] = {}
        for name, value in self.headers:
            named.setdefault(name.lower(), []).append(value)
        kind = named.get(b"content-type", [b""])[0].partition(b";")[0]
        object.__setattr__(self, "_named", named)
        object.__setattr__(self, "mime", kind.strip().lower().decode("latin-1"))

    def get(self, name: bytes) -> bytes | None:
        """The first value of a header, by name in any case; None where there is none."""
        found = self._named.get(name.lower())
        return found[0] if found else None

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header, by name in any case."""
        return list(self._named.get(name.lower(), ()))

    @property
    def chunked(self) -> bool:
        """Whether the last transfer coding is chunked (RFC 9112, section 6.1)."""
        codings = b",".join(self.all(b"transfer-encoding")).lower()
        return codings.rpartition(b",")[2].strip() == b"chunked"

    @property
    def length(self) -> int | None:
        """Content-Length in bytes; None where absent, wrong or contradictory."""
        values = {v.strip() for line in self.all(b"content-length") for v in line.split(b",")}
        value = values.pop() if len(values) == 1 else b""
        return int(value) if value.isdigit() and len(value) < 19 else None

    @property
    def persistent(self) -> bool:
        """Whether the connection may be used again (RFC 9112, section 9.3)."""
        options = b",".join(self.all(b"connection")).lower()
        if b"close" in options:
            return False
        return self.version >= "1.1" or b"keep-alive" in options


def head_end(data: bytes | bytearray, start: int = 0) -> int | None:
    """Index behind the empty line that ends a head; None where it has not come yet."""
    end = data.find(b"\n\r\n", start) + 3
    bare = data.find(b"\n\n", start, end if end > 2 else None) + 2
    return bare if bare > 1 else end if end > 2 else None


@lru_cache(maxsize=256)
def read_head(data: bytes) -> ResponseHead:
    """Read a response head; raise NotHttp where the first line is no status line.

    The last ones are remembered: the transport, the spider and the writer all ask for the same.
    """
    lines = data.replace(b"\r\n", b"\n").strip(b"\n").split(b"\n")
    found = STATUS_LINE.match(lines[0])
    if not found:
        raise NotHttp(f"no status line: {lines[0][:60]!r}")
    return ResponseHead(
        version=found[1].decode(),
        status=int(found[2]),
        reason=(found[3] or b"").decode("latin-1").strip(),
        headers=tuple(_headers(lines[1:])),
    )


def _headers(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and found:
            name, value = found[-1]
            found[-1] = (name, value + b" " + line.strip())
        elif b":" in line:
            name, _, value = line.partition(b":")
            found.append((name.strip(), value.strip()))
    return found


class Dechunker:
    """Takes chunk framing off, piece by piece.

    `done` is true behind the last chunk and its trailers; `broken` where the framing stopped making sense.
    `spare` holds bytes behind the end.
    """

    def __init__(self) -> None:
        self.done = False
        self.broken = False
        self._buffer = bytearray()
        self._left = 0
        self._state = "size"

    @property
    def spare(self) -> int:
        """How many bytes came behind the end."""
        return len(self._buffer) if self.done else 0

    def feed(self, data: bytes, *, keep: bool = True) -> bytes:
        """Payload bytes that `data` completes; none where `keep` is false and only the end is looked for."""
        out = bytearray()
        if self._state == "data" and not self._buffer and len(data) < self._left:
            self._left -= len(data)  # the usual case in a large chunk: nothing to look at
            return data if keep else b""
        self._buffer += data
        while not (self.done or self.broken) and self._step(out, keep):
            pass
        return bytes(out)

    def _step(self, out: bytearray, keep: bool) -> bool:
        if self._state == "data":
            return self._data(out, keep)
        end = self._buffer.find(b"\n")
        if end < 0:
            sized = self._state != "size" or CHUNK_START.match(self._buffer)
            self.broken = len(self._buffer) > MAX_CHUNK_LINE or not sized
            return False
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        self._line(line)
        return True

    def _data(self, out: bytearray, keep: bool) -> bool:
        taken = min(self._left, len(self._buffer))
        if keep:
            out += self._buffer[:taken]
        del self._buffer[:taken]
        self._left -= taken
        if self._left == 0:
            self._state = "after"
            return True
        return False

    def _line(self, line: bytes) -> None:
        if self._state == "after":
            self._state = "size"
            if line:  # the empty line behind the data is missing: this is the next size
                self._line(line)
        elif self._state == "trailers":
            self.done = not line
        elif found := CHUNK_SIZE.match(line):
            self._left = int(found[1], 16)
            self._state = "data" if self._left else "trailers"
        else:
            self.broken = True


def dechunk(data: bytes) -> bytes:
    """The payload of a chunked body; as it stands where it is not chunked after all."""
    reader = Dechunker()
    payload = reader.feed(data)
    return data if reader.broken and not payload else payload


def payload_pieces(head: ResponseHead, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """`entity`, for a body that comes in pieces."""
    if not head.chunked:
        yield from pieces
        return
    reader, any_payload = Dechunker(), False
    for piece in pieces:
        payload = reader.feed(piece)
        any_payload = any_payload or bool(payload)
        if reader.broken and not any_payload:
            yield piece  # not chunked after all
            reader = Dechunker()
            reader.broken = True
        elif payload:
            yield payload


def entity(head: ResponseHead, body: bytes) -> bytes:
    """The body without transfer coding: what WARC 1.1 (6.3.2) calls the payload."""
    return dechunk(body) if head.chunked else body


def decode(head: ResponseHead, payload: bytes) -> bytes:
    """The payload without content codings; undecodable bytes are given back as they are.

    What a few bytes blow up to is cut at MOST_DECODED.
    """
    codings = b",".join(head.all(b"content-encoding")).lower().split(b",")
    for coding in reversed([c.strip() for c in codings]):
        payload = _decoded(coding, payload)
    return payload


def _decoded(coding: bytes, payload: bytes) -> bytes:
    if not payload:
        return payload
    if coding in (b"gzip", b"x-gzip"):
        return _inflate(payload, 31)
    if coding == b"deflate":
        return _inflate(payload, 15 if payload[0] & 0x0F == 8 else -15)
    if coding == b"br":
        return _unbrotli(payload)
    return payload


def _unbrotli(payload: bytes) -> bytes:
    import brotli

    reader = brotli.Decompressor()
    try:
        return bytes(reader.process(payload, output_buffer_limit=MOST_DECODED))[:MOST_DECODED] or payload
    except brotli.error:
        return payload


def misfit(head: ResponseHead, start: bytes) -> str | None:
    """What the first bytes of a body contradict in its head: "chunked", or a content coding; None: nothing.

    Servers do lie about their codings; tools that decode a body and keep its head make the same picture.
    """
    if not start:
        return None
    if head.chunked:
        framing = Dechunker()
        payload = framing.feed(start)
        if framing.broken and not payload:
            return "chunked"
        start = payload
    coding = b",".join(head.all(b"content-encoding")).lower().rpartition(b",")[2].strip()
    return None if not start or _fits(coding, start) else coding.decode("latin-1")


def _fits(coding: bytes, start: bytes) -> bool:
    if coding in (b"gzip", b"x-gzip"):
        return start.startswith(b"\x1f\x8b"[: len(start)])
    if coding == b"zstd":
        return start.startswith(b"\x28\xb5\x2f\xfd"[: len(start)])
    if coding == b"deflate":
        return _inflates(start, 15) or _inflates(start, -15)
    if coding == b"br":
        return _unbrotli(start) is not start
    return True


def _inflates(start: bytes, window: int) -> bool:
    try:
        zlib.decompressobj(window).decompress(start[:1024])
    except zlib.error:
        return False
    return True


def _inflate(payload: bytes, window: int) -> bytes:
    out, at, members = bytearray(), 0, 0
    try:
        while at < len(payload) and len(out) < MOST_DECODED and members < MOST_MEMBERS:
            reader, members = zlib.decompressobj(window), members + 1
            while not reader.eof and at < len(payload) and len(out) < MOST_DECODED:
                piece = payload[at : at + STEP]
                out += reader.decompress(piece, MOST_DECODED - len(out))
                at += len(piece) - len(reader.unused_data)
    except zlib.error:
        pass  # what came before is all there is
    return bytes(out) or payload
