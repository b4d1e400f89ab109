"""How fast one host is asked, and why. Pure: the clock is handed in, nothing sleeps here.

Rules: at least `delay` seconds from one request to the next, or what robots.txt asks for where that is more;
slower after errors, and back again bit by bit. Retry-After is kept to the second. A host that answers nothing
is left alone for a while, and then for the rest of the run. Seconds are those of a steady clock, except where
a wall clock is named.
"""

from dataclasses import dataclass
from datetime import datetime, time
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_CRAWL_DELAY: Final = 120.0  # seconds; a robots.txt that asks for more gets this much
PATIENCE: Final = (
    300.0  # a Retry-After up to this is waited for; a longer one ends the host's part of the run
)
SLOWER: Final = 2.0  # factor after 429 and 503, 1.5 after other failures
FASTER: Final = 0.85  # factor after each good answer
FIRST_PENALTY: Final = 1.0
LONGEST_PENALTY: Final = 120.0
FAILURES: Final = 5  # in a row: the host is left alone
PAUSES: Final = (30.0, 60.0, 120.0)
REFUSALS: Final = 20  # 401, 403 or 429 in a row: this host does not want us
SHARE_OF_TIME: Final = 1.0  # a host that takes a second to answer is asked every other second
SLOW_ANSWER: Final = 0.5  # seconds from which an answer's time counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one run may ask of one host: requests, bytes, seconds; 0 is no bound."""

    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When the next request may go: after `wait` seconds, or not at all in this run (`refused` says why)."""

    wait: float = 0.0
    refused: str = ""


class Pace:
    """The pace of one host in one run."""

    def __init__(self, *, delay: float = 0.0, budget: Budget | None = None) -> None:
        self.own = delay
        self.budget = budget or Budget()
        self.requests = 0
        self.bytes = 0
        self.failed = 0
        self.waited = 0.0
        self.down = ""
        self.retry_after = 0.0  # the longest Retry-After that ended this host's part of the run, in seconds
        self._robots = 0.0
        self._penalty = 0.0
        self._why = ""
        self._latency = 0.0
        self._began: float | None = None
        self._next = 0.0
        self._last = -LONGEST_CRAWL_DELAY
        self._flying = 0
        self._row = 0
        self._refusals = 0
        self._pauses = 0
        self._answered = False

    @property
    def delay(self) -> float:
        """Seconds between two requests, as things stand."""
        return max(self.own, self._robots, self._slow()) + self._penalty

    @property
    def reason(self) -> str:
        """Why the pace is what it is."""
        if self.down:
            return self.down
        if self._penalty:
            return self._why
        if self._robots >= max(self.own, self._slow()) > 0 or (self._robots and not self.own):
            return "robots.txt asks for it"
        return "it answers slowly" if self._slow() > self.own else "the site file says so"

    def _slow(self) -> float:
        slow = self._latency * SHARE_OF_TIME
        return min(slow, 30.0) if self.own and self._latency > SLOW_ANSWER else 0.0

    def obey(self, seconds: float | None) -> None:
        """robots.txt asks for so many seconds between two requests; then one request at a time.

        The request for robots.txt itself was one: the next comes so long after it.
        """
        self._robots = min(seconds or 0.0, LONGEST_CRAWL_DELAY)
        self._next = max(self._next, self._last + self._robots)

    def turn(self, now: float) -> Turn:
        """Whether a request may go now; asked again after the wait."""
        if refused := self.down or self._spent(now):
            return Turn(refused=refused)
        if self._robots and self._flying:
            return Turn(wait=0.05)
        return Turn(wait=max(self._next - now, 0.0))

    def _spent(self, now: float) -> str:
        if self.budget.requests and self.requests >= self.budget.requests:
            return f"budget: {self.budget.requests} requests a run"
        if self.budget.bytes and self.bytes >= self.budget.bytes:
            return f"budget: {self.budget.bytes} bytes a run"
        if self.budget.seconds and self._began is not None and now - self._began >= self.budget.seconds:
            return f"budget: {self.budget.seconds:g} seconds a run"
        return ""

    def sent(self, now: float, *, share: int = 1) -> None:
        """A request goes out; `share` is how many crawlers ask this host at the time."""
        self._began = now if self._began is None else self._began
        self._last = now
        self.requests += 1
        self._flying += 1
        self._next = max(self._next, now + self.delay * share)

    def answered(
        self, now: float, *, seconds: float, size: int, status: int | None, retry_after: float | None = None
    ) -> None:
        """An answer came after `seconds`, with `size` bytes; no `status`: none came."""
        self._flying = max(self._flying - 1, 0)
        self._last = max(self._last, now)
        self._next = max(self._next, now + self._robots)  # counted from the end of the last answer
        self.bytes += size
        if status is None:
            self._fail(now)
            return
        self._answered, self._row, self._pauses = True, 0, 0
        self._latency = seconds if not self._latency else 0.8 * self._latency + 0.2 * seconds
        self._count_refusals(status)
        if status in (429, 503) or (retry_after and status >= 400):
            self._hold(now, status, retry_after)
        elif status >= 500:
            self._slow_down(1.5, f"it answered {status}")
            self.failed += 1
        else:
            self._penalty = self._penalty * FASTER if self._penalty > 0.05 else 0.0

    def _count_refusals(self, status: int) -> None:
        self._refusals = self._refusals + 1 if status in (401, 403, 429) else 0
        if self._refusals >= REFUSALS:
            self.down = f"it refused {REFUSALS} requests in a row (last {status})"

    def _hold(self, now: float, status: int, retry_after: float | None) -> None:
        self.failed += 1
        self._slow_down(SLOWER, f"it answered {status}")
        if retry_after and retry_after > PATIENCE:
            self.retry_after = max(self.retry_after, retry_after)
            self.down = f"it answered {status} and asks to be left alone for {retry_after:.0f} s"
        self._next = max(self._next, now + (retry_after or self.delay))

    def _slow_down(self, factor: float, why: str) -> None:
        self._penalty = min(max(self._penalty * factor, FIRST_PENALTY), LONGEST_PENALTY)
        self._why = why

    def _fail(self, now: float) -> None:
        """No answer: after FAILURES in a row the host rests; one that never answered is down at once."""
        self.failed += 1
        self._row += 1
        if self.own:
            self._slow_down(1.5, "it did not answer")
        if self._row < FAILURES:
            return
        if not self._answered or self._pauses >= len(PAUSES):
            self.down = f"it did not answer {self._row} times in a row"
            return
        self._next = max(self._next, now + PAUSES[self._pauses])
        self._pauses += 1
        self._row = FAILURES - 1  # one more failure is enough from here on


def seconds_of(value: str, now: datetime) -> float | None:
    """Retry-After in seconds: a number or a date (RFC 9110, 10.2.3); None where it is neither, or past."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), 7 * 86400.0) or None
    try:
        seconds = (parsedate_to_datetime(text) - now).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(seconds, 7 * 86400.0) if seconds > 0 else None


def quiet(spans: tuple[str, ...], now: datetime) -> str:
    """The quiet span ("23:00-06:00", in the clock of `now`) in which `now` lies; "" where in none."""
    for span in spans:
        first, last = (time.fromisoformat(part.strip()) for part in span.split("-"))
        clock = now.time()
        inside = first <= clock < last if first <= last else clock >= first or clock < last
        if inside:
            return span
    return ""


def slot(now: float, *, place: int, crawlers: int, delay: float) -> float:
    """Seconds until the turn of one of several crawlers, who take turns of `delay` seconds on the wall clock.

    Each has its own place in a round of `crawlers` turns, so that two machines whose clocks agree never ask
    the host within less than `delay` of each other.
    """
    if crawlers < 2 or delay <= 0:
        return 0.0
    wanted = place * delay
    return (wanted - now % (crawlers * delay)) % (crawlers * delay)
