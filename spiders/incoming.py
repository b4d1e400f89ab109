"""A response while it comes in. No sockets: bytes are fed, and it says when the response is whole.

Rules: every byte that is fed belongs to the exchange and is kept, in order; heads and framing are read only
to know where the response ends. Limits cut, they do not lose: what came so far stays, and `truncated` says
why there is not more. Interim (1xx) responses are kept apart, byte for byte.
"""

from pathlib import Path

from archive.spill import IN_MEMORY, Spill
from archive.wire import Dechunker, NotHttp, ResponseHead, head_end, read_head

HEAD_LIMIT = 512 * 1024
BODYLESS = (204, 304)


class Incoming:
    """One response to a request of `method`; bodies end at `limit` bytes, those over 1 MiB go to disk.

    `done` is true when nothing more is to come; `reusable` whether the connection may carry another exchange.
    """

    __slots__ = (
        "_dechunker",
        "_folder",
        "_length",
        "_limit",
        "_method",
        "big",
        "body_size",
        "data",
        "done",
        "head",
        "head_length",
        "interim",
        "reusable",
        "truncated",
    )

    def __init__(self, method: str, *, limit: int, folder: Path | None = None) -> None:
        self.data = bytearray()
        self.interim = bytearray()
        self.head: ResponseHead | None = None
        self.head_length = 0
        self.body_size = 0
        self.big: Spill | None = None
        self.truncated: str | None = None
        self.done = False
        self.reusable = False
        self._method = method
        self._limit = limit
        self._folder = folder
        self._length: int | None = None
        self._dechunker: Dechunker | None = None

    @property
    def begun(self) -> bool:
        """Whether a byte has come."""
        return bool(self.data or self.interim)

    def feed(self, data: bytes) -> bool:
        """Bytes have come; whether nothing more is waited for."""
        if self.head is None:
            self._head(data)
        else:
            self._body(data)
        return self.done

    def closed(self, *, clean: bool = True) -> None:
        """The connection has ended; `clean` is false where it broke."""
        if self.done:
            return
        ends_so = self.head is not None and self._length is None and self._dechunker is None
        if not (ends_so and clean) and not self._not_http():
            self.truncated = "disconnect"
        self._end()

    def _not_http(self) -> bool:
        """Whether this never was a head: such bytes are whole when the server has sent them."""
        return self.head is None and not self.data[:5].upper().startswith(b"HTTP/"[: len(self.data)])

    def cut(self, why: str) -> None:
        """No more is waited for: "time", "length" or "disconnect"."""
        self.truncated = why
        self._end()

    def _end(self) -> None:
        self.done = True
        if self.head is None:
            self.head_length = len(self.data)

    def _head(self, data: bytes) -> None:
        searched = max(len(self.data) - 3, 0)
        self.data += data
        # Some servers send an empty line before the status line (RFC 9112, 2.2).
        searched = max(searched, len(self.data) - len(self.data.lstrip(b"\r\n")))
        while (end := head_end(self.data, searched)) is not None:
            try:
                head = read_head(bytes(self.data[:end]))
            except NotHttp:
                return  # kept until the server closes, and the connection is not used again
            if not 100 <= head.status < 200 or head.status == 101:
                self._begin(head, end)
                return
            self.interim += self.data[:end]
            del self.data[:end]
            searched = 0
        if len(self.data) > HEAD_LIMIT:
            self.cut("length")

    def _begin(self, head: ResponseHead, end: int) -> None:
        """The final head is whole; what came behind it is body."""
        self.head, self.head_length = head, end
        rest = bytes(self.data[end:])
        del self.data[end:]
        if self._method == "HEAD" or head.status in BODYLESS or self._method == "CONNECT":
            self._length = 0
        elif head.chunked:
            self._dechunker = Dechunker()
        else:
            self._length = head.length
        self._body(rest)

    def _body(self, data: bytes) -> None:
        room = self._limit - self.body_size
        self._keep(data if len(data) <= room else data[:room])
        if self._dechunker:
            self._chunks(data)
        elif self._length is not None and self.body_size >= self._length:
            self._whole(spare=self.body_size - self._length)
        if len(data) > room:
            self.reusable = False
            self.cut("length")

    def _chunks(self, data: bytes) -> None:
        framing = self._dechunker
        assert framing is not None
        framing.feed(data, keep=False)
        if framing.broken:
            self._dechunker = None  # no framing after all: the end of the connection ends it
        elif framing.done:
            self._whole(spare=framing.spare)

    def _whole(self, *, spare: int) -> None:
        self.done = True
        assert self.head is not None
        self.reusable = not spare and self.head.persistent

    def _keep(self, data: bytes) -> None:
        self.body_size += len(data)
        if self.big is None and self.body_size > IN_MEMORY:
            self.big = Spill(self._folder, room=0)
            self.big.write(self.data[self.head_length :])
            del self.data[self.head_length :]
        if self.big is None:
            self.data += data
        else:
            self.big.write(data)
