"""When a page or a source is due again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.agenda import (
    DAY,
    HOUR,
    LONGEST,
    MINUTE,
    SHORTEST,
    STEPS,
    Known,
    Rhythm,
    Source,
    after_answer,
    after_failure,
    steps_of,
    trusts,
)  # fmt: skip
from archive.model import Original

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ORIGINAL = Original(url="https://paper.example/feed", at=NOW, digest="sha1:X")


def known(age: float, **more: object) -> Known:
    """An article published so many seconds ago, and looked at now."""
    told = NOW - timedelta(seconds=age)
    first = {
        "url": "https://paper.example/1",
        "seen": told,
        "due": NOW,
        "told": told,
        "fetched": NOW,
        "looks": 1,
    }
    return Known(**first | more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        (5 * MINUTE, 15 * MINUTE), (2 * HOUR, HOUR), (23 * HOUR, HOUR), (2 * DAY, 3 * HOUR),
        (8 * DAY, 3 * DAY), (31 * DAY, 30 * DAY), (4000 * DAY, 30 * DAY),
    ],
)  # fmt: skip
def test_an_article_is_looked_at_again_by_its_age(age: float, wait: float) -> None:
    assert Rhythm().after(known(age), NOW) == NOW + timedelta(seconds=wait)


def test_a_date_in_the_future_is_not_believed() -> None:
    article = known(2 * DAY, told=NOW + timedelta(days=400))
    assert Rhythm().after(article, NOW) == NOW + timedelta(hours=3)


def test_a_newspaper_that_edits_much_is_looked_at_twice_as_often() -> None:
    often = Rhythm(looks=100, changes=30)
    assert often.after(known(2 * DAY), NOW) == NOW + timedelta(hours=1.5)


def test_a_few_looks_are_not_enough_to_call_it_much() -> None:
    assert Rhythm(looks=5, changes=5).factor == 1.0


def test_an_article_that_has_just_changed_is_looked_at_sooner() -> None:
    changed = known(2 * DAY, changed=NOW, looks=4)
    assert Rhythm().after(changed, NOW) == NOW + timedelta(hours=1.5)


def test_what_is_gone_is_looked_at_seldom() -> None:
    assert Rhythm().after(known(5 * MINUTE, status=410), NOW) >= NOW + timedelta(days=1)


def test_steps_of_a_site_file_are_sorted_and_completed() -> None:
    steps = steps_of(("1d: 2h", "1h: 5m"))
    assert steps == ((HOUR, 5 * MINUTE), (DAY, 2 * HOUR), (float("inf"), STEPS[-1][1]))
    assert steps_of(("later: 10d",)) == ((float("inf"), 10 * DAY),)


@pytest.mark.parametrize("line", ["", "1d", "1d 2h", "1y: 2h", "1d: 0h", "x: y", "1d: 2h, 3d: 4h"])
def test_a_wrong_step_is_said(line: str) -> None:
    with pytest.raises(ValueError, match="is no step"):
        steps_of((line,))


def source(**more: object) -> Source:
    """A feed."""
    return Source(**{"url": "https://paper.example/feed", "kind": "feed", "due": NOW} | more)  # type: ignore[arg-type]


def test_a_feed_full_of_news_is_asked_more_often() -> None:
    assert after_answer(source(), NOW, named=20, fresh=18).interval < HOUR


def test_a_feed_without_news_is_asked_less_often() -> None:
    assert after_answer(source(), NOW, named=20, fresh=0).interval > HOUR


def test_a_feed_that_is_neither_keeps_its_interval() -> None:
    assert after_answer(source(), NOW, named=20, fresh=10).interval == HOUR


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), max_size=80))
def test_an_interval_stays_between_ten_minutes_and_a_day(answers: list[tuple[int, int, bool]]) -> None:
    feed = source()
    for named, fresh, failed in answers:
        if failed:
            feed = after_failure(feed, NOW, status=500)
        else:
            feed = after_answer(feed, NOW, named=named, fresh=min(named, fresh))
        assert SHORTEST <= feed.interval <= LONGEST


def test_a_failing_feed_is_never_given_up() -> None:
    feed = source()
    for _ in range(1000):
        feed = after_failure(feed, NOW, status=404)
    assert feed.due <= NOW + timedelta(days=1)


def test_a_retry_after_of_a_feed_is_kept() -> None:
    feed = after_failure(source(), NOW, status=503, retry_after=3 * DAY)
    assert feed.not_before == NOW + timedelta(days=3)
    assert feed.due >= feed.not_before


def test_not_modified_is_asked_for_only_of_a_source_that_is_trusted() -> None:
    fit = source(etag='"x"', original=ORIGINAL, trusted=NOW - timedelta(hours=1))
    assert trusts(fit, NOW)
    assert not trusts(replace(fit, lies=1), NOW)
    assert not trusts(replace(fit, original=None), NOW)
    assert not trusts(replace(fit, etag=""), NOW)
    assert not trusts(replace(fit, trusted=NOW - timedelta(days=2)), NOW)


@pytest.mark.parametrize(("honest", "days"), [(0, 1), (1, 2), (2, 4), (3, 7), (100, 7)])
def test_a_source_that_proved_honest_is_believed_for_longer(honest: int, days: int) -> None:
    told = source(etag='"x"', original=ORIGINAL, honest=honest)
    assert trusts(replace(told, trusted=NOW - timedelta(days=days) + timedelta(seconds=1)), NOW)
    assert not trusts(replace(told, trusted=NOW - timedelta(days=days)), NOW)
