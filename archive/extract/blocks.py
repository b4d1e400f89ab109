"""A page as blocks of text: what stands in it, in which element, and how much of that is furniture.

Rules: one walk over the tree; nothing is removed from it. Furniture is told by tags that say so, and by class
names and ids that newspapers use for it, but never where it holds most of the page's text: the container of a
whole article may well be called "comments-enabled".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Element = Any  # lxml ships no types
Marked = tuple[tuple[str, str], ...]

NEVER = {
    "script", "style", "noscript", "template", "svg", "iframe", "head", "select", "option", "input",
    "textarea",
    "button", "object", "canvas", "math", "audio", "video",
}  # fmt: skip
ASIDE = {"nav", "footer", "aside", "form", "figure", "figcaption", "dialog", "menu", "address"}
BLOCK = {
    "p", "div", "section", "article", "main", "header", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li",
    "dl", "dt", "dd", "blockquote", "pre", "table", "thead", "tbody", "tr", "td", "th", "caption", "body",
    "html", "hr",
    "center", "details", "summary", "fieldset", *ASIDE,
}  # fmt: skip
INLINE = {"a": "a", "b": "b", "strong": "b"}
HEADS = {"h1", "h2", "h3", "h4", "h5", "h6"}
PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
# Whole words of a class name or id, and stems that are enough where they begin a word.
WORDS = frozenset(
    (
        "ad", "ads", "adv", "advert", "aside", "author", "authors", "bio", "breadcrumb", "breadcrumbs",
        "byline", "caption", "captions", "comment", "comments", "consent", "cookie", "copyright",
        "credit", "credits", "date", "dfp", "disclaimer", "disqus", "embed", "footer", "footnote",
        "gallery", "hidden", "hide", "infobox", "invisible", "legal", "links", "login", "meta", "modal",
        "more", "nav", "navigation", "newsletter", "noprint", "outbrain", "overlay", "pagination",
        "player", "poll", "popular", "popup", "print", "promo", "promos", "published", "rating", "read",
        "readmore", "readalso", "recirc", "register", "related", "reklama", "share", "sharing", "shop",
        "sidebar", "signup", "skip", "social", "sponsor", "sponsored", "subscribe", "subscription",
        "taboola", "tag", "tags", "teaser", "teasers", "timestamp", "toc", "toolbar", "tooltip",
        "topics", "trending", "tts", "werbung", "anzeige", "publicidad",
    )
)  # fmt: skip
COMMENTS = ("comment", "kommentar", "comentari", "komentar", "reacties", "yorumlar", "leserbrief")
STEMS = (
    "advert", "recommend", "relacion", "teaser", "newsletter", "promo", "subscri", "sharing", "related",
    "breadcrumb", "taboola", "outbrain", "caption", "copyright", "disclaimer", "sponsor", *COMMENTS,
)  # fmt: skip
SENTENCE = re.compile(r"[.!?…:;。！？।]['\"”’»›)\]」』]*\Z")
# Says how the element is to look or behave ("print:hidden", "has-comments"), not what stands in it.
CONDITION = re.compile(
    r":|\A(?:with|without|has|have|no|not|is|js|u|use|show)[-_]|[-_](?:enabled|disabled|allowed)\Z"
)
DENSE = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]")
UNSAID = re.compile(r"[\W_]+")  # what two texts need not have in common


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A run of text in one element. `linked` and `strong` count characters that are links or bold; `path` are
    the elements that it stands in, outermost first; `marked` names those among them that are called furniture
    (tag and class), and by what word.
    """

    text: str
    tag: str
    linked: int
    strong: int
    path: tuple[Element, ...]
    marked: Marked

    @property
    def weight(self) -> int:
        """How much it counts for text: characters, more of a script that needs fewer; labels count
        nothing.
        """
        size = len(self.text) + 2 * len(DENSE.findall(self.text))
        return size if size >= 50 and self.linked * 2 < len(self.text) and self.tag not in HEADS else 0


def is_label(text: str, tag: str) -> bool:
    """Whether a text is a label ("1 day ago", "Popular"), and no sentence."""
    return tag != "p" and len(text) < 80 and not SENTENCE.search(text)


def called_furniture(element: Element) -> str:
    """The word by which an element's tag, class or id says that it is beside the text; "" where none does."""
    if element.tag in ASIDE:
        return str(element.tag)
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return "hidden"
    if "display:none" in (element.get("style") or "").replace(" ", "") and "wall" not in (
        element.get("class") or ""
    ):
        return "hidden"  # but for what a paywall hides: that is the article
    if element.tag in ("body", "html", "main"):
        return ""
    names = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('role') or ''}"
    return _word(names) if len(names) > 2 else ""


@lru_cache(maxsize=20_000)
def _word(names: str) -> str:
    for part in PARTS.findall(" ".join(name for name in names.split() if not CONDITION.search(name))):
        word = part.lower()
        if word in WORDS or word.startswith(STEMS):
            return str(word)
    return ""


def blocks_of(tree: Element) -> list[Block]:
    """All text of a page, in order."""
    return list(_walk(tree, (), (), ""))


class _Run:
    """Text that is being put together."""

    __slots__ = ("linked", "parts", "strong")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.linked = self.strong = 0

    def add(self, text: str | None, inside: str = "") -> None:
        if text:
            self.parts.append(text)
            self.linked += len(text.strip()) if "a" in inside else 0
            self.strong += len(text.strip()) if "b" in inside else 0

    def take(self, path: tuple[Element, ...], marked: Marked) -> Iterator[Block]:
        text = " ".join("".join(self.parts).replace("\u00ad", "").split())
        if text:
            yield Block(
                text=text, tag=path[-1].tag, linked=self.linked, strong=self.strong, path=path, marked=marked
            )  # fmt: skip
        self.parts, self.linked, self.strong = [], 0, 0


def _walk(element: Element, path: tuple[Element, ...], marked: Marked, inside: str) -> Iterator[Block]:
    path = (*path, element)
    if word := called_furniture(element):
        marked = (*marked, (f"{element.tag} {element.get('class') or element.get('id') or ''}", word))
    run = _Run()
    yield from _inside(element, path, marked, run, inside)
    yield from run.take(path, marked)


def _inside(
    element: Element, path: tuple[Element, ...], marked: Marked, run: _Run, inside: str
) -> Iterator[Block]:
    run.add(element.text, inside)
    breaks = 0
    for child in element:
        tag = child.tag
        if not isinstance(tag, str) or tag in NEVER:
            pass
        elif tag == "br":
            breaks += 1
            run.add(" ")
            if breaks > 1:
                yield from run.take(path, marked)
        elif tag in BLOCK:
            yield from run.take(path, marked)
            yield from _walk(child, path, marked, inside)
        elif called_furniture(child) and tag not in ("a", "em", "strong", "b", "i"):
            yield from _walk(child, path, marked, inside)
        else:
            yield from _inside(child, path, marked, run, inside + INLINE.get(tag, ""))
        if child.tail and child.tail.strip():
            breaks = 0
        run.add(child.tail, inside)


def text_of(blocks: Iterable[Block]) -> tuple[str, ...]:
    """The texts of blocks."""
    return tuple(block.text for block in blocks)


def key(text: str) -> str:
    """What two texts have in common where they say the same: letters and digits."""
    return UNSAID.sub("", text.casefold())
