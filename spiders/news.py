"""The news spider: front page, feeds and sitemaps of one site, then the articles that they name.

What to fetch is decided by `Plan`, without I/O; the spider turns its answers into requests, and what comes
back into looks.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, ClassVar

import scrapy
from scrapy import Request, signals
from scrapy.http import Response, TextResponse

from archive.agenda import Known
from archive.config import Config
from archive.errors import MorgueError
from archive.glance import glance_of, manner_of, published_in, said_on, text_of
from archive.looks import Look, version_in
from archive.memory import remembered
from archive.model import Capture, Original, Run
from archive.playback import text_in
from archive.policy import policy_of
from archive.reports import write_report
from archive.selectors import rules_at
from archive.shards import Passed, Shard, shard_of
from archive.sites import Site
from archive.spool import RunStart
from archive.state import KEPT_HEADS, read_state, write_state
from archive.store import Store, open_store
from archive.walls import WINDOW, wall_of
from spiders.feeds import read_feed
from spiders.leftover import Leftover, left_over
from spiders.links import PageLinks, read_loaded, read_page
from spiders.plan import NO_HINT, Answer, Ask, Plan, SourceHint
from spiders.polite import NotNow, Politeness, host_of
from spiders.recorder import Recorder
from spiders.relay import LOADED, Elsewhere, Relay
from spiders.robots import Forbidden
from spiders.sitemaps import read_sitemap
from spiders.styles import css_requisites
from spiders.told import Told

AHEAD = 500  # requests of a long list that wait at a time: the rest stays a list, and a stop is heard
MOST_FAILURES = 100
PAGES = ("text/html", "application/xhtml+xml")

# One thread reads articles: trafilatura and lxml.html keep parsers for the whole process, and libxml2, which
# works without Python's lock, spoiled memory for others where several threads share one. Nothing is lost
# by it: the rest of such a reading holds the lock anyway.
READER = ThreadPoolExecutor(1, thread_name_prefix="reader")


class NewsSpider(scrapy.Spider):
    """One newspaper; a subclass per site file carries the Site.

    `as_of` is the time by which things are due (now, unless given); `force` and `due_only` as in Plan. What
    was captured from `resume_from` on is not asked for again, but for the documents that name pages. `shard`
    ("2/4") asks its own hosts alone.
    """

    name = "news"
    site: ClassVar[Site]
    archive_site: str

    def __init__(
        self,
        limit: int | str = 0,
        urls: Iterable[str] | str = (),
        *,
        as_of: datetime | str | None = None,
        force: bool = False,
        due_only: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        resume_from: datetime | None = None,
        shard: Shard | str | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.archive_site = self.site.id
        self.only = tuple(urls.split() if isinstance(urls, str) else urls)
        now = datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of or datetime.now(UTC)
        self.ahead = now - datetime.now(UTC)
        self.plan = Plan(
            site=self.site, now=now, limit=int(limit) or self.site.limit, force=force, due_only=due_only,
            since=since, until=until,
            shard=shard_of(shard, (self.site.host, *self.site.hosts)) if isinstance(shard, str) else shard,
        )  # fmt: skip
        self.relay: Relay | None = None
        self.resume_from = resume_from
        self.leftover = Leftover()
        self.failures: dict[str, str] = {}
        self.parameters = {
            "limit": self.plan.limit,
            "urls": list(self.only),
            "fronts": list(self.plan.fronts),
        }
        if self.plan.backfilling:
            self.parameters["interval"] = [moment.isoformat() for moment in self.plan.interval]
        if self.plan.shard:
            self.parameters["shard"] = str(self.plan.shard)

    @property
    def end_reason(self) -> str:
        """Why a crawl that ran to its end has ended."""
        return "limit" if self.plan.limited else "finished"

    @property
    def recorder(self) -> Recorder | None:
        """The recorder of this crawl."""
        return self.crawler.get_extension(Recorder)

    async def start(self) -> AsyncIterator[Request]:
        """First the pages that were asked for, or else all sources of the site; then what is due."""
        await asyncio.to_thread(self._remember)
        if self.recorder:
            store = open_store(self.recorder.archive)
            self.relay = Relay(store=store, plan=self.plan, run=self.recorder.run_id)
            self.relay.begin()
        async for request in self._own():
            yield request
        if self.relay and (self.plan.shard or not (self.only or self.plan.backfilling)):
            async for each in self.relay.heard(self.crawler):
                if handed := self._handed(each):
                    yield handed

    async def _own(self) -> AsyncIterator[Request]:
        if self.only:
            for ask in filter(None, map(self.plan.asked_for, self.only)):
                yield self._request(ask)
            return
        for ask in self.plan.begin():
            yield self._request(ask)
        for number, ask in enumerate(chain(self.plan.archives(), self.plan.due())):
            if number % AHEAD == AHEAD - 1:
                await self.crawler.signals.wait_for(signals.scheduler_empty)
            yield self._request(ask)
        async for request in self._leftover():
            yield request

    def _handed(self, each: Passed) -> Request | None:
        """The request for what another shard has found."""
        loaded = each.kind in LOADED
        if (self.only and not loaded) or not (ask := self.plan.handed(each)):
            return None
        return self._load(ask.url, ask.kind, via=ask.via, on=ask.on or "") if loaded else self._request(ask)

    async def _leftover(self) -> AsyncIterator[Request]:
        """What a browser loads with the pages of runs that were cut short, and what they did not come to."""
        if self.recorder is None or self.plan.backfilling or self.site.requisites == "none":
            return
        store = open_store(self.recorder.archive)
        for number, page in enumerate(self.leftover.pages):
            if number % AHEAD == AHEAD - 1:
                await self.crawler.signals.wait_for(signals.scheduler_empty)
            reading = asyncio.get_running_loop().run_in_executor(READER, self.leftover.loaded, store, page)
            found = await reading
            for request in self._loaded(found, page.url):
                yield request

    def _remember(self) -> None:
        """What earlier runs learnt; where their state is lost, what the archive holds of late."""
        captures = self.recorder.captures if self.recorder else []
        self.plan.fresh = frozenset(c.url for c in captures if self._is_fresh(c))
        try:
            state = read_state(open_store(self.recorder.archive), self.site.id) if self.recorder else None
        except MorgueError as error:
            self.logger.warning("cannot read what is known of %s (%s)", self.site.id, error)
            state = None
        if state:
            head = state.head
            self.plan.remember(state, head.sources, looks=head.looks, changes=head.changes)
        else:
            self._remember_captures(captures)
        self._remember_leftover(captures)
        if self.resume_from:
            count = self.plan.resume([c for c in captures if c.at >= self.resume_from])
            self.logger.info("going on: %d pages were archived since %s", count, self.resume_from)

    def _remember_leftover(self, captures: list[Capture]) -> None:
        try:
            if self.recorder:
                shard = str(self.plan.shard or "")
                own = [c for c in captures if self.plan.mine(c.url)]
                self.leftover = left_over(open_store(self.recorder.archive), self.site.id, own, shard=shard)
        except MorgueError as error:
            self.logger.warning("cannot read how the runs before this one have ended (%s)", error)

    def _remember_captures(self, captures: list[Capture]) -> None:
        cut = self.plan.now - timedelta(days=self.site.recheck_days)
        lately = (c for c in captures if c.at >= cut)
        memory = remembered(lately, fronts=self.plan.fronts, now=self.plan.now)
        self.plan.remember(memory, (), looks=0, changes=0)

    def _is_fresh(self, capture: Capture) -> bool:
        young = capture.at >= self.plan.now - timedelta(days=self.site.requisites_days)
        static = capture.mime.startswith(("image/", "font/", "text/css")) or "javascript" in capture.mime
        # What is not there is not asked for each time either.
        return young and ((static and capture.status == 200) or capture.status in (404, 410))

    def _request(self, ask: Ask) -> Request:
        callback = {
            "feed": self.feed,
            "front": self.front,
            "sitemap": self.sitemap,
            "archive": self.front,
        }.get(ask.kind, self.article)
        meta: dict[str, Any] = {"via": ask.via, "kind": ask.kind, "ask": ask}
        meta |= {"found_on": ask.on} if ask.on else {}
        meta |= {"original": ask.original} if ask.original else {}
        return Request(
            ask.url,
            callback=callback,
            errback=self.failed,
            headers=ask.headers,
            priority=ask.priority,
            meta=meta,
            dont_filter=True,
        )

    def _requests(self, asks: Iterable[Ask]) -> Iterator[Request]:
        return (self._request(ask) for ask in asks)

    def failed(self, failure: Any) -> Iterator[Request]:
        """Nothing came: said once; the attempt itself is in the WARC, where there was one.

        What fails while the crawl is being stopped is no fault of the page. The plan is not told of it, so
        that it stays open, and the next run asks for it at once.
        """
        said = failure.getErrorMessage()
        if self.recorder and self.recorder.stopping:
            self.logger.debug("%s: %s", failure.request.url, said)
            return iter(())
        if failure.check(Elsewhere):
            return self._requests(self._sent_away(failure.request))
        kinds = {Forbidden: "forbidden", NotNow: "deferred"}
        kind = next((k for error, k in kinds.items() if failure.check(error)), "failed")
        self.logger.info("%s: %s", failure.request.url, said)
        if len(self.failures) < MOST_FAILURES:
            self.failures[failure.request.url] = said
        polite = self.crawler.get_extension(Politeness)
        wait = polite.pace(host_of(failure.request.url)).retry_after if polite else 0.0
        ask = failure.request.meta["ask"]
        return self._requests(self.plan.lost(ask, kind=kind, why=said, retry_after=wait or None))

    def _sent_away(self, request: Request) -> list[Ask]:
        home = request.url in self.plan.fronts
        look = Look(at=datetime.now(UTC) + self.ahead, status=301, moved=request.url, home=home)
        return self.plan.sent_away(request.meta["ask"], look)

    def feed(self, response: Response) -> Iterator[Request]:
        """The items of a feed."""
        ask = response.meta["ask"]
        if response.status != 200:
            return self._no_document(ask, response)
        document = read_feed(response.body, response.url)
        hint = SourceHint(ttl=60.0 * (document.ttl_minutes or 0), hub=document.hub, topic=document.self_url)
        return self._requests(self._named(ask, document.items, response, hint))

    def _named(
        self, ask: Ask, told: Iterable[Told], response: Response, hint: SourceHint = NO_HINT
    ) -> list[Ask]:
        listed = list(told)
        answer = Answer(look=self._look(response), digest=_digest(listed), size=response.meta.get("wire", 0))
        return self.plan.named(ask, listed, answer, hint)

    def _no_document(self, ask: Ask, response: Response) -> Iterator[Request]:
        if response.status == 304:
            return self._requests(self.plan.unchanged(ask))
        wait = self._retry_after(response)
        why = f"it answered {response.status}"
        return self._requests(
            self.plan.lost(ask, kind="failed", why=why, status=response.status, retry_after=wait)
        )

    def _retry_after(self, response: Response) -> float | None:
        from spiders.pace import seconds_of

        value = response.headers.get(b"Retry-After")
        return seconds_of(value.decode("latin-1"), datetime.now(UTC)) if value else None

    def sitemap(self, response: Response) -> Iterator[Request]:
        """The pages of a sitemap, and the sitemaps of an index."""
        ask = response.meta["ask"]
        if response.status != 200:
            yield from self._no_document(ask, response)
            return
        document = read_sitemap(response.body, response.url)
        yield from self._requests(self.plan.inner(document.sitemaps, on=response.url))
        hint = SourceHint(cut=f"read in part ({document.cut})" if document.cut else "")
        yield from self._requests(self._named(ask, document.pages, response, hint))

    def front(self, response: Response) -> Iterator[Request]:
        """The links of a front page or section, and what a browser loads with it."""
        ask = response.meta["ask"]
        if response.status != 200 or not isinstance(response, TextResponse):
            yield from self._no_document(ask, response)
            return
        found = read_page(response.text, response.url)
        told = [Told(url=url) for url in found.links]
        yield from self._requests(self._named(ask, told, response))
        yield from self._loaded(found, response.url)

    async def article(self, response: Response) -> AsyncIterator[Request]:
        """An article: what it says is compared with what it said; what it loads is followed."""
        ask: Ask = response.meta["ask"]
        look = self._look(response)
        page = isinstance(response, TextResponse) and response.status == 200 and _mime(response) in PAGES
        if page and not look.wall:
            ask, look = await self._compared(response, ask, look)
        self.plan.answered(ask, look, size=response.meta.get("wire", 0))
        if page and isinstance(response, TextResponse) and self.site.requisites != "none":
            for request in self._loaded(read_loaded(response.text, response.url), response.url):
                yield request

    async def _compared(self, response: Response, ask: Ask, look: Look) -> tuple[Ask, Look]:
        """The ask and the look with what must be known to compare them; most pages need not be read."""
        known, original = ask.known, look.original
        first = known is None or known.status != 200
        same = known and known.original and original and known.original.digest == original.digest
        if known is None or (original and (first or same)):
            published = published_in(response.text) if first and isinstance(response, TextResponse) else None
            return ask, replace(look, unread=True, published=published)
        reading = asyncio.get_running_loop().run_in_executor(READER, self._read, response, known, look)
        known, look = await reading
        return replace(ask, known=known), look

    def _read(self, response: Response, known: Known, look: Look) -> tuple[Known, Look]:
        """What an article says now, and what it said; both unread where no word of the page is another."""
        text = text_in(_header(response, b"Content-Type"), response.body)
        rules = rules_at(self.site.rules, look.at)
        words = glance_of(text)
        if words and known.fields.get("words") == words and look.original:
            return known, replace(look, unread=True)
        if known.original and self.recorder and known.fields.get("reading") != manner_of(rules):
            before = text_of(open_store(self.recorder.archive), known.original)
            if before and words and glance_of(before) == words and look.original:
                return replace(known, fields=known.fields | {"words": words}), replace(look, unread=True)
            if before:
                said = said_on(before, known.url, rules=rules)
                known = replace(known, fields=said.fields, version=version_in(said.fields))
        said = said_on(text, response.url, rules=rules, words=words)
        return known, replace(look, fields=said.fields, published=said.published)

    def _look(self, response: Response) -> Look:
        capture: Capture | None = response.meta.get("capture")
        asked = response.meta["ask"].url
        moved = response.url if response.url != asked and response.meta.get("redirect_urls") else ""
        wall = self._wall(response)
        return Look(
            at=datetime.now(UTC) + self.ahead,
            status=response.status,
            etag=_header(response, b"ETag"),
            modified=_header(response, b"Last-Modified"),
            original=self._original(capture) if response.status == 200 else None,
            moved=moved,
            home=moved in self.plan.fronts,
            wall=wall,
            capture=capture.id if capture else "",
        )

    def _wall(self, response: Response) -> str:
        """What stands in an article's place; "" where nothing does."""
        ask: Ask = response.meta["ask"]
        if ask.kind != "article" or response.status in (204, 304) or _mime(response) not in PAGES:
            return ""
        capture: Capture | None = response.meta.get("capture")
        if capture and capture.url == response.url and not response.meta.get("redirect_urls"):
            return capture.wall  # as the writer has seen it; only a page moved has more to tell
        headers = [(name, value) for name, values in response.headers.items() for value in values]
        moved_from = ask.url if response.meta.get("redirect_urls") else ""
        found = wall_of(
            response.status,
            headers,
            response.body[: WINDOW + 1],
            response.url,
            moved_from=moved_from,
            home=self.site.home,
        )
        return found.label if found else ""

    def _original(self, capture: Capture | None) -> Original | None:
        """The record that holds the payload of a capture: its own, or the one that a revisit refers to."""
        if capture is None or capture.truncated:
            return None
        if capture.kind == "response":
            return Original(url=capture.url, at=capture.at, digest=capture.digest, id=capture.id)
        spool = self.recorder.spool if self.recorder else None
        return spool.originals.find(capture.digest) if spool else None

    def requisite(self, response: Response) -> Iterator[Request]:
        """Something that a page loads; a style sheet loads more."""
        style = "css" in _header(response, b"Content-Type")
        if style and response.status == 200 and isinstance(response, TextResponse):
            for url in css_requisites(response.text, response.url):
                if self._takes(url, "requisite", via="style sheet", on=response.url):
                    yield self._load(url, "requisite", via="style sheet", on=response.url)

    def _loaded(self, found: PageLinks, page: str) -> Iterator[Request]:
        for url in found.data:
            if self._takes(url, "data", via="preload", on=page):
                yield self._load(url, "data", via="preload", on=page)
        for url in found.requisites:
            if self._takes(url, "requisite", via="requisite", on=page):
                yield self._load(url, "requisite", via="requisite", on=page)

    def _takes(self, url: str, kind: str, *, via: str, on: str) -> bool:
        """Whether what a page loads is fetched by this run; what is another shard's is passed on."""
        if kind == "data":
            wanted = self.site.requisites != "none" and self.plan.first(url)
        else:
            wanted = self.plan.wants_requisite(url)
        return wanted and self.plan.ours(url, kind=kind, via=via, on=on)

    def _load(self, url: str, kind: str, *, via: str, on: str) -> Request:
        ask = Ask(url=url, kind=kind, via=via, on=on)
        request = self._request(ask).replace(callback=self.requisite, errback=self.not_loaded)
        request.meta["download_maxsize"] = int(self.site.requisite_mb * (1 << 20))
        return request

    def not_loaded(self, failure: Any) -> None:
        """A page lacks something that it loads."""
        if failure.check(Elsewhere):
            self._sent_away(failure.request)
            return
        self.logger.info("%s: %s", failure.request.url, failure.getErrorMessage())

    def wrap_up(self, store: Store, run: Run) -> None:
        """Keep what this run learnt, and its report; its WARCs are published by now."""
        if self.relay:
            self.relay.settle(whole=run.reason == "finished")
        if not self.only or self.plan.update:
            # Each shard of a run writes a head while others read by one that they began with.
            shards = max(self.site.shards, self.plan.shard.count if self.plan.shard else 1)
            kept = KEPT_HEADS * shards if shards > 1 else KEPT_HEADS
            write_state(store, self.site.id, self.plan.learn(), now=self.plan.now, kept=kept)
        self._write_report(store, run)

    def _write_report(self, store: Store, run: Run) -> None:
        polite = self.crawler.get_extension(Politeness)
        hosts = polite.reports() if polite else ()
        report = self.plan.ledger.report(
            run=run.id,
            site=self.site.id,
            started=run.started,
            ended=run.ended,
            reason=run.reason,
            hosts=hosts,
            size=sum(host.bytes for host in hosts),
            truncated=run.counts.get("truncated", 0),
        )
        if self.plan.shard:
            report = replace(report, part_of=str(run.parameters.get("airflow", "")))
        write_report(store, report)

    async def closed(self, reason: str) -> None:
        """The crawl has ended: other shards are told; a run that had nothing to ask for leaves its report."""
        if self.relay is None or self.recorder is None:
            return
        await self.relay.end()
        spool = self.recorder.spool
        if reason == "finished" and spool and not spool.counts.get("exchanges") and not self.plan.limited:
            await asyncio.to_thread(self._had_nothing, self.relay, spool.start)

    def _had_nothing(self, relay: Relay, start: RunStart) -> None:
        """Without a page there is no manifest; that the run took place is to be known all the same."""
        now = datetime.now(UTC)
        run = Run(
            id=start.id, site=start.site, started=start.started, ended=now, reason="finished", counts={},
            warcs=(), key="", parameters=start.parameters,
        )  # fmt: skip
        try:
            relay.settle(whole=True)
            if not self.only:
                self._write_report(relay.store, run)
        except MorgueError as error:
            self.logger.warning("that there was nothing to do cannot be noted: %s", error)


def _digest(told: Iterable[Told]) -> str:
    """What stands for all that a source names: its bytes may change without any news."""
    lines = sorted({f"{each.url} {each.when}" for each in told})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _header(response: Response, name: bytes) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")


def _mime(response: Response) -> str:
    return _header(response, b"Content-Type").partition(";")[0].strip().lower() or PAGES[0]


def spider_of(site: Site) -> type[NewsSpider]:
    """The spider class of a site, with the site's own settings."""
    settings = {
        "MORGUE_ALLOW_PRIVATE": site.allow_private,
        "MORGUE_DELAY": site.delay,
        "MORGUE_BUDGET_REQUESTS": site.budget_requests,
        "MORGUE_BUDGET_MB": site.budget_mb,
        "MORGUE_BUDGET_MINUTES": site.budget_minutes,
        "MORGUE_QUIET": list(site.quiet),
        "MORGUE_TIMEZONE": site.timezone,
        "MORGUE_POLICY": policy_of(
            Config.from_env().rights,
            fetch=site.rights_fetch,
            keep=site.rights_keep,
            replay=site.rights_replay,
            export=site.rights_export,
        ),
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
