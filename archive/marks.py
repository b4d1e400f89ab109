"""What narrows a question down, as words of the full-text index: the marks of an article.

To find a common word within one newspaper, FTS5 would read all that it has of the word, and each match would
be asked where it is from. So an article has marks beside its words (newspaper, language, section, sort of
page, access, month), and FTS5 intersects both, which costs a twentieth. A mark is asked for only where few
articles have it; it finds no less than the tests over `facet`, which are made all the same.

A mark begins with a private character of Unicode's plane 15, one for each sort of mark: no question says one
(`query`), and a page that does only costs a test.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

FIRST = 0xF0000
SORTS = 5  # columns of `facet` behind the day that have marks
NARROW = 8  # a mark is asked for where no more than one article in so many has it
NOBODY = -1  # the number of what no article is of
MONTHS = 36  # of a question that are asked for, at most
COUNT = """INSERT INTO mark (name, count) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET count = count + excluded.count"""


def marks_of(facet: Sequence[int]) -> tuple[str, ...]:
    """The marks of a row of `facet`: number, day, and numbers of what it is of."""
    values = facet[2 : 2 + SORTS]
    return (*(_mark(sort, value) for sort, value in enumerate(values)), _month(facet[1]))


def counted(db: sqlite3.Connection, facets: Iterable[Sequence[int]], *, gone: bool = False) -> None:
    """Note that there are more articles with these marks, or fewer."""
    counts = Counter(mark for facet in facets for mark in marks_of(facet))
    db.executemany(COUNT, ((mark, -count if gone else count) for mark, count in counts.items()))


def narrowed(
    db: sqlite3.Connection,
    match: str,
    values: Iterable[tuple[int, int]],
    since: int | None,
    until: int | None,
) -> str:
    """An expression of FTS5 with the marks that narrow it down; "" where there is neither.

    `values` are the sort of a mark (from 0, in the order of `facet`) and the number of what is asked for;
    `since` and `until` are days, both included.
    """
    most = _all(db) // NARROW
    asked = [match] if match else []
    for sort, number in values:
        mark = _mark(sort, number)
        if _count(db, mark) <= most:
            asked.append(_quoted([mark]))
    if months := _within(db, since, until, most):
        asked.append(_quoted(months))
    return " AND ".join(f"({each})" for each in asked)


def _within(db: sqlite3.Connection, since: int | None, until: int | None, most: int) -> list[str]:
    """The months of these days in which something is, as marks; [] where they do not narrow."""
    if since is None and until is None:
        return []
    first, last = _month(since or 1), _month(until or date.max.toordinal())
    found = db.execute(
        "SELECT name, count FROM mark WHERE name >= ? AND name <= ? AND count > 0 LIMIT ?",
        (first, last, MONTHS + 1),
    ).fetchall()
    if len(found) > MONTHS or sum(count for _, count in found) > most:
        return []
    return [name for name, _ in found] or [_mark(0, NOBODY)]


def _all(db: sqlite3.Connection) -> int:
    """How many articles there are."""
    first, last = _mark(0, 0), chr(FIRST + 1)
    asked = "SELECT coalesce(sum(count), 0) FROM mark WHERE name >= ? AND name < ?"
    return int(db.execute(asked, (first, last)).fetchone()[0])


def _count(db: sqlite3.Connection, mark: str) -> int:
    found = db.execute("SELECT count FROM mark WHERE name = ?", (mark,)).fetchone()
    return int(found[0]) if found else 0


def _mark(sort: int, number: int) -> str:
    return f"{chr(FIRST + sort)}{number}"


def _month(day: int) -> str:
    on = date.fromordinal(day)
    return f"{chr(FIRST + SORTS)}{on.year:04}{on.month:02}"


def _quoted(marks: Iterable[str]) -> str:
    return " OR ".join(f'"{mark}"' for mark in marks)
