"""The search file of the room: it follows the archive in a thread of its own while pages are asked for."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archive.errors import MorgueError, SearchFailed
from archive.filing import explained
from archive.search import Search, opened, search_path
from archive.store import Store

FRESH = 1.0  # seconds for which the file counts as up to date
SHARE = 4  # a store that takes long to list is listed a quarter of the time at most
WAIT = 2.0  # seconds that a reader waits for what is new
IDLE = 4  # open files that wait for the next reader


class Finder:
    """Opens the search file of one archive; without a folder it is made anew in a temporary one."""

    def __init__(self, store: Store, folder: Path | None = None) -> None:
        self.store = store
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="morgue-search-")
        self.folder = folder or Path(self._own.name if self._own else "")
        self.path = search_path(self.folder, store.url)
        self.trouble = ""  # why the last reading of new tables ended early
        self.read = self.due = 0  # tables: of those that are new, and how many these are
        self._done = float("-inf")
        self._fresh = FRESH
        self._going = True
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._idle: list[tuple[Search, int]] = []

    @property
    def behind(self) -> bool:
        """Whether tables are still being read."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def progress(self) -> str:
        """How far the reading of new tables is, in words; "" where none is under way."""
        return f"{self.read:,} of {self.due:,} tables" if self.behind else ""

    @contextmanager
    def open(self) -> Iterator[Search]:
        """The search, which has followed the store, or does so while `behind`; raise SearchFailed."""
        self._freshen()
        with explained(self.path):
            search, file = self._taken()
            try:
                yield search
            except BaseException:
                search.close()
                raise
        self._give_back(search, file)

    def stop(self) -> None:
        """Read no more; what was read is kept."""
        self._going = False
        if self._thread:
            self._thread.join()
        with self._lock:
            while self._idle:
                self._idle.pop()[0].close()

    def _taken(self) -> tuple[Search, int]:
        """A search that nobody uses, of the file that is there now: another may have been made."""
        file = _identity(self.path)
        with self._lock:
            while self._idle:
                search, known = self._idle.pop()
                if known == file:
                    return search, known
                search.close()
        search = Search(self.path)
        return search, _identity(self.path)

    def _give_back(self, search: Search, file: int) -> None:
        with self._lock:
            if self._going and len(self._idle) < IDLE:
                self._idle.append((search, file))
                return
        search.close()

    def _freshen(self) -> None:
        with self._lock:
            lost = not _identity(self.path)
            if self.behind or not self._going or (not lost and time.monotonic() - self._done <= self._fresh):
                return  # who finds a long reading under way does not wait for it
            self.read = self.due = 0
            thread = self._thread = threading.Thread(target=self._follow, daemon=True, name="search")
            thread.start()
        thread.join(WAIT)

    def _follow(self) -> None:
        started = time.monotonic()
        self.trouble = ""
        try:
            self._read_on()
        except SearchFailed:
            try:
                self._read_on()  # a damaged file is gone by now
            except (MorgueError, OSError) as error:
                self.trouble = str(error)
        except (MorgueError, OSError) as error:
            self.trouble = str(error)
        self._done = time.monotonic()
        self._fresh = max(FRESH, SHARE * (self._done - started))

    def _read_on(self) -> None:
        with opened(self.folder, self.store) as search:

            def progress(count: int) -> None:
                self.read, self.due = count, search.due

            search.follow(self.store, going=lambda: self._going, progress=progress)


def _identity(path: Path) -> int:
    """The number of the file at a path; 0 where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0
