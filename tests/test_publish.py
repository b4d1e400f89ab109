"""Publishing loses nothing: whatever the store does, there is one manifest at last, every WARC whole."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive import s3 as s3_module
from archive.errors import BeingPublished, MorgueError, StoreBusy, StoreConflict, StoreDenied, StoreError
from archive.patience import LONGEST, Patience, pause
from archive.publish import publish, recover, waiting
from archive.runs import all_runs
from archive.s3 import S3Store, make_bucket, retention
from archive.spool import RunStart, Spool
from archive.store import open_store, sha256_of
from tests import faulty
from tests.conftest import wait_until
from tests.faulty import Act, Faulty, says
from tests.test_warc import exchange

RUN = "20261120T060000Z-00000001"
BIG = 7 * 1024 * 1024


def a_run(spool: Path, archive: str, *, body: int = 3000, run: str = RUN) -> Path:
    """A run that has ended, in the spool: one page of so many bytes that no compression makes smaller."""
    start = RunStart(
        id=run, site="paper", archive=archive, started=datetime.now(UTC), software="test", parameters={}
    )  # fmt: skip
    made = Spool(spool, start)
    made.submit(exchange(response=b"HTTP/1.1 200 OK\r\n\r\n" + os.urandom(body))).result(timeout=30)
    made.close("finished")
    return made.folder


class Clock:
    """Time that passes only where somebody waits; also the `stop` that is waited on."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []
        self.stopped = False

    def now(self) -> float:
        return self.time

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.time += timeout
        return self.stopped

    def patience(self, seconds: float = 600, chance: float = 1.0) -> Patience:
        return Patience(seconds, stop=self, now=self.now, chance=lambda: chance)


@dataclass
class World:
    """A store behind a faulty proxy, and the same store seen directly."""

    proxy: Faulty
    url: str
    direct: S3Store
    spool: Path

    def run(self, body: int = 3000) -> Path:
        return a_run(self.spool, self.url, body=body)

    def publish(self, folder: Path, patience: Patience | None = None) -> Any:
        return publish(open_store(self.url), folder, patience=patience or Patience(0))

    def recover(self) -> list[str]:
        return [each.action for each in recover(self.spool, keep_hours=24)]

    def kept(self, folder: Path) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in folder.iterdir() if p.name.startswith("paper")}

    def nothing_is_published(self) -> bool:
        return not list(self.direct.keys("runs/"))

    def check(self, folder: Path) -> None:
        """One manifest, every WARC as in the spool, nothing doubled, nothing left over."""
        (run,) = all_runs(self.direct)
        warcs = {p.name: p for p in folder.glob("*.warc.gz")}
        assert {w.key.rpartition("/")[2] for w in run.warcs} == set(warcs)
        for warc in run.warcs:
            path = warcs[warc.key.rpartition("/")[2]]
            assert self.direct.read(warc.key) == path.read_bytes()
            lines = path.with_name(path.name.removesuffix(".warc.gz") + ".cdxj").read_bytes()
            assert self.direct.read(warc.cdxj) == lines
        assert len(list(self.direct.keys())) == 1 + 2 * len(warcs)
        assert self.open_uploads() == []

    def open_uploads(self) -> list[Any]:
        page = self.direct.client.list_multipart_uploads(Bucket="morgue", Prefix=self.direct.prefix)
        return page.get("Uploads", [])


@pytest.fixture
def world(s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(s3_module, "PART", 5 * 1024 * 1024)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    url = f"s3://morgue/{os.urandom(6).hex()}"
    direct = open_store(url)
    assert isinstance(direct, S3Store)
    with Faulty(s3["AWS_ENDPOINT_URL_S3"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        yield World(proxy=proxy, url=url, direct=direct, spool=tmp_path / "spool")


# What breaks, and at which step. In every case: an error, nothing published, the spool whole; and all is well
# as soon as the fault has ended.

PUTS = {
    "an internal error": says(500, "InternalError"),
    "slow down": says(503, "SlowDown"),
    "an error of a proxy": says(502, "BadGateway"),
    "a reset": faulty.resets,
    "a 200 for nothing": faulty.drops,
    "damage": faulty.damages,
}
STEPS = {"the WARC": "/warc/", "the index lines": "/cdxj/", "the manifest": "/runs/"}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", PUTS)
def test_a_fault_at_a_put_loses_nothing(world: World, fault: str, step: str) -> None:
    folder = world.run()
    before = world.kept(folder)
    made = world.proxy.fault(PUTS[fault], "PUT", STEPS[step])
    with pytest.raises(StoreBusy):
        world.publish(folder)
    assert made.hits
    assert world.nothing_is_published()
    assert world.kept(folder) == before
    world.proxy.lift()
    assert world.recover() == ["published"]
    world.check(folder)


PARTED: dict[str, tuple[Act, str, str]] = {
    "an upload that cannot begin": (says(503, "SlowDown"), "POST", r"uploads$"),
    "an internal error at a part": (says(500, "InternalError"), "PUT", "partNumber=2"),
    "a reset at a part": (faulty.resets, "PUT", "partNumber=2"),
    "a damaged part": (faulty.damages, "PUT", "partNumber=2"),
    "a part that is dropped": (faulty.drops, "PUT", "partNumber=2"),
    "a part with a wrong checksum in its answer": (faulty.lies, "PUT", "partNumber=1"),
    "an internal error at the completion": (says(500, "InternalError"), "POST", "uploadId="),
    "a reset at the completion": (faulty.resets, "POST", "uploadId="),
    "a completion that is dropped": (faulty.drops, "POST", "uploadId="),
    "a HEAD that fails": (says(503, ""), "HEAD", "/warc/"),
    "a HEAD with another checksum": (faulty.lies, "HEAD", "/warc/"),
    "a GET that breaks off": (faulty.truncates, "GET", "/warc/"),
    "a GET that is too short": (faulty.shortens, "GET", "/warc/"),
    "a GET that is damaged": (faulty.damages_the_answer, "GET", "/warc/"),
}


@pytest.mark.parametrize("case", PARTED)
def test_a_fault_at_a_large_file_loses_nothing(world: World, case: str) -> None:
    folder = world.run(BIG)
    before = world.kept(folder)
    made = world.proxy.fault(*PARTED[case])
    with pytest.raises(StoreError):
        world.publish(folder)
    assert made.hits
    assert world.nothing_is_published()
    assert world.kept(folder) == before
    world.proxy.lift()
    assert world.recover() == ["published"]
    world.check(folder)


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/warc/"), ("PUT", "/runs/"), ("HEAD", "/warc/"), ("GET", "/warc/")]
)
def test_a_store_that_hangs_is_given_up_and_nothing_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    folder = world.run()
    world.proxy.fault(world.proxy.hang, method, path)
    with monkeypatch.context() as patch:
        patch.setenv("MORGUE_STORE_TIMEOUT", "0.5")
        with pytest.raises(StoreBusy):
            world.publish(folder)
    assert world.nothing_is_published()
    world.proxy.lift()
    assert world.recover() == ["published"]
    world.check(folder)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/warc/", 100),
        ("PUT", "/runs/", 100),
        ("PUT", "partNumber=1", BIG),
        ("POST", "uploadId=", BIG),
    ],
)
def test_an_answer_that_is_lost_doubles_nothing(world: World, method: str, path: str, body: int) -> None:
    folder = world.run(body)
    made = world.proxy.fault(faulty.loses_the_answer, method, path, times=2)
    assert world.publish(folder, Clock().patience())
    assert made.hits
    world.check(folder)


@pytest.mark.parametrize("body", [100, BIG])
@pytest.mark.parametrize("fault", PUTS)
def test_a_fault_that_passes_is_waited_for(world: World, fault: str, body: int) -> None:
    folder = world.run(body)
    made = world.proxy.fault(PUTS[fault], "PUT|POST", "/warc/", times=5)
    assert world.publish(folder, Clock().patience())
    assert made.hits == 5
    world.check(folder)


def test_a_server_that_is_killed_in_mid_upload_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morgue_airflow import stack

    from tests.test_stack import a_layout

    monkeypatch.setattr(s3_module, "PART", 5 * 1024 * 1024)
    layout = a_layout(tmp_path)
    stack.prepare(layout)
    env = stack.environment(layout)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, env[name])
    servers = [stack.store_child(layout, env), stack.store_child(layout, env)]

    def kill(request: Any, forward: Any) -> None:
        assert servers[0].process is not None
        servers[0].process.kill()
        servers[0].process.wait()

    class Back:
        """Whoever waits finds that the server is started again meanwhile."""

        def wait(self, timeout: float | None = None) -> bool:
            if servers[1].process is None:
                servers[1].start()
            time.sleep(timeout or 0)
            return False

    servers[0].start()
    try:
        wait_until(lambda: has_bucket(stack.BUCKET), seconds=60, what="the S3 server")
        direct = open_store(layout.archive)
        assert isinstance(direct, S3Store)
        with Faulty(env["AWS_ENDPOINT_URL_S3"]) as proxy:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
            world = World(proxy=proxy, url=layout.archive, direct=direct, spool=tmp_path / "spool")
            folder = world.run(BIG)
            proxy.fault(kill, "PUT", "partNumber=2", times=1)
            assert world.publish(folder, Patience(60, stop=Back(), chance=lambda: 0.2))
            world.check(folder)
    finally:
        for server in servers:
            if server.process is not None:
                server.process.kill()
                server.process.wait()


def has_bucket(name: str) -> bool:
    try:
        make_bucket(name)
    except MorgueError:
        return False
    return True


# Conflicts and leftovers.


@pytest.mark.parametrize("body", [100, BIG])
def test_other_bytes_under_our_key_are_an_alarm_and_not_tried_again(world: World, body: int) -> None:
    folder = world.run(body)
    world.publish(folder)
    (run,) = all_runs(world.direct)
    (warc,) = folder.glob("*.warc.gz")
    replace_object(world.direct, run.warcs[0].key, warc.read_bytes()[::-1])
    (folder / "published").unlink()
    clock = Clock()
    with pytest.raises(StoreConflict, match="other bytes"):
        world.publish(folder, clock.patience())
    assert clock.waits == []


def replace_object(store: S3Store, key: str, data: bytes, **metadata: str) -> None:
    """What no writer of ours does: overwrite."""
    store.client.put_object(Bucket=store.bucket, Key=store.prefix + key, Body=data, Metadata=metadata)


def test_an_equal_object_without_our_metadata_is_success(world: World) -> None:
    replace_object(world.direct, "a", b"equal")
    open_store(world.url).put("a", b"equal")


def test_another_object_without_our_metadata_is_a_conflict(world: World) -> None:
    replace_object(world.direct, "a", b"equal")
    with pytest.raises(StoreConflict):
        open_store(world.url).put("a", b"other")


def test_an_object_whose_metadata_lies_is_a_conflict(world: World, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(5000))
    replace_object(world.direct, "a", os.urandom(5000), sha256=sha256_of(path))
    with pytest.raises(StoreConflict):
        open_store(world.url).put_file("a", path, sha256_of(path))


def test_an_object_that_is_there_is_not_sent_again(world: World) -> None:
    folder = world.run(BIG)
    world.publish(folder)
    (folder / "published").unlink()
    world.proxy.seen.clear()
    world.publish(folder)
    assert not [line for line in world.proxy.seen if "partNumber" in line]


def test_what_an_interrupted_upload_left_is_aborted_by_the_next(world: World) -> None:
    folder = world.run(BIG)
    world.proxy.fault(faulty.resets, "PUT", "partNumber=2")
    world.proxy.fault(faulty.resets, "DELETE", "uploadId=")
    with pytest.raises(StoreBusy):
        world.publish(folder)
    assert len(world.open_uploads()) == 1
    world.proxy.lift()
    world.recover()
    assert world.open_uploads() == []
    world.check(folder)


def test_a_part_is_checked_by_its_checksum_where_the_etag_is_no_md5(world: World, tmp_path: Path) -> None:
    def encrypted(request: faulty.Request, forward: faulty.Forward) -> faulty.Answer:
        answer = forward(request)
        return faulty.replace(answer, headers=(*answer.headers, "x-amz-server-side-encryption: aws:kms"))

    path = tmp_path / "file"
    path.write_bytes(os.urandom(BIG))
    world.proxy.fault(encrypted, "PUT", "partNumber=")
    open_store(world.url).put_file("a", path, sha256_of(path))
    assert world.direct.read("a") == path.read_bytes()


# The second verification.


def published(world: World, body: int = 3000) -> tuple[Path, Any]:
    folder = world.run(body)
    run = world.publish(folder)
    return folder, run


def clear(world: World) -> list[str]:
    return [each.action for each in recover(world.spool, keep_hours=0)]


@pytest.mark.parametrize("what", ["warc", "cdxj", "manifest"])
def test_what_has_vanished_is_put_again_before_the_spool_is_cleared(world: World, what: str) -> None:
    folder, run = published(world)
    key = {"warc": run.warcs[0].key, "cdxj": run.warcs[0].cdxj, "manifest": run.key}[what]
    before = world.direct.read(key)
    world.direct.client.delete_object(Bucket="morgue", Key=world.direct.prefix + key)
    assert clear(world) == ["cleared"]
    assert world.direct.read(key) == before
    assert not folder.exists()


def test_a_byte_changed_in_the_middle_of_a_large_object_is_seen_before_the_spool_is_cleared(
    world: World,
) -> None:
    folder, run = published(world, BIG)
    key = run.warcs[0].key
    data = world.direct.read(key)
    replace_object(world.direct, key, faulty.flipped(data), sha256=run.warcs[0].sha256)
    (done,) = recover(world.spool, keep_hours=0)
    assert (done.action, "other bytes" in done.error) == ("failed", True)
    assert list(folder.glob("*.warc.gz"))


def test_another_manifest_is_an_alarm(world: World) -> None:
    folder, run = published(world)
    replace_object(world.direct, run.key, world.direct.read(run.key).replace(b'"records": ', b'"records": 1'))
    assert clear(world) == ["failed"]
    assert folder.is_dir()


def test_a_store_that_is_away_keeps_the_spool_from_being_cleared(world: World) -> None:
    folder, _ = published(world)
    world.proxy.fault(faulty.resets, "HEAD|GET")
    assert clear(world) == ["failed"]
    world.proxy.lift()
    assert clear(world) == ["cleared"]
    assert not folder.exists()


def test_a_folder_half_cleared_is_cleared_and_not_published_anew(world: World) -> None:
    folder, run = published(world)
    (folder / "cleared").touch()
    for path in folder.glob("*.warc.gz"):
        path.unlink()
    assert clear(world) == ["cleared"]
    assert [r.id for r in all_runs(world.direct)] == [run.id]


# Patience.


def test_pauses_grow_up_to_a_minute() -> None:
    pauses = [pause(n, waited=0, allowed=1e6, chance=1.0) for n in range(1, 9)]
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST, LONGEST]


def test_pauses_are_spread_at_random_down_to_nothing() -> None:
    assert pause(5, waited=0, allowed=600, chance=0.0) == 0
    assert pause(5, waited=0, allowed=600, chance=0.5) == 8


def test_the_last_try_is_made_when_the_time_is_over() -> None:
    assert pause(9, waited=595, allowed=600, chance=1.0) == 5
    assert pause(9, waited=600, allowed=600, chance=1.0) is None


def busy() -> None:
    raise StoreBusy("the store is away")


def test_patience_ends_after_the_seconds_allowed() -> None:
    clock = Clock()
    with pytest.raises(StoreBusy):
        clock.patience(100)(busy)
    assert clock.time == 100


def test_without_patience_there_is_one_try() -> None:
    clock = Clock()
    with pytest.raises(StoreBusy):
        clock.patience(0)(busy)
    assert clock.waits == []


def test_a_success_begins_the_patience_anew() -> None:
    clock = Clock()
    patience = clock.patience(100)
    left = iter([busy, busy, lambda: None] * 50)
    for _ in range(50):
        patience(lambda: next(left)())  # noqa: PLW0108 - each try takes the next
    assert clock.time == 150


def test_what_does_not_pass_is_not_tried_again() -> None:
    clock = Clock()

    def denied() -> None:
        raise StoreDenied("no")

    with pytest.raises(StoreDenied):
        clock.patience()(denied)
    assert clock.waits == []


def test_a_stop_ends_the_waiting_at_once() -> None:
    clock = Clock()
    clock.stopped = True
    with pytest.raises(StoreBusy):
        clock.patience()(busy)
    assert len(clock.waits) == 1


def test_a_publication_that_waits_ends_when_it_is_told_to_stop(world: World) -> None:
    folder = world.run()
    world.proxy.fault(says(503, "SlowDown"), "PUT")
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(StoreBusy):
        publish(open_store(world.url), folder, stop=stop)  # which would wait for ten minutes


def test_a_warning_is_given_at_first_and_then_once_a_minute(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    folder = world.run()
    clock = Clock()
    store = open_store(world.url)
    store.size = lambda _: busy()  # type: ignore[method-assign, func-returns-value]
    patience = clock.patience(200)
    with caplog.at_level(logging.WARNING, logger="archive.publish"), pytest.raises(StoreBusy):
        publish(store, folder, patience=patience)
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 4  # at 0, 63, 123 and 183 seconds
    assert "keeps everything" in said[0]


def test_two_processes_do_not_publish_one_run_at_once(world: World) -> None:
    from archive.publish import _hold

    folder = world.run()
    with _hold(folder):
        with pytest.raises(BeingPublished):
            world.publish(folder)
        assert world.recover() == []
    assert world.recover() == ["published"]


# What waits is shown.


def test_what_waits_in_the_spool_is_told_with_its_reason(world: World) -> None:
    folder = world.run()
    world.proxy.fault(says(503, "SlowDown"), "PUT")
    with pytest.raises(StoreBusy):
        world.publish(folder)
    (row,) = waiting(world.spool)
    assert (row.id, row.site, row.state, row.archive) == (RUN, "paper", "waiting", world.url)
    assert row.bytes == sum(p.stat().st_size for p in folder.glob("*.warc.gz"))
    assert "SlowDown" in row.error
    world.proxy.lift()
    world.recover()
    assert waiting(world.spool) == []
    assert not (folder / "waiting").exists()


def test_a_run_that_is_being_written_is_told_as_such(tmp_path: Path) -> None:
    start = RunStart(
        id=RUN, site="paper", archive="x", started=datetime.now(UTC), software="test", parameters={}
    )  # fmt: skip
    spool = Spool(tmp_path / "spool", start)
    assert [row.state for row in waiting(tmp_path / "spool")] == ["writing"]
    spool.close("finished")


def test_the_list_of_runs_shows_what_waits(morgue: Callable[..., Any], tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    first = a_run(tmp_path / "spool", str(archive))
    publish(open_store(str(archive)), first)
    a_run(tmp_path / "spool", str(archive), run="20261121T060000Z-00000002")
    assert [row["state"] for row in morgue("runs", "--json").rows] == ["published", "waiting"]
    said = morgue("runs")
    assert "WAITING" in said.out.splitlines()[1]
    assert "morgue recover" in said.err


def test_the_list_of_runs_shows_what_waits_while_the_store_is_away(
    world: World, morgue: Callable[..., Any]
) -> None:
    world.run()
    world.proxy.fault(faulty.resets, "HEAD|GET|PUT")
    done = morgue("runs", MORGUE_ARCHIVE=world.url, MORGUE_SPOOL=str(world.spool))
    assert (done.code, "WAITING" in done.out) == (4, True)


# Object Lock, and what a store lacks.

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


@pytest.fixture
def locked(s3: dict[str, str]) -> str:
    name = f"locked-{os.urandom(4).hex()}"
    make_bucket(name)
    return name


@pytest.mark.parametrize("body", [100, BIG])
def test_what_is_published_is_locked_where_the_bucket_can(locked: str, tmp_path: Path, body: int) -> None:
    store = open_store(f"s3://{locked}/x")
    assert isinstance(store, S3Store)
    run = publish(store, a_run(tmp_path / "spool", store.url, body=body))
    assert run is not None
    for key in (run.warcs[0].key, run.warcs[0].cdxj, run.key):
        head = store.client.head_object(Bucket=locked, Key=f"x/{key}")
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert 360 < (head["ObjectLockRetainUntilDate"] - datetime.now(UTC)).days <= 365
        with pytest.raises(Exception, match="AccessDenied"):
            store.client.delete_object(Bucket=locked, Key=f"x/{key}", VersionId=head["VersionId"])


def test_derived_objects_are_not_locked(locked: str) -> None:
    store = open_store(f"s3://{locked}/x")
    assert isinstance(store, S3Store)
    store.put("index/head-1.json", b"{}")
    assert "ObjectLockMode" not in store.client.head_object(Bucket=locked, Key="x/index/head-1.json")


def test_without_days_nothing_is_locked(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORGUE_LOCK_DAYS", "0")
    store = open_store(f"s3://{locked}/x")
    assert isinstance(store, S3Store)
    store.put("runs/a", b"{}")
    assert "ObjectLockMode" not in store.client.head_object(Bucket=locked, Key="x/runs/a")


def test_a_server_without_object_lock_gets_a_plain_bucket(world: World) -> None:
    def refuses(request: faulty.Request, forward: faulty.Forward) -> faulty.Answer | None:
        asked = any(h.lower().startswith("x-amz-bucket-object-lock-enabled") for h in request.headers)
        return says(501, "NotImplemented")(request, forward) if asked else forward(request)

    name = f"plain-{os.urandom(4).hex()}"
    world.proxy.fault(refuses, "PUT", f"/{name}")
    make_bucket(name)
    assert S3Store(bucket=name, prefix="").lacks() == ("Object Lock", "versioning")


def test_a_store_that_lacks_nothing_says_so_again_and_again(locked: str) -> None:
    store = S3Store(bucket=locked, prefix="x")
    assert store.lacks() == ()
    assert store.lacks() == ()
    assert list(store.keys()) == [".probe"]


def test_a_store_that_ignores_conditions_and_checksums_is_known(world: World) -> None:
    world.proxy.fault(faulty.drops, "PUT")
    lacks = open_store(world.url).lacks()
    assert lacks[:2] == ("conditional writes", "checksums")


def test_a_folder_lacks_nothing(tmp_path: Path) -> None:
    assert open_store(str(tmp_path)).lacks() == ()


def test_the_command_says_what_the_store_lacks(world: World, morgue: Callable[..., Any]) -> None:
    done = morgue("store", "--json", MORGUE_ARCHIVE=world.url)
    assert done.json == {
        "url": world.url,
        "reachable": True,
        "can": ["conditional writes", "checksums"],
        "lacks": ["Object Lock", "versioning"],
    }


def test_the_command_says_that_a_store_is_away(world: World, morgue: Callable[..., Any]) -> None:
    world.proxy.fault(faulty.resets, "HEAD")
    done = morgue("store", "--json", MORGUE_ARCHIVE=world.url)
    assert (done.code, done.json["reachable"]) == (4, False)
