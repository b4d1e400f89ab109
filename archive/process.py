"""What follows a run: its captures into the index, its pages into article rows.

Rules: keys in, keys out; every step may be repeated at any time and does the same.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from archive.agenda import Rhythm
from archive.articles import rows_of_run, rules_of_table, table_key, table_keys, write_table
from archive.cdxj import capture_of
from archive.columns import write_columns
from archive.config import Config, site_folder
from archive.errors import ConfigError, DamagedWarc, NotCaptured, UnknownSite
from archive.extract import EXTRACTOR, extract
from archive.glance import published_in, text_of
from archive.index import Index, merge, read_lines
from archive.memory import remembered
from archive.model import Article, ArticleRow, Capture, Original, Run
from archive.playback import play
from archive.recurring import lines_for
from archive.reports import reading_of, write_reading
from archive.runs import read_run, run_keys
from archive.selectors import Rules, digest_of, rules_at
from archive.sites import find_site
from archive.state import Update, forget_state, write_state
from archive.store import Store
from archive.words import version_of

PAGES = ("text/html", "application/xhtml+xml")
COMPARED = tuple(
    spec.name for spec in fields(Article) if spec.name not in ("url", "confidence", "flags", "source", "raw")
)


def index_run(store: Store, manifest: str) -> dict[str, Any]:
    """Fold a published run into the merged index, and write its captures as Parquet."""
    run = read_run(store, manifest)
    columns = write_columns(store, run)
    head = merge(store)
    lines = sum(int(segment["lines"]) for segment in head.segments)
    return {
        "run": run.id,
        "head": head.number,
        "runs": len(head.runs),
        "captures": lines,
        "columns": len(columns),
    }


def write_missing_columns(store: Store) -> int:
    """Write the captures of all runs as Parquet that have none yet; how many runs that were."""
    done = {key.rpartition("/")[2].removesuffix(".parquet") for key in store.keys("captures/")}
    missing = [key for key in run_keys(store) if key.rpartition("/")[2].removesuffix(".json") not in done]
    return sum(bool(write_columns(store, read_run(store, key))) for key in missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the pages of a newspaper are read: its own rules, and the number of their version."""

    rules: tuple[Rules, ...] = ()
    version: int = 0

    @property
    def extractor(self) -> str:
        """The name of the reading: another number says that two readings cannot be compared."""
        return f"{EXTRACTOR}/rules-{self.version}" if self.version else EXTRACTOR


def manner_of(site: str) -> Manner:
    """How a newspaper's pages are read, as its site file says; one without a file has no rules."""
    try:
        found = find_site(site_folder(Config.from_env()), site)
    except UnknownSite:
        return Manner()
    return Manner(rules=found.rules, version=found.rules_version or min(len(found.rules), 1))


def extract_run(
    store: Store, manifest: str, *, progress: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Extract the articles that a run captured; keys that exist already are left as they are."""
    run = read_run(store, manifest)
    manner = manner_of(run.site)
    found, damaged, pages = _read_pages(store, run, manner, progress)
    keys = _publish(store, run, found, manner)
    write_reading(store, reading_of(run.id, run.site, pages, [row.article for row in found]))
    return {"run": run.id, "articles": len(found), "damaged": damaged, "keys": keys}


def extract_missing(store: Store, since: datetime) -> int:
    """Extract the runs that began since a time and have no rows yet; how many runs that were."""
    done = {key.rpartition("/")[2][:25] for key in store.keys("articles/")}
    first = f"{since:%Y%m%dT%H%M%SZ}"
    runs = ((key, key.rpartition("/")[2].removesuffix(".json")) for key in run_keys(store))
    missing = [key for key, run in runs if run >= first and run not in done]
    for key in missing:
        extract_run(store, key)
    return len(missing)


def extract_again(
    store: Store, manifest: str, *, publish: bool = True, staged: Store | None = None
) -> dict[str, Any]:
    """Read a run's pages anew and say what differs from its newest rows, field by field.

    `changed` counts articles by field; `won` and `lost` are articles that one of the two readings alone
    found. Rows of an older reading stay; without `publish` nothing is written, but for the new tables into
    another store (`staged`), where one is given.
    """
    run = read_run(store, manifest)
    known = rows_of_run(store, run.site, run.id)
    before = {row.warc: row.article for row in known}
    manner = manner_of(run.site)
    found, damaged, _ = _read_pages(store, run, manner, None)
    after = {row.warc: row.article for row in found}
    changed = Counter(
        name for place in before.keys() & after.keys() for name in differing(before[place], after[place])
    )
    months = {f"{row.captured:%Y-%m}" for row in known}
    into = store if publish else staged
    keys = _publish(into, run, found, manner, months=months, beside=store) if into else []
    return {
        "run": run.id, "articles": len(after), "before": len(before), "damaged": damaged,
        "won": len(after.keys() - before.keys()), "lost": len(before.keys() - after.keys()),
        "changed": dict(sorted(changed.items())), "keys": keys,
    }  # fmt: skip


def differing(before: Article, after: Article) -> list[str]:
    """The fields in which two readings of a page differ: what it says, not where that was found."""
    return [name for name in COMPARED if getattr(before, name) != getattr(after, name)]


def _publish(
    store: Store,
    run: Run,
    found: list[ArticleRow],
    manner: Manner,
    *,
    months: Iterable[str] = (),
    beside: Store | None = None,
) -> list[str]:
    """Write the rows; of months in which an older reading found some and this one none, an empty table.

    Tables that are there are left, and those that the archive `beside` has are not written.
    """
    known = beside or store
    tables = {table_key(run.site, run.id, month, manner.extractor): list[ArticleRow]() for month in months}
    tables |= table_keys(run.site, run.id, found, manner.extractor)
    rules = digest_of(manner.rules)
    for key, rows in tables.items():
        if known.size(key) is None:
            write_table(store, key, rows, manner.extractor, rules)
        elif manner.version and rules_of_table(known, key) != rules:
            raise ConfigError(
                f"the rules of {run.site} have changed, and {key} was read by the old ones; set"
                f" rules_version = {manner.version + 1} in its site file, then `morgue extract --again --site"
                f" {run.site}`"
            )
    return sorted(tables)


def _read_pages(
    store: Store, run: Run, manner: Manner, progress: Callable[[int], None] | None
) -> tuple[list[ArticleRow], int, int]:
    """The articles of a run, how many pages could not be had, and how many there are."""
    found: list[ArticleRow] = []
    damaged = 0
    index = Index(store)
    pages = list(_pages(store, run))
    sections = fronts({capture.url for capture in pages})
    lines: dict[str, Mapping[str, int]] = {}  # that recur, by month
    for number, capture in enumerate(pages):
        try:
            month = f"{capture.at:%Y-%m}"
            if month not in lines:
                lines[month] = lines_for(store, run.site, capture.at)
            row = _row(store, index, run, capture, manner, lines[month], needs_sign=capture.url in sections)
        except (DamagedWarc, NotCaptured):
            damaged += 1
            continue
        found += [row] if row else []
        if progress:
            progress(number + 1)
    return found, damaged, len(pages)


def _pages(store: Store, run: Run) -> Iterator[Capture]:
    fronts = set(run.parameters.get("fronts", ()))
    for warc in run.warcs:
        for line in read_lines(store, warc.cdxj):
            capture = capture_of(line)
            if _page(capture) and capture.url not in fronts:
                yield capture


def _page(capture: Capture) -> bool:
    """Whether a capture may be an article: what stands in the place of one never is."""
    return capture.status == 200 and capture.mime in PAGES and not capture.wall


def fronts(urls: Collection[str]) -> set[str]:
    """Which of these URLs are folders of at least three others: section fronts, most likely."""
    folders = Counter(url[: n + 1] for url in urls for n, char in enumerate(url[:-1]) if char == "/")
    return {url for url in urls if url.endswith("/") and folders[url] >= 3}


def _row(
    store: Store, index: Index, run: Run, capture: Capture, manner: Manner, lines: Mapping[str, int], *,
    needs_sign: bool,
) -> ArticleRow | None:  # fmt: skip
    page = play(store, index, capture)
    rules = rules_at(manner.rules, capture.at)
    article = extract(page.text(), capture.url, needs_sign=needs_sign, rules=rules, recurring=lines)
    if article is None:
        return None
    return ArticleRow(
        article=replace(article, url=capture.url, rights=(*capture.rights.split(), *article.rights)),
        site=run.site,
        run=run.id,
        captured=capture.at,
        warc=capture.location,
        version=version_of(article),
        extractor=manner.extractor,
        first_seen=min((c.at for c in index.captures(capture.url)), default=capture.at),
    )


def rebuild_state(store: Store, site: str, *, now: datetime) -> dict[str, Any]:
    """What is known of a site, made anew from its captures; each page is due by its age, as ever."""
    runs = [read_run(store, key) for key in run_keys(store, site)]
    lines = (line for run in runs for warc in run.warcs for line in read_lines(store, warc.cdxj))
    captures = sorted((capture_of(line) for line in lines), key=lambda c: c.at)
    fronts = {url for run in runs for url in run.parameters.get("fronts", ())}
    rhythm, pages = Rhythm(), []
    for known in remembered(captures, fronts=fronts, now=now).due(now):
        told = _told(store, known.original) if known.status == 200 else None
        page = replace(known, told=told)
        pages.append(replace(page, due=rhythm.after(page, known.fetched or now)))
    forget_state(store, site)
    write_state(store, site, Update(pages=tuple(pages)), now=now)
    return {"site": site, "pages": len(pages), "dated": sum(page.told is not None for page in pages)}


def _told(store: Store, original: Original | None) -> datetime | None:
    """When a page says that its article was published; what it says is read when it is compared."""
    text = text_of(store, original) if original else None
    return published_in(text) if text else None
