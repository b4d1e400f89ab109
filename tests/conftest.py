"""Fixtures of all tests: real parts on loopback, each in its own temporary folder."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
import pytest

from spiders.specimen import Specimen

# A shared machine stalls now and then: time is measured in benchmarks, not here.
# CI tries the same examples each time; a developer's run looks for new ones.
hypothesis.settings.register_profile("morgue", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("morgue")

pytest_plugins = ["tests.browser"]

# Fixtures that drive a browser or a scheduler.
OTHERS = {"chromium", "page", "airflow", "stack"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives programs of others is tried twice before it counts as failed.

    On a busy machine a browser or a scheduler now and then misses one of thousands of steps. The summary
    lists what was tried again (`RERUN`); a test of our own code alone has one try.
    """
    for item in items:
        if OTHERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may connect to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "127.0.0.1"
        if not (host.startswith("127.") or host in ("::1", "localhost")):
            raise AssertionError(f"a test tried to connect to {address!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the developer's shell has set does not count."""
    for name in list(os.environ):
        if name.startswith(("MORGUE_", "AWS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MORGUE_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("MORGUE_ARCHIVE", str(tmp_path / "archive"))
    monkeypatch.setenv("MORGUE_SITES", str(tmp_path / "sites"))


@pytest.fixture
def paper() -> Iterator[Specimen]:
    """The Daily Specimen in its first edition."""
    with Specimen(edition=0) as specimen:
        yield specimen


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that has run."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON object."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[Any]:
        """Its JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def morgue() -> Callable[..., Ran]:
    """The command, as a user runs it: `morgue("crawl", "paper", SETTING="...")`."""

    def run(*arguments: str, **settings: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "archive", *arguments],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr)

    return run


def free_port() -> int:
    """A TCP port that is free now; below 32768, where no outgoing connection takes it."""
    import random

    for _ in range(200):
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def wait_until(true: Callable[[], bool], *, seconds: float = 30.0, what: str = "it") -> None:
    """Poll a condition; fail where it does not come true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def listens(port: int) -> bool:
    """Whether something accepts connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Weed:
    """A real S3 server (SeaweedFS) in a folder; it may be killed and started again."""

    KEYS: ClassVar = {"AWS_ACCESS_KEY_ID": "specimen", "AWS_SECRET_ACCESS_KEY": "specimen-secret"}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        master, volume, filer, self.port = (free_port() for _ in range(4))
        self._flags = {
            "dir": folder, "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "webdav": "false", "admin.ui": "false",
            "master.telemetry": "false", "s3.allowDeleteBucketNotEmpty": "false", "s3.port.iceberg": 0,
            "s3.port.lance": 0, "master.port": master, "volume.port": volume, "filer.port": filer,
            "s3.port": self.port,
            **{f"{n}.port.grpc": free_port() for n in ("master", "volume", "filer", "s3")},
        }  # fmt: skip
        self.env = {
            **self.KEYS,
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = str(Path(sys.executable).with_name("weed"))
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [program, "-logtostderr=true", "mini", *(f"-{k}={v}" for k, v in self._flags.items())],
                # With a limit of 200 MiB, as it was, each read takes ten times as long (`stack.store_child`).
                env={**os.environ, **self.KEYS, "GOMEMLIMIT": "800MiB", "GOGC": "50", "S3_BUCKET": "morgue"},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_until(lambda: _has_bucket(self.env), seconds=60, what="weed mini answering")

    def kill(self) -> None:
        """kill -9."""
        if self._server:
            self._server.kill()
            self._server.wait()


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real S3 server: the AWS variables that lead to it."""
    server = Weed(tmp_path_factory.mktemp("weed"))
    try:
        server.start()
        yield server.env
    finally:
        server.kill()


def _has_bucket(env: dict[str, str]) -> bool:
    from archive.errors import StoreError
    from archive.s3 import S3Store

    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        try:
            S3Store(bucket="morgue", prefix="ready").check()
        except (StoreError, AssertionError):
            return False
    return True


@pytest.fixture
def s3(weed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The S3 server, with its variables set for this test."""
    for name, value in weed.items():
        monkeypatch.setenv(name, value)
    return weed


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., str]:
    """Write a site file for a host; further keys as TOML."""

    def write(host: Any, *lines: str, name: str = "paper") -> str:
        folder = tmp_path / "sites"
        folder.mkdir(exist_ok=True)
        keys = {"delay": "0.0", "requisites": '"none"', "allow_private": "true"}
        text = [f'name = "Paper"\nhome = "{host.base}/"\nfeeds = ["{host.base}/feed"]', *lines]
        given = {line.partition("=")[0].strip() for line in lines}
        text += [f"{key} = {value}" for key, value in keys.items() if key not in given]
        (folder / f"{name}.toml").write_text("\n".join(text))
        return name

    return write
