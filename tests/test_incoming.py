"""Where a response ends, without a socket: however it is cut into pieces, every byte is kept."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.spill import Spill
from spiders.incoming import Incoming

HEADS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.0 200\n\n",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
    b"\r\nHTTP/1.1 404 No\r\nno colon\r\n\r\n",
    b"not http at all\r\n\r\n",
    b"",
]


def fed(pieces: list[bytes], *, limit: int = 10**9) -> Incoming:
    """A response fed in pieces until it is done, then the end of the connection."""
    incoming = Incoming("GET", limit=limit)
    for piece in pieces:
        if incoming.feed(piece):
            break
    incoming.closed()
    return incoming


def kept(incoming: Incoming) -> bytes:
    return bytes(incoming.interim) + bytes(incoming.data) + (incoming.big.read() if incoming.big else b"")


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(p % (len(data) + 1) for p in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(marks) if a < b]


@given(st.sampled_from(HEADS), st.binary(max_size=300), st.lists(st.integers(min_value=0), max_size=6))
def test_every_byte_that_was_fed_is_kept_in_order(head: bytes, body: bytes, places: list[int]) -> None:
    data = head + body
    found = fed(cut(data, places))
    assert data.startswith(kept(found))
    assert found.done


@given(st.sampled_from(HEADS), st.binary(max_size=300), st.lists(st.integers(min_value=0), max_size=6))
def test_what_is_not_announced_to_end_is_kept_to_the_last_byte(
    head: bytes, body: bytes, places: list[int]
) -> None:
    data = b"HTTP/1.1 200 OK\r\n\r\n" + head + body
    assert kept(fed(cut(data, places))) == data


@given(st.binary(max_size=400), st.lists(st.integers(min_value=0), max_size=6))
def test_any_bytes_can_come(data: bytes, places: list[int]) -> None:
    found = fed(cut(data, places))
    assert data.startswith(kept(found))


@pytest.mark.parametrize("limit", [1, 5, 11])
def test_a_body_is_cut_at_its_limit_however_it_comes(limit: int) -> None:
    data = HEADS[0] + b"twelve bytes"
    for step in (1, 3, 100):
        found = fed([data[n : n + step] for n in range(0, len(data), step)], limit=limit)
        assert (found.body_size, found.truncated, found.reusable) == (limit, "length", False)


def test_a_counted_body_leaves_the_connection_usable() -> None:
    assert fed([HEADS[0] + b"twelve bytes"]).reusable


def test_bytes_behind_the_end_make_the_connection_unusable() -> None:
    assert not fed([HEADS[0] + b"twelve bytes, and more"]).reusable


def test_a_body_larger_than_a_mebibyte_is_not_in_memory() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    found = fed([head, *[b"x" * 100_000] * 30])
    assert found.big
    assert found.big.in_memory < 1 << 20
    assert (found.big.size, bytes(found.data)) == (3_000_000, head)


@given(st.lists(st.binary(max_size=50), max_size=12), st.integers(min_value=0, max_value=600))
def test_spilled_bytes_are_read_back_from_anywhere(pieces: list[bytes], start: int) -> None:
    spill = Spill(room=0)
    for piece in pieces:
        spill.write(piece * 9000)
    whole = b"".join(piece * 9000 for piece in pieces)
    assert (spill.size, spill.read(start)) == (len(whole), whole[start:])


def test_a_spill_without_room_on_the_disk_keeps_its_bytes_in_memory(tmp_path: object) -> None:
    from pathlib import Path

    spill = Spill(Path("/proc/nowhere"), room=0)
    for _ in range(10):
        spill.write(b"y" * 200_000)
    assert spill.read() == b"y" * 2_000_000
