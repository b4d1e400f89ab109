"""An unreliable wire to a real S3 server: an HTTP proxy that does what it is told to do wrong."""

import contextlib
import re
import socket
import struct
import threading
from dataclasses import dataclass, field

CODES = {"NoSuchUpload": "404", "ConditionalRequestConflict": "409"}
NAMES = {"503": "SlowDown", "500": "InternalError", "429": "TooManyRequests", "520": "Odd"}


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of this method whose target matches.

    `kind`: a status ("500", "503") or a code of CODES, "spoil" (a byte of the answer is flipped), "reset",
    "hang", "swallow" (a yes, and nothing is kept), "damage" (a byte of the body is flipped on its way in),
    "lie" (another checksum is told), "cut" (the answer breaks off).
    """

    kind: str
    method: str = "PUT"
    target: str = "warc/"
    times: int = 10**6


@dataclass
class Message:
    """A request or response: first line, header lines, body."""

    first: bytes
    lines: list[bytes]
    body: bytes

    def raw(self) -> bytes:
        return b"\r\n".join([self.first, *self.lines, b"", b""]) + self.body


@dataclass
class Faulty:
    """Listens on a loopback port in front of `port`."""

    port: int
    faults: list[Fault] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self._closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Faulty":
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while (request := _read(connection, b"")) and self._answer(connection, request):
                pass

    def _answer(self, connection: socket.socket, request: Message) -> bool:
        method, target, _ = request.first.decode().split(" ", 2)
        fault = next((f for f in self.faults if f.times and f.method == method and f.target in target), None)
        self.hits.append(f"{method} {target}" + (f" [{fault.kind}]" if fault else ""))
        if fault is None:
            connection.sendall(self._forward(request).raw())
            return True
        fault.times -= 1
        return self._wrong(connection, request, fault.kind)

    def _wrong(self, connection: socket.socket, request: Message, kind: str) -> bool:
        if kind.isdigit() or kind in CODES:
            code = NAMES.get(kind, kind)
            said = b"<Error><Code>%s</Code></Error>" % code.encode()
            connection.sendall(_simple(CODES.get(kind, kind).encode(), said))
        elif kind == "swallow":
            connection.sendall(_simple(b"200", b""))
        elif kind == "damage":
            middle = len(request.body) // 2
            request.body = (
                request.body[:middle] + bytes([request.body[middle] ^ 1]) + request.body[middle + 1 :]
            )
            connection.sendall(self._forward(request).raw())
        elif kind == "lie":
            answer = self._forward(request)
            answer.lines = [
                re.sub(rb"(?i)(x-amz-checksum-\w+: ).*", rb"\1" + b"A" * 43 + b"=", h) for h in answer.lines
            ]
            connection.sendall(answer.raw())
        elif kind == "spoil":
            answer = self._forward(request)
            answer.body = answer.body[:-1] + bytes([answer.body[-1] ^ 1])
            connection.sendall(answer.raw())
        elif kind == "cut":
            raw = self._forward(request).raw()
            connection.sendall(raw[: len(raw) - 10])
            return False
        elif kind == "hang":
            self._closed.wait(20)
            return False
        elif kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        return kind != "reset"

    def _forward(self, request: Message) -> Message:
        with socket.create_connection(("127.0.0.1", self.port), 30) as server:
            server.sendall(request.raw())
            method = request.first.split(b" ", 1)[0]
            answer = _read(server, method)
        assert answer
        return answer


def _simple(status: bytes, body: bytes) -> bytes:
    head = b'HTTP/1.1 %s Said\r\nContent-Type: application/xml\r\nETag: "x"\r\nContent-Length: %d\r\n\r\n'
    return head % (status, len(body)) + body


def _read(wire: socket.socket, method: bytes) -> Message | None:
    """One message; `method` is that of the request where this is its answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = wire.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    if any(h.lower().startswith(b"expect:") for h in lines):
        wire.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        lines = [h for h in lines if not h.lower().startswith(b"expect:")]
    length = next((int(h.split(b":")[1]) for h in lines if h.lower().startswith(b"content-length:")), 0)
    chunked = any(h.lower().replace(b" ", b"") == b"transfer-encoding:chunked" for h in lines)
    while method != b"HEAD" and (len(body) < length or (chunked and not body.endswith(b"0\r\n\r\n"))):
        more = wire.recv(1 << 20)
        if not more:
            break
        body += more
    return Message(first, lines, body)
