"""Odd HTTP, on purpose: prepared answers of servers as they are found in the wild, and a server that keeps
every byte, both ways.

    python benchmarks/odd.py

Serves until it is interrupted, and prints the addresses. Importable: `with OddServer() as server: ...`.
"""

import gzip
import re
import socket
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

PATIENCE_SECONDS = 30.0
RESET = "reset"
HANG = "hang"
Part = bytes | float | str

TEXT = b"".join(b"<p>Line %d of a page that was long enough once.</p>\n" % n for n in range(40))
# "<p>brotli</p>" as one brotli stream.
BROTLI = bytes.fromhex("0b06803c703e62726f746c693c2f703e03")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One oddity: what is sent for its path. Parts are bytes, pauses in seconds, HANG or RESET.

    `answers` are taken in turn, the last one again and again. `interim` is what was sent before the final
    head, and `limited` says that a client may rightly keep less than all of it. `closes`: the server ends
    the connection behind it.
    """

    name: str
    answers: tuple[tuple[Part, ...], ...]
    method: str = "GET"
    body: bytes = b""
    query: str = ""
    interim: bytes = b""
    limited: bool = False
    closes: bool = False

    @property
    def target(self) -> str:
        """Path and query to be asked for."""
        return f"/{self.name}{self.query}"


def case(name: str, *parts: Part, closes: bool = False, method: str = "GET", limited: bool = False) -> Case:
    """A case of one answer."""
    return Case(name=name, answers=(parts,), closes=closes, method=method, limited=limited)


def page(
    name: str,
    *headers: bytes,
    body: bytes | None = None,
    status: bytes = b"HTTP/1.1 200 OK",
    end: bytes = b"\r\n",
) -> bytes:
    """A message with a right Content-Length; `end` ends its lines."""
    body = b"<h1>%s</h1>" % name.encode() + TEXT if body is None else body
    lines = [status, *headers, b"Content-Type: text/html", b"Content-Length: %d" % len(body)]
    return end.join([*lines, b"", b""]) + body


def bare(*lines: bytes, end: bytes = b"\r\n") -> bytes:
    """A head of exactly these lines."""
    return end.join([*lines, b"", b""])


def chunked(*lines: bytes, body: bytes) -> bytes:
    """A head that says chunked, and a body as given."""
    return bare(b"HTTP/1.1 200 OK", b"Content-Type: text/html", b"Transfer-Encoding: chunked", *lines) + body


def coded(name: str, coding: bytes, body: bytes) -> Case:
    """A page with a content coding."""
    return case(name, page(name, b"Content-Encoding: " + coding, body=body))


OK = b"HTTP/1.1 200 OK"
GZIPPED = gzip.compress(TEXT, mtime=0)


def heads() -> list[Case]:
    """Oddities of heads."""
    many = [b"X-Field-%d: %d" % (n, n * n) for n in range(1000)]
    latin = "Café des Amis, Zürich".encode("latin-1")
    made = {
        "header-case": page("a", b"sErVeR: odd", b'ETAG: W/"x"', b"x-lower: 1", b"X-UPPER: 2"),
        "header-order": page("b", b"Z-Last: 1", b"A-First: 2", b"M-Middle: 3", b"A-First: 4"),
        "duplicates": page("c", b"Set-Cookie: a=1", b"X-Between: 0", b"Set-Cookie: b=2", b"set-cookie: c=3"),
        "obs-fold": page("d", b"X-Folded: first", b"   second", b"\tthird"),
        "latin-1": page("e", b"X-Place: " + latin),
        "raw-bytes": page("f", b"X-Raw: \x01\x7f\x80\xfe\xff"),
        "utf-8": page("g", "X-Name: Łódź €".encode()),
        "bare-lf": page("h", b"X-Line: lf", end=b"\n"),
        "mixed-ends": b"HTTP/1.1 200 OK\r\nX-A: 1\nX-B: 2\r\nContent-Length: 5\n\r\nmixed",
        "mixed-ends-2": b"HTTP/1.1 200 OK\nX-A: 1\r\nContent-Length: 5\r\n\nmixed",
        "no-colon": page("i", b"this line has no colon", b"X-After: 1"),
        "no-name": page("j", b": no name"),
        "space-before-colon": page("k", b"X-Space : 1"),
        "no-space": page("l", b"X-Tight:1", b"X-Wide:     2   "),
        "empty-value": page("m", b"X-Empty:", b"X-Empty-Too: "),
        "empty-reason": page("n", status=b"HTTP/1.1 200 "),
        "no-reason": page("o", status=b"HTTP/1.1 200"),
        "odd-reason": page("p", status=b"HTTP/1.1 200 Alles \xfcbel  gut "),
        "two-spaces": page("q", status=b"HTTP/1.1  200  OK"),
        "lower-case-version": page("r", status=b"http/1.1 200 OK"),
        "status-299": page("s", status=b"HTTP/1.1 299 Odd"),
        "status-999": page("t", status=b"HTTP/1.1 999 Denied"),
        "many-headers": page("u", *many),
        "leading-empty-line": b"\r\n" + page("v"),
        "folded-first": page("w", b" folded before any header"),
        "nul-in-header": page("x", b"X-Nul: a\x00b"),
        "long-line": page("y", b"X-Long: " + b"y" * 30_000),
    }
    return [case(name, message) for name, message in made.items()]


def ends() -> list[Case]:
    """Oddities of where a message ends."""
    html = b"Content-Type: text/html"
    half = TEXT[:700]
    return [
        case("http-1.0", bare(b"HTTP/1.0 200 OK", html) + TEXT, closes=True),
        case("http-1.0-alive", page("x", b"Connection: keep-alive", status=b"HTTP/1.0 200 OK")),
        case("until-close", bare(OK, html) + TEXT, closes=True),
        case("until-close-said", bare(OK, html, b"Connection: close") + TEXT, closes=True),
        case("early-close", bare(OK, html, b"Content-Length: 5000") + half, closes=True),
        case("early-close-chunked", chunked(body=b"800\r\n" + half), closes=True),
        case("early-close-last-chunk", chunked(body=b"5\r\nhello\r\n"), closes=True),
        case("early-close-head", b"HTTP/1.1 200 OK\r\nContent-Type: tex", closes=True),
        case("early-close-status", b"HTTP/1", closes=True),
        case("length-too-short", bare(OK, html, b"Content-Length: 10") + half, closes=True),
        case("length-twice", bare(OK, b"Content-Length: 700", b"Content-Length: 700") + half),
        case("lengths-differ", bare(OK, b"Content-Length: 700", b"Content-Length: 10") + half, closes=True),
        case("length-listed", bare(OK, b"Content-Length: 700, 700") + half),
        case("length-no-number", bare(OK, b"Content-Length: many") + half, closes=True),
        case("length-negative", bare(OK, b"Content-Length: -1") + half, closes=True),
        case("length-plus", bare(OK, b"Content-Length: +700") + half, closes=True),
        case("extra-bytes", page("extra") + b"\r\n\r\n<!-- left over -->", closes=True),
        case("empty-page", bare(OK, b"Content-Length: 0")),
        case("nul-bytes", page("nul", body=b"a\x00b" * 300)),
        case("empty-response", closes=True),
        case("no-head", b"<html>just a page, as in HTTP/0.9</html>", closes=True),
        case("not-http", b"SSH-2.0-OpenSSH_9.6\r\n", closes=True),
        case("icy", b"ICY 200 OK\r\nicy-name: radio\r\n\r\nmusic", closes=True),
    ]


def framing() -> list[Case]:
    """Oddities of chunks."""
    hello = b"5\r\nhello\r\n"
    end = b"0\r\n\r\n"
    return [
        case("chunked", chunked(body=hello + b"6\r\n world\r\n" + end)),
        case("chunk-extensions", chunked(body=b'5;name=value;x="y"\r\nhello\r\n0;last\r\n\r\n')),
        case("trailers", chunked(b"Trailer: X-Sum", body=hello + b"0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n")),
        case("chunk-zeros", chunked(body=b"0000000005\r\nhello\r\n0000\r\n\r\n")),
        case("chunk-upper", chunked(body=b"1A\r\nabcdefghijklmnopqrstuvwxyz\r\n" + end)),
        case("chunk-spaces", chunked(body=b"5  \r\nhello\r\n0 \r\n\r\n")),
        case("chunk-bare-lf", chunked(body=b"5\nhello\n0\n\n")),
        case("chunk-and-length", chunked(b"Content-Length: 5", body=hello + end)),
        case("chunk-not-chunked", chunked(body=TEXT), closes=True),
        case("chunk-broken-later", chunked(body=hello + b"what is this?\r\n" + TEXT), closes=True),
        case("chunk-extra", chunked(body=hello + end + b"left over"), closes=True),
        case("chunk-pieces", *pieces(chunked(body=hello + end), 7)),
        case("chunk-case", bare(OK, b"transfer-encoding: CHUNKED") + hello + end),
        case("te-gzip-chunked", bare(OK, b"Transfer-Encoding: gzip, chunked") + chunk(GZIPPED) + end),
        case("te-identity", bare(OK, b"Transfer-Encoding: identity", b"Content-Length: 5") + b"hello"),
    ]


def chunk(body: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%s\r\n" % (len(body), body)


def pieces(message: bytes, size: int) -> list[Part]:
    """A message in small pieces, with a pause before each."""
    cut = [message[n : n + size] for n in range(0, len(message), size)]
    return [part for piece in cut for part in (0.02, piece)]


def codings() -> list[Case]:
    """Oddities of content codings."""
    raw = zlib.compressobj(wbits=-15)
    deflated = raw.compress(TEXT) + raw.flush()
    return [
        coded("gzip", b"gzip", GZIPPED),
        coded("gzip-bad", b"gzip", b"this was never gzip" * 9),
        coded("gzip-cut", b"gzip", GZIPPED[:90]),
        coded("gzip-members", b"gzip", GZIPPED + gzip.compress(b"<p>second</p>", mtime=0)),
        coded("gzip-tail", b"gzip", GZIPPED + b"garbage"),
        coded("gzip-empty", b"gzip", b""),
        coded("gzip-upper", b"X-GZIP", GZIPPED),
        coded("deflate", b"deflate", zlib.compress(TEXT)),
        coded("deflate-raw", b"deflate", deflated),
        coded("brotli", b"br", BROTLI),
        coded("coding-unknown", b"rot13", b"uryyb"),
        coded("gzip-twice", b"gzip, gzip", gzip.compress(GZIPPED, mtime=0)),
    ]


def statuses() -> list[Case]:
    """Statuses that a client treats in ways of its own."""
    plainly = {f"status-{n}": page(str(n), status=b"HTTP/1.1 %d Odd" % n) for n in (401, 404, 410, 451, 500)}
    moved = {n: b"Location: /moved-from-%d" % n for n in (301, 302, 303, 307, 308)}
    for n, where in moved.items():
        plainly[f"status-{n}"] = page(str(n), where, status=b"HTTP/1.1 %d Moved" % n)
    places = {
        "redirect-latin-1": b"Location: /caf\xe9",
        "redirect-utf-8": "Location: /łódź".encode(),
        "redirect-space": b"Location: /two words",
        "redirect-nowhere": b"X-Location: none",
    }
    for name, where in places.items():
        plainly[name] = page(name, where, status=b"HTTP/1.1 302 Found")
    plainly["status-206"] = page(
        "206", b"Content-Range: bytes 0-9/99", status=b"HTTP/1.1 206 Partial Content"
    )
    later = page("429", b"Retry-After: 1", status=b"HTTP/1.1 429 Too Many Requests")
    busy = page("503", status=b"HTTP/1.1 503 Busy")
    return [
        *(case(name, message) for name, message in plainly.items()),
        case("status-204", bare(b"HTTP/1.1 204 No Content", b"X-Empty: yes")),
        case("status-304", bare(b"HTTP/1.1 304 Not Modified", b'ETag: "x"', b"Content-Length: 999")),
        Case(name="status-429", answers=((later,), (page("after 429"),))),
        Case(name="status-503", answers=((busy,), (page("after 503"),))),
    ]


def interims() -> list[Case]:
    """Heads before the head."""
    hints = bare(b"HTTP/1.1 103 Early Hints", b"Link: </style.css>; rel=preload")
    going = bare(b"HTTP/1.1 102 Processing")
    on = bare(b"HTTP/1.1 100 Continue")
    befores = {"interim-100": on, "interim-103": hints, "interim-102-103": going + hints}
    return [
        *(Case(name=n, answers=((b, page(n)),), interim=b) for n, b in befores.items()),
        Case(name="interim-slow", answers=((hints, 0.3, page("slow")),), interim=hints),
        case("interim-only", hints, closes=True),
    ]


def manners() -> list[Case]:
    """Oddities of time, size, and method."""
    endless: list[Part] = [bare(OK, b"Content-Length: 100000"), *pieces(b"z" * 400, 1)]
    slowly = [part if isinstance(part, bytes) else 0.1 for part in endless]
    form = b"q=news+of+the+day&raw=\xff"
    return [
        case("hang", HANG),
        case("hang-in-head", b"HTTP/1.1 200 OK\r\nX-And:", HANG),
        case("hang-in-body", bare(OK, b"Content-Length: 50") + b"so far", HANG),
        case("trickle", *pieces(page("t", body=b"drop by drop, " * 9), 5)),
        case("trickle-endless", *slowly, limited=True),
        case("reset", RESET),
        case("reset-in-body", bare(OK, b"Content-Length: 5000") + TEXT[:700], 0.3, RESET),
        case("huge-head", page("x", *(b"X-%d: " % n + b"h" * 1000 for n in range(300))), limited=True),
        case("big-page", page("big", body=TEXT * 1500)),
        Case(name="long-url", answers=((page("long"),),), query="?q=" + "x" * 7000),
        Case(name="odd-query", answers=((page("query"),),), query="?a=1&b=%zz&c=%C3%A9&d=x+y&a=2"),
        case("head", bare(OK, b"Content-Length: 1234"), method="HEAD"),
        Case(name="post", answers=((page("posted"),),), method="POST", body=form),
        case("put", page("put"), method="PUT"),
        case("options", bare(OK, b"Allow: GET", b"Content-Length: 0"), method="OPTIONS"),
    ]


def cases() -> list[Case]:
    """All oddities."""
    return [*heads(), *ends(), *framing(), *codings(), *statuses(), *interims(), *manners()]


@dataclass(slots=True)
class Crossed:
    """One exchange as it crossed the wire, seen from the server."""

    target: str
    method: str
    received: bytes
    sent: bytearray = field(default_factory=bytearray)
    case: Case | None = None


class OddServer:
    """Answers every path with its prepared bytes, and keeps what crossed."""

    def __init__(self, odd: Iterable[Case] | None = None) -> None:
        self.cases = list(cases() if odd is None else odd)
        self.crossed: list[Crossed] = []
        self._by_path = {c.name: c for c in self.cases}
        self._asked: Counter[str] = Counter()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "OddServer":
        return self

    def __exit__(self, *_: object) -> None:
        # Without the shutdown the accepting thread would wait on.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def url(self, each: Case) -> str:
        """The address of a case."""
        return f"http://127.0.0.1:{self.port}{each.target}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_SECONDS)
        rest = b""
        with connection, suppress(OSError):
            while True:
                message, rest = read_request(connection, rest)
                if not message or not self._answer(connection, message):
                    return

    def _answer(self, connection: socket.socket, message: bytes) -> bool:
        method, target = message.split(b" ", 2)[:2]
        path = unquote_to_bytes(target.partition(b"?")[0]).decode("latin-1").strip("/")
        found = self._by_path.get(path)
        exchange = Crossed(target.decode("latin-1"), method.decode(), message, case=found)
        self.crossed.append(exchange)
        number = self._asked[path]
        self._asked[path] += 1
        if found is None:
            return send(connection, exchange, plain(target))
        parts = found.answers[min(number, len(found.answers) - 1)]
        return all(send(connection, exchange, part) for part in parts) and not found.closes


def plain(target: bytes) -> bytes:
    """The answer to a path that is no case: robots.txt, where a redirect leads."""
    if target == b"/robots.txt":
        return page("", body=b"User-agent: *\nAllow: /\n")
    return page("", body=b"<h1>arrived</h1>" + target)


def read_request(connection: socket.socket, data: bytes) -> tuple[bytes, bytes]:
    """One request with its body, and what came behind it; nothing at the end."""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b"", b""
        data += more
    head, _, _ = data.partition(b"\r\n\r\n")
    said = re.search(rb"\r\ncontent-length:[ \t]*(\d+)", head, re.I)
    end = len(head) + 4 + (int(said[1]) if said else 0)
    while len(data) < end and (more := connection.recv(65536)):
        data += more
    return data[:end], data[end:]


def send(connection: socket.socket, exchange: Crossed, part: Part) -> bool:
    """Do one part of an answer; whether the connection is good for more."""
    if isinstance(part, float):
        time.sleep(part)
    elif isinstance(part, bytes):
        # Noted before it is sent: the client may be done with it before we are.
        exchange.sent += part
        connection.sendall(part)
    elif part == HANG:
        while connection.recv(65536):
            pass
        return False
    else:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    return True


def main() -> None:
    """Serve until interrupted."""
    with OddServer() as server, suppress(KeyboardInterrupt):
        for each in server.cases:
            print(f"{each.method} {server.url(each)[:100]}")
        threading.Event().wait()


if __name__ == "__main__":
    main()
