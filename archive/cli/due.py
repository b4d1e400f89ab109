"""Commands about what comes next: due, hosts, rebuild."""

import os
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from archive.cli.options import archive_option, archive_url, echo_json, json_option
from archive.dates import read_time
from archive.errors import CallerError, DamagedWarc
from archive.hosts import notes
from archive.process import rebuild_state
from archive.remake import Relisted, remake_index, unnamed
from archive.state import Head, State, head_keys, read_heads
from archive.store import Store, open_store


@click.command()
@click.argument("sites", nargs=-1, metavar="[SITE...]")
@click.option("--as-of", "as_of", default="", metavar="TIME", help="At this time  [default: now]")
@archive_option
@json_option
def due(sites: tuple[str, ...], as_of: str, archive: str | None, as_json: bool) -> None:
    """Say what a crawl of each newspaper would look at again now.

    Example: morgue due the-daily-specimen --as-of 2026-12-01
    """
    now = read_time(as_of) if as_of else datetime.now(UTC)
    if now is None:
        raise CallerError(f"--as-of {as_of!r} is no time; write for example 2026-11-24T10:00")
    store = open_store(archive_url(archive))
    heads = [head for head in read_heads(store) if not sites or head.site in sites]
    if missing := sorted(set(sites) - {head.site for head in heads}):
        raise CallerError(f"nothing is known of {', '.join(missing)}; `morgue crawl {missing[0]}` begins")
    for head in heads:
        row = _due(State(store, head), head, now)
        if as_json:
            echo_json(row)
        else:
            click.echo("{site:30} {pages:7,} pages due, {sources:3} sources; {known:9,} known".format(**row))
    if not heads and not as_json:
        click.echo("nothing is known of any newspaper yet: `morgue crawl SITE` begins", err=True)


def _due(state: State, head: Head, now: datetime) -> dict[str, Any]:
    pages = state.due(now)
    return {
        "site": head.site,
        "pages": len(pages),
        "oldest": pages[0].due.isoformat() if pages else None,
        "sources": sum(source.due <= now for source in head.sources),
        "known": head.known,
    }


@click.command()
@archive_option
@json_option
def hosts(archive: str | None, as_json: bool) -> None:
    """List the hosts that are being asked at the moment: by which run, how fast, and why.

    Example: morgue hosts
    """
    found = notes(open_store(archive_url(archive)))
    for note in found:
        if as_json:
            echo_json({n: v.isoformat() if isinstance(v, datetime) else v for n, v in asdict(note).items()})
        else:
            click.echo(f"{note.host:40} every {note.delay:6.2f} s  {note.site:24} {note.reason}")
    if not found and not as_json:
        click.echo("no crawl that keeps a delay is running", err=True)


@click.command()
@click.argument("sites", nargs=-1, metavar="[SITE...]")
@click.option("--index", "index", is_flag=True, help="The index of the whole archive, from its WARCs.")
@click.option(
    "--jobs",
    default=os.cpu_count() or 1,
    type=click.IntRange(1, 64),
    help="Processes of --index  [default: one a core]",
)
@archive_option
@json_option
def rebuild(sites: tuple[str, ...], index: bool, jobs: int, archive: str | None, as_json: bool) -> None:
    """Make anew what is known of newspapers, from their captures alone; or the index, from the WARCs.

    What is due, and what each page said last, is a cache: it may be lost, and this makes it again. The
    validators of conditional requests are not made again: each page is asked for in full once.

    Example: morgue rebuild the-daily-specimen. With --index all WARCs are read, missing CDXJ are made, and
    what a CDXJ says otherwise than its WARC is named: morgue rebuild --index
    """
    if not sites and not index:
        raise click.UsageError("name newspapers, or say --index")
    store = open_store(archive_url(archive))
    if index:
        _rebuild_index(store, as_json, jobs)
    for site in sites:
        if not head_keys(store, site) and not any(True for _ in store.keys(f"runs/{site}/")):
            raise CallerError(f"the archive holds no run of {site}; `morgue runs` lists what there is")
        done = rebuild_state(store, site, now=datetime.now(UTC))
        if as_json:
            echo_json(done)
        else:
            click.echo(f"{site}: {done['pages']:,} pages known, {done['dated']:,} of them with a date")


def _rebuild_index(store: Store, as_json: bool, jobs: int) -> None:
    counts: Counter[str] = Counter()

    def told(relisted: Relisted) -> None:
        counts[relisted.found] += 1
        if as_json:
            echo_json(asdict(relisted))
        elif relisted.found != "same":
            why = f": {relisted.why}" if relisted.why else ""
            click.echo(f"{relisted.found:8} {relisted.warc}, {relisted.captures:,} captures{why}")
        elif counts.total() % 100 == 0:
            click.echo(f"{counts.total():,} WARCs read", err=True)

    head = remake_index(store, progress=told, jobs=jobs)
    orphans = unnamed(store)
    if not as_json:
        found = sum(int(segment["lines"]) for segment in head.segments)
        click.echo(
            f"{found:,} captures of {counts.total():,} WARCs: {counts['same']:,} CDXJ were right, "
            f"{counts['made']:,} were missing, {counts['differs']:,} differ; "
            f"{counts['damaged']:,} WARCs damaged"
        )
    if orphans:
        click.echo(f"{len(orphans)} WARCs belong to no published run, as {orphans[0]}", err=True)
    if counts["damaged"]:
        raise DamagedWarc(f"{counts['damaged']} WARCs are damaged; `morgue verify` says where")
