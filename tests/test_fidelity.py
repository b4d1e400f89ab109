"""What crossed the wire is in the WARC, byte for byte, however odd: read back with FastWARC, not by us."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from archive.verify import verify
from tests import foreign
from tests.odd import ODD, OddServer, Wire

SPIDER = """
import json, os
from scrapy import Request, Spider

class OddSpider(Spider):
    name = "odd"

    async def start(self):
        for url, method, body in json.loads(os.environ["ODD_URLS"]):
            yield Request(url, method=method, body=bytes.fromhex(body), dont_filter=True,
                          callback=self.parse, errback=self.failed)

    def parse(self, response):
        self.crawler.stats.inc_value("odd/parsed")

    def failed(self, failure):
        self.crawler.stats.inc_value("odd/failed")
"""
SETTINGS = """
MORGUE_ALLOW_PRIVATE = True
DOWNLOAD_TIMEOUT = 2
DOWNLOAD_MAXSIZE = 5_000_000
RETRY_TIMES = 1
HTTPERROR_ALLOW_ALL = True
DOWNLOAD_FAIL_ON_DATALOSS = False
"""


@dataclass
class Kept:
    """One exchange as the WARC holds it."""

    request: bytes
    interim: bytes = b""
    response: bytes | None = None
    truncated: str | None = None
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Odyssey:
    """What the server saw, and what the archive holds."""

    wire: list[Wire]
    kept: dict[str, list[Kept]]
    warcs: list[Path]
    log: str


@pytest.fixture(scope="module")
def odyssey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odyssey]:
    folder = tmp_path_factory.mktemp("odd")
    project = foreign.project(folder / "project", SPIDER, SETTINGS)
    with OddServer() as server:
        urls = [(server.url(name), odd.method, odd.body.hex()) for name, odd in ODD.items()]
        env = {"ODD_URLS": json.dumps(urls), "MORGUE_ARCHIVE": str(folder / "archive")}
        done = foreign.crawl(project, "odd", MORGUE_SPOOL=str(folder / "spool"), **env)
        assert done.returncode == 0, done.stderr[-3000:]
        warcs = sorted((folder / "archive").rglob("*.warc.gz"))
        kept: dict[str, list[Kept]] = {}
        for warc in warcs:
            for url, each in exchanges(warc):
                kept.setdefault(url.removeprefix(server.base + "/").partition("?")[0], []).append(each)
        yield Odyssey(server.wire, kept, warcs, done.stderr)


def exchanges(warc: Path) -> Iterator[tuple[str, Kept]]:
    """The exchanges of a WARC, in order."""
    current: Kept | None = None
    with warc.open("rb") as file:
        for record in ArchiveIterator(file, parse_http=False):
            block, kind = record.reader.read(), record.headers.get("Content-Type", "")
            if record.record_type == WarcRecordType.request:
                current = Kept(block)
                yield record.headers["WARC-Target-URI"], current
            elif current and record.record_type in (WarcRecordType.response, WarcRecordType.revisit):
                current.response, current.truncated = block, record.headers.get("WARC-Truncated")
            elif current and kind.startswith("application/http"):
                current.interim = block
            elif current and kind == "application/warc-fields":
                lines = block.decode().splitlines()
                current.fields = dict(line.split(": ", 1) for line in lines)


def test_the_suite_has_at_least_forty_odd_exchanges() -> None:
    assert len(ODD) >= 40


@pytest.mark.parametrize("name", ODD)
def test_every_request_is_kept_as_it_was_sent(odyssey: Odyssey, name: str) -> None:
    sent = [w.request for w in odyssey.wire if w.name == name]
    assert sent
    assert sorted(k.request for k in odyssey.kept[name]) == sorted(sent)


@pytest.mark.parametrize("name", [n for n, odd in ODD.items() if odd.pieces and odd.whole])
def test_every_response_is_kept_as_it_came(odyssey: Odyssey, name: str) -> None:
    sent = [bytes(w.sent) for w in odyssey.wire if w.name == name]
    assert sorted(k.interim + (k.response or b"") for k in odyssey.kept[name]) == sorted(sent)


@pytest.mark.parametrize(
    ("name", "why"), [("reset", "disconnect"), ("trickle", "time"), ("too-big", "length")]
)
def test_what_a_limit_or_a_break_cut_is_kept_as_far_as_it_came(odyssey: Odyssey, name: str, why: str) -> None:
    sent = next(bytes(w.sent) for w in odyssey.wire if w.name == name)
    for kept in odyssey.kept[name]:
        assert kept.response
        assert kept.truncated == why
        assert sent.startswith(kept.response)


@pytest.mark.parametrize("name", ["early-close", "early-close-chunked", "early-close-head"])
def test_an_early_close_is_marked(odyssey: Odyssey, name: str) -> None:
    assert {k.truncated for k in odyssey.kept[name]} == {"disconnect"}


@pytest.mark.parametrize("name", [n for n, odd in ODD.items() if odd.whole and "early-close" not in n])
def test_nothing_else_is_called_truncated(odyssey: Odyssey, name: str) -> None:
    assert {k.truncated for k in odyssey.kept[name]} == {None}


@pytest.mark.parametrize("name", ["silent", "hanging"])
def test_where_no_byte_came_the_request_stands_with_the_reason(odyssey: Odyssey, name: str) -> None:
    for kept in odyssey.kept[name]:
        assert kept.response is None
        assert kept.fields["fetchError"]


@pytest.mark.parametrize("name", ["gzip-bad", "chunked-not"])
def test_a_server_that_lies_about_its_coding_is_noted(odyssey: Odyssey, name: str) -> None:
    assert all("bodyAsSent" in kept.fields for kept in odyssey.kept[name])


def test_only_lies_are_noted(odyssey: Odyssey) -> None:
    assert {n for n, kept in odyssey.kept.items() if "bodyAsSent" in kept[0].fields} == {
        "gzip-bad", "chunked-not",
    }  # fmt: skip


def test_the_retried_attempts_are_kept_as_well(odyssey: Odyssey) -> None:
    assert len(odyssey.kept["unavailable"]) == 2


def test_the_warc_of_it_all_is_whole(odyssey: Odyssey) -> None:
    for warc in odyssey.warcs:
        with warc.open("rb") as file:
            assert verify(file, name=warc.name).faults == []


def test_the_spider_of_the_foreign_project_got_its_responses(odyssey: Odyssey) -> None:
    parsed = int(odyssey.log.split("'odd/parsed': ")[1].split(",")[0].split("}")[0])
    failed = int(odyssey.log.split("'odd/failed': ")[1].split(",")[0].split("}")[0])
    assert parsed + failed == len(ODD)
    assert failed <= 6
