"""Requests by other methods than GET have keys of their own, as pywb and cdxj-indexer make them."""

import base64
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archive.cdxj import capture_of, line_of, surt_of
from archive.index import Index
from archive.methods import LONGEST, asked_with, keyed, query_of
from archive.room.origins import Origins
from archive.room.replay import Replay
from archive.store import opened
from archive.warc import captures_of
from archive.warc.swift import swift_captures
from tests.keeping import Answer, Keeper, Reader, edition

FORM = "application/x-www-form-urlencoded"
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="q"\r\n\r\nharbour & bridge\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\r\n--b--\r\n"
)
PAGE = "http://paper.example/search"


@pytest.mark.parametrize(
    ("kind", "body", "query"),
    [
        (FORM, b"q=harbour+bridge&page=2", "q=harbour bridge&page=2"),
        (f"{FORM}; charset=utf-8", b"q=%C3%A9", "q=é"),
        (FORM, b"q=\xff", "__wb_post_data=" + base64.b64encode(b"q=\xff").decode()),
        ("multipart/form-data; boundary=b", MULTIPART, "q=harbour+%26+bridge&file=%00%FF"),
        ("multipart/form-data", b"x", "__wb_post_data=eA=="),
        ("application/json", b'{"a": 1, "b": {"a": 2, "c": [3, null]}}', "a=1&a.2_=2&c=3&c.2_=None"),
        ("application/json", b"not json", ""),
        ("text/plain", b'{"a": true}\n{"a": "x y"}', "a=True&a.2_=x+y"),
        ("text/plain", b"words", "__wb_post_data=d29yZHM="),
        ("application/x-other", b"\x00", "__wb_post_data=AA=="),
        (FORM, b"", ""),
        ("", b"", "__wb_post_data="),
    ],
)
def test_what_was_sent_is_told_as_a_query(kind: str, body: bytes, query: str) -> None:
    assert query_of("POST", kind, body) == query


@pytest.mark.parametrize(
    ("method", "url", "key"),
    [
        ("GET", PAGE, PAGE),
        ("POST", PAGE, f"{PAGE}?__wb_method=POST&q=a"),
        ("PUT", f"{PAGE}?x=1", f"{PAGE}?x=1&__wb_method=PUT&q=a"),
        ("HEAD", PAGE, f"{PAGE}?__wb_method=HEAD"),
    ],
)
def test_a_method_is_part_of_the_key(method: str, url: str, key: str) -> None:
    assert keyed(url, method, query_of(method, FORM, b"q=a")) == key


@given(
    st.binary(max_size=300),
    st.sampled_from((FORM, "multipart/form-data; boundary=b", "application/json", "")),
)
@example(b"[" * 5000, "application/json")
def test_whatever_is_sent_there_is_a_key_of_bounded_length(body: bytes, kind: str) -> None:
    method, sent = asked_with(b"POST /x HTTP/1.1\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + body)
    assert method == "POST"
    assert len(sent) <= LONGEST
    assert " " not in surt_of(keyed(PAGE, method, sent))


def posted(words: str, answer: bytes, day: int = 20) -> Answer:
    sent = f"q={words}".encode()
    return Answer(at=edition(day), url=PAGE, body=answer, method="POST", sent=sent, sent_kind=FORM)


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


def test_the_index_made_anew_names_methods_as_the_writer_did(keeper: Keeper) -> None:
    got = Answer(at=edition(20), url=PAGE, body=b"the form")
    run = keeper.keep(got, posted("harbour", b"one"), posted("bridge", b"two"))
    (warc,) = run.warcs
    stored = [capture_of(line) for line in keeper.store.read(warc.cdxj).decode().splitlines()]
    for read in (captures_of, swift_captures):
        with opened(keeper.store, warc.key) as file:
            assert sorted(map(line_of, read(file, warc=warc.key))) == sorted(map(line_of, stored))
    assert sorted((c.method, c.sent) for c in stored) == [
        ("GET", ""),
        ("POST", "q=bridge"),
        ("POST", "q=harbour"),
    ]


def test_a_form_is_answered_by_what_answered_those_words(keeper: Keeper) -> None:
    keeper.keep(
        Answer(at=edition(20), url=PAGE, body=b"the form"),
        posted("harbour", b"one"),
        posted("bridge", b"two"),
    )
    index, origins = Index(keeper.store), Origins(room_port=1, replay_port=2)
    replay = Reader(Replay(keeper.store, index, origins, None).app())
    path = f"/raw/20261120070005ir_/{PAGE}"
    assert replay.get(path).text == "the form"
    assert replay.ask("POST", path, data={"q": "bridge"}).text == "two"
    assert replay.ask("POST", path, data={"q": "never asked"}).status_code == 404
