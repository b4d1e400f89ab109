"""How far the crawls are that run at the moment, on whatever machine: a note of each in the store.

Rules: a crawl replaces its note every few seconds and takes it away when it has published. A note that was
not renewed for `SILENT` is of a crawl that was killed; after `FORGOTTEN` nobody is told of it.

    state/.live/<site>/<run>.json       the only keys beside state/ and state/.hosts/ that may change
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from archive.errors import MorgueError
from archive.store import Store

PREFIX = "state/.live/"
SILENT = timedelta(seconds=60)
FORGOTTEN = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A crawl at one moment.

    `exchanges`, `ok` and `failed` count exchanges; `queued` are requests that wait; `pace` is exchanges a
    second of late, `delay` the longest pause in seconds that a host is given; `bytes` are those of WARC that
    are durable in the spool; `waiting` and `waiting_bytes` are runs of this machine that are not published,
    `free` bytes of the spool's disk. `phase` is "crawling", "stopping" or "publishing", `paused` why nothing
    is written; `airflow` is the id of Airflow's run, `shard` as "2/4" where it crawls one.
    """

    run: str
    site: str
    host: str
    started: datetime
    at: datetime
    phase: str = "crawling"
    exchanges: int = 0
    ok: int = 0
    failed: int = 0
    queued: int = 0
    pace: float = 0.0
    delay: float = 0.0
    bytes: int = 0
    waiting: int = 0
    waiting_bytes: int = 0
    free: int = 0
    paused: str = ""
    airflow: str = ""
    shard: str = ""

    @property
    def line(self) -> str:
        """As one line of a log."""
        paused = f" PAUSED: {self.paused}." if self.paused else ""
        return (
            f"{self.phase}: {self.exchanges:,} exchanges ({self.ok:,} ok, {self.failed:,} failed), "
            f"{self.queued:,} queued, {self.pace:.1f}/s at {self.delay:g} s a host, {size(self.bytes)}; "
            f"spool: {self.waiting} unpublished, {size(self.waiting_bytes)}, {size(self.free)} free{paused}"
        )

    def silent(self, now: datetime) -> bool:
        """Whether nothing was heard of the crawl for so long that it must have been killed."""
        return now - self.at > SILENT


def size(count: int) -> str:
    """Bytes as people read them: 812 B, 31 kB, 4.2 MB, 81.6 GB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return f"{count / 1e3:.0f} kB" if count >= 1e3 else f"{count} B"


def _key(site: str, run: str) -> str:
    return f"{PREFIX}{site}/{run}.json"


def note(store: Store, progress: Progress) -> None:
    """Put a crawl's note in place of its last one."""
    moments = {"started": progress.started.isoformat(), "at": progress.at.isoformat()}
    store.replace(_key(progress.site, progress.run), json.dumps(asdict(progress) | moments).encode())


def forget(store: Store, site: str, run: str) -> None:
    """Take a crawl's note away."""
    store.drop(_key(site, run))


def running(store: Store, site: str = "", *, now: datetime | None = None) -> list[Progress]:
    """The crawls that were heard of in the last hours, of one newspaper or of all, the latest first."""
    now = now or datetime.now(UTC)
    prefix = f"{PREFIX}{site}/" if site else PREFIX
    found = (each for each in _read(store, prefix) if now - each.at < FORGOTTEN)
    return sorted(found, key=lambda p: (p.started, p.run), reverse=True)


def _read(store: Store, prefix: str) -> Iterator[Progress]:
    """A note that went away, or that another version wrote, counts for nothing."""
    for key in store.keys(prefix):
        try:
            data = json.loads(store.read(key))
            moments = {name: datetime.fromisoformat(data[name]) for name in ("started", "at")}
            yield Progress(**data | moments)
        except (MorgueError, ValueError, TypeError, KeyError):
            continue
