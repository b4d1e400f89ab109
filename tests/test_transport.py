"""The transport: where it connects, how long it waits, what it keeps; against real servers and proxies."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme

from archive.warc import captures_of, warcinfo_member, write_exchange
from spiders.transport import Fetched, Limits, Outgoing, Proxy, Transport
from tests.conftest import free_port, listens, wait_until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
T = TypeVar("T")


class Server:
    """Answers every request with the same bytes; `peers` and `requests` are what it saw."""

    def __init__(
        self, answer: bytes = ANSWER, *, context: ssl.SSLContext | None = None, each: int = 99
    ) -> None:
        self.peers: list[str] = []
        self.requests: list[bytes] = []
        self._answer, self._context, self._each = answer, context, each
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self.socket.accept()
            except OSError:
                return
            self.peers.append(peer[0])
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError):
            wire = self._context.wrap_socket(raw, server_side=True) if self._context else raw
            with wire:
                for _ in range(self._each):
                    data = b""
                    while b"\r\n\r\n" not in data:
                        data += (more := wire.recv(65536))
                        if not more:
                            return
                    self.requests.append(data)
                    wire.sendall(self._answer)


def run(work: Callable[[Transport], Coroutine[Any, Any, T]], **options: Any) -> T:
    """Do something with a transport that is closed afterwards."""

    async def inner() -> T:
        transport = Transport(**({"allow_private": True} | options))
        try:
            return await work(transport)
        finally:
            await transport.close()

    return asyncio.run(inner())


def fetch(url: str, *, limits: Limits | None = None, allow_private: bool = True, **changes: Any) -> Fetched:
    """One page, and what came of the last attempt."""

    async def work(transport: Transport) -> Fetched:
        return (await transport.fetch(Outgoing(method="GET", url=url, **changes)))[-1]

    return run(work, limits=limits, allow_private=allow_private)


def named(monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]) -> None:
    """A DNS of our own."""
    real = socket.getaddrinfo

    def lookup(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host not in names:
            return real(host, port, *rest, **more)
        if not names[host]:
            raise socket.gaierror(-2, "Name or service not known")
        found = [names[host].pop(0)] if len(names[host]) > 1 else names[host]
        return [i for address in found for i in real(address, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def test_a_connection_is_kept_and_used_again() -> None:
    with Server() as server:

        async def twice(transport: Transport) -> None:
            for _ in range(2):
                await transport.fetch(Outgoing(method="GET", url=f"http://127.0.0.1:{server.port}/"))

        run(twice)
        assert (len(server.requests), len(server.peers)) == (2, 1)


def test_a_stale_connection_is_retried_once_and_both_attempts_are_told() -> None:
    with Server(each=1) as server:

        async def twice(transport: Transport) -> list[Fetched]:
            outgoing = Outgoing(method="GET", url=f"http://127.0.0.1:{server.port}/")
            (first,) = await transport.fetch(outgoing)
            assert first.error is None
            return await transport.fetch(outgoing)

        attempts = run(twice)
        assert attempts[-1].exchange.body == b"hello"
        assert all(a.stale for a in attempts[:-1])


def test_a_post_is_never_sent_twice_on_our_own_account() -> None:
    with Server(each=1) as server:

        async def twice(transport: Transport) -> list[Fetched]:
            url = f"http://127.0.0.1:{server.port}/"
            await transport.fetch(Outgoing(method="GET", url=url))
            return await transport.fetch(Outgoing(method="POST", url=url, body=b"x"))

        assert len(run(twice)) == 1


def test_requests_leave_from_the_address_they_are_bound_to() -> None:
    with Server() as server:
        assert fetch(f"http://127.0.0.1:{server.port}/", bind="127.0.0.7").error is None
        assert server.peers == ["127.0.0.7"]


def test_an_address_that_is_not_ours_cannot_be_bound_to() -> None:
    error = fetch("http://127.0.0.1:1/", bind="everything").error
    assert "no address of this machine" in str(error)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "100.64.0.1", "0.0.0.0",
     "224.0.0.1", "[fe80::1]", "[64:ff9b::7f00:1]", "2130706433", "0x7f.1", "[2002:7f00:1::]"],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused_however_it_is_written(host: str) -> None:
    error = fetch(f"http://{host}:9/", allow_private=False).error
    assert error
    assert error.kind == "refused", error


def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, {"inside.example": ["10.1.2.3"]})
    assert "inside.example is 10.1.2.3" in str(fetch("http://inside.example/", allow_private=False).error)


def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Server() as server:
        monkeypatch.setattr("spiders.dialer.is_public", lambda address: address == "127.0.0.2")
        named(monkeypatch, {"rebind.example": ["127.0.0.1", "127.0.0.2"]})
        error = fetch(f"http://rebind.example:{server.port}/", allow_private=False).error
        assert (error and error.kind, server.peers) == ("refused", [])


def test_a_name_is_looked_up_once_for_many_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def lookup(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1", port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with Server(each=1) as server:

        async def many(transport: Transport) -> None:
            outgoing = Outgoing(method="HEAD", url=f"http://paper.example:{server.port}/")
            await asyncio.gather(*(transport.fetch(outgoing) for _ in range(5)))

        run(many)
    assert asked.count("paper.example") == 1


def test_an_address_that_does_not_answer_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as server:
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, port, *a, **k: real("127.0.0.9", 1, *a, **k) + real("127.0.0.1", port, *a, **k),
        )
        fetched = fetch(f"http://two.example:{server.port}/")
        assert (fetched.error, fetched.exchange.peer) == (None, "127.0.0.1")


def test_an_unknown_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, {"nowhere.example": []})
    error = fetch("http://nowhere.example/").error
    assert (error and error.kind) == "dns"
    assert "nowhere.example cannot be resolved" in str(error)


def test_a_trickling_body_cannot_hold_a_slot() -> None:
    slow = ANSWER[:-5].replace(b": 5", b": 500000")

    class Trickle(Server):
        def _serve(self, raw: socket.socket) -> None:
            with contextlib.suppress(OSError), raw:
                raw.recv(65536)
                raw.sendall(slow)
                while raw.send(b".") != 0:
                    threading.Event().wait(0.02)

    with Trickle() as server:
        limits = Limits(total=2.0, idle=2.0, first_byte=2.0)
        exchange = fetch(f"http://127.0.0.1:{server.port}/", limits=limits).exchange
    assert (exchange.truncated, exchange.seconds < 5) == ("time", True)
    assert exchange.body_size > 3


@pytest.mark.parametrize(
    "came", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"], ids=["silent", "half"]
)
def test_who_is_in_a_hurry_waits_for_nobody_and_keeps_what_came(came: bytes) -> None:
    async def work(transport: Transport) -> Fetched:
        page = Outgoing(method="GET", url=f"http://127.0.0.1:{server.port}/")
        fetching = asyncio.ensure_future(transport.fetch(page))
        while not server.requests:
            await asyncio.sleep(0.01)
        transport.hurry(0.3)
        (attempt,) = await fetching
        return attempt

    with Server(came) as server:
        done = run(work)
    if came:
        assert (done.exchange.response, done.exchange.truncated) == (came, "time")
    else:
        assert str(done.error) == "no answer before the crawl was stopped"


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(first_byte=0.2), "no answer within 0 s"),
        (Limits(total=0.2), "no answer within 0 s"),
    ],
)
def test_a_server_that_says_nothing_is_given_up(limits: Limits, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/", limits=limits).error
    assert (error and error.kind, str(error)) == ("time", said)


def test_a_body_ends_at_the_limit_and_is_called_truncated() -> None:
    with Server(ANSWER[:-5].replace(b": 5", b": 5000") + b"x" * 5000) as server:
        exchange = fetch(f"http://127.0.0.1:{server.port}/", limits=Limits(body=1000)).exchange
    assert (exchange.body_size, exchange.truncated) == (1000, "length")


def test_a_large_body_is_kept_on_disk_and_is_the_same(tmp_path: Path) -> None:
    body = bytes(range(256)) * 20_000
    with Server(ANSWER[:-5].replace(b": 5", b": %d" % len(body)) + body) as server:
        exchange = fetch(f"http://127.0.0.1:{server.port}/").exchange
    assert exchange.big
    assert exchange.big.in_memory < 1 << 20
    assert exchange.body == body
    number, first = warcinfo_member(filename="x", info={})
    path = tmp_path / "x.warc.gz"
    path.write_bytes(first + write_exchange(exchange, warcinfo=number, warc="k").data)
    for command in (["gzip", "-t"], [str(Path(sys.executable).with_name("fastwarc")), "check", "-p"]):
        assert subprocess.run([*command, path], capture_output=True, check=False).returncode == 0
    with path.open("rb") as file:
        assert [c.status for c in captures_of(file, warc="k")] == [200]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Server]:
    """A server with a certificate of an authority that nobody knows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("paper.example", "127.0.0.1").configure_cert(context)
    with Server(context=context) as server:
        yield server


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Server) -> None:
    error = fetch(f"https://127.0.0.1:{secure.port}/").error
    assert (error and error.kind) == "tls"
    assert "unable to get local issuer certificate" in str(error)


def test_a_site_may_be_taken_with_any_certificate(secure: Server) -> None:
    exchange = fetch(f"https://127.0.0.1:{secure.port}/", verify=False).exchange
    assert exchange.body == b"hello"


def test_the_tls_of_a_connection_is_known(
    secure: Server, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = fetch(f"https://127.0.0.1:{secure.port}/").exchange.tls
    assert tls
    assert (tls.version, tls.cipher) == ("tls/1.3", "TLS_AES_256_GCM_SHA384")
    assert tls.chain.startswith("-----BEGIN CERTIFICATE-----")


def test_a_certificate_for_another_name_is_refused(
    secure: Server, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    named(monkeypatch, {"other.example": ["127.0.0.1"]})
    error = fetch(f"https://other.example:{secure.port}/").error
    assert "not valid for 'other.example'" in str(error)


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    """A real proxy that speaks HTTP, SOCKS4 and SOCKS5, with a name and a password: HOST:PORT."""
    port = free_port()
    # It would take uvloop where that is installed, in a way that uvloop has given up.
    start = "import sys; sys.modules['uvloop'] = None; from pproxy.server import main; main()"
    command = [sys.executable, "-c", start, "-l", f"http+socks4+socks5://127.0.0.1:{port}#us:secret"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port), what="the proxy")
        yield f"us:secret@127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("kind", ["http", "socks5", "socks5h"])
def test_a_page_is_fetched_through_a_proxy(proxy: str, kind: str) -> None:
    with Server() as server:
        fetched = fetch(f"http://127.0.0.1:{server.port}/", proxy=Proxy.from_url(f"{kind}://{proxy}"))
        assert fetched.error is None, fetched.error
        assert fetched.exchange.body == b"hello"


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_tls_goes_through_a_tunnel(proxy: str, secure: Server, kind: str) -> None:
    through = Proxy.from_url(f"{kind}://{proxy}")
    fetched = fetch(f"https://127.0.0.1:{secure.port}/", proxy=through, verify=False)
    assert (fetched.error, fetched.exchange.body) == (None, b"hello")


def test_the_password_of_a_proxy_is_neither_archived_nor_sent_on(proxy: str) -> None:
    with Server() as server:
        exchange = fetch(f"http://127.0.0.1:{server.port}/", proxy=Proxy.from_url(f"http://{proxy}")).exchange
        assert exchange.request.startswith(b"GET http://127.0.0.1")
        assert b"roxy-" not in exchange.request


def test_a_proxy_does_not_lead_inside(proxy: str) -> None:
    through = Proxy.from_url(f"socks5://{proxy}")
    error = fetch("http://127.0.0.1:9/", proxy=through, allow_private=False).error
    assert (error and error.kind) == "refused"


def test_a_proxy_that_is_not_there_is_said() -> None:
    error = fetch("http://127.0.0.1:9/", proxy=Proxy.from_url("socks5://127.0.0.1:1")).error
    assert (error and error.kind) == "proxy"
    assert "socks5 proxy 127.0.0.1:1" in str(error)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "proxy"])
def test_what_is_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no proxy"):
        Proxy.from_url(url)
