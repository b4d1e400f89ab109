"""What an archive knows of one article over time, and which articles were edited or withdrawn lately."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from urllib.parse import urljoin, urlsplit

from archive.articles import newest_rows, sightings
from archive.cdxj import surt_of
from archive.errors import NotCaptured
from archive.index import Index
from archive.looks import NOT_THERE
from archive.model import ArticleRow, Capture
from archive.question import Edited
from archive.search import Search
from archive.store import Store
from archive.versions import Diff, Version, diff, identities, plain_address, timeline

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
    rows: list[ArticleRow] = []
    if search:
        rows = rows_of(seen(index, newest_rows(store, search.groups_of(url))), url, search.moves([url]))
    if not rows:
        known = seen(index, _captured(store, index, url))
        rows = rows_of(known, url, _led(index, url))
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
    """The rows of the newspapers that were seen at this address, in the months in which they were; where it
    led to another address, in the months of that one as well.
    """
    captures = sorted(
        (c for each in (url, *_goals(index, url)) for c in index.captures(each)), key=lambda c: c.at
    )
    sites = sorted({capture.location.warc.split("/")[1] for capture in captures})
    if not captures:
        return []
    since, until = captures[0].at, captures[-1].at + timedelta(seconds=1)
    return [row for site in sites for row in sightings(store, site=site, since=since, until=until)]


def _led(index: Index, url: str) -> set[tuple[str, str]]:
    """Where an address led to, in plain form."""
    return {(plain_address(url), plain_address(goal)) for goal in _goals(index, url)}


def _goals(index: Index, url: str) -> set[str]:
    found = (c.redirect for c in index.captures(url) if c.redirect and 300 <= c.status < 400)
    return {urljoin(url, goal) for goal in found}


def rows_of(rows: Iterable[ArticleRow], url: str, moved: Iterable[tuple[str, str]] = ()) -> list[ArticleRow]:
    """The rows of the article that has this address; `moved` says which address led to which (plain form)."""
    wanted = plain_address(url)
    for group in identities(rows, moved):
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
    lost = (
        Edit(kind=e.kind, site=e.site, url=e.url, headline=search.headline_of(e.url) or e.url, at=e.at,
             detail=e.detail)
        for e in search.lost(site=site, words=words, limit=limit)
    )  # fmt: skip
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


def away(index: Index, url: str) -> Capture | None:
    """The capture since which a page is gone, where it is: 404, 410, 451, or sent to the front page."""
    found = [c for c in index.captures(url) if c.status < 400 or c.status in NOT_THERE]
    behind = list(takewhile(_not_there, reversed(found)))
    return behind[-1] if behind and len(behind) < len(found) else None


def _not_there(capture: Capture) -> bool:
    if capture.redirect and 300 <= capture.status < 400:
        goal = urlsplit(urljoin(capture.url, capture.redirect))
        return not goal.path.strip("/") and not goal.query
    return capture.status in NOT_THERE or capture.wall == "soft-404"
