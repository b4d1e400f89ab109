"""Stored responses given out over HTTP: as they are (`id_`), or in the words of the worker (`ir_`)."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from archive.cdxj import stamp_of
from archive.model import Capture
from archive.playback import Playback
from archive.room.links import absolute, embedded
from archive.wire import ResponseHead

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.A)
# What a browser needs to read the body; all else that was archived is given under X-Archive-Orig-.
NEEDED = (b"content-type", b"content-encoding", b"content-language")
PLAIN = (b"content-type", b"content-language")
# A raw record is for reading: it runs nothing, loads nothing, and is nobody's frame.
RAW_CSP = "sandbox; default-src 'none'; frame-ancestors 'none'"
NO_BODY = (101, 103, 204, 205, 304)


def record_response(
    playback: Playback, *, worker: bool, asked: datetime | None, loose: bool, wanted: str = "",
    instead: bytes | None = None,
) -> Response:  # fmt: skip
    """The archived response: status, the headers needed, and the body as stored.

    `wanted` is a Range, in bytes of the body as it is stored; it counts where the archived status is 200.
    `instead` is a body without codings that the worker is given in its place (archive.room.script).
    """
    capture, head = playback.capture, playback.head
    status = head.status if 200 <= head.status <= 599 else 502
    body = b"" if status in NO_BODY else playback.body if instead is None else instead
    part: list[tuple[bytes, bytes]] = []
    if wanted and status == 200:
        status, body, part = _part(body, wanted)
    response = Response(body, status_code=200 if worker else status)
    raw = (
        _needed(head, NEEDED if instead is None else PLAIN)
        + _ours(capture, asked=asked, loose=loose)
        + part
        + _kept(head)
    )
    raw += _for_worker(capture, head, status) if worker else _for_reader(capture, head)
    lengths = [(k, v) for k, v in response.raw_headers if k == b"content-length"]
    response.raw_headers = lengths + raw
    return response


def wanted_of(request: Request, digest: str) -> str:
    """The Range that a request asks for; "" where it asks for all, or for a part of something else."""
    condition = request.headers.get("if-range", "")
    if request.method != "GET" or (condition and condition != f'"{digest}"'):
        return ""
    return request.headers.get("range", "")


def _part(body: bytes, wanted: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Status, bytes and header of one range (RFC 9110, section 14); several, or none, mean all."""
    found = RANGE.match(wanted)
    if not found or not (found[1] or found[2]):
        return 200, body, []
    size = len(body)
    start = int(found[1]) if found[1] else max(size - int(found[2]), 0)
    end = min(int(found[2]) + 1, size) if found[1] and found[2] else size
    if start >= size:
        return 416, b"", [(b"content-range", b"bytes */%d" % size)]
    if end <= start:
        return 200, body, []
    return 206, body[start:end], [(b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size))]


def _needed(head: ResponseHead, names: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
    return [(n, _clean(v)) for n in names for v in head.all(n)[:1]]


def _ours(capture: Capture, *, asked: datetime | None, loose: bool) -> list[tuple[bytes, bytes]]:
    original = quote(capture.url, safe="%/:?&=+,;@!$'()*~#[]")
    made = {
        "memento-datetime": format_datetime(capture.at.astimezone(UTC), usegmt=True),
        "link": f'<{original}>; rel="original"',
        "cache-control": "no-cache",
        "content-security-policy": RAW_CSP,
    }
    if asked:
        made["x-newsmorgue-drift"] = str(round((capture.at - asked).total_seconds()))
    if loose:
        made["x-newsmorgue-fuzzy"] = "1"
    return [(name.encode(), value.encode("ascii")) for name, value in made.items()]


def _kept(head: ResponseHead) -> list[tuple[bytes, bytes]]:
    return [(b"x-archive-orig-" + n.lower(), _clean(v)) for n, v in head.headers if TOKEN.match(n)]


def _for_reader(capture: Capture, head: ResponseHead) -> list[tuple[bytes, bytes]]:
    found = [(b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin")]
    found.append((b"accept-ranges", b"bytes"))
    if head.mime == "application/pdf":
        found.append((b"content-disposition", b"attachment"))  # shown in no sandbox, and so taken
    if capture.digest:
        found.append((b"etag", b'"%s"' % _clean(capture.digest.encode("latin-1", "replace"))))
    target = _target(capture, head)
    if target:
        # Never to the live web: the redirect is followed inside the archive, at the same moment.
        found.append((b"location", f"/raw/{stamp_of(capture.at)}id_/{embedded(target)}".encode()))
    return found


def _for_worker(capture: Capture, head: ResponseHead, status: int) -> list[tuple[bytes, bytes]]:
    """What wabac.js takes from the headers: a fetch of its own must neither follow redirects nor see errors.

    It replaces what it believes to be errors of a proxy (401 and up) by a page of its own; so the archived
    status always travels in a header.
    """
    stamp = stamp_of(capture.at).encode()
    found = [(b"x-orig-ts", stamp)]
    if status != 200:
        reason = head.reason if status == head.status else HTTPStatus(status).phrase
        found.append((b"x-redirect-status", str(status).encode()))
        found.append((b"x-redirect-statustext", _clean(reason.encode("latin-1", "replace"))))
    target = _target(capture, head)
    if target:
        found.append((b"x-orig-location", f"/raw/{stamp.decode()}ir_/{embedded(target)}".encode()))
    return found


def _target(capture: Capture, head: ResponseHead) -> str:
    location = (head.get(b"location") or b"").decode("latin-1")
    return absolute(capture.url, location) if 300 <= head.status < 400 and location else ""


def _clean(value: bytes) -> bytes:
    return bytes(c for c in value if c >= 32 and c != 127).strip()
