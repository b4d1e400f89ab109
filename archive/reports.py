"""Run reports: what a run saw, kept, missed and why. One write-once JSON a run; health is judged from them.

    reports/<site>/<run id>.json        a run id begins with its start, so that keys sort by time
    readings/<site>/<run id>.json       what of its pages could be read, where there were any

Rules: counts are whole numbers, times seconds, datetimes aware and in UTC. A reader passes over keys that it
does not know and fills in those that an older writer did not have; a value of the wrong kind is damage.
"""

import json
import math
import types
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from statistics import median
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from archive.errors import DamagedReport, NotStored
from archive.model import Article
from archive.store import Store

FORM = 1
FIELDS = ("headline", "standfirst", "authors", "published", "section", "body", "images", "language")
READERS = 8
# A run of a long list may take days: how much earlier than a moment a run may have begun that ended after it.
LONGEST_RUN = timedelta(days=2)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """One document that names URLs, as this run found it.

    `kind` is "feed", "front", "section", "sitemap", "known" (articles that were due), "asked" or "hub";
    `outcome` is "new" (its content changed), "same", "not modified", "failed", "forbidden" or "deferred".
    `named` counts the URLs in scope, `fresh` those of them not known before; `skipped` is reason -> count;
    `missing` are the first 20 URLs named and not archived.
    """

    url: str
    kind: str
    status: int | None = None
    outcome: str = "same"
    named: int = 0
    fresh: int = 0
    archived: int = 0
    failed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReport:
    """What one host was asked. `delay` is seconds between requests at the end, and `reason` why.

    `waited` is seconds spent on its pace; `state` is "", "down", "budget" or "quiet".
    """

    host: str
    requests: int = 0
    bytes: int = 0
    failed: int = 0
    delay: float = 0.0
    reason: str = ""
    waited: float = 0.0
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened to an article: "new", "changed", "gone", "moved", "withdrawn" or "returned".

    `detail` says where it moved to, which fields changed, or the status; `capture` is a WARC-Record-ID.
    """

    kind: str
    url: str
    at: datetime
    detail: str = ""
    capture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What one run saw, kept and missed.

    `lags` are seconds from published to captured (1000 at most); `walls` counts pages by label, `first_wall`
    names the first URL of each; `traps` counts what was left out as endless; `unchanged_bytes` were fetched
    for nothing new. `pages`, `articles` and `fields` are those of its `Reading`; empty before there is one.
    `part_of` is what the reports of all shards of one crawl have in common; "" for a crawl without shards.
    """

    run: str
    site: str
    started: datetime
    ended: datetime
    reason: str
    sources: tuple[SourceReport, ...] = ()
    hosts: tuple[HostReport, ...] = ()
    events: tuple[Event, ...] = ()
    named: int = 0
    archived: int = 0
    forbidden: int = 0
    failed: int = 0
    deferred: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0
    moved: int = 0
    bytes: int = 0
    unchanged_bytes: int = 0
    lags: tuple[float, ...] = ()
    fields: dict[str, float] = field(default_factory=dict)
    articles: int = 0
    pages: int = 0
    walls: dict[str, int] = field(default_factory=dict)
    first_wall: dict[str, str] = field(default_factory=dict)
    traps: dict[str, int] = field(default_factory=dict)
    truncated: int = 0
    part_of: str = ""

    @property
    def recall(self) -> float | None:
        """Of the URLs named that may be fetched, the share that was archived; None where none was named."""
        allowed = self.named - self.forbidden
        return min(self.archived / allowed, 1.0) if allowed > 0 else None

    @property
    def lag_median(self) -> float | None:
        """Seconds from published to captured, half of the articles; None where no lag is known."""
        return median(self.lags) if self.lags else None

    @property
    def lag_p95(self) -> float | None:
        """Seconds from published to captured that 95 % of the articles kept below (nearest rank)."""
        return sorted(self.lags)[math.ceil(0.95 * len(self.lags)) - 1] if self.lags else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of reading a run's pages: how many of the `pages` were `articles`.

    `fields` is the share (0 to 1) of these articles where a field was filled, for all FIELDS.
    """

    run: str
    site: str
    pages: int
    articles: int
    fields: dict[str, float] = field(default_factory=dict)


def reading_of(run: str, site: str, pages: int, articles: Collection[Article]) -> Reading:
    """The reading of a run's pages, these articles among them."""
    count = max(len(articles), 1)
    shares = {name: sum(bool(getattr(a, name)) for a in articles) / count for name in FIELDS}
    return Reading(run=run, site=site, pages=pages, articles=len(articles), fields=shares)


def reading_key(site: str, run_id: str) -> str:
    """The key of a run's reading."""
    return f"readings/{site}/{run_id}.json"


def write_reading(store: Store, reading: Reading) -> None:
    """Put the reading, where the run has pages and was not read before: the first one is what is compared."""
    key = reading_key(reading.site, reading.run)
    if reading.pages and store.size(key) is None:
        store.put(key, json.dumps({"form": FORM} | plain(reading), sort_keys=True).encode())


def read_reading(store: Store, key: str) -> Reading | None:
    """A run's reading; None where its pages were not read, or where it is damaged."""
    try:
        return cast("Reading", _made(Reading, json.loads(store.read(key))))
    except (NotStored, ValueError, TypeError, OverflowError, RecursionError):
        return None


def with_reading(report: RunReport, reading: Reading | None) -> RunReport:
    """The report with what came of reading the run's pages."""
    if reading is None or report.fields:
        return report
    return replace(report, pages=reading.pages, articles=reading.articles, fields=reading.fields)


def report_key(site: str, run_id: str) -> str:
    """The key of a run's report."""
    return f"reports/{site}/{run_id}.json"


def write_report(store: Store, report: RunReport) -> str:
    """Put the report, once; its key. The same report again is success, another one a StoreConflict."""
    key = report_key(report.site, report.run)
    text = json.dumps({"form": FORM} | plain(report), sort_keys=True, allow_nan=False, separators=(",", ":"))
    store.put(key, text.encode())
    return key


def plain(value: Any) -> Any:
    """A report, or a part of it, as JSON can hold it: moments as ISO 8601 texts."""
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def read_report(store: Store, key: str) -> RunReport:
    """Read a report; raise NotStored or DamagedReport."""
    try:
        return cast("RunReport", _made(RunReport, json.loads(store.read(key))))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DamagedReport(f"{key} is no run report: {error}") from error


def report_keys(store: Store, site: str | None = None) -> list[str]:
    """Keys of all reports, oldest run first."""
    prefix = f"reports/{site}/" if site else "reports/"
    found = (key for key in store.keys(prefix) if key.endswith(".json"))
    return sorted(found, key=lambda key: key.rpartition("/")[2])


def find_report(store: Store, run_id: str) -> RunReport:
    """The report of a run, with its reading; raise NotStored where there is none."""
    for key in report_keys(store):
        if key.endswith(f"/{run_id}.json"):
            return whole_report(store, key.split("/")[1], run_id)
    raise NotStored(f"{store.url} holds no report of a run {run_id}; `morgue runs` lists them")


def whole_report(store: Store, site: str, run_id: str) -> RunReport:
    """The report of a run of a site, with its reading; raise NotStored or DamagedReport."""
    report = read_report(store, report_key(site, run_id))
    return report if report.fields else with_reading(report, read_reading(store, reading_key(site, run_id)))


def recent_keys(store: Store, site: str, since: datetime) -> list[str]:
    """Keys of the reports of a site that may have ended at or after `since`, oldest run first."""
    first = f"{since - LONGEST_RUN:%Y%m%dT%H%M%SZ}"
    return [key for key in report_keys(store, site) if key.rpartition("/")[2] >= first]


def recent_reports(store: Store, site: str, since: datetime) -> list[RunReport]:
    """Reports of the runs of a site that ended at or after `since`, oldest first; raise DamagedReport."""
    found = in_parallel(lambda key: read_report(store, key), recent_keys(store, site, since))
    return [report for report in found if report.ended >= since]


def joined(reports: Iterable[RunReport]) -> list[RunReport]:
    """The reports, those of the shards of one crawl as one; in their order."""
    parts: dict[str, list[RunReport]] = {}
    for report in reports:
        parts.setdefault(report.part_of or report.run, []).append(report)
    return [_joined(own) if len(own) > 1 else own[0] for own in parts.values()]


ADDED = ("named", "archived", "forbidden", "failed", "deferred", "new", "changed", "same", "gone", "moved",
         "bytes", "unchanged_bytes", "pages", "articles", "truncated")  # fmt: skip


def _joined(parts: list[RunReport]) -> RunReport:
    """One report for several, whose sources and hosts are different ones."""
    first = min(parts, key=lambda r: (r.started, r.run))
    articles = sum(r.articles for r in parts)
    names = {name for r in parts for name in r.fields}
    filled = {n: sum(r.articles * r.fields.get(n, 0.0) for r in parts) / articles for n in names if articles}
    return replace(
        first,
        ended=max(r.ended for r in parts),
        reason=next((r.reason for r in parts if r.reason != "finished"), "finished"),
        sources=tuple(s for r in parts for s in r.sources),
        hosts=tuple(h for r in parts for h in r.hosts),
        events=tuple(e for r in parts for e in r.events),
        lags=tuple(lag for r in parts for lag in r.lags),
        fields=filled,
        walls=dict(sum((Counter(r.walls) for r in parts), Counter())),
        traps=dict(sum((Counter(r.traps) for r in parts), Counter())),
        first_wall={label: url for r in reversed(parts) for label, url in r.first_wall.items()},
        **{name: sum(getattr(r, name) for r in parts) for name in ADDED},
    )


def in_parallel(read: Callable[[str], T], keys: Iterable[str]) -> list[T]:
    """What `read` gives for each key, in their order; a store far away answers several at a time."""
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(read, keys))


# --- from JSON to values -----------------------------------------------------------------------------------


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _made(kind: type, data: Any) -> Any:
    """A dataclass of what `data` says; keys that we do not know are passed over."""
    if not isinstance(data, dict):
        raise TypeError(f"{kind.__name__} is not an object")
    hints = _hints(kind)
    values = {}
    for name, hint in hints.items():
        if name in data:
            try:
                values[name] = _value(hint, data[name])
            except (TypeError, ValueError) as error:
                raise TypeError(f"{name}: {error}") from error
    return kind(**values)


def _value(hint: Any, data: Any) -> Any:
    if hint is int or hint is float or hint is str:
        return _simple(hint, data)
    if hint is datetime:
        return _moment(data)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is types.UnionType:
        return None if data is None else _value(parts[0], data)
    if origin is tuple and isinstance(data, list):
        return tuple(_value(parts[0], item) for item in data)
    if origin is dict and isinstance(data, dict):
        return {_text(name): _value(parts[1], item) for name, item in data.items()}
    if is_dataclass(hint):
        return _made(cast("type", hint), data)
    raise TypeError(f"{str(data)[:40]!r} is of the wrong kind")


def _simple(kind: type, data: Any) -> Any:
    if kind is float and type(data) is int:
        return float(data)
    right = type(data) is kind and not (isinstance(data, float) and not math.isfinite(data))
    if not right:
        raise TypeError(f"{str(data)[:40]!r} is no {kind.__name__}")
    return _text(data) if isinstance(data, str) else data


def _moment(data: Any) -> datetime:
    moment = datetime.fromisoformat(_simple(str, data))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(text: str) -> str:
    """The text as UTF-8 can hold it: URLs of the web bring half surrogates, which no page could show."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
