"""robots.txt by RFC 9309, and what else a host says of being fetched: asked first, obeyed, told with each
capture.

Rules: robots.txt is read once a run; where it cannot be read, the last that could be holds for 30 days (2.4),
and without one nothing is fetched (2.3.1.4). tdmrep.json and ai.txt are read once a day, for the hosts of
pages and not for those of images and scripts alone.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http.request import NO_CALLBACK

from archive.config import Config
from archive.errors import MorgueError
from archive.notices import OUTAGE, Notice, keep_notices, notices
from archive.policy import Policy, may_fetch
from archive.rights import (
    AiTxt,
    Signals,
    TdmRule,
    ai_txt,
    of_robots_txt,
    refused_by,
    reserved_at,
    tdmrep_json,
)
from archive.store import open_store
from spiders.polite import Politeness, host_of
from spiders.recorder import Recorder
from spiders.rules import Rules, rules_of

logger = logging.getLogger(__name__)
BYTES = 512 * 1024  # RFC 9309, 2.5: at least 500 KiB are read
TDM, AI = "/.well-known/tdmrep.json", "/ai.txt"
FRESH = timedelta(days=1)
LOADED = frozenset(("requisite", "data"))  # what a page loads
T = TypeVar("T")


class Forbidden(IgnoreRequest):
    """robots.txt forbids it, or cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """What tdmrep.json and ai.txt say."""

    tdm: tuple[TdmRule, ...] = ()
    ai: AiTxt = field(default_factory=lambda: ai_txt(b""))

    def of(self, url: str) -> Signals:
        """The signals for a URL."""
        return reserved_at(self.tdm, url) | refused_by(self.ai, url)


class Robots:
    """A downloader middleware in place of Scrapy's own, which allows all where robots.txt cannot be read and
    keeps no delay. What a host says of a page's use goes along as `request.meta["rights"]`.
    """

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self.crawler = crawler
        self.agent = crawler.settings.get("ROBOTSTXT_USER_AGENT") or ""
        self.policy: Policy = crawler.settings.get("MORGUE_POLICY") or Config.from_env().rights
        self._rules: dict[str, asyncio.Future[Rules]] = {}
        self._reserved: dict[str, asyncio.Future[Reserved]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Robots":
        """Scrapy's own way to make a middleware."""
        return cls(crawler)

    async def process_request(self, request: Request, spider: Any = None) -> None:  # noqa: ARG002
        """Pass a request on, or raise Forbidden."""
        request.meta.pop("rights", None)
        if request.meta.get("redirect_times"):
            _unconditional(request)
        if request.meta.get("dont_obey_robotstxt") or not request.url.startswith(("http:", "https:")):
            return
        rules = await self.rules(request.url)
        if not rules.allows(request.url):
            raise Forbidden(rules.reason or "robots.txt forbids it")
        told = of_robots_txt(rules.signals, rules.ai_groups)
        if self.policy.fetch or request.meta.get("kind") not in LOADED:
            told |= (await self.reserved(request.url)).of(request.url)
        if self.policy.fetch and (why := may_fetch(self.policy, str(told))):
            raise Forbidden(why)
        request.meta["rights"] = str(told)

    async def rules(self, url: str) -> Rules:
        """The robots.txt of a URL's host, read once a run."""
        return await _once(self._rules, _place(url), self._read_rules)

    async def reserved(self, url: str) -> Reserved:
        """The tdmrep.json and ai.txt of a URL's host, read once a day."""
        return await _once(self._reserved, _place(url), self._read_reserved)

    async def _read_rules(self, place: str) -> Rules:
        url = f"{place}/robots.txt"
        kept = (await self._kept(place)).get("/robots.txt")
        try:
            status, body = await self._document(url)
        except Exception as error:  # noqa: BLE001 - whatever it is: robots.txt cannot be read
            logger.info("%s: %s", url, error)
            closed = rules_of(None, b"", agent=self.agent)
            rules = self._older(replace(closed, reason=f"robots.txt cannot be read: {error}"), kept, url)
        else:
            rules = await self._judged(
                rules_of(status, body, agent=self.agent, url=url), status, body, kept, url
            )
        if polite := self.crawler.get_extension(Politeness):
            polite.obey(host_of(place), rules.delay)
        return rules

    async def _judged(self, rules: Rules, status: int, body: bytes, kept: Notice | None, url: str) -> Rules:
        """The rules of an answer, which is kept; or older ones, where it says that there is none now."""
        if rules.refuses_all:
            return self._older(rules, kept, url)
        said = Notice(status=status, body=body[:BYTES], at=datetime.now(UTC))
        if not said.same(kept):
            await self._keep(url.removesuffix("/robots.txt"), {"/robots.txt": said})
        return rules

    def _older(self, closed: Rules, kept: Notice | None, url: str) -> Rules:
        """The rules that were read last, while they hold; `closed` where there are none."""
        if kept is None or not kept.holds(datetime.now(UTC), lasting=OUTAGE):
            return closed
        logger.warning("%s: %s; the one of %s holds", url, closed.reason, f"{kept.at:%Y-%m-%d %H:%M} UTC")
        rules = rules_of(kept.status, kept.body, agent=self.agent, url=url)
        return replace(rules, reason=f"the robots.txt of {kept.at:%Y-%m-%d} forbids it ({closed.reason})")

    async def _read_reserved(self, place: str) -> Reserved:
        rules, kept, found = await self.rules(place), await self._kept(place), dict[str, Notice]()
        for path in (TDM, AI):
            old = kept.get(path)
            fresh = old is not None and old.holds(datetime.now(UTC), lasting=FRESH)
            if not fresh and rules.allows(place + path) and (said := await self._asked(place + path)):
                found[path] = said
        if found:
            await self._keep(place, found)
        tdm, ai = (_body((kept | found).get(path)) for path in (TDM, AI))
        return Reserved(tdm=tdmrep_json(tdm), ai=ai_txt(ai))

    async def _asked(self, url: str) -> Notice | None:
        """What a host answers; None where it cannot say now."""
        try:
            status, body = await self._document(url)
        except Exception as error:  # noqa: BLE001 - whatever it is: nothing is said
            logger.info("%s: %s", url, error)
            return None
        if status != 200 and not 400 <= status < 500:
            return None
        return Notice(status=status, body=body[:BYTES] if status == 200 else b"", at=datetime.now(UTC))

    async def _document(self, url: str) -> tuple[int, bytes]:
        engine = self.crawler.engine
        assert engine is not None
        via = "robots.txt" if url.endswith("/robots.txt") else "rights"
        meta = {"dont_obey_robotstxt": True, "via": via, "kind": "rights", "download_maxsize": BYTES}
        response = await engine.download_async(Request(url, priority=1000, meta=meta, callback=NO_CALLBACK))
        return response.status, response.body

    async def _kept(self, place: str) -> dict[str, Notice]:
        archive = self._archive
        if not archive:
            return {}
        try:
            return await asyncio.to_thread(lambda: notices(open_store(archive), host_of(place)))
        except MorgueError as error:
            logger.info("what %s said before cannot be read: %s", place, error)
            return {}

    async def _keep(self, place: str, said: dict[str, Notice]) -> None:
        archive = self._archive
        if not archive:
            return
        try:
            await asyncio.to_thread(lambda: keep_notices(open_store(archive), host_of(place), said))
        except MorgueError as error:
            logger.info("what %s says cannot be kept: %s", place, error)

    @property
    def _archive(self) -> str:
        recorder = self.crawler.get_extension(Recorder)
        return recorder.archive if recorder else ""


def _body(said: Notice | None) -> bytes:
    return said.body if said else b""


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _once(
    made: dict[str, asyncio.Future[T]], place: str, make: Callable[[str], Coroutine[Any, Any, T]]
) -> T:
    """What `make` gives for a place, made once, whoever asks first and goes away."""
    if place not in made:
        made[place] = asyncio.ensure_future(make(place))
    if made[place].done():  # nearly always: to wait for it all the same costs a turn of the loop
        return made[place].result()
    return await asyncio.shield(made[place])


def _unconditional(request: Request) -> None:
    """What is asked for after a redirect is another document: the conditions spoke of the first."""
    for name in (b"If-None-Match", b"If-Modified-Since"):
        request.headers.pop(name, None)
    request.meta.pop("original", None)
