"""The body by agreement, the guard, and the fields of an article, on pages of our own."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as times
from hypothesis import strategies as st

from archive.errors import CallerError
from archive.extract import extract, from_text
from archive.extract.agencies import agencies_in, agencies_only, agency_named
from archive.extract.body import agreement, medoid, shingles
from archive.extract.names import dateline_of, names_in
from archive.model import Article

URL = "https://paper.example/news/2026/11/bridge-opens-348812"
TEXT = (
    "The harbour bridge was opened again on Friday morning, and the first tram ran over it at six o'clock.",
    "Repairs took eleven months and cost 42 million crowns, twice what was planned when the work was begun.",
    "Ferries will run for another week, so that nobody has to wait on the quay in the cold of November.",
    "The council said that it would publish what the builders were paid, and what they had asked for first.",
    "Traders on the south bank, who lost a third of their custom, want the rent of a year to be given back.",
    "A second bridge was promised thirty years ago, and the drawings of it hang in the hall of the council.",
)
DATA = {
    "@context": "https://schema.org", "@type": "NewsArticle", "headline": "Bridge opens",
    "description": "After eleven months trams cross the harbour again.",
    "datePublished": "2026-11-20T08:00:00+02:00", "author": {"@type": "Person", "name": "Ada Vale"},
}  # fmt: skip


def paragraphs(texts: tuple[str, ...] = TEXT) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def page(inside: str = "", *, data: object = DATA, before: str = "", after: str = "", head: str = "") -> str:
    """A page: headline, standfirst, byline, `inside` (the usual text), with more before and behind it."""
    told = f'<script type="application/ld+json">{json.dumps(data)}</script>' if data else ""
    return f"""<html lang="en-GB"><head><title>Bridge opens | The Paper</title>{head}{told}</head><body>
<nav><a href="/">Home</a> <a href="/sport">Sport</a></nav><main><article><header><h1>Bridge opens</h1>
<p class="standfirst">After eleven months trams cross the harbour again.</p>
<div class="byline">By Ada Vale</div></header>{before}<div class="body">{inside or paragraphs()}</div>{after}
</article></main><footer><p>All rights reserved. Terms of use.</p></footer></body></html>"""


def read(html: str, url: str = URL) -> Article:
    found = extract(html, url)
    assert found is not None
    return found


def test_a_caption_is_no_standfirst_whatever_its_class_says() -> None:
    said = "Ada Vale on the new bridge, which she crossed in the first tram of the morning."
    caption = f'<div class="text-tertiary"><span>{said}</span> <span>© Bo Reed/dpa</span></div>'
    lead = f'<figure><img src="/a.jpg"><figcaption>{caption}</figcaption></figure>'
    html = page(before=lead, data=DATA | {"description": ""}).replace('class="standfirst"', 'class="x"')
    assert read(html).standfirst == ""


def test_a_caption_in_the_data_is_no_standfirst() -> None:
    said = "Ada Vale on the new bridge, which she crossed in the first tram of the morning."
    lead = f'<figure><img src="/a.jpg"><figcaption>{said}</figcaption></figure>'
    html = page(before=lead, data=DATA | {"description": said}).replace('class="standfirst"', 'class="x"')
    assert read(html).standfirst == ""


def test_a_first_paragraph_that_the_data_describe_it_by_stays_in_the_body() -> None:
    first = f"TARNMOUTH (Reuters) - {TEXT[0]}"
    html = page(paragraphs((first, *TEXT[1:])), data=DATA | {"description": first})
    found = read(
        html.replace('<p class="standfirst">After eleven months trams cross the harbour again.</p>', "")
    )
    assert (found.standfirst, found.body[0], found.dateline, found.agency) == (
        "",
        first,
        "TARNMOUTH",
        "Reuters",
    )


def test_a_standfirst_may_begin_with_a_place_that_the_data_leave_out() -> None:
    html = page().replace('<p class="standfirst">', '<p class="x">Tarnmouth. ')
    assert read(html).standfirst == "Tarnmouth. After eleven months trams cross the harbour again."


def test_a_line_that_ends_with_who_took_the_picture_is_no_paragraph() -> None:
    line = "<p>The bridge at dawn. Picture: Bo Reed</p><p>Image: ADA VALE</p>"
    assert read(page(line + paragraphs())).body == TEXT


def test_a_heading_that_leads_to_other_stories_is_no_subhead() -> None:
    inside = f"<p>{TEXT[0]}</p><h3>READ MORE: Trams will be dearer</h3><h3>What it cost</h3>"
    assert read(page(inside + paragraphs(TEXT[1:]))).subheads == ((1, "What it cost"),)


def test_comments_are_no_text_however_many_there_are() -> None:
    words = "says at some length what he thinks of this bridge, and of trams in general."
    said = "".join(f"<p>Reader number {n} {words}</p>" for n in range(99))
    html = page(after=f'<div id="sf_comment_list"><div class="sf_comment_text">{said}</div></div>')
    assert read(html).body == TEXT


def test_an_article_within_what_is_called_comments_is_read() -> None:
    html = page().replace('<div class="body">', '<div class="article-comments">')
    assert read(html).body == TEXT


def test_a_kicker_is_the_line_by_the_headline_and_not_that_of_another_story() -> None:
    other = "<p>Another story begins with a sentence of some length, and then it goes on.</p>" * 10
    teaser = f'<div><span class="kicker">Sport</span><h3>Derby is off</h3></div>{other}'
    html = page().replace("<main>", f"{teaser}<main>")
    assert read(html).kicker == ""
    assert read(html.replace("<h1>", '<span class="kicker">Transport</span><h1>')).kicker == "Transport"


def test_a_template_that_was_not_filled_in_says_nothing() -> None:
    html = page().replace("<h1>", '<span class="kicker">${intro}</span><h1>')
    assert read(html).kicker == ""


def test_who_took_the_picture_did_not_sign_the_article() -> None:
    picture = '<figure><img src="/a.jpg"><span class="author">EFE / Bo Reed</span></figure>'
    html = page().replace('<div class="byline">', f'{picture}<div class="byline">')
    assert read(html).byline == "By Ada Vale"


@pytest.mark.parametrize("name", ["article__author", "authorname", "author_name", "post-author"])
def test_a_byline_is_known_by_many_names(name: str) -> None:
    html = page(data={}).replace('<div class="byline">By Ada Vale', f'<div class="{name}">Ada Vale')
    assert (read(html).byline, read(html).authors) == ("Ada Vale", ("Ada Vale",))


def test_of_several_bylines_the_one_counts_that_names_who_the_data_name() -> None:
    html = page().replace("<main>", '<div class="teaser"><p class="author">Cy Jones</p></div><main>')
    assert read(html).byline == "By Ada Vale"


def test_the_newspaper_s_name_is_no_headline_however_its_host_spells_it() -> None:
    head = '<link rel="canonical" href="https://www.boersen-zeitung.example/bridge">'
    html = page(data={}, head=head).replace("<h1>Bridge opens</h1>", "<h1>Bridge opens | Börsen-Zeitung</h1>")
    assert read(html).headline == "Bridge opens"


@pytest.mark.parametrize(("line", "wire"), [("dpa", True), ("mit dpa", False)])
def test_what_was_written_with_an_agency_is_no_copy_of_it(line: str, wire: bool) -> None:
    found = read(page(paragraphs((*TEXT, line))))
    assert (found.agency, found.wire, found.body) == ("dpa", wire, TEXT)


def test_a_body_that_stands_twice_is_given_once_and_flagged() -> None:
    twice = f"<div>{paragraphs()}</div><div class='comments-enabled'>{paragraphs()}</div>"
    found = read(page(twice))
    assert found.body == TEXT
    assert found.flags == ("doubled_body_removed",)


def test_headline_and_standfirst_are_no_paragraphs() -> None:
    found = read(page(f"<p>Bridge opens</p><p>{DATA['description']}</p>{paragraphs()}"))
    assert found.body == TEXT


def test_promotion_between_paragraphs_is_left_out() -> None:
    offer = '<p>Enjoying this? <a href="/abo">Subscribe to our newsletter</a> for 3 crowns a week.</p>'
    found = read(page(paragraphs(TEXT[:3]) + offer + paragraphs(TEXT[3:])))
    assert found.body == TEXT


def test_an_agency_behind_the_text_is_a_field_and_the_text_is_wire_copy() -> None:
    found = read(page(paragraphs() + "<p>Reuters</p>"))
    assert (found.body, found.agency, found.wire) == (TEXT, "Reuters", True)


def test_an_agency_beside_an_author_is_no_wire_copy() -> None:
    found = read(page(data=DATA | {"author": [{"name": "Ada Vale"}, {"name": "Reuters"}]}))
    assert (found.authors, found.agency, found.wire) == (("Ada Vale",), "Reuters", False)


def test_a_caption_is_beside_the_body_with_its_credit_and_the_agencies_in_it() -> None:
    figure = (
        '<figure><img src="/b.jpg"><figcaption>The bridge at dawn. Picture: ADA VALE / REUTERS</figcaption>'
        "</figure>"
    )
    found = read(page(paragraphs(TEXT[:2]) + figure + paragraphs(TEXT[2:])))
    (image,) = found.images
    assert found.body == TEXT
    assert (image.caption, image.credit) == ("The bridge at dawn.", "ADA VALE / REUTERS")
    assert image.agencies == ("Reuters",)


def test_subheads_stand_beside_the_paragraphs_with_their_place() -> None:
    found = read(page(paragraphs(TEXT[:3]) + "<h2>Who pays</h2>" + paragraphs(TEXT[3:])))
    assert (found.body, found.subheads) == (TEXT, ((3, "Who pays"),))


def test_related_stories_are_a_field_and_no_text() -> None:
    box = (
        '<div class="related-articles"><h3>Related</h3><ul><li><a href="/1">Trams will be dearer from spring'
        " on</a></li></ul></div>"
    )
    found = read(page(paragraphs(TEXT[:3]) + box + paragraphs(TEXT[3:])))
    assert found.body == TEXT
    assert found.related == ("Trams will be dearer from spring on",)


def test_text_in_the_data_is_taken_where_the_page_shows_its_beginning_alone() -> None:
    more = tuple(f"{text} It was said {n} times." for n, text in enumerate(TEXT * 2))
    data = DATA | {"articleBody": "\n".join((*TEXT, *more)), "isAccessibleForFree": False}
    found = read(page(paragraphs(TEXT[:3]), data=data))
    assert (found.source["body"], found.access) == ("json-ld", "paid")
    assert len(found.body) == 18


def test_text_in_the_data_that_is_another_is_not_believed() -> None:
    other = " ".join(f"Word{n} of something else entirely." for n in range(200))
    assert read(page(data=DATA | {"articleBody": other})).body == TEXT


@pytest.mark.parametrize(
    ("before", "after", "notes"),
    [
        ("", "<p>Correction: an earlier version gave another cost.</p>", 1),
        ("<p>This article was updated to add what the council said.</p>", "", 1),
        ("", "", 0),
    ],
)
def test_notes_of_corrections_are_named(before: str, after: str, notes: int) -> None:
    assert len(read(page(before + paragraphs() + after)).notes) == notes


def test_what_a_field_was_read_from_is_kept_raw() -> None:
    shown = '<div class="date">20 November 2026 - 08:00</div>'
    found = read(page(before=shown))
    assert found.published == datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert found.raw == {"published": "20 November 2026 - 08:00", "language": "en-GB"}
    assert (found.byline, found.source["authors"]) == ("By Ada Vale", "json-ld")


def test_the_newspapers_own_number_of_an_article_is_found() -> None:
    assert read(page()).number == "348812"


def test_data_of_staff_are_not_taken_along() -> None:
    data = DATA | {"author": {"@type": "Person", "name": "Ada Vale", "email": "ada.vale@paper.example"}}
    state = '<script>window.__STATE__={"owner":{"email":"ada.vale@paper.example"}}</script>'
    assert "ada.vale@" not in repr(read(page(data=data, head=state)))


def test_a_front_page_is_no_article() -> None:
    teasers = "".join(f"<h3><a href='/{n}'>{text}</a></h3>" for n, text in enumerate(TEXT * 3))
    assert extract(page(teasers, data=None), "https://paper.example/") is None


def test_a_live_blog_says_so() -> None:
    assert read(page(data=DATA | {"@type": "LiveBlogPosting"})).kind == "live"


@pytest.mark.parametrize(
    ("text", "place", "agency"),
    [
        ("Seoul — The council said so.", "Seoul", ""),
        ("PORT ELLIN (Reuters) - The council said so.", "PORT ELLIN", "Reuters"),
        ("The council — as ever — said so.", "", ""),
    ],
)
def test_a_dateline_is_told_from_a_sentence(text: str, place: str, agency: str) -> None:
    assert dateline_of(text) == (place, agency)


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ("By Ada Vale", ("Ada Vale",)),
        ("by ada vale and bo reed", ("Ada Vale", "Bo Reed")),
        ("Von Ada Vale und Bo Reed", ("Ada Vale", "Bo Reed")),
        ("Ada Vale, Staff Reporter", ("Ada Vale",)),
        ("By Ada Vale, Bo Reed, and Cy Jones", ("Ada Vale", "Bo Reed", "Cy Jones")),
    ],
)
def test_a_byline_gives_names(raw: str, names: tuple[str, ...]) -> None:
    assert names_in(raw) == names


def test_agencies_are_known_by_their_forms() -> None:
    assert agency_named("REUTERS") == "Reuters"
    assert agencies_only("AFP/dpa") == ("AFP", "dpa")
    assert agencies_only("The Reuters building was sold") == ()
    assert agencies_in("KCNA via REUTERS") == ("KCNA", "Reuters")


def test_the_reader_that_most_agree_with_is_chosen() -> None:
    texts = {"a": TEXT, "b": TEXT, "c": TEXT[:2], "d": ("Something else is said here entirely.",)}
    best, agreed = medoid({name: shingles(text) for name, text in texts.items()})
    assert best in ("a", "b")
    assert 0.3 < agreed < 0.8


words = st.lists(
    st.sampled_from(["the", "bridge", "was", "opened", "again", "on", "friday"]), max_size=30
).map(" ".join)


@given(words, words)
def test_agreement_is_the_same_both_ways_and_whole_with_itself(one: str, other: str) -> None:
    a, b = shingles([one]), shingles([other])
    assert agreement(a, b) == agreement(b, a)
    assert agreement(a, a) == 1.0
    assert 0.0 <= agreement(a, b) <= 1.0


pieces = st.lists(
    st.one_of(
        st.sampled_from(TEXT).map("<p>{}</p>".format),
        st.sampled_from(["<div class=related>", "</div>", "<h2>Who pays</h2>", "<figure><img src=x>", "<br>",
                         "<aside>", "<p>Reuters</p>", "<script>", "<!--", "<table><tr><td>", "<li>", "&#0;"]),
        st.text(max_size=40),
    ),
    max_size=25,
)  # fmt: skip


@times(max_examples=60, deadline=None)
@given(pieces)
def test_no_page_makes_it_fail_and_no_long_paragraph_comes_twice(inside: list[str]) -> None:
    found = extract(page("".join(inside) or "<p></p>"), URL)
    long = [text for text in found.body if len(text) > 60] if found else []
    assert len(long) == len(set(long))


PLAIN = "\n\n".join(
    (
        "Bridge opens after eleven months", "After eleven months trams cross the harbour again, at last",
        "20 November 2026 - 08:00", "byada vale", "The bridge at dawn. Picture: BO REED/REUTERS", *TEXT,
        "Reuters",
        "Trams will be dearer from spring on", "Would you like to comment on this article?", *TEXT, "Reuters",
    )
)  # fmt: skip


def test_an_article_is_recovered_from_plain_text() -> None:
    found = from_text(PLAIN, zone="Africa/Johannesburg")
    assert found is not None
    assert (found.headline, found.authors) == ("Bridge opens after eleven months", ("Ada Vale",))
    assert found.standfirst == "After eleven months trams cross the harbour again, at last"
    assert (found.body, found.agency) == (TEXT, "Reuters")
    assert found.published == datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert found.images[0].credit == "BO REED/REUTERS"
    assert found.related == ("Trams will be dearer from spring on",)
    assert found.flags == ("doubled_body_removed", "zone_inferred")


def test_a_text_without_paragraphs_is_no_article() -> None:
    assert from_text("One line") is None


def test_a_zone_that_there_is_not_is_named() -> None:
    with pytest.raises(CallerError, match="Africa/Atlantis"):
        from_text(PLAIN, zone="Africa/Atlantis")


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    from_text(text)


def test_the_command_prints_what_a_text_holds(morgue, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "article.txt").write_text(PLAIN)
    done = morgue("extract", "--text", str(tmp_path / "article.txt"), "--zone", "Africa/Johannesburg")
    assert (done.code, json.loads(done.out)["agency"]) == (0, "Reuters")


def test_the_command_says_where_there_is_no_article(morgue, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "empty.txt").write_text("")
    done = morgue("extract", "--text", str(tmp_path / "empty.txt"))
    assert done.code != 0
    assert "no article" in done.err


@pytest.mark.parametrize(
    ("shown", "caption", "credit"),
    [
        ("The bridge. <span class='credit'>(Image credit: Bo Reed)</span>", "The bridge.", "Bo Reed"),
        ("( Bo Reed )", "", "Bo Reed"),
        ("<svg><title>Camera icon</title></svg>The bridge.", "The bridge.", ""),
        ("<button>Show caption</button>", "", ""),
    ],
)
def test_a_caption_is_told_from_its_credit_and_from_icons(shown: str, caption: str, credit: str) -> None:
    lead = f'<figure><img src="/a.jpg"><figcaption>{shown}</figcaption></figure>'
    (image,) = read(page(before=lead)).images
    assert (image.caption, image.credit) == (caption, credit)


def test_a_button_that_shows_a_caption_is_none() -> None:
    lead = '<figure><img src="/a.jpg"><span class="js-ImageDescriptionButton">Show it</span></figure>'
    (image,) = read(page(before=lead)).images
    assert image.caption == ""
