"""WARC and ARC files into records with nothing passed over: for checking, where warcio and fastwarc forgive.

Rules: no library reads the bytes, since each one that we tried runs over a torn tail, a wrong length or a
second record in a member without a word. A gzipped file is walked member by member, a plain one record by
record; what lies behind a record's block is handed out as `rest`, for others to judge. Faults of framing
raise DamagedWarc.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from archive.errors import DamagedWarc
from archive.warc.reader import Record, arc_record, members

MOST_HEADER = 1 << 20
READ = 1 << 20
VERSION = re.compile(rb"WARC/(\d+\.\d+)\r?\n")
HEADER_END = re.compile(rb"\r?\n\r?\n")
ARC_LINE = re.compile(rb"(\S+) (\S*) (\d{8,}) (.*) (-?\d+)\r?\n")
ENDS = b"\r\n"
BLANKS = (":  ", " \r", "\t", "\x0b", "\x0c")  # where a value has blanks around it, one of these is there
USUAL = {
    name: name.lower()
    for name in (
        "WARC-Type", "WARC-Record-ID", "WARC-Date", "Content-Length", "Content-Type", "WARC-Concurrent-To",
        "WARC-Block-Digest", "WARC-Payload-Digest", "WARC-IP-Address", "WARC-Refers-To",
        "WARC-Refers-To-Target-URI", "WARC-Refers-To-Date", "WARC-Target-URI", "WARC-Truncated",
        "WARC-Warcinfo-ID", "WARC-Filename", "WARC-Profile", "WARC-Identified-Payload-Type", "WARC-Protocol",
        "WARC-Cipher-Suite",
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed:
    """One record as it lies in the file.

    `version` is that of the WARC ("1.1"), or "arc"; `names` are header names in lower case, first value each;
    `odd` are header lines that are none; `rest` is what stands behind the block in the same member (or up to
    the next record of a plain file).
    """

    offset: int
    length: int
    version: str
    names: dict[str, str]
    odd: tuple[bytes, ...]
    block: bytes
    rest: bytes


def frames(file: BinaryIO, start: int = 0) -> Iterator[Framed]:
    """All records of a WARC or ARC, gzipped or plain; raise DamagedWarc at the first that is not whole.

    `start` is an offset at which a record begins, to go on behind damage.
    """
    file.seek(start)
    magic = file.read(2)
    file.seek(start)
    if magic == b"\x1f\x8b":
        for member in members(file, start):
            yield frame_of(member.data, member.offset, member.length)
    else:
        yield from _plain(file, start)


def record_of(framed: Framed) -> Record:
    """A record as others of the house know it; one of an ARC in the words of WARC."""
    names = framed.names
    if framed.version == "arc":
        return arc_record(names["warc-target-uri"], names["warc-date"], names, framed.block)
    return Record(kind=names.get("warc-type", ""), headers=names, block=framed.block)


def frame_of(data: bytes, offset: int, length: int) -> Framed:
    """The record that a gzip member holds."""
    version, names, odd, end = read_header(data, offset)
    size = block_size(names, offset)
    if len(data) - end < size:
        raise DamagedWarc(
            f"the record says Content-Length {size}, and {len(data) - end} bytes follow", offset=offset
        )
    return Framed(
        offset=offset, length=length, version=version, names=names, odd=odd,
        block=data[end : end + size], rest=data[end + size :],
    )  # fmt: skip


def _plain(file: BinaryIO, start: int) -> Iterator[Framed]:
    offset, data = start, b""
    while data := data or file.read(READ):
        while not HEADER_END.search(data) and not ARC_LINE.match(data) and len(data) < MOST_HEADER:
            more = file.read(READ)
            if not more:
                break
            data += more
        version, names, odd, end = read_header(data, offset)
        size = block_size(names, offset)
        while len(data) < end + size + 8 and (more := file.read(max(READ, end + size - len(data)))):
            data += more
        if len(data) < end + size:
            raise DamagedWarc(
                f"the record says Content-Length {size}, and {len(data) - end} bytes follow", offset=offset
            )
        block, behind = data[end : end + size], data[end + size :]
        rest = behind[: len(behind) - len(behind.lstrip(ENDS))][: 1 if version == "arc" else 4]
        length = end + size + len(rest)
        yield Framed(
            offset=offset, length=length, version=version, names=names, odd=odd, block=block, rest=rest
        )
        offset, data = offset + length, data[length:]


def read_header(data: bytes, offset: int) -> tuple[str, dict[str, str], tuple[bytes, ...], int]:
    """Version, names, lines that are no header, and where the block begins; raise DamagedWarc."""
    found = VERSION.match(data)
    if not found:
        return _arc_header(data, offset)
    end = data.find(b"\r\n\r\n", found.end() - 2, MOST_HEADER) + 4
    if end >= found.end() + 2 and (names := _usual(data[found.end() : end - 4])):
        return found[1].decode(), names, (), end
    return _odd_header(data, offset, found)


def _usual(lines: bytes) -> dict[str, str] | None:
    """The names of a header as nearly all are: known ones, once each, ended by CRLF; None: another one."""
    if not lines.count(b"\n") == lines.count(b"\r\n") == lines.count(b"\r"):
        return None
    text = lines.decode("utf-8", "replace")
    if text.endswith(" ") or any(map(text.__contains__, BLANKS)):
        return None
    told = text.split("\r\n")
    try:
        names = {USUAL[name]: value for name, _, value in [line.partition(": ") for line in told]}
    except KeyError:
        return None
    return names if len(names) == len(told) else None


def _odd_header(
    data: bytes, offset: int, found: re.Match[bytes]
) -> tuple[str, dict[str, str], tuple[bytes, ...], int]:
    end = HEADER_END.search(data, found.end() - 1)
    if not end or end.end() > MOST_HEADER:
        raise DamagedWarc("the header of a record does not end", offset=offset)
    names: dict[str, str] = {}
    odd: list[bytes] = []
    for line in data[found.end() : end.start()].splitlines():
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and names:
            last = next(reversed(names))
            names[last] += " " + line.strip().decode("utf-8", "replace")
        elif not colon or not name or name.strip() != name:
            odd.append(line)
        else:
            key = name.decode("latin-1").lower()
            names.setdefault(key, value.strip().decode("utf-8", "replace"))
    return found[1].decode(), names, tuple(odd), end.end()


def _arc_header(data: bytes, offset: int) -> tuple[str, dict[str, str], tuple[bytes, ...], int]:
    """An ARC record's line: URL, address, date, media type, length (Internet Archive, 1996)."""
    gap = len(data) - len(data.lstrip(ENDS))
    found = ARC_LINE.match(data, gap)
    if not found:
        raise DamagedWarc(f"here stands no record of a WARC or ARC: {data[:24]!r}", offset=offset)
    url, address, date, mime, length = (g.decode("latin-1") for g in found.groups())
    names = {
        "warc-target-uri": url, "warc-ip-address": address, "warc-date": date, "content-length": length,
        "content-type": mime, "warc-type": "warcinfo" if url.startswith("filedesc:") else "response",
    }  # fmt: skip
    return "arc", names, (), found.end()


def block_size(names: dict[str, str], offset: int) -> int:
    """Content-Length in bytes; raise DamagedWarc where it is none."""
    said = names.get("content-length", "")
    if not said.isascii() or not said.isdigit():
        raise DamagedWarc(f"the record says Content-Length {said!r}", offset=offset)
    return int(said)
