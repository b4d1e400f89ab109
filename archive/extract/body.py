"""The body of an article, by agreement of several readers.

Rules: the cheap readers always (trafilatura, our own structural one, the text in the page's data), the dear
ones only where these disagree; what is chosen is one reader's whole text, the one that agrees most with the
others. Agreement is kept as confidence. trafilatura is always called with include_comments=False (with its
default it takes whole articles for comments and repeats them) and never with deduplicate=True (a
process-wide cache that empties later versions of a page).
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lxml.html
import trafilatura
from trafilatura.readability_lxml import Document as Readability

from archive.extract.blocks import Block, text_of
from archive.extract.data import clean
from archive.extract.guard import Ground, Guarded, guarded
from archive.extract.structure import structural

AGREED = 0.9  # F1 of shingles from which two readers say the same
WITHIN = 0.8  # share of a text that the page's data must hold, to be believed where they hold more
LONGER = 2.0  # times what a reader found
TOKEN = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|[^\W぀-ヿ㐀-鿿豈-﫿]+")
Shingles = Counter[tuple[str, ...]]
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it warns of what we judge ourselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body, the reader that it came from, and how far the others agree (0 to 1)."""

    text: Guarded
    source: str
    confidence: float


def body_of(html: str, url: str, kept: Sequence[Block], ground: Ground, told: str) -> Body:
    """The body of a page; `told` is the text that its data hold, or ""."""
    found = {
        "trafilatura": guarded(_trafilatura(html, url), ground),
        "structure": guarded(text_of(structural(kept)), ground),
    }
    data = guarded(told.split("\n"), ground)
    counted = {name: shingles(said.paragraphs) for name, said in found.items()}
    agreed = agreement(counted["trafilatura"], counted["structure"])
    if agreed < AGREED:
        found["readability"] = guarded(_readability(html), ground)
        found["fast"] = guarded(_trafilatura(html, url, fast=True), ground)
        counted = {name: shingles(said.paragraphs) for name, said in found.items()}
    best, agreed = medoid(counted) if agreed < AGREED else ("trafilatura", agreed)
    if _holds(shingles(data.paragraphs), counted[best]):
        return Body(text=data, source="json-ld", confidence=round(agreed, 3))
    doubled = frozenset().union(*(said.flags for said in found.values()))
    text = replace(found[best], flags=found[best].flags | doubled)  # whichever of them saw it
    return Body(text=text, source=best, confidence=round(agreed, 3))


def medoid(counted: dict[str, Shingles]) -> tuple[str, float]:
    """The text that agrees most with the others, and how far on average; empty ones do not vote."""
    there = {name: each for name, each in counted.items() if each} or counted
    sums = {a: sum(agreement(there[a], there[b]) for b in there if a != b) for a in there}
    best = max(sums, key=lambda name: sums[name])
    return best, sums[best] / max(len(there) - 1, 1) if len(there) > 1 else 0.0


def shingles(texts: Iterable[str]) -> Shingles:
    """Runs of four words (characters, in scripts without spaces), counted."""
    words = TOKEN.findall("\n".join(texts).replace("\u00ad", "").lower())
    runs: Shingles = Counter(zip(words, words[1:], words[2:], words[3:], strict=False))
    return runs or Counter([tuple(words)] if words else [])


def agreement(one: Shingles, other: Shingles) -> float:
    """F1 of two texts' shingles."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0


def _holds(data: Shingles, best: Shingles) -> bool:
    """Whether the data hold what a reader found, and a good deal more: the text is behind a wall."""
    both = (data & best).total()
    return data.total() > best.total() * LONGER and both >= best.total() * WITHIN


def _trafilatura(html: str, url: str, *, fast: bool = False) -> list[str]:
    found = trafilatura.extract(html, url=url, include_comments=False, with_metadata=False, fast=fast)
    lines = (found or "").split("\n")
    return [line for line in lines if not line.startswith("|")]  # tables are no paragraphs; old pages are one


def _readability(html: str) -> list[str]:
    """The readability algorithm, as trafilatura keeps it."""
    read: Callable[[Any], Any] = Readability
    try:
        tree = lxml.html.fromstring(read(lxml.html.document_fromstring(html)).summary())
    except (ValueError, TypeError, AttributeError, KeyError, lxml.etree.LxmlError):
        return []
    blocks = tree.xpath(
        "//p[not(ancestor::p or ancestor::li)] | //li | //blockquote[not(.//p)] | //h2 | //h3"
    )
    return [clean(block.text_content()) for block in blocks]
