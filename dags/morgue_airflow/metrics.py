"""What crawls tell Airflow's metrics (StatsD or OpenTelemetry, as `[metrics]` in its settings says).

newsmorgue.<site>.exchanges                               counter, of requests
newsmorgue.<site>.ok | redirects | unchanged              counters, of what came: 2xx, 3xx, 304
newsmorgue.<site>.refused | server_errors | truncated     counters, of what went wrong: 4xx, 5xx, cut off
newsmorgue.<site>.failed                                  counter, of requests without an answer, and of those
newsmorgue.<site>.failed.dns | connect | tls | time ...   counters, by the class of error
newsmorgue.<site>.bytes                                   counter, of WARC
newsmorgue.<site>.new | changed | gone                    counters, of articles
newsmorgue.<site>.archived                                gauge: share of what was named (0 to 1)
newsmorgue.<site>.lag                                     gauge: median seconds from published to captured
newsmorgue.spool.waiting                                  gauge: unpublished runs on this machine (`host`)
newsmorgue.spool.age                                      gauge: seconds since the oldest of them began
"""

import json
import logging
import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from airflow.sdk.observability import stats

from archive.crawllog import lines_of
from archive.errors import MorgueError
from archive.publish import waiting
from archive.reports import RunReport, read_report, report_key
from archive.runs import read_run
from archive.store import Store

logger = logging.getLogger(__name__)
COUNTED = ("new", "changed", "gone")


def tell_crawl(store: Store, site: str, summary: dict[str, Any]) -> None:
    """Send the metrics of one crawl; a metric that cannot be had fails no crawl."""
    try:
        report = read_report(store, report_key(site, str(summary["run"])))
    except (MorgueError, KeyError):
        report = None
    for name, value in counters(summary, report):
        stats.incr(f"newsmorgue.{site}.{name}", value)
    for name, value in failures(store, summary).items():
        stats.incr(f"newsmorgue.{site}.failed.{name}", value)
    for name, share in gauges(report):
        stats.gauge(f"newsmorgue.{site}.{name}", share)


def counters(summary: dict[str, Any], report: RunReport | None) -> Iterator[tuple[str, int]]:
    """Names and values of what is counted."""
    for outcome, count in (summary.get("counts") or {}).items():
        yield str(outcome), int(count)
    yield "bytes", int(summary.get("bytes") or 0)
    if report:
        yield from ((name, int(getattr(report, name))) for name in COUNTED)


def failures(store: Store, summary: dict[str, Any]) -> Counter[str]:
    """Requests that got no answer, by class of error ("dns", "time" ...), as the crawl log has them."""
    found: Counter[str] = Counter()
    if not (summary.get("counts") or {}).get("failed") or not summary.get("manifest"):
        return found
    try:
        for warc in read_run(store, str(summary["manifest"])).warcs:
            lines = map(json.loads, lines_of(store, warc))
            found.update(str(line.get("error")).partition(":")[0] for line in lines if not line["status"])
    except (MorgueError, ValueError, KeyError) as error:
        logger.warning("failures are not told by class: %s", error)
    return found


def gauges(report: RunReport | None) -> Iterator[tuple[str, float]]:
    """Names and values of what is measured."""
    if report and report.recall is not None:
        yield "archived", report.recall
    if report and report.lags:
        yield "lag", median(report.lags)


def tell_spool(spool: Path) -> None:
    """Send how much waits in this machine's spool, and how old it is."""
    try:
        found = list(waiting(spool))
    except OSError:  # a run is published and cleared meanwhile
        return
    tags = {"host": socket.gethostname()}
    stats.gauge("newsmorgue.spool.waiting", len(found), tags=tags)
    ages = [age for each in found if (age := _age(each.run)) is not None]
    stats.gauge("newsmorgue.spool.age", max(ages, default=0.0), tags=tags)


def _age(run: str) -> float | None:
    """Seconds since a run began, by its id."""
    try:
        began = datetime.strptime(run[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (datetime.now(UTC) - began).total_seconds()
