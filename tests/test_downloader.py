"""Lists go straight to the downloader: so many requests of a host at a time, and no host holds up another."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.host import Answer, Host, page

MANY = 3
Morgue = Callable[..., Any]


class Busy:
    """Answers pages only when so many of them are being asked for; counts the most at once, for each host."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._together = threading.Barrier(MANY)

    def __call__(self, path: str, _count: int) -> Answer:
        if not path.startswith("/page"):
            return 404, {}, b""
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._together.wait(20)
        with self._lock:
            self._now -= 1
        return page(path)


def listed(folder: Path, *urls: str) -> list[str]:
    """The options of `morgue capture` for a list."""
    (folder / "urls").write_text("".join(f"{url}\n" for url in urls))
    return ["capture", "-i", str(folder / "urls"), "--allow-private", "--delay", "0", "--quiet"]


def test_a_host_is_asked_for_as_many_pages_at_once_as_it_may_be(morgue: Morgue, tmp_path: Path) -> None:
    busy = Busy()
    with Host(busy) as host:
        urls = [f"{host.base}/page{number}" for number in range(2 * MANY)]
        done = morgue(*listed(tmp_path, *urls), "--concurrency", str(MANY))
    assert (done.code, busy.most) == (0, MANY), done.err


def test_a_host_that_does_not_answer_holds_up_no_other(morgue: Morgue, tmp_path: Path) -> None:
    go, answered = threading.Event(), Counter[str]()

    def slow(path: str, _count: int) -> Answer:
        if path.startswith("/page"):
            go.wait(20)
        return page(path) if path.startswith("/page") else (404, {}, b"")

    def quick(path: str, _count: int) -> Answer:
        if not path.startswith("/page"):
            return 404, {}, b""
        answered[path] += 1
        if len(answered) == 40:
            go.set()  # all of this host's pages came while the other one had answered none
        return page(path)

    with Host(slow, address="127.0.0.2") as first, Host(quick, address="127.0.0.3") as second:
        urls = [f"{first.base}/page{number}" for number in range(40)]
        urls += [f"{second.base}/page{number}" for number in range(40)]
        done = morgue(*listed(tmp_path, *urls))
    assert (done.code, go.is_set()) == (0, True), done.err
