"""A newspaper's own rules for reading its pages: CSS selectors by field, dated. Pure.

Rules are data in the site file. Each holds for captures of a stretch of time, so that a page that was
captured before a redesign is read by what was right then, however often it is read again.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from cssselect import SelectorError
from lxml.cssselect import CSSSelector

ONE = ("headline", "kicker", "standfirst", "section", "byline", "dateline", "agency", "published", "modified")
MANY = ("authors", "body", "notes")
KEYS = ("from", "until", "drop", *ONE, *MANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rules that hold from one day (inclusive) until another (exclusive), UTC; None: without end.

    `fields` are selectors by field: "h1.title", or "time @datetime" for an attribute. `drop` selects what is
    taken out of the page before it is read.
    """

    since: date | None = None
    until: date | None = None
    drop: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)

    def hold(self, at: datetime) -> bool:
        """Whether they hold for a capture of that time."""
        day = at.date()
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


NONE = Rules()


def rules_at(rules: Iterable[Rules], at: datetime) -> Rules:
    """The rules for a capture: of several that hold, the later ones in the file win, field by field."""
    held = [each for each in rules if each.hold(at)]
    fields = {name: selector for each in held for name, selector in each.fields.items()}
    return Rules(drop=tuple(s for each in held for s in each.drop), fields=fields) if held else NONE


def digest_of(rules: Iterable[Rules]) -> str:
    """What tells two sets of rules apart (16 hex digits); "" where there are none."""
    said = [(str(r.since), str(r.until), r.drop, sorted(r.fields.items())) for r in rules]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16] if said else ""


def parse_rules(tables: Any) -> tuple[Rules, ...]:
    """The rules of a site file's `[[rules]]`; raise ValueError that says what is wrong with which."""
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise ValueError("is written as tables: [[rules]]")
    return tuple(_parsed(table, number) for number, table in enumerate(tables, 1))


def _parsed(table: dict[str, Any], number: int) -> Rules:
    for key, value in table.items():
        if key not in KEYS:
            raise ValueError(f"table {number}: unknown key {key!r}; known keys: {', '.join(KEYS)}")
        if key in ("from", "until"):
            if not isinstance(value, date) or isinstance(value, datetime):
                raise ValueError(f"table {number}: {key!r} must be a day, as in 2026-11-20, not {value!r}")
        else:
            _check(key, value, number)
    since, until = table.get("from"), table.get("until")
    if since and until and until <= since:
        raise ValueError(f"table {number}: 'until' must be later than 'from'")
    named = {key: table[key] for key in (*ONE, *MANY) if key in table}
    return Rules(since=since, until=until, drop=tuple(table.get("drop", ())), fields=named)


def _check(key: str, value: Any, number: int) -> None:
    listed = value if key == "drop" and isinstance(value, list) else [value]
    for selector in listed:
        if not isinstance(selector, str) or (key == "drop" and not isinstance(value, list)):
            said = "a list of texts" if key == "drop" else "a text"
            raise ValueError(f"table {number}: {key!r} must be {said}, not {value!r}")
        try:
            CSSSelector(_split(selector)[0], translator="html")
        except (SelectorError, ValueError) as error:
            raise ValueError(f"table {number}: {key!r}: {selector!r} is no CSS selector: {error}") from error


def _split(selector: str) -> tuple[str, str]:
    path, _, attribute = selector.partition(" @")
    return path.strip(), attribute.strip()


def drop(tree: Any, rules: Rules) -> int:
    """Take out of a page what the rules drop, the text behind it left; how many elements that were."""
    gone = [element for selector in rules.drop for element in _select(tree, selector)]
    for element in gone:
        if element.getparent() is not None:
            element.drop_tree()
    return len(gone)


def texts(tree: Any, selector: str) -> list[str]:
    """What a selector finds, as texts in the order of the page, without empty ones."""
    path, attribute = _split(selector)
    found = (e.get(attribute) or "" if attribute else e.text_content() for e in _select(tree, path))
    return [text for text in (" ".join(each.split()) for each in found) if text]


def _select(tree: Any, selector: str) -> list[Any]:
    return list(CSSSelector(selector, translator="html")(tree))


def tables_of(rules: Iterable[Rules]) -> Iterator[dict[str, Any]]:
    """The tables of a site file that say these rules."""
    for each in rules:
        days = {"from": each.since, "until": each.until}
        yield (
            {k: v for k, v in days.items() if v}
            | ({"drop": each.drop} if each.drop else {})
            | dict(each.fields)
        )
