"""Commands that say what was missed, and why: report, log, health."""

import json
import shlex
from dataclasses import asdict
from typing import Any

import click

from archive.cli.options import archive_option, echo_json, json_option, the_store
from archive.config import Config, site_folder
from archive.crawllog import lines_of
from archive.errors import DamagedReport, MorgueError, NotStored, UnknownSite
from archive.reports import (
    Event,
    HostReport,
    RunReport,
    SourceReport,
    find_report,
    in_parallel,
    plain,
    read_report,
    report_key,
    report_keys,
)
from archive.runs import find_run
from archive.sites import Site, load_sites
from archive.store import Store
from archive.watch import Watch

SHOWN_EVENTS = 50


@click.command()
@click.argument("name", metavar="RUN|SITE")
@archive_option
@json_option
def report(name: str, archive: str | None, as_json: bool) -> None:
    """Show one run's report in full: sources, hosts, events, what is missing; of a site, the last run's.

    Example: morgue report the-daily-specimen
    """
    store = the_store(archive)
    keys = report_keys(store, name) if "/" not in name else []
    found = read_report(store, keys[-1]) if keys else find_report(store, name)
    if as_json:
        echo_json(plain(found) | _derived(found))
    else:
        for line in _lines(found):
            click.echo(clean(line))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--failed", is_flag=True, help="Only what did not answer, or answered 400 and above.")
@archive_option
@json_option
def log(run_id: str, failed: bool, archive: str | None, as_json: bool) -> None:
    """Show a run's crawl log: a line per exchange, in the order in which they were recorded.

    With --json each line is the log's own: when, how long, status, size, URL, how it was found, digest, and
    where its record lies. Example: morgue log 20261123T180000Z-0a1b2c3d --failed
    """
    store = the_store(archive)
    for warc in find_run(store, run_id).warcs:
        for line in lines_of(store, warc):
            said = json.loads(line)
            if not failed or said["status"] == 0 or said["status"] >= 400:
                click.echo(line if as_json else clean(_exchanged(said)))


def _exchanged(said: dict[str, Any]) -> str:
    what = said.get("error") or " ".join(filter(None, (said.get("mime"), said.get("kind"), said.get("wall"))))
    found = f"  ({said['via']})" if said.get("via") else ""
    return (
        f"{said['at'][:19]}  {said['status'] or '---'}  {said.get('size', 0):>9,} B  {said['ms']:>6} ms  "
        f"{said.get('method', 'GET')} {said['url']}  {what}{found}"
    )


@click.command()
@click.argument("names", nargs=-1, metavar="[SITE]...")
@click.option("--strict", is_flag=True, help="Exit code 1 where there is an alarm.")
@archive_option
@json_option
def health(names: tuple[str, ...], strict: bool, archive: str | None, as_json: bool) -> None:
    """List what is wrong with the newspapers, judged from the reports of their runs; without a site, of all.

    Exit code 0 with alarms, too, unless --strict. Example: morgue health the-daily-specimen
    """
    watch = Watch(the_store(archive))
    folder = site_folder(Config.from_env())
    sites = load_sites(folder) if folder.is_dir() else {}
    chosen = names or tuple(sorted(watch.sites() | set(sites)))
    count = sum(_judge(watch, name, sites.get(name), as_json, asked=bool(names)) for name in chosen)
    if not chosen and not as_json:
        click.echo("no newspaper is kept here yet; `morgue site add URL` makes a site file", err=True)
    if strict and count:
        raise MorgueError(f"{count} alarm{'' if count == 1 else 's'}")


def _judge(watch: Watch, name: str, site: Site | None, as_json: bool, *, asked: bool) -> int:
    seen = watch.look(name, schedule=site.schedule if site else "")
    if asked and site is None and not seen.reports and not seen.alarms:
        raise UnknownSite(f"no site {name!r}: it has no site file and no reports; `morgue site list` has all")
    for alarm in seen.alarms:
        if as_json:
            echo_json({"site": name} | asdict(alarm))
        else:
            about = f"  [{alarm.source}]" if alarm.source else ""
            click.echo(clean(f"{name}  {alarm.since:%Y-%m-%d %H:%M}  {alarm.kind}: {alarm.text}{about}"))
            if alarm.url and alarm.url != alarm.source:
                # The URL is somebody else's text, and this line is there to be copied into a shell.
                url = shlex.quote(clean(alarm.url))
                click.echo(f"    first: morgue get {url} --at {alarm.since:%Y%m%d%H%M%S}")
    if not as_json and not seen.alarms:
        click.echo(f"{name}  {_well(seen.last)}")
    return len(seen.alarms)


def _well(last: RunReport | None) -> str:
    if last is None:
        return "no reports yet; the next crawl leaves one"
    return f"nothing is wrong; last run {last.ended:%Y-%m-%d %H:%M} UTC"


def reports_of(store: Store, manifests: list[str]) -> dict[str, RunReport]:
    """The reports of these runs (keys of their manifests) by run id, where one can be read."""

    def read(key: str) -> RunReport | None:
        _, site, name = key.split("/")
        try:
            return read_report(store, report_key(site, name.removesuffix(".json")))
        except (NotStored, DamagedReport):
            return None

    return {found.run: found for found in in_parallel(read, manifests) if found}


def summary_of(found: RunReport) -> dict[str, Any]:
    """The figures of a run for a list."""
    names = ("named", "archived", "failed", "new", "changed", "gone", "moved", "bytes")
    return {name: getattr(found, name) for name in names} | _derived(found)


def _derived(found: RunReport) -> dict[str, Any]:
    return {"recall": found.recall, "lag_median": found.lag_median, "lag_p95": found.lag_p95}


def summary_line(found: RunReport) -> str:
    """The same in one line."""
    recall = "no URLs named" if found.recall is None else f"recall {percent(found.recall)}"
    lag = ""
    if found.lag_median is not None and found.lag_p95 is not None:
        lag = f", lag {span(found.lag_median)} (95 % under {span(found.lag_p95)})"
    return (
        f"{recall} ({found.archived:,} of {found.named:,}), {found.new:,} new, {found.changed:,} changed, "
        f"{found.gone:,} gone{lag}, {found.bytes:,} bytes, {found.failed:,} failed"
    )


def percent(share: float) -> str:
    """A share as a percentage that says 100 only where it is all."""
    return "100 %" if share >= 1 else f"{min(share * 100, 99.9):.1f} %"


def span(seconds: float) -> str:
    """A time in its largest fitting unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def clean(text: str) -> str:
    """The text without what a terminal would act upon: URLs and errors come from the web."""
    return "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in text)  # noqa: UP031


# --- a report in full --------------------------------------------------------------------------------------


def _lines(found: RunReport) -> list[str]:
    seconds = (found.ended - found.started).total_seconds()
    lines = [
        f"{found.site}  {found.run}  {found.reason} after {span(seconds)}",
        summary_line(found),
        f"{found.forbidden:,} forbidden, {found.deferred:,} deferred, {found.moved:,} moved",
        f"{found.same:,} unchanged ({found.unchanged_bytes:,} bytes), {found.truncated:,} cut off",
    ]
    filled = ", ".join(f"{name} {percent(share)}" for name, share in sorted(found.fields.items()))
    lines += [f"fields of {found.articles:,} articles: {filled}"] if filled else []
    lines += [
        f"wall: {label}, {n:,} pages, first {found.first_wall.get(label, '')}"
        for label, n in found.walls.items()
    ]
    lines += [f"trap: {label}, {n:,} left out" for label, n in found.traps.items()]
    lines += ["", "SOURCES (named / new / archived / failed)", *(_source(s) for s in found.sources)]
    lines += ["", "HOSTS", *(_host(h) for h in found.hosts)]
    lines += ["", "EVENTS", *(_event(e) for e in found.events[:SHOWN_EVENTS])]
    more = len(found.events) - SHOWN_EVENTS
    lines += [f"  and {more:,} more; --json has them"] if more > 0 else []
    missing = dict.fromkeys(url for source in found.sources for url in source.missing)
    lines += ["", "MISSING: named and not archived", *(f"  {url}" for url in missing)]
    return lines


def _source(source: SourceReport) -> str:
    counts = f"{source.named:>6,} {source.fresh:>6,} {source.archived:>6,} {source.failed:>6,}"
    skipped = "".join(f"; {n:,} {reason}" for reason, n in sorted(source.skipped.items()))
    status = source.status or "no answer"
    said = f"; {source.error}" if source.error else ""
    return f"  {source.kind:8}{counts}  {source.outcome} ({status}{skipped}{said})  {source.url}"


def _host(host: HostReport) -> str:
    why = f", {host.reason}" if host.reason else ""
    state = f"  {host.state.upper()}" if host.state else ""
    return (
        f"  {host.host}  {host.requests:,} requests, {host.bytes:,} bytes, {host.failed:,} failed; "
        f"one every {host.delay:.1f} s{why}; waited {span(host.waited)}{state}"
    )


def _event(event: Event) -> str:
    detail = f"  ({event.detail})" if event.detail else ""
    return f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.kind:9}  {event.url}{detail}"
