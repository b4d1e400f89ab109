"""Where a crawl leaves its result: cleared away where task and crawl are dead, and only there."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from morgue_airflow.tray import tray

# A task in its tray, with a crawl that has inherited it; both wait.
TASK = """
import subprocess, sys, time
from morgue_airflow.tray import tray
with tray() as (folder, held):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(held,))
    print(folder, child.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def killed(place: Path) -> Iterator[tuple[Path, int]]:
    """The tray of a task that was killed an hour ago, and the process id of its crawl, which lives on."""
    task = subprocess.Popen([sys.executable, "-c", TASK], stdout=subprocess.PIPE, text=True)
    assert task.stdout is not None
    folder, crawl = task.stdout.readline().split()
    task.kill()
    task.wait()
    hour_ago = Path(folder).stat().st_mtime - 3600
    os.utime(folder, (hour_ago, hour_ago))
    try:
        yield Path(folder), int(crawl)
    finally:
        task.stdout.close()
        _end(int(crawl))


def _end(crawl: int) -> None:
    try:
        os.kill(crawl, 9)
    except ProcessLookupError:
        return
    while Path(f"/proc/{crawl}").exists() and "Z" not in Path(f"/proc/{crawl}/stat").read_text().split()[2]:
        pass


def test_a_tray_goes_with_its_task(place: Path) -> None:
    with tray() as (folder, _):
        assert folder.is_dir()
    assert list(place.iterdir()) == []


def test_the_tray_of_a_killed_task_is_left_while_its_crawl_lives(killed: tuple[Path, int]) -> None:
    with tray():
        assert killed[0].is_dir()


def test_the_tray_of_a_killed_task_and_crawl_is_cleared_by_the_next(killed: tuple[Path, int]) -> None:
    folder, crawl = killed
    _end(crawl)
    with tray() as (own, _):
        assert not folder.exists()
        assert own.is_dir()


def test_what_others_keep_there_is_left_alone(place: Path) -> None:
    (place / "morgue-search-x").mkdir()
    (place / "morgue-task-y").mkdir()  # just made: its task has not yet taken the lock
    with tray():
        pass
    assert {path.name for path in place.iterdir()} == {"morgue-search-x", "morgue-task-y"}
