"""The search file of the room: it follows the archive in a thread of its own while pages are asked for."""

import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from archive.errors import MorgueError
from archive.search import Search, opened
from archive.store import Store

FRESH = 5.0  # seconds for which the file counts as up to date
WAIT = 2.0  # seconds that a reader waits for what is new


class Finder:
    """Opens the search file of one archive; without a folder it is made anew in a temporary one."""

    def __init__(self, store: Store, folder: Path | None = None) -> None:
        self.store = store
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="morgue-search-")
        self.folder = folder or Path(self._own.name if self._own else "")
        self.trouble = ""  # why the last reading of new tables ended early
        self._done = float("-inf")
        self._going = True
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def behind(self) -> bool:
        """Whether tables are still being read."""
        return self._thread is not None and self._thread.is_alive()

    def open(self) -> closing[Search]:
        """The search, to be closed by `with`; it has followed the store, or does so while `behind`."""
        self._freshen()
        return opened(self.folder, self.store)

    def stop(self) -> None:
        """Read no more; what was read is kept."""
        self._going = False
        if self._thread:
            self._thread.join()

    def _freshen(self) -> None:
        with self._lock:
            if self.behind or not self._going or time.monotonic() - self._done <= FRESH:
                return  # who finds a long reading under way does not wait for it
            thread = self._thread = threading.Thread(target=self._follow, daemon=True, name="search")
            thread.start()
        thread.join(WAIT)

    def _follow(self) -> None:
        try:
            with opened(self.folder, self.store) as search:
                search.follow(self.store, going=lambda: self._going)
            self.trouble = ""
        except (MorgueError, OSError) as error:
            self.trouble = str(error)
        self._done = time.monotonic()
