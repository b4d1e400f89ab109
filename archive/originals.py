"""Which payloads the archive has already: what a revisit may refer to.

Rules: only whole responses with status 200 and a payload; of earlier runs only what a manifest names; of this
run only what stands in its WARC before. The newest `most` are kept, so that memory stays flat.
"""

import re
from collections.abc import Iterable
from datetime import datetime  # noqa: TC003 - a type that stands in an expression

from archive.model import Capture, Original

EMPTY = "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"
DIGEST = re.compile(r"sha1:[A-Z2-7]{32}")
MOST = 100_000


class Originals:
    """Payload digests, and the record that holds each payload."""

    def __init__(self, captures: Iterable[Capture] = (), *, most: int = MOST) -> None:
        self._most = most
        self._known: dict[str, tuple[str, datetime, str]] = {}
        for capture in captures:
            self.remember(capture)

    def find(self, digest: str) -> Original | None:
        """The record with this payload; None where there is none to refer to."""
        known = self._known.get(digest)
        if known is None:
            return None
        url, at, number = known
        return Original(url=url, at=at, digest=digest, id=number)

    def remember(self, capture: Capture) -> bool:
        """A capture that others may refer to from now on; whether it is one, and new."""
        if capture.digest in self._known or not _fit(capture):
            return False
        self._known[capture.digest] = (capture.url, capture.at, capture.id)
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return True

    def __len__(self) -> int:
        return len(self._known)


def _fit(capture: Capture) -> bool:
    plain = capture.kind == "response" and capture.method == "GET"
    whole = plain and capture.status == 200 and not capture.truncated
    return whole and capture.digest != EMPTY and DIGEST.fullmatch(capture.digest) is not None
