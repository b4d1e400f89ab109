"""URLs that we write into pages. Everything that was archived is somebody else's text."""

import re
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, urlencode, urljoin, urlsplit

from starlette.requests import Request

from archive.cdxj import stamp_of
from archive.model import Capture
from archive.question import Question
from archive.room.origins import origin_for

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
    return f"{origin_for(replay, capture.url)}/?" + urlencode(
        {"at": stamp_of(capture.at), "url": capture.url}
    )


def raw_link(replay: str, capture: Capture) -> str:
    """The stored record's body as it is."""
    return f"{origin_for(replay, capture.url)}/raw/{stamp_of(capture.at)}id_/{embedded(capture.url)}"


def diff_link(url: str, before: str, after: str) -> str:
    """The room's page of two versions side by side."""
    return "/diff?" + urlencode({"url": url, "from": before, "to": after})


def parts_link(url: str, at: datetime) -> str:
    """The room's page of when the parts of a capture were captured."""
    return "/parts?" + urlencode({"url": url, "at": stamp_of(at)})


def beside_link(url: str, at: datetime, other: datetime) -> str:
    """The room's page of two captures side by side."""
    return "/beside?" + urlencode({"url": url, "at": stamp_of(at), "with": stamp_of(other)})


def front_link(url: str, at: datetime) -> str:
    """The room's page of the stories of a front page."""
    return "/front?" + urlencode({"url": url, "at": stamp_of(at)})


def copies_link(url: str, other: str = "") -> str:
    """The room's page of the copies of an article, or of one beside the first."""
    return "/copies?" + urlencode({"url": url} | ({"with": other} if other else {}))


def cite_link(url: str, at: datetime) -> str:
    """The room's page on how to cite a capture."""
    return "/cite?" + urlencode({"url": url, "at": stamp_of(at)})


def picture_link(url: str, at: datetime) -> str:
    """An archived picture, as the room shows it."""
    return "/picture?" + urlencode({"url": url, "at": stamp_of(at)})


def record_link(url: str, at: datetime) -> str:
    """The room's page of the WARC record of a capture."""
    return "/record?" + urlencode({"url": url, "at": stamp_of(at)})


def author_link(name: str, page: int = 1) -> str:
    """The room's page of an author."""
    return "/author?" + urlencode({"name": name} | ({"page": str(page)} if page > 1 else {}))


def api_link(request: Request, *, page: int) -> str:
    """The address of another page of the same answer."""
    return f"{request.url.path}?{urlencode({**request.query_params, 'page': str(page)})}"


def section_link(site: str, section: str) -> str:
    """The room's page of a newspaper's section, newest first."""
    return "/search?" + urlencode({"site": site, "section": section})


def search_link(question: Question, page: int = 1, *, path: str = "/search", **changes: str) -> str:
    """The room's page that answers a question, with some of it changed."""
    asked = replace(question, **changes) if changes else question  # type: ignore[arg-type]
    names = {"q": "words", "from": "since", "to": "until"}
    fields = ("q", "site", "from", "to", "language", "section", "kind", "access", "author", "sort")
    values = {name: str(getattr(asked, names.get(name, name))) for name in fields}
    if values["sort"] == ("relevance" if asked.words else "date"):
        del values["sort"]
    if page > 1:
        values["page"] = str(page)
    return f"{path}?" + urlencode({name: value for name, value in values.items() if value})
