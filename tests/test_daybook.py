"""What stands under which day of a newspaper: the pages of the room, and what they are answered from."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import daybook
from archive.access import Access, Rule
from archive.articles import table_key, write_table
from archive.extract import EXTRACTOR
from archive.index import Index
from archive.model import Article, ArticleRow, Location, Run
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.shelf import Shelf
from archive.runs import manifest_key, write_run
from archive.search import Search
from archive.sites import Site
from archive.store import FolderStore, Store
from tests.keeping import Reader

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def row(number: int, at: datetime | None, captured: datetime = NOON, headline: str = "") -> ArticleRow:
    url = f"http://paper.example/news/{number}"
    said = headline or f"Story {number}"
    return ArticleRow(
        article=Article(url=url, headline=said, standfirst="What it is.", body=("So it was.",), published=at,
                        authors=("Jo Lund", "Ana Ruiz"), agency="Reuters"),
        site="paper", run="r", captured=captured, version=said, extractor=EXTRACTOR,
        warc=Location(warc="warc/paper/a.warc.gz", offset=number, length=1),
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path / "archive")


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    found = Search(tmp_path / "s.sqlite")
    yield found
    found.close()


def put(store: Store, run: str, *rows: ArticleRow, extractor: str = "") -> None:
    write_table(store, table_key("paper", run, "2026-11", extractor), list(rows), extractor)


def days(search: Search, zone: str = "UTC") -> dict[str, int]:
    found = daybook.by_day(daybook.quarters(search.db, "paper"), ZoneInfo(zone))
    return {f"{day}": count for day, count in found.items()}


def test_an_article_stands_under_its_day_in_the_newspapers_own_time_zone(
    store: Store, search: Search
) -> None:
    put(store, "r1", row(1, datetime(2026, 11, 19, 23, 30, tzinfo=UTC)))
    search.follow(store)
    assert days(search) == {"2026-11-19": 1}
    assert days(search, "Africa/Johannesburg") == {"2026-11-20": 1}
    (entry,) = daybook.entries(
        search.db, "paper", date(2026, 11, 20), ZoneInfo("Africa/Johannesburg"), limit=9
    )
    assert (entry.headline, entry.standfirst, entry.agency) == ("Story 1", "What it is.", "Reuters")
    assert (entry.authors, entry.warc.offset) == (("Jo Lund", "Ana Ruiz"), 1)
    assert entry.published == datetime(2026, 11, 19, 23, 30, tzinfo=UTC)


def test_one_without_a_date_stands_under_the_day_of_its_capture(store: Store, search: Search) -> None:
    put(store, "r1", row(1, None))
    search.follow(store)
    (entry,) = daybook.entries(search.db, "paper", date(2026, 11, 20), UTC_ZONE, limit=9)
    assert (entry.published, entry.captured) == (None, NOON)


def test_an_article_that_was_captured_again_is_listed_once_as_it_was_last(
    store: Store, search: Search
) -> None:
    put(store, "r2", row(1, NOON, NOON + timedelta(days=2), "Later words"))
    search.follow(store)
    put(store, "r1", row(1, NOON - timedelta(days=1), NOON, "First words"))
    search.follow(store)
    assert days(search) == {"2026-11-20": 1}
    (entry,) = daybook.entries(search.db, "paper", date(2026, 11, 20), UTC_ZONE, limit=9)
    assert (entry.headline, entry.captured) == ("Later words", NOON + timedelta(days=2))


def test_what_a_newer_reader_says_of_a_run_takes_the_place_of_the_older(store: Store, search: Search) -> None:
    put(store, "r1", row(1, NOON), row(2, NOON), extractor="newsmorgue-1/x-1")
    search.follow(store)
    put(store, "r1", row(1, NOON - timedelta(days=3)), extractor="newsmorgue-2/x-1")
    search.follow(store)
    assert days(search) == {"2026-11-17": 1}


@given(
    at=st.integers(1_000_000_000, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    zone=st.sampled_from(
        ["UTC", "Asia/Kathmandu", "Pacific/Chatham", "America/St_Johns", "Pacific/Kiritimati"]
    ),
)
def test_a_quarter_hour_lies_within_one_day_of_every_time_zone_of_today(at: datetime, zone: str) -> None:
    there = ZoneInfo(zone)
    counts = daybook.by_day(daybook.Counter({daybook.quarter_of(at): 1}), there)
    assert list(counts) == [at.astimezone(there).date()]


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_a_senseless_date_is_no_error(year: int, zone: str) -> None:
    quarter = daybook.quarter_of(datetime(year, 12, 31, 23, tzinfo=UTC))
    assert len(daybook.by_day(daybook.Counter({quarter: 1}), ZoneInfo(zone))) == 1


def a_room(store: Store) -> tuple[Reader, Access]:
    index = Index(store)
    shelf = Shelf(store, index, {"paper": Site(id="paper", name="The Paper", home="http://paper.example/")})
    return Reader(Room(shelf, Origins(room_port=1, replay_port=2), replays=False).app()), shelf.access


def test_a_long_day_has_pages(store: Store) -> None:
    put(store, "r1", *(row(n, NOON) for n in range(120)))
    room, _ = a_room(store)
    first, second = (room.get(f"/site/paper/2026-11-20?page={n}").text for n in (1, 2))
    assert (first.count("/article?"), second.count("/article?")) == (100, 20)
    assert 'href="?page=2">Page 2' in first
    assert "120 articles in all" in room.get("/site/paper").text


def test_many_days_are_shown_by_the_year(store: Store) -> None:
    put(store, "r1", *(row(n, NOON - timedelta(days=n)) for n in range(420)))
    room, _ = a_room(store)
    page = room.get("/site/paper").text
    assert "20 November 2026" in page
    assert "31 December 2025" not in page
    assert "31 December 2025" in room.get("/site/paper?year=2025").text


RULES = {"url": "http://paper.example/news/1", "folder": "paper.example/news/1*", "site": "site:paper"}


@pytest.mark.parametrize(("what", "left"), [("url", 2), ("folder", 2), ("site", 0)])
def test_what_a_rule_excludes_is_not_counted(store: Store, what: str, left: int) -> None:
    put(store, "r1", *(row(n, NOON) for n in range(3)))
    run = Run(id="r1", site="paper", started=NOON, ended=NOON, reason="finished", counts={}, warcs=(),
              key=manifest_key("paper", "r1"))  # fmt: skip
    write_run(store, run)
    room, access = a_room(store)
    assert "3 articles" in room.get("/").text
    access.add(Rule(kind="exclude", what=RULES[what], reason="why", made=NOON))
    assert f"{left} articles" in room.get("/").text
    assert room.get("/site/paper/2026-11-20").text.count("/article?") == left


def test_the_newest_article_is_the_one_published_last_and_not_in_a_year_to_come(
    store: Store, search: Search
) -> None:
    told = [NOON - timedelta(days=2), NOON - timedelta(hours=1), NOON - timedelta(days=1), None]
    late = row(9, NOON + timedelta(days=365))
    old = [row(n, at, captured=NOON - timedelta(days=3 * (at is None))) for n, at in enumerate(told)]
    put(store, "r", *old, late)
    search.follow(store)
    found = daybook.newest(search.db, "paper", until=NOON + timedelta(days=1))
    assert [headline for _, headline, _ in found] == ["Story 1", "Story 2", "Story 0", "Story 3"]
