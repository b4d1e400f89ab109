"""The tasks of a newspaper that is crawled in shards: what lies between its crawls, and what follows them.

    crawl [one a shard] >> passed_on >> rest [one a shard that has letters] >> published >> whole

Rules: what a shard has found for one that had ended already is asked for by `rest`, in the same run. The
world is told once, of all that was published, when no shard runs any more; and a run of which a shard has
failed is shown as failed, by `whole`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from archive.config import Config
from archive.errors import MorgueError
from archive.runs import read_run, run_keys
from archive.shards import letters, shard_of
from archive.sites import Site
from archive.store import open_store
from morgue_airflow.connection import connected
from morgue_airflow.events import PUBLISHED, by_partition, due, partition, tell
from morgue_airflow.operators import RESUMED, CrawlOperator


def crawl_in_shards(newspaper: Site, **arguments: Any) -> None:
    """The tasks of a site with several shards, in the DAG that is being made."""
    hosts = (newspaper.host, *newspaper.hosts)
    shards = [f"{number}/{newspaper.shards}" for number in range(1, newspaper.shards + 1)]
    label = {"map_index_template": "shard {{ task.shard }}"}
    crawl = CrawlOperator.partial(task_id="crawl", **label, **arguments).expand(shard=shards)
    passed = PassedOnOperator(task_id="passed_on", site=newspaper.id, shards=shards, hosts=hosts)
    again = CrawlOperator.partial(task_id="rest", rest=True, **label, **arguments)
    rest = again.expand(shard=passed.output)
    told = TellOperator(task_id="published", site=newspaper.id, outlets=[PUBLISHED], trigger_rule="all_done")
    whole = EmptyOperator(task_id="whole", trigger_rule="none_failed")
    crawl >> passed
    [crawl, rest] >> told
    [crawl, rest, told] >> whole


class PassedOnOperator(BaseOperator):
    """Which shards have letters that they did not come to; none where the crawl has a limit."""

    ui_color = "#e8e2d0"

    def __init__(self, *, site: str, shards: list[str], hosts: tuple[str, ...], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.site, self.shards, self.hosts = site, shards, hosts

    @connected
    def execute(self, context: Any) -> list[str]:
        """The shards, as "2/4"."""
        if context["params"].get("limit") or context["params"].get("dry_run"):
            return []
        found = list(letters(open_store(Config.from_env().archive), self.site))
        urls = [letter.passed[0].url for letter in found]
        parts = (shard_of(text, self.hosts) for text in self.shards)
        wanted = [str(part) for part in parts if any(map(part.mine, urls))]
        self.log.info("%d letters, for %d shards: %s", len(found), len(wanted), ", ".join(wanted))
        return wanted


class TellOperator(BaseOperator):
    """Tells the asset of all that the shards of this run have published; its XCom is the manifests."""

    ui_color = "#dfe8dc"

    def __init__(self, *, site: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.site = site

    @connected
    def execute(self, context: Any) -> list[str]:
        """Once, under the partition of the newspaper and slot."""
        results = context["ti"].xcom_pull(task_ids=["crawl", "rest"]) or []
        done = [result for result in results if isinstance(result, dict)]
        found = by_partition(key for each in done for key in each.get("recovered") or ())
        try:
            own = sorted({*filter(None, (each.get("manifest") for each in done)), *self._stored(context)})
        except MorgueError as error:
            raise (AirflowException if error.retryable else AirflowFailException)(str(error)) from error
        if own:
            found.setdefault(partition(self.site, due(context)), []).extend(own)
        tell(context, self.outlets, found)
        return own

    def _stored(self, context: Any) -> Iterator[str]:
        """Manifests of this run by what they say: also of shards that have failed after they published."""
        began = getattr(context.get("dag_run"), "run_after", None) or datetime.now(UTC)
        first = max(began, datetime.now(UTC) - RESUMED)
        store = open_store(Config.from_env().archive)
        for key in run_keys(store, self.site):
            if key.rpartition("/")[2] < f"{first:%Y%m%dT%H%M%SZ}":
                continue
            if read_run(store, key).parameters.get("airflow") == context.get("run_id"):
                yield key
