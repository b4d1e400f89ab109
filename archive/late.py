"""Newspapers that were not archived in their time, as whoever watches the clock has noted.

state/.late/<site>.json         {"due", "deadline", "run"}: the last time that it happened

`python -m archive.late` notes one that it reads, as JSON of `Late.plain`, from standard input.
"""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from archive.config import Config
from archive.errors import MorgueError
from archive.store import Store, open_store

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

    def plain(self) -> dict[str, Any]:
        """The same as JSON has it, times in seconds since 1970."""
        return {
            "site": self.site,
            "due": self.due.timestamp(),
            "deadline": self.deadline.timestamp(),
            "run": self.run,
        }


def put_late(store: Store, late: Late) -> None:
    """Note it, in place of what was noted before."""
    data = {name: value for name, value in late.plain().items() if name != "site"}
    store.replace(f"{PREFIX}{late.site}.json", json.dumps(data).encode())


def late_of(store: Store, site: str) -> Late | None:
    """What was noted of a newspaper; None where nothing was, or nothing that can be read."""
    try:
        return _late({**json.loads(store.read(f"{PREFIX}{site}.json")), "site": site})
    except (MorgueError, ValueError, TypeError, KeyError):
        return None


def _late(data: dict[str, Any]) -> Late:
    due, deadline = (datetime.fromtimestamp(data[name], UTC) for name in ("due", "deadline"))
    return Late(site=str(data["site"]), due=due, deadline=deadline, run=str(data.get("run", "")))


def main() -> None:
    """Note what stands on standard input, in the archive of the environment; say in one line why not."""
    try:
        put_late(open_store(Config.from_env().archive), _late(json.load(sys.stdin)))
    except MorgueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
