"""The commands `morgue up` and `morgue down` (everything on one machine), and `morgue worker`."""

import os
import sys
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


def _airflow_options(function: F) -> F:
    options = [
        click.option(
            "--executor", type=click.Choice(["local", "celery"]), default="local", show_default=True,
            help="What runs the tasks: the scheduler, or workers of their own (needs Redis and Postgres).",
        ),
        click.option(
            "--workers", type=click.IntRange(1, 64), default=2, show_default=True,
            help="With --executor celery: how many workers, each with a spool of its own.",
        ),
        click.option(
            "--tasks", type=click.IntRange(1, 128), default=usual_tasks, show_default="one a core, 2 to 8",
            help="How many tasks the scheduler, or each worker, runs at a time.",
        ),
        click.option(
            "--database", type=click.Choice(["sqlite", "postgres"]), default=None,
            help="Airflow's database: SQLite, or Postgres as this system has it.  "
            "[default: sqlite; with --executor celery postgres]",
        ),
        click.option(
            "--setting", "settings", multiple=True, metavar="NAME=VALUE", callback=_settings,
            help="A variable AIRFLOW__... or MORGUE_... for all parts; no secrets. May be repeated.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def usual_tasks() -> int:
    """How many tasks at a time suit this machine: one a core, 2 at least and 8 at most."""
    return max(2, min(8, os.cpu_count() or 2))


def _settings(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.startswith(("AIRFLOW__", "MORGUE_")):
            raise click.BadParameter(f"{text!r} is not AIRFLOW__SECTION__KEY=VALUE or MORGUE_NAME=VALUE")
        found[name] = value
    return found


@click.command()
@click.option(
    "--var",
    type=click.Path(path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Where all is kept.",
)
@_port_options
@_airflow_options
@click.option("--once", is_flag=True, help="Run the Specimen's crawl, print what came of it, and stop.")
@click.option("--no-crawl", is_flag=True, help="Start everything, and crawl nothing.")
def up(var: Path, once: bool, no_crawl: bool, **options: Any) -> None:
    """Start everything on this machine: S3 server, Airflow, reading room, and a newspaper to try them on.

    Ctrl-C (or `morgue down` from elsewhere) stops all of it; nothing is lost.

    \b
    Example: morgue up --airflow-port 9080
             morgue up --executor celery --workers 2
    """
    from morgue_airflow.stack import SITE
    from morgue_airflow.supervisor import Stopped, Supervisor

    layout = _layout(var.absolute(), options)
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


def _layout(var: Path, options: dict[str, Any]) -> Any:
    """The stack that is asked for; raise CallerError where it cannot be."""
    from morgue_airflow.ports import choose
    from morgue_airflow.stack import Layout, load_secrets, must_have
    from morgue_airflow.supervisor import refuse_second

    celery = options["executor"] == "celery"
    if celery and options["database"] == "sqlite":
        raise CallerError("Celery's workers need a database that is a server: leave out --database sqlite")
    must_have(celery=celery, postgres=celery or options["database"] == "postgres")
    try:
        var.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallerError(f"cannot make {var}: {error.strerror}") from error
    refuse_second(var)
    return Layout(
        var=var,
        ports=choose({name: options[f"{name}_port"] for name in DEFAULTS}, var / "ports.json"),
        secrets=load_secrets(var / "secrets.json"),
        postgres=celery or options["database"] == "postgres",
        workers=options["workers"] if celery else 0,
        tasks=options["tasks"],
        settings=options["settings"],
    )


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
        *_workers(layout),
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


def _workers(layout: Any) -> list[tuple[str, str, str]]:
    if not layout.workers:
        return []
    spools = layout.spool(1).parent.parent
    return [("workers", f"{layout.workers} of Celery, {layout.tasks} tasks each", f"their spools: {spools}")]


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: tuple[str, ...]) -> None:
    """Be an Airflow worker (Celery), on this machine's spool.

    What a worker that died has left in MORGUE_SPOOL is published and extracted first; then this is
    `airflow celery worker`, with the arguments given.

    Example: morgue worker -- --concurrency 4
    """
    from morgue_airflow.leftovers import publish_leftovers

    program = Path(sys.executable).with_name("airflow")
    if not program.is_file():
        raise CallerError("Airflow is not installed here: pip install 'newsmorgue[celery]'")
    for each in publish_leftovers():
        click.echo(f"left by run {each.run} of {each.site}: {each.action} {each.error}".rstrip())
    sys.stdout.flush()
    os.execv(program, [str(program), "celery", "worker", *arguments])  # noqa: S606 - no shell, our own program


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
