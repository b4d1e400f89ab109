"""Fixity: every kind of damage is found, and nothing else."""

import base64
import gzip
import hashlib
import io
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.verify import verify_bytes
from archive.warc import members
from archive.warc.reader import matches
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
        (lambda b: b"ELEPHANT" + b, "no record of a WARC"),
        (lambda b: b.replace(b"WARC-Type: response\r\n", b""), "without warc-type"),
        (lambda b: b.replace(b"WARC-Date", b"X-Date"), "without warc-date"),
        (lambda b: re.sub(rb"(WARC-Date: \S+)Z", rb"\1", b), "not in UTC"),
        (lambda b: b.replace(b"-Digest: sha", b"-Was: sha"), "without any digest"),
        (lambda b: b.replace(b"WARC-Type:", b"no header\r\nWARC-Type:"), "header line that is none"),
        (lambda b: b.replace(b"sha256:", b"sha256:0"), "block digest"),
        (lambda b: b.replace(b"WARC/1.1", b"WARC/9.9"), "neither WARC/1.0 nor"),
        (lambda b: b.replace(b"<urn:uuid:", b"<"), "is no URI"),
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


CODED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"


def record(
    kind: str, *lines: str, block: bytes = b"", version: str = "1.1", rest: bytes = b"\r\n\r\n"
) -> bytes:
    """A record as others write it, gzipped."""
    plain = plain_record(kind, *lines, block=block, version=version, rest=rest)
    return gzip.compress(plain, mtime=0)


def plain_record(
    kind: str, *lines: str, block: bytes = b"", version: str = "1.1", rest: bytes = b"\r\n\r\n"
) -> bytes:
    number = f"<urn:uuid:{uuid.uuid4()}>"
    named = [f"WARC-Type: {kind}", f"WARC-Record-ID: {number}", "WARC-Date: 2026-11-20T06:00:00Z", *lines]
    named = [n for n in named if n]
    head = "\r\n".join([f"WARC/{version}", *named, f"Content-Length: {len(block)}", "", ""])
    return head.encode() + block + rest


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def faults(data: bytes, name: str = "x.warc.gz") -> list[str]:
    return [fault.what for fault in verify_bytes(data, name=name).faults]


def response(head: bytes, body: bytes, *lines: str, version: str = "1.1") -> bytes:
    return record(
        "response", "WARC-Target-URI: http://paper.example/",
        "Content-Type: application/http; msgtype=response", f"WARC-Payload-Digest: {sha1(body)}",
        *lines, block=head + body, version=version,
    )  # fmt: skip


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_decoded_body_under_a_kept_content_encoding_is_found(coding: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n".encode()
    assert any(f"is not {coding}" in f for f in faults(response(head, b"<!doctype html><p>decoded" * 9)))


def test_a_decoded_body_under_a_kept_transfer_encoding_is_found() -> None:
    assert any("is not chunked" in f for f in faults(response(CODED, b"<p>no chunks here")))


@pytest.mark.parametrize("kept", [gzip.compress(b"page", mtime=0), b""])
def test_a_body_that_is_coded_as_its_head_says_is_right(kept: bytes) -> None:
    assert faults(response(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", kept)) == []


def test_a_lie_of_the_server_that_the_writer_noted_is_no_fault() -> None:
    verdict = verify_bytes(warc(exchange(response=CODED + b"<p>no chunks")), name="x")
    assert (verdict.faults, len(verdict.notes)) == ([], 1)


def test_a_revisit_that_refers_to_nothing_is_found() -> None:
    profile = "WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
    nothing = record("revisit", "WARC-Target-URI: http://paper.example/", profile)
    elsewhere = record("revisit", profile, "WARC-Refers-To: <urn:uuid:00000000-0000-4000-8000-000000000000>")
    named = record("revisit", profile, "WARC-Refers-To-Target-URI: http://paper.example/")
    assert any("refers to nothing" in f for f in faults(nothing))
    assert any("refers to nothing" in f for f in faults(elsewhere))
    assert faults(named) == []


def test_records_in_one_gzip_member_are_found() -> None:
    plain = gzip.decompress(warc(exchange()))
    assert any("more than one record" in f for f in faults(gzip.compress(plain, mtime=0)))


def test_a_file_that_is_still_open_may_be_one_member() -> None:
    plain = gzip.decompress(warc(exchange()))
    assert faults(gzip.compress(plain, mtime=0), "x.warc.gz.open") == []


def test_bytes_behind_the_end_are_found() -> None:
    assert faults(warc(exchange()) + b"something else")


def test_a_plain_warc_is_checked_as_well() -> None:
    plain = gzip.decompress(warc(exchange()))
    assert faults(plain, "x.warc") == []
    assert faults(plain[:-3], "x.warc")
    assert faults(plain.replace(b"Hello", b"Jello"), "x.warc")


HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


def arc(length: int = 60) -> bytes:
    """An ARC file of two records, as crawlers wrote them until 2009."""
    about = b"1 0 Somebody\nURL IP-address Archive-date Content-type Archive-length\n"
    body = HTTP + b"<p>old</p>"
    return (
        b"filedesc://x.arc 0.0.0.0 20060101000000 text/plain %d\n" % len(about) + about + b"\n"
        + b"http://paper.example/ 192.0.2.1 20060101000000 text/html %d\n" % (len(body) + length - 60)
        + body + b"\n"
    )  # fmt: skip


def heritrix() -> bytes:
    """As Heritrix writes: WARC/1.0, a DNS record, request and metadata behind the response."""
    dns = b"20261120060000\npaper.example.\t300\tIN\tA\t192.0.2.1\n"
    return b"".join([
        record("warcinfo", "Content-Type: application/warc-fields", block=b"a: H\r\n\r\n", version="1.0"),
        record("response", "WARC-Target-URI: dns:paper.example", "Content-Type: text/dns",
               f"WARC-Block-Digest: {sha1(dns)}", block=dns, version="1.0"),
        response(HTTP, b"<p>page", "WARC-IP-Address: 192.0.2.1", version="1.0"),
        record("metadata", "WARC-Target-URI: http://paper.example/", "Content-Type: application/warc-fields",
               block=b"seed:\r\nfetchTimeMs: 5\r\n\r\n", version="1.0"),
    ])  # fmt: skip


def heritrix_others() -> bytes:
    """What else Heritrix keeps: FTP with its conversation, whois, a revisit of another file."""
    uri = "WARC-Target-URI: ftp://paper.example/list.txt"
    page = "WARC-Target-URI: http://paper.example/"
    return b"".join(
        [
            record(
                "warcinfo",
                "WARC-Filename: J-1.warc.gz",
                "Content-Type: application/warc-fields",
                block=b"software: Heritrix/3.4.0\r\nip: 192.0.2.9\r\n"
                b"hostname: crawler\r\noperator: Somebody\r\n"
                b"isPartOf: daily\r\nrobots: obey\r\nhttp-header-from: a@b.example\r\n\r\n",
                version="1.0",
            ),
            record(
                "resource",
                uri,
                "Content-Type: application/octet-stream",
                f"WARC-Payload-Digest: {sha1(b'list')}",
                block=b"list",
                version="1.0",
            ),
            record(
                "metadata",
                uri,
                "Content-Type: text/x-ftp-control-conversation",
                block=b"220 Hello\r\n",
                version="1.0",
            ),
            record(
                "response",
                "WARC-Target-URI: whois://whois.example/paper.example",
                "Content-Type: text/plain",
                f"WARC-Block-Digest: {sha1(b'Registrar: x')}",
                block=b"Registrar: x",
                version="1.0",
            ),
            record(
                "revisit",
                page,
                "Content-Type: application/http; msgtype=response",
                "WARC-Profile: http://netpreserve.org/warc/1.0/revisit/identical-payload-digest",
                "WARC-Truncated: length",
                f"WARC-Payload-Digest: {sha1(b'page')}",
                "WARC-Refers-To: <urn:uuid:00000000-0000-4000-8000-000000000000>",
                block=HTTP,
                version="1.0",
            ),
            record(
                "response",
                page,
                "Content-Type: application/http; msgtype=response",
                f"WARC-Payload-Digest: {sha1(b'p')}",
                block=HTTP + b"p",
                version="1.0",
            ),
        ]
    )


def common_crawl_texts() -> bytes:
    """As Common Crawl's WAT and WET files are: JSON about records, and their text."""
    uri = "WARC-Target-URI: https://paper.example/"
    refers = "WARC-Refers-To: <urn:uuid:11111111-0000-4000-8000-000000000000>"
    return b"".join(
        [
            record(
                "warcinfo",
                "WARC-Filename: CC-MAIN.warc.wet.gz",
                "Content-Type: application/warc-fields",
                block=b"Software-Info: ia-web-commons\r\n\r\n",
                version="1.0",
            ),
            record(
                "metadata",
                uri,
                refers,
                "Content-Type: application/json",
                block=b'{"Container": {}}',
                version="1.0",
            ),
            record(
                "conversion",
                uri,
                refers,
                "WARC-Identified-Content-Language: eng",
                "Content-Type: text/plain",
                f"WARC-Block-Digest: {sha1(b'text')}",
                block=b"text",
                version="1.0",
            ),
            response(HTTP, b"<p>page", "WARC-Identified-Payload-Type: text/html", version="1.0"),
        ]
    )


def browsertrix_more() -> bytes:
    """What Browsertrix keeps beside pages: pictures of them, their text, a revisit, fields of its own."""

    def resource(uri: str, kind: str, block: bytes) -> bytes:
        sha = hashlib.sha256(block).hexdigest()
        return record(
            "resource",
            f"WARC-Target-URI: {uri}",
            f"Content-Type: {kind}",
            f"WARC-Payload-Digest: sha256:{sha}",
            f"WARC-Block-Digest: sha256:{sha}",
            block=block,
        )

    head = b"HTTP/1.1 200 OK\r\nx-orig-transfer-encoding: chunked\r\n\r\n"
    return b"".join(
        [
            record(
                "warcinfo",
                "Content-Type: application/warc-fields",
                block=b"software: Browsertrix-Crawler 1.6.2 (with warcio.js 2.4.3)\r\n"
                b"format: WARC File Format 1.1\r\n"
                b'crawl: {"seeds": ["https://paper.example/"]}\r\n\r\n',
            ),
            resource("urn:view:https://paper.example/", "image/png", b"\x89PNG"),
            resource("urn:text:https://paper.example/", "text/plain", "Überschrift".encode()),
            resource("urn:pageinfo:https://paper.example/", "application/json", b'{"pageid": "1"}'),
            record(
                "revisit",
                "WARC-Target-URI: https://paper.example/a.js",
                "WARC-Page-ID: 1",
                "WARC-Resource-Type: script",
                "WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
                "WARC-Refers-To-Target-URI: https://paper.example/b.js",
                "WARC-Refers-To-Date: 2026-11-20T06:00:00.123Z",
                f"WARC-Payload-Digest: sha256:{hashlib.sha256(b'js').hexdigest()}",
                "Content-Type: application/http; msgtype=response",
                block=head,
            ),
            response(
                head,
                b"<p>page",
                "WARC-Page-ID: 1",
                'WARC-JSON-Metadata: {"ipType":"Public","cert":{"issuer":"x"}}',
            ),
        ]
    )


def segmented() -> bytes:
    """One payload in two records: the digest is that of all of it."""
    uri, whole = "WARC-Target-URI: http://paper.example/", f"WARC-Payload-Digest: {sha1(b'page and more')}"
    http = "Content-Type: application/http; msgtype=response"
    origin = "WARC-Segment-Origin-ID: <urn:uuid:11111111-0000-4000-8000-000000000000>"
    return record("response", uri, http, "WARC-Segment-Number: 1", whole, block=HTTP + b"page ") + record(
        "continuation",
        uri,
        origin,
        "WARC-Segment-Number: 2",
        "WARC-Segment-Total-Length: 59",
        block=b"and more",
    )


def wget_again() -> bytes:
    """As wget 1.21 writes with --warc-dedup: the digest of no byte for a head, the id of another file."""
    return response(HTTP, b"<p>new", version="1.0") + record(
        "revisit", "WARC-Target-URI: <http://paper.example/old>", f"WARC-Block-Digest: {sha1(b'')}",
        "WARC-Refers-To: <urn:uuid:22222222-0000-4000-8000-000000000000>", "WARC-Truncated: length",
        "WARC-Profile: http://netpreserve.org/warc/1.0/revisit/identical-payload-digest",
        f"WARC-Payload-Digest: {sha1(b'<p>old')}", "Content-Type: application/http;msgtype=response",
        block=HTTP, version="1.0",
    )  # fmt: skip


def coarse() -> bytes:
    """Of a page that was scanned, only the day is known (WARC 1.1, 5.4)."""
    plain = gzip.decompress(response(HTTP, b"<p>scan"))
    return gzip.compress(plain.replace(b"2026-11-20T06:00:00Z", b"2026-11-20"), mtime=0)


def common_crawl() -> bytes:
    """As Common Crawl writes: codings undone, their headers renamed, cut at a length."""
    head = b"HTTP/1.1 200 OK\r\nX-Crawl-Content-Encoding: br\r\nX-Crawl-Transfer-Encoding: chunked\r\n\r\n"
    return response(
        head, b"<p>cut", "WARC-Truncated: length", f"WARC-Block-Digest: {sha1(head + b'<p>cut')}",
        "WARC-Identified-Payload-Type: text/html", version="1.0",
    )  # fmt: skip


def browsertrix() -> bytes:
    """As Browsertrix writes: WARC/1.1, SHA-256, codings undone, page information as resources."""
    head, body = b"HTTP/1.1 200 OK\r\nx-orig-content-encoding: br\r\n\r\n", b"<p>page"
    sha = "sha256:" + hashlib.sha256(body).hexdigest()
    info = b'{"urls": {}}'
    return record(
        "response", "WARC-Target-URI: http://paper.example/", f"WARC-Payload-Digest: {sha}",
        f"WARC-Block-Digest: sha256:{hashlib.sha256(head + body).hexdigest()}", 'WARC-JSON-Metadata: {"a":1}',
        "Content-Type: application/http; msgtype=response", block=head + body,
    ) + record(
        "resource", "WARC-Target-URI: urn:pageinfo:http://paper.example/", "Content-Type: application/json",
        f"WARC-Payload-Digest: sha256:{hashlib.sha256(info).hexdigest()}", block=info,
    )  # fmt: skip


def wget() -> bytes:
    """As wget 1.14 writes: URIs in angle brackets, and one id for two records about itself."""
    number = "<urn:uuid:305cda53-0000-4000-8000-000000000000>"
    target = "WARC-Target-URI: <metadata://gnu.org/software/wget/warc/MANIFEST.txt>"
    own = [f"WARC-Record-ID: {number}", target, f"WARC-Block-Digest: {sha1(b'x')}"]
    twice = gzip.compress(
        plain_record("resource", *own, block=b"x", version="1.0").replace(b"WARC-Record-ID", b"X-ID", 1),
        mtime=0,
    )
    uri = "WARC-Target-URI: <http://paper.example/>"
    page = record("response", uri, f"WARC-Block-Digest: {sha1(HTTP)}", block=HTTP, version="1.0")
    return page + twice + twice


OTHERS = {
    "heritrix": heritrix(),
    "heritrix, others": heritrix_others(),
    "common crawl": common_crawl(),
    "common crawl, texts": common_crawl_texts(),
    "browsertrix": browsertrix(),
    "browsertrix, more": browsertrix_more(),
    "wget": wget(),
    "wget again": wget_again(),
    "segmented": segmented(),
    "coarse": coarse(),
}


@pytest.mark.parametrize("data", [arc(), *OTHERS.values()], ids=["arc", *OTHERS])
def test_whole_files_of_others_have_no_fault(data: bytes) -> None:
    assert faults(data) == []


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_whole_files_of_others_have_no_fault_as_plain_files(data: bytes) -> None:
    assert faults(gzip.decompress(data), "x.warc") == []


def harmed(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A file in which one response or resource that has a digest is changed."""
    parts = [m.data for m in members(io.BytesIO(data))]
    wanted = (
        n for n, p in enumerate(parts)
        if re.search(rb"WARC-Type: (response|resource)", p) and b"-Digest" in p and b"Segment" not in p
    )  # fmt: skip
    place = next(wanted, 0)
    parts[place] = change(parts[place])
    return b"".join(gzip.compress(part, mtime=0) for part in parts)


HARM: dict[str, Callable[[bytes], bytes]] = {
    "flipped": lambda d: harmed(d, lambda p: p[:-5] + bytes([p[-5] ^ 1]) + p[-4:]),
    "torn": lambda d: d[:-9],
    "torn in the last member": lambda d: d[:-1],
    "crc": lambda d: d[:-8] + bytes([d[-8] ^ 1]) + d[-7:],
    "one member": lambda d: gzip.compress(gzip.decompress(d) * 2, mtime=0),
    "too long": lambda d: harmed(d, lambda p: re.sub(rb"Content-Length: (\d+)", rb"Content-Length: 9\1", p)),
    "too short": lambda d: harmed(
        d, lambda p: re.sub(rb"Content-Length: \d+(?=\r\n\r\n)", b"Content-Length: 1", p, count=1)
    ),
    "line ends": lambda d: harmed(d, lambda p: p[:-4]),
    "no id": lambda d: harmed(d, lambda p: re.sub(rb"WARC-Record-ID: \S+\r\n", b"", p)),
    "id twice": lambda d: harmed(d, lambda p: p) + gzip.compress(next(members(io.BytesIO(d))).data, mtime=0),
    "bad date": lambda d: harmed(d, lambda p: re.sub(rb"WARC-Date: \S+", b"WARC-Date: 20261120", p)),
    "no digest": lambda d: harmed(d, lambda p: re.sub(rb"WARC-(Block|Payload)-Digest: \S+\r\n", b"", p)),
    "zeros": lambda d: d + bytes(512),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("kind", [kind for kind in OTHERS if kind != "segmented"])
def test_each_fault_is_found_in_files_of_all_kinds(kind: str, harm: str) -> None:
    assert faults(HARM[harm](OTHERS[kind])), f"{harm} in {kind}"


@pytest.mark.parametrize("length", [30, 90])
def test_a_wrong_length_in_an_arc_is_found(length: int) -> None:
    assert faults(arc(length), "x.arc")


WHOLE = warc(exchange())
STARTS = {m.offset for m in members(io.BytesIO(WHOLE))}


@given(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.integers(min_value=1, max_value=255))
def test_no_byte_can_change_without_a_fault(place: int, change: int) -> None:
    # In a gzip header, flags that announce nothing, time and system say nothing that can be checked, nor do
    # the bits that fill up the last byte of a deflate stream, before the eight bytes of check and size.
    inside = place - max(start for start in STARTS if start <= place)
    left = min(end for end in (*STARTS, len(WHOLE)) if end > place) - place
    data = bytearray(WHOLE)
    data[place] ^= change
    assert inside in range(3, 10) or left == 9 or faults(bytes(data))
