"""What an archive knows of one article over time, and which articles were edited or withdrawn lately."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from archive.articles import newest_rows, sightings
from archive.cdxj import surt_of
from archive.errors import DamagedReport, NotCaptured, NotStored
from archive.index import Index
from archive.model import ArticleRow, Capture
from archive.reports import RunReport, in_parallel, read_report, report_keys
from archive.search import Edited, Search
from archive.store import Store
from archive.versions import Diff, Version, diff, identities, plain_address, timeline

LOST = ("gone", "withdrawn", "returned")  # events of a run that say whether an article is still there
REPORTS = 100  # runs whose events are read, the newest ones
CANDIDATES = 4  # looked at for each edit that is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An article that came to say something else, or went away, or came back.

    `kind` is "edited", "gone", "withdrawn" or "returned"; `changed`, `before` and `after` belong to an edit.
    """

    kind: str
    site: str
    url: str
    headline: str
    at: datetime
    detail: str = ""
    before: Version | None = None
    after: Version | None = None
    changed: Diff | None = None


def history(
    store: Store, url: str, *, index: Index | None = None, search: Search | None = None
) -> list[Version]:
    """The versions of the article at an address (in any of its forms), oldest first.

    With a `search` that has followed the store only the tables that it names are read. Raise NotCaptured
    where there is none; its text names the nearest address that there is.
    """
    index = index or Index(store)
    rows = rows_of(seen(index, newest_rows(store, search.groups_of(url))), url) if search else []
    if not rows:
        known = seen(index, _captured(store, index, url))
        rows = rows_of(known, url)
    if not rows and not search:
        known = seen(index, sightings(store))
        rows = rows_of(known, url)
    if not rows:
        raise NotCaptured(_nowhere(url, {row.article.url for row in known}))
    return timeline(rows, unchanged(index, rows))


def seen(index: Index, rows: Iterable[ArticleRow]) -> list[ArticleRow]:
    """The rows whose captures the index does not hide."""
    hidden = index.hidden
    return [row for row in rows if not (hidden and hidden(_capture(row)))]


def _capture(row: ArticleRow) -> Capture:
    url = row.article.url
    return Capture(
        surt=surt_of(url),
        at=row.captured,
        url=url,
        status=200,
        mime="text/html",
        digest="",
        location=row.warc,
    )


def _captured(store: Store, index: Index, url: str) -> list[ArticleRow]:
    """The rows of the newspapers that were seen at this address, in the months in which they were."""
    captures = index.captures(url)
    sites = sorted({capture.location.warc.split("/")[1] for capture in captures})
    if not captures:
        return []
    since, until = captures[0].at, captures[-1].at + timedelta(seconds=1)
    return [row for site in sites for row in sightings(store, site=site, since=since, until=until)]


def rows_of(rows: Iterable[ArticleRow], url: str) -> list[ArticleRow]:
    """The rows of the article that has this address."""
    wanted = plain_address(url)
    for group in identities(rows):
        forms = {form for r in group for form in (r.article.url, r.article.canonical) if form}
        if wanted in map(plain_address, forms):
            return group
    return []


def unchanged(index: Index, rows: Iterable[ArticleRow]) -> set[datetime]:
    """When a server said of one of these addresses that it had not changed."""
    urls = {row.article.url for row in rows}
    return {c.at for url in urls for c in index.captures(url) if c.status == 304 and c.kind == "revisit"}


def held_at(versions: list[Version], moment: datetime) -> Version:
    """The version that was there at a moment; before all of them, the first."""
    return next((v for v in reversed(versions) if v.first <= moment), versions[0])


def _nowhere(url: str, known: set[str]) -> str:
    near = difflib.get_close_matches(url, sorted(known), n=1, cutoff=0.5)
    if near:
        return f"no article of {url} is in the archive; the nearest is {near[0]}"
    return f"no article of {url} is in the archive; `morgue articles` lists them, `morgue extract` makes them"


# --- what was edited or withdrawn lately --------------------------------------------------------------------


def edits(
    store: Store, index: Index, search: Search, *, site: str = "", words: str = "", limit: int = 50
) -> list[Edit]:
    """Edits, withdrawals and returns, newest first; with `words` only edits of articles that say them."""
    told = search.edited(site=site, words=words, limit=CANDIDATES * limit)
    found: list[Edit] = []
    seen: set[tuple[str, datetime]] = set()
    for each in told:
        if len(found) >= limit:
            break
        edit = _edit(store, index, search, each)
        if edit and (edit.url, edit.at) not in seen:
            seen.add((edit.url, edit.at))
            found.append(edit)
    lost = [] if words else _lost(store, search, site)
    return sorted([*found, *lost], key=lambda e: e.at, reverse=True)[:limit]


def _edit(store: Store, index: Index, search: Search, told: Edited) -> Edit | None:
    """What `search` takes for an edit, as the versions of the article have it."""
    try:
        versions = history(store, told.url, index=index, search=search)
    except NotCaptured:
        return None
    for before, after in pairwise(versions):
        if after.first == told.at:
            said = after.row.article
            changed = diff(before.row.article, said)
            return Edit(
                kind="edited", site=told.site, url=said.url, headline=said.headline, at=after.first,
                before=before, after=after, changed=changed, detail=", ".join(changed.classes),
            )  # fmt: skip
    return None


def _lost(store: Store, search: Search, site: str) -> list[Edit]:
    """Articles that went away or came back, as the reports of the newest runs tell."""
    keys = sorted(report_keys(store, site or None), key=lambda key: key.rpartition("/")[2])[-REPORTS:]
    found: list[Edit] = []
    for report in in_parallel(lambda key: _report(store, key), keys):
        if report is None:
            continue
        for event in report.events:
            if event.kind in LOST:
                headline = search.headline_of(event.url) or event.url
                found.append(
                    Edit(kind=event.kind, site=report.site, url=event.url, headline=headline,
                         at=event.at.astimezone(UTC), detail=event.detail)
                )  # fmt: skip
    return found


def _report(store: Store, key: str) -> RunReport | None:
    try:
        return read_report(store, key)
    except (NotStored, DamagedReport):
        return None
