"""Taking things away: export, as a data set or as an archive file."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archive.cli.options import Ticker, a_time, archive_option, the_index, the_store
from archive.config import Config, site_folder
from archive.dates import read_time
from archive.errors import CallerError
from archive.filing import lean
from archive.permission import Permission
from archive.question import Question
from archive.search import opened
from archive.selection import HOLDS, Selected, Selection, read
from archive.sites import load_sites
from archive.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.parcel import Item, Parcel

DATA = ("parquet", "jsonl", "csv")
FILES = ("wacz", "warc")


@click.command()
@click.argument("words", nargs=-1)
@click.option("--format", "form", type=click.Choice([*DATA, *FILES]), default="parquet", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="A new folder for data; a new file for wacz and warc."
)
@click.option("--site", default="", help="Only this newspaper.")
@click.option(
    "--from", "since", default="", metavar="DAY", help="Published (or first seen) from this day on."
)
@click.option("--to", "until", default="", metavar="DAY", help="Until this day, included.")
@click.option("--captured-from", metavar="TIME", help="Captured at or after this time.")
@click.option("--captured-to", metavar="TIME", help="Captured before this time (a bare day is included).")
@click.option("--language", default="", help="Only in this language, as en.")
@click.option("--section", default="", help="Only of this section.")
@click.option("--kind", default="", help="Only this kind of page, as article.")
@click.option("--access", default="", help="free, metered, paid or unknown.")
@click.option("--author", default="", help="Only what this name signed.")
@click.option("--url", "urls", multiple=True, help="Only this address; may be given several times.")
@click.option("--holds", type=click.Choice(HOLDS), default="latest", show_default=True,
              help="Of each article the last capture, each version, or all captures.")  # fmt: skip
@click.option("--again", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Ask the selection.json of an earlier export again, instead of all of these.")  # fmt: skip
@click.option("--title", default="", help="Title of a WACZ.")
@archive_option
def export(
    words: tuple[str, ...], form: str, out: Path | None, site: str, since: str, until: str,
    captured_from: str | None, captured_to: str | None, language: str, section: str, kind: str, access: str,
    author: str, urls: tuple[str, ...], holds: str, again: Path | None, title: str, archive: str | None,
) -> None:  # fmt: skip
    """Take articles away as a data set (Parquet, JSONL, CSV), or pages as a WACZ or WARC file of its own.

    A data set is a folder: the rows, a datasheet with the data dictionary, RO-Crate metadata, and the
    selection, which can be asked again. A WACZ or WARC holds the pages with all that they load; of a
    newspaper without words, everything that was captured of it. What rights and rules forbid stays out.

    \b
    Example: morgue export '"climate summit"' --from 2026-11-01 --format csv --out summit
             morgue export --site the-daily-specimen --format wacz --out specimen.wacz
    """
    question = Question(
        words=" ".join(words), site=site, language=language, section=section, kind=kind, access=access,
        author=author, since=_day(since), until=_day(until),
    )  # fmt: skip
    asked = Selection(
        question=question, since=a_time(captured_from), until=a_time(captured_to, end=True), urls=urls,
        holds=holds,
    )  # fmt: skip
    selection = read(again.read_text(encoding="utf-8")) if again else asked
    out = out or Path(f"export-{selection.id}" + (f".{_suffix(form)}" if form in FILES else ""))
    store = the_store(archive)
    with opened(Config.from_env().search, store) as search:
        search.follow(store, progress=Ticker("tables of articles read"))
        lean(search.db)
        selected = Selected(store, search, _permission(store), selection)
        try:
            (_data if form in DATA else _file)(selected, out, form, title)
        except OSError as error:  # a full disk among them; nothing half is left
            why = error.strerror or error
            raise CallerError(
                f"{out} cannot be written ({why}): make room there, or name another place with --out"
            ) from error


def _suffix(form: str) -> str:
    return "warc.gz" if form == "warc" else form


def _day(text: str) -> str:
    at = read_time(text) if text else None
    if text and at is None:
        raise CallerError(f"{text!r} is no day; write for example 2026-11-20")
    return f"{at:%Y-%m-%d}" if at else ""


def _permission(store: Store) -> Permission:
    config = Config.from_env()
    folder = site_folder(config)
    return Permission(store, the_index(store), load_sites(folder) if folder.is_dir() else {}, config.rights)


def _data(selected: Selected, out: Path, form: str, _title: str) -> None:
    from archive.dataset import write_dataset

    path = write_dataset(selected, out, form, progress=Ticker("rows"))
    click.echo(f"{selected.count:,} articles in {path}")
    _left(selected.left_out)


def _file(selected: Selected, out: Path, form: str, title: str) -> None:
    from archive.bundle import to_file, write_wacz, write_warc
    from archive.parcel import Item, Parcel
    from archive.signature import read_key

    if out.exists():
        raise CallerError(f"{out} is there already: name another file with --out")
    parcel = Parcel(selected.store, the_index(selected.store), selected.permission)
    ticker = Ticker("captures")
    number = 0

    def taken(_item: Item) -> None:
        nonlocal number
        number += 1
        ticker(number)

    items = _items(parcel, selected)
    said = {"description": f"Selection {selected.selection.id} of {selected.store.url}"}
    key = Config.from_env().wacz_key
    if form == "wacz":
        to_file(out, lambda file: write_wacz(
            file, items, title=title or _titled(selected.selection), said=said, taken=taken,
            key=read_key(key) if key else None,
        ))  # fmt: skip
    else:
        to_file(out, lambda file: write_warc(file, items, filename=out.name, said=said, taken=taken))
    click.echo(
        f"{number:,} captures, {parcel.pages:,} of them pages, in {out} ({out.stat().st_size:,} bytes)"
    )
    _left(parcel.left_out + selected.left_out)
    for what, count in parcel.missing.most_common():
        click.echo(f"missing: {count:,} ({what})", err=True)


def _items(parcel: "Parcel", selected: Selected) -> "Iterator[Item]":
    """The whole newspaper, some addresses, or the pages of articles that are found."""
    selection = selected.selection
    question = selection.question
    if selection.urls and question == Question():
        return parcel.of_urls(selection.urls, selection.since, selection.until)
    if question.site and question == Question(site=question.site) and not selection.urls:
        return parcel.of_site(question.site, selection.since, selection.until)
    return parcel.of_rows(selected.rows())


def _titled(selection: Selection) -> str:
    question = selection.question
    return question.words or question.site or (selection.urls[0] if selection.urls else "") or "Newsmorgue"


def _left(left_out: Counter[str]) -> None:
    if left_out:
        listed = ", ".join(f"{said}: {count:,}" for said, count in left_out.most_common())
        click.echo(
            f"{left_out.total():,} left out by rights and rules ({listed}); see docs/rights.md", err=True
        )
