"""The DAGs that look after an archive, each on a schedule of its own.

Rules: each does by itself what a command of `morgue` does, is safe to run twice, and gives on a few counts.
What is wrong (a damaged WARC, a newspaper that is no longer archived) fails the task, so that Airflow's own
alerts tell of it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLBranchOperator
from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable, Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from archive.config import Config
from archive.errors import MorgueError
from archive.store import Store, open_store
from morgue_airflow.connection import connected
from morgue_airflow.events import PUBLISHED, by_partition, tell
from morgue_airflow.metrics import tell_spool

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
RETRIES: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(minutes=1)}
LATELY = timedelta(days=3)


class CareOperator(BaseOperator):
    """Does one thing to the archive; its XCom is what came of it."""

    ui_color = "#e0e4ea"

    def __init__(self, *, does: Callable[[Store, Any, Any], dict[str, Any]], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.does = does

    @connected
    def execute(self, context: Any) -> dict[str, Any]:
        """Do it; what may go away is tried again, what will not is not."""
        try:
            done = self.does(open_store(Config.from_env().archive), context["params"], self.log)
        except MorgueError as error:
            kind = AirflowException if error.retryable else AirflowFailException
            raise kind(str(error)) from error
        if self.outlets:
            tell(context, self.outlets, by_partition(done.get("manifests", ())))
        return done


def care_dags() -> dict[str, DAG]:
    """The DAGs by their ids."""
    number = Param(30, type="integer", minimum=1, title="Days in which every WARC is read")
    month = Param(None, type=["string", "null"], pattern="^[0-9]{4}-[0-9]{2}$", title="Month, as 2026-11")
    made = [
        _dag("compact", "15 3 * * *", "Folds runs into the index; writes captures as Parquet.", compact),
        _dag("audit", "30 4 * * *", "Reads a share of all WARCs: are they what was sealed?", audit,
             cycle=number),
        _dag("recover", "40 * * * *", "Publishes what crawls left in this machine's spool.", recover,
             outlets=[PUBLISHED]),
        _dag("health", "50 * * * *", "Fails while a newspaper is not archived as it should be.", health),
        _dag("package", "0 5 2 * *", "Writes a WACZ of each newspaper and month.", package, month=month),
    ]  # fmt: skip
    return {dag.dag_id: dag for dag in (*made, takedown_dag())}


def takedown_dag() -> DAG:
    """Hides pages at once, asks a person, then erases them for good, or shows them again."""
    text = "Hides pages at once; a person then has them erased for good, or shown again."
    urls = Param(
        [], type="array", items={"type": "string", "pattern": "^https?://[^ ]+$"}, minItems=1,
        title="Pages to take down", description="One URL a line.",
    )  # fmt: skip
    reason = Param("", type="string", minLength=3, title="Why: readers are told, and it stays on record")
    with DAG(
        dag_id="takedown", schedule=None, start_date=FIRST, catchup=False, max_active_runs=1,
        tags=["newsmorgue", "care"], description=text, doc_md=text, params={"urls": urls, "reason": reason},
        default_args=RETRIES,
    ) as dag:  # fmt: skip
        hidden = CareOperator(task_id="hide", does=hide)
        asked = HITLBranchOperator(
            task_id="approve",
            subject="Erase these pages for good?",
            body="{{ params.reason }}\n\n{% for url in params.urls %}- {{ url }}\n{% endfor %}",
            options=["erase", "show_again"],
        )
        (
            hidden
            >> asked
            >> [
                CareOperator(task_id="erase", does=erase),
                CareOperator(task_id="show_again", does=show_again),
            ]
        )
    return dag


def hide(store: Store, params: Any, _log: Any) -> dict[str, Any]:
    """`morgue access exclude`: nobody sees the pages while the question is open."""
    from archive.access import Access, Rule

    access, now = Access(store), datetime.now(UTC)
    rules = [Rule(kind="exclude", what=url, reason=params["reason"], made=now) for url in params["urls"]]
    return {"rules": [access.add(rule).id for rule in rules]}


def erase(store: Store, params: Any, _log: Any) -> dict[str, Any]:
    """`morgue access erase`."""
    from archive import SOFTWARE
    from archive.erasure import erase as erased

    spool = Config.from_env().spool
    done = erased(store, params["urls"], reason=params["reason"], spool=spool, software=SOFTWARE)
    return {"erased": done.erased, "mended": done.mended, "key": done.key}


def show_again(store: Store, params: Any, _log: Any) -> dict[str, Any]:
    """`morgue access lift`, of the rules that hid these pages."""
    from archive.access import Access

    access = Access(store)
    wanted = {(url, params["reason"]) for url in params["urls"]}
    found = [r.id for r in access.standing() if r.kind == "exclude" and (r.what, r.reason) in wanted]
    return {"lifted": [access.lift(name, "the takedown was rejected").id for name in found]}


def _dag(
    name: str, schedule: str, text: str, does: Any, *, outlets: Sequence[Any] = (), **params: Param
) -> DAG:
    with DAG(
        dag_id=name, schedule=CronTriggerTimetable(schedule, timezone="UTC"), start_date=FIRST, catchup=False,
        max_active_runs=1, tags=["newsmorgue", "care"], description=text, doc_md=text, default_args=RETRIES,
        params=params,
    ) as dag:  # fmt: skip
        CareOperator(task_id=name, does=does, outlets=list(outlets))
    return dag


def compact(store: Store, _params: Any, _log: Any) -> dict[str, Any]:
    """`morgue index`, and `morgue extract` of late runs: of what a killed task published no event told."""
    from archive.index import merge
    from archive.process import extract_missing, write_missing_columns

    head = merge(store)
    return {"runs": len(head.runs), "captures": sum(int(s["lines"]) for s in head.segments),
            "tables": write_missing_columns(store),
            "extracted": extract_missing(store, datetime.now(UTC) - LATELY)}  # fmt: skip


def audit(store: Store, params: Any, log: Any) -> dict[str, Any]:
    """`morgue audit`."""
    from archive.audit import audit as audited

    def progress(count: int, size: int) -> None:
        if count % 100 == 0:
            log.info("%d WARCs, %d bytes", count, size)

    done = audited(store, now=datetime.now(UTC), cycle=int(params.get("cycle") or 30), progress=progress)
    for each in done.damaged:
        log.error("%s: %s; %s", each.key, each.what, "; ".join(each.places))
    if done.damaged:
        raise AirflowFailException(f"{len(done.damaged)} of {done.warcs} WARCs are damaged; see {done.key}")
    return {"warcs": done.warcs, "bytes": done.bytes, "share": done.share, "key": done.key}


def recover(store: Store, _params: Any, log: Any) -> dict[str, Any]:
    """`morgue recover`, of the spool that this worker has."""
    from archive.publish import recover as recovered

    config = Config.from_env()
    tell_spool(config.spool)
    counts: dict[str, int] = {}
    done = recovered(config.spool, keep_hours=config.spool_keep)
    for each in done:
        counts[each.action] = counts.get(each.action, 0) + 1
        log.info("%s: %s %s", each.run, each.action, each.error)
    if counts.get("failed"):
        raise AirflowException(f"{counts['failed']} runs could not be published; they stay in the spool")
    return counts | {"manifests": [e.manifest for e in done if e.manifest and e.archive == store.url]}


def health(store: Store, _params: Any, log: Any) -> dict[str, Any]:
    """`morgue health`: fails while there are alarms, so that whoever is told of failures is told."""
    from archive.config import site_folder
    from archive.sites import load_sites
    from archive.watch import Watch

    folder = site_folder(Config.from_env())
    sites = load_sites(folder) if folder.is_dir() else {}
    now, watch = datetime.now(UTC), Watch(store)
    alarms = [
        (site, alarm)
        for site in sorted(set(sites) | watch.sites())
        for alarm in watch.look(site, schedule=sites[site].schedule if site in sites else "", now=now).alarms
    ]
    for site, alarm in alarms:
        log.error("%s: %s since %s: %s", site, alarm.kind, alarm.since, alarm.text)
    if alarms:
        raise AirflowFailException(f"{len(alarms)} alarms: {', '.join(sorted({site for site, _ in alarms}))}")
    return {"newspapers": len(sites), "alarms": 0}


def package(store: Store, params: Any, log: Any) -> dict[str, Any]:
    """A WACZ of every newspaper for a month (the one before this), signed where a key is set."""
    from archive.monthly import last_month, packages

    config = Config.from_env()
    month = params.get("month") or last_month(datetime.now(UTC))
    made = {}
    for site, key, size in packages(store, month, config=config):
        log.info("%s: %s, %d bytes", site, key, size)
        made[site] = {"key": key, "bytes": size}
    return {"month": month, "packages": made}
