"""Getting to know a newspaper: its name, feeds and sitemaps, from its home page and robots.txt."""

import asyncio
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from protego import Protego

from archive.errors import AddressRefused, CallerError, ConfigError, SiteError, Unreachable
from archive.sites import Site
from archive.wire import NotHttp, ResponseHead, decode, entity, read_head
from spiders import discovery
from spiders.transport import Limits, Outgoing, Transport

USUAL_SITEMAPS = (
    "/sitemap.xml",
    "/news-sitemap.xml",
    "/sitemap_news.xml",
    "/sitemap-news.xml",
    "/sitemap_index.xml",
)
USUAL_FEEDS = ("/feed/", "/rss.xml", "/rss", "/atom.xml", "/feeds/rss.xml")
REDIRECTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A document that the probe fetched; `url` is where redirects led."""

    url: str
    status: int
    head: ResponseHead
    body: bytes

    def text(self) -> str:
        """The document as text."""
        from w3lib.encoding import html_to_unicode

        kind = (self.head.get(b"content-type") or b"").decode("latin-1")
        return str(html_to_unicode(kind, self.body)[1])


def probe(url: str, *, user_agent: str, allow_private: bool, name: str = "", site_id: str = "") -> Site:
    """Look at a newspaper and describe it as a Site; raise CallerError or SiteError."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise CallerError(f"{url!r} is no http(s) URL; write it as https://paper.example/")
    return asyncio.run(_Probe(user_agent, allow_private=allow_private).site(url, name=name, site_id=site_id))


class _Probe:
    def __init__(self, user_agent: str, *, allow_private: bool) -> None:
        self._agent = user_agent
        self._private = allow_private
        self._transport = Transport(limits=Limits(total=30.0), allow_private=allow_private)
        self._rules: Protego | None = None

    async def site(self, url: str, *, name: str, site_id: str) -> Site:
        try:
            robots = await self._fetch(urljoin(url, "/robots.txt"))
            text = robots.text() if robots.status == 200 else ""
            self._rules = Protego.parse(text)
            home = await self._home(url)
            links = discovery.page(home.text(), home.url)
            feeds = await self._feeds(links.feeds, home.url)
            sitemaps = await self._sitemaps(discovery.robots_sitemaps(text, home.url), home.url)
        finally:
            await self._transport.close()
        title = name or links.name or urlsplit(home.url).hostname or ""
        return Site(
            id=site_id or slug(title) or slug(urlsplit(home.url).hostname or "site"),
            name=title,
            home=home.url,
            feeds=feeds,
            sitemaps=sitemaps,
            language=links.language,
            schedule="0 * * * *",
            allow_private=self._private,
        )

    async def _home(self, url: str) -> Page:
        home = await self._fetch(url)
        if home.status != 200:
            raise SiteError(f"{url} answers {home.status}; open it in a browser to see what it wants")
        return home

    async def _feeds(self, announced: tuple[str, ...], home: str) -> tuple[str, ...]:
        for candidates in (announced, tuple(urljoin(home, p) for p in USUAL_FEEDS)):
            found = [url for url in candidates[:20] if await self._gives(url, "feed")]
            if found:
                return tuple(found)
        return ()

    async def _sitemaps(self, announced: tuple[str, ...], home: str) -> tuple[str, ...]:
        for candidates in (announced, tuple(urljoin(home, p) for p in USUAL_SITEMAPS)):
            found = [url for url in candidates[:20] if await self._gives(url, "sitemap")]
            if found:
                return tuple(found)
        return ()

    async def _gives(self, url: str, kind: str) -> bool:
        try:
            page = await self._fetch(url)
        except SiteError:
            return False
        if page.status != 200:
            return False
        if kind == "feed":
            return bool(discovery.feed(page.body, page.url)) or bool(discovery.feed_title(page.body))
        document = discovery.sitemap(page.body, page.url)
        return bool(document.pages or document.sitemaps)

    async def _fetch(self, url: str) -> Page:
        for _ in range(REDIRECTS):
            if self._rules and not self._rules.can_fetch(url, "newsmorgue"):
                raise SiteError(f"robots.txt forbids {url}")
            page = await self._once(url)
            target = page.head.get(b"location")
            if page.status not in (301, 302, 303, 307, 308) or not target:
                return page
            url = discovery.absolute(target.decode("latin-1"), url) or url
        raise SiteError(f"{url}: more than {REDIRECTS} redirects")

    async def _once(self, url: str) -> Page:
        headers = (
            (b"User-Agent", self._agent.encode()),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"gzip, deflate"),
        )
        fetched = (await self._transport.fetch(Outgoing(method="GET", url=url, headers=headers)))[-1]
        exchange, error = fetched.exchange, fetched.error
        if error:
            fault = AddressRefused if error.kind == "refused" else Unreachable
            raise fault(f"{url}: {error}")
        try:
            head = read_head(exchange.head)
        except NotHttp as problem:
            raise SiteError(f"{url}: {problem}") from problem
        return Page(url=url, status=head.status, head=head, body=decode(head, entity(head, exchange.body)))


def slug(text: str) -> str:
    """A name as a site id: "The Daily Specimen" becomes "the-daily-specimen"."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60]


def check_contact(contact: str, *, allow_private: bool) -> None:
    """Raise ConfigError where a public site would be visited without a contact in the user agent."""
    if not contact and not allow_private:
        raise ConfigError(
            "set MORGUE_CONTACT to an address or page where newspapers can reach you, "
            "like MORGUE_CONTACT=https://library.example/crawler; it goes into the user agent"
        )
