"""What a crash, a full disk or a clock that steps back may not do."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive import spool as spooling
from archive.errors import SpoolError
from archive.publish import publish, recover
from archive.runs import all_runs
from archive.store import open_store
from archive.warc import members
from tests.conftest import wait_until
from tests.crash import numbered, one_round
from tests.test_spool import begin, sealed_records
from tests.test_warc import exchange


@pytest.mark.parametrize("seed", range(8))
def test_kill_9_loses_nothing_that_was_acknowledged_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    acknowledged, found = one_round(tmp_path, seed)
    assert acknowledged <= set(found)
    assert set(found.values()) <= {1}


def test_a_torn_file_is_cut_between_exchanges_not_between_their_records(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    for number in range(3):
        spool.submit(exchange(url=f"http://paper.example/{number}")).result(timeout=10)
    (opened,) = spool.folder.glob("*.warc.gz.open")
    whole = opened.read_bytes()
    third = len(whole)
    spool.submit(exchange(url="http://paper.example/torn")).result(timeout=10)
    with opened.open("rb") as file:
        offsets = [member.offset for member in members(file)]
    os.close(spool._lock)
    opened.write_bytes(opened.read_bytes()[: next(o for o in offsets if o > third)])  # the request alone
    assert spooling.repair(spool.folder) == 1
    records = sealed_records(spool)
    assert (records["request"], records["response"], records["metadata"]) == (3, 3, 3)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(f"no tmpfs can be mounted: {done.stderr.strip()}")
        pytest.skip(f"mounting a tmpfs takes root and the right to mount: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_full_is_waited_for_and_nothing_is_lost(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "LOOK_AGAIN", 0.02)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(700_000))
    spool = begin(small_disk, archive=str(small_disk.parent / "archive"))
    futures = [spool.submit(numbered(n, 60_000)) for n in range(8)]
    wait_until(lambda: bool(spool.paused), what="the pause")
    done_before = sum(f.done() for f in futures)
    ballast.unlink()
    for future in futures:
        future.result(timeout=30)
    assert done_before < len(futures)
    spool.close("finished")
    assert sealed_records(spool)["response"] == 8
    run = publish(open_store(spool.start.archive), spool.folder)
    assert run
    assert run.counts["exchanges"] == 8


def test_a_run_on_a_disk_that_stays_full_is_recovered_when_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "LOOK_AGAIN", 0.02)
    spool = begin(small_disk, archive=str(small_disk.parent / "archive"))
    spool.submit(numbered(0, 60_000)).result(timeout=30)
    ballast = small_disk / "ballast"
    fill(ballast)
    waiting = spool.submit(numbered(1, 200_000))
    wait_until(lambda: bool(spool.paused), what="the pause")
    with pytest.raises(SpoolError, match="make room"):
        spool.close("stopped")
    assert waiting.exception()
    ballast.unlink()
    (done,) = recover(small_disk / "spool", keep_hours=24)
    assert done.action == "published", done.error
    (run,) = all_runs(open_store(spool.start.archive))
    assert run.warcs[0].records == 4


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        for _ in range(10_000):
            file.write(bytes(4096))


class Clock(datetime):
    """A clock on the wall that somebody turns back by an hour at every look."""

    looks = 0

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        cls.looks += 1
        return datetime(2026, 11, 20, 12, tzinfo=UTC) - timedelta(hours=cls.looks)


def test_a_clock_that_steps_back_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = begin(tmp_path, roll=1)
    monkeypatch.setattr(spooling, "datetime", Clock)
    for number in range(4):
        at = datetime(2026, 11, 20, 12, tzinfo=UTC) - timedelta(hours=number)
        spool.submit(exchange(url=f"http://paper.example/{number}", began=at)).result(timeout=10)
    spool.close("finished")
    monkeypatch.undo()
    assert sealed_records(spool)["response"] == 4
    run = publish(open_store(str(tmp_path / "archive")), spool.folder)
    assert run
    assert len({w.key for w in run.warcs}) == 4
