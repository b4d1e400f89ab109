"""What is wrong with a newspaper, judged from the reports of its runs. Pure: reports in, alarms out.

Each judgement compares the latest reports with what this newspaper usually does, learned from the weeks
before; nothing is compared with other newspapers. A day means 24 hours, counted back from the last run, so
that no time zone is needed and the latest day is always a whole one. Medians, not means: a day of outage in
the past must not move what is usual. A fault that lasts becomes the usual after three weeks; its alarm ends.

| kind | when |
|---|---|
| late | told by the scheduler: a run had not ended at its deadline (archive.late) |
| no run | nothing ran for twice the schedule's longest gap (and an hour); or thrice the learned one |
| source fails | 3 polls in a row failed, over 2 hours or more; or 2 over a day or more |
| source silent | named nothing new for 12 hours and 2 to 5 times its longest gap, on its weekdays |
| source empty | 3 documents in a row without any link, where 9 of 10 had some |
| fewer articles | 1 day under 35 %, 3 under 65 % or 7 under 80 % of the same weekdays; 4 deviations or so |
| incomplete | 3 runs in a row archived under 95 % of what was named; or 6 missed one and the same URL |
| no articles | 25 points more of the pages than usual are none, and more than on any usual day but one |
| field empty | a field is filled 25 points less often than usual, and less than on any usual day but one |
| wall | a label on 20 points more of the pages than usual, and more than on any usual day but one |
| lag | a day's median lag is 3 times the usual and an hour more, for 2 days |
| host down | a host was down in 2 runs in a row |
| truncated | 3 points more of the requests than usual were cut off, at least 5 |
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from statistics import median
from typing import Any, TypeVar

from archive.reports import RunReport, SourceReport, joined

WEEKS = 7
WINDOW = timedelta(weeks=WEEKS)  # how far back reports are of use
HOUR = 3600.0
DAY = 24 * HOUR
# (days, share of the usual below which they are too few, articles that are usual at least, deviations)
FALLS = ((1, 0.35, 8.0, 4.0), (3, 0.65, 15.0, 3.5), (7, 0.8, 30.0, 3.5))
ENOUGH = 20  # articles or requests that a share must be of

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that is wrong. `text` is a sentence for people.

    `since` is the start of the first bad run, as far as it can be told; `run` is its id, `url` the first bad
    capture where there is one, `source` the document, host, field or label that it is about.
    """

    kind: str
    since: datetime
    text: str
    source: str = ""
    run: str = ""
    url: str = ""


def alarms(
    reports: Sequence[RunReport], *, now: datetime, schedule_seconds: float | None = None
) -> tuple[Alarm, ...]:
    """What is wrong now, the oldest first. `reports` are those of one site, oldest first.

    `schedule_seconds` is the longest gap that its schedule has; without one it is learned from the reports.
    Reports older than seven weeks are not looked at. Runs that were asked for single URLs are passed over.
    """
    whole = sorted((r for r in joined(reports) if r.started <= now and is_whole(r)), key=lambda r: r.started)
    recent = [r for r in whole if r.started >= now - WINDOW]
    days = _days(recent)
    found = [
        *_no_run(whole, now, schedule_seconds),
        *_sources(recent),
        *_fewer(days),
        *_incomplete(recent),
        *_hosts(recent),
        *_unreadable(days),
        *_empty_fields(days),
        *_walls(days),
        *_truncated(days),
        *_lag(days),
    ]
    return tuple(sorted(found, key=lambda alarm: (alarm.since, alarm.kind, alarm.source)))


def is_whole(report: RunReport) -> bool:
    """Whether the run looked at the newspaper's own sources, and not only at URLs that somebody asked for."""
    return not report.sources or any(s.kind not in ("asked", "known") for s in report.sources)


# --- runs --------------------------------------------------------------------------------------------------


def _no_run(reports: Sequence[RunReport], now: datetime, schedule: float | None) -> Iterable[Alarm]:
    if not reports:
        return
    last = reports[-1]
    limit = 2 * schedule + HOUR if schedule else _learned_gap(reports)
    silence = (now - last.ended).total_seconds()
    if limit is None or silence <= limit:
        return
    usual = f"it is due every {_span(schedule)}" if schedule else "it ran far more often before"
    yield Alarm(
        kind="no run",
        since=last.ended,
        text=f"No run for {_span(silence)}; {usual}. Look at the scheduler.",
        run=last.run,
    )


def _learned_gap(reports: Sequence[RunReport]) -> float | None:
    """Thrice the usual gap, where runs are regular; runs by hand have no rhythm to be late for."""
    gaps = sorted((b.started - a.started).total_seconds() for a, b in pairwise(reports[-50:]))
    if len(gaps) < 10:
        return None
    long = gaps[-2]  # one outage is forgiven
    return 3 * long + HOUR if long <= 1.5 * median(gaps) else None


# --- sources -----------------------------------------------------------------------------------------------


def _sources(reports: Sequence[RunReport]) -> Iterable[Alarm]:
    polls: dict[str, list[tuple[RunReport, SourceReport]]] = {}
    for report in reports:
        for source in report.sources:
            if source.kind not in ("asked", "known") and source.outcome != "deferred":
                polls.setdefault(source.url, []).append((report, source))
    asked = {source.url for report in reports[-3:] for source in report.sources}
    for url, seen in polls.items():
        if url in asked:  # else it was taken out of the site file
            yield from _fails(seen) or _empty(seen) or _silent(seen)


def _fails(polls: list[tuple[RunReport, SourceReport]]) -> list[Alarm]:
    bad = _last_while(polls, lambda p: p[1].outcome in ("failed", "forbidden"))
    over = (bad[-1][0].started - bad[0][0].started).total_seconds() if bad else 0.0
    if not ((len(bad) >= 3 and over >= 2 * HOUR) or (len(bad) >= 2 and over >= DAY)):
        return []
    report, source = bad[0]
    newest = bad[-1][1]
    why = newest.error or (f"status {newest.status}" if newest.status else "no answer")
    verb = "may not be fetched" if newest.outcome == "forbidden" else "could not be read"
    text = f"The {source.kind} {verb} {len(bad)} times in a row ({why})."
    return [Alarm(kind="source fails", text=text, source=source.url, url=source.url, **_first(report))]


def _empty(polls: list[tuple[RunReport, SourceReport]]) -> list[Alarm]:
    # "not modified" has no document, and so nothing that could be counted.
    read = [p for p in polls if p[1].outcome in ("new", "same")]
    bad = _last_while(read, lambda p: p[1].named == 0)
    before = read[: len(read) - len(bad)]
    full = sum(s.named > 0 for _, s in before)
    if len(bad) < 3 or len(before) < 10 or full < 0.9 * len(before):
        return []
    report, source = bad[0]
    usual = int(median(s.named for _, s in before))
    text = f"The {source.kind} answers, but names no article any more; it used to name about {usual}."
    return [Alarm(kind="source empty", text=text, source=source.url, url=source.url, **_first(report))]


def _silent(polls: list[tuple[RunReport, SourceReport]]) -> list[Alarm]:
    """A rhythm is learned from two weeks and ten gaps at least.

    Only the hours of those weekdays count on which the source usually names something new, so that a quiet
    weekend is no silence. The longest gap is taken without outliers: what is thrice the next was an outage.
    """
    fresh = [report for report, source in polls if source.fresh]
    last, source = polls[-1]
    if len(fresh) < 11 or (last.started - fresh[0].started).total_seconds() < 14 * DAY:
        return []
    usual = _usual_weekdays([r.started for r in fresh])
    gaps = sorted(_hours_on(usual, a.started, b.started) for a, b in pairwise(fresh))
    while len(gaps) > 5 and gaps[-1] > 3 * max(gaps[-2], 8.0):
        gaps.pop()
    silence = _hours_on(usual, fresh[-1].started, last.started)
    if silence <= max(_times(gaps) * gaps[-1], 12.0):
        return []
    bad = next(r for r, _ in polls if r.started > fresh[-1].started)
    real = (last.started - fresh[-1].started).total_seconds()
    text = (
        f"The {source.kind} has named nothing new for {_span(real)}; "
        f"its longest usual pause is {_span(gaps[-1] * HOUR)}."
    )
    return [Alarm(kind="source silent", text=text, source=source.url, url=source.url, **_first(bad))]


def _times(gaps: Sequence[float]) -> int:
    """How many times its longest gap a silence must last, so that chance alone makes it once in 10,000 gaps.

    If gaps were pure chance (exponential), the next would pass c times the longest of n with a chance of
    1 / C(n + c, c). Where the longest is near the median, they are not: twice is enough.
    """
    times = 2
    while gaps[-1] > 1.5 * median(gaps) and times < 5 and math.comb(len(gaps) + times, times) < 10_000:
        times += 1
    return times


def _usual_weekdays(moments: Sequence[datetime]) -> frozenset[int]:
    """Weekdays (Monday is 0) with something on at least half of them; all seven where none is usual."""
    weeks = max((moments[-1] - moments[0]).total_seconds() / (7 * DAY), 1.0)
    seen = Counter(day.weekday() for day in {m.date() for m in moments})
    return frozenset(day for day, times in seen.items() if times >= weeks / 2) or frozenset(range(7))


def _hours_on(weekdays: frozenset[int], start: datetime, end: datetime) -> float:
    """Hours from `start` to `end` that lie on these weekdays (UTC)."""
    if len(weekdays) == 7:
        return (end - start).total_seconds() / HOUR
    hours, moment = 0.0, start
    while moment < end:
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        if moment.weekday() in weekdays:
            hours += (min(midnight, end) - moment).total_seconds() / HOUR
        moment = midnight
    return hours


# --- days --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Day:
    """The runs of 24 hours. `usual` says whether there were about as many as on other days."""

    runs: tuple[RunReport, ...]
    usual: bool

    def total(self, count: Callable[[RunReport], float]) -> float:
        return sum(count(run) for run in self.runs)


def _days(reports: Sequence[RunReport]) -> list[_Day]:
    """Days back from the last run, the latest first; the first of all, which is the backlog, is left out."""
    if len(reports) < 2:
        return []
    # Half a gap behind the last run: else a run that is due daily would fall to either side of the border.
    gap = median((b.started - a.started).total_seconds() for a, b in pairwise(reports))
    end = reports[-1].started + timedelta(seconds=min(gap, DAY) / 2)
    number = int((end - reports[0].started).total_seconds() // DAY)
    runs: list[list[RunReport]] = [[] for _ in range(number + 1)]
    for report in reports:
        runs[int((end - report.started).total_seconds() // DAY)].append(report)
    enough = median(len(day) for day in runs) / 2
    return [_Day(tuple(day), 0 < enough <= len(day)) for day in runs[:-1]]


def _fewer(days: Sequence[_Day]) -> Iterable[Alarm]:
    """Too few new articles, against the same weekdays of the weeks before.

    What is usual on a day is the median of the same weekdays, and a deviation is Poisson's, the square root
    of the usual, times how much wilder than Poisson this newspaper is (median deviation of all its days, 1
    at least). Days with fewer runs than usual say nothing: their articles come a day later.
    """
    counts = [day.total(lambda run: run.new) if day.usual else None for day in days]
    usual = [_same_weekday(counts, number) for number in range(len(counts))]
    pairs = [(c, u) for c, u in zip(counts, usual, strict=True) if c is not None and u is not None]
    wild = max(1.0, 1.4826 * median(abs(c - u) / math.sqrt(max(u, 1.0)) for c, u in pairs)) if pairs else 1.0
    for length, share, least, deviations in FALLS:
        window = list(zip(counts[:length], usual[:length], strict=True))
        had, due = sum(c or 0.0 for c, _ in window), sum(u or 0.0 for _, u in window)
        if len(window) < length or any(c is None or u is None for c, u in window):
            continue
        if due >= least and had < share * due and due - had > deviations * wild * math.sqrt(due):
            yield _fall(days, counts, usual, had, due, length)
            return


def _same_weekday(counts: Sequence[float | None], number: int) -> float | None:
    """The median of the other days of this weekday; None where there are fewer than three."""
    same = [c for n, c in enumerate(counts) if c is not None and n % 7 == number % 7 and n != number]
    return median(same) if len(same) >= 3 else None


def _fall(
    days: Sequence[_Day],
    counts: Sequence[float | None],
    usual: Sequence[float | None],
    had: float,
    due: float,
    length: int,
) -> Alarm:
    def low(number: int) -> bool:
        count, norm = counts[number], usual[number]
        return count is not None and norm is not None and count < 0.8 * norm

    first = max(len(list(takewhile(low, range(len(counts))))) - 1, 0)
    span = "the last 24 hours" if length == 1 else f"the last {length} days"
    text = f"{had:.0f} new articles in {span}; {due:.0f} are usual on these weekdays."
    return Alarm(kind="fewer articles", text=text, **_first(days[first].runs[0]))


@dataclass(frozen=True, slots=True)
class _Shift:
    """A share that has risen: from what, to what, and since which run."""

    usual: float
    share: float
    first: RunReport
    total: float


def _risen(
    days: Sequence[_Day],
    hits: Callable[[RunReport], float],
    total: Callable[[RunReport], float],
    *,
    by: float,
    least: float = 0.0,
) -> _Shift | None:
    """Whether a share of the latest day is higher than usual by `by` (0 to 1), and since when.

    It must be above all days before but one, too, so that what comes every weekend is usual; chance alone
    (binomial, 5 deviations) must not explain it. Where a day has too little, days are put together.
    """
    shares = _shares(days, hits, total)
    bad = 1
    typical = median(s for s, _ in shares[1:]) if len(shares) > 5 else None
    if typical is None:
        return None
    while bad < min(len(shares) - 3, 22) and shares[bad][0] >= typical + by:
        bad += 1
    before = sorted((s for s, _ in shares[bad:]), reverse=True)
    share = shares[0][0]
    runs = shares[0][1]
    size = sum(total(run) for run in runs)
    chance = math.sqrt(max(typical * (1 - typical), 0.02) / size)
    worst = before[min(1, len(before) - 1)]
    if share < typical + by or share < worst + by / 2 or share - typical < 5 * chance:
        return None
    if sum(hits(run) for run in runs) < least:
        return None
    suspects = [run for _, each in reversed(shares[:bad]) for run in each if total(run)]
    first = next((r for r in suspects if hits(r) / total(r) >= typical + by / 2), suspects[0])
    return _Shift(usual=typical, share=share, first=first, total=size)


def _shares(
    days: Sequence[_Day], hits: Callable[[RunReport], float], total: Callable[[RunReport], float]
) -> list[tuple[float, list[RunReport]]]:
    """The share of each day with its runs, oldest run first; the latest day first. Small days are joined."""
    found: list[tuple[float, list[RunReport]]] = []
    runs: list[RunReport] = []
    for day in days:
        runs = [*day.runs, *runs]
        size = sum(total(run) for run in runs)
        if size >= ENOUGH:
            found.append((sum(hits(run) for run in runs) / size, runs))
            runs = []
    return found


def _unreadable(days: Sequence[_Day]) -> Iterable[Alarm]:
    shift = _risen(days, lambda run: run.pages - run.articles, lambda run: run.pages, by=0.25)
    if shift:
        text = (
            f"{1 - shift.share:.0%} of the pages could be read as articles; {1 - shift.usual:.0%} is usual. "
            "The pages may have a new layout, or come without their text."
        )
        url = next((e.url for e in shift.first.events if e.kind in ("new", "changed")), "")
        yield Alarm(kind="no articles", text=text, url=url, **_first(shift.first))


def _empty_fields(days: Sequence[_Day]) -> Iterable[Alarm]:
    for name in sorted({name for day in days for run in day.runs for name in run.fields}):

        def empty(run: RunReport, name: str = name) -> float:
            return _told(run) * (1 - run.fields.get(name, 0.0))

        shift = _risen(days, empty, _told, by=0.25)
        if shift:
            text = (
                f"The field {name} is filled in {1 - shift.share:.0%} of the articles; "
                f"{1 - shift.usual:.0%} is usual. The pages may have a new layout."
            )
            url = next((e.url for e in shift.first.events if e.kind in ("new", "changed")), "")
            yield Alarm(kind="field empty", text=text, source=name, url=url, **_first(shift.first))


def _told(run: RunReport) -> float:
    """Articles of which the report says what was filled."""
    return run.articles if run.fields else 0


def _walls(days: Sequence[_Day]) -> Iterable[Alarm]:
    for label in sorted({label for day in days for run in day.runs for label in run.walls}):

        def walled(run: RunReport, label: str = label) -> float:
            return run.walls.get(label, 0)

        shift = _risen(days, walled, _pages, by=0.2, least=5)
        if shift:
            text = f"{shift.share:.0%} of the pages are behind a wall ({label}); {shift.usual:.0%} is usual."
            url = shift.first.first_wall.get(label, "")
            yield Alarm(kind="wall", text=text, source=label, url=url, **_first(shift.first))


def _pages(run: RunReport) -> float:
    return max(run.articles, sum(run.walls.values()))


def _truncated(days: Sequence[_Day]) -> Iterable[Alarm]:
    shift = _risen(days, lambda run: run.truncated, _requests, by=0.03, least=5)
    if shift:
        text = (
            f"{shift.share:.0%} of the responses were cut off; {shift.usual:.0%} is usual. "
            "Look at body_limit and timeout."
        )
        yield Alarm(kind="truncated", text=text, **_first(shift.first))


def _requests(run: RunReport) -> float:
    return max(sum(host.requests for host in run.hosts), run.archived, run.truncated)


def _lag(days: Sequence[_Day]) -> Iterable[Alarm]:
    """A day's median lag, where it has ten; both of the last two days must be late."""
    lags = [[lag for run in day.runs for lag in run.lags] for day in days]
    middles = [(median(found), day) for found, day in zip(lags, days, strict=True) if len(found) >= 10]
    if len(middles) < 7:
        return
    usual = median(m for m, _ in middles[2:])
    late = list(takewhile(lambda m: m[0] > 3 * usual and m[0] > usual + HOUR, middles))
    if len(late) >= 2:
        text = f"Half of the new articles are {_span(late[0][0])} old when captured; {_span(usual)} is usual."
        yield Alarm(kind="lag", text=text, **_first(late[-1][1].runs[0]))


# --- single runs in a row ----------------------------------------------------------------------------------


def _incomplete(reports: Sequence[RunReport]) -> Iterable[Alarm]:
    ended = [r for r in reports if r.reason == "finished" and r.recall is not None]
    low = _last_while(ended, lambda r: (r.recall or 0.0) < 0.95)
    if len(low) >= 3:
        newest = low[-1]
        text = (
            f"{newest.archived} of {newest.named - newest.forbidden} articles named were archived "
            f"in the last run, and under 95 % in {len(low)} runs in a row."
        )
        yield Alarm(kind="incomplete", text=text, url=_missing(low[0]), **_first(low[0]))
        return
    yield from _always_missed(ended)


def _always_missed(ended: Sequence[RunReport]) -> Iterable[Alarm]:
    missing = [(report, {url for s in report.sources for url in s.missing}) for report in ended]
    stuck = set.intersection(*(urls for _, urls in missing[-6:])) if len(missing) >= 6 else set()
    if not stuck:
        return
    url = min(stuck)
    runs = _last_while(missing, lambda pair: url in pair[1])
    text = (
        f"{len(stuck)} article{' was' if len(stuck) == 1 else 's were'} named and not archived "
        f"in {len(runs)} runs in a row."
    )
    yield Alarm(kind="incomplete", text=text, source=url, **_first(runs[0][0]))


def _missing(report: RunReport) -> str:
    return next((url for source in report.sources for url in source.missing), "")


def _hosts(reports: Sequence[RunReport]) -> Iterable[Alarm]:
    seen: dict[str, list[tuple[RunReport, str]]] = {}
    for report in reports:
        for host in report.hosts:
            seen.setdefault(host.host, []).append((report, host.state))
    for name, states in seen.items():
        down = _last_while(states, lambda pair: pair[1] == "down")
        if len(down) >= 2 and states[-1][0] is reports[-1]:
            text = f"The host {name} was down in {len(down)} runs in a row."
            yield Alarm(kind="host down", text=text, source=name, **_first(down[0][0]))


# --- words -------------------------------------------------------------------------------------------------


def _first(report: RunReport) -> dict[str, Any]:
    return {"since": report.started, "run": report.run}


def _last_while(items: Sequence[T], true: Callable[[T], bool]) -> list[T]:
    """The items at the end for which it is true, in their order."""
    return list(takewhile(true, reversed(items)))[::-1]


def _span(seconds: float) -> str:
    """A time as people say it: 40 minutes, 9 hours, 3 days."""
    for unit, size in (("day", DAY), ("hour", HOUR), ("minute", 60.0)):
        if seconds >= 2 * size or (unit == "minute" and seconds >= 60):
            number = round(seconds / size)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{seconds:.0f} seconds"
