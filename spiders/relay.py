"""What a shard tells the others of its site, and hears of them, while it crawls (`archive.shards`).

Rules: what was found on another's host is put in the store within seconds, and before the run notes what it
learnt. A shard with nothing to do waits while another may still find something for it. Letters are taken away
when the run that asked for what they hold has ended whole; until then the next run reads them again.
"""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured

from archive.config import Config
from archive.errors import MorgueError
from archive.shards import (
    BUSY,
    DONE,
    IDLE,
    Letter,
    Note,
    Passed,
    Shard,
    letters,
    others,
    pass_on,
    tell,
    worth_waiting,
)
from archive.store import Store
from spiders.recorder import Recorder

if TYPE_CHECKING:
    from spiders.plan import Plan

LOOK_SECONDS = 2.0  # between two looks at the letters
NOTE_SECONDS = 10.0
LOADED = ("requisite", "data")

logger = logging.getLogger(__name__)


class Elsewhere(IgnoreRequest):
    """The host is another shard's."""


class Gate:
    """A downloader middleware: no request of a shard, not even a redirected one, goes to another's host.

    What a host says of being fetched (robots.txt) may stand on another host; that alone is asked there.
    """

    def __init__(self, crawler: Crawler) -> None:
        plan: Plan | None = getattr(crawler.spider, "plan", None)
        if plan is None or plan.shard is None:
            raise NotConfigured
        self.plan = plan

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Gate":
        """Scrapy's own way to make a middleware."""
        return cls(crawler)

    async def process_request(self, request: Request, spider: Any = None) -> None:  # noqa: ARG002
        """Pass a request on, or raise Elsewhere."""
        if request.meta.get("kind") != "rights" and not self.plan.mine(request.url):
            raise Elsewhere(f"{request.url} is another shard's")


class Relay:
    """The letters and notes of one crawl; without a shard, a reader of letters that were left."""

    def __init__(self, *, store: Store, plan: "Plan", run: str) -> None:
        self.store, self.plan, self.run = store, plan, run
        self.site, self.shard = plan.site.id, plan.shard
        self.turn = os.environ.get("MORGUE_DAG_RUN", "")
        self.patience = timedelta(seconds=Config.from_env().shard_wait)
        self.began = datetime.now(UTC)
        self._seen: set[str] = set()
        self._open: list[str] = []
        self._letters = 0
        self._sending = threading.Lock()
        self._state, self._noted = "", 0.0
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Send what is found from now on, every few seconds."""
        if self.shard:
            self._task = asyncio.ensure_future(self._go_on())

    async def _go_on(self) -> None:
        while True:
            await asyncio.to_thread(self._try, self.send)
            await self._say(self._state or BUSY)
            await asyncio.sleep(LOOK_SECONDS)

    def _try(self, what: Any, *arguments: Any) -> None:
        try:
            what(*arguments)
        except MorgueError as error:
            logger.warning("cannot tell the other shards of %s now: %s", self.site, error)

    def send(self) -> None:
        """Put what was found on others' hosts; raise a StoreError, and keep it, where that cannot be."""
        with self._sending:
            found = list(self.plan.passed)
            if found and self.shard:
                pass_on(self.store, self.site, self.run, self._letters, found)
                self._letters += 1
                del self.plan.passed[: len(found)]

    async def _say(self, state: str) -> None:
        now = asyncio.get_running_loop().time()
        if self.shard is None or (state == self._state and now - self._noted < NOTE_SECONDS):
            return
        self._state, self._noted = state, now
        note = Note(shard=str(self.shard), run=self.run, state=state, turn=self.turn)
        await asyncio.to_thread(self._try, tell, self.store, self.site, note)

    async def heard(self, crawler: Crawler) -> AsyncIterator[Passed]:
        """What others found on this shard's hosts, until none will find more, or the crawl is stopped."""
        last = False
        while not _stopped(crawler):
            for letter in (found := await asyncio.to_thread(self._fetch)):
                for each in letter.passed:
                    yield each
            idle = not found and _idle(crawler)
            if self.shard is None or (last and idle):
                return
            await self._say(IDLE if idle else BUSY)
            # Who has just ended may have sent a letter before: it is looked for once more.
            last = idle and not await asyncio.to_thread(self._may_come, self.shard)
            if not last:
                await asyncio.sleep(LOOK_SECONDS)

    def _fetch(self) -> list[Letter]:
        try:
            found = list(letters(self.store, self.site, self.shard, but=self._seen))
        except MorgueError as error:
            logger.warning("cannot read what other shards of %s have found: %s", self.site, error)
            return []
        self._seen.update(letter.key for letter in found)
        self._open += [letter.key for letter in found]
        return found

    def _may_come(self, shard: Shard) -> bool:
        try:
            notes = others(self.store, self.site, shard)
        except MorgueError:
            return False
        return worth_waiting(
            shard, notes, turn=self.turn, began=self.began, now=datetime.now(UTC), patience=self.patience
        )

    def settle(self, *, whole: bool) -> None:
        """Before the run notes what it learnt: send the rest. A whole run takes its letters away."""
        self.send()
        for key in self._open if whole else ():
            self.store.drop(key)
        self._open = []

    async def end(self) -> None:
        """The crawl is over: what is left is sent, and the others need not wait for this one."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            await asyncio.to_thread(self._try, self.send)
            await self._say(DONE)


def _stopped(crawler: Crawler) -> bool:
    recorder = crawler.get_extension(Recorder)
    return bool(recorder and recorder.stopping)


def _idle(crawler: Crawler) -> bool:
    """Whether nothing is asked for, read, or waits to be."""
    engine = crawler.engine
    slot = getattr(engine, "_slot", None)
    if engine is None or slot is None or engine.scraper.slot is None:
        return False
    return (
        engine.scraper.slot.is_idle()
        and not engine.downloader.active
        and not slot.scheduler.has_pending_requests()
    )
