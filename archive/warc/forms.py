"""The forms in which others keep WARCs, and how their records come out whole. Streams: one record in memory.

Rules: a record is found again by offset and length, so that a gzipped file must have one member per record; a
plain file is as good. A file that was compressed as a whole, or in pieces that are not records, is inflated
and its records are compressed one by one. What begins a record is looked for, never guessed from a name.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import deflate

from archive.errors import CallerError, DamagedWarc
from archive.warc.strict import Framed, block_size, frames, read_header
from archive.warc.writer import GZIP_LEVEL

READ = 1 << 20
MAGIC = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
BEGINS = re.compile(rb"WARC/\d|[a-z]{3,12}://?\S+ \S* \d{8,} ")
NEXT = re.compile(rb"\n(?=WARC/\d\.\d+\r?\n|[a-z]{3,8}://\S+ \S* \d{14} [^\n]{0,200} \d+\r?\n)")


def form_of(path: Path) -> str:
    """What a file is: "plain", "members" (a gzip member per record), "whole" (gzipped otherwise) or "zip".

    Raise CallerError where it is nothing that can be imported, DamagedWarc where it is empty.
    """
    with path.open("rb") as file:
        start = file.read(512)
        if not start:
            raise DamagedWarc("it is empty: no record at all")
        if start.startswith(b"PK\x03\x04"):
            return "zip"
        if start.startswith(ZSTD):
            raise CallerError("it is compressed with zstd; unpack it first (zstd -d)")
        if not start.startswith(MAGIC):
            return _known(start, "plain")
        _known(_beginning(file), "members")
        file.seek(0)
        return "members" if _one_by_one(file) else "whole"


def _beginning(file: BinaryIO) -> bytes:
    """The first bytes inside a gzipped file; where those are damaged, of the first record behind them."""
    try:
        file.seek(0)
        return _first_piece(file)
    except DamagedWarc:
        place = next_record(file, 1)
        file.seek(place or 0)
        return MAGIC if place is None else _first_piece(file)


def _first_piece(file: BinaryIO) -> bytes:
    return next((piece for _, piece in inflated(file) if piece), b"")[:512]


def _known(start: bytes, form: str) -> str:
    if not start:
        raise DamagedWarc("no record at all: it holds nothing")
    if not BEGINS.match(start.lstrip(b"\r\n")):
        raise CallerError(f"it is no WARC, ARC or WACZ: it begins with {start[:16]!r}")
    return form


def suffix_of(path: Path, form: str) -> str:
    """How a WARC or ARC of this form is named: ".warc.gz", ".warc", ".arc.gz" or ".arc"."""
    with path.open("rb") as file:
        start = file.read(64) if form == "plain" else _beginning(file)
    kind = ".warc" if start.lstrip(b"\r\n").startswith(b"WARC/") else ".arc"
    return kind if form == "plain" else f"{kind}.gz"


def inflated(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The bytes inside a gzipped file, in pieces of 1 MiB at most, each with the number of its member.

    Raise DamagedWarc at the member (offset as stored) that is torn or no gzip.
    """
    number, offset, data = 0, 0, file.read(READ)
    end = len(data)
    while data:
        reader = zlib.decompressobj(31)
        while not reader.eof:
            try:
                piece = reader.decompress(data, READ)
            except zlib.error as error:
                raise DamagedWarc(
                    f"no whole gzip member at offset {offset}: {error}", offset=offset
                ) from error
            yield number, piece
            data = reader.unconsumed_tail
            if not data and not reader.eof:
                data = file.read(READ)
                end += len(data)
                if not data and not piece:
                    raise DamagedWarc(f"torn gzip member at offset {offset}", offset=offset)
        offset = end - len(reader.unused_data)
        data = reader.unused_data
        if not data:
            data = file.read(READ)
            end += len(data)
        number += 1


def _one_by_one(file: BinaryIO) -> bool:
    """Whether the first gzip member is one record: neither several, nor a part of one.

    A damaged file counts as one by one: what is wrong with it is found when it is verified.
    """
    head, behind, size, count = b"", b"", 0, 0
    try:
        for number, piece in inflated(file):
            if number:
                whole = bool(size) and count >= size
                return whole or bool(BEGINS.match(piece.lstrip(b"\r\n"))) or not piece.strip(b"\r\n")
            if not size:
                head += piece
                size, count = _extent(head), len(head)
                behind = head[size:] if size else b""
            else:
                behind += piece[max(0, size - count) :] if count + len(piece) > size else b""
                count += len(piece)
            if BEGINS.match(behind.lstrip(b"\r\n")):
                return False
            behind = behind[:512]
    except DamagedWarc:
        return True
    return True


def _extent(head: bytes) -> int:
    """How many bytes a record is long, header and block; 0 where its header is not all there."""
    try:
        _, names, _, end = read_header(head, 0)
        return end + block_size(names, 0)
    except DamagedWarc:
        if len(head) > READ:
            raise
        return 0


def unpacked(source: Path, to: Path) -> DamagedWarc | None:
    """Inflate a gzipped file; return the damage that ended it early, where there was any."""
    with source.open("rb") as file, to.open("wb") as out:
        try:
            for _, piece in inflated(file):
                out.write(piece)
        except DamagedWarc as error:
            return error
    return None


def whole_records(
    file: BinaryIO, *, fit: Callable[[Framed], bool], lost: Callable[[int, int, str], None]
) -> Iterator[Framed]:
    """All records that can be framed and are `fit`, those behind damage as well.

    `lost` hears from where to where (bytes as stored) nothing could be kept, and why. A record in front of
    damage in which another one begins has swallowed that one: its length is what is damaged.
    """
    start: int | None = 0
    while start is not None:
        held: Framed | None = None
        try:
            for record in frames(file, start):
                if not fit(record):
                    raise DamagedWarc("the record is not whole", offset=record.offset)  # noqa: TRY301
                if held:
                    yield held
                held = record
            if held:
                yield held
            return
        except DamagedWarc as error:
            inner = next_record(file, held.offset + 1) if held else None
            swallowed = held is not None and inner is not None and inner < error.offset
            if held and not swallowed:
                yield held
            damage = held.offset if held and swallowed else error.offset
            found = inner if swallowed else next_record(file, error.offset + 1)
            lost(damage, file.seek(0, 2) if found is None else found, str(error))
            start = found


def next_record(file: BinaryIO, start: int) -> int | None:
    """The offset at or behind `start` where the next record seems to begin; None where there is none."""
    file.seek(0)
    search = _next_member if file.read(2) == MAGIC else _next_plain
    return search(file, start)


def _next_member(file: BinaryIO, start: int) -> int | None:
    for offset in _places(file, start, re.compile(rb"\x1f\x8b\x08"), 2):
        file.seek(offset)
        try:
            text = zlib.decompressobj(31).decompress(file.read(1024), 512)
        except zlib.error:
            continue
        if BEGINS.match(text):
            return offset
    return None


def _next_plain(file: BinaryIO, start: int) -> int | None:
    return next((offset + 1 for offset in _places(file, start, NEXT, 4096)), None)


def _places(file: BinaryIO, start: int, wanted: re.Pattern[bytes], overlap: int) -> Iterator[int]:
    """Offsets at which a pattern is found; it is no longer than `overlap` bytes."""
    offset, tail = start, b""
    while True:
        file.seek(offset + len(tail))
        more = file.read(READ)
        if not more:
            return
        data = tail + more
        seen = -1
        for found in wanted.finditer(data):
            seen = found.start()
            yield offset + seen
        cut = max(len(data) - overlap, seen + 1, 0)
        offset, tail = offset + cut, data[cut:]


def stored(record: Framed, source: BinaryIO) -> bytes:
    """A record as it lies in a file: its gzip member, or its plain bytes."""
    source.seek(record.offset)
    return source.read(record.length)


def as_member(raw: bytes) -> bytes:
    """A record's bytes as one gzip member; as they are where they are one."""
    return raw if raw.startswith(MAGIC) else bytes(deflate.gzip_compress(raw, GZIP_LEVEL))
