"""How fast a host is asked: decided with a clock in hand, without waiting."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiders.pace import FAILURES, PAUSES, REFUSALS, Budget, Pace, quiet, seconds_of, slot

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def good(pace: Pace, now: float, *, seconds: float = 0.01, status: int | None = 200, **more: float) -> None:
    """A request and its answer."""
    pace.sent(now)
    pace.answered(now, seconds=seconds, size=100, status=status, **more)


def test_the_first_request_waits_for_nobody() -> None:
    assert Pace(delay=2.0).turn(5.0).wait == 0


def test_two_requests_are_a_delay_apart() -> None:
    pace = Pace(delay=2.0)
    pace.sent(5.0)
    assert pace.turn(5.5).wait == pytest.approx(1.5)


def test_a_longer_crawl_delay_wins() -> None:
    pace = Pace(delay=2.0)
    pace.obey(7.0)
    pace.sent(0.0)
    pace.answered(0.5, seconds=0.5, size=1, status=200)
    assert pace.turn(1.0).wait == pytest.approx(6.5)
    assert pace.reason == "robots.txt asks for it"


def test_a_shorter_crawl_delay_does_not_hurry_us() -> None:
    pace = Pace(delay=2.0)
    pace.obey(0.5)
    assert pace.delay == 2.0


def test_with_a_crawl_delay_one_request_is_out_at_a_time() -> None:
    pace = Pace()
    pace.obey(1.0)
    pace.sent(0.0)
    assert pace.turn(60.0).wait > 0
    pace.answered(60.0, seconds=60, size=1, status=200)
    assert pace.turn(61.0).wait == 0


def test_the_request_for_robots_txt_counts_as_well() -> None:
    pace = Pace()
    good(pace, 5.0)
    pace.obey(3.0)
    assert pace.turn(6.0).wait == pytest.approx(2.0)


def test_an_endless_crawl_delay_is_bounded() -> None:
    pace = Pace()
    pace.obey(86400.0)
    assert pace.delay == 120.0


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_host_is_asked_more_slowly_and_then_faster_again(status: int) -> None:
    pace = Pace(delay=1.0)
    good(pace, 0.0)
    good(pace, 2.0, status=status)
    slow = pace.delay
    assert slow > 1.5
    assert str(status) in pace.reason
    for step in range(60):
        good(pace, 10.0 + step)
    assert pace.delay == 1.0


def test_retry_after_is_kept_to_the_second() -> None:
    pace = Pace(delay=1.0)
    good(pace, 0.0, status=503, retry_after=40.0)
    assert pace.turn(0.0).wait == pytest.approx(40.0)
    assert pace.turn(40.0).wait == 0


def test_a_retry_after_of_hours_ends_the_hosts_part_of_the_run() -> None:
    pace = Pace(delay=1.0)
    good(pace, 0.0, status=429, retry_after=7200.0)
    assert "7200" in pace.turn(1.0).refused
    assert pace.retry_after == 7200.0


def test_a_host_that_never_answers_is_given_up_after_a_few_tries() -> None:
    pace = Pace(delay=1.0)
    for step in range(FAILURES):
        assert not pace.turn(step * 100.0).refused
        good(pace, step * 100.0, status=None)
    assert "did not answer" in pace.turn(9999.0).refused


def test_a_host_that_fell_silent_is_left_alone_and_tried_again() -> None:
    pace = Pace(delay=1.0)
    good(pace, 0.0)
    for step in range(FAILURES):
        good(pace, 10.0 + step, status=None)
    assert pace.turn(15.0).wait >= PAUSES[0] - 1
    good(pace, 100.0)
    assert not pace.turn(300.0).refused


def test_a_host_that_stays_silent_is_given_up_after_its_pauses() -> None:
    pace = Pace(delay=1.0)
    good(pace, 0.0)
    for step in range(FAILURES + len(PAUSES)):
        good(pace, 10.0 + 1000.0 * step, status=None)
    assert pace.down


def test_a_host_that_refuses_all_is_asked_no_longer() -> None:
    pace = Pace()
    for step in range(REFUSALS):
        assert not pace.down
        good(pace, float(step), status=403)
    assert "refused" in pace.turn(99.0).refused


def test_a_slow_host_is_asked_less_often() -> None:
    pace = Pace(delay=1.0)
    for step in range(30):
        good(pace, step * 10.0, seconds=4.0)
    assert pace.delay == pytest.approx(4.0, rel=0.1)
    assert pace.reason == "it answers slowly"


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(requests=2), "2 requests"),
        (Budget(bytes=150), "150 bytes"),
        (Budget(seconds=5.0), "5 seconds"),
    ],
)
def test_a_budget_is_kept(budget: Budget, said: str) -> None:
    pace = Pace(budget=budget)
    good(pace, 0.0)
    assert not pace.turn(1.0).refused
    good(pace, 1.0)
    assert said in pace.turn(6.0).refused


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0), (" 7 ", 7.0), ("Tue, 24 Nov 2026 12:01:00 GMT", 60.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", None), ("soon", None), ("", None), ("-5", None), ("0", None),
        ("99999999999", 7 * 86400.0), ("1.5", None), ("Fri, 31 Dec 9999 23:59:59 GMT", 7 * 86400.0),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert seconds_of(value, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_upsets_the_reader(value: str) -> None:
    found = seconds_of(value, NOW)
    assert found is None or 0 < found <= 7 * 86400


@pytest.mark.parametrize(
    ("clock", "inside"),
    [("22:59", False), ("23:00", True), ("02:00", True), ("05:59", True), ("06:00", False)],
)
def test_quiet_hours_may_pass_midnight(clock: str, inside: bool) -> None:
    now = datetime.fromisoformat(f"2026-11-24T{clock}").replace(tzinfo=timezone(timedelta(hours=2)))
    assert bool(quiet(("23:00-06:00",), now)) is inside


@given(
    now=st.floats(1e9, 2e9),
    crawlers=st.integers(2, 9),
    delay=st.floats(0.1, 60),
)
def test_crawlers_that_share_a_host_never_have_their_turns_within_its_delay(
    now: float, crawlers: int, delay: float
) -> None:
    turns = sorted(now + slot(now, place=n, crawlers=crawlers, delay=delay) for n in range(crawlers))
    gaps = [later - sooner for sooner, later in pairwise(turns)]
    assert min(gaps) > delay * 0.99 - 1e-3
    assert turns[-1] - now <= crawlers * delay + 1e-3


def test_one_crawler_alone_waits_for_no_other() -> None:
    assert slot(1234.5, place=0, crawlers=1, delay=10.0) == 0


@given(
    st.lists(st.tuples(st.floats(0, 30), st.sampled_from([200, 304, 404, 429, 500, 503, None])), max_size=60)
)
def test_whatever_a_host_answers_requests_are_a_delay_apart(answers: list[tuple[float, int | None]]) -> None:
    pace, now, last = Pace(delay=1.0), 0.0, -1.0
    for wait, status in answers:
        turn = pace.turn(now)
        if turn.refused:
            return
        now += turn.wait
        assert now - last >= 1.0 - 1e-6
        last = now
        good(pace, now, status=status)
        now += wait
