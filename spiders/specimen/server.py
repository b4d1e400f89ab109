"""The press: a small web server on this computer that serves the paper."""

import gzip
import hashlib
import re
import socket
import socketserver
import sys
import threading
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any

from .routes import Answer, answer, see
from .stories import Issue, archive

HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
TEXT = ("text/", "application/", "image/svg")
PIECE = 2048


class Specimen:
    """The Daily Specimen on a port of this computer, for the length of a with block."""

    __slots__ = ("_edition", "_file", "_host", "_lock", "_port", "_server", "_thread", "hits")

    def __init__(
        self, *, edition: int = 0, port: int = 0, host: str = "127.0.0.1", edition_file: Path | None = None
    ) -> None:
        self._host, self._port, self._file = _loopback(host), port, edition_file
        stored = edition_file is not None and edition_file.exists()
        self._edition = _stored(edition_file) if edition_file and stored else _checked(edition)
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        # Every request so far: method, path, user agent.
        self.hits: list[tuple[str, str, str]] = []

    def __enter__(self) -> "Specimen":
        self._server = _Server(self, self._host, self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    @property
    def base(self) -> str:
        """The address of the front page, without the last slash."""
        if self._server is None:
            raise RuntimeError("the paper has an address only inside a with block")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._server.server_port}"

    @property
    def edition(self) -> int:
        """The edition on sale."""
        return self._edition

    def turn(self, edition: int | None = None) -> None:
        """Print another edition: the next one unless told; the last one stays."""
        with self._lock:
            following = min(self._edition + 1, archive().last)
            self._edition = following if edition is None else _checked(edition)
            if self._file:
                _store(self._file, self._edition)

    def issue(self, base: str = "") -> Issue:
        """Return the edition on sale as read at one address."""
        return Issue(edition=self._edition, base=base or self.base)

    def truth(self) -> list[dict[str, Any]]:
        """Say what the paper prints now, for tests to compare with."""
        issue = self.issue()
        return [
            {
                "url": issue.url(story.path),
                "slug": story.slug,
                "section": story.section,
                "headline": story.headline,
                "standfirst": story.standfirst,
                "authors": list(story.authors),
                "agency": story.agency,
                "published": story.published.isoformat(),
                "modified": story.modified.isoformat(),
                "paragraphs": list(story.shown),
                "note": story.note,
                "access": story.access,
                "gone": story.withdrawn(issue.edition),
                "changed": story.changed,
            }
            for story in issue.all
        ]


class _Server(ThreadingHTTPServer):
    """Serves one paper and hangs up on everybody when it closes."""

    request_queue_size = 64
    # On Windows the option would let two servers share the port.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, paper: Specimen, host: str, port: int) -> None:
        self.paper = paper
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._open: set[socket.socket] = set()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service who we are, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, then serve it in a thread."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close the port and the connections that readers keep alive."""
        super().server_close()
        for connection in self._open.copy():
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # its thread was faster

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about readers who hang up."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one reader."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "DailySpecimen"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 65536
    timeout = 30

    def do_GET(self) -> None:
        """Send what stands at the address."""
        self._note()
        self._send(answer(self.path, self.server.paper.issue(self._base())))

    def do_HEAD(self) -> None:
        """Send the header fields that GET would send."""
        self.do_GET()

    def do_POST(self) -> None:
        """Run the press."""
        self._note()
        self._drain()
        actions = {"/press/next": None, "/press/reset": 0}
        if self.path not in actions:
            self.send_error(404)
        elif self.headers.get("Origin", self._base()) != self._base():
            self.send_error(403, "Only the paper's own page runs the press")
        else:
            self.server.paper.turn(actions[self.path])
            self._send(see("/press/"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Say nothing: hits keeps the record."""

    def _note(self) -> None:
        self.server.paper.hits.append((self.command, self.path, self.headers.get("User-Agent", "")))

    def _drain(self) -> None:
        # A form may come along; left unread it would be taken for the next request.
        length = self.headers.get("Content-Length", "0")
        self.close_connection = not length.isdecimal() or int(length) > PIECE
        if not self.close_connection:
            self.rfile.read(int(length))

    def _base(self) -> str:
        # A Host that is no host must not get into the pages.
        host = self.headers.get("Host", "")
        return f"http://{host}" if HOST.fullmatch(host) else self.server.paper.base

    def _send(self, found: Answer) -> None:
        body, packed = self._packed(found)
        # Weak, because the compressed and the plain form share it.
        tag = f'W/"{hashlib.sha256(found.body).hexdigest()[:20]}"'
        fresh = found.status == 200 and tag[2:] in self.headers.get("If-None-Match", "")
        self.send_response(304 if fresh else found.status)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Vary", "Accept-Encoding")
        if found.status == 200:
            self.send_header("ETag", tag)
        if found.modified:
            self.send_header("Last-Modified", format_datetime(found.modified, usegmt=True))
        if fresh:
            self.end_headers()
        else:
            self._send_body(found, body, packed)

    def _send_body(self, found: Answer, body: bytes, packed: bool) -> None:
        self.send_header("Content-Type", found.kind)
        if found.location:
            self.send_header("Location", found.location)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        # HTTP/1.0 does not know chunks.
        chunked = found.chunked and self.request_version == "HTTP/1.1"
        name, value = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
        self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(_chunks(body) if chunked else body)

    def _packed(self, found: Answer) -> tuple[bytes, bool]:
        wanted = _accepts_gzip(self.headers.get("Accept-Encoding", ""))
        if not (wanted and found.kind.startswith(TEXT)):
            return found.body, False
        return gzip.compress(found.body, mtime=0), True


def _chunks(body: bytes) -> bytes:
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def _accepts_gzip(field: str) -> bool:
    for entry in field.lower().split(","):
        name, _, weight = entry.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


def _loopback(host: str) -> str:
    """Return the address to bind, or refuse one that other computers reach."""
    name = "127.0.0.1" if host == "localhost" else host
    try:
        inside = ip_address(name).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise ValueError(f"the paper is printed for this computer only: use 127.0.0.1, not {host!r}")
    return name


def _checked(edition: int) -> int:
    if not 0 <= edition <= archive().last:
        raise ValueError(f"there is no edition {edition}, only 0 to {archive().last}")
    return edition


def _stored(path: Path) -> int:
    text = path.read_text(encoding="utf-8").strip()
    if not text.isdecimal():
        raise ValueError(f"{path} does not hold the number of an edition")
    return _checked(int(text))


def _store(path: Path, edition: int) -> None:
    # Written next to it and moved into place: a reader never sees half a number.
    draft = path.with_name(path.name + ".new")
    draft.write_text(f"{edition}\n", encoding="utf-8")
    draft.replace(path)
