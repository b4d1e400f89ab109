"""The crawler's recorder: every exchange into the spool, and the run's WARCs into the store at its end.

It lives on the crawler as an extension, because Scrapy builds one download handler per scheme and they must
share one open WARC.
"""

import asyncio
import atexit
import logging
import os
import secrets
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.settings import BaseSettings

from archive import SOFTWARE
from archive.config import Config
from archive.errors import MorgueError
from archive.index import recent
from archive.model import Capture, Exchange, Run
from archive.originals import Originals
from archive.patience import Patience
from archive.policy import Policy, kept
from archive.publish import Publisher
from archive.spool import RunEnd, RunStart, Spool
from archive.store import Store, open_store
from spiders.transport import Limits, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_SEEN = 5000  # documents whose time is remembered for those that they tell of
REMEMBER_DAYS = 7.0
# With what precedes and follows it less than the 30 s after which an operator takes a crawl for hung.
STOP_SECONDS = 10.0  # that what is in flight has when the crawl is to stop

logger = logging.getLogger(__name__)


def new_run_id() -> str:
    """A run's id: its start, and eight hex digits that make it one of its kind; ids sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def limits_of(settings: BaseSettings) -> Limits:
    """How long a fetch may take, and how much it may bring."""
    total = settings.getfloat("DOWNLOAD_TIMEOUT")
    usual = Limits()
    return Limits(
        connect=min(settings.getfloat("MORGUE_CONNECT_TIMEOUT", usual.connect), total),
        first_byte=min(settings.getfloat("MORGUE_FIRST_BYTE_TIMEOUT", usual.first_byte), total),
        idle=min(settings.getfloat("MORGUE_IDLE_TIMEOUT", usual.idle), total),
        total=total,
        body=settings.getint("DOWNLOAD_MAXSIZE") or sys.maxsize,
    )


def _exit_with(code: int) -> None:
    """Scrapy's own command ends with 0 whatever its listeners found; what is not published is not 0."""
    if Path(sys.argv[0]).name in ("scrapy", "__main__.py") and "scrapy.cmdline" in sys.modules:
        atexit.register(_end, code)


def _end(code: int) -> None:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Recorder:
    """Opens the spool when the spider opens; seals and publishes when it has closed."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        config = Config.from_env()
        self.crawler = crawler
        self.archive = settings.get("MORGUE_ARCHIVE") or config.archive
        self.policy: Policy = settings.get("MORGUE_POLICY") or config.rights
        self.run_id = settings.get("MORGUE_RUN_ID") or new_run_id()
        self.root = Path(settings.get("MORGUE_SPOOL") or config.spool)
        self.transport = Transport(
            limits=limits_of(settings),
            allow_private=settings.getbool("MORGUE_ALLOW_PRIVATE"),
            folder=self.root if self.root.is_dir() else None,
        )
        self.roll = config.roll_bytes, config.roll_minutes * 60
        self.spool: Spool | None = None
        self.captures: list[Capture] = []
        self.run: Run | None = None
        self.end: RunEnd | None = None
        self.error: MorgueError | None = None
        self.stopping = False
        self._seen: dict[str, datetime] = {}
        self.stops: list[Callable[[], None]] = []
        self.patience = Patience(seconds=config.upload_patience)
        self._hurry = threading.Event()
        self._closing: asyncio.Future[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Recorder":
        """Scrapy's own way to make an extension."""
        if not crawler.settings.getbool("MORGUE_ENABLED", True):
            raise NotConfigured
        recorder = cls(crawler)
        crawler.signals.connect(recorder.opened, signals.spider_opened)
        crawler.signals.connect(recorder.closed, signals.spider_closed)
        return recorder

    def opened(self, spider: Spider) -> None:
        """Open the spool for this run."""
        self.captures = self._recent(spider)
        self._open(spider)

    def _recent(self, spider: Spider) -> list[Capture]:
        """What the archive holds of this site of late; where it cannot be read, more is fetched."""
        days = self.crawler.settings.getfloat("MORGUE_REMEMBER_DAYS", REMEMBER_DAYS)
        if days <= 0:
            return []
        since = datetime.now(UTC) - timedelta(days=days)
        try:
            return recent(open_store(self.archive), self._name(spider), since)
        except MorgueError as error:
            logger.warning("cannot read what was captured before (%s): all is fetched again", error)
            return []

    @staticmethod
    def _name(spider: Spider | None) -> str:
        return getattr(spider, "archive_site", None) or (spider.name if spider else "unknown")

    def _open(self, spider: Spider | None) -> Spool:
        if self.spool is None:
            settings = self.crawler.settings
            parameters: dict[str, Any] = {
                "user_agent": settings.get("USER_AGENT"),
                "robots": settings.getbool("ROBOTSTXT_OBEY"),
                **(getattr(spider, "parameters", None) or {}),
            }
            if run := os.environ.get("MORGUE_DAG_RUN"):
                parameters["airflow"] = run
            start = RunStart(
                id=self.run_id,
                site=self._name(spider),
                archive=self.lasting(self.archive),
                started=datetime.now(UTC),
                software=SOFTWARE,
                parameters=parameters,
            )
            size, seconds = self.roll
            originals = Originals(self.captures)
            self.spool = Spool(
                self.root,
                start,
                roll=size,
                roll_seconds=seconds,
                originals=originals,
                deliver=asyncio.get_running_loop().call_soon_threadsafe,
            )
        return self.spool

    @staticmethod
    def lasting(archive: str) -> str:
        """The archive's address as it holds in any folder."""
        return archive if "://" in archive else str(Path(archive).absolute())

    def stop(self) -> None:
        """Begin nothing new: requests that wait for their turn are turned away instead of being sent."""
        self.stopping = True
        self._hurry.set()
        if self.spool:
            self.spool.hurry()
        engine = self.crawler.engine
        for slot in engine.downloader.slots.values() if engine else ():
            slot.delay = 0.0  # what waits is not sent, so there is nobody to be polite to
        for stop in self.stops:
            stop()
        self.transport.hurry(STOP_SECONDS)

    async def room(self) -> None:
        """Return when there is room for another exchange: a slow disk slows the fetching down."""
        while self.spool and (room := self.spool.room()):
            await asyncio.wrap_future(room)

    async def record(self, exchange: Exchange) -> Capture | None:
        """Return its capture when the exchange is durable in the spool; a SpoolError ends the crawl."""
        spool = self._open(self.crawler.spider)
        if self.policy.keep:
            exchange = await asyncio.to_thread(kept, self.policy, exchange)
        try:
            done: asyncio.Future[Capture | None] = asyncio.get_running_loop().create_future()
            spool.enqueue(exchange, done)
            return self._remember(await done)
        except MorgueError as error:
            self._fail(error)
            raise

    def _remember(self, capture: Capture | None) -> Capture | None:
        if capture:
            self._seen[capture.url] = capture.at
            if len(self._seen) > MOST_SEEN:
                del self._seen[next(iter(self._seen))]
        return capture

    def captured(self, url: str | None) -> datetime | None:
        """When this run captured a document that tells of others; None where it did not, or long ago."""
        return self._seen.get(url) if url else None

    def _fail(self, error: MorgueError) -> None:
        """What cannot be recorded is not worth fetching: end the crawl, keep what is there."""
        if self.error is not None:
            return
        self.error = error
        self.stop()
        engine = self.crawler.engine
        if engine is not None and self.crawler.spider is not None:
            self._closing = asyncio.ensure_future(engine.close_spider_async(reason="spool_error"))

    async def closed(self, spider: Spider, reason: str) -> None:
        """Seal, publish, and remember what came of it for the runner."""
        if self.stopping and reason == "finished":  # nothing was left to do since all was turned away
            reason = "stopped"
        await self.transport.close()
        await asyncio.to_thread(self._finish, spider, reason)

    def _finish(self, spider: Spider, reason: str) -> None:
        if self.spool is None:
            return
        words = {"shutdown": "stopped"}
        said = getattr(spider, "end_reason", None) if reason == "finished" else None
        try:
            self.end = self.spool.close(said or words.get(reason, reason))
            store = open_store(self.spool.start.archive)
            publisher = Publisher(store=store, patience=self.patience, stop=self._hurry)
            self.run = publisher.publish(self.spool.folder)
        except MorgueError as error:
            self.error = self.error or error
            _exit_with(error.exit_code)
            logger.error("%s; the WARCs stay in %s: run `morgue recover`", error, self.spool.folder)
            return
        if self.run:
            self._wrap_up(spider, store, self.run)
            logger.info("published %s: %s", self.run.key, ", ".join(w.key for w in self.run.warcs))

    def _wrap_up(self, spider: Spider, store: Store, run: Run) -> None:
        """What a spider has learnt is kept when its WARCs are; without it the next run asks for more."""
        wrap_up = getattr(spider, "wrap_up", None)
        if wrap_up is None:
            return
        try:
            wrap_up(store, run)
        except MorgueError as error:
            logger.warning("what run %s learnt is lost (%s): the next one asks for more", run.id, error)
