"""Commands that say how an article changed: versions, diff."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise
from typing import Any

import click

from archive.cli.know import clean
from archive.cli.options import (
    Ticker,
    a_time,
    archive_option,
    echo_json,
    json_option,
    must_be_shown,
    the_index,
    the_store,
)
from archive.config import Config
from archive.store import Store
from archive.versions import Change, Diff, Piece, Version, diff

COLOURS = {"added": "green", "removed": "red"}


@click.command()
@click.argument("url")
@archive_option
@json_option
def versions(url: str, archive: str | None, as_json: bool) -> None:
    """List what an article said over time: first and last seen, captures, what changed; oldest first.

    The address may be any form of it (canonical, AMP, mobile). Example: morgue versions https://paper.example/story
    """
    from archive.history import away

    store = the_store(archive)
    found = _history(store, url)
    gone = away(the_index(store), found[-1].row.article.url)
    told: list[Diff | None] = [None, *(_between(a, b) for a, b in pairwise(found))]
    for number, (version, changed) in enumerate(zip(found, told, strict=True), 1):
        if as_json:
            last = version is found[-1] and gone
            since = {"at": gone.at, "status": gone.status} if gone and last else None
            echo_json(
                _version(number, version) | {"changed": _plain(changed) if changed else None, "gone": since}
            )
        else:
            click.echo(_line(number, version, changed))
    if gone and not as_json:
        click.echo(f"     TAKEN DOWN: seen {_time(gone.at)} with status {gone.status}")


@click.command("diff")
@click.argument("url")
@click.option("--from", "earlier", metavar="TIME", help="What it said then  [default: the version before]")
@click.option("--to", "later", metavar="TIME", help="What it said then  [default: the latest]")
@archive_option
@json_option
def difference(url: str, earlier: str | None, later: str | None, archive: str | None, as_json: bool) -> None:
    """Show what changed in an article between two times, word by word.

    Without times, the last edit. Example: morgue diff https://paper.example/story --from 2026-11-20 --to
    2026-11-24
    """
    from archive.history import held_at

    found = _history(the_store(archive), url)
    start, end = a_time(earlier), a_time(later, end=True)
    after = held_at(found, end) if end else found[-1]
    place = found.index(after)
    before = held_at(found, start) if start else found[max(place - 1, 0)]
    changed = _between(before, after)
    if as_json:
        sides = {"from": _version(found.index(before) + 1, before), "to": _version(place + 1, after)}
        echo_json(sides | _plain(changed))
        return
    click.echo(f"{after.row.article.url}")
    click.echo(f"{_time(before.first)} -> {_time(after.first)}: {_sort(changed)}")
    for line in _shown(changed.changes, coloured=sys.stdout.isatty()):
        click.echo(line)


def _history(store: Store, url: str) -> list[Version]:
    from archive.history import history
    from archive.search import opened, search_path

    config = Config.from_env()
    if search_path(
        config.search, store.url
    ).exists():  # it knows addresses that led here; to make it takes long
        with opened(config.search, store) as search:
            search.follow(store, progress=Ticker("tables of articles read"))
            found = history(store, url, index=the_index(store), search=search)
    else:
        found = history(store, url, index=the_index(store))
    for version in found:
        must_be_shown(store, version.row.article.url, version.row.warc.warc, version.first)
    return found


def _between(before: Version, after: Version) -> Diff:
    return diff(before.row.article, after.row.article)


def _version(number: int, version: Version) -> dict[str, Any]:
    row = version.row
    return {
        "number": number, "url": row.article.url, "version": row.version, "headline": row.article.headline,
        "first": version.first, "last": version.last, "captures": len(version.sightings),
        "warc": asdict(row.warc),
    }  # fmt: skip


def _plain(changed: Diff) -> dict[str, Any]:
    return {
        "classes": changed.classes,
        "silent": changed.silent,
        "changes": [asdict(c) for c in changed.changes],
    }


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _line(number: int, version: Version, changed: Diff | None) -> str:
    count = len(version.sightings)
    seen = f"{_time(version.first)} - {_time(version.last)}  {count} capture{'' if count == 1 else 's'}"
    what = _sort(changed) if changed else "first seen"
    return clean(f"{number:>3}  {seen}  {what}") + f"\n     {clean(version.row.article.headline)}"


def _sort(changed: Diff) -> str:
    if not changed.changes:
        return "nothing changed"
    return ", ".join(changed.classes) + ("  SILENT" if changed.silent else "")


def _shown(changes: Iterable[Change], *, coloured: bool) -> Iterable[str]:
    for change in changes:
        where = "" if change.at is None else f", paragraph {change.at + 1}"
        yield ""
        yield f"{change.field}{where}: {change.kind}"
        yield "  " + "".join(marked(piece, coloured=coloured) for piece in change.pieces)


def marked(piece: Piece, *, coloured: bool) -> str:
    """A piece as shown: in colour, or between marks that need none."""
    text = clean(piece.text.replace("\n", " / "))
    if piece.kind == "same":
        return text
    if coloured:
        return click.style(
            text,
            fg=COLOURS[piece.kind],
            underline=piece.kind == "added",
            strikethrough=piece.kind == "removed",
        )
    return f"{{+{text}+}}" if piece.kind == "added" else f"[-{text}-]"
