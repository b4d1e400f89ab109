"""Which payloads the archive has already: what a revisit may refer to.

Rules: only whole responses with status 200 and a payload; of earlier runs only what a manifest names; of this
run only what stands in its WARC before. The newest `most` are kept, so that memory stays flat.
"""

from base64 import b32decode
from collections.abc import Iterable
from datetime import datetime  # noqa: TC003 - a type that stands in an expression

from archive.model import Capture, Original

EMPTY = "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"
MOST = 100_000


class Originals:
    """Payload digests, and the record that holds each payload."""

    def __init__(self, captures: Iterable[Capture] = (), *, most: int = MOST) -> None:
        self._most = most
        self._known: dict[bytes, tuple[str, datetime, str]] = {}
        for capture in captures:
            self.remember(capture)

    def find(self, digest: str) -> Original | None:
        """The record with this payload; None where there is none to refer to."""
        key = _key(digest)
        if key is None or key not in self._known:
            return None
        url, at, number = self._known[key]
        return Original(url=url, at=at, digest=digest, id=number)

    def remember(self, capture: Capture) -> bool:
        """A capture that others may refer to from now on; whether it is one, and new."""
        key = _key(capture.digest)
        if key is None or key in self._known or not _fit(capture):
            return False
        self._known[key] = (capture.url, capture.at, capture.id)
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return True

    def forget(self, capture: Capture) -> None:
        """The capture's record was not written after all."""
        key = _key(capture.digest)
        if key is not None:
            self._known.pop(key, None)

    def __len__(self) -> int:
        return len(self._known)


def _fit(capture: Capture) -> bool:
    plain = capture.kind == "response" and capture.method == "GET"
    whole = plain and capture.status == 200 and not capture.truncated
    return whole and capture.digest != EMPTY


def _key(digest: str) -> bytes | None:
    label, _, value = digest.partition(":")
    if label != "sha1" or len(value) != 32:
        return None
    try:
        return b32decode(value)
    except ValueError:
        return None
