"""From the spool to a store that fails: nothing is lost, nothing is doubled, nothing is half published."""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archive import s3 as s3_module
from archive.errors import MorgueError, StoreBusy, StoreConflict
from archive.patience import Patience, patiently
from archive.publish import Publisher, publish, recover, waiting
from archive.runs import all_runs
from archive.s3 import PART, S3Store
from archive.spool import Spool
from archive.store import Store, open_store
from tests.conftest import Weed
from tests.faulty import Fault, Faulty
from tests.test_spool import begin
from tests.test_warc import exchange


@pytest.fixture
def wire(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    """The way to the S3 server, that goes wrong when told so; the client has little time."""
    monkeypatch.setattr(s3_module, "READ_SECONDS", 3)
    with Faulty(int(s3["AWS_ENDPOINT_URL_S3"].rpartition(":")[2])) as wire:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", wire.url)
        yield wire


@pytest.fixture
def archive() -> str:
    return f"s3://morgue/{os.urandom(5).hex()}"


def ended(folder: Path, archive: str, *, size: int = 4000) -> Spool:
    """A run that has ended and is not published: two exchanges, `size` bytes that do not compress."""
    spool = begin(folder, archive=archive)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % size
    spool.submit(exchange(response=head + os.urandom(size), head_length=len(head)))
    spool.submit(exchange(url="http://paper.example/2")).result(timeout=30)
    spool.close("finished")
    return spool


def is_published_once(store: Store, spool: Spool) -> None:
    """One manifest, and every WARC in the store is the spool's, byte for byte."""
    (run,) = all_runs(store)
    sealed = sorted(spool.folder.glob("*.warc.gz"))
    assert [w.sha256 for w in run.warcs] == [hashlib.sha256(p.read_bytes()).hexdigest() for p in sealed]
    assert [store.digest(w.key) for w in run.warcs] == [w.sha256 for w in run.warcs]
    assert list(store.keys("warc/")) == sorted(w.key for w in run.warcs)
    assert list(store.keys("cdxj/")) == sorted(w.cdxj for w in run.warcs)


GOES_AWAY = [
    Fault("500", times=3),
    Fault("503", times=3),
    Fault("reset", times=3),
    Fault("hang", times=2),
    Fault("swallow", times=1),
    Fault("damage", times=2),
    Fault("500", method="HEAD", times=3),
    Fault("cut", method="GET", times=2),
    Fault("503", target="cdxj/", times=3),
    Fault("500", target="runs/", times=3),
    Fault("swallow", target="runs/", times=1),
    Fault("reset", target="runs/", times=2),
]


@pytest.mark.parametrize("fault", GOES_AWAY, ids=lambda f: f"{f.kind}-{f.method}-{f.target.strip('/')}")
def test_a_fault_that_goes_away_is_outlasted(
    wire: Faulty, archive: str, tmp_path: Path, fault: Fault
) -> None:
    spool = ended(tmp_path, archive)
    wire.faults.append(Fault(fault.kind, fault.method, fault.target, fault.times))
    patience = Patience(seconds=30, first=0.05, longest=0.2)
    assert Publisher(store=open_store(archive), patience=patience).publish(spool.folder)
    assert any("[" in hit for hit in wire.hits)
    wire.faults.clear()
    is_published_once(open_store(archive), spool)


@pytest.mark.parametrize("fault", GOES_AWAY, ids=lambda f: f"{f.kind}-{f.method}-{f.target.strip('/')}")
def test_while_a_fault_lasts_nothing_is_published_and_the_spool_keeps_all(
    wire: Faulty, archive: str, tmp_path: Path, fault: Fault
) -> None:
    spool = ended(tmp_path, archive)
    before = {p.name: p.read_bytes() for p in spool.folder.glob("paper*")}
    wire.faults.append(Fault(fault.kind, fault.method, fault.target))
    with pytest.raises(MorgueError):
        publish(open_store(archive), spool.folder)
    wire.faults.clear()
    assert list(all_runs(open_store(archive))) == []
    assert {p.name: p.read_bytes() for p in spool.folder.glob("paper*")} == before
    (left,) = waiting(tmp_path / "spool")
    assert (left.state, bool(left.why)) == ("waiting", True)
    (done,) = recover(tmp_path / "spool", keep_hours=24)
    assert done.action == "published", done.error
    is_published_once(open_store(archive), spool)


def test_a_manifest_that_was_swallowed_is_not_believed(wire: Faulty, archive: str, tmp_path: Path) -> None:
    spool = ended(tmp_path, archive)
    wire.faults.append(Fault("swallow", target="runs/"))
    with pytest.raises(StoreBusy, match="does not have it"):
        publish(open_store(archive), spool.folder)


def test_a_store_that_tells_another_checksum_is_an_alarm(wire: Faulty, archive: str, tmp_path: Path) -> None:
    spool = ended(tmp_path, archive)
    wire.faults.append(Fault("lie", method="HEAD"))
    with pytest.raises(StoreConflict, match="says checksum"):
        publish(open_store(archive), spool.folder)
    assert list(all_runs(open_store(archive))) == []


@pytest.mark.parametrize("kind", ["500", "reset", "damage"])
def test_a_part_that_fails_is_sent_again_and_no_upload_is_left_open(
    wire: Faulty, archive: str, tmp_path: Path, kind: str
) -> None:
    spool = ended(tmp_path, archive, size=PART + 500_000)
    wire.faults.append(Fault(kind, target="partNumber=2", times=3))
    store = S3Store(bucket="morgue", prefix=archive.rpartition("/")[2])
    patience = Patience(seconds=60, first=0.05, longest=0.2)
    Publisher(store=store, patience=patience).publish(spool.folder)
    is_published_once(store, spool)
    left = store.client.list_multipart_uploads(Bucket="morgue", Prefix=store.prefix).get("Uploads", [])
    assert left == []


def test_an_upload_that_an_earlier_process_left_open_is_ended(
    s3: dict[str, str], archive: str, tmp_path: Path
) -> None:
    spool = ended(tmp_path, archive, size=PART + 1)
    store = S3Store(bucket="morgue", prefix=archive.rpartition("/")[2])
    run = publish(open_store(str(tmp_path / "elsewhere")), spool.folder)
    assert run
    key = store.prefix + run.warcs[0].key
    store.client.create_multipart_upload(Bucket="morgue", Key=key)
    publish(store, spool.folder)
    assert not store.client.list_multipart_uploads(Bucket="morgue", Prefix=key).get("Uploads")


def test_a_server_that_is_killed_in_the_middle_gets_it_all_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weed").mkdir()
    server = Weed(tmp_path / "weed")
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    try:
        server.start()
        spool = ended(tmp_path, "s3://morgue/killed", size=3 * PART)
        with Faulty(server.port) as wire:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", wire.url)
            store = open_store("s3://morgue/killed")
            wire.faults.append(Fault("reset", target="partNumber=2", times=10**6))
            with pytest.raises(StoreBusy):
                publish(store, spool.folder)
            server.kill()
            with pytest.raises(StoreBusy):
                publish(store, spool.folder)
            wire.faults.clear()
            back = threading.Timer(1.0, server.start)
            back.start()
            patience = Patience(seconds=90, first=0.2, longest=1)
            assert Publisher(store=store, patience=patience).publish(spool.folder)
            back.join()
            is_published_once(store, spool)
    finally:
        server.kill()


def test_what_the_store_has_lost_is_put_there_again(s3: dict[str, str], archive: str, tmp_path: Path) -> None:
    spool = ended(tmp_path, archive)
    store = S3Store(bucket="morgue", prefix=archive.rpartition("/")[2])
    run = publish(store, spool.folder)
    assert run
    store.client.delete_object(Bucket="morgue", Key=store.prefix + run.warcs[0].key)
    assert [r.action for r in recover(tmp_path / "spool", keep_hours=0)] == ["restored"]
    is_published_once(store, spool)
    assert [r.action for r in recover(tmp_path / "spool", keep_hours=0)] == ["cleared"]


def test_other_bytes_under_the_right_name_are_seen_before_the_spool_is_cleared(
    s3: dict[str, str], archive: str, tmp_path: Path
) -> None:
    spool = ended(tmp_path, archive)
    store = S3Store(bucket="morgue", prefix=archive.rpartition("/")[2])
    run = publish(store, spool.folder)
    assert run
    (sealed,) = spool.folder.glob("*.warc.gz")
    data = bytearray(sealed.read_bytes())
    data[len(data) // 2] ^= 1  # the same size, the same metadata, the same ends
    store.client.put_object(
        Bucket="morgue", Key=store.prefix + run.warcs[0].key, Body=bytes(data),
        Metadata={"sha256": run.warcs[0].sha256},
    )  # fmt: skip
    (done,) = recover(tmp_path / "spool", keep_hours=0)
    assert (done.action, "no longer what was published" in done.error) == ("failed", True)
    assert sealed.is_file()


@pytest.fixture
def locked(s3: dict[str, str]) -> str:
    """A bucket with Object Lock."""
    bucket = f"locked-{os.urandom(4).hex()}"
    S3Store(bucket=bucket, prefix="").make_bucket()
    return bucket


def test_what_is_the_truth_is_locked_where_the_bucket_can(locked: str, tmp_path: Path) -> None:
    spool = ended(tmp_path, f"s3://{locked}", size=PART + 1)
    store = S3Store(bucket=locked, prefix="")
    run = publish(store, spool.folder)
    assert run
    for key in (run.warcs[0].key, run.warcs[0].cdxj, run.key):
        held = store.client.get_object_retention(Bucket=locked, Key=key)["Retention"]
        assert held["Mode"] == "GOVERNANCE"
    store.put("index/head-1.json", b"{}")
    with pytest.raises(store.client.exceptions.ClientError):
        store.client.get_object_retention(Bucket=locked, Key="index/head-1.json")


def test_what_a_store_can_is_tried_out(locked: str) -> None:
    store = S3Store(bucket=locked, prefix="")
    assert store.abilities() == dict.fromkeys(
        ("conditional writes", "checksums", "versioning", "Object Lock"), True
    )
    assert list(store.keys()) == []


def test_the_command_says_what_a_store_can(
    morgue: Callable[..., Any], s3: dict[str, str], archive: str
) -> None:
    done = morgue("store", "--archive", archive, "--json")
    assert done.json["abilities"]["conditional writes"] is True


def test_what_waits_is_listed_before_what_is_published(
    morgue: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = ended(tmp_path, str(tmp_path / "archive"))
    (tmp_path / "archive").mkdir()
    assert "NOT PUBLISHED (waiting)" in morgue("runs").out
    assert [r["state"] for r in morgue("runs", "--json").rows] == ["waiting"]
    assert morgue("recover").code == 0
    assert [r["state"] for r in morgue("runs", "--json").rows] == ["published"]
    shutil.rmtree(spool.folder)


def test_pauses_grow_and_end_with_the_patience() -> None:
    pauses = list(Patience(seconds=100, first=1, longest=20).pauses(lambda: 1.0))
    assert pauses[:6] == [1, 2, 4, 8, 16, 20]
    assert sum(pauses) == 100


def test_what_will_not_go_away_is_not_tried_again() -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        raise StoreConflict("other bytes")

    with pytest.raises(StoreConflict):
        patiently(work, Patience(seconds=60), what="x")
    assert len(tries) == 1


def test_a_stop_cuts_the_waiting_short() -> None:
    stop = threading.Event()
    stop.set()

    def work() -> None:
        raise StoreBusy("away")

    with pytest.raises(StoreBusy):
        patiently(work, Patience(seconds=600, first=300), what="x", stop=stop)


@pytest.mark.parametrize("change", ["amend", "erase"])
def test_what_may_have_old_versions_that_cannot_be_seen_is_not_said_to_be_gone(
    wire: Faulty, archive: str, change: str
) -> None:
    store = open_store(archive)
    store.put("warc/a", b"secret")
    wire.faults.append(Fault("503", "GET", "versions"))
    with pytest.raises(StoreBusy):
        store.amend("warc/a", b"blank") if change == "amend" else store.erase("warc/a")
