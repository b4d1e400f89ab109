"""One text in several newspapers: wire copy, whole, cut or with another lead. Pure.

Two texts are copies where one holds a good part of the other: containment, |A and B| / min(|A|, |B|), over
runs of three words, of which one in eight is kept (chosen by its hash, so that the same run is kept in every
text). Jaccard and SimHash miss cut copy: half a text has a Jaccard likeness of .36 to the
whole, and a containment of .76.
"""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

WORD = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\\W_]+"
)
KEPT = 8  # one run in so many
LEAST = 6  # kept runs that two texts must share, at least
SAME = 0.4  # containment from which they are copies
WINDOW = 7  # days between them, at most


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared; of scripts without spaces each character."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def sample(text: str) -> tuple[int, ...]:
    """The hashes of one in eight of its runs of three words, sorted, each once: 32 bits each."""
    words = words_of(text)
    runs = (
        zlib.crc32(f"{one} {two} {three}".encode("utf-8", "replace"))
        for one, two, three in zip(words, words[1:], words[2:], strict=False)
    )
    return tuple(sorted({run for run in runs if not run % KEPT}))


def are_copies(shared: int, one: int, other: int) -> bool:
    """Whether texts of so many kept runs, of which they share so many, are copies."""
    return shared >= LEAST and shared >= SAME * min(one, other)


def kept_and_added(first: Sequence[str], other: Sequence[str]) -> tuple[float, float]:
    """How much of the first text the other keeps, and how much of the other is not in the first (0 to 1).

    Runs of three words count, since single words recur by chance.
    """
    one, two = _runs(first), _runs(other)
    shared = (one & two).total()
    return shared / max(one.total(), 1), 1 - shared / max(two.total(), 1)


def _runs(paragraphs: Iterable[str]) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for text in paragraphs:
        words = words_of(text)
        found.update(zip(words, words[1:], words[2:], strict=False))
    return found
