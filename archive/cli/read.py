"""Commands that read an archive: runs, captures, get, articles."""

import sys
from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from archive.cdxj import line_of
from archive.cli.know import reports_of, summary_line, summary_of
from archive.cli.options import (
    a_time,
    archive_option,
    echo_json,
    json_option,
    must_be_shown,
    the_index,
    the_store,
)
from archive.config import Config, site_folder
from archive.errors import NotCaptured
from archive.index import Index
from archive.model import ArticleRow, Run
from archive.playback import play, read_location
from archive.publish import Waiting, waiting
from archive.reports import RunReport
from archive.runs import read_run, run_keys
from archive.sites import load_sites
from archive.store import Store


@click.command()
@click.option("--site", help="Only runs of this site; with what their reports say.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the last N; with their reports.")
@archive_option
@json_option
def runs(site: str | None, last: int | None, archive: str | None, as_json: bool) -> None:
    """List the runs: those that wait in the spool, then the published ones, oldest first.

    Example: morgue runs --site the-daily-specimen --last 10
    """
    for each in waiting(Config.from_env().spool):
        if site in (None, each.site):
            _waits(each, as_json)
    store = the_store(archive)
    keys = run_keys(store, site)[-last if last else 0 :]
    if not keys and not as_json:
        click.echo("no runs are published here yet; `morgue crawl SITE` makes one", err=True)
    told = reports_of(store, keys) if site or last else {}
    for key in keys:
        _published(read_run(store, key), told, as_json)


def _published(run: Run, told: dict[str, RunReport], as_json: bool) -> None:
    report = told.get(run.id)
    if as_json:
        summary = {"report": summary_of(report)} if report else {}
        echo_json(asdict(run) | {"state": "published"} | summary)
        return
    click.echo(_run_line(run))
    if report:
        click.echo(f"    {summary_line(report)}")


def _waits(each: Waiting, as_json: bool) -> None:
    if as_json:
        echo_json(asdict(each))
        return
    why = each.why or ("it is being written" if each.state == "writing" else "`morgue recover` publishes it")
    click.echo(
        f"{each.run}  {each.site}  NOT PUBLISHED ({each.state})  {each.size:,} bytes in the spool: {why}"
    )


def _run_line(run: Run) -> str:
    size = sum(w.size for w in run.warcs)
    seconds = (run.ended - run.started).total_seconds()
    said = " ".join(f"{k}={v}" for k, v in sorted(run.counts.items()))
    return f"{run.id}  {run.site}  {run.reason}  {seconds:.0f} s  {size:,} bytes  {said}"


@click.command()
@click.argument("url")
@archive_option
@json_option
def captures(url: str, archive: str | None, as_json: bool) -> None:
    """List the captures of a URL, oldest first, as CDXJ lines.

    Example: morgue captures https://paper.example/news/story
    """
    found = the_index(the_store(archive)).captures(url)
    if not found:
        raise NotCaptured(f"nothing was captured of {url}; `morgue runs` shows what was crawled")
    for capture in found:
        if as_json:
            echo_json(asdict(capture))
        else:
            click.echo(line_of(capture))


@click.command()
@click.argument("url")
@click.option("--at", metavar="TIME", help="The capture nearest to this time  [default: the latest]")
@click.option("--raw", is_flag=True, help="The HTTP message as it crossed the wire: head and body.")
@click.option("--headers", is_flag=True, help="The head only.")
@archive_option
def get(url: str, at: str | None, raw: bool, headers: bool, archive: str | None) -> None:
    """Write a captured page to standard output: its body, decoded.

    Example: morgue get https://paper.example/ --at 2026-11-20T06:00Z > page.html
    """
    wanted = a_time(at)
    store = the_store(archive)
    index = the_index(store)
    capture = index.closest(url, wanted)
    must_be_shown(store, capture.url, capture.location.warc, capture.at)
    click.echo(f"captured {capture.at:%Y-%m-%d %H:%M:%S} UTC, status {capture.status}", err=True)
    if raw or headers:
        record = read_location(store, capture.location)
        head_length = len(record.block) - len(record.http()[1])
        sys.stdout.buffer.write(record.block if raw else record.block[:head_length])
    else:
        sys.stdout.buffer.write(play(store, index, capture).decoded())
    sys.stdout.buffer.flush()


@click.command()
@click.option("--site", help="Only articles of this site.")
@click.option("--since", metavar="TIME", help="Captured at or after this time.")
@click.option("--until", metavar="TIME", help="Captured before this time (a bare day is included).")
@click.option("--url", help="Only the article of this URL.")
@click.option("--versions", is_flag=True, help="Every version of each article, not only the latest.")
@click.option("--all-rights", is_flag=True, help="Also articles whose publisher forbids an export.")
@archive_option
@json_option
def articles(
    site: str | None,
    since: str | None,
    until: str | None,
    url: str | None,
    versions: bool,
    all_rights: bool,
    archive: str | None,
    as_json: bool,
) -> None:
    """List archived articles, newest capture first; with --json whole, one a line.

    Example: morgue articles --site the-daily-specimen --since 2026-11-20 --json
    """
    from archive.articles import json_row, rows

    wanted: dict[str, Any] = {
        "site": site,
        "since": a_time(since),
        "until": a_time(until, end=True),
        "url": url,
    }
    store = the_store(archive)
    found = rows(store, versions=versions, **wanted)
    allowed = _exported(store, found, all_rights=all_rights)
    for row in allowed:
        if as_json:
            echo_json(json_row(row))
        else:
            click.echo(_article_line(row))
    if not found and not as_json:
        click.echo("no articles; after a crawl, `morgue extract` makes them from the WARCs", err=True)


def _exported(store: Store, found: list[ArticleRow], *, all_rights: bool) -> list[ArticleRow]:
    """The rows that may be given away; how many are left out, and why, goes to standard error."""
    from archive.permission import Permission

    config = Config.from_env()
    folder = site_folder(config)
    sites = load_sites(folder) if folder.is_dir() else {}
    permission = Permission(store, Index(store), sites, config.rights)
    asked = permission.ruled if all_rights else permission.export
    why = [(row, asked(row)) for row in found]
    if left := Counter(said for _row, said in why if said):
        listed = ", ".join(f"{said}: {count}" for said, count in left.most_common())
        click.echo(
            f"{left.total()} articles left out ({listed}); "
            "--all-rights brings those that their publishers keep back",
            err=True,
        )
    return [row for row, said in why if not said]


def _article_line(row: ArticleRow) -> str:
    article = row.article
    published = f"{article.published:%Y-%m-%d %H:%M}" if article.published else "-" * 16
    return f"{published}  {article.headline}\n{' ' * 18}{article.url}"
