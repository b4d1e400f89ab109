"""The same for programs: JSON under /api/, described by /api/openapi.json (OpenAPI 3.1).

Rules: what may not be shown is not told either; lists come in pages, with the next page's address in `next`;
an error is {"error": "..."} with the status that the room gives it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from archive import __version__
from archive.articles import json_row
from archive.errors import CallerError, MorgueError, NotCaptured
from archive.history import Edit
from archive.model import Capture
from archive.room import choice, faults
from archive.room.links import api_link
from archive.room.study import PAGE, Study, question_of, steps_of
from archive.versions import Diff

PER_PAGE = 100
PARAMETERS = {
    "url": "Address of a page, in any form of it",
    "at": "Moment as 14 digits or ISO 8601; the nearest capture counts",
    "q": 'Words: "a phrase", -without, OR, headline: author: body: agency:',
    "site": "Newspaper, by its id",
    "from": "From this day on, as 2026-11-20",
    "to": "Until this day, included",
    "language": "Language, as en",
    "section": "Section, as the newspaper names it",
    "kind": "article, live, gallery or video",
    "access": "free, metered, paid or unknown",
    "author": "Author, as signed",
    "sort": "relevance or date",
    "page": "Number of the page, from 1",
}
FINDING = ("q", "site", "from", "to", "language", "section", "kind", "access", "author", "sort", "page")
# path: summary, parameters, those that are required
PATHS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "/api/newspapers": ("The newspapers of this archive", (), ()),
    "/api/search": ("Articles by their words, with facets and counts by day", FINDING, ()),
    "/api/article": ("One article as archived, whole", ("url", "at"), ("url",)),
    "/api/versions": ("What an article said over time, and what changed", ("url",), ("url",)),
    "/api/captures": ("The captures of a URL, oldest first", ("url", "page"), ("url",)),
    "/api/parts": ("When the parts of a page were captured, and which are missing", ("url", "at"), ("url",)),
    "/api/front": ("The stories of a front page at one capture, in their order", ("url", "at"), ("url",)),
    "/api/cite": ("How a capture is cited", ("url", "at"), ("url",)),
    "/api/copies": ("One text in several newspapers: who had it first, what each kept", ("url",), ("url",)),
    "/api/edits": ("Edits, withdrawals and returns, newest first", ("site", "q", "page"), ()),
}


class Api:
    """The endpoints, over the same study as the pages."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.shelf = study.shelf

    def routes(self) -> list[Route]:
        """What the room serves of this."""
        found = [Route(path, self._told(getattr(self, path.rpartition("/")[2]))) for path in PATHS]
        return [*found, Route("/api/openapi.json", self.openapi), Route("/api/{rest:path}", self.nothing)]

    def _told(self, answer: Callable[[Request], Any]) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            try:
                return _json(answer(request))
            except MorgueError as error:
                return _json({"error": str(error)}, faults.status_of(error))

        return endpoint

    def openapi(self, _request: Request) -> Response:
        """The description."""
        return _json(description())

    def nothing(self, _request: Request) -> Response:
        """Any other path."""
        return _json({"error": "there is no such endpoint; /api/openapi.json lists them"}, 404)

    def newspapers(self, _request: Request) -> Any:
        """Ids and names."""
        shelf = self.shelf
        homes = {name: site.home for name, site in shelf.sites.items()}
        return {
            "newspapers": [
                {"id": s, "name": shelf.name(s), "home": homes.get(s, "")} for s in shelf.site_names()
            ]
        }

    def search(self, request: Request) -> Any:
        """Hits, facets, days."""
        question, number = question_of(request)
        answer, behind = self.study.ask(question)
        hits = [
            asdict(hit) | {"snippet": hit.snippet.replace("\x02", "").replace("\x03", "")}
            for hit in self.study.allowed(answer.hits)
        ]
        more = number * PAGE < answer.count
        return {
            "count": answer.count, "at_least": answer.more, "reading": bool(behind), "hits": hits,
            "facets": {name: dict(counts) for name, counts in answer.facets.items()},
            "days": dict(answer.days), "next": api_link(request, page=number + 1) if more else None,
        }  # fmt: skip

    def article(self, request: Request) -> Any:
        """One row."""
        found = self.study.versions(_url(request))
        if not found:
            raise NotCaptured(f"no article of {_url(request)} is in the archive")
        at = self.study.moment(request)
        held = next((v for v in reversed(found) if at is None or v.first <= at), found[0])
        self.study.must_be_shown(held.row)
        return json_row(held.row)

    def versions(self, request: Request) -> Any:
        """The timeline."""
        found = self.study.versions(_url(request))
        if not found:
            raise NotCaptured(f"no article of {_url(request)} is in the archive")
        for version in found:
            self.study.must_be_shown(version.row)
        return {
            "versions": [
                {
                    "number": step.number, "version": step.version.row.version,
                    "url": step.version.row.article.url, "headline": step.version.row.article.headline,
                    "first": step.version.first, "last": step.version.last,
                    "captures": step.version.sightings, "warc": asdict(step.version.row.warc),
                    "changed": _diff(step.changed),
                }
                for step in steps_of(found)
            ]
        }  # fmt: skip

    def captures(self, request: Request) -> Any:
        """Index lines."""
        found = self.shelf.index.captures(_url(request))
        if not found:
            raise NotCaptured(f"nothing was captured of {_url(request)}")
        number = question_of(request)[1]
        shown = found[(number - 1) * PER_PAGE : number * PER_PAGE]
        more = number * PER_PAGE < len(found)
        return {
            "count": len(found), "captures": [_capture(c) for c in shown],
            "next": api_link(request, page=number + 1) if more else None,
        }  # fmt: skip

    def parts(self, request: Request) -> Any:
        """The spread of a page."""
        spread = self.study.spread(request)
        return {
            "url": spread.page.url, "at": spread.page.at, "oldest": spread.oldest, "newest": spread.newest,
            "missing": spread.missing, "errors": spread.errors,
            "parts": [
                {"url": p.url, "at": p.capture and p.capture.at, "status": p.capture and p.capture.status}
                for p in spread.parts
            ],
        }  # fmt: skip

    def front(self, request: Request) -> Any:
        """A front page."""
        capture, found = self.study.stories(request)
        return {"url": capture.url, "at": capture.at, "stories": [asdict(story) for story in found]}

    def cite(self, request: Request) -> Any:
        """All forms of a citation."""
        captures = self.shelf.index.captures(_url(request))
        if not captures:
            raise NotCaptured(f"nothing was captured of {_url(request)}")
        shown = choice.choose(captures, _url(request), self.study.moment(request))
        return self.study.citation(request, shown).plain()

    def copies(self, request: Request) -> Any:
        """A cluster."""
        return {"copies": [asdict(copy) for copy in self.study.copied(request)[1]]}

    def edits(self, request: Request) -> Any:
        """Edits."""
        _, _, found, number, more = self.study.edited(request)
        return {
            "edits": [_edit(edit) for edit in found],
            "next": api_link(request, page=number + 1) if more else None,
        }


def description() -> dict[str, Any]:
    """The API in the words of OpenAPI 3.1."""
    paths = {
        path: {
            "get": {
                "summary": summary,
                "operationId": path.rpartition("/")[2],
                "parameters": [_parameter(name, name in required) for name in names],
                "responses": _responses(path in ("/api/newspapers", "/api/search", "/api/edits")),
            }
        }
        for path, (summary, names, required) in PATHS.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Newsmorgue", "version": __version__,
            "description": "Articles, versions and captures of a newspaper archive. Times are ISO 8601, UTC.",
        },
        "paths": paths,
    }  # fmt: skip


def _parameter(name: str, required: bool) -> dict[str, Any]:
    kind = {"type": "integer", "minimum": 1} if name == "page" else {"type": "string"}
    return {
        "name": name, "in": "query", "required": required, "schema": kind, "description": PARAMETERS[name],
    }  # fmt: skip


def _responses(always: bool) -> dict[str, Any]:
    told = {"200": "The answer", "400": "A parameter is wrong"}
    told |= (
        {} if always else {"404": "Nothing of that URL is archived", "451": "Its rights forbid to show it"}
    )
    return {
        status: {"description": text, "content": {"application/json": {"schema": {"type": "object"}}}}
        for status, text in told.items()
    }


def _url(request: Request) -> str:
    url = request.query_params.get("url", "").strip()
    if not url:
        raise CallerError("no URL was given: add url=")
    return url


def _capture(capture: Capture) -> dict[str, Any]:
    return asdict(capture)


def _diff(changed: Diff | None) -> dict[str, Any] | None:
    if changed is None:
        return None
    changes = [
        {"field": c.field, "kind": c.kind, "paragraph": c.at, "before": c.before, "after": c.after}
        for c in changed.changes
    ]
    return {"classes": changed.classes, "silent": changed.silent, "changes": changes}


def _edit(edit: Edit) -> dict[str, Any]:
    versions = (
        {"from": edit.before.row.version, "to": edit.after.row.version} if edit.before and edit.after else {}
    )
    return {
        "kind": edit.kind, "site": edit.site, "url": edit.url, "headline": edit.headline, "at": edit.at,
        "detail": edit.detail, "silent": bool(edit.changed and edit.changed.silent), **versions,
    }  # fmt: skip


def _json(data: Any, status: int = 200) -> Response:
    text = json.dumps(data, ensure_ascii=True, default=_plain)
    return Response(text, status, media_type="application/json")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
