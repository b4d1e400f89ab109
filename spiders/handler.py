"""Scrapy's download handler: fetches by our transport, records, and answers Scrapy.

A response is given to Scrapy only after its records are durable in the spool.
"""

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
)
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes

from archive.errors import MorgueError
from archive.model import Exchange
from archive.wire import NotHttp, entity, read_head
from spiders.recorder import Recorder
from spiders.transport import FetchError, Outgoing

# Which of Scrapy's errors says what ours says; "refused" is ours to say and not to be tried again.
ERRORS: dict[str, type[Exception]] = {
    "dns": CannotResolveHostError,
    "connect": DownloadConnectionRefusedError,
    "time": DownloadTimeoutError,
    "refused": DownloadCancelledError,
    "tls": DownloadCancelledError,
}


class CaptureHandler(BaseDownloadHandler):
    """http and https, captured."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        recorder = crawler.get_extension(Recorder)
        if recorder is None:
            raise NotConfigured("the extension spiders.recorder.Recorder is not enabled")
        self._recorder = recorder

    async def download_request(self, request: Request) -> Response:
        """Fetch and record one request; raise one of Scrapy's download errors where no response came."""
        if self._recorder.stopping:
            raise DownloadCancelledError("the crawl is being stopped")
        exchange, error = await self._recorder.transport.fetch(outgoing(request))
        try:
            await self._recorder.record(exchange)
        except MorgueError as problem:
            raise DownloadCancelledError(str(problem)) from problem
        if error:
            _fail(error)
        return response_of(exchange, request)


def _fail(error: FetchError) -> NoReturn:
    raise ERRORS.get(error.kind, DownloadFailedError)(str(error)) from error


def outgoing(request: Request) -> Outgoing:
    """Scrapy's request as we send it."""
    headers = [(name, value) for name, values in request.headers.items() for value in values or ()]
    referrer = request.headers.get(b"Referer")
    return Outgoing(
        method=request.method,
        url=request.url.partition("#")[0],
        headers=tuple(headers),
        body=request.body,
        referrer=request.meta.get("found_on") or (referrer.decode("latin-1") if referrer else None),
        via=request.meta.get("via"),
    )


def response_of(exchange: Exchange, request: Request) -> Response:
    """What Scrapy gets: the head as read, the body without transfer coding."""
    try:
        head = read_head(exchange.head)
    except NotHttp as error:
        raise DownloadFailedError(f"{exchange.url}: {error}") from error
    headers = Headers()
    for name, value in head.headers:
        headers.appendlist(name, value)
    headers.pop(b"Transfer-Encoding", None)
    body = entity(head, exchange.body)
    kind = responsetypes.from_args(headers=headers, url=exchange.url, body=body)
    flags: list[str] = [f"truncated-{exchange.truncated}"] if exchange.truncated else []
    arguments: dict[str, Any] = {"protocol": "HTTP/1.1", "flags": flags}
    return kind(request.url, status=head.status, headers=headers, body=body, **arguments)
