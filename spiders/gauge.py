"""The crawl's gauge: how far it is, every few seconds, as a line of the log and as a note in the store.

Rules: the note is put by a thread of its own, one at a time; a store that is away or slow delays no crawl,
and costs no more than the note.
"""

import asyncio
import logging
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from archive import progress
from archive.errors import MorgueError
from archive.progress import Progress
from archive.publish import waiting
from archive.store import Store, open_store
from spiders.polite import Politeness
from spiders.recorder import Recorder

logger = logging.getLogger(__name__)


class Gauge:
    """Looks at the crawl every `MORGUE_PROGRESS_SECONDS`; 0, as in projects that are not ours: never."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.seconds = crawler.settings.getfloat("MORGUE_PROGRESS_SECONDS")
        if self.seconds <= 0:
            raise NotConfigured
        self._task: asyncio.Task[None] | None = None
        self._last = (time.monotonic(), 0)
        self._phase = "crawling"
        self._store: Store | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Gauge":
        """Scrapy's own way to make an extension."""
        gauge = cls(crawler)
        crawler.signals.connect(gauge.opened, signals.spider_opened)
        crawler.signals.connect(gauge.closing, signals.spider_closed)
        crawler.signals.connect(gauge.ended, signals.engine_stopped)
        return gauge

    def opened(self) -> None:
        """Begin to look."""
        self._task = asyncio.ensure_future(self._look_on())

    def closing(self) -> None:
        """The crawl is over; what it wrote is being published."""
        self._phase = "publishing"

    async def ended(self) -> None:
        """Look no more."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._store:
            await asyncio.to_thread(self._forget)

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self.seconds)
            recorder = self.crawler.get_extension(Recorder)
            if recorder is None or recorder.spool is None:
                continue
            now = await asyncio.to_thread(self._with_spool, recorder, self._look(recorder))
            logger.info("%s", now.line)
            await asyncio.to_thread(self._note, recorder.spool.start.archive, now)

    def _look(self, recorder: Recorder) -> Progress:
        """What the crawl itself knows."""
        assert recorder.spool is not None
        start, counts = recorder.spool.start, recorder.spool.counts
        polite = self.crawler.get_extension(Politeness)
        stopping = recorder.stopping and self._phase == "crawling"
        return Progress(
            run=start.id,
            site=start.site,
            host=socket.gethostname(),
            started=start.started,
            at=datetime.now(UTC),
            phase="stopping" if stopping else self._phase,
            exchanges=counts.get("exchanges", 0),
            ok=counts.get("ok", 0),
            failed=sum(counts.get(kind, 0) for kind in ("failed", "refused", "server_errors")),
            queued=self._queued(),
            pace=self._pace(counts.get("exchanges", 0)),
            delay=max((pace.delay for pace in polite.paces.values()), default=0.0) if polite else 0.0,
            bytes=recorder.spool.bytes,
            paused=recorder.spool.paused,
            airflow=str(start.parameters.get("airflow", "")),
            shard=str(start.parameters.get("shard", "")),
        )

    def _with_spool(self, recorder: Recorder, seen: Progress) -> Progress:
        """And what waits on this machine's disk."""
        try:
            found = list(waiting(recorder.root))
            free = shutil.disk_usage(recorder.root).free
            return replace(seen, waiting=len(found), waiting_bytes=sum(w.size for w in found), free=free)
        except OSError:  # a run is published and cleared meanwhile
            return seen

    def _pace(self, exchanges: int) -> float:
        now = time.monotonic()
        (before, last), self._last = self._last, (now, exchanges)
        return max(exchanges - last, 0) / max(now - before, 0.001)

    def _queued(self) -> int:
        """Requests that wait: in a list, in Scrapy's queue, and for their host's turn."""
        engine = self.crawler.engine
        slot = getattr(engine, "_slot", None)
        queue = len(slot.scheduler) if slot and hasattr(slot.scheduler, "__len__") else 0
        listed = getattr(self.crawler.spider, "left", 0)
        return listed + queue + (len(engine.downloader.active) if engine else 0)

    def _note(self, archive: str, now: Progress) -> None:
        try:
            self._store = self._store or open_store(archive)
            progress.note(self._store, now)
        except MorgueError as error:
            logger.debug("how far the crawl is cannot be noted: %s", error)

    def _forget(self) -> None:
        recorder = self.crawler.get_extension(Recorder)
        if recorder and recorder.spool and self._store:
            start = recorder.spool.start
            with suppress(MorgueError):
                progress.forget(self._store, start.site, start.id)
