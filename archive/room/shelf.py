"""What the room shows, read from the archive: runs and tables are write-once, so each is read once."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from archive.access import Access
from archive.articles import rows
from archive.errors import DamagedReport, NotStored, UnknownSite
from archive.index import Index
from archive.model import ArticleRow, Capture, Location, Run
from archive.progress import Progress, running
from archive.reports import RunReport, whole_report
from archive.runs import find_run, read_run, run_keys
from archive.sites import Site
from archive.store import Store
from archive.watch import Watch, Watched

SHOWN = 200  # runs among which one of Airflow is looked for
FRESH = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An article in a list. `day` is its day in the newspaper's own time zone."""

    url: str
    headline: str
    standfirst: str
    authors: tuple[str, ...]
    agency: str
    section: str
    warc: Location
    access: str
    published: datetime | None
    captured: datetime
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Newspaper:
    """A site as the room shows it; sites without a site file are known by their runs."""

    id: str
    name: str
    home: str
    timezone: str
    runs: tuple[Run, ...]
    articles: tuple[Entry, ...]

    @property
    def days(self) -> dict[date, list[Entry]]:
        """Articles by day, newest day first."""
        found: dict[date, list[Entry]] = defaultdict(list)
        for entry in self.articles:
            found[entry.day].append(entry)
        return {d: found[d] for d in sorted(found, reverse=True)}


class Shelf:
    """One archive, as the room reads it."""

    def __init__(self, store: Store, index: Index, sites: Mapping[str, Site]) -> None:
        self.store = store
        self.index = index
        self.access = Access(store)
        self.sites = sites
        self.watch = Watch(store)
        self._watched: dict[str, tuple[datetime, Watched]] = {}
        self._runs: dict[str, Run] = {}
        self._entries: dict[str, tuple[tuple[str, ...], tuple[Entry, ...]]] = {}

    def newspapers(self) -> list[Newspaper]:
        """Every newspaper with a site file or a run, by name."""
        kept = {key.split("/")[1] for key in run_keys(self.store)}
        found = [self._newspaper(site) for site in kept | set(self.sites)]
        return sorted(found, key=lambda n: (not n.runs, n.name.casefold()))

    def newspaper(self, site: str) -> Newspaper:
        """One newspaper; raise UnknownSite."""
        found = self._newspaper(site) if "/" not in site else None
        if found is None or (site not in self.sites and not found.runs):
            raise UnknownSite(f"this archive keeps no newspaper named {site!r}")
        return found

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
        found = [self._run(key) for key in reversed(keys)]
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
        runs = (self._run(key) for key in keys)
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

    def _newspaper(self, site: str) -> Newspaper:
        known = self.sites.get(site)
        timezone = known.timezone if known else "UTC"
        return Newspaper(
            id=site,
            name=self.name(site),
            home=known.home if known else "",
            timezone=timezone,
            runs=tuple(reversed([self._run(key) for key in run_keys(self.store, site)])),
            articles=tuple(
                e for e in self._articles(site, timezone) if not self.access.forbids(e.url, site, e.captured)
            ),
        )

    def _run(self, key: str) -> Run:
        if key not in self._runs:
            self._runs[key] = read_run(self.store, key)
        return self._runs[key]

    def _articles(self, site: str, timezone: str) -> tuple[Entry, ...]:
        keys = tuple(self.store.keys(f"articles/site={site}/"))
        known, entries = self._entries.get(site, ((), ()))
        if keys != known:
            zone = ZoneInfo(timezone)
            entries = tuple(_entry(row, zone) for row in rows(self.store, site=site))
            self._entries[site] = (keys, entries)
        return entries


def _entry(row: ArticleRow, zone: ZoneInfo) -> Entry:
    said = row.article
    return Entry(
        url=said.url,
        headline=said.headline,
        standfirst=said.standfirst,
        authors=said.authors,
        agency=said.agency,
        section=said.section,
        warc=row.warc,
        access=said.access,
        published=said.published,
        captured=row.captured,
        day=_aware(said.published or row.captured).astimezone(zone).date(),
    )


def _letters(name: str) -> str:
    """A run's id without what addresses write in several ways ("+" and spaces, ":" and "%3A")."""
    return "".join(char for char in name if char.isalnum())


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
