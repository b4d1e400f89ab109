"""From the spool to the store: upload, verify, and last of all the manifest.

Rules: every step is idempotent (the same keys and bytes again are success); the spool copy stays until the
object in the store has been verified a second time, `spool_keep` hours later.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.errors import MorgueError, SpoolError
from archive.model import PublishedWarc, Run, WarcFile
from archive.runs import manifest_key, write_run
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What `recover` did with one run's folder: "published", "kept", "cleared" or "failed" (then why)."""

    run: str
    site: str
    action: str
    repaired: int = 0
    error: str = ""


def publish(store: Store, folder: Path) -> Run | None:
    """Publish a run's sealed WARCs and its manifest; None where the run wrote nothing."""
    start, end = read_start(folder), read_end(folder)
    if end is None:
        raise SpoolError(f"{folder}: the run has not ended; `morgue recover` repairs what a crash left")
    warcs = tuple(_upload(store, start, path) for path in sorted(folder.glob("*.warc.gz")))
    run = _run(start, end, warcs)
    if warcs:
        write_run(store, run)
    write_durably(folder / "published", datetime.now(UTC).isoformat().encode())
    return run if warcs else None


def _upload(store: Store, start: RunStart, path: Path) -> PublishedWarc:
    name = path.name.removesuffix(".warc.gz")
    key = warc_key(start.site, name, opened_at(name))
    cdxj = key.replace("warc/", "cdxj/", 1).removesuffix(".warc.gz") + ".cdxj"
    sealed = describe(path)
    store.put_file(key, path, sealed.sha256)
    lines = path.with_name(f"{name}.cdxj")
    store.put(cdxj, lines.read_bytes())
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


def recover(spool: Path, *, keep_hours: float) -> list[Recovered]:
    """Finish what crashed or failed runs left in the spool, and clear what is safe in the store.

    Runs that a process is still writing are left alone. A run goes to the archive that it was begun for.
    """
    return [_recover(folder, keep_hours) for folder in idle_runs(spool)]


def _recover(folder: Path, keep_hours: float) -> Recovered:
    run, site, repaired = folder.name, "", 0
    try:
        start = read_start(folder)
        site = start.site
        store = open_store(start.archive)
        if (folder / "published").is_file():
            return Recovered(run=run, site=site, action=_clear(store, folder, keep_hours))
        repaired = repair(folder)
        if read_end(folder) is None:
            write_end(folder, _recovered_end(folder))
        publish(store, folder)
        return Recovered(run=run, site=site, action="published", repaired=repaired)
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


def _clear(store: Store, folder: Path, keep_hours: float) -> str:
    when = datetime.fromisoformat((folder / "published").read_text(encoding="utf-8"))
    if datetime.now(UTC) - when < timedelta(hours=keep_hours):
        return "kept"
    start = read_start(folder)
    for path in folder.glob("*.warc.gz"):
        _upload(store, start, path)  # put again: equal is success, other bytes or a missing object show here
    shutil.rmtree(folder)
    return "cleared"
