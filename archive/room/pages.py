"""The reading room: newspapers, days, articles, captures and runs, as pages that need no scripts."""

import calendar
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from archive.errors import CallerError, MorgueError, NotCaptured
from archive.model import Capture
from archive.permission import Permission
from archive.policy import Policy
from archive.progress import running
from archive.reports import RunReport
from archive.room import choice, faults, pulse
from archive.room.api import Api
from archive.room.catalogue import catalogue
from archive.room.evidence import Evidence
from archive.room.guard import Guard
from archive.room.links import weblink
from archive.room.memento import Memento
from archive.room.origins import Origins
from archive.room.paper import Paper
from archive.room.shelf import Shelf
from archive.room.study import Study, day_of, number_of

STATIC = Path(__file__).parent / "static"
CSP = (
    "default-src 'none'; {scripts}style-src 'self'; img-src 'self'; frame-src {replay}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors {framed}"
)
SHOWN_RUNS = 20
REFRESH = 5  # seconds after which a page of what goes on is read anew
SHOWN_REPORTS = 10
SHOWN_DAYS = 400  # of more, a year at a time
SHOWN_ENTRIES = 100  # articles of a day on one page


class Room:
    """The endpoints of the reading room."""

    def __init__(
        self,
        shelf: Shelf,
        origins: Origins,
        *,
        replays: bool,
        permission: Permission | None = None,
        max_spread: timedelta | None = None,
    ) -> None:
        self.shelf = shelf
        self.permission = permission or Permission(shelf.store, shelf.index, {}, Policy())
        self.origins = origins
        self.replays = replays
        self.paper = Paper()
        self.memento = Memento(shelf.index, origins)
        self.finder = shelf.finder
        self.study = Study(shelf, self.permission, self.finder, origins, self.page, max_spread)

    def app(self) -> Starlette:
        """The application."""
        routes = [
            Route("/", self.home),
            Route("/health", self.health),
            Route("/site/{site}", self.site),
            Route("/site/{site}/{day}", self.day),
            Route("/newspapers", self.kept),
            Route("/live", self.live),
            Route("/newspapers/{site}", self.kept_one),
            *self.study.routes(),
            *Evidence(self.shelf, self.permission, self.page).routes(),
            *Api(self.study).routes(),
            Route("/capture", self.capture),
            Route("/beside", self.beside),
            Route("/runs/{run}", self.run),
            Route("/airflow/{dag}", self.dag_run),
            Route("/lookup", self.lookup),
            Route("/cdx", self.cdx),
            Route("/timegate/{rest:path}", self.memento.gate),
            Route("/timemap/{rest:path}", self.memento.map),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(Guard, headers=self.headers)],
            exception_handlers={MorgueError: self.failed, 404: self.nothing},
        )

    def headers(self, request: HTTPConnection) -> dict[str, str]:
        """What every page says; none sets a cookie; a replay's banner and what runs now have a script."""
        own = "script-src 'self'; connect-src 'self'; "
        path = request.url.path
        scripts = own if path in ("/capture", "/live") or path.startswith("/airflow/") else ""
        policy = CSP.format(
            replay=self.origins.replay(request), scripts=scripts, framed=self.origins.framed_by or "'none'"
        )
        return {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A page of the room."""
        replay = self.origins.replay(request)
        return self.paper.response(template, status, replay=replay, replays=self.replays, **values)

    def health(self, _request: Request) -> Response:
        """Whether the room answers."""
        return PlainTextResponse("ok\n")

    def home(self, request: Request) -> Response:
        """All newspapers."""
        return self.page(
            request, "home.html", newspapers=self.shelf.newspapers(), behind=self.finder.progress
        )

    def site(self, request: Request) -> Response:
        """One newspaper: its days (the latest year, or that of `year`) and its runs."""
        query = request.query_params
        paper = self.shelf.newspaper(request.path_params["site"])
        days = self.shelf.days(paper)
        years = sorted({day.year for day in days}, reverse=True) if len(days) > SHOWN_DAYS else []
        year = next((y for y in years if str(y) == query.get("year")), max(years, default=0))
        shown = {day: count for day, count in days.items() if not years or day.year == year}
        runs = paper.runs[: None if query.get("runs") == "all" else SHOWN_RUNS]
        return self.page(
            request, "site.html", paper=paper, days=shown, years=years, year=year,
            articles=sum(days.values()), shown=[self.shelf.run_at(key) for key in runs],
            behind=self.finder.progress,
        )  # fmt: skip

    def day(self, request: Request) -> Response:
        """One day's articles."""
        paper = self.shelf.newspaper(request.path_params["site"])
        day = day_of(request.path_params["day"])
        days = self.shelf.days(paper)
        number = number_of(request)
        fronts, reports = self.shelf.fronts_of(paper, day), self.shelf.reports_of(paper, day)
        if not (day in days or fronts or reports):
            nearest = min(days, key=lambda d: abs(d - day), default=None)
            return self.page(request, "emptyday.html", 404, paper=paper, day=day, nearest=nearest)
        found = self.shelf.entries(paper, day, limit=SHOWN_ENTRIES, skip=(number - 1) * SHOWN_ENTRIES)
        permits = self.permission.shown_at
        return self.page(
            request, "day.html", paper=paper, day=day, fronts=fronts, reports=reports,
            entries=[e for e in found if not permits(paper.id, e.url, e.warc, e.captured)],
            later=min((d for d in days if d > day), default=None), number=number,
            earlier=max((d for d in days if d < day), default=None),
            last=-(-days.get(day, 0) // SHOWN_ENTRIES), behind=self.finder.progress,
        )  # fmt: skip

    def kept(self, request: Request) -> Response:
        """How well the newspapers are kept: those with alarms first."""
        now = datetime.now(UTC)
        found = [pulse.pulse(seen, self.shelf.name(seen.site), now) for seen in self.shelf.watched(now)]
        found.sort(key=lambda p: (p.last is None, -len(p.alarms), p.name.casefold()))
        return self.page(request, "newspapers.html", pulses=found, crawls=running(self.shelf.store, now=now))

    def live(self, request: Request) -> Response:
        """The crawls that run at the moment, wherever they run."""
        now = datetime.now(UTC)
        crawls = running(self.shelf.store, now=now)
        names = {crawl.site: self.shelf.name(crawl.site) for crawl in crawls}
        return self.page(request, "live.html", crawls=crawls, names=names, now=now, refresh=REFRESH)

    def kept_one(self, request: Request) -> Response:
        """How well one newspaper is kept: alarms, runs, and the last report in full."""
        now = datetime.now(UTC)
        seen = self.shelf.watch_one(request.path_params["site"], now)
        full = self.shelf.report(seen.last)
        return self.page(
            request,
            "newspaper.html",
            pulse=pulse.pulse(seen, self.shelf.name(seen.site), now),
            bells=pulse.bells(seen.alarms, self.shelf.index),
            shown=seen.reports[: -SHOWN_REPORTS - 1 : -1],
            total=len(seen.reports),
            **_parts(full),
        )

    def capture(self, request: Request) -> Response:
        """The replay of one capture, under a banner."""
        url = request.query_params.get("url", "").strip()
        captures = self.captures(url)
        asked = choice.asked(request.query_params.get("at", ""))
        shown = choice.choose(captures, url, asked)
        place = captures.index(shown)
        return self.page(
            request,
            "capture.html",
            shown=shown,
            asked=asked if asked and abs(asked - shown.at).total_seconds() >= 1 else None,
            earlier=captures[place - 1] if place else None,
            later=captures[place + 1] if place + 1 < len(captures) else None,
            number=place + 1,
            total=len(captures),
            run=self.shelf.run_of(shown),
            circles=choice.goes_in_circles(self.shelf.index, shown),
        )

    def beside(self, request: Request) -> Response:
        """Two captures of a page side by side: of `at` (or the one before), and of `with` (or the last)."""
        url = request.query_params.get("url", "").strip()
        captures = self.captures(url)
        right = choice.choose(captures, url, choice.asked(request.query_params.get("with", "")))
        earlier = [capture for capture in captures if capture.at < right.at]
        asked = request.query_params.get("at", "")
        left = choice.choose(captures, url, choice.asked(asked)) if asked or not earlier else earlier[-1]
        return self.page(request, "beside.html", left=left, right=right, total=len(captures))

    def captures(self, url: str) -> list[Capture]:
        """All captures of a URL, oldest first; raise NotCaptured."""
        found = self.shelf.index.captures(url) if url else []
        if not found:
            raise NotCaptured(f"nothing was captured of {url}" if url else "no URL was given")
        return found

    def run(self, request: Request) -> Response:
        """One run."""
        run = self.shelf.run(request.path_params["run"])
        parameters = json.dumps(run.parameters, indent=2, ensure_ascii=False, default=str)
        name = self.shelf.name(run.site)
        told = _parts(self.shelf.report_of(run))
        return self.page(request, "run.html", run=run, name=name, parameters=parameters, **told)

    def dag_run(self, request: Request) -> Response:
        """What a DAG of Airflow has archived, or one of its runs; for a frame in Airflow's own page."""
        dag, run = request.path_params["dag"], request.query_params.get("run", "")
        site = dag.removeprefix("crawl_") if dag.startswith("crawl_") else ""
        found = self.shelf.runs_of(site, run) if site else []
        crawls = self.shelf.crawls_of(site, run) if site else []
        if run and len(found) == 1 and not crawls:
            return RedirectResponse(f"/runs/{found[0].id}", 303)
        name, going = self.shelf.name(site), bool(crawls) or (bool(run) and not found)
        return self.page(
            request, "dagrun.html", dag=dag, site=site, run=run, name=name, found=found, crawls=crawls,
            now=datetime.now(UTC), refresh=REFRESH if going else 0,
        )  # fmt: skip

    def lookup(self, request: Request) -> Response:
        """A form for a URL, and the captures of the one asked for."""
        url = _typed(request.query_params.get("url", ""))
        captures = self.shelf.index.captures(url) if url else []
        if url and not captures:
            return self.missing(request, url)
        return self.page(request, "lookup.html", url=url, captures=captures, months=months_of(captures))

    def cdx(self, request: Request) -> Response:
        """The CDX server."""
        return catalogue(self.shelf.index, request)

    def missing(self, request: Request, url: str) -> Response:
        """The page for a URL that was never captured."""
        try:
            at = choice.asked(request.query_params.get("at", ""))
        except CallerError:
            at = None
        nearest = choice.near(self.shelf.index, url, at) if url else None
        return self.page(request, "missing.html", 404, url=url, nearest=nearest)

    def failed(self, request: Request, error: Exception) -> Response:
        """A page for an error of ours."""
        if isinstance(error, NotCaptured):
            return self.missing(request, request.query_params.get("url", "").strip())
        status = faults.status_of(error)
        return self.page(request, "error.html", status, reason=str(error), code=status)

    def nothing(self, request: Request, _error: Exception) -> Response:
        """A path that the room does not have."""
        return self.page(request, "error.html", 404, reason="The room has no such page.", code=404)


def _parts(full: RunReport | None) -> dict[str, Any]:
    """A report as its template wants it; all empty where there is none."""
    return {
        "full": full,
        "sources": pulse.trouble_first(full.sources) if full else [],
        "events": pulse.telling(full.events) if full else [],
        "missing": pulse.missing(full) if full else [],
    }


def months_of(captures: list[Capture]) -> list[tuple[date, list[list[tuple[int, list[Capture]]]]]]:
    """A calendar: for each month with captures its weeks of days (0: another month's) with their captures."""
    days: dict[date, list[Capture]] = {}
    for capture in captures:
        days.setdefault(capture.at.astimezone(UTC).date(), []).append(capture)
    months = sorted({day.replace(day=1) for day in days}, reverse=True)
    return [
        (
            first,
            [
                [(day, days.get(first.replace(day=day), []) if day else []) for day in week]
                for week in calendar.Calendar().monthdayscalendar(first.year, first.month)
            ],
        )
        for first in months
    ]


def _typed(url: str) -> str:
    """A URL as people type it: with the scheme left out, http is meant."""
    url = url.strip()
    return url if not url or weblink(url) or "://" in url else f"http://{url}"
