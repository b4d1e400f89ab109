"""The parts of a page as it is replayed, and how far apart in time they are.

A page that was captured at noon may show a picture that was captured a week before. The parts are those that
its markup and style sheets name (`requisites`); what its scripts ask for while they run is not known here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from archive.errors import DamagedWarc, NotCaptured, NotStored
from archive.index import Index
from archive.model import Capture
from archive.playback import play
from archive.requisites import requisites
from archive.store import Store

STYLES = 4  # style sheets within style sheets
MOST = 1000  # parts that are looked up
UNSAID = "unk"  # the media type of a 304, whose head does not say it

Find = Callable[[str, datetime], Capture]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something that a page loads: the capture that replay would show, None where it was never captured."""

    url: str
    capture: Capture | None

    def drift(self, at: datetime) -> timedelta | None:
        """How much later than the page it was captured; negative where before."""
        return self.capture.at - at if self.capture else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far apart the parts of a page are, the page itself among them."""

    page: Capture
    parts: tuple[Part, ...]

    @property
    def oldest(self) -> datetime:
        """When the oldest part was captured."""
        return min([self.page.at, *(p.capture.at for p in self.parts if p.capture)])

    @property
    def newest(self) -> datetime:
        """When the newest part was captured."""
        return max([self.page.at, *(p.capture.at for p in self.parts if p.capture)])

    @property
    def missing(self) -> int:
        """How many parts were never captured."""
        return sum(part.capture is None for part in self.parts)

    @property
    def errors(self) -> int:
        """How many parts were asked for, and answered with an error."""
        return sum(part.capture is not None and part.capture.status >= 400 for part in self.parts)


def spread_of(store: Store, index: Index, page: Capture, find: Find) -> Spread:
    """The parts of a page; `find` is how replay chooses a capture, and raises NotCaptured."""
    found: dict[str, Part] = {}
    waiting = [(page, 0)]
    while waiting and len(found) < MOST:
        capture, depth = waiting.pop()
        for url in _named(store, index, capture, style=depth > 0):
            if url in found or url == page.url or len(found) >= MOST:
                continue
            part = found[url] = _part(url, page.at, find)
            if part.capture and part.capture.mime in ("text/css", UNSAID) and depth < STYLES:
                waiting.append((part.capture, depth + 1))
    return Spread(page=page, parts=tuple(found.values()))


def _part(url: str, at: datetime, find: Find) -> Part:
    try:
        return Part(url=url, capture=find(url, at))
    except NotCaptured:
        return Part(url=url, capture=None)


def _named(store: Store, index: Index, capture: Capture, *, style: bool) -> list[str]:
    """What a capture loads; of a 304 that is what the page loads that it answers for."""
    try:
        played = play(store, index, capture)
        mime = capture.mime if capture.mime != UNSAID else played.head.mime
        return requisites(played.text(), capture.url, mime) if mime == "text/css" or not style else []
    except (NotCaptured, NotStored, DamagedWarc, ValueError):
        return []
