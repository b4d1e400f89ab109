"""The two origins: which URL the room has, and which the replay.

Where no public URL is set, both are derived from the host that the reader used: a service worker needs the
replay to be of the same site as the room, and "localhost" and "127.0.0.1" are two sites.
"""

import re
from dataclasses import dataclass

from starlette.requests import HTTPConnection

HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Ports of the room and the replay, and their public URLs where they differ from host and port."""

    room_port: int
    replay_port: int
    room_url: str = ""
    replay_url: str = ""

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
