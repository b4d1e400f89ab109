"""What all commands share: the archive, JSON output, times."""

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from archive.access import Access
from archive.cdxj import moment_of
from archive.config import Config
from archive.dates import read_time
from archive.errors import CallerError, RightsReserved, StoreError
from archive.index import Index
from archive.store import Store, open_store

F = TypeVar("F", bound=Callable[..., Any])


def archive_option(function: F) -> F:
    """--archive: a folder or s3://bucket/prefix."""
    return click.option(
        "--archive",
        metavar="PATH|s3://BUCKET/PREFIX",
        help="The archive  [default: MORGUE_ARCHIVE, or var/archive]",
    )(function)


def json_option(function: F) -> F:
    """--json: output for machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(function)


def archive_url(archive: str | None) -> str:
    """The archive that was asked for, or the one of the settings."""
    return archive or Config.from_env().archive


def the_store(archive: str | None, *, exists: bool = True) -> Store:
    """Open the archive; raise a StoreError where it cannot be used or does not exist."""
    url = archive_url(archive)
    store = open_store(url)
    if exists and "://" not in url and not Path(url).is_dir():
        raise StoreError(f"there is no archive at {url}; crawl into it first, or name another with --archive")
    store.check()
    return store


def the_index(store: Store) -> Index:
    """The index of a store, without what a rule of access excludes."""
    return Index(store, hidden=Access(store).hides)


def must_be_shown(store: Store, url: str, key: str, at: datetime) -> None:
    """Raise RightsReserved where a rule of access forbids to show a capture; `key` is that of its WARC."""
    from archive.permission import site_of, withheld

    if said := Access(store).forbids(url, site_of(key), at):
        raise RightsReserved(withheld(url, said))


def echo_json(data: Any, *, indent: int | None = None) -> None:
    """Print one JSON value; datetimes as ISO 8601."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=indent, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def a_time(text: str | None, *, end: bool = False) -> datetime | None:
    """A time as people write it: 2026-11-20, 2026-11-20T06:00Z or a 14-digit timestamp.

    With `end`, a bare day means the end of it.
    """
    if text is None:
        return None
    try:
        moment = moment_of(text) if text.isdigit() else datetime.fromisoformat(text)
    except ValueError as error:
        raise CallerError(
            f"{text!r} is no time; write 2026-11-20, 2026-11-20T06:00Z or 20261120060000"
        ) from error
    aware = read_time(moment.isoformat())
    assert aware is not None
    return aware + timedelta(days=1) if end and len(text) in (8, 10) else aware


class Ticker:
    """Says every few seconds how far something long is."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.last = time.monotonic()

    def __call__(self, number: int) -> None:
        """So many were done."""
        if time.monotonic() - self.last > 3:
            self.last = time.monotonic()
            click.echo(f"{number:,} {self.what}", err=True)
            sys.stderr.flush()
