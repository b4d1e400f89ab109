"""Backfilling: where pages of an interval can be found, and which pages are of it. Pure: no clock, no fetch.

Rules: an interval is [since, until), in UTC. What a newspaper tells is read so that nothing of the interval
is passed over: a sitemap is left out only where its URL, read together with those of its like, or its lastmod
says that it cannot hold any. A number that may be a date may as well count parts ("2024-10" is the tenth part
of 2024 where "2024-37" stands beside it); then the coarser reading holds, and where nothing can be believed
the sitemap is read. Days in URLs are local days of an unknown zone, and so a day longer on both sides.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from urllib.parse import parse_qsl, urlsplit

from archive.sites import FIELD
from spiders.told import Told

ZONES = timedelta(days=1)  # a local day begins at most 14 h before, and ends at most 12 h behind, that of UTC
LATE = timedelta(days=2)  # by how much a lastmod may be early: written in local time, or before the last page
FIRST_YEAR, LAST_YEAR = 1700, 2100
YEAR = r"(1[7-9]\d\d|20\d\d)"
PARTED = re.compile(rf"(?<!\d){YEAR}[-_/.](\d{{1,2}})[-_/.](\d{{1,2}})(?!\d)")
COMPACT_DAY = re.compile(rf"(?<!\d){YEAR}(\d\d)(\d\d)(?!\d)")
WEEK = re.compile(rf"(?<!\d){YEAR}[-_/.]?(?:week|wk|kw|w)[-_/.]?(\d{{1,2}})(?!\d)", re.I)
MONTH = re.compile(rf"(?<!\d){YEAR}[-_/.](\d{{1,2}})(?!\d)")
COMPACT_MONTH = re.compile(rf"(?<!\d){YEAR}(\d\d)(?!\d)")
SEASON = re.compile(rf"(?<!\d){YEAR}[-_/](\d\d)(?!\d)")
ONE_YEAR = re.compile(rf"(?<!\d){YEAR}(?!\d)")
ASKED = {
    "yyyy": "year", "year": "year", "y": "year", "mm": "month", "month": "month", "m": "month", "dd": "day",
    "day": "day", "d": "day",
}  # fmt: skip
SEGMENTS = re.compile(rf"/{YEAR}/(\d{{1,2}})(?:/(\d{{1,2}}))?(?=/)")
DATED_SEGMENT = re.compile(rf"/{YEAR}(?:-(\d\d)-(\d\d)(?=[-_/.]|\Z)|(\d\d)(\d\d)(?=/))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days from `first` to before `end`; `counted` says that its finest number was not padded ("2024-7")."""

    first: date
    end: date
    grain: str
    alone: bool = False
    counted: bool = False

    def meets(self, since: datetime, until: datetime, margin: timedelta = ZONES) -> bool:
        """Whether a moment of the interval may lie in these days, wherever they are counted."""
        return _moment(self.first, -margin) < until and _moment(self.end, margin) > since


def _moment(day: date, margin: timedelta) -> datetime:
    try:
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + margin
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def may_hold(
    sitemaps: Iterable[Told], since: datetime, until: datetime, *, lastmod: bool = True
) -> list[Told]:
    """Those entries of a sitemap index that may hold pages of the interval, in their order.

    A lastmod rules a sitemap out only where it is older than the interval, and only where the index gives
    more than one day: one that is the same everywhere says when the index was made. With `lastmod` = False
    it counts for nothing.
    """
    entries = list(sitemaps)
    spans = spans_of(entries)
    days = {told.when.date() for told in entries if told.when}
    trusted = lastmod and len(days) > 1

    def may(told: Told) -> bool:
        span = spans.get(told.url)
        if span is not None and not span.meets(since, until, _margin(span)):
            return False
        return not (trusted and told.when is not None and told.when + LATE < since)

    return [told for told in entries if may(told)]


def _margin(span: Span) -> timedelta:
    # Weeks are counted from Sunday or Monday, the first from any of three rules.
    return timedelta(days=8) if span.grain == "week" else ZONES


def spans_of(entries: Iterable[Told]) -> dict[str, Span]:
    """The days that the URLs of an index name, read together with their like; only what can be believed."""
    families: dict[str, list[Told]] = defaultdict(list)
    for told in entries:
        families[re.sub(r"\d+", "#", _tail(told.url))].append(told)
    found: dict[str, Span] = {}
    for family in families.values():
        found.update(_family(family))
    return found


def _family(family: list[Told]) -> dict[str, Span]:
    """One reading for all URLs that differ by numbers alone; the finest that fits every one of them."""
    for grain in ("day", "week", "month", "year"):
        read = {told.url: span_in(told.url, grain) for told in family}
        spans = {url: span for url, span in read.items() if span is not None}
        if len(spans) == len(read) and _believable(family, spans):
            return spans
    return {}


def _believable(family: list[Told], spans: dict[str, Span]) -> bool:
    if any(span.counted for span in spans.values()):
        return False  # "2024-1", "2024-2": months, or parts of a year
    if not _spread(list(spans.values())):
        return False
    if len(spans) == 1 and next(iter(spans.values())).alone:
        return False  # one "sitemap-2024.xml": a year, or the 2024th of many
    # What was last changed before it began is not what its name seems to say.
    return not any(told.when and told.when + LATE < _moment(spans[told.url].first, -ZONES) for told in family)


def _spread(spans: list[Span]) -> bool:
    """Whether days or months are spread as those of a calendar, not as parts or seasons are."""
    if spans[0].grain == "month" and all(s.first.month == (s.first.year + 1) % 100 for s in spans):
        return False  # "2009-10", "2010-11": seasons
    if spans[0].grain not in ("day", "month"):
        return True
    days = spans[0].grain == "day"
    groups = {(s.first.year, s.first.month if days else 0) for s in spans}
    last = max(s.first.day if days else s.first.month for s in spans)
    # Three months and no day behind the 20th, three years and no month behind June: parts, padded.
    return len(groups) < 3 or last > (20 if days else 6)


def _tail(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def span_in(url: str, grain: str) -> Span | None:
    """The day, week, month or year that a URL names; None where it names none of this grain.

    Further years in the URL ("2010-2015", "/2019/sitemap-2024.xml") widen it to all of them.
    """
    tail = _tail(url)
    span = _asked(url, grain) or _written(tail, grain)
    if span is None:
        return None
    years = [int(year) for year in ONE_YEAR.findall(tail)]
    if years and not all(span.first.year <= year <= (span.end - timedelta(days=1)).year for year in years):
        low, high = min(*years, span.first.year), max(*years, span.end.year - (span.end.month == 1))
        return Span(first=date(low, 1, 1), end=date(high + 1, 1, 1), grain="year")
    return span


def _asked(url: str, grain: str) -> Span | None:
    """A date in the query: ?yyyy=2024&mm=10&dd=18."""
    given = {ASKED[k.lower()]: v for k, v in parse_qsl(urlsplit(url).query) if k.lower() in ASKED}
    wanted = {"day": ("year", "month", "day"), "month": ("year", "month"), "year": ("year",)}.get(grain, ())
    values = [given.get(name, "") for name in wanted]
    if not values or not all(v.isascii() and v.isdigit() and len(v) <= 4 for v in values):
        return None
    return _days(grain, *map(int, values))


def _written(tail: str, grain: str) -> Span | None:
    if grain == "day":
        if found := PARTED.search(tail):
            return _days("day", *map(int, found.groups()), counted=len(found[3]) < 2 or len(found[2]) < 2)
        return _days("day", *map(int, found.groups())) if (found := COMPACT_DAY.search(tail)) else None
    if grain == "week":
        return _week(found) if (found := WEEK.search(tail)) else None
    if grain == "month":
        if found := MONTH.search(tail):
            return _days("month", int(found[1]), int(found[2]), counted=len(found[2]) < 2)
        found = COMPACT_MONTH.search(tail)
        return _days("month", int(found[1]), int(found[2]), alone=True) if found else None
    return _year(found, tail) if (found := ONE_YEAR.search(tail)) else None


def _year(found: re.Match[str], tail: str) -> Span | None:
    """A year, or the two of a season: "2023-24"."""
    span = _days("year", int(found[1]), alone=len(re.findall(r"\d+", tail)) == 1)
    season = SEASON.search(tail)
    if span and season and int(season[2]) == (int(season[1]) + 1) % 100:
        return replace(span, end=_behind(span.end, "year"))
    return span


def _week(found: re.Match[str]) -> Span | None:
    year, week = int(found[1]), int(found[2])
    if not 0 <= week <= 53:
        return None
    first = date(year, 1, 1) + timedelta(weeks=max(week - 1, 0))
    return Span(first=first, end=first + timedelta(weeks=1), grain="week")


def _days(
    grain: str, year: int, month: int = 1, day: int = 1, *, alone: bool = False, counted: bool = False
) -> Span | None:
    if not FIRST_YEAR <= year < LAST_YEAR:
        return None
    try:
        first = date(year, month, day)
    except ValueError:
        return None
    return Span(first=first, end=_behind(first, grain), grain=grain, alone=alone, counted=counted)


def _behind(first: date, grain: str) -> date:
    """The day behind the day, month or year that begins on `first`."""
    if grain == "day":
        return first + timedelta(days=1)
    if grain == "month":
        return (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    return date(first.year + 1, 1, 1)


def in_interval(told: Told, since: datetime, until: datetime) -> bool | None:
    """Whether a page is of the interval, by what is told of it; None where that does not say.

    A date that the URL names as its folder is believed first: that of publication. Then what the sitemap or
    feed says: a page that was last changed before the interval is not of it, one that was changed behind it
    may be.
    """
    span = published_in(told.url)
    if span is not None and not (told.when and told.when + LATE < _moment(span.first, -ZONES)):
        if not span.meets(since, until):
            return False
        inside = span.grain == "day" and span.meets(since, until, timedelta())
        whole = since <= _moment(span.first, -ZONES) and _moment(span.end, ZONES) <= until
        return True if inside or whole else _changed(told, since, until)
    return _changed(told, since, until)


def _changed(told: Told, since: datetime, until: datetime) -> bool | None:
    """The same, by the moment that was told; midnight is a day without a time, of any zone."""
    if told.when is None:
        return None
    bare = (told.when.hour, told.when.minute, told.when.second) == (0, 0, 0)
    if told.when + bare * (timedelta(days=1) + ZONES / 2) < since:
        return False
    inside = since <= told.when < until and told.when + bare * timedelta(days=1) <= until
    return True if inside else None


def published_in(url: str) -> Span | None:
    """The day or month that an article's URL has as a folder, or at the head of its name; None without one.

    Dates elsewhere in a name are often those of what it is about, and numbers of eight digits often count.
    """
    path = urlsplit(url).path
    if found := DATED_SEGMENT.search(path):
        month, day = (found[2], found[3]) if found[2] else (found[4], found[5])
        return _days("day", int(found[1]), int(month), int(day))
    found = SEGMENTS.search(path)
    if not found:
        return None
    if found[3]:
        return _days("day", *map(int, found.groups()))
    return _days("month", int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePage:
    """A page that lists what was published on some days: its template, those days, and its number."""

    template: str
    first: date
    end: date
    page: int = 1

    @property
    def url(self) -> str:
        """Its address."""
        day = self.first
        values = {
            "yyyy": f"{day.year:04}", "yy": f"{day.year % 100:02}", "mm": f"{day.month:02}",
            "m": f"{day.month}", "dd": f"{day.day:02}", "d": f"{day.day}", "page": f"{self.page}",
        }  # fmt: skip
        return FIELD.sub(lambda found: values.get(found[1], found[0]), self.template)

    def next(self) -> "ArchivePage | None":
        """The page behind it; None where the template has no {page}. Whoever asks stops at an empty page."""
        return replace(self, page=self.page + 1) if "{page}" in self.template else None


def archive_pages(
    templates: Iterable[str], since: datetime, until: datetime, zone: tzinfo = UTC
) -> Iterator[ArchivePage]:
    """The first pages of all days, months or years of the interval, oldest first; `zone` is the newspaper's.

    A template without a date has one page for all days. Of templates with the same days, the first given
    comes first.
    """
    if since >= until:
        return
    first = since.astimezone(zone).date()
    last = (until - timedelta(microseconds=1)).astimezone(zone).date()
    pages = [page for template in templates for page in _of_template(template, first, last)]
    yield from sorted(pages, key=lambda page: page.first)


def _of_template(template: str, first: date, last: date) -> Iterator[ArchivePage]:
    named = set(FIELD.findall(template))
    if not named & {"yyyy", "yy"}:
        yield ArchivePage(template=template, first=first, end=last + timedelta(days=1))
        return
    grain = "day" if named & {"dd", "d"} else "month" if named & {"mm", "m"} else "year"
    day = {"day": first, "month": first.replace(day=1), "year": first.replace(month=1, day=1)}[grain]
    while day <= last:
        end = _behind(day, grain)
        yield ArchivePage(template=template, first=day, end=end)
        day = end
