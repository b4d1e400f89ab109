"""The replay origin: the worker script, a page that starts it, and raw records. Nothing else lives here."""

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from archive.cdxj import moment_of, stamp_of
from archive.errors import MorgueError, NotCaptured, RightsReserved, TooFar
from archive.index import Index
from archive.methods import keyed, query_of
from archive.model import Capture
from archive.permission import Permission, withheld
from archive.playback import Playback, Records, play
from archive.policy import Policy
from archive.room import choice, faults, script, wabac
from archive.room.guard import Guard
from archive.room.links import capture_link, raw_link
from archive.room.memento import Memento, link_header, whole_path
from archive.room.origins import Origins
from archive.room.paper import Paper
from archive.room.records import record_response, wanted_of
from archive.store import Store

STATIC = Path(__file__).parent / "static"
ASKED = re.compile(r"(?:/raw|/replay)/(\d{0,14})([a-z]+_)?/(https?):/+(.+)\Z", re.S)
# What replayed pages may do: anything a page may, but only with this origin.
REPLAY_CSP = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'self'; object-src 'none'; "
    "base-uri 'self'; frame-src 'self' data: blob: about:; frame-ancestors 'self' {room}"
)
# The worker itself: it may fetch from this origin and nowhere else; what scripts make for a frame is a blob.
WORKER_CSP = "default-src 'none'; connect-src 'self' blob:"
LOADER_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self' {room}"
)
MOST_SENT = 1 << 20  # bytes of what a form sends that are looked at
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
FRAMES = ("document", "iframe", "frame", "embed", "object")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a path of this origin asks for. `mod` is as in Wayback URLs: id_, ir_, mp_ ... or empty."""

    url: str
    at: datetime | None
    mod: str

    @classmethod
    def read(cls, path: str) -> "Asked":
        """Take a path apart; raise ValueError where it asks for nothing."""
        found = ASKED.match(path)
        if not found:
            raise ValueError("not of the form /raw/<timestamp>id_/<http or https URL>")
        stamp, mod, scheme, rest = found.groups()
        return cls(url=f"{scheme}://{rest}", at=moment_of(stamp) if stamp else None, mod=mod or "")


class Replay:
    """The endpoints of the replay origin."""

    def __init__(
        self,
        store: Store,
        index: Index,
        origins: Origins,
        worker: bytes | None,
        permission: Permission | None = None,
        max_spread: timedelta | None = None,
    ) -> None:
        self.max_spread = max_spread
        self.store = store
        self.records = Records(store)
        self.index = index
        self.origins = origins
        self.permission = permission or Permission(store, index, {}, Policy())
        self.worker = gzip.compress(worker, 6, mtime=0) if worker else None
        self.memento = Memento(index, origins)
        self.paper = Paper()

    def app(self) -> Starlette:
        """The application."""
        heads = ["GET", "HEAD"]
        routes = [
            Route("/", self.loader, methods=heads),
            Route("/health", self.health, methods=heads),
            Route("/sw.js", self.script, methods=heads),
            Route("/loader.js", self.asset, methods=heads),
            Route("/mend.js", self.asset, methods=heads),
            Route("/replay.css", self.asset, methods=heads),
            Route("/raw/{rest:path}", self.record, methods=METHODS),
            Route("/replay/{rest:path}", self.framed, methods=heads),
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(Guard, headers=self.headers)],
            exception_handlers={MorgueError: self.failed, 404: self.nothing},
        )

    def headers(self, request: HTTPConnection) -> dict[str, str]:
        """What every answer says; records and the worker say their own CSP."""
        return {
            "content-security-policy": LOADER_CSP.format(room=self.origins.room(request)),
            "referrer-policy": "no-referrer",
        }

    def health(self, _request: Request) -> Response:
        """Whether this origin answers."""
        return PlainTextResponse("ok\n")

    def settings(self, request: HTTPConnection) -> dict[str, Any]:
        """The collection that the loader adds to the worker, named by a digest of its own settings.

        A name is set up once in a browser and kept, so that other settings need another name.
        """
        extra = {
            "prefix": "",
            "isLive": False,
            "archivePrefix": "/raw/",
            "archiveMod": "ir_",
            "noPostToGet": True,
            "csp": REPLAY_CSP.format(room=self.origins.room(request)),
        }
        digest = hashlib.sha256((json.dumps(extra) + wabac.SHA256).encode()).hexdigest()[:12]
        return {"name": f"morgue-{digest}", "extraConfig": extra}

    def loader(self, request: Request) -> Response:
        """The page that starts the worker and goes to the capture asked for."""
        url, at = request.query_params.get("url", ""), request.query_params.get("at", "")
        try:
            moment_of(at)
            Asked.read(f"/raw/{at}/{url}")
        except ValueError:
            return self.paper.response("lost.html", 404, url=url, nearest=None, room="", reason="")
        return self.load(request, url, at)

    def load(self, request: Request, url: str, at: str) -> Response:
        """The loader page for one capture."""
        if self.worker is None:
            return self.paper.response("noworker.html", 503, how=wabac.HOW)
        self.permit(url, moment_of(at))
        config = self.settings(request) | {"url": url, "at": at}
        return self.paper.response("loader.html", 200, config=json.dumps(config), url=url, at=at)

    def permit(self, url: str, at: datetime | None) -> None:
        """Raise RightsReserved where the capture that answers may not be replayed; none is no matter."""
        try:
            capture, _loose = choice.find(self.index, url, at)
        except NotCaptured:
            return
        self.shown(capture, None)

    def shown(self, capture: Capture, playback: Playback | None) -> None:
        """Raise RightsReserved where this capture may not be replayed."""
        if said := self.permission.replay(capture, playback):
            what = f"{capture.url}, captured at {capture.at:%Y-%m-%d %H:%M:%S} UTC,"
            raise RightsReserved(withheld(what, said))

    def script(self, request: Request) -> Response:
        """The worker script, unmodified; only under the one query that our loader uses.

        Its query configures it: an archived page could register it anew with a query of its own.
        """
        if self.worker is None:
            return PlainTextResponse(wabac.HOW + "\n", 404)
        if request.url.query != f"replayPrefix=&root={self.settings(request)['name']}&injectScripts=/mend.js":
            return PlainTextResponse("the worker is registered by the loader page only\n", 404)
        tag = f'"{wabac.SHA256[:32]}"'
        headers = {
            "content-security-policy": WORKER_CSP,
            "cache-control": "public, max-age=86400",
            "content-encoding": "gzip",
            "x-content-type-options": "nosniff",
            "etag": tag,
        }
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(self.worker, media_type="text/javascript", headers=headers)

    def asset(self, request: Request) -> Response:
        """The loader's own script and style."""
        kind = "text/javascript" if request.url.path.endswith(".js") else "text/css"
        data = (STATIC / request.url.path.lstrip("/")).read_bytes()
        return Response(data, media_type=kind, headers={"x-content-type-options": "nosniff"})

    async def record(self, request: Request) -> Response:
        """A raw record: the capture nearest to the time asked for, of the same method and words sent."""
        method, sent = "GET", ""
        if request.method not in ("GET", "HEAD"):
            body = b""
            async for piece in request.stream():
                body = (body + piece)[:MOST_SENT]
            method = request.method
            sent = query_of(method, request.headers.get("content-type", ""), body)
        return await run_in_threadpool(self.answer, request, method, sent)

    def answer(self, request: Request, method: str, sent: str) -> Response:
        """The record for a request of this method that sent this (archive.methods)."""
        if request.headers.get("service-worker") == "script":
            return PlainTextResponse("an archived script is no worker of this origin\n", 403)
        try:
            asked = Asked.read(whole_path(request))
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", 400)
        if asked.mod not in ("id_", "ir_"):
            return PlainTextResponse("raw records are asked for with id_ or ir_\n", 400)
        capture, loose = choice.find(self.index, keyed(asked.url, method, sent), asked.at)
        if asked.mod == "ir_" and asked.at and self.max_spread:
            choice.within([capture], capture.url, asked.at, self.max_spread)
        playback = play(self.store, self.index, capture, self.records)
        self.shown(capture, playback)
        if asked.mod == "ir_":
            # A part of a coded body is none of what a player of sound or film asks for.
            wanted = "" if playback.head.get(b"content-encoding") else wanted_of(request, capture.digest)
            instead = script.instead_of(playback)
            return record_response(
                playback, worker=True, asked=asked.at, loose=loose, wanted=wanted, instead=instead
            )
        response = record_response(
            playback, worker=False, asked=asked.at, loose=loose, wanted=wanted_of(request, capture.digest)
        )
        places = self.memento.places(capture.url, request)
        response.headers["link"] = link_header(places, self.index.captures(capture.url), capture)
        if asked.at != capture.at.replace(microsecond=0) or asked.url != capture.url:
            response.headers["content-location"] = raw_link("", capture)  # the memento that this is
        return response

    def framed(self, request: Request) -> Response:
        """A replay path that no worker answered: start one, or go to the room where no frame is meant."""
        try:
            asked = Asked.read(whole_path(request))
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", 404)
        at = asked.at or self.index.closest(asked.url).at
        if not asked.mod:
            return RedirectResponse(self.origins.room(request) + capture_link(asked.url, at), 302)
        if request.headers.get("sec-fetch-dest", "document") not in FRAMES:
            return PlainTextResponse("the replay's worker is not running\n", 404)
        return self.load(request, asked.url, stamp_of(at))

    def failed(self, request: Request, error: Exception) -> Response:
        """A page for an error of ours: what was not captured, or what does not work now."""
        if isinstance(error, RightsReserved):
            return self.paper.response("reserved.html", 451, reason=str(error))
        if not isinstance(error, NotCaptured):
            return self.paper.response("broken.html", faults.status_of(error), reason=str(error))
        try:
            asked = Asked.read(whole_path(request))
            near = choice.near(self.index, asked.url, asked.at)
            nearest = error.nearest if isinstance(error, TooFar) else near
            url = asked.url
        except (ValueError, MorgueError):
            url, nearest = request.query_params.get("url", ""), None
        room = self.origins.room(request)
        return self.paper.response("lost.html", 404, url=url, nearest=nearest, room=room, reason=str(error))

    def nothing(self, _request: Request, _error: Exception) -> Response:
        """Any other path."""
        return PlainTextResponse("nothing here: this origin serves replay only\n", 404)
