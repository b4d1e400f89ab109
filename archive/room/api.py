"""The same for programs: JSON under /api/, described by /api/openapi.json (`openapi`).

Rules: what may not be shown is not told either; lists come in pages, with the next page's address in `next`;
an error is {"error": "..."} with the status that the room gives it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from archive.articles import json_row
from archive.dataset import FORMATS, STREAMS
from archive.errors import CallerError, MorgueError, NotCaptured, SearchFailed
from archive.history import Edit, away
from archive.model import Capture
from archive.question import Question
from archive.room import choice, faults
from archive.room.links import api_link
from archive.room.openapi import PATHS, SELECTING, TYPES, description
from archive.room.study import PAGE, Study, day_of, number_of, question_of, steps_of
from archive.selection import HOLDS, Selected, Selection
from archive.versions import Diff, Version

T = TypeVar("T")
DAY = re.compile(r"\d{4}-?\d\d-?\d\d\Z", re.A)
COVERAGE = ("named", "archived", "forbidden", "failed")
PIECE = 1 << 16
PER_PAGE = 100


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
                said = answer(request)
                return said if isinstance(said, Response) else _json(said)
            except MorgueError as error:
                return _json({"error": str(error)}, faults.status_of(error))

        return endpoint

    def openapi(self, _request: Request) -> Response:
        """The description."""
        return _json(description())

    def nothing(self, _request: Request) -> Response:
        """Any other path."""
        return _json({"error": "there is no such endpoint; /api/openapi.json lists them"}, 404)

    def newspapers(self, request: Request) -> Any:
        """Ids and names."""
        shelf = self.shelf
        homes = {name: site.home for name, site in shelf.sites.items()}
        shown, pages = _paged(request, shelf.site_names())
        return {
            "newspapers": [{"id": s, "name": shelf.name(s), "home": homes.get(s, "")} for s in shown],
            **pages,
        }

    def days(self, request: Request) -> Any:
        """Counts by day."""
        paper = self.shelf.newspaper(_given(request, "site"))
        shown, pages = _paged(request, list(self.shelf.days(paper).items()))
        days = [{"day": f"{day}", "articles": count} for day, count in shown]
        return {"site": paper.id, "timezone": paper.timezone, "days": days, **pages}

    def day(self, request: Request) -> Any:
        """What stands under one day."""
        paper, day = self.shelf.newspaper(_given(request, "site")), day_of(_given(request, "day"))
        number, fronts, reports = (
            number_of(request),
            self.shelf.fronts_of(paper, day),
            self.shelf.reports_of(paper, day),
        )
        count = self.shelf.days(paper).get(day, 0)
        if not (count or fronts or reports):
            raise NotCaptured(f"nothing of {paper.name} of {day} is in the archive")
        found = self.shelf.entries(paper, day, limit=PER_PAGE, skip=(number - 1) * PER_PAGE)
        permits = self.study.permission.shown_at
        entries = [asdict(e) for e in found if not permits(paper.id, e.url, e.warc, e.captured)]
        coverage = {name: sum(getattr(r, name) for r in reports) for name in COVERAGE} | {
            "runs": len(reports)
        }
        more = number * PER_PAGE < count
        return {
            "site": paper.id, "day": f"{day}", "timezone": paper.timezone, "count": count,
            "articles": entries, "fronts": [{"url": c.url, "at": c.at} for c in fronts], "coverage": coverage,
            "next": api_link(request, page=number + 1) if more else None,
        }  # fmt: skip

    def selection(self, request: Request) -> Any:
        """What a selection finds, and where its rows are."""
        asked = selection_of(request)
        answer, behind = self.study.ask(asked.question)
        query = {name: value for name, value in request.query_params.items() if name in SELECTING}
        return {
            "id": asked.id, "selection": asked.plain(), "count": answer.count, "at_least": answer.more,
            "reading": bool(behind),
            "export": {form: f"/api/export?{urlencode({'format': form, **query})}" for form in FORMATS},
        }  # fmt: skip

    def export(self, request: Request) -> Response:
        """All rows, as a stream: the first piece is made before the status is said."""
        form, asked = request.query_params.get("format", "jsonl"), selection_of(request)
        if form not in FORMATS:
            raise CallerError(f"format={form!r} is none of {', '.join(FORMATS)}")
        pieces = self._rows(form, asked)
        first = next(pieces, b"")
        name = f"{asked.id}.{form}"
        headers = {"content-disposition": f'attachment; filename="{name}"', "content-type": TYPES[form]}
        return StreamingResponse(chain([first], pieces), headers=headers)

    def _rows(self, form: str, asked: Selection) -> Iterator[bytes]:
        with self.study.finder.open() as search:
            if behind := self.study.finder.progress:
                raise SearchFailed(
                    f"articles are still being read ({behind}): ask again, so that none is missing"
                )
            selected = Selected(self.shelf.store, search, self.study.permission, asked)
            yield from pieces_of(STREAMS[form](selected.rows()))

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
        shown, pages = _paged(request, steps_of(found))
        return {
            "versions": [
                {"number": step.number, **_version(step.version), "changed": _diff(step.changed)}
                for step in shown
            ],
            "gone": _gone(away(self.shelf.index, found[-1].row.article.url)),
            **pages,
        }

    def diff(self, request: Request) -> Any:
        """What changed from one version to another."""
        query = request.query_params
        _, before, after, changed = self.study.pair(
            _url(request), query.get("before", ""), query.get("after", "")
        )
        return {"before": _version(before), "after": _version(after), "changed": _diff(changed)}

    def captures(self, request: Request) -> Any:
        """Index lines."""
        found = self.shelf.index.captures(_url(request))
        if not found:
            raise NotCaptured(f"nothing was captured of {_url(request)}")
        shown, pages = _paged(request, found)
        return {"count": len(found), "captures": [_capture(c) for c in shown], **pages}

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


def selection_of(request: Request) -> Selection:
    """The selection that a request asks for; raise CallerError."""
    query = request.query_params
    holds = query.get("holds", "latest")
    if holds not in HOLDS:
        raise CallerError(f"holds={holds!r} is none of {', '.join(HOLDS)}")
    bare = Question()
    question = replace(question_of(request)[0], sort=bare.sort, limit=bare.limit, skip=bare.skip)
    end = query.get("captured_to", "").strip()
    whole = timedelta(days=1 if DAY.match(end) else 0)
    until = choice.asked(end)
    return Selection(
        question=question, holds=holds, since=choice.asked(query.get("captured_from", "")),
        until=until + whole if until else None,
    )  # fmt: skip


def pieces_of(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of some size: a row for itself is too small to be sent."""
    waiting, size = [], 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _paged(request: Request, found: list[T]) -> tuple[list[T], dict[str, Any]]:
    """One page of a list, and the address of the next."""
    number = number_of(request)
    more = number * PER_PAGE < len(found)
    shown = found[(number - 1) * PER_PAGE : number * PER_PAGE]
    return shown, {"next": api_link(request, page=number + 1) if more else None}


def _url(request: Request) -> str:
    return _given(request, "url")


def _given(request: Request, name: str) -> str:
    value = request.query_params.get(name, "").strip()
    if not value:
        raise CallerError(f"no {'URL' if name == 'url' else name} was given: add {name}=")
    return value


def _version(version: Version) -> dict[str, Any]:
    row = version.row
    return {
        "version": row.version, "url": row.article.url, "headline": row.article.headline,
        "first": version.first, "last": version.last, "captures": version.sightings,
        "warc": asdict(row.warc),
    }  # fmt: skip


def _gone(capture: Capture | None) -> dict[str, Any] | None:
    """Since when the page is not there any more, and the status that said so."""
    return {"at": capture.at, "status": capture.status} if capture else None


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
