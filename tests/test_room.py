"""The reading room: what a researcher sees, and what hostile pages cannot do to it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from archive.errors import CallerError, StoreBusy
from archive.index import Index
from archive.reports import Event, HostReport, RunReport, SourceReport, write_report
from archive.room.desk import open_desk
from archive.room.links import weblink
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.shelf import Shelf
from archive.sites import Site
from archive.store import FolderStore, Store
from spiders.specimen import Specimen
from tests.keeping import Answer, Keeper, Reader, edition, open_room, printed, served

PAPER = "http://paper.example"
BRIDGE = "http://paper.example/news/2026/11/20/harbour-bridge-reopens"
SITES = {"specimen": Site(id="specimen", name="The Daily Specimen", home="http://paper.example/")}


def a_room(store: Store, *, replays: bool = True) -> Reader:
    origins = Origins(room_port=8090, replay_port=8091)
    room = Room(Shelf(store, Index(store), SITES), origins, replays=replays)
    return Reader(room.app())


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    keeper = Keeper(tmp_path_factory.mktemp("room"))
    with Specimen() as paper:
        for number in (0, 1):
            keeper.keep(*printed(paper, number), site="specimen")
    return a_room(keeper.store)


def test_the_front_page_lists_newspapers_with_runs_and_articles(room: Reader) -> None:
    page = room.get("/").text
    assert 'href="/site/specimen">The Daily Specimen</a>' in page
    assert "2 runs" in page
    assert re.search(r"\b1\d articles", page)


def test_a_newspaper_page_names_its_days_and_its_runs_with_their_warcs(room: Reader) -> None:
    page = room.get("/site/specimen").text
    assert "20 November 2026" in page
    assert "finished" in page
    assert re.search(r"warc/specimen/\d{4}/\d\d/\d\d/specimen-\d{14}-specimen0001-00001\.warc\.gz", page)


def test_a_day_lists_the_articles_published_on_it(room: Reader) -> None:
    page = room.get("/site/specimen/2026-11-20").text
    assert "Harbour bridge reopens" in page
    words = re.sub(r"<[^>]+>", "", page)
    assert "published 20 November 2026, 06:40 UTC, captured 21 November 2026, 07:00:05 UTC" in words
    assert "Night trams" not in page


def test_a_day_without_articles_names_the_nearest_that_has_some(room: Reader) -> None:
    answer = room.get("/site/specimen/2026-01-01")
    assert answer.status_code == 404
    assert "16 November 2026" in answer.text


def test_an_article_shows_what_it_says_and_the_record_that_it_came_from(room: Reader) -> None:
    page = room.get("/article", params={"url": BRIDGE}).text
    assert "<h1>Harbour bridge reopens after repair costing 24 million crowns</h1>" in page
    assert "Tamsin Orrowby" in page
    assert "The harbour bridge at dawn" in page
    assert "21 November 2026, 07:00:05 UTC" in page
    assert re.search(r"offset \d+, \d+ bytes", page)
    assert (
        "/record?url=http%3A%2F%2Fpaper.example%2Fnews%2F2026%2F11%2F20%2Fharbour-bridge-reopens&amp;at=2026"
        in page
    )


def test_an_older_version_of_an_article_can_be_read(room: Reader) -> None:
    newest = room.get("/article", params={"url": BRIDGE}).text
    older = re.search(r'href="(/article\?[^"]+version=\w+)">[^<]*42 million', newest)
    assert older is not None
    page = room.get(older[1].replace("&amp;", "&")).text
    assert "<h1>Harbour bridge reopens after repair costing 42 million crowns</h1>" in page


def test_a_url_that_is_no_article_leads_to_its_captures(room: Reader) -> None:
    answer = room.get("/article", params={"url": "http://paper.example/static/paper.css"})
    assert answer.url.path == "/lookup"
    assert "2 captures" in answer.text


def test_a_capture_page_frames_the_replay_on_another_origin(room: Reader) -> None:
    answer = room.get("/capture", params={"url": BRIDGE, "at": "20261120070005"})
    frame = re.search(r"<iframe[^>]*>", answer.text)
    assert frame is not None
    assert 'src="http://127.0.0.1:8091/?' in frame[0]
    assert 'sandbox="allow-scripts allow-same-origin allow-forms"' in frame[0]
    assert 'referrerpolicy="no-referrer"' in frame[0]
    assert "frame-src http://127.0.0.1:8091;" in answer.headers["content-security-policy"]
    assert "Capture 1 of 2" in answer.text
    assert 'rel="next"' in answer.text
    assert 'rel="prev"' not in answer.text


def test_the_nearest_capture_is_shown_and_said_to_be_so(room: Reader) -> None:
    page = room.get("/capture", params={"url": BRIDGE, "at": "20261121"}).text
    assert "The nearest to 21 November 2026, 00:00 UTC" in page
    assert "at=20261121070005" in page


def test_a_reader_on_localhost_is_sent_to_the_replay_on_localhost(room: Reader) -> None:
    answer = room.get("/capture", params={"url": BRIDGE}, headers={"host": "localhost:8090"})
    assert 'src="http://localhost:8091/?' in answer.text
    assert "frame-src http://localhost:8091;" in answer.headers["content-security-policy"]


def test_a_host_header_that_is_no_host_gets_nowhere(room: Reader) -> None:
    answer = room.get("/capture", params={"url": BRIDGE}, headers={"host": "x; script-src *"})
    assert "frame-src http://127.0.0.1:8091;" in answer.headers["content-security-policy"]


def test_a_redirect_in_circles_is_said_to_be_one(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    for path, to in (
        ("/a", "/b"),
        ("/b", "/a"),
        ("/own", "/own"),
        ("/on", "/end"),
        ("/out", "http://x.example/"),
    ):
        moved = Answer(at=edition(20), url=PAPER + path, status="302 Found", headers=(("Location", to),))
        keeper.keep(moved, Answer(at=edition(20), url=f"{PAPER}/end", body=b"end"))
    reader = a_room(keeper.store)
    said = {p: "in circles" in reader.get("/capture", params={"url": PAPER + p}).text
            for p in ("/a", "/b", "/own", "/on", "/out", "/end")}  # fmt: skip
    assert said == {"/a": True, "/b": True, "/own": True, "/on": False, "/out": False, "/end": False}


def test_a_pdf_is_offered_to_be_taken(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    kind = (("Content-Type", "application/pdf"),)
    keeper.keep(Answer(at=edition(20), url=f"{PAPER}/a.pdf", headers=kind, body=b"%PDF-1.4"))
    page = a_room(keeper.store).get("/capture", params={"url": f"{PAPER}/a.pdf"}).text
    assert "take it as it was" in page
    assert "<iframe" not in page


def test_the_banner_says_by_which_run_a_page_was_captured(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    runs = [keeper.keep(Answer(at=edition(day), url=f"{PAPER}/", body=b"%d" % day)) for day in (20, 21)]
    for run, day in zip(runs, (20, 21), strict=True):
        page = a_room(keeper.store).get("/capture", params={"url": f"{PAPER}/", "at": f"202611{day}"}).text
        assert f'by test, <a href="/runs/{run.id}">' in page


def test_without_wabac_the_capture_page_says_how_to_get_it(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url="http://paper.example/"))
    page = a_room(keeper.store, replays=False).get("/capture?url=http://paper.example/").text
    assert "python -m archive.room.wabac" in page
    assert "<iframe" not in page


def test_a_url_typed_without_its_scheme_is_looked_up(room: Reader) -> None:
    page = room.get("/lookup", params={"url": "paper.example/2026/harbour-bridge.html"}).text
    assert "2 captures" in page
    assert "301" in page


def test_a_url_never_captured_is_named_with_the_nearest_that_was(room: Reader) -> None:
    answer = room.get("/lookup", params={"url": "http://paper.example/news/none.html?x=1"})
    assert answer.status_code == 404
    assert "http://paper.example/news/none.html?x=1" in answer.text
    assert "/capture?url=http%3A%2F%2Fpaper.example%2Fnews%2F&amp;at=20261121" in answer.text


def test_a_run_page_shows_its_manifest(room: Reader) -> None:
    listed = room.get("/site/specimen").text
    link = re.search(r'href="(/runs/[^"]+)"', listed)
    assert link is not None
    page = room.get(link[1]).text
    assert "sha256" in page
    assert "runs/specimen/" in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/site/nobody", 404),
        ("/site/specimen/yesterday", 400),
        ("/runs/none", 404),
        ("/capture?url=http://paper.example/&at=soon", 400),
        ("/capture", 404),
        ("/article", 404),
        ("/nowhere", 404),
        ("/lookup?url=http://[broken", 404),
        ("/health", 200),
    ],
)
def test_what_is_not_there_is_answered_in_one_page(room: Reader, path: str, status: int) -> None:
    assert room.get(path).status_code == status


@pytest.mark.parametrize(
    "path", ["/", "/site/specimen", "/lookup", "/nowhere", "/static/room.css", "/health"]
)
def test_no_page_may_run_scripts_or_be_framed_or_set_cookies(room: Reader, path: str) -> None:
    answer = room.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def test_hostile_articles_are_shown_as_text(tmp_path: Path) -> None:
    import json

    said = {
        "@type": "NewsArticle",
        "headline": HOSTILE,
        "description": HOSTILE,
        "author": [{"name": HOSTILE}],
        "articleSection": HOSTILE,
        "image": {"url": "javascript:alert(1)", "caption": HOSTILE},
    }
    data = json.dumps(said).replace("</", "<\\/")
    text = f"<p>{HOSTILE.replace('<', '&lt;')}</p>" * 3
    body = f'<title>x</title><script type="application/ld+json">{data}</script><article>{text}</article>'
    url = "http://paper.example/a?q='\"><script>alert(2)</script>"
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=url, body=body.encode()))
    room = a_room(keeper.store)
    paths = ["/", "/site/paper", "/site/paper/2026-11-20"]
    pages = [room.get(path).text for path in paths]
    pages += [room.get(path, params={"url": url}).text for path in ("/article", "/capture", "/lookup")]
    assert "&lt;script&gt;" in "".join(pages)
    for page in pages:
        assert "<script" not in page.replace('<script src="/static/banner.js" defer></script>', "")
        assert "<img" not in page
        assert 'href="javascript:' not in page


def test_hostile_questions_are_shown_as_text(room: Reader) -> None:
    for path in ("/lookup", "/capture", "/article"):
        assert "<script" not in room.get(path, params={"url": HOSTILE, "at": "20261120"}).text
    assert "<script" not in room.get("/capture", params={"url": BRIDGE, "at": HOSTILE}).text
    assert "<script" not in room.get(f"/site/{HOSTILE}").text


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "http://",
        "//x",
        "http://a b/",
        "ftp://x/",
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert weblink(url) == ""


class BusyStore(FolderStore):
    """A store that cannot be reached now."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        raise StoreBusy("the store at 127.0.0.1:1 does not answer; try again")


def test_a_store_that_does_not_answer_is_a_503_of_one_line(tmp_path: Path) -> None:
    for path in ("/", "/site/x", "/lookup?url=http://paper.example/"):
        answer = a_room(BusyStore(tmp_path)).get(path)
        assert answer.status_code == 503
        assert "the store at 127.0.0.1:1 does not answer" in answer.text


def test_an_empty_archive_says_what_to_do_first(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    room = Room(Shelf(store, Index(store), {}), Origins(room_port=1, replay_port=2), replays=True)
    assert "morgue site add URL" in Reader(room.app()).get("/").text


def test_a_taken_port_is_named_with_its_option(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    desk = open_desk(store, {}, port=0, replay_port=0)
    try:
        with pytest.raises(
            CallerError, match=rf"port {desk.origins.room_port} on 127.0.0.1 is taken.*--port"
        ):
            open_desk(store, {}, port=desk.origins.room_port, replay_port=0)
        with pytest.raises(CallerError, match="--replay-port"):
            open_desk(store, {}, port=0, replay_port=desk.origins.room_port)
    finally:
        for sock in desk.sockets:
            sock.close()


# --- how well the newspapers are kept ----------------------------------------------------------------------

FEED = "http://paper.example/feed.xml"


def reported(store: Store, ago: float, **values: Any) -> RunReport:
    """The report of a run `ago` hours before now."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=ago)
    begun = {"started": at, "ended": at + timedelta(minutes=1), "reason": "finished", "site": "specimen"}
    report = RunReport(**{"run": f"{at:%Y%m%dT%H%M%SZ}-1"} | begun | values)
    write_report(store, report)
    return report


def failing(store: Store) -> list[RunReport]:
    bad = SourceReport(url=FEED, kind="feed", status=500, outcome="failed", error="status 500")
    return [reported(store, 9.0 - n, sources=(bad,), named=10, archived=9, new=2) for n in range(8)]


def test_the_front_page_leads_to_how_well_the_newspapers_are_kept(room: Reader) -> None:
    assert 'href="/newspapers"' in room.get("/").text
    assert 'href="/newspapers/specimen"' in room.get("/site/specimen").text


def test_the_overview_has_the_figures_of_each_newspaper_and_alarms_first(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    reported(store, 1, site="another", named=4, archived=3, new=2, lags=(60.0, 600.0))
    failing(store)
    page = a_room(store).get("/newspapers").text
    assert page.index("The Daily Specimen") < page.index(">another<")
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "The Daily Specimen 2 incomplete, source fails 90.0 % 16 16 in 7 days" in words
    assert "another none 75.0 % 2 2 in 7 days 6 min" in words


def test_an_alarm_leads_to_the_first_bad_capture_and_its_run(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    reports = failing(keeper.store)
    for moment in (reports[0].started - timedelta(days=1), reports[0].started + timedelta(seconds=5)):
        keeper.keep(Answer(at=moment, url=FEED, status="500 Broken"), site="specimen")
    page = a_room(keeper.store).get("/newspapers/specimen").text
    assert "The feed could not be read 8 times in a row (status 500)." in page
    bad = f"{reports[0].started + timedelta(seconds=5):%Y%m%d%H%M%S}"
    link = f"/capture?url=http%3A%2F%2Fpaper.example%2Ffeed.xml&amp;at={bad}"
    assert f'<a href="{link}">Replay the first bad capture</a>' in page
    assert a_room(keeper.store).get(link.replace("&amp;", "&")).status_code == 200


def test_an_alarm_without_a_capture_offers_none(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    reports = failing(store)
    page = a_room(store).get("/newspapers/specimen").text
    assert "Replay the first bad capture" not in page
    assert f'<a href="/runs/{reports[0].run}">The first bad run</a>' in page


def full_report(store: Store, text: str, url: str, **values: Any) -> RunReport:
    """A report that says `text` wherever the web could."""
    now = datetime.now(UTC)
    return reported(
        store,
        0.5,
        sources=(SourceReport(url=url, kind="feed", skipped={text: 2}, missing=(url,), error=text),),
        hosts=(HostReport(host=text, reason=text, state="down", waited=60.0),),
        events=(Event(kind="moved", url=url, at=now, detail=text),),
        walls={text: 1},
        first_wall={text: url},
        traps={text: 3},
        fields={text: 0.5},
        articles=1,
        **values,
    )


def test_a_newspaper_shows_its_last_report_in_full(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    full_report(store, "a word", FEED, named=3, archived=2, lags=(30.0,))
    words = " ".join(re.sub(r"<[^>]+>", " ", a_room(store).get("/newspapers/specimen").text).split())
    for part in ("66.7 % of 3", "2 a word", "Named and not archived http", "waited 60 s", "A word 50.0 %",
                 "Wall: a word", "Left out: a word", "moved http://paper.example/feed.xml"):  # fmt: skip
        assert part in words


def test_a_run_page_shows_the_report_of_that_run(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    run = keeper.keep(Answer(at=edition(20), url="http://paper.example/"), site="specimen")
    full_report(keeper.store, "a word", FEED, run=run.id)
    assert "Named and not archived" in a_room(keeper.store).get(f"/runs/{run.id}").text


def test_hostile_reports_are_shown_as_text(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    run = keeper.keep(Answer(at=edition(20), url="http://paper.example/"), site="specimen")
    failing(keeper.store)
    for url in ("javascript:alert(1)", f"http://paper.example/{HOSTILE}"):
        full_report(keeper.store, HOSTILE, url, run=run.id if "java" in url else "29990101T000000Z-1")
    room = a_room(keeper.store)
    pages = [room.get(path).text for path in ("/newspapers", "/newspapers/specimen", f"/runs/{run.id}")]
    assert "&lt;script&gt;" in pages[1]
    for page in pages:
        assert "<script" not in page
        assert "<img" not in page
        assert 'href="javascript:' not in page
        assert "style=" not in page  # our own policy would drop it


def test_without_reports_the_pages_say_what_to_do(tmp_path: Path) -> None:
    room = a_room(FolderStore(tmp_path))
    assert "morgue crawl specimen" in room.get("/newspapers").text
    assert "morgue crawl specimen" in room.get("/newspapers/specimen").text
    store = FolderStore(tmp_path)
    empty = Room(Shelf(store, Index(store), {}), Origins(room_port=1, replay_port=2), replays=True)
    assert "morgue site add URL" in Reader(empty.app()).get("/newspapers").text
    assert room.get("/newspapers/nobody").status_code == 404


def test_a_damaged_report_takes_no_page_down(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    report = reported(store, 1)
    (tmp_path / "reports" / "specimen" / f"{report.run}.json").write_bytes(b"{")
    room = a_room(store)
    assert "report damaged" in room.get("/newspapers").text
    answer = room.get("/newspapers/specimen")
    assert answer.status_code == 200
    assert "A report cannot be read" in answer.text


def test_the_pages_are_whole_and_fit_in_a_browser(tmp_path: Path, page: Any) -> None:
    store = FolderStore(tmp_path)
    failing(store)
    full_report(store, "x" * 300, "http://paper.example/" + "y" * 400)
    with served(open_room(store)) as desk:
        for width in (360, 1100):
            page.set_viewport_size({"width": width, "height": 800})
            for path in ("/newspapers", "/newspapers/specimen"):
                page.goto(desk.room_url + path)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        assert page.locator("svg.chart rect").count() >= 1
        assert page.locator(".alarms li").first.inner_text().startswith("Incomplete since")


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "archive", "serve", "--archive", str(tmp_path / "archive"), *arguments]
        env = {**os.environ, "MORGUE_WABAC": str(tmp_path), "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_command_says_where_the_room_is_and_ends_when_told(command: Callable[..., Any]) -> None:
    process = command("--port", "0", "--replay-port", "0")
    line = process.stdout.readline()
    for url in re.findall(r"http://127\.0\.0\.1:\d+/", line):
        assert httpx.get(f"{url}health", timeout=30).text == "ok\n"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert (
        said == "Replay is off: run `python -m archive.room.wabac` to get wabac.js for replay (needs npm)\n"
    )


def test_the_command_ends_with_one_line_where_its_port_is_taken(command: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        process = command("--port", "0", "--replay-port", number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.count("\n") == 1
    assert f"port {number} on 127.0.0.1 is taken; choose another with --replay-port" in said
