"""Fixity: is every WARC in the store still what was sealed? A share of them each day, and all in a cycle.

    audit/<yyyy-mm-dd>T<hhmmss>Z.json    what was read, and what was not as it should be; write-once

Rules: every byte is read, and its SHA-256 compared with the manifest's; no answer of a store is believed.
What differs is then checked record by record, to say where the damage lies. Which day a WARC belongs to is
decided by its name alone, so that nothing need be remembered.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from archive.errors import NotStored
from archive.model import PublishedWarc
from archive.runs import all_runs
from archive.store import Store, opened
from archive.verify import verify

CYCLE = 30  # days in which all is read
PIECE = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A WARC that is not what was sealed, and why; `places` say where the damage lies, if that is known."""

    key: str
    what: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What one audit read: `share` is its number in the cycle (from 0), `bytes` were read."""

    at: datetime
    share: int
    cycle: int
    warcs: int
    bytes: int
    damaged: tuple[Damage, ...]

    @property
    def key(self) -> str:
        """Where it is written."""
        return f"audit/{self.at.astimezone(UTC):%Y-%m-%dT%H%M%SZ}.json"


def audit(
    store: Store, *, now: datetime, cycle: int = CYCLE, progress: Callable[[int, int], None] | None = None
) -> Audit:
    """Read the share of this day and write down what was found; with a cycle of 1, everything."""
    share = now.astimezone(UTC).date().toordinal() % cycle
    count = size = 0
    damaged: list[Damage] = []
    for warc in share_of(store, share, cycle):
        count += 1
        size += warc.size
        if found := differing(store, warc):
            damaged.append(found)
        if progress:
            progress(count, size)
    done = Audit(at=now, share=share, cycle=cycle, warcs=count, bytes=size, damaged=tuple(damaged))
    store.put(done.key, json.dumps(asdict(done) | {"at": now.isoformat()}, indent=1).encode())
    return done


def share_of(store: Store, share: int, cycle: int) -> Iterator[PublishedWarc]:
    """The published WARCs of one day of the cycle."""
    for run in all_runs(store):
        yield from (warc for warc in run.warcs if zlib.crc32(warc.key.encode()) % cycle == share)


def differing(store: Store, warc: PublishedWarc) -> Damage | None:
    """What is wrong with a WARC; None where it is what was sealed."""
    size = store.size(warc.key)
    if size is None:
        return Damage(key=warc.key, what="missing")
    if size == warc.size and _digest(store, warc.key) == warc.sha256:
        return None
    try:
        verdict = verify(opened(store, warc.key), name=warc.key)
    except NotStored:
        return Damage(key=warc.key, what="missing")
    places = tuple(f"at {fault.offset}: {fault.what}" for fault in verdict.faults[:20])
    what = f"{size} bytes and not {warc.size}" if size != warc.size else "another digest than was sealed"
    return Damage(key=warc.key, what=what, places=places)


def _digest(store: Store, key: str) -> str:
    digest = hashlib.sha256()
    with opened(store, key, buffer=PIECE) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
