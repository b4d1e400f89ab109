"""The crawl log: one line of JSON per exchange, kept beside its WARC.

Rules: a line is made when the exchange is recorded, and written when its records are durable; after a crash
the lines are made anew from the WARC, which alone is the truth. Keys that say nothing are left out.

    at      when the request was sent (UTC, microseconds)      ms       how long it took, in milliseconds
    url     what was asked for                                 method   where it is not GET
    status  of the response; 0 where none came                 error    why none came, or not all of it
    size    bytes of the response on the wire, head included (not known of a revisit in a log made anew)
    mime, digest (of the payload), kind ("revisit" where the payload is in another record), wall, rights
    via     how the URL was found; `from`: the document that named it
    peer    the address that answered
    offset, length   the response's record in the WARC; where none came, all records of the exchange
"""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from archive.errors import DamagedWarc, NotStored
from archive.model import Capture, Exchange, Location, PublishedWarc
from archive.store import Store, opened
from archive.warc import Listing, Record, ends_group, members, read_record

FORM = ".jsonl.gz"


def log_key(cdxj: str) -> str:
    """The key of the log beside a WARC whose index lines have this key."""
    return cdxj.replace("cdxj/", "logs/", 1).removesuffix(".cdxj") + FORM


def line_of(exchange: Exchange, capture: Capture | None, offset: int, length: int) -> str:
    """The line of an exchange whose records begin at `offset` and take `length` bytes."""
    return _line(
        {
            "at": f"{exchange.began:%Y-%m-%dT%H:%M:%S.%fZ}",
            "ms": round(exchange.seconds * 1000),
            "status": capture.status if capture else 0,
            "url": exchange.url,
            "method": exchange.method,
            "size": len(exchange.response) + (exchange.big.size if exchange.big else 0),
            "via": exchange.via,
            "from": exchange.referrer,
            "peer": exchange.peer,
            "error": exchange.error or exchange.truncated,
        },
        capture,
        (offset, length),
    )


def _line(said: dict[str, Any], capture: Capture | None, place: tuple[int, int]) -> str:
    if capture:
        place = capture.location.offset, capture.location.length
        said |= {
            "mime": capture.mime,
            "digest": capture.digest,
            "kind": capture.kind if capture.kind != "response" else "",
            "wall": capture.wall,
            "rights": capture.rights,
        }
    if said.get("method") == "GET":
        del said["method"]
    kept = {name: value for name, value in said.items() if value or name in ("ms", "status")}
    kept |= {"offset": place[0], "length": place[1]}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def lines_anew(file: BinaryIO, *, warc: str) -> Iterator[str]:
    """The lines of a gzipped WARC that we wrote, made from its records; raise DamagedWarc."""
    group: list[tuple[Record, Location]] = []
    for member in members(file):
        record = read_record(member.data)
        if record.kind == "warcinfo":
            continue
        group.append((record, Location(warc=warc, offset=member.offset, length=member.length)))
        if ends_group(record.kind, record.headers.get("content-type", "")):
            if line := _line_of_group(group):
                yield line
            group = []


def _line_of_group(group: list[tuple[Record, Location]]) -> str | None:
    listing, asked, capture = Listing(), None, None
    size = 0
    for record, place in group:
        capture = listing.add(record, place) or capture
        asked = record if record.kind == "request" else asked
        size = len(record.block) if record.kind == "response" else size
    capture = listing.end() or capture
    if asked is None:
        return None
    told = _fields(group[-1][0])
    first, last = group[0][1], group[-1][1]
    said = {
        "at": f"{asked.at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "ms": int(told.get("fetchTimeMs", "0") or 0),
        "status": capture.status if capture else 0,
        "url": asked.url,
        "method": asked.block.partition(b" ")[0].decode("latin-1"),
        "size": size,
        "via": told.get("foundBy"),
        "from": told.get("via"),
        "peer": asked.headers.get("warc-ip-address"),
        "error": told.get("fetchError") or (capture.truncated if capture else None),
    }
    return _line(said, capture, (first.offset, last.offset + last.length - first.offset))


def _fields(record: Record) -> dict[str, str]:
    lines = (line.partition(":") for line in record.block.decode("utf-8", "replace").splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def packed(lines: bytes) -> bytes:
    """A log as it is kept: the same lines give the same bytes."""
    return gzip.compress(lines, 6, mtime=0)


def unpacked(data: bytes) -> Iterator[str]:
    """The lines of a kept log; raise DamagedWarc where it is damaged."""
    try:
        with gzip.open(io.BytesIO(data), "rt", encoding="utf-8") as file:
            yield from (line.rstrip("\n") for line in file)
    except (OSError, EOFError, ValueError) as error:
        raise DamagedWarc(f"a crawl log cannot be read: {error}") from error


def lines_of(store: Store, warc: PublishedWarc) -> Iterator[str]:
    """The crawl log of a published WARC; where it has none, or lost it, as its records tell it."""
    try:
        if warc.log:
            yield from unpacked(store.read(warc.log))
            return
    except NotStored:
        pass
    with opened(store, warc.key) as file:
        yield from lines_anew(file, warc=warc.key)


def log_anew(path: Path, log: Path, key: str) -> None:
    """Write the lines of an `.open` WARC anew, from its records."""
    with path.open("rb") as file:
        text = "".join(f"{line}\n" for line in lines_anew(file, warc=key))
    log.write_text(text, encoding="utf-8", errors="replace")
