"""How long to try again, and with what pauses.

Pauses grow twofold, each drawn between nothing and its most (full jitter), so that many who wait do not come
back at once. Deciding is pure; `patiently` alone waits.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from archive.errors import MorgueError

logger = logging.getLogger(__name__)
T = TypeVar("T")
SAID_EVERY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds to go on trying (0: one try), the most of the first pause, and of any."""

    seconds: float = 600.0
    first: float = 0.5
    longest: float = 30.0

    def pauses(self, draw: Callable[[], float] = random.random) -> Iterator[float]:
        """Pauses whose sum is `seconds` at most; `draw` gives numbers from 0 to 1."""
        left, most = self.seconds, self.first
        while left > 0:
            pause = min(max(draw() * most, most / 20), left)
            yield pause
            left -= pause
            most = min(most * 2, self.longest)


ONCE = Patience(seconds=0)


def patiently(
    work: Callable[[], T],
    patience: Patience,
    *,
    what: str,
    stop: threading.Event | None = None,
) -> T:
    """Do `work`, again while it fails with an error that may go away; then raise that error.

    `what` is what is kept meanwhile, for the log; `stop` cuts the waiting short. The time that the tries take
    counts as well: a store that hangs uses patience up, too.
    """
    stop = stop or threading.Event()
    ends = time.monotonic() + patience.seconds
    said = -SAID_EVERY
    for pause in patience.pauses():
        try:
            return work()
        except MorgueError as error:
            left = ends - time.monotonic()
            if not error.retryable or stop.is_set() or left <= 0:
                raise
            if time.monotonic() - said >= SAID_EVERY:
                logger.warning("%s; trying again for %.0f s, %s", error, patience.seconds, what)
                said = time.monotonic()
        stop.wait(min(pause, left))
    return work()
