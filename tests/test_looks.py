"""What a look at a page means for what is known of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from archive.agenda import Known, Rhythm
from archive.extract import paragraphs
from archive.looks import BESIDE, Judged, Look, fields_of, judge
from archive.model import Article, Image, Original
from archive.words import settled

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
URL = "https://paper.example/1"
HOME = "https://paper.example/"
ARTICLE = Article(url=URL, headline="Bridge to cost more", standfirst="Much more", body=("One.", "Two."))
NEVER = Known(url=URL, seen=NOW, due=NOW)


def look(article: Article | None = ARTICLE, **more: object) -> Look:
    """A good answer."""
    said = fields_of(article) if article else {}
    return Look(**{"at": NOW, "status": 200, "fields": said, "etag": '"1"'} | more)  # type: ignore[arg-type]


def judged(known: Known, found: Look) -> Judged:
    return judge(known, found, Rhythm(), fronts=(HOME,))


SEEN = judged(NEVER, look()).known


def test_a_page_that_was_never_seen_is_new() -> None:
    first = judged(NEVER, look())
    assert (first.outcome, first.known.status, first.known.looks) == ("new", 200, 1)


def test_the_same_words_are_the_same_article() -> None:
    again = judged(SEEN, look(replace(ARTICLE, modified=NOW), etag='"2"'))
    assert again.outcome == "same"
    assert again.known.etag == '"2"'


@pytest.mark.parametrize(
    ("field", "value"),
    [("headline", "Bridge to cost less"), ("standfirst", "Less"), ("body", ("One.", "Three.")),
     ("authors", ("Ada Moss",)), ("agency", "Reuters")],
)  # fmt: skip
def test_other_words_are_a_change_that_names_the_field(field: str, value: object) -> None:
    found = judged(SEEN, look(replace(ARTICLE, **{field: value})))  # type: ignore[arg-type]
    assert (found.outcome, found.detail) == ("changed", field)
    assert found.known.changes == 1


def test_a_caption_alone_is_no_change() -> None:
    with_picture = replace(ARTICLE, images=(Image(url="https://paper.example/p.jpg", caption="The bridge"),))
    assert judged(SEEN, look(with_picture)).outcome == "same"


def test_words_beside_the_body_are_said_and_not_counted_as_an_edit() -> None:
    known = judged(NEVER, replace(look(), fields=fields_of(ARTICLE, around=["A lead."]))).known
    found = judged(known, replace(look(), fields=fields_of(ARTICLE, around=["Another lead."])))
    assert (found.outcome, found.detail, found.known.changes) == ("changed", BESIDE, 0)


@pytest.mark.parametrize(
    "text",
    ["5 minutes ago", "an hour ago", "vor 3 Stunden", "il y a 12 minutes", "hace 2 horas", "12 comments",
     "1,204 shares", "Updated: 24 Nov 2026, 12:30", "Aktualisiert am 24.11.2026", "3 ore fa"],
)  # fmt: skip
def test_what_changes_by_itself_is_taken_out(text: str) -> None:
    assert settled(f"The bridge {text} ") == settled("The  bridge")


def test_numbers_in_the_news_are_not_taken_out() -> None:
    assert settled("The bridge costs 42 million") != settled("The bridge costs 24 million")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(404, "gone"), (410, "withdrawn"), (451, "withdrawn"), (500, "failed"), (403, "failed")],
)
def test_a_page_that_was_there_and_is_not(status: int, outcome: str) -> None:
    assert judged(SEEN, look(None, status=status)).outcome == outcome


def test_what_stays_gone_is_no_event_again() -> None:
    gone = judged(SEEN, look(None, status=404)).known
    assert judged(gone, look(None, status=404)).outcome == "same"


def test_what_was_gone_and_is_there_again_has_returned() -> None:
    gone = judged(SEEN, look(None, status=410)).known
    assert judged(gone, look()).outcome == "returned"


def test_an_error_of_the_server_changes_nothing_but_when_to_look() -> None:
    found = judged(SEEN, look(None, status=503))
    assert found.known.version == SEEN.version
    assert found.known.status == 200
    assert found.known.due > NOW


def test_not_modified_keeps_all_that_was_known() -> None:
    found = judged(SEEN, look(None, status=304, etag=""))
    assert found.outcome == "same"
    assert (found.known.etag, found.known.version, found.known.looks) == ('"1"', SEEN.version, 2)


def test_a_page_sent_elsewhere_has_moved() -> None:
    found = judged(SEEN, look(moved="https://paper.example/2"))
    assert (found.outcome, found.detail) == ("moved", "https://paper.example/2")
    assert judged(found.known, look(moved="https://paper.example/2")).outcome == "same"


def test_a_page_sent_to_the_front_page_was_withdrawn() -> None:
    assert judged(SEEN, look(moved=HOME)).outcome == "withdrawn"


def test_a_page_found_elsewhere_at_once_is_new() -> None:
    assert judged(NEVER, look(moved="https://paper.example/2")).outcome == "new"


def test_a_page_that_says_it_is_not_there_is_gone_whatever_its_status() -> None:
    found = judged(SEEN, look(None, wall="soft-404"))
    assert found.outcome == "gone"
    assert found.known.gone


def test_a_wall_is_no_version_of_an_article() -> None:
    found = judged(SEEN, look(None, wall="challenge:cloudflare"))
    assert (found.outcome, found.known.version) == ("wall", SEEN.version)


@pytest.mark.parametrize(("wall", "outcome"), [("consent", "wall"), ("login", "wall"), ("soft-404", "gone")])
def test_a_page_sent_to_a_wall_has_not_moved_there(wall: str, outcome: str) -> None:
    found = judged(SEEN, look(None, wall=wall, moved="https://paper.example/login"))
    assert (found.outcome, found.known.moved) == (outcome, "")


def test_a_page_sent_to_the_front_page_is_withdrawn_though_it_is_a_soft_404_as_well() -> None:
    assert judged(SEEN, look(None, wall="soft-404", moved=HOME)).outcome == "withdrawn"


def test_a_page_that_is_no_article_any_more_has_changed() -> None:
    assert judged(SEEN, look(None)).detail == "no article any more"


def test_a_page_that_was_captured_but_never_read_is_taken_as_it_is() -> None:
    unread = replace(SEEN, version="?", fields={})
    found = judged(unread, look())
    assert found.outcome == "same"
    assert found.known.version == SEEN.version


def test_repeated_failures_are_asked_about_less_and_less_often() -> None:
    known, waits = SEEN, []
    for _ in range(20):
        known = judged(known, look(None, status=500)).known
        waits.append(known.due - NOW)
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(days=7)


def test_validators_are_forgotten_with_the_page_that_they_spoke_of() -> None:
    original = Original(url=URL, at=NOW, digest="sha1:X")
    there = judged(NEVER, look(original=original)).known
    moved = judged(there, look(moved="https://paper.example/2")).known
    assert there.original == original
    assert (moved.etag, moved.original) == ("", None)


def test_text_with_markup_in_a_pages_data_counts_as_words_beside_the_body() -> None:
    page = (
        '<html><script type="application/ld+json">{{"articleBody":"<p>The bridge is to cost {} million,'
        ' says the council.</p>"}}</script><article><p>Read more with a subscription.</p></article></html>'
    )
    before, after = (" ".join(paragraphs(page.format(cost))) for cost in (12, 14))
    assert "cost 12 million" in before
    assert before.replace("12", "14") == after
