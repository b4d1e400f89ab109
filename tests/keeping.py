"""An archive of what a test says was answered, and when: written and published by the product's own parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from archive.model import Exchange, Run
from archive.process import extract_run
from archive.publish import publish
from archive.room.desk import Desk, open_desk
from archive.spool import RunStart, Spool
from archive.store import FolderStore, Store


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said at a moment; `raw` is a whole response instead of status, headers and body."""

    at: datetime
    url: str
    body: bytes = b""
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)
    raw: bytes = b""

    def exchange(self) -> Exchange:
        lines = [f"HTTP/1.1 {self.status}", *(f"{k}: {v}" for k, v in self.headers)]
        head = "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode("latin-1")
        response = self.raw or head + self.body
        return Exchange(
            url=self.url,
            method="GET",
            request=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            response=response,
            head_length=response.index(b"\r\n\r\n") + 4,
            began=self.at,
            seconds=0.01,
        )


@dataclass
class Keeper:
    """Keeps answers as runs of a site, in a folder of its own."""

    root: Path
    store: Store = field(init=False)
    runs: int = 0

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
        spool = Spool(self.root / "spool", start)
        for answer in answers:
            spool.submit(answer.exchange()).result(30)
        spool.close("finished")
        run = publish(self.store, self.root / "spool" / start.id)
        assert run is not None
        extract_run(self.store, run.key)
        return run


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
