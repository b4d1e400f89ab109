"""The body by the structure of a page: the part of it where the paragraphs stand thickest.

Pure. Second opinion to the extractors that others keep; the cheap one, since the tree is there already.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from archive.extract.blocks import COMMENTS, HEADS, Block, is_label

MOST = 0.4  # share of a page's text from which a container is no furniture, whatever it is called
TEXT = 600  # weight of what nothing calls furniture, behind which comments may begin
DOWN = 0.82  # share of the text that a part must keep for the search to go down into it


def without_furniture(blocks: Sequence[Block]) -> list[Block]:
    """The blocks that nothing calls furniture."""
    heavy = _heavy(blocks)
    return [b for b in blocks if not _furniture(b, heavy)]


def structural(kept: Sequence[Block]) -> list[Block]:
    """The blocks of the body, in order, of those that are no furniture."""
    sums = _sums(kept)
    container = _container(sums)
    if container is None:
        return []
    body = [b for b in kept if container in b.path and _speaks(b)]
    return _trimmed(body)


def _heavy(blocks: Sequence[Block]) -> tuple[set[str], set[str]]:
    """Kinds of elements that hold most of the text; and words that stand on most of it, bit by bit."""
    kinds: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for block in blocks:
        for kind in {kind for kind, _ in block.marked}:
            kinds[kind] += block.weight
        for word in {word for _, word in block.marked}:
            words[word] += block.weight
    least = sum(b.weight for b in blocks) * MOST
    talk = _discussions(blocks)
    heavy = {kind for kind, weight in kinds.items() if weight > least} - talk
    once = {word for b in blocks for kind, word in b.marked if kind in heavy or kind in talk}
    return heavy, {word for word, weight in words.items() if weight > least} - once


def _discussions(blocks: Sequence[Block]) -> set[str]:
    """Kinds of elements that hold comments however long they are: those that begin behind a whole text."""
    before = 0
    found: dict[str, bool] = {}
    for block in blocks:
        for kind, word in block.marked:
            found.setdefault(kind, before >= TEXT and word.startswith(COMMENTS))
        before += 0 if block.marked else block.weight
    return {kind for kind, behind in found.items() if behind}


def _furniture(block: Block, heavy: tuple[set[str], set[str]]) -> bool:
    return any(kind not in heavy[0] and word not in heavy[1] for kind, word in block.marked)


def _sums(blocks: Sequence[Block]) -> Counter[Any]:
    sums: Counter[Any] = Counter()
    for block in blocks:
        for element in block.path if block.weight else ():
            sums[element] += block.weight
    return sums


def _container(sums: Counter[Any]) -> Any:
    if not sums:
        return None
    total = max(sums.values())
    named = [e for e in sums if e.get("itemprop") == "articleBody"] or [e for e in sums if e.tag == "article"]
    best = max(named, key=lambda e: sums[e], default=None)
    if best is None or sums[best] < total * 0.4:
        best = max(sums, key=lambda e: (sums[e], -_depth(e)))
    while True:
        inner = max((c for c in best if c in sums), key=lambda c: sums[c], default=None)
        if inner is None or sums[inner] < sums[best] * DOWN:
            return best
        best = inner


def _depth(element: Any) -> int:
    return sum(1 for _ in element.iterancestors())


def _speaks(block: Block) -> bool:
    if block.tag in HEADS:
        return block.linked * 2 < len(block.text)
    return block.linked * 3 < len(block.text) * 2 and not is_label(block.text, block.tag)


def _trimmed(blocks: list[Block]) -> list[Block]:
    """Without subheads that nothing follows, and without all that stands before the headline."""
    first = next((n + 1 for n, b in reversed(list(enumerate(blocks))) if b.tag == "h1"), 0)
    blocks = blocks[first:] if any(b.weight for b in blocks[first:]) else blocks
    while blocks and blocks[-1].tag in HEADS:
        blocks = blocks[:-1]
    return blocks
