"""The index: findable at once, and cheap later."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.cdxj import line_of
from archive.errors import NotCaptured
from archive.index import Index, merge, read_head, recent
from archive.publish import publish
from archive.store import Store, open_store
from tests.test_spool import begin
from tests.test_warc import exchange

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)


def add_run(folder: Path, number: int, *urls: str) -> Store:
    """Publish a run that captured some pages, `number` hours after the first."""
    at = AT + timedelta(hours=number)
    spool = begin(folder, run=f"{at:%Y%m%dT%H%M%SZ}-{number:08x}")
    for url in urls:
        spool.submit(exchange(url=url, began=at))
    spool.close("finished")
    store = open_store(str(folder / "archive"))
    publish(store, spool.folder)
    return store


def test_a_published_run_is_found_at_once(tmp_path: Path) -> None:
    store = add_run(tmp_path, 0, "http://paper.example/a")
    index = Index(store, patience=0)
    add_run(tmp_path, 1, "http://paper.example/a")
    assert [c.at for c in index.captures("http://paper.example/a")] == [AT, AT + timedelta(hours=1)]


def test_merging_changes_nothing_that_is_found(tmp_path: Path) -> None:
    for number in range(5):
        store = add_run(tmp_path, number, "http://paper.example/a", f"http://paper.example/{number}")
        if number % 2:
            merge(store)
    found = [line_of(c) for c in Index(store).all()]
    assert len(found) == 10
    merge(store)
    assert [line_of(c) for c in Index(store).all()] == found
    assert len(read_head(store).runs) == 5


def test_merging_twice_does_nothing(tmp_path: Path) -> None:
    store = add_run(tmp_path, 0, "http://paper.example/a")
    assert merge(store) == merge(store)


def test_segments_grow_geometrically(tmp_path: Path) -> None:
    for number in range(8):
        store = add_run(tmp_path, number, "http://paper.example/a")
        merge(store)
    sizes = [s["lines"] for s in read_head(store).segments]
    assert sum(sizes) == 8
    assert all(older >= 2 * younger for older, younger in itertools.pairwise(sizes))


@settings(deadline=None, max_examples=15)
@given(st.integers(min_value=-48, max_value=96))
def test_the_closest_capture_is_the_nearest_in_time(
    tmp_path_factory: pytest.TempPathFactory, hour: int
) -> None:
    folder = tmp_path_factory.mktemp("closest")
    for number in (0, 10, 20):
        store = add_run(folder, number, "http://paper.example/a")
    wanted = AT + timedelta(hours=hour, minutes=1)
    expected = min((AT + timedelta(hours=n) for n in (0, 10, 20)), key=lambda at: abs(at - wanted))
    assert Index(store).closest("http://paper.example/a", wanted).at == expected


def test_a_url_that_was_never_captured_is_said(tmp_path: Path) -> None:
    store = add_run(tmp_path, 0, "http://paper.example/a")
    with pytest.raises(NotCaptured):
        Index(store).closest("http://paper.example/b")


def test_recent_captures_are_those_of_the_site_since_then(tmp_path: Path) -> None:
    add_run(tmp_path, 0, "http://paper.example/old")
    store = add_run(tmp_path, 100, "http://paper.example/new")
    found = recent(store, "paper", AT + timedelta(hours=50))
    assert [c.url for c in found] == ["http://paper.example/new"]
