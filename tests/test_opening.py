"""The beginning of a page, decoded once, as far as somebody asks."""

import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.opening import AT_ONCE, Opening
from archive.wire import ResponseHead

CODINGS = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}
PAGE = "".join(f"<p>{n * 7919 % 1009} Zeilen {n}</p>" for n in range(9000)).encode()


def head_of(coding: str, *, chunked: bool = False) -> ResponseHead:
    headers = [(b"Content-Encoding", coding.encode())] if coding else []
    headers += [(b"Transfer-Encoding", b"chunked")] if chunked else []
    return ResponseHead(version="1.1", status=200, reason="OK", headers=tuple(headers))


@pytest.mark.parametrize("coding", CODINGS)
@given(data=st.binary(max_size=3000), sizes=st.lists(st.integers(0, 4000), min_size=1, max_size=4))
def test_each_answer_is_the_beginning_of_the_page(coding: str, data: bytes, sizes: list[int]) -> None:
    opening = Opening(head_of(coding), CODINGS[coding](data))
    for size in sizes:
        assert opening.first(size) == data[:size]
        assert opening.low(size) == data[:size].lower()


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [1000, AT_ONCE, len(PAGE)])
def test_a_page_of_any_size_is_decoded_as_far_as_is_asked(coding: str, size: int) -> None:
    opening = Opening(head_of(coding), CODINGS[coding](PAGE[:size]))
    assert opening.first(900) == PAGE[:900]
    assert opening.first(size) == PAGE[:size]
    assert opening.first(10) == PAGE[:10]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_what_a_lying_head_calls_coded_is_taken_as_it_stands(coding: str) -> None:
    assert Opening(head_of(coding), b"<title>plain</title>" * 9).first(15) == b"<title>plain</t"


def test_a_coded_page_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    coded = gzip.compress(PAGE)
    found = Opening(head_of("gzip"), coded[: len(coded) // 2]).first(len(PAGE))
    assert len(found) > 1000
    assert PAGE.startswith(found)


def test_a_page_whose_check_is_wrong_is_read_all_the_same() -> None:
    coded = bytearray(gzip.compress(PAGE[:3000]))
    coded[-8] ^= 1
    assert Opening(head_of("gzip"), bytes(coded)).first(3000) == PAGE[:3000]


def test_a_length_that_lies_takes_no_memory() -> None:
    coded = gzip.compress(PAGE[:3000])[:-4] + b"\xff\xff\xff\xff"
    assert Opening(head_of("gzip"), coded).first(100) == PAGE[:100]


def test_chunks_are_no_part_of_a_page() -> None:
    sent = b"5\r\n<titl\r\n3\r\ne>x\r\n0\r\n\r\n"
    assert Opening(head_of("", chunked=True), sent).first(100) == b"<title>x"
