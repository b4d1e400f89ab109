"""The DAG that reads the archive's pages again: in parallel over runs, with a report before any is kept.

Rules: `plan` shares the runs out, `read` (mapped) reads them and writes nothing, `report` sums up what
differs, field by field; only a run that was asked to publish goes on to `publish` (mapped). Rows of an older
reading are never taken away.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from archive.config import Config
from archive.errors import MorgueError
from archive.store import Store, open_store
from morgue_airflow.connection import connected

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TASKS = 500  # mapped tasks at most: Airflow's own limit is 1,024
SUMMED = ("articles", "before", "won", "lost", "damaged")


class _Again(BaseOperator):
    """What the tasks have in common: the store, and whose fault an error is."""

    ui_color = "#e6e0ea"

    @connected
    def execute(self, context: Any) -> Any:
        """Do it; what may go away is tried again, what will not is not."""
        try:
            return self.work(open_store(Config.from_env().archive), context["params"])
        except MorgueError as error:
            kind = AirflowException if error.retryable else AirflowFailException
            raise kind(str(error)) from error

    def work(self, store: Store, params: Any) -> Any:
        """What the task does."""
        raise AirflowFailException(f"{type(self).__name__} does nothing in {store.url} with {params}")


class PlanOperator(_Again):
    """Shares the manifests of all runs, or of one newspaper's, among tasks."""

    def work(self, store: Store, params: Any) -> list[list[str]]:
        """Lists of manifest keys, one a task."""
        from archive.runs import run_keys

        keys = sorted(run_keys(store, params["site"] or None))
        each = max(int(params["runs_a_task"]), -(-len(keys) // TASKS))
        self.log.info("%d runs, %d a task", len(keys), each)
        return [keys[n : n + each] for n in range(0, len(keys), each)]


class ReadOperator(_Again):
    """Reads the pages of some runs again; what it gives on is the sum of what differs."""

    template_fields = ("manifests",)

    def __init__(self, *, manifests: Any, publish: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.manifests, self.publish = manifests, publish

    def work(self, store: Store, params: Any) -> dict[str, Any]:
        """Counts, and articles that differ by field."""
        from archive.process import extract_again

        if self.publish and not params["publish"]:
            raise AirflowSkipException("this run only says what would change; run it with publish to keep it")
        done = []
        for manifest in self.manifests:
            done.append(extract_again(store, manifest, publish=self.publish))
            self.log.info("%s", {n: v for n, v in done[-1].items() if n != "keys"})
        return summed(done)


class ReportOperator(_Again):
    """Says what differs in all, field by field."""

    template_fields = ("parts",)

    def __init__(self, *, parts: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.parts = parts

    def work(self, store: Store, params: Any) -> dict[str, Any]:
        """The sum of all parts."""
        total = summed(self.parts)
        self.log.info("%s %s: %s", store.url, params["site"] or "", {name: total[name] for name in SUMMED})
        for field, count in sorted(total["changed"].items(), key=lambda each: -each[1]):
            self.log.info("%-16s %7d differ", field, count)
        return total


def summed(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Counts of several readings as one."""
    counts: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    for part in parts:
        counts.update({name: part[name] for name in SUMMED})
        changed.update(part["changed"])
    return {name: counts[name] for name in SUMMED} | {"changed": dict(changed)}


def again_dag() -> DAG:
    """Plan >> read (mapped) >> report >> publish (mapped)."""
    text = "Reads all pages again and says what differs, field by field; keeps it only when asked to."
    params = {
        "site": Param(None, type=["string", "null"], title="Only this newspaper"),
        "publish": Param(False, type="boolean", title="Keep the new rows, after the report"),
        "runs_a_task": Param(20, type="integer", minimum=1, title="Runs that one task reads"),
    }
    with DAG(
        dag_id="extract_again", dag_display_name="Read all pages again", schedule=None, start_date=FIRST,
        catchup=False, max_active_runs=1, tags=["newsmorgue", "care"], description=text, doc_md=text,
        params=params, default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    ) as dag:  # fmt: skip
        plan = PlanOperator(task_id="plan")
        read = ReadOperator.partial(task_id="read").expand(manifests=plan.output)
        report = ReportOperator(task_id="report", parts=read.output)
        publish = ReadOperator.partial(task_id="publish", publish=True).expand(manifests=plan.output)
        report >> publish
    return dag
