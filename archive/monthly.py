"""A WACZ of each newspaper and month, in the store: `wacz/<site>/<yyyy-mm>.wacz`.

Rules: write-once; a month is packed when it is over, and one that is there is left alone. What rights and
rules forbid at that time stays out.
"""

import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.access import Access
from archive.bundle import to_file, write_wacz
from archive.config import Config, site_folder
from archive.dates import read_time
from archive.errors import CallerError
from archive.index import Index
from archive.parcel import Item, Parcel
from archive.permission import Permission
from archive.runs import run_keys
from archive.signature import Key, read_key
from archive.sites import load_sites
from archive.store import Store, sha256_of


def last_month(now: datetime) -> str:
    """The month before this, as 2026-10."""
    return f"{now.astimezone(UTC).replace(day=1) - timedelta(days=1):%Y-%m}"


def bounds(month: str) -> tuple[datetime, datetime]:
    """The first moment of a month, and of the next; raise CallerError."""
    first = read_time(f"{month}-01")
    if first is None:
        raise CallerError(f"{month!r} is no month; write for example 2026-11")
    first = first.astimezone(UTC)
    return first, (first + timedelta(days=32)).replace(day=1)


def packages(store: Store, month: str, *, config: Config) -> Iterator[tuple[str, str, int]]:
    """Make what is missing of a month; site, key and size in bytes of each that was made."""
    bounds(month)
    folder = site_folder(config)
    sites = load_sites(folder) if folder.is_dir() else {}
    access = Access(store)
    index = Index(store, hidden=access.hides)
    permission = Permission(store, index, sites, config.rights, access)
    key = read_key(config.wacz_key) if config.wacz_key else None
    for site in sorted({name.split("/")[1] for name in run_keys(store)}):
        name = f"wacz/{site}/{month}.wacz"
        if store.size(name) is None:
            size = _pack(Parcel(store, index, permission), site, month, name, key, config.spool)
            if size:
                yield site, name, size


def _pack(parcel: Parcel, site: str, month: str, name: str, key: Key | None, spool: Path) -> int:
    """Write one, beside the spool where there is room, and publish it; its size, 0 for an empty one."""
    since, until = bounds(month)
    said = {"description": f"What was captured of {site} in {month}"}
    beside = spool.parent if spool.parent.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="morgue-wacz-", dir=beside) as folder:
        path = Path(folder) / "out.wacz"
        counted = _Counted(parcel.of_site(site, since, until))
        to_file(path, lambda out: write_wacz(out, counted, title=f"{site}, {month}", said=said, key=key))
        if not counted.count:
            return 0
        parcel.store.put_file(name, path, sha256_of(path))
        return path.stat().st_size


class _Counted:
    """Items, and how many there were."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = items
        self.count = 0

    def __iter__(self) -> Iterator[Item]:
        for item in self.items:
            self.count += 1
            yield item
