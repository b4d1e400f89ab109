"""The index: findable at once, and cheap later."""

import hashlib
import heapq
import itertools
import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.cdxj import line_of
from archive.errors import NotCaptured
from archive.index import Index, in_order, merge, newer_head, read_head, recent
from archive.publish import publish
from archive.segments import write_segment
from archive.store import FolderStore, Store, open_store
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
    assert all(older >= 4 * younger for older, younger in itertools.pairwise(sizes))


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


def old_segment(store: Store, head: int, *runs: str) -> None:
    """The index as older versions made it: one plain segment of these runs."""
    lines = "".join(f"{line_of(c)}\n" for c in Index(store).all()).encode()
    key = f"index/segment-{hashlib.sha256(lines).hexdigest()[:32]}.cdxj"
    store.put(key, lines)
    segments = [{"key": key, "lines": lines.count(b"\n")}]
    store.put(f"index/head-{head:08}.json", json.dumps({"segments": segments, "runs": runs}).encode())


def test_a_segment_of_an_older_version_is_read_and_made_anew(tmp_path: Path) -> None:
    for number in range(3):
        store = add_run(tmp_path, number, "http://paper.example/a")
    found = Index(store).all()
    old_segment(store, 1, *store.keys("runs/"))
    assert Index(store).all() == found
    head = merge(store)
    assert (head.number, [s["lines"] for s in head.segments]) == (2, [3])
    assert all(s["key"].endswith(".cdxj.gz") for s in head.segments)
    assert Index(store).all() == found


def test_a_run_published_after_the_index_was_read_joins_the_merged_ones(tmp_path: Path) -> None:
    store = add_run(tmp_path, 0, "http://paper.example/a")
    index = Index(store, patience=0)
    for number in range(1, 4):
        merge(store)
        assert len(index.captures("http://paper.example/a")) == number
        add_run(tmp_path, number, "http://paper.example/a")
        assert len(index.captures("http://paper.example/a")) == number + 1


def test_what_was_found_is_not_looked_for_again_while_nothing_changes(tmp_path: Path) -> None:
    store = add_run(tmp_path, 0, "http://paper.example/a")
    index = Index(store, patience=0)
    first = index.captures("http://paper.example/a")
    assert index.captures("http://paper.example/a")[0] is first[0]
    first.clear()
    assert len(index.captures("http://paper.example/a")) == 1


def test_a_line_in_two_layers_is_one_capture(tmp_path: Path) -> None:
    store = add_run(tmp_path, 0, "http://paper.example/a", "http://paper.example/b")
    lines = [line_of(c).encode() for c in Index(store).all()]
    made = write_segment(store, lines)
    head = {"segments": [made], "runs": []}
    store.put("index/head-00000001.json", json.dumps(head).encode())
    assert [line_of(c).encode() for c in Index(store).all()] == lines
    assert [s["lines"] for s in merge(store).segments] == [2]


def test_index_lines_come_in_reverse_as_well(tmp_path: Path) -> None:
    for number in range(3):
        store = add_run(tmp_path, number, "http://paper.example/a", f"http://paper.example/{number}")
        if number == 1:
            merge(store)
    index = Index(store)
    forward = list(index.lines(b"", b"\xff"))
    assert forward == sorted(forward)
    assert list(index.lines(b"", b"\xff", reverse=True)) == forward[::-1]


def test_the_newest_head_is_found_from_any_older_one(tmp_path: Path) -> None:
    heads = [read_head(FolderStore(tmp_path / "archive"))]
    for number in range(4):
        store = add_run(tmp_path, number, "http://paper.example/a")
        heads.append(merge(store))
    assert all(newer_head(store, head) == heads[-1] for head in heads)


@given(
    st.lists(st.lists(st.text("ab{}", min_size=1, max_size=4), max_size=6), max_size=8), st.integers(0, 30)
)
def test_lines_beyond_memory_are_sorted_by_way_of_files(texts: list[list[str]], room: int) -> None:
    with ExitStack() as stack:
        streams, count = in_order(("\n".join(t).encode() for t in texts), stack, room=room)
        assert list(heapq.merge(*streams)) == sorted(line.encode() for text in texts for line in text)
    assert count == sum(map(len, texts))
