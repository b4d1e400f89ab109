"""Run reports: written once, read back as they were, whoever wrote them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import DamagedReport, NotStored, StoreConflict
from archive.model import Article, Run
from archive.reports import (
    Event,
    HostReport,
    RunReport,
    SourceReport,
    find_report,
    read_reading,
    read_report,
    reading_key,
    reading_of,
    recent_reports,
    report_key,
    report_keys,
    whole_report,
    write_reading,
    write_report,
)
from archive.runs import manifest_key, write_run
from archive.store import FolderStore
from tests.conftest import Ran

Morgue = Callable[..., Ran]

START = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)


def a_report(at: datetime = START, *, site: str = "paper", **values: Any) -> RunReport:
    run = values.pop("run", f"{at:%Y%m%dT%H%M%SZ}-00000001")
    end = at + timedelta(minutes=5)
    return RunReport(run=run, site=site, **{"started": at, "ended": end, "reason": "finished"} | values)


FULL = a_report(
    sources=(
        SourceReport(
            url="https://paper.example/feed",
            kind="feed",
            status=200,
            outcome="new",
            named=30,
            fresh=4,
            archived=29,
            failed=1,
            skipped={"elsewhere": 2},
            missing=("https://paper.example/a",),
            error="one timed out",
        ),
    ),
    hosts=(HostReport(host="paper.example", requests=44, delay=1.5, reason="robots.txt", waited=60.0),),
    events=(Event(kind="moved", url="https://paper.example/b", at=START, detail="to /c", capture="urn:x"),),
    named=30,
    archived=29,
    lags=(60.0, 120.5),
    fields={"headline": 1.0, "authors": 0.25},
    articles=4,
    walls={"paywall": 1},
    first_wall={"paywall": "https://paper.example/d"},
    traps={"calendar": 7},
    truncated=1,
)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    key = write_report(store, FULL)
    assert key == "reports/paper/20261120T070000Z-00000001.json"
    assert read_report(store, key) == FULL


TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
COUNTS = st.dictionaries(TEXT, st.integers(0, 2**60), max_size=3)
WHEN = st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SECONDS = st.floats(0, 1e9, allow_nan=False)
REPORTS = st.builds(
    RunReport,
    run=st.just("20261120T070000Z-1"),
    site=st.just("paper"),
    started=WHEN,
    ended=WHEN,
    reason=TEXT,
    sources=st.lists(
        st.builds(
            SourceReport,
            url=TEXT,
            kind=TEXT,
            status=st.none() | st.integers(0, 999),
            skipped=COUNTS,
            missing=st.lists(TEXT, max_size=3).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    events=st.lists(st.builds(Event, kind=TEXT, url=TEXT, at=WHEN, detail=TEXT), max_size=3).map(tuple),
    lags=st.lists(SECONDS, max_size=5).map(tuple),
    fields=st.dictionaries(TEXT, st.floats(0, 1), max_size=3),
    walls=COUNTS,
)


@given(report=REPORTS)
def test_any_report_survives_the_store(report: RunReport, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = FolderStore(tmp_path_factory.mktemp("any"))
    assert read_report(store, write_report(store, report)) == report


def test_half_a_surrogate_in_a_url_can_be_stored_and_shown(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    write_report(store, a_report(sources=(SourceReport(url="https://paper.example/\udc80", kind="feed"),)))
    [found] = recent_reports(store, "paper", START)
    assert found.sources[0].url == "https://paper.example/?"


def test_the_same_report_again_is_success_and_another_one_is_refused(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    write_report(store, FULL)
    write_report(store, FULL)
    with pytest.raises(StoreConflict):
        write_report(store, a_report(named=31))


def put(store: FolderStore, data: Any) -> str:
    key = report_key("paper", "20261120T070000Z-1")
    store.put(key, data if isinstance(data, bytes) else json.dumps(data).encode())
    return key


LEAST = {
    "run": "20261120T070000Z-1",
    "site": "paper",
    "started": "2026-11-20T07:00:00+00:00",
    "ended": "2026-11-20T07:05:00+00:00",
    "reason": "finished",
}


def test_keys_of_a_newer_writer_are_passed_over_and_those_of_an_older_one_filled_in(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    source = {"url": "https://paper.example/feed", "kind": "feed", "mood": "fine"}
    report = read_report(store, put(store, LEAST | {"form": 9, "weather": [1], "sources": [source]}))
    assert report.sources == (SourceReport(url="https://paper.example/feed", kind="feed"),)
    assert report.named == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 20000,
        {},
        LEAST | {"started": "soon"},
        LEAST | {"started": 7},
        LEAST | {"named": "many"},
        LEAST | {"named": True},
        LEAST | {"named": None},
        LEAST | {"sources": {}},
        LEAST | {"sources": [7]},
        LEAST | {"sources": [{"kind": "feed"}]},
        LEAST | {"walls": {"paywall": "x"}},
        LEAST | {"lags": [float("nan")]},
    ],
)
def test_a_damaged_report_is_named_by_its_key(tmp_path: Path, data: Any) -> None:
    store = FolderStore(tmp_path)
    with pytest.raises(DamagedReport, match=r"reports/paper/20261120T070000Z-1\.json is no run report"):
        read_report(store, put(store, data))


@given(data=st.binary(max_size=60))
def test_no_bytes_raise_anything_but_damage(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = FolderStore(tmp_path_factory.mktemp("bytes"))
    with pytest.raises(DamagedReport):
        read_report(store, put(store, data))


def test_a_report_that_is_not_there_is_not_damage(tmp_path: Path) -> None:
    with pytest.raises(NotStored):
        read_report(FolderStore(tmp_path), "reports/paper/none.json")
    with pytest.raises(NotStored, match="no report of a run none"):
        find_report(FolderStore(tmp_path), "none")


def test_reports_are_listed_by_time_over_all_sites(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for hour, site in ((2, "a"), (0, "b"), (1, "a")):
        write_report(store, a_report(START + timedelta(hours=hour), site=site))
    assert [k.split("/")[1] for k in report_keys(store)] == ["b", "a", "a"]
    assert [k.split("/")[2][9:16] for k in report_keys(store, "a")] == ["080000Z", "090000Z"]


def test_recent_reports_are_those_that_ended_since_oldest_first(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for hours in (0, 30, 60, 90):
        write_report(store, a_report(START + timedelta(hours=hours)))
    long = a_report(START + timedelta(hours=20), run="20261121T030000Z-2", ended=START + timedelta(hours=61))
    write_report(store, long)
    found = recent_reports(store, "paper", START + timedelta(hours=60))
    assert [(r.started - START).total_seconds() / 3600 for r in found] == [20, 60, 90]


def test_recall_is_the_share_archived_of_what_may_be_fetched() -> None:
    assert a_report(named=10, archived=6, forbidden=2).recall == 0.75
    assert a_report(named=0).recall is None
    assert a_report(named=3, forbidden=3).recall is None
    assert a_report(named=2, archived=3).recall == 1.0


def test_lags_are_told_by_their_median_and_what_95_percent_keep_below() -> None:
    report = a_report(lags=tuple(float(n) for n in range(100, 0, -1)))
    assert (report.lag_median, report.lag_p95) == (50.5, 95.0)
    assert (a_report().lag_median, a_report().lag_p95) == (None, None)


def published(tmp_path: Path, *reports: RunReport) -> FolderStore:
    """The archive of the settings, with these runs and their reports."""
    store = FolderStore(tmp_path / "archive")
    for report in reports:
        key = manifest_key(report.site, report.run)
        run = {"started": report.started, "ended": report.ended, "reason": report.reason}
        write_run(store, Run(id=report.run, site=report.site, **run, counts={}, warcs=(), key=key))  # type: ignore[arg-type]
        write_report(store, report)
    return store


def test_runs_of_a_site_are_listed_with_what_their_reports_say(tmp_path: Path, morgue: Morgue) -> None:
    published(tmp_path, replace(FULL, new=4, changed=2, gone=1, bytes=12345, failed=1))
    said = morgue("runs", "--site", "paper").out
    assert "recall 96.7 % (29 of 30), 4 new, 2 changed, 1 gone" in said
    assert "lag 90 s (95 % under 2 min), 12,345 bytes, 1 failed" in said
    [row] = morgue("runs", "--site", "paper", "--json").rows
    assert row["report"]["recall"] == pytest.approx(29 / 30)
    assert row["report"]["lag_p95"] == 120.5


def test_only_the_last_runs_are_listed_where_that_is_asked(tmp_path: Path, morgue: Morgue) -> None:
    published(tmp_path, *(a_report(START + timedelta(hours=n)) for n in range(3)))
    rows = morgue("runs", "--last", "2", "--json").rows
    assert [row["id"][9:11] for row in rows] == ["08", "09"]


def test_runs_whose_report_is_missing_or_damaged_are_listed_all_the_same(
    tmp_path: Path, morgue: Morgue
) -> None:
    store = published(tmp_path, FULL)
    (store.root / report_key("paper", FULL.run)).write_bytes(b"{")
    done = morgue("runs", "--site", "paper", "--json")
    assert done.code == 0
    assert "report" not in done.rows[0]


def test_a_report_is_shown_in_full_by_its_run_and_by_its_site(tmp_path: Path, morgue: Morgue) -> None:
    published(tmp_path, FULL)
    said = morgue("report", "paper").out
    for part in (
        "feed        30      4     29      1  new (200; 2 elsewhere; one timed out)  https://paper.example/feed",
        "paper.example  44 requests, 0 bytes, 0 failed; one every 1.5 s, robots.txt; waited 60 s",
        "moved      https://paper.example/b  (to /c)",
        "wall: paywall, 1 pages, first https://paper.example/d",
        "trap: calendar, 7 left out",
        "fields of 4 articles: authors 25.0 %, headline 100 %",
        "MISSING: named and not archived\n  https://paper.example/a",
    ):
        assert part in said
    assert morgue("report", FULL.run).out == said


def test_a_report_as_json_is_what_is_stored_and_what_follows_from_it(tmp_path: Path, morgue: Morgue) -> None:
    store = published(tmp_path, FULL)
    shown = morgue("report", "paper", "--json").json
    derived = {name: shown.pop(name) for name in ("recall", "lag_median", "lag_p95")}
    assert derived == {"recall": 29 / 30, "lag_median": 90.25, "lag_p95": 120.5}
    assert shown == {
        k: v for k, v in json.loads(store.read(report_key("paper", FULL.run))).items() if k != "form"
    }


def test_nothing_of_the_web_reaches_the_terminal_as_a_command(tmp_path: Path, morgue: Morgue) -> None:
    bell = "https://paper.example/\x1b]0;owned\x07"
    published(tmp_path, a_report(sources=(SourceReport(url=bell, kind="feed", missing=(bell,), error=bell),)))
    said = morgue("report", "paper").out
    assert "\x1b" not in said
    assert said.count("https://paper.example/\\x1b]0;owned\\x07") == 3


def test_a_run_without_a_report_is_said_in_one_line(tmp_path: Path, morgue: Morgue) -> None:
    published(tmp_path)
    FolderStore(tmp_path / "archive").put("x", b"")
    done = morgue("report", "20990101T000000Z-1")
    assert done.code == 4
    assert done.err.count("\n") == 1
    assert "`morgue runs` lists them" in done.err


def test_what_could_be_read_is_added_to_the_report_once(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    report = a_report()
    write_report(store, report)
    assert whole_report(store, report.site, report.run).pages == report.pages
    said = Article(url="https://paper.example/1", headline="Bridge to cost more")
    write_reading(store, reading_of(report.run, report.site, 4, [said]))
    write_reading(store, reading_of(report.run, report.site, 9, []))
    found = whole_report(store, report.site, report.run)
    assert (found.pages, found.articles, found.fields["headline"], found.fields["body"]) == (4, 1, 1.0, 0.0)


def test_a_damaged_reading_is_as_none(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put(reading_key("paper", "1"), b'{"pages": "many"}')
    assert read_reading(store, reading_key("paper", "1")) is None
