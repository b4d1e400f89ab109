"""Questions to the index in the words of the CDX servers: url, matchType, filter, sort, collapse, page ...

The words are those of pywb and OutbackCDX; where the two differ, pywb's hold. `read_query` takes parameters
apart without I/O; `answer` is a stream: lines are read, filtered and written block by block.

Rules: what cannot be is said in one line (CallerError). A filter's regular expression is RE2's, whose time is
linear in the text, since anybody may ask.
"""

import heapq
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive.cdxj import moment_of, surt_of
from archive.errors import CallerError
from archive.index import Index
from archive.noise import alike

COLUMNS = (
    "urlkey", "timestamp", "url", "mime", "status", "digest", "redirect", "robotflags", "length", "offset",
    "filename",
)  # fmt: skip
OURS = ("id", "date", "media", "truncated", "wall", "rights", "is_fuzzy", "method", "requestBody")
OTHER_NAMES = {"original": "url", "mimetype": "mime", "statuscode": "status", "endtimestamp": "timestamp"}
PARAMETERS = {
    "url", "matchType", "from", "to", "filter", "sort", "closest", "limit", "fl", "collapse", "output",
    "page", "pageSize", "showNumPages", "allowFuzzy",
}  # fmt: skip
OTHER_PARAMETERS = {"fields": "fl", "from_ts": "from", "collapseTime": "collapse"}
IGNORED = {"gzip", "fastLatest"}  # what clients of other servers send, and what changes nothing
OUTPUTS = {"cdxj": "text/x-cdxj", "json": "application/x-ndjson", "text": "text/plain"}
YES, NO = ("1", "true", "yes"), ("0", "false", "no")
MATCHES = ("exact", "prefix", "host", "domain")
SORTS = ("default", "reverse", "closest")
PAGE_BLOCKS = 10
MOST_BLOCKS = 1000
CLOSEST = 100_000  # rows of one URL that are sorted in memory, at most
BATCH = 1024

Row = dict[str, Any]
Range = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter: `how` is "contains", "exact" or "regex"; `field` "" means the whole line."""

    field: str
    how: str
    text: str
    invert: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question, taken apart. `since` and `until` are timestamps, both included; `limit` 0 means all.

    `ranges` are the stretches of the index that may hold answers, in index order. `collapse` names fields and
    how many of their first characters count (None: all). Where `loose` names a URL that was never captured,
    captures that differ from it in noise alone answer for it.
    """

    ranges: tuple[Range, ...]
    since: str = ""
    until: str = ""
    filters: tuple[Filter, ...] = ()
    sort: str = "default"
    closest: datetime | None = None
    limit: int = 0
    fields: tuple[str, ...] = ()
    collapse: tuple[tuple[str, int | None], ...] = ()
    output: str = "cdxj"
    page: int | None = None
    page_size: int = PAGE_BLOCKS
    count_pages: bool = False
    loose: str = ""


def read_query(pairs: Iterable[tuple[str, str]]) -> Query:
    """The question that parameters put; raise CallerError with the parameter that cannot be."""
    said = _named(pairs)
    match, url = _match(said["matchType"], said["url"])
    since, until = _stamp("from", said["from"], "0"), _stamp("to", said["to"], "9")
    sort, closest = _sort(said, match)
    paged = bool(said["page"] or said["showNumPages"])
    if paged and sort == "closest":
        raise CallerError("page= and showNumPages= go with sort=default and sort=reverse only")
    return Query(
        ranges=ranges_of(url, match, since, until),
        since=since,
        until=until,
        filters=tuple(_filter(text) for text in said["filter"]),
        sort=sort,
        closest=closest,
        limit=_number("limit", said["limit"], 0, low=1),
        fields=tuple(_field(name, "fl") for name in _last(said["fl"]).split(",") if name),
        collapse=tuple(_collapse(text) for text in said["collapse"]),
        output=_one_of("output", said["output"], tuple(OUTPUTS)),
        page=_number("page", said["page"], 0) if said["page"] else None,
        page_size=_number("pageSize", said["pageSize"], PAGE_BLOCKS, low=1, high=MOST_BLOCKS),
        count_pages=_last(said["showNumPages"]).lower() in YES,
        loose=url if match == "exact" and not paged and _loose(said["allowFuzzy"], sort) else "",
    )


def _named(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {name: [] for name in PARAMETERS}
    for given, value in pairs:
        name = OTHER_PARAMETERS.get(given, given)
        if name in said:
            said[name].append(f"timestamp:{value}" if given == "collapseTime" else value)
        elif name not in IGNORED:
            raise CallerError(f"{given!r} is no parameter; there are {', '.join(sorted(PARAMETERS))}")
    return said


def _loose(said: list[str], sort: str) -> bool:
    """Whether a capture of nearly this URL will do: for replay, and where it is said."""
    text = _last(said).lower()
    return sort == "closest" if text not in YES + NO else text in YES


def _last(values: list[str]) -> str:
    return values[-1].strip() if values else ""


def _one_of(name: str, values: list[str], able: tuple[str, ...]) -> str:
    found = _last(values) or able[0]
    if found not in able:
        raise CallerError(f"{name}={found!r} cannot be; it is one of {', '.join(able)}")
    return found


def _number(name: str, values: list[str], usual: int, *, low: int = 0, high: int = 10**9) -> int:
    text = _last(values)
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and low <= int(text[:12]) <= high):
        raise CallerError(f"{name}={text!r} is no number from {low} to {high}")
    return int(text)


def _stamp(name: str, values: list[str], fill: str) -> str:
    text = _last(values)
    if text and not (text.isascii() and text.isdigit() and 4 <= len(text) <= 14):
        raise CallerError(f"{name}={text!r} is no timestamp of 4 to 14 digits, like 20261120")
    return text + fill * (14 - len(text)) if text else ""


def _field(name: str, parameter: str) -> str:
    found = OTHER_NAMES.get(name.strip(), name.strip())
    if found not in COLUMNS + OURS:
        raise CallerError(f"{parameter}= names {name!r}; the fields are {', '.join(COLUMNS + OURS)}")
    return found


def _filter(text: str) -> Filter:
    """[!][=|~]field:expression, as pywb has it: contains, or equals (=), or matches from the start (~)."""
    rest = text.removeprefix("!")
    how = {"=": "exact", "~": "regex"}.get(rest[:1], "contains")
    rest = rest if how == "contains" else rest[1:]
    name, colon, expression = rest.partition(":")
    if not rest:
        raise CallerError(f"filter={text!r} says nothing; write for example filter==status:200")
    made = Filter(
        field=_field(name, "filter") if colon else "",
        how=how,
        text=expression if colon else rest,
        invert=text.startswith("!"),
    )
    if how == "regex":
        _check_regex(made.text)
    return made


def _check_regex(pattern: str) -> None:
    import pyarrow as pa

    try:
        _regex_mask([""], pattern, anchored=False)
    except pa.ArrowInvalid as error:
        why = " ".join(str(error).split()).removeprefix("Invalid regular expression: ")
        raise CallerError(f"filter: {pattern!r} is no regular expression of RE2: {why}") from error


def _regex_mask(values: list[str], pattern: str, *, anchored: bool = True) -> list[bool]:
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = rf"\A(?:{pattern})" if anchored else pattern
    return list(pc.match_substring_regex(pa.array(values, pa.string()), whole).to_pylist())


def _collapse(text: str) -> tuple[str, int | None]:
    name, colon, count = text.partition(":")
    return _field(name, "collapse"), _number("collapse", [count], 1, low=1) if colon else None


def _sort(said: dict[str, list[str]], match: str) -> tuple[str, datetime | None]:
    """How to sort; closest= alone means sort=closest, and an empty closest= the latest first."""
    near = _last(said["closest"])
    sort = _one_of("sort", said["sort"] or (["closest"] if near else []), SORTS)
    if sort != "closest":
        return sort, None
    if not said["closest"]:
        raise CallerError("sort=closest needs closest=, a timestamp like 20261120060000")
    if match != "exact":
        raise CallerError("sort=closest goes with one URL only (matchType=exact)")
    try:
        return sort, moment_of(near) if near else None
    except ValueError as error:
        raise CallerError(f"closest={near!r} is no timestamp, like 20261120060000: {error}") from error


def _match(match: list[str], urls: list[str]) -> tuple[str, str]:
    """What is to match, and the URL; without matchType, `*` at an end says it."""
    url = _last(urls)
    if match:
        return _one_of("matchType", match, MATCHES), url.removesuffix("*") if match[-1] == "prefix" else url
    if url.startswith("*."):
        return "domain", url[2:].removesuffix("*").removesuffix("/")
    return ("prefix", url[:-1]) if url.endswith("*") else ("exact", url)


def ranges_of(url: str, match: str, since: str = "", until: str = "") -> tuple[Range, ...]:
    """The stretches of the index in which the captures stand that a URL and its matchType mean."""
    if not url:
        raise CallerError("url= is missing; write for example url=paper.example/news/*")
    key = surt_of(url)
    if match == "exact":
        end = f"{key} {until}!" if until else f"{key}!"
        return ((f"{key} {since}".encode(), end.encode()),)
    if match == "prefix":
        # The canonical form has no slash or question mark at its end; a prefix means it.
        key += url[-1] if url[-1] in "/?" and key[-1] != url[-1] else ""
        return (_within(key.encode()),)
    host, bracket, _ = key.partition(")")
    if not bracket:
        raise CallerError(f"url={url!r} names no host, which matchType={match} needs")
    if match == "host":
        return (_within(f"{host})".encode()),)
    return tuple(_within(f"{host}{char}".encode()) for char in "),:")  # itself, subdomains, other ports


def _within(prefix: bytes) -> Range:
    return prefix, prefix[:-1] + bytes([prefix[-1] + 1])


def answer(index: Index, query: Query) -> Iterator[str]:
    """The answer, line by line, as a stream; raise CallerError where it asks for a page that is not."""
    if query.count_pages:
        blocks, cuts = pages_of(index, query)
        size = query.page_size
        return iter([json.dumps({"pages": len(cuts), "pageSize": size, "blocks": blocks})])
    found = rows(index, query)
    return map(writer(query), itertools.islice(found, query.limit or None))


def pages_of(index: Index, query: Query) -> tuple[int, list[tuple[Range, ...]]]:
    """How many blocks may hold answers, and the stretches of each page."""
    start, end = query.ranges[0][0], query.ranges[-1][1]
    edges = [e for e in index.edges(start, end) if any(a < e < b for a, b in query.ranges)]
    if not edges and next(_lines(index, query.ranges, reverse=False), None) is None:
        return 0, []
    cuts = [start, *edges[query.page_size - 1 :: query.page_size], end]
    return len(edges) + 1, [_clipped(query.ranges, a, b) for a, b in itertools.pairwise(cuts)]


def _clipped(ranges: tuple[Range, ...], start: bytes, end: bytes) -> tuple[Range, ...]:
    both = ((max(a, start), min(b, end)) for a, b in ranges)
    return tuple((a, b) for a, b in both if a < b)


def _lines(index: Index, ranges: tuple[Range, ...], *, reverse: bool) -> Iterator[bytes]:
    for start, end in reversed(ranges) if reverse else ranges:
        yield from index.lines(start, end, reverse=reverse)


def rows(index: Index, query: Query) -> Iterator[Row]:
    """What answers a query, before its limit; each row has the fields of its CDXJ line, and the line."""
    ranges = query.ranges
    if query.page is not None:
        pages = pages_of(index, query)[1]
        if query.page >= max(len(pages), 1):
            raise CallerError(f"page={query.page} is not there: the last page is {max(len(pages) - 1, 0)}")
        ranges = pages[query.page] if pages else ()
    found = _timed(_found(index, query, ranges), query.since, query.until)
    for each in query.filters:
        found = _filtered(found, each)
    for field, count in query.collapse:
        found = _collapsed(found, field, count)
    return iter(_nearest(found, query)) if query.sort == "closest" else found


def _found(index: Index, query: Query, ranges: tuple[Range, ...]) -> Iterator[Row]:
    """Rows of the stretches, in order; or of nearly the URL, where it was never captured."""
    reverse = query.sort == "reverse"
    if query.loose and not index.captures(query.loose):
        return map(_loosely, sorted(alike(index, query.loose), reverse=reverse))
    return map(row_of, _lines(index, ranges, reverse=reverse))


def row_of(line: bytes) -> Row:
    """A CDXJ line as a row."""
    text = line.decode()
    key, stamp, fields = text.split(" ", 2)
    return {"urlkey": key, "timestamp": stamp, **json.loads(fields), "": text}


def _loosely(line: bytes) -> Row:
    """A row that says that it is of another URL than was asked for, as pywb says it."""
    row = row_of(line) | {"is_fuzzy": "1"}
    fields = {name: value for name, value in row.items() if name not in ("urlkey", "timestamp", "")}
    return row | {"": f"{row['urlkey']} {row['timestamp']} {json.dumps(fields, ensure_ascii=False)}"}


def _timed(found: Iterator[Row], since: str, until: str) -> Iterator[Row]:
    if not since and not until:
        return found
    return (row for row in found if since <= row["timestamp"] and (not until or row["timestamp"] <= until))


def _filtered(found: Iterator[Row], each: Filter) -> Iterator[Row]:
    if each.how == "regex":
        return _matched(found, each)
    return (row for row in found if _fits(str(row.get(each.field, "")), each) != each.invert)


def _fits(value: str, each: Filter) -> bool:
    return value == each.text if each.how == "exact" else each.text in value


def _matched(found: Iterator[Row], each: Filter) -> Iterator[Row]:
    """Batches that grow: the first rows come soon, and many are cheap."""
    size = 32
    while batch := list(itertools.islice(found, size)):
        mask = _regex_mask([str(row.get(each.field, "")) for row in batch], each.text)
        yield from (row for row, fits in zip(batch, mask, strict=True) if fits != each.invert)
        size = min(2 * size, BATCH)


def _collapsed(found: Iterator[Row], field: str, count: int | None) -> Iterator[Row]:
    """Of rows that follow each other and agree in a field, the first."""
    last = None
    for row in found:
        value = str(row.get(field, ""))[:count]
        if value != last:
            yield row
        last = value


def _nearest(found: Iterator[Row], query: Query) -> list[Row]:
    wanted = query.closest

    def distance(row: Row) -> float:
        at = moment_of(row["timestamp"]).timestamp()
        return abs(wanted.timestamp() - at) if wanted else -at

    return heapq.nsmallest(min(query.limit or CLOSEST, CLOSEST), found, key=distance)


def writer(query: Query) -> Callable[[Row], str]:
    """What makes a row a line of the answer."""
    fields = query.fields
    if query.output == "text":
        return lambda row: " ".join(_column(row, name) for name in fields or COLUMNS)
    if query.output == "json":
        return lambda row: json.dumps(_chosen(row, fields or tuple(row)), ensure_ascii=False)
    if not fields:
        return lambda row: str(row[""])
    own = tuple(name for name in fields if name not in ("urlkey", "timestamp"))
    return lambda row: (
        f"{row['urlkey']} {row['timestamp']} {json.dumps(_chosen(row, own), ensure_ascii=False)}"
    )


def _chosen(row: Row, fields: tuple[str, ...]) -> Row:
    return {name: row[name] for name in fields if name in row and name}


def _column(row: Row, name: str) -> str:
    """A column of a CDX line: no spaces in it, and never empty."""
    return str(row.get(name) or "-").replace(" ", "%20")
