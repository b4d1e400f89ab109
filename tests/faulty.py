"""A proxy that misbehaves on order: in front of a real S3 server, over real sockets.

It passes requests on as they came, Host and all (the signature covers them), one upstream connection each. A
fault is a function of the request and of `forward`; it returns the answer, or None for a connection reset.
"""

import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import BinaryIO
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request: its first line, header lines, body."""

    line: str
    headers: tuple[str, ...]
    body: bytes

    @property
    def method(self) -> str:
        return self.line.split()[0]

    @property
    def path(self) -> str:
        return self.line.split()[1]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer; `sent` of its body's bytes go out before the connection breaks (None: all)."""

    line: str
    headers: tuple[str, ...] = ()
    body: bytes = b""
    sent: int | None = None


Forward = Callable[[Request], Answer]
Act = Callable[[Request, Forward], Answer | None]


@dataclass(kw_only=True)
class Fault:
    """When to misbehave, and how: at requests of a method, to a path, `times` of them after `skip`."""

    act: Act
    method: str
    path: str
    times: int | None
    skip: int
    hits: int = 0

    def takes(self, request: Request) -> bool:
        if request.method not in self.method.split("|") or not re.search(self.path, request.path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


@dataclass
class Faulty:
    """The proxy; `url` is what clients connect to. `with Faulty(upstream) as proxy:`"""

    upstream: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __enter__(self) -> "Faulty":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self.over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lift()
        self._listener.close()

    def fault(
        self, act: Act, method: str = "PUT", path: str = "/", *, times: int | None = None, skip: int = 0
    ) -> Fault:
        """From now on misbehave so."""
        made = Fault(act=act, method=method, path=path, times=times, skip=skip)
        with self._lock:
            self.faults.append(made)
        return made

    def lift(self) -> None:
        """Behave again; what hangs is let go."""
        with self._lock:
            self.faults.clear()
        self.over.set()
        self.over = threading.Event()

    def hang(self, request: Request, forward: Forward) -> None:
        """Say nothing until the fault is lifted."""
        self.over.wait(60)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as incoming:
            try:
                request = read_request(incoming, client)
                if request is None:
                    return
                with self._lock:
                    self.seen.append(f"{request.method} {request.path}")
                    fault = next((f for f in self.faults if f.takes(request)), None)
                answer = fault.act(request, self._forward) if fault else self._forward(request)
                if answer is None:
                    reset(client)
                else:
                    send(client, answer, request.method)
            except OSError:
                return  # either side has gone: so does this connection

    def _forward(self, request: Request) -> Answer:
        parts = urlsplit(self.upstream)
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as server:
            head = "\r\n".join((request.line, *request.headers, "Connection: close"))
            server.sendall(head.encode("latin-1") + b"\r\n\r\n" + request.body)
            with server.makefile("rb") as incoming:
                line, headers = read_head(incoming)
                body = b"" if request.method == "HEAD" else incoming.read()
        return Answer(line=line, headers=headers, body=unchunked(body) if chunked(headers) else body)


def read_head(incoming: BinaryIO) -> tuple[str, tuple[str, ...]]:
    lines = []
    while (line := incoming.readline().decode("latin-1")) not in ("\r\n", ""):
        lines.append(line.rstrip("\r\n"))
    if not lines:
        raise ConnectionResetError
    return lines[0], tuple(lines[1:])


def value(headers: tuple[str, ...], name: str) -> str:
    found = (h.partition(":")[2].strip() for h in headers if h.lower().startswith(f"{name}:"))
    return next(found, "")


def chunked(headers: tuple[str, ...]) -> bool:
    return value(headers, "transfer-encoding").lower() == "chunked"


def unchunked(body: bytes) -> bytes:
    out = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        out, body = out + body[:length], body[length + 2 :]
        if not length:
            break
    return out


def read_request(incoming: BinaryIO, client: socket.socket) -> Request | None:
    line, headers = read_head(incoming)
    if value(headers, "expect"):
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    size = int(value(headers, "content-length") or 0)
    body = incoming.read(size)
    if len(body) < size:
        return None
    kept = tuple(h for h in headers if not h.lower().startswith(("expect:", "connection:")))
    return Request(line=line, headers=kept, body=body)


def send(client: socket.socket, answer: Answer, method: str) -> None:
    dropped = ("connection:", "transfer-encoding:") + (() if method == "HEAD" else ("content-length:",))
    headers = [h for h in answer.headers if not h.lower().startswith(dropped)]
    if method != "HEAD":
        headers.append(f"Content-Length: {len(answer.body)}")
    head = "\r\n".join((answer.line, *headers, "Connection: close")).encode("latin-1")
    body = answer.body if answer.sent is None else answer.body[: answer.sent]
    client.sendall(head + b"\r\n\r\n" + body)
    if answer.sent is not None:
        reset(client)


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# What can go wrong.


def says(status: int, code: str) -> Act:
    """An error of the server's own, in S3's form."""
    body = f"<Error><Code>{code}</Code><Message>on order</Message></Error>".encode()
    answer = Answer(line=f"HTTP/1.1 {status} On Order", headers=("Content-Type: application/xml",), body=body)
    return lambda request, forward: answer


def resets(request: Request, forward: Forward) -> None:
    """The connection breaks; the server has seen nothing."""


def loses_the_answer(request: Request, forward: Forward) -> None:
    """The server does what was asked; the connection breaks before it can say so."""
    forward(request)


def drops(request: Request, forward: Forward) -> Answer:
    """A 200 for what nobody has stored."""
    tag = hashlib.md5(request.body).hexdigest()
    done = b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
    body = done if request.method == "POST" else b""
    return Answer(line="HTTP/1.1 200 OK", headers=(f'ETag: "{tag}"',), body=body)


def damages(request: Request, forward: Forward) -> Answer:
    """One byte of the body is another when it arrives."""
    return forward(replace(request, body=flipped(request.body)))


def damages_the_answer(request: Request, forward: Forward) -> Answer:
    """One byte of what was stored is another when it arrives."""
    answer = forward(request)
    return replace(answer, body=flipped(answer.body))


def truncates(request: Request, forward: Forward) -> Answer:
    """Half of the answer, then nothing."""
    answer = forward(request)
    return replace(answer, sent=len(answer.body) // 2)


def shortens(request: Request, forward: Forward) -> Answer:
    """Half of the answer, as if that were all."""
    answer = forward(request)
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def lies(request: Request, forward: Forward) -> Answer:
    """Another checksum and ETag than those of the bytes."""
    answer = forward(request)
    pattern = re.compile(r"^(x-amz-checksum-(?:crc32|sha256): )\S|^(etag: \"?)\w", re.I)
    headers = tuple(pattern.sub(lambda m: f"{m[1] or m[2]}f", h) for h in answer.headers)
    return replace(answer, headers=headers)


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else data
