"""From a URL's host to a connection: DNS, the judgement of addresses, happy eyeballs, proxies, TLS.

Rules: the address that is connected to is the one that was judged, so that no name can lead inside by
answering differently a second time. Names are remembered for a minute. Where a proxy resolves names by
itself, what our own DNS says is judged all the same.
"""

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohappyeyeballs
from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy as Tunnel

from archive.address import is_public
from spiders.connection import Connection, FetchError

REMEMBERED = 60.0
FORGOTTEN = 5.0
HAPPY_EYEBALLS = 0.25
KINDS = {
    "http": ProxyType.HTTP,
    "socks4": ProxyType.SOCKS4,
    "socks5": ProxyType.SOCKS5,
    "socks5h": ProxyType.SOCKS5,
}

Info = tuple[Any, Any, int, str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy: kind ("http", "socks4", "socks5", "socks5h"), where it is, and who we are to it."""

    kind: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    @classmethod
    def from_url(cls, url: str) -> "Proxy":
        """Read e.g. socks5://user:password@127.0.0.1:1080; raise ValueError that says what is wrong."""
        parts = urlsplit(url)
        if parts.scheme not in KINDS or not parts.hostname:
            raise ValueError(f"{url!r} is no proxy; write http://HOST:PORT or socks5://HOST:PORT")
        port = parts.port or (3128 if parts.scheme == "http" else 1080)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(kind=parts.scheme, host=parts.hostname, port=port, user=user, password=password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which way an exchange goes; connections are kept per route."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None = None
    bind: str | None = None
    verify: bool = True

    @property
    def forwarded(self) -> bool:
        """Whether an HTTP proxy is asked for the page itself, and not for a tunnel."""
        return self.proxy is not None and self.proxy.kind == "http" and self.scheme == "http"


class Dialer:
    """Makes connections; `seconds` is how long one may take."""

    def __init__(self, *, seconds: float, allow_private: bool = False) -> None:
        self.seconds = seconds
        self.allow_private = allow_private
        self._names: dict[tuple[str, int], tuple[float, asyncio.Future[list[Info]]]] = {}
        self._contexts: dict[bool, ssl.SSLContext] = {}

    async def dial(self, route: Route) -> Connection:
        """A new connection; raise FetchError."""
        try:
            async with asyncio.timeout(self.seconds):
                return await self._dial(route)
        except TimeoutError as error:
            raise FetchError("connect", f"{route.host} does not answer on port {route.port}") from error

    async def _dial(self, route: Route) -> Connection:
        if route.proxy:
            sock, peer = await self._through(route, route.proxy)
        else:
            sock = await self._direct(route, await self._judged(route.host, route.port))
            peer = str(sock.getpeername()[0])
        try:
            return await self._secured(route, sock, peer)
        except BaseException:
            sock.close()
            raise

    async def _secured(self, route: Route, sock: socket.socket, peer: str | None) -> Connection:
        loop = asyncio.get_running_loop()
        secure = {"ssl": self._context(route.verify), "server_hostname": route.host}
        arguments: dict[str, Any] = secure if route.scheme == "https" else {}
        try:
            _, connection = await loop.create_connection(lambda: Connection(peer), sock=sock, **arguments)
        except ssl.SSLError as error:
            said = getattr(error, "verify_message", "") or error.reason or str(error)
            raise FetchError("tls", f"{route.host}: {said}") from error
        except OSError as error:
            raise FetchError("tls", f"{route.host}: {_said(error)} during the TLS handshake") from error
        return connection

    async def _direct(self, route: Route, found: list[Info]) -> socket.socket:
        local = await self._local(route.bind) if route.bind else None
        try:
            return await aiohappyeyeballs.start_connection(
                found, local_addr_infos=local, happy_eyeballs_delay=HAPPY_EYEBALLS, interleave=1
            )
        except OSError as error:
            where = f"{route.host} ({found[0][4][0]})"
            raise FetchError("connect", f"{where} refuses port {route.port}: {_said(error)}") from error

    async def _local(self, bind: str) -> list[Info]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.getaddrinfo(bind, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except OSError as error:
            raise FetchError("connect", f"{bind!r} is no address of this machine to bind to") from error

    async def _through(self, route: Route, proxy: Proxy) -> tuple[socket.socket, str | None]:
        """A tunnel, or the proxy itself where it forwards; and the address behind, where it is known."""
        found = await self._judged_if_known(route)
        if route.forwarded:
            where = Route(scheme="http", host=proxy.host, port=proxy.port, bind=route.bind)
            return await self._direct(where, await self._resolved(proxy.host, proxy.port)), None
        # SOCKS4 and SOCKS5 get the judged address; the others take names only, to choose by them.
        address = str(found[0][4][0]) if found and proxy.kind in ("socks4", "socks5") else None
        tunnel = Tunnel(KINDS[proxy.kind], proxy.host, proxy.port, proxy.user, proxy.password, rdns=True)
        local = {"local_addr": (route.bind, 0)} if route.bind else {}
        try:
            sock = await tunnel.connect(address or route.host, route.port, timeout=self.seconds, **local)
        except (ProxyError, OSError, TimeoutError) as error:
            raise FetchError("proxy", f"{proxy.kind} proxy {proxy.host}:{proxy.port}: {error}") from error
        return sock, address

    async def _judged_if_known(self, route: Route) -> list[Info]:
        try:
            return await self._judged(route.host, route.port)
        except FetchError as error:
            if error.kind == "dns":
                return []  # only the proxy knows the name
            raise

    async def _judged(self, host: str, port: int) -> list[Info]:
        found = await self._resolved(host, port)
        allowed = [i for i in found if self.allow_private or is_public(str(i[4][0]))]
        if not allowed:
            address = found[0][4][0]
            where = f"{host} is {address}" if host != address else host
            raise FetchError("refused", f"{where}: not a public address; --allow-private allows it")
        return allowed

    async def _resolved(self, host: str, port: int) -> list[Info]:
        """The host's addresses: asked for once, however many want to know."""
        now = asyncio.get_running_loop().time()
        until, known = self._names.get((host, port), (0.0, None))
        if known is None or (until < now and known.done()):
            known = asyncio.ensure_future(_resolve(host, port))
            self._names[host, port] = (now + REMEMBERED, known)
            known.add_done_callback(lambda done: self._forget(host, port, done))
        return await asyncio.shield(known)

    def _forget(self, host: str, port: int, done: "asyncio.Future[list[Info]]") -> None:
        """A failure is remembered for a moment only; the oldest names make room."""
        if done.cancelled() or done.exception():
            until = done.get_loop().time() + FORGOTTEN
            self._names[host, port] = (until, done)
        while len(self._names) > 10_000:
            del self._names[next(iter(self._names))]

    def _context(self, verify: bool) -> ssl.SSLContext:
        if verify not in self._contexts:
            self._contexts[verify] = _strict() if verify else _relaxed()
        return self._contexts[verify]


async def _resolve(host: str, port: int) -> list[Info]:
    loop = asyncio.get_running_loop()
    try:
        with suppress(ValueError):  # an address needs no DNS, and no thread
            ip_address(host.partition("%")[0])
            return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError("dns", f"{host} cannot be resolved: {error.args[-1]}") from error
    if not found:
        raise FetchError("dns", f"{host} has no address")
    return list(found)


def _strict() -> ssl.SSLContext:
    context = ssl.create_default_context()
    # Only HTTP/1.1 has a form that a WARC can hold as it crossed the wire.
    context.set_alpn_protocols(["http/1.1"])
    return context


def _relaxed() -> ssl.SSLContext:
    """For a site whose file says so: any certificate, old ciphers and old servers."""
    context = _strict()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.options |= 0x4  # OP_LEGACY_SERVER_CONNECT, named since Python 3.12
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _said(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
