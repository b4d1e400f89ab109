"""Whose turn it is in a long list: every host has its share, and every URL comes once."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from spiders.turns import AHEAD, Turns

HOSTS = st.sampled_from(["a", "b", "c"])


def turns(*urls: str) -> Turns:
    return Turns(iter(urls), len(urls))


def test_a_host_with_less_under_way_comes_first() -> None:
    these = turns("http://a/1", "http://a/2", "http://a/3", "http://b/1")
    assert [these.next() for _ in range(3)] == ["http://a/1", "http://b/1", "http://a/2"]


def test_what_is_done_makes_room_for_its_host() -> None:
    these = turns("http://a/1", "http://a/2", "http://b/1", "http://b/2")
    assert [these.next(), these.next()] == ["http://a/1", "http://b/1"]
    these.done("http://b/1")
    assert these.next() == "http://b/2"


@given(st.lists(HOSTS, max_size=AHEAD * 2 + 5))
def test_every_url_comes_once_and_those_of_a_host_in_order(hosts: list[str]) -> None:
    urls = [f"http://{host}/{number}" for number, host in enumerate(hosts)]
    these = Turns(iter(urls), len(urls))
    given_out = list(iter(these.next, None))
    assert sorted(given_out) == sorted(urls)
    assert these.left == 0
    for host in "abc":
        own = [url for url in given_out if url.startswith(f"http://{host}/")]
        assert own == [url for url in urls if url.startswith(f"http://{host}/")]


def test_a_list_is_not_read_far_ahead() -> None:
    read: list[int] = []

    def urls() -> Iterator[str]:
        for number in range(10 * AHEAD):
            read.append(number)
            yield f"http://a/{number}"

    Turns(urls(), 10 * AHEAD).next()
    assert len(read) == AHEAD
