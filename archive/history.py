"""What an archive knows of one article over time."""

import difflib
from collections.abc import Iterable
from datetime import datetime

from archive.articles import sightings
from archive.errors import NotCaptured
from archive.index import Index
from archive.model import ArticleRow
from archive.store import Store
from archive.versions import Version, identities, plain_address, timeline


def history(store: Store, url: str) -> list[Version]:
    """The versions of the article at an address (in any of its forms), oldest first.

    Raise NotCaptured where there is none; its text names the nearest address that there is.
    """
    index = Index(store)
    sites = sorted({capture.location.warc.split("/")[1] for capture in index.captures(url)})
    known = [row for site in sites for row in sightings(store, site=site)] if sites else []
    rows = rows_of(known, url)
    if not rows:
        known = sightings(store)
        rows = rows_of(known, url)
    if not rows:
        raise NotCaptured(_nowhere(url, {row.article.url for row in known}))
    return timeline(rows, unchanged(index, rows))


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
