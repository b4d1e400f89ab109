"""The shards of a large site: which hosts each asks, and what they tell each other by way of the store.

Rules: a host is asked by one shard only. The hosts of the site file take turns in their order, so that the
shards are alike; any other host has the shard of its name's CRC-32. What a shard finds on another's host is a
letter, which lies in the store until a run that asked for what it holds has ended: it may be read twice, and
is never lost. Letters and notes bear the host, not the shard, so that the number of shards may change.

    state/.passed/<site>/<host>/<run>-<n>.json     addresses that were found on another shard's host
    state/.shards/<site>/<k>-<n>.json              what shard k of n does at the moment: busy, idle or done
"""

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from archive.errors import CallerError, MorgueError
from archive.sites import MOST_SHARDS
from archive.store import Store
from archive.variants import variant_key

PASSED, NOTES = "state/.passed/", "state/.shards/"
SHARD = re.compile(r"(\d{1,3})/(\d{1,3})\Z")
SILENT = timedelta(seconds=60)  # after which a note is of a crawl that was killed
BUSY, IDLE, DONE = "busy", "idle", "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One shard of a site: `number` is 1 to `count`, `hosts` are those of the site file, home first."""

    number: int
    count: int
    hosts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def mine(self, url: str) -> bool:
        """Whether this shard asks the URL's host."""
        return self.of(url) == self.number

    def of(self, url: str) -> int:
        """The number of the shard that asks the URL's host."""
        host = plain_host(urlsplit(url).netloc)
        place = _places(self.hosts).get(host, zlib.crc32(host.encode()))
        return 1 + place % self.count

    def share(self, limit: int) -> int:
        """What of a limit is this shard's: the shares of all are the whole."""
        return limit // self.count + (self.number <= limit % self.count)


def shard_of(text: str, hosts: Iterable[str]) -> Shard:
    """The shard that a text like "2/4" names; raise CallerError for any other text."""
    found = SHARD.match(text)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count <= MOST_SHARDS:
        raise CallerError(f"{text!r} is no shard; write 2/4 for the second of four (at most {MOST_SHARDS})")
    return Shard(number=number, count=count, hosts=tuple(hosts))


@lru_cache(64)
def _places(hosts: tuple[str, ...]) -> dict[str, int]:
    return {host: place for place, host in enumerate(dict.fromkeys(map(plain_host, hosts)))}


@lru_cache(4096)
def plain_host(place: str) -> str:
    """A host without port, "www.", "m." and the like: what holds the same articles is in one shard."""
    try:
        return urlsplit(variant_key(f"https://{place.rpartition('@')[2]}/")).hostname or place.lower()
    except ValueError:
        return place.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """An address that was found on another shard's host: `kind` is "article", "requisite", "feed" ...

    `via` and `on` say how and where it was found, `told` when it says it was published.
    """

    url: str
    kind: str
    via: str
    on: str = ""
    told: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Addresses of one host that a run has passed on; `key` is where the letter lies."""

    key: str
    passed: tuple[Passed, ...]


def pass_on(store: Store, site: str, run: str, number: int, passed: Iterable[Passed]) -> None:
    """Put what a run found on others' hosts, a letter for each host; `number` counts its letters."""
    by_host: dict[str, list[Passed]] = {}
    for each in passed:
        by_host.setdefault(plain_host(urlsplit(each.url).netloc), []).append(each)
    for host, found in by_host.items():
        lines = [asdict(each) | {"told": each.told.isoformat() if each.told else None} for each in found]
        store.put(f"{PASSED}{site}/{_safe(host)}/{run}-{number:04}.json", json.dumps(lines).encode())


def letters(
    store: Store, site: str, shard: Shard | None = None, *, but: Iterable[str] = ()
) -> Iterator[Letter]:
    """The letters for a shard, or all that are there; without those whose keys are in `but`."""
    known = set(but)
    for key in store.keys(f"{PASSED}{site}/"):
        if key in known:
            continue
        try:
            passed = tuple(_passed(line) for line in json.loads(store.read(key)))
        except (MorgueError, ValueError, TypeError, KeyError):
            continue  # it went away, or another version wrote it
        if passed and (shard is None or shard.mine(passed[0].url)):
            yield Letter(key=key, passed=passed)


def _passed(line: dict[str, str]) -> Passed:
    told = line.get("told")
    return Passed(**line | {"told": datetime.fromisoformat(told) if told else None})  # type: ignore[arg-type]


def _safe(host: str) -> str:
    return re.sub(r"[^a-z0-9.-]", "_", host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a shard does: `turn` is what all shards of one run of the site have in common, "" by hand."""

    shard: str
    run: str
    state: str
    turn: str = ""
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


def tell(store: Store, site: str, note: Note) -> None:
    """Put a shard's note in place of its last one."""
    data = asdict(replace(note, at=datetime.now(UTC))) | {"at": datetime.now(UTC).timestamp()}
    store.replace(f"{NOTES}{site}/{note.shard.replace('/', '-')}.json", json.dumps(data).encode())


def others(store: Store, site: str, shard: Shard) -> list[Note]:
    """The notes of the other shards."""
    found = (
        _note(store, key) for key in store.keys(f"{NOTES}{site}/") if key.endswith(f"-{shard.count}.json")
    )
    return [note for note in found if note and note.shard != str(shard)]


def _note(store: Store, key: str) -> Note | None:
    try:
        data = json.loads(store.read(key))
        return Note(**data | {"at": datetime.fromtimestamp(data["at"], UTC)})
    except (MorgueError, ValueError, TypeError, KeyError):
        return None


def worth_waiting(shard: Shard, notes: Iterable[Note], *, turn: str, began: datetime, now: datetime,
                  patience: timedelta) -> bool:  # fmt: skip
    """Whether others may still find something on this shard's hosts: one is busy, or has not yet begun."""
    notes = list(notes)
    heard = {note.shard for note in notes if note.turn == turn}
    busy = any(note.state == BUSY and now - note.at < SILENT for note in notes)
    missing = bool(turn) and len(heard) < shard.count - 1
    return busy or (missing and now - began < patience)
