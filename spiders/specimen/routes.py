"""What the paper answers at which address."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

from . import feeds, pages, pictures
from .stories import Issue, archive

HTML = "text/html; charset=utf-8"
STATIC = {
    "paper.css": "text/css; charset=utf-8",
    "type.css": "text/css; charset=utf-8",
    "paper.js": "text/javascript; charset=utf-8",
    "favicon.svg": "image/svg+xml",
}
PAGES: dict[str, tuple[str, Callable[[Issue], str]]] = {
    "/": (HTML, pages.front),
    "/press/": (HTML, pages.press),
    "/private/desk": (HTML, pages.desk),
    "/feeds/rss.xml": ("application/rss+xml; charset=utf-8", feeds.rss),
    "/feeds/atom.xml": ("application/atom+xml; charset=utf-8", feeds.atom),
    "/sitemap.xml": ("application/xml; charset=utf-8", feeds.sitemap),
    "/news-sitemap.xml": ("application/xml; charset=utf-8", feeds.news_sitemap),
    "/archive-sitemap.xml": ("application/xml; charset=utf-8", feeds.archive_sitemap),
    "/robots.txt": ("text/plain; charset=utf-8", feeds.robots),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back for a request, before compression."""

    body: bytes
    kind: str = HTML
    status: int = 200
    modified: datetime | None = None
    location: str = ""
    chunked: bool = False


def answer(target: str, issue: Issue) -> Answer:
    """Answer a GET for a request target, as one edition has it."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return _missing(issue)
    found = _page(parts.path, issue) or _file(parts.path) or _story(parts.path, issue)
    if parts.path == "/api/comments.json":
        found = _comments(parts.query, issue)
    return found or _missing(issue)


def see(location: str, status: int = 303) -> Answer:
    """Send the reader to another address of the site."""
    # The address stays relative: nothing from the request gets into a header.
    return Answer(status=status, location=location, body=b"Moved.\n", kind="text/plain; charset=utf-8")


def _page(path: str, issue: Issue) -> Answer | None:
    if path in PAGES:
        kind, render = PAGES[path]
        return Answer(body=render(issue).encode(), kind=kind, modified=issue.printed)
    name = path.strip("/")
    if name not in archive().sections:
        return None
    if path != f"/{name}/":
        return see(f"/{name}/", 301)
    # Section fronts are sent in chunks, so that an archive meets that too.
    return Answer(body=pages.section(issue, name).encode(), modified=issue.printed, chunked=True)


def _story(path: str, issue: Issue) -> Answer | None:
    for story in issue.all:
        if path == story.former:
            return see(story.path, 301)
        if path == story.path and story.withdrawn(issue.edition):
            return Answer(status=410, body=pages.withdrawn(issue).encode())
        if path == story.path:
            return Answer(body=pages.article(issue, story).encode(), modified=story.modified)
    return None


def _file(path: str) -> Answer | None:
    folder, _, name = path.rpartition("/")
    if folder == "/static" and name in STATIC:
        return Answer(body=_static(name), kind=STATIC[name], modified=archive().printed[0])
    if folder == "/images" and name in _images():
        drawn = pictures.draw(*_images()[name])
        return Answer(body=drawn, kind="image/png", modified=archive().printed[0])
    return None


def _comments(query: str, issue: Issue) -> Answer:
    slug = parse_qs(query).get("article", [""])[0]
    known = any(story.slug == slug for story in issue.stories)
    data = {"article": slug, "count": issue.comments} if known else {"error": "no such article"}
    when = issue.printed if known else None
    body = json.dumps(data).encode()
    return Answer(status=200 if known else 404, body=body, kind="application/json", modified=when)


def _missing(issue: Issue) -> Answer:
    text = "Nothing was ever printed at this address, or not yet in this edition."
    return Answer(status=404, body=pages.message(issue, "Page not found", text).encode())


@cache
def _static(name: str) -> bytes:
    return files(__package__).joinpath("static", name).read_bytes()


@cache
def _images() -> dict[str, tuple[str, str, int]]:
    names = {image.name: image.scene for story in archive().stories for image in story.images}
    names["grain"] = "grain"
    large = {f"{name}.png": (name, scene, pictures.WIDTH) for name, scene in names.items()}
    small = {f"{name}-320.png": (name, scene, pictures.WIDTH // 2) for name, scene in names.items()}
    return large | small
