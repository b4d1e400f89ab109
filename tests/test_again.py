"""The DAG that reads all pages again, in a real Airflow: mapped tasks, a report, and only then new rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.articles import sightings, table_key, write_table
from archive.store import FolderStore
from tests.keeping import Answer, Keeper, edition
from tests.test_dags import airflow
from tests.test_study import URL, told

assert airflow  # a fixture
RUN = """
import os, pathlib
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.dag_processing.bundles.manager import DagBundlesManager
bag = DagBag()
DagBundlesManager().sync_bundles_to_db()
sync_bag_to_db(bag, "dags-folder", None)
answer = []
for conf in ({"runs_a_task": 1, "publish": False}, {"runs_a_task": 2, "publish": True}):
    done = bag.dags["extract_again"].test(run_conf=conf)
    states = {}
    for task in done.get_task_instances():
        states.setdefault(task.task_id, []).append(str(task.state))
    tables = len(list(pathlib.Path(os.environ["MORGUE_ARCHIVE"], "articles").rglob("*.parquet")))
    answer.append([str(done.state), states, tables])
"""


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    """Three runs, of which an older extractor read one in another way."""
    keeper = Keeper(tmp_path)
    for day in (20, 21, 22):
        keeper.keep(Answer(at=edition(day), url=URL, body=told(f"{day} million crowns")))
    found = sightings(keeper.store, site="paper")[0]
    key = table_key("paper", found.run, "2026-11")
    assert isinstance(keeper.store, FolderStore)
    (keeper.store.root / key).unlink()
    article = replace(found.article, headline="Old")
    old = replace(found, article=article, extractor="newsmorgue-1/x-1")
    write_table(keeper.store, key.replace(".parquet", "0.parquet"), [old])
    return keeper


def headlines(keeper: Keeper) -> list[str]:
    return [row.article.headline for row in sightings(keeper.store, site="paper")]


@pytest.mark.timeout(400)
def test_runs_are_read_by_mapped_tasks_and_kept_only_when_asked(airflow: Any, keeper: Keeper) -> None:
    first, second = airflow(RUN, migrate=True, MORGUE_ARCHIVE=keeper.store.url)
    once, every = ["success"], ["success"] * 3
    assert first == ["success", {"plan": once, "read": every, "report": once, "publish": ["skipped"] * 3}, 3]
    twice = once * 2
    assert second == ["success", {"plan": once, "read": twice, "report": once, "publish": twice}, 4]
    assert headlines(keeper)[0] != "Old"
