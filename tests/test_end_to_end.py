"""The whole path with the real parts: SeaweedFS, Airflow, the reading room, Chromium."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from morgue_airflow.api import AirflowApi
from morgue_airflow.processes import alive, read_known

from tests.conftest import free_port, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
PARTS = ("s3", "airflow", "room", "replay", "specimen")


@dataclass
class Stack:
    """`morgue up`, running; `env` are the settings that its archive is reached by."""

    var: Path
    ports: dict[str, int]
    log: Path
    process: "subprocess.Popen[bytes]"

    def url(self, part: str) -> str:
        return f"http://127.0.0.1:{self.ports[part]}"

    @property
    def secrets(self) -> dict[str, str]:
        return dict(json.loads((self.var / "secrets.json").read_text()))

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "MORGUE_ARCHIVE": "s3://morgue/archive",
            "AWS_ENDPOINT_URL_S3": self.url("s3"),
            "AWS_ACCESS_KEY_ID": self.secrets["s3_access_key"],
            "AWS_SECRET_ACCESS_KEY": self.secrets["s3_secret_key"],
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def morgue(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "archive", *arguments]
        return subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=True, timeout=120
        ).stdout

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.morgue(*arguments, "--json").splitlines()]

    def began(self) -> bool:
        """Whether its ports were free, so that it starts what listens on them."""
        made = self.var / "secrets.json"
        wait_until(lambda: made.exists() or self.process.poll() is not None, what="the choice of ports")
        assert made.exists() or "is taken" in self.log.read_text(), self.log.read_text()
        return made.exists()

    def said(self, words: str) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return words in self.log.read_text()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, worker: Path) -> Iterator[Stack]:
    yield from a_stack(tmp_path_factory.mktemp("up"), worker)


def a_stack(folder: Path, worker: Path, *more: str) -> Iterator[Stack]:
    """Everything on one machine, started once; ended with SIGINT, as Ctrl-C does."""
    (folder / "var").mkdir(exist_ok=True)
    (folder / "var" / "wabac").symlink_to(worker.resolve())
    made = begun(folder, *more)
    for _ in range(3):
        if made.began():
            break
        made = begun(folder, *more)  # another test, which runs beside this one, was quicker at a port
    try:
        wait_until(lambda: made.said("Ctrl-C stops everything"), seconds=600, what="morgue up")
        yield made
    finally:
        made.process.send_signal(signal.SIGINT)
        made.process.wait(120)


def begun(folder: Path, *more: str) -> Stack:
    """`morgue up` on ports that were free a moment ago."""
    ports = {part: free_port() for part in PARTS}
    options = [word for part in PARTS for word in (f"--{part}-port", str(ports[part]))]
    with (folder / "log").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "archive", "up", "--var", str(folder / "var"), *options, *more],
            stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    return Stack(var=folder / "var", ports=ports, log=folder / "log", process=process)


def truth(stack: Stack, edition: int) -> list[dict[str, Any]]:
    """What the Specimen of that edition has published."""
    from spiders.specimen import Specimen

    with Specimen(edition=edition) as paper:
        base = paper.base
        return [{**s, "url": s["url"].replace(base, stack.url("specimen"))} for s in paper.truth()]


def test_the_whole_path_from_a_schedule_to_a_replayed_page(stack: Stack, page: Any) -> None:
    first = {row["url"]: row for row in stack.rows("articles")}
    assert {s["url"] for s in truth(stack, 0)} <= set(first)

    turn(stack)
    turn(stack)
    crawl_by_hand(stack)
    listed = {row["url"]: row for row in stack.rows("articles")}
    for story in truth(stack, 2):
        if not story["gone"]:
            assert listed[story["url"]]["headline"] == story["headline"]
    gone = next(s["url"] for s in truth(stack, 2) if s["gone"])
    assert stack.rows("captures", gone)[-1]["status"] == 410
    assert "DAMAGED" not in stack.morgue("verify")
    assert not [row for row in stack.rows("runs") if row["reason"] != "finished"]

    changed = next(s for s in truth(stack, 2) if s["changed"] and not s["gone"])
    said = stack.rows("articles", "--versions", "--url", changed["url"])
    assert len({row["headline"] for row in said}) == 2
    for row in said:
        replays(stack, page, row)


def turn(stack: Stack) -> None:
    """Print the Specimen's next edition, by the button in its press room."""
    request = urllib.request.Request(stack.url("specimen") + "/press/next", data=b"", method="POST")
    urllib.request.urlopen(request, timeout=10).close()


def crawl_by_hand(stack: Stack) -> None:
    """Trigger the crawl with a form, as an operator does, and wait for what follows it."""
    api = AirflowApi(stack.url("airflow"), user="admin", password=stack.secrets["airflow_password"])
    before = {run["dag_run_id"] for run in api.runs("process")}
    run_id = api.trigger("crawl_specimen", {"limit": 0, "force": True, "dry_run": False, "urls": []})
    wait_until(lambda: api.run("crawl_specimen", run_id)["state"] == "success", seconds=240, what="the crawl")

    def processed() -> bool:
        new = [r for r in api.runs("process") if r["dag_run_id"] not in before]
        return bool(new) and all(r["state"] == "success" for r in new)

    wait_until(processed, seconds=240, what="processing")


def replays(stack: Stack, page: Any, row: dict[str, Any]) -> None:
    """The capture of an article shows its own headline in Chromium, on the replay origin."""
    stamp = "".join(c for c in row["captured"][:19] if c.isdigit())
    shown = page.goto(f"{stack.url('room')}/capture?url={row['url']}&at={stamp}")
    assert (shown.status, page.locator("iframe").count()) == (200, 1), page.content()
    page.wait_for_function("() => frames.length === 1")
    frame = page.main_frame.child_frames[0]
    frame.wait_for_url(lambda at: at.startswith(stack.url("replay")) and at.endswith(row["url"]))
    frame.wait_for_load_state("load")
    assert frame.text_content("h1") == row["headline"]
    frame.wait_for_function("() => document.images.length && document.images[0].naturalWidth > 0")


def test_nothing_is_left_running_after_ctrl_c(stack: Stack) -> None:
    supervisor, children = read_known(stack.var / "up.json")
    assert supervisor is not None
    assert len(children) == 7
    stack.process.send_signal(signal.SIGINT)
    wait_until(lambda: not any(alive(c) for c in [supervisor, *children]), seconds=90, what="the end")
    assert "everything is stopped" in stack.log.read_text()
    assert not (stack.var / "up.json").exists()
