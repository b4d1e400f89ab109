"""Which capture answers a request: the nearest in time, with care for redirects and passing errors.

Rules: a URL that was captured answers for itself. Only one that was not, and that has noise in its query, is
answered by captures that differ in noise alone, and then by the nearest of all of them in time.
"""

import contextlib
import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from archive.cdxj import capture_of, moment_of, stamp_of, surt_of
from archive.dates import read_time
from archive.errors import CallerError, NotCaptured, TooFar
from archive.index import Index
from archive.model import Capture
from archive.room.links import absolute

# Parameters that scripts add so that no cache answers; only where their value is a plain number.
BUSTERS = frozenset(("_", "cb", "cachebuster", "_t", "timestamp", "rnd", "rand", "random", "nocache"))
NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?\Z", re.A)
# The name of a function that a script has just made, which the answer calls (JSONP).
CALLBACKS = frozenset(("callback", "jsonp", "jsoncallback"))
MADE_NAME = re.compile(r"\w*\d{5,}\w*\Z", re.A)
MOST_SIMILAR = 10_000  # captures under one path: where there are more, none is known to be the nearest
PATIENCE = timedelta(hours=1)


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
    plain = without_noise(url)
    found = [*index.captures(plain), *_alike(index, plain)] if plain != url else []
    if not found:
        raise NotCaptured(f"nothing was captured of {url}")
    return choose(found, plain, at), True


def _alike(index: Index, plain: str) -> list[Capture]:
    """Captures whose URL is `plain` but for noise in its query."""
    start = surt_of(plain.partition("?")[0]) + "?"
    lines = index.lines(start.encode(), (start + "\U0010ffff").encode())
    found = [capture_of(line.decode()) for line in islice(lines, MOST_SIMILAR)]
    if len(found) == MOST_SIMILAR:
        return []
    key = surt_of(plain)
    return [c for c in found if (other := without_noise(c.url)) != c.url and surt_of(other) == key]


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


def leads_to_itself(capture: Capture) -> bool:
    """Whether this is a redirect to a URL of the same key."""
    if not (300 <= capture.status < 400 and capture.redirect):
        return False
    target = absolute(capture.url, capture.redirect)
    return bool(target) and surt_of(target) == capture.surt


def without_noise(url: str) -> str:
    """The URL without parameters that select nothing; the very same text where it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(k, v) for k, v in pairs if not _noise(k, v)]
    if len(kept) == len(pairs):
        return url
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _noise(name: str, value: str) -> bool:
    if name in BUSTERS and NUMBER.match(value):
        return True
    return name in CALLBACKS and MADE_NAME.match(value) is not None


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
