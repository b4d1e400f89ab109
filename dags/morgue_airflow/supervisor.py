"""The supervisor of the one-machine stack: starts, watches, stops."""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from archive.errors import CallerError, MorgueError
from morgue_airflow import stack
from morgue_airflow.api import AirflowApi, wait_for
from morgue_airflow.database import accepts, ready
from morgue_airflow.processes import Child, Known, alive, end, read_known, started_at, write_known
from morgue_airflow.stack import Layout

RESTARTS = 3
STEADY = 60.0
# What the others lean on ends last: a crawl that is being stopped still publishes, and says so.
LAST = ("s3", "postgres", "redis")
Say = Callable[[str], None]


class Stopped(Exception):
    """Somebody asked the stack to stop."""


def note_file(var: Path) -> Path:
    """Where the running processes are noted."""
    return var / "up.json"


def running(var: Path) -> Known | None:
    """The supervisor of this folder, if one runs."""
    supervisor, _ = read_known(note_file(var))
    return supervisor if supervisor and alive(supervisor) else None


def stop(var: Path, say: Say) -> bool:
    """Stop what runs in this folder, from elsewhere; whether anything did."""
    supervisor, children = read_known(note_file(var))
    did = False
    if supervisor and alive(supervisor):
        did = True
        say("stopping ...")
        os.kill(supervisor.pid, signal.SIGTERM)
        deadline = time.monotonic() + 90
        while alive(supervisor) and time.monotonic() < deadline:
            time.sleep(0.1)
    for child in reversed(children):
        if alive(child):
            did = True
            say(f"stopping {child.name}, which its supervisor left behind")
            end(child, patience=10.0)
    note_file(var).unlink(missing_ok=True)
    return did


class Supervisor:
    """Starts the parts in order, and stops them in the reverse order whatever happens."""

    def __init__(self, layout: Layout, say: Say) -> None:
        self.layout = layout
        self.say = say
        self.env = stack.environment(layout)
        self.children: list[Child] = []
        self.api = AirflowApi(
            layout.url("airflow"), user=stack.USER, password=layout.secrets["airflow_password"]
        )
        self._stopping = False

    def __enter__(self) -> "Supervisor":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.say("stopping ...")
        with ThreadPoolExecutor() as pool:
            list(pool.map(_end, [c for c in self.children if c.name not in LAST]))
        for child in self.children:
            _end(child)
        note_file(self.layout.var).unlink(missing_ok=True)
        self.say("everything is stopped; the archive stays in " + str(self.layout.var))

    def _stop(self, _number: int, _frame: Any) -> None:
        if not self._stopping:
            self._stopping = True
            raise Stopped

    def start(self) -> None:
        """Start everything, and return when all of it is well."""
        stack.prepare(self.layout)
        self._store()
        specimen, room = stack.own_children(self.layout, self.env)
        self._begin(specimen)
        self._backing()
        self._migrate()
        for child in stack.airflow_children(self.layout, self.env):
            self._begin(child)
        for child in stack.worker_children(self.layout, self.env):
            self._begin(child)
        self._begin(room)
        self._wait(lambda: _answers(self.layout.url("specimen") + "/"), 30, "The Daily Specimen")
        self._wait(lambda: _answers(self.layout.url("room") + "/health"), 60, "the reading room")
        self._wait(self.api.healthy, 240, "Airflow")

    def _store(self) -> None:
        from archive.s3 import make_bucket

        self._begin(stack.store_child(self.layout, self.env))
        for name in (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_ENDPOINT_URL_S3",
            "AWS_DEFAULT_REGION",
        ):
            os.environ[name] = self.env[name]

        def ready() -> bool:
            try:
                make_bucket(stack.BUCKET)
            except MorgueError:
                return False
            return True

        self._wait(ready, 60, "the S3 server")

    def _backing(self) -> None:
        children = stack.backing_children(self.layout, self.env)
        for child in children:
            self._begin(child)
        for child in children:
            look = ready if child.name == "postgres" else accepts
            self._wait(partial(look, self.layout.ports.inner[child.name]), 60, child.name)

    def _migrate(self) -> None:
        self.say("preparing Airflow's database ...")
        log = self.layout.var / "log" / "airflow-migrate.log"
        with log.open("wb") as out:
            done = subprocess.run(
                stack.migrate_command(self.layout), env=self.env, stdout=out, stderr=out, check=False
            )
        if done.returncode:
            raise MorgueError(f"Airflow's database could not be prepared; see {log}")

    def _begin(self, child: Child) -> None:
        self.say(f"starting {child.name} ...")
        if child not in self.children:
            self.children.append(child)
        child.start()
        self._note()

    def _note(self) -> None:
        me = Known(name="supervisor", pid=os.getpid(), started=started_at(os.getpid()))
        write_known(note_file(self.layout.var), me, [c.known for c in self.children])

    def _wait(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        wait_for(true, seconds=seconds, what=what, each=self.look_after)

    def look_after(self) -> None:
        """Restart what has ended by itself, each up to RESTARTS times without STEADY seconds in between."""
        for child in self.children:
            if child.running or child.process is None:
                continue
            code = child.process.returncode
            if time.monotonic() - child.began > STEADY:
                child.restarts = 0
            self.say(f"{child.name} ended by itself (exit code {code}); the end of {child.log}:")
            self.say(child.last_words())
            # As in a container: what it began ends with it. LocalExecutor's tasks would live on otherwise.
            _end(child)
            if child.restarts >= RESTARTS:
                raise MorgueError(f"{child.name} does not stay up; see {child.log}")
            child.restarts += 1
            self._begin(child)

    def crawl(self) -> None:
        """Run the Specimen's crawl through Airflow once, and wait for what follows it."""
        dag = f"crawl_{stack.SITE}"
        self._wait(lambda: self.api.has_dag(dag) and self.api.has_dag("process"), 180, "the DAGs")
        self.api.unpause("process")
        self.api.unpause(dag)
        self.say(f"crawling The Daily Specimen through Airflow (DAG {dag}) ...")
        before = {run["dag_run_id"] for run in self.api.runs("process")}
        run_id = self.api.trigger(dag)
        self._finish(dag, lambda: self.api.run(dag, run_id))
        self.say("indexing and extracting what it wrote (DAG process) ...")

        def follower() -> dict[str, Any]:
            new = [r for r in self.api.runs("process") if r["dag_run_id"] not in before]
            return new[-1] if new else {"state": "queued"}

        self._finish("process", follower)

    def _finish(self, dag: str, look: Callable[[], dict[str, Any]]) -> None:
        self._wait(lambda: look()["state"] in ("success", "failed"), 600, f"the run of {dag}")
        if look()["state"] == "failed":
            raise MorgueError(
                f"the run of {dag} failed; its log is in Airflow: {self.layout.url('airflow')}/dags/{dag}"
            )

    def watch(self) -> None:
        """Keep everything running until somebody stops it."""
        while True:
            self.look_after()
            time.sleep(0.5)


def _end(child: Child) -> None:
    if child.process:
        end(child.known, patience=child.patience, reap=child.process.poll, asks=child.asks)


def _answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http server
        return bool(answer.status == 200)


def refuse_second(var: Path) -> None:
    """Raise CallerError where a stack of this folder runs already; clear away what a dead one left."""
    if running(var):
        raise CallerError(f"it is running already in {var}; `make down` stops it")
    stop(var, lambda _: None)
