"""How well a newspaper is kept, as the room shows it: figures of its latest days, alarms, a bar a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median

from archive.health import Alarm
from archive.index import Index
from archive.model import Capture
from archive.reports import Event, RunReport, SourceReport
from archive.watch import Watched

FEWEST = 14  # days of a chart
SHOWN_DAYS = 49
SHOWN_EVENTS = 30
SHOWN_MISSING = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """New articles of one day (UTC); `height` is the share of the highest bar, 0 to 100."""

    day: date
    new: int
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bell:
    """An alarm, and the first capture of what it is about since it began, where there is one."""

    alarm: Alarm
    capture: Capture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """A newspaper's last 24 hours of runs, and its state.

    `recall` is the share archived of what was named and may be fetched, `lag` the median in seconds; both
    None where nothing tells. `silent` is seconds since the last run ended.
    """

    id: str
    name: str
    alarms: tuple[Alarm, ...]
    last: RunReport | None
    runs: int
    new: int
    week: int
    recall: float | None
    lag: float | None
    silent: float
    bars: tuple[Bar, ...]


def pulse(seen: Watched, name: str, now: datetime) -> Pulse:
    """The figures of a newspaper, as of its last run."""
    last = seen.last
    end = last.started if last else now
    day = [r for r in seen.reports if r.started > end - timedelta(days=1)]
    week = [r for r in seen.reports if r.started > end - timedelta(days=7)]
    lags = [lag for report in day for lag in report.lags]
    allowed = sum(r.named - r.forbidden for r in day)
    return Pulse(
        id=seen.site,
        name=name,
        alarms=seen.alarms,
        last=last,
        runs=len(day),
        new=sum(r.new for r in day),
        week=sum(r.new for r in week),
        recall=min(sum(r.archived for r in day) / allowed, 1.0) if allowed > 0 else None,
        lag=median(lags) if lags else None,
        silent=(now - last.ended).total_seconds() if last else 0.0,
        bars=_bars(seen.reports),
    )


def _bars(reports: Iterable[RunReport]) -> tuple[Bar, ...]:
    new: dict[date, int] = {}
    for report in reports:
        day = report.started.astimezone(UTC).date()
        new[day] = new.get(day, 0) + report.new
    if not new:
        return ()
    first = max(min(new), max(new) - timedelta(days=SHOWN_DAYS - 1))
    days = [first + timedelta(days=n) for n in range((max(new) - first).days + 1)]
    # The first day of all holds the backlog: a bar as high as it would flatten all the others.
    usual = sorted(new.get(day, 0) for day in days)
    top = max(min(usual[-1], 2 * usual[int(0.9 * (len(usual) - 1))]), 1)
    blank = [first - timedelta(days=n) for n in range(FEWEST - len(days), 0, -1)]  # one day is no wide bar
    return tuple(
        Bar(day=day, new=new.get(day, 0), height=min(100 * new.get(day, 0) / top, 100))
        for day in (*blank, *days)
    )


def bells(alarms: Iterable[Alarm], index: Index) -> list[Bell]:
    """Alarms with the captures that show them."""
    return [Bell(alarm=alarm, capture=_first_bad(alarm, index)) for alarm in alarms]


def _first_bad(alarm: Alarm, index: Index) -> Capture | None:
    found = index.captures(alarm.url) if alarm.url else []
    return next((capture for capture in found if capture.at >= alarm.since), None)


def missing(report: RunReport) -> list[str]:
    """URLs that were named and not archived, each once."""
    return list(dict.fromkeys(url for source in report.sources for url in source.missing))[:SHOWN_MISSING]


def trouble_first(sources: Iterable[SourceReport]) -> list[SourceReport]:
    """Sources that failed before those that did not; else as the run asked them."""
    return sorted(sources, key=lambda s: s.outcome not in ("failed", "forbidden"))


def telling(events: Iterable[Event]) -> list[Event]:
    """The events to show, what is rarer than a new article first."""
    return sorted(events, key=lambda e: (e.kind == "new", e.kind == "changed"))[:SHOWN_EVENTS]


def span(seconds: float) -> str:
    """40 s, 12 min, 9 h, 3 d."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def percent(share: float) -> str:
    """A share as a percentage, which says 100 only where it is all."""
    return "100 %" if share >= 1 else f"{min(share * 100, 99.9):.1f} %"
