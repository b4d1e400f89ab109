"""The command `morgue site teach`: rules for reading a newspaper's pages, tried before they hold."""

import re
from datetime import date
from pathlib import Path

import click

from archive.cli.know import clean
from archive.cli.options import archive_option, echo_json, json_option, must_be_shown, the_index, the_store
from archive.config import Config, site_folder
from archive.errors import CallerError
from archive.index import Index
from archive.playback import play
from archive.selectors import Rules, parse_rules
from archive.sites import Site, find_site, rules_toml
from archive.store import Store
from archive.teaching import Taught, as_rule, others, selector_of, taught, with_rule

SHORT = 160  # characters of a value that are shown


@click.command("teach")
@click.argument("url")
@click.option("--rule", "rules", multiple=True, metavar="FIELD=SELECTOR", help="A CSS selector for a field.")
@click.option("--says", multiple=True, metavar="FIELD=WORDS", help="What the page says; finds a selector.")
@click.option("--drop", multiple=True, metavar="SELECTOR", help="What is no part of the page's text.")
@click.option("--from", "since", metavar="DAY", help="The rule holds for captures from this day on.")
@click.option("--until", metavar="DAY", help="... and before this day.")
@click.option("--site", "name", help="The newspaper  [default: the one that captured the page]")
@click.option(
    "--others", "most", default=20, show_default=True, type=click.IntRange(0), help="Other articles."
)
@click.option("--write", is_flag=True, help="Write the rule to the site file.")
@archive_option
@json_option
def teach(
    url: str,
    rules: tuple[str, ...],
    says: tuple[str, ...],
    drop: tuple[str, ...],
    since: str | None,
    until: str | None,
    name: str | None,
    most: int,
    write: bool,
    archive: str | None,
    as_json: bool,
) -> None:
    """Show what a rule for reading pages would change, on the captures that the archive has of a page.

    Nothing is fetched, and nothing written without --write. Example: morgue site teach
    https://paper.example/story --rule "kicker=h2.overline" --drop "div.most-read" --from 2026-11-01
    """
    store = the_store(archive)
    index = the_index(store)
    site = _site(index, url, name)
    pairs = [_pair(text, "--rule") for text in rules]
    pairs += [(field, _selector(store, index, url, field, words)) for field, words in map(_said, says)]
    table = as_rule(pairs, {"from": _day(since), "until": _day(until), "drop": list(drop)})
    if not pairs and not drop:
        raise CallerError(
            "nothing to teach: give --rule FIELD=SELECTOR, --says FIELD=WORDS or --drop SELECTOR"
        )
    try:
        (rule,) = parse_rules([table])
    except ValueError as error:
        raise CallerError(f"the rule {error}") from error
    found = taught(store, index, site, url, rule)
    beside = others(store, index, site, url, rule, most=most)
    if as_json:
        _as_json(site, rule, found, dict(beside))
    else:
        _shown(site, rule, found, dict(beside))
    if write:
        _written(site, rule, quiet=as_json)


def _site(index: Index, url: str, name: str | None) -> Site:
    folder = site_folder(Config.from_env())
    if name:
        return find_site(folder, name)
    captures = index.captures(url)
    if not captures:
        raise CallerError(f"{url} is not in the archive; `morgue capture {url}` fetches it")
    return find_site(folder, captures[-1].location.warc.split("/")[1])


def _pair(text: str, option: str) -> tuple[str, str]:
    field, equal, rest = text.partition("=")
    if not equal or not rest.strip():
        raise CallerError(f"{option} {text!r}: write FIELD=..., as in headline=h1.title")
    return field.strip(), rest.strip()


def _said(text: str) -> tuple[str, str]:
    return _pair(text, "--says")


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CallerError(f"{text!r} is no day; write it as 2026-11-20") from error


def _selector(store: Store, index: Index, url: str, field: str, words: str) -> str:
    capture = index.closest(url)
    must_be_shown(store, capture.url, capture.location.warc, capture.at)
    return selector_of(play(store, index, capture).text(), words, field)


def _as_json(site: Site, rule: Rules, found: list[Taught], beside: dict[str, int]) -> None:
    captures = [
        {
            "captured": each.capture.at, "held": each.held, "missed": each.missed,
            "changed": [{"field": n, "before": a, "after": b} for n, a, b in each.changed],
        }
        for each in found
    ]  # fmt: skip
    tried = beside.pop("", 0)
    said = {"site": site.id, "rule": rules_toml((rule,)), "captures": captures}
    echo_json(said | {"others": {"tried": tried, "changed": beside}})


def _shown(site: Site, rule: Rules, found: list[Taught], beside: dict[str, int]) -> None:
    for each in found:
        click.echo(f"{each.capture.at:%Y-%m-%d %H:%M:%S}  {_sum(each)}")
        for name, before, after in each.changed:
            click.echo(clean(f"  {name}: {before[:SHORT]!r} -> {after[:SHORT]!r}"))
    tried = beside.pop("", 0)
    named = ", ".join(f"{field} of {count}" for field, count in sorted(beside.items())) or "nothing"
    click.echo(f"Of {tried} other articles of {site.id} it would change {named}.")
    click.echo(f"\nFor {site.file or site.id}, with rules_version = {with_rule(site, rule).rules_version}:\n")
    click.echo(rules_toml((rule,)))


def _sum(each: Taught) -> str:
    if not each.held:
        return "the rule does not hold for it"
    missed = f"; finds no {', '.join(each.missed)}" if each.missed else ""
    count = len(each.changed)
    return (
        f"{count} field{'' if count == 1 else 's'} would change" if count else "nothing would change"
    ) + missed


def _written(site: Site, rule: Rules, *, quiet: bool) -> None:
    """Append the table, and set the number of the rules; what else stands in the file stays as it is."""
    path = Path(site.file)
    text = path.read_text(encoding="utf-8")
    number = f"rules_version = {with_rule(site, rule).rules_version}"
    if re.search(r"^rules_version\s*=.*$", text, re.M):
        text = re.sub(r"^rules_version\s*=.*$", number, text, count=1, flags=re.M)
    else:
        first = re.search(r"^\[\[", text, re.M)
        place = first.start() if first else len(text)
        text = f"{text[:place].rstrip()}\n{number}\n\n{text[place:]}"
    path.write_text(f"{text.rstrip()}\n\n{rules_toml((rule,))}", encoding="utf-8")
    find_site(path.parent, site.id)  # it can be read
    if not quiet:
        click.echo(
            f"Written. `morgue extract --again --site {site.id} --dry-run` says what it changes in all."
        )
