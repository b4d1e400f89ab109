# ruff: noqa: E501
"""The crawlers that are measured: each as a command of its own process, with where it leaves its WARCs.

A peer gets the base URL, a file with the list of URLs, and an empty folder to work in.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONCURRENCY = 32

PLAIN = """
import os
from scrapy import Request, Spider
from scrapy.linkextractors import LinkExtractor

class Crawl(Spider):
    name = "crawl"
    links = LinkExtractor()

    async def start(self):
        yield Request(os.environ["BENCH_BASE"] + "/", callback=self.parse)

    def start_requests(self):
        yield Request(os.environ["BENCH_BASE"] + "/", callback=self.parse)

    def parse(self, response):
        for link in self.links.extract_links(response):
            yield Request(link.url, callback=self.parse)

class Listed(Spider):
    name = "listed"

    def start_requests(self):
        for url in open(os.environ["BENCH_LIST"]):
            yield Request(url.strip(), callback=self.parse)

    async def start(self):
        for request in self.start_requests():
            yield request

    def parse(self, response):
        assert response.status == 200
"""
SETTINGS = f"""
BOT_NAME = "bench"
SPIDER_MODULES = ["bench.crawlers"]
CONCURRENT_REQUESTS = {CONCURRENCY}
CONCURRENT_REQUESTS_PER_DOMAIN = {CONCURRENCY}
ROBOTSTXT_OBEY = True
DOWNLOAD_DELAY = 0
LOG_LEVEL = "WARNING"
TELNETCONSOLE_ENABLED = False
DEFAULT_REQUEST_HEADERS = {{"Accept-Encoding": "gzip, deflate"}}
"""
WEBARCHIVE = """
EXTENSIONS = {"scrapy_webarchive.extensions.WaczExporter": 543}
SW_EXPORT_URI = "file://" + __import__("os").getcwd() + "/out/"
"""
LOOP = """
import http.client, io, sys, urllib.parse
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

urls = [line.strip() for line in open(sys.argv[1])]
wire = http.client.HTTPConnection(urllib.parse.urlsplit(urls[0]).netloc)
with open("loop.warc.gz", "wb") as out:
    writer = WARCWriter(out, gzip=True, warc_version="1.1")
    for url in urls:
        path = urllib.parse.urlsplit(url).path
        wire.request("GET", path, headers={"Accept-Encoding": "gzip, deflate"})
        answer = wire.getresponse()
        body = answer.read()
        head = StatusAndHeaders(f"{answer.status} {answer.reason}", answer.getheaders(), protocol="HTTP/1.1")
        response = writer.create_warc_record(url, "response", payload=io.BytesIO(body), http_headers=head)
        lines = StatusAndHeaders(f"GET {path} HTTP/1.1", [("Accept-Encoding", "gzip, deflate")], is_http_request=True)
        request = writer.create_warc_record(url, "request", http_headers=lines)
        writer.write_request_response_pair(request, response)
"""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A crawler: how to prepare a folder for it, and the command to run there."""

    name: str
    prepare: Callable[[Path, str, Path], None]
    command: Callable[[str, Path], list[str]]
    archives: bool = True
    env: dict[str, str] = field(default_factory=dict)


def site(folder: Path, base: str, _list: Path) -> None:
    """Our site file: the sitemap names every page, and each page is read for what a browser loads with it."""
    (folder / "sites").mkdir()
    (folder / "sites" / "bench.toml").write_text(
        f'name = "Bench"\nhome = "{base}/"\nallow_private = true\ndelay = 0.0\n'
        f'concurrency = {CONCURRENCY}\nsitemaps = ["{base}/sitemap.xml"]\n'
    )


def foreign(lines: str) -> Callable[[Path, str, Path], None]:
    """A Scrapy project with these settings on top."""

    def prepare(folder: Path, _base: str, _list: Path) -> None:
        package = folder / "bench"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "settings.py").write_text(SETTINGS + lines)
        (package / "crawlers.py").write_text(PLAIN)
        (folder / "scrapy.cfg").write_text("[settings]\ndefault = bench.settings\n")
        (folder / "out").mkdir()

    return prepare


def scrapy(spider: str, python: str = sys.executable) -> Callable[[str, Path], list[str]]:
    return lambda _base, _list: [python, "-m", "scrapy", "crawl", spider]


def nothing(_folder: Path, _base: str, _list: Path) -> None:
    """No preparation."""


OURS = '\nADDONS = {"spiders.addon.Archive": 100}\nMORGUE_ALLOW_PRIVATE = True\nMORGUE_REMEMBER_DAYS = 0\n'
MORGUE = [sys.executable, "-m", "archive"]
SPIDER = {
    "PYTHONPATH": str(ROOT),
    "MORGUE_ARCHIVE": "archive",
    "MORGUE_SPOOL": "spool",
    "MORGUE_SITES": "sites",
}


def peers(folder: Path) -> list[Peer]:
    """All peers; scrapy-webarchive gets an environment of its own in `folder`."""
    found = [
        Peer(
            name="ours, list",
            prepare=nothing,
            command=lambda _base, urls: [*MORGUE, "capture", "-i", str(urls), "--allow-private", "--quiet",
                                         "--delay", "0", "--concurrency", str(CONCURRENCY)],
            env=SPIDER,
        ),
        Peer(name="ours, crawl", prepare=site, command=lambda _b, _l: [*MORGUE, "crawl", "bench", "--quiet"], env=SPIDER),
        Peer(name="Scrapy, list", prepare=foreign(""), command=scrapy("listed"), archives=False),
        Peer(name="Scrapy, crawl", prepare=foreign(""), command=scrapy("crawl"), archives=False),
        Peer(name="Scrapy + add-on, list", prepare=foreign(OURS), command=scrapy("listed"), env=SPIDER),
        Peer(name="wget", prepare=nothing, command=lambda _b, urls: [
            "wget", "-q", "--warc-file=out", "--delete-after", "-nd", "--no-warc-keep-log", "-e", "robots=off",
            "--header=Accept-Encoding: gzip", "-i", str(urls)]),
        Peer(name="bare loop", prepare=lambda f, _b, _l: (f / "loop.py").write_text(LOOP) and None,
             command=lambda _b, urls: [sys.executable, "loop.py", str(urls)]),
    ]  # fmt: skip
    python = webarchive(folder)
    if python:
        for spider in ("list", "crawl"):
            name = "listed" if spider == "list" else spider
            found.append(
                Peer(
                    name=f"scrapy-webarchive, {spider}",
                    prepare=foreign(WEBARCHIVE),
                    command=scrapy(name, python),
                )
            )
    return found


def webarchive(folder: Path) -> str | None:
    """The Python of an environment with scrapy-webarchive; None where it cannot be made."""
    python = folder / "webarchive" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "webarchive"], check=True)
        # Newer w3lib and Twisted do not import with the Scrapy that it asks for.
        wanted = ["scrapy-webarchive==0.5.3", "w3lib<2.3", "twisted<25", "setuptools<81"]
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *wanted], capture_output=True, check=False
        )
        if done.returncode:
            print("scrapy-webarchive cannot be installed here:", json.dumps(done.stderr.decode()[-300:]))
            return None
    return str(python)


def environment(peer: Peer, base: str, urls: Path) -> dict[str, str]:
    """The variables of a peer's process."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MORGUE_", "AWS_"))}
    return kept | {"BENCH_BASE": base, "BENCH_LIST": str(urls)} | peer.env
