"""Whatever is pressed or killed in the middle of a crawl that Airflow's scheduler runs, nothing is lost.

LocalExecutor, on Postgres where this system has it; test_workers.py has the same for Celery.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from morgue_airflow.api import AirflowApi

from tests.conftest import wait_until
from tests.halfway import has_servers, need_servers, open_folder
from tests.test_end_to_end import Stack, a_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
SLOW = """\
name = "The Slow Specimen"
home = "{home}"
feeds = ["{home}feeds/rss.xml"]
delay = {delay}
allow_private = true
requisites_days = 1
"""
ORPHAN = 30  # seconds within which a crawl must have ended


@pytest.fixture(scope="module")
def stack(worker: Path) -> Iterator[Stack]:
    options = ["--database", "postgres"] if has_servers(celery=False) else []
    with open_folder() as folder:
        yield from a_stack(folder, worker, "--no-crawl", *options)


@pytest.fixture(scope="module")
def api(stack: Stack) -> AirflowApi:
    return AirflowApi(stack.url("airflow"), user="admin", password=stack.secrets["airflow_password"])


def slow(stack: Stack, api: AirflowApi, name: str) -> str:
    """A newspaper that takes half a minute to crawl; its DAG."""
    text = SLOW.format(home=f"{stack.url('specimen')}/", delay=0.5)
    (stack.var / "sites" / f"{name}.toml").write_text(text)
    wait_until(lambda: api.has_dag(f"crawl_{name}"), seconds=120, what="the DAG")
    api.unpause(f"crawl_{name}")
    return f"crawl_{name}"


def crawls(stack: Stack, name: str) -> list[int]:
    """The processes that crawl this newspaper."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            ours = str(stack.var).encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if ours and words[2:5] == [b"archive", b"crawl", name.encode()]:
            found.append(int(folder.name))
    return found


def written(stack: Stack, name: str) -> int:
    """Bytes of WARC that the crawl has written."""
    return sum(path.stat().st_size for path in (stack.var / "spool").glob(f"*/{name}-*.warc.gz*"))


def begun(stack: Stack, api: AirflowApi, dag: str, name: str) -> str:
    """Start a run, and wait until its crawl has fetched some pages."""
    run = api.trigger(dag)
    wait_until(lambda: bool(crawls(stack, name)), seconds=90, what="the crawl")
    wait_until(lambda: written(stack, name) > 10_000, seconds=60, what="the first pages")
    return run


def ended(stack: Stack, name: str) -> None:
    began = time.monotonic()
    wait_until(lambda: not crawls(stack, name), seconds=ORPHAN, what="the end of the crawl")
    assert time.monotonic() - began < ORPHAN


def finished(api: AirflowApi, dag: str, run: str, *, seconds: float = 240) -> None:
    wait_until(lambda: api.run(dag, run)["state"] == "success", seconds=seconds, what="the second try")


def whole(stack: Stack, name: str) -> None:
    """Every story was captured, none by both tries, and no byte is damaged.

    A short address of the Specimen leads to one of the stories: where a redirect leads is known too late.
    """
    stack.morgue("extract")
    stories = stack.rows("articles", "--site", name)
    assert len(stories) >= 9
    again = []
    for row in stories:
        keys = {c["location"]["warc"] for c in stack.rows("captures", row["url"]) if c["status"] == 200}
        own = [key for key in keys if key.startswith(f"warc/{name}/")]
        assert own, row["url"]
        again += [row["url"]] * (len(own) - 1)
    assert [url for url in again if not url.endswith("/harbour-bridge-reopens")] == []
    assert "DAMAGED" not in stack.morgue("verify")


def test_a_run_that_is_marked_failed_seals_what_it_has_and_goes_on_when_it_is_cleared(
    stack: Stack, api: AirflowApi
) -> None:
    dag = slow(stack, api, "marked")
    run = begun(stack, api, dag, "marked")
    api.mark(dag, run, "crawl", "failed")
    ended(stack, "marked")
    (first,) = stack.rows("runs", "--site", "marked")
    assert first["reason"] == "stopped"
    assert first["counts"]["exchanges"] > 3
    api.clear(dag, run)
    finished(api, dag, run)
    assert len(stack.rows("runs", "--site", "marked")) == 2
    whole(stack, "marked")


def test_a_crawl_that_is_killed_loses_nothing_and_its_second_try_fetches_the_rest(
    stack: Stack, api: AirflowApi
) -> None:
    dag = slow(stack, api, "killed")
    run = begun(stack, api, dag, "killed")
    (crawl,) = crawls(stack, "killed")
    os.kill(crawl, signal.SIGKILL)
    finished(api, dag, run)
    assert api.task(dag, run, "crawl")["try_number"] == 2
    reasons = {row["reason"] for row in stack.rows("runs", "--site", "killed")}
    assert reasons == {"recovered", "finished"}
    whole(stack, "killed")


def test_a_crawl_whose_task_is_killed_does_not_live_on(stack: Stack, api: AirflowApi) -> None:
    dag = slow(stack, api, "orphan")
    begun(stack, api, dag, "orphan")
    (crawl,) = crawls(stack, "orphan")
    os.kill(parent_of(crawl), signal.SIGKILL)
    ended(stack, "orphan")
    (first,) = stack.rows("runs", "--site", "orphan")
    assert first["reason"] == "stopped"
    assert "DAMAGED" not in stack.morgue("verify")


def test_a_crawl_whose_scheduler_is_killed_seals_what_it_has(stack: Stack, api: AirflowApi) -> None:
    """Its workers are the scheduler's children, and end with it."""
    dag = slow(stack, api, "headless")
    begun(stack, api, dag, "headless")
    from morgue_airflow.processes import read_known

    _, children = read_known(stack.var / "up.json")
    scheduler = next(child for child in children if child.name == "airflow-scheduler")
    os.kill(scheduler.pid, signal.SIGKILL)
    wait_until(lambda: api.healthy() and not crawls(stack, "headless"), seconds=180, what="the scheduler")
    assert "DAMAGED" not in stack.morgue("verify")
    counted = [row["counts"]["exchanges"] for row in stack.rows("runs", "--site", "headless")]
    assert sum(counted) > 3


def test_a_store_that_is_lost_for_a_while_costs_nothing(stack: Stack, api: AirflowApi) -> None:
    dag = slow(stack, api, "storeless")
    run = begun(stack, api, dag, "storeless")
    from morgue_airflow.processes import read_known

    _, children = read_known(stack.var / "up.json")
    os.kill(next(child for child in children if child.name == "s3").pid, signal.SIGKILL)
    finished(api, dag, run)
    whole(stack, "storeless")


def test_a_database_that_restarts_costs_no_page(stack: Stack, api: AirflowApi) -> None:
    need_servers(celery=False)
    dag = slow(stack, api, "baseless")
    run = begun(stack, api, dag, "baseless")
    from morgue_airflow.processes import read_known

    def postgres() -> int:
        _, children = read_known(stack.var / "up.json")
        return next(child for child in children if child.name == "postgres").pid

    old = postgres()
    os.kill(old, signal.SIGINT)
    wait_until(lambda: postgres() != old and api.healthy(), seconds=120, what="Postgres again")
    finished(api, dag, run)
    whole(stack, "baseless")


def parent_of(process: int) -> int:
    return int((Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[1])
