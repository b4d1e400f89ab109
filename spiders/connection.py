"""One connection to a server, maybe through a proxy: a request out, a response in, within time limits.

Rules: one exchange at a time; no task or timer per read, one timer per exchange. Bytes that come when nothing
was asked make a connection unfit for another exchange.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, cast

from archive.model import Tls
from spiders.incoming import Incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds to connect, to the first byte, between bytes, and in all; bytes of a body."""

    connect: float = 20.0
    first_byte: float = 45.0
    idle: float = 30.0
    total: float = 60.0
    body: int = 64 * 1024 * 1024


class FetchError(Exception):
    """An exchange got no response.

    `kind` is "refused", "dns", "connect", "proxy", "tls", "time" or "closed".
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Connection(asyncio.Protocol):
    """A connection that may carry one exchange after another."""

    def __init__(self, peer: str | None) -> None:
        self.peer = peer
        self.tls: Tls | None = None
        self.used = False
        self.idle_since = 0.0
        self.open = False
        self._loop = asyncio.get_running_loop()
        self._wire: asyncio.Transport | None = None
        self._incoming: Incoming | None = None
        self._over: asyncio.Future[None] | None = None
        self._heard = 0.0
        self._error: Exception | None = None
        self._stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, TLS included."""
        # Not an instance of asyncio.Transport where the loop is uvloop's.
        self._wire, self.open = cast("asyncio.Transport", transport), True
        self.tls = _tls(transport.get_extra_info("ssl_object"))

    def data_received(self, data: bytes) -> None:
        """Bytes of the response."""
        self._heard = self._loop.time()
        incoming = self._incoming
        if incoming is None or incoming.done:
            self.close()
            return
        if incoming.feed(data):
            self._finish()

    def eof_received(self) -> None:
        """The server has said all that it will say."""
        self.open = False
        if self._incoming and not self._incoming.done:
            self._incoming.closed()
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, by either side."""
        self.open, self._error = False, exc
        if self._incoming and not self._incoming.done:
            self._incoming.closed(clean=exc is None)
        self._finish()

    def _finish(self) -> None:
        if self._over and not self._over.done():
            self._over.set_result(None)

    def close(self) -> None:
        """End the connection."""
        self.open = False
        if self._wire:
            self._wire.abort()

    async def converse(self, message: bytes, incoming: Incoming, limits: Limits, deadline: float) -> None:
        """Send `message`, and feed `incoming` until it is done; `deadline` is in the loop's time.

        Raise FetchError "time" or "closed" where no byte of a response came.
        """
        assert self._wire is not None
        self._incoming, self._over = incoming, self._loop.create_future()
        self._heard = self._loop.time()
        self._wire.write(message)
        timer = _Timer(self, incoming, limits, deadline)
        timer.look()
        try:
            await self._over
        finally:
            timer.stop()
            self._incoming = None
            if not incoming.reusable:
                self.close()
        if not incoming.data:  # nothing, or no more than interim responses
            raise _silence(incoming, limits, stopped=self._stopped)

    def give_up(self, *, stopped: bool = False) -> None:
        """The time is over, or (`stopped`) nobody waits any longer: keep what came."""
        if self._incoming is None or self._incoming.done:
            return
        self._stopped = stopped
        self._incoming.cut("time")
        self._finish()

    @property
    def heard(self) -> float:
        """When bytes last went either way, in the loop's time."""
        return self._heard


class _Timer:
    """Watches one exchange; wakes up when it could be late, not at every byte."""

    def __init__(self, connection: Connection, incoming: Incoming, limits: Limits, deadline: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._incoming = incoming
        self._limits = limits
        self._deadline = deadline
        self._handle: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Give up where a limit has passed; otherwise come back when one could have."""
        wait = self._limits.idle if self._incoming.begun else self._limits.first_byte
        due = min(self._connection.heard + wait, self._deadline)
        if due <= self._loop.time():
            self._connection.give_up()
        else:
            # Other limits may become due earlier than this one: never sleep past the shortest.
            due = min(due, self._loop.time() + min(self._limits.idle, self._limits.first_byte))
            self._handle = self._loop.call_at(due, self.look)

    def stop(self) -> None:
        """The exchange is over."""
        if self._handle:
            self._handle.cancel()


def _silence(incoming: Incoming, limits: Limits, *, stopped: bool) -> FetchError:
    if stopped:
        return FetchError("time", "no answer before the crawl was stopped")
    if incoming.truncated == "time":
        return FetchError("time", f"no answer within {min(limits.first_byte, limits.total):.0f} s")
    return FetchError("closed", "the connection was closed without an answer")


def _tls(layer: Any) -> Tls | None:
    if layer is None:
        return None
    version = str(layer.version() or "").lower().replace("tlsv", "tls/")
    cipher = layer.cipher()
    return Tls(version=version, cipher=cipher[0] if cipher else "", chain=_chain(layer))


def _chain(layer: Any) -> str:
    """The certificates that the server showed, as PEM, its own first; "" where it showed none."""
    shown = getattr(layer, "get_unverified_chain", None)  # public since Python 3.13
    if shown is not None:
        return "".join(ssl.DER_cert_to_PEM_cert(each) for each in shown() or ())
    inner = getattr(layer, "_sslobj", None)
    if inner is not None and hasattr(inner, "get_unverified_chain"):
        return "".join(each.public_bytes() for each in inner.get_unverified_chain() or ())
    own = layer.getpeercert(binary_form=True)
    return ssl.DER_cert_to_PEM_cert(own) if own else ""
