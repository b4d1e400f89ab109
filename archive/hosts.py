"""Who asks which host at the moment, and how fast: crawlers that share a store share a host's pace.

Rules: a crawler first puts its own note and then reads the others', so that of two that begin together each
sees the other. A note counts until the time that it names. Nothing here is kept for ever.

    state/.hosts/<host>/<run>.json      {"since", "until", "delay", "reason", "site", ...}
"""

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from archive.errors import MorgueError
from archive.store import Store

PREFIX = "state/.hosts/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A crawler that asks a host, with `delay` seconds between its requests; the note holds until `until`."""

    host: str
    run: str
    site: str
    since: datetime
    until: datetime
    delay: float
    reason: str = ""


def _key(host: str, run: str) -> str:
    return f"{PREFIX}{re.sub(r'[^A-Za-z0-9.-]', '_', host)}/{run}.json"


def announce(store: Store, note: Note) -> list[Note]:
    """Put a note, and return all that hold for this host, this one among them, the oldest first."""
    data = asdict(note) | {"since": note.since.timestamp(), "until": note.until.timestamp()}
    store.replace(_key(note.host, note.run), json.dumps(data).encode())
    return notes(store, note.host)


def withdraw(store: Store, host: str, run: str) -> None:
    """Take a note away: the run asks the host no longer."""
    store.drop(_key(host, run))


def notes(store: Store, host: str = "", *, now: datetime | None = None) -> list[Note]:
    """The notes that hold, of one host or of all."""
    now = now or datetime.now(UTC)
    prefix = _key(host, "").removesuffix(".json") if host else PREFIX
    found = (_read(store, key) for key in store.keys(prefix))
    return sorted((n for n in found if n and n.until > now), key=lambda n: (n.host, n.since, n.run))


def _read(store: Store, key: str) -> Note | None:
    """A note that went away, or was never whole, counts for nothing."""
    try:
        data = json.loads(store.read(key))
        moments = {name: datetime.fromtimestamp(data[name], UTC) for name in ("since", "until")}
        return Note(**data | moments)
    except (MorgueError, ValueError, TypeError, KeyError):
        return None
