"""What a page says, read no further than the question asks. Reads the archive, never fetches.

Rules: whether a page has changed is asked in steps, the cheap ones first: are its bytes others (the payload
digest), are its words (`glance_of`), does the article say something else (`said_on`: some thirty times as
dear). A page that is seen for the first time is not read at all: its record is in the archive, and is read
when another capture is to be compared with it.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import lxml.html

from archive.errors import MorgueError
from archive.extract import data_texts, extract, paragraphs
from archive.index import Index
from archive.looks import fields_of
from archive.model import Original
from archive.playback import play
from archive.selectors import NONE, Rules, digest_of
from archive.store import Store
from archive.words import READING, settled

WORDS = 24  # hex digits of the digest of a page's words
UNSHOWN = {"script", "style", "noscript", "template"}
DATED = re.compile(r"\A\s*[\d\s:.,TZ+/-]*\Z")  # a moment or a number: no words
STRING = re.compile(r'"((?:[^"\\]|\\.)+)"')
HEAD = 1 << 18  # characters of a page in which its date is looked for
DATES = ("article:published_time", '"datePublished"')  # in the order in which they are believed
NEAR = 200  # characters around the name, in which its value stands
MOMENT = re.compile(r"""["']\s*(\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?)\s*["']""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an article says: digests of its fields (empty for a page that is none), and when it was published.

    `fields["words"]` stands for all words of the page, `fields["reading"]` for the way of reading.
    """

    fields: dict[str, str] = field(default_factory=dict)
    published: datetime | None = None


def manner_of(rules: Rules = NONE) -> str:
    """What stands for a way of reading pages: two readings in different ways cannot be compared."""
    own = digest_of((rules,)) if rules != NONE else ""
    return f"{READING}/{own}" if own else READING


def glance_of(html: str) -> str:
    """A digest (hex) of all words of a page: shown, in its head and in its data; "" for what is no HTML.

    Where two pages have the same, their articles say the same. Markup, scripts, addresses, moments and what
    changes by itself (`words.settled`) make no difference.
    """
    try:
        tree = lxml.html.document_fromstring(html)
    except (lxml.etree.ParserError, ValueError):
        return ""
    text = settled("\n".join((*_shown(tree), *_beside(tree))))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:WORDS]


def _shown(tree: Any) -> Iterator[str]:
    for element in tree.iter():
        if isinstance(element.tag, str) and element.tag not in UNSHOWN and element.text:
            yield element.text
        if element.tail:
            yield element.tail


def _beside(tree: Any) -> Iterator[str]:
    """What head and data say in words."""
    scripts = (s.text or "" for s in tree.iter("script") if "ld+json" in (s.get("type") or ""))
    linked = (found[1] for script in scripts for found in STRING.finditer(script))
    told = (text for text in (*tree.xpath("//meta/@content"), *linked) if "://" not in text)
    yield from (text for text in told if not DATED.match(text))
    yield from data_texts(tree)


def published_in(html: str) -> datetime | None:
    """When a page says that its article was published, found without reading it; None where it does not."""
    for name in DATES:
        place = html.find(name, 0, HEAD)
        if place < 0:
            continue
        first, last = place + len(name), place + len(name) + NEAR
        if name.startswith("article"):  # its value stands anywhere in its tag
            first, last = max(html.rfind("<", 0, place), place - NEAR), min(html.find(">", place), last)
        if found := MOMENT.search(html, first, last):
            return _moment(found[1])
    return None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def said_on(html: str, url: str, *, rules: Rules = NONE, words: str = "") -> Said:
    """What the article on a page says; `words` is the page's glance, where it was taken."""
    article = extract(html, url, rules=rules)
    if article is None:
        return Said(fields={"words": words} if words else {})
    fields = fields_of(article, around=paragraphs(html))
    more = {"reading": manner_of(rules)} if fields else {}
    return Said(fields=fields | more | ({"words": words} if words else {}), published=article.published)


def text_of(store: Store, original: Original) -> str | None:
    """The page in a record, as text; None where the record cannot be had, or the store is away."""
    try:
        index = Index(store)
        known = [c for c in index.known(original.url) if c.kind == "response" and c.digest == original.digest]
        nearest = min(known, key=lambda c: (c.id != original.id, abs(c.at - original.at)), default=None)
        return play(store, index, nearest).text() if nearest else None
    except MorgueError:
        return None
