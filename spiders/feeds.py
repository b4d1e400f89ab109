"""Feeds: RSS 0.9x, 1.0 (RDF) and 2.0, Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1; broken ones too. Pure.

feedparser reads what is XML. Where it is not, or where there is more than MOST_ITEMS, our own lenient reader
(`markup`) does, for feedparser is slow there and loses items or parts of addresses. Items are asked for as
they were told: `feedburner:origLink` and `external_url`, which lead elsewhere, are left alone.
"""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urljoin

import feedparser

from spiders.markup import ROOT, Reader, Source, read, texts, unpacked
from spiders.told import Told, absolute, link_of, read_date, title_of

MOST_ITEMS = 2000
MOST_BYTES = 16 * 1024 * 1024
MOST_MINUTES = 366 * 24 * 60
MINUTES = {"hourly": 60, "daily": 1440, "weekly": 10080, "monthly": 43200, "yearly": 525600}
ITEM = re.compile(rb"<(?:[\w.-]{1,40}:)?(?:item|entry)(?=[\s>/])", re.I)
KINDS = {"rss": "rss", "rdf": "rdf", "feed": "atom"}
PUBLISHED = ("pubdate", "published", "issued", "created")
# Dublin Core's date is that of the last change, as feedparser has it.
CHANGED = ("updated", "modified", "date")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDocument:
    """A feed: its items in the order told, at most MOST_ITEMS, and what it says of itself.

    `kind` is "rss", "rdf", "atom", "json", "html" (a web page, no feed) or "". `hub` is a WebSub hub,
    `self_url` the feed's own address, which a subscription needs; "" where none is told. `ttl_minutes` is how
    long a copy may be used (RSS ttl, or updatePeriod over updateFrequency).
    """

    items: tuple[Told, ...] = ()
    title: str = ""
    hub: str = ""
    self_url: str = ""
    ttl_minutes: int | None = None
    kind: str = ""


def read_feed(body: Source, base: str, *, now: datetime | None = None) -> FeedDocument:
    """Read a feed, gzipped too; what is none is empty.

    `base` is the address it came from. With `now`, dates more than a day ahead are not believed.
    """
    data = b"".join(unpacked(body, limit=MOST_BYTES))
    start = "".join(islice(texts((data[:8192],)), 1)).lstrip("\ufeff \t\r\n\x00")
    if start[:1] in ("{", "["):
        return _read_json(data, base, now)
    kind = _kind(start)
    if kind == "html":
        return FeedDocument(kind=kind)
    count = len(list(islice(ITEM.finditer(data), MOST_ITEMS + 1)))
    if kind and count <= MOST_ITEMS and len(data) < MOST_BYTES:
        document = _read_xml(data, base, now)
        if document:
            return document
    return _recover(data, base, now) if count or kind else FeedDocument()


def _kind(text: str) -> str:
    for found in islice(ROOT.finditer(text), 20):
        name = found[1].lower()
        if name in ("html", "head", "body"):
            return "html"
        if kind := KINDS.get(name.rpartition(":")[2]):
            return kind
    return ""


def _read_xml(data: bytes, base: str, now: datetime | None) -> FeedDocument | None:
    """By feedparser; None where that had to guess."""
    try:
        parsed = feedparser.parse(io.BytesIO(data), resolve_relative_uris=False, sanitize_html=False)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, AssertionError):
        return None  # its readers of odd dates and charsets are known to trip
    guessed = parsed.bozo and not isinstance(
        parsed.get("bozo_exception"), feedparser.exceptions.CharacterEncodingOverride
    )
    version = str(parsed.get("version") or "")
    if guessed or not version:
        return None
    feed = parsed.feed
    kind = "atom" if version.startswith("atom") else "rdf" if version in ("rss090", "rss10") else "rss"
    return FeedDocument(
        items=tuple(_unique(told for entry in parsed.entries if (told := _told(entry, base, now)))),
        title=title_of(str(feed.get("title") or "")),
        hub=_rel(feed, "hub", base),
        self_url=_rel(feed, "self", base),
        ttl_minutes=_ttl(feed.get("ttl"), feed.get("sy_updateperiod"), feed.get("sy_updatefrequency")),
        kind=kind,
    )


def _unique(items: Iterator[Told]) -> Iterator[Told]:
    seen = set()
    for told in items:
        if told.url not in seen:
            seen.add(told.url)
            yield told
        if len(seen) >= MOST_ITEMS:
            return


def _told(entry: Any, base: str, now: datetime | None) -> Told | None:
    url = _link(entry, base)
    if not url:
        return None
    published = _first_date(entry, ("published", "created"), now)
    changed = _first_date(entry, ("updated",), now)
    return _item(url, published, changed, str(entry.get("title") or ""))


def _item(url: str, published: datetime | None, changed: datetime | None, title: str) -> Told:
    dates = [d for d in (published, changed) if d]
    return Told(url=url, when=max(dates, default=None), published=published, title=title_of(title))


def _first_date(entry: Any, names: tuple[str, ...], now: datetime | None) -> datetime | None:
    told = (read_date(str(dict.get(entry, name) or ""), now=now) for name in names)
    return next((d for d in told if d), None)


def _link(entry: Any, base: str) -> str | None:
    """The item's page: rel=alternate, preferring HTML; else a guid that is an address."""
    links = [link for link in entry.get("links") or () if link.get("rel", "alternate") == "alternate"]
    links.sort(key=lambda link: "html" not in link.get("type", "text/html"))
    guid = str(entry.get("id") or "").strip()
    for link in links:
        href = str(link.get("href") or "")
        if href.strip() and not (href.strip() == guid and entry.get("guidislink")):
            return link_of(href, base)
    # feedparser takes a guid for a link even where it is only a number.
    told = guid or str(dict.get(entry, "link") or "")
    return link_of(told, "") if links or entry.get("guidislink", True) else None


def _rel(feed: Any, rel: str, base: str) -> str:
    hrefs = (str(link.get("href") or "") for link in feed.get("links") or () if link.get("rel") == rel)
    return next((url for href in hrefs if (url := link_of(href, base))), "")


def _ttl(ttl: Any, period: Any, frequency: Any) -> int | None:
    """Minutes, from RSS ttl or else sy:updatePeriod (a day where it is not told) over sy:updateFrequency."""
    minutes = _number(ttl)
    times = _number(frequency)
    if not minutes and (period or times):
        minutes = MINUTES.get(str(period or "daily").strip().lower(), 0) // max(times, 1)
    return min(minutes, MOST_MINUTES) if minutes > 0 else None


def _number(value: Any) -> int:
    text = str(value or "").strip()[:9]
    return int(text) if text.isascii() and text.isdigit() else 0


def _recover(data: bytes, base: str, now: datetime | None) -> FeedDocument:
    reader = _Items(base, now)
    read(reader, texts((data,)))
    reader.finish()
    if reader.root == "html":
        return FeedDocument(kind="html")
    said = reader.said
    return FeedDocument(
        items=tuple(_unique(iter(reader.items))),
        title=title_of(said.get("title", "")),
        hub=link_of(said.get("hub", ""), base) or "",
        self_url=link_of(said.get("self", ""), base) or "",
        ttl_minutes=_ttl(said.get("ttl"), said.get("updateperiod"), said.get("updatefrequency")),
        kind=KINDS.get(reader.root, "rss" if reader.items else ""),
    )


class _Items(Reader):
    """Items of a feed that is not quite XML. An item begins where one is opened, closed before or not."""

    def __init__(self, base: str, now: datetime | None) -> None:
        super().__init__()
        self.base, self.now = base, now
        self.items: list[Told] = []
        self.said: dict[str, str] = {}
        self._item: dict[str, str] | None = None
        self._depth = 0
        self._bases: list[tuple[int, str]] = [(0, base)]

    @property
    def full(self) -> bool:
        return len(self.items) >= MOST_ITEMS

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        depth = len(self.path)
        if attributes.get("base"):
            self._bases.append((depth, urljoin(self._bases[-1][1], attributes["base"].strip())))
        if self._item is not None and self.path[-2:-1] == ["link"]:  # which nobody closed
            self._item.setdefault("link", self._texts[-2])
        if name in ("item", "entry"):
            self.finish()
            self._item, self._depth = {"base": self._bases[-1][1]}, depth
            if attributes.get("about"):
                self._item["about"] = attributes["about"]
        elif name == "link" and attributes.get("href"):
            self._linked(attributes)
        elif name == "guid" and self._item is not None and depth == self._depth + 1:
            self._item["permalink"] = attributes.get("ispermalink", "true").strip().lower()

    def _linked(self, attributes: dict[str, str]) -> None:
        rel = attributes.get("rel", "alternate").strip().lower()
        href = urljoin(self._bases[-1][1], attributes["href"].strip())
        if self._item is None:
            self.said.setdefault(rel, href)
        elif rel == "alternate" and len(self.path) == self._depth + 1:
            rich = "html" in attributes.get("type", "text/html")
            self._item["html" if rich else "other"] = self._item.get("html" if rich else "other") or href

    def closed(self, name: str, text: str) -> None:
        depth = len(self.path)
        if self._item is None:
            if depth <= 3 and name in ("title", "ttl", "updateperiod", "updatefrequency"):
                self.said.setdefault(name, text)
        elif name in ("item", "entry"):
            self.finish()
        # What stands in a tag that was never closed is one deeper than it should be.
        elif depth > self._depth and text.strip() and (depth == self._depth + 1 or name in ("link", "guid")):
            self._item.setdefault(name, text)
        if self._bases[-1][0] == depth:
            self._bases.pop()

    def finish(self) -> None:
        """An item is over: keep it where it has a link."""
        said, self._item = self._item, None
        if said is None:
            return
        link = said.get("html") or said.get("link") or said.get("other")
        base = said["base"]
        url = link_of(link, base) if link else None
        if not url and said.get("guid") and said.get("permalink") != "false":
            url = link_of(said["guid"], "")
        url = url or link_of(said.get("about", ""), base)
        if url:
            published, changed = self._date(said, PUBLISHED), self._date(said, CHANGED)
            self.items.append(_item(url, published, changed, said.get("title", "")))

    def _date(self, said: dict[str, str], names: tuple[str, ...]) -> datetime | None:
        told = (read_date(said.get(name, ""), now=self.now) for name in names)
        return next((d for d in told if d), None)


def _read_json(data: bytes, base: str, now: datetime | None) -> FeedDocument:
    """A JSON Feed (jsonfeed.org, version 1.1)."""
    text = "".join(texts((data,))).lstrip("\ufeff \t\r\n\x00")
    try:
        document = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        document = _whole_part(text)
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        return FeedDocument()
    items = (_json_item(item, base, now) for item in document["items"] if isinstance(item, dict))
    hubs = document.get("hubs")
    hub = next((h.get("url") for h in hubs if isinstance(h, dict)), "") if isinstance(hubs, list) else ""
    return FeedDocument(
        items=tuple(_unique(told for told in items if told)),
        title=title_of(_text(document.get("title"))),
        hub=link_of(_text(hub), base) or "",
        self_url=link_of(_text(document.get("feed_url")), base) or "",
        kind="json",
    )


def _whole_part(text: str) -> dict[str, Any]:
    """The items of a JSON Feed that breaks off or has a fault: all before it."""
    begun = re.search(r'"items"\s*:\s*\[', text)
    items: list[Any] = []
    decoder = json.JSONDecoder(strict=False)
    place = begun.end() if begun else len(text)
    while (start := text.find("{", place)) >= 0 and len(items) < MOST_ITEMS:
        try:
            item, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        items.append(item)
    return {"items": items} if items else {}


def _json_item(item: dict[str, Any], base: str, now: datetime | None) -> Told | None:
    url = link_of(_text(item.get("url")), base) or absolute(_text(item.get("id")).strip())
    if not url:
        return None
    published = read_date(_text(item.get("date_published")), now=now)
    changed = read_date(_text(item.get("date_modified")), now=now)
    return _item(url, published, changed, _text(item.get("title")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
