"""What the room shows, read from the archive: runs and reports are write-once, so each is read once; which
articles there are is asked of the search file.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from archive import daybook
from archive.access import Access, Rules
from archive.cdxj import surt_of
from archive.daybook import Entry
from archive.errors import DamagedReport, NotStored, UnknownSite
from archive.index import Index
from archive.model import Capture, Run
from archive.progress import Progress, running
from archive.reports import RunReport, whole_report
from archive.room.finder import SHARE, Finder
from archive.runs import find_run, read_run, run_keys
from archive.search import Search
from archive.sites import Site
from archive.store import Store
from archive.watch import Watch, Watched

SHOWN = 200  # runs among which one of Airflow is looked for
FRESH = timedelta(seconds=30)
LOOKED_AT = 100  # articles that may be kept back before one is found that may be named
MINUTE = 60.0  # seconds: embargoes end with time


@dataclass(frozen=True, slots=True, kw_only=True)
class Newspaper:
    """A site as the room shows it; sites without a site file are known by their runs."""

    id: str
    name: str
    home: str
    timezone: str
    runs: tuple[str, ...]  # keys of manifests, the newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A newspaper in the list of all: what there is of it, and the article that was seen first last."""

    paper: Newspaper
    articles: int
    last: Run | None
    latest: tuple[str, str] | None  # address, headline


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hidden:
    """Articles that rules of access keep back, by newspaper and quarter hour; and of what time that is."""

    rules: Rules
    generation: tuple[int, int]
    counts: Mapping[str, Counter[int]]
    until: float
    sure: float


class Shelf:
    """One archive, as the room reads it."""

    def __init__(
        self, store: Store, index: Index, sites: Mapping[str, Site], finder: Finder | None = None
    ) -> None:
        self.store = store
        self.finder = finder or Finder(store)
        self.index = index
        self.access = Access(store)
        self.sites = sites
        self.watch = Watch(store)
        self._watched: dict[str, tuple[datetime, Watched]] = {}
        self._runs: dict[str, Run] = {}
        self._days: dict[str, tuple[tuple[int, int], Counter[int], dict[date, int]]] = {}
        self._kept_back: _Hidden | None = None

    def newspapers(self) -> list[Kept]:
        """Every newspaper with a site file or a run, by name; those that were crawled first."""
        keys: dict[str, list[str]] = {site: [] for site in self.sites}
        for key in run_keys(self.store):
            keys.setdefault(key.split("/")[1], []).append(key)
        with self.finder.open() as search:
            totals, hidden = daybook.totals(search.db), self._hidden(search)
            found = [
                self._kept(search, self._paper(site, runs[::-1]), totals.get(site, 0) - hidden[site].total())
                for site, runs in keys.items()
            ]
        return sorted(found, key=lambda kept: (not kept.paper.runs, kept.paper.name.casefold()))

    def _kept(self, search: Search, paper: Newspaper, articles: int) -> Kept:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        shown = (
            (url, headline)
            for url, headline, at in islice(daybook.newest(search.db, paper.id, until=tomorrow), LOOKED_AT)
            if not self.access.forbids(url, paper.id, at)
        )
        last = self.run_at(paper.runs[0]) if paper.runs else None
        return Kept(paper=paper, articles=articles, last=last, latest=next(shown, None) if articles else None)

    def newspaper(self, site: str) -> Newspaper:
        """One newspaper; raise UnknownSite."""
        found = self._paper(site, run_keys(self.store, site)[::-1]) if "/" not in site else None
        if found is None or (site not in self.sites and not found.runs):
            raise UnknownSite(f"this archive keeps no newspaper named {site!r}")
        return found

    def days(self, paper: Newspaper) -> dict[date, int]:
        """How many articles stand under each day of a newspaper, the newest day first."""
        with self.finder.open() as search:
            hidden = self._hidden(search)[paper.id]
            known = self._days.get(paper.id)
            if known is None or known[0] != daybook.generation(search.db) or known[1] != hidden:
                counts = daybook.quarters(search.db, paper.id)
                counts.subtract(hidden)
                days = daybook.by_day(counts, ZoneInfo(paper.timezone))
                known = self._days[paper.id] = (daybook.generation(search.db), hidden, days)
        return known[2]

    def entries(self, paper: Newspaper, day: date, *, limit: int, skip: int = 0) -> list[Entry]:
        """The articles of a day that no rule of access keeps back, the newest first."""
        forbids = self.access.forbids
        with self.finder.open() as search:
            found = daybook.entries(
                search.db, paper.id, day, ZoneInfo(paper.timezone), limit=limit, skip=skip
            )
        return [e for e in found if not forbids(e.url, paper.id, e.captured)]

    def _hidden(self, search: Search) -> Mapping[str, Counter[int]]:
        """What rules keep back; looked at again when there is something new, and each minute at least."""
        rules, now, of = self.access.rules(), time.monotonic(), daybook.generation(search.db)
        if rules.none:
            return defaultdict(Counter)
        known = self._kept_back
        if (
            known is None
            or known.rules is not rules
            or now > known.until
            or (known.generation != of and now > known.sure)
        ):
            counts = self._count_hidden(search, rules)
            took = time.monotonic() - now
            end = now + max(MINUTE, SHARE * took)
            known = self._kept_back = _Hidden(
                rules=rules, generation=of, counts=counts, until=end, sure=now + SHARE * took
            )
        return known.counts

    def _count_hidden(self, search: Search, rules: Rules) -> Mapping[str, Counter[int]]:
        counts: dict[str, Counter[int]] = defaultdict(Counter)
        seen: set[str] = set()
        hosts, now = rules.hosts(), datetime.now(UTC)
        found = daybook.pages(search.db, sites=rules.sites, hosts=hosts, every=bool(rules.everything))
        for site, url, quarter, at in found:
            rule = rules.verdict(surt_of(url) if hosts else "", site, at, now)
            if rule and rule.kind != "allow" and url not in seen:
                counts[site][quarter] += 1
                if not rules.everything:  # else each comes once
                    seen.add(url)
        return counts

    def site_names(self) -> list[str]:
        """The ids of every newspaper with a site file or a run, by name."""
        kept = {key.split("/")[1] for key in run_keys(self.store)}
        return sorted(kept | set(self.sites), key=lambda site: self.name(site).casefold())

    def newspaper_name(self, site: str) -> str:
        """The name of a newspaper that the archive keeps; raise UnknownSite."""
        if site in self.sites or ("/" not in site and run_keys(self.store, site)):
            return self.name(site)
        raise UnknownSite(f"this archive keeps no newspaper named {site!r}")

    def name(self, site: str) -> str:
        """The newspaper's name, or its id where it has no site file."""
        return self.sites[site].name if site in self.sites else site

    def runs_of(self, site: str, dag_run: str = "") -> list[Run]:
        """The newest runs of a newspaper, newest first; with `dag_run` those of that run of Airflow."""
        keys = run_keys(self.store, site)[-SHOWN:] if "/" not in site else []
        found = [self.run_at(key) for key in reversed(keys)]
        wanted = _letters(dag_run)
        return [r for r in found if not wanted or _letters(str(r.parameters.get("airflow", ""))) == wanted]

    def crawls_of(self, site: str, dag_run: str = "") -> list[Progress]:
        """The crawls of a newspaper that run at the moment; with `dag_run` those of that run of Airflow."""
        found = running(self.store, site) if "/" not in site else []
        wanted = _letters(dag_run)
        return [crawl for crawl in found if not wanted or _letters(crawl.airflow) == wanted]

    def run(self, run_id: str) -> Run:
        """One run; raise NotStored."""
        return find_run(self.store, run_id)

    def run_of(self, capture: Capture) -> Run | None:
        """The run that captured this, where the name of its WARC tells (that ends in the run's own part)."""
        warc = capture.location.warc
        parts = warc.rpartition("/")[2].split("-")
        mark = f"-{parts[-2]}.json" if len(parts) > 1 else "/"
        keys = [key for key in run_keys(self.store, warc.split("/")[1]) if key.endswith(mark)]
        runs = (self.run_at(key) for key in keys)
        return next((run for run in runs if any(each.key == warc for each in run.warcs)), None)

    def watched(self, now: datetime) -> list[Watched]:
        """Every newspaper with a site file, a run or a report: its reports and alarms as of `now`."""
        kept = {key.split("/")[1] for key in run_keys(self.store)}
        return [self._look(site, now) for site in sorted(kept | self.watch.sites() | set(self.sites))]

    def watch_one(self, site: str, now: datetime) -> Watched:
        """One newspaper's reports and alarms; raise UnknownSite."""
        if "/" not in site:
            found = self._look(site, now)
            if site in self.sites or found.reports or found.alarms or run_keys(self.store, site):
                return found
        raise UnknownSite(f"this archive keeps no newspaper named {site!r}")

    def report(self, lean: RunReport | None) -> RunReport | None:
        """The whole of a report that was read without its events."""
        return whole_report(self.store, lean.site, lean.run) if lean else None

    def report_of(self, run: Run) -> RunReport | None:
        """The report of a run, where there is one that can be read."""
        try:
            return whole_report(self.store, run.site, run.id)
        except (NotStored, DamagedReport):
            return None

    def fronts_of(self, paper: Newspaper, day: date) -> list[Capture]:
        """The captures of a newspaper's front page on a day of its own time zone, oldest first."""
        zone = ZoneInfo(paper.timezone)
        found = self.index.captures(paper.home) if paper.home else []
        return [c for c in found if c.at.astimezone(zone).date() == day and c.status in (200, 304)]

    def reports_of(self, paper: Newspaper, day: date) -> list[RunReport]:
        """The reports of the runs that began on a day of a newspaper's own time zone, oldest first."""
        zone = ZoneInfo(paper.timezone)
        found = self.watch.look(paper.id, schedule="", now=datetime.now(UTC)).reports
        return [r for r in found if r.started.astimezone(zone).date() == day]

    def _look(self, site: str, now: datetime) -> Watched:
        """Judging weeks of reports takes a tenth of a second: it is done twice a minute at most."""
        at, seen = self._watched.get(site, (now, None))
        if seen is None or now - at > FRESH:
            known = self.sites.get(site)
            seen = self.watch.look(site, schedule=known.schedule if known else "", now=now)
            self._watched[site] = (now, seen)
        return seen

    def _paper(self, site: str, runs: Iterable[str]) -> Newspaper:
        known = self.sites.get(site)
        return Newspaper(
            id=site,
            name=self.name(site),
            home=known.home if known else "",
            timezone=known.timezone if known else "UTC",
            runs=tuple(runs),
        )

    def run_at(self, key: str) -> Run:
        """The run of a manifest's key."""
        if key not in self._runs:
            self._runs[key] = read_run(self.store, key)
        return self._runs[key]


def _letters(name: str) -> str:
    """A run's id without what addresses write in several ways ("+" and spaces, ":" and "%3A")."""
    return "".join(char for char in name if char.isalnum())
