"""Noise in a URL's query: parameters that select nothing, such as those that keep caches from answering.

Rules: a URL that was captured answers for itself. Only one that was not, and that has noise in its query, is
answered by captures that differ in noise alone, and then by the nearest of all of them in time. A parameter
that may select content is never ignored.
"""

import re
from itertools import islice
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from archive.cdxj import capture_of, surt_of
from archive.index import Index

# Parameters that scripts add so that no cache answers; only where their value is a plain number.
BUSTERS = frozenset(("_", "cb", "cachebuster", "_t", "timestamp", "rnd", "rand", "random", "nocache"))
NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?\Z", re.A)
# The name of a function that a script has just made, which the answer calls (JSONP).
CALLBACKS = frozenset(("callback", "jsonp", "jsoncallback"))
MADE_NAME = re.compile(r"\w*\d{5,}\w*\Z", re.A)
MOST_SIMILAR = 10_000  # captures under one path: where there are more, none is known to be the nearest


def without_noise(url: str) -> str:
    """The URL without parameters that select nothing; the very same text where it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(k, v) for k, v in pairs if not _noise(k, v)]
    if len(kept) == len(pairs):
        return url
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _noise(name: str, value: str) -> bool:
    if name in BUSTERS and NUMBER.match(value):
        return True
    return name in CALLBACKS and MADE_NAME.match(value) is not None


def alike(index: Index, url: str) -> list[bytes]:
    """CDXJ lines of captures that differ from `url` in noise alone; empty where it has no noise itself."""
    plain = without_noise(url)
    if plain == url:
        return []
    key = surt_of(plain)
    return [*index.lines(f"{key} ".encode(), f"{key}!".encode()), *_noisy(index, plain, key)]


def _noisy(index: Index, plain: str, key: str) -> list[bytes]:
    start = surt_of(plain.partition("?")[0]) + "?"
    lines = list(islice(index.lines(start.encode(), (start + "\U0010ffff").encode()), MOST_SIMILAR))
    if len(lines) == MOST_SIMILAR:
        return []
    urls = ((line, capture_of(line.decode()).url) for line in lines)
    return [line for line, url in urls if (other := without_noise(url)) != url and surt_of(other) == key]
