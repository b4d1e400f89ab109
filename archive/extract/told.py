"""What a page's head and data say of the article beside what it shows. Pure.

Some newspapers edit the title of the head, or the text in the data, and nothing else; behind a wall the data
may be all that changes. Rules: only another wording of this article counts (a text whose runs of words are
mostly the article's own), so that teasers of other stories make no versions; what the page shows as well is
left out, so that there is nothing here where head, data and page agree.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from archive.extract.blocks import key
from archive.extract.data import ARTICLES, PageData, clean, text_in, types_of

OWN = 0.5  # share of a text's runs of words that are the article's, from which it is another wording of it
RUN = 4  # words of a run (characters, in scripts without spaces)
LEAST = 12  # letters and digits from which a sentence counts
MOST = 200  # sentences that are kept
LITERAL = re.compile(r'"((?:[^"\\]|\\.){60,})"')
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
ENDS = re.compile(r"(?<=[.!?…。！？])([\"'”’»)\]]*)\s*(?=[^\s\d.,;:!?)\]”’»…a-zà-ÿ])")
TITLED = ARTICLES | {"WebPage", "ItemPage"}
TITLES = "//head//meta[@property='og:title' or @name='twitter:title' or @property='twitter:title']/@content"
WORD = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|[^\W぀-ヿ㐀-鿿豈-﫿]+")
CODE = re.compile(r"""[{}\[\]<>\\]|":|",\s*"|https?:|\.js\b""")  # of a script, and no sentence
ROW = re.compile(r"(?:\A|(?<=[.!?…。\s]))[0-9a-f]{1,4}:T[0-9a-f]+,\s*")  # how React numbers its texts
PIECES, PIECE = 4, 8  # pieces of a sentence that may stand apart on the page, and their letters at least
PLAIN = re.compile(r"[^\W\d_]+(?: [^\W\d_]+){3,}")  # words that JSON writes as they are
TRIED = 4  # paragraphs of which a script with the article has one, at least
SCRIPTS = 20  # scripts of a page that are read


def titles_in(tree: Any, data: PageData) -> Iterator[str]:
    """The headlines that the head and the data give, raw."""
    yield from (clean(title) for title in tree.xpath(TITLES))
    yield from (clean(title) for title in tree.xpath("//head/title/text()"))
    for node in data.nodes:
        if types_of(node) & TITLED:
            yield from (clean(text_in(node.get(n))) for n in ("headline", "alternativeHeadline", "name"))


def told_in(
    tree: Any, data: PageData, body: Sequence[str], shown: str, heads: Iterable[str]
) -> tuple[str, ...]:
    """Sentences of the article that only its head and data have; `shown` are keys of all that it shows.

    Those that say one of the headlines (`heads`) are left out: `titles_in` has them.
    """
    own = _runs(body)
    known = [name for name in map(key, heads) if len(name) >= LEAST]
    found: dict[str, str] = {}
    texts = (text for text in _texts(tree, data, body) if _is_own(text, own))
    for text in (*_descriptions(data), *texts):
        for sentence in sentences(text):
            name = key(sentence)
            new = len(name) >= LEAST and not any(head in name for head in known)
            if new and len(found) < MOST and not CODE.search(sentence) and not _is_shown(name, shown):
                found.setdefault(name, sentence)
    return tuple(found.values())


def _is_shown(name: str, shown: str) -> bool:
    """Whether the page shows it: as it is, or in a few pieces (a subhead, and what it heads)."""
    for _ in range(PIECES):
        least, most = 0, len(name)
        while least < most:  # the longest beginning that is shown
            middle = (least + most + 1) // 2
            least, most = (middle, most) if name[:middle] in shown else (least, middle - 1)
        if least == len(name):
            return True
        if least < PIECE:
            return False
        name = name[least:]
    return False


def sentences(text: str) -> list[str]:
    """The sentences of a text, also where they were put together without spaces."""
    return [part.strip() for part in ENDS.sub(r"\1\n", text).split("\n") if part.strip()]


def _descriptions(data: PageData) -> Iterator[str]:
    yield from (clean(data.meta.get(name, "")) for name in ("description", "og:description"))
    yield clean(text_in(data.article.get("description")))


def _texts(tree: Any, data: PageData, body: Sequence[str]) -> Iterator[str]:
    """The text of the article in its data: JSON-LD, and what scripts bring along."""
    for node in data.nodes:
        if types_of(node) & ARTICLES:
            for line in text_in(node.get("articleBody")).split("\n"):
                yield clean(line)
    anchors = [found[0] for text in body if (found := PLAIN.search(text, 5)) and len(found[0]) >= 20]
    if not anchors:
        return
    scripts = (s for s in tree.iter("script") if "ld+json" not in (s.get("type") or ""))
    for script in list(scripts)[: SCRIPTS * 10]:
        text = script.text or ""
        if len(text) > 100 and any(anchor in text for anchor in anchors[:TRIED]):
            for literal in LITERAL.finditer(text):
                if any(anchor in literal[1] for anchor in anchors):
                    yield from _lines(literal[1])


def _lines(literal: str) -> Iterator[str]:
    """The texts of a literal, line by line; of one that holds data in turn, those in it."""
    for line in ROW.sub("\n", ESCAPE.sub(_unescaped, literal)).split("\n"):
        if '":' in line:
            yield from (clean(ESCAPE.sub(_unescaped, inner[1])) for inner in LITERAL.finditer(line))
        else:
            yield clean(line)


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16)).encode("utf-16", "replace").decode("utf-16")
    return {"n": "\n", "r": " ", "t": " "}.get(found[2], found[2])


def _is_own(text: str, own: set[tuple[str, ...]]) -> bool:
    runs = _runs((text,))
    return bool(runs) and len(runs & own) >= OWN * len(runs)


def _runs(texts: Iterable[str]) -> set[tuple[str, ...]]:
    words = WORD.findall("\n".join(texts).replace("\u00ad", "").casefold())
    return set(zip(*(words[n:] for n in range(RUN)), strict=False))
