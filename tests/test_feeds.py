"""What is read from feeds: the cases of tests/documents/feeds.py, and what no document may do."""

import itertools
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiders import feeds
from spiders.feeds import FeedDocument, read_feed
from spiders.told import Told, absolute, absolute_all, read_date, title_of
from tests.documents.feeds import BASE, CASES, HOST, SOUND, Case, rss

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_feed_tells_what_stands_beside_it(case: Case) -> None:
    found = read_feed(case.body, BASE, now=NOW)
    assert tuple(told.url for told in found.items) == case.urls
    expected = {"kind": case.kind, "title": case.title, "hub": case.hub, "self_url": case.self_url}
    assert {k: getattr(found, k) for k, v in expected.items() if v is not None} == {
        k: v for k, v in expected.items() if v is not None
    }
    if case.ttl is not None:
        assert found.ttl_minutes == (case.ttl or None)
    first = found.items[0] if found.items else Told(url="")
    for name, value in (("when", case.when), ("published", case.published)):
        told = getattr(first, name)
        assert value is None or (told.isoformat() if told else "") == value, name
    assert case.headline is None or first.title == case.headline


def test_no_two_cases_have_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_at_most_2000_items_are_told() -> None:
    many = rss("".join(f"<item><link>/{n}</link></item>" for n in range(2500)))
    found = read_feed(many.encode(), BASE).items
    assert (len(found), found[-1].url) == (2000, f"{HOST}/1999")


def test_a_feed_of_a_hundred_thousand_items_costs_little() -> None:
    many = rss("<item><link>/a</link></item>" * 100_000).encode()
    begun = time.process_time()
    read_feed(many, BASE)
    assert time.process_time() - begun < 5


def test_a_feed_may_come_in_pieces() -> None:
    pieces = (SOUND.encode()[n : n + 7] for n in itertools.count(0, 7) if n < len(SOUND) + 7)
    found = read_feed(itertools.takewhile(bool, pieces), BASE)
    assert found == read_feed(SOUND.encode(), BASE)


def test_without_a_now_every_date_is_believed() -> None:
    body = rss("<item><link>/a</link><pubDate>2099-01-01</pubDate></item>").encode()
    assert read_feed(body, BASE).items[0].when == datetime(2099, 1, 1, tzinfo=UTC)


@given(st.binary(max_size=400))
def test_no_bytes_upset_the_reader(body: bytes) -> None:
    assert isinstance(read_feed(body, BASE), FeedDocument)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_upsets_the_reader(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from([case.body for case in CASES if len(case.body) < 5000])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body)))
        body[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    found = read_feed(bytes(body), BASE, now=NOW)
    assert all(absolute(told.url) == told.url for told in found.items)


@settings(deadline=None)
@given(st.integers(0, len(SOUND)))
def test_a_feed_cut_anywhere_tells_the_items_before_the_cut(end: int) -> None:
    whole = [told.url for told in read_feed(SOUND.encode(), BASE).items]
    cut = [told.url for told in read_feed(SOUND[:end].encode(), BASE).items]
    complete = [
        u
        for u, mark in zip(whole, ("A</title><link>/a</link>", "/b</link>"), strict=True)
        if mark in SOUND[:end]
    ]
    assert cut[: len(complete)] == complete


# feedparser takes some runs of letters with accents for UTF-8 read as Windows-1252, and mends them.
WORDS = st.text(alphabet=st.sampled_from("aB1 &<>;#\"'ŝ語🙂"), max_size=30)


@settings(deadline=None)
@given(st.lists(st.integers(0, 999), unique=True, max_size=5), WORDS)
def test_both_readers_tell_the_same_of_a_sound_feed(numbers: list[int], title: str) -> None:
    from xml.sax.saxutils import escape

    items = "".join(
        f"<item><title>{escape(title)}</title><link>/{n}</link><guid>{n}</guid>"
        "<pubDate>Fri, 20 Nov 2026 12:00:00 GMT</pubDate></item>"
        for n in numbers
    )
    body = rss(items).encode()
    assert read_feed(body, BASE) == feeds._recover(body, BASE, None)


@given(st.text(max_size=60))
def test_no_text_upsets_the_reader_of_dates(text: str) -> None:
    found = read_date(text)
    assert found is None or found.tzinfo is UTC


@given(st.integers(40_000_000, 4_000_000_000))
def test_a_date_is_read_as_it_was_written(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    for text in (
        moment.isoformat(),
        moment.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        moment.strftime("%Y%m%dT%H%M%SZ"),
    ):
        assert read_date(text) == moment


def test_a_title_of_any_length_is_cut() -> None:
    assert len(title_of("x" * 10_000_000)) == 1000


URLS = st.text(alphabet="/:.?#ab&=%;@\\ -~é\t", max_size=25) | st.from_regex(
    r"(https?://a\.example)?/[a-z./?=;-]*", fullmatch=True
)


@settings(max_examples=500)
@given(URLS)
def test_the_fast_way_to_an_absolute_address_is_the_slow_one(url: str) -> None:
    slow = absolute("\t" + url, BASE)  # a tab in front keeps it from the fast way
    assert absolute(url, BASE) == slow
    assert absolute_all([url], BASE) == ((slow,) if slow else ())
