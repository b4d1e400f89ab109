"""What a cron line says about how often something runs. For judging only: Airflow does the scheduling."""

from datetime import date, timedelta
from itertools import pairwise

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
RANGES = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, MONTHS), (0, 7, DAYS))
SAMPLE = [date(2026, 1, 1) + timedelta(days=n) for n in range(3 * 366)]  # two gaps of a yearly line


def longest_gap(line: str) -> float | None:
    """The longest time in seconds between two runs of a cron line of five fields (crontab(5)).

    None where the line cannot be read, or never runs. Clock changes are not counted.
    """
    try:
        minutes, hours, dates, months, weekdays = (
            _field(text, bounds) for text, bounds in zip(line.split(), RANGES, strict=True)
        )
    except ValueError:
        return None
    # crontab(5): where day of month and day of week are both restricted, either one suffices.
    match = any if not any(line.split()[n].startswith("*") for n in (2, 4)) else all
    days = [
        d for d in SAMPLE if d.month in months and match((d.day in dates, d.isoweekday() % 7 in weekdays))
    ]
    times = sorted(hour * 3600.0 + minute * 60.0 for hour in hours for minute in minutes)
    within = [later - earlier for earlier, later in pairwise(times)] if days else []
    between = [(b - a).total_seconds() + times[0] - times[-1] for a, b in pairwise(days)]
    return max(within + between, default=None)


def _field(text: str, bounds: tuple[int, int, tuple[str, ...]]) -> set[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        first, last = _span(span, bounds, open_end=bool(step))
        found |= set(range(first, last + 1, int(step or 1)))
    return {0 if bounds[2] is DAYS and n == 7 else n for n in found}


def _span(span: str, bounds: tuple[int, int, tuple[str, ...]], *, open_end: bool) -> tuple[int, int]:
    low, high, names = bounds
    if span == "*":
        return low, high
    start, dash, end = span.partition("-")
    first = _number(start, low, names)
    last = _number(end, low, names) if dash else high if open_end else first
    if not low <= first <= last <= high:
        raise ValueError(span)
    return first, last


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    return names.index(text) + low if text in names else int(text)
