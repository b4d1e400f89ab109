"""The command `morgue`.

Packages that crawl or schedule add their commands by the entry point `newsmorgue.commands`.
"""

import contextlib
import faulthandler
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from archive.errors import MorgueError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# The module and the name of each command: only what was asked for is read, and what it needs.
COMMANDS = {
    "access": "access:access",
    "articles": "read:articles",
    "audit": "keep:audit",
    "captures": "read:captures",
    "copies": "find:copies",
    "diff": "change:difference",
    "due": "due:due",
    "export": "give:export",
    "extract": "keep:extract",
    "get": "read:get",
    "health": "know:health",
    "hosts": "due:hosts",
    "import": "imports:imports",
    "index": "keep:index",
    "log": "know:log",
    "rebuild": "due:rebuild",
    "recover": "keep:recover",
    "report": "know:report",
    "runs": "read:runs",
    "search": "find:search",
    "serve": "serve:serve",
    "store": "keep:abilities",
    "verify": "keep:verify",
    "versions": "change:versions",
}


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
        return sorted({*super().list_commands(ctx), *COMMANDS, *_plugins()})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            module, _, attribute = COMMANDS[name].partition(":")
            command: click.Command = getattr(import_module(f"archive.cli.{module}"), attribute)
            return command
        try:
            return plugin.load() if (plugin := _plugins().get(name)) else super().get_command(ctx, name)
        except ImportError:
            return None  # a command of an extra that is not installed here

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MorgueError as error:
            raise _Failed(error) from error


def _plugins() -> "dict[str, EntryPoint]":
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="newsmorgue.commands")}


def _version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from archive import __version__

        click.echo(f"morgue, version {__version__}")
        ctx.exit()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version,
              help="Show the version and exit.")  # fmt: skip
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


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    with contextlib.suppress(OSError, ValueError):  # no standard error to write to
        faulthandler.enable()  # a crash in a C library says where
    try:
        group.main()
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone: nothing to say, and nobody to say it to
        sys.exit(141)
