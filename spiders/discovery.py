"""What documents of a newspaper tell of: feeds, sitemaps, pages. Pure: documents in, links out.

Rules: nothing is fetched here; addresses come back absolute, without fragment, otherwise as they were told; a
document that cannot be read yields nothing rather than an error.
"""

import calendar
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import feedparser
import lxml.etree
import lxml.html

from archive.dates import read_time

TRACKING = re.compile(
    r"\A(utm_\w+|fbclid|gclid|dclid|msclkid|mc_[ce]id|igshid|at_(medium|campaign)\w*|cmpid|ocid)\Z"
)
NOT_PAGES = re.compile(
    r"\.(jpe?g|png|gif|webp|avif|svg|ico|css|js|mjs|json|xml|rss|atom|pdf|zip|gz|mp[34]|m4[av]|webm|ogg|woff2?|ttf)\Z",
    re.I,
)
CSS_URL = re.compile(r"""url\(\s*(['"]?)([^'")]+)\1\s*\)|@import\s+(['"])([^'"]+)\3""", re.I)
UNPACKED_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A link and what the document said of it; `when` is the latest date given (UTC)."""

    url: str
    when: datetime | None = None


def absolute(url: str, base: str = "") -> str | None:
    """The address absolute and without fragment; None where it is no http(s) URL."""
    try:
        parts = urlsplit(urljoin(base, url.strip()))
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path or "/", parts.query, ""))


def tidy(url: str) -> str:
    """The address without tracking parameters: two with the same tidy form are one page.

    For comparing only: some servers answer nothing but the address that their feed told.
    """
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(TRACKING.match(name.lower()) for name, _ in pairs):
        return url
    kept = [(n, v) for n, v in pairs if not TRACKING.match(n.lower())]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def feed(body: bytes, base: str) -> list[Told]:
    """The items of an RSS, Atom or RDF feed."""
    parsed = feedparser.parse(io.BytesIO(body), resolve_relative_uris=False, sanitize_html=False)
    found = []
    for entry in parsed.entries:
        link = absolute(entry.get("link") or "", base) if entry.get("link") else None
        stamp = entry.get("updated_parsed") or entry.get("published_parsed")
        when = datetime.fromtimestamp(calendar.timegm(stamp), UTC) if stamp else None
        if link:
            found.append(Told(url=link, when=when))
    return found


def feed_title(body: bytes) -> str:
    """The name that a feed gives itself; "" where there is none."""
    return str(feedparser.parse(io.BytesIO(body)).feed.get("title", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapDocument:
    """What a sitemap holds: pages, or further sitemaps."""

    pages: tuple[Told, ...] = ()
    sitemaps: tuple[Told, ...] = ()


def sitemap(body: bytes, base: str) -> SitemapDocument:
    """Read a sitemap or sitemap index (gzipped too); other documents are empty."""
    pages: list[Told] = []
    sitemaps: list[Told] = []
    try:
        for _, element in lxml.etree.iterparse(
            io.BytesIO(unpacked(body)), recover=True, resolve_entities=False, no_network=True, huge_tree=False
        ):
            kind = _name(element)
            if kind in ("url", "sitemap"):
                told = _told(element, base)
                if told:
                    (pages if kind == "url" else sitemaps).append(told)
                element.clear()
    except lxml.etree.XMLSyntaxError:
        pass  # what was read so far counts
    return SitemapDocument(pages=tuple(pages), sitemaps=tuple(sitemaps))


def _name(element: lxml.etree._Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _told(element: lxml.etree._Element, base: str) -> Told | None:
    link, dates = None, []
    for child in element.iter():
        name, text = _name(child), (child.text or "").strip()
        if name == "loc" and text and link is None:
            link = absolute(text, base)
        elif name in ("lastmod", "publication_date") and (when := read_time(text)):
            dates.append(when)
    return Told(url=link, when=max(dates, default=None)) if link else None


def unpacked(body: bytes) -> bytes:
    """The body without gzip, bounded: a gzip bomb gives its first UNPACKED_LIMIT bytes."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            return file.read(UNPACKED_LIMIT)
    except (OSError, EOFError, zlib.error):
        return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLinks:
    """What a page leads to: links a reader follows, requisites a browser loads, feeds it announces."""

    links: tuple[str, ...] = ()
    requisites: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    name: str = ""
    language: str = ""


FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/rdf+xml")
DATA = '//link[@rel="preload" and @as="fetch"]/@href'
LOADED_RELS = {"stylesheet", "icon", "shortcut", "apple-touch-icon", "manifest", "modulepreload", "preload"}


def page(text: str, base: str) -> PageLinks:
    """Read an HTML page."""
    tree = _tree(text)
    if tree is None:
        return PageLinks()
    base = urljoin(base, next(iter(tree.xpath("//base/@href")), ""))
    links = _absolute_all((a for a in tree.xpath("//a/@href | //area/@href")), base)
    return PageLinks(
        links=tuple(url for url in links if not NOT_PAGES.search(urlsplit(url).path)),
        requisites=_absolute_all(_requisites(tree), base),
        data=_absolute_all(tree.xpath(DATA), base),
        feeds=_absolute_all(
            (e.get("href") for e in tree.xpath("//link[@href and @type]") if _is_feed(e)), base
        ),
        name=_site_name(tree),
        language=(tree.get("lang") or "").strip(),
    )


def loaded(text: str, base: str) -> PageLinks:
    """What a browser loads with a page, without the rest: most pages are read for this alone."""
    tree = _tree(text)
    if tree is None:
        return PageLinks()
    base = urljoin(base, next(iter(tree.xpath("//base/@href")), ""))
    requisites, data = _absolute_all(_requisites(tree), base), _absolute_all(tree.xpath(DATA), base)
    return PageLinks(requisites=requisites, data=data)


def _tree(text: str) -> lxml.html.HtmlElement | None:
    try:
        return lxml.html.document_fromstring(text)
    except (lxml.etree.ParserError, ValueError):
        return None


def _absolute_all(urls: Iterable[str], base: str) -> tuple[str, ...]:
    """Each once; menus and teasers repeat, so that it pays to look before making them absolute."""
    told = dict.fromkeys(str(url) for url in urls)
    return tuple(dict.fromkeys(t for t in (absolute(url, base) for url in told) if t))


def _is_feed(element: lxml.html.HtmlElement) -> bool:
    rels = (element.get("rel") or "").lower().split()
    return "alternate" in rels and element.get("type", "").lower().strip() in FEED_TYPES


def _requisites(tree: lxml.html.HtmlElement) -> Iterator[str]:
    for element in tree.xpath("//link[@href and @rel]"):
        if LOADED_RELS & set(element.get("rel").lower().split()) and element.get("as") != "fetch":
            yield element.get("href")
    yield from tree.xpath("//script/@src | //img/@src | //img/@data-src | //video/@poster | //source/@src")
    for srcset in tree.xpath("//img/@srcset | //source/@srcset | //img/@data-srcset"):
        yield from srcset_urls(srcset)
    for style in tree.xpath("//style/text() | //@style"):
        yield from css_urls(style)


def srcset_urls(srcset: str) -> Iterator[str]:
    """The candidates of a srcset attribute (HTML, section 4.8.4.2.1, without its rarest corners)."""
    for candidate in re.split(r",\s+|\s,", srcset.strip()):
        words = candidate.split()
        if words and not words[0].startswith("data:"):
            yield words[0].rstrip(",")


def css_urls(text: str) -> Iterator[str]:
    """What a style sheet loads: url() and @import."""
    for found in CSS_URL.finditer(text):
        url = found[2] or found[4]
        if not url.strip().startswith("data:"):
            yield url.strip()


def css_requisites(text: str, base: str) -> tuple[str, ...]:
    """What a style sheet loads, absolute."""
    return _absolute_all(css_urls(text), base)


def _site_name(tree: lxml.html.HtmlElement) -> str:
    named = tree.xpath('//meta[@property="og:site_name"]/@content')
    title = " ".join(next(iter(tree.xpath("//title/text()")), "").split())
    # "The Paper - News, sport and weather": the name is the first part.
    return " ".join(named[0].split()) if named else re.split(r"\s+[|–—:-]\s+", title)[0]


def robots_sitemaps(text: str, base: str) -> tuple[str, ...]:
    """The Sitemap lines of a robots.txt."""
    found = re.findall(r"^[ \t]*sitemap[ \t]*:[ \t]*(\S+)", text, re.I | re.M)
    return _absolute_all(found, base)
