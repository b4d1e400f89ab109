"""Scrapy's downloader without its queue: a request goes to its handler as soon as its host has a place.

Rules: how fast a host is asked is settled where requests are sent (spiders.polite), so Scrapy's delays and
jitter are not looked at here; what is kept is how many requests of a host are under way at once. A request is
one task, where Scrapy makes two and hands the response through three deferreds. Scrapy's signals
`request_reached_downloader`, `response_downloaded` and `request_left_downloader` are not sent.
"""

import asyncio
from typing import Any

from scrapy import Request
from scrapy.core.downloader import Downloader
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.defer import deferred_from_coro
from twisted.internet.defer import Deferred


class StraightDownloader(Downloader):
    """For the setting DOWNLOADER; wants CaptureHandler, or another that is a coroutine."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._places: dict[str, asyncio.Semaphore] = {}  # of hosts that are being asked

    def fetch(self, request: Request, _spider: Any = None) -> Deferred[Response | Request]:
        """Send a request through the middlewares to its handler."""
        return deferred_from_coro(self._fetch(request))

    async def _fetch(self, request: Request) -> Response | Request:
        self.active.add(request)
        try:
            return await self.middleware.download_async(self._send, request)
        finally:
            self.active.remove(request)

    async def _send(self, request: Request) -> Response:
        key, slot = self._get_slot(request)
        request.meta[self.DOWNLOAD_SLOT] = key
        slot.active.add(request)
        places = self._places.setdefault(key, asyncio.Semaphore(slot.concurrency))
        try:
            async with places:
                slot.transferring.add(request)
                return await self.handlers.download_request_async(request)
        finally:
            slot.transferring.discard(request)
            slot.active.remove(request)
            if not slot.active:
                self._places.pop(key, None)
