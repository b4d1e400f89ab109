"""Programs that run beside ours, in environments of their own: pywb (GPL) and py-wacz, never imported.

`make test` makes the environments (var/peers/NAME, of requirements/NAME.txt). Where one is missing, tests
make it; where that cannot be, they are skipped with one line, but never in CI.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser import unable
from tests.conftest import free_port, wait_until

ROOT = Path(__file__).parent.parent
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r")


def environment(name: str, place: Path) -> Path:
    """The programs of an environment: the one that is there, or one made in `place`; raise OSError."""
    ready = ROOT / "var" / "peers" / name
    if (ready / "stamp").exists():
        return ready / "bin"
    made = place / name
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not (made / "stamp").exists():
            _make(made, ROOT / "requirements" / f"{name}.txt")
    return made / "bin"


def _make(made: Path, pins: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", made], check=True)
    pip = [str(made / "bin" / "python"), *PIP, str(pins)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError((done.stderr.strip() or "pip failed").splitlines()[-1])
    (made / "stamp").touch()


def required(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment, for a test that cannot do without."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    try:
        return environment(name, shared / "peers")
    except (OSError, subprocess.SubprocessError) as error:
        unable(f"this needs an environment of requirements/{name}.txt, which could not be made: {error}")
        raise


@contextmanager
def pywb(
    programs: Path,
    folder: Path,
    collections: Mapping[str, Any],
    env: Mapping[str, str] | None = None,
    **settings: object,
) -> Iterator[str]:
    """pywb over these collections, on a free port; yields its address."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        json.dumps({"collections": dict(collections), **settings})
    )  # JSON is YAML
    port = free_port()
    command = [str(programs / "wayback"), "--bind", "127.0.0.1", "--port", str(port)]
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=clean | dict(env or {}))
        try:
            base = f"http://127.0.0.1:{port}"
            wait_until(lambda: server.poll() is not None or _answers(base), seconds=60, what="pywb's start")
            assert server.poll() is None, (folder / "log").read_text()
            yield base
        finally:
            server.terminate()
            server.wait(20)


def _answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(base, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
