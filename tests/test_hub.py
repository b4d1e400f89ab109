"""WebSub: subscribing at a hub (one of ours, in this file), and crawling when it says that there is news."""

import hashlib
import hmac
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.agenda import Source
from archive.state import Update, write_state
from archive.store import FolderStore
from spiders.hub import Subscriber, found, server
from spiders.websub import Subscription
from tests.conftest import wait_until

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FEED = "https://paper.example/feed"


def subscription(hub: str = "https://hub.example/") -> Subscription:
    return Subscription(site="paper", feed=FEED, hub=hub, topic=FEED)


def question(**more: str) -> str:
    said = {"hub.mode": "subscribe", "hub.topic": FEED, "hub.challenge": "c", "hub.lease_seconds": "86400"}
    return urlencode(said | {name.replace("_", ".", 1): value for name, value in more.items()})


def signed(made: Subscription, body: bytes, method: str = "sha256") -> str:
    return f"{method}={hmac.new(made.secret.encode(), body, method).hexdigest()}"


def test_a_verification_of_what_we_asked_for_is_echoed_and_its_lease_kept() -> None:
    after, answer = subscription().verified(question(), NOW)
    assert answer == "c"
    assert after.until == NOW + timedelta(days=1)
    assert not after.wanted(NOW + timedelta(hours=19))
    assert after.wanted(NOW + timedelta(hours=20))


@pytest.mark.parametrize(
    "said", [{"hub_topic": "https://other.example/"}, {"hub_mode": "unsubscribe"}, {"hub_challenge": ""}]
)
def test_what_we_did_not_ask_for_is_not_echoed(said: dict[str, str]) -> None:
    made = subscription()
    assert made.verified(question(**said), NOW) == (made, None)


def test_a_denial_is_noted_and_asked_again_the_next_day() -> None:
    after, answer = subscription().verified(question(hub_mode="denied", hub_reason="no"), NOW)
    assert (answer, after.denied, after.until) == ("", "no", None)
    assert after.wanted(NOW + timedelta(days=1))


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_a_signed_message_is_believed(method: str) -> None:
    made = subscription()
    assert made.believes(b"news", signed(made, b"news", method))


@pytest.mark.parametrize("signature", ["", "sha256=", "md5=x", "sha256=" + "0" * 64, "sha256=\xe9", "new=1"])
def test_a_message_with_a_wrong_signature_is_not_believed(signature: str) -> None:
    assert not subscription().believes(b"news", signature)


@given(st.text(max_size=60))
def test_no_question_upsets_the_subscriber(query: str) -> None:
    after, answer = subscription().verified(query, NOW)
    assert answer is None
    assert after.until is None


def test_feeds_that_named_a_hub_are_found_in_the_state(tmp_path: object) -> None:
    store = FolderStore(tmp_path)  # type: ignore[arg-type]
    with_hub = Source(
        url=FEED, kind="feed", due=NOW, hub="https://hub.example/", topic="https://paper.example/self"
    )
    without = Source(url=FEED + "2", kind="feed", due=NOW)
    write_state(store, "paper", Update(sources=(with_hub, without)), now=NOW)
    (made,) = found(store, ["paper"])
    assert (made.feed, made.hub, made.topic) == (FEED, "https://hub.example/", "https://paper.example/self")
    assert found(store, ["other"]) == []


class Hub:
    """A hub: takes subscriptions, verifies them, and publishes."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                hub.forms.append({name: values[0] for name, values in parse_qs(body).items()})
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def verify(self, topic: str = FEED) -> int:
        form = self.forms[-1]
        asked = {
            "hub.mode": "subscribe",
            "hub.topic": topic,
            "hub.challenge": "42",
            "hub.lease_seconds": "3600",
        }
        return self._send(f"{form['hub.callback']}?{urlencode(asked)}")

    def publish(self, *, secret: str = "") -> int:
        form, body = self.forms[-1], b"<rss/>"
        key = (secret or form["hub.secret"]).encode()
        signature = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
        return self._send(form["hub.callback"], body, {"X-Hub-Signature": signature})

    @staticmethod
    def _send(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, body, headers or {}), timeout=10
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Paper:
    """A subscriber whose crawls are counted instead of made; each lasts until it is let go."""

    def __init__(self, hub: Hub) -> None:
        self.crawls: list[str] = []
        self.go = threading.Event()
        self.subscriber = Subscriber(callback="", agent="newsmorgue", crawl=self._crawl, allow_private=True)
        self.server = server(self.subscriber, host="127.0.0.1", port=0)
        self.subscriber.callback = f"http://127.0.0.1:{self.server.server_port}/hub"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.subscriber.add([subscription(hub.url)])
        self.subscriber.subscribe()

    def _crawl(self, site: str) -> None:
        self.crawls.append(site)
        assert self.go.wait(30)


@pytest.fixture
def paper(hub: Hub) -> Iterator[Paper]:
    made = Paper(hub)
    yield made
    made.go.set()
    made.server.shutdown()
    made.server.server_close()


def test_a_hub_is_asked_once_and_its_verification_answered(hub: Hub, paper: Paper) -> None:
    paper.subscriber.subscribe()
    assert [form["hub.topic"] for form in hub.forms] == [FEED]
    assert hub.verify() == 200
    (made,) = paper.subscriber.subscriptions.values()
    assert made.until


def test_a_stranger_cannot_make_us_subscribe(hub: Hub, paper: Paper) -> None:
    assert hub.verify(topic="https://evil.example/") == 404


def test_a_message_starts_a_crawl_and_those_that_come_meanwhile_one_more(hub: Hub, paper: Paper) -> None:
    assert hub.publish() == 202
    wait_until(lambda: len(paper.crawls) == 1, what="the first crawl")
    assert [hub.publish() for _ in range(3)] == [202, 202, 202]
    paper.go.set()
    wait_until(lambda: len(paper.crawls) == 2, what="the second crawl")
    wait_until(lambda: not paper.subscriber._queue, what="the end")
    assert paper.crawls == ["paper", "paper"]


def test_a_message_that_is_not_signed_by_the_hub_starts_nothing(hub: Hub, paper: Paper) -> None:
    assert hub.publish(secret="guessed") == 202
    assert not paper.subscriber._queue
    assert paper.crawls == []
