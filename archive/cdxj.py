"""Captures as CDXJ lines: `SURT TIMESTAMP {json}`.

The JSON names are those that pywb and cdxj-indexer use: url, mime, status, digest, length, offset, filename,
and for other methods than GET method and requestBody (archive.methods).
`filename` is the WARC's key in the store. Times are UTC; the 14-digit stamp drops fractions of a second,
`date` keeps them. Ours as well: `id` (WARC-Record-ID), `truncated`, `wall` (what stands in the page's place),
`rights` (archive.rights), and for revisits, whose mime is "warc/revisit", `media`, what their head says.
"""

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from archive.errors import DamagedWarc
from archive.model import Capture, Location

REVISIT = "warc/revisit"
PLAIN = re.compile(
    r"(https?://[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?)/([\w./~-]*)(\?\w+=[\w.~-]*(?:&\w+=[\w.~-]*)*)?\Z",
    re.A,
)
NAMED = re.compile(r"(https?)://(?:www\d*\.)?((?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*)(:[1-9][0-9]*)?\Z", re.A)
UNPLAIN = re.compile(r"//|/\.|sid|sess|cfid", re.I)  # dots to resolve, session ids to leave out
AS_JSON = json.JSONEncoder(ensure_ascii=False).encode


def surt_of(url: str) -> str:
    """The URL's sort-friendly key, as the field computes it (the `surt` package's canonical form).

    A URL in which there is nothing to mend, as nearly all are, is taken apart here: eight times as fast.
    """
    found = PLAIN.match(url)
    if not found or UNPLAIN.search(url, found.end(1)):
        return _canonical(url)
    origin, path, query = found.groups()
    key = _origin(origin) + path.lower().rstrip("/")
    if not query:
        return key
    return f"{key or '/'}?{'&'.join(sorted(query[1:].lower().split('&'), key=_pair))}"


def _pair(part: str) -> list[str]:
    return part.split("=")


@lru_cache(4096)
def _origin(origin: str) -> str:
    found = NAMED.match(origin)
    if not found:
        return _canonical(origin + "/")
    scheme, host, port = found.groups()
    usual = port in (None, ":80" if scheme == "http" else ":443")
    return f"{','.join(reversed(host.split('.')))}{'' if usual else port})/"


def _canonical(url: str) -> str:
    import surt  # brings a list of all domains: a long import, for which most listings have no use

    try:
        return str(surt.surt(url))
    except (ValueError, IndexError, AttributeError, TypeError):
        return url.replace(" ", "%20")


def stamp_of(at: datetime) -> str:
    """The 14-digit timestamp of a moment, in UTC."""
    return _stamp(at.astimezone(UTC).isoformat())


def _stamp(iso: str) -> str:
    return f"{iso[:4]}{iso[5:7]}{iso[8:10]}{iso[11:13]}{iso[14:16]}{iso[17:19]}"


def moment_of(stamp: str) -> datetime:
    """The first moment that a timestamp of 4 to 14 digits names; raise ValueError for others."""
    if not (stamp.isascii() and stamp.isdigit() and 4 <= len(stamp) <= 14):
        raise ValueError(f"{stamp!r} is no timestamp of 4 to 14 digits, like 20261120060000")
    full = stamp + "00000101000000"[len(stamp) :]
    return datetime.strptime(full, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _moment(stamp: str, date: str | None) -> datetime:
    return datetime.fromisoformat(date).astimezone(UTC) if date else moment_of(stamp)


def line_of(capture: Capture) -> str:
    """The CDXJ line of a capture, without a line end."""
    revisit = capture.kind == "revisit"
    fields: dict[str, Any] = {
        "url": capture.url,
        "mime": REVISIT if revisit else capture.mime,
        "status": str(capture.status),
        "digest": capture.digest,
        "length": str(capture.location.length),
        "offset": str(capture.location.offset),
        "filename": capture.location.warc,
    }
    if revisit:
        fields["media"] = capture.mime
    if capture.method != "GET":
        fields["method"] = capture.method
        fields["requestBody"] = capture.sent
    if capture.redirect:
        fields["redirect"] = capture.redirect
    if capture.truncated:
        fields["truncated"] = capture.truncated
    if capture.wall:
        fields["wall"] = capture.wall
    if capture.rights:
        fields["rights"] = capture.rights
    if capture.id:
        fields["id"] = capture.id
    iso = capture.at.astimezone(UTC).isoformat()
    if capture.at.microsecond:
        fields["date"] = f"{iso[:26]}Z"
    return f"{capture.surt} {_stamp(iso)} {AS_JSON(fields)}"


def capture_of(line: str) -> Capture:
    """Read a CDXJ line; raise DamagedWarc where it is not one."""
    try:
        key, stamp, rest = line.split(" ", 2)
        found = json.loads(rest)
        revisit = found.get("mime") == REVISIT
        place = Location(warc=found["filename"], offset=int(found["offset"]), length=int(found["length"]))
        return Capture(
            surt=key,
            at=_moment(stamp, found.get("date")),
            url=found["url"],
            status=int(found.get("status") or 0),
            mime=found.get("media", "unk") if revisit else found.get("mime", ""),
            digest=found.get("digest", ""),
            location=place,
            kind="revisit" if revisit else "response",
            redirect=found.get("redirect"),
            id=found.get("id", ""),
            truncated=found.get("truncated"),
            wall=found.get("wall", ""),
            rights=found.get("rights", ""),
            method=found.get("method", "GET"),
            sent=found.get("requestBody", ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedWarc(f"not a CDXJ line ({error}): {line[:120]!r}") from error
