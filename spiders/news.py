"""The news spider: front page, feeds and sitemaps of one site, then the articles that they name.

What to fetch is decided by `Plan`, without I/O; the spider turns its answers into requests.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import scrapy
from scrapy import Request, signals
from scrapy.http import Response, TextResponse

from archive.model import Capture
from archive.sites import Site
from spiders import discovery
from spiders.discovery import Told
from spiders.listing import Listing
from spiders.recorder import Recorder

SITEMAP_DAYS = 30
MOST_SITEMAPS = 50
MOST_FAILURES = 1000
AHEAD = 500  # requests of a long list that wait at a time: the rest stays a list, and a stop is heard
PRIORITIES = {"feed": 40, "front": 30, "sitemap": 20, "data": 12, "article": 10, "requisite": 5}


@dataclass(slots=True)
class Plan:
    """Decides what is worth fetching; knows what was asked for in this run and what the archive holds.

    `limit` counts articles (0: no limit); `fresh` are requisites that were captured lately; `known` are pages
    that were captured lately, with their status.
    """

    site: Site
    now: datetime
    limit: int = 0
    fresh: frozenset[str] = frozenset()
    known: dict[str, int] = field(default_factory=dict)
    articles: int = 0
    limited: bool = False
    _asked: set[str] = field(default_factory=set)
    _sitemaps: int = 0

    @property
    def host(self) -> str:
        """The site's host, and port where it is given."""
        return self.site.host.lower()

    def first(self, url: str) -> bool:
        """Whether this is the first time that this run asks for the URL."""
        key = discovery.tidy(url)
        if key in self._asked:
            return False
        self._asked.add(key)
        return True

    def wants_article(self, url: str) -> bool:
        """Whether a link is to be fetched as an article; counts it where it is."""
        if not self._in_scope(url) or not self.first(url):
            return False
        if self.limit and self.articles >= self.limit:
            self.limited = True
            return False
        self.articles += 1
        return True

    def _in_scope(self, url: str) -> bool:
        parts = urlsplit(url)
        if parts.netloc not in (self.host, f"www.{self.host}"):
            return False
        pattern = self.site.articles
        return not pattern or re.search(pattern, url) is not None

    def wants_sitemap(self, told: Told) -> bool:
        """Whether a sitemap of an index is worth reading: on this host, not old, and not too many."""
        same = urlsplit(told.url).netloc == self.host
        if not same or not self._recent(told) or self._sitemaps >= MOST_SITEMAPS:
            return False
        if not self.first(told.url):
            return False
        self._sitemaps += 1
        return True

    def wants_told(self, told: Told) -> bool:
        """Whether a sitemap's page is new enough, and wanted."""
        return self._recent(told) and self.wants_article(told.url)

    def _recent(self, told: Told) -> bool:
        return told.when is None or told.when > self.now - timedelta(days=SITEMAP_DAYS)

    def wants_requisite(self, url: str) -> bool:
        """Whether a requisite is to be fetched: by the site's policy, once per freshness period."""
        if self.site.requisites == "none" or url in self.fresh:
            return False
        if self.site.requisites == "same-host" and urlsplit(url).netloc != self.host:
            return False
        return self.first(url)

    def rechecks(self) -> Iterator[str]:
        """Known pages to look at again, so that changes and withdrawals are seen; a limit is for new ones."""
        if self.limit:
            return
        for url, status in self.known.items():
            if status == 200 and self.wants_article(url):
                yield url


class NewsSpider(scrapy.Spider):
    """One newspaper; a subclass per site file carries the Site."""

    name = "news"
    site: ClassVar[Site]
    archive_site: str

    def __init__(self, limit: int | str = 0, urls: Iterable[str] | str = (), **arguments: Any) -> None:
        super().__init__(**arguments)
        self.archive_site = self.site.id
        self.only = tuple(urls.split() if isinstance(urls, str) else urls)
        self.plan = Plan(site=self.site, now=datetime.now(UTC), limit=int(limit) or self.site.limit)
        self.parameters = {
            "limit": self.plan.limit,
            "urls": list(self.only),
            "fronts": [self.site.home, *self.site.sections],
        }

    @property
    def end_reason(self) -> str:
        """Why a crawl that ran to its end has ended."""
        return "limit" if self.plan.limited else "finished"

    async def start(self) -> AsyncIterator[Request]:
        """First the pages that were asked for, or else all sources of the site."""
        if self.only:
            for url in self.only:
                if self.plan.first(url):
                    yield self._ask(url, "article", via="asked for")
            return
        self._remember()
        for url in self.site.feeds:
            yield self._ask(url, "feed", via="site file")
        for url in (self.site.home, *self.site.sections):
            if self.plan.first(url):
                yield self._ask(url, "front", via="site file")
        for url in self.site.sitemaps:
            if self.plan.first(url):
                yield self._ask(url, "sitemap", via="site file")
        for number, url in enumerate(self.plan.rechecks()):
            if number % AHEAD == AHEAD - 1:
                await self.crawler.signals.wait_for(signals.scheduler_empty)
            yield self._ask(url, "article", via="recheck")

    def _remember(self) -> None:
        """What the archive holds of late, as the recorder has read it."""
        recorder = self.crawler.get_extension(Recorder)
        captures = recorder.captures if recorder else []
        now = self.plan.now
        self.plan.fresh = frozenset(c.url for c in captures if self._is_fresh(c))
        cut = now - timedelta(days=self.site.recheck_days)
        pages = [c for c in captures if c.at >= cut and (c.mime == "text/html" or c.status >= 400)]
        fronts = {self.site.home, *self.site.sections}
        self.plan.known = {c.url: c.status for c in pages if c.url not in fronts}

    def _is_fresh(self, capture: Capture) -> bool:
        young = capture.at >= self.plan.now - timedelta(days=self.site.requisites_days)
        static = capture.mime.startswith(("image/", "font/", "text/css")) or "javascript" in capture.mime
        return young and static and capture.status == 200

    def _ask(self, url: str, kind: str, *, via: str, on: str | None = None) -> Request:
        meta = {"via": via, "kind": kind} | ({"found_on": on} if on else {})
        callback = {"feed": self.feed, "front": self.front, "sitemap": self.sitemap}.get(kind, self.article)
        return Request(
            url,
            callback=callback,
            errback=self.failed,
            priority=PRIORITIES[kind],
            meta=meta,
            dont_filter=True,
        )

    def failed(self, failure: Any) -> None:
        """Nothing came: said once; the attempt itself is in the WARC."""
        self.logger.info("%s: %s", failure.request.url, failure.getErrorMessage())

    def feed(self, response: Response) -> Iterator[Request]:
        """The items of a feed."""
        for told in discovery.feed(response.body, response.url) if response.status == 200 else ():
            if self.plan.wants_article(told.url):
                yield self._ask(told.url, "article", via="feed", on=response.url)

    def sitemap(self, response: Response) -> Iterator[Request]:
        """The pages of a sitemap, and the sitemaps of an index."""
        if response.status != 200:
            return
        document = discovery.sitemap(response.body, response.url)
        for told in document.sitemaps:
            if self.plan.wants_sitemap(told):
                yield self._ask(told.url, "sitemap", via="sitemap index", on=response.url)
        for told in document.pages:
            if self.plan.wants_told(told):
                yield self._ask(told.url, "article", via="sitemap", on=response.url)

    def front(self, response: Response) -> Iterator[Request]:
        """The links of a front page or section, and what a browser loads with it."""
        if not isinstance(response, TextResponse) or response.status != 200:
            return
        found = discovery.page(response.text, response.url)
        for url in found.links:
            if self.plan.wants_article(url):
                yield self._ask(url, "article", via="front page", on=response.url)
        yield from self._loaded(found, response.url)

    def article(self, response: Response) -> Iterator[Request]:
        """An article, or something that a page loads: only its requisites are followed."""
        if not isinstance(response, TextResponse) or response.status != 200:
            return
        if "css" in (response.headers.get(b"Content-Type") or b"").decode("latin-1"):
            for url in discovery.css_requisites(response.text, response.url):
                if self.plan.wants_requisite(url):
                    yield self._ask(url, "requisite", via="style sheet", on=response.url)
        elif response.meta.get("kind") == "article" and self.site.requisites != "none":
            yield from self._loaded(discovery.loaded(response.text, response.url), response.url)

    def _loaded(self, found: discovery.PageLinks, page: str) -> Iterator[Request]:
        for url in found.data:
            if self.site.requisites != "none" and self.plan.first(url):
                yield self._ask(url, "data", via="preload", on=page)
        for url in found.requisites:
            if self.plan.wants_requisite(url):
                yield self._ask(url, "requisite", via="requisite", on=page)


def spider_of(site: Site) -> type[NewsSpider]:
    """The spider class of a site, with the site's own settings."""
    settings = {
        "MORGUE_ALLOW_PRIVATE": site.allow_private,
        "DOWNLOAD_DELAY": site.delay,
        "CONCURRENT_REQUESTS": max(site.concurrency, 16),
        "CONCURRENT_REQUESTS_PER_DOMAIN": site.concurrency,
        "DOWNLOAD_TIMEOUT": site.timeout,
        "DOWNLOAD_MAXSIZE": site.body_limit,
        "DOWNLOAD_BIND_ADDRESS": site.bind or None,
        "MORGUE_PROXY": site.proxy or None,
        "MORGUE_VERIFY_TLS": site.verify_tls,
        "MORGUE_REMEMBER_DAYS": max(site.recheck_days, site.requisites_days),
    }
    return type("SiteSpider", (NewsSpider,), {"name": site.id, "site": site, "custom_settings": settings})


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
            wanted = discovery.css_requisites(response.text, response.url)
        elif response.meta.get("asked"):
            found = discovery.loaded(response.text, response.url)
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
