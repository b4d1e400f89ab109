"""Somebody else's project, which knows us by one line: what it gets, and what it is kept from."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.index import Index
from archive.playback import read_location
from archive.runs import all_runs
from archive.store import open_store
from tests import foreign

SPIDER = """
import os
from scrapy import Request, Spider

class Links(Spider):
    name = "links"

    async def start(self):
        yield Request(os.environ["FIRST"], callback=self.parse)

    def parse(self, response):
        for src in response.css("img::attr(src), link::attr(href)").getall():
            yield response.follow(src, callback=self.loaded)

    def loaded(self, response):
        self.crawler.stats.inc_value("links/loaded")
"""
# To the tests everything is loopback: 127.0.0.1 stands for the public net, 127.0.0.2 for the inside.
GUARDED = """
ROBOTSTXT_OBEY = True
RETRY_ENABLED = False
import spiders.dialer
spiders.dialer.is_public = lambda address: address == "127.0.0.1"
"""


class Inside:
    """A server on both addresses that tells which of them was asked, and for what."""

    def __init__(self) -> None:
        self.outer = socket.create_server(("127.0.0.1", 0))
        self.port = self.outer.getsockname()[1]
        self.inner = socket.create_server(("127.0.0.2", self.port))
        self.asked_inside: list[bytes] = []
        for listener in (self.outer, self.inner):
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        self.outer.close()
        self.inner.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    data = connection.recv(65536)
                    if listener is self.inner:
                        self.asked_inside.append(data)
                    connection.sendall(self._answer(data.split(b" ")[1].decode()))

    def _answer(self, path: str) -> bytes:
        inside = f"http://127.0.0.2:{self.port}"
        if path == "/moved":
            return f"HTTP/1.1 302 Go\r\nLocation: {inside}/secret\r\nContent-Length: 0\r\n\r\n".encode()
        body = f'<img src="{inside}/pixel.png"><link href="/moved"><img src="/own.png">'.encode()
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        )
        return head % len(body) + body


@pytest.fixture
def inside() -> Iterator[Inside]:
    server = Inside()
    yield server
    server.close()


def test_redirects_requisites_and_robots_txt_do_not_lead_inside(tmp_path: Path, inside: Inside) -> None:
    project = foreign.project(tmp_path / "project", SPIDER, GUARDED)
    done = foreign.crawl(project, "links", FIRST=f"http://127.0.0.1:{inside.port}/")
    assert done.returncode == 0, done.stderr[-2000:]
    assert inside.asked_inside == []
    assert "'links/loaded': 1" in done.stderr
    (run,) = all_runs(open_store(str(tmp_path / "archive")))
    assert run.counts["failed"] >= 2  # the attempts are recorded: robots.txt of the inside, and the rest


NEWSPAPER = """
import sys
import spiders.dialer
spiders.dialer.is_public = lambda address: address == "127.0.0.1"
from pathlib import Path
from archive.sites import load_sites
from spiders.news import spider_of
from spiders.runner import crawl
(site,) = load_sites(Path("sites")).values()
# robots.txt would be asked for first, in vain, and nothing after it.
settings = {"MORGUE_DELAY": 0, "RETRY_ENABLED": False, "ROBOTSTXT_OBEY": False}
crawl(spider_of(site), archive="archive", settings=settings)
"""


def test_feeds_sitemaps_and_articles_do_not_lead_inside(tmp_path: Path, inside: Inside) -> None:
    # The server answers everything with a page whose picture is inside, and /moved with a way inside.
    home, within = f"http://127.0.0.1:{inside.port}", f"http://127.0.0.2:{inside.port}"
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "paper.toml").write_text(
        f'name = "Paper"\nhome = "{home}/"\ndelay = 0\nrequisites = "all"\n'
        f'feeds = ["{within}/feed.xml", "{home}/moved"]\n'
        f'sitemaps = ["{within}/sitemap.xml"]\n'
    )
    env = {**os.environ, "MORGUE_SPOOL": str(tmp_path / "spool"), "MORGUE_CONTACT": "us@paper.example"}
    done = subprocess.run(
        [sys.executable, "-c", NEWSPAPER], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=150,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert inside.asked_inside == []
    (run,) = all_runs(open_store(str(tmp_path / "archive")))
    assert run.counts["failed"] >= 3  # the attempts are recorded: feed, sitemap, picture
    assert run.counts["redirects"] >= 1


def test_a_crawl_that_could_not_publish_does_not_end_with_0(tmp_path: Path, inside: Inside) -> None:
    project = foreign.project(tmp_path / "project", SPIDER, "MORGUE_ALLOW_PRIVATE = True\n")
    (tmp_path / "taken").write_text("a file where the archive should be")
    done = foreign.crawl(
        project, "links", FIRST=f"http://127.0.0.1:{inside.port}/", MORGUE_ARCHIVE=str(tmp_path / "taken")
    )
    assert done.returncode == 4
    assert "run `morgue recover`" in done.stderr
    assert list((tmp_path / "spool").rglob("*.warc.gz"))


LONE = "MORGUE_ALLOW_PRIVATE = True\nRETRY_ENABLED = False\n"
PATIENT = """
from scrapy import Request, Spider

class Patient(Spider):
    name = "patient"

    async def start(self):
        import os
        yield Request(os.environ["FIRST"], meta={"download_timeout": 0.5}, errback=self.failed)
        yield Request(os.environ["FIRST"] + "cut", errback=self.failed, dont_filter=True)

    def failed(self, failure):
        self.crawler.stats.inc_value("failed/" + type(failure.value).__name__)
"""


def test_a_request_may_have_a_time_limit_of_its_own_and_half_a_page_is_no_page(tmp_path: Path) -> None:
    project = foreign.project(
        tmp_path / "project", PATIENT, "MORGUE_ALLOW_PRIVATE = True\nRETRY_ENABLED = False\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=half, args=(server,), daemon=True).start()
        done = foreign.crawl(project, "patient", FIRST=f"http://127.0.0.1:{server.getsockname()[1]}/")
    assert "'failed/DownloadTimeoutError': 1" in done.stderr, done.stderr[-2000:]
    assert "'failed/ResponseDataLossError': 1" in done.stderr
    (run,) = all_runs(open_store(str(tmp_path / "archive")))
    assert (run.counts["truncated"], run.counts["failed"]) == (1, 1)


def half(server: socket.socket) -> None:
    """Says nothing to "/", and half of what it announces to all else."""
    silent = []
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            if b"GET / " in connection.recv(65536):
                silent.append(connection)
                continue
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")


def test_one_line_of_settings_archives_a_foreign_project(tmp_path: Path, inside: Inside) -> None:
    project = foreign.project(tmp_path / "project", SPIDER, "MORGUE_ALLOW_PRIVATE = True\n")
    url = f"http://127.0.0.1:{inside.port}/"
    done = foreign.crawl(project, "links", FIRST=url)
    assert done.returncode == 0, done.stderr[-2000:]
    store = open_store(str(tmp_path / "archive"))
    assert [run.site for run in all_runs(store)] == ["links"]
    index = Index(store)
    assert b"pixel.png" in read_location(store, index.closest(url).location).block
    assert {c.status for c in index.all()} == {200, 302}
