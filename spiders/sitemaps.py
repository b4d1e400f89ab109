"""Sitemaps: sets and indexes (sitemaps.org), Google News tags, lists of lines, feeds. Pure, and streaming.

Memory stays flat whatever comes: pieces are unpacked and read one by one, no tree is built, and what is told
is bounded in bytes and in count.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from urllib.parse import urljoin, urlsplit

from spiders.feeds import read_feed
from spiders.markup import UNPACKED_LIMIT, Ending, Reader, Source, is_page, read, texts, unpacked
from spiders.told import Told, link_of, read_date, title_of

MOST_URLS = 50_000  # sitemaps.org protocol, "Using Sitemap index files"
LONGEST_LINE = 8192
HEAD = 4096
FEEDS = ("<rss", "<rdf:rdf", "<feed", "<atom:feed")
# Where newspapers keep sitemaps that no robots.txt names; news first. Relative to the home's host.
GUESSES = (
    "/news-sitemap.xml",
    "/sitemap-news.xml",
    "/sitemap_news.xml",
    "/news_sitemap.xml",
    "/googlenews.xml",
    "/google-news-sitemap.xml",
    "/sitemap-google-news.xml",
    "/google_news_sitemap.xml",
    "/news/sitemap.xml",
    "/sitemap/news.xml",
    "/sitemaps/news.xml",
    "/sitemap/news-sitemap.xml",
    "/sitemap-latest.xml",
    "/arc/outboundfeeds/news-sitemap/?outputType=xml",
    "/arc/outboundfeeds/sitemap-news/?outputType=xml",
    "/arc/outboundfeeds/sitemap-news-index/?outputType=xml",
    "/arc/outboundfeeds/news-sitemap-index/?outputType=xml",
    "/arc/outboundfeeds/google-news-feed/?outputType=xml",
    "/arc/outboundfeeds/sitemap-index/?outputType=xml",
    "/arc/outboundfeeds/sitemap/latest/?outputType=xml",
    "/sitemap.xml",
    "/sitemap_index.xml",
    "/sitemap-index.xml",
    "/sitemapindex.xml",
    "/sitemap/sitemap.xml",
    "/sitemap/index.xml",
    "/sitemaps/sitemap.xml",
    "/sitemaps/sitemap_index.xml",
    "/wp-sitemap.xml",
    "/sitemap.xml.gz",
    "/sitemap_index.xml.gz",
    "/sitemap.txt",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class News(Told):
    """A page of a news sitemap, with the publication that it names."""

    publication: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapDocument:
    """What a sitemap holds: pages, or further sitemaps.

    `kind` is "urlset", "index", "text", "feed", "html" (a web page, no sitemap) or "". `cut` says why reading
    ended before the document did: "size" (of what is unpacked), "count" (of locations), "gzip" (broken
    packing), "xml" (the document breaks off, or is no XML to its end), or "".
    """

    pages: tuple[Told, ...] = ()
    sitemaps: tuple[Told, ...] = ()
    kind: str = ""
    cut: str = ""


def read_sitemap(
    source: Source,
    base: str,
    *,
    most_bytes: int = UNPACKED_LIMIT,
    most_urls: int = MOST_URLS,
    now: datetime | None = None,
) -> SitemapDocument:
    """Read a sitemap from bytes, a binary file or pieces of bytes; gzipped or not.

    `base` is the address it came from. Locations on other hosts are told like the rest: see
    `cross_submitted`. With `now`, dates more than a day ahead are not believed.
    """
    ending = Ending()
    pieces = texts(unpacked(source, limit=most_bytes, ending=ending))
    head, rest = _beginning(pieces)
    whole = chain(head, rest)
    start = "".join(head).lstrip("\ufeff \t\r\n\x00")
    low = start[:HEAD].lower()
    if is_page(start[:HEAD]):
        return SitemapDocument(kind="html")
    if "<" not in low:
        return _read_lines(whole, most_urls, ending)
    if any(name in low for name in FEEDS) and "<urlset" not in low and "<sitemapindex" not in low:
        return _read_feed(whole, base, most_urls, now, ending)
    reader = _Locations(base, most_urls, now)
    read(reader, whole)
    return _document(reader, ending)


def _beginning(pieces: Iterator[str]) -> tuple[list[str], Iterator[str]]:
    head, length = [], 0
    for piece in pieces:
        head.append(piece)
        length += len(piece.strip("\ufeff \t\r\n\x00"))
        if length >= HEAD or len(head) > 16:
            break
    return head, pieces


def _document(reader: "_Locations", ending: Ending) -> SitemapDocument:
    cut = "count" if reader.full else ending.cut or ("" if reader.whole else "xml")
    reader.finish()
    kind = "index" if reader.sitemaps and not reader.pages else "urlset" if reader.pages else ""
    kind = kind or {"urlset": "urlset", "sitemapindex": "index"}.get(reader.root, "")
    return SitemapDocument(pages=tuple(reader.pages), sitemaps=tuple(reader.sitemaps), kind=kind, cut=cut)


class _Locations(Reader):
    """Entries of a set or an index. One begins where it is opened, whether the last was closed or not."""

    ENTRIES = ("url", "sitemap")
    SETS = ("urlset", "sitemapindex")

    def __init__(self, base: str, most: int, now: datetime | None) -> None:
        super().__init__()
        self.base, self.most, self.now = base, most, now
        self.pages: list[Told] = []
        self.sitemaps: list[Told] = []
        self.more = False
        self._entry: dict[str, str] | None = None
        self._kind = ""
        self._depth = 0

    @property
    def full(self) -> bool:
        return self.more

    def opened(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        if name in self.ENTRIES:
            self.finish()
            self._entry, self._kind, self._depth = {}, name, len(self.path)

    def closed(self, name: str, text: str) -> None:
        around = self.path[-2] if len(self.path) > 1 else ""
        if name in self.ENTRIES:
            self.finish()
        elif name == "loc" and around in self.SETS and text.strip():  # without an entry around it
            self._entry, self._kind = {"loc": text}, "sitemap" if around == "sitemapindex" else "url"
            self.finish()
        elif self._entry is not None and text.strip():
            # Images and videos have locations, titles and dates of their own.
            if name in ("loc", "lastmod") and around in self.ENTRIES:
                self._entry.setdefault(name, text)
            elif around == "news" or (around == "publication" and name in ("name", "language")):
                self._entry.setdefault(f"news {name}", text)

    def finish(self) -> None:
        """An entry is over: keep it where it has a location."""
        said, self._entry = self._entry, None
        url = link_of(said.get("loc", ""), self.base) if said else None
        if not said or not url:
            return
        if len(self.pages) + len(self.sitemaps) >= self.most:
            self.more = True
            return
        changed = read_date(said.get("lastmod", ""), now=self.now)
        published = read_date(said.get("news publication_date", ""), now=self.now)
        when = max((d for d in (changed, published) if d), default=None)
        if self._kind == "sitemap":
            self.sitemaps.append(Told(url=url, when=when))
        elif any(key.startswith("news ") for key in said):
            self.pages.append(
                News(
                    url=url,
                    when=when,
                    published=published,
                    title=title_of(said.get("news title", "")),
                    publication=title_of(said.get("news name", "")),
                    language=said.get("news language", "").strip()[:35],
                )
            )
        else:
            self.pages.append(Told(url=url, when=when))


def _read_lines(pieces: Iterable[str], most: int, ending: Ending) -> SitemapDocument:
    """A text sitemap: one address a line, and nothing else."""
    found: list[Told] = []
    for line in _lines(pieces):
        url = link_of(line, "") if line.lower().startswith(("http://", "https://")) else None
        if url and " " not in url:
            if len(found) >= most:
                return SitemapDocument(pages=tuple(found), kind="text", cut="count")
            found.append(Told(url=url))
    return SitemapDocument(pages=tuple(found), kind="text" if found else "", cut=ending.cut)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Lines without white space around them; of a line longer than LONGEST_LINE, nothing."""
    kept, skipping = "", False
    for piece in pieces:
        lines = (kept + piece).replace("\r", "\n").split("\n")
        for line in lines[:-1]:
            if not skipping and len(line) <= LONGEST_LINE:
                yield line.strip("\ufeff \t\x00")
            skipping = False
        kept = lines[-1]
        if len(kept) > LONGEST_LINE:
            kept, skipping = "", True
    if not skipping:
        yield kept.strip("\ufeff \t\x00")


def _read_feed(
    pieces: Iterable[str], base: str, most: int, now: datetime | None, ending: Ending
) -> SitemapDocument:
    """A feed in place of a sitemap, which the protocol allows ("Other Sitemap formats")."""
    feed = read_feed((piece.encode("utf-8", "replace") for piece in pieces), base, now=now)
    cut = "count" if len(feed.items) > most else ending.cut
    return SitemapDocument(pages=feed.items[:most], kind="feed" if feed.kind != "html" else "html", cut=cut)


def cross_submitted(url: str, host: str) -> bool:
    """Whether a sitemap's location is on another host than the sitemap, "www." aside.

    The protocol ("Sitemaps & Cross Submits") lets a host speak for another only where that host's robots.txt
    names the sitemap; publishers sell places in sitemaps, too. `host` may have a port.
    """
    try:
        theirs = urlsplit(url).netloc.lower()
    except ValueError:
        return True
    return _plain(theirs) != _plain(host.lower())


def _plain(host: str) -> str:
    return host.rpartition("@")[2].removesuffix(":443").removesuffix(":80").rstrip(".").removeprefix("www.")


def guesses(home: str) -> tuple[str, ...]:
    """The usual places of sitemaps at a newspaper's host, absolute."""
    return tuple(urljoin(home, path) for path in GUESSES)
