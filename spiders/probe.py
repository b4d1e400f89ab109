"""Getting to know a newspaper: its front page, robots.txt, feeds and sitemaps, as a site file."""

import asyncio
import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from archive.errors import CallerError, ConfigError, SiteError
from archive.sites import Site
from spiders import survey
from spiders.asker import Asker, Page, Spent
from spiders.feeds import read_feed
from spiders.links import PageLinks, read_page
from spiders.rules import Rules
from spiders.sitemaps import News, SitemapDocument, guesses, read_sitemap
from spiders.survey import Finding

USUAL_FEEDS = ("/feed/", "/rss.xml", "/rss", "/atom.xml", "/feeds/rss.xml")
MOST_REQUESTS = 40
LEAST_REQUESTS = 8
PATIENCE = 300.0  # seconds in all: where a host asks for long pauses, it is asked less
ANNOUNCED = 12  # feeds, and sitemaps, that are tried
CHILDREN = 2  # sitemaps of an index that are read, for the articles they name
REFUSED = {
    401: "it wants a login",
    403: "it refuses this crawler or this machine's address",
    404: "there is no such page",
    429: "it says that it was asked too often; try again later",
    451: "it is closed for legal reasons from here",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A newspaper as a Site, why each value is what it is (by key), and what was not found."""

    site: Site
    why: dict[str, tuple[str, ...]]
    missing: tuple[str, ...] = ()


def probe(url: str, *, user_agent: str, allow_private: bool, name: str = "", site_id: str = "") -> Survey:
    """Look at a newspaper and describe it; raise CallerError or SiteError of one line."""
    try:
        right = urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname
    except ValueError:
        right = None
    if not right:
        raise CallerError(f"{url!r} is no http(s) URL; write it as https://paper.example/")
    return asyncio.run(_run(url, Asker(agent=user_agent, allow_private=allow_private), name, site_id))


async def _run(url: str, asker: Asker, name: str, site_id: str) -> Survey:
    async with asker:
        return await _Probe(asker).survey(url, name=name, site_id=site_id)


@dataclass(slots=True)
class _Found:
    """Sources of one kind: their addresses, why they were tried, and what they named."""

    urls: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)


class _Probe:
    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.named: dict[str, None] = {}  # articles, by feeds and news sitemaps
        self.clocks: list[survey.Clock] = []
        self.feeds, self.sitemaps = _Found(), _Found()
        self.title = ""

    async def survey(self, url: str, *, name: str, site_id: str) -> Survey:
        home = await self._home(url)
        text = home.text()
        links = read_page(text, home.url)
        rules = (await self.asker.host(home.url)).rules
        try:
            await self._feeds(links, home.url)
            await self._sitemaps(rules, home.url)
        except Spent:
            self.sitemaps.notes.append(
                f"not all usual places were tried: {self.asker.most} requests were made"
            )
        if not self.feeds.urls and not self.sitemaps.urls and not self._leads_on(links, home.url):
            raise SiteError(
                f"{home.url} does not look like a newspaper: no feed, no sitemap, no links to its own pages"
            )
        return self._decided(home, links, survey.locale_of(text), name=name, site_id=site_id)

    def _leads_on(self, links: PageLinks, home: str) -> bool:
        host = urlsplit(home).netloc
        return sum(survey.own(url, (host,)) and url != home for url in links.links) >= 3

    async def _home(self, url: str) -> Page:
        rules = (await self.asker.host(url)).rules
        if rules.refuses_all:
            raise SiteError(f"{url}: {rules.reason}, so that nothing may be asked for; try again later")
        if not rules.allows(url):
            raise SiteError(
                f"robots.txt forbids {url} to {self.asker.agent.partition('/')[0]}; ask the newspaper"
            )
        home = await self.asker.get(url)
        if home.status != 200:
            said = REFUSED.get(home.status, "open it in a browser to see what it wants")
            raise SiteError(f"{url} answers {home.status}: {said}")
        if home.mime and "html" not in home.mime:
            raise SiteError(f"{url} is no web page but {home.mime}; name the newspaper's front page")
        delay = (await self.asker.host(home.url)).rules.delay or 0.0
        if delay > 0:
            most = int(PATIENCE / min(delay, 120.0))
            self.asker.most = min(MOST_REQUESTS, max(most, LEAST_REQUESTS))
        return home

    async def _feeds(self, links: PageLinks, home: str) -> None:
        ours = [u for u in links.feeds if "comments" not in u and "kommentar" not in u]
        for url in ours[:ANNOUNCED]:
            await self._try_feed(url, "announced by the front page")
        if len(ours) > ANNOUNCED:
            self.feeds.notes.append(
                f"{len(ours) - ANNOUNCED} more are announced; the first {ANNOUNCED} were tried"
            )
        for path in () if self.feeds.urls else USUAL_FEEDS:
            await self._try_feed(urljoin(home, path), "at a usual place")
            if self.feeds.urls:
                return

    async def _try_feed(self, url: str, why: str) -> None:
        page = await self._page(url, self.feeds)
        if page is None:
            return
        document = read_feed(page.body, page.url)
        if document.kind in ("", "html"):
            self.feeds.notes.append(f"{url} is no feed")
            return
        told = sorted(item.url for item in document.items)
        if self._twice(self.feeds, document.kind, *told):
            self.feeds.notes.append(f"{url} names the same links as another")
            return
        self.title = self.title or document.title
        self.named.update(dict.fromkeys(item.url for item in document.items))
        self.clocks += survey.clocks(page.body)
        self.feeds.urls[url] = f"{document.kind}, {why}, names {len(told)} links"

    async def _sitemaps(self, rules: Rules, home: str) -> None:
        for url in rules.sitemaps[:ANNOUNCED]:
            await self._try_sitemap(url, "asked for by robots.txt")
        if len(rules.sitemaps) > ANNOUNCED:
            left = len(rules.sitemaps) - ANNOUNCED
            self.sitemaps.notes.append(f"robots.txt names {left} more; the first {ANNOUNCED} were tried")
        if self.sitemaps.urls:
            return
        for url in guesses(home):
            await self._try_sitemap(url, "at a usual place", quiet=True)
            if len(self.sitemaps.urls) > 1:
                return

    async def _try_sitemap(self, url: str, why: str, *, quiet: bool = False) -> None:
        page = await self._page(url, self.sitemaps, quiet=quiet)
        if page is None:
            return
        document = read_sitemap(page.body, page.url)
        if document.kind in ("", "html"):
            if not quiet:
                self.sitemaps.notes.append(f"{url} is no sitemap")
            return
        told = sorted(t.url for t in (*document.pages, *document.sitemaps))
        if self._twice(self.sitemaps, document.kind, *told):
            self.sitemaps.notes.append(f"{url} names the same links as another")
            return
        self.sitemaps.urls[url] = f"{document.kind}, {why}, names {len(told)} links"
        self._learn(document)
        if document.kind == "index":
            await self._children(document)

    async def _children(self, document: SitemapDocument) -> None:
        """News sitemaps of an index: they show what an article's address is."""
        fresh = [t.url for t in document.sitemaps if re.search(r"news|latest|recent|aktuell", t.url, re.I)]
        for url in fresh[:CHILDREN]:
            page = await self._page(url, self.sitemaps, quiet=True)
            if page:
                self._learn(read_sitemap(page.body, page.url))

    def _learn(self, document: SitemapDocument) -> None:
        self.named.update(dict.fromkeys(t.url for t in document.pages if isinstance(t, News)))

    async def _page(self, url: str, found: _Found, *, quiet: bool = False) -> Page | None:
        try:
            page = await self.asker.get(url)
        except Spent:
            raise
        except SiteError as error:
            if not quiet:
                found.notes.append(str(error))
            return None
        if page.status != 200 and not quiet:
            found.notes.append(f"{url} answers {page.status}")
        return page if page.status == 200 else None

    def _twice(self, found: _Found, *parts: str) -> bool:
        digest = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
        if digest in found.digests and len(parts) > 1:
            return True
        found.digests.add(digest)
        return False

    # What it comes to

    def _decided(self, home: Page, links: PageLinks, locale: str, *, name: str, site_id: str) -> Survey:
        hosts = (urlsplit(home.url).netloc, *survey.further_hosts(self.named, home.url))
        articles = [url for url in self.named if survey.own(url, hosts)]
        own = [url for url in links.links if survey.own(url, hosts) and self.asker.allowed(url) is not False]
        tongue = survey.language(links.language, locale)
        form = survey.pattern(articles, own)
        zone = survey.zone(survey.country(home.url, locale, links.language), self.clocks)
        title = name or links.name or self.title or urlsplit(home.url).hostname or ""
        site = Site(
            id=site_id or slug(title) or slug(urlsplit(home.url).hostname or "site"),
            name=title,
            home=home.url,
            feeds=tuple(self.feeds.urls),
            sitemaps=tuple(self.sitemaps.urls),
            sections=survey.sections(own, articles, home.url),
            articles=form.value,
            hosts=hosts[1:],
            language=tongue.value,
            timezone=zone.value,
            schedule="0 * * * *",
            allow_private=self.asker.allow_private,
        )
        return Survey(site=site, why=self._why(site, form, zone, tongue), missing=self._missing(site, form))

    def _why(self, site: Site, form: Finding, zone: Finding, tongue: Finding) -> dict[str, tuple[str, ...]]:
        why = {
            "feeds": _said("Feeds", self.feeds),
            "sitemaps": _said("Sitemaps", self.sitemaps),
            "articles": (f"What an article's address looks like: {form.why}.",),
            "timezone": (f"Time zone of schedule and quiet hours: {zone.why}.",),
            "language": (f"Language: {tongue.why}.",),
            "schedule": ("When to crawl, as a cron line; empty for by hand only.",),
        }
        if site.sections:
            why["sections"] = (
                "Sections: linked by the front page, and the folder of several known articles.",
            )
        else:
            why["sections"] = (
                "No section was found: no link of the front page is a folder of known articles.",
            )
        if site.hosts:
            why["hosts"] = ("Further hosts that feeds and sitemaps name articles on.",)
        return why

    def _missing(self, site: Site, form: Finding) -> tuple[str, ...]:
        said = []
        if not site.feeds and not site.sitemaps:
            said.append("no feed and no sitemap was found: only the front page's links will be crawled")
        elif not site.feeds:
            said.append("no feed was found: look for one at the newspaper, and put it under feeds")
        elif not site.sitemaps:
            said.append("no sitemap was found: what the feeds do not name is found by the front page alone")
        if not form.value:
            said.append(f"{form.why}; every page of the site counts as an article")
        if site.timezone == "UTC":
            said.append("the time zone is not known: UTC was put down")
        return tuple(said)


def _said(kind: str, found: _Found) -> tuple[str, ...]:
    first = f"{kind}, tried and found good:" if found.urls else f"{kind}: none was found."
    lines = [first, *(f"  {url}: {why}" for url, why in found.urls.items())]
    return (*lines, *(f"  left out: {note}" for note in found.notes[:ANNOUNCED]))


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
