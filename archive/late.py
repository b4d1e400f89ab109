"""Newspapers that were not archived in their time, as whoever watches the clock has noted.

state/.late/<site>.json         {"due", "deadline", "run"}: the last time that it happened
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from archive.errors import MorgueError
from archive.store import Store

PREFIX = "state/.late/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A run that was due and had not ended at its deadline; `run` is the scheduler's name of it."""

    site: str
    due: datetime
    deadline: datetime
    run: str = ""

    @property
    def text(self) -> str:
        """A sentence for people."""
        return (
            f"Not archived in time: the run that was due at {self.due:%Y-%m-%d %H:%M} UTC had not ended at "
            f"{self.deadline:%H:%M}. Look at run {self.run} of the scheduler."
        )


def put_late(store: Store, late: Late) -> None:
    """Note it, in place of what was noted before."""
    data = {"due": late.due.timestamp(), "deadline": late.deadline.timestamp(), "run": late.run}
    store.replace(f"{PREFIX}{late.site}.json", json.dumps(data).encode())


def late_of(store: Store, site: str) -> Late | None:
    """What was noted of a newspaper; None where nothing was, or nothing that can be read."""
    try:
        data = json.loads(store.read(f"{PREFIX}{site}.json"))
        due, deadline = (datetime.fromtimestamp(data[name], UTC) for name in ("due", "deadline"))
        return Late(site=site, due=due, deadline=deadline, run=str(data.get("run", "")))
    except (MorgueError, ValueError, TypeError, KeyError):
        return None
