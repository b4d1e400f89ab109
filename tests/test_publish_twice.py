"""What publishing must not do: alarm where all is well, send again what is there, stand in its own way."""

import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive import s3 as s3_module
from archive.errors import BeingPublished, MorgueError, StoreBusy, StoreConflict
from archive.patience import Patience, patiently
from archive.publish import Publisher, hold, publish, recover, waiting
from archive.runs import all_runs
from archive.s3 import S3Store, arrived, retention
from archive.store import open_store, sha256_of
from tests.faulty import Fault, Faulty
from tests.test_publish import ended, is_published_once
from tests.test_spool import begin
from tests.test_warc import exchange

LARGE = 6 * 1024 * 1024  # more than a part, as the fixture `wire` sets it
SOON = Patience(seconds=30, first=0.02, longest=0.05)


@pytest.fixture
def wire(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    monkeypatch.setattr(s3_module, "PART", 5 * 1024 * 1024)
    with Faulty(int(s3["AWS_ENDPOINT_URL_S3"].rpartition(":")[2])) as wire:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", wire.url)
        yield wire


@pytest.fixture
def store(s3: dict[str, str]) -> S3Store:
    """The store as it is, without the wire."""
    return S3Store(bucket="morgue", prefix=os.urandom(5).hex())


def overwrite(store: S3Store, key: str, data: bytes, **metadata: str) -> None:
    """What no writer of ours does."""
    store.client.put_object(Bucket=store.bucket, Key=store.prefix + key, Body=data, Metadata=metadata)


# No false alarm.


@pytest.mark.parametrize("kind", ["spoil", "cut"])
def test_damage_on_the_way_back_is_no_alarm(store: S3Store, wire: Faulty, tmp_path: Path, kind: str) -> None:
    spool = ended(tmp_path, store.url)
    wire.faults.append(Fault(kind, method="GET", times=1))
    assert Publisher(store=open_store(store.url), patience=SOON).publish(spool.folder)
    is_published_once(store, spool)


@pytest.mark.parametrize("kind", ["429", "520", "NoSuchUpload"])
def test_what_passes_is_waited_for_whatever_its_name(
    store: S3Store, wire: Faulty, tmp_path: Path, kind: str
) -> None:
    spool = ended(tmp_path, store.url, size=LARGE)
    wire.faults.append(Fault(kind, target="partNumber=1", times=2))
    assert Publisher(store=open_store(store.url), patience=SOON).publish(spool.folder)
    is_published_once(store, spool)


def test_a_write_that_another_gave_up_is_tried_again(store: S3Store, wire: Faulty) -> None:
    wire.faults.append(Fault("ConditionalRequestConflict", target="runs/", times=1))
    with pytest.raises(StoreBusy, match="somebody else"):
        open_store(store.url).put("runs/a", b"x")


def test_an_equal_object_without_our_metadata_is_success(store: S3Store) -> None:
    overwrite(store, "a", b"equal")
    store.put("a", b"equal")


def test_an_object_whose_metadata_lies_is_an_alarm(store: S3Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(5000))
    overwrite(store, "a", os.urandom(5000), sha256=sha256_of(path))
    with pytest.raises(StoreConflict):
        store.put_file("a", path, sha256_of(path))


def test_a_part_is_known_by_its_checksum_where_the_etag_is_no_md5() -> None:
    tag = {"ETag": '"00000000000000000000000000000000"'}
    assert arrived(tag | {"ChecksumCRC32": "jzvifg=="}, b"data", "jzvifg==")
    assert arrived(tag | {"ServerSideEncryption": "aws:kms"}, b"data", "jzvifg==")
    assert not arrived(tag, b"data", "jzvifg==")
    assert not arrived(tag | {"ChecksumCRC32": "AAAAAA=="}, b"data", "jzvifg==")


def test_the_manifest_of_an_older_version_is_no_alarm(store: S3Store, tmp_path: Path) -> None:
    spool = ended(tmp_path, store.url)
    run = publish(store, spool.folder)
    assert run
    old = store.read(run.key).replace(b' "software": "test",\n', b"")
    overwrite(store, run.key, old)
    assert [r.action for r in recover(tmp_path / "spool", keep_hours=0)] == ["cleared"]


def test_a_manifest_that_names_other_warcs_is_an_alarm(store: S3Store, tmp_path: Path) -> None:
    spool = ended(tmp_path, store.url)
    run = publish(store, spool.folder)
    assert run
    overwrite(store, run.key, store.read(run.key).replace(b'"records": ', b'"records": 1'))
    (done,) = recover(tmp_path / "spool", keep_hours=0)
    assert (done.action, "names other WARCs" in done.error) == ("failed", True)


# Nothing is sent that is there.


def test_a_large_file_that_is_there_is_not_sent_again(store: S3Store, wire: Faulty, tmp_path: Path) -> None:
    spool = ended(tmp_path, store.url, size=LARGE)
    publish(store, spool.folder)
    wire.hits.clear()
    publish(open_store(store.url), spool.folder)
    assert not [hit for hit in wire.hits if "partNumber" in hit]


def test_clearing_reads_each_warc_once_and_sends_none(store: S3Store, wire: Faulty, tmp_path: Path) -> None:
    spool = ended(tmp_path, store.url, size=LARGE)
    publish(store, spool.folder)
    wire.hits.clear()
    assert [r.action for r in recover(tmp_path / "spool", keep_hours=0)] == ["cleared"]
    assert not [hit for hit in wire.hits if hit.startswith("PUT") and "warc/" in hit]


@pytest.mark.parametrize("what", ["cdxj", "manifest"])
def test_a_small_object_that_has_vanished_is_there_again_after_clearing(
    store: S3Store, tmp_path: Path, what: str
) -> None:
    spool = ended(tmp_path, store.url)
    run = publish(store, spool.folder)
    assert run
    key = {"cdxj": run.warcs[0].cdxj, "manifest": run.key}[what]
    before = store.read(key)
    store.client.delete_object(Bucket="morgue", Key=store.prefix + key)
    assert [r.action for r in recover(tmp_path / "spool", keep_hours=0)] == ["cleared"]
    assert store.read(key) == before


# Two at once, and one that was interrupted.


def test_two_processes_do_not_publish_one_run_at_once(store: S3Store, tmp_path: Path) -> None:
    spool = ended(tmp_path, store.url)
    with hold(spool.folder):
        with pytest.raises(BeingPublished):
            publish(store, spool.folder)
        assert recover(tmp_path / "spool", keep_hours=24) == []
        (row,) = waiting(tmp_path / "spool")
        assert (row.state, row.why) == ("waiting", "it is being published")
    assert [r.action for r in recover(tmp_path / "spool", keep_hours=24)] == ["published"]


def test_a_half_cleared_folder_is_cleared(store: S3Store, tmp_path: Path) -> None:
    spool = ended(tmp_path, store.url)
    publish(store, spool.folder)
    (spool.folder / "cleared").touch()
    for path in spool.folder.glob("*.warc.gz"):
        path.unlink()
    assert [r.action for r in recover(tmp_path / "spool", keep_hours=24)] == ["cleared"]
    (run,) = all_runs(store)
    assert len(run.warcs) == 1


def test_a_disk_that_is_full_does_not_hide_why_publishing_failed(
    store: S3Store, wire: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = ended(tmp_path, store.url)
    wire.faults.append(Fault("503"))

    def full(path: Path, data: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("archive.publish.write_durably", full)
    with pytest.raises(StoreBusy, match="SlowDown"):
        publish(open_store(store.url), spool.folder)


def test_a_folder_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    spool.close("finished")
    broken = tmp_path / "spool" / "20261101T000000Z-broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    rows = list(waiting(tmp_path / "spool"))
    assert [row.run for row in rows] == [broken.name, spool.folder.name]
    assert "is no run's spool folder" in rows[0].why


# Patience.


def away() -> None:
    raise StoreBusy("away")


def test_patience_counts_the_time_that_tries_take() -> None:
    def slow() -> None:
        time.sleep(0.2)
        away()

    began = time.monotonic()
    with pytest.raises(StoreBusy):
        patiently(slow, Patience(seconds=0.5, first=0.01, longest=0.01), what="x")
    assert time.monotonic() - began < 1.2


def test_a_recovery_has_one_patience_for_all_its_runs(
    tmp_path: Path, s3: dict[str, str], wire: Faulty
) -> None:
    for number in range(4):
        spool = begin(tmp_path, run=f"20261120T060000Z-0000000{number}", archive="s3://morgue/one-patience")
        spool.submit(exchange()).result(timeout=10)
        spool.close("finished")
    wire.faults += [Fault("reset", method, "one-patience") for method in ("PUT", "HEAD")]
    began = time.monotonic()
    done = recover(tmp_path / "spool", keep_hours=24, patience=Patience(seconds=3, first=0.1, longest=0.2))
    assert {r.action for r in done} == {"failed"}
    assert time.monotonic() - began < 9  # and not four times three, with boto's own tries besides


# Object Lock, and the probe.

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def lock(**default: Any) -> dict[str, Any]:
    rule = {"Rule": {"DefaultRetention": default}} if default else {}
    return {"ObjectLockEnabled": "Enabled", **rule}


def test_a_bucket_without_object_lock_is_sent_nothing() -> None:
    assert retention({}, days=365, mode="GOVERNANCE", now=NOW) == {}


def test_an_object_is_locked_for_the_days_of_the_settings() -> None:
    sent = retention(lock(), days=10, mode="GOVERNANCE", now=NOW)
    assert sent["ObjectLockMode"] == "GOVERNANCE"
    assert (sent["ObjectLockRetainUntilDate"] - NOW).days == 10


@pytest.mark.parametrize(
    "default", [{"Mode": "GOVERNANCE", "Years": 10}, {"Mode": "COMPLIANCE", "Days": 1}], ids=str
)
def test_a_bucket_that_locks_longer_or_harder_is_left_to_it(default: dict[str, Any]) -> None:
    assert retention(lock(**default), days=365, mode="GOVERNANCE", now=NOW) == {}


def test_a_harder_mode_does_not_shorten_what_the_bucket_gives() -> None:
    sent = retention(lock(Mode="GOVERNANCE", Days=50), days=10, mode="COMPLIANCE", now=NOW)
    assert (sent["ObjectLockRetainUntilDate"] - NOW).days == 50


def test_a_store_that_is_away_is_not_said_to_be_able(store: S3Store, wire: Faulty) -> None:
    wire.faults += [Fault("503", method, "probe") for method in ("PUT", "POST")]
    with pytest.raises(StoreBusy):
        open_store(store.url).abilities()


def test_a_store_that_heeds_nothing_is_known(store: S3Store, wire: Faulty) -> None:
    wire.faults.append(Fault("swallow", target="probe"))
    able = open_store(store.url).abilities()
    assert (able["conditional writes"], able["checksums"]) == (False, False)


def test_probing_leaves_one_empty_object(store: S3Store) -> None:
    assert store.abilities() == store.abilities()
    page = store.client.list_objects_v2(Bucket="morgue", Prefix=store.prefix)
    assert [item["Key"] for item in page["Contents"]] == [store.prefix + ".probe"]
    assert not store.client.list_multipart_uploads(Bucket="morgue", Prefix=store.prefix).get("Uploads")


def test_waiting_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(MorgueError):
        patiently(away, Patience(seconds=0.3, first=0.02, longest=0.05), what="the spool keeps everything")
    assert len(caplog.records) == 1
