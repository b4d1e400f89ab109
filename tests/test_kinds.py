"""Page types: what is an article, what only looks like one, and how sure that is."""

import json

import pytest

from archive.extract import extract
from archive.extract.blocks import blocks_of
from archive.extract.data import read_data
from archive.extract.kinds import kind_of
from tests.test_extraction import DATA, TEXT, URL, page, paragraphs, read

LONG = (*TEXT, *(text.replace("harbour", "river") for text in TEXT))


def told(html: str, url: str, body: tuple[str, ...] = ()) -> tuple[str, float]:
    import lxml.html

    tree = lxml.html.document_fromstring(html)
    return kind_of(url, read_data(tree), blocks_of(tree), body)


def table(rows: int = 12) -> str:
    cells = "".join(
        f"<tr><td>{n + 1}</td><td>Team {n}</td><td>{90 - n}</td><td>{n}:1</td></tr>" for n in range(rows)
    )
    return f"<table><tr><th>No.</th><th>Team</th><th>Points</th><th>Last</th></tr>{cells}</table>"


PLAYERS = "<p>All results of the thirtieth day of the league, with the table as it stands tonight.</p>"


@pytest.mark.parametrize(
    ("url", "html", "kind"),
    [
        (URL, page(), "article"),
        (URL, page(data=DATA | {"articleSection": "Obituaries"}), "obituary"),
        ("https://paper.example/obituaries/ada-vale", page(), "obituary"),
        ("https://paper.example/nachruf-ada-vale", page(), "obituary"),
        ("https://paper.example/sport/results/2026-11-20", page(PLAYERS + table()), "results"),
        ("https://paper.example/sport/league", page(PLAYERS + table(40)), "results"),
        (URL, page(data=DATA | {"@type": "LiveBlogPosting"}), "live"),
        ("https://paper.example/gallery/harbour", page("<p>Ten pictures of it.</p>", data=None), "gallery"),
        (URL, page("<p>Watch.</p>", data={"@type": "VideoObject", "name": "Bridge opens"}), "video"),
        ("https://paper.example/", page(data=None), "front"),
        ("https://paper.example/author/ada-vale", page("<p>She writes.</p>", data=None), "author"),
    ],
)
def test_a_page_is_told_by_what_it_says_and_how_it_is_built(url: str, html: str, kind: str) -> None:
    body = tuple(TEXT) if TEXT[0] in html else ()
    found, sure = told(html, url, body)
    assert found == kind
    assert 0.4 < sure <= 1.0


def test_news_of_a_death_is_an_article() -> None:
    html = page(data=DATA | {"headline": "Ada Vale has died"}).replace(
        "<h1>Bridge opens", "<h1>Ada Vale has died"
    )
    assert read(html).kind == "article"


def test_a_report_with_a_table_is_an_article() -> None:
    html = page(paragraphs(LONG) + table())
    assert read(html, "https://paper.example/sport/cup-final-report").kind == "article"


def test_an_obituary_is_read_as_a_text_with_its_kind_and_how_sure_that_is() -> None:
    found = read(page(), "https://paper.example/obituaries/ada-vale")
    assert (found.kind, found.body, found.source["kind"]) == ("obituary", TEXT, "signs")
    assert 0.4 < found.kind_confidence < 1


def test_a_results_table_is_not_forced_into_paragraphs() -> None:
    found = extract(page(PLAYERS + table(40)), "https://paper.example/sport/league")
    assert found is not None
    assert found.kind == "results"
    assert not [text for text in found.body if text.startswith("Team")]


def test_pages_of_an_author_and_fronts_are_no_articles() -> None:
    profile = page(data={"@type": "ProfilePage", "name": "Ada Vale"})
    assert extract(profile, "https://paper.example/author/ada-vale") is None
    assert extract(page(data=None), "https://paper.example/") is None


def test_a_list_of_stories_is_a_listing() -> None:
    cards = "".join(f'<h3><a href="/{n}">Story {n} of the harbour and the town</a></h3>' for n in range(12))
    html = f"<html><body><h1>Harbour</h1>{cards}<script>{json.dumps({})}</script></body></html>"
    assert told(html, "https://paper.example/tag/harbour/")[0] == "listing"
