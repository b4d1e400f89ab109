"""The command that prints the paper on this computer."""

import errno
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from .server import Specimen


@click.command(name="specimen")
@click.option("--port", type=click.IntRange(0, 65535), default=8085, show_default=True, help="Port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of this computer.")
@click.option(
    "--edition-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that remembers the edition over a restart.",
)
def specimen(port: int, host: str, edition_file: Path | None) -> None:
    """Print The Daily Specimen, an invented newspaper to try a crawl on without internet.

    Example: morgue specimen --port 8085
    """
    try:
        with _interrupted() as stop, Specimen(port=port, host=host, edition_file=edition_file) as paper:
            click.echo(f"The Daily Specimen: {paper.base}/ (edition {paper.edition})")
            stop.wait()
    except OSError as error:
        raise click.ClickException(_trouble(error, port)) from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """Give an event that is set when the process is asked to stop."""
    stop = threading.Event()
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in wanted}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _trouble(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken; choose another with --port"
    if error.errno == errno.EACCES and not error.filename:
        return f"port {port} may not be opened by this user; choose another with --port"
    return f"cannot print the paper: {error}"
