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
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from archive import crawllog
from archive.cdxj import line_of
from archive.errors import DamagedWarc, SpoolError
from archive.model import Capture, Exchange
from archive.originals import Originals
from archive.store import sync_folder
from archive.warc import captures_of, ends_group, members, read_record, warcinfo_member, write_exchange

logger = logging.getLogger(__name__)

ROLL_BYTES = 1 << 30
ROLL_SECONDS = 3600.0
BATCH = 256
QUEUED_BYTES = 64 << 20
FORMS = (".warc.gz", ".warc", ".arc.gz", ".arc")
FULL = (errno.ENOSPC, errno.EDQUOT)
LOOK_AGAIN = 2.0  # seconds between two looks at a full disk

LINGER = 0.004  # seconds in which a batch gathers: fewer fsyncs, fewer wake-ups
GATHERED = 16


class Acknowledged(Protocol):
    """Who waits for an exchange to be durable: a future, of threads or of asyncio."""

    def set_result(self, result: Capture | None, /) -> None:
        """It is durable."""

    def set_exception(self, exception: SpoolError, /) -> None:
        """It is not, and why."""

    def done(self) -> bool:
        """Whether nobody waits any longer."""


Waiting = tuple[Exchange, Acknowledged]
Answer = tuple[Acknowledged, SpoolError | None, Capture | None]
Written = tuple[Exchange, Acknowledged, Capture | None]


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


def warc_key(site: str, name: str, at: datetime, form: str = ".warc.gz") -> str:
    """The key in the store of a WARC of this site that was opened at `at`; `form` is one of FORMS."""
    return f"warc/{site}/{at:%Y/%m/%d}/{name}{form}"


def sealed_warcs(folder: Path) -> list[Path]:
    """The sealed WARCs of a run's folder, by name; imported ones may have another form than ours."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(FORMS))


def stem_of(path: Path) -> tuple[str, str]:
    """A sealed WARC's name, and its form."""
    form = next(form for form in FORMS if path.name.endswith(form))
    return path.name.removesuffix(form), form


class Spool:
    """A run being written. `submit` may be called from any thread, and never blocks.

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
        self._file: _OpenWarc | None = None
        self._failed: SpoolError | None = None
        self._shown: set[str] = set()
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._room = _Room(QUEUED_BYTES)
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
        """Queue an exchange, and answer to `done`."""
        self._room.take(weight(exchange))
        self._queue.put((exchange, done))

    def room(self) -> "Future[None] | None":
        """None where more may be fetched; otherwise a future that is done when there is room in the queue."""
        return self._room.wanted()

    def hurry(self) -> None:
        """Do not wait for a full disk any longer: the run is to end."""
        self._hurry.set()

    def close(self, reason: str) -> RunEnd:
        """Write what is queued, seal the open WARC, and note why the run ended."""
        self.hurry()
        self._queue.put(None)
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
        last = False
        while not last:
            try:
                first = self._queue.get(timeout=self._until_roll())
            except queue.Empty:
                self._seal_aged()
                continue
            if first is None:
                return
            batch, last = self._batch(first)
            size = sum(weight(exchange) for exchange, _ in batch)
            self._write(batch)
            self._answer()
            self._room.give_back(size)

    def _answer(self) -> None:
        """Tell all who waited for a batch at once."""
        answers, self._answers = self._answers, []
        self._deliver(lambda: _tell(answers))

    def _batch(self, first: Waiting) -> tuple[list[Waiting], bool]:
        """What waits, and whether it is the last."""
        batch = [first]
        until = time.monotonic() + LINGER
        while len(batch) < BATCH:
            wait = until - time.monotonic() if len(batch) < GATHERED else 0
            try:
                item = self._queue.get(timeout=wait) if wait > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

    def _until_roll(self) -> float | None:
        return max(self._roll_seconds - self._file.age, 0.01) if self._file else None

    def _seal_aged(self) -> None:
        try:
            self._seal()
        except OSError as error:
            logger.warning("cannot seal a WARC now (%s); it is tried again", error.strerror)
            time.sleep(LOOK_AGAIN)

    def _write(self, batch: list[Waiting]) -> None:
        """Append all, fsync once, acknowledge; a full disk is waited for."""
        while batch:
            try:
                self._commit(batch)
                self._resumed()
                return
            except OSError as error:
                if not (error.errno in FULL and self._wait(error)):
                    self._fail(batch, error)
                    return

    def _commit(self, batch: list[Waiting]) -> None:
        """Write a batch or nothing of it; raise OSError. What cannot be made a record fails alone."""
        if self._failed:
            raise OSError(errno.EIO, str(self._failed))
        if self._file and (self._file.size >= self._roll or self._file.age >= self._roll_seconds):
            self._seal()
        if not self._file:
            self._file = _OpenWarc(self.folder, self.start, self._serial + 1)
            self._serial += 1
        fresh: list[Capture] = []
        try:
            made = [self._append(self._file, item, fresh) for item in batch]
            written = [each for each in made if each]
            self.bytes += self._file.commit([capture for _, _, capture in written if capture])
        except OSError:
            for capture in fresh:
                self.originals.forget(capture)
            self._file.cut_back()
            raise
        finally:
            alone = {id(done) for done, _, _ in self._answers}
            batch[:] = [item for item in batch if id(item[1]) not in alone]
        self._acknowledge(written)

    def _append(self, file: "_OpenWarc", item: Waiting, fresh: list[Capture]) -> Written | None:
        exchange, done = item
        host = _chain_of(exchange)
        try:
            capture = file.append(
                exchange, self.originals, certificates=bool(host) and host not in self._shown
            )
        except OSError:
            raise
        except Exception as problem:  # noqa: BLE001 - whatever it is, the waiting crawl must hear of it
            said = f"{type(problem).__name__}: {problem}"
            error = SpoolError(f"cannot record an exchange with {exchange.url}: {said}")
            self._answers.append((done, error, None))
            return None
        if capture and self.originals.remember(capture):
            fresh.append(capture)
        return exchange, done, capture

    def _acknowledge(self, written: list[Written]) -> None:
        self.counts["revisits"] += sum(c.kind == "revisit" for _, _, c in written if c)
        if not self.counts["revisits"]:
            del self.counts["revisits"]
        for exchange, done, capture in written:
            self._shown.add(_chain_of(exchange))
            self.counts.update(outcomes(exchange))
            self._answers.append((done, None, capture))

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
        self._answers += [(done, self._failed, None) for _, done in batch]

    def _seal(self) -> None:
        if self._file:
            self._file.seal()
            self._file = None


def _tell(answers: list[Answer]) -> None:
    for done, error, capture in answers:
        if done.done():
            continue  # nobody waits any longer
        if error:
            done.set_exception(error)
        else:
            done.set_result(capture)


class _Room:
    """Counts what waits in memory, so that fetching does not outrun writing."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()
        self._wanting: list[Future[None]] = []

    def take(self, size: int) -> None:
        with self._lock:
            self._taken += size

    def wanted(self) -> "Future[None] | None":
        if self._taken < self._most:
            return None
        with self._lock:
            if self._taken < self._most:  # the writer came first: nobody would wake who waits now
                return None
            future: Future[None] = Future()
            self._wanting.append(future)
            return future

    def give_back(self, size: int) -> None:
        with self._lock:
            self._taken -= size
            wanting = self._wanting if self._taken < self._most else []
            if wanting:
                self._wanting = []
        for future in wanting:
            if future.set_running_or_notify_cancel():
                future.set_result(None)


def weight(exchange: Exchange) -> int:
    """About how many bytes of memory an exchange takes."""
    big = exchange.big.in_memory if exchange.big else 0
    return len(exchange.request) + len(exchange.response) + len(exchange.interim) + big + 1024


def _chain_of(exchange: Exchange) -> str:
    """Where a certificate chain was shown: host and port; "" where none was."""
    return exchange.url.split("/", 3)[2] if exchange.tls and exchange.tls.chain else ""


class _OpenWarc:
    """The WARC being filled, with its index lines beside it."""

    def __init__(self, folder: Path, start: RunStart, serial: int) -> None:
        now = datetime.now(UTC)
        name = f"{start.site}-{now:%Y%m%d%H%M%S}-{start.id.rpartition('-')[2]}-{serial:05}"
        self.path = folder / f"{name}.warc.gz.open"
        self.key = warc_key(start.site, name, now)
        self.size = 0
        self._opened = time.monotonic()
        self._committed = 0
        self._indexed = True
        self._lines = folder / f"{name}.cdxj.open"
        self._log = folder / f"{name}.jsonl.open"
        self._said: list[str] = []
        self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        info = {
            "software": start.software,
            "format": "WARC File Format 1.1",
            "conformsTo": "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
            "isPartOf": start.site,
            "description": f"run {start.id}",
            "robots": "obey" if start.parameters.get("robots", True) else "ignore",
            "http-header-user-agent": str(start.parameters.get("user_agent", "")),
        }
        self.warcinfo, member = warcinfo_member(filename=f"{name}.warc.gz", info=info)
        try:
            self._put(member)
            sync_folder(folder)
        except OSError:
            os.close(self._file)
            self.path.unlink()
            raise

    @property
    def age(self) -> float:
        """Seconds since it was opened, whatever the clock on the wall does."""
        return time.monotonic() - self._opened

    def append(self, exchange: Exchange, originals: Originals, *, certificates: bool) -> Capture | None:
        """Write an exchange's records as one append; return its capture."""
        before = self.size
        written = write_exchange(
            exchange,
            warcinfo=self.warcinfo,
            warc=self.key,
            known=originals.find,
            certificates=certificates,
        )
        try:
            lengths = written.write(self._put)
        except BaseException:
            self._cut(before)
            raise
        capture = written.located(before, lengths)
        self._said.append(crawllog.line_of(exchange, capture, before, sum(lengths)))
        return capture

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            count = os.write(self._file, view)
            view = view[count:]
            self.size += count

    def commit(self, captures: list[Capture]) -> int:
        """Make durable what was appended, and note its index lines; return how many bytes it took."""
        os.fsync(self._file)
        taken, self._committed = self.size - self._committed, self.size
        self._index("".join(f"{line_of(capture)}\n" for capture in captures))
        return taken

    def _index(self, lines: str) -> None:
        """Lines that cannot be written now are made from the WARC when it is sealed."""
        try:
            with self._lines.open("a", encoding="utf-8") as file:
                file.write(lines)
            with self._log.open("a", encoding="utf-8", errors="replace") as file:
                file.write("".join(f"{line}\n" for line in self._said))
        except OSError:
            self._indexed = False
        self._said = []

    def cut_back(self) -> None:
        """Drop what was appended since the last commit."""
        self._said = []
        self._cut(self._committed)

    def _cut(self, size: int) -> None:
        os.ftruncate(self._file, size)
        os.lseek(self._file, size, os.SEEK_SET)
        self.size = size

    def seal(self) -> None:
        """Give the file its final name; raise OSError (then it may be tried again)."""
        os.fsync(self._file)
        if not self._indexed:
            index_anew(self.path, self.key)
        seal_files(self.path)
        os.close(self._file)


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


def seal_files(opened: Path) -> None:
    """Give a whole `.open` WARC and its CDXJ (written anew, sorted) their final names."""
    sealed = opened.with_name(opened.name.removesuffix(".open"))
    lines_open = opened.with_name(opened.name.removesuffix(".warc.gz.open") + ".cdxj.open")
    lines = lines_open.read_bytes().splitlines(keepends=True) if lines_open.exists() else []
    cdxj = lines_open.with_name(lines_open.name.removesuffix(".open"))
    write_durably(cdxj, sorted(lines))  # by their bytes, as CDXJ wants it
    log_open = lines_open.with_name(lines_open.name.removesuffix(".cdxj.open") + ".jsonl.open")
    log = log_open.read_bytes() if log_open.exists() else b""
    write_durably(log_open.with_name(cdxj.name.removesuffix(".cdxj") + crawllog.FORM), [crawllog.packed(log)])
    opened.rename(sealed)
    lines_open.unlink(missing_ok=True)
    log_open.unlink(missing_ok=True)
    sync_folder(sealed.parent)


def index_anew(opened: Path, key: str) -> None:
    """Make the index lines and the crawl log of an `.open` WARC from its records."""
    name = opened.name.removesuffix(".warc.gz.open")
    with opened.open("rb") as file:
        lines = [line_of(capture) for capture in captures_of(file, warc=key)]
    text = "".join(f"{line}\n" for line in lines)
    (opened.parent / f"{name}.cdxj.open").write_text(text, encoding="utf-8")
    crawllog.log_anew(opened, opened.parent / f"{name}.jsonl.open", key)


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


def opened_at(name: str) -> datetime:
    """The moment in a WARC's name: SITE-YYYYMMDDHHMMSS-RUN-SERIAL."""
    return datetime.strptime(name.rsplit("-", 3)[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)


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


def write_durably(path: Path, data: Iterable[bytes]) -> None:
    """Write a file whole: a temporary name, fsync, rename."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.writelines(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
