"""Scrapy's download handler: fetches by our transport, records, and answers Scrapy.

A response is given to Scrapy only after its records are durable in the spool.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, NoReturn

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    NotConfigured,
    ResponseDataLossError,
)
from scrapy.http import Headers, Response, TextResponse
from scrapy.responsetypes import responsetypes
from scrapy.settings import BaseSettings

from archive.errors import MorgueError
from archive.model import Exchange
from archive.spill import Spill
from archive.wire import NotHttp, ResponseHead, dechunk, entity, read_head
from spiders.polite import Politeness
from spiders.recorder import Recorder
from spiders.transport import FetchError, Limits, Outgoing, Proxy

# Which of Scrapy's errors says what ours says; "refused" is ours to say and not to be tried again.
ERRORS: dict[str, type[Exception]] = {
    "dns": CannotResolveHostError,
    "connect": DownloadConnectionRefusedError,
    "proxy": DownloadConnectionRefusedError,
    "time": DownloadTimeoutError,
    "refused": DownloadCancelledError,
    "tls": DownloadCancelledError,
}


# What Scrapy raises for a response that is not whole, unless DOWNLOAD_FAIL_ON_DATALOSS is off.
TRUNCATED: dict[str, type[Exception]] = {
    "disconnect": ResponseDataLossError,
    "time": DownloadTimeoutError,
    "length": DownloadCancelledError,
}


REDIRECTING = 4096  # bytes of a coded page beyond which it is no mere `<meta http-equiv="refresh">`


class CaptureHandler(BaseDownloadHandler):
    """http and https, captured."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        recorder = crawler.get_extension(Recorder)
        if recorder is None:
            raise NotConfigured("the extension spiders.recorder.Recorder is not enabled")
        self._recorder = recorder
        self._polite = crawler.get_extension(Politeness) or Politeness.from_crawler(crawler)
        recorder.stops.append(self._polite.stop)
        self._whole_only = crawler.settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        self._usual = Usual.of(crawler.settings)

    async def download_request(self, request: Request) -> Response:
        """Fetch and record one request; raise one of Scrapy's download errors where no response came."""
        if self._recorder.stopping:
            raise DownloadCancelledError("the crawl is being stopped")
        await self._recorder.room()
        outgoing = self._outgoing(request)
        await self._polite.turn(request.url)
        attempts = await self._recorder.transport.fetch(outgoing)
        self._polite.answered(attempts[-1].exchange)
        try:
            for attempt in attempts:
                request.meta["capture"] = await self._recorder.record(attempt.exchange)
        except MorgueError as problem:
            raise DownloadCancelledError(str(problem)) from problem
        exchange, error = attempts[-1].exchange, attempts[-1].error
        request.meta["wire"] = len(exchange.head) + exchange.body_size
        if error:
            _fail(error)
        if exchange.truncated and self._whole_only:
            raise TRUNCATED[exchange.truncated](f"{exchange.url}: truncated ({exchange.truncated})")
        return response_of(exchange, request)

    def _outgoing(self, request: Request) -> Outgoing:
        try:
            made = outgoing(request, self._usual, captured=self._recorder.captured)
        except ValueError as error:  # a proxy that is none
            raise DownloadCancelledError(str(error)) from error
        usual = self._recorder.transport.limits
        own = limits_for(request, usual)
        return made if own is usual else replace(made, limits=own)


def limits_for(request: Request, usual: Limits) -> Limits:
    """The limits of a request: Scrapy's meta keys may set its own time and size."""
    total = float(request.meta.get("download_timeout") or usual.total)
    body = int(request.meta.get("download_maxsize") or usual.body)
    if (total, body) == (usual.total, usual.body):
        return usual
    return replace(
        usual,
        total=total,
        body=body,
        connect=min(usual.connect, total),
        first_byte=total if total > usual.total else min(usual.first_byte, total),
        idle=min(usual.idle, total),
    )


def _fail(error: FetchError) -> NoReturn:
    raise ERRORS.get(error.kind, DownloadFailedError)(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What the settings say of every request; asking them costs more than all else here."""

    bind: str | None = None
    proxy: str = ""
    verify: bool = True

    @classmethod
    def of(cls, settings: BaseSettings) -> "Usual":
        """As these settings have it."""
        bind, proxy = settings.get("DOWNLOAD_BIND_ADDRESS"), settings.get("MORGUE_PROXY")
        return cls(bind=bind, proxy=proxy or "", verify=settings.getbool("MORGUE_VERIFY_TLS", True))


def outgoing(
    request: Request, usual: Usual, *, captured: Callable[[str | None], datetime | None] = lambda _: None
) -> Outgoing:
    """Scrapy's request as we send it; raise ValueError where its proxy is none.

    `captured` tells when the document was captured that names the URL.
    """
    # As they are kept, that is under their names: Headers.items() would make each anew.
    kept = dict.items(request.headers)
    headers = [(name, value) for name, values in kept for value in values or ()]
    # Scrapy's middleware puts a proxy's password here: it is not for the site, nor for the archive.
    secret = next((value for name, value in headers if name.lower() == b"proxy-authorization"), None)
    named = request.headers.get(b"Referer")
    referrer = request.meta.get("found_on") or (named.decode("latin-1") if named else None)
    bind = request.meta.get("bindaddress") or usual.bind
    return Outgoing(
        method=request.method,
        url=request.url.partition("#")[0],
        headers=tuple(h for h in headers if h[0].lower() != b"proxy-authorization"),
        body=request.body,
        referrer=referrer,
        referred=captured(referrer),
        via=request.meta.get("via"),
        original=request.meta.get("original"),
        rights=request.meta.get("rights", ""),
        proxy=_proxy(request.meta.get("proxy") or usual.proxy, secret),
        bind=(bind[0] if isinstance(bind, tuple | list) else bind) or None,
        verify=usual.verify,
    )


def _proxy(url: str | None, secret: bytes | None) -> Proxy | None:
    if not url:
        return None
    proxy = Proxy.from_url(url if "://" in url else f"http://{url}")
    if secret and not proxy.user and secret.lower().startswith(b"basic "):
        user, _, password = base64.b64decode(secret[6:]).decode("latin-1").partition(":")
        return replace(proxy, user=user, password=password)
    return proxy


_address = lru_cache(maxsize=1000)(ip_address)


class BigResponse(Response):
    """A response whose body is on disk: it is read anew each time that it is asked for."""

    def __init__(self, *arguments: Any, spill: Spill, chunked: bool, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._spill = spill
        self._chunked = chunked

    def replace(self, *arguments: Any, cls: Any = Response, **named: Any) -> Any:
        """A copy in memory, changed."""
        return super().replace(*arguments, cls=cls, **named)

    @property
    def body(self) -> bytes:
        """The body without transfer coding."""
        data = self._spill.read()
        return dechunk(data) if self._chunked else data


def response_of(exchange: Exchange, request: Request) -> Response:
    """What Scrapy gets: the head as read, the body without transfer coding."""
    try:
        head = read_head(exchange.head)
    except NotHttp as error:
        raise DownloadFailedError(f"{exchange.url}: {error}") from error
    headers = Headers()
    for name, value in head.headers:
        dict.setdefault(headers, name.title(), []).append(value)  # bytes as they are, under Scrapy's names
    dict.pop(headers, b"Transfer-Encoding", None)
    flags = ["dataloss", f"truncated-{exchange.truncated}"] if exchange.truncated else []
    shared: dict[str, Any] = {
        "status": head.status,
        "protocol": f"HTTP/{head.version}",
        "flags": flags,
        "ip_address": _address(exchange.peer) if exchange.peer else None,
    }
    response = _with_body(exchange, request, head, headers, shared)
    response.headers = headers  # Scrapy would make each of them anew
    return response


def _with_body(
    exchange: Exchange, request: Request, head: ResponseHead, headers: Headers, shared: dict[str, Any]
) -> Response:
    if request.meta.get("as_sent") and exchange.body_size > REDIRECTING:
        return Response(request.url, **shared)  # nobody will read the body
    start = next(exchange.body_pieces(), b"")
    kind = responsetypes.from_args(headers=headers, url=exchange.url, body=start)
    if issubclass(kind, TextResponse):
        return kind(request.url, body=entity(head, exchange.body), headers=_typed(headers), **shared)
    if exchange.big:
        return BigResponse(request.url, spill=exchange.big, chunked=head.chunked, **shared)
    return kind(request.url, body=entity(head, exchange.body), **shared)


def _typed(headers: Headers) -> Headers:
    """What a text says of its charset."""
    return Headers({b"Content-Type": dict.get(headers, b"Content-Type", [])})
