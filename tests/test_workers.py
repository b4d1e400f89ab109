"""Celery workers: whatever is pressed or killed in the middle of a crawl, nothing is lost."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from morgue_airflow.api import AirflowApi

from tests.conftest import wait_until
from tests.halfway import (
    FIRST,
    Halfway,
    all_halfway,
    child,
    crawls,
    kill_machine,
    need_servers,
    newspapers,
    no_orphan,
    once,
    open_folder,
    outlives,
    parent_of,
    run_folder,
    runs_of,
    spool_of,
    state,
    succeeded,
    whole,
)
from tests.test_connection import LEAKS, LEAKY_DAG
from tests.test_end_to_end import Stack, a_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
PRESSED = ("marked", "cleared", "killed", "tasked")
FALLEN = ("fallen", "vanished")
ENDURING = ("headless", "baseless", "storeless")
OPTIONS = (
    "--no-crawl", "--executor", "celery", "--workers", "2", "--tasks", "4",
    "--setting", "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT=40",
    "--setting", "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL=5",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    need_servers(celery=True)
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def papers(folder: Path) -> Iterator[dict[str, Halfway]]:
    with newspapers(folder / "var" / "sites", *PRESSED, *FALLEN, "deserted", *ENDURING) as made:
        yield made


@pytest.fixture(scope="module")
def stack(folder: Path, papers: dict[str, Halfway], worker: Path) -> Iterator[Stack]:
    dags = folder / "dags"
    dags.mkdir()
    for file in (Path(__file__).parent.parent / "dags").glob("*.py"):
        shutil.copy(file, dags)
    (folder / "fake.py").write_text(LEAKS)
    (dags / "leaky.py").write_text(LEAKY_DAG.format(fake=str(folder / "fake.py")))
    yield from a_stack(folder, worker, *OPTIONS, "--setting", f"AIRFLOW__CORE__DAGS_FOLDER={dags}")


@pytest.fixture(scope="module")
def api(stack: Stack) -> AirflowApi:
    return AirflowApi(stack.url("airflow"), user="admin", password=stack.secrets["airflow_password"])


@pytest.fixture(scope="module")
def pressed(stack: Stack, api: AirflowApi, papers: dict[str, Halfway]) -> dict[str, str]:
    """Four crawls, each ended in its middle in a way of its own; Airflow starts slowly, so all at once."""
    runs = all_halfway(stack, api, [papers[name] for name in PRESSED])
    crawling = {name: crawls(stack, name) for name in PRESSED}
    api.mark("crawl_marked", runs["marked"], "crawl", "failed")
    api.clear("crawl_cleared", runs["cleared"])
    os.kill(crawling["killed"][0], signal.SIGKILL)
    os.kill(parent_of(crawling["tasked"][0]), signal.SIGKILL)
    for name in PRESSED:
        no_orphan(stack, name, crawling[name])
        papers[name].gate.set()
    return runs


def test_a_crawl_that_is_marked_failed_is_failed_and_goes_on_when_it_is_cleared(
    stack: Stack, api: AirflowApi, papers: dict[str, Halfway], pressed: dict[str, str]
) -> None:
    paper, run = papers["marked"], pressed["marked"]
    assert state(api, paper, run) == ("failed", 1)
    wait_until(lambda: len(runs_of(stack, paper)) == 1, what="publication of the first try")
    api.clear(paper.dag, run)
    succeeded(api, paper, run, tries=2)
    assert [run.reason for run in runs_of(stack, paper)] == ["stopped", "finished"]
    once(stack, paper)


def test_a_crawl_that_is_cleared_ends_and_begins_again_where_it_was(
    stack: Stack, api: AirflowApi, papers: dict[str, Halfway], pressed: dict[str, str]
) -> None:
    succeeded(api, papers["cleared"], pressed["cleared"], tries=2)
    once(stack, papers["cleared"])


@pytest.mark.parametrize("name", ["killed", "tasked"])
def test_a_crawl_that_is_killed_itself_or_by_its_task_is_tried_again_and_fetches_the_rest(
    stack: Stack, api: AirflowApi, papers: dict[str, Halfway], pressed: dict[str, str], name: str
) -> None:
    succeeded(api, papers[name], pressed[name], tries=2)
    once(stack, papers[name])


@pytest.fixture(scope="module")
def fallen(stack: Stack, api: AirflowApi, papers: dict[str, Halfway]) -> dict[str, str]:
    """Both workers' machines fail in the middle of two crawls; one crawl's spool is gone with its disk."""
    runs = all_halfway(stack, api, [papers[name] for name in FALLEN])
    spools = {spool_of(crawls(stack, name)[0]) for name in FALLEN}
    lost = run_folder(stack, "vanished")
    assert lost is not None
    before = {name: crawls(stack, name) for name in FALLEN}
    for spool in spools:
        kill_machine(stack, spool)
    shutil.rmtree(lost)
    for name in FALLEN:
        assert not set(before[name]) & set(crawls(stack, name))
        papers[name].gate.set()
    return runs


def test_what_a_dead_worker_left_is_published_by_the_next_on_its_volume_and_not_fetched_again(
    stack: Stack, api: AirflowApi, papers: dict[str, Halfway], fallen: dict[str, str]
) -> None:
    succeeded(api, papers["fallen"], fallen["fallen"], tries=2)
    assert {run.reason for run in runs_of(stack, papers["fallen"])} == {"recovered", "finished"}
    once(stack, papers["fallen"])


def test_what_was_on_a_volume_that_is_gone_is_fetched_again(
    stack: Stack, api: AirflowApi, papers: dict[str, Halfway], fallen: dict[str, str]
) -> None:
    paper = papers["vanished"]
    succeeded(api, paper, fallen["vanished"], tries=2)
    assert [paper.asked(number) for number in range(FIRST)] == [2] * FIRST
    whole(stack, paper)


def test_a_crawl_whose_worker_alone_is_killed_ends_and_is_tried_again(
    stack: Stack, api: AirflowApi, papers: dict[str, Halfway], pressed: object, fallen: object
) -> None:
    """Without its main process a worker takes no orders: what it began must not live on."""
    paper = papers["deserted"]
    run = all_halfway(stack, api, [paper])["deserted"]
    before = crawls(stack, "deserted")
    os.kill(child(stack, f"worker-{spool_of(before[0]).parent.name}"), signal.SIGKILL)
    no_orphan(stack, "deserted", before)
    paper.gate.set()
    succeeded(api, paper, run, tries=2)
    once(stack, paper)


@pytest.mark.parametrize(
    ("name", "part", "number"),
    [
        ("headless", "airflow-scheduler", signal.SIGKILL),
        ("baseless", "postgres", signal.SIGINT),
        ("storeless", "s3", signal.SIGKILL),
    ],
)
def test_a_crawl_outlives_the_loss_of_scheduler_database_and_store(
    stack: Stack,
    api: AirflowApi,
    papers: dict[str, Halfway],
    pressed: object,
    fallen: object,
    name: str,
    part: str,
    number: signal.Signals,
) -> None:
    outlives(stack, api, papers[name], part, number)
    once(stack, papers[name])


def test_a_key_from_a_connection_that_a_crawl_prints_is_masked_in_its_log(
    stack: Stack, api: AirflowApi
) -> None:
    made = {
        "connection_id": "morgue",
        "conn_type": "aws",
        "login": stack.secrets["s3_access_key"],
        "password": stack.secrets["s3_secret_key"],
        "extra": json.dumps({"archive": "s3://morgue/archive", "endpoint_url": stack.url("s3")}),
    }
    api._call("POST", "/api/v2/connections", made)
    wait_until(lambda: api.has_dag("leaky"), seconds=180, what="the DAG")
    api.unpause("leaky")
    run = api.trigger("leaky")
    wait_until(lambda: api.run("leaky", run)["state"] == "success", seconds=180, what="the run")
    logs = [path.read_text() for path in (stack.var / "airflow" / "logs").rglob("*.log")]
    assert any("the key is ***" in text for text in logs)
    assert not [text for text in logs if made["password"] in text]


def test_after_all_of_it_no_warc_is_damaged_and_no_spool_holds_what_is_not_published(
    stack: Stack, api: AirflowApi, pressed: object, fallen: object
) -> None:
    assert "DAMAGED" not in stack.morgue("verify")
    assert [
        path.name for path in stack.var.glob("workers/*/spool/*") if not (path / "published").exists()
    ] == []
