"""The page spider: one-off pages, and what they load where that is asked for.

Rules: pages from which nothing more is wanted are fetched straight by Scrapy's downloader, a few at a time.
Its scheduler, and its way of handing responses to callbacks, are of no use to them and would cost more than
making their records.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import scrapy
from scrapy import Request, signals
from scrapy.http import Response, TextResponse

from spiders.links import read_loaded
from spiders.listing import PLAIN, Listing
from spiders.recorder import Recorder
from spiders.styles import css_requisites
from spiders.turns import AHEAD, Turns

MOST_FAILURES = 1000


class Listed(Request):
    """A request for a URL of a list, which was checked when it was read: Scrapy need not quote it again."""

    def _set_url(self, url: str) -> None:
        if PLAIN.match(url):
            self._url = url
        else:
            super()._set_url(url)


class PageSpider(scrapy.Spider):
    """One-off pages: each URL, and nothing else but what `requisites` asks for."""

    name = "capture"

    def __init__(
        self, urls: Iterable[str], *, archive_site: str, requisites: bool = False, **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self.urls = urls if isinstance(urls, Listing) else Listing(urls)
        self.archive_site = archive_site
        self.requisites = requisites
        self.failures: dict[str, str] = {}
        self.parameters = {
            "urls": self.urls.first,
            "url_count": self.urls.count,
            "requisites": requisites,
        }
        self.turns: Turns | None = None
        self._fetching: list[asyncio.Future[None]] = []
        self._asked: set[str] = set()

    async def start(self) -> AsyncIterator[Request]:
        """Every URL once."""
        if not self.requisites:
            await self._fetch_all()
            return
        for number, url in enumerate(self.urls):
            if number % AHEAD == AHEAD - 1:
                await self.crawler.signals.wait_for(signals.scheduler_empty)
            yield self._request(url, callback=self.parse, errback=self.failed)

    def _request(self, url: str, **more: Any) -> Request:
        meta = {"via": "asked for", "asked": url, "as_sent": not self.requisites}
        return Listed(url, dont_filter=True, meta=meta, **more)

    async def _fetch_all(self) -> None:
        """Fetch the list; what is in flight goes on to its end though this be cancelled."""
        self.turns = Turns(iter(self.urls), self.urls.count)
        many = min(self.crawler.settings.getint("CONCURRENT_REQUESTS"), self.urls.count)
        self._fetching = [asyncio.ensure_future(self._fetch_some(self.turns)) for _ in range(many)]
        await asyncio.wait(self._fetching)
        for done in self._fetching:
            done.result()  # a fault of our own is not passed over
        if (left := self.turns.left) and (url := self.turns.next()):
            self._note(url, f"not asked for: the capture was stopped with {left} to go")

    async def _fetch_some(self, turns: Turns) -> None:
        """Fetch one after the other, as long as there is one and the crawl goes on."""
        while self._going() and (url := turns.next()) is not None:
            try:
                await self.crawler.engine.download_async(self._request(url))
            except Exception as problem:  # noqa: BLE001 - whatever Scrapy raises: the URL gave nothing
                self._note(url, str(problem))
            finally:
                turns.done(url)

    def _going(self) -> bool:
        engine, recorder = self.crawler.engine, self.crawler.get_extension(Recorder)
        return engine is not None and engine.running and not (recorder and recorder.stopping)

    def failed(self, failure: Any) -> None:
        """Remember why a URL gave nothing."""
        request = failure.request
        self._note(request.meta.get("asked", request.url), failure.getErrorMessage())

    def _note(self, url: str, why: str) -> None:
        if len(self.failures) < MOST_FAILURES:
            self.failures[url] = why

    @property
    def left(self) -> int:
        """How many URLs of the list have not been begun."""
        return self.turns.left if self.turns else 0

    def parse(self, response: Response, **_: Any) -> Iterator[Request]:
        """Follow what a browser would load, where that was asked for."""
        if not self.requisites or not isinstance(response, TextResponse):
            return
        if "css" in (response.headers.get(b"Content-Type") or b"").decode("latin-1"):
            wanted = css_requisites(response.text, response.url)
        elif response.meta.get("asked"):
            found = read_loaded(response.text, response.url)
            wanted = found.requisites + found.data
        else:
            return
        for url in wanted:
            if url not in self._asked:
                self._asked.add(url)
                yield Request(
                    url,
                    callback=self.parse,
                    dont_filter=True,
                    meta={"via": "requisite", "found_on": response.url},
                )
