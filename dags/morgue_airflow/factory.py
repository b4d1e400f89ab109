"""The DAGs: one `crawl_<site>` per site file, and one `process` for what they publish.

Rules: parsing reads site files and nothing else (no Scrapy, no store). A broken site file takes no other
site's DAG down: it becomes a DAG of its own that says what is wrong. While a task runs, only its own site is
read.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, PartitionedAssetTimetable, get_parsing_context

from archive.cron import longest_gap
from archive.errors import ConfigError
from archive.sites import Site, load_site
from morgue_airflow.deadlines import deadline_of
from morgue_airflow.events import PUBLISHED
from morgue_airflow.operators import CrawlOperator
from morgue_airflow.sequel import ExtractOperator, IndexOperator, QualityOperator

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
RETRIES: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=15),
}

FOLLOWS = """\
Follows each crawl: a run of this DAG is about one newspaper and slot, which its partition key names
(`herald|2026-11-23T18:00`). **index** folds what was published into the index, **extract** makes article rows
of it, and **quality** fails where the run did something wrong; its log says what.
"""


def crawl_dags(paths: Iterable[Path]) -> dict[str, DAG]:
    """A DAG for every one of these site files, by DAG id; for a task its own alone."""
    wanted = get_parsing_context().dag_id
    named = {f"crawl_{path.stem}": path for path in paths}
    chosen = {d: p for d, p in named.items() if wanted in (None, d)}
    return {dag_id: _dag(dag_id, path) for dag_id, path in chosen.items()}


def _dag(dag_id: str, path: Path) -> DAG:
    try:
        return crawl_dag(load_site(path))
    except ConfigError as error:
        return DAG(
            dag_id=dag_id,
            schedule=None,
            start_date=FIRST,
            tags=["newsmorgue", "broken"],
            description=f"The site file is wrong: {error}"[:250],
            doc_md=f"## The site file is wrong\n\n{error}\n\nMend it: this DAG becomes the crawl again.",
        )


def crawl_dag(site: Site) -> DAG:
    """The DAG that crawls one newspaper on its schedule."""
    timetable = _timetable(site)
    with DAG(
        dag_id=f"crawl_{site.id}",
        dag_display_name=f"Crawl {site.name}",
        description=f"Crawls {site.home} and publishes its WARCs.",
        schedule=timetable,
        start_date=_begins(site),
        catchup=site.catchup,
        max_active_runs=1,
        tags=["newsmorgue", "crawl", *site.tags],
        doc_md=site.notes or f"Crawls [{site.name}]({site.home}).",
        default_args=RETRIES | {"owner": site.owner},
        params=_form(site),
        deadline=deadline_of(site),
    ) as dag:
        common: dict[str, Any] = {
            "site": site.id, "gap": _gap(site), "skips": site.overlap == "skip",
            "priority_weight": site.priority, "pool": site.pool or "default_pool",
        }  # fmt: skip
        if site.shards > 1:
            from morgue_airflow.shards import crawl_in_shards

            crawl_in_shards(site, **common)
        else:
            CrawlOperator(task_id="crawl", outlets=[PUBLISHED], **common)
    return dag


def _timetable(site: Site) -> CronTriggerTimetable | None:
    """The schedule. A run's logical date is when it is due, and not the slot before.

    The first slot of a new site file would lie before its beginning, and Airflow makes a run of no task then,
    which it shows as a success.
    """
    return CronTriggerTimetable(site.schedule, timezone=site.timezone) if site.schedule else None


def _gap(site: Site) -> timedelta | None:
    """The time between two runs of the schedule, at most."""
    gap = longest_gap(site.schedule) if site.schedule else None
    return timedelta(seconds=gap) if gap else None


def _begins(site: Site) -> datetime:
    """When the site file was written: a new newspaper does not run a slot of the past."""
    path = Path(site.file)
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC) if path.is_file() else FIRST


def _form(site: Site) -> dict[str, Param]:
    return {
        "limit": Param(site.limit, type="integer", minimum=0, title="At most so many articles (0: no limit)"),
        "urls": Param(
            [],
            type=["array", "null"],
            items={"type": "string", "pattern": "^https?://[^ ]+$"},
            title="Only these URLs",
            description="One a line; leave empty for the whole newspaper.",
        ),
        "since": Param(None, type=["string", "null"], format="date", title="Backfill: published from"),
        "until": Param(None, type=["string", "null"], format="date", title="Backfill: published before"),
        "force": Param(
            False, type="boolean", title="Look at known articles again, also those whose time has not come"
        ),
        "dry_run": Param(False, type="boolean", title="Dry run: say what would be crawled, fetch nothing"),
    }


def process_dag() -> DAG:
    """The DAG that indexes, extracts and judges what crawls have published."""
    with DAG(
        dag_id="process",
        dag_display_name="Process what was published",
        description="Folds published runs into the index, extracts their articles, judges them.",
        doc_md=FOLLOWS,
        schedule=PartitionedAssetTimetable(assets=PUBLISHED),
        start_date=FIRST,
        catchup=False,
        max_active_runs=4,
        tags=["newsmorgue"],
        default_args=RETRIES,
        params={
            "manifests": Param(
                [],
                type=["array", "null"],
                items={"type": "string", "pattern": "^runs/.+[.]json$"},
                title="Only these run manifests",
                description="Keys like runs/site/run.json; empty: those whose crawls triggered this run.",
            )
        },
    ) as dag:
        index = IndexOperator(task_id="index", max_active_tis_per_dag=1)
        index >> ExtractOperator(task_id="extract") >> QualityOperator(task_id="quality")
    return dag
