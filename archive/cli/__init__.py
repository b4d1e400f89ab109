"""The command `morgue`.

Packages that crawl or schedule add their commands by the entry point `newsmorgue.commands`.
"""

import contextlib
import faulthandler
import sys
from importlib.metadata import entry_points
from typing import Any

import click

from archive import __version__
from archive.cli.access import access
from archive.cli.change import difference, versions
from archive.cli.due import due, hosts, rebuild
from archive.cli.find import copies, search
from archive.cli.give import export
from archive.cli.imports import imports
from archive.cli.keep import abilities, audit, extract, index, recover, verify
from archive.cli.know import health, log, report
from archive.cli.read import articles, captures, get, runs
from archive.cli.serve import serve
from archive.errors import MorgueError


class _Failed(click.ClickException):
    """A MorgueError as click shows it: one line, and the exit code of whose fault it is."""

    def __init__(self, error: MorgueError) -> None:
        super().__init__(str(error))
        self.__dict__["exit_code"] = error.exit_code  # click declares it for the class alone

    def show(self, _file: Any = None) -> None:
        click.echo(f"morgue: {self.format_message()}", err=True)


class _Group(click.Group):
    """Own commands, and those of installed packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_plugins()})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        found = super().get_command(ctx, name)
        plugin = _plugins().get(name)
        try:
            return found or (plugin.load() if plugin else None)
        except ImportError:
            return None  # a command of an extra that is not installed here

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MorgueError as error:
            raise _Failed(error) from error


def _plugins() -> dict[str, Any]:
    return {point.name: point for point in entry_points(group="newsmorgue.commands")}


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="morgue")
def group() -> None:
    """Keep a newspaper's own archive: crawl, store as WARC, replay and study.

    \b
    Example, without internet:
      morgue specimen --port 8085 &
      morgue site add http://127.0.0.1:8085/ --allow-private
      morgue crawl the-daily-specimen && morgue extract
      morgue articles
      morgue serve
    """


for command in (
    abilities, access, articles, audit, captures, copies, difference, due, export, extract, get,
    health, hosts, imports, index, log, rebuild, recover, report, runs, search, serve, verify, versions,
):  # fmt: skip
    group.add_command(command)


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    with contextlib.suppress(OSError, ValueError):  # no standard error to write to
        faulthandler.enable()  # a crash in a C library says where
    try:
        group.main()
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone: nothing to say, and nobody to say it to
        sys.exit(141)
