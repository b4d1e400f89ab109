"""What stands on a front page: its stories, in their order, and how large each is set."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.fronts import Story, stories_of
from archive.reports import RunReport, write_report
from tests.keeping import Answer, Keeper, Reader, edition
from tests.test_study import FILLING, OTHER, URL, a_room, page, plain

HOME = "http://paper.example/"
FRONT = """
<nav><a href="/news/">News</a><a href="/news/ferry-late-10443">Ferry</a></nav>
<article><a href="/news/quay-reopens-10442"><img src=q.png></a>
<h1><a href="/news/quay-reopens-10442?utm_source=front">Quay reopens after a year of works</a></h1></article>
<h3><a href="/news/ferry-late-10443#comments">Ferry runs an hour late</a></h3>
<a href="http://elsewhere.example/x">elsewhere</a><a>no link</a><a href="javascript:x()">x</a>
"""


def found(text: str = FRONT) -> list[Story]:
    return stories_of(text, HOME, lambda url: ("/news/" in url and url[-1].isdigit()) or "10442" in url)


def test_stories_stand_in_the_order_of_the_page_each_once() -> None:
    assert [(s.rank, s.url) for s in found()] == [(1, OTHER), (2, URL)]


def test_a_story_has_its_longest_text_its_heading_and_its_picture() -> None:
    ferry, quay = found()
    assert (quay.text, quay.level, quay.picture, quay.links) == (
        "Quay reopens after a year of works",
        1,
        True,
        2,
    )
    assert (ferry.text, ferry.level, ferry.picture, ferry.links) == ("Ferry runs an hour late", 3, False, 2)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("<h2><a href='/news/quay-reopens-10442'>x</a></h2>", 2),
        ("<a href='/news/quay-reopens-10442'><h3>x</h3></a>", 3),
        ("<h2>Harbour</h2><p><a href='/news/quay-reopens-10442'>x</a></p>", 0),
    ],
)
def test_a_heading_counts_around_a_link_and_within_it(text: str, level: int) -> None:
    assert [story.level for story in found(text)] == [level]


@given(st.text())
def test_whatever_a_page_holds_its_stories_are_counted_from_one(text: str) -> None:
    stories = stories_of(f"{text}<a href='{text}'>{text}</a>", HOME, lambda _: True)
    assert [story.rank for story in stories] == list(range(1, len(stories) + 1))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    keeper = Keeper(tmp_path_factory.mktemp("front"))
    keeper.keep(
        Answer(at=edition(20), url=HOME, body=FRONT.encode()),
        Answer(at=edition(20), url=URL, body=page("Quay reopens", *FILLING)),
    )
    keeper.keep(Answer(at=edition(21), url=HOME, body=FRONT.replace("h1", "h2").encode()))
    return a_room(keeper.store)


def test_a_front_page_shows_its_stories_at_each_capture(room: Reader) -> None:
    text = plain(room.get("/front", params={"url": HOME, "at": "20261120"}).text)
    assert "Quay reopens after a year of works heading 1, with a picture, linked 2 times" in text
    assert "Ferry" not in text  # its page was never archived
    told = room.get("/api/front", params={"url": HOME, "at": "20261121"}).json()
    assert [story["level"] for story in told["stories"]] == [2]


def test_a_day_leads_to_its_front_pages_and_says_what_was_covered(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    run = keeper.keep(
        Answer(at=edition(19), url=HOME, body=FRONT.encode()),
        Answer(at=edition(19), url=URL, body=page("Quay reopens", *FILLING)),
    )
    started = edition(19)
    told = {"named": 9, "archived": 7, "forbidden": 1, "failed": 1}
    report = RunReport(
        run=run.id, site="paper", started=started, ended=started, reason="finished", **told  # type: ignore[arg-type]
    )  # fmt: skip
    write_report(keeper.store, report)
    text = a_room(keeper.store).get("/site/paper/2026-11-19").text
    assert "/front?url=http%3A%2F%2Fpaper.example%2F&amp;at=20261119070005" in text
    assert "1 run, 7 pages archived of 8 that were named, 1 failed" in plain(text)


def test_a_page_that_was_never_captured_has_no_front(room: Reader) -> None:
    assert room.get("/front?url=http://nowhere.example/").status_code == 404
