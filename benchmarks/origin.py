"""A newspaper made for measuring: linked pages, all answers made beforehand, next to no work per request.

    python benchmarks/origin.py --pages 2000 [--latency 100] [--size 45000]

Prints its base URL, then serves until it is ended. /urls lists all pages.
"""

import argparse
import asyncio
import gzip
import random
import re

LINKS = 62


def text(source: random.Random, words: list[str], size: int) -> str:
    """About `size` bytes of paragraphs that compress as news pages do."""
    made, length = [], 0
    while length < size:
        line = f'<p class="p{source.randint(0, 9)}">{" ".join(source.choices(words, k=40))}</p>\n'
        made.append(line)
        length += len(line)
    return "".join(made)


class Pages:
    """All pages, as whole responses, plain and gzipped."""

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self._plain: dict[bytes, bytes] = {}
        self._gzipped: dict[bytes, bytes] = {}
        source = random.Random(11)
        words = ["".join(source.choices("etaoinshrdlucmfwyp", k=source.randint(2, 11))) for _ in range(4000)]
        bodies = [text(source, words, int(size * source.uniform(0.5, 1.5))) for _ in range(50)]
        for number in range(count):
            self._add(f"/story/{number}.html", self._page(source, number, bodies[number % 50]))
        self._add("/", self._page(source, -1, bodies[0]))
        self._add("/robots.txt", "User-agent: *\nAllow: /\n", "text/plain")
        entries = "".join(f"<url><loc>BASE/story/{n}.html</loc></url>" for n in range(count))
        self._sitemap = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
        self._add("/urls", "".join(f"/story/{n}.html\n" for n in range(count)), "text/plain")

    def _page(self, source: random.Random, number: int, body: str) -> str:
        near = [(number + 1) % self.count, (number + 2) % self.count]
        far = [source.randrange(self.count) for _ in range(LINKS - 12)]
        repeated = [near[0], near[1], *far[:8]]  # as menus and teasers repeat
        links = "".join(
            f'<li><a class="teaser" href="/story/{n}.html">Story {n}</a></li>\n'
            for n in near + far + repeated
        )
        title = f"Story {number}"
        return (
            f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{title}</title></head>"
            f"<body><nav><ul>{links}</ul></nav><h1>{title}</h1><main>{number}{body}</main></body></html>"
        )

    def _add(self, path: str, body: str, kind: str = "text/html; charset=utf-8") -> None:
        plain, packed = body.encode(), gzip.compress(body.encode(), 6, mtime=0)
        self._plain[path.encode()] = head(kind, len(plain)) + plain
        self._gzipped[path.encode()] = head(kind, len(packed), "Content-Encoding: gzip\r\n") + packed

    def listen(self, base: str) -> None:
        """The base URL is known: the sitemap names whole URLs."""
        self._add("/sitemap.xml", self._sitemap.replace("BASE", base), "application/xml")

    def answer(self, request: bytes) -> bytes:
        """The response to a request head."""
        path = request.split(b" ", 2)[1]
        path = re.sub(rb"^http://[^/]+", b"", path)
        coded = b"gzip" in request.lower()
        return (self._gzipped if coded else self._plain).get(path, MISSING)


def head(kind: str, length: int, more: str = "") -> bytes:
    """A response head as nginx would send it."""
    return (
        f"HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n"
        f"Last-Modified: Mon, 23 Nov 2026 06:00:00 GMT\r\n{more}Connection: keep-alive\r\n\r\n"
    ).encode()


MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"


class Serving(asyncio.Protocol):
    """One connection."""

    def __init__(self, pages: Pages, latency: float) -> None:
        self._pages, self._latency, self._data = pages, latency, b""
        self._wire: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._data += data
        while b"\r\n\r\n" in self._data:
            request, _, self._data = self._data.partition(b"\r\n\r\n")
            answer = self._pages.answer(request)
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if self._wire and not self._wire.is_closing():
            self._wire.write(answer)


async def serve(pages: Pages, latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Serving(pages, latency), "127.0.0.1", 0, backlog=500)
    port = server.sockets[0].getsockname()[1]
    pages.listen(f"http://127.0.0.1:{port}")
    print(f"http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pages", type=int, default=1500)
    parser.add_argument("--size", type=int, default=45_000)
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds")
    chosen = parser.parse_args()
    asyncio.run(serve(Pages(chosen.pages, chosen.size), chosen.latency / 1000))


if __name__ == "__main__":
    main()
