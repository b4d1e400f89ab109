"""Stores: a folder and a real S3 server keep the same promises."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from archive.errors import CallerError, NotStored, StoreBusy, StoreConflict, StoreDenied, StoreError
from archive.s3 import PART
from archive.store import Store, open_store, sha256_of
from tests.conftest import free_port


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    request.getfixturevalue("s3")
    name = hashlib.sha1(f"{tmp_path}{os.getpid()}".encode()).hexdigest()[:12]
    return open_store(f"s3://morgue/{name}")


def test_what_was_put_is_read(store: Store) -> None:
    store.put("a/b", b"hello")
    assert store.read("a/b") == b"hello"


def test_a_range_is_read(store: Store) -> None:
    store.put("a", b"0123456789")
    assert store.read("a", 3, 4) == b"3456"


def test_the_rest_from_an_offset_is_read(store: Store) -> None:
    store.put("a", b"0123456789")
    assert store.read("a", 8) == b"89"


def test_equal_bytes_may_be_put_again(store: Store) -> None:
    store.put("a", b"x")
    store.put("a", b"x")
    assert store.read("a") == b"x"


def test_other_bytes_are_a_conflict_and_change_nothing(store: Store) -> None:
    store.put("a", b"x")
    with pytest.raises(StoreConflict):
        store.put("a", b"y")
    assert store.read("a") == b"x"


def test_of_many_writers_exactly_one_wins(store: Store) -> None:
    def put(number: int) -> bool:
        try:
            store.put("race", b"%d" % number)
        except StoreConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(put, range(8))) == 1


def test_a_missing_key_is_not_stored(store: Store) -> None:
    assert store.size("nothing") is None
    with pytest.raises(NotStored):
        store.read("nothing")


def test_keys_come_sorted_whatever_the_server_thinks(store: Store) -> None:
    for key in ("o/a/b", "o/a-b", "o/a b", "p"):
        store.put(key, b"")
    assert list(store.keys("o/")) == ["o/a b", "o/a-b", "o/a/b"]


def test_a_file_is_put_and_verified(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(PART + 100_000))  # two parts
    store.put_file("big", path, sha256_of(path))
    store.put_file("big", path, sha256_of(path))
    assert hashlib.sha256(store.read("big")).hexdigest() == sha256_of(path)


def test_a_file_does_not_replace_another(store: Store, tmp_path: Path) -> None:
    store.put("big", b"other")
    path = tmp_path / "file"
    path.write_bytes(os.urandom(PART + 1))
    with pytest.raises(StoreConflict):
        store.put_file("big", path, sha256_of(path))
    assert store.read("big") == b"other"


@pytest.mark.parametrize("key", ["/etc/passwd", "../x", "a/../../x", ""])
def test_a_key_cannot_lead_out_of_a_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(CallerError):
        open_store(str(tmp_path)).put(key, b"")


def test_a_missing_bucket_is_said(s3: dict[str, str]) -> None:
    with pytest.raises(StoreError, match="no bucket 'absent'"):
        open_store("s3://absent/x").check()


def test_wrong_credentials_are_said(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreDenied, match="credentials"):
        open_store("s3://morgue/x").check()


def test_a_server_that_is_not_there_is_said(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StoreBusy, match="cannot reach the store"):
        open_store("s3://morgue/x").check()


@pytest.mark.parametrize("url", ["http://x/y", "s3://", "gs://bucket"])
def test_an_address_that_is_no_archive_is_refused(url: str) -> None:
    with pytest.raises(CallerError):
        open_store(url)


def test_a_read_only_folder_is_said(morgue: Callable[..., Any], tmp_path: Path) -> None:
    done = morgue("runs", "--archive", "/proc/nothing")
    assert (done.code, done.err.count("\n")) == (4, 1)


def test_what_is_amended_holds_the_new_bytes_alone(store: Store, tmp_path: Path) -> None:
    store.put("warc/a", b"secret" * 1000)
    (tmp_path / "new").write_bytes(b"public" * 900)
    store.amend("warc/a", tmp_path / "new")
    assert store.read("warc/a") == b"public" * 900
    store.amend("warc/a", b"short")
    assert (store.read("warc/a"), store.size("warc/a")) == (b"short", 5)
    assert list(store.keys("")) == ["warc/a"]


def test_what_is_erased_is_gone_and_may_be_erased_again(store: Store) -> None:
    store.put("warc/a", b"secret")
    for _ in range(2):
        store.erase("warc/a")
        assert store.size("warc/a") is None


def test_no_version_of_what_was_locked_is_left(s3: dict[str, str]) -> None:
    from archive.s3 import S3Store

    bucket = f"locked-{os.urandom(4).hex()}"
    bare = S3Store(bucket=bucket, prefix="")
    bare.client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    store = open_store(f"s3://{bucket}")
    store.put("warc/a", b"secret")
    store.amend("warc/a", b"public")
    store.put("warc/b", b"secret")
    store.erase("warc/b")
    told = bare.client.list_object_versions(Bucket=bucket)
    assert [(v["Key"], v["Size"]) for v in told.get("Versions", ())] == [("warc/a", 6)]
    assert store.read("warc/a") == b"public"
