"""The commands `morgue up` and `morgue down`: everything on one machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from archive.errors import CallerError
from archive.runs import all_runs
from archive.store import Store, open_store

F = TypeVar("F", bound=Callable[..., Any])
DEFAULTS = {"s3": 8333, "airflow": 8080, "room": 8090, "replay": 8091, "specimen": 8085}
SAID = {
    "s3": "the S3 server",
    "airflow": "Airflow",
    "room": "the reading room",
    "replay": "replay (an origin of its own)",
    "specimen": "The Daily Specimen",
}


def _port_options(function: F) -> F:
    for name, default in reversed(DEFAULTS.items()):
        option = click.option(
            f"--{name}-port", type=click.IntRange(1, 65535), default=default, show_default=True,
            help=f"Port of {SAID[name]}.",
        )  # fmt: skip
        function = option(function)
    return function


@click.command()
@click.option(
    "--var",
    type=click.Path(path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Where all is kept.",
)
@_port_options
@click.option("--once", is_flag=True, help="Run the Specimen's crawl, print what came of it, and stop.")
@click.option("--no-crawl", is_flag=True, help="Start everything, and crawl nothing.")
def up(var: Path, once: bool, no_crawl: bool, **ports: int) -> None:
    """Start everything on this machine: S3 server, Airflow, reading room, and a newspaper to try them on.

    Ctrl-C (or `morgue down` from elsewhere) stops all of it; nothing is lost.

    Example: morgue up --airflow-port 9080
    """
    from morgue_airflow.ports import choose
    from morgue_airflow.stack import SITE, Layout, load_secrets
    from morgue_airflow.supervisor import Stopped, Supervisor, refuse_second

    var = var.absolute()
    try:
        var.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallerError(f"cannot make {var}: {error.strerror}") from error
    refuse_second(var)
    chosen = choose({name: ports[f"{name}_port"] for name in DEFAULTS}, var / "ports.json")
    layout = Layout(var=var, ports=chosen, secrets=load_secrets(var / "secrets.json"))
    with Supervisor(layout, click.echo) as supervisor:
        try:
            supervisor.start()
            store = open_store(layout.archive)
            if not no_crawl and (once or not any(all_runs(store, SITE))):
                supervisor.crawl()
            click.echo(table(layout, store))
            if not once:
                click.echo("Ctrl-C stops everything.")
                supervisor.watch()
        except Stopped:
            click.echo()


def table(layout: Any, store: Store) -> str:
    """What runs where, the login, what was archived, and which page to open first."""
    from archive.articles import rows
    from morgue_airflow.stack import SITE, USER

    runs = list(all_runs(store, SITE))
    found = rows(store, site=SITE)
    size = sum(w.size for run in runs for w in run.warcs)
    exchanges = sum(run.counts.get("exchanges", 0) for run in runs)
    lines = [
        ("reading room", layout.url("room") + "/", "open this first"),
        ("Airflow", layout.url("airflow") + "/", f"{USER} / {layout.secrets['airflow_password']}"),
        ("The Daily Specimen", layout.url("specimen") + "/", "print its next edition at /press/"),
        ("S3 server", layout.url("s3"), f"{store.url}; keys in {layout.var / 'secrets.json'}"),
        (
            "archived",
            f"{len(found)} articles, {exchanges} exchanges",
            f"{len(runs)} run{'s' if len(runs) != 1 else ''}, {size:,} bytes of WARC",
        ),
        *(("", run.warcs[-1].key, "") for run in runs[-1:] if run.warcs),
    ]
    widths = [max(len(line[n]) for line in lines) for n in (0, 1)]
    return "\n" + "\n".join(f"  {a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in lines) + "\n"


@click.command()
@click.option(
    "--var", type=click.Path(path_type=Path), default=Path("var"), show_default=True, help="As given to `up`."
)
def down(var: Path) -> None:
    """Stop what `morgue up` started, and anything that a killed one left behind.

    Example: morgue down
    """
    from morgue_airflow.supervisor import stop

    did = stop(var.absolute(), click.echo)
    click.echo("everything is stopped" if did else f"nothing runs in {var}")
