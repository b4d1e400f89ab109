"""What crawls tell Airflow's metrics."""

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from morgue_airflow.metrics import failures, gauges

from archive.reports import RunReport
from archive.store import open_store
from tests.conftest import free_port
from tests.host import Host, feed, page
from tests.test_dags import airflow, fake, operate

__all__ = ["airflow", "fake"]  # fixtures


def test_a_crawl_sends_its_metrics(airflow: Any, fake: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(10)
        code = """
        from airflow.sdk.observability import stats
        from airflow.sdk.observability.metrics import stats_utils
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)
        answer = operator.execute(context)
        """
        airflow(
            operate(fake, code), AIRFLOW__METRICS__STATSD_ON="True",
            AIRFLOW__METRICS__STATSD_HOST="127.0.0.1",
            AIRFLOW__METRICS__STATSD_PORT=str(ear.getsockname()[1]),
            MORGUE_ARCHIVE=str(fake.parent / "archive"),
        )  # fmt: skip
        counted = {b"airflow.newsmorgue.paper.ok:1|c", b"airflow.newsmorgue.paper.bytes:9|c"}
        measured = {b"airflow.newsmorgue.spool.waiting:0|g", b"airflow.newsmorgue.spool.age:0.0|g"}
        heard: set[bytes] = set()
        while not counted | measured <= heard:
            heard.add(ear.recv(999))


def test_lag_and_share_are_gauges_where_they_are_known() -> None:
    now = datetime.now(UTC)
    report = RunReport(run="a", site="paper", started=now, ended=now, reason="finished")
    assert list(gauges(report)) == []
    known = replace(report, named=5, forbidden=1, archived=3, lags=(60.0, 300.0, 90.0))
    assert list(gauges(known)) == [("archived", 0.75), ("lag", 90.0)]


def test_requests_without_an_answer_are_counted_by_class(
    morgue: Callable[..., Any], site: Callable[..., str], tmp_path: Path
) -> None:
    with Host(lambda path, _: feed(host.base, "a") if path == "/feed" else page()) as host:
        site(host, f'sitemaps = ["http://127.0.0.1:{free_port()}/sitemap.xml"]')
        result = tmp_path / "result.json"
        assert morgue("crawl", "paper", "--result", str(result)).code == 0
    summary = json.loads(result.read_text())
    found = failures(open_store(str(tmp_path / "archive")), summary)
    assert found == {"connect": summary["counts"]["failed"]}
