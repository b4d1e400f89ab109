"""The tray: a folder in which a crawl leaves its result for the task that began it.

Rules: task and crawl hold its lock as long as they live; a tray that nobody holds is of a task that was
killed, and the next task on this machine clears it away.
"""

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX, LOCK = "morgue-task-", "lock"
YOUNG = 60.0  # seconds in which a tray may be there and not yet be locked


@contextmanager
def tray() -> Iterator[tuple[Path, int]]:
    """The folder, and the descriptor that a child must inherit; trays of killed tasks are cleared away."""
    _clear(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, (Path(name) / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(name), lock.fileno()


def _clear(place: Path) -> None:
    for folder in place.glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < YOUNG:
                continue
            with (folder / LOCK).open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # held, gone, or another user's
            continue
        shutil.rmtree(folder, ignore_errors=True)
