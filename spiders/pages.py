"""The page spider: one-off pages, and what they load where that is asked for."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import scrapy
from scrapy import Request, signals
from scrapy.http import Response, TextResponse

from spiders.links import read_loaded
from spiders.listing import Listing
from spiders.styles import css_requisites

MOST_FAILURES = 1000
AHEAD = 500  # requests of a long list that wait at a time: the rest stays a list, and a stop is heard


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
        self._asked: set[str] = set()

    async def start(self) -> AsyncIterator[Request]:
        """Every URL once."""
        for number, url in enumerate(self.urls):
            if number % AHEAD == AHEAD - 1:
                await self.crawler.signals.wait_for(signals.scheduler_empty)
            yield Request(
                url,
                callback=self.parse,
                errback=self.failed,
                dont_filter=True,
                meta={"via": "asked for", "asked": url, "as_sent": not self.requisites},
            )

    def failed(self, failure: Any) -> None:
        """Remember why a URL gave nothing."""
        if len(self.failures) < MOST_FAILURES:
            self.failures[failure.request.meta.get("asked", failure.request.url)] = failure.getErrorMessage()

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
