"""How far crawls are: in their log, as a note in the store, and on the room's pages."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from morgue_airflow.plugin import views

from archive.index import Index
from archive.progress import FORGOTTEN, Progress, forget, note, running
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.shelf import Shelf
from archive.store import FolderStore, Store, open_store
from spiders.specimen import Specimen
from tests.conftest import wait_until
from tests.keeping import Answer, Keeper, Reader, edition, open_room, served
from tests.test_study import URL, told

NOW = datetime.now(UTC)
CRAWL = Progress(
    run="20261126T120000Z-0000000a", site="paper", host="worker-2", started=NOW, at=NOW, exchanges=1234,
    ok=1200, failed=9, queued=77, pace=2.5, delay=1.0, bytes=4_200_000, waiting=1, waiting_bytes=4_300_000,
    free=81_600_000_000, airflow="manual__2026-11-26T12:00:00+00:00",
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path / "archive")


def read(store: Store, path: str) -> str:
    room = Room(Shelf(store, Index(store), {}), Origins(room_port=8090, replay_port=8091), replays=False)
    return " ".join(Reader(room.app()).get(path).text.split())


def test_a_note_says_all_that_an_operator_asks() -> None:
    assert CRAWL.line == (
        "crawling: 1,234 exchanges (1,200 ok, 9 failed), 77 queued, 2.5/s at 1 s a host, 4.2 MB; "
        "spool: 1 unpublished, 4.3 MB, 81.6 GB free"
    )


def test_notes_are_read_back_until_they_are_taken_away(store: Store) -> None:
    note(store, replace(CRAWL, exchanges=1))
    note(store, CRAWL)
    note(store, replace(CRAWL, site="other", run="b"))
    assert running(store, "paper") == [CRAWL]
    assert len(running(store)) == 2
    forget(store, "paper", CRAWL.run)
    assert running(store, "paper") == []


def test_what_is_no_note_counts_for_nothing_and_an_old_one_is_forgotten(store: Store) -> None:
    store.replace("state/.live/paper/x.json", b"{")
    store.replace("state/.live/paper/y.json", b'{"started": 1}')
    note(store, replace(CRAWL, at=NOW - FORGOTTEN))
    assert running(store) == []


def test_the_room_shows_all_crawls_and_reads_them_anew(store: Store) -> None:
    assert "No crawl runs at the moment" in read(store, "/live")
    note(store, replace(CRAWL, at=datetime.now(UTC)))
    shown = read(store, "/live")
    assert '<script src="/static/live.js" data-seconds="5" defer>' in shown
    assert "1 200 ok, 9 failed" in shown
    assert "worker-2" in shown
    assert "silent" not in shown
    note(store, replace(CRAWL, at=datetime.now(UTC) - timedelta(minutes=3)))
    assert "silent" in read(store, "/live")


def test_the_tab_of_a_run_shows_its_own_crawl_until_it_has_published(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    note(keeper.store, CRAWL)
    mine, other = "manual__2026-11-26T12:00:00%2B00:00", "manual__2026-11-26T13:00:00%2B00:00"
    assert "2.5/s" in read(keeper.store, f"/airflow/crawl_paper?run={mine}")
    without = read(keeper.store, f"/airflow/crawl_paper?run={other}")
    assert "2.5/s" not in without
    assert 'http-equiv="refresh"' in without
    forget(keeper.store, "paper", CRAWL.run)
    keeper.keep(Answer(at=edition(20), url=URL, body=told("40 million crowns")))
    assert 'http-equiv="refresh"' not in read(keeper.store, "/airflow/crawl_paper")


def test_airflow_has_a_view_of_the_crawls() -> None:
    assert {"name": "Crawls now", "href": "http://room/live", "destination": "nav", "url_route": "live"} in (
        views("http://room/")
    )


def test_a_crawl_says_how_far_it_is_and_leaves_no_note_behind(
    paper: Specimen, tmp_path: Path, site: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = site(paper, "delay = 0.3")
    monkeypatch.setenv("MORGUE_PROGRESS_SECONDS", "0.2")
    command = [sys.executable, "-m", "archive", "crawl", name, "--limit", "2"]
    with (tmp_path / "log").open("wb") as log:
        crawl = subprocess.Popen(command, stdout=log, stderr=log)
    store = open_store(str(tmp_path / "archive"))
    seen: list[Progress] = []

    def noted() -> bool:
        seen.extend(running(store, name))
        return any(p.exchanges > 1 for p in seen) or crawl.poll() is not None

    try:
        wait_until(noted, seconds=90, what="a note")
        assert crawl.wait(120) == 0
    finally:
        crawl.kill()
    assert any(p.exchanges > 1 and p.phase == "crawling" for p in seen), (tmp_path / "log").read_text()
    assert running(store) == []
    assert "queued" in (tmp_path / "log").read_text()


def test_a_store_that_is_away_hurts_no_crawl(
    morgue: Any, paper: Specimen, tmp_path: Path, site: Callable[..., str]
) -> None:
    (tmp_path / "archive" / "state").mkdir(parents=True)
    (tmp_path / "archive" / "state" / ".live").write_text("in the way")
    done = morgue("crawl", site(paper, "delay = 0.2"), "--limit", "1", MORGUE_PROGRESS_SECONDS="0.2")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "archive" / "runs" / "paper").glob("*.json").__next__().read_text())


@pytest.mark.browser
def test_what_runs_now_is_renewed_in_its_place_without_loading_the_page_again(
    page: Any, tmp_path: Path
) -> None:
    keeper = Keeper(tmp_path)
    note(keeper.store, replace(CRAWL, at=datetime.now(UTC)))
    with served(open_room(keeper.store)) as desk:
        page.goto(desk.room_url + "/live")
        assert "200 ok" in page.inner_text("main")
        page.evaluate("document.body.dataset.kept = 'yes'")
        note(keeper.store, replace(CRAWL, ok=1300, at=datetime.now(UTC)))
        page.wait_for_function("() => document.querySelector('main').innerText.includes('300 ok')")
        assert page.evaluate("document.body.dataset.kept") == "yes"
