"""Newspapers that hold a crawl in its middle, and who is killed there."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from morgue_airflow.api import AirflowApi
from morgue_airflow.processes import read_known

from archive.errors import CallerError
from archive.model import Run
from archive.runs import all_runs
from archive.store import Store, open_store
from tests.browser import unable
from tests.conftest import wait_until
from tests.host import Answer, Host, feed, page
from tests.test_end_to_end import Stack

STORIES = 10
FIRST = 4  # so many stories are given at once; the others when the gate is opened
ORPHAN = 30  # seconds within which a crawl must have ended
SITE = """\
name = "{name}"
home = "{base}/"
feeds = ["{base}/feed"]
delay = 0.0
allow_private = true
requisites = "none"
"""


class Halfway:
    """A newspaper that gives its first stories, and keeps a crawler waiting for the others."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dag = f"crawl_{name}"
        self.gate = threading.Event()
        self.host = Host(self._answer)

    def _answer(self, path: str, _count: int) -> Answer:
        if path == "/feed":
            return feed(self.host.base, *(f"story-{n}" for n in range(STORIES)))
        if not path.startswith("/story-"):
            return (404, {}, b"") if path == "/robots.txt" else page("front")
        number = int(path.partition("-")[2])
        if number >= FIRST:
            self.gate.wait(300)
        return page(str(number))

    def asked(self, number: int) -> int:
        """How often a story was asked for."""
        return self.host.paths().count(f"/story-{number}")


@contextmanager
def newspapers(sites: Path, *names: str) -> Iterator[dict[str, Halfway]]:
    """These newspapers, printed on loopback, and their site files."""
    sites.mkdir(parents=True, exist_ok=True)
    papers = {name: Halfway(name) for name in names}
    for paper in papers.values():
        paper.host.__enter__()
        (sites / f"{paper.name}.toml").write_text(SITE.format(name=paper.name, base=paper.host.base))
    try:
        yield papers
    finally:
        for paper in papers.values():
            paper.gate.set()
            paper.host.__exit__(None, None, None)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that Postgres's own user may enter, which it needs where root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="newsmorgue-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def missing(*, celery: bool) -> str:
    """What this system lacks of Postgres (and Redis), as `morgue up` says it; CI has all of it."""
    from morgue_airflow.stack import must_have

    try:
        must_have(celery=celery, postgres=True)
    except CallerError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}; .ci/run installs it")
        return str(error)
    return ""


def has_servers(*, celery: bool) -> bool:
    return not missing(celery=celery)


def need_servers(*, celery: bool) -> None:
    """Skip on a desk without Postgres (and Redis); fail in CI."""
    if lacking := missing(celery=celery):
        unable(lacking)


def processes(stack: Stack, ours: Callable[[list[bytes], dict[bytes, bytes]], bool]) -> list[int]:
    """Processes of this stack, chosen by their words and environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            pairs = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        env = dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)
        if env.get(b"MORGUE_SPOOL", b"").startswith(str(stack.var).encode()) and ours(words, env):
            found.append(int(folder.name))
    return found


def crawls(stack: Stack, name: str) -> list[int]:
    """The processes that crawl this newspaper."""
    return processes(stack, lambda words, _: words[2:5] == [b"archive", b"crawl", name.encode()])


def spool_of(process: int) -> Path:
    """The spool that a process has."""
    pairs = (Path("/proc") / str(process) / "environ").read_bytes().split(b"\0")
    return Path(next(p.decode().partition("=")[2] for p in pairs if p.startswith(b"MORGUE_SPOOL=")))


def parent_of(process: int) -> int:
    return int((Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[1])


def kill_machine(stack: Stack, spool: Path) -> None:
    """A worker's machine fails: all that runs there ends in one moment, and says nothing."""
    there = processes(stack, lambda _, env: env[b"MORGUE_SPOOL"] == str(spool).encode())
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in there:
            with suppress(ProcessLookupError):
                os.kill(process, number)


def run_folder(stack: Stack, name: str) -> Path | None:
    """The folder in which this newspaper's crawl writes."""
    found = sorted(path.parent for path in stack.var.glob(f"**/spool/*/{name}-*.open"))
    return found[-1] if found else None


def acknowledged(stack: Stack, paper: Halfway) -> set[int]:
    """The stories that its crawl has written for good."""
    folder = run_folder(stack, paper.name)
    lines = "".join(path.read_text() for path in folder.glob("*.cdxj*")) if folder else ""
    return {n for n in range(STORIES) if f"/story-{n}" in lines}


def start(api: AirflowApi, paper: Halfway) -> str:
    """Unpause the newspaper's DAG and trigger it; the run's id."""
    wait_until(lambda: api.has_dag(paper.dag), seconds=180, what=f"the DAG {paper.dag}")
    api.unpause(paper.dag)
    return api.trigger(paper.dag)


def halfway(stack: Stack, paper: Halfway) -> None:
    """Wait until its first stories are safe, and the crawl waits for the next."""
    first = set(range(FIRST))
    wait_until(lambda: first <= acknowledged(stack, paper), seconds=180, what=f"the middle of {paper.name}")


def all_halfway(stack: Stack, api: AirflowApi, papers: list[Halfway]) -> dict[str, str]:
    """Start these crawls at once, and wait until each is in its middle; the runs by newspaper."""
    runs = {paper.name: start(api, paper) for paper in papers}
    for paper in papers:
        halfway(stack, paper)
    return runs


def child(stack: Stack, name: str) -> int:
    """The process of a part of the stack."""
    _, children = read_known(stack.var / "up.json")
    return next(known.pid for known in children if known.name == name)


def no_orphan(stack: Stack, name: str, before: list[int]) -> None:
    """What crawled before ends in time."""
    wait_until(lambda: not set(before) & set(crawls(stack, name)), seconds=ORPHAN, what=f"the end of {name}")


def state(api: AirflowApi, paper: Halfway, run: str) -> tuple[str, int]:
    """What Airflow says of the crawl: its state, and which try it is."""
    task = api.task(paper.dag, run, "crawl")
    return str(task["state"]), int(task["try_number"])


def log_of(api: AirflowApi, paper: Halfway, run: str, number: int) -> str:
    """The log of a try, as the UI shows it."""
    path = f"/api/v2/dags/{paper.dag}/dagRuns/{run}/taskInstances/crawl/logs/{number}?full_content=true"
    return "\n".join(str(line.get("event")) for line in api._call("GET", path)["content"])


def succeeded(api: AirflowApi, paper: Halfway, run: str, *, tries: int) -> None:
    """Airflow says success, of the run and of the try."""
    wait_until(
        lambda: api.run(paper.dag, run)["state"] == "success", seconds=240, what=f"success of {paper.name}"
    )
    assert state(api, paper, run) == ("success", tries)


def runs_of(stack: Stack, paper: Halfway) -> list[Run]:
    """Its published runs, read in this process: a command for each would take longer than the crawls."""
    with _reached(stack) as store:
        return list(all_runs(store, paper.name))


def whole(stack: Stack, paper: Halfway) -> None:
    """Every story is in the archive once."""
    with _reached(stack) as store:
        lines = [
            line
            for run in all_runs(store, paper.name)
            for warc in run.warcs
            for line in store.read(warc.cdxj).decode().splitlines()
        ]
    kept = [line for line in lines if '"status": "200"' in line or '"status":"200"' in line]
    found = [sum(f'{paper.host.base}/story-{n}"' in line for line in kept) for n in range(STORIES)]
    assert found == [1] * STORIES


def once(stack: Stack, paper: Halfway) -> None:
    """No story that was safe has been asked for again, and every story is in the archive once."""
    assert [paper.asked(number) for number in range(FIRST)] == [1] * FIRST
    whole(stack, paper)


@contextmanager
def _reached(stack: Stack) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.env.items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield open_store(stack.env["MORGUE_ARCHIVE"])


def outlives(stack: Stack, api: AirflowApi, paper: Halfway, part: str, number: signal.Signals) -> None:
    """A crawl goes on while a part of the stack is killed and comes back."""
    run = all_halfway(stack, api, [paper])[paper.name]
    before, old = crawls(stack, paper.name), child(stack, part)
    assert len(before) == 1
    os.kill(old, number)
    wait_until(lambda: child(stack, part) != old and api.healthy(), seconds=120, what=f"{part} again")
    assert crawls(stack, paper.name) == before
    assert state(api, paper, run) == ("running", 1)
    paper.gate.set()
    succeeded(api, paper, run, tries=1)
