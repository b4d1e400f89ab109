"""What is known of a newspaper beforehand, laid over what was read of a page. Pure.

Rules: a rule that finds nothing changes nothing, and is flagged; what recurs on many pages of the newspaper
is left out of the text, and kept beside it with its count.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archive.dates import read_time
from archive.extract.blocks import key
from archive.extract.names import names_in
from archive.model import Article
from archive.selectors import MANY, Rules, texts

DATES = ("published", "modified")


def ruled(article: Article, tree: Any, rules: Rules) -> Article:
    """An article with the fields that the newspaper's own rules find."""
    if not rules.fields:
        return article
    found: dict[str, Any] = {}
    raw = dict(article.raw)
    missed = False
    for name, selector in rules.fields.items():
        value = _value(name, said := texts(tree, selector))
        if not value:
            missed = True
            continue
        found[name] = value
        if name in DATES:
            raw[name] = said[0]
        else:
            raw.pop(name, None)
    if "body" in found:
        found["subheads"] = ()
    flags = {*article.flags, *(["rule_missed"] if missed else [])} - (
        {"empty_body"} if "body" in found else set()
    )
    source = article.source | dict.fromkeys(found, "rule")
    return replace(article, **found, raw=raw, source=source, flags=tuple(sorted(flags)))


def _value(name: str, said: list[str]) -> Any:
    if not said:
        return None
    if name in DATES:
        return read_time(said[0])
    if name == "authors":
        return tuple(dict.fromkeys(author for text in said for author in names_in(text)))
    return tuple(said) if name in MANY else said[0]


def without_recurring(article: Article, recurring: Mapping[str, int]) -> Article:
    """An article without the lines that recur on the newspaper's pages, unless that would leave nothing."""
    left_out = {text: recurring[name] for text in article.body if (name := key(text)) in recurring}
    kept = tuple(text for text in article.body if text not in left_out)
    if not left_out or not kept:
        return article
    before = [sum(text not in left_out for text in article.body[:n]) for n in range(len(article.body) + 1)]
    return replace(
        article, body=kept, furniture=tuple(left_out.items()),
        subheads=tuple((before[min(n, len(article.body))], text) for n, text in article.subheads),
        notes=tuple(text for text in article.notes if text not in left_out),
        flags=tuple(sorted({*article.flags, "recurring_lines_removed"})),
    )  # fmt: skip
