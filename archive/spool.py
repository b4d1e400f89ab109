"""The spool: where a run's WARCs are written before they are published.

Rules: one folder, one process and one open WARC per run; an exchange's records go out as one append; an
exchange is acknowledged only after fsync (group commit). On a failed write the file is cut back to its last
acknowledged exchange. A full disk is waited for; any other failure ends the run, with everything before it
kept. What a crash leaves behind is repaired by `repair`.

    <spool>/<run id>/lock                 held (flock) by the process that writes
                     run.json             who writes what, for which archive
                     NAME.warc.gz.open    being filled        NAME.warc.gz    sealed
                     NAME.cdxj.open       its index lines     NAME.cdxj       sealed, sorted
                     NAME.jsonl.open      its crawl log       NAME.jsonl.gz   sealed
                     end.json             why and when the run ended, counts
                     published            the store has it all, verified
"""

import errno
import fcntl
import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from archive import crawllog
from archive.backlog import Backlog
from archive.draft import Draft, OpenWarc, index_anew, opened_at, seal_files, warc_key
from archive.errors import DamagedWarc, SpoolError
from archive.model import Capture, Exchange, Original
from archive.originals import Originals
from archive.store import write_durably
from archive.warc import Written, ends_group, members, read_record, write_exchange

logger = logging.getLogger(__name__)

ROLL_BYTES = 1 << 30
ROLL_SECONDS = 3600.0
QUEUED_BYTES = 64 << 20
AT_ONCE = 1 << 18  # bytes of a body up to which its records are made where it is submitted
FORMS = (".warc.gz", ".warc", ".arc.gz", ".arc")
FULL = (errno.ENOSPC, errno.EDQUOT)
LOOK_AGAIN = 2.0  # seconds between two looks at a full disk


class Acknowledged(Protocol):
    """Who waits for an exchange to be durable: a future, of threads or of asyncio."""

    def set_result(self, result: Capture | None, /) -> None:
        """It is durable."""

    def set_exception(self, exception: SpoolError, /) -> None:
        """It is not, and why."""

    def done(self) -> bool:
        """Whether nobody waits any longer."""


Answer = tuple[Acknowledged, SpoolError | None, Capture | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An exchange that waits to be written, for which WARC, and its records (None: not made yet)."""

    exchange: Exchange
    done: Acknowledged
    draft: Draft
    written: Written | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """What is known when a run begins; `parameters` go into its manifest."""

    id: str
    site: str
    archive: str
    started: datetime
    software: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """What is known when a run has ended."""

    ended: datetime
    reason: str
    counts: dict[str, int]


def sealed_warcs(folder: Path) -> list[Path]:
    """The sealed WARCs of a run's folder, by name; imported ones may have another form than ours."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(FORMS))


def stem_of(path: Path) -> tuple[str, str]:
    """A sealed WARC's name, and its form."""
    form = next(form for form in FORMS if path.name.endswith(form))
    return path.name.removesuffix(form), form


class Spool:
    """A run being written. `submit` may be called from any thread, and never waits.

    A WARC is followed by another at `roll` bytes or `roll_seconds`; `originals` are payloads that the archive
    has already. `deliver` runs what answers those who wait (in their own thread, where that matters).
    `paused` says why nothing is written at the moment ("" where it is).
    """

    def __init__(
        self,
        root: Path,
        start: RunStart,
        *,
        roll: int = ROLL_BYTES,
        roll_seconds: float = ROLL_SECONDS,
        originals: Originals | None = None,
        deliver: Callable[[Callable[[], None]], object] = lambda answer: answer(),
    ) -> None:
        self.folder = root / start.id
        self.start = start
        self.counts: Counter[str] = Counter()
        self.bytes = 0
        self.paused = ""
        self.originals = originals or Originals()
        self._deliver = deliver
        self._answers: list[Answer] = []
        self._roll = roll
        self._roll_seconds = roll_seconds
        self._serial = 0
        self._draft: Draft | None = None  # what records are made for
        self._file: OpenWarc | None = None  # what they are written to: the same, or one before it
        self._failed: SpoolError | None = None
        self._shown: set[str] = set()
        self._making = threading.Lock()
        self._undone: set[str] = set()  # records that are made, and not durable yet
        self._backlog: Backlog[Waiting] = Backlog(QUEUED_BYTES)
        self._hurry = threading.Event()
        self._lock = self._begin()
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._thread.start()

    def _begin(self) -> int:
        try:
            self.folder.mkdir(parents=True)
            lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            write_start(self.folder, self.start)
        except OSError as error:
            raise SpoolError(
                f"cannot write to the spool {self.folder.parent}: {error.strerror}; set MORGUE_SPOOL"
            ) from error
        return lock

    def submit(self, exchange: Exchange) -> "Future[Capture | None]":
        """Queue an exchange; the future is done when its records are fsynced, or holds a SpoolError."""
        done: Future[Capture | None] = Future()
        self.enqueue(exchange, done)
        return done

    def enqueue(self, exchange: Exchange, done: Acknowledged) -> None:
        """Make the records of an exchange, queue them, and answer to `done`.

        Making them takes less than it costs to hand each exchange to another thread; only those of a long
        body are left to the writing thread, so that nobody's loop waits for them.
        """
        try:
            with self._making:  # in the order in which records are made, they are written
                draft = self._current()
                written = self._made(exchange, draft) if exchange.body_size <= AT_ONCE else None
                if written is None:
                    draft.size += exchange.body_size
                item = Waiting(exchange=exchange, done=done, draft=draft, written=written)
                self._backlog.put(item, weight(exchange))
        except Exception as problem:  # noqa: BLE001 - whatever it is, the waiting crawl must hear of it
            answer = (done, _unrecorded(exchange, problem), None)
            self._deliver(lambda: _tell([answer]))

    def _current(self) -> Draft:
        """The WARC that is next to take an exchange."""
        draft = self._draft
        if draft is None or draft.size >= self._roll or draft.age >= self._roll_seconds:
            self._serial += 1
            draft = self._draft = Draft(self.start.site, self.start.id, self._serial, _about(self.start))
        return draft

    def _made(self, exchange: Exchange, draft: Draft) -> Written:
        """The records of an exchange, which others may refer to from now on: they come after it."""
        written = self._written(exchange, draft, self.originals.find)
        draft.size += written.size
        self._shown.add(_chain_of(exchange))
        if written.capture:
            self._undone.add(written.capture.id)
            self.originals.remember(written.capture)
        return written

    def _written(self, exchange: Exchange, draft: Draft, known: Callable[[str], Original | None]) -> Written:
        host = _chain_of(exchange)
        shows = bool(host) and host not in self._shown
        return write_exchange(
            exchange, warcinfo=draft.warcinfo, warc=draft.key, known=known, certificates=shows
        )

    def _durable(self, digest: str) -> Original | None:
        """What a record may refer to that is made late: what was made before may stand behind it."""
        found = self.originals.find(digest)
        return None if found is None or found.id in self._undone else found

    def room(self) -> "Future[None] | None":
        """None where more may be fetched; otherwise a future that is done when there is room in the queue."""
        return self._backlog.room()

    def hurry(self) -> None:
        """Do not wait for a full disk any longer: the run is to end."""
        self._hurry.set()

    def close(self, reason: str) -> RunEnd:
        """Write what is queued, seal the open WARC, and note why the run ended."""
        self.hurry()
        self._backlog.close()
        self._thread.join()
        try:
            self._seal()
            end = RunEnd(ended=datetime.now(UTC), reason=reason, counts=dict(self.counts))
            write_end(self.folder, end)
        except OSError as error:
            raise SpoolError(f"cannot seal {self.folder}: {error.strerror}; make room") from error
        finally:
            os.close(self._lock)
        return end

    def _work(self) -> None:
        while (batch := self._backlog.take(self._until_roll())) is not None:
            if not batch:
                self._seal_aged()
                continue
            size = sum(weight(item.exchange) for item in batch)
            self._write(batch)
            self._answer()
            self._backlog.give_back(size)

    def _answer(self) -> None:
        """Tell all who waited for a batch at once."""
        answers, self._answers = self._answers, []
        self._deliver(lambda: _tell(answers))

    def _until_roll(self) -> float | None:
        return max(self._roll_seconds - self._file.draft.age, 0.01) if self._file else None

    def _seal_aged(self) -> None:
        with self._making:
            if self._backlog or not self._file:
                return  # what came meanwhile may be for this very WARC
            if self._draft is self._file.draft:
                self._draft = None
        try:
            self._seal()
        except OSError as error:
            logger.warning("cannot seal a WARC now (%s); it is tried again", error.strerror)
            time.sleep(LOOK_AGAIN)

    def _write(self, batch: list[Waiting]) -> None:
        """Append all, fsync once for each WARC, acknowledge; a full disk is waited for."""
        while batch:
            part = [item for item in batch if item.draft is batch[0].draft]
            try:
                self._commit(part)
                self._resumed()
            except OSError as error:
                if not (error.errno in FULL and self._wait(error)):
                    self._fail(batch, error)
                    return
            else:
                batch = batch[len(part) :]

    def _commit(self, part: list[Waiting]) -> None:
        """Write what is for one WARC or nothing of it; raise OSError. What makes no record fails alone."""
        if self._failed:
            raise OSError(errno.EIO, str(self._failed))
        file = self._open(part[0].draft)
        kept: list[tuple[Waiting, Capture | None]] = []
        refused: list[Answer] = []
        try:
            for item in part:
                try:
                    kept.append((item, self._append(file, item)))
                except OSError:
                    raise
                except Exception as problem:  # noqa: BLE001 - whatever it is, the waiting crawl must hear of it
                    refused.append((item.done, _unrecorded(item.exchange, problem), None))
            self.bytes += file.commit([capture for _, capture in kept if capture])
        except OSError:
            file.cut_back()
            raise
        self._answers += refused
        self._acknowledge(kept)

    def _open(self, draft: Draft) -> OpenWarc:
        if self._file and self._file.draft is not draft:
            self._seal()
        if not self._file:
            self._file = OpenWarc(self.folder, draft)
        return self._file

    def _append(self, file: OpenWarc, item: Waiting) -> Capture | None:
        written = item.written or self._written(item.exchange, item.draft, self._durable)
        return file.append(item.exchange, written)

    def _acknowledge(self, kept: list[tuple[Waiting, Capture | None]]) -> None:
        for item, capture in kept:
            self._shown.add(_chain_of(item.exchange))
            self.counts.update(outcomes(item.exchange))
            self._answers.append((item.done, None, capture))
            if capture is None:
                continue
            if capture.kind == "revisit":
                self.counts["revisits"] += 1
            self._undone.discard(capture.id)
            if item.written is None:
                with self._making:
                    self.originals.remember(capture)

    def _wait(self, error: OSError) -> bool:
        """Wait a little for room on the disk; False where the run is to end."""
        if not self.paused:
            self.paused = f"the disk of the spool is full ({error.strerror})"
            logger.warning(
                "PAUSED: no room for the spool %s; free some and the crawl goes on by itself, "
                "or stop it: what is written is kept",
                self.folder,
            )
        return not self._hurry.wait(LOOK_AGAIN)

    def _resumed(self) -> None:
        if self.paused:
            logger.warning("there is room again for the spool %s: going on", self.folder)
            self.paused = ""

    def _fail(self, batch: list[Waiting], error: OSError) -> None:
        if self._failed is None:
            said = error.strerror or str(error)
            self._failed = SpoolError(
                f"cannot write to the spool {self.folder}: {said}; make room and run again"
            )
        self._answers += [(item.done, self._failed, None) for item in batch]

    def _seal(self) -> None:
        if self._file:
            self._file.seal()
            self._file = None


def _about(start: RunStart) -> dict[str, str]:
    """What the first record of a WARC says of its run."""
    return {
        "software": start.software,
        "format": "WARC File Format 1.1",
        "conformsTo": "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "isPartOf": start.site,
        "description": f"run {start.id}",
        "robots": "obey" if start.parameters.get("robots", True) else "ignore",
        "http-header-user-agent": str(start.parameters.get("user_agent", "")),
    }


def _unrecorded(exchange: Exchange, problem: Exception) -> SpoolError:
    return SpoolError(f"cannot record an exchange with {exchange.url}: {type(problem).__name__}: {problem}")


def _tell(answers: list[Answer]) -> None:
    for done, error, capture in answers:
        if done.done():
            continue  # nobody waits any longer
        if error:
            done.set_exception(error)
        else:
            done.set_result(capture)


def weight(exchange: Exchange) -> int:
    """About how many bytes of memory an exchange takes."""
    big = exchange.big.in_memory if exchange.big else 0
    return len(exchange.request) + len(exchange.response) + len(exchange.interim) + big + 1024


def _chain_of(exchange: Exchange) -> str:
    """Where a certificate chain was shown: host and port; "" where none was."""
    return exchange.url.split("/", 3)[2] if exchange.tls and exchange.tls.chain else ""


def outcomes(exchange: Exchange) -> dict[str, int]:
    """How one exchange counts: by what came back."""
    status = exchange.head[9:12].decode("latin-1") if exchange.response else ""
    kind = {"2": "ok", "3": "redirects", "4": "refused", "5": "server_errors"}.get(status[:1], "failed")
    if status == "304":
        kind = "unchanged"
    counts = {"exchanges": 1, kind: 1}
    if exchange.truncated:
        counts["truncated"] = 1
    return counts


def repair(folder: Path) -> int:
    """Cut torn tails off what a crash left in a run's folder and seal it; return how many files.

    The CDXJ is made anew from the WARC, which alone is fsynced while a run goes on.
    """
    start = read_start(folder)
    count = 0
    for opened in sorted(folder.glob("*.warc.gz.open")):
        count += 1
        end = whole_groups(opened)
        with opened.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
        name = opened.name.removesuffix(".warc.gz.open")
        index_anew(opened, warc_key(start.site, name, opened_at(name)))
        seal_files(opened)
    if read_end(folder) is None:  # what has ended is whole: a WARC of one record may have been imported
        _drop_empty(folder)
    return count


def _drop_empty(folder: Path) -> None:
    """A WARC without a capture or a failed request says nothing: at most its warcinfo was written."""
    for warc in folder.glob("*.warc.gz"):
        with warc.open("rb") as file:
            if sum(1 for _ in members(file)) <= 1:
                warc.unlink()
                for form in (".cdxj", crawllog.FORM):
                    warc.with_name(warc.name.removesuffix(".warc.gz") + form).unlink(missing_ok=True)


def whole_groups(path: Path) -> int:
    """How many bytes of a gzipped WARC are whole exchanges: no request without what came of it."""
    end = 0
    try:
        with path.open("rb") as file:
            for member in members(file):
                record = read_record(member.data)
                if ends_group(record.kind, record.headers.get("content-type", "")):
                    end = member.offset + member.length
    except DamagedWarc:
        return end
    return end


def write_start(folder: Path, start: RunStart) -> None:
    """Make a folder that of a run; raise OSError."""
    data = {f: getattr(start, f) for f in RunStart.__slots__}
    _write_json(folder / "run.json", data | {"started": start.started.isoformat()})


def read_start(folder: Path) -> RunStart:
    """What the run's process wrote when it began; raise SpoolError where that is missing."""
    try:
        data = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return RunStart(**data | {"started": datetime.fromisoformat(data["started"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SpoolError(f"{folder} is no run's spool folder: {error}") from error


def read_end(folder: Path) -> RunEnd | None:
    """Why the run ended; None where it did not end by itself."""
    try:
        data = json.loads((folder / "end.json").read_text(encoding="utf-8"))
        return RunEnd(**data | {"ended": datetime.fromisoformat(data["ended"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise SpoolError(f"{folder}/end.json cannot be read: {error}") from error


def write_end(folder: Path, end: RunEnd) -> None:
    """Note why the run ended."""
    data = {"ended": end.ended.isoformat(), "reason": end.reason, "counts": end.counts}
    _write_json(folder / "end.json", data)


def idle_runs(root: Path) -> Iterator[Path]:
    """Folders of runs that no process is writing, oldest first."""
    for folder in sorted(root.glob("*/")):
        if (folder / "run.json").is_file() and not _locked(folder):
            yield folder


def _locked(folder: Path) -> bool:
    try:
        lock = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _write_json(path: Path, data: dict[str, Any]) -> None:
    write_durably(path, [json.dumps(data, indent=1).encode()])
