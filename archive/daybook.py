"""The daybook of each newspaper, in the search file: which articles stand under which of its days.

One row for each URL, with the last capture of it: a list of days is one pass over a narrow index, and a day
a stretch of that, however many articles there are.

A moment counts in quarter hours since 1970 (UTC), for a day begins at one in every time zone of today; it is
the time of publication, or of capture where the article tells none.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from archive.model import Location

QUARTER = 900  # seconds
EARLIEST = datetime(2, 1, 1, tzinfo=UTC).timestamp() // QUARTER  # in no time zone before the first day
LATEST = datetime(9998, 12, 31, tzinfo=UTC).timestamp() // QUARTER
PUT = """INSERT INTO page (name, site, quarter, last, article) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET site = excluded.site, quarter = excluded.quarter, last = excluded.last,
    article = excluded.article WHERE excluded.last >= page.last"""
LAST = """SELECT facet.site, at, max(captured), article.id FROM article JOIN seen ON seen.article = article.id
    JOIN facet ON facet.id = article.id WHERE plain = ? AND url = ?"""
SITE = "(SELECT id FROM value WHERE text = ?)"
NEWEST = f"""SELECT url, headline, last FROM page JOIN article ON article.id = page.article
    JOIN said ON said.id = page.article WHERE page.site = {SITE} AND quarter <= ?
    ORDER BY quarter DESC"""  # noqa: S608 - parts of ours
SOME = f"""SELECT * FROM page WHERE site = {SITE} AND quarter >= ? AND quarter < ?
    ORDER BY quarter DESC, name LIMIT ? OFFSET ?"""  # noqa: S608 - parts of ours
ENTRY = f"""SELECT url, headline, substr(body, 1, lead), author, agency, access.text, dated, at, last,
    warc.text, offset, length FROM ({SOME}) AS page JOIN article ON article.id = page.article
    JOIN said ON said.id = page.article JOIN facet ON facet.id = page.article
    JOIN value AS access ON access.id = facet.access
    JOIN seen ON seen.article = page.article AND seen.captured = last JOIN value AS warc ON warc.id = warc
    GROUP BY page.name ORDER BY quarter DESC, page.name"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An article in a list, as it was last seen. `published` is None where it does not say."""

    url: str
    headline: str
    standfirst: str
    authors: tuple[str, ...]
    agency: str
    access: str
    published: datetime | None
    captured: datetime
    warc: Location


def quarter_of(at: datetime) -> int:
    """The quarter hour of a moment."""
    return int(min(max(at.timestamp() // QUARTER, EARLIEST), LATEST))


def mend(db: sqlite3.Connection, name: int, plain: str, url: str) -> None:
    """Write a URL's row anew, from the captures of it that are left."""
    site, at, last, article = db.execute(LAST, (plain, url)).fetchone()
    if article is None:
        db.execute("DELETE FROM page WHERE name = ?", (name,))
        return
    quarter = quarter_of(datetime.fromisoformat(at))
    db.execute("INSERT OR REPLACE INTO page (name, site, quarter, last, article) VALUES (?, ?, ?, ?, ?)",
               (name, site, quarter, last, article))  # fmt: skip


def generation(db: sqlite3.Connection) -> tuple[int, int]:
    """What is another after tables were taken in, or captures were erased."""
    told, erased = db.execute(
        "SELECT (SELECT max(rowid) FROM told), (SELECT max(rowid) FROM erased)"
    ).fetchone()
    return told or 0, erased or 0


def quarters(db: sqlite3.Connection, site: str) -> Counter[int]:
    """How many articles of a newspaper stand under each quarter hour."""
    rows = db.execute(f"SELECT quarter, count(*) FROM page WHERE site = {SITE} GROUP BY quarter", (site,))  # noqa: S608
    return Counter(dict(rows.fetchall()))


def totals(db: sqlite3.Connection) -> dict[str, int]:
    """How many articles there are of each newspaper."""
    rows = db.execute(
        "SELECT text, n FROM (SELECT site, count(*) AS n FROM page GROUP BY site) JOIN value ON id = site"
    )
    return dict(rows.fetchall())


def by_day(counts: Counter[int], zone: ZoneInfo) -> dict[date, int]:
    """Counts by quarter hour as counts by day of a time zone, the newest day first."""
    days: Counter[date] = Counter()
    for quarter, count in counts.items():
        days[_local(quarter, zone)] += count
    return {day: days[day] for day in sorted(days, reverse=True) if days[day]}


def entries(
    db: sqlite3.Connection, site: str, day: date, zone: ZoneInfo, *, limit: int, skip: int = 0
) -> list[Entry]:
    """The articles of a day of a newspaper, the newest first."""
    first, end = (quarter_of(datetime.combine(d, time(), zone)) for d in (day, day + timedelta(days=1)))
    return [_entry(row) for row in db.execute(ENTRY, (site, first, end, limit, skip))]


def newest(db: sqlite3.Connection, site: str, *, until: datetime) -> Iterator[tuple[str, str, datetime]]:
    """Addresses and headlines of a newspaper, what was published last before the rest, and the last capture.

    What says that it was published after `until` is left out: a mistyped year would stand before all others.
    """
    rows = db.execute(NEWEST, (site, quarter_of(until)))
    return ((url, headline, datetime.fromisoformat(last)) for url, headline, last in rows)


def pages(
    db: sqlite3.Connection, *, sites: Iterable[str], hosts: Iterable[str], every: bool
) -> Iterator[tuple[str, str, int, datetime]]:
    """Newspaper, address, quarter hour and last capture of what stands under some newspapers or hosts.

    A host is as `versions.plain_address` begins; addresses of hosts that begin alike come as well.
    """
    asked = (
        "SELECT value.text, url, quarter, last FROM page JOIN article ON article.id = page.article "
        "JOIN value ON value.id = page.site"
    )
    if every:
        found = [db.execute(asked)]
    else:
        named = f"{asked} WHERE page.site = {SITE}"
        begin = f"{asked} WHERE article.plain >= ? AND article.plain < ?"
        found = [
            *(db.execute(named, (site,)) for site in sites),
            *(db.execute(begin, (host, host + "\U0010ffff")) for host in hosts),
        ]
    return (
        (s, url, quarter, datetime.fromisoformat(last)) for rows in found for s, url, quarter, last in rows
    )


def _local(quarter: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(quarter * QUARTER, zone).date()


def _entry(row: tuple[str, str, str, str, str, str, int, str, str, str, int, int]) -> Entry:
    url, headline, standfirst, authors, agency, access, dated, at, last, warc, offset, length = row
    return Entry(
        url=url, headline=headline, standfirst=standfirst, authors=tuple(filter(None, authors.split("; "))),
        agency=agency, access=access, published=datetime.fromisoformat(at) if dated else None,
        captured=datetime.fromisoformat(last), warc=Location(warc=warc, offset=offset, length=length),
    )  # fmt: skip
