# ruff: noqa: E501
"""A server that answers as servers should not, and keeps what crossed the wire, both ways.

Each path has prepared bytes and an end: the connection is kept, closed, reset, or left hanging.
"""

import contextlib
import gzip
import socket
import struct
import threading
import time
import zlib
from dataclasses import dataclass, field

import brotli

OK = b"HTTP/1.1 200 OK\r\n"
PAGE = b"<!doctype html><title>%s</title><p>" + b"What the wire carries is what the archive keeps. " * 20


@dataclass(frozen=True, kw_only=True)
class Odd:
    """How one path is answered: pieces (with a pause between them, in seconds), then an end."""

    pieces: tuple[bytes, ...]
    end: str = "keep"
    pause: float = 0.0
    method: str = "GET"
    body: bytes = b""
    query: str = ""
    whole: bool = True  # whether all that is sent must be in the archive (not where a limit cuts)


def page(name: str) -> bytes:
    return PAGE % name.encode()


def ok(name: str, *headers: bytes, body: bytes | None = None) -> bytes:
    body = page(name) if body is None else body
    lines = b"".join(h + b"\r\n" for h in headers)
    return OK + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*lines: bytes, head: bytes = b"") -> bytes:
    return OK + head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(lines)


def chunk(data: bytes, extra: bytes = b"") -> bytes:
    return b"%x" % len(data) + extra + b"\r\n" + data + b"\r\n"


def status(line: bytes, *headers: bytes, body: bytes = b"said") -> bytes:
    lines = b"".join(h + b"\r\n" for h in headers)
    return line + b"\r\n" + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


RAW_DEFLATE = zlib.compress(page("deflate-raw"))[2:-4]
GZIPPED = gzip.compress(page("gzip"), mtime=0)
HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"

ODD: dict[str, Odd] = {
    "plain": Odd(pieces=(ok("plain", b"Content-Type: text/html"),)),
    "case-and-order": Odd(pieces=(ok("case", b"x-ODD: 1", b"Zebra: a", b"content-TYPE: a/b", b"aPPle: b"),)),
    "duplicates": Odd(pieces=(ok("dup", b"Set-Cookie: a=1", b"X: y", b"set-cookie: b=2", b"Set-Cookie: a=1"),)),
    "folded": Odd(pieces=(ok("folded", b"X-Long: one", b"\ttwo", b"  three"),)),
    "latin-1": Odd(pieces=(ok("latin", b"X-Caf\xe9: cr\xe8me", b"Server: \xfcber"),)),
    "raw-bytes": Odd(pieces=(ok("raw", b"X-Raw: \x01\x7f\xff\xfe"),)),
    "bare-lf": Odd(pieces=(b"HTTP/1.1 200 OK\nContent-Length: 4\nX: y\n\nbare",)),
    "mixed-line-ends": Odd(pieces=(b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 5\r\n\nmixed",)),
    "no-colon": Odd(pieces=(ok("no-colon", b"this is no header", b"X: y"),)),
    "colon-first": Odd(pieces=(ok("colon-first", b": no name", b"X : space before"),)),
    "empty-reason": Odd(pieces=(b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi",)),
    "no-reason": Odd(pieces=(b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nhi!",)),
    "odd-reason": Odd(pieces=(b"HTTP/1.1 200 \xc3\x9cber  gut\r\nContent-Length: 3\r\n\r\nyes",)),
    "lower-case-http": Odd(pieces=(b"http/1.1 200 ok\r\nContent-Length: 5\r\n\r\nlower",)),
    "empty-line-first": Odd(pieces=(b"\r\n" + ok("empty-line-first"),)),
    "http-1.0": Odd(pieces=(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + page("1.0"),), end="close"),
    "until-close": Odd(pieces=(OK + b"\r\n" + page("until-close"),), end="close"),
    "http-0.9": Odd(pieces=(b"<title>no head at all</title>",), end="close", whole=True),
    "early-close": Odd(pieces=(OK + b"Content-Length: 5000\r\n\r\n" + page("early"),), end="close"),
    "early-close-chunked": Odd(pieces=(chunked(chunk(page("early-chunk")))[:-7],), end="close"),
    "early-close-head": Odd(pieces=(b"HTTP/1.1 200 OK\r\nContent-Le",), end="close"),
    "length-too-short": Odd(pieces=(OK + b"Content-Length: 5\r\n\r\nshort and more",), end="close"),
    "length-twice": Odd(pieces=(OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\ntwo of them",), end="close"),
    "length-no-number": Odd(pieces=(OK + b"Content-Length: many\r\n\r\nno number",), end="close"),
    "length-negative": Odd(pieces=(OK + b"Content-Length: -1\r\n\r\nless than none",), end="close"),
    "extra-after-body": Odd(pieces=(ok("extra") + b"EXTRA BYTES",), end="close"),
    "early-hints": Odd(pieces=(HINT + ok("hints"),)),
    "two-interim": Odd(pieces=(b"HTTP/1.1 102 Processing\r\n\r\n", HINT, ok("interim")), pause=0.05),
    "continue": Odd(pieces=(b"HTTP/1.1 100 Continue\r\n\r\n", ok("continue")), method="POST", body=b"a=1", pause=0.05),
    "post": Odd(pieces=(ok("post"),), method="POST", body=b"name=caf\xc3\xa9&x=\x00\xff"),
    "put": Odd(pieces=(ok("put"),), method="PUT", body=b"{}"),
    "head": Odd(pieces=(OK + b"Content-Length: 9999\r\nContent-Encoding: gzip\r\n\r\n",), method="HEAD"),
    "no-content": Odd(pieces=(b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",)),
    "not-modified": Odd(pieces=(b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',)),
    "reset-content": Odd(pieces=(b"HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n",)),
    "empty-body": Odd(pieces=(OK + b"Content-Length: 0\r\n\r\n",)),
    "gzip": Odd(pieces=(ok("gzip", b"Content-Encoding: gzip", body=GZIPPED),)),
    "gzip-bad": Odd(pieces=(ok("bad", b"Content-Encoding: gzip", body=b"this is no gzip at all"),)),
    "gzip-truncated": Odd(pieces=(ok("cut", b"Content-Encoding: gzip", body=GZIPPED[:-20]),)),
    "gzip-members": Odd(pieces=(ok("two", b"Content-Encoding: gzip", body=GZIPPED + GZIPPED),)),
    "deflate-raw": Odd(pieces=(ok("raw", b"Content-Encoding: deflate", body=RAW_DEFLATE),)),
    "brotli": Odd(pieces=(ok("br", b"Content-Encoding: br", body=brotli.compress(page("br"))),)),
    "coding-unknown": Odd(pieces=(ok("unknown", b"Content-Encoding: utf-8"),)),
    "chunked": Odd(pieces=(chunked(chunk(b"a" * 300), chunk(b"b" * 17), b"0\r\n\r\n"),)),
    "chunked-slowly": Odd(pieces=(chunked(), *(chunk(b"%d" % n) for n in range(4)), b"0\r\n\r\n"), pause=0.03),
    "chunk-extensions": Odd(pieces=(chunked(chunk(b"data", b';name="v\xe9"'), b"0;last\r\n\r\n"),)),
    "trailers": Odd(pieces=(chunked(chunk(b"trail"), b"0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n"),)),
    "chunk-odd-sizes": Odd(pieces=(chunked(b"0000A\r\n0123456789\r\n", b"1F  \r\n" + b"f" * 31 + b"\r\n", b"000\r\n\r\n"),)),
    "chunk-bare-lf": Odd(pieces=(chunked(b"4\nbare\n", b"0\n\n"),)),
    "chunk-missing-end": Odd(pieces=(chunked(b"4\r\nends0\r\n\r\n"),), end="close"),
    "chunked-and-length": Odd(pieces=(chunked(chunk(b"both"), b"0\r\n\r\n", head=b"Content-Length: 3\r\n"),)),
    "chunked-not": Odd(pieces=(chunked(b"<p>no chunks here</p>"),), end="close"),
    "chunked-gzip": Odd(pieces=(chunked(chunk(GZIPPED), b"0\r\n\r\n", head=b"Content-Encoding: gzip\r\n"),)),
    "chunked-extra": Odd(pieces=(chunked(chunk(b"x"), b"0\r\n\r\n") + b"behind the end",), end="close"),
    "moved": Odd(pieces=(status(b"HTTP/1.1 301 Moved", b"Location: /empty-body?from=301"),)),
    "moved-latin-1": Odd(pieces=(status(b"HTTP/1.1 302 Found", b"Location: /empty-body?caf\xe9"),)),
    "moved-nowhere": Odd(pieces=(status(b"HTTP/1.1 307 Temporary", body=b"no location"),)),
    "unauthorised": Odd(pieces=(status(b"HTTP/1.1 401 No", b'WWW-Authenticate: Basic realm="x"'),)),
    "not-found": Odd(pieces=(status(b"HTTP/1.1 404 Not Found", body=page("404")),)),
    "gone": Odd(pieces=(status(b"HTTP/1.1 410 Gone"),)),
    "too-many": Odd(pieces=(status(b"HTTP/1.1 429 Slow", b"Retry-After: 1"),)),
    "error": Odd(pieces=(status(b"HTTP/1.1 500 Oh"),)),
    "unavailable": Odd(pieces=(status(b"HTTP/1.1 503 Later"),), end="close"),
    "status-odd": Odd(pieces=(status(b"HTTP/1.1 299 Odd"),)),
    "binary": Odd(pieces=(ok("binary", b"Content-Type: image/png", body=bytes(range(256)) * 3),)),
    "big-head": Odd(pieces=(ok("big", b"X-Big: " + b"h" * 300_000),)),
    "long-query": Odd(pieces=(ok("long"),), query="q=" + "x" * 1500 + "&a=%C3%A9&b=|"),
    "in-pieces": Odd(pieces=tuple(ok("pieces")[n : n + 7] for n in range(0, len(ok("pieces")), 7))),
    "big-body": Odd(pieces=(ok("big", b"Content-Type: application/pdf", body=bytes(range(251)) * 12_000),)),
    "big-chunks": Odd(pieces=(chunked(*[chunk(b"%d" % n * 50_000) for n in range(40)], b"0\r\n\r\n"),)),
    "reset": Odd(pieces=(OK + b"Content-Length: 900\r\n\r\npart",), end="reset", whole=False),
    "trickle": Odd(pieces=(OK + b"Content-Length: 900\r\n\r\n", *[b"."] * 60), pause=0.1, end="close", whole=False),
    "too-big": Odd(pieces=(ok("too-big", body=b"t" * 6_000_000),), end="close", whole=False),
    "silent": Odd(pieces=(), end="close"),
    "hanging": Odd(pieces=(), end="hang"),
}  # fmt: skip


@dataclass
class Wire:
    """One exchange as the server saw it."""

    name: str
    request: bytes
    sent: bytearray = field(default_factory=bytearray)


class OddServer:
    """Listens on a loopback port; `wire` is what crossed it, in order."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.base = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.wire: list[Wire] = []
        self._closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "OddServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self.socket.close()

    def url(self, name: str) -> str:
        query = ODD[name].query
        return f"{self.base}/{name}" + (f"?{query}" if query else "")

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while request := _request(connection):
                if not self._answer(connection, request):
                    return

    def _answer(self, connection: socket.socket, request: bytes) -> bool:
        name = request.split(b" ", 2)[1].decode("latin-1").strip("/").partition("?")[0]
        odd = ODD.get(name, Odd(pieces=(status(b"HTTP/1.1 404 Nothing"),)))
        wire = Wire(name, request)
        self.wire.append(wire)
        for number, piece in enumerate(odd.pieces):
            if number and odd.pause:
                time.sleep(odd.pause)  # the server's own slowness is what is tested
            wire.sent += piece
            connection.sendall(piece)
        if odd.end == "hang":
            self._closed.wait(30)
        if odd.end == "reset":
            time.sleep(0.1)  # what was sent has been read: a reset drops what has not
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return odd.end == "keep"


def _request(connection: socket.socket) -> bytes:
    """One request as it came: head, and as much body as it announces."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [h.partition(b":")[2] for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
