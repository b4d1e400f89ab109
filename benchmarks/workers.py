"""Two Celery workers against one: 40 newspapers crawled through Airflow, on Postgres, Redis and SeaweedFS.

    python benchmarks/workers.py [--sites 40] [--stories 16] [--delay 7.5] [--tasks 10] [--workers 1,2]

The newspapers are ours, each on a loopback address of its own (a host has one pace), and answer after 200 ms;
a crawl waits for its newspaper and for the delay that it keeps, some 160 s, and computes for some 7 s. For
each count of workers the same stack is started anew (`morgue up --executor celery`), all crawls are triggered
at once, and the time is that from the first trigger to the end of the last task, as Airflow has it. Which
worker crawled what is read off the spools. Every story must be in the archive, or it does not count.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

from morgue_airflow.api import AirflowApi

LATENCY = 0.2
SITE = """\
name = "Paper {number}"
home = "{base}/"
feeds = ["{base}/feed"]
delay = {delay}
allow_private = true
requisites = "none"
"""
TEXT = "<p>The bridge is to cost more than the town has. " * 60


class Papers:
    """Newspapers on 127.0.2.1, 127.0.2.2 ..., all served by one loop in a thread."""

    def __init__(self, count: int, stories: int) -> None:
        self.stories = stories
        self.hosts = [f"127.0.2.{number}" for number in range(1, count + 1)]
        self.port = 0
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait(10)

    async def _serve(self) -> None:
        for host in self.hosts:
            server = await asyncio.start_server(self._answer, host, self.port)
            self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await asyncio.Event().wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(LATENCY)
                status, kind, body = self._page(host, head.split(b" ", 2)[1].decode())
                told = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(told.encode() + body.encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _page(self, host: str, path: str) -> tuple[str, str, str]:
        if path == "/robots.txt":
            return "404 Not Found", "text/plain", ""
        if path != "/feed":
            return "200 OK", "text/html", f"<html><h1>{host}{path}</h1><article>{TEXT}</article></html>"
        base = f"http://{host}:{self.port}"
        items = "".join(f"<item><link>{base}/story-{n}</link></item>" for n in range(self.stories))
        return "200 OK", "application/rss+xml", f"<rss version='2.0'><channel>{items}</channel></rss>"


class Up:
    """`morgue up` with so many Celery workers, in a folder that Postgres's user may enter."""

    def __init__(self, workers: int, tasks: int, papers: Papers, delay: float) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="newsmorgue-bench-"))
        self.folder.chmod(0o711)
        sites = self.folder / "sites"
        sites.mkdir()
        for number, host in enumerate(papers.hosts):
            text = SITE.format(number=number, base=f"http://{host}:{papers.port}", delay=delay)
            (sites / f"paper{number:02}.toml").write_text(text)
        ports = {n: free_port() for n in ("s3", "airflow", "room", "replay", "specimen")}
        words = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
        words += ["--executor", "celery", "--workers", str(workers), "--tasks", str(tasks), "--no-crawl"]
        self.log = self.folder / "up.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "archive", "up", "--var", str(self.folder), *words],
                stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait("Ctrl-C stops everything")
        except BaseException:  # Ctrl-C as well: nothing is left running
            self.down()
            raise
        self.secrets = json.loads((self.folder / "secrets.json").read_text())
        airflow = f"http://127.0.0.1:{ports['airflow']}"
        self.api = AirflowApi(airflow, user="admin", password=self.secrets["airflow_password"])
        self.env = {
            **os.environ,
            "MORGUE_ARCHIVE": "s3://morgue/archive",
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{ports['s3']}",
            "AWS_ACCESS_KEY_ID": self.secrets["s3_access_key"],
            "AWS_SECRET_ACCESS_KEY": self.secrets["s3_secret_key"],
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def _wait(self, words: str) -> None:
        end = time.monotonic() + 600
        while words not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(self.log.read_text())
            time.sleep(0.5)

    def captured(self) -> int:
        """Stories in the archive."""
        command = [sys.executable, "-m", "archive", "runs", "--json"]
        said = subprocess.run(command, env=self.env, capture_output=True, text=True, check=True).stdout
        return sum(json.loads(line)["counts"].get("ok", 0) for line in said.splitlines())

    def split(self) -> list[int]:
        """How many newspapers each worker has crawled."""
        spools = sorted((self.folder / "workers").glob("*/spool"))
        return [len({p.name.partition("-")[0] for p in s.glob("*/paper*.warc.gz")}) for s in spools]

    def down(self) -> None:
        """Stop it, and forget it."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(120)
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port() -> int:
    import random
    import socket

    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def crawled(up: Up, dags: list[str]) -> float:
    """Trigger all, and wait; seconds from the first trigger to the end of the last task."""
    for dag in dags:
        while not up.api.has_dag(dag):
            time.sleep(1)
        up.api.unpause(dag)
    began = time.time()
    runs = {dag: up.api.trigger(dag) for dag in dags}
    while True:
        time.sleep(5)
        states = _states(up, runs)
        if failed := [dag for dag, state in states.items() if state == "failed"]:
            raise SystemExit(f"{', '.join(failed)} failed; see {up.folder}")
        if [dag for dag, state in states.items() if state == "success"] == dags:
            break
    ends = (up.api.task(dag, run, "crawl")["end_date"] for dag, run in runs.items())
    return max(datetime.fromisoformat(end).timestamp() for end in ends) - began


def _states(up: Up, runs: dict[str, str]) -> dict[str, str]:
    """The state of each run, by one question: the API server shares the machine with what is measured."""
    try:
        found = {(r["dag_id"], r["dag_run_id"]): r["state"] for r in up.api.runs("~")}
    except OSError:  # it is busy: it is asked again
        return {}
    return {dag: found.get((dag, run), "") for dag, run in runs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sites", type=int, default=40)
    parser.add_argument("--stories", type=int, default=16)
    parser.add_argument("--delay", type=float, default=7.5)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--workers", default="1,2")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    papers = Papers(given.sites, given.stories)
    dags = [f"crawl_paper{number:02}" for number in range(given.sites)]
    took: dict[int, float] = {}
    for workers in [int(word) for word in given.workers.split(",")]:
        up = Up(workers, given.tasks, papers, given.delay)
        try:
            took[workers] = crawled(up, dags)
            found, wanted = up.captured(), given.sites * given.stories
            if found < wanted:
                raise SystemExit(f"only {found} of {wanted} stories are archived")
            print(f"{workers} worker(s): {took[workers]:.0f} s; newspapers a worker: {up.split()}; "
                  f"{found} exchanges of {given.sites} newspapers", flush=True)  # fmt: skip
        finally:
            up.down()
    if {1, 2} <= set(took):
        print(f"two workers are {took[1] / took[2]:.2f} times as fast as one")


if __name__ == "__main__":
    main()
