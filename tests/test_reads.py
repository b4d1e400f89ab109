"""Reads of an S3 store: the short way past boto3, and when boto3 is asked after all."""

import os
from collections.abc import Iterator

import pytest

from archive import s3 as s3_module
from archive.errors import NotStored, StoreBusy, StoreDenied
from archive.s3 import S3Store
from tests.faulty import Fault, Faulty

KEY = "warc/papér/a b+c&d=e~%41.warc.gz"
DATA = bytes(range(256)) * 40


@pytest.fixture
def wire(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    with Faulty(int(s3["AWS_ENDPOINT_URL_S3"].rpartition(":")[2])) as wire:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", wire.url)
        yield wire


@pytest.fixture
def store(wire: Faulty) -> S3Store:
    """A store with one object, whose next requests `wire` sees."""
    store = S3Store(bucket="morgue", prefix=os.urandom(5).hex())
    store.put(KEY, DATA)
    wire.hits.clear()
    return store


def no_boto(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(**_: object) -> None:
        raise AssertionError("boto3 was asked")

    monkeypatch.setattr(store.client, "get_object", asked)


@pytest.mark.parametrize("span", [(0, None), (0, 10), (5, 300), (10_000, None), (10_000, 9_999)])
def test_what_is_there_is_read_in_one_request_past_boto3(
    store: S3Store, wire: Faulty, monkeypatch: pytest.MonkeyPatch, span: tuple[int, int | None]
) -> None:
    no_boto(store, monkeypatch)
    start, length = span
    assert store.read(KEY, start, length) == DATA[start:][:length]
    assert len(wire.hits) == 1


def test_an_empty_object_is_read_past_boto3(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("runs/empty", b"")
    no_boto(store, monkeypatch)
    assert store.read("runs/empty") == b""


@pytest.mark.parametrize("kind", ["500", "503", "429", "reset", "cut"])
def test_what_goes_wrong_once_is_asked_for_again(store: S3Store, wire: Faulty, kind: str) -> None:
    wire.faults.append(Fault(kind, method="GET", times=1))
    assert store.read(KEY, 100, 50) == DATA[100:150]


@pytest.mark.parametrize("kind", ["500", "503", "reset", "cut"])
def test_what_stays_wrong_is_said_as_boto3_has_it(store: S3Store, wire: Faulty, kind: str) -> None:
    wire.faults.append(Fault(kind, method="GET"))
    with pytest.raises(StoreBusy):
        store.read(KEY, 100, 50)


def test_what_is_not_there_is_said(store: S3Store) -> None:
    with pytest.raises(NotStored):
        store.read("warc/nothing", 0, 10)


def test_wrong_credentials_are_said(
    s3: dict[str, str], store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreDenied):
        S3Store(bucket="morgue", prefix=store.prefix).read(KEY)


def test_without_credentials_that_is_said(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    with pytest.raises(StoreDenied, match="no credentials"):
        S3Store(bucket="morgue", prefix="x").read(KEY)


def test_a_store_that_only_boto3_can_read_is_asked_twice_a_few_times_only(
    store: S3Store, wire: Faulty
) -> None:
    assert store._direct is not None
    store._direct._base += "elsewhere/"  # as if it had another address than boto3 finds
    for _ in range(s3_module.VAIN + 5):
        assert store.read(KEY, 1, 2) == DATA[1:3]
    assert len(wire.hits) == 2 * s3_module.VAIN + 5
