"""What stands beside an article's text and belongs to it: where it leads, its comments, its rights. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from archive.extract.blocks import HEADS, Block, key
from archive.extract.data import PageData, clean, text_in
from archive.model import Link

MOST = 200  # links of a page that are kept
SPACE = re.compile(r"\s+")
CLOSED = re.compile(
    r"comments? (?:are|have been|is) (?:now )?(?:closed|disabled|turned off)"
    r"|comments? (?:closed|off|disabled)"
    r"|kommentare? (?:sind|ist|wurden?) (?:geschlossen|deaktiviert)"
    r"|kommentarfunktion .{0,30}(?:geschlossen|deaktiviert)"
    r"|(?:les )?commentaires (?:sont )?(?:fermés|désactivés)|comentarios (?:est[aá]n )?cerrados"
    r"|commenti chiusi|comentários (?:estão )?(?:encerrados|fechados)",
    re.I,
)
OPEN = re.compile(
    r"(?:post|leave|write|add|join|be the first to) (?:a |your |the |to )?(?:comment|conversation|discussion)"
    r"|(?:before|when) commenting|comment on this article|kommentar (?:schreiben|verfassen)"
    r"|jetzt kommentieren"
    r"|(?:laisser|ajouter|poster) un commentaire|(?:deja|escribe|publica) (?:un|tu) comentario"
    r"|deixe (?:um|seu) comentário|lascia un commento",
    re.I,
)
RELATED = re.compile(
    r"\b(?:relat|relac|verwandt|mehr-zum|read-?also|see-?also|lire-?aussi|leia-?mais|lees-?ook)", re.I
)
HINTS = ("omment", "OMMENT", "oment", "conversation", "discussion")
RIGHTS = ("license", "usageInfo", "acquireLicensePage", "copyrightNotice", "copyrightHolder")
ROBOTS = ("robots", "tdm-reservation", "tdm-policy")


def links_of(blocks: Sequence[Block], body: Sequence[str], url: str) -> tuple[Link, ...]:
    """Where the text leads, in order, and then the related stories that the page sets apart."""
    said = {key(text) for text in body}
    inside = [b for b in blocks if b.linked and key(b.text) in said]
    beside = [b for b in blocks if b.linked and is_related(b)]
    found: dict[tuple[str, str], Link] = {}
    for place, some in (("body", inside), ("related", beside)):
        for link in _links(some, url, place):
            found.setdefault((link.url, place), link)
    return tuple(found.values())[:MOST]


def is_related(block: Block) -> bool:
    """Whether a block is the title of another story, in a part that the page itself calls related."""
    if block.linked * 2 <= len(block.text) or (len(block.text) < 25 and block.tag not in HEADS):
        return False
    return any(_called_related(kind) or word.startswith(("relat", "relac")) for kind, word in block.marked)


@lru_cache(maxsize=5_000)
def _called_related(kind: str) -> bool:
    return bool(RELATED.search(kind))


def _links(blocks: Iterable[Block], url: str, place: str) -> Iterator[Link]:
    for block in blocks:
        holder = block.path[-1]
        anchors = list(holder.iter("a")) or list(holder.iterancestors("a"))[:1]
        for anchor in anchors:
            target = _target(url, anchor.get("href") or "")
            if target:
                text = clean(anchor.text_content())
                yield Link(url=target, text=text if len(text) < 300 else block.text, place=place)


def _target(url: str, href: str) -> str:
    try:
        target = urljoin(url, href.strip())
        return target if urlsplit(target).scheme in ("http", "https") and not href.startswith("#") else ""
    except ValueError:
        return ""


def comments_of(blocks: Sequence[Block], data: PageData) -> tuple[str, str, str]:
    """Whether readers may comment ("on", "off", or "": it does not say), by what, and in what words."""
    near = [b.text for b in reversed(blocks) if len(b.text) < 200 and any(w in b.text for w in HINTS)]
    for text in near:
        if found := CLOSED.search(text):
            return "off", "page", found[0]
    count = data.article.get("commentCount")
    if isinstance(count, int | str) and str(count).isdigit() and int(count) > 0:
        return "on", "json-ld", f"commentCount {count}"
    for text in near:
        if found := OPEN.search(text):
            return "on", "page", found[0]
    return "", "", ""


def rights_of(data: PageData) -> tuple[str, ...]:
    """What the page says of its use, as words: `robots=noarchive`, `license=https://...`, sorted."""
    found = {f"{name}={_word(data.meta[name])}" for name in ROBOTS if data.meta.get(name)}
    for name in RIGHTS:
        said = data.article.get(name)
        text = str(said) if isinstance(said, int) else text_in(said)
        if isinstance(said, dict) and not text:
            text = str(said.get("@id") or said.get("url") or "")
        if text:
            found.add(f"{name}={_word(text)}")
    return tuple(sorted(found))


def license_link(tree: Any, url: str) -> str:
    """The address of the licence that the page links as its own, or ""."""
    href = next(iter(tree.xpath("//link[@rel='license']/@href | //a[@rel='license']/@href")), "")
    return _target(url, str(href)) if href else ""


def _word(text: str) -> str:
    return quote(SPACE.sub(" ", clean(text))[:300], safe="/:?&+,;@!$'()*~#[]=")
