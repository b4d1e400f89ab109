"""What a host says of being fetched, as it last said it: robots.txt, tdmrep.json, ai.txt, kept between runs.

Rules: a cache, shared by all crawlers of an archive; lost, it costs requests. What was answered is kept with
its time, so that an outage of the host does not undo what it said (RFC 9309, 2.4). No answer replaces none.

    state/.said/<host>/documents.json      {"/robots.txt": {"status", "at", "body" (base64)}, ...}
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from archive.errors import MorgueError
from archive.store import Store

PREFIX = "state/.said/"
OUTAGE = timedelta(days=30)  # so long a robots.txt that was read holds while it cannot be read
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A document as a host answered it: `status` of HTTP, `body` without codings, and when."""

    status: int
    body: bytes
    at: datetime

    def holds(self, now: datetime, *, lasting: timedelta) -> bool:
        """Whether it is younger than `lasting`; one of the future is none."""
        return timedelta(0) <= now - self.at < lasting

    def same(self, other: "Notice | None") -> bool:
        """Whether another says the same, and not a day earlier or later."""
        alike = other is not None and (self.status, self.body) == (other.status, other.body)
        return alike and other is not None and abs(self.at - other.at) < DAY


def notices(store: Store, host: str) -> dict[str, Notice]:
    """What a host said, by path; nothing where none is kept, or it cannot be read."""
    try:
        found = json.loads(store.read(_key(host)))
        return {path: _notice(data) for path, data in found.items()}
    except (MorgueError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def keep_notices(store: Store, host: str, said: Mapping[str, Notice]) -> None:
    """Keep what a host says, beside what it said of other paths."""
    both = notices(store, host) | dict(said)
    store.replace(_key(host), json.dumps({path: _plain(notice) for path, notice in both.items()}).encode())


def _key(host: str) -> str:
    return f"{PREFIX}{re.sub(r'[^A-Za-z0-9.-]', '_', host)}/documents.json"


def _plain(notice: Notice) -> dict[str, Any]:
    body = base64.b64encode(notice.body).decode()
    return {"status": notice.status, "at": notice.at.timestamp(), "body": body}


def _notice(data: dict[str, Any]) -> Notice:
    at = datetime.fromtimestamp(float(data["at"]), UTC)
    return Notice(status=int(data["status"]), body=base64.b64decode(data["body"]), at=at)
