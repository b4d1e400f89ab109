"""What a document tells: a link, a date, a title. Pure, and of use to every reader of documents."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from urllib.parse import urljoin, urlsplit, urlunsplit

from archive.dates import ZONES

TITLE_LENGTH = 1000
URL_LENGTH = 8192
AHEAD = timedelta(days=1)
# Addresses that taking apart and putting together would not change: no dot segments, empty query or fragment.
MARKS = r"(?![^?]*\.(?:/|\?|\Z))[!\"$-:=?-\[\]-~]{0,8000}(?<!\?)"
PLAIN = re.compile(rf"https?://[a-z0-9-][a-z0-9.-]*(?::[0-9]{{1,4}})?/{MARKS}", re.A)
PATH = re.compile(rf"/(?!/){MARKS}", re.A)
TAGS = re.compile(r"<[^<>]*>")
W3C = re.compile(
    r"(\d{4})(?:[-/]?(\d\d)(?:[-/]?(\d\d))?)?"
    r"(?:[Tt\s]+(\d\d?):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?\Z"
)
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july",
            "aug august", "sep sept september", "oct october", "nov november", "dec december",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
NAMED = re.compile(
    r"(?:[^\W\d]{2,9}[.,]*\s+)?"
    r"(?:(\d{1,2})[\s.-]+([^\W\d]{3,9})|([^\W\d]{3,9})\.?\s+(\d{1,2})),?[\s.-]+(\d{4}|\d\d)"
    r"(?:[,\sT-]+(?:at\s+)?(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?\s*([AaPp][Mm])?)?"
    r"\s*([A-Za-z]{1,5})?\s*([+-]\d\d:?\d\d)?\s*(?:\([^)]*\))?\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A link and what the document said of it; `when` is the latest date given (UTC)."""

    url: str
    when: datetime | None = None
    published: datetime | None = None
    title: str = ""


def absolute(url: str, base: str = "") -> str | None:
    """The address absolute and without fragment; None where it is no http(s) URL."""
    if PLAIN.fullmatch(url):  # most are: no need to take them apart
        return url
    try:
        parts = urlsplit(urljoin(base, url.strip()))
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > URL_LENGTH:
        return None
    # Stripped once more: what stood before the fragment may end in a space.
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path or "/", parts.query, "")).strip()


def absolute_all(urls: Iterable[str], base: str) -> tuple[str, ...]:
    """Each once; menus and teasers repeat, so that it pays to look before making them absolute."""
    start = _origin(base)
    found: dict[str, None] = {}
    for url in dict.fromkeys(urls):
        told = start + url if start and PATH.fullmatch(url) else absolute(url, base)
        if told:
            found[told] = None
    return tuple(found)


def _origin(base: str) -> str:
    try:
        parts = urlsplit(base)
    except ValueError:
        return ""
    host = parts.netloc.lower()
    return f"{parts.scheme}://{host}" if parts.scheme in ("http", "https") and absolute(base) else ""


def link_of(text: str, base: str) -> str | None:
    """A link out of a feed or sitemap, absolute; one that was escaped twice is unescaped once more."""
    plain = text.strip().replace("&amp;", "&")
    return absolute(plain, base) if plain else None


def title_of(text: str) -> str:
    """A headline as plain text in one line, at most TITLE_LENGTH characters."""
    plain = TAGS.sub("", html.unescape(TAGS.sub("", text[: 8 * TITLE_LENGTH])))
    return " ".join(html.unescape(plain).split())[:TITLE_LENGTH]


def read_date(text: str, *, now: datetime | None = None) -> datetime | None:
    """A date as feeds and sitemaps write it, in UTC; None where it cannot be read or believed.

    Read are W3C-DTF (ISO 8601) and RFC 822 with the faults that are common, English month names, and seconds
    since 1970. A date without a zone is taken for UTC. Not believed are the beginnings of computer time (year
    1 and the first day of 1970), and, where `now` is given, what is more than a day ahead of it.
    """
    raw = " ".join(text[:100].split())
    if not raw:
        return None
    try:
        if len(raw) == 10 and raw.isascii() and raw.isdigit():
            return read_date(datetime.fromtimestamp(int(raw), UTC).isoformat(), now=now)
        moment = _w3c(raw) or _named(raw) or _rfc822(raw)
        moment = moment.astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None
    if moment is None or moment.year <= 1 or (moment.year, moment.month, moment.day) == (1970, 1, 1):
        return None
    return None if now and moment > now + AHEAD else moment


def _w3c(raw: str) -> datetime | None:
    found = W3C.match(raw)
    if not found:
        return None
    year, month, day, hour, minute, second, part, zone = found.groups()
    moment = datetime(int(year), int(month or 1), int(day or 1), tzinfo=_zone(zone or ""))
    return moment + timedelta(
        hours=_within(hour, 24),
        minutes=_within(minute, 59),
        seconds=_within(second, 60),
        microseconds=int((part or "").ljust(6, "0")[:6]),
    )


def _within(text: str | None, most: int) -> int:
    number = int(text or 0)
    if number > most:
        raise ValueError(text)
    return number


def _zone(name: str) -> timezone:
    if name[:1] in ("+", "-"):
        digits = name[1:].replace(":", "").ljust(4, "0")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        return timezone(timedelta(minutes=-minutes if name[0] == "-" else minutes))
    return timezone(timedelta(hours=ZONES.get(name.upper(), 0)))


def _named(raw: str) -> datetime | None:
    """With names of months: 20 Nov 2026 08:00:00 SAST, or November 20, 2026 8:00 am; see ZONES."""
    found = NAMED.match(raw)
    if not found:
        return None
    day, month, other_month, other_day, year, hour, minute, second, half, zone, offset = found.groups()
    number = MONTHS.get((month or other_month).lower())
    if number is None or (zone and zone.upper() not in ZONES and zone.upper() not in ("GMT", "UTC")):
        return None
    hours = _within(hour, 24)
    if half:
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    years = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 69 else 1900)
    moment = datetime(years, number, int(day or other_day), tzinfo=_zone(offset or zone or ""))
    return moment + timedelta(hours=hours, minutes=_within(minute, 59), seconds=_within(second, 60))


def _rfc822(raw: str) -> datetime | None:
    try:
        found = parsedate_tz(raw)
    except (ValueError, IndexError, TypeError):
        return None
    # A reader of mail guesses a lot: without a time of day it is not a date of mail.
    if not found or ":" not in raw or found[0] < 100:
        return None
    zone = timezone(timedelta(seconds=found[9] or 0))
    return datetime(*found[:5], min(found[5], 59), tzinfo=zone)
