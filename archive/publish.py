"""From the spool to the store: upload, verify, and last of all the manifest.

Rules: every step is idempotent (the same keys and bytes again are success); a store that is away is waited
for; the spool copy stays until all that was published has been verified a second time, byte by byte,
`spool_keep` hours later. One process at a time publishes a run.

    <spool>/<run id>/publishing    held (flock) by the process that publishes
                     waiting       why the last publication failed, as JSON
                     published     when all was in the store, verified
                     cleared       all was verified twice: nothing here is needed any more
"""

import fcntl
import json
import logging
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.config import Config
from archive.errors import BeingPublished, MorgueError, NotStored, SpoolError, StoreConflict
from archive.model import PublishedWarc, Run, WarcFile
from archive.patience import Patience, Stop
from archive.runs import manifest_key, read_run, write_run
from archive.spool import (
    RunEnd,
    RunStart,
    idle_runs,
    opened_at,
    read_end,
    read_start,
    repair,
    warc_key,
    write_durably,
    write_end,
)
from archive.store import Store, open_store, sha256_of
from archive.warc import members

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What `recover` did with one run's folder: "published", "kept", "cleared" or "failed" (then why)."""

    run: str
    site: str
    action: str
    repaired: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A run in the spool that is not in its archive yet; `state` is "waiting" or "writing", `error` why."""

    id: str
    site: str
    state: str
    archive: str
    bytes: int
    error: str = ""


def publish(
    store: Store, folder: Path, *, stop: Stop | None = None, patience: Patience | None = None
) -> Run | None:
    """Publish a run's sealed WARCs and its manifest; None where the run wrote nothing.

    A store that is away is waited for, `MORGUE_UPLOAD_PATIENCE` seconds or until `stop`. Where it fails for
    good, the reason is noted in the folder, which keeps everything.
    """
    patience = patience or Patience(Config.from_env().upload_patience, stop=stop)
    patience.say = lambda error: _tell(folder, error)
    with patience(lambda: _hold(folder)):
        try:
            return _publish(store, folder, patience)
        except MorgueError as error:
            _note(folder, error)
            raise
        except OSError as error:
            raise SpoolError(f"cannot publish {folder}: {error.strerror}") from error


def _publish(store: Store, folder: Path, patience: Patience) -> Run | None:
    start, end = read_start(folder), read_end(folder)
    if end is None:
        raise SpoolError(f"{folder}: the run has not ended; `morgue recover` repairs what a crash left")
    warcs = tuple(_upload(store, start, path, patience) for path in sorted(folder.glob("*.warc.gz")))
    run = _run(start, end, warcs)
    if warcs:
        patience(lambda: write_run(store, run))
    write_durably(folder / "published", datetime.now(UTC).isoformat().encode())
    (folder / "waiting").unlink(missing_ok=True)
    return run if warcs else None


def _tell(folder: Path, error: MorgueError) -> None:
    _note(folder, error)
    logger.warning("%s; trying again until it is published, meanwhile %s keeps everything", error, folder)


def _note(folder: Path, error: MorgueError) -> None:
    said = {"at": datetime.now(UTC).isoformat(), "error": str(error)}
    with suppress(OSError):  # what is told is told elsewhere, too; a full disk must not hide it
        write_durably(folder / "waiting", json.dumps(said).encode())


class _Held:
    """A run's folder, held for publication until the `with` ends."""

    def __init__(self, lock: int) -> None:
        self.lock = lock

    def __enter__(self) -> "_Held":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.lock)


def _hold(folder: Path) -> _Held:
    """Two at once would abort each other's uploads, and one clear what the other reads."""
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


def _upload(
    store: Store, start: RunStart, path: Path, patience: Patience, *, thorough: bool = False
) -> PublishedWarc:
    name = path.name.removesuffix(".warc.gz")
    key = warc_key(start.site, name, opened_at(name))
    cdxj = key.replace("warc/", "cdxj/", 1).removesuffix(".warc.gz") + ".cdxj"
    sealed = describe(path)
    lines = path.with_name(f"{name}.cdxj").read_bytes()
    patience(lambda: store.put_file(key, path, sealed.sha256, thorough=thorough))
    patience(lambda: store.put(cdxj, lines))
    return PublishedWarc(key=key, cdxj=cdxj, size=sealed.size, sha256=sealed.sha256, records=sealed.records)


def describe(path: Path) -> WarcFile:
    """Name, size, SHA-256 and count of records of a sealed WARC; raise DamagedWarc."""
    with path.open("rb") as file:
        records = sum(1 for _ in members(file))
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


def recover(spool: Path, *, keep_hours: float, patience: Patience | None = None) -> list[Recovered]:
    """Finish what crashed or failed runs left in the spool, and clear what is safe in the store.

    Runs that a process is still writing or publishing are left alone. A run goes to the archive that it was
    begun for. Without `patience` each gets one try.
    """
    patience = patience or Patience(0)
    done = [_recover(folder, keep_hours, patience) for folder in idle_runs(spool)]
    return [each for each in done if each]


def _recover(folder: Path, keep_hours: float, patience: Patience) -> Recovered | None:
    run, site, repaired = folder.name, "", 0
    try:
        start = read_start(folder)
        site = start.site
        store = open_store(start.archive)
        if (folder / "published").is_file():
            return Recovered(run=run, site=site, action=_clear(store, folder, keep_hours, patience))
        repaired = repair(folder)
        if read_end(folder) is None:
            write_end(folder, _recovered_end(folder))
        publish(store, folder, patience=patience)
        return Recovered(run=run, site=site, action="published", repaired=repaired)
    except BeingPublished:
        return None
    except MorgueError as error:
        return Recovered(run=run, site=site, action="failed", repaired=repaired, error=str(error))
    except OSError as error:
        return Recovered(
            run=run, site=site, action="failed", repaired=repaired, error=f"{folder}: {error.strerror}"
        )


def _recovered_end(folder: Path) -> RunEnd:
    count = 0
    for cdxj in folder.glob("*.cdxj"):
        count += len(cdxj.read_text(encoding="utf-8").splitlines())
    return RunEnd(ended=datetime.now(UTC), reason="recovered", counts={"exchanges": count})


def _clear(store: Store, folder: Path, keep_hours: float, patience: Patience) -> str:
    when = datetime.fromisoformat((folder / "published").read_text(encoding="utf-8"))
    if datetime.now(UTC) - when < timedelta(hours=keep_hours) and not (folder / "cleared").is_file():
        return "kept"
    with _hold(folder):
        if not (folder / "cleared").is_file():
            _verify_again(store, folder, patience)
        _drop(folder)
    return "cleared"


def _drop(folder: Path) -> None:
    """Remove the folder, so that a half of it is never taken for a run that wrote less."""
    write_durably(folder / "cleared", b"")
    for path in folder.iterdir():
        if path.name not in ("run.json", "published", "cleared"):
            path.unlink()
    shutil.rmtree(folder)


def _verify_again(store: Store, folder: Path, patience: Patience) -> None:
    """Put all again, and read it back: what vanished is there again, what changed is a StoreConflict."""
    start, end = read_start(folder), read_end(folder)
    patience.say = lambda error: _tell(folder, error)
    paths = sorted(folder.glob("*.warc.gz"))
    warcs = tuple(_upload(store, start, path, patience, thorough=True) for path in paths)
    if end is None or not warcs:
        return
    run = _run(start, end, warcs)
    try:
        # Not byte by byte: a later version may write a manifest with more in it.
        if patience(lambda: read_run(store, run.key)).warcs != run.warcs:
            raise StoreConflict(f"{run.key} names other WARCs than {folder}; look at who wrote it")
    except NotStored:
        patience(lambda: write_run(store, run))


def waiting(spool: Path) -> list[Waiting]:
    """The runs in the spool that are not published: being written, or waiting for `recover`; oldest first."""
    idle = set(idle_runs(spool))
    folders = (path.parent for path in sorted(spool.glob("*/run.json")))
    return [_waiting(folder, folder in idle) for folder in folders if not (folder / "published").is_file()]


def _waiting(folder: Path, idle: bool) -> Waiting:
    size = sum(path.stat().st_size for path in folder.glob("*.warc.gz*"))
    site = archive = error = ""
    try:
        start = read_start(folder)
        site, archive = start.site, start.archive
        error = _reason(folder) if idle else ""
    except SpoolError as wrong:
        error = str(wrong)
    state = "waiting" if idle else "writing"
    return Waiting(id=folder.name, site=site, state=state, archive=archive, bytes=size, error=error)


def _reason(folder: Path) -> str:
    try:
        return str(json.loads((folder / "waiting").read_text(encoding="utf-8"))["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return "" if read_end(folder) else "its process ended before the run did"
