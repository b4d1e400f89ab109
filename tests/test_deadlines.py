"""Deadlines of newspapers, in a real Airflow's database."""

import textwrap
from pathlib import Path
from typing import Any

from tests.test_dags import airflow, sites

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
