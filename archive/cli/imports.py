"""`morgue import`: WARCs of other archives into this one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from urllib.parse import urlsplit

import click

from archive.cli.options import a_time, archive_option, echo_json, json_option, the_store
from archive.config import Config, site_folder
from archive.errors import MorgueError
from archive.imports import Imported, Order, Progress, Selection, bring
from archive.patience import Patience


@click.command("import")
@click.argument("names", nargs=-1, required=True, metavar="FILE|URL|KEY...")
@click.option("--site", default="", help="The site they go under  [default: their host, or imports]")
@click.option("--note", default="", help="A word about where they come from, kept in the manifest.")
@click.option("--only", multiple=True, metavar="HOST|URL", help="Only records of this host or URL prefix.")
@click.option("--since", metavar="TIME", help="Only records of this time or later.")
@click.option("--until", metavar="TIME", help="Only records before this time (a bare day is included).")
@click.option(
    "--damaged",
    type=click.Choice(["refuse", "keep"]),
    default="refuse",
    show_default=True,
    help="What to do with a damaged file: keep takes the records that are whole.",
)
@click.option("--allow-private", is_flag=True, help="URLs may lead to addresses that are not public.")
@archive_option
@json_option
def imports(
    names: tuple[str, ...],
    site: str,
    note: str,
    only: tuple[str, ...],
    since: str | None,
    until: str | None,
    damaged: str,
    allow_private: bool,
    archive: str | None,
    as_json: bool,
) -> None:
    """Import WARCs that others wrote: .warc, .warc.gz, .arc, .arc.gz and .wacz, from files, URLs or a store.

    They are checked byte by byte, kept as they are, and are findable like any run. The same file again is
    success, and stores nothing. Exit code 5 where one is damaged.

    Example: morgue import CC-NEWS-2026.warc.gz --only paper.example --note "Common Crawl"
    """
    config = Config.from_env()
    store = the_store(archive, exists=False)
    order = Order(
        spool=config.spool,
        site=site,
        known=_sites(config),
        note=note,
        keep=damaged == "keep",
        selection=Selection(only=only, since=a_time(since), until=a_time(until, end=True)),
        allow_private=allow_private,
        patience=Patience(seconds=config.upload_patience),
    )
    failed: list[MorgueError] = []
    for name in names:
        try:
            with _bar(name, shown=not as_json) as progress:
                done = bring(name, store, order, progress)
            _show(done, as_json)
        except MorgueError as error:
            failed.append(error)
            if len(names) > 1:
                _failed(name, error, as_json)
    if failed:
        many = f"{len(failed)} of {len(names)} could not be imported" if len(names) > 1 else str(failed[0])
        raise type(failed[0])(many)


def _sites(config: Config) -> dict[str, str]:
    """Site ids by host; none where the folder of site files cannot be read: an import does not need it."""
    from archive.sites import load_sites

    try:
        sites = load_sites(site_folder(config))
    except MorgueError:
        return {}
    return {urlsplit(s.home).netloc.lower().removeprefix("www."): s.id for s in sites.values()}


@contextmanager
def _bar(name: str, *, shown: bool) -> Iterator[Progress]:
    """A line on a terminal that says how far it is; nothing elsewhere."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _stage, _done, _of: None
        return
    last = [""]

    def progress(stage: str, done: int, of: int | None) -> None:
        part = f"{100 * done // of:3} %" if of else f"{done / 1e6:,.0f} MB"
        line = f"{name[-50:]}: {stage} {part}"
        if line != last[0]:
            last[0] = line
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)

    try:
        yield progress
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


def _failed(name: str, error: MorgueError, as_json: bool) -> None:
    if as_json:
        echo_json({"source": name, "action": "failed", "error": str(error)})
    else:
        click.echo(f"failed    {name}: {error}", err=True)


def _show(done: Imported, as_json: bool) -> None:
    if as_json:
        echo_json(asdict(done))
        return
    if done.action == "nothing":
        click.echo(f"nothing   {done.source}: no record of it is selected")
        return
    said = f"{done.records} records, {done.captures} captures"
    if done.left_out:
        said += f"; damage in {done.left_out} places, {done.left_out_bytes:,} bytes left out"
    if done.remarks:
        said += f"; {done.remarks} remarks in its manifest"
    if done.elsewhere:
        said += f"; {done.elsewhere} revisits of what is not in it"
    click.echo(f"{done.action:8}  {done.run}  {done.site}  {said}  <- {done.source}")
