"""HTTP as it crosses the wire."""

import contextlib
import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import wire
from archive.wire import Dechunker, NotHttp, dechunk, decode, entity, head_end, read_head

CHUNKED = b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"


def head(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([status, *lines]) + b"\r\n\r\n"


def test_duplicate_headers_keep_their_order_and_case() -> None:
    found = read_head(head(b"set-cookie: a=1", b"X-ODD: y", b"Set-Cookie: b=2"))
    assert found.headers == ((b"set-cookie", b"a=1"), (b"X-ODD", b"y"), (b"Set-Cookie", b"b=2"))


def test_a_folded_line_belongs_to_the_header_above() -> None:
    assert read_head(head(b"X-Long: one", b"\ttwo")).get(b"x-long") == b"one two"


def test_a_line_without_a_colon_is_passed_over() -> None:
    assert read_head(head(b"nonsense", b"A: 1")).headers == ((b"A", b"1"),)


def test_bare_line_feeds_end_a_head() -> None:
    data = b"HTTP/1.0 200 OK\nA: 1\n\nbody"
    assert head_end(data) == len(data) - 4
    assert read_head(data[:-4]).get(b"a") == b"1"


def test_an_empty_reason_is_empty() -> None:
    assert read_head(head(status=b"HTTP/1.1 404")).reason == ""


def test_what_is_no_status_line_is_no_http() -> None:
    with pytest.raises(NotHttp):
        read_head(b"<html>hello</html>")


@pytest.mark.parametrize("value", [b"12, 13", b"-1", b"abc", b""])
def test_a_wrong_content_length_counts_as_none(value: bytes) -> None:
    assert read_head(head(b"Content-Length: " + value)).length is None


def test_equal_doubled_content_lengths_count_once() -> None:
    assert read_head(head(b"Content-Length: 7", b"Content-Length: 7")).length == 7


def test_chunk_framing_and_trailers_are_taken_off() -> None:
    assert dechunk(CHUNKED) == b"hello world"


def test_a_chunked_body_that_is_none_stays_as_it_is() -> None:
    assert dechunk(b"plain text, not chunks\r\n") == b"plain text, not chunks\r\n"


def test_bytes_behind_the_last_chunk_are_spare() -> None:
    reader = Dechunker()
    reader.feed(CHUNKED + b"HTTP/1.1 200")
    assert (reader.done, reader.spare) == (True, 12)


@given(st.lists(st.binary(min_size=1), max_size=6), st.integers(min_value=1, max_value=7))
def test_any_body_comes_out_of_its_chunks_however_it_is_cut(pieces: list[bytes], step: int) -> None:
    wire = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    reader = Dechunker()
    out = b"".join(reader.feed(wire[i : i + step]) for i in range(0, len(wire), step))
    assert (out, reader.done) == (b"".join(pieces), True)


@given(st.binary())
def test_no_bytes_at_all_upset_the_dechunker(data: bytes) -> None:
    assert isinstance(dechunk(data), bytes)


@given(st.binary())
def test_a_head_is_read_or_refused_whatever_the_bytes(data: bytes) -> None:
    with contextlib.suppress(NotHttp):
        read_head(data)


@pytest.mark.parametrize(
    ("coding", "coded"),
    [
        (b"gzip", gzip.compress(b"page", mtime=0)),
        (b"deflate", zlib.compress(b"page")),
        (b"deflate", zlib.compress(b"page")[2:-4]),
        (b"identity", b"page"),
    ],
)
def test_content_codings_are_undone(coding: bytes, coded: bytes) -> None:
    assert decode(read_head(head(b"Content-Encoding: " + coding)), coded) == b"page"


def test_a_broken_gzip_body_is_given_back_as_it_is() -> None:
    assert decode(read_head(head(b"Content-Encoding: gzip")), b"not gzip") == b"not gzip"


def test_several_gzip_members_are_one_body() -> None:
    coded = gzip.compress(b"one ") + gzip.compress(b"two") + b"rubbish"
    assert decode(read_head(head(b"Content-Encoding: gzip")), coded) == b"one two"


@pytest.mark.parametrize(
    ("coding", "coder"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"br", brotli.compress)]
)
def test_a_body_that_blows_up_is_cut(
    monkeypatch: pytest.MonkeyPatch, coding: bytes, coder: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(wire, "MOST_DECODED", 100_000)
    found = decode(read_head(head(b"Content-Encoding: " + coding)), coder(bytes(10_000_000)))
    assert found == bytes(100_000)


def test_endless_empty_members_are_not_all_read() -> None:
    coded = gzip.compress(b"") * 100_000 + gzip.compress(b"never reached")
    assert decode(read_head(head(b"Content-Encoding: gzip")), coded) == coded


def test_the_entity_is_the_body_without_transfer_coding() -> None:
    assert entity(read_head(head(b"Transfer-Encoding: chunked")), CHUNKED) == b"hello world"
