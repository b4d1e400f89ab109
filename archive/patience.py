"""Patience with a store that is away: which failures are tried again, when, and for how long.

`pause` decides, without I/O; `Patience` is the one loop that waits. Only `retryable` errors are tried again:
a conflict, wrong credentials or a wrong setting do not go away by waiting.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from archive.errors import MorgueError

FIRST = 1.0
LONGEST = 60.0
SAY_EVERY = 60.0

T = TypeVar("T")


class Stop(Protocol):
    """What tells that waiting is to end: a threading.Event, or what looks like one."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` seconds; return whether to stop."""


def pause(failures: int, *, waited: float, allowed: float, chance: float) -> float | None:
    """Seconds to wait after the `failures`th failure in a row; None where patience has come to its end.

    Exponential back-off with full jitter (`chance` is 0 to 1), so that many crawls do not come back at one
    moment. The last try is made when the allowed time is over, not before.
    """
    if waited >= allowed:
        return None
    longest = min(LONGEST, FIRST * 2.0 ** min(failures - 1, 16))
    return min(chance * longest, allowed - waited)


class Patience:
    """Tries a step again while the store is busy, up to `seconds` in a row; each success begins anew.

    One Patience serves all steps of a publication, and all runs of a recovery: where a store is away for
    longer than allowed, each further step gets one try.
    """

    def __init__(
        self,
        seconds: float,
        *,
        stop: Stop | None = None,
        say: Callable[[MorgueError], None] | None = None,
        now: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.seconds = seconds
        self.stop: Stop = stop or threading.Event()
        self.say = say
        self._now = now
        self._chance = chance
        self._failures = 0
        self._since = 0.0
        self._said: float | None = None

    def __call__(self, step: Callable[[], T]) -> T:
        """What `step` returns; raise its error where it is none to wait for, or patience has ended."""
        while True:
            try:
                result = step()
            except MorgueError as error:
                if not error.retryable or not self._waited(error):
                    raise
            else:
                self._failures = 0
                return result

    def _waited(self, error: MorgueError) -> bool:
        now = self._now()
        self._failures += 1
        if self._failures == 1:
            self._since = now
        chance = self._chance()
        seconds = pause(self._failures, waited=now - self._since, allowed=self.seconds, chance=chance)
        if seconds is None:
            return False
        self._tell(error, now)
        return not self.stop.wait(seconds)

    def _tell(self, error: MorgueError, now: float) -> None:
        if self.say and (self._said is None or now - self._said >= SAY_EVERY):
            self._said = now
            self.say(error)
