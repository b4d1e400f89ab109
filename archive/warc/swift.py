"""WARCs walked fast, to list what they hold: for indexing anew, where each byte is inflated once and dropped.

Rules: nothing is believed that was not checked. Where a gzip member ends is guessed by where the next may
begin, and the guess is right only if all of it inflates to the length and the CRC-32 that stand at its end
(RFC 1952, 2.3.1); libdeflate does that three times as fast as zlib can walk. Where no guess is right,
`members` walks, and says what is damaged.
"""

from collections.abc import Iterator
from typing import BinaryIO

from archive.model import Capture, Location
from archive.warc.reader import MAGIC, SHORTEST, Member, inflated, listed, members
from archive.warc.strict import frame_of, frames, record_of

READ = 4 << 20
MOST = 256 << 20  # bytes of a member that is guessed; larger ones are walked


def swift_captures(file: BinaryIO, *, warc: str) -> Iterator[Capture]:
    """The captures of a WARC or ARC, gzipped or plain, as its CDXJ would name them; `warc` is its key.

    Raise DamagedWarc at the first record that is not whole.
    """
    file.seek(0)
    gzipped = file.read(2) == MAGIC[:2]
    file.seek(0)
    found = (
        (frame_of(member.data, member.offset, member.length) for member in swift_members(file))
        if gzipped
        else frames(file)
    )
    return listed(
        (record_of(framed), Location(warc=warc, offset=framed.offset, length=framed.length))
        for framed in found
    )


def swift_members(file: BinaryIO) -> Iterator[Member]:
    """The gzip members of a file, as `members` walks them."""
    window = _Window(file)
    while window.left() or window.more():
        offset = window.offset
        whole = window.member()
        if whole is None:
            file.seek(offset)
            yield from members(file, offset)
            return
        yield Member(offset=offset, length=window.offset - offset, data=whole)


class _Window:
    """A stretch of a file: `data`, of which what lies before `at` is done with."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.data = b""
        self.at = 0
        self.start = 0  # offset of `data` in the file

    @property
    def offset(self) -> int:
        """Where we are in the file."""
        return self.start + self.at

    def left(self) -> int:
        """How many bytes are read and not done with."""
        return len(self.data) - self.at

    def more(self) -> bool:
        """Read on, at least as much again; whether there was anything."""
        piece = self.file.read(max(READ, self.left()))
        self.data, self.start, self.at = self.data[self.at :] + piece, self.offset, 0
        return bool(piece)

    def member(self) -> bytes | None:
        """What the member that begins here holds, and go behind it; None where no end of it fits."""
        behind = SHORTEST  # no end is nearer than this
        while self.data.startswith(MAGIC, self.at) and self.left() <= MOST:
            end = self.data.find(MAGIC, self.at + behind)
            while end >= 0:
                if (found := inflated(self.data, self.at, end)) is not None:
                    self.at = end
                    return found
                end = self.data.find(MAGIC, end + 1)
            # What is sought may stand over the edge of what was read.
            behind = max(SHORTEST, self.left() - len(MAGIC) + 1)
            if not self.more():
                found, self.at = inflated(self.data, self.at, len(self.data)), len(self.data)
                return found
        return None
