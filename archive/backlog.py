"""What waits to be written: handed over in batches, and counted in bytes.

Rules: who puts never waits; `room` says whether more should be fetched. Who takes is woken once for a batch
and not for each item, since every waking hands Python's lock from one thread to the other and back: on a
machine with idle cores that costs more than most of what is done with an item.
"""

import threading
from collections import deque
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")

LINGER = 0.004  # seconds in which a batch gathers: fewer fsyncs, fewer wakings
GATHERED = 16
BATCH = 256


class Backlog(Generic[T]):
    """Items with their sizes in bytes; `most` bytes of them are room enough."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._items: deque[T] = deque()
        self._closed = False
        self._lock = threading.Lock()
        self._some = threading.Condition(self._lock)
        self._wanting: list[Future[None]] = []

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, size: int) -> None:
        """Add an item that takes `size` bytes until they are given back."""
        with self._lock:
            self._taken += size
            self._items.append(item)
            if len(self._items) in (1, GATHERED):
                self._some.notify()

    def close(self) -> None:
        """Nothing more comes."""
        with self._lock:
            self._closed = True
            self._some.notify()

    def take(self, timeout: float | None = None) -> list[T] | None:
        """What waits, in order; empty after `timeout` seconds without an item, None at the end of all."""
        with self._lock:
            self._some.wait_for(lambda: self._items or self._closed, timeout)
            if not self._items:
                return None if self._closed else []
            self._some.wait_for(lambda: len(self._items) >= GATHERED or self._closed, LINGER)
            return [self._items.popleft() for _ in range(min(len(self._items), BATCH))]

    def room(self) -> "Future[None] | None":
        """None where more may be fetched; otherwise a future that is done when there is room."""
        if self._taken < self._most:
            return None
        with self._lock:
            if self._taken < self._most:  # the writer came first: nobody would wake who waits now
                return None
            future: Future[None] = Future()
            self._wanting.append(future)
            return future

    def give_back(self, size: int) -> None:
        """So many bytes of what was taken need no memory any longer."""
        with self._lock:
            self._taken -= size
            wanting = self._wanting if self._taken < self._most else []
            if wanting:
                self._wanting = []
        for future in wanting:
            if future.set_running_or_notify_cancel():
                future.set_result(None)
