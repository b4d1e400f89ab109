"""Captures of chosen articles, as the search file knows them, of one table and within a span of time."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

ALL = """SELECT url, version, captured, captured = first, captured = last FROM seen
    JOIN {chosen} AS c ON c.id = seen.article JOIN article ON article.id = c.id
    JOIN page ON page.name = article.page WHERE run = ? ORDER BY captured, url"""
# Which is the first or the last is looked up for each, so that none need be remembered.
SOME = """SELECT url, version, t.captured,
    t.captured = (SELECT min(s.captured) FROM seen AS s WHERE s.article = c.id AND {seen}),
    t.captured = (SELECT max(s.captured) FROM article AS a CROSS JOIN {chosen} AS o ON o.id = a.id
        CROSS JOIN seen AS s ON s.article = a.id
        WHERE a.plain = article.plain AND a.page = article.page AND {seen})
    FROM seen AS t JOIN {chosen} AS c ON c.id = t.article JOIN article ON article.id = c.id
    WHERE run = :run AND {here} ORDER BY t.captured, url"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Captured at `since` or later, before `until`, and not after `as_of`; each may be left open."""

    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None

    def tests(self) -> dict[str, str]:
        """What is asked of a capture `s`, in SQL, and what it is compared with."""
        named = {"s.captured >= :since": self.since, "s.captured < :until": self.until,
                 "s.captured <= :as_of": self.as_of}  # fmt: skip
        return {test: at.astimezone(UTC).isoformat() for test, at in named.items() if at}


def captures_of(
    db: sqlite3.Connection, run: int, chosen: str, span: Span
) -> list[tuple[str, str, str, int, int]]:
    """URL, version and time of the captures of one table's articles, in the order of their times.

    Then whether it is the first that said this version, and whether it is the last of its URL. Within a
    span, that is meant of what is chosen and lies there.
    """
    if not (tests := span.tests()):
        return db.execute(ALL.format(chosen=chosen), (run,)).fetchall()
    seen = " AND ".join(tests)
    asked = SOME.format(chosen=chosen, seen=seen, here=seen.replace("s.captured", "t.captured"))
    values = {test.rpartition(":")[2]: at for test, at in tests.items()}
    return db.execute(asked, {"run": run, **values}).fetchall()
