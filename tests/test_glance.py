"""What a page says, read no further than the question asks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.glance import glance_of, manner_of, published_in, said_on
from archive.looks import version_in
from archive.selectors import Rules

TEXT = "The council said on Friday that the works at the old quay would cost four million crowns. "
PAGE = f"""<!doctype html><html><head><title>Quay reopens</title>
<meta property="og:title" content="Quay reopens after works">
<meta property="article:published_time" content="2026-11-20T08:30:00+01:00">
<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "Quay reopens after works",
 "author": {{"name": "Ana Ruiz"}}, "dateModified": "2026-11-20T09:00:00Z"}}</script>
<script>var nonce = "af31";</script></head>
<body class="a1"><h1>Quay reopens after works</h1><p>{TEXT * 3}</p><p>Short.</p>
<span>5 minutes ago</span><img src="/a.jpg?token=1"></body></html>"""


@pytest.mark.parametrize(
    ("old", "new"),
    [("af31", "be42"), ('class="a1"', 'class="b2"'), ("token=1", "token=2"), ("<p>Short.", "<p  id=x>Short."),
     ("5 minutes ago", "3 hours ago"), ("T09:00:00Z", "T11:15:00Z")],
)  # fmt: skip
def test_what_is_no_word_of_the_page_makes_no_difference(old: str, new: str) -> None:
    other = PAGE.replace(old, new)
    assert other != PAGE
    assert glance_of(other) == glance_of(PAGE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("Short.", "Brief."), ("Ana Ruiz", "Ada Moss"), ("<title>Quay", "<title>Pier"),
     ("four million", "six million"),
     ('content="Quay', 'content="Pier'), ('"headline": "Quay', '"headline": "Pier')],
)  # fmt: skip
def test_another_word_anywhere_makes_a_difference(old: str, new: str) -> None:
    assert glance_of(PAGE.replace(old, new, 1)) != glance_of(PAGE)


@given(st.text(max_size=200))
def test_any_text_can_be_glanced_at_and_dated(text: str) -> None:
    assert len(glance_of(text)) in (0, 24)
    published_in(f'{text}"datePublished": "{text}')


@pytest.mark.parametrize(
    ("html", "moment"),
    [
        (PAGE, datetime(2026, 11, 20, 7, 30, tzinfo=UTC)),
        (
            '<meta content="2026-11-20T08:30:00Z" property="article:published_time">',
            datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
        ),
        ('{"datePublished":"2026-11-20"}', datetime(2026, 11, 20, tzinfo=UTC)),
        ('{"datePublished":"yesterday"}', None),
        ('{"datePublished":"2026-31-20"}', None),
        ("", None),
    ],
)
def test_the_date_of_an_article_is_found_without_reading_it(html: str, moment: datetime | None) -> None:
    assert published_in(html) == moment


def test_of_two_metas_the_value_of_the_other_is_not_taken() -> None:
    html = (
        '<meta property="article:published_time"><meta property="article:modified_time"'
        ' content="2026-11-21T00:00:00Z">'
    )
    assert published_in(html) is None


def test_the_newspapers_own_rules_are_another_way_of_reading() -> None:
    url, rules = "https://paper.example/1", Rules(fields={"headline": "title"})
    usual, own = said_on(PAGE, url), said_on(PAGE, url, rules=rules)
    assert usual.fields["reading"] == manner_of() != own.fields["reading"] == manner_of(rules)
    assert usual.fields["headline"] != own.fields["headline"]
    assert version_in(own.fields)


def test_what_is_no_article_has_no_version() -> None:
    said = said_on("<html><p>Hello.</html>", "https://paper.example/1", words="abc")
    assert said.fields == {"words": "abc"}
    assert version_in(said.fields) == ""
