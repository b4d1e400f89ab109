"""Whether a run did what it should: judged from its manifest, report and rows, and from the newspaper's past.

Rules: what this run did wrong is grave, once; an alarm that stood before it is a remark. Each finding is a
sentence that says what is wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archive.articles import rows_of_run
from archive.errors import DamagedReport, NotStored
from archive.health import Alarm, alarms
from archive.model import Run
from archive.reports import RunReport, read_report, report_key
from archive.runs import read_run
from archive.store import Store
from archive.watch import Watch

UNREPORTED = ("imported", "recovered", "takedown")  # reasons of runs that leave no report
CUT_SHORT = ("stopped", "recovered", "spool_error")
RECALL = 0.95  # as the alarm "incomplete" has it
HALF = 0.5
FEW = 8  # of fewer a share says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a run, or `grave` = False: worth a look."""

    text: str
    grave: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was found of one run; `rows` are its articles in the dataset."""

    run: str
    site: str
    rows: int
    findings: tuple[Finding, ...]

    @property
    def grave(self) -> tuple[str, ...]:
        """What this run did wrong."""
        return tuple(f.text for f in self.findings if f.grave)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is worth a look."""
        return tuple(f.text for f in self.findings if not f.grave)

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"run": self.run, "site": self.site, "rows": self.rows, "wrong": list(self.grave),
                "remarks": list(self.remarks)}  # fmt: skip


def quality(store: Store, manifest: str) -> Quality:
    """Judge a published run; raise NotStored or DamagedWarc where its manifest cannot be read."""
    run = read_run(store, manifest)
    rows = len(rows_of_run(store, run.site, run.id))
    found = [*_stored(store, run), *_ended(run)]
    try:
        report = read_report(store, report_key(run.site, run.id))
    except NotStored:
        if run.reason not in UNREPORTED:
            found.append(Finding(text="The run left no report: what it missed is not known.", grave=False))
    except DamagedReport as error:
        found.append(Finding(text=f"Its report cannot be read: {error}.", grave=True))
    else:
        reports = Watch(store).look(run.site, now=report.ended).reports
        mine = next((r for r in reports if r.run == run.id), report)
        found += [*_reported(mine, rows), *_alarming(report, reports)]
    return Quality(run=run.id, site=run.site, rows=rows, findings=tuple(found))


def _stored(store: Store, run: Run) -> Iterator[Finding]:
    for warc in run.warcs:
        size = store.size(warc.key)
        if size != warc.size:
            there = "is not in the store" if size is None else f"has {size} bytes in the store"
            yield Finding(text=f"{warc.key} {there}; it was sealed with {warc.size}.", grave=True)


def _ended(run: Run) -> Iterator[Finding]:
    counts = run.counts
    if run.reason in CUT_SHORT:
        yield Finding(text=f"The crawl did not finish: {run.reason}.", grave=run.reason == "spool_error")
    answered = sum(counts.get(kind, 0) for kind in ("ok", "redirects", "unchanged"))
    few = run.parameters.get("shard") and counts.get("refused")  # a picture that is not there
    if counts.get("exchanges", 0) and run.reason not in UNREPORTED and not answered and not few:
        yield Finding(text=f"Nothing answered: {counts['exchanges']} exchanges, none of use.", grave=True)


def _reported(report: RunReport, rows: int) -> Iterator[Finding]:
    """What the run's own report says of it."""
    recall, allowed = report.recall, report.named - report.forbidden
    if recall is not None and recall < RECALL and report.reason not in CUT_SHORT:
        missed = allowed - report.archived - report.deferred
        text = f"Of {allowed} URLs that were named {report.archived} are archived, {report.deferred} put off."
        yield Finding(text=text, grave=allowed >= FEW and missed > HALF * allowed)
    if report.pages >= FEW and not rows:
        text = f"Of {report.pages} pages that answered none could be read as an article."
        yield Finding(text=text, grave=True)
    for host in report.hosts:
        if host.state == "down":
            yield Finding(text=f"The host {host.host} was down: {host.reason}.", grave=False)


def _alarming(report: RunReport, reports: Sequence[RunReport]) -> Iterator[Finding]:
    """Alarms of the newspaper as of this run; those that it brought are grave."""
    until = [r for r in reports if r.started <= report.started]
    before = [r for r in until if r.run != report.run]
    known = {_name(a) for a in alarms(before, now=report.started)}
    for alarm in alarms(until, now=report.ended):
        stood = "" if (new := _name(alarm) not in known) else f" (since {alarm.since:%Y-%m-%d %H:%M})"
        yield Finding(text=f"{alarm.kind}: {alarm.text}{stood}", grave=new)


def _name(alarm: Alarm) -> tuple[str, str]:
    return alarm.kind, alarm.source
