"""An archive of what a test says was answered, and when: written and published by the product's own parts."""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from starlette.types import ASGIApp

from archive.index import recent
from archive.model import Exchange, Original, Run
from archive.originals import Originals
from archive.process import extract_run
from archive.publish import publish
from archive.room.desk import Desk, open_desk
from archive.spool import RunStart, Spool
from archive.store import FolderStore, Store
from archive.wire import decode, entity, read_head
from spiders.specimen import Specimen

LINK = re.compile(r"""(?:href|src|url\()=?["']?(?:http://paper\.example)?(/[^"')#\s>]*)""")
COMMENTS = re.compile(r'data-article="([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said at a moment; `raw` is a whole response instead of status, headers and body."""

    at: datetime
    url: str
    body: bytes = b""
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)
    raw: bytes = b""
    method: str = "GET"
    sent: bytes = b""
    sent_kind: str = ""
    original: Original | None = None  # what a 304 says of

    def exchange(self) -> Exchange:
        lines = [f"HTTP/1.1 {self.status}", *(f"{k}: {v}" for k, v in self.headers)]
        head = "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode("latin-1")
        response = self.raw or head + self.body
        return Exchange(
            url=self.url,
            method=self.method,
            request=self.request(),
            response=response,
            head_length=response.index(b"\r\n\r\n") + 4,
            began=self.at,
            seconds=0.01,
            original=self.original,
        )

    def request(self) -> bytes:
        kind = f"Content-Type: {self.sent_kind}\r\nContent-Length: {len(self.sent)}\r\n" if self.sent else ""
        return f"{self.method} / HTTP/1.1\r\nHost: x\r\n{kind}\r\n".encode("latin-1") + self.sent


@dataclass
class Keeper:
    """Keeps answers as runs of a site, in a folder of its own."""

    root: Path
    store: Store = field(init=False)
    runs: int = 0
    revisits: bool = False  # what earlier runs have is kept as a revisit, as crawls do

    def __post_init__(self) -> None:
        self.store = FolderStore(self.root / "archive")

    def keep(self, *answers: Answer, site: str = "paper") -> Run:
        self.runs += 1
        at = min(a.at for a in answers)
        start = RunStart(
            id=f"{at:%Y%m%dT%H%M%SZ}-{site}{self.runs:04}",
            site=site,
            archive=self.store.url,
            started=at,
            software="test",
            parameters={},
        )
        known = recent(self.store, site, datetime(2020, 1, 1, tzinfo=UTC)) if self.revisits else []
        spool = Spool(self.root / "spool", start, originals=Originals(known) if known else None)
        for answer in answers:
            spool.submit(answer.exchange()).result(30)
        spool.close("finished")
        run = publish(self.store, self.root / "spool" / start.id)
        assert run is not None
        extract_run(self.store, run.key)
        return run


@dataclass(frozen=True)
class Reader:
    """Asks an application, without a socket; follows redirects inside it."""

    app: ASGIApp
    base: str = "http://127.0.0.1:8090"

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._ask(method, path, options))

    async def _ask(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        wire = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        options.setdefault("follow_redirects", True)
        async with httpx.AsyncClient(transport=wire, base_url=self.base) as client:
            return await client.request(method, path, **options)


@contextmanager
def served(desk: Desk) -> Iterator[Desk]:
    """The desk, serving in a thread of its own (its sockets listen already)."""
    thread = Thread(target=desk.serve, daemon=True)
    thread.start()
    try:
        yield desk
    finally:
        while not all(s.started for s in desk.servers) and thread.is_alive():
            thread.join(0.01)
        desk.stop()
        thread.join(20)
        assert not thread.is_alive()


def open_room(store: Store, **options: object) -> Desk:
    """A desk on two free ports."""
    return open_desk(store, {}, port=0, replay_port=0, **options)  # type: ignore[arg-type]


def edition(day: int) -> datetime:
    return datetime(2026, 11, day, 7, 0, 5, tzinfo=UTC)


def printed(paper: Specimen, number: int, host: str = "paper.example") -> list[Answer]:
    """Everything that an edition of the Specimen links to, as answered under the name `host`.

    The name resolves nowhere: replay that asks for it outside the archive cannot be answered by the paper.
    """
    paper.turn(number)
    at = datetime.fromisoformat(f"2026-11-{20 + number}T07:00:05+00:00")
    kept: dict[str, Answer] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        if path in kept:
            continue
        raw = _fetched(paper, path, host)
        kept[path] = Answer(
            at=at + timedelta(milliseconds=20 * len(kept)), url=f"http://{host}{path}", raw=raw
        )
        text = _text(raw)
        waiting += [u for u in LINK.findall(text) if not u.startswith(("/press", "/private"))]
        waiting += [f"/api/comments.json?article={slug}" for slug in COMMENTS.findall(text)]
    return list(kept.values())


def _fetched(paper: Specimen, path: str, host: str) -> bytes:
    with socket.create_connection(("127.0.0.1", int(paper.base.rpartition(":")[2])), 10) as wire:
        ask = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
        wire.sendall(ask.encode())
        return b"".join(iter(lambda: wire.recv(65536), b""))


def _text(raw: bytes) -> str:
    end = raw.index(b"\r\n\r\n") + 4
    head = read_head(raw[:end])
    body = decode(head, entity(head, raw[end:]))
    return body.decode() if head.mime.startswith("text/") else ""
