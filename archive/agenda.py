"""What a newspaper's pages and sources are due for, and when. Pure: times in, times out.

Rules: an article's age decides how often it is looked at again, from its publication where that is told and
believable, otherwise from when it was first heard of. A change brings the next look nearer; a newspaper that
edits much is looked at more often altogether. A source (feed, front page, sitemap) learns its own interval
from the share of what it names that was new, and is never given up.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from archive.model import Original

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
# (age in seconds up to which it holds, seconds between two looks)
STEPS: tuple[tuple[float, float], ...] = (
    (HOUR, 15 * MINUTE),
    (DAY, HOUR),
    (7 * DAY, 3 * HOUR),
    (30 * DAY, 3 * DAY),
    (float("inf"), 30 * DAY),
)
SHORTEST, LONGEST = 10 * MINUTE, DAY  # of a source's interval
BUSY, QUIET = 0.33, 0.67  # shares of what a feed names that was known already (Media Cloud's thresholds)
EDITS_MUCH = 0.2  # share of looks that found a change, above which looks come twice as often
LOOKS_TO_JUDGE = 20
UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
STEP = re.compile(r"\s*(?:(\d+)\s*([mhd])|later)\s*:\s*(\d+)\s*([mhd])\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A page that we know of, and what its last look found.

    `told` is when it says it was published, `due` when to look again, `status` the last answer (0: none yet).
    `etag` and `modified` are its validators, `original` the record that holds the payload which they speak
    of. `version` is the digest of what the article says, `fields` the digests of its fields; both are empty
    for a page that is no article. `moved` is where it redirects to.
    """

    url: str
    seen: datetime
    due: datetime
    told: datetime | None = None
    fetched: datetime | None = None
    changed: datetime | None = None
    looks: int = 0
    changes: int = 0
    status: int = 0
    failures: int = 0
    etag: str = ""
    modified: str = ""
    original: Original | None = None
    version: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    moved: str = ""

    @property
    def gone(self) -> bool:
        """Whether the last answer was that it is not there (any more)."""
        return self.status in (404, 410, 451)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document that names articles, and how often it is worth asking.

    `interval` is in seconds; `named` counts what it named last time. `lies` counts answers of "not modified"
    that were not true, `honest` those that a whole answer bore out since; `trusted` when a whole answer was
    last compared. `not_before` is what a Retry-After asked for. `hub` and `topic` are those of WebSub.
    """

    url: str
    kind: str
    due: datetime
    interval: float = HOUR
    fetched: datetime | None = None
    told_new: datetime | None = None
    trusted: datetime | None = None
    not_before: datetime | None = None
    status: int = 0
    failures: int = 0
    named: int = 0
    lies: int = 0
    honest: int = 0
    etag: str = ""
    modified: str = ""
    digest: str = ""
    original: Original | None = None
    via: str = "site file"
    hub: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often this newspaper's articles are looked at: `steps` of age, and what was learnt of its edits."""

    steps: tuple[tuple[float, float], ...] = STEPS
    looks: int = 0
    changes: int = 0

    @property
    def factor(self) -> float:
        """What intervals are multiplied by: a half where the newspaper edits much."""
        judged = self.looks >= LOOKS_TO_JUDGE
        return 0.5 if judged and self.changes / self.looks > EDITS_MUCH else 1.0

    def after(self, known: Known, now: datetime) -> datetime:
        """When to look again at a page that was looked at `now`."""
        wait = self.interval(age_of(known, now)) * self.factor
        if known.gone:
            wait = max(wait * 4, DAY)  # what is gone seldom returns
        elif known.changed == now and known.looks > 1:
            wait = max(wait / 2, min(self.steps[0][1], wait))
        return now + timedelta(seconds=wait)

    def interval(self, age: float) -> float:
        """Seconds between two looks at an article that is `age` seconds old."""
        return next(wait for limit, wait in self.steps if age < limit or limit == float("inf"))


def age_of(known: Known, now: datetime) -> float:
    """Seconds since an article was published, as far as it can be believed; never negative."""
    told = known.told if known.told and known.told <= now else known.seen
    return max((now - told).total_seconds(), 0.0)


def steps_of(lines: tuple[str, ...]) -> tuple[tuple[float, float], ...]:
    """Steps as a site file has them: ("1h: 15m", "1d: 1h", "later: 30d"); ValueError for a wrong one."""
    if not lines:
        return STEPS
    steps = sorted(_step(line) for line in lines)
    if steps[-1][0] != float("inf"):
        steps.append((float("inf"), STEPS[-1][1]))
    return tuple(steps)


def _step(line: str) -> tuple[float, float]:
    found = STEP.match(line)
    if not found or float(found[3]) == 0:
        raise ValueError(f'{line!r} is no step; write "1d: 1h" (up to a day old: hourly) or "later: 30d"')
    limit = float(found[1]) * UNITS[found[2]] if found[1] else float("inf")
    return limit, float(found[3]) * UNITS[found[4]]


def after_answer(source: Source, now: datetime, *, named: int, fresh: int, least: float = 0.0) -> Source:
    """The source after a document: the share of what it names that was known sets its pace.

    `least` is what the document asks for, in seconds; up to an hour of it is granted.
    """
    known = 1 - fresh / named if named else 1.0
    factor = 0.5 if known < BUSY else 1.5 if known > QUIET else 1.0
    interval = min(max(source.interval * factor, SHORTEST, min(least, HOUR)), LONGEST)
    told = now if fresh else source.told_new
    due = now + timedelta(seconds=interval)
    return replace(
        source,
        due=due,
        interval=interval,
        fetched=now,
        named=named,
        told_new=told,
        failures=0,
        not_before=None,
    )


def after_failure(source: Source, now: datetime, *, status: int, retry_after: float | None = None) -> Source:
    """The source after no document: asked less often, down to once a day; a Retry-After is kept."""
    interval = min(max(source.interval * 2, SHORTEST), LONGEST)
    wait = max(interval, retry_after or 0.0)
    not_before = now + timedelta(seconds=retry_after) if retry_after else None
    return replace(
        source,
        due=now + timedelta(seconds=wait),
        interval=interval,
        fetched=now,
        status=status,
        failures=source.failures + 1,
        not_before=not_before,
    )


def trusts(source: Source, now: datetime) -> bool:
    """Whether "not modified" is to be asked for: never of a source that lied.

    A whole answer is compared each day; where it bears out what was said, half as often each time, down to
    once a week.
    """
    if source.lies or not (source.etag or source.modified) or source.original is None:
        return False
    believed = DAY * min(2**source.honest, 7)
    return source.trusted is not None and (now - source.trusted).total_seconds() < believed
