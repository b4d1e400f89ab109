"""What a page says of itself beside its text: JSON-LD, meta elements, microdata, the state of its CMS. Pure.

Rules: broken JSON is passed over. Of a CMS's state only named keys are read: it also holds names and
addresses of staff, which are nobody's business.
"""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ARTICLES = {
    "Article", "NewsArticle", "ReportageNewsArticle", "AnalysisNewsArticle", "OpinionNewsArticle",
    "BlogPosting", "LiveBlogPosting", "ReviewNewsArticle", "BackgroundNewsArticle", "Report", "TechArticle",
    "AdvertiserContentArticle", "SocialMediaPosting", "AskPublicNewsArticle", "SatiricalArticle",
}  # fmt: skip
WITHIN = ("@graph", "mainEntity", "mainEntityOfPage", "itemListElement", "item")
TAGS = re.compile(r"<[^>]+>")
FUSION = re.compile(r"Fusion\.globalContent\s*=\s*")
NEXT = 3_000_000  # characters of embedded state that are read
# One name for each thing that content systems say, by the keys that they use for it.
STATE = {
    "headline": ("headlines.basic", "headline", "title"),
    "standfirst": ("subheadlines.basic", "title3", "subheadline", "standfirst"),
    "published": ("first_publish_date", "published", "firstPublishedAt", "publishedAt", "datePublished"),
    "modified": ("last_updated_date", "modified", "updatedAt", "lastModified", "dateModified"),
    "section": ("taxonomy.primary_section.name", "sections.0.name"),
    "kicker": ("label.basic.text", "kicker", "overline", "title2"),
    "agency": ("distributor.name", "source"),
    "access": ("content_restrictions.content_code", "content_type", "contentTier"),
    "id": ("_id", "article.key", "id"),
}  # fmt: skip
SIGNS = (
    ("first_publish_date", "headlines"),
    ("cosmos", "title"),
    ("publishedAt", "headline"),
    ("firstPublishedAt",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageData:
    """What a page says of itself: the JSON-LD node of its article, all nodes, meta, microdata, CMS state."""

    article: dict[str, Any]
    nodes: tuple[dict[str, Any], ...]
    meta: dict[str, str]
    items: dict[str, str]
    state: dict[str, str]


def read_data(tree: Any) -> PageData:
    """All data of a page."""
    nodes = tuple(_nodes_of(tree))
    articles = [node for node in nodes if types_of(node) & ARTICLES]
    article = next((n for n in articles if n.get("headline")), next(iter(articles), {}))
    meta = _meta(tree)
    return PageData(article=article, nodes=nodes, meta=meta, items=_items(tree), state=_state(tree, meta))


def types_of(node: dict[str, Any]) -> set[str]:
    """The types of a JSON-LD node, without the address of the vocabulary."""
    kinds = node.get("@type")
    listed = kinds if isinstance(kinds, list) else [kinds]
    return {k.rpartition("/")[2] for k in listed if isinstance(k, str)}


def text_in(value: Any) -> str:
    """The text in a JSON-LD value: of a list the first, of an object its name."""
    if isinstance(value, list):
        value = next((v for v in value if v), "")
    if isinstance(value, dict):
        value = value.get("name") or value.get("@value") or ""
    return value if isinstance(value, str) else ""


def clean(text: str) -> str:
    """A text without markup, references, soft hyphens and superfluous spaces."""
    plain = TAGS.sub(" ", text) if "<" in text else text
    if "&" in plain:
        plain = html.unescape(plain)
        plain = TAGS.sub(" ", plain) if "<" in plain else plain
    return " ".join(plain.replace("\u00ad", "").replace("\u200b", "").split())


def _nodes_of(tree: Any) -> Iterator[dict[str, Any]]:
    for script in tree.xpath('//script[contains(@type, "ld+json")]'):
        data = _lenient(script.text_content())
        if data is not None:
            yield from _nodes(data, 0)


def _lenient(text: str) -> Any:
    """JSON as newspapers write it: with comments around it, a semicolon, commas too many, raw line breaks."""
    bare = re.sub(r"\A\s*(?://\s*)?<!\[CDATA\[|(?://\s*)?\]\]>\s*\Z|\A\s*<!--|-->\s*\Z", "", text).strip()
    bare = bare.rstrip(";").strip()
    for attempt in (bare, re.sub(r",\s*([\]}])", r"\1", bare)):
        try:
            return json.loads(attempt, strict=False)
        except ValueError:
            continue
        except RecursionError:
            return None
    return None


def _nodes(data: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > 8:
        return
    if isinstance(data, list):
        for each in data:
            yield from _nodes(each, depth + 1)
    elif isinstance(data, dict):
        yield data
        for key in WITHIN:
            yield from _nodes(data.get(key), depth + 1)


def _meta(tree: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in tree.xpath("//meta[@content]"):
        name = (each.get("property") or each.get("name") or each.get("itemprop") or "").strip().lower()
        if name:
            found.setdefault(name, each.get("content"))
    return found


def _items(tree: Any) -> dict[str, str]:
    """Microdata of the first item that has each property (not of what is nested in a list of others)."""
    found: dict[str, str] = {}
    for each in tree.xpath("//*[@itemprop]"):
        name = each.get("itemprop").strip()
        said = each.get("content") or each.get("datetime") or ""
        if name in ("author", "headline", "description") and not said:
            inner = each.xpath('.//*[@itemprop="name"]')
            said = clean((inner[0] if inner else each).text_content())[:400]
        if name and said:
            found.setdefault(name, said)
    return found


def _state(tree: Any, meta: dict[str, str]) -> dict[str, str]:
    for data in _states(tree, meta):
        node = _story(data, 0)
        if node:
            said = {name: _said(node, paths) for name, paths in STATE.items()}
            return {name: value for name, value in said.items() if value}
    return {}


def _states(tree: Any, meta: dict[str, str]) -> Iterator[Any]:
    if "cosmos:data" in meta:
        cosmos = _lenient(meta["cosmos:data"])
        yield cosmos | {"cosmos": True} if isinstance(cosmos, dict) else None
    for script in tree.xpath('//script[@id="__NEXT_DATA__" or @id="fusion-metadata"]'):
        text = script.text_content()
        if len(text) > NEXT:
            continue
        start = FUSION.search(text)
        if script.get("id") == "__NEXT_DATA__":
            yield _lenient(text)
        elif start:
            try:
                yield json.JSONDecoder(strict=False).raw_decode(text, start.end())[0]
            except (ValueError, RecursionError):
                continue


def _story(data: Any, depth: int) -> dict[str, Any] | None:
    """The first object that has what the story of a page has."""
    if depth > 8:
        return None
    if isinstance(data, dict):
        if any(all(key in data for key in sign) for sign in SIGNS):
            return data
        inner: Any = data.values()
    else:
        inner = data if isinstance(data, list) else ()
    return next((found for each in inner if (found := _story(each, depth + 1))), None)


def _said(node: dict[str, Any], paths: tuple[str, ...]) -> str:
    for path in paths:
        value: Any = node
        for part in path.split("."):
            if isinstance(value, list) and part.isdigit():
                value = value[int(part)] if int(part) < len(value) else None
            else:
                value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str | int) and not isinstance(value, bool) and value:
            return str(value)
    return ""
