"""What runs that were cut short have left: pages that are archived, and not what a browser loads with them.

Rules: such a page is read from the archive, not fetched again. A run of named pages says nothing of others.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from archive.errors import DamagedWarc, NotCaptured, NotStored
from archive.index import Index
from archive.model import Capture
from archive.playback import play
from archive.runs import read_run, run_keys
from archive.store import Store
from spiders.links import PageLinks, read_loaded
from spiders.styles import css_requisites

WHOLE = ("finished", "limit")
LOADING = ("text/html", "text/css")
MOST_RUNS = 20  # that were cut short one after the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Pages and style sheets, oldest first, of runs that were cut short; `have` are all their addresses."""

    pages: tuple[Capture, ...] = ()
    have: frozenset[str] = frozenset()

    def loaded(self, store: Store, page: Capture) -> PageLinks:
        """What a browser loads with one of them that was not come to; nothing where it cannot be read."""
        try:
            text = play(store, Index(store), page).text()
        except (DamagedWarc, NotCaptured, NotStored):
            return PageLinks()
        if page.mime == "text/css":
            return PageLinks(requisites=tuple(css_requisites(text, page.url)))
        found = read_loaded(text, page.url)
        return replace(found, data=tuple(url for url in found.data if url not in self.have))


def left_over(store: Store, site: str, captures: Iterable[Capture], *, shard: str = "") -> Leftover:
    """What is left over of the runs of a site since the last one that was whole; captures are of late.

    Of other shards' runs nothing is left to `shard`.
    """
    since = _cut_since(store, site, shard)
    if since is None:
        return Leftover()
    late = sorted((c for c in captures if c.at >= since), key=lambda c: c.at)
    newest = {c.url: c for c in late if c.status == 200 and c.mime in LOADING and not c.wall}
    return Leftover(pages=tuple(newest.values()), have=frozenset(c.url for c in late))


def _cut_since(store: Store, site: str, shard: str) -> datetime | None:
    """When the first of the runs began that were cut short since one was whole."""
    since = None
    for key in reversed(run_keys(store, site)[-MOST_RUNS:]):
        run = read_run(store, key)
        if run.parameters.get("urls") or (shard and run.parameters.get("shard") not in (None, shard)):
            continue
        if run.reason in WHOLE:
            break
        since = run.started
    return since
