"""The operator that crawls: the crawl is a child process.

Rules: between tasks travel store keys and a few counts. The crawl is a child of the same interpreter in a
session of its own, so that the signal which ends the task reaches it once, and not again with its group.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from archive.config import Config
from archive.runs import read_run, run_keys
from archive.store import open_store
from morgue_airflow.connection import connected
from morgue_airflow.events import by_partition, due, partition, tell
from morgue_airflow.metrics import tell_crawl, tell_spool
from morgue_airflow.tray import tray

# The caller's fault and damage do not go away by trying again (archive.errors).
HOPELESS = (2, 5)
STOP_SECONDS = 90
LOOK_SECONDS = 2.0  # between two looks at whether the task still has a worker
RESUMED = timedelta(hours=24)
FORM = ("limit", "urls", "since", "until", "force", "dry_run")


class ArchiveLink(BaseOperatorLink):
    """From a task to its WARCs: the page of its run in the reading room, where MORGUE_ROOM_URL names one."""

    name = "WARCs"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """The page's address; "" where there is none."""
        room, run = os.environ.get("MORGUE_ROOM_URL", "").rstrip("/"), getattr(operator, "run_id", "")
        return f"{room}/runs/{run}" if room and run else ""


class CrawlOperator(BaseOperator):
    """Crawls one site, or a shard of it; its XCom is the run's manifest key and a few counts.

    `gap` is the time between two runs of its schedule; where it `skips`, a run that begins later than that is
    skipped. `rest` asks only for what is due and what other shards have passed on.
    """

    ui_color = "#e8e2d0"
    operator_extra_links = (ArchiveLink(),)

    def __init__(
        self,
        *,
        site: str,
        command: tuple[str, ...] = (),
        gap: timedelta | None = None,
        skips: bool = False,
        shard: str = "",
        rest: bool = False,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.site = site
        self.shard = shard
        self.rest = rest
        self.gap = gap
        self.skips = skips
        self.command = command
        self.run_id = ""
        self._child: subprocess.Popen[str] | None = None

    @connected
    def execute(self, context: Any) -> dict[str, Any]:
        """Run the crawl, hand its log on, and tell the world what it published."""
        self._must_be_known(context["params"])
        self._must_not_be_skipped(context)
        with tray() as (folder, held):
            result = folder / "result.json"
            kind = _kind(context)
            params = dict(context["params"]) | (self._interval(context) if kind == "backfill" else {})
            command = self._command({} if self.rest else params, scheduled=self.rest or kind == "scheduled")
            command += ["--resume-from", since] if (since := _began(context, again=self.rest)) else []
            command += ["--result", str(result)]
            code = self._run(command, run=str(context.get("run_id", "")), held=held)
            summary = json.loads(result.read_text()) if result.is_file() else {}
        if summary.get("run"):
            self.run_id = str(summary["run"])
            tell_crawl(open_store(Config.from_env().archive), self.site, summary)
        if code < 0:  # killed: what it has written is not yet in the store, where a second try looks
            self._publish_leftovers()
        tell_spool(Config.from_env().spool)
        if code:
            fault = AirflowFailException if code in HOPELESS else AirflowException
            raise fault(f"the crawl of {self.site} ended with exit code {code}; its last line above says why")
        self._must_not_be_stopped(summary)
        told = ("run", "reason", "manifest", "counts", "bytes")
        if self.outlets:  # a shard's are told of with those of the others
            tell(context, self.outlets, self._published(context, summary))
        return {key: summary.get(key) for key in (told if self.outlets else (*told, "recovered"))}

    def _published(self, context: Any, summary: dict[str, Any]) -> dict[str, list[str]]:
        """Manifests by partition: this run's, and those of what earlier ones had left in the spool."""
        found = by_partition(summary.get("recovered") or ())
        own = [*self._earlier(context), *filter(None, [summary.get("manifest")])]
        if own:
            found.setdefault(partition(self.site, due(context)), []).extend(dict.fromkeys(own))
        return found

    def _must_not_be_stopped(self, summary: dict[str, Any]) -> None:
        """A crawl that somebody stopped has not done what it was to do, though it ends with 0."""
        if summary.get("reason") != "stopped":
            return
        from morgue_airflow.leftovers import follow

        if summary.get("manifest"):
            follow(Config.from_env().archive, summary["manifest"])
        raise AirflowException(f"the crawl of {self.site} was stopped: what it has is published, "
                               "and a second try fetches the rest")  # fmt: skip

    def _publish_leftovers(self) -> None:
        from morgue_airflow.leftovers import publish_leftovers

        for each in publish_leftovers():
            self.log.info("left by run %s: %s %s", each.run, each.action, each.error)

    def _earlier(self, context: Any) -> Iterator[str]:
        """Manifests of this run's earlier tries: a try that fails tells of nothing."""
        since = _began(context)
        if not since:
            return
        store, first = open_store(Config.from_env().archive), datetime.fromisoformat(since)
        for key in run_keys(store, self.site):
            if key.rpartition("/")[2] >= f"{first:%Y%m%dT%H%M%SZ}":
                run = read_run(store, key)
                if run.parameters.get("airflow") == context.get("run_id"):
                    yield key

    def _interval(self, context: Any) -> dict[str, str]:
        """What a backfill of Airflow's is of: the time since the slot before, if the form names no other."""
        run, given = context.get("dag_run"), context["params"]
        if given.get("since") or given.get("until") or run.logical_date is None:
            return {}
        begin = run.logical_date - (self.gap or timedelta(days=1))
        return {"since": begin.isoformat(), "until": run.logical_date.isoformat()}

    def _must_be_known(self, params: Iterable[str]) -> None:
        """Airflow takes whatever a run is triggered with: a misspelt limit would be none."""
        if unknown := sorted(set(params) - set(FORM)):
            raise AirflowFailException(f"unknown: {', '.join(unknown)}; the form has {', '.join(FORM)}")

    def _must_not_be_skipped(self, context: Any) -> None:
        """Skip a scheduled run whose next one is due already, where the site file says so.

        A run that had begun in time is not skipped, though a shard, or a second try of it, begins later.
        """
        run = context.get("dag_run")
        again = self.rest or getattr(context.get("ti"), "try_number", 1) > 1
        if not self.skips or not self.gap or again or _kind(context) != "scheduled":
            return
        late = (getattr(run, "start_date", None) or datetime.now(UTC)) - run.run_after
        if late > self.gap:
            raise AirflowSkipException(
                f"{late} late: the run before it was still active, and the next is due"
            )

    def _command(self, params: Any, *, scheduled: bool = False) -> list[str]:
        given = list(self.command) or [sys.executable, "-m", "archive", "crawl"]
        limit = ["--limit", str(params["limit"])] if params.get("limit") else []
        urls = [word for url in params.get("urls") or () for word in ("--url", url)]
        flags = [f"--{n.replace('_', '-')}" for n in ("force", "dry_run") if params.get(n)]
        spans = [word for n in ("since", "until") if params.get(n) for word in (f"--{n}", str(params[n]))]
        # A schedule may come more often than a source is worth asking; whoever presses a button means it.
        due = ["--due-only"] if scheduled else []
        shard = ["--shard", self.shard] if self.shard else []
        return [*given, self.site, *limit, *urls, *spans, *flags, *due, *shard]

    def _run(self, command: list[str], *, run: str, held: int) -> int:
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=(held,),
            env={
                **os.environ,
                "MORGUE_DIE_WITH_PARENT": str(os.getpid()),
                "PYTHONUNBUFFERED": "1",
                "MORGUE_DAG_RUN": run,
            },
        )
        # In a thread: while `on_kill` waits, in a signal handler, the log goes on.
        relay = threading.Thread(target=self._hand_on, args=(self._child.stdout,), daemon=True)
        relay.start()
        worker = os.getppid()
        while relay.is_alive():
            relay.join(LOOK_SECONDS)
            if os.getppid() != worker:  # it was killed: nobody hears this task any more
                self._child.send_signal(signal.SIGTERM)
                break
        return self._child.wait()

    def _hand_on(self, lines: Iterable[str]) -> None:
        for line in lines:
            with suppress(OSError):  # a log that is gone ends no crawl
                self.log.info("%s", line.rstrip())

    def on_kill(self) -> None:
        """One signal; then the child finishes what is in flight, seals and publishes."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        self.log.warning("the crawl of %s is told to stop: it seals and publishes what it has", self.site)
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.log.warning(
                "the crawl is still sealing; what it leaves in the spool, the next run publishes"
            )


def _kind(context: Any) -> str:
    """What started the run: scheduled, manual, backfill. Airflow gives an enum, whose str() is its name."""
    kind = getattr(context.get("dag_run"), "run_type", "")
    return str(getattr(kind, "value", kind))


def _began(context: Any, *, again: bool = False) -> str:
    """Since when what was archived need not be fetched again: in a second try, the begin of the run."""
    if getattr(context.get("ti"), "try_number", 1) < 2 and not again:
        return ""
    began = getattr(context.get("dag_run"), "run_after", None)
    if began is None or datetime.now(UTC) - began > RESUMED:
        return ""  # somebody wants an old run anew
    return str(began.isoformat())
