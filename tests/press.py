"""Made-up newspapers with a rhythm: the reports that crawls of them would leave, healthy or with one fault.

Each has its own number of articles a day, weekdays, hours, feeds, schedule, fill rates and noise.
`python -m tests.press` measures how often `archive.health` is wrong, and how late.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from archive.reports import Event, HostReport, RunReport, SourceReport

FIRST = datetime(2026, 9, 7, 3, 30, tzinfo=UTC)
BROKEN = FIRST + timedelta(days=44, hours=9)  # a Wednesday, by day
DAYTIME = (
    [0.15, 0.1, 0.05, 0.05, 0.1, 0.4, 0.9, 1.3, 1.6, 1.7, 1.7, 1.7]
    + [1.6] * 6
    + [1.3, 1.1, 0.9, 0.7, 0.5, 0.3]
)


@dataclass
class Press:
    """One newspaper: `gap` hours between runs, `daily` articles on a usual weekday, and what breaks."""

    seed: int
    fault: str = ""
    gap: float = 0.0
    daily: float = 0.0
    holiday: int = -1
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        dice = self.dice = random.Random(self.seed)
        self.gap = self.gap or dice.choice([1.0, 1.0, 1.0, 2.0, 3.0, 6.0, 24.0])
        self.daily = self.daily or math.exp(dice.uniform(math.log(6), math.log(250)))
        self.weekend = [dice.uniform(0.25, 1.0), dice.uniform(0.25, 1.0)]
        self.feeds = [dice.uniform(0.1, 0.9) for _ in range(dice.randint(1, 4))]
        self.once = dice.random() < 0.5  # whether only the first source that names a URL counts it as fresh
        self.rates = {
            "headline": 1.0, "published": dice.uniform(0.9, 1), "body": dice.uniform(0.93, 1),
            "authors": dice.uniform(0.4, 0.98), "section": dice.choice([0.0, dice.uniform(0.3, 1)]),
        }  # fmt: skip
        self.wall = dice.choice([0.0, 0.02, dice.uniform(0.05, 0.4)])
        self.late = math.exp(dice.uniform(math.log(300), math.log(7200)))
        self.standing = dice.randint(20, 120)  # URLs that sources name beside the new ones
        self.holiday = dice.randint(15, 55) if dice.random() < 0.15 else -1

    @property
    def schedule(self) -> float:
        """Seconds between runs."""
        return self.gap * 3600

    def reports(self, weeks: float = 8) -> list[RunReport]:
        """Its runs, oldest first."""
        return list(self._runs(weeks))

    def broken(self, at: datetime, *faults: str) -> bool:
        """Whether one of these is its fault, and has begun."""
        return self.fault in faults and at >= BROKEN

    def _runs(self, weeks: float) -> Iterator[RunReport]:
        at, before = FIRST, FIRST - timedelta(hours=self.gap)
        mood = 1.0
        while at < FIRST + timedelta(weeks=weeks):
            if at.date() != before.date():
                mood = math.exp(self.dice.gauss(0, 0.15))
            if self.dice.random() > 0.01 and not self.broken(at, "stopped"):
                yield self._run(at + timedelta(seconds=self.dice.uniform(0, 120)), before, mood)
                before = at
            at += timedelta(hours=self.gap)

    def _run(self, at: datetime, before: datetime, mood: float) -> RunReport:
        new = self._poisson(self._due(before, at) * mood) + (
            self.standing if at - FIRST < timedelta(hours=1) else 0
        )
        for fault, share in (("collapse", 0.1), ("halved", 0.5), ("less", 0.65)):
            new = self._some(new, share) if self.broken(at, fault) else new
        sources = self._sources(at, new)
        named = self.standing + new
        failed = self._some(named, 0.2 if self.broken(at, "incomplete") else 0.001)
        night = 0.6 if at.hour in (0, 1, 2, 3, 4) else 1.0
        walls = self._some(new, 0.7 if self.broken(at, "walled") else self.wall)
        requests = named + 20
        return RunReport(
            run=f"{at:%Y%m%dT%H%M%SZ}-{self.seed:08}",
            site="paper",
            started=at,
            ended=at + timedelta(seconds=60 + requests),
            reason="finished",
            sources=sources,
            hosts=self._hosts(at, requests),
            events=tuple(
                Event(kind="new", url=f"https://paper.example/{at:%d%H}/{n}", at=at)
                for n in range(min(new, 3))
            ),
            named=named,
            archived=named - failed,
            failed=failed,
            new=new,
            same=self.standing,
            bytes=requests * 60_000,
            lags=tuple(self._lag(at, before) for _ in range(min(new, 1000))),
            fields=self._fields(at, new, night) if new else {},
            articles=new,
            walls={"paywall": walls} if walls else {},
            first_wall={"paywall": f"https://paper.example/{at:%d%H}/wall"} if walls else {},
            truncated=self._some(requests, 0.1 if self.broken(at, "truncated") else 0.0005),
        )  # fmt: skip

    def _due(self, before: datetime, at: datetime) -> float:
        """Articles published between two moments, on average."""
        due, moment = 0.0, before
        while moment < at:
            step = min(timedelta(hours=1), at - moment)
            day = self.weekend[moment.weekday() - 5] if moment.weekday() >= 5 else 1.0
            day *= 0.4 if (moment - FIRST).days == self.holiday else 1.0
            due += self.daily * day * DAYTIME[moment.hour] / sum(DAYTIME) * step.total_seconds() / 3600
            moment += step
        return due

    def _sources(self, at: datetime, new: int) -> tuple[SourceReport, ...]:
        left, found = new, []
        for number, share in enumerate([1.0, *self.feeds]):
            kind = "front" if number == 0 else "feed"
            fresh = self._some(left if self.once and number else new, share * (0.8 if number == 0 else 1))
            left -= fresh
            found.append(self._source(at, kind, number, fresh))
        return tuple(found)

    def _source(self, at: datetime, kind: str, number: int, fresh: int) -> SourceReport:
        url = f"https://paper.example/{kind}{number}"
        mine = number == 1
        if self.dice.random() < 0.01 or (mine and self.broken(at, "fails")):
            return SourceReport(url=url, kind=kind, status=500, outcome="failed", error="status 500")
        if mine and self.broken(at, "empty"):
            return SourceReport(url=url, kind=kind, status=200, outcome="new")
        if mine and self.broken(at, "silent"):
            fresh = 0
        outcome = "new" if fresh else self.dice.choice(["same", "not modified"])
        named = 0 if outcome == "not modified" else 20 + fresh
        return SourceReport(url=url, kind=kind, status=200, outcome=outcome, named=named, fresh=fresh)

    def _hosts(self, at: datetime, requests: int) -> tuple[HostReport, ...]:
        down = self.dice.random() < 0.002 or self.broken(at, "down")
        images = HostReport(host="img.paper.example", requests=5, state="down" if down else "")
        return (HostReport(host="paper.example", requests=requests, delay=1.0), images)

    def _lag(self, at: datetime, before: datetime) -> float:
        waited = self.dice.uniform(0, (at - before).total_seconds())
        held = 8 * 3600 + 3 * self.schedule if self.broken(at, "late") else 0.0
        return waited + self.late * math.exp(self.dice.gauss(0, 0.8)) + held

    def _fields(self, at: datetime, new: int, night: float) -> dict[str, float]:
        rates = dict(self.rates)
        rates["authors"] *= 0.05 if self.broken(at, "unsigned") else night
        rates["body"] *= 0.6 if self.broken(at, "bodiless") else 1.0
        return {name: self._some(new, rate) / new for name, rate in rates.items()}

    def _poisson(self, mean: float) -> int:
        if mean > 50:
            return max(0, round(self.dice.gauss(mean, math.sqrt(mean))))
        limit, number, chance = math.exp(-mean), 0, self.dice.random()
        while chance > limit:
            chance *= self.dice.random()
            number += 1
        return number

    def _some(self, number: int, share: float) -> int:
        if number > 60:
            return min(
                number,
                max(0, round(self.dice.gauss(number * share, math.sqrt(number * share * (1 - share))))),
            )
        return sum(self.dice.random() < share for _ in range(number))


def main() -> None:
    """Print false alarms of 200 healthy newspapers, judged daily, and the delay of each fault."""
    from archive.health import WINDOW, alarms

    wrong: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for seed in range(200):
        press = Press(seed)
        reports = press.reports()
        for day in range(14, 56):
            now = FIRST + timedelta(days=day, hours=(seed * 7 + day * 5) % 24)
            seen = [r for r in reports if now - WINDOW <= r.started <= now]
            for alarm in alarms(seen, now=now, schedule_seconds=press.schedule):
                wrong.setdefault(
                    (seed, alarm.kind, alarm.source), (day, press.gap, round(press.daily), alarm.text)
                )
    print(len(wrong), "false alarms")
    for name, what in wrong.items():
        print(" ", *name, *what)
    delays()


FAULTS = {
    "silent": "source silent", "fails": "source fails", "empty": "source empty", "collapse": "fewer articles",
    "halved": "fewer articles", "less": "fewer articles", "incomplete": "incomplete", "walled": "wall",
    "late": "lag", "stopped": "no run", "down": "host down", "unsigned": "field empty",
    "bodiless": "field empty", "truncated": "truncated",
}  # fmt: skip


def delay(seed: int, fault: str, *, most: float = 14, step: float = 2, **values: Any) -> float | None:
    """Hours from a fault to its alarm, judged every `step` hours; None where `most` days did not suffice."""
    from archive.health import alarms

    press = Press(seed, fault=fault, **values)
    reports = press.reports(weeks=8.5)
    hours = 0.0
    while hours <= most * 24:
        hours += step
        now = BROKEN + timedelta(hours=hours)
        seen = [r for r in reports if r.started <= now]
        found = alarms(seen, now=now, schedule_seconds=press.schedule)
        if any(
            a.kind == FAULTS[fault] and (a.since >= BROKEN - timedelta(days=1) or fault == "stopped")
            for a in found
        ):
            return hours
    return None


def delays() -> None:
    """Print how late each fault is found in 20 newspapers with hourly runs and 40 articles a day or more."""
    for fault in FAULTS:
        dice = random.Random(1)
        found = [delay(seed, fault, step=3, gap=1.0, daily=dice.uniform(40, 250)) for seed in range(20)]
        known = sorted(f for f in found if f is not None)
        print(f"{fault:12} found {len(known)} of {len(found)}; hours:", *(f"{h:.0f}" for h in known))


if __name__ == "__main__":
    main()
