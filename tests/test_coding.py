"""Content codings: what our middleware gives is what Scrapy's own gives, for less work."""

import gzip
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.http import Headers, HtmlResponse, Response
from scrapy.utils.test import get_crawler

from spiders.coding import Decoding

PAGE = "<html><head><meta charset='iso-8859-1'></head><p>Brücke</p></html>".encode("iso-8859-1")
URL = "https://paper.example/1"


def answer(body: bytes, coding: str, *, kind: str = "text/html") -> Response:
    headers = Headers({"Content-Type": kind, "Content-Encoding": coding, "X-Own": ["a", "b"]})
    return Response(URL, body=body, headers=headers, flags=["dataloss"], protocol="HTTP/1.1")


def both(body: bytes, coding: str, **more: Any) -> tuple[Response, Response]:
    """Our answer, and Scrapy's."""
    made = []
    for kind in (Decoding, HttpCompressionMiddleware):
        middleware = kind.from_crawler(get_crawler())
        made.append(middleware.process_response(Request(URL), answer(body, coding, **more)))
    assert isinstance(made[0], Response)
    assert isinstance(made[1], Response)
    return made[0], made[1]


def packed(body: bytes) -> bytes:
    """Without the time: it would make another name of a test in each process that collects it."""
    return gzip.compress(body, mtime=0)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (packed(PAGE), "gzip"),
        (packed(PAGE) + packed(PAGE), "gzip"),
        (packed(PAGE)[:-6], "gzip"),
        (packed(PAGE) + b"more", "gzip"),
        (packed(b""), "gzip"),
        (packed(packed(PAGE)), "gzip, gzip"),
        (zlib.compress(PAGE), "deflate"),
        (PAGE, "unknown"),
    ],
)
def test_what_comes_out_is_what_scrapys_own_gives(body: bytes, coding: str) -> None:
    ours, theirs = both(body, coding)
    assert (ours.body, type(ours), ours.flags) == (theirs.body, type(theirs), theirs.flags)
    assert dict(ours.headers.items()) == dict(theirs.headers.items())
    assert (ours.url, ours.status, ours.protocol) == (theirs.url, theirs.status, theirs.protocol)


def test_a_page_is_read_by_the_charset_that_it_names() -> None:
    ours, theirs = both(gzip.compress(PAGE), "gzip", kind="text/html")
    assert isinstance(ours, HtmlResponse)
    assert isinstance(theirs, HtmlResponse)
    assert (ours.text, ours.encoding) == (theirs.text, theirs.encoding)
    assert "Brücke" in ours.text


@given(st.binary(max_size=400), st.integers(1, 3))
def test_any_members_come_out_whole(data: bytes, count: int) -> None:
    middleware = Decoding.from_crawler(get_crawler())
    found = middleware.process_response(Request(URL), answer(gzip.compress(data) * count, "gzip"))
    assert isinstance(found, Response)
    assert found.body == data * count


def test_what_would_become_too_large_is_left_to_scrapy() -> None:
    bomb, request = gzip.compress(b"\0" * 100_000), Request(URL, meta={"download_maxsize": 1000})
    middleware = Decoding.from_crawler(get_crawler())
    with pytest.raises(Exception, match="exceeded"):
        middleware.process_response(request, answer(bomb, "gzip"))
