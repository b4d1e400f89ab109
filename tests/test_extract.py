"""From a page to an article."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.dates import read_time
from archive.extract import extract, without_name
from archive.process import fronts

URL = "https://paper.example/news/bridge"
PARAGRAPHS = [
    "PORT ELLIN — The harbour bridge will open again on Monday, the council said after long talks.",
    "Repairs took eleven months and cost 42 million crowns, twice what was planned when the work was begun.",
    "Ferries will run for another week, so that nobody has to wait on the quay in the cold of November.",
]
DATA = """{"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Bridge opens &amp; shuts",
"description": "A long wait ends.", "datePublished": "2026-11-20T08:00:00+02:00",
"isAccessibleForFree": "False",
"author": [{"@type": "Person", "name": "Ada Vale"}, {"name": "MPA"}], "articleSection": "News"}"""


def page(*, data: str = DATA, h1: str = "Bridge opens & shuts", last: str = "", extra: str = "") -> str:
    body = "".join(f"<p>{p}</p>" for p in [*PARAGRAPHS, *([last] if last else [])])
    return f"""<html lang="en"><head><title>Bridge | The Paper</title>{extra}
<script type="application/ld+json">{data}</script></head><body><nav><a href="/">Home</a></nav>
<article class="comments-enabled"><h1>{h1}</h1>{body}
<figure><img src="/b.jpg"><figcaption>The bridge at dawn. Picture: Ada Vale</figcaption></figure></article>
<div class="no-comments"><p>Would you like to comment on this article?</p></div></body></html>"""


def test_the_fields_come_from_the_data_of_the_page() -> None:
    found = extract(page(), URL)
    assert found is not None
    assert (found.headline, found.standfirst, found.section) == (
        "Bridge opens & shuts",
        "A long wait ends.",
        "News",
    )
    assert (found.authors, found.agency) == (("Ada Vale",), "MPA")
    assert found.published == datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert (found.access, found.language) == ("paid", "en")


def test_each_field_says_where_it_came_from() -> None:
    found = extract(page(), URL)
    assert found is not None
    assert (found.source["headline"], found.source["body"]) == ("json-ld", "trafilatura")


def test_the_body_stands_once_where_the_page_looks_like_a_comment_section() -> None:
    found = extract(page(), URL)
    assert found is not None
    assert list(found.body) == PARAGRAPHS


def test_the_agency_line_is_a_field_and_no_paragraph() -> None:
    found = extract(page(data="{}", last="Meridian Press Agency"), URL)
    assert found is None or (found.agency, list(found.body)) in (("MPA", PARAGRAPHS), ("", PARAGRAPHS))


def test_a_caption_is_parted_from_its_credit() -> None:
    found = extract(page(), URL)
    assert found is not None
    (image,) = found.images
    assert (image.url, image.caption, image.credit) == (
        "https://paper.example/b.jpg", "The bridge at dawn.", "Ada Vale",
    )  # fmt: skip


def test_a_headline_that_was_updated_on_the_page_wins_over_stale_data() -> None:
    found = extract(page(h1="Bridge opens & shuts (updated)"), URL)
    assert found is not None
    assert found.headline == "Bridge opens & shuts (updated)"


def test_other_words_on_the_page_do_not_replace_the_headline() -> None:
    found = extract(page(h1="THE PAPER"), URL)
    assert found is not None
    assert found.headline == "Bridge opens & shuts"


@pytest.mark.parametrize(
    ("headline", "bare"),
    [
        ("Flood in Ellin - The Paper", "Flood in Ellin"),
        ("The Paper | Flood in Ellin", "Flood in Ellin"),
        ("Flood - a diary", "Flood - a diary"),
        ("The Paper", "The Paper"),
    ],
)
def test_the_newspapers_own_name_is_no_part_of_a_headline(headline: str, bare: str) -> None:
    assert without_name(headline, {"thepaper"}) == bare


def test_a_section_front_is_known_by_the_pages_below_it() -> None:
    urls = {
        "http://p.example/news/",
        "http://p.example/sport/",
        *(f"http://p.example/news/{n}" for n in "abc"),
    }
    assert fronts(urls) == {"http://p.example/news/"}


def test_a_section_front_needs_a_sign_to_count_as_an_article() -> None:
    html = "<html><body><h1>News</h1>" + "".join(f"<p>{p}</p>" for p in PARAGRAPHS * 2) + "</body></html>"
    assert extract(html, URL, needs_sign=True) is None
    assert extract(page(), URL, needs_sign=True) is not None


def test_meta_tags_serve_where_there_is_no_data() -> None:
    extra = '<meta property="og:type" content="article"><meta property="og:title" content="From meta">'
    found = extract(page(data="{broken", extra=extra), URL)
    assert found is not None
    assert (found.headline, found.source["headline"], found.access) == ("From meta", "meta", "unknown")


def test_a_page_that_shows_no_sign_of_an_article_is_none() -> None:
    assert extract("<html><body><h1>Contact</h1><p>Write to us.</p></body></html>", URL) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T06:00:00Z",
        "2026-11-20T08:00:00+0200",
        "2026-11-20T06:00:00.000Z",
        "Fri, 20 Nov 2026 06:00:00 GMT",
        "Fri Nov 20 08:00:00 CEST 2026",
        "20 November 2026, 8:00 SAST",
        "Nov. 20, 2026, 1:00 a.m. EST",
    ],
)
def test_dates_are_read_as_pages_write_them(text: str) -> None:
    assert read_time(text) == datetime(2026, 11, 20, 6, tzinfo=UTC)


def test_a_zone_of_no_known_name_counts_as_utc_without_a_word_on_standard_error(
    recwarn: pytest.WarningsRecorder,
) -> None:
    assert read_time("Fri Nov 20 06:00:00 XYZ 2026") == datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert not recwarn.list


@pytest.mark.parametrize("text", ["", "soon", "99999999999999999999", "0001-01-01T00:00:00+23:59"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_time(text) is None


@given(st.text(max_size=400))
def test_no_page_upsets_the_extractor(text: str) -> None:
    extract(f"<html><body>{text}</body></html>", URL)
