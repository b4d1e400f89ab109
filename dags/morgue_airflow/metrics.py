"""What crawls tell Airflow's metrics (StatsD or OpenTelemetry, as `[metrics]` in its settings says).

newsmorgue.<site>.exchanges | ok | failed | refused ...   counters, by outcome
newsmorgue.<site>.bytes                                   counter, of WARC
newsmorgue.<site>.new | changed | gone                    counters, of articles
newsmorgue.<site>.archived                                gauge: share of what was named (0 to 1)
newsmorgue.<site>.lag                                     gauge: median seconds from published to captured
newsmorgue.spool.age                                      gauge: seconds since the oldest of them began
newsmorgue.spool.waiting                                  gauge: unpublished runs on this machine
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from airflow.sdk.observability import stats

from archive.errors import MorgueError
from archive.publish import waiting
from archive.reports import RunReport, read_report, report_key
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
    for name, share in gauges(report):
        stats.gauge(f"newsmorgue.{site}.{name}", share)


def counters(summary: dict[str, Any], report: RunReport | None) -> Iterator[tuple[str, int]]:
    """Names and values of what is counted."""
    for outcome, count in (summary.get("counts") or {}).items():
        yield str(outcome), int(count)
    yield "bytes", int(summary.get("bytes") or 0)
    if report:
        yield from ((name, int(getattr(report, name))) for name in COUNTED)


def gauges(report: RunReport | None) -> Iterator[tuple[str, float]]:
    """Names and values of what is measured."""
    if report and report.recall is not None:
        yield "archived", report.recall
    if report and report.lags:
        yield "lag", median(report.lags)


def tell_spool(spool: Path) -> None:
    """Send how much waits in this machine's spool, and how old it is."""
    found = list(waiting(spool))
    stats.gauge("newsmorgue.spool.waiting", len(found))
    ages = [age for each in found if (age := _age(each.run)) is not None]
    stats.gauge("newsmorgue.spool.age", max(ages, default=0.0))


def _age(run: str) -> float | None:
    """Seconds since a run began, by its id."""
    try:
        began = datetime.strptime(run[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (datetime.now(UTC) - began).total_seconds()
