"""Lines that recur on a newspaper's pages: what is furniture, and what stays."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from archive.articles import sightings, table_key, write_table
from archive.extract import extract
from archive.extract.blocks import key
from archive.model import Article, ArticleRow, Location
from archive.process import extract_again
from archive.recurring import Body, count_month, lines_for, recurring
from archive.store import FolderStore
from archive.words import version_of
from tests.keeping import Answer, Keeper
from tests.test_extraction import DATA, TEXT, URL, page, paragraphs

LINE = "Our harbour desk is open day and night, and is glad of every hint."
WIRE = "The agency said that the strait had been closed to ships since the second week of the war."


def story(number: int, *, first: str = "", middle: str = "", last: str = "", words: str = "") -> Body:
    """An article of its own, of one of five days, with a line at its beginning, middle or end."""
    own = [
        f"{words or f'Report {number}'} sentence {n} is about matter {words or number}, and is long enough."
        for n in "abcd"
    ]
    own[1] += (
        f" It is the longest of all that were written about {words or number}, and so it says which it is."
    )
    texts = (
        *([first] if first else []),
        *own[:2],
        *([middle] if middle else []),
        *own[2:],
        *([last] if last else []),
    )
    return Body(url=f"https://paper.example/{number}", day=date(2026, 10, 1 + number % 5), paragraphs=texts)


def test_a_line_at_the_end_of_many_articles_is_furniture_with_its_count() -> None:
    assert recurring(story(n, last=LINE) for n in range(12)) == {key(LINE): (LINE, 12)}


def test_background_that_is_told_again_within_the_text_stays() -> None:
    assert recurring(story(n, middle=WIRE) for n in range(40)) == {}


def test_a_short_label_is_furniture_wherever_it_stands() -> None:
    assert key("More from the harbour") in recurring(
        story(n, middle="More from the harbour") for n in range(12)
    )


def test_a_story_at_many_addresses_is_one() -> None:
    assert recurring(story(n, last=LINE, words="The same") for n in range(30)) == {}


@pytest.mark.parametrize("count", [2, 7])
def test_a_line_of_few_articles_stays(count: int) -> None:
    assert recurring(story(n, last=LINE) for n in range(count)) == {}


def test_a_line_of_one_day_stays() -> None:
    assert recurring(story(5 * n, last=LINE) for n in range(20)) == {}


def test_a_long_paragraph_stays() -> None:
    assert recurring(story(n, last=LINE * 6) for n in range(20)) == {}


def test_what_was_left_out_before_is_counted_again() -> None:
    bodies = [story(n) for n in range(12)]
    found = recurring(Body(url=b.url, day=b.day, paragraphs=b.paragraphs, left_out=(LINE,)) for b in bodies)
    assert found == {key(LINE): (LINE, 12)}


def test_the_line_is_left_out_of_the_text_and_kept_beside_it_with_its_count() -> None:
    found = extract(page(paragraphs((*TEXT, LINE))), URL, recurring={key(LINE): 12})
    assert found is not None
    assert (found.body, found.furniture) == (TEXT, ((LINE, 12),))
    assert found.flags == ("recurring_lines_removed",)


def rows(count: int = 12) -> list[ArticleRow]:
    made = []
    for number in range(count):
        body = story(number, last=LINE)
        article = Article(url=body.url, headline=f"Report {number}", body=body.paragraphs)
        made.append(
            ArticleRow(
                article=article, site="paper", run="old", captured=datetime.combine(body.day, time(), UTC),
                warc=Location(warc="warc/paper/old.warc.gz", offset=number, length=1),
                version=version_of(article), extractor="newsmorgue-3/x-1",
            )
        )  # fmt: skip
    return made


def test_a_month_is_counted_once_and_kept(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    write_table(store, table_key("paper", "old", "2026-10"), rows())
    assert lines_for(store, "paper", datetime(2026, 11, 20, tzinfo=UTC)) == {key(LINE): 12}
    said = json.loads(store.read("furniture/site=paper/month=2026-10.json"))
    assert said == {"articles": 12, "lines": [{"text": LINE, "articles": 12}]}


def test_a_month_without_articles_is_not_counted(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    assert count_month(store, "paper", "2026-10") is None
    assert lines_for(store, "paper", datetime(2026, 11, 20, tzinfo=UTC)) == {}


def test_pages_are_read_with_the_lines_of_the_month_before(keeper: Keeper) -> None:
    store = keeper.store
    write_table(store, table_key("paper", "old", "2026-10"), rows())
    html = page(paragraphs((*TEXT, LINE)), data=DATA).encode()
    keeper.keep(Answer(at=datetime(2026, 11, 20, 8, tzinfo=UTC), url=URL, body=html))
    found = next(r for r in sightings(store, site="paper") if r.article.url == URL)
    assert (found.article.body, found.article.furniture) == (TEXT, ((LINE, 12),))
    manifest = next(iter(store.keys("runs/")))
    assert extract_again(store, manifest, publish=False)["changed"] == {}


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)
