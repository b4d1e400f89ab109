"""HTTP/1.1 over asyncio that keeps every byte, both ways.

Rules: what is sent and what comes back is kept exactly as it crossed the wire; a head or body is read only to
know where it ends. The address that is connected to is judged after DNS, so that a name cannot lead inside.
Time and size limits end an exchange, they do not lose it: what came so far is kept, and why it ended is said.
"""

import asyncio
import os
import ssl
import time
from collections import defaultdict
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

from archive.address import is_public
from archive.model import Exchange, Tls
from archive.wire import Dechunker, NotHttp, ResponseHead, head_end, read_head

HEAD_LIMIT = 256 * 1024
READ = 128 * 1024
BODYLESS = (204, 304)
IDLE_SECONDS = 15.0

T = TypeVar("T")


class FetchError(Exception):
    """An exchange got no response; `kind` is "refused", "dns", "connect", "tls", "time" or "closed"."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds to connect, to the first byte, between bytes, and in all; bytes of a body."""

    connect: float = 20.0
    first_byte: float = 45.0
    idle: float = 30.0
    total: float = 60.0
    body: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request to be sent: header names and values as they are to appear."""

    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    referrer: str | None = None
    via: str | None = None

    def message(self) -> bytes:
        """The request as bytes: request line, Host, headers, body."""
        parts = urlsplit(self.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
        lines = [f"{self.method} {target} HTTP/1.1".encode(), f"Host: {host}".encode()]
        lines += [name + b": " + value for name, value in self.headers if name.lower() != b"host"]
        if self.body and not any(n.lower() == b"content-length" for n, _ in self.headers):
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    peer: str
    tls: Tls | None
    used: bool = False
    idle_since: float = 0.0


@dataclass(slots=True)
class _Incoming:
    """A response while it comes in: all bytes, and where its head ends."""

    data: bytearray = field(default_factory=bytearray)
    interim: bytearray = field(default_factory=bytearray)
    head: ResponseHead | None = None
    head_length: int = 0
    truncated: str | None = None
    reusable: bool = False


class Transport:
    """Fetches, and gives back Exchanges; connections are kept alive per scheme, host and port."""

    def __init__(self, *, limits: Limits | None = None, allow_private: bool = False) -> None:
        self.limits = limits or Limits()
        self.allow_private = allow_private
        self._idle: dict[tuple[str, str, int], list[_Connection]] = defaultdict(list)
        self._tls = ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])

    async def fetch(self, outgoing: Outgoing) -> tuple[Exchange, FetchError | None]:
        """One exchange; where no byte of a response came, the error that says why stands beside it."""
        began, clock = datetime.now(UTC), time.monotonic()
        message = outgoing.message()
        incoming, connection, error = _Incoming(), None, None
        try:
            connection, incoming = await self._try(outgoing, message, clock)
        except FetchError as problem:
            error = problem
        exchange = Exchange(
            url=outgoing.url,
            method=outgoing.method,
            request=message,
            response=bytes(incoming.data),
            head_length=incoming.head_length,
            interim=bytes(incoming.interim),
            began=began,
            seconds=time.monotonic() - clock,
            peer=connection.peer if connection else None,
            tls=connection.tls if connection else None,
            truncated=incoming.truncated,
            error=f"{error.kind}: {error}" if error else None,
            referrer=outgoing.referrer,
            via=outgoing.via,
        )
        return exchange, error

    async def close(self) -> None:
        """Close all idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.writer.close()
        self._idle.clear()

    async def _try(self, outgoing: Outgoing, message: bytes, clock: float) -> tuple[_Connection, _Incoming]:
        parts = urlsplit(outgoing.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        key = (parts.scheme, parts.hostname or "", port)
        for _ in range(2):
            connection = self._take(key) or await self._connect(*key)
            reused = connection.used
            try:
                incoming = await self._converse(connection, outgoing, message, clock)
            except FetchError as error:
                connection.writer.close()
                # The server may have closed a kept-alive connection while it lay idle (RFC 9112, 9.3.1).
                if reused and error.kind == "closed" and outgoing.method in ("GET", "HEAD"):
                    continue
                raise
            self._give_back(key, connection, reusable=incoming.reusable)
            return connection, incoming
        raise FetchError("closed", f"{key[1]} closes every connection without an answer")

    def _take(self, key: tuple[str, str, int]) -> _Connection | None:
        kept = self._idle[key]
        while kept:
            connection = kept.pop()
            fresh = time.monotonic() - connection.idle_since < IDLE_SECONDS
            if fresh and not connection.reader.at_eof():
                return connection
            connection.writer.close()
        return None

    def _give_back(self, key: tuple[str, str, int], connection: _Connection, *, reusable: bool) -> None:
        if reusable:
            connection.used, connection.idle_since = True, time.monotonic()
            self._idle[key].append(connection)
        else:
            connection.writer.close()

    async def _connect(self, scheme: str, host: str, port: int) -> _Connection:
        problem: FetchError | None = None
        for address in await self._addresses(host, port):
            try:
                return await self._open(scheme, host, address, port)
            except FetchError as error:
                problem = error
        raise problem or FetchError("dns", f"{host} has no address")

    async def _addresses(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=1), self.limits.connect)
        except (OSError, UnicodeError) as error:
            raise FetchError("dns", f"{host} cannot be resolved: {error.args[-1]}") from error
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        allowed = [a for a in addresses if self.allow_private or is_public(a)]
        if not allowed:
            where = f"{host} is {addresses[0]}" if host != addresses[0] else host
            raise FetchError("refused", f"{where}: not a public address; --allow-private allows it")
        return allowed

    async def _open(self, scheme: str, host: str, address: str, port: int) -> _Connection:
        secure = {"ssl": self._tls, "server_hostname": host} if scheme == "https" else {}
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(address, port, limit=READ, **secure),  # type: ignore[arg-type]
                self.limits.connect,
            )
        except TimeoutError as error:
            raise FetchError("connect", f"{host} ({address}) does not answer on port {port}") from error
        except ssl.SSLError as error:
            raise FetchError("tls", f"{host}: {error.reason or error}") from error
        except OSError as error:
            raise FetchError("connect", f"{host} ({address}) refuses port {port}: {_said(error)}") from error
        return _Connection(reader, writer, peer=address, tls=_tls(writer))

    async def _converse(
        self, connection: _Connection, outgoing: Outgoing, message: bytes, clock: float
    ) -> _Incoming:
        incoming = _Incoming()
        reading = _Reading(connection, self.limits, deadline=clock + self.limits.total)
        try:
            connection.writer.write(message)
            await reading.bounded(connection.writer.drain(), self.limits.idle)
            await reading.head(incoming)
            await reading.body(incoming, outgoing.method)
        except TimeoutError as error:
            if not incoming.data:
                raise FetchError("time", f"no answer within {self.limits.total:.0f} s") from error
            incoming.truncated = "time"
        except (OSError, EOFError) as error:
            if not incoming.data:
                raise FetchError("closed", "the connection was closed without an answer") from error
            incoming.truncated = "disconnect"
        incoming.head_length = incoming.head_length or len(incoming.data)
        return incoming


class _Reading:
    """Reads one response off a connection, within its limits."""

    def __init__(self, connection: _Connection, limits: Limits, *, deadline: float) -> None:
        self._reader = connection.reader
        self._limits = limits
        self._deadline = deadline

    async def bounded(self, coming: Awaitable[T], seconds: float) -> T:
        left = min(seconds, self._deadline - time.monotonic())
        return await asyncio.wait_for(coming, max(left, 0.001))

    async def more(self, seconds: float) -> bytes:
        """Some more bytes; raise EOFError at the end."""
        data = await self.bounded(self._reader.read(READ), seconds)
        if not data:
            raise EOFError
        return data

    async def head(self, incoming: _Incoming) -> None:
        """Read the final response head; interim responses are set apart."""
        while True:
            end = head_end(incoming.data)
            if end is None:
                if len(incoming.data) > HEAD_LIMIT:
                    incoming.truncated = "length"
                    return
                wait = self._limits.idle if incoming.data else self._limits.first_byte
                incoming.data += await self.more(wait)
                continue
            try:
                head = read_head(bytes(incoming.data[:end]))
            except NotHttp:
                return  # not HTTP/1.x: kept as it came, and the connection is not used again
            if not (100 <= head.status < 200 and head.status != 101):
                incoming.head, incoming.head_length = head, end
                return
            incoming.interim += incoming.data[:end]
            del incoming.data[:end]

    async def body(self, incoming: _Incoming, method: str) -> None:
        """Read the body to where the head says that it ends."""
        head = incoming.head
        if head is None:
            return
        if method == "HEAD" or head.status in BODYLESS:
            incoming.reusable = head.persistent and len(incoming.data) == incoming.head_length
        elif head.chunked:
            await self._chunked(incoming, head)
        elif head.length is not None:
            await self._counted(incoming, head, head.length)
        else:
            await self._until_closed(incoming)

    def _full(self, incoming: _Incoming) -> bool:
        if len(incoming.data) - incoming.head_length <= self._limits.body:
            return False
        del incoming.data[incoming.head_length + self._limits.body :]
        incoming.truncated = "length"
        return True

    async def _chunked(self, incoming: _Incoming, head: ResponseHead) -> None:
        framing = Dechunker()
        framing.feed(bytes(incoming.data[incoming.head_length :]))
        while not framing.done and not self._full(incoming):
            if framing.broken:
                await self._until_closed(incoming)
                return
            data = await self.more(self._limits.idle)
            incoming.data += data
            framing.feed(data)
        incoming.reusable = framing.done and not framing.spare and head.persistent

    async def _counted(self, incoming: _Incoming, head: ResponseHead, length: int) -> None:
        end = incoming.head_length + length
        while len(incoming.data) < end and not self._full(incoming):
            incoming.data += await self.more(self._limits.idle)
        self._full(incoming)
        incoming.reusable = not incoming.truncated and len(incoming.data) == end and head.persistent

    async def _until_closed(self, incoming: _Incoming) -> None:
        with suppress(EOFError):
            while not self._full(incoming):
                incoming.data += await self.more(self._limits.idle)


def _said(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _tls(writer: asyncio.StreamWriter) -> Tls | None:
    layer = writer.get_extra_info("ssl_object")
    if layer is None:
        return None
    version = str(layer.version() or "").lower().replace("tlsv", "tls/")
    cipher = layer.cipher()
    return Tls(version=version, cipher=cipher[0] if cipher else "")
