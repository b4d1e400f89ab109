"""Looking for articles by their words: search."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

import click

from archive.access import Access
from archive.cli.options import Ticker, archive_option, echo_json, json_option, the_store
from archive.config import Config, site_folder
from archive.dates import read_time
from archive.errors import CallerError
from archive.index import Index
from archive.permission import Permission
from archive.question import Answer, Hit, Question
from archive.search import opened
from archive.sites import load_sites
from archive.store import Store

if TYPE_CHECKING:
    from archive.clusters import Copy

T = TypeVar("T", Hit, "Copy")


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--site", default="", help="Only this newspaper.")
@click.option(
    "--from", "since", default="", metavar="DAY", help="Published (or first seen) from this day on."
)
@click.option("--to", "until", default="", metavar="DAY", help="Until this day, included.")
@click.option("--language", default="", help="Only in this language, as en.")
@click.option("--section", default="", help="Only of this section.")
@click.option("--kind", default="", help="Only this kind of page, as article.")
@click.option("--access", default="", help="free, metered, paid or unknown.")
@click.option("--author", default="", help="Only what this name signed.")
@click.option("--sort", type=click.Choice(["relevance", "date"]), default="relevance", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--skip", type=click.IntRange(0), default=0, help="Leave so many out, for the next page.")
@click.option("--facets", is_flag=True, help="Also say how many there are by newspaper, section, day ...")
@archive_option
@json_option
def search(
    words: tuple[str, ...], site: str, since: str, until: str, language: str, section: str, kind: str,
    access: str, author: str, sort: str, limit: int, skip: int, facets: bool, archive: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Look for articles by their words: every version that says them, with the day and the WARC record.

    Words all stand in it; "a phrase" in quotation marks; -word does not; OR between two; headline:, author:,
    body: or agency: before one. What a rule of access withholds is neither found nor counted; what may not be
    shown by the policy of replay is counted, and left out.

    Example: morgue search '"climate summit" -football headline:minister' --from 2026-11-01 --sort date
    """
    store = the_store(archive)
    question = Question(
        words=" ".join(words), site=site, language=language, section=section, kind=kind, access=access,
        author=author, since=_day(since), until=_day(until), sort=sort, limit=limit, skip=skip,
    )  # fmt: skip
    with opened(Config.from_env().search, store) as found:
        found.follow(store, progress=Ticker("tables of articles read"))
        answer = found.ask(question, facets=facets, access=Access(store))
    shown = _shown(store, answer.hits)
    if as_json:
        echo_json({**asdict(answer), "hits": [asdict(hit) for hit in shown]})
        return
    for hit in shown:
        click.echo(f"{hit.day}  {hit.site}  {hit.headline}\n    {hit.url}\n    {_plain(hit.snippet)}")
    _summary(answer, len(answer.hits) - len(shown))


@click.command()
@click.argument("url")
@archive_option
@json_option
def copies(url: str, archive: str | None, as_json: bool) -> None:
    """List the copies of an article in other newspapers, the first one first: what each kept and added.

    Articles within a week that share enough of their text: wire copy, whole, cut or with another lead.

    Example: morgue copies https://paper.example/story
    """
    from archive.clusters import copies_of, one_article

    store = the_store(archive)
    with opened(Config.from_env().search, store) as found:
        found.follow(store, progress=Ticker("tables of articles read"))
        cluster = copies_of(found, url)
    shown = _allowed(store, cluster)
    for copy in shown:
        if as_json:
            echo_json(asdict(copy))
            continue
        same = ", the same article by its id" if copy in one_article(shown, url) else ""
        share = f"keeps {copy.kept:.0%}, adds {copy.added:.0%}" if copy is not shown[0] else "the first"
        click.echo(
            f"{copy.at:%Y-%m-%d %H:%M}  {copy.site}  {share}{same}\n    {copy.headline}\n    {copy.url}"
        )
    if not cluster and not as_json:
        click.echo(f"no copy of {url} is known; `morgue articles` lists what is", err=True)


def _day(text: str) -> str:
    if not text:
        return ""
    at = read_time(text)
    if at is None:
        raise CallerError(f"{text!r} is no day; write for example 2026-11-20")
    return f"{at:%Y-%m-%d}"


def _shown(store: Store, hits: tuple[Hit, ...]) -> list[Hit]:
    return _allowed(store, hits)


def _allowed(store: Store, hits: Iterable[T]) -> list[T]:
    config = Config.from_env()
    folder = site_folder(config)
    sites = load_sites(folder) if folder.is_dir() else {}
    permission = Permission(store, Index(store), sites, config.rights)
    return [h for h in hits if not permission.shown_at(h.site, h.url, h.warc, h.captured)]


def _plain(snippet: str) -> str:
    return snippet.replace("\x02", "[").replace("\x03", "]")


def _summary(answer: Answer, withheld: int) -> None:
    for name, counts in answer.facets.items():
        if counts:
            click.echo(f"{name + ':':10}" + ", ".join(f"{value} {count:,}" for value, count in counts[:8]))
    least = "at least " if answer.more else ""
    click.echo(f"{least}{answer.count:,} found", err=True)
    if withheld:
        click.echo(f"{withheld} of them may not be shown; see docs/rights.md", err=True)
