"""What is asked of the search file, and what it answers: values alone."""

from dataclasses import dataclass, field
from datetime import datetime

from archive.model import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is looked for. `words` as people type them ("": everything); days as "2026-11-20", both included;
    `sort` is "relevance" or "date" (newest first).
    """

    words: str = ""
    site: str = ""
    language: str = ""
    section: str = ""
    kind: str = ""
    access: str = ""
    author: str = ""
    since: str = ""
    until: str = ""
    sort: str = "relevance"
    limit: int = 20
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One version of an article; `snippet` is plain text, with what was found between U+0002 and U+0003."""

    url: str
    site: str
    day: str
    headline: str
    version: str
    captured: datetime
    warc: Location
    snippet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One capture of an article: the table that holds its row (without the reader's part of its name);
    whether it is the first that said so, and whether it is the last of its URL.
    """

    group: str
    url: str
    version: str
    captured: datetime
    first: bool
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An article that said something else before; `at` is when what it says was first seen."""

    url: str
    site: str
    at: datetime
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hits, and how many there are in all (`more`: at least so many) by facet and by day."""

    hits: tuple[Hit, ...]
    count: int
    more: bool
    facets: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    days: list[tuple[str, int]] = field(default_factory=list)
