"""The room for programs, in the words of OpenAPI 3.1: what is under /api/, and what else programs ask for."""

from dataclasses import dataclass
from typing import Any

from archive import __version__

PARAMETERS = {
    "url": "Address of a page, in any form of it",
    "at": "Moment as 14 digits or ISO 8601; the nearest capture counts",
    "q": 'Words: "a phrase", -without, OR, headline: author: body: agency:',
    "site": "Newspaper, by its id",
    "day": "Day in the newspaper's own time zone, as 2026-11-20",
    "from": "From this day on, as 2026-11-20",
    "to": "Until this day, included",
    "language": "Language, as en",
    "section": "Section, as the newspaper names it",
    "kind": "article, live, gallery, video, obituary or results",
    "access": "free, metered, paid or unknown",
    "author": "Author, as signed",
    "sort": "relevance or date",
    "page": "Number of the page, from 1",
    "before": "Version, by its digest or the beginning of it; without it the one before `after`",
    "after": "Version; without it the latest",
    "holds": "latest (the last capture of each URL), versions (each thing it said) or captures (all)",
    "captured_from": "Captured from this moment on",
    "captured_to": "Captured until this moment; of a day, the whole day",
    "format": "jsonl, csv or parquet",
    "as": "warc: the records as they lie in the archive",
    "output": "json (an array of arrays) or nothing: lines of text",
    "matchType": "exact, prefix, host or domain",
    "filter": "[!][=~]field:expression; RE2",
    "limit": "Captures at most",
}
CHOICES = {
    "holds": ("latest", "versions", "captures"),
    "format": ("jsonl", "csv", "parquet"),
    "sort": ("relevance", "date"),
}
NARROW = ("q", "site", "from", "to", "language", "section", "kind", "access", "author")
SELECTING = (*NARROW, "holds", "captured_from", "captured_to")
URL = ("url",)
MOMENT = ("url", "at")
JSON = ("application/json",)
TYPES = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
ROWS = tuple(each.partition(";")[0] for each in TYPES.values())
RASTER = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One endpoint: what it answers, its parameters, those that are required, and the types of its answer.

    `status` is that of an answer; `always`: there is one whatever is asked for (it may be empty).
    """

    summary: str
    names: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    types: tuple[str, ...] = JSON
    status: str = "200"
    always: bool = False


PATHS = {
    "/api/newspapers": Told(summary="The newspapers of this archive", names=("page",), always=True),
    "/api/days": Told(
        summary="How many articles stand under each day of a newspaper, newest first",
        names=("site", "page"), required=("site",),
    ),
    "/api/day": Told(
        summary="One day of a newspaper: its articles, its front pages, how much of it was archived",
        names=("site", "day", "page"), required=("site", "day"),
    ),
    "/api/search": Told(
        summary="Articles by their words, with facets and counts by day", names=(*NARROW, "sort", "page"),
        always=True,
    ),
    "/api/selection": Told(
        summary="A selection: how many articles it finds, its id, and where its rows are to be had",
        names=SELECTING, always=True,
    ),
    "/api/export": Told(
        summary="All rows of a selection, as a stream; what rights and rules forbid to give away is left out",
        names=("format", *SELECTING), types=ROWS, always=True,
    ),
    "/api/article": Told(summary="One article as archived, whole", names=MOMENT, required=URL),
    "/api/versions": Told(
        summary="What an article said over time, what changed, and since when it is gone",
        names=("url", "page"), required=URL,
    ),
    "/api/diff": Told(
        summary="What changed between two versions of an article", names=("url", "before", "after"),
        required=URL,
    ),
    "/api/captures": Told(
        summary="The captures of a URL, oldest first", names=("url", "page"), required=URL
    ),
    "/api/parts": Told(
        summary="When the parts of a page were captured, and which are missing", names=MOMENT, required=URL
    ),
    "/api/front": Told(
        summary="The stories of a front page at one capture, in their order", names=MOMENT, required=URL
    ),
    "/api/cite": Told(summary="How a capture is cited", names=MOMENT, required=URL),
    "/api/copies": Told(
        summary="One text in several newspapers: who had it first, what each kept; 500 at most",
        names=("url",), required=URL,
    ),
    "/api/edits": Told(
        summary="Edits, withdrawals and returns, newest first", names=("site", "q", "page"), always=True
    ),
}  # fmt: skip
BESIDE = {
    "/edits.atom": Told(
        summary="The same as an Atom feed, of a newspaper or of articles that say some words",
        names=("site", "q", "page"), types=("application/atom+xml",), always=True,
    ),
    "/selection.json": Told(
        summary="A selection as `morgue export --again` takes it", names=NARROW, always=True
    ),
    "/record": Told(
        summary="The WARC records of a capture, as a page or as a WARC file", names=("url", "at", "as"),
        required=URL, types=("text/html", "application/warc"),
    ),
    "/picture": Told(
        summary="An archived picture, as it was", names=MOMENT, required=URL, types=RASTER
    ),
    "/cdx": Told(
        summary="The captures of a URL, a folder of them or a host, in the words of CDX servers",
        names=("url", "from", "to", "matchType", "filter", "output", "limit"), required=URL,
        types=("text/x-cdxj", "text/plain", "application/json"), always=True,
    ),
    "/timegate/{url}": Told(
        summary="Memento: leads to the capture nearest to the header Accept-Datetime", status="302", types=()
    ),
    "/timemap/link/{url}": Told(summary="Memento: the captures of a URL", types=("application/link-format",)),
    "/timemap/cdxj/{url}": Told(summary="The same as CDXJ", types=("text/x-cdxj",)),
}  # fmt: skip


def description() -> dict[str, Any]:
    """The document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Newsmorgue", "version": __version__,
            "description": "Articles, versions and captures of a newspaper archive. Times are ISO 8601, UTC. "
            "Long lists come in pages: `next` has the address of the next one, null behind the last.",
        },
        "paths": {path: {"get": _operation(path, told)} for path, told in (PATHS | BESIDE).items()},
    }  # fmt: skip


def _operation(path: str, told: Told) -> dict[str, Any]:
    name = path.removeprefix("/api/").strip("/").replace(".", "-").replace("/", "-").replace("-{url}", "")
    parameters = [_parameter(each, each in told.required) for each in told.names]
    if "{url}" in path:
        url = {"name": "url", "in": "path", "required": True, "schema": {"type": "string"}}
        parameters = [url | {"description": "Address of a page, as it is"}]
    return {
        "summary": told.summary,
        "operationId": name,
        "parameters": parameters,
        "responses": _responses(told),
    }


def _parameter(name: str, required: bool) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "string"}
    if name in ("page", "limit"):
        kind = {"type": "integer", "minimum": 1}
    elif name in CHOICES:
        kind = {"type": "string", "enum": list(CHOICES[name])}
    return {
        "name": name, "in": "query", "required": required, "schema": kind, "description": PARAMETERS[name],
    }  # fmt: skip


def _responses(told: Told) -> dict[str, Any]:
    error = {"application/json": {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}}
    kinds = {
        each: {"schema": {"type": "object"} if each == JSON[0] else {"type": "string"}} for each in told.types
    }
    found: dict[str, Any] = {
        told.status: {"description": "The answer"} | ({"content": kinds} if kinds else {})
    }
    if told.names:
        found["400"] = {"description": "A parameter is wrong", "content": error}
    if not told.always:
        found["404"] = {"description": "Nothing of that is archived", "content": error}
        found["451"] = {"description": "Its rights forbid to show it", "content": error}
    return found
