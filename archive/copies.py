"""One text in several newspapers: wire copy, whole, cut or with another lead. Pure.

Two texts are copies where one holds a good part of the other: containment, |A and B| / min(|A|, |B|), over
runs of three words, of which one in eight is kept (chosen by its hash, so that the same run is kept in every
text). Jaccard and SimHash miss cut copy: half a text has a Jaccard likeness of .36 to the
whole, and a containment of .76.

Of a short text few runs are kept, and chance decides which: half a story of 150 words shares eight of them
with the whole, give or take three. So where a sample leaves it open, all runs of both texts are compared.
"""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

WORD = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\\W_]+"
)
KEPT = 8  # one run in so many
LEAST = 6  # kept runs that two texts must share, at least
OPEN = 2  # kept runs that they share, from which all of their runs are compared
SAME = 0.4  # containment from which they are copies
WINDOW = 7  # days between them, at most


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared; of scripts without spaces each character."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def runs_of(text: str) -> set[int]:
    """The hashes of its runs of three words: 32 bits each."""
    return set(_hashed(text))


def sample(text: str) -> tuple[int, ...]:
    """Those of one in eight of them, sorted, each once."""
    return tuple(sorted({run for run in _hashed(text) if not run % KEPT}))


def _hashed(text: str) -> Iterator[int]:
    words = words_of(text)
    return (
        zlib.crc32(f"{one} {two} {three}".encode("utf-8", "replace"))
        for one, two, three in zip(words, words[1:], words[2:], strict=False)
    )


def are_copies(shared: int, one: int, other: int) -> bool:
    """Whether texts of so many kept runs, of which they share so many, are copies."""
    return shared >= LEAST and shared >= SAME * min(one, other)


def may_be_copies(shared: int, one: int, other: int) -> bool:
    """Whether they could be, and chance kept the wrong runs."""
    return shared >= OPEN and shared >= SAME / 2 * min(one, other)


def hold_the_same(one: AbstractSet[int], other: AbstractSet[int]) -> bool:
    """The same by all runs of both (`runs_of`), so that chance has no part in it."""
    shared = len(one & other)
    return shared >= LEAST * KEPT and shared >= SAME * min(len(one), len(other))


def kept_and_added(first: Sequence[str], other: Sequence[str]) -> tuple[float, float]:
    """How much of the first text the other keeps, and how much of the other is not in the first (0 to 1).

    Runs of three words count, since single words recur by chance.
    """
    return shares(runs_within(first), runs_within(other))


def shares(one: Counter[tuple[str, str, str]], two: Counter[tuple[str, str, str]]) -> tuple[float, float]:
    """The same of the runs of two texts (`runs_within`)."""
    shared = (one & two).total()
    return shared / max(one.total(), 1), 1 - shared / max(two.total(), 1)


def runs_within(paragraphs: Iterable[str]) -> Counter[tuple[str, str, str]]:
    """The runs of three words within paragraphs, and how often each stands there."""
    found: Counter[tuple[str, str, str]] = Counter()
    for text in paragraphs:
        words = words_of(text)
        found.update(zip(words, words[1:], words[2:], strict=False))
    return found
