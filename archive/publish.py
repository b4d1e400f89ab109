"""From the spool to the store: upload, verify, and last of all the manifest.

Rules: every step is idempotent (the same keys and bytes again are success); what may go away by itself is
tried again for as long as the operator allows; the spool copy stays until all bytes in the store have been
read and compared, `keep_hours` later. One process at a time publishes a run.

    <spool>/<run id>/publishing    held (flock) by the process that publishes
                     waiting       why the last publication failed
                     published     when all was in the store, verified
                     cleared       all was verified twice: nothing here is needed any more
"""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from archive import crawllog
from archive.draft import opened_at, warc_key
from archive.errors import BeingPublished, MorgueError, NotStored, SpoolError, StoreConflict
from archive.model import PublishedWarc, Run, WarcFile
from archive.patience import ONCE, Patience, patiently
from archive.runs import manifest_key, read_run, write_run
from archive.spool import (
    RunEnd,
    RunStart,
    idle_runs,
    read_end,
    read_start,
    repair,
    sealed_warcs,
    stem_of,
    write_end,
)
from archive.store import Store, open_store, sha256_of, write_durably
from archive.warc import members
from archive.warc.strict import frames

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What `recover` did with one run's folder.

    `action` is "published", "kept", "cleared", "restored" (the store had lost something) or "failed";
    `manifest` is the key of a run that was published now, "" where it wrote nothing.
    """

    run: str
    site: str
    action: str
    repaired: int = 0
    error: str = ""
    archive: str = ""
    manifest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A run that is in the spool and not in the store: "writing" or "waiting", bytes, and why."""

    run: str
    site: str
    archive: str
    state: str
    size: int
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Puts runs into a store; with patience, that a stop cuts short."""

    store: Store
    patience: Patience = ONCE
    stop: threading.Event | None = None

    def publish(self, folder: Path) -> Run | None:
        """Publish a run's sealed WARCs and its manifest; None where the run wrote nothing."""
        with self._patiently(lambda: hold(folder)):
            return self.publish_held(folder)

    def publish_held(self, folder: Path) -> Run | None:
        """The same, by a caller who holds the folder."""
        start, end = read_start(folder), read_end(folder)
        if end is None:
            raise SpoolError(f"{folder}: the run has not ended; `morgue recover` repairs what a crash left")
        try:
            run = self._publish(folder, start, end)
        except MorgueError as error:
            with suppress(OSError):  # a full disk must not hide why
                write_durably(folder / "waiting", [str(error).encode()])
            raise
        write_durably(folder / "published", [datetime.now(UTC).isoformat().encode()])
        (folder / "waiting").unlink(missing_ok=True)
        return run if run.warcs else None

    def _publish(self, folder: Path, start: RunStart, end: RunEnd) -> Run:
        warcs = tuple(self.upload(start, path) for path in sealed_warcs(folder))
        run = _run(start, end, warcs)
        if warcs:
            self._patiently(lambda: write_run(self.store, run))
        return run

    def upload(self, start: RunStart, path: Path, *, stored: bool = False) -> PublishedWarc:
        """Put one WARC (but where it is known to be `stored`) and then its CDXJ and crawl log.

        Raise StoreConflict where other bytes stand in their place.
        """
        name, form = stem_of(path)
        key = warc_key(start.site, name, opened_at(name), form)
        cdxj = key.replace("warc/", "cdxj/", 1).removesuffix(form) + ".cdxj"
        sealed = describe(path)
        lines = path.with_name(f"{name}.cdxj").read_bytes()
        if not stored:
            self._patiently(lambda: self.store.put_file(key, path, sealed.sha256))
        self._patiently(lambda: self.store.put(cdxj, lines))
        log = path.with_name(f"{name}{crawllog.FORM}")
        beside = crawllog.log_key(cdxj) if log.is_file() else ""
        if beside:
            self._patiently(lambda: self.store.put(beside, log.read_bytes()))
        return PublishedWarc(
            key=key, cdxj=cdxj, size=sealed.size, sha256=sealed.sha256, records=sealed.records, log=beside
        )

    def lost(self, start: RunStart, path: Path) -> bool:
        """Whether the store has lost a published WARC; raise StoreConflict where it holds other bytes."""
        name, form = stem_of(path)
        key = warc_key(start.site, name, opened_at(name), form)
        try:
            found = self._patiently(lambda: self.store.digest(key))
        except NotStored:
            return True
        if found != sha256_of(path):
            raise StoreConflict(f"{key} is no longer what was published; the whole one is {path}")
        return False

    def agree(self, folder: Path, start: RunStart) -> None:
        """See that index lines and manifest are there, put what has vanished; the WARCs were read before."""
        end = read_end(folder)
        warcs = tuple(self.upload(start, p, stored=True) for p in sealed_warcs(folder))
        if end is None or not warcs:
            return
        run = _run(start, end, warcs)
        try:
            # Not byte by byte: another version may have written a manifest with more or less in it.
            if self._patiently(lambda: read_run(self.store, run.key)).warcs != warcs:
                raise StoreConflict(f"{run.key} names other WARCs than {folder}; look at who wrote it")
        except NotStored:
            self._patiently(lambda: write_run(self.store, run))

    def _patiently(self, work: Callable[[], T]) -> T:
        return patiently(work, self.patience, what="the spool keeps everything", stop=self.stop)


class _Held:
    """A run's folder, held until the `with` ends."""

    def __init__(self, lock: int) -> None:
        self.lock = lock

    def __enter__(self) -> "_Held":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.lock)


def hold(folder: Path) -> _Held:
    """Hold a run's folder for publication; raise BeingPublished where another process does.

    Two at once would abort each other's uploads, and one clear away what the other reads.
    """
    try:
        lock = os.open(folder / "publishing", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise SpoolError(f"cannot write to the spool {folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BeingPublished(f"{folder} is being published by another process") from None
    return _Held(lock)


def publish(store: Store, folder: Path) -> Run | None:
    """Publish a run with one try; None where the run wrote nothing."""
    return Publisher(store=store).publish(folder)


def describe(path: Path) -> WarcFile:
    """Name, size, SHA-256 and count of records of a sealed WARC; raise DamagedWarc."""
    with path.open("rb") as file:
        records = sum(1 for _ in (members(file) if path.name.endswith(".gz") else frames(file)))
    return WarcFile(name=path.name, size=path.stat().st_size, sha256=sha256_of(path), records=records)


def _run(start: RunStart, end: RunEnd, warcs: tuple[PublishedWarc, ...]) -> Run:
    return Run(
        id=start.id,
        site=start.site,
        started=start.started,
        ended=end.ended,
        reason=end.reason,
        counts=end.counts,
        warcs=warcs,
        key=manifest_key(start.site, start.id),
        software=start.software,
        parameters=start.parameters,
    )


def recover(spool: Path, *, keep_hours: float, patience: Patience = ONCE) -> list[Recovered]:
    """Finish what crashed or failed runs left in the spool, and clear what is safe in the store.

    Runs that a process is still writing or publishing are left alone. A run goes to the archive that it was
    begun for. All runs share one patience: what is waited in vain for one is not waited for the next.
    """
    done = []
    for folder in idle_runs(spool):
        began = time.monotonic()
        try:
            with hold(folder):
                done.append(_recover(folder, keep_hours, patience))
        except BeingPublished:
            continue
        except MorgueError as error:
            done.append(Recovered(run=folder.name, site="", action="failed", error=str(error)))
        if done[-1].action == "failed":
            left = patience.seconds - (time.monotonic() - began)
            patience = replace(patience, seconds=max(0.0, left))
    return done


def _recover(folder: Path, keep_hours: float, patience: Patience) -> Recovered:
    done = Recovered(run=folder.name, site="", action="failed")
    try:
        start = read_start(folder)
        done = replace(done, site=start.site, archive=start.archive)
        publisher = Publisher(store=open_store(start.archive), patience=patience)
        if (folder / "published").is_file():
            return replace(done, action=_clear(publisher, start, folder, keep_hours))
        done = replace(done, repaired=repair(folder))
        if read_end(folder) is None:
            write_end(folder, _recovered_end(folder))
        run = publisher.publish_held(folder)
        return replace(done, action="published", manifest=run.key if run else "")
    except MorgueError as error:
        return replace(done, error=str(error))
    except OSError as error:
        return replace(done, error=f"{folder}: {error.strerror}")


def _recovered_end(folder: Path) -> RunEnd:
    count = 0
    for cdxj in folder.glob("*.cdxj"):
        count += len(cdxj.read_text(encoding="utf-8").splitlines())
    return RunEnd(ended=datetime.now(UTC), reason="recovered", counts={"exchanges": count})


def _clear(publisher: Publisher, start: RunStart, folder: Path, keep_hours: float) -> str:
    when = datetime.fromisoformat((folder / "published").read_text(encoding="utf-8"))
    if (folder / "cleared").is_file():
        return _drop(folder)
    if datetime.now(UTC) - when < timedelta(hours=keep_hours):
        return "kept"
    lost = [path for path in sealed_warcs(folder) if publisher.lost(start, path)]
    if lost:
        publisher.publish_held(folder)
        return "restored"
    publisher.agree(folder, start)
    return _drop(folder)


def _drop(folder: Path) -> str:
    """Remove the folder, so that a half of it is never taken for a run that wrote less."""
    write_durably(folder / "cleared", [])
    for path in folder.iterdir():
        if path.is_file() and path.name not in ("run.json", "published", "cleared"):
            path.unlink()
    shutil.rmtree(folder)
    return "cleared"


def waiting(spool: Path) -> Iterator[Waiting]:
    """Runs that are not in the store yet, oldest first."""
    idle = set(idle_runs(spool))
    for folder in sorted(spool.glob("*/")):
        if (folder / "published").is_file() or not (folder / "run.json").is_file():
            continue
        yield _waiting(folder, idle=folder in idle)


def _waiting(folder: Path, *, idle: bool) -> Waiting:
    site = archive = ""
    try:
        start = read_start(folder)
        site, archive, why = start.site, start.archive, _why(folder)
    except SpoolError as error:
        why = str(error)
    return Waiting(
        run=folder.name,
        site=site,
        archive=archive,
        state="waiting" if idle else "writing",
        size=sum(path.stat().st_size for path in [*sealed_warcs(folder), *folder.glob("*.open")]),
        why=why,
    )


def _why(folder: Path) -> str:
    try:
        if (folder / "publishing").is_file():
            hold(folder).__exit__()
    except BeingPublished:
        return "it is being published"
    reason = folder / "waiting"
    return reason.read_text(encoding="utf-8") if reason.is_file() else ""
