"""Crawl traps: addresses without end, known by their look. Pure.

Rules: a trap is what would give new addresses for ever: calendars, parameters that multiply, session ids,
segments that repeat. What cannot be told from one address is bounded by counting the queries of one path.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

LONGEST = 2000  # characters
MOST_SEGMENTS = 16
MOST_PARAMETERS = 10
MOST_REPEATS = 3  # of one segment in a path
MOST_QUERIES = 300  # different queries of one path in a run
SESSION = re.compile(
    r"(?:^|[;&?/])(?:jsessionid|phpsessid|aspsessionid\w*|sessionid|sid|cfid|cftoken)=", re.I
)
CALENDAR = re.compile(r"(?:^|[/_-])(calendar|kalender|calendrier|calendario|agenda)(?:[/_.-]|$)", re.I)


@dataclass(slots=True)
class Traps:
    """Knows traps by their look, and by how many addresses of a kind one run has seen."""

    _queries: Counter[str] = field(default_factory=Counter)

    def of(self, url: str) -> str:
        """Why an address is a trap; "" where it is none."""
        return trap_of(url) or self._endless(url)

    def _endless(self, url: str) -> str:
        parts = urlsplit(url)
        if not parts.query:
            return ""
        path = f"{parts.netloc}{parts.path}"
        self._queries[path] += 1
        return "endless queries" if self._queries[path] > MOST_QUERIES else ""


def trap_of(url: str) -> str:
    """Why this one address is a trap by its look; "" where it is none."""
    parts = urlsplit(url)
    segments = [s for s in parts.path.split("/") if s]
    if len(url) > LONGEST:
        return "too long"
    if SESSION.search(parts.path) or SESSION.search(parts.query):
        return "session id"
    if len(segments) > MOST_SEGMENTS or _repeats(segments):
        return "repeating path"
    if len(parse_qsl(parts.query, keep_blank_values=True)) > MOST_PARAMETERS:
        return "too many parameters"
    return "calendar" if _calendar(parts.path, parts.query) else ""


def _repeats(segments: list[str]) -> bool:
    """One segment again and again (a/b/a/b/a/b is that, too); numbers may repeat: dates do."""
    counts = Counter(s for s in segments if not s.isdigit())
    return any(count > MOST_REPEATS for count in counts.values())


def _calendar(path: str, query: str) -> bool:
    names = {name.lower() for name, _ in parse_qsl(query)}
    dated = bool(names & {"month", "monat", "mois", "mes"}) and bool(names & {"year", "jahr", "annee", "ano"})
    return dated or (CALENDAR.search(path) is not None and re.search(r"\d{4}", path + query) is not None)
