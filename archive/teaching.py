"""What new rules of a newspaper would change, tried on captures that the archive has. Nothing is fetched."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lxml.html

from archive.articles import sightings
from archive.errors import CallerError, DamagedWarc, NotCaptured
from archive.extract import extract
from archive.index import Index
from archive.model import Article, Capture
from archive.playback import play
from archive.process import PAGES, differing
from archive.selectors import MANY, Rules, rules_at, texts
from archive.sites import Site
from archive.store import Store

MOST = 20  # captures of the page that are tried, the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """One capture, read by the rules that hold and by the new ones: (field, before, after) where they differ.

    `missed` are fields whose new selector finds nothing there; `held` says that the new rules hold for it.
    """

    capture: Capture
    changed: tuple[tuple[str, str, str], ...]
    missed: tuple[str, ...]
    held: bool


def taught(store: Store, index: Index, site: Site, url: str, rule: Rules) -> list[Taught]:
    """What a rule would change on the captures of a page, oldest first; raise NotCaptured without any."""
    pages = [c for c in index.captures(url) if c.status == 200 and c.mime in PAGES and not c.wall]
    if not pages:
        raise NotCaptured(f"{url} is not in the archive; `morgue capture {url}` fetches it")
    return [_tried(store, index, site, capture, rule) for capture in pages[-MOST:]]


def others(store: Store, index: Index, site: Site, url: str, rule: Rules, *, most: int) -> Counter[str]:
    """How many of the newspaper's newest other articles would differ, by field; "" counts those tried."""
    rows = [r for r in reversed(sightings(store, site=site.id)) if r.article.url != url]
    found: Counter[str] = Counter()
    seen: set[str] = set()
    for row in rows:
        if len(seen) >= most or row.article.url in seen:
            continue
        seen.add(row.article.url)
        for capture in index.captures(row.article.url):
            if capture.at == row.captured:
                found.update(
                    ["", *(name for name, _, _ in _tried(store, index, site, capture, rule).changed)]
                )
                break
    return found


def _tried(store: Store, index: Index, site: Site, capture: Capture, rule: Rules) -> Taught:
    held = rule.hold(capture.at)
    try:
        html = play(store, index, capture).text()
    except (DamagedWarc, NotCaptured):
        return Taught(capture=capture, changed=(), missed=(), held=held)
    before, after = (
        extract(html, capture.url, rules=rules_at(rules, capture.at))
        for rules in (site.rules, (*site.rules, rule))
    )
    tree = lxml.html.document_fromstring(html)
    missed = tuple(name for name, selector in rule.fields.items() if held and not texts(tree, selector))
    return Taught(capture=capture, changed=tuple(_between(before, after)), missed=missed, held=held)


def _between(before: Article | None, after: Article | None) -> Iterator[tuple[str, str, str]]:
    if before is None or after is None:
        if (before is None) != (after is None):
            yield "article", "none" if before is None else "found", "none" if after is None else "found"
        return
    for name in differing(before, after):
        yield name, _words(getattr(before, name)), _words(getattr(after, name))


def _words(value: Any) -> str:
    if isinstance(value, tuple):
        return " / ".join(map(str, value))
    return "" if value is None else str(value)


def selector_of(html: str, words: str, name: str) -> str:
    """A selector for what says these words on a page; raise CallerError where nothing apt does."""
    tree = lxml.html.document_fromstring(html)
    wanted = " ".join(words.split())
    holders = [
        e for e in tree.iter() if isinstance(e.tag, str) and " ".join(e.text_content().split()) == wanted
    ]
    body = [e for e in holders if e.getroottree().getpath(e).startswith("/html/body")]
    for element in reversed(body):
        for selector in _candidates(element):
            found = texts(tree, selector)
            if found and (found[0] == wanted or (name in MANY and wanted in found)):
                return selector
    raise CallerError(
        f"nothing on the page that can be named says {wanted!r}; say it as the page does, or give --rule"
    )


def _candidates(element: Any) -> Iterable[str]:
    """Selectors of an element, from the one that is likeliest to hold for other pages."""
    own = list(_names(element))
    above = [
        name
        for parent in element.iterancestors()
        for name in list(_names(parent))[:1]
        if "." in name or "#" in name
    ]
    yield from own[:-1]
    yield from (f"{up} {name}" for name in own[:1] for up in above[:4])
    yield own[-1]


def _names(element: Any) -> Iterator[str]:
    tag = str(element.tag)
    plain = [c for c in (element.get("class") or "").split() if c.replace("-", "").replace("_", "").isalpha()]
    if element.get("itemprop"):
        yield f'{tag}[itemprop="{element.get("itemprop")}"]'
    yield from (f"{tag}.{name}" for name in plain)
    if (element.get("id") or "").replace("-", "").isalpha():
        yield f"{tag}#{element.get('id')}"
    yield tag


def with_rule(site: Site, rule: Rules) -> Site:
    """The site with one more rule, and the number of its rules raised."""
    return replace(
        site, rules=(*site.rules, rule), rules_version=max(site.rules_version, bool(site.rules)) + 1
    )


def as_rule(fields: Sequence[tuple[str, str]], table: dict[str, Any]) -> dict[str, Any]:
    """The table of a rule: days and drops, and selectors by field."""
    return {k: v for k, v in table.items() if v} | dict(fields)
