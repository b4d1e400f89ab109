"""A made-up newspaper that costs its server almost nothing: the site that crawlers are compared on.

    python benchmarks/origin.py --pages 1500 [--port 0] [--latency 0] [--size 45]

Every response is made before the first request. Prints its base address when it is ready. Pages link to each
other; /urls lists them, /served tells how many were sent so far.
"""

import argparse
import asyncio
import gzip
import random
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate

LINKS = 62
FRONT_LINKS = 120
FEED_ITEMS = 30
PAGES = "/news/"


class Site:
    """Pages that look like news, by path: seeded, so that every run sees the same."""

    def __init__(self, count: int, *, base: str, size: int = 45_000, links: int = LINKS) -> None:
        self.source = random.Random(count)
        source = self.source
        self.words = [
            "".join(source.choices("etaoinshrdlucmfwyp", k=source.randint(2, 11))) for _ in range(4000)
        ]
        self.often = list(
            accumulate(1 / rank for rank in range(1, 4001))
        )  # some words come often, most seldom
        self.paths = [f"{PAGES}2026/11/{n % 28 + 1:02}/{n:07}-{self._slug()}.html" for n in range(count)]
        self.base, self.size, self.links = base, size, links

    def _slug(self) -> str:
        return "-".join(self.source.choices(self.words, k=3))

    def _said(self, count: int) -> str:
        return " ".join(self.source.choices(self.words, cum_weights=self.often, k=count))

    def page(self, number: int) -> bytes:
        """One article: a menu, paragraphs, and links to others, some of them twice."""
        count = len(self.paths)
        near = [(number + step) % count for step in range(1, self.links // 3 + 1)]
        far = [self.source.randrange(count) for _ in range(self.links - len(near) - 6)]
        told = near + far + near[:6]
        links = "\n".join(self._link(self.paths[n]) for n in told[: self.links])
        head = f"<!doctype html><html><head><title>{self._said(6)}</title></head><body>"
        parts = [head, f'<nav class="menu"><ul>\n{links}\n</ul></nav><article><h1>{self._said(8)}</h1>']
        room = int(self.size * self.source.uniform(0.4, 1.6)) - sum(map(len, parts))
        while room > 0:
            parts.append(f'<p class="c{self.source.randint(0, 9)}">{self._said(40)}</p>\n')
            room -= len(parts[-1])
        return "".join([*parts, "</article></body></html>"]).encode()

    def _link(self, path: str) -> str:
        return f'<li class="item"><a class="headline" href="{path}"><span>{self._said(7)}</span></a></li>'

    def front(self) -> bytes:
        """The home page."""
        links = "\n".join(self._link(path) for path in self.paths[:FRONT_LINKS])
        return f"<!doctype html><html><body><h1>The Loop</h1><ul>{links}</ul></body></html>".encode()

    def feed(self) -> bytes:
        """An RSS feed of some pages."""
        items = "".join(f"<item><link>{self.base}{p}</link></item>" for p in self.paths[:FEED_ITEMS])
        return f'<rss version="2.0"><channel><title>The Loop</title>{items}</channel></rss>'.encode()

    def sitemap(self) -> bytes:
        """A sitemap of all pages."""
        rows = "".join(f"<url><loc>{self.base}{p}</loc></url>" for p in self.paths)
        return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</urlset>'.encode()

    def urls(self) -> bytes:
        """All pages, one a line."""
        return "".join(f"{self.base}{p}\n" for p in self.paths).encode()


def message(body: bytes, kind: str, *, coding: str = "", status: str = "200 OK") -> bytes:
    """A response as bytes."""
    coded = f"Content-Encoding: {coding}\r\n" if coding else ""
    head = (
        f"HTTP/1.1 {status}\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\nServer: loop\r\n"
        f"Content-Type: {kind}\r\n{coded}Vary: Accept-Encoding\r\nCache-Control: max-age=60\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


Pair = tuple[bytes, bytes]


def both(body: bytes, kind: str) -> Pair:
    """The response as it is, and gzip-coded."""
    return message(body, kind), message(gzip.compress(body, 6, mtime=0), kind, coding="gzip")


class Answers:
    """All responses of a site by path; pages beyond `distinct` share their bytes with earlier ones."""

    def __init__(self, site: Site, distinct: int) -> None:
        html = "text/html; charset=utf-8"
        count = len(site.paths)
        made = [both(site.page(n), html) for n in range(min(count, distinct))]
        self.pages: dict[bytes, Pair] = {
            path.encode(): made[n % len(made)] for n, path in enumerate(site.paths)
        }
        self.others: dict[bytes, Pair] = {
            b"/": both(site.front(), html),
            b"/feed.xml": both(site.feed(), "application/rss+xml"),
            b"/sitemap.xml": both(site.sitemap(), "application/xml"),
            b"/urls": both(site.urls(), "text/plain"),
            b"/robots.txt": both(b"User-agent: *\nAllow: /\n", "text/plain"),
        }
        self.missing = message(b"", "text/plain", status="404 Not Found")
        self.served = 0

    def of(self, path: bytes, head: bytes) -> bytes:
        """The response to one request."""
        pair = self.pages.get(path)
        if pair is not None:
            self.served += 1
        elif path == b"/served":
            return message(str(self.served).encode(), "text/plain")
        pair = pair or self.others.get(path)
        if pair is None:
            return self.missing
        return pair[b"gzip" in head]


class Speaker(asyncio.Protocol):
    """One connection, kept alive."""

    def __init__(self, answers: Answers, latency: float) -> None:
        self.answers, self.latency = answers, latency
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, self.data = self.data.partition(b"\r\n\r\n")
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        answer = self.answers.of(head.split(b" ", 2)[1], head)
        done = b"HTTP/1.0" in head or b"connection: close" in head.lower()
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self._send, answer, done)
        else:
            self._send(answer, done)

    def _send(self, answer: bytes, done: bool) -> None:
        self.transport.write(answer)
        if done:
            self.transport.close()


async def serve(make: Callable[[str], Answers], *, port: int, latency: float) -> None:
    """Serve until the process is ended."""
    answers: list[Answers] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Speaker(answers[0], latency), "127.0.0.1", port, backlog=512)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    answers.append(make(base))
    print(base, flush=True)
    await server.serve_forever()


def main() -> None:
    """Make the site, serve it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=1500)
    parser.add_argument("--distinct", type=int, default=3000, help="different pages that are made")
    parser.add_argument("--size", type=float, default=45, help="mean KB of a page")
    parser.add_argument("--links", type=int, default=LINKS)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0, help="milliseconds before every response")
    chosen = parser.parse_args()

    def make(base: str) -> Answers:
        site = Site(chosen.pages, base=base, size=int(chosen.size * 1000), links=chosen.links)
        return Answers(site, chosen.distinct)

    with suppress(KeyboardInterrupt):
        asyncio.run(serve(make, port=chosen.port, latency=chosen.latency / 1000))


if __name__ == "__main__":
    main()
