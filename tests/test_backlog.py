"""The backlog: what waits to be written, in batches and in order."""

import threading

from archive.backlog import BATCH, GATHERED, Backlog
from tests.conftest import wait_until


def test_what_waits_is_taken_in_order() -> None:
    backlog = Backlog[int](1000)
    for number in range(5):
        backlog.put(number, 1)
    assert backlog.take() == [0, 1, 2, 3, 4]


def test_nothing_comes_of_an_empty_backlog_but_the_wait() -> None:
    assert Backlog[int](1000).take(0.001) == []


def test_a_closed_backlog_gives_what_it_has_and_then_the_end() -> None:
    backlog = Backlog[int](1000)
    backlog.put(1, 1)
    backlog.close()
    assert (backlog.take(), backlog.take()) == ([1], None)


def test_a_batch_has_an_end() -> None:
    backlog = Backlog[int](1000)
    for number in range(BATCH + 1):
        backlog.put(number, 1)
    first = backlog.take()
    assert first is not None
    assert (len(first), backlog.take()) == (BATCH, [BATCH])


def test_one_who_waits_is_woken_by_what_comes() -> None:
    backlog, got = Backlog[int](1000), list[int]()
    taking = threading.Thread(target=lambda: got.extend(backlog.take(30) or []))
    taking.start()
    for number in range(GATHERED):
        backlog.put(number, 1)
    taking.join(30)
    wait_until(lambda: len(backlog) + len(got) == GATHERED, what="all of them")
    assert got[0] == 0
