"""One newspaper's reports and what is wrong with it, as the command line and the reading room show them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from archive.cdxj import moment_of
from archive.cron import longest_gap
from archive.errors import DamagedReport
from archive.health import WINDOW, Alarm, alarms, is_whole
from archive.late import late_of
from archive.reports import (
    Reading,
    RunReport,
    in_parallel,
    read_reading,
    read_report,
    recent_keys,
    report_keys,
    with_reading,
)
from archive.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A newspaper: its reports of the last seven weeks, oldest first, and its alarms.

    The reports are lean: of their events only the first article is there. `read_report` has all of it.
    """

    site: str
    reports: tuple[RunReport, ...]
    alarms: tuple[Alarm, ...]

    @property
    def last(self) -> RunReport | None:
        """The latest report, where there is one."""
        return self.reports[-1] if self.reports else None


@dataclass(slots=True)
class Watch:
    """Reads the reports of an archive: each once, since they are write-once."""

    store: Store
    _known: dict[str, RunReport | DamagedReport] = field(default_factory=dict)
    _readings: dict[str, Reading | None] = field(default_factory=dict)

    def look(self, site: str, *, schedule: str = "", now: datetime | None = None) -> Watched:
        """The newspaper as of `now`; `schedule` is its cron line. A damaged report is an alarm of its own."""
        now = now or datetime.now(UTC)
        keys = recent_keys(self.store, site, now - WINDOW) or report_keys(self.store, site)[-1:]
        found = self._read(keys)
        readings = self._read_of(site, keys)
        reports = tuple(
            with_reading(r, readings.get(r.run)) for r in found.values() if isinstance(r, RunReport)
        )
        damaged = [_damage(k, e) for k, e in found.items() if isinstance(e, DamagedReport)]
        judged = alarms(reports, now=now, schedule_seconds=longest_gap(schedule))
        return Watched(site=site, reports=reports, alarms=(*damaged, *self._late(site, reports), *judged))

    def _late(self, site: str, reports: Iterable[RunReport]) -> Iterator[Alarm]:
        """The alarm of whoever watches the clock; a run that ended after it ends it."""
        told = late_of(self.store, site)
        if told and not any(r.ended >= told.deadline for r in reports if is_whole(r)):
            yield Alarm(kind="late", since=told.due, text=told.text)

    def sites(self) -> set[str]:
        """Every newspaper that has a report."""
        return {key.split("/")[1] for key in report_keys(self.store)}

    def _read(self, keys: Iterable[str]) -> dict[str, RunReport | DamagedReport]:
        wanted = list(keys)
        new = [key for key in wanted if key not in self._known]
        self._known.update(zip(new, in_parallel(self._lean, new), strict=True) if new else ())
        return {key: self._known[key] for key in wanted}

    def _read_of(self, site: str, keys: Iterable[str]) -> dict[str, Reading | None]:
        """What of the pages of these runs could be read, by run: it comes after the report."""
        names = {key.rpartition("/")[2] for key in keys}
        there = [key for key in self.store.keys(f"readings/{site}/") if key.rpartition("/")[2] in names]
        new = [key for key in there if key not in self._readings]
        found = in_parallel(lambda key: read_reading(self.store, key), new) if new else []
        self._readings.update(zip(new, found, strict=True))
        return {r.run: r for key in there if (r := self._readings[key])}

    def _lean(self, key: str) -> RunReport | DamagedReport:
        try:
            report = read_report(self.store, key)
        except DamagedReport as error:
            return error
        article = next((e for e in report.events if e.kind in ("new", "changed")), None)
        return replace(report, events=(article,) if article else ())


def _damage(key: str, error: DamagedReport) -> Alarm:
    run = key.rpartition("/")[2].removesuffix(".json")
    try:
        since = moment_of(run[:8] + run[9:15])
    except ValueError:
        since = datetime.fromtimestamp(0, UTC)
    return Alarm(kind="report damaged", since=since, text=f"A report cannot be read: {error}.", run=run)
