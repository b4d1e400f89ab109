"""What documents of a newspaper tell of, by the names that the spiders use. Pure.

Rules: nothing is fetched here; addresses come back absolute, without fragment, otherwise as they were told; a
document that cannot be read yields nothing rather than an error.
"""

from archive.variants import tidy
from spiders import markup
from spiders.feeds import read_feed
from spiders.links import PageLinks, read_loaded, read_page, srcset_urls
from spiders.rules import parse
from spiders.sitemaps import SitemapDocument, read_sitemap
from spiders.styles import css_requisites, css_urls
from spiders.told import Told, absolute

__all__ = [
    "PageLinks",
    "SitemapDocument",
    "Told",
    "absolute",
    "css_requisites",
    "css_urls",
    "feed",
    "feed_title",
    "loaded",
    "page",
    "robots_sitemaps",
    "sitemap",
    "srcset_urls",
    "tidy",
    "unpacked",
]
UNPACKED_LIMIT = markup.UNPACKED_LIMIT


def feed(body: bytes, base: str) -> list[Told]:
    """The items of an RSS, Atom, RDF or JSON feed."""
    return list(read_feed(body, base).items)


def feed_title(body: bytes) -> str:
    """The name that a feed gives itself; "" where there is none."""
    return read_feed(body, "").title


def sitemap(body: bytes, base: str) -> SitemapDocument:
    """Read a sitemap or sitemap index (gzipped too); other documents are empty."""
    return read_sitemap(body, base)


def page(text: str, base: str) -> PageLinks:
    """Read an HTML page."""
    return read_page(text, base)


def loaded(text: str, base: str) -> PageLinks:
    """What a browser loads with a page, without the rest: most pages are read for this alone."""
    return read_loaded(text, base)


def robots_sitemaps(text: str, base: str) -> tuple[str, ...]:
    """The Sitemap lines of a robots.txt."""
    return parse(text.encode("utf-8", "replace"), agent="*", url=base).sitemaps


def unpacked(body: bytes) -> bytes:
    """The body without gzip, bounded: a gzip bomb gives its first UNPACKED_LIMIT bytes."""
    return b"".join(markup.unpacked(body, limit=UNPACKED_LIMIT))
