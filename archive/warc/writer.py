"""Exchanges as WARC/1.1 records, each one gzip member.

Rules: warcio makes every byte of a record; the HTTP head is handed to it as bytes, so that it is stored as it
crossed the wire. The payload digest is over the body without transfer coding (WARC 1.1, section 6.3.2); the
block digest is over the block as stored. An exchange's records go out together and name each other.
"""

import base64
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import deflate
from warcio.recordloader import ArcWarcRecord
from warcio.warcwriter import WARCWriter

from archive.cdxj import surt_of
from archive.model import Capture, Exchange, Location
from archive.wire import NotHttp, ResponseHead, entity, read_head

GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Bytes to append to a WARC, and the capture they hold (its offset counts from their start)."""

    data: bytes
    records: int
    capture: Capture | None = None


class _Head:
    """The wire's own head, where warcio expects headers that it would write anew."""

    def __init__(self, head: bytes) -> None:
        self.headers_buff = head

    def compute_headers_buffer(self, _filter: Any = None) -> None:
        """Nothing to do: the bytes are the wire's."""


class _Writer(WARCWriter):  # type: ignore[misc]
    """warcio's writer, without payload digests where there is no payload."""

    NO_PAYLOAD_DIGEST_TYPES = ("warcinfo", "revisit", "request", "metadata")


def warcinfo_member(*, filename: str, info: Mapping[str, str]) -> tuple[str, bytes]:
    """The record that opens a WARC: its id, and its gzip member."""
    out = io.BytesIO()
    writer = _Writer(out, gzip=False, warc_version="1.1")
    record = writer.create_warcinfo_record(filename, dict(info))
    writer.write_record(record)
    return record.rec_headers.get_header("WARC-Record-ID"), _member(out.getvalue())


def write_exchange(exchange: Exchange, *, warcinfo: str, warc: str) -> Written:
    """The records of one exchange: request, response (where a byte came) and metadata.

    `warcinfo` is the id of the WARC's first record, `warc` the key that the capture's Location names.
    """
    writer = _Writer(io.BytesIO(), gzip=False, warc_version="1.1")
    common = {"WARC-Date": _date(exchange), "WARC-Warcinfo-ID": warcinfo}
    if exchange.peer:
        common["WARC-IP-Address"] = exchange.peer
    request = _record(writer, exchange, "request", exchange.request, common, head_length=None)
    made = [request]
    if exchange.response:
        made.append(_response(writer, exchange, common, request))
    made.append(_metadata(writer, exchange, common, made[-1]))
    members = [_written(writer, record) for record in made]
    capture = _capture(exchange, members, warc) if exchange.response else None
    return Written(data=b"".join(members), records=len(members), capture=capture)


def _response(writer: _Writer, exchange: Exchange, common: dict[str, str], request: Any) -> Any:
    extra = dict(common)
    extra["WARC-Concurrent-To"] = request.rec_headers.get_header("WARC-Record-ID")
    extra["WARC-Payload-Digest"] = payload_digest(_payload(exchange))
    if exchange.truncated:
        extra["WARC-Truncated"] = exchange.truncated
    record = _record(writer, exchange, "response", exchange.response, extra, head_length=exchange.head_length)
    for protocol in ("http/1.1", exchange.tls and exchange.tls.version):
        if protocol:
            record.rec_headers.add_header("WARC-Protocol", protocol)
    if exchange.tls:
        record.rec_headers.add_header("WARC-Cipher-Suite", exchange.tls.cipher)
    return record


def _metadata(writer: _Writer, exchange: Exchange, common: dict[str, str], about: Any) -> Any:
    fields = {
        "fetchTimeMs": str(round(exchange.seconds * 1000)),
        "via": exchange.referrer,
        "foundBy": exchange.via,
        "fetchError": exchange.error,
    }
    lines = "".join(f"{k}: {_one_line(v)}\r\n" for k, v in fields.items() if v)
    extra = common | {"WARC-Concurrent-To": about.rec_headers.get_header("WARC-Record-ID")}
    extra["Content-Type"] = "application/warc-fields"
    return _record(writer, exchange, "metadata", lines.encode(), extra, head_length=None)


def _record(
    writer: _Writer,
    exchange: Exchange,
    kind: str,
    block: bytes,
    headers: dict[str, str],
    *,
    head_length: int | None,
) -> ArcWarcRecord:
    end = len(block) if head_length is None and kind == "request" else head_length or 0
    digest = "sha256:" + hashlib.sha256(block).hexdigest()
    payload = block[end:]
    return writer.create_warc_record(
        exchange.url,
        kind,
        payload=io.BytesIO(payload),
        length=len(payload),
        http_headers=_Head(block[:end]) if kind != "metadata" else None,
        warc_headers_dict=headers | {"WARC-Block-Digest": digest},
    )


def _written(writer: _Writer, record: ArcWarcRecord) -> bytes:
    writer.out = io.BytesIO()
    writer.write_record(record)
    return _member(writer.out.getvalue())


def _member(data: bytes) -> bytes:
    return bytes(deflate.gzip_compress(data, GZIP_LEVEL))


def _capture(exchange: Exchange, members: list[bytes], warc: str) -> Capture:
    head = _head(exchange)
    place = Location(warc=warc, offset=len(members[0]), length=len(members[1]))
    return Capture(
        surt=surt_of(exchange.url),
        at=exchange.began,
        url=exchange.url,
        status=head.status if head else 0,
        mime=(head.mime if head else "") or "unk",
        digest=payload_digest(_payload(exchange)),
        location=place,
        redirect=_redirect(head),
    )


def _redirect(head: ResponseHead | None) -> str | None:
    if head is None or not 300 <= head.status < 400:
        return None
    return (head.get(b"location") or b"").decode("latin-1") or None


def _head(exchange: Exchange) -> ResponseHead | None:
    try:
        return read_head(exchange.head)
    except NotHttp:
        return None


def _payload(exchange: Exchange) -> bytes:
    head = _head(exchange)
    # What is no HTTP message has no head: all of it is payload.
    return entity(head, exchange.body) if head else exchange.response


def payload_digest(payload: bytes) -> str:
    """SHA-1 of a payload in the form that CDX files share: sha1:BASE32."""
    return "sha1:" + base64.b32encode(hashlib.sha1(payload, usedforsecurity=False).digest()).decode()


def _date(exchange: Exchange) -> str:
    return exchange.began.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _one_line(text: str) -> str:
    return " ".join(text.split())
