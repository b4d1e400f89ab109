"""Which capture answers a request: the nearest in time, with care for redirects and passing errors.

A URL that was never captured is answered by captures that differ from it in noise alone (archive.noise).
"""

import contextlib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from archive.cdxj import capture_of, moment_of, stamp_of, surt_of
from archive.dates import read_time
from archive.errors import CallerError, NotCaptured, TooFar
from archive.index import Index
from archive.model import Capture
from archive.noise import alike, without_noise
from archive.room.links import absolute

PATIENCE = timedelta(hours=1)
REDIRECTS = 20  # in a row: what browsers follow


def asked(at: str) -> datetime | None:
    """A moment as a request names it, 14 digits or ISO 8601; None where it names none; raise CallerError."""
    at = at.strip()
    if at.isascii() and at.isdigit():
        with contextlib.suppress(ValueError):
            return moment_of(at).astimezone(UTC)
    found = read_time(at) if at else None
    if at and not found:
        raise CallerError(f"{at!r} is no time; write 20261120060000 or 2026-11-20T06:00Z")
    return found


def find(index: Index, url: str, at: datetime | None) -> tuple[Capture, bool]:
    """The capture that answers for `url` at `at`, and whether the URL was matched loosely.

    Raise NotCaptured where the archive holds neither the URL nor the URL without cache busters.
    """
    found = index.captures(url)
    if found:
        return choose(found, url, at), False
    found = [capture_of(line.decode()) for line in alike(index, url)]
    if not found:
        raise NotCaptured(f"nothing was captured of {url}")
    return choose(found, without_noise(url), at), True


def within(captures: list[Capture], url: str, at: datetime, limit: timedelta | None) -> Capture:
    """The capture of `captures` (not empty) nearest to `at`; raise TooFar where that is beyond the limit."""
    found = choose(captures, url, at)
    if limit is not None and abs(found.at - at) > limit:
        raise TooFar(f"nothing of {url} was captured near {at:%Y-%m-%d %H:%M} UTC", nearest=found)
    return found


def choose(captures: list[Capture], url: str, at: datetime | None) -> Capture:
    """The capture of `captures` (not empty) nearest to `at`, or the latest.

    http and https, with and without www, share a key: a redirect between them would lead to itself, so it
    is taken only where there is nothing else. A moment's error (429, 5xx, no status) gives way to an answer
    within the hour, unless its own timestamp was asked for.
    """
    wanted = at or datetime.max.replace(tzinfo=UTC)
    able = [c for c in captures if not leads_to_itself(c)] or captures

    def rank(capture: Capture) -> tuple[timedelta, bool, int]:
        return abs(wanted - capture.at), capture.url != url, -capture.location.offset

    best = min(able, key=rank)
    if not failed(best):
        return best
    exact = at is not None and stamp_of(best.at) == stamp_of(at)
    patience = timedelta(0) if exact else PATIENCE
    answers = [c for c in able if not failed(c) and abs(c.at - best.at) <= patience]
    return min(answers, key=rank, default=best)


def failed(capture: Capture) -> bool:
    """Whether the site gave no real answer."""
    return capture.status in (0, 429) or capture.status >= 500


def goes_in_circles(index: Index, capture: Capture) -> bool:
    """Whether the redirects that follow from this capture, as replay answers them, come to no end."""
    for _ in range(REDIRECTS):
        on = capture.redirect if 300 <= capture.status < 400 else ""
        target = absolute(capture.url, on) if on else ""
        if not target:
            return False
        try:
            capture, _loose = find(index, target, capture.at)
        except NotCaptured:
            return False
    return True


def leads_to_itself(capture: Capture) -> bool:
    """Whether this is a redirect to a URL of the same key."""
    if not (300 <= capture.status < 400 and capture.redirect):
        return False
    target = absolute(capture.url, capture.redirect)
    return bool(target) and surt_of(target) == capture.surt


def near(index: Index, url: str, at: datetime | None) -> Capture | None:
    """A capture to offer where `url` was never captured: the same page without query, or a folder above."""
    for other in _above(url):
        found = index.captures(other)
        if found:
            return choose(found, other, at)
    return None


def _above(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    if not parts.netloc:
        return []
    steps = [s for s in parts.path.split("/") if s]
    paths = [parts.path] if parts.query else []
    paths += ["/" + "/".join(steps[:n]) + ("/" if n else "") for n in range(len(steps) - 1, -1, -1)]
    return [urlunsplit((parts.scheme, parts.netloc, path, "", "")) for path in paths[:12]]
