"""What an article said over time: identity, versions, differences and their sorts."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.articles import sightings, table_key, write_table
from archive.model import Article, ArticleRow, Image, Location
from archive.process import differing, extract_again
from archive.reports import Event, RunReport, write_report
from archive.versions import Diff, diff, identities, own_id, plain_address, timeline, words
from archive.words import version_of
from tests.keeping import Answer, Keeper

Morgue = Callable[..., Any]
URL = "https://paper.example/news/bridge-348812"
BEGAN = datetime(2026, 11, 20, 8, tzinfo=UTC)
BODY = (
    "The harbour bridge was opened again on Friday morning, and the first tram ran over it at six.",
    "Repairs took eleven months and cost 42 million crowns, the council said after long talks.",
    "“It was worth it,” said Ada Vale, who drives the first tram of the day over the harbour.",
)
ARTICLE = Article(
    url=URL, headline="Bridge opens", standfirst="Trams cross again", authors=("Bo Reed",), body=BODY
)


def row(article: Article = ARTICLE, *, hours: float = 0, extractor: str = "newsmorgue-2/x-1") -> ArticleRow:
    place = Location(warc="warc/paper/a.warc.gz", offset=int(hours * 1000), length=10)
    return ArticleRow(
        article=article, site="paper", run=f"run{hours}", captured=BEGAN + timedelta(hours=hours), warc=place,
        version=version_of(article), extractor=extractor,
    )  # fmt: skip


def edited(number: int, old: str, new: str) -> Article:
    body = list(BODY)
    assert old in body[number]
    body[number] = body[number].replace(old, new)
    return replace(ARTICLE, body=tuple(body))


def between(after: Article, before: Article = ARTICLE) -> Diff:
    return diff(before, after)


# --- identity ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        "http://paper.example/news/bridge-348812", "https://www.paper.example/news/bridge-348812",
        "https://m.paper.example/news/bridge-348812/", "https://paper.example/news/bridge-348812/amp",
        "https://amp.paper.example/news/bridge-348812?utm_source=x&fbclid=1",
        "https://paper.example/news/bridge-348812?outputType=amp#top",
    ],
)  # fmt: skip
def test_forms_of_an_address_are_one(form: str) -> None:
    assert plain_address(form) == plain_address(URL)


def test_addresses_that_select_a_page_are_two() -> None:
    assert plain_address(f"{URL}?page=2") != plain_address(URL)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/news/bridge-348812", "348812"), ("/348812/bridge-opens", "348812"), ("/2026/11/20/bridge", ""),
        ("/news/bridge-20261120", ""), ("/a/0123456789abcdef01234567", "0123456789abcdef01234567"),
    ],
)  # fmt: skip
def test_a_newspapers_own_number_is_told_from_a_date(path: str, name: str) -> None:
    assert own_id(f"https://paper.example{path}") == name


def test_a_new_slug_with_the_same_number_and_words_is_the_same_article() -> None:
    moved = replace(ARTICLE, url="https://paper.example/news/bridge-open-at-last-348812")
    assert len(identities([row(), row(moved, hours=1)])) == 1


def test_the_same_number_with_other_words_is_another_article() -> None:
    other = Article(url="https://paper.example/sport/348812", headline="Cup final", body=("They won.",))
    assert len(identities([row(), row(other, hours=1)])) == 2


def test_a_canonical_address_joins_two() -> None:
    syndicated = replace(ARTICLE, url="https://sister.example/1", canonical=URL)
    assert len(identities([row(), row(syndicated, hours=1)])) == 1


def test_a_canonical_address_that_is_the_front_page_joins_nothing() -> None:
    one = replace(ARTICLE, url="https://paper.example/a", canonical="https://paper.example/")
    other = replace(
        ARTICLE, url="https://paper.example/b", headline="Cup", canonical="https://paper.example/"
    )
    assert len(identities([row(one), row(other, hours=1)])) == 2


def slug(name: str, *, system: str = "", host: str = "paper.example", **said: object) -> Article:
    source = {"number": "cms"} if system else {}
    url = f"https://{host}/news/{name}"
    return replace(ARTICLE, url=url, number=system, source=source, **said)  # type: ignore[arg-type]


def test_a_new_slug_with_the_id_of_the_content_system_is_the_same_article() -> None:
    one, other = slug("bridge", system="4F2A9C"), slug("bridge-open", system="4F2A9C", headline="At last")
    assert len(identities([row(one), row(other, hours=1)])) == 1


def test_the_id_of_a_content_system_joins_neither_other_words_nor_other_hosts() -> None:
    weather = slug("weather-friday", system="paper", body=("Rain from the west, eight degrees at noon.",))
    again = slug("weather-monday", system="paper", body=("Sunny all over the country, fifteen degrees.",))
    sister = slug("bridge", system="4F2A9C", host="sister.example")
    assert len(identities([row(weather), row(again, hours=1)])) == 2
    assert len(identities([row(slug("bridge", system="4F2A9C")), row(sister, hours=1)])) == 2


def test_an_address_that_led_to_another_is_the_same_article_where_the_words_agree() -> None:
    rows = [row(slug("bridge")), row(slug("bridge-open"), hours=1)]
    moved = [("paper.example/news/bridge", "paper.example/news/bridge-open")]
    assert [len(identities(rows)), len(identities(rows, moved))] == [2, 1]
    other = row(slug("bridge-open", headline="Trams", body=("Something else.",)), hours=1)
    assert len(identities([rows[0], other], moved)) == 2


# --- versions ----------------------------------------------------------------------------------------------


def test_an_unchanged_capture_is_a_sighting() -> None:
    (version,) = timeline([row(), row(hours=1), row(hours=2)])
    assert (version.first, version.last, len(version.sightings)) == (BEGAN, BEGAN + timedelta(hours=2), 3)


def test_a_text_that_goes_back_is_a_third_version() -> None:
    other = edited(1, "42", "44")
    assert len(timeline([row(), row(other, hours=1), row(hours=2)])) == 3


def test_not_modified_is_a_sighting_of_what_was_there() -> None:
    first, second = timeline(
        [row(), row(edited(1, "42", "44"), hours=4)], unchanged=[BEGAN + timedelta(hours=2)]
    )
    assert (len(first.sightings), len(second.sightings)) == (2, 1)


def test_two_ways_of_reading_a_page_are_no_edit() -> None:
    older = replace(ARTICLE, body=BODY[:2])
    assert len(timeline([row(older, extractor="newsmorgue-1/x-1"), row(hours=1)])) == 1


def test_captions_markup_and_relative_times_make_no_version() -> None:
    image = Image(url="/b.jpg", caption="The bridge, 3 hours ago")
    again = replace(ARTICLE, images=(image,), section="News", headline="Bridge  opens")
    assert version_of(again) == version_of(ARTICLE)


# --- what changed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "classes"),
    [
        (replace(ARTICLE, headline="Bridge shut again"), ("headline",)),
        (replace(ARTICLE, standfirst="Trams stand still"), ("standfirst",)),
        (replace(ARTICLE, authors=("Bo Reed", "Cy Lund")), ("byline",)),
        (edited(1, "42", "44"), ("figure",)),
        (edited(2, "It was worth it", "It was not worth it"), ("quote",)),
        (edited(2, "Ada Vale", "Ada Hill"), ("name",)),
        (edited(0, "opened again", "shut once more"), ("text",)),
        (replace(ARTICLE, body=(*BODY, "Ferries will run for another week on both banks.")), ("added",)),
        (replace(ARTICLE, body=BODY[:2]), ("removed",)),
        (
            replace(ARTICLE, body=(*BODY, "Correction: an earlier version gave another cost.")),
            ("correction",),
        ),
        (replace(ARTICLE, section="Region"), ("boring",)),
        (edited(0, "morning, and", "morning and"), ("boring",)),
        (ARTICLE, ()),
    ],
)
def test_an_edit_has_its_sort(after: Article, classes: tuple[str, ...]) -> None:
    assert between(after).classes == classes


def test_an_edit_without_a_note_or_a_new_time_is_silent() -> None:
    assert between(edited(1, "42", "44")).silent


def test_an_edit_with_a_new_time_is_not_silent() -> None:
    assert not between(replace(edited(1, "42", "44"), modified=BEGAN)).silent


def test_an_edit_that_is_noted_is_not_silent() -> None:
    noted = edited(1, "42", "44")
    assert not between(replace(noted, body=(*noted.body, "Correction: the cost was wrong at first."))).silent


def test_what_is_boring_is_not_silent() -> None:
    assert not between(replace(ARTICLE, section="Region")).silent


def test_a_changed_paragraph_is_compared_word_by_word_with_the_one_it_was() -> None:
    (change,) = between(edited(1, "42 million", "44 million")).changes
    assert (change.field, change.kind, change.at) == ("body", "changed", 1)
    assert [(p.kind, p.text) for p in change.pieces if p.kind != "same"] == [
        ("removed", "42"),
        ("added", "44"),
    ]


texts = st.text(alphabet="ab .,“”4\n", max_size=40)


@given(texts, texts)
def test_the_pieces_of_a_comparison_give_both_texts_back(before: str, after: str) -> None:
    pieces = words(before, after)
    assert "".join(p.text for p in pieces if p.kind != "added") == before
    assert "".join(p.text for p in pieces if p.kind != "removed") == after


@given(st.lists(texts, max_size=5), st.lists(texts, max_size=5))
def test_another_version_has_a_difference_and_the_same_text_has_none(
    one: list[str], other: list[str]
) -> None:
    before, after = (replace(ARTICLE, body=tuple(body)) for body in (one, other))
    assert between(before, before).changes == ()
    assert between(after, before).changes or version_of(before) == version_of(after)


# --- the commands ------------------------------------------------------------------------------------------


def answer(day: int, cost: str, url: str = URL) -> Answer:
    told = "".join(f"<p>{text.replace('42', cost)}</p>" for text in BODY * 1)
    data = json.dumps({"@type": "NewsArticle", "headline": "Bridge opens", "datePublished": "2026-11-20"})
    page = (
        f'<html><head><script type="application/ld+json">{data}</script></head><body><article>'
        f"<h1>Bridge opens</h1>{told}</article></body></html>"
    )
    at = datetime(2026, 11, day, 12, tzinfo=UTC)
    return Answer(at=at, url=url, headers=(("Content-Type", "text/html; charset=utf-8"),), body=page.encode())


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    keeper = Keeper(tmp_path)
    for day, cost in ((20, "42"), (21, "42"), (22, "44")):
        keeper.keep(answer(day, cost))
    return keeper


def test_versions_lists_what_an_article_said(morgue: Morgue, keeper: Keeper) -> None:
    done = morgue("versions", URL, "--archive", keeper.store.url)
    assert done.code == 0, done.err
    first, _, second, _ = done.out.splitlines()
    assert "2 captures  first seen" in first
    assert "1 capture  figure  SILENT" in second


def test_versions_says_when_an_article_was_taken_down(morgue: Morgue, keeper: Keeper) -> None:
    gone = replace(answer(23, "44"), status="410 Gone", body=b"<h1>Gone</h1>")
    keeper.keep(gone)
    done = morgue("versions", URL, "--archive", keeper.store.url)
    assert done.out.splitlines()[-1].strip() == "TAKEN DOWN: seen 2026-11-23 12:00:00 with status 410"
    told = morgue("versions", URL, "--json", "--archive", keeper.store.url).out.splitlines()
    assert [json.loads(line)["gone"] and json.loads(line)["gone"]["status"] for line in told] == [None, 410]


def test_versions_follows_an_address_that_leads_to_another(morgue: Morgue, tmp_path: Path) -> None:
    keeper, moved = Keeper(tmp_path), "https://paper.example/news/bridge-open-at-last"
    first = "https://paper.example/news/bridge-opens"
    keeper.keep(answer(20, "42", first))
    keeper.keep(
        replace(answer(21, "42", first), status="301 Moved", headers=(("Location", moved),), body=b"")
    )
    run = keeper.keep(answer(25, "44", moved))
    event = Event(kind="moved", url=first, at=run.started, detail=moved)
    write_report(
        keeper.store,
        RunReport(run=run.id, site="paper", started=run.started, ended=run.ended, reason="", events=(event,)),
    )
    where = {"MORGUE_SEARCH": str(tmp_path / "search")}
    assert len(morgue("versions", first, "--archive", keeper.store.url, **where).out.splitlines()) == 4
    morgue("search", "bridge", "--archive", keeper.store.url, **where)
    for url in (first, moved):
        assert len(morgue("versions", url, "--archive", keeper.store.url, **where).out.splitlines()) == 4


def test_diff_shows_the_last_edit(morgue: Morgue, keeper: Keeper) -> None:
    done = morgue("diff", URL, "--archive", keeper.store.url)
    assert done.code == 0, done.err
    assert "cost [-42-]{+44+} million" in done.out


def test_diff_at_two_times_of_one_version_says_that_nothing_changed(morgue: Morgue, keeper: Keeper) -> None:
    done = morgue("diff", URL, "--from", "2026-11-20", "--to", "2026-11-21", "--archive", keeper.store.url)
    assert "nothing changed" in done.out


def test_an_address_that_is_not_there_names_the_nearest(morgue: Morgue, keeper: Keeper) -> None:
    done = morgue("versions", URL + "9", "--archive", keeper.store.url)
    assert done.code != 0
    assert f"the nearest is {URL}" in done.err


def older(keeper: Keeper, **changes: Any) -> str:
    """Rows as another extractor read them in the place of the present one's; the run's manifest."""
    found = sightings(keeper.store, site="paper")[0]
    article = replace(found.article, **changes)
    key = table_key("paper", found.run, "2026-11")
    (keeper.root / "archive" / key).unlink()
    old = replace(found, article=article, extractor="newsmorgue-1/x-1")
    write_table(keeper.store, key.replace(".parquet", "0.parquet"), [old])
    return next(k for k in keeper.store.keys("runs/") if found.run in k)


def test_reading_again_says_which_fields_differ(keeper: Keeper) -> None:
    manifest = older(keeper, headline="Bridge | The Paper", byline="x")
    told = extract_again(keeper.store, manifest, publish=False)
    assert (told["changed"], told["won"], told["lost"]) == ({"headline": 1, "byline": 1}, 0, 0)


def test_reading_again_writes_nothing_where_only_asked_what_it_would(keeper: Keeper) -> None:
    manifest = older(keeper, headline="Bridge | The Paper")
    before = sorted(keeper.store.keys())
    extract_again(keeper.store, manifest, publish=False)
    assert sorted(keeper.store.keys()) == before


def test_fields_in_which_two_readings_differ_are_named() -> None:
    assert differing(ARTICLE, replace(ARTICLE, kicker="Transport", source={"kicker": "page"})) == ["kicker"]


def test_the_command_reads_again_in_several_processes(morgue: Morgue, keeper: Keeper) -> None:
    done = morgue("extract", "--again", "--dry-run", "--jobs", "2", "--archive", keeper.store.url)
    assert done.code == 0, done.err
    assert done.out.startswith("3 runs: 3 articles, 3 before; 0 would be new")


def test_reading_again_keeps_the_new_rows_after_the_report(morgue: Morgue, keeper: Keeper) -> None:
    older(keeper, headline="Bridge | The Paper")
    done = morgue("extract", "--again", "--yes", "--archive", keeper.store.url)
    assert done.code == 0, done.err
    assert done.out.splitlines()[1:] == ["  headline           1 differ", "1 tables written."]
    assert {row.article.headline for row in sightings(keeper.store)} != {"Bridge | The Paper"}
