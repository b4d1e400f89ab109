"""Trying a site file against the live newspaper: what each source gives, and what is to be mended.

Looking and judging are apart: `checkup` asks, `mend_of` decides by what was seen. Nothing is archived.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from archive.errors import SiteError
from archive.extract import extract
from archive.model import Article
from archive.sites import Site
from spiders.asker import Asker, Forbidden, Page
from spiders.dialer import Proxy
from spiders.feeds import read_feed
from spiders.links import read_page
from spiders.pace import quiet
from spiders.sitemaps import News, read_sitemap
from spiders.survey import own
from spiders.told import Told

SHOWN = 80
MOST_ASKED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What one source of a site file gave.

    `key` is its place in the file ("feeds[0]"), `kind` what the document is ("rss", "index", "page", "html"
    for a web page in place of a feed, ...). Of its `links`, `own` are on the newspaper's hosts, `matched` are
    articles by their address, `forbidden` are those that robots.txt forbids, where it is known. `lost` is one
    that does not match. `newest` and `oldest` are the dates told. `same` names a source
    that names the same links, `otherwise` says that it does so in another format.
    """

    key: str
    url: str
    status: int | None = None
    kind: str = ""
    error: str = ""
    refused: bool = False
    moved: str = ""
    links: int = 0
    own: int = 0
    matched: int = 0
    forbidden: int = 0
    lost: str = ""
    newest: datetime | None = None
    oldest: datetime | None = None
    same: str = ""
    otherwise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One article, and what the extractor finds on it; `paragraphs` counts them."""

    url: str
    status: int | None = None
    error: str = ""
    headline: str = ""
    published: datetime | None = None
    authors: tuple[str, ...] = ()
    paragraphs: int = 0
    found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was seen of a site; `mend` are lines that say what to do, `notes` what is only worth knowing."""

    site: str
    sources: tuple[Source, ...] = ()
    article: Tried | None = None
    mend: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row a source, one for the article, one with what is to be mended."""
        for source in self.sources:
            yield {"site": self.site, "row": "source"} | asdict(source)
        if self.article:
            yield {"site": self.site, "row": "article"} | asdict(self.article)
        yield {
            "site": self.site,
            "row": "result",
            "ok": not self.mend,
            "mend": self.mend,
            "notes": self.notes,
        }

    def lines(self) -> Iterator[str]:
        """The same for people."""
        yield f"{self.site}: {'mend' if self.mend else 'good'}"
        for source in self.sources:
            yield "  " + _line(source)
        if self.article:
            yield "  " + _article_line(self.article)
        yield from (f"  note: {note}" for note in self.notes)
        yield from (f"  MEND: {line}" for line in self.mend)


def _line(source: Source) -> str:
    start = f"{source.key:14} {source.status or '-'!s:4} {source.kind or '-':7}"
    if source.error:
        return f"{start} {source.error}"
    said = f"{source.links} links, {source.own} own, {source.matched} articles, {source.forbidden} forbidden"
    dates = f", {source.oldest:%Y-%m-%d} to {source.newest:%Y-%m-%d %H:%M}" if _dated(source) else ""
    return f"{start} {said}{dates}"


def _dated(source: Source) -> bool:
    return source.newest is not None and source.oldest is not None


def _article_line(tried: Tried) -> str:
    start = f"{'article':14} {tried.status or '-'!s:4} "
    if not tried.found:
        return f"{start}{tried.error or 'no article'}: {tried.url}"
    when = f"{tried.published:%Y-%m-%d %H:%M}" if tried.published else "no date"
    by = ", ".join(tried.authors) or "no author"
    return f"{start}{tried.headline[:SHOWN]!r}, {when}, {by}, {tried.paragraphs} paragraphs"


def checkup(site: Site, *, user_agent: str, allow_private: bool, now: datetime | None = None) -> Checkup:
    """Try a site file; errors of the newspaper are in the result. In quiet hours nothing is asked for."""
    clock = (now or datetime.now(UTC)).astimezone(ZoneInfo(site.timezone))
    if span := quiet(site.quiet, clock):
        note = f"quiet hours ({span}, {site.timezone}): nothing was asked for; check again later"
        return Checkup(site=site.id, notes=(note,))
    try:
        proxy = Proxy.from_url(site.proxy) if site.proxy else None
    except ValueError as error:
        return Checkup(site=site.id, mend=(f"'proxy': {error}",))
    asker = Asker(
        agent=user_agent,
        allow_private=allow_private,
        most=MOST_ASKED,
        delay=site.delay,
        timeout=site.timeout,
        proxy=proxy,
        bind=site.bind or None,
        verify=site.verify_tls,
    )
    return asyncio.run(_run(site, asker))


async def _run(site: Site, asker: Asker) -> Checkup:
    async with asker:
        return await _Look(site, asker).all()


class _Look:
    """One look over a site: what its sources told, by key."""

    def __init__(self, site: Site, asker: Asker) -> None:
        self.site, self.asker = site, asker
        self.told: dict[str, tuple[Told, ...]] = {}
        self.digests: dict[str, tuple[str, str]] = {}

    async def all(self) -> Checkup:
        sources = [await self._source("home", self.site.home)]
        if sources[0].status is None and not sources[0].refused:
            return self._result(sources, None)  # it does not answer: no use in asking for the rest
        for name in ("sections", "feeds", "sitemaps"):
            for number, url in enumerate(getattr(self.site, name)):
                sources.append(await self._source(f"{name}[{number}]", url))
        return self._result(sources, await self._article())

    def _result(self, sources: Sequence[Source], tried: Tried | None) -> Checkup:
        mend, notes = mend_of(self.site, sources, tried), notes_of(sources)
        return Checkup(site=self.site.id, sources=tuple(sources), article=tried, mend=mend, notes=notes)

    async def _source(self, key: str, url: str) -> Source:
        try:
            page = await self.asker.get(url)
        except SiteError as error:
            return Source(key=key, url=url, error=str(error), refused=isinstance(error, Forbidden))
        moved = page.url if 301 in page.moved or 308 in page.moved else ""
        if page.status != 200:
            return Source(key=key, url=url, status=page.status, error=f"answers {page.status}", moved=moved)
        kind, told = _read(key, page)
        self.told[key] = told
        return self._counted(Source(key=key, url=url, status=200, kind=kind, moved=moved), told, page.body)

    def _counted(self, source: Source, told: Sequence[Told], body: bytes) -> Source:
        ours = [t.url for t in told if self._own(t.url)]
        articles = ours if source.kind == "index" else [url for url in ours if self._is_article(url)]
        dates = [t.when for t in told if t.when]
        names = "\n".join(sorted(t.url for t in told)).encode("utf-8", "replace") or body
        digest = hashlib.sha256(names).hexdigest()
        here = source.key, source.kind
        same, kind = self.digests.setdefault(digest, here) if _is_list(source.key) else here
        return Source(
            key=source.key,
            url=source.url,
            status=source.status,
            kind=source.kind,
            moved=source.moved,
            links=len(told),
            own=len(ours),
            matched=len(articles),
            forbidden=sum(self.asker.allowed(url) is False for url in ours),
            lost=next((url for url in ours if url not in set(articles)), ""),
            newest=max(dates, default=None),
            oldest=min(dates, default=None),
            same="" if same == source.key else same,
            otherwise=kind != source.kind,
        )

    def _own(self, url: str) -> bool:
        return own(url, (self.site.host, *self.site.hosts))

    def _is_article(self, url: str) -> bool:
        return not self.site.articles or re.search(self.site.articles, url) is not None

    def _newest(self) -> str:
        """The newest article named that may be fetched; those of feeds and sitemaps before links of pages."""
        lists = [t for key, told in self.told.items() if _is_list(key) for t in told]
        pages = [t for key, told in self.told.items() if not _is_list(key) for t in told]
        front = {self.site.home, *self.site.sections, *self.site.feeds, *self.site.sitemaps}
        indexed = {t.url for told in self.told.values() for t in told if _is_sitemap(t.url)}
        for told in (lists, pages):
            fit = [
                t
                for t in told
                if self._own(t.url)
                and self._is_article(t.url)
                and t.url not in front | indexed
                and self.asker.allowed(t.url) is not False
            ]
            if fit:
                return max(fit, key=lambda t: t.when or datetime.min.replace(tzinfo=UTC)).url
        return ""

    async def _article(self) -> Tried | None:
        url = self._newest()
        if not url:
            return None
        try:
            page = await self.asker.get(url)
        except SiteError as error:
            return Tried(url=url, error=str(error))
        if page.status != 200:
            return Tried(url=url, status=page.status, error=f"answers {page.status}")
        return _tried(url, extract(page.text(), page.url))


def _tried(url: str, article: Article | None) -> Tried:
    if article is None:
        return Tried(url=url, status=200, error="no article found on the page")
    return Tried(
        url=url,
        status=200,
        headline=article.headline,
        published=article.published,
        authors=article.authors,
        paragraphs=len(article.body),
        found=True,
    )


def _is_list(key: str) -> bool:
    return key.startswith(("feeds", "sitemaps"))


def _is_sitemap(url: str) -> bool:
    return re.search(r"\.xml(\.gz)?\Z|sitemap", urlsplit(url).path, re.I) is not None


def _read(key: str, page: Page) -> tuple[str, tuple[Told, ...]]:
    """What a document is, and what it names."""
    unread = "html" if "html" in page.mime else "unknown"
    if key.startswith("feeds"):
        feed = read_feed(page.body, page.url)
        return feed.kind or unread, feed.items
    if key.startswith("sitemaps"):
        sitemap = read_sitemap(page.body, page.url)
        news = sitemap.pages and all(isinstance(told, News) for told in sitemap.pages)
        return "news" if news else sitemap.kind or unread, sitemap.pages or sitemap.sitemaps
    links = read_page(page.text(), page.url).links
    right = "html" in page.mime or not page.mime
    return "page" if right else page.mime, tuple(Told(url=url) for url in links)


def mend_of(site: Site, sources: Sequence[Source], tried: Tried | None) -> tuple[str, ...]:
    """What is to be mended in a site file, a line each."""
    lines = [line for source in sources for line in _mend_source(site, source)]
    answered = any(s.status is not None for s in sources)
    lists = [s for s in sources if _is_list(s.key)]
    if not lists:
        lines.append("no feed and no sitemap: `morgue site add` anew, or look for one at the newspaper")
    elif answered and not any(s.newest for s in lists) and any(s.links for s in lists):
        lines.append(
            "no source gives dates: new articles cannot be told from old ones; look for another feed"
        )
    if answered and any(s.links for s in sources):
        lines += _mend_article(tried)
    return tuple(dict.fromkeys(lines))


def _mend_source(site: Site, source: Source) -> Iterator[str]:
    key = source.key
    if source.refused:
        yield f"robots.txt forbids {key} ({source.url}): {_out(key)}"
    elif source.status is None:
        yield f"{key} cannot be had: {source.error}"
    elif source.status != 200:
        yield f"{key} answers {source.status}: {_out(key)}"
    elif source.kind in ("html", "unknown") or (not _is_list(key) and source.kind != "page"):
        wanted = ("feed" if key[0] == "f" else "sitemap") if _is_list(key) else "page with links"
        yield f"{key} is {_what(source.kind)} and no {wanted}: {_out(key)}"
    elif source.same:
        if not source.otherwise:
            yield f"{key} names the same links as {source.same}: take one of them out"
    else:
        yield from _mend_links(site, source)


def _out(key: str) -> str:
    return "put the right address there" if key == "home" else "take it out, or `morgue site add` anew"


def _what(kind: str) -> str:
    return {"html": "a web page", "unknown": "nothing that can be read"}.get(kind, kind)


def _mend_links(site: Site, source: Source) -> Iterator[str]:
    host = f"{site.host} and 'hosts'" if site.hosts else site.host
    if source.links and not source.own:
        yield f"{source.key} names {source.links} links, none on {host}: add theirs to 'hosts'"
    elif _is_list(source.key) and source.kind not in ("index", "urlset", "text") and source.lost:
        lost = source.own - source.matched
        yield (
            f"'articles' matches {source.matched} of {source.own} links of {source.key}: "
            f"it would lose {'them' if not source.matched else lost}, like {source.lost}"
        )
    elif site.articles and source.own and not source.matched and _is_list(source.key):
        yield f"'articles' matches 0 of {source.own} links of {source.key}: it would lose them"
    if source.own and source.forbidden == source.own:
        yield f"robots.txt forbids all {source.own} links of {source.key}: nothing of it may be kept"


def _mend_article(tried: Tried | None) -> Iterator[str]:
    if tried is None:
        yield "no source names an article that may be fetched: see 'articles', 'hosts' and robots.txt"
    elif tried.error and tried.status in (401, 402, 403, 429):
        yield f"the newest article answers {tried.status}: it refuses us; ask the newspaper ({tried.url})"
    elif not tried.found:
        yield f"the newest article: {tried.error} ({tried.url})"
    elif not tried.paragraphs:
        yield f"the extractor finds no paragraph on {tried.url}: is it behind a paywall?"
    elif tried.published is None:
        yield f"the extractor finds no date on {tried.url}"


def notes_of(sources: Sequence[Source]) -> tuple[str, ...]:
    """What is worth knowing and needs no mending."""
    lines = []
    for source in sources:
        if source.moved:
            lines.append(f"{source.key} has moved for good to {source.moved}")
        if source.otherwise:
            lines.append(f"{source.key} names the same links as {source.same}, in another format")
        if source.status == 200 and _is_list(source.key) and not source.links and source.kind != "html":
            lines.append(f"{source.key} names nothing now")
        if source.own and source.links > source.own and _is_list(source.key):
            lines.append(f"{source.key} names {source.links - source.own} links on other hosts")
        if source.own > source.forbidden > 0:
            lines.append(f"robots.txt forbids {source.forbidden} of {source.own} links of {source.key}")
    return tuple(lines)
