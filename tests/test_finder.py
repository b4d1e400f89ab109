"""The room's search file: it follows the archive, and is made anew where it is damaged or gone."""

import contextlib
from pathlib import Path

import pytest

from archive.errors import SearchFailed
from archive.question import Question
from archive.room.finder import Finder
from tests.keeping import Answer, Keeper, edition
from tests.test_study import URL, a_room, told


def test_a_run_that_is_published_later_is_found(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    finder = Finder(keeper.store)
    with finder.open() as search:
        assert search.tables_read() == 1
    keeper.keep(Answer(at=edition(22), url=URL, body=told("6 million crowns")))
    finder._done = float("-inf")
    with finder.open() as search:
        assert search.tables_read() == 2


def test_a_damaged_table_does_not_keep_others_from_being_found(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.store.put("articles/site=a/month=2026-11/20261120T000000Z-x-aaaaaaaa.parquet", b"PAR1 no table")
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    assert "1 found" in a_room(keeper.store).get("/search?q=crowns").text


def test_a_search_file_that_is_damaged_in_use_is_made_anew(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    finder = Finder(keeper.store, tmp_path / "search")
    with finder.open() as search:
        assert search.tables_read() == 1
    finder.stop()
    data = bytearray(finder.path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    finder.path.write_bytes(data)
    again = Finder(keeper.store, tmp_path / "search")
    for _ in range(3):
        with contextlib.suppress(SearchFailed), again.open() as search:
            if search.ask(Question(words="crowns")).count == 1:
                break
    with again.open() as search:
        assert search.ask(Question(words="crowns")).count == 1
    again.stop()


def test_a_search_file_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    finder = Finder(keeper.store, tmp_path / "search")
    for _ in range(2):
        with finder.open() as search:
            assert search.ask(Question(words="crowns")).count == 1
        finder.path.unlink()
    finder.stop()


def test_a_search_file_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    (tmp_path / "search").write_text("a file where a folder should be")
    finder = Finder(keeper.store, tmp_path / "search")
    with pytest.raises(SearchFailed, match="MORGUE_SEARCH"), finder.open():
        pass
