"""Lines that recur on a newspaper's pages: furniture that no single page can tell from text.

Counted over the articles of one newspaper and month, in the archive's own rows, and kept write-once in the
store. Rules: a line is furniture only where many different articles of several days have it, and nearly
always at the edge of the text, or as a short label; so a paragraph of an agency that stands within a dozen
reports of one story, or the background that is told again each day in the middle of the text, stays.
"""

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pyarrow.parquet as pq

from archive.errors import NotStored, StoreConflict
from archive.extract.blocks import SENTENCE, key
from archive.store import Store
from archive.versions import plain_address

ARTICLES = 8  # different articles that must have a line
DAYS = 3  # on different days
EDGE = 2  # paragraphs at either end of a text
AT_EDGE = 0.9  # share of the times that it must stand there, to be furniture
LONGEST = 300  # characters of a line that is looked at; furniture is short
LABEL = 80  # characters of a label, which may stand anywhere
MOST = 20_000  # articles of a month that are read
LINES = 1_000  # lines that are kept


@dataclass(slots=True)
class _Seen:
    text: str
    stories: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)
    times: int = 0
    edge: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is counted of an article: its address, day (UTC), paragraphs; lines that were left out already."""

    url: str
    day: date
    paragraphs: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def recurring(bodies: Iterable[Body]) -> dict[str, tuple[str, int]]:
    """The lines that are furniture: by their key, the text and how many articles have it. Pure.

    Articles whose longest paragraph is the same are one story, however many addresses it has.
    """
    lines: dict[str, _Seen] = {}
    known: set[tuple[str, str]] = set()
    for body in bodies:
        story = key(max(body.paragraphs, key=len, default=""))
        if len(body.paragraphs) < 3 or (plain_address(body.url), story) in known:
            continue
        known.add((plain_address(body.url), story))
        edges = {*body.paragraphs[:1], *body.paragraphs[-EDGE:], *body.left_out}
        for text in dict.fromkeys((*body.paragraphs, *body.left_out)):
            if len(text) <= LONGEST and key(text) != story:
                seen = lines.setdefault(key(text), _Seen(text))
                seen.stories.add(story)
                seen.days.add(body.day)
                seen.times += 1
                seen.edge += text in edges
    found = {name: (s.text, len(s.stories)) for name, s in lines.items() if name and _is_furniture(s)}
    most = sorted(found, key=lambda name: -found[name][1])[:LINES]
    return {name: found[name] for name in most}


def _is_furniture(seen: _Seen) -> bool:
    if len(seen.stories) < ARTICLES or len(seen.days) < DAYS:
        return False
    label = len(seen.text) < LABEL and not SENTENCE.search(seen.text)
    return label or seen.edge >= AT_EDGE * seen.times


# --- in the store -------------------------------------------------------------------------------------------


def lines_for(store: Store, site: str, at: datetime, *, make: bool = True) -> Mapping[str, int]:
    """The lines that recur, for reading what was captured at a time: key of the line, count of articles.

    Those of the month before; without any, of that month itself, where they were counted. With `make`, the
    month before is counted where it has rows and nobody did.
    """
    before = at.replace(day=1) - timedelta(days=1)
    for month, may in ((f"{before:%Y-%m}", make), (f"{at:%Y-%m}", False)):
        found = _read(store, site, month)
        if found is None and may:
            found = count_month(store, site, month)
        if found:
            return found
    return {}


def count_month(store: Store, site: str, month: str) -> Mapping[str, int] | None:
    """Count a month ("2026-11") and keep what was found; None where there are no articles of it."""
    keys = store.keys(f"articles/site={site}/month={month}/")
    bodies = list(_bodies(store, sorted(keys)))
    if not bodies:
        return None
    found = recurring(bodies)
    said = {"articles": len(bodies), "lines": [{"text": t, "articles": n} for t, n in found.values()]}
    try:
        store.put(_key(site, month), json.dumps(said, ensure_ascii=False, indent=1).encode())
    except StoreConflict:  # somebody counted it at the same time, with other rows: theirs holds
        return _read(store, site, month)
    return {name: count for name, (_, count) in found.items()}


def _key(site: str, month: str) -> str:
    return f"furniture/site={site}/month={month}.json"


def _read(store: Store, site: str, month: str) -> Mapping[str, int] | None:
    try:
        said = json.loads(store.read(_key(site, month)))
    except NotStored:
        return None
    return {key(line["text"]): int(line["articles"]) for line in said["lines"]}


def _bodies(store: Store, keys: Iterable[str]) -> Iterable[Body]:
    """The bodies of some tables, each article once: only the columns that are counted are read."""
    seen: dict[str, int] = defaultdict(int)
    for name in keys:
        file = pq.ParquetFile(io.BytesIO(store.read(name)))
        there = set(file.schema_arrow.names)
        wanted = [c for c in ("url", "captured", "body", "furniture") if c in there]
        for row in file.read(columns=wanted, use_threads=False).to_pylist():
            if len(seen) >= MOST or seen[row["url"]] > 3:
                continue
            seen[row["url"]] += 1
            left_out = tuple(line["text"] for line in row.get("furniture") or ())
            yield Body(
                url=row["url"], day=row["captured"].date(), paragraphs=tuple(row["body"]), left_out=left_out
            )
