"""Which URL of a long list is next: each host has its share, so that a slow one does not hold up the others.

Rules: of the hosts that have something waiting, the one with the fewest requests under way is next, and among
equals the one that waited longest. Only so many URLs are read ahead; the rest stays a list. No I/O.
"""

from collections import Counter, deque
from collections.abc import Iterator

AHEAD = 500


class Turns:
    """The URLs of a list, in an order that is fair to hosts; `left` counts those not given out yet."""

    def __init__(self, urls: Iterator[str], count: int) -> None:
        self.left = count
        self._urls = urls
        self._ahead = 0
        self._waiting: dict[str, deque[str]] = {}
        self._busy: Counter[str] = Counter()

    def next(self) -> str | None:
        """The next one, which is under way from now on; None at the end of the list."""
        self._read()
        if not self._waiting:
            return None
        host = min(self._waiting, key=self._busy.__getitem__)
        urls = self._waiting.pop(host)
        url = urls.popleft()
        if urls:
            self._waiting[host] = urls  # behind all others
        self._ahead -= 1
        self.left -= 1
        self._busy[host] += 1
        return url

    def done(self, url: str) -> None:
        """What was given out is not under way any longer."""
        host = _host(url)
        self._busy[host] -= 1
        if not self._busy[host]:
            del self._busy[host]

    def _read(self) -> None:
        while self._ahead < AHEAD and (url := next(self._urls, None)) is not None:
            self._waiting.setdefault(_host(url), deque()).append(url)
            self._ahead += 1


def _host(url: str) -> str:
    """What a URL has between its scheme and its path."""
    return url.split("/", 3)[2]
