"""Deadlines of newspapers, in a real Airflow's database."""

import json
import textwrap
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.late import late_of
from archive.store import open_store
from tests.test_dags import LOAD, airflow, sites

__all__ = ["airflow", "sites"]  # fixtures

CLEAR = """
from datetime import UTC, datetime
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagrun import DagRunType
from airflow.models.deadline import Deadline
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import clear_task_instances
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType
DagBundlesManager().sync_bundles_to_db()
sync_bag_to_db(DagBag(), "dags-folder", None)
now = datetime.now(UTC)
with create_session() as session:
    run = SerializedDagModel.get_dag("crawl_hourly", session=session).create_dagrun(
        run_id="manual__1", run_after=now, run_type=DagRunType.MANUAL, state=DagRunState.QUEUED,
        triggered_by=DagRunTriggeredByType.TEST, session=session,
    )
    session.flush()
    (deadline,) = session.query(Deadline).all()
    wait = round((deadline.deadline_time - run.queued_at).total_seconds())
    clear_task_instances(run.get_task_instances(session=session), session)
    answer = [wait, [ti.task_id for ti in run.get_task_instances(session=session)]]
"""


def test_a_run_with_a_deadline_can_be_cleared(airflow: Any, sites: Path) -> None:
    assert airflow(textwrap.dedent(CLEAR), migrate=True) == [3600, ["crawl"]]


def test_a_newspaper_has_a_deadline_by_its_schedule_or_its_own(airflow: Any, sites: Path) -> None:
    (sites / "own.toml").write_text('name = "Own"\nhome = "https://own.example/"\ndeadline = 0.5\n')
    seconds = """
answer = {}
for name in ("crawl_hourly", "crawl_byhand", "crawl_own"):
    alert = bag.dags[name].deadline
    answer[name] = [a.interval.total_seconds() for a in alert] if alert else None
"""
    found = airflow(LOAD + seconds)
    assert found == {"crawl_hourly": [3600.0], "crawl_byhand": None, "crawl_own": [1800.0]}


def test_a_deadline_that_was_missed_is_an_alarm_until_a_run_has_ended(airflow: Any, tmp_path: Path) -> None:
    from archive.reports import RunReport, SourceReport, write_report
    from archive.watch import Watch

    code = """
    import asyncio
    from morgue_airflow.deadlines import late
    answer = asyncio.run(late("paper", 1800.0, {"dag_run": {"dag_run_id": "scheduled__x"}}))
    """
    said = airflow(textwrap.dedent(code))
    store = open_store(str(tmp_path / "archive"))
    (alarm,) = Watch(store).look("paper").alarms
    assert (alarm.kind, alarm.text) == ("late", said)
    assert "scheduled__x" in said
    now = datetime.now(UTC)
    feed = SourceReport(url="https://paper.example/feed", kind="feed")
    done = RunReport(run="a", site="paper", started=now, ended=now, reason="finished", sources=(feed,))
    write_report(store, replace(done, run=f"{now:%Y%m%dT%H%M%SZ}-0000000a"))
    assert Watch(store).look("paper").alarms == ()


def test_a_missed_deadline_is_noted_in_the_archive_of_the_connection(airflow: Any, tmp_path: Path) -> None:
    code = """
    import asyncio, os
    from morgue_airflow.deadlines import late
    before = dict(os.environ)
    answer = [asyncio.run(late("paper", 1800.0)), dict(os.environ) == before]
    """
    elsewhere = {"conn_type": "generic", "extra": {"archive": str(tmp_path / "elsewhere")}}
    said, same = airflow(textwrap.dedent(code), AIRFLOW_CONN_MORGUE=json.dumps(elsewhere))
    noted = late_of(open_store(str(tmp_path / "elsewhere")), "paper")
    assert noted is not None
    assert (noted.text, same) == (said, True)
    assert late_of(open_store(str(tmp_path / "archive")), "paper") is None
