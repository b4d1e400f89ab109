"""The two origins: which URL the room has, and which the replay.

The replay may have one origin for each archived host, where a `*` stands in its URL: what a hostile page
leaves in the browser is then there for pages of its own host alone.

Where no public URL is set, both are derived from the host that the reader used: a service worker needs the
replay to be of the same site as the room, and "localhost" and "127.0.0.1" are two sites.
"""

import hashlib
import re
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from archive.cdxj import surt_of
from archive.errors import CallerError

ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?\Z")
PUBLIC = re.compile(r"https?://(?:\*\.)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?\Z")
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
        """The replay's origin, as this reader reaches it; a `*` in it is for `origin_for` to fill in."""
        return self.replay_url.rstrip("/") or f"http://{_host(request)}:{self.replay_port}"


def _host(request: HTTPConnection) -> str:
    # The header goes into our CSP and our links: nothing but a host may.
    found = HOST.match(request.headers.get("host", ""))
    return found[1] if found else "127.0.0.1"


def origin_for(replay: str, url: str) -> str:
    """The replay's origin for the pages of one host: http and https, with and without www, share one."""
    if "*" not in replay:
        return replay
    host = surt_of(url).partition(")")[0]
    name = re.sub(r"[^a-z0-9]+", "-", host.casefold())[:40].strip("-")
    digest = hashlib.sha256(host.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return replay.replace("*", f"{name}-{digest}".lstrip("-"), 1)


def checked_replay(text: str) -> str:
    """The replay's public URL, in which a `*` may stand for a host; raise CallerError for others."""
    found = PUBLIC.match(text.strip().rstrip("/"))
    if text.strip() and not found:
        raise CallerError(f"{text!r} is no origin; write https://replay.example, or https://*.replay.example")
    return found[0] if found else ""


def checked_origin(text: str) -> str:
    """An origin that goes into a policy, as "https://airflow.example:8080"; raise CallerError for others."""
    found = ORIGIN.match(text.strip().rstrip("/"))
    if text.strip() and not found:
        raise CallerError(f"{text!r} is no origin; write for example https://airflow.example")
    return found[0] if found else ""
