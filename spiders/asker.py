"""Asks a newspaper for a few pages by hand: politely, bounded, and without writing to any archive."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from archive.address import is_public
from archive.errors import AddressRefused, SiteError, Unreachable
from archive.wire import NotHttp, ResponseHead, decode, entity, read_head
from spiders.dialer import Proxy
from spiders.pace import Pace, seconds_of
from spiders.rules import Rules, rules_of
from spiders.told import absolute
from spiders.transport import Limits, Outgoing, Transport

REDIRECTS = 5
MOVED = (301, 302, 303, 307, 308)
BODY = 8 * 1024 * 1024
LONGEST_WAIT = 130.0  # seconds; the longest Crawl-delay that is kept, and a little
Sleep = Callable[[float], Awaitable[None]]


class Forbidden(SiteError):
    """robots.txt forbids an address."""


class Spent(SiteError):
    """So many requests as were allowed have been made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A document; `url` is where redirects led, `moved` the statuses on the way."""

    url: str
    status: int
    head: ResponseHead
    body: bytes
    moved: tuple[int, ...] = ()

    @property
    def mime(self) -> str:
        """The media type as told, without parameters."""
        told = (self.head.get(b"content-type") or b"").decode("latin-1")
        return told.partition(";")[0].strip().lower()

    def text(self) -> str:
        """The document as text."""
        from w3lib.encoding import html_to_unicode

        kind = (self.head.get(b"content-type") or b"").decode("latin-1")
        return str(html_to_unicode(kind, self.body)[1])


@dataclass(slots=True)
class _Host:
    rules: Rules
    pace: Pace
    robots: Page | None = None


@dataclass(slots=True, kw_only=True)
class Asker:
    """Fetches pages one after another. At most `most` requests, robots.txt and redirects among them.

    `delay` are seconds between two requests to one host; a longer Crawl-delay wins. None: 1 s for a public
    host, nothing for one that is not. Errors are SiteErrors of one line.
    """

    agent: str
    allow_private: bool = False
    most: int = 40
    delay: float | None = None
    timeout: float = 30.0
    proxy: Proxy | None = None
    bind: str | None = None
    verify: bool = True
    sleep: Sleep = asyncio.sleep
    asked: int = 0
    _hosts: dict[str, _Host] = field(default_factory=dict)
    _transport: Transport | None = None

    async def __aenter__(self) -> "Asker":
        limits = Limits(total=self.timeout, body=BODY)
        self._transport = Transport(limits=limits, allow_private=self.allow_private)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport:
            await self._transport.close()

    async def get(self, url: str) -> Page:
        """A page that robots.txt allows, after redirects; any status. Raise SiteError where there is none."""
        moved: list[int] = []
        for _ in range(REDIRECTS + 1):
            rules = (await self.host(url)).rules
            if not rules.allows(url):
                raise Forbidden(rules.reason or f"robots.txt forbids {url}")
            page = await self._once(url, tuple(moved))
            target = page.head.get(b"location")
            if page.status not in MOVED or not target:
                return page
            moved.append(page.status)
            url = absolute(target.decode("latin-1"), url) or url
        raise SiteError(f"{url}: more than {REDIRECTS} redirects")

    def allowed(self, url: str) -> bool | None:
        """Whether robots.txt allows an address; None where that host's is not known."""
        known = self._hosts.get(_origin(url))
        return known.rules.allows(url) if known else None

    async def host(self, url: str) -> _Host:
        """What is known of a host; its robots.txt is asked for first."""
        origin = _origin(url)
        if origin not in self._hosts:
            self._hosts[origin] = _Host(Rules(), Pace(delay=self._own_delay(url)))
            try:
                await self._robots(origin)
            except BaseException:
                del self._hosts[origin]
                raise
        return self._hosts[origin]

    async def _robots(self, origin: str) -> None:
        known, url = self._hosts[origin], origin + "/robots.txt"
        page = await self._once(url)
        for _ in range(REDIRECTS):
            target = page.head.get(b"location")
            there = absolute(target.decode("latin-1"), page.url) if target else None
            if page.status not in MOVED or not there:
                break
            page = await self._once(there)
        known.robots = page
        known.rules = rules_of(page.status, page.body, agent=self.agent, url=page.url)
        known.pace.obey(known.rules.delay)

    def _own_delay(self, url: str) -> float:
        if self.delay is not None:
            return self.delay
        name = urlsplit(url).hostname or ""
        literal = name.replace(".", "").isdigit() or ":" in name
        here = name == "localhost" or (literal and not is_public(name))
        return 0.0 if here and self.allow_private else 1.0

    async def _once(self, url: str, moved: tuple[int, ...] = ()) -> Page:
        if self.asked >= self.most:
            raise Spent(f"{self.most} requests were made, which is the most that are")
        known = self._hosts.get(_origin(url))
        pace = known.pace if known else Pace(delay=self._own_delay(url))
        await self._turn(url, pace)
        self.asked += 1
        pace.sent(time.monotonic())
        began = time.monotonic()
        outgoing = Outgoing(
            method="GET",
            url=url,
            headers=self._headers(),
            proxy=self.proxy,
            bind=self.bind,
            verify=self.verify,
        )
        if self._transport is None:
            raise RuntimeError("an Asker is used in an async with block")
        fetched = (await self._transport.fetch(outgoing))[-1]
        exchange, error = fetched.exchange, fetched.error
        now = time.monotonic()
        if error:
            pace.answered(now, seconds=now - began, size=0, status=None)
            fault = AddressRefused if error.kind == "refused" else Unreachable
            raise fault(f"{url}: {error}")
        try:
            head = read_head(exchange.head)
        except NotHttp as problem:
            raise SiteError(f"{url}: {problem}") from problem
        again = seconds_of((head.get(b"retry-after") or b"").decode("latin-1"), datetime.now(UTC))
        pace.answered(
            now, seconds=now - began, size=exchange.body_size, status=head.status, retry_after=again
        )
        body = decode(head, entity(head, exchange.body))
        return Page(url=url, status=head.status, head=head, body=body, moved=moved)

    async def _turn(self, url: str, pace: Pace) -> None:
        while True:
            turn = pace.turn(time.monotonic())
            if turn.refused:
                raise SiteError(f"{url}: not asked for, since {turn.refused}")
            if turn.wait > LONGEST_WAIT:
                raise SiteError(f"{urlsplit(url).netloc} asks to be left alone for {turn.wait:.0f} s")
            if turn.wait <= 0:
                return
            await self.sleep(turn.wait)

    def _headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return (
            (b"User-Agent", self.agent.encode()),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"gzip, deflate"),
        )


def _origin(url: str) -> str:
    return urljoin(url, "/").rstrip("/")
