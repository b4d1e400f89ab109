"""Exchanges to WARC records and back, read by readers that are not ours as well."""

import gzip
import io
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from archive.errors import DamagedWarc
from archive.model import Exchange, Tls
from archive.verify import verify_bytes
from archive.warc import captures_of, members, read_record, warcinfo_member, write_exchange
from archive.warc.reader import intact
from archive.wire import head_end

HEAD = b"HTTP/1.1 200 OK\r\ncontent-TYPE: text/html\r\nSet-Cookie: a\r\nset-cookie: b\r\n odd line\r\n\r\n"


def exchange(**changes: Any) -> Exchange:
    base: dict[str, Any] = {
        "url": "http://paper.example/story", "method": "GET",
        "request": b"GET /story HTTP/1.1\r\nHost: paper.example\r\n\r\n",
        "response": HEAD + b"<h1>Hello</h1>", "head_length": len(HEAD),
        "began": datetime(2026, 11, 20, 6, 0, 0, 123456, tzinfo=UTC), "seconds": 0.25, "peer": "192.0.2.7",
    }  # fmt: skip
    base.update(changes)
    if "response" in changes and "head_length" not in changes:
        base["head_length"] = head_end(changes["response"]) or len(changes["response"])
    return Exchange(**base)


def warc(*exchanges: Exchange) -> bytes:
    number, data = warcinfo_member(filename="x.warc.gz", info={"software": "test"})
    return data + b"".join(write_exchange(e, warcinfo=number, warc="k").data for e in exchanges)


def records(data: bytes) -> list[Any]:
    return [read_record(m.data) for m in members(io.BytesIO(data))]


def test_a_response_is_stored_byte_for_byte() -> None:
    made = exchange()
    response = next(r for r in records(warc(made)) if r.kind == "response")
    assert response.block == made.response


def test_a_request_is_stored_byte_for_byte() -> None:
    made = exchange(request=b"POST /x HTTP/1.1\r\nhOST: p\r\n\r\na=1", method="POST")
    request = next(r for r in records(warc(made)) if r.kind == "request")
    assert request.block == made.request


def test_the_records_of_an_exchange_name_each_other() -> None:
    request, response, metadata = records(warc(exchange()))[1:]
    assert response.headers["warc-concurrent-to"] == request.headers["warc-record-id"]
    assert metadata.headers["warc-concurrent-to"] == response.headers["warc-record-id"]


def test_a_response_says_where_and_how_it_came() -> None:
    made = exchange(tls=Tls(version="tls/1.3", cipher="TLS_AES_256_GCM_SHA384"))
    found = next(r for r in ArchiveIterator(io.BytesIO(warc(made))) if r.rec_type == "response")
    named = [v for k, v in found.rec_headers.headers if k == "WARC-Protocol"]
    assert named == ["http/1.1", "tls/1.3"]
    assert found.rec_headers.get_header("WARC-IP-Address") == "192.0.2.7"
    assert found.rec_headers.get_header("WARC-Cipher-Suite") == "TLS_AES_256_GCM_SHA384"
    assert found.rec_headers.get_header("WARC-Date") == "2026-11-20T06:00:00.123456Z"


def test_the_payload_digest_is_over_the_body_without_chunk_framing() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = exchange(response=head + b"5\r\nhello\r\n0\r\n\r\n")
    whole = exchange(response=b"HTTP/1.1 200 OK\r\n\r\nhello")
    digests = {
        r.headers["warc-payload-digest"] for r in records(warc(chunked, whole)) if r.kind == "response"
    }
    assert digests == {"sha1:VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N"}


def test_an_attempt_without_an_answer_is_a_request_and_why() -> None:
    made = exchange(response=b"", head_length=0, error="dns: no such host", peer=None)
    assert [r.kind for r in records(warc(made))] == ["warcinfo", "request", "metadata"]
    assert b"fetchError: dns: no such host" in records(warc(made))[2].block


def test_a_truncated_response_says_so() -> None:
    made = exchange(truncated="disconnect")
    assert (
        next(r for r in records(warc(made)) if r.kind == "response").headers["warc-truncated"] == "disconnect"
    )


def test_the_capture_of_a_written_exchange_is_the_one_read_back() -> None:
    number, first = warcinfo_member(filename="x", info={})
    written = write_exchange(exchange(), warcinfo=number, warc="k")
    (read,) = captures_of(io.BytesIO(written.data), warc="k")
    assert written.located(0, tuple(len(m) for m in written.members if isinstance(m, bytes))) == read
    assert first


def test_warcio_and_fastwarc_find_nothing_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(warc(exchange(), exchange(url="http://paper.example/2")))
    tools = Path(sys.executable).parent
    for command in (["warcio", "check"], ["fastwarc", "check", "-p"]):
        done = subprocess.run([tools / command[0], *command[1:], path], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(gzip.decompress(path.read_bytes())) > 1000


def test_every_record_is_a_gzip_member_of_its_own() -> None:
    data = warc(exchange())
    assert [read_record(data[m.offset : m.offset + m.length]).kind for m in members(io.BytesIO(data))] == [
        "warcinfo", "request", "response", "metadata",
    ]  # fmt: skip


@given(st.booleans(), st.binary(min_size=1, max_size=400), st.binary(max_size=100))
def test_any_bytes_of_a_server_make_a_whole_warc(whole: bool, response: bytes, request: bytes) -> None:
    made = exchange(response=b"HTTP/1.1 200 OK\r\n" * whole + response, request=request)
    data = warc(made)
    assert verify_bytes(data, name="x").faults == []
    assert next(r.headers["WARC-Type"] for r in FastIterator(io.BytesIO(data))) == "warcinfo"


@given(st.integers(min_value=1, max_value=600))
def test_a_torn_warc_says_where_its_last_whole_record_ends(cut: int) -> None:
    data = warc(exchange())
    ends = [m.offset + m.length for m in members(io.BytesIO(data))]
    torn = data[: max(len(data) - cut, 1)]
    whole = max((e for e in ends if e <= len(torn)), default=0)
    if whole == len(torn):
        return
    with pytest.raises(DamagedWarc) as caught:
        list(members(io.BytesIO(torn)))
    assert caught.value.offset == whole


def member_of(made: Exchange) -> bytes:
    """The gzip member of an exchange's response."""
    data = warc(made)
    found = next(m for m in members(io.BytesIO(data)) if b"WARC-Type: response" in m.data)
    return data[found.offset : found.offset + found.length]


CODED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(range(251)) * 3, mtime=0)
MEMBERS = {"deflated": member_of(exchange()), "stored": member_of(exchange(response=CODED))}


@pytest.mark.parametrize("form", MEMBERS)
@given(data=st.data())
def test_a_record_in_which_a_byte_has_changed_is_never_read_as_whole(form: str, data: st.DataObject) -> None:
    whole = MEMBERS[form]
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        found = intact(read_record(bytes(changed)))
    except DamagedWarc:
        return
    assert found == read_record(whole)  # a time or a system in the gzip header: nothing that is kept


def test_bytes_with_spaces_in_their_first_line_are_no_arc_record() -> None:
    with pytest.raises(DamagedWarc, match="date of an ARC"):
        read_record(b"\x1e\x8b so it \x00 goes 0\n\n")


def test_a_plain_record_in_which_a_byte_has_changed_is_told_by_its_digest() -> None:
    plain = gzip.decompress(member_of(exchange()))
    assert intact(read_record(plain)).block.endswith(b"<h1>Hello</h1>")
    with pytest.raises(DamagedWarc, match="digest"):
        intact(read_record(plain.replace(b"Hello", b"Jello")))


@pytest.mark.parametrize("cut", [1, 5, 9, 40])
def test_a_member_that_is_cut_short_is_never_read_as_whole(cut: int) -> None:
    with pytest.raises(DamagedWarc):
        read_record(MEMBERS["deflated"][:-cut])
