"""A host whose answers a test writes: path -> (status, headers, body), and when each was asked for."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from types import TracebackType

Answer = tuple[int, dict[str, str], bytes]
TEXT = b"The bridge is to cost more. " * 40
PAGE = b"<html><body><article><h1>Bridge</h1><p>" + TEXT + b"</p></article></body></html>"


def page(text: str = "") -> Answer:
    """An article."""
    return 200, {"Content-Type": "text/html"}, PAGE.replace(b"Bridge", b"Bridge " + text.encode())


def html(body: str) -> Answer:
    """An article with more in its body."""
    status, headers, text = page()
    return status, headers, text.replace(b"</article>", f"</article>{body}".encode())


def feed(base: str, *paths: str) -> Answer:
    """An RSS feed that names these paths."""
    items = "".join(f"<item><link>{base}/{path}</link></item>" for path in paths)
    body = f"<rss version='2.0'><channel><title>Paper</title>{items}</channel></rss>"
    return 200, {"Content-Type": "application/rss+xml"}, body.encode()


class Host:
    """A web server on loopback for the length of a with block; `answer` says what each path gives."""

    def __init__(self, answer: Callable[[str, int], Answer], *, address: str = "127.0.0.1") -> None:
        self.answer = answer
        self.address = address
        self.hits: list[tuple[float, str]] = []
        self.headers: list[tuple[str, dict[str, str]]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> "Host":
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with host._lock:
                    host.hits.append((time.monotonic(), self.path))
                    host.headers.append((self.path, dict(self.headers.items())))
                    count = sum(path == self.path for _, path in host.hits)
                status, headers, body = host.answer(self.path, count)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if status != 304 else b"")

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer((self.address, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.base = f"http://{self.address}:{self._server.server_port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for _, path in self.hits]

    def gaps(self) -> list[float]:
        """Seconds between one request and the next."""
        times = sorted(when for when, _ in self.hits)
        return [later - sooner for sooner, later in pairwise(times)]
