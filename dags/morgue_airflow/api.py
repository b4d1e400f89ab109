"""Airflow's REST API (v2), as far as the stack needs it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from archive.errors import MorgueError

SECONDS = 10


class AirflowApi:
    """One Airflow, spoken to as one user."""

    def __init__(self, url: str, *, user: str, password: str) -> None:
        self.url = url
        self._login = {"username": user, "password": password}
        self._token = ""

    def healthy(self) -> bool:
        """Whether all four components and the database say that they are well."""
        try:
            said = self._call("GET", "/api/v2/monitor/health", token=False)
        except (OSError, ValueError):
            return False
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return all((said.get(part) or {}).get("status") == "healthy" for part in parts)

    def has_dag(self, dag: str) -> bool:
        """Whether a DAG has been parsed."""
        try:
            self._call("GET", f"/api/v2/dags/{dag}")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise
        return True

    def unpause(self, dag: str) -> None:
        """Let a DAG run."""
        self._call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})

    def trigger(self, dag: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run of a DAG; its run id."""
        body = {"conf": conf or {}, "logical_date": None}
        return str(self._call("POST", f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"])

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """The last 100 runs of a DAG, or of all for "~", newest first."""
        return list(self._call("GET", f"/api/v2/dags/{dag}/dagRuns?order_by=-id&limit=100")["dag_runs"])

    def task(self, dag: str, run_id: str, task: str) -> dict[str, Any]:
        """One task of a run: its state, and the number of its try."""
        return dict(self._call("GET", f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances/{task}"))

    def mark(self, dag: str, run_id: str, task: str, state: str) -> None:
        """Set the state of a task, as the buttons of the UI do: a running one is ended."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances/{task}"
        self._call("PATCH", path, {"new_state": state})

    def clear(self, dag: str, run_id: str) -> None:
        """Let the tasks of a run run again."""
        self._call("POST", f"/api/v2/dags/{dag}/dagRuns/{run_id}/clear", {"dry_run": False})

    def run(self, dag: str, run_id: str) -> dict[str, Any]:
        """One run of a DAG."""
        return dict(self._call("GET", f"/api/v2/dags/{dag}/dagRuns/{run_id}"))

    def _call(self, method: str, path: str, body: Any = None, *, token: bool = True) -> Any:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {self._token or self._sign_in()}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - our own http server
            return json.load(answer)

    def _sign_in(self) -> str:
        self._token = str(self._call("POST", "/auth/token", self._login, token=False)["access_token"])
        return self._token


def wait_for(true: Callable[[], bool], *, seconds: float, what: str, each: Callable[[], None]) -> None:
    """Poll until something is true; raise MorgueError where it is not in time. `each` runs at every look."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        each()
        try:
            if true():
                return
        except (OSError, ValueError):
            pass  # not yet there
        time.sleep(0.25)
    raise MorgueError(f"{what} was not ready within {seconds:.0f} s; look at the logs in var/log")
