"""What earlier runs know of a newspaper's pages, and how it is made anew from captures."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from archive.agenda import Known
from archive.looks import UNSEEN
from archive.model import Capture, Original
from archive.variants import variant_key


class Memory(Protocol):
    """What is known of the site from earlier runs."""

    def knows(self, url: str) -> bool:
        """Whether the page was heard of before."""

    def find(self, url: str) -> Known | None:
        """What is known of one page."""

    def due(self, now: datetime) -> list[Known]:
        """Pages that are due, the longest due first."""


class Remembered:
    """A memory made of captures, where the state is lost; of nothing, in the first run of a site."""

    def __init__(self, pages: Iterable[Known] = ()) -> None:
        self._pages = {variant_key(known.url): known for known in pages}

    def knows(self, url: str) -> bool:
        """Whether the page was captured."""
        return variant_key(url) in self._pages

    def find(self, url: str) -> Known | None:
        """What is known of one page."""
        return self._pages.get(variant_key(url))

    def due(self, now: datetime) -> list[Known]:
        """Pages that are due, the longest due first."""
        return sorted((k for k in self._pages.values() if k.due <= now), key=lambda k: k.due)


def remembered(captures: Iterable[Capture], *, fronts: Iterable[str], now: datetime) -> Remembered:
    """What captures tell, oldest first: which pages there are, and how each answered last; all are due."""
    left_out, pages = set(fronts), dict[str, Known]()
    for capture in captures:
        page = capture.mime == "text/html" or capture.status >= 400
        if capture.wall not in ("", "soft-404"):
            continue  # nothing was learnt of the page behind
        if not page or capture.url in left_out or capture.url.endswith("/robots.txt"):
            continue
        before = pages.get(capture.url) or Known(url=capture.url, seen=capture.at, due=now)
        pages[capture.url] = _captured(before, capture)
    return Remembered(k for k in pages.values() if k.status in (200, 301, 404, 410, 451))


def _captured(before: Known, capture: Capture) -> Known:
    original = before.original
    if capture.kind == "response" and capture.status == 200:
        original = Original(url=capture.url, at=capture.at, digest=capture.digest, id=capture.id)
    status = 301 if capture.redirect else 200 if capture.status == 304 else capture.status
    status = 404 if capture.wall else status
    return replace(
        before,
        fetched=capture.at,
        status=status,
        looks=before.looks + 1,
        original=original if status == 200 else None,
        version=UNSEEN if status == 200 else "",
        moved=capture.redirect or "",
    )
