"""How often a cron line runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.cron import longest_gap

HOUR = 3600.0


@pytest.mark.parametrize(
    ("line", "hours"),
    [
        ("* * * * *", 1 / 60),
        ("*/15 * * * *", 0.25),
        ("0 * * * *", 1),
        ("5,35 * * * *", 0.5),
        ("0 6-22 * * *", 8),
        ("0 6-22/2 * * *", 8),
        ("0 20/2 * * *", 22),
        ("30 7 * * mon-fri", 72),
        ("30 7 * * MON-FRI", 72),
        ("0 0 * * 7", 168),
        ("0 0 1 * *", 31 * 24),
        ("0 0 1 jan *", 366 * 24),
        ("0 0 13 * fri", 168),
    ],
)
def test_the_longest_gap_is_the_one_that_a_schedule_allows(line: str, hours: float) -> None:
    gap = longest_gap(line)
    assert gap is not None
    assert gap / HOUR == pytest.approx(hours)


@pytest.mark.parametrize(
    "line", ["", "@daily", "0 * * * * *", "5-1 * * * *", "*/0 * * * *", "0 0 30 2 *", "x * * * *"]
)  # fmt: skip
def test_a_line_that_cannot_be_read_or_never_runs_has_no_gap(line: str) -> None:
    assert longest_gap(line) is None


@given(line=st.text(alphabet="0123456789*/-, amonfri", max_size=30))
def test_no_line_raises(line: str) -> None:
    gap = longest_gap(line)
    assert gap is None or gap > 0
