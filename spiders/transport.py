"""HTTP/1.1 over asyncio that keeps every byte, both ways.

Rules: what is sent and what comes back is kept exactly as it crossed the wire; a head or body is read only
to know where it ends. Time and size limits end an exchange, they do not lose it: what came so far is kept,
and why it ended is said. A password for a proxy is sent, and never kept.
"""

import asyncio
import base64
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from archive.model import Exchange, Original
from spiders.connection import Connection, FetchError, Limits
from spiders.dialer import Dialer, Proxy, Route
from spiders.incoming import Incoming

IDLE_SECONDS = 15.0
KEPT = 200

__all__ = ["FetchError", "Fetched", "Limits", "Outgoing", "Proxy", "Transport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request to be sent: header names and values as they are to appear, and which way it goes.

    `original` is the capture that a conditional request compares with, `rights` as in Exchange, `bind` an
    address of this machine; `limits` are this request's own, in place of the transport's.
    """

    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    referrer: str | None = None
    referred: datetime | None = None
    via: str | None = None
    original: Original | None = None
    rights: str = ""
    proxy: Proxy | None = None
    bind: str | None = None
    verify: bool = True
    limits: Limits | None = None

    def route(self) -> Route:
        """The way it goes."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parts.hostname or ""
        return Route(
            scheme=parts.scheme, host=host, port=port, proxy=self.proxy, bind=self.bind, verify=self.verify
        )

    def message(self, *, absolute: bool = False) -> bytes:
        """The request as bytes: request line (`absolute` to a proxy), Host, headers, body."""
        parts = urlsplit(self.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
        if absolute:
            target = f"{parts.scheme}://{host}{target}"
        lines = [f"{self.method} {target} HTTP/1.1".encode(), f"Host: {host}".encode()]
        lines += [name + b": " + value for name, value in self.headers if name.lower() != b"host"]
        if self.body and not any(n.lower() == b"content-length" for n, _ in self.headers):
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One attempt: its exchange, and why it has no response, where it has none.

    `stale` says that it went into a kept connection that the server had closed.
    """

    exchange: Exchange
    error: FetchError | None = None
    stale: bool = False


class Transport:
    """Fetches, and gives back Exchanges; connections are kept alive per route.

    `folder` is where bodies over 1 MiB are kept until they are recorded (the system's own by default).
    """

    def __init__(
        self, *, limits: Limits | None = None, allow_private: bool = False, folder: Path | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._dialer = Dialer(seconds=self.limits.connect, allow_private=allow_private)
        self._folder = folder
        self._idle: dict[Route, list[Connection]] = defaultdict(list)
        self._kept = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._busy: set[Connection] = set()
        self._end: float | None = None

    def hurry(self, seconds: float) -> None:
        """What is in flight has so many seconds left: what has come by then is all that there is."""
        if self._end is None:
            loop = asyncio.get_running_loop()
            self._end = loop.time() + seconds
            loop.call_at(self._end, self._give_up)

    def _give_up(self) -> None:
        for connection in list(self._busy):
            connection.give_up(stopped=True)

    async def fetch(self, outgoing: Outgoing) -> list[Fetched]:
        """The attempts that it took, the last one last: more than one where a kept connection was stale."""
        limits = outgoing.limits or self.limits
        deadline = asyncio.get_running_loop().time() + limits.total
        deadline = deadline if self._end is None else min(deadline, self._end)
        attempts = []
        for _ in range(2):
            attempts.append(await self._attempt(outgoing, limits, deadline))
            # The server may have closed a kept-alive connection while it lay idle (RFC 9112, 9.3.1).
            if not attempts[-1].stale or outgoing.method not in ("GET", "HEAD"):
                break
            self._forget(outgoing.route())
        return attempts

    async def _attempt(self, outgoing: Outgoing, limits: Limits, deadline: float) -> Fetched:
        began, clock = datetime.now(UTC), time.monotonic()
        route = outgoing.route()
        message = outgoing.message(absolute=route.forwarded)
        incoming = Incoming(outgoing.method, limit=limits.body, folder=self._folder)
        connection, error, reused = None, None, False
        try:
            connection = self._take(route) or await self._dialer.dial(route)
            reused = connection.used
            self._busy.add(connection)
            await connection.converse(_on_the_wire(message, route), incoming, limits, deadline)
            self._give_back(route, connection, incoming)
        except FetchError as problem:
            error = problem
        finally:
            if connection:
                self._busy.discard(connection)
        response, interim = bytes(incoming.data), bytes(incoming.interim)
        if interim and not response:  # nothing final came: what did come is all the answer there is
            response, interim = interim, b""
        exchange = Exchange(
            url=outgoing.url,
            method=outgoing.method,
            request=message,
            response=response,
            head_length=incoming.head_length or len(response) * (not incoming.data),
            interim=interim,
            big=incoming.big,
            began=began,
            seconds=time.monotonic() - clock,
            peer=connection.peer if connection else None,
            tls=connection.tls if connection else None,
            truncated=incoming.truncated if response else None,
            error=f"{error.kind}: {error}" if error else None,
            referrer=outgoing.referrer,
            referred=outgoing.referred,
            via=outgoing.via,
            original=outgoing.original,
            rights=outgoing.rights,
        )
        stale = reused and error is not None and error.kind == "closed"
        return Fetched(exchange=exchange, error=error, stale=stale)

    async def close(self) -> None:
        """Close all idle connections."""
        if self._sweep:
            self._sweep.cancel()
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _take(self, route: Route) -> Connection | None:
        kept = self._idle.get(route)
        while kept:
            connection = kept.pop()
            self._kept -= 1
            if connection.open:
                return connection
        return None

    def _forget(self, route: Route) -> None:
        """What was kept for this route is likely to be stale as well."""
        for connection in self._idle.pop(route, ()):
            self._kept -= 1
            connection.close()

    def _give_back(self, route: Route, connection: Connection, incoming: Incoming) -> None:
        if not incoming.reusable or not connection.open or self._kept >= KEPT:
            connection.close()
            return
        connection.used, connection.idle_since = True, asyncio.get_running_loop().time()
        self._idle[route].append(connection)
        self._kept += 1
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._expire)

    def _expire(self) -> None:
        """Close what has been idle for too long: a server does not keep it for ever either."""
        loop = asyncio.get_running_loop()
        for route, connections in list(self._idle.items()):
            fresh = [c for c in connections if loop.time() - c.idle_since < IDLE_SECONDS and c.open]
            for connection in set(connections) - set(fresh):
                connection.close()
            if fresh:
                self._idle[route] = fresh
            else:
                del self._idle[route]
        self._kept = sum(map(len, self._idle.values()))
        self._sweep = loop.call_later(IDLE_SECONDS, self._expire) if self._kept else None


def _on_the_wire(message: bytes, route: Route) -> bytes:
    """The message, with our name and password for the proxy that forwards it: these are not recorded."""
    proxy = route.proxy
    if not route.forwarded or proxy is None or not proxy.user:
        return message
    secret = base64.b64encode(f"{proxy.user}:{proxy.password}".encode())
    first, end, rest = message.partition(b"\r\n")
    return first + end + b"Proxy-Authorization: Basic " + secret + b"\r\n" + rest
