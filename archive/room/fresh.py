"""What is known of an archive, kept fresh while pages are asked for: no reader waits for lists of a store.

A list of runs or of rules takes as long as a record, and each answer would need three before it.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from archive.errors import MorgueError

PERIOD = 0.4  # seconds between two looks
IDLE = 30.0  # seconds after the last request for which it goes on


class Fresh:
    """Calls each of `renew` again and again, in a thread of its own, from a request on until nobody asks."""

    def __init__(self, *renew: Callable[[], object]) -> None:
        self.renew = renew
        self._asked = float("-inf")
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def app(self, app: ASGIApp) -> ASGIApp:
        """The application, each of whose requests keeps this going."""

        async def followed(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                self.asked()
            await app(scope, receive, send)

        return followed

    def asked(self) -> None:
        """Somebody asks for a page."""
        self._asked = time.monotonic()
        with self._lock:
            if not self._ended.is_set() and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._follow, daemon=True, name="fresh")
                self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _follow(self) -> None:
        while not self._ended.wait(PERIOD) and time.monotonic() - self._asked < IDLE:
            for each in self.renew:
                with suppress(MorgueError):  # who asks next is told of it
                    each()
