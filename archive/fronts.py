"""What stands on a front page: its stories in their order, and how large each is set. Pure.

A story is a link of the page that leads to an article. Prominence is what the markup tells: the rank among
the stories, the level of the heading, whether a picture goes with it, how often it is linked. How large it
looked is for a browser to say; this can be had for every capture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin

import lxml.html
from lxml.etree import ParserError

from archive.versions import plain_address

HEADS = ("h1", "h2", "h3", "h4", "h5", "h6")
NEAR = 4  # elements above a link in which a heading or a picture belongs to it
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story of a front page.

    `rank` counts from 1 in the order of the page; `level` is that of its heading (1 to 6; 0: it stands in
    none); `links` is how often the page leads to it.
    """

    rank: int
    url: str
    text: str
    level: int = 0
    picture: bool = False
    links: int = 1


def stories_of(text: str, url: str, is_article: Callable[[str], bool]) -> list[Story]:
    """The stories of a front page at `url`, in their order; [] where it is no page."""
    try:
        page = lxml.html.document_fromstring(
            text.encode("utf-8", "replace"), parser=lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
        )
    except (ParserError, ValueError):
        return []
    found: dict[str, Story] = {}
    for link in page.iter("a"):
        target = _target(link, url)
        name = plain_address(target) if target else ""
        if not name or not (name in found or (len(found) < MOST and is_article(target))):
            continue
        found[name] = _more(found.get(name), link, target, len(found) + 1)
    return list(found.values())


def _target(link: lxml.html.HtmlElement, base: str) -> str:
    href = (link.get("href") or "").strip()
    try:
        target = urljoin(base, href).partition("#")[0] if href else ""
    except ValueError:
        return ""
    return target if target.startswith(("http://", "https://")) and target != base else ""


def _more(known: Story | None, link: lxml.html.HtmlElement, target: str, rank: int) -> Story:
    """The story with what one more link to it tells: the longest text, the highest heading, any picture."""
    text = " ".join("".join(link.itertext()).split())
    level = _level(link)
    picture = _has_picture(link)
    if known is None:
        return Story(rank=rank, url=target, text=text, level=level, picture=picture)
    levels = [each for each in (known.level, level) if each]
    return Story(
        rank=known.rank, url=known.url, text=max(known.text, text, key=len), level=min(levels, default=0),
        picture=known.picture or picture, links=known.links + 1,
    )  # fmt: skip


def _level(link: lxml.html.HtmlElement) -> int:
    inside = next((e.tag for e in link.iter(*HEADS)), "")
    above = next(
        (e.tag for _, e in zip(range(NEAR), link.iterancestors(), strict=False) if e.tag in HEADS), ""
    )
    return int((inside or above)[1:] or 0)


def _has_picture(link: lxml.html.HtmlElement) -> bool:
    if next(link.iter("img", "picture", "video"), None) is not None:
        return True
    for _, above in zip(range(NEAR), link.iterancestors("article", "li", "figure"), strict=False):
        links = {a.get("href") for a in above.iter("a")}
        return len(links) <= 2 and next(above.iter("img", "picture", "video"), None) is not None
    return False
