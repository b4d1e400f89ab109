"""What may not stand in a body: headings, captions, labels, promotion, and anything twice. Pure.

Rules: a line is judged by where it stands on the page (its block), where it is found there; what is dropped
is said by a flag. Nothing is dropped for what it is about.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from archive.extract.blocks import HEADS, SENTENCE, Block, is_label, key

LIST = re.compile(r"\A[-•–*]\s+(?=\S)")
PROMOTION = re.compile(
    r"newsletter|subscri|sign(ing)? up|sign in|whatsapp|podcast|follow (us|.{2,30} on)\b"
    r"|download(ing)? (the|our) app|app store"
    r"|google play|telegram|abonn|registrier|jetzt testen|suscr[ií]b|inscrivez|iscriviti|assine"
    r"|push-nachricht"
    r"|read more|read also|see also|lesen sie (auch|mehr)|mehr zum thema|lire aussi|a lire|leggi anche"
    r"|lea tambi[eé]n"
    r"|leia (mais|tamb[eé]m)|lees ook|our (app|channel)|facebook|instagram|our award-winning journalism",
    re.I,
)
PRICE = re.compile(
    r"(?:[€$£¥]|\bR)\s?\d|\d\s?(?:€|\$|kr\b|p/m\b)|\b(?:premium|digital[- ]only|subscribe|subscription"
    r"|abo)\b",
    re.I,
)
FURNITURE = re.compile(
    r"comment on this article|before commenting|comment policy|\A(?:most (?:read|popular)|popular"
    r"|related|comments?)\Z"
    r"|\Apublished by .{0,200}distributed|all rights reserved|alle rechte vorbehalten|terms (?:of use"
    r"|and conditions)"
    r"|cookie|\A(?:share|print|e-?mail)\Z",
    re.I,
)
CREDITED = re.compile(  # a caption, or the end of one: who made the picture
    r"(?:\A|[.!?»”\"')]\s*)(?:Bild|Fotos?|Photos?|Pictures?|Images?|Photographs?)(?: by| credit)?"
    r"\s*:\s*[^.:]{3,60}\Z"
)
SHORT = 250  # characters within which words of furniture make a line furniture
LONG = 40  # characters from which a sentence stands once in an article; short ones ("Yes.") may come again


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A body that may be shown: paragraphs; subheads, each with the count of paragraphs before it; flags.

    `edges` are the labels that stood before and behind it: an agency, a byline, a place.
    """

    paragraphs: tuple[str, ...]
    subheads: tuple[tuple[int, str], ...] = ()
    edges: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What is known of the page that a body was read from.

    `blocks` by the key of their text; `kept` are the keys of what is no furniture, `again` those of it that
    stand there more than once; `said` what fields say already (headline, standfirst, captions ...), as keys.
    """

    blocks: dict[str, Block] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()
    said: frozenset[str] = frozenset()
    captions: tuple[str, ...] = ()


def ground_of(
    blocks: Iterable[Block], kept: Iterable[Block], said: Iterable[str], captions: Iterable[str] = ()
) -> Ground:
    """The ground for a page."""
    found: dict[str, Block] = {}
    again: set[str] = set()
    for block in kept:
        if found.setdefault(name := key(block.text), block) is not block:
            again.add(name)
    fine = frozenset(found)
    for block in blocks:
        found.setdefault(key(block.text), block)
    shown = tuple(k for k in map(key, captions) if k)
    return Ground(
        blocks=found, kept=fine, again=frozenset(again), captions=tuple(k for k in shown if len(k) > LONG),
        said=frozenset([*(k for k in map(key, said) if k), *shown]),
    )  # fmt: skip


def guarded(lines: Sequence[str], ground: Ground) -> Guarded:
    """A body as it may be shown."""
    seen: set[str] = set()
    flags: set[str] = set()
    kept: list[tuple[str, bool]] = []
    repeated = 0
    for line in lines:
        text, block = _found(line, ground)
        name = key(text)
        if not name or name in ground.said or _captions(name, ground):
            continue
        if name in seen:
            repeated += len(text)
            continue
        if len(text) > LONG:
            seen.add(name)
        if block is not None and is_heading(block):
            kept += [] if PROMOTION.match(text) else [(text, True)]
        elif not _beside(text, name, block, ground):
            kept.append((text, False))
    size = sum(len(text) for text, head in kept if not head)
    twice = sum(len(t) for t, _ in kept if len(t) > LONG and key(t) in ground.again) if ground.again else 0
    if max(repeated, twice) > max(200, size / 3):
        flags.add("doubled_body_removed")
    middle = _edged(kept)
    edges = [text for text, _ in kept if (text, False) not in middle and (text, True) not in middle]
    return _parted(middle, frozenset(flags), tuple(edges))


def is_heading(block: Block) -> bool:
    """Whether a block heads others: by its tag, or a short line, all bold, that is no sentence."""
    bold = block.strong >= 0.9 * len(block.text) and len(block.text) < 100 and not SENTENCE.search(block.text)
    return block.tag in HEADS or bold


def _captions(name: str, ground: Ground) -> bool:
    """Whether a line is a caption with its credit."""
    return any(name.startswith(c) and len(name) < len(c) + 80 for c in ground.captions)


def _found(line: str, ground: Ground) -> tuple[str, Block | None]:
    text = " ".join(line.split())
    block = ground.blocks.get(key(text))
    bare = LIST.sub("", text)
    return (bare if block is None or not block.text.startswith(text[:2]) else text), block


def _beside(text: str, name: str, block: Block | None, ground: Ground) -> bool:
    """Whether a line is beside the text: furniture by its place, a link and nothing else, promotion, a
    label.
    """
    if len(text) < SHORT and (FURNITURE.search(text) or CREDITED.search(text)):
        return True
    if block is None:  # a piece of a block, at a line break
        around = next((b for each, b in ground.blocks.items() if name in each), None)
        return around is not None and (
            key(around.text) not in ground.kept
            or bool(len(around.text) < SHORT and FURNITURE.search(around.text))
        )
    if name not in ground.kept or is_label(text, block.tag):
        return True
    linked = block.linked / max(len(block.text), 1)
    return linked > 0.6 or (len(text) < 350 and block.linked > 0 and bool(PROMOTION.search(text)))


def _edged(kept: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Without labels before the first sentence and behind the last."""
    sentences = [n for n, (text, head) in enumerate(kept) if not head and _sentence(text)]
    return kept[sentences[0] : sentences[-1] + 1] if sentences else kept


def _sentence(text: str) -> bool:
    return len(text) >= 80 or bool(SENTENCE.search(text) and len(text) >= 25)


def _parted(kept: Iterable[tuple[str, bool]], flags: frozenset[str], edges: tuple[str, ...]) -> Guarded:
    paragraphs: list[str] = []
    subheads: list[tuple[int, str]] = []
    for text, head in kept:
        if head:
            subheads.append((len(paragraphs), text))
        else:
            paragraphs.append(text)
    return Guarded(paragraphs=tuple(paragraphs), subheads=tuple(subheads), flags=flags, edges=edges)
