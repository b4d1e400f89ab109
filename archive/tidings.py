"""What reports of runs tell of articles that went, came back or moved, kept in the search file.

    heard   the reports that were read, by key
    event   gone (404), withdrawn (410, 451, or sent to the front page), returned, and moved (to `goal`)

A report is write-once, so that each is read once.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from archive.errors import DamagedReport, NotStored
from archive.filing import transaction
from archive.reports import RunReport, in_parallel, read_report
from archive.store import Store
from archive.versions import plain_address

LOST = ("gone", "withdrawn", "returned")  # events that say whether an article is still there
TELLING = re.compile(rb'"kind":\s*"(?:gone|withdrawn|returned|moved)"')  # most reports have no such event
SOME = 200  # reports that are read in one transaction
MOVES = 4  # addresses that an article had, one after another


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What became of an article; `detail` is the status or where it moved to."""

    kind: str
    site: str
    url: str
    at: datetime
    detail: str


def hear(db: sqlite3.Connection, store: Store, going: Callable[[], bool] = lambda: True) -> None:
    """Read the reports that were not read yet, while `going`."""
    known = {row[0] for row in db.execute("SELECT report FROM heard")}
    fresh = [key for key in store.keys("reports/") if key.endswith(".json") and key not in known]
    for some in (fresh[n : n + SOME] for n in range(0, len(fresh), SOME)):
        if not going():
            return
        reports = in_parallel(lambda key: _read(store, key), some)
        with transaction(db):
            for key, report in zip(some, reports, strict=True):
                if db.execute("INSERT OR IGNORE INTO heard VALUES (?)", (key,)).rowcount and report:
                    db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", _rows(report))


def _read(store: Store, key: str) -> RunReport | None:
    """A report with such an event; None where it has none, or cannot be read."""
    try:
        return read_report(store, key) if TELLING.search(store.read(key)) else None
    except (NotStored, DamagedReport):
        return None


def _rows(report: RunReport) -> Iterator[tuple[str, ...]]:
    for event in report.events:
        if event.kind in LOST or event.kind == "moved":
            goal = plain_address(event.detail) if event.kind == "moved" else ""
            at = event.at.astimezone(UTC).isoformat()
            yield at, event.kind, report.site, event.url, plain_address(event.url), event.detail, goal


def lost(db: sqlite3.Connection, *, site: str = "", among: str = "", limit: int = 50) -> list[Event]:
    """Articles that went or came back, newest first; `among` names a table of the numbers of articles."""
    tests = ["kind != 'moved'", "site = ?" if site else "1"]
    if among:
        tests.append(f"plain IN (SELECT plain FROM article JOIN {among} USING (id))")  # noqa: S608
    asked = (
        "SELECT kind, site, url, at, detail FROM event "  # noqa: S608
        f"WHERE {' AND '.join(tests)} ORDER BY at DESC LIMIT ?"
    )
    rows = db.execute(asked, (*([site] if site else []), limit))
    return [
        Event(kind=kind, site=of, url=url, at=datetime.fromisoformat(at), detail=detail)
        for kind, of, url, at, detail in rows
    ]


def moves(db: sqlite3.Connection, names: Iterable[str]) -> set[tuple[str, str]]:
    """From where to where articles moved, of all that begin or end at these plain addresses."""
    known, found = set(names), set[tuple[str, str]]()
    for _ in range(MOVES):
        marks = ",".join("?" * len(known))
        asked = (
            "SELECT DISTINCT plain, goal FROM event WHERE kind = 'moved' AND goal != '' "  # noqa: S608
            f"AND (plain IN ({marks}) OR goal IN ({marks})) LIMIT 200"
        )
        pairs = set(db.execute(asked, (*known, *known)).fetchall())
        if pairs <= found:
            break
        found |= pairs
        known |= {name for pair in pairs for name in pair}
    return found
