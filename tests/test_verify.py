"""Fixity: every kind of damage is found, and nothing else."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.verify import matches, verify_bytes
from archive.warc import members
from tests.test_warc import exchange, warc


def rebuilt(change: Callable[[bytes], bytes], *, of: str = "response") -> bytes:
    """A WARC in which one record's plain bytes are changed, and its gzip member made anew."""
    out = b""
    for member in members(io.BytesIO(warc(exchange()))):
        plain = member.data
        if f"WARC-Type: {of}".encode() in plain:
            plain = change(plain)
        out += gzip.compress(plain, mtime=0)
    return out


def test_a_whole_warc_has_no_fault() -> None:
    assert verify_bytes(warc(exchange()), name="x").ok


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda b: b.replace(b"Hello", b"Jello"), "digest"),
        (lambda b: b.replace(b"Content-Length: ", b"Content-Length: 9"), "Content-Length"),
        (lambda b: b[:-4], "line ends"),
        (lambda b: b.replace(b"WARC-Record-ID", b"X-Record-ID"), "without warc-record-id"),
        (lambda b: b.replace(b"2026-11-20T06", b"yesterday"), "no WARC-Date"),
        (lambda b: b + b, "more than one record"),
        (lambda b: b"ELEPHANT" + b, "not a WARC record"),
    ],
)
def test_damage_inside_a_record_is_found(change: Callable[[bytes], bytes], said: str) -> None:
    verdict = verify_bytes(rebuilt(change), name="x")
    assert any(said in fault.what for fault in verdict.faults), verdict.faults


def test_a_torn_tail_is_found() -> None:
    assert not verify_bytes(warc(exchange())[:-5], name="x").ok


def test_a_wrong_gzip_checksum_is_found() -> None:
    data = bytearray(warc(exchange()))
    data[-6] ^= 0xFF
    assert not verify_bytes(bytes(data), name="x").ok


def test_zeros_behind_the_end_are_found() -> None:
    assert not verify_bytes(warc(exchange()) + bytes(512), name="x").ok


def test_a_record_id_that_stands_twice_is_found() -> None:
    data = warc(exchange())
    assert any("twice" in f.what for f in verify_bytes(data + data, name="x").faults)


def test_an_empty_file_is_no_warc() -> None:
    assert not verify_bytes(b"", name="x").ok


def test_a_digest_over_chunk_framing_is_known_by_name() -> None:
    from archive.warc.writer import payload_digest

    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"5\r\nhello\r\n0\r\n\r\n"
    data = warc(exchange(response=head + body))
    swapped = b"".join(
        gzip.compress(
            m.data.replace(payload_digest(b"hello").encode(), payload_digest(body).encode()), mtime=0
        )
        for m in members(io.BytesIO(data))
    )
    verdict = verify_bytes(swapped, name="x")
    assert verdict.ok
    assert verdict.digests["payload over transfer coding"] == 1


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("sha1:VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N", True),
        ("sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", True),
        ("SHA-1:VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N", True),
        ("sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", True),
        ("sha1:AAAA", False),
        ("crc32:3610a686", None),
    ],
)
def test_digests_are_compared_in_every_form_that_is_used(said: str, answer: bool | None) -> None:
    assert matches(said, b"hello") is answer


def test_the_command_says_what_is_damaged_and_ends_with_5(morgue: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "torn.warc.gz"
    path.write_bytes(warc(exchange())[:-5])
    done = morgue("verify", str(path))
    assert done.code == 5
    assert "torn gzip member at offset" in done.out
