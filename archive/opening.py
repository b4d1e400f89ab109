"""The beginning of a page without its codings, decoded once, as far as somebody asks. Pure.

Rules: what tells of walls and what tells of rights both look at the first bytes of each page, and neither
knows how far the other will; so the bytes are kept with what has been decoded of them. A head that lies about
its coding is passed over: the bytes are taken as they stand.
"""

import zlib
from collections.abc import Iterator

import deflate

from archive.wire import ResponseHead, entity

SENT = 256 << 10  # bytes on the wire that are looked at: no more than the first piece of a Spill
STEP = 16 << 10  # bytes that are decoded at a time, at least
AT_ONCE = 96 << 10  # bytes of a page that cost no more whole, by libdeflate, than a step does by zlib
GZIP = (b"gzip", b"x-gzip")


class Opening:
    """The first bytes of a response's body; `sent` are those on the wire, or all of them."""

    __slots__ = ("_data", "_low", "_more", "coded", "payload")

    def __init__(self, head: ResponseHead, sent: bytes) -> None:
        coding = b",".join(head.all(b"content-encoding")).strip().lower()
        self.coded = bool(coding)
        self.payload = entity(head, sent[:SENT])
        self._data = self._low = b""
        self._more = _decoded(coding, self.payload)

    def first(self, size: int) -> bytes:
        """The first `size` bytes, or all where there are fewer."""
        while len(self._data) < size and (piece := next(self._more, b"")):
            self._data += piece
        return self._data if len(self._data) <= size else self._data[:size]

    def low(self, size: int) -> bytes:
        """`first`, in lower case."""
        if len(self._low) < size:
            self._low = self.first(size).lower()
        return self._low if len(self._low) <= size else self._low[:size]


def _decoded(coding: bytes, payload: bytes) -> Iterator[bytes]:
    if not payload:
        return iter(())
    if coding in GZIP and payload.startswith(b"\x1f\x8b"):
        return _gunzipped(payload)
    if coding == b"deflate":
        return _inflated(payload, 15 if payload[0] & 0x0F == 8 else -15)
    return _unbrotlied(payload) if coding == b"br" else iter((payload,))


def _gunzipped(payload: bytes) -> Iterator[bytes]:
    """A small page whole; of a large one, or one cut short, a step at a time."""
    size = int.from_bytes(payload[-4:], "little")  # RFC 1952, 2.3.1
    if 0 < size <= AT_ONCE:
        try:
            yield bytes(deflate.gzip_decompress(payload, size))
            return
        except (deflate.DeflateError, ValueError):
            pass
    yield from _inflated(payload[:-8], 31)  # without its end, a wrong check spoils nothing


def _inflated(payload: bytes, window: int) -> Iterator[bytes]:
    reader, rest, begun = zlib.decompressobj(window), payload, False
    try:
        while piece := reader.decompress(rest, STEP):
            rest, begun = reader.unconsumed_tail, True
            yield piece
    except zlib.error:
        if not begun:
            yield payload


def _unbrotlied(payload: bytes) -> Iterator[bytes]:
    import brotli

    reader, rest, begun = brotli.Decompressor(), payload, False
    try:
        while piece := reader.process(rest, output_buffer_limit=STEP):
            rest, begun = b"", True
            yield piece
    except brotli.error:
        if not begun:
            yield payload
