"""URLs that we write into pages. Everything that was archived is somebody else's text."""

import re
from datetime import datetime
from urllib.parse import quote, urlencode, urljoin, urlsplit

from archive.cdxj import stamp_of
from archive.model import Capture

CONTROL = re.compile(r"[\x00-\x20\x7f]")
# What may stand in a path of ours that ends in an archived URL: all but '#', spaces, double quotes, brackets.
URL_CHARS = "%/:?&=+,;@!$'()*~"


def weblink(url: str) -> str:
    """The URL where a browser may follow it (http or https, with a host), or ""."""
    try:
        parts = urlsplit(url)
        return url if parts.scheme in ("http", "https") and parts.hostname and not CONTROL.search(url) else ""
    except ValueError:
        return ""


def embedded(url: str) -> str:
    """The URL as the tail of one of our own paths."""
    return quote(url, safe=URL_CHARS)


def absolute(base: str, url: str) -> str:
    """`url` as a page at `base` means it; "" where that is no web address."""
    try:
        return weblink(urljoin(base, url.strip()))
    except ValueError:
        return ""


def lookup_link(url: str) -> str:
    """The room's page of captures of a URL."""
    return "/lookup?" + urlencode({"url": url})


def article_link(url: str, version: str = "") -> str:
    """The room's page of an article, or of one version of it."""
    return "/article?" + urlencode({"url": url} | ({"version": version} if version else {}))


def capture_link(url: str, at: datetime) -> str:
    """The room's replay page."""
    return "/capture?" + urlencode({"url": url, "at": stamp_of(at)})


def loader_link(replay: str, capture: Capture) -> str:
    """The page on the replay origin that starts the worker and goes to the capture."""
    return f"{replay}/?" + urlencode({"at": stamp_of(capture.at), "url": capture.url})


def raw_link(replay: str, capture: Capture) -> str:
    """The stored record's body as it is."""
    return f"{replay}/raw/{stamp_of(capture.at)}id_/{embedded(capture.url)}"
