"""The reading room and the replay as two servers of one process."""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from archive.access import Access
from archive.errors import CallerError
from archive.index import Index
from archive.permission import Permission
from archive.policy import Policy
from archive.room import wabac
from archive.room.finder import Finder
from archive.room.fresh import Fresh
from archive.room.origins import Origins, checked_origin, checked_replay
from archive.room.pages import Room
from archive.room.replay import Replay
from archive.room.shelf import Shelf
from archive.sites import Site
from archive.store import Store

PATIENCE = 0.9  # seconds for which a list of runs counts; `Fresh` looks more often while pages are asked for


class _Server(uvicorn.Server):
    """A server that leaves signals to the desk: two of them share a process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to capture."""
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Both servers, bound to their ports and not yet serving."""

    origins: Origins
    host: str
    worker: bool
    finder: Finder
    fresh: Fresh
    servers: tuple[uvicorn.Server, ...]
    sockets: tuple[socket.socket, ...]

    @property
    def room_url(self) -> str:
        """Where a reader on this machine finds the room."""
        return self.origins.room_url or f"http://{_shown(self.host)}:{self.origins.room_port}"

    @property
    def replay_url(self) -> str:
        """Where a reader on this machine finds the replay."""
        return self.origins.replay_url or f"http://{_shown(self.host)}:{self.origins.replay_port}"

    def serve(self) -> None:
        """Serve until SIGINT, SIGTERM or `stop`."""
        try:
            asyncio.run(self._serve())
        finally:
            self.finder.stop()
            self.fresh.stop()

    def stop(self) -> None:
        """Let both servers end; may be called from any thread."""
        for server in self.servers:
            server.should_exit = True

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread: `stop` ends it
                loop.add_signal_handler(number, self.stop)
        pairs = zip(self.servers, self.sockets, strict=True)
        await asyncio.gather(*(server.serve(sockets=[sock]) for server, sock in pairs))


def open_desk(
    store: Store,
    sites: Mapping[str, Site],
    *,
    host: str = "127.0.0.1",
    port: int = 8090,
    replay_port: int = 8091,
    room_url: str = "",
    replay_url: str = "",
    rights: Policy | None = None,
    search: Path | None = None,
    framed_by: str = "",
    max_spread: timedelta | None = None,
) -> Desk:
    """Bind both ports (0: any free one) and make the applications; raise CallerError where one is taken.

    `rights` is what holds for sites whose files say nothing of it; `search` is the folder of search files;
    `framed_by` is the one origin that may show the room in a frame; replay shows a part that is farther than
    `max_spread` from its page as missing.
    """
    room_socket = _bind(host, port, "--port")
    replay_socket = _bind(host, replay_port, "--replay-port")
    origins = Origins(
        room_port=room_socket.getsockname()[1],
        replay_port=replay_socket.getsockname()[1],
        room_url=room_url.rstrip("/"),
        replay_url=checked_replay(replay_url),
        framed_by=checked_origin(framed_by),
    )
    path = wabac.find()
    worker = wabac.load(path) if path else None
    access = Access(store)
    index = Index(store, hidden=access.hides, patience=PATIENCE)
    fresh = Fresh(index.renew, access.renew)
    permission = Permission(store, index, sites, rights or Policy(), access)
    finder = Finder(store, search)
    shelf = Shelf(store, index, sites, finder)
    room = Room(
        shelf,
        origins,
        replays=worker is not None,
        permission=permission,
        max_spread=max_spread,
    )
    replay = Replay(store, index, origins, worker, permission, max_spread)
    return Desk(
        origins=origins,
        host=host,
        worker=worker is not None,
        finder=finder,
        fresh=fresh,
        servers=(_server(fresh.app(room.app())), _server(fresh.app(replay.app()))),
        sockets=(room_socket, replay_socket),
    )


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    return _Server(config)


def _bind(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections take it over: without it a body waits 40 ms for the reader to acknowledge its head. asyncio
    # sets it where it sees TCP, which a socket that is made without its protocol does not say.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)
    except (OSError, OverflowError) as error:
        bound.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is taken" if taken else f"cannot be used ({error})"
        raise CallerError(f"port {port} on {host} {why}; choose another with {option}") from error
    return bound


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host
