"""Politeness as a host sees it: robots.txt, delays, Retry-After, budgets, several crawlers at once."""

import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from archive.reports import read_report, report_keys
from archive.store import open_store
from tests.host import Answer, Host, feed, page

Morgue = Callable[..., Any]
STORIES = tuple(f"story-{n}" for n in range(4))
NOTHING: Answer = (404, {}, b"")


def usual(host: Host, path: str, robots: Answer = NOTHING) -> Answer:
    """robots.txt, a feed, a front page without links, and stories."""
    if path == "/robots.txt":
        return robots
    if path == "/feed":
        return feed(host.base, *STORIES)
    return page(path) if path.startswith("/story") else (200, {"Content-Type": "text/html"}, b"<p>front</p>")


def paper(robots: Answer = NOTHING) -> Host:
    host = Host(lambda path, _: usual(host, path, robots))
    return host


def report(tmp_path: Path) -> Any:
    store = open_store(str(tmp_path / "archive"))
    return read_report(store, list(report_keys(store, "paper"))[-1])


def robots(text: str, status: int = 200) -> Answer:
    return status, {"Content-Type": "text/plain"}, text.encode()


def test_robots_txt_is_asked_for_first_and_once(morgue: Morgue, site: Callable[..., str]) -> None:
    with paper(robots("User-agent: *\nDisallow: /story-1\n")) as host:
        assert morgue("crawl", site(host)).code == 0
        assert host.paths()[0] == "/robots.txt"
        assert host.paths().count("/robots.txt") == 1
        assert "/story-1" not in host.paths()
        assert "/story-2" in host.paths()


def test_what_robots_txt_forbids_is_reported_as_forbidden(
    morgue: Morgue, site: Callable[..., str], tmp_path: Path
) -> None:
    with paper(robots("User-agent: *\nDisallow: /story-1\n")) as host:
        morgue("crawl", site(host))
    done = report(tmp_path)
    assert (done.named, done.archived, done.forbidden, done.recall) == (4, 3, 1, 1.0)


@pytest.mark.parametrize("status", [500, 503])
def test_where_robots_txt_cannot_be_read_nothing_is_asked_for(
    morgue: Morgue, site: Callable[..., str], status: int
) -> None:
    with paper(robots("", status)) as host:
        done = morgue("crawl", site(host), "--quiet")
        assert set(host.paths()) == {"/robots.txt"}
    assert done.code == 3
    assert "robots.txt" in done.err


def test_a_host_without_robots_txt_may_be_crawled(morgue: Morgue, site: Callable[..., str]) -> None:
    with paper(robots("", 403)) as host:
        morgue("crawl", site(host))
        assert "/story-0" in host.paths()


def test_a_crawl_delay_is_kept_to_the_second(
    morgue: Morgue, site: Callable[..., str], tmp_path: Path
) -> None:
    with paper(robots("User-agent: *\nCrawl-delay: 1\n")) as host:
        morgue("crawl", site(host))
        assert len(host.hits) == 5 + len(STORIES)
        assert min(host.gaps()) > 0.95
    (asked,) = report(tmp_path).hosts
    assert (asked.delay, asked.reason) == (1.0, "robots.txt asks for it")


def test_the_delay_of_the_site_file_is_kept_between_all_requests(
    morgue: Morgue, site: Callable[..., str]
) -> None:
    with paper() as host:
        morgue("crawl", site(host, "delay = 0.5"))
        # From sending to sending: an answer may be late by what its connection took.
        assert sum(host.gaps()) > 0.45 * len(host.gaps())


def test_two_crawlers_of_one_host_share_its_pace(morgue: Morgue, site: Callable[..., str]) -> None:
    with paper(robots("User-agent: *\nCrawl-delay: 1\n")) as host:
        names = [site(host, name=f"paper-{n}") for n in range(2)]
        crawls = [
            subprocess.Popen(
                [sys.executable, "-m", "archive", "crawl", name, "--quiet"], stderr=subprocess.DEVNULL
            )
            for name in names
        ]
        assert [crawl.wait(timeout=120) for crawl in crawls] == [0, 0]
        # Both ask for robots.txt before they know of each other.
        pages = sorted(when for when, path in host.hits if path != "/robots.txt")
        assert min(later - sooner for sooner, later in pairwise(pages)) > 0.8


def test_retry_after_is_waited_for_and_the_page_is_archived(
    morgue: Morgue, site: Callable[..., str], tmp_path: Path
) -> None:
    with paper() as host:
        usually = host.answer
        host.answer = lambda path, count: (
            (503, {"Retry-After": "2"}, b"later")
            if (path, count) == ("/story-0", 1)
            else usually(path, count)
        )
        assert morgue("crawl", site(host)).code == 0
        first, second = (when for when, path in host.hits if path == "/story-0")
        assert second - first >= 2.0
        others = [when for when, _ in host.hits if first < when < second]
        assert all(when - first < 0.5 or when - first >= 2.0 for when in others)
    assert report(tmp_path).archived == 4


def test_a_retry_after_of_hours_is_kept_across_runs(
    morgue: Morgue, site: Callable[..., str], tmp_path: Path
) -> None:
    with paper() as host:
        usually = host.answer
        host.answer = lambda path, count: (
            (503, {"Retry-After": "7200"}, b"later") if path == "/feed" else usually(path, count)
        )
        name = site(host)
        morgue("crawl", name)
        asked = host.paths().count("/feed")
        morgue("crawl", name)
        assert host.paths().count("/feed") == asked
    (source,) = (s for s in report(tmp_path).sources if s.kind == "feed")
    assert source.outcome == "deferred"


def test_a_budget_ends_the_asking_and_the_rest_is_due_next_time(
    morgue: Morgue, site: Callable[..., str], tmp_path: Path
) -> None:
    with paper() as host:
        name = site(host, "budget_requests = 6")
        morgue("crawl", name)
        assert len(host.hits) == 6
        done = report(tmp_path)
        assert done.deferred > 0
        assert done.archived + done.deferred == 4
        assert done.hosts[0].state == "budget"
        morgue("crawl", name)
        assert {f"/{story}" for story in STORIES} <= set(host.paths())


def test_in_quiet_hours_nothing_is_asked_for(morgue: Morgue, site: Callable[..., str]) -> None:
    with paper() as host:
        done = morgue("crawl", site(host, 'quiet = ["00:00-12:00", "12:00-00:00"]'))
        assert host.hits == []
    assert (done.code, "quiet hours" in done.out) == (0, True)


def test_a_redirected_request_carries_no_conditions(morgue: Morgue, site: Callable[..., str]) -> None:
    with paper() as host:
        usually = host.answer

        def answer(path: str, count: int) -> Answer:
            if path == "/story-0" and count == 1:
                status, headers, body = page("first")
                return status, headers | {"ETag": '"1"'}, body
            if path == "/story-0":
                return 301, {"Location": "/moved"}, b""
            return page("moved") if path == "/moved" else usually(path, count)

        host.answer = answer
        name = site(host)
        morgue("crawl", name)
        morgue("crawl", name, "--as-of", "2027-06-01")
        asked = dict(host.headers)
        assert asked["/story-0"].get("If-None-Match") == '"1"'
        assert "If-None-Match" not in asked["/moved"]


def test_a_stopped_crawl_turns_those_away_who_wait_for_their_turn(site: Callable[..., str]) -> None:
    import signal

    from tests.conftest import wait_until

    with paper() as host:
        crawl = subprocess.Popen(
            [sys.executable, "-m", "archive", "crawl", site(host, "delay = 20.0"), "--quiet"],
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: len(host.hits) >= 1, what="the first request")
        crawl.send_signal(signal.SIGTERM)
        crawl.wait(timeout=15)
        assert len(host.hits) <= 2
