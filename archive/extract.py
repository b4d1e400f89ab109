"""From a captured page to an article.

Rules: an extractor takes a page and never fetches. Each field says where it came from. trafilatura is
always called with include_comments=False (with its default it takes whole articles for comments and repeats
them) and never with deduplicate=True (a process-wide cache that empties later versions of a page).
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import lxml.html
import trafilatura
from trafilatura.settings import Document

from archive.dates import read_time
from archive.model import Article, Image

EXTRACTOR = f"newsmorgue-1/trafilatura-{trafilatura.__version__}"
ARTICLE_TYPES = {
    "Article", "NewsArticle", "ReportageNewsArticle", "AnalysisNewsArticle", "OpinionNewsArticle",
    "BlogPosting", "LiveBlogPosting", "ReviewNewsArticle", "BackgroundNewsArticle",
    "AdvertiserContentArticle", "SocialMediaPosting",
}  # fmt: skip
AGENCIES = {
    "reuters": "Reuters", "afp": "AFP", "ap": "AP", "associated press": "AP", "the associated press": "AP",
    "bloomberg": "Bloomberg", "dpa": "dpa", "mpa": "MPA", "meridian press agency": "MPA", "ansa": "ANSA",
    "efe": "EFE", "tass": "TASS", "xinhua": "Xinhua", "kyodo": "Kyodo", "sapa": "SAPA", "apa": "APA",
}  # fmt: skip
SEPARATOR = re.compile(r"(\s+[|–—-]\s+|\s*--\s*)")
TAGS = re.compile(r"<[^>]+>")
DATELINE_AGENCY = re.compile(r"\A[^.—–-]{2,60}\(([A-Za-z ]{2,24})\)\s*[—–-]")
Source = tuple[str, str]


def extract(html: str, url: str, *, needs_sign: bool = False) -> Article | None:
    """The article on a page, or None where the page shows no sign of being one.

    A sign is data that says so; without one, a long text will do, unless `needs_sign`.
    """
    try:
        tree = lxml.html.document_fromstring(html)
    except (lxml.etree.ParserError, ValueError):
        return None
    data = next(iter(_json_ld(tree)), {})
    meta = _meta(tree)
    found = trafilatura.bare_extraction(html, url=url, include_comments=False, with_metadata=True)
    page: dict[str, Any] = found.as_dict() if isinstance(found, Document) else {}
    article = _article(url, tree, data, meta, page)
    signed = bool(data) or meta.get("og:type") == "article"
    long = not needs_sign and sum(map(len, article.body)) >= 500
    return article if article.headline and (signed or long) else None


HEADINGS = (
    "//head/title/text() | //h1//text() | //meta[@property='og:title' or @property='og:description' or"
    " @name='description']/@content"
)
LITERAL = re.compile(r'"((?:[^"\\{}<]|\\.){20,})"')
TOLD = re.compile(r'"((?:[^"\\]|\\.){20,})"')  # in JSON-LD, where a text may have markup
MARKUP = re.compile(r"<[^<>]{0,500}>")
SPOKEN = 80  # characters from which a paragraph is taken for text, and not for a teaser or a label


def paragraphs(html: str) -> tuple[str, ...]:
    """The longer paragraphs of a page's main part, and what its head and data say, whoever takes them for it.

    Some newspapers have the whole text in JSON-LD alone, behind a paywall; others edit the title of the head
    and nothing else.
    """
    try:
        tree = lxml.html.document_fromstring(html)
    except (lxml.etree.ParserError, ValueError):
        return ()
    inside = "not(ancestor::aside or ancestor::nav or ancestor::footer or ancestor::form)"
    main = next((p for p in ("//article", "//main", "//body") if tree.xpath(f"{p}//p")), "//body")
    said = (" ".join(p.text_content().split()) for p in tree.xpath(f"{main}//p[{inside}]"))
    told = (" ".join(text.split()) for text in (*tree.xpath(HEADINGS), *_data_texts(tree)))
    return tuple(dict.fromkeys((*(text for text in said if len(text) >= SPOKEN), *(t for t in told if t))))


def _data_texts(tree: Any) -> Iterator[str]:
    """Sentences in a page's data: any in JSON-LD, the long ones in what scripts bring along."""
    for script in tree.iter("script"):
        told = "ld+json" in (script.get("type") or "")
        least, pattern = (5, TOLD) if told else (12, LITERAL)  # words, less one
        found = (MARKUP.sub(" ", literal[1]) for literal in pattern.finditer(script.text or ""))
        yield from (text for text in found if text.count(" ") >= least or (told and _dense(text)))


def _dense(text: str) -> bool:
    """Whether a text without spaces may be one of sentences: Chinese, Japanese, Thai ..."""
    return len(text) >= SPOKEN // 2 and sum(char > "\u0e00" for char in text[:80]) > 20


def _article(
    url: str, tree: Any, data: dict[str, Any], meta: dict[str, str], page: dict[str, Any]
) -> Article:
    source: dict[str, str] = {}

    def pick(name: str, *offers: Source) -> str:
        for origin, raw in offers:
            value = _clean(raw)
            if value:
                source[name] = origin
                return value
        return ""

    shown = _first(tree, "//h1")
    headline = pick(
        "headline",
        ("h1", shown if _updates(shown, _text(data.get("headline"))) else ""),
        ("json-ld", _text(data.get("headline"))),
        ("meta", meta.get("og:title", "")),
        ("h1", shown),
        ("trafilatura", page.get("title") or ""),
        ("title", _first(tree, "//title")),
    )
    standfirst = pick(
        "standfirst",
        ("json-ld", _text(data.get("description"))),
        ("meta", meta.get("og:description", "") or meta.get("description", "")),
    )
    headline = without_name(headline, _names(tree, data, meta))
    authors = _authors(data, meta, page, source)
    body = _body(page.get("text") or "", headline, standfirst)
    agency, body = _agency(body, authors)
    return Article(
        url=url,
        headline=headline,
        standfirst=standfirst,
        authors=tuple(a for a in authors if a.lower() not in AGENCIES),
        agency=agency,
        published=_date(
            "published",
            source,
            data.get("datePublished"),
            meta.get("article:published_time"),
            page.get("date"),
        ),
        modified=_date("modified", source, data.get("dateModified"), meta.get("article:modified_time"), None),
        section=pick(
            "section",
            ("json-ld", _text(data.get("articleSection"))),
            ("meta", meta.get("article:section", "")),
        ),
        language=pick(
            "language", ("html", tree.get("lang") or ""), ("json-ld", _text(data.get("inLanguage")))
        ),
        access=_access(data),
        body=body,
        images=_images(tree, data, url),
        source=source | ({"body": "trafilatura"} if body else {}),
    )


def _updates(shown: str, said: str) -> bool:
    """Whether the visible headline is a longer form of the one in the data (which often stays behind)."""
    shown, said = _words(shown), _words(_clean(said))
    return bool(said) and shown != said and shown.startswith(said) and len(shown) < len(said) + 40


def _names(tree: Any, data: dict[str, Any], meta: dict[str, str]) -> set[str]:
    """What the newspaper calls itself on this page: its site name, publisher, and host."""
    canonical = next(iter(tree.xpath('//link[@rel="canonical"]/@href')), "") or meta.get("og:url", "")
    host = (urlsplit(canonical).hostname or "").removeprefix("www.")
    said = {meta.get("og:site_name", ""), _text(data.get("publisher")), host, host.rpartition(".")[0]}
    return {_words(name) for name in said} - {""}


def without_name(headline: str, names: set[str]) -> str:
    """A headline without the newspaper's own name before or behind it ("Flood - The Paper")."""
    parts = SEPARATOR.split(headline)
    while len(parts) > 2 and _words(parts[-1]) in names:
        del parts[-2:]
    while len(parts) > 2 and _words(parts[0]) in names:
        del parts[:2]
    return "".join(parts)


def _words(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _clean(text: str) -> str:
    plain = TAGS.sub("", text) if "<" in text else text
    return (
        " ".join(lxml.html.fromstring(f"<p>{plain}</p>").text_content().split())
        if "&" in plain
        else " ".join(plain.split())
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = next((v for v in value if v), "")
    if isinstance(value, dict):
        value = value.get("name") or value.get("@value") or ""
    return value if isinstance(value, str) else ""


def _first(tree: Any, path: str) -> str:
    return next((t for t in (" ".join(e.text_content().split()) for e in tree.xpath(path)) if t), "")


def _json_ld(tree: Any) -> Iterator[dict[str, Any]]:
    for script in tree.xpath('//script[contains(@type, "ld+json")]'):
        try:
            data = json.loads(script.text_content().strip().rstrip(";"), strict=False)
        except ValueError:
            continue
        for node in _nodes(data):
            kinds = node.get("@type")
            if ARTICLE_TYPES & set(kinds if isinstance(kinds, list) else [kinds]) and node.get("headline"):
                yield node


def _nodes(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        for each in data:
            yield from _nodes(each)
    elif isinstance(data, dict):
        yield data
        for key in ("@graph", "mainEntity", "mainEntityOfPage", "liveBlogUpdate"):
            if key != "liveBlogUpdate":
                yield from _nodes(data.get(key))


def _meta(tree: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in tree.xpath("//meta[@content]"):
        name = (each.get("property") or each.get("name") or "").strip().lower()
        if name:
            found.setdefault(name, each.get("content"))
    return found


def _authors(
    data: dict[str, Any], meta: dict[str, str], page: dict[str, Any], source: dict[str, str]
) -> list[str]:
    named = data.get("author") or []
    listed = named if isinstance(named, list) else [named]
    from_data = [_clean(_text(each)) for each in listed]
    offers = (
        ("json-ld", from_data),
        (
            "meta",
            [a for a in (meta.get("author", ""), meta.get("article:author", "")) if not a.startswith("http")][
                :1
            ],
        ),
        ("trafilatura", (page.get("author") or "").split("; ")),
    )
    for origin, names in offers:
        kept = list(dict.fromkeys(n for n in map(str.strip, names) if n))
        if kept:
            source["authors"] = origin
            return kept
    return []


def _body(text: str, headline: str, standfirst: str) -> tuple[str, ...]:
    seen: set[str] = {headline, standfirst, ""}
    kept = []
    for line in text.split("\n"):
        paragraph = " ".join(line.split())
        if paragraph not in seen:
            kept.append(paragraph)
        # A sentence of some length stands once in an article; short ones ("Yes.") may come again.
        if len(paragraph) > 40:
            seen.add(paragraph)
    return tuple(kept)


def _agency(body: tuple[str, ...], authors: list[str]) -> tuple[str, tuple[str, ...]]:
    if body and (name := AGENCIES.get(body[-1].strip(" ()—–-.").lower())):
        return name, body[:-1]
    if (
        body
        and (found := DATELINE_AGENCY.match(body[0]))
        and (name := AGENCIES.get(found[1].strip().lower()))
    ):
        return name, body
    return next((AGENCIES[a.lower()] for a in authors if a.lower() in AGENCIES), ""), body


def _date(name: str, source: dict[str, str], *offers: Any) -> datetime | None:
    for origin, raw in zip(("json-ld", "meta", "trafilatura"), offers, strict=True):
        moment = read_time(_text(raw))
        if moment:
            source[name] = origin
            return moment
    return None


def _access(data: dict[str, Any]) -> str:
    said = str(data.get("isAccessibleForFree", "")).rpartition("/")[2].strip().lower()
    return {"true": "free", "false": "paid"}.get(said, "unknown")


def _images(tree: Any, data: dict[str, Any], url: str) -> tuple[Image, ...]:
    found: dict[str, Image] = {}
    for figure in tree.xpath("//article//figure | //main//figure | //*[@id='article']//figure"):
        source = next(iter(figure.xpath(".//img/@src")), "")
        caption = _first(figure, ".//figcaption")
        if source and not source.startswith("data:"):
            found.setdefault(source, Image(url=urljoin(url, source), **_credited(caption)))
    lead = data.get("image")
    lead_url = lead if isinstance(lead, str) else _image_url(lead)
    if lead_url and not found:
        found[lead_url] = Image(url=urljoin(url, lead_url))
    return tuple(found.values())


def _image_url(value: Any) -> str:
    if isinstance(value, list):
        value = next(iter(value), "")
    if isinstance(value, dict):
        value = value.get("url", "")
    return value if isinstance(value, str) else ""


CREDIT = re.compile(r"\A(.*?)\s*\b(?:Picture|Photo(?:graph)?|Image|Credit)s?:\s*(.+)\Z", re.S)


def _credited(caption: str) -> dict[str, str]:
    found = CREDIT.match(caption)
    return {"caption": found[1], "credit": found[2]} if found else {"caption": caption, "credit": ""}
