"""Who may see what: access list, allow, block, embargo, exclude, lift, check."""

from dataclasses import asdict
from datetime import UTC, datetime

import click

from archive.access import Access, Rule
from archive.cli.options import a_time, archive_option, echo_json, json_option, the_store
from archive.config import Config
from archive.index import Index

WHAT = "WHAT is a URL, one with * at its end (https://paper.example/news/*), site:ID, or * for everything."


@click.group()
def access() -> None:
    """Say who may see what: block, embargo, exclude or allow pages, with a reason; it counts at once.

    Replay, search, lists, CDX, feeds, the API and exports all obey. What is kept is not touched.

    \b
    Example: morgue access block https://paper.example/story --reason "court order 12/26"
             morgue access lift 20261120T060000000000Z-1a2b3c4d --reason "order withdrawn"
    """


@access.command("list")
@archive_option
@json_option
def listed(archive: str | None, as_json: bool) -> None:
    """List the rules that stand, oldest first.

    Example: morgue access list
    """
    rules = Access(the_store(archive)).standing()
    for rule in rules:
        if as_json:
            echo_json(asdict(rule))
        else:
            click.echo(line(rule))
    if not rules and not as_json:
        click.echo("no rule stands: everything may be seen that the rights policy allows", err=True)


def line(rule: Rule) -> str:
    """A rule on one line."""
    captured = f"  captured {rule.since or ''} - {rule.until or ''}" if rule.since or rule.until else ""
    ends = f" until {rule.ends:%Y-%m-%d}" if rule.ends else f" for {rule.days} days" if rule.days else ""
    return f"{rule.id}  {rule.kind}{ends}  {rule.what}{captured}  {rule.reason}"


def _command(kind: str, does: str) -> click.Command:
    @click.command(kind, help=f"{does}\n\n{WHAT}\n\nExample: morgue access {kind} {EXAMPLES[kind]}")
    @click.argument("what")
    @click.option("--reason", required=True, help="Why; readers are told.")
    @click.option("--captured-from", metavar="TIME", help="Only what was captured at or after this time.")
    @click.option(
        "--captured-to", metavar="TIME", help="Only what was captured before (a bare day is included)."
    )
    @archive_option
    def command(
        what: str, reason: str, captured_from: str | None, captured_to: str | None, archive: str | None,
        until: str | None = None, days: int | None = None,
    ) -> None:  # fmt: skip
        rule = Rule(
            kind=kind, what=what, reason=reason, made=datetime.now(UTC), since=a_time(captured_from),
            until=a_time(captured_to, end=True), ends=a_time(until), days=days,
        )  # fmt: skip
        click.echo(line(Access(the_store(archive)).add(rule)))

    if kind == "embargo":
        command = click.option("--until", metavar="DAY", help="The day on which it ends.")(command)
        command = click.option("--days", type=click.IntRange(1), help="So many days from each capture on.")(
            command
        )
    return command


EXAMPLES = {
    "allow": 'https://paper.example/news/story --reason "the author agreed"',
    "block": 'https://paper.example/news/story --reason "court order 12/26"',
    "embargo": 'site:paper --days 30 --reason "agreed with the publisher"',
    "exclude": 'https://paper.example/private/* --reason "personal data"',
}
for kind, does in {
    "allow": "Show it, where a wider rule says otherwise.",
    "block": "List it, and do not show it: readers get the reason (status 451).",
    "embargo": "Block it until a day, or for some days from its capture on.",
    "exclude": "Hide it, as if it had never been captured.",
}.items():
    access.add_command(_command(kind, does))


@access.command()
@click.argument("rule")
@click.option("--reason", required=True, help="Why; it stays on record.")
@archive_option
def lift(rule: str, reason: str, archive: str | None) -> None:
    """Let a rule count no more.

    Example: morgue access lift 20261120T060000000000Z-1a2b3c4d --reason "order withdrawn"
    """
    click.echo(f"lifted: {line(Access(the_store(archive)).lift(rule, reason))}")


@access.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--reason", required=True, help="Why; it stays on record.")
@click.option("--captured-from", metavar="TIME", help="Only what was captured at or after this time.")
@click.option("--captured-to", metavar="TIME", help="Only what was captured before (a bare day is included).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@archive_option
def erase(
    urls: tuple[str, ...], reason: str, captured_from: str | None, captured_to: str | None, yes: bool,
    archive: str | None,
) -> None:  # fmt: skip
    """Take captures down for good: cut them out of WARCs, index, tables and packages. It cannot be undone.

    Records that leaned on them are written anew; nothing else moves. What was done stays under audit/.

    Example: morgue access erase https://paper.example/story --reason "court order 12/26"
    """
    from archive import SOFTWARE
    from archive.erasure import erase as erased

    store = the_store(archive)
    since, until = a_time(captured_from), a_time(captured_to, end=True)
    if not yes:
        click.confirm(f"Erase all captures of {', '.join(urls)} for good?", abort=True, err=True)
    done = erased(
        store, urls, reason=reason, spool=Config.from_env().spool, software=SOFTWARE, since=since, until=until
    )
    click.echo(
        f"{done.erased} captures erased from {len(done.warcs)} WARCs, {done.mended} revisits written anew, "
        f"{len(done.tables)} tables changed; {done.key}"
    )


@access.command()
@click.argument("url")
@archive_option
def check(url: str, archive: str | None) -> None:
    """Say of each capture of a URL which rule decides of it.

    Example: morgue access check https://paper.example/story
    """
    store = the_store(archive)
    rules = Access(store)
    captures = Index(store).captures(url)
    for capture in captures:
        rule = rules.verdict(capture.url, capture.location.warc.split("/")[1], capture.at)
        click.echo(f"{capture.at:%Y-%m-%d %H:%M:%S}  {line(rule) if rule else 'no rule'}")
    if not captures:
        click.echo(f"nothing was captured of {url}", err=True)
