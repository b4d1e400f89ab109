"""Which articles of an archive are copies of one text, and what each newspaper kept and added.

Asked when somebody wants to know, not kept: the search file has a sample of each article's runs of words by
day, so that an article's copies are found in a few milliseconds, those that came a minute ago among them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from archive.copies import (
    OPEN,
    WINDOW,
    are_copies,
    hold_the_same,
    may_be_copies,
    runs_of,
    runs_within,
    sample,
    shares,
)
from archive.model import Location
from archive.search import Search, body_of, date_of
from archive.versions import plain_address

MOST = 500  # articles of a cluster
ASKED = 200  # runs of words in one question


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An article of a cluster. `at` is when it was published (first seen, where it does not say).

    `system` is its id in the newspaper's content system, where its page tells one: copies with the same are
    one article on several mastheads of a publisher. `kept` is the share (0 to 1) of the first article's text
    that it keeps, `added` that of its own text which the first does not have.
    """

    url: str
    site: str
    at: datetime
    headline: str
    agency: str
    version: str
    captured: datetime
    warc: Location
    kept: float = 1.0
    added: float = 0.0
    system: str = ""


def copies_of(search: Search, url: str, *, deep: bool = True) -> list[Copy]:
    """The article at an address and its copies within a week, and (`deep`) theirs: the first one first.

    Of each address what it said last; [] where the address is not known, or has no copy.
    """
    start = search.db.execute(
        "SELECT id FROM article WHERE plain = ? ORDER BY first DESC LIMIT 1", (plain_address(url),)
    ).fetchone()
    group, waiting = set(start or ()), list(start or ())
    texts = _Texts(search)
    while waiting and len(group) < MOST:
        fresh = near(texts, waiting.pop()) - group
        group |= fresh
        waiting += fresh if deep else ()
    last: dict[str, tuple[str, int]] = {}
    for number in group:
        name, first = _one(search, "url, first", number)
        if name not in last or last[name][0] < first:
            last[name] = (first, number)
    found = [(_copy(search, number), texts.of(number)) for _, number in last.values()]
    return _compared(found) if len(found) > 1 else []


class _Texts:
    """Texts of articles and their runs, each read once for a question."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._texts: dict[int, str] = {}
        self._runs: dict[int, frozenset[int]] = {}

    def of(self, number: int) -> str:
        if number not in self._texts:
            self._texts[number] = body_of(self.search.db, number)
        return self._texts[number]

    def runs(self, number: int) -> frozenset[int]:
        if number not in self._runs:
            self._runs[number] = frozenset(runs_of(self.of(number)))
        return self._runs[number]


def near(texts: _Texts, number: int) -> set[int]:
    """The articles of other addresses, within a week of one, that share enough runs of words with it."""
    plain, day, sampled = _one(texts.search, "plain, day, sampled", number)
    found: set[int] = set()
    for other, count in _sharing(texts, number, date_of(day)).items():
        name, size = _one(texts.search, "plain, sampled", other)
        if name != plain and (
            are_copies(count, sampled, size)
            or (may_be_copies(count, sampled, size) and hold_the_same(texts.runs(number), texts.runs(other)))
        ):
            found.add(other)
    return found


def _sharing(texts: _Texts, number: int, day: int) -> dict[int, int]:
    """Which articles share how many kept runs with one, as far as it is worth a look."""
    runs = sample(texts.of(number))
    days = range(day - WINDOW, day + WINDOW + 1)
    shared: Counter[int] = Counter()
    for some in (runs[n : n + ASKED] for n in range(0, len(runs), ASKED)):
        # Each day and run is a look-up: a range of days would be read whole.
        rows = texts.search.db.execute(
            f"SELECT article, count(*) FROM sketch WHERE day IN ({_marks(days)}) "  # noqa: S608
            f"AND run IN ({_marks(some)}) GROUP BY article",
            (*days, *some),
        )
        shared.update(dict(rows.fetchall()))
    return {other: count for other, count in shared.items() if count >= OPEN}


def one_article(copies: Sequence[Copy], url: str) -> list[Copy]:
    """Those of a cluster that are the article at an address on other mastheads of its publisher."""
    own = {copy.system for copy in copies if copy.url == url and copy.system}
    return [copy for copy in copies if copy.system in own and copy.url != url]


def _compared(found: list[tuple[Copy, str]]) -> list[Copy]:
    ordered = sorted(found, key=lambda pair: (pair[0].at, pair[0].captured, pair[0].url))
    first = runs_within(ordered[0][1].split("\n"))
    told = ((copy, shares(first, runs_within(text.split("\n")))) for copy, text in ordered)
    return [replace(copy, kept=kept, added=added) for copy, (kept, added) in told]


def _copy(search: Search, number: int) -> Copy:
    url, site, at, headline, agency, version, system = search.db.execute(
        "SELECT url, site, at, headline, agency, version, cms FROM article JOIN said USING (id) WHERE id = ?",
        (number,),
    ).fetchone()
    captured, warc, offset, length = search.first_seen(number)
    return Copy(
        url=url, site=site, at=datetime.fromisoformat(at), headline=headline, agency=agency, version=version,
        captured=captured, warc=Location(warc=warc, offset=offset, length=length), system=system,
    )  # fmt: skip


def _one(search: Search, columns: str, number: int) -> tuple[Any, ...]:
    asked = f"SELECT {columns} FROM article WHERE id = ?"  # noqa: S608 - names of ours
    row: tuple[Any, ...] = search.db.execute(asked, (number,)).fetchone()
    return row


def _marks(values: range | tuple[int, ...]) -> str:
    return ",".join("?" * len(values))
