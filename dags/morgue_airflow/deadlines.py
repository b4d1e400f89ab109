"""What happens when a newspaper has not been archived in its time: Airflow's triggerer calls `late`.

Rules: the alarm stands in the archive (`archive.late`), where the room and `morgue health` see it; it ends by
itself with the next run that ends. The note is written by a process of its own, since keys of an Airflow
connection are given on by environment, and the triggerer's environment is everybody's.
"""

import asyncio
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert
from airflow.sdk.observability import stats

from archive.cron import longest_gap
from archive.errors import MorgueError
from archive.late import Late
from archive.sites import Site
from morgue_airflow.connection import environment

logger = logging.getLogger(__name__)


class Queued(BaseDeadlineReference):
    """When a run was queued. Not the logical date: a run by hand has none, and a backfill's are of the past.

    Airflow has such a reference, and with it a run that has not yet missed its deadline cannot be cleared
    (3.3.2: `_recalculate_dagrun_queued_at_deadlines` takes a stored interval for a number).
    """

    required_kwargs: ClassVar = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        run = select(DagRun.queued_at).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        found = session.scalar(run)
        return found if isinstance(found, datetime) else None


def deadline_of(site: Site) -> DeadlineAlert | None:
    """The deadline of a newspaper's runs: what its site file says, or the time between two of them."""
    seconds = site.deadline * 3600 or (longest_gap(site.schedule) if site.schedule else None)
    if not seconds:
        return None
    return DeadlineAlert(
        reference=Queued(),
        interval=timedelta(seconds=seconds),
        callback=AsyncCallback(f"{__name__}.late", kwargs={"site": site.id, "seconds": seconds}),
        name="archived in time",
    )


async def late(site: str, seconds: float, context: dict[str, Any] | None = None, **_: Any) -> str:
    """Say that a newspaper was not archived in time: in the log, as a metric, as an alarm in the archive."""
    run = (context or {}).get("dag_run") or {}
    now = datetime.now(UTC)
    told = Late(site=site, due=now - timedelta(seconds=seconds), deadline=now, run=str(run.get("dag_run_id")))
    logger.error("%s", told.text)
    stats.incr(f"newsmorgue.{site}.late")
    await asyncio.to_thread(_note, told)
    return told.text


def _note(told: Late) -> None:
    """Write it into the archive; raise MorgueError, in the words of the process that could not."""
    command = [sys.executable, "-m", "archive.late"]
    done = subprocess.run(
        command,
        input=json.dumps(told.plain()),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MorgueError((done.stderr.strip().splitlines() or ["the alarm could not be noted"])[-1])
