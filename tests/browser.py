"""Chromium and wabac.js for tests: skipped with one line where they are missing, but never in CI."""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from archive.room import wabac

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def unable(why: str) -> None:
    """Skip, or fail where the whole suite is promised to run."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of wabac.js: the one at hand, or a fresh one."""
    found = wabac.find()
    if found is None:
        try:
            found = wabac.fetch(tmp_path_factory.mktemp("wabac") / "wabac")
        except Exception as error:
            unable(f"replay needs wabac.js: {error}")
            raise
    return found.parent


@contextmanager
def sink() -> Iterator[tuple[int, list[bytes]]]:
    """A proxy that answers nothing and remembers what it was asked for: whatever leaves the loopback."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            while True:
                try:
                    wire, _ = listener.accept()
                except OSError:
                    return
                with wire:
                    wire.settimeout(5)
                    try:
                        asked.append(wire.recv(4096).split(b"\r\n")[0])
                    except OSError:
                        asked.append(b"")

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture(scope="module")
def chromium(worker: Path) -> Iterator[tuple[Any, list[bytes]]]:
    """A browser, and everything that it asked for outside the loopback."""
    if CHROMIUM is None:
        unable("replay is tested in Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sink() as (port, asked), sync_playwright() as play:
        flags = [*FLAGS, f"--proxy-server=http://127.0.0.1:{port}"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser, asked
        browser.close()


@pytest.fixture
def page(chromium: tuple[Any, list[bytes]]) -> Iterator[Any]:
    """A page of a fresh profile; after the test, no archived host may have been asked for."""
    browser, asked = chromium
    context = browser.new_context()
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()
    assert [line for line in asked if b".example" in line] == []
