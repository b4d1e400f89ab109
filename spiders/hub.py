"""Subscribes to the hubs that feeds name, and crawls a newspaper when its hub says that there is news.

Rules: a crawl of a newspaper runs alone; a message that comes meanwhile makes one more follow. Messages are
not archived and not read: what is new is fetched from the newspaper itself, as ever.
"""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from archive.state import State, read_heads
from archive.store import Store
from spiders.transport import Limits, Outgoing, Transport
from spiders.websub import Subscription

logger = logging.getLogger(__name__)
LARGEST = 4 * 1024 * 1024  # bytes of a message that are read, to check its signature
LOOK = 60.0  # seconds between looks at what is to be subscribed to


def found(store: Store, sites: Iterable[str]) -> list[Subscription]:
    """A subscription for each feed that named a hub when it was read last."""
    wanted = set(sites)
    states = (State(store, head) for head in read_heads(store) if head.site in wanted)
    return [
        Subscription(site=state.head.site, feed=source.url, hub=source.hub, topic=source.topic or source.url)
        for state in states
        for source in state.head.sources
        if source.hub
    ]


class Subscriber:
    """Our side: subscriptions by token, the callback's answers, and crawls that messages ask for."""

    def __init__(
        self, *, callback: str, agent: str, crawl: Callable[[str], None], allow_private: bool = False
    ) -> None:
        self.callback = callback
        self.subscriptions: dict[str, Subscription] = {}
        self._agent = agent
        self._crawl = crawl
        self._private = allow_private
        self._lock = threading.Lock()
        self._queue: dict[str, threading.Event] = {}

    def add(self, subscriptions: Iterable[Subscription]) -> None:
        """Take up subscriptions; a feed that is subscribed to already keeps its own."""
        known = {(s.feed, s.hub) for s in self.subscriptions.values()}
        self.subscriptions.update((s.token, s) for s in subscriptions if (s.feed, s.hub) not in known)

    def subscribe(self) -> None:
        """Ask the hubs for what is new, or about to end."""
        now = datetime.now(UTC)
        for token, subscription in list(self.subscriptions.items()):
            if subscription.wanted(now):
                self.subscriptions[token] = subscription.asked(now)
                asyncio.run(self._ask(subscription))

    async def _ask(self, subscription: Subscription) -> None:
        transport = Transport(limits=Limits(total=30.0), allow_private=self._private)
        headers = (
            (b"User-Agent", self._agent.encode()),
            (b"Content-Type", b"application/x-www-form-urlencoded"),
        )
        body = subscription.form(self.callback)
        request = Outgoing(method="POST", url=subscription.hub, headers=headers, body=body)
        try:
            fetched = (await transport.fetch(request))[-1]
        finally:
            await transport.close()
        said = (
            str(fetched.error) if fetched.error else fetched.exchange.head.split(b"\r\n")[0].decode("latin-1")
        )
        logger.info("%s: asked %s for %s: %s", subscription.site, subscription.hub, subscription.topic, said)

    def verify(self, token: str, query: str) -> str | None:
        """The hub's question whether we asked; the answer, or None for 404."""
        with self._lock:
            subscription = self.subscriptions.get(token)
            if subscription is None:
                return None
            after, answer = subscription.verified(query, datetime.now(UTC))
            self.subscriptions[token] = after
        if answer:
            logger.info("%s: subscribed to %s until %s", after.site, after.topic, after.until)
        elif answer is not None:
            logger.warning("%s: the hub denies %s: %s", after.site, after.topic, after.denied)
        return answer

    def notify(self, token: str, body: bytes, signature: str) -> bool:
        """A message of the hub: whether there is such a subscription. Only a signed one starts a crawl."""
        subscription = self.subscriptions.get(token)
        if subscription is None:
            return False
        if subscription.believes(body, signature):
            self._want(subscription.site)
        else:
            logger.warning("%s: a message without a good signature was ignored", subscription.site)
        return True

    def _want(self, site: str) -> None:
        with self._lock:
            if site in self._queue:
                self._queue[site].set()
                return
            self._queue[site] = threading.Event()
        threading.Thread(target=self._work, args=(site,), daemon=True).start()

    def _work(self, site: str) -> None:
        while True:
            self._queue[site].clear()
            self._crawl(site)
            with self._lock:
                if not self._queue[site].is_set():
                    del self._queue[site]
                    return


def crawl(site: str, options: tuple[str, ...]) -> None:
    """Crawl a newspaper in a process of its own."""
    command = [sys.executable, "-m", "archive", "crawl", site, "--quiet", *options]
    code = subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode
    logger.info("%s: crawled after a message of its hub, exit code %d", site, code)


def server(subscriber: Subscriber, *, host: str, port: int) -> ThreadingHTTPServer:
    """The callback: GET verifies, POST notifies (sections 5.3 and 7)."""

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "newsmorgue", ""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            answer = subscriber.verify(parts.path.rpartition("/")[2], parts.query)
            self._say(404 if answer is None else 200, (answer or "").encode())

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            size = int(length) if length.isdigit() else -1
            if not 0 <= size <= LARGEST:
                self._say(413, b"")
                return
            body = self.rfile.read(size)
            token = urlsplit(self.path).path.rpartition("/")[2]
            there = subscriber.notify(token, body, self.headers.get("X-Hub-Signature", ""))
            self._say(202 if there else 404, b"")

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            logger.debug(format, *arguments)

    made = ThreadingHTTPServer((host, port), Handler)
    made.daemon_threads = True
    return made


def serve(subscriber: Subscriber, store: Store, sites: Iterable[str], *, host: str, port: int) -> None:
    """Answer the hubs until interrupted, and keep the subscriptions alive."""
    with server(subscriber, host=host, port=port) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        stop, names = threading.Event(), tuple(sites)
        try:
            while True:
                subscriber.add(found(store, names))
                subscriber.subscribe()
                stop.wait(LOOK)
        except KeyboardInterrupt:
            made.shutdown()
