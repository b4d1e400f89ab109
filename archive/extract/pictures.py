"""Pictures of an article: address, caption, credit, and the agencies that the credit names. Pure."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from archive.extract.agencies import agencies_in
from archive.extract.blocks import called_furniture
from archive.extract.data import PageData, clean
from archive.model import Image

LABEL = (
    r"(?:Pictures?|Photo(?:graph|s)?(?: by| credit)?|Images?(?: by| credit)?|Credits?|Foto(?:s|graf)?"
    r"|Bild(?:quelle)?|Quelle|Crédits?"
    r"|Imagen|Fuente|Source|Ảnh)"
)
CREDIT = re.compile(rf"\A(.*?)\s*[(\[|]?\s*\b{LABEL}\s*:\s*(.+?)[)\]]?\Z", re.S)
COPYRIGHT = re.compile(r"\A(.*?[.!?»”\"])\s*©\s*(.+)\Z|\A()©\s*(.+)\Z", re.S)
ALONE = re.compile(r"\A\(\s*([^()]{3,80}?)\s*\)\Z")  # nothing but who made it
CONTROL = re.compile(r"button|\bbtn\b", re.I)  # what shows a caption when it is pressed is none
BRACKETS = re.compile(r"\A(.+?)\s*\(([^()]{3,80})\)\s*\Z", re.S)
NAMED = re.compile(r"credit|copyright|author|source|photograph|\bphoto-by", re.I)
SAYS = re.compile(r"caption|description|legend|bildunterschrift|\balt-text", re.I)
HOLDS = re.compile(r"image|photo|picture|media|figure|bild|foto", re.I)


def pictures(tree: Any, data: PageData, url: str) -> tuple[Image, ...]:
    """The pictures of the article, in the order of the page; without any, the one that the data names."""
    found: dict[str, Image] = {}
    for holder, source in _holders(tree):
        found.setdefault(source, _image(holder, urljoin(url, source)))
    lead = _address(data.article.get("image"))
    if lead and not found:
        found[lead] = Image(url=urljoin(url, lead))
    return tuple(found.values())


def credited(text: str) -> tuple[str, str]:
    """A caption and its credit, from one text."""
    if alone := ALONE.match(text):
        return "", credited(alone[1])[1] or alone[1]
    found = CREDIT.match(text)
    if found:
        return found[1].rstrip(" -–—|("), found[2].strip()
    held = COPYRIGHT.match(text)
    if held:
        return (held[1] or "").strip(), (held[2] or held[4]).strip()
    last = BRACKETS.match(text)
    return (last[1], last[2]) if last and agencies_in(last[2]) else (text, "")


def _holders(tree: Any) -> Iterator[tuple[Any, str]]:
    parts = ("//article", "//main", "//*[@id='article']", "//*[@itemprop='articleBody']")
    inside = " | ".join(f"{part}//figure" for part in parts)
    for figure in tree.xpath(inside):
        source = _source(figure)
        if source and not any(_beside(a) for a in figure.iterancestors()):
            yield figure, source
    for image in tree.xpath(
        "//article//img[not(ancestor::figure)] | //*[@id='article']//img[not(ancestor::figure)]"
    ):
        holder = _holder(image)
        source = _source(image)
        if holder is not None and source:
            yield holder, source


def _beside(element: Any) -> bool:
    word = called_furniture(element)
    return word in ("aside", "nav", "footer", "form", "header") or word.startswith(
        ("relat", "teaser", "recom", "promo")
    )


def _holder(image: Any) -> Any:
    """What holds an image together with its caption: the nearest thing that is called so."""
    for above, _ in zip(image.iterancestors(), range(5), strict=False):
        if above.tag in ("body", "article", "main"):
            return None
        parts = above.xpath(".//*[@class]")
        if HOLDS.search(above.get("class") or "") and any(SAYS.search(p.get("class")) for p in parts):
            return above if len(above.text_content()) < 1000 else None
    return None


def _image(holder: Any, url: str) -> Image:
    said = holder.xpath(".//figcaption")
    parts = [
        p for p in holder.xpath(".//*[@class or @itemprop]") if p.tag not in ("img", "figcaption", "picture")
    ]
    names = [(p, f"{p.get('class') or ''} {p.get('itemprop') or ''}") for p in parts]
    credit = next((_text(p) for p, name in names if NAMED.search(name) and 0 < len(_text(p)) < 200), "")
    says = (p for p, name in names if SAYS.search(name) and not CONTROL.search(name))
    shown = next((text for p in says if (text := _text(p))), "")
    whole = _text(said[0]) if said else shown
    if credit and credit in whole and credit != whole:
        whole = whole.replace(credit, "").strip(" -–—|()/")
    caption, found = credited(whole) if whole != credit else ("", "")
    label = credited(credit)
    credit = (label[1] or label[0]).removeprefix(caption).strip() or found
    return Image(url=url, caption=caption, credit=credit, agencies=agencies_in(credit))


def _text(element: Any) -> str:
    shown = ".//text()[not(ancestor::svg or ancestor::button)]"  # icons have titles
    return clean(" ".join(element.xpath(shown)))


def _source(element: Any) -> str:
    for image in element.iter("img"):
        for name in ("src", "data-src", "data-lazy-src", "data-original"):
            said = (image.get(name) or "").strip()
            if said and not said.startswith("data:"):
                return str(said)
    return ""


def _address(value: Any) -> str:
    if isinstance(value, list):
        value = next(iter(value), "")
    if isinstance(value, dict):
        value = value.get("url") or value.get("contentUrl") or ""
    return value if isinstance(value, str) else ""
