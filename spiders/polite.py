"""Politeness, all in one place: every request passes here before it is sent, whoever made it.

Rules: robots.txt is asked for once a run and host, and obeyed (RFC 9309); each host has one pace, whatever
is fetched from it, shared with other crawlers of the same archive; budgets and quiet hours are kept. What may
not be sent ends as an error that says why.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError
from scrapy.robotstxt import RobotParser

from archive import hosts
from archive.errors import MorgueError
from archive.hosts import Note
from archive.model import Exchange
from archive.reports import HostReport
from archive.store import open_store
from archive.wire import NotHttp, read_head
from spiders.pace import LONGEST_CRAWL_DELAY, Budget, Pace, quiet, seconds_of, slot

logger = logging.getLogger(__name__)
NOTE_SECONDS = 60.0
RENEW_SECONDS = 10.0  # after so long, a crawler knows of those who came after it


class NotNow(DownloadCancelledError):
    """The host is not asked now: a budget is spent, the hour is quiet, or it is down."""


def host_of(url: str) -> str:
    """Host and port, as politeness counts them."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


class Politeness:
    """The paces of a crawler's hosts; an extension, so that all its handlers and middlewares share it."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self.crawler = crawler
        self.paces: dict[str, Pace] = {}
        self.delay = settings.getfloat("MORGUE_DELAY", 0.0)
        self.budget = Budget(
            requests=settings.getint("MORGUE_BUDGET_REQUESTS"),
            bytes=int(settings.getfloat("MORGUE_BUDGET_MB") * (1 << 20)),
            seconds=settings.getfloat("MORGUE_BUDGET_MINUTES") * 60,
        )
        self.quiet: tuple[str, ...] = tuple(settings.getlist("MORGUE_QUIET"))
        self.zone = ZoneInfo(settings.get("MORGUE_TIMEZONE") or "UTC")
        self._stop = asyncio.Event()
        self._shared = Shared(crawler) if settings.getbool("MORGUE_SHARE_PACE", True) else None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Politeness":
        """Scrapy's own way to make an extension."""
        made = cls(crawler)
        crawler.signals.connect(made.parsed, signals.robots_parsed)
        crawler.signals.connect(made.closed, signals.spider_closed)
        return made

    def pace(self, host: str) -> Pace:
        """The pace of a host."""
        if host not in self.paces:
            self.paces[host] = Pace(delay=self.delay, budget=self.budget)
        return self.paces[host]

    def parsed(self, robotparser: RobotParser, request: Request) -> None:
        """Scrapy's own middleware has read a robots.txt (in projects that are not ours)."""
        rules = getattr(robotparser, "rp", None)
        agent = self.crawler.settings.get("ROBOTSTXT_USER_AGENT") or self.crawler.settings.get("USER_AGENT")
        self.obey(host_of(request.url), rules.crawl_delay(agent) if rules else None)

    def obey(self, host: str, delay: float | None) -> None:
        """robots.txt asks for a delay of so many seconds."""
        if delay:
            self.pace(host).obey(float(delay))
            kept = min(float(delay), LONGEST_CRAWL_DELAY)
            logger.info("robots.txt of %s asks for %g s between requests: %g are kept", host, delay, kept)

    def stop(self) -> None:
        """Nothing is sent any more: whoever waits is turned away."""
        self._stop.set()

    async def turn(self, url: str) -> None:
        """Return when a request for this URL may be sent; raise NotNow where it may not be in this run."""
        host = host_of(url)
        pace, began, placed = self.pace(host), time.monotonic(), False
        while True:
            if self._stop.is_set():
                raise NotNow("the crawl is being stopped")
            wait = self._wait(pace)
            if wait <= 0 and (placed or not pace.delay or self._shared is None):
                break  # nothing is awaited from here to the sending: no other request can slip in
            placed = wait <= 0
            if self._shared and placed:
                wait = await self._shared.wait(host, pace)
            if wait > 0:
                await self._sleep(wait)
        pace.waited += time.monotonic() - began
        pace.sent(time.monotonic(), share=self._shared.crawlers(host) if self._shared else 1)

    def _wait(self, pace: Pace) -> float:
        if span := self.quiet and quiet(self.quiet, datetime.now(self.zone)):
            raise NotNow(f"quiet hours ({span})")
        turn = pace.turn(time.monotonic())
        if turn.refused:
            raise NotNow(turn.refused)
        return turn.wait

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), timeout=seconds)
        except TimeoutError:
            return

    def answered(self, exchange: Exchange) -> None:
        """An exchange has ended, well or not."""
        host, now = host_of(exchange.url), time.monotonic()
        size = len(exchange.response) + (exchange.big.size if exchange.big else 0)
        status, retry_after = None, None
        if exchange.response:
            status, retry_after = _status_of(exchange)
        self.pace(host).answered(
            now, seconds=exchange.seconds, size=size, status=status, retry_after=retry_after
        )

    def reports(self) -> tuple[HostReport, ...]:
        """What was asked of each host, how fast, and why."""
        return tuple(
            HostReport(
                host=host, requests=p.requests, bytes=p.bytes, failed=p.failed, delay=round(p.delay, 3),
                reason=p.reason, waited=round(p.waited, 3), state=_state(p),
            )
            for host, p in sorted(self.paces.items()) if p.requests
        )  # fmt: skip

    async def closed(self, spider: Spider) -> None:  # noqa: ARG002 - Scrapy hands it over by name
        """Tell other crawlers that this one asks no longer."""
        if self._shared:
            await self._shared.close()


def _state(pace: Pace) -> str:
    if pace.down:
        return "down"
    return "budget" if pace.turn(time.monotonic()).refused else ""


def _status_of(exchange: Exchange) -> tuple[int | None, float | None]:
    try:
        head = read_head(exchange.head)
    except NotHttp:
        return None, None
    found = next((v for n, v in head.headers if n.lower() == b"retry-after"), b"")
    return head.status, seconds_of(found.decode("latin-1"), datetime.now(UTC)) if found else None


class Shared:
    """The pace of a host among all crawlers that write to one archive: they take turns on the wall clock."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._notes: dict[str, tuple[float, list[Note]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._since: dict[str, datetime] = {}
        self._from: dict[str, float] = {}
        self._broken = False

    def crawlers(self, host: str) -> int:
        """How many crawlers ask this host, this one among them."""
        return max(len(self._notes.get(host, (0.0, []))[1]), 1)

    async def wait(self, host: str, pace: Pace) -> float:
        """Seconds until it is this crawler's turn among the others."""
        found = await self._others(host, pace)
        if (early := self._from.get(host, 0.0) - time.monotonic()) > 0:
            return early
        delay = max([pace.delay, *(note.delay for note in found)])
        place = next((n for n, note in enumerate(found) if note.run == self._run), 0)
        return slot(time.time(), place=place, crawlers=len(found), delay=delay)

    @property
    def _run(self) -> str:
        from spiders.recorder import Recorder

        recorder = self._crawler.get_extension(Recorder)
        return recorder.run_id if recorder else ""

    async def _others(self, host: str, pace: Pace) -> list[Note]:
        """The crawlers of a host; those who were there before are given time to know of this one."""
        async with self._locks.setdefault(host, asyncio.Lock()):
            when, found = self._notes.get(host, (-RENEW_SECONDS, []))
            first = host not in self._notes
            if self._broken or time.monotonic() - when < RENEW_SECONDS:
                return found
            note = self._note(host, pace)
            try:
                found = await asyncio.to_thread(lambda: hosts.announce(open_store(self._archive), note))
            except MorgueError as error:
                logger.warning("the pace of %s is not shared with other crawlers: %s", host, error)
                self._broken = True
            self._notes[host] = time.monotonic(), found
            if first and found and found[0].run != self._run:
                self._from[host] = time.monotonic() + RENEW_SECONDS + 1
            return found

    @property
    def _archive(self) -> str:
        from spiders.recorder import Recorder

        recorder = self._crawler.get_extension(Recorder)
        return recorder.archive if recorder else ""

    def _note(self, host: str, pace: Pace) -> Note:
        now = datetime.now(UTC)
        since = self._since.setdefault(host, now)
        until = now + timedelta(seconds=NOTE_SECONDS)
        site = str(getattr(self._crawler.spider, "archive_site", "") or "")
        own: dict[str, Any] = {"delay": pace.delay, "reason": pace.reason}
        return Note(host=host, run=self._run, site=site, since=since, until=until, **own)

    async def close(self) -> None:
        """Take the notes away."""
        if self._notes and not self._broken:
            await asyncio.to_thread(self._withdraw, list(self._notes))

    def _withdraw(self, names: Iterable[str]) -> None:
        try:
            store = open_store(self._archive)
            for host in names:
                hosts.withdraw(store, host, self._run)
        except MorgueError as error:
            logger.info("a note on a host's pace stays for a minute: %s", error)
