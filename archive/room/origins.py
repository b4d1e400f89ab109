"""The two origins: which URL the room has, and which the replay.

Where no public URL is set, both are derived from the host that the reader used: a service worker needs the
replay to be of the same site as the room, and "localhost" and "127.0.0.1" are two sites.
"""

import re
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from archive.errors import CallerError

ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?\Z")
HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Ports of the room and the replay, and their public URLs where they differ from host and port.

    `framed_by` is the one origin that may show the room in a frame; "" is none.
    """

    room_port: int
    replay_port: int
    room_url: str = ""
    replay_url: str = ""
    framed_by: str = ""

    def room(self, request: HTTPConnection) -> str:
        """The room's origin, as this reader reaches it."""
        return self.room_url.rstrip("/") or f"http://{_host(request)}:{self.room_port}"

    def replay(self, request: HTTPConnection) -> str:
        """The replay's origin, as this reader reaches it."""
        return self.replay_url.rstrip("/") or f"http://{_host(request)}:{self.replay_port}"


def _host(request: HTTPConnection) -> str:
    # The header goes into our CSP and our links: nothing but a host may.
    found = HOST.match(request.headers.get("host", ""))
    return found[1] if found else "127.0.0.1"


def checked_origin(text: str) -> str:
    """An origin that goes into a policy, as "https://airflow.example:8080"; raise CallerError for others."""
    found = ORIGIN.match(text.strip().rstrip("/"))
    if text.strip() and not found:
        raise CallerError(f"{text!r} is no origin; write for example https://airflow.example")
    return found[0] if found else ""
