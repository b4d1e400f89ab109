"""Whatever is pressed or killed in the middle of a crawl that Airflow's scheduler runs, nothing is lost.

LocalExecutor, on Postgres where this system has it; test_workers.py has the same for Celery.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from morgue_airflow.api import AirflowApi

from tests.conftest import wait_until
from tests.halfway import (
    Halfway,
    all_halfway,
    child,
    crawls,
    has_servers,
    log_of,
    need_servers,
    newspapers,
    no_orphan,
    once,
    open_folder,
    outlives,
    parent_of,
    runs_of,
    state,
    succeeded,
)
from tests.test_end_to_end import Stack, a_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
PRESSED = ("marked", "cleared", "killed", "tasked", "deserted")
ENDURING = ("baseless", "storeless")
OPTIONS = (
    "--no-crawl", "--tasks", "6",
    "--setting", "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT=40",
    "--setting", "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL=5",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def papers(folder: Path) -> Iterator[dict[str, Halfway]]:
    with newspapers(folder / "var" / "sites", *PRESSED, "headless", *ENDURING) as made:
        yield made


@pytest.fixture(scope="module")
def stack(folder: Path, papers: dict[str, Halfway], worker: Path) -> Iterator[Stack]:
    options = ["--database", "postgres"] if has_servers(celery=False) else []
    yield from a_stack(folder, worker, *OPTIONS, *options)


@pytest.fixture(scope="module")
def api(stack: Stack) -> AirflowApi:
    return AirflowApi(stack.url("airflow"), user="admin", password=stack.secrets["airflow_password"])


@pytest.fixture(scope="module")
def pressed(stack: Stack, api: AirflowApi, papers: dict[str, Halfway]) -> dict[str, str]:
    """Five crawls, each ended in its middle in a way of its own; Airflow starts slowly, so all at once."""
    runs = all_halfway(stack, api, [papers[name] for name in PRESSED])
    crawling = {name: crawls(stack, name) for name in PRESSED}
    api.mark("crawl_marked", runs["marked"], "crawl", "failed")
    api.clear("crawl_cleared", runs["cleared"])
    os.kill(crawling["killed"][0], signal.SIGKILL)
    task = parent_of(crawling["tasked"][0])
    os.kill(task, signal.SIGKILL)
    worker = parent_of(parent_of(crawling["deserted"][0]))
    os.kill(worker, signal.SIGKILL)
    for name in PRESSED:
        no_orphan(stack, name, crawling[name])
        papers[name].gate.set()
    return runs


def test_a_run_that_is_marked_failed_says_so_seals_what_it_has_and_goes_on_when_it_is_cleared(
    stack: Stack, api: AirflowApi, papers: dict[str, Halfway], pressed: dict[str, str]
) -> None:
    paper, run = papers["marked"], pressed["marked"]
    assert state(api, paper, run) == ("failed", 1)
    wait_until(lambda: len(runs_of(stack, paper)) == 1, what="publication of the first try")
    told = "the crawl of marked is told to stop: it seals and publishes what it has"
    assert told in log_of(api, paper, run, 1)
    api.clear(paper.dag, run)
    succeeded(api, paper, run, tries=2)
    assert [run.reason for run in runs_of(stack, paper)] == ["stopped", "finished"]
    once(stack, paper)


@pytest.mark.parametrize("name", ["cleared", "killed", "tasked", "deserted"])
def test_a_crawl_that_is_cleared_or_killed_or_loses_its_task_or_worker_goes_on_where_it_was(
    stack: Stack, api: AirflowApi, papers: dict[str, Halfway], pressed: dict[str, str], name: str
) -> None:
    succeeded(api, papers[name], pressed[name], tries=2)
    once(stack, papers[name])


def test_a_crawl_whose_scheduler_is_killed_ends_and_is_tried_again(
    stack: Stack, api: AirflowApi, papers: dict[str, Halfway], pressed: object
) -> None:
    """Its workers are the scheduler's children, and end with it."""
    paper = papers["headless"]
    run = all_halfway(stack, api, [paper])["headless"]
    before, old = crawls(stack, "headless"), child(stack, "airflow-scheduler")
    os.kill(old, signal.SIGKILL)
    no_orphan(stack, "headless", before)
    wait_until(
        lambda: child(stack, "airflow-scheduler") != old and api.healthy(), seconds=180, what="the scheduler"
    )
    paper.gate.set()
    succeeded(api, paper, run, tries=2)
    once(stack, paper)


@pytest.mark.parametrize(
    ("name", "part", "number"),
    [
        ("storeless", "s3", signal.SIGKILL),
        ("baseless", "postgres", signal.SIGINT),
    ],
)
def test_a_crawl_outlives_the_loss_of_store_and_database(
    stack: Stack,
    api: AirflowApi,
    papers: dict[str, Halfway],
    pressed: object,
    name: str,
    part: str,
    number: signal.Signals,
) -> None:
    if part == "postgres":
        need_servers(celery=False)
    outlives(stack, api, papers[name], part, number)
    once(stack, papers[name])


def test_after_all_of_it_no_warc_is_damaged_and_the_spool_holds_nothing_that_is_not_published(
    stack: Stack, api: AirflowApi, pressed: object
) -> None:
    assert "DAMAGED" not in stack.morgue("verify")
    assert [p.name for p in stack.var.glob("spool/*") if not (p / "published").exists()] == []
