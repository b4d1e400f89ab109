"""The spool: acknowledged is durable, and what a crash leaves is repaired."""

import os
import stat
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.backlog import Backlog
from archive.errors import SpoolError
from archive.publish import publish, recover
from archive.runs import all_runs
from archive.spool import RunStart, Spool, idle_runs, read_end, repair
from archive.store import open_store
from archive.verify import verify_bytes
from tests.conftest import wait_until
from tests.test_warc import exchange

RUN = "20261120T060000Z-00000001"


def begin(folder: Path, run: str = RUN, archive: str = "", **options: Any) -> Spool:
    start = RunStart(
        id=run,
        site="paper",
        archive=archive or str(folder / "archive"),
        started=datetime.now(UTC),
        software="test",
        parameters={},
    )
    return Spool(folder / "spool", start, **options)


def test_an_acknowledged_exchange_is_in_the_file(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    spool.submit(exchange()).result(timeout=10)
    (opened,) = spool.folder.glob("*.warc.gz.open")
    assert verify_bytes(opened.read_bytes(), name="x").records["response"] == 1
    spool.close("finished")


def test_a_closed_run_is_sealed_with_its_index(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    spool.submit(exchange())
    spool.close("finished")
    names = {p.name.partition(".")[2] for p in spool.folder.iterdir() if p.name.startswith("paper")}
    assert names == {"warc.gz", "cdxj", "jsonl.gz"}


def test_a_run_without_an_exchange_writes_no_warc(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    spool.close("finished")
    assert list(spool.folder.glob("*.warc.gz*")) == []
    assert publish(open_store(str(tmp_path / "archive")), spool.folder) is None


def test_a_full_warc_is_followed_by_another(tmp_path: Path) -> None:
    spool = begin(tmp_path, roll=1)
    for number in range(3):
        spool.submit(exchange(url=f"http://paper.example/{number}")).result(timeout=10)
    spool.close("finished")
    assert len(list(spool.folder.glob("*.warc.gz"))) == 3


def test_an_old_warc_is_sealed_though_nothing_more_comes(tmp_path: Path) -> None:
    spool = begin(tmp_path, roll_seconds=0.05)
    spool.submit(exchange()).result(timeout=10)
    wait_until(lambda: bool(list(spool.folder.glob("*.warc.gz"))), what="the seal")
    spool.submit(exchange(url="http://paper.example/2")).result(timeout=10)
    spool.close("finished")
    assert len(list(spool.folder.glob("*.warc.gz"))) == 2


def test_fetching_waits_while_too_much_is_queued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.spool.QUEUED_BYTES", 1000)
    spool = begin(tmp_path)
    assert spool.room() is None
    go = threading.Event()
    real = os.fsync
    monkeypatch.setattr("os.fsync", lambda fd: go.wait(20) and real(fd))
    waiting = spool.submit(exchange(response=b"x" * 5000))
    room = spool.room()
    assert room is not None
    assert not room.done()
    go.set()
    room.result(timeout=10)
    waiting.result(timeout=10)
    assert spool.room() is None
    spool.close("finished")


def test_nobody_waits_for_room_that_was_given_back_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    room, lock = Backlog[str](1000), threading.Lock()
    room.put("an exchange", 2000)

    class WriterComesFirst:
        """A lock that the fetching thread gets only after the writer has given back its room."""

        def __enter__(self) -> None:
            monkeypatch.setattr(room, "_lock", lock)
            room.give_back(2000)

        def __exit__(self, *_: object) -> None:
            """Nothing is held."""

    monkeypatch.setattr(room, "_lock", WriterComesFirst())
    assert room.room() is None


def test_an_exchange_that_cannot_be_recorded_fails_alone(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    bad = spool.submit(exchange(began="no moment"))
    good = spool.submit(exchange())
    good.result(timeout=10)
    with pytest.raises(SpoolError, match="cannot record an exchange"):
        bad.result(timeout=10)
    spool.close("finished")
    assert sealed_records(spool)["response"] == 1


def test_counts_tell_what_came_back(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    spool.submit(exchange())
    spool.submit(exchange(response=b"HTTP/1.1 404 No\r\n\r\n"))
    spool.submit(exchange(response=b"", head_length=0, error="dns: x"))
    assert spool.close("finished").counts == {"exchanges": 3, "ok": 1, "refused": 1, "failed": 1}


def test_a_spool_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    with pytest.raises(SpoolError, match="cannot write to the spool"):
        begin(tmp_path)


def test_a_full_disk_pauses_the_run_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("archive.spool.LOOK_AGAIN", 0.01)
    spool = begin(tmp_path)
    spool.submit(exchange()).result(timeout=10)
    with monkeypatch.context() as full:
        real = os.write
        full.setattr("os.write", lambda fd, data: no_room(real, fd, data))
        waiting = spool.submit(exchange(url="http://paper.example/2"))
        wait_until(lambda: bool(spool.paused), what="the pause")
        assert not waiting.done()
    waiting.result(timeout=10)
    spool.close("finished")
    assert sealed_records(spool)["response"] == 2
    assert caplog.records[0].getMessage().startswith("PAUSED")


def test_a_run_that_is_stopped_while_the_disk_is_full_keeps_what_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = begin(tmp_path)
    spool.submit(exchange()).result(timeout=10)
    real = os.write
    monkeypatch.setattr("os.write", lambda fd, data: no_room(real, fd, data))
    waiting = spool.submit(exchange(url="http://paper.example/2"))
    wait_until(lambda: bool(spool.paused), what="the pause")
    spool.hurry()
    with pytest.raises(SpoolError, match="No space left"):
        waiting.result(timeout=10)
    monkeypatch.undo()
    spool.close("spool_error")
    assert sealed_records(spool)["response"] == 1


def sealed_records(spool: Spool) -> Counter[str]:
    """What the sealed WARCs of a run hold, all of it whole."""
    found: Counter[str] = Counter()
    for sealed in spool.folder.glob("*.warc.gz"):
        verdict = verify_bytes(sealed.read_bytes(), name="x")
        assert verdict.faults == []
        found += verdict.records
    return found


def no_room(write: Callable[[int, bytes], int], descriptor: int, data: memoryview) -> int:
    """A disk that takes half of what it is given, and then no more; pipes and sockets it does not know."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return write(descriptor, data)
    os.pwrite(descriptor, bytes(data[: len(data) // 2]), os.lseek(descriptor, 0, os.SEEK_CUR))
    raise OSError(28, "No space left on device")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=0, max_value=5000))
def test_a_run_torn_at_any_byte_is_repaired_to_a_whole_warc(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    spool = begin(folder)
    for number in range(3):
        spool.submit(exchange(url=f"http://paper.example/{number}"))
    spool.submit(exchange()).result(timeout=10)
    (opened,) = spool.folder.glob("*.warc.gz.open")
    data = opened.read_bytes()
    opened.write_bytes(data[: min(size, len(data))])
    os.close(spool._lock)
    repair(spool.folder)
    for sealed in spool.folder.glob("*.warc.gz"):
        assert verify_bytes(sealed.read_bytes(), name="x").faults == []
    spool.submit(exchange())


def test_a_run_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    assert list(idle_runs(tmp_path / "spool")) == []
    spool.close("finished")
    assert list(idle_runs(tmp_path / "spool")) == [spool.folder]


def crashed(folder: Path) -> Spool:
    """A run whose process died after one acknowledged exchange."""
    spool = begin(folder)
    spool.submit(exchange()).result(timeout=10)
    os.close(spool._lock)
    return spool


def test_what_a_crash_left_is_published_by_recover(tmp_path: Path) -> None:
    crashed(tmp_path)
    (done,) = recover(tmp_path / "spool", keep_hours=24)
    (run,) = all_runs(open_store(str(tmp_path / "archive")))
    assert (done.action, done.repaired, run.reason) == ("published", 1, "recovered")


def test_recovering_twice_changes_nothing(tmp_path: Path) -> None:
    crashed(tmp_path)
    recover(tmp_path / "spool", keep_hours=24)
    store = open_store(str(tmp_path / "archive"))
    before = list(store.keys())
    (done,) = recover(tmp_path / "spool", keep_hours=24)
    assert (done.action, list(store.keys())) == ("kept", before)


def test_a_published_run_is_cleared_when_it_has_been_kept_long_enough(tmp_path: Path) -> None:
    crashed(tmp_path)
    recover(tmp_path / "spool", keep_hours=0)
    (done,) = recover(tmp_path / "spool", keep_hours=0)
    assert done.action == "cleared"
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_run_is_not_cleared_where_the_store_has_lost_it(tmp_path: Path) -> None:
    crashed(tmp_path)
    recover(tmp_path / "spool", keep_hours=24)
    (warc,) = (tmp_path / "archive").rglob("*.warc.gz")
    warc.write_bytes(b"something else")
    (done,) = recover(tmp_path / "spool", keep_hours=0)
    assert done.action == "failed"
    assert list((tmp_path / "spool").rglob("*.warc.gz"))


def test_an_interrupted_publication_is_finished_later(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    spool.submit(exchange())
    spool.close("finished")
    (warc,) = spool.folder.glob("*.warc.gz")
    end = read_end(spool.folder)
    assert end is not None
    store = open_store(str(tmp_path / "archive"))
    run = publish(store, spool.folder)
    store_keys = list(store.keys())
    (spool.folder / "published").unlink()
    assert publish(store, spool.folder) == run
    assert (list(store.keys()), warc.is_file()) == (store_keys, True)
