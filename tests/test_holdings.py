"""An archive as a program sees it: `archive.open`, and the recipes of the cookbook."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import archive
from archive.access import Access, Rule
from archive.errors import CallerError, NotCaptured, RightsReserved, StoreError
from archive.holdings import Archive
from archive.model import Location
from archive.policy import Policy, policy_of
from archive.store import FolderStore, Store
from spiders.specimen import Specimen
from tests.keeping import Answer, Keeper, edition, printed
from tests.test_access import NOW
from tests.test_study import FILLING, OTHER, URL, page, told

COOKBOOK = Path(__file__).parents[1] / "docs" / "cookbook.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    keeper = Keeper(tmp_path_factory.mktemp("holdings"))
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    secret = page("Ferry secret", "Not for all.", *FILLING, head="<meta name=robots content=noarchive>")
    keeper.keep(Answer(at=edition(21), url=OTHER, body=secret))
    keeper.keep(Answer(at=edition(22), url=URL, body=told("6 million crowns")))
    return keeper.store


def test_the_recipes_of_the_cookbook_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keeper = Keeper(tmp_path)
    with Specimen() as paper:
        for number in (0, 1, 2):
            keeper.keep(*printed(paper, number), site="the-daily-specimen")
    names: dict[str, object] = {"ARCHIVE": keeper.store.url}
    recipes = re.findall(r"```python\n(.*?)```", COOKBOOK.read_text(encoding="utf-8"), re.S)
    for recipe in recipes:
        exec(compile(recipe, str(COOKBOOK), "exec"), names)
    shown = capsys.readouterr().out
    assert len(recipes) >= 10
    assert "edited Harbour bridge reopens" in shown
    assert "b'GET / HTTP/1.1' b'HTTP/1.1 200 OK'" in shown


def test_opening_costs_no_import_before_it_is_asked_for() -> None:
    code = (
        "import archive, sys; print('pyarrow' in sys.modules); archive.open; print('pyarrow' in sys.modules)"
    )
    told = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60)
    assert told.split() == ["False", "True"]


def test_articles_are_given_as_versions_or_as_they_were_last(store: Store) -> None:
    with Archive(store) as kept:
        latest = [row.article.headline for row in kept.articles()]
        versions = [row.article.headline for row in kept.articles(holds="versions")]
    assert latest == ["Quay reopens after works of 6 million crowns"]
    assert versions == [f"Quay reopens after works of {cost} million crowns" for cost in (4, 6)]


def test_what_publishers_keep_back_comes_when_it_is_asked_for(store: Store) -> None:
    with Archive(store) as kept:
        assert len(list(kept.articles(all_rights=True))) == 2


def test_an_exchange_is_what_crossed_the_wire(store: Store) -> None:
    with Archive(store) as kept:
        (row,) = kept.articles()
        exchange = kept.exchange(row.warc)
    assert exchange.request == b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert exchange.method == "GET"
    assert exchange.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert exchange.body == told("6 million crowns")
    assert exchange.began == edition(22)


def test_captures_are_bounded_by_times(store: Store) -> None:
    with Archive(store) as kept:
        assert len(kept.captures(URL)) == 2
        assert [c.at.day for c in kept.captures(URL, since="2026-11-21")] == [22]
        assert [c.at.day for c in kept.captures(URL, until=datetime(2026, 11, 21, tzinfo=UTC))] == [20]
        assert kept.captures("http://nowhere.example/") == []


def test_a_page_is_that_of_its_day(store: Store) -> None:
    with Archive(store) as kept:
        assert "4 million" in kept.page(URL, at="2026-11-20").text()
        assert "6 million" in kept.page(URL).text()
        with pytest.raises(NotCaptured):
            kept.page("http://nowhere.example/")


def test_a_table_has_the_columns_of_the_archive(store: Store) -> None:
    with Archive(store) as kept:
        table = kept.table("crowns", holds="versions")
    assert table.num_rows == 2
    assert table.schema.names[:2] == ["url", "headline"]


def test_rules_hold_for_programs_as_well(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    with Archive(keeper.store) as kept:
        place = kept.captures(URL)[0].location
        Access(keeper.store).add(Rule(kind="block", what=URL, reason="why", made=NOW))
        kept.permission.access._when = float("-inf")
        assert list(kept.articles(all_rights=True)) == []
        assert kept.search("crowns").hits == ()
        assert kept.edits() == []
        for ask in (lambda: kept.page(URL), lambda: kept.exchange(place), lambda: kept.versions(URL)):
            with pytest.raises(RightsReserved, match="why"):
                ask()


def test_what_a_policy_forbids_to_replay_is_not_given(store: Store) -> None:
    policy = policy_of(Policy(), replay=("noarchive",))
    with Archive(store, policy=policy) as kept, pytest.raises(RightsReserved, match="noarchive"):
        kept.page(OTHER)


def test_a_place_without_a_capture_is_an_error_in_one_line(store: Store) -> None:
    with Archive(store) as kept:
        (row,) = kept.articles()
        with pytest.raises(NotCaptured, match="no capture lies"):
            kept.exchange(Location(warc=row.warc.warc, offset=0, length=row.warc.offset))


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda kept: list(kept.articles(colour="red")), "colour"),
        (lambda kept: kept.captures(URL, since="soon"), "2026-11-20"),
        (lambda kept: kept.captures(URL, since=datetime(2026, 1, 1)), "time zone"),  # noqa: DTZ001
        (lambda kept: kept.search('"'), "no word"),
    ],
)
def test_a_wrong_question_says_what_is_wrong(store: Store, ask, error: str) -> None:  # type: ignore[no-untyped-def]
    with Archive(store) as kept, pytest.raises(CallerError, match=error):
        ask(kept)


def test_an_archive_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        archive.open(str(tmp_path / "file"))


def test_a_search_folder_is_kept_for_the_next_time(store: Store, tmp_path: Path) -> None:
    for _ in range(2):
        with archive.open(store.url, search=tmp_path / "search") as kept:
            assert len(list(kept.articles())) == 1
    assert [path.suffix for path in (tmp_path / "search").iterdir()] == [".sqlite"]
    assert isinstance(kept.store, FolderStore)
