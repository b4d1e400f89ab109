"""The run's ledger: what each source named and what became of it, what happened to articles; the report."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from archive.agenda import Source
from archive.looks import BESIDE, Judged, Look
from archive.reports import Event, HostReport, RunReport, SourceReport

DUE = "articles that were due"
MOST_EVENTS = 1000
MOST_LAGS = 1000
MOST_MISSING = 20
LONGEST_LAG = 2 * 86400.0  # seconds: what is older was not waiting to be found, it is the newspaper's past


@dataclass(slots=True)
class Tally:
    """What became of the addresses that one source named."""

    source: Source
    outcome: str = ""
    status: int | None = None
    named: int = 0
    fresh: int = 0
    archived: int = 0
    failed: int = 0
    error: str = ""
    skipped: Counter[str] = field(default_factory=Counter)
    open: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Ledger:
    """Counts as the run goes; bounded, whatever a newspaper names."""

    outcomes: Counter[str] = field(default_factory=Counter)
    traps: Counter[str] = field(default_factory=Counter)
    walls: Counter[str] = field(default_factory=Counter)
    first_wall: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    looked: int = 0
    edited: int = 0
    unchanged_bytes: int = 0
    forbidden: int = 0
    deferred: int = 0
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _by: dict[str, str] = field(default_factory=dict)

    def tally(self, source: Source) -> Tally:
        """The tally of a source."""
        return self._tallies.setdefault(source.url, Tally(source=source))

    def name(self, url: str, source: str, *, now: datetime) -> None:
        """A source named an address that will be asked for."""
        tally = self.tally(Source(url=source, kind="known", due=now))
        tally.named += 1
        tally.open.add(url)
        self._by[url] = source

    @property
    def waiting(self) -> bool:
        """Whether something was named of which nothing became."""
        return any(tally.open for tally in self._tallies.values())

    def settle(self, url: str, kind: str, why: str) -> None:
        """What became of an address: "archived", "failed", "forbidden" or "deferred"."""
        tally = self._tallies.get(self._by.get(url, ""))
        if tally is None or url not in tally.open:
            return
        tally.open.discard(url)
        if kind == "archived":
            tally.archived += 1
        elif kind == "failed":
            tally.failed += 1
        else:
            tally.skipped[f"{kind}: {why}"] += 1
        self.forbidden += kind == "forbidden"
        self.deferred += kind == "deferred"

    def judged(self, url: str, judged: Judged, look: Look, *, size: int) -> None:
        """A page has answered."""
        outcome = judged.outcome
        self.outcomes[outcome] += 1
        self.looked += outcome in ("same", "changed")
        self.edited += outcome == "changed" and judged.detail != BESIDE
        self.unchanged_bytes += size if outcome == "same" else 0
        self.settle(url, "failed" if outcome in ("failed", "wall") else "archived", judged.detail)
        self._note(judged, look)

    def _note(self, judged: Judged, look: Look) -> None:
        known, outcome = judged.known, judged.outcome
        if outcome == "wall":
            self.walls[look.wall] += 1
            self.first_wall.setdefault(look.wall, known.url)
        elif outcome not in ("same", "failed") and len(self.events) < MOST_EVENTS:
            self.events.append(
                Event(kind=outcome, url=known.url, at=look.at, detail=judged.detail, capture=look.capture)
            )
        if outcome == "new" and known.told and len(self.lags) < MOST_LAGS:
            lag = (look.at - known.told).total_seconds()
            self.lags += [lag] if 0 <= lag < LONGEST_LAG else []

    def report(
        self, *, run: str, site: str, started: datetime, ended: datetime, reason: str,
        hosts: tuple[HostReport, ...], size: int, truncated: int = 0,
    ) -> RunReport:  # fmt: skip
        """The run's report; what was named and not settled is missing."""
        sources = tuple(_source_report(t) for t in self._tallies.values())
        return RunReport(
            run=run, site=site, started=started, ended=ended, reason=reason, sources=sources,
            hosts=hosts, events=tuple(self.events),
            named=sum(s.named for s in sources), archived=sum(s.archived for s in sources),
            forbidden=self.forbidden, failed=sum(s.failed for s in sources), deferred=self.deferred,
            new=self.outcomes["new"], changed=self.outcomes["changed"] + self.outcomes["returned"],
            same=self.outcomes["same"], gone=self.outcomes["gone"] + self.outcomes["withdrawn"],
            moved=self.outcomes["moved"], bytes=size, unchanged_bytes=self.unchanged_bytes,
            lags=tuple(self.lags), walls=dict(self.walls), first_wall=self.first_wall,
            traps=dict(self.traps), truncated=truncated,
        )  # fmt: skip


def _source_report(tally: Tally) -> SourceReport:
    skipped = {reason: count for reason, count in tally.skipped.items() if count}
    return SourceReport(
        url=tally.source.url, kind=tally.source.kind, status=tally.status, outcome=tally.outcome or "same",
        named=tally.named, fresh=tally.fresh, archived=tally.archived, failed=tally.failed,
        skipped=skipped, missing=tuple(sorted(tally.open)[:MOST_MISSING]), error=tally.error,
    )  # fmt: skip
