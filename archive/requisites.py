"""Which other addresses a page needs to look as it did: styles, scripts, pictures, fonts, frames. Pure.

What scripts ask for while they run is not in the page, so it is not found here.
"""

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import lxml.html
from lxml.etree import ParserError

MOST = 2000  # addresses of one page
LOADED = {"stylesheet", "icon", "shortcut", "apple-touch-icon", "preload", "modulepreload", "manifest"}
SOURCES = tuple(
    pair.split(".")
    for pair in [
        "img.src",
        "img.data-src",
        "img.data-original",
        "script.src",
        "iframe.src",
        "frame.src",
        "embed.src",
        "object.data",
        "video.src",
        "video.poster",
        "audio.src",
        "source.src",
        "track.src",
        "input.src",
        "body.background",
        "image.href",
        "use.href",
    ]
)
SETS = (("img", "srcset"), ("source", "srcset"), ("img", "data-srcset"), ("link", "imagesrcset"))
IN_STYLE = re.compile(
    r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"'\s]*))\s*\)|@import\s+(?:"([^"]*)"|'([^']*)')""", re.I
)
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def requisites(text: str, url: str, mime: str) -> list[str]:
    """Absolute addresses that a page or style sheet at `url` loads, each once, in its order."""
    if mime == "text/css":
        found = _absolute(in_style(text), url)
    elif mime in ("text/html", "application/xhtml+xml"):
        found = _of_page(text, url)
    else:
        return []
    return list(dict.fromkeys(found))[:MOST]


def in_style(text: str) -> Iterator[str]:
    """What a style sheet names."""
    for found in IN_STYLE.finditer(COMMENT.sub(" ", text)):
        yield next(filter(None, found.groups()), "")


def _of_page(text: str, url: str) -> Iterator[str]:
    try:
        page = lxml.html.document_fromstring(text.encode("utf-8", "replace"), parser=_parser())
    except (ParserError, ValueError):
        return
    base = next(iter(page.xpath("//base/@href")), "")
    yield from _absolute(_named(page), _joined(url, str(base)) or url)


def _parser() -> lxml.html.HTMLParser:
    return lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)


def _named(page: lxml.html.HtmlElement) -> Iterator[str]:
    for link in page.iter("link"):
        if LOADED & set((link.get("rel") or "").lower().split()):
            yield link.get("href") or ""
    for tag, name in SOURCES:
        for element in page.iter(tag):
            yield element.get(name) or ""
    for tag, name in SETS:
        for element in page.iter(tag):
            yield from in_set(element.get(name) or "")
    for style in page.iter("style"):
        yield from in_style(style.text or "")
    for element in page.xpath("//*[@style]"):
        yield from in_style(element.get("style") or "")


def in_set(text: str) -> Iterator[str]:
    """The addresses of a srcset: each up to a space; a comma may stand within one (HTML, 4.8.4.2)."""
    for found in re.finditer(r"[\s,]*(\S*[^\s,])(?:\s+[^,]*)?(?:,|\Z)", text):
        yield found[1]


def _absolute(names: Iterator[str], base: str) -> Iterator[str]:
    for name in names:
        if found := _joined(base, name.strip()):
            yield found


def _joined(base: str, name: str) -> str:
    if not name or name.startswith(("data:", "#", "javascript:", "about:", "blob:")):
        return ""
    try:
        url = urljoin(base, name).partition("#")[0]
        return url if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname else ""
    except ValueError:
        return ""
