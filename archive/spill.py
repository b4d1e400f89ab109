"""Bytes that may be too many for memory: the first in memory, the rest in a temporary file.

Rules: the file has no name, so that nothing is left behind however the process ends; reads are by
position, so that two threads may read at once. Where the disk has no room, the bytes stay in memory: nothing
is dropped.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

IN_MEMORY = 1 << 20
PIECE = 1 << 18


class Spill:
    """An append-only run of bytes; `size` counts them. `folder` is where the rest goes."""

    __slots__ = ("_file", "_folder", "_memory", "_room", "_stored", "size")

    def __init__(self, folder: Path | None = None, *, room: int = IN_MEMORY) -> None:
        self.size = 0
        self._folder = folder
        self._room = room
        self._memory = bytearray()
        self._stored = 0
        self._file: int | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`."""
        self._memory += data
        self.size += len(data)
        if self.size > self._room and len(self._memory) >= PIECE:
            self._store()

    def _store(self) -> None:
        try:
            if self._file is None:
                with tempfile.TemporaryFile(dir=self._folder) as file:
                    self._file = os.dup(file.fileno())
            written = os.pwrite(self._file, self._memory, self._stored)
        except OSError:
            self._room = self.size + self._room  # no room on the disk: try again later, keep it all
            return
        self._stored += written
        del self._memory[:written]

    def truncate(self, size: int) -> None:
        """Drop what lies behind `size` bytes."""
        if size >= self._stored:
            del self._memory[size - self._stored :]
        else:
            self._memory.clear()
            self._stored = size
        self.size = min(self.size, size)

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start`, a piece at a time."""
        while start < self.size:
            piece = self._piece(start)
            yield piece
            start += len(piece)

    def _piece(self, start: int) -> bytes:
        if start >= self._stored or self._file is None:
            return bytes(self._memory[start - self._stored :])
        piece = os.pread(self._file, min(PIECE, self._stored - start), start)
        if not piece:
            raise OSError(f"the temporary file ends at {start}, {self._stored} bytes were written")
        return piece

    def read(self, start: int = 0) -> bytes:
        """All bytes from `start`, in memory."""
        return b"".join(self.pieces(start))

    @property
    def in_memory(self) -> int:
        """How many bytes take memory."""
        return len(self._memory)

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
