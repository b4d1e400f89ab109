"""The commands that crawl: capture, crawl, site. Scrapy is imported only when one of them runs."""

import re
import sys
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archive import SOFTWARE
from archive.cli.options import archive_option, archive_url, echo_json, json_option
from archive.cli.teach import teach
from archive.config import Config, site_folder
from archive.dates import read_time
from archive.errors import AddressRefused, CallerError, ConfigError, MorgueError, SiteError, Unreachable
from archive.sites import Site, find_site, load_sites, write_site

if TYPE_CHECKING:
    from archive.shards import Shard
    from spiders.runner import Crawled


def agent(config: Config) -> str:
    """The honest user agent."""
    return f"{SOFTWARE} (+{config.contact})" if config.contact else SOFTWARE


@click.command()
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option(
    "-i",
    "--input",
    "source",
    type=click.File(),
    help="Read URLs from FILE, one a line (- is standard input).",
)
@click.option(
    "--requisites", is_flag=True, help="Also what a browser loads with the pages: styles, images, scripts."
)
@click.option(
    "--delay",
    type=click.FloatRange(min=0),
    default=0.2,
    show_default=True,
    help="Seconds between two requests to one host.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1, max=256),
    default=2,
    show_default=True,
    help="Requests to one host at a time.",
)
@click.option("--allow-private", is_flag=True, help="Allow addresses that are not public, like 127.0.0.1.")
@click.option("--quiet", is_flag=True, help="Only warnings on standard error.")
@archive_option
@json_option
def capture(
    urls: tuple[str, ...],
    source: Any,
    requisites: bool,
    delay: float,
    concurrency: int,
    allow_private: bool,
    quiet: bool,
    archive: str | None,
    as_json: bool,
) -> None:
    """Capture one-off pages into the archive.

    Exit code 0 only if the WARCs are published and every URL answered.

    Example: morgue capture https://paper.example/story --archive s3://bucket/papers
    """
    from spiders.listing import Listing
    from spiders.pages import MOST_FAILURES, PageSpider
    from spiders.probe import check_contact
    from spiders.runner import crawl as run_crawl

    wanted = Listing(chain(urls, _lines(source)))
    if not wanted.count:
        raise CallerError("no URL given; example: morgue capture https://paper.example/story")
    config = Config.from_env()
    check_contact(config.contact, allow_private=allow_private)
    done = run_crawl(
        PageSpider,
        archive=archive_url(archive),
        settings={
            "MORGUE_ALLOW_PRIVATE": allow_private,
            "MORGUE_DELAY": delay,
            "CONCURRENT_REQUESTS": max(concurrency, 16),
            "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        },
        quiet=quiet or as_json,
        urls=wanted,
        archive_site=place_of(wanted.hosts),
        requisites=requisites,
    )
    _report(done, as_json)
    if done.failed:
        url, why = next(iter(done.failed.items()))
        count = done.counts.get("failed", 0)
        more = f" (and {len(done.failed) - 1} more)" if len(done.failed) > 1 else ""
        more = f" ({count} attempts failed)" if len(done.failed) >= MOST_FAILURES else more
        fault = AddressRefused if "not a public address" in why else Unreachable
        raise fault(f"{url}: {why}{more}; the attempt is recorded in the archive")


def _lines(source: Any) -> Iterator[str]:
    lines = (line.strip() for line in source or ())
    return (line for line in lines if line and not line.startswith("#"))


def _checked(urls: tuple[str, ...]) -> tuple[str, ...]:
    from spiders.listing import checked

    return tuple(checked(url) for url in urls)


def place_of(hosts: Collection[str]) -> str:
    """Where one-off pages go below warc/: their host, or "pages" where there are several."""
    return (
        re.sub(r"[^a-z0-9.-]+", "-", next(iter(hosts))).strip("-.") or "pages" if len(hosts) == 1 else "pages"
    )


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="SITE...")
@click.option(
    "--limit", type=click.IntRange(min=0), default=0, help="At most so many articles  [default: the site's]"
)
@click.option("--url", "urls", multiple=True, help="Only this URL of the site (may be repeated).")
@click.option("--force", is_flag=True, help="Look at known articles again before their time.")
@click.option("--due-only", is_flag=True, help="Leave feeds and sitemaps alone whose time has not come.")
@click.option(
    "--as-of", "as_of", default="", metavar="TIME", help="Decide what is due as at this time  [default: now]"
)
@click.option("--since", default="", metavar="DATE", help="Backfill: pages published from this time on.")
@click.option("--until", default="", metavar="DATE", help="Backfill: pages published before this time.")
@click.option(
    "--resume-from",
    "resume_from",
    default="",
    metavar="TIME",
    help="Leave alone what was archived from this time on: a second try goes on where the first ended.",
)
@click.option(
    "--shard", default="", metavar="K/N", help="Only the hosts of shard K of N; the others' are passed on."
)
@click.option("--dry-run", is_flag=True, help="Say what would be crawled; fetch and write nothing.")
@click.option(
    "--allow-private", is_flag=True, help="Allow addresses that are not public, whatever the site file says."
)
@click.option("--result", type=click.Path(path_type=Path), help="Also write the summary to this file.")
@click.option("--quiet", is_flag=True, help="Only warnings on standard error.")
@archive_option
@json_option
def crawl(
    names: tuple[str, ...],
    limit: int,
    urls: tuple[str, ...],
    force: bool,
    due_only: bool,
    as_of: str,
    since: str,
    until: str,
    resume_from: str,
    shard: str,
    dry_run: bool,
    allow_private: bool,
    result: Path | None,
    quiet: bool,
    archive: str | None,
    as_json: bool,
) -> None:
    """Crawl newspapers: front page, feeds, sitemaps, then the articles that they name.

    With --since or --until, dated sitemaps and the site file's archive pages are walked for an interval of
    the past instead.

    Exit code 0 only if the WARCs are published. Example: morgue crawl the-daily-specimen --limit 20
    """
    folder = site_folder(Config.from_env())
    sites = [find_site(folder, name) for name in names]
    part = _shard(shard, sites)
    if dry_run:
        _dry(sites, limit, urls, part, result, as_json)
        return
    if len(sites) > 1:
        _one_after_another(sites)
        return
    total = limit or sites[0].limit
    if part and total and not part.share(total):
        _leave_alone(sites[0], "limit", f"a limit of {total} leaves nothing to shard {part}", result, as_json)
        return
    _crawl(
        sites[0],
        {
            "limit": part.share(total) if part else limit,
            "shard": part,
            "urls": _checked(urls) if urls else (),
            "force": force,
            "due_only": due_only,
            "as_of": _moment(as_of, "--as-of"),
            "resume_from": _moment(resume_from, "--resume-from"),
            **_interval(since, until),
        },
        allow_private,
        result,
        quiet,
        archive_url(archive),
        as_json,
    )


def _shard(text: str, sites: list[Site]) -> "Shard | None":
    from archive.shards import shard_of

    if text and len(sites) > 1:
        raise CallerError("--shard is of one newspaper: name one")
    return shard_of(text, (sites[0].host, *sites[0].hosts)) if text else None


def _dry(
    sites: list[Site],
    limit: int,
    urls: tuple[str, ...],
    part: "Shard | None",
    result: Path | None,
    as_json: bool,
) -> None:
    for site in sites:
        sources = list(urls) or [site.home, *site.sections, *site.feeds, *site.sitemaps]
        sources = [url for url in sources if part is None or part.mine(url)]
        data: dict[str, Any] = {
            "run": None,
            "site": site.id,
            "reason": "dry run",
            "counts": {},
            "bytes": 0,
            "warcs": [],
        }
        data |= {"manifest": None, "limit": limit or site.limit, "sources": sources}
        if result:
            _write(result, data)
        if as_json:
            echo_json(data)
        else:
            click.echo(
                f"{site.id}: would read {len(sources)} sources of {site.name}, then the articles they name:"
            )
            click.echo("".join(f"  {s}\n" for s in sources), nl=False)


def _one_after_another(sites: list[Site]) -> None:
    """Scrapy's reactor runs once a process: more sites are more processes, each with the same options."""
    import subprocess

    options = [a for a in sys.argv[2:] if a not in {s.id for s in sites}]
    failed = []
    for site in sites:
        code = subprocess.run(
            [sys.executable, "-m", "archive", "crawl", site.id, *options], check=False
        ).returncode
        if code:
            failed.append(site.id)
        if code == 130:
            break
    if failed:
        raise MorgueError(f"{len(failed)} of {len(sites)} crawls failed: {', '.join(failed)}")


def _crawl(
    site: Site,
    wanted: dict[str, Any],
    allow_private: bool,
    result: Path | None,
    quiet: bool,
    archive: str,
    as_json: bool,
) -> None:
    from zoneinfo import ZoneInfo

    from spiders.news import spider_of
    from spiders.pace import quiet as quiet_at
    from spiders.probe import check_contact
    from spiders.runner import crawl as run_crawl

    if span := quiet_at(site.quiet, datetime.now(ZoneInfo(site.timezone))):
        why = f"quiet hours ({span})"
        _leave_alone(site, why, f"{why}, {site.timezone}: nothing is asked for", result, as_json)
        return
    private = allow_private or site.allow_private
    check_contact(Config.from_env().contact, allow_private=private)
    settings = {"MORGUE_ALLOW_PRIVATE": True} if private else {}
    done = run_crawl(spider_of(site), archive=archive, settings=settings, quiet=quiet or as_json, **wanted)
    if result:
        _write(result, done.summary())
    _report(done, as_json)
    if not done.counts.get("exchanges") and (wanted["shard"] or wanted["due_only"]):
        return  # nothing was due, or nothing found on its hosts
    if wanted["shard"] and done.counts.get("refused"):
        return  # only what is not there
    if not done.counts.get("ok") and not done.counts.get("redirects"):
        why = next(iter(done.failed.values()), "no page answered")
        raise Unreachable(f"{site.home}: {why}; what was tried is recorded in the archive")


def _leave_alone(site: Site, reason: str, said: str, result: Path | None, as_json: bool) -> None:
    """In quiet hours, or without a share of the limit, there is nothing to do, and nothing wrong."""
    data: dict[str, Any] = {
        "run": None,
        "site": site.id,
        "reason": reason,
        "counts": {},
        "bytes": 0,
    }
    data |= {"warcs": [], "manifest": None}
    if result:
        _write(result, data)
    if as_json:
        echo_json(data)
    else:
        click.echo(f"{site.id}: {said}")


def _moment(text: str, option: str) -> datetime | None:
    found = read_time(text) if text else None
    if text and found is None:
        raise CallerError(f"{option} {text!r} is no time; write for example 2026-11-24 or 2026-11-24T10:00")
    return found


def _interval(since: str, until: str) -> dict[str, datetime | None]:
    first, last = _moment(since, "--since"), _moment(until, "--until")
    if first and last and first >= last:
        raise CallerError(f"--since {since} is not before --until {until}")
    return {"since": first, "until": last}


def _write(path: Path, data: dict[str, Any]) -> None:
    from spiders.runner import write_result

    try:
        write_result(path, data)
    except OSError as error:
        raise CallerError(f"cannot write {path}: {error.strerror}") from error


def _report(done: "Crawled", as_json: bool) -> None:
    if as_json:
        echo_json(done.summary())
        return
    said = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in sorted(done.counts.items())) or "nothing"
    click.echo(f"run {done.run} {done.reason}: {said}; {done.bytes:,} bytes in {done.archive}")
    for key in done.warcs:
        click.echo(f"  {key}")


@click.command()
@click.argument("names", nargs=-1, metavar="[SITE]...")
@click.option("--callback", required=True, help="The public address under which hubs reach this server.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8390, show_default=True, help="Port.")
@click.option("--allow-private", is_flag=True, help="Allow hubs at addresses that are not public.")
@archive_option
def hub(
    names: tuple[str, ...], callback: str, host: str, port: int, allow_private: bool, archive: str | None
) -> None:
    """Subscribe to the WebSub hubs that feeds name, and crawl a newspaper when its hub reports news.

    Without names, all newspapers. Schedules go on as they are: a hub makes a crawl come sooner, never later.

    Example: morgue hub --callback https://archive.example/hub
    """
    import logging

    from archive.store import open_store
    from spiders.hub import Subscriber, serve
    from spiders.hub import crawl as crawl_child

    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO
    )
    config = Config.from_env()
    sites = [find_site(site_folder(config), name).id for name in names] or list(
        load_sites(site_folder(config))
    )
    options = ("--archive", archive) if archive else ()
    subscriber = Subscriber(
        callback=callback,
        agent=agent(config),
        crawl=lambda name: crawl_child(name, options),
        allow_private=allow_private,
    )
    click.echo(f"answering hubs on {host}:{port}, known to them as {callback}", err=True)
    try:
        serve(subscriber, open_store(archive_url(archive)), sites, host=host, port=port)
    except OSError as error:
        raise CallerError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port"
        ) from error


@click.group()
def site() -> None:
    """Add newspapers, check and list them.

    Example: morgue site add https://paper.example/
    """


@site.command("add")
@click.argument("url")
@click.option("--name", default="", help="The newspaper's name  [default: what its home page says]")
@click.option(
    "--id", "site_id", default="", help="The site's id and file name  [default: made from the name]"
)
@click.option(
    "--schedule", default="0 * * * *", show_default=True, help='Cron line for Airflow; "" for by hand only.'
)
@click.option(
    "--delay", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Seconds between requests."
)
@click.option("--allow-private", is_flag=True, help="Allow addresses that are not public, like 127.0.0.1.")
@click.option("--dry-run", is_flag=True, help="Print the site file; write nothing.")
@json_option
def add(
    url: str,
    name: str,
    site_id: str,
    schedule: str,
    delay: float,
    allow_private: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Find feeds, sitemaps, sections and time zone of a newspaper, and write its site file.

    Asks politely, at most 40 times; robots.txt is obeyed.

    Example: morgue site add https://paper.example/ --schedule "*/30 * * * *"
    """
    from dataclasses import replace

    from archive.sites import check_doubles, check_site, site_toml
    from spiders.probe import check_contact, probe

    config = Config.from_env()
    check_contact(config.contact, allow_private=allow_private)
    found = probe(url, user_agent=agent(config), allow_private=allow_private, name=name, site_id=site_id)
    made = check_site(replace(found.site, schedule=schedule, delay=delay))
    folder = site_folder(config)
    if folder.is_dir() and not dry_run:
        check_doubles(made, folder)
    path = folder / f"{made.id}.toml" if dry_run else write_site(made, folder, found.why)
    if as_json:
        echo_json(_added(made, path))
    elif dry_run:
        click.echo(site_toml(made, found.why), nl=False)
    else:
        kinds = (made.feeds, "feed"), (made.sitemaps, "sitemap"), (made.sections, "section")
        said = ", ".join(f"{len(what)} {word}{'' if len(what) == 1 else 's'}" for what, word in kinds)
        click.echo(f"{made.id}: {made.name}, {said} -> {path}")
        click.echo(f"  try it: morgue site check {made.id}")
    for line in () if as_json else found.missing:
        click.echo(line, err=True)


def _added(made: Site, path: Path) -> dict[str, Any]:
    data: dict[str, Any] = {"site": made.id, "file": str(path), "name": made.name}
    keys = ("feeds", "sitemaps", "sections", "articles", "timezone", "language")
    return data | {key: getattr(made, key) for key in keys}


@site.command("check")
@click.argument("names", nargs=-1, metavar="[SITE...]")
@click.option(
    "--allow-private", is_flag=True, help="Allow addresses that are not public, whatever the site file says."
)
@json_option
def check(names: tuple[str, ...], allow_private: bool, as_json: bool) -> None:
    """Try site files against the live newspapers, and say what to mend.

    Asks for the front page, each section, feed and sitemap, and one article; writes nothing. Exit code 0 only
    if nothing needs mending. Example: morgue site check the-daily-specimen
    """
    from archive.sites import check_doubles
    from spiders.checkup import checkup
    from spiders.probe import check_contact

    config = Config.from_env()
    folder = site_folder(config)
    sites = [find_site(folder, name) for name in names] or list(load_sites(folder).values())
    if not sites:
        raise ConfigError(f"no site file in {folder}; run `morgue site add URL`")
    for each in sites:
        check_doubles(each, folder)
        check_contact(config.contact, allow_private=allow_private or each.allow_private)
    faulty = 0
    for each in sites:
        found = checkup(each, user_agent=agent(config), allow_private=allow_private or each.allow_private)
        faulty += bool(found.mend)
        for row in found.rows() if as_json else ():
            echo_json(row)
        for line in () if as_json else found.lines():
            click.echo(line)
    if faulty:
        raise SiteError(f"{faulty} of {len(sites)} sites need{'s' if faulty == 1 else ''} mending")


site.add_command(teach)


@site.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the newspapers that have a site file.

    Example: morgue site list
    """
    folder = site_folder(Config.from_env())
    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is no folder of site files; set MORGUE_SITES or run `morgue site add URL`"
        )
    for each in load_sites(folder).values():
        if as_json:
            echo_json(
                {
                    "site": each.id,
                    "name": each.name,
                    "home": each.home,
                    "schedule": each.schedule,
                    "file": each.file,
                }
            )
        else:
            click.echo(f"{each.id:30} {each.schedule or 'by hand':16} {each.home}  {each.name}")
