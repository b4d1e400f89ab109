"""What only a page's head and data say, what stands beside its text, and what that means for versions."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from archive.agenda import Known, Rhythm
from archive.extract import extract
from archive.extract.told import sentences
from archive.looks import Look, fields_of, judge
from archive.model import Article, ArticleRow, Link, Location
from archive.versions import diff, timeline
from archive.words import version_of
from tests.test_extraction import DATA, TEXT, URL, page, paragraphs, read

NOTE = "An earlier version of this report gave another figure."
WHOLE = DATA | {"articleBody": " ".join(TEXT)}


def edited_data(text: str = f"{TEXT[0]} {NOTE}") -> dict[str, object]:
    return DATA | {"articleBody": " ".join((text, *TEXT[1:]))}


def versions_of(*articles: Article) -> list[Article]:
    began = datetime(2026, 11, 20, 8, tzinfo=UTC)
    place = Location(warc="warc/paper/a.warc.gz", offset=0, length=10)
    rows = [
        ArticleRow(
            article=article, site="paper", run="r", captured=began + timedelta(hours=n), warc=place,
            version=version_of(article), extractor="newsmorgue-3/x-1",
        )
        for n, article in enumerate(articles)
    ]  # fmt: skip
    return [version.row.article for version in timeline(rows)]


def test_where_head_data_and_page_agree_nothing_is_told_beside() -> None:
    found = read(page(data=WHOLE, head='<meta property="og:title" content="Bridge opens">'))
    assert (found.titles, found.told) == ((), ())


def test_a_sentence_that_the_data_alone_have_is_kept_beside_the_body() -> None:
    found = read(page(data=edited_data()))
    assert (found.body, found.told) == (TEXT, (NOTE,))


def test_a_correction_in_the_data_alone_is_a_note() -> None:
    assert read(page(data=edited_data())).notes == (NOTE,)


def test_an_edit_of_the_data_alone_is_a_version_of_its_class() -> None:
    before, after = read(page(data=WHOLE)), read(page(data=edited_data()))
    assert len(versions_of(before, after)) == 2
    assert diff(before, after).classes == ("correction",)


def test_a_figure_that_changes_in_the_data_alone_is_a_figure() -> None:
    after = read(page(data=edited_data(TEXT[0].replace("six", "seven"))))
    assert diff(read(page(data=WHOLE)), after).changes[0].field == "told"


def test_an_edit_in_the_state_of_a_content_system_is_seen() -> None:
    state = {"props": {"blocks": [{"text": text} for text in (f"{TEXT[0]} {NOTE}", *TEXT[1:])]}}
    script = f'<script id="state" type="application/json">{json.dumps(state)}</script>'
    assert read(page(after=script)).told == (NOTE,)


def test_data_within_a_text_of_data_are_read() -> None:
    inner = json.dumps({"blocks": [{"text": f"{TEXT[1]} {NOTE}"}]})
    script = f"<script>self.__next_f.push([1,{json.dumps(inner)}])</script>"
    assert read(page(after=script)).told == (NOTE,)


def test_the_text_of_another_story_in_the_data_is_no_part_of_this_one() -> None:
    other = "The mayor of the next town resigned after a week in which nobody spoke of anything but the tram."
    script = f"<script>window.state = {json.dumps({'next': [TEXT[0], other, other + ' And more.']})}</script>"
    assert read(page(after=script)).told == ()


def test_a_subhead_that_the_data_run_into_the_text_is_shown_already() -> None:
    inside = paragraphs(TEXT[:2]) + "<h2>What it cost the town</h2>" + paragraphs(TEXT[2:])
    told = " ".join((*TEXT[:2], f"What it cost the town {TEXT[2]}", *TEXT[3:]))
    assert read(page(inside, data=DATA | {"articleBody": told})).told == ()


def test_the_title_of_the_head_is_another_headline() -> None:
    head = '<meta property="og:title" content="Trams run over the harbour bridge again - The Paper">'
    found = read(page(head='<meta property="og:site_name" content="The Paper">' + head))
    assert found.titles == ("Trams run over the harbour bridge again",)


def test_an_edit_of_the_title_in_the_head_is_an_edit_of_the_headline() -> None:
    one = read(page(head='<meta property="og:title" content="Trams run over the harbour bridge">'))
    two = read(page(head='<meta property="og:title" content="Trams run over the harbour bridge (updated)">'))
    assert len(versions_of(one, two)) == 2
    assert diff(one, two).classes == ("headline",)


def test_data_that_catch_up_with_the_page_are_no_version() -> None:
    edited = (TEXT[0], TEXT[1].replace("42", "44"), *TEXT[2:])
    one = read(page(data=WHOLE))
    lagging = read(page(paragraphs(edited), data=WHOLE))
    caught_up = read(page(paragraphs(edited), data=DATA | {"articleBody": " ".join(edited)}))
    assert lagging.told == (TEXT[1],)
    assert versions_of(one, lagging, caught_up) == [one, lagging]
    assert diff(one, lagging).classes == ("figure",)


def test_a_look_sees_an_edit_of_the_data_and_not_that_they_catch_up() -> None:
    one, two = (fields_of(read(page(data=data))) for data in (WHOLE, edited_data()))
    at = datetime(2026, 11, 20, tzinfo=UTC)
    new = judge(Known(url=URL, seen=at, due=at), Look(at=at, status=200, fields=one), Rhythm())
    changed = judge(new.known, Look(at=at, status=200, fields=two), Rhythm())
    back = judge(changed.known, Look(at=at, status=200, fields=one), Rhythm())
    assert (changed.outcome, changed.detail, back.outcome) == ("changed", "told", "same")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It is so. And so.", ["It is so.", "And so."]),
        ("It is so.And so.", ["It is so.", "And so."]),
        ("It cost 4.5 million.", ["It cost 4.5 million."]),
        ("橋が開いた。船は続く。", ["橋が開いた。", "船は続く。"]),
        ("“Is it?” He said so.", ["“Is it?”", "He said so."]),
    ],
)
def test_sentences_are_told_apart_with_or_without_spaces(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


# --- beside the text ---------------------------------------------------------------------------------------


def test_links_have_their_targets_and_say_where_they_stand() -> None:
    text = TEXT[0].replace("harbour bridge", '<a href="/bridge">harbour bridge</a>')
    related = (
        '<aside class="related"><h3><a href="/ferry?x=1">Ferries sail for one more week</a></h3></aside>'
    )
    found = read(page(paragraphs((text, *TEXT[1:])), after=related))
    assert found.links == (
        Link(url="https://paper.example/bridge", text="harbour bridge", place="body"),
        Link(url="https://paper.example/ferry?x=1", text="Ferries sail for one more week", place="related"),
    )


def test_roles_stand_beside_the_authors_that_have_them() -> None:
    people = [{"name": "Ada Vale", "jobTitle": "Harbour correspondent"}, {"name": "Bo Reed"}]
    found = read(page(data=DATA | {"author": people}))
    assert (found.authors, found.roles) == (("Ada Vale", "Bo Reed"), ("Harbour correspondent", ""))


def test_a_role_is_read_from_the_byline_where_the_data_have_none() -> None:
    html = page().replace("By Ada Vale<", "By Ada Vale, political editor<")
    found = read(html)
    assert (found.roles, found.source["roles"]) == (("political editor",), "byline")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Comments are closed.", "off"), ("Leave a comment", "on"), ("Kommentar schreiben", "on"),
        ("Les commentaires sont fermés", "off"), ("The comment was heard by all", ""),
    ],
)  # fmt: skip
def test_a_page_says_whether_readers_may_comment(words: str, said: str) -> None:
    assert read(page(after=f'<div class="talk">{words}</div>')).comments == said


def test_rights_are_words_of_the_page() -> None:
    head = '<meta name="robots" content="noarchive, max-snippet:5"><link rel="license" href="/licence">'
    found = read(page(head=head, data=DATA | {"copyrightHolder": {"name": "The Paper Ltd"}}))
    assert found.rights == (
        "copyrightHolder=The%20Paper%20Ltd", "license=https://paper.example/licence",
        "robots=noarchive,%20max-snippet:5",
    )  # fmt: skip


def test_access_keeps_the_words_of_the_page() -> None:
    found = read(page(data=DATA | {"isAccessibleForFree": "False"}))
    assert (found.access, found.raw["access"]) == ("paid", "isAccessibleForFree false")


def test_each_field_that_was_found_says_where_it_came_from() -> None:
    found = read(page(data=edited_data(), after="<p>Reuters</p>"))
    empty = {"url", "source", "raw", "confidence", "flags", "furniture", "kind_confidence", "wire"}
    filled = {n for n in Article.__slots__ if n not in empty and getattr(found, n) not in ("", (), None)}
    assert filled - {"access"} <= set(found.source)


def test_extraction_of_nothing_is_nothing() -> None:
    assert extract("", URL) is None


def test_what_was_left_out_as_recurring_is_no_edit() -> None:
    line = "Our harbour reporters are on call day and night."
    before = replace(read(page()), body=(*TEXT, line))
    after = replace(before, body=TEXT, furniture=((line, 12),))
    assert versions_of(before, after) == [before]
    assert diff(before, after).changes == ()
