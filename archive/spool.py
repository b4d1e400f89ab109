"""The spool: where a run's WARCs are written before they are published.

Rules: one folder, one process and one open WARC per run; an exchange's records go out as one append; an
exchange is acknowledged only after fsync. On a failed write the file is cut back to its last whole exchange,
and nothing more is accepted. What a crash leaves behind is repaired by `repair`.

    <spool>/<run id>/lock                 held (flock) by the process that writes
                     run.json             who writes what, for which archive
                     NAME.warc.gz.open    being filled        NAME.warc.gz    sealed
                     NAME.cdxj.open       its index lines     NAME.cdxj       sealed, sorted
                     end.json             why and when the run ended, counts
                     published            the store has it all, verified
"""

import fcntl
import json
import os
import queue
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.cdxj import line_of
from archive.errors import DamagedWarc, SpoolError
from archive.model import Capture, Exchange
from archive.store import sync_folder
from archive.warc import Written, captures_of, members, warcinfo_member, write_exchange

ROLL = 1 << 30
QUEUED = 256


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


def warc_key(site: str, name: str, at: datetime) -> str:
    """The key in the store of a WARC of this site that was opened at `at`."""
    return f"warc/{site}/{at:%Y/%m/%d}/{name}.warc.gz"


class Spool:
    """A run being written. `submit` may be called from any thread."""

    def __init__(self, root: Path, start: RunStart, *, roll: int = ROLL) -> None:
        self.folder = root / start.id
        self.start = start
        self.counts: Counter[str] = Counter()
        self.bytes = 0
        self._roll = roll
        self._serial = 0
        self._file: _OpenWarc | None = None
        self._failed: SpoolError | None = None
        self._queue: queue.Queue[tuple[Exchange, Future[None]] | None] = queue.Queue(QUEUED)
        self._lock = self._begin()
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._thread.start()

    def _begin(self) -> int:
        try:
            self.folder.mkdir(parents=True)
            lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            data = {f: getattr(self.start, f) for f in RunStart.__slots__}
            _write_json(self.folder / "run.json", data | {"started": self.start.started.isoformat()})
        except OSError as error:
            raise SpoolError(
                f"cannot write to the spool {self.folder.parent}: {error.strerror}; set MORGUE_SPOOL"
            ) from error
        return lock

    def submit(self, exchange: Exchange) -> "Future[None]":
        """Queue an exchange; the future is done when its records are fsynced, or holds a SpoolError."""
        done: Future[None] = Future()
        self._queue.put((exchange, done))
        return done

    def close(self, reason: str) -> RunEnd:
        """Write what is queued, seal the open WARC, and note why the run ended."""
        self._queue.put(None)
        self._thread.join()
        try:
            self._seal()
            end = RunEnd(ended=datetime.now(UTC), reason=reason, counts=dict(self.counts))
            write_end(self.folder, end)
        except OSError as error:
            raise SpoolError(f"cannot seal {self.folder}: {error.strerror}") from error
        finally:
            os.close(self._lock)
        return end

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            last = False
            while len(batch) < QUEUED:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    last = True
                    break
                batch.append(item)
            self._write(batch)
            if last:
                return

    def _write(self, batch: list[tuple[Exchange, "Future[None]"]]) -> None:
        """One append an exchange, one fsync for them all (group commit), then the acknowledgements."""
        done: list[tuple[Exchange, Future[None]]] = []
        for exchange, future in batch:
            try:
                self._append(exchange)
                done.append((exchange, future))
            except Exception as error:  # noqa: BLE001 - whatever it is, the waiting crawl must hear of it
                future.set_exception(self._fail(error))
        try:
            if self._file:
                self._file.sync()
        except OSError as error:
            for _, future in done:
                future.set_exception(self._fail(error))
            return
        for exchange, future in done:
            self.counts.update(outcomes(exchange))
            future.set_result(None)

    def _append(self, exchange: Exchange) -> None:
        if self._failed:
            raise self._failed
        if self._file and self._file.size >= self._roll:
            self._seal()
        if not self._file:
            self._serial += 1
            self._file = _OpenWarc(self.folder, self.start, self._serial)
        self.bytes += self._file.append(exchange)

    def _fail(self, error: Exception) -> SpoolError:
        if not isinstance(error, OSError | SpoolError):
            return SpoolError(f"cannot record an exchange: {type(error).__name__}: {error}")
        if self._failed is None:
            said = error.strerror if isinstance(error, OSError) else str(error)
            self._failed = SpoolError(
                f"cannot write to the spool {self.folder}: {said}; make room and run again"
            )
        return self._failed

    def _seal(self) -> None:
        if self._file:
            self._file.seal()
            self._file = None


class _OpenWarc:
    """The WARC being filled, with its index lines beside it."""

    def __init__(self, folder: Path, start: RunStart, serial: int) -> None:
        now = datetime.now(UTC)
        name = f"{start.site}-{now:%Y%m%d%H%M%S}-{start.id.rpartition('-')[2]}-{serial:05}"
        self.path = folder / f"{name}.warc.gz.open"
        self.key = warc_key(start.site, name, now)
        self.size = 0
        self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        self._cdxj = (folder / f"{name}.cdxj.open").open("w", encoding="utf-8")
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
        self._put(member)

    def append(self, exchange: Exchange) -> int:
        """Write an exchange's records; return how many bytes they took."""
        written: Written = write_exchange(exchange, warcinfo=self.warcinfo, warc=self.key)
        offset = self.size
        self._put(written.data)
        if written.capture:
            print(line_of(moved(written.capture, offset)), file=self._cdxj)
        return len(written.data)

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            # A full disk may have taken a part: cut back to the last whole exchange.
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size += len(data)

    def sync(self) -> None:
        """Make everything durable that was appended."""
        os.fsync(self._file)

    def seal(self) -> None:
        """Close the file under its final name."""
        os.fsync(self._file)
        os.close(self._file)
        self._cdxj.close()
        seal_files(self.path)


def moved(capture: Capture, offset: int) -> Capture:
    """The capture with its Location counted from the start of the file."""
    from dataclasses import replace

    place = replace(capture.location, offset=capture.location.offset + offset)
    return replace(capture, location=place)


def outcomes(exchange: Exchange) -> dict[str, int]:
    """How one exchange counts: by what came back."""
    status = exchange.head[9:12].decode("latin-1") if exchange.response else ""
    kind = {"2": "ok", "3": "redirects", "4": "refused", "5": "server_errors"}.get(status[:1], "failed")
    counts = {"exchanges": 1, kind: 1}
    if exchange.truncated:
        counts["truncated"] = 1
    return counts


def seal_files(opened: Path) -> None:
    """Give a whole `.open` WARC and its CDXJ (written anew, sorted) their final names."""
    sealed = opened.with_name(opened.name.removesuffix(".open"))
    lines_open = opened.with_name(opened.name.removesuffix(".warc.gz.open") + ".cdxj.open")
    lines = sorted(line for line in lines_open.read_text(encoding="utf-8").split("\n") if line)
    cdxj = lines_open.with_name(lines_open.name.removesuffix(".open"))
    write_durably(cdxj, "".join(f"{line}\n" for line in lines).encode())
    opened.rename(sealed)
    lines_open.unlink()
    sync_folder(sealed.parent)


def repair(folder: Path) -> int:
    """Cut torn tails off what a crash left in a run's folder and seal it; return how many files.

    The CDXJ is made anew from the WARC, which alone is fsynced while a run goes on.
    """
    start = read_start(folder)
    count = 0
    for opened in sorted(folder.glob("*.warc.gz.open")):
        count += 1
        end = whole_bytes(opened)
        with opened.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
        name = opened.name.removesuffix(".warc.gz.open")
        key = warc_key(start.site, name, opened_at(name))
        with opened.open("rb") as file:
            lines = [line_of(c) for c in captures_of(file, warc=key)] if end else []
        (folder / f"{name}.cdxj.open").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        seal_files(opened)
    _drop_empty(folder)
    return count


def _drop_empty(folder: Path) -> None:
    """A WARC without a capture or a failed request says nothing: at most its warcinfo was written."""
    for warc in folder.glob("*.warc.gz"):
        with warc.open("rb") as file:
            if sum(1 for _ in members(file)) <= 1:
                warc.unlink()
                warc.with_name(warc.name.removesuffix(".warc.gz") + ".cdxj").unlink(missing_ok=True)


def whole_bytes(path: Path) -> int:
    """How many bytes of a gzipped WARC are whole members."""
    end = 0
    try:
        with path.open("rb") as file:
            for member in members(file):
                end = member.offset + member.length
    except DamagedWarc as error:
        return error.offset
    return end


def opened_at(name: str) -> datetime:
    """The moment in a WARC's name: SITE-YYYYMMDDHHMMSS-RUN-SERIAL."""
    return datetime.strptime(name.rsplit("-", 3)[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)


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
    write_durably(path, json.dumps(data, indent=1).encode())


def write_durably(path: Path, data: bytes) -> None:
    """Write a file whole: a temporary name, fsync, rename."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
