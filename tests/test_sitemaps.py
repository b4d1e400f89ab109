"""What is read from sitemaps: the cases of tests/documents/sitemaps.py, streams, bounds and memory."""

import io
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiders.sitemaps import GUESSES, News, SitemapDocument, cross_submitted, guesses, read_sitemap
from spiders.told import Told, absolute
from tests.documents.sitemaps import BASE, CASES, HOST, SOUND, A, Case, urlset

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TREE = Path(__file__).parent.parent


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_sitemap_tells_what_stands_beside_it(case: Case) -> None:
    found = read_sitemap(case.body, BASE, now=NOW)
    told = found.sitemaps if found.kind == "index" else found.pages
    assert tuple(t.url for t in told) == case.urls
    assert found.cut == case.cut
    assert case.kind is None or found.kind == case.kind
    first = told[0] if told else Told(url="")
    for name, value in (("when", case.when), ("published", case.published)):
        date = getattr(first, name)
        assert value is None or (date.isoformat() if date else "") == value, name
    assert case.headline is None or first.title == case.headline
    for name, value in (("publication", case.publication), ("language", case.language)):
        assert value is None or (isinstance(first, News) and getattr(first, name) == value)


def test_no_two_cases_have_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_pieces_of_any_size_tell_the_same(size: int) -> None:
    for case in CASES:
        if len(case.body) < 5000:
            pieces = (case.body[n : n + size] for n in range(0, len(case.body), size))
            assert read_sitemap(pieces, BASE) == read_sitemap(case.body, BASE), case.name


def test_a_file_is_read_like_its_bytes() -> None:
    assert read_sitemap(io.BytesIO(SOUND.encode()), BASE) == read_sitemap(SOUND.encode(), BASE)


def test_reading_ends_at_the_most_locations() -> None:
    body = urlset("".join(f"<url><loc>/{n}</loc></url>" for n in range(20))).encode()
    assert len(read_sitemap(body, BASE, most_urls=20).pages) == 20
    assert read_sitemap(body, BASE, most_urls=20).cut == ""
    found = read_sitemap(body, BASE, most_urls=19)
    assert (len(found.pages), found.cut) == (19, "count")


def test_reading_ends_at_the_most_lines() -> None:
    found = read_sitemap("\n".join(f"{HOST}/{n}" for n in range(20)).encode(), BASE, most_urls=7)
    assert (len(found.pages), found.cut, found.kind) == (7, "count", "text")


def test_reading_ends_at_the_most_bytes_and_tells_what_came_before() -> None:
    body = urlset(f"<url><loc>{A}</loc></url>" + " " * 10_000 + "<url><loc>/b</loc></url>").encode()
    found = read_sitemap(body, BASE, most_bytes=5000)
    assert ([t.url for t in found.pages], found.cut) == ([A], "size")


def test_a_source_is_not_asked_for_more_than_is_read() -> None:
    asked = 0

    def source() -> Iterator[bytes]:
        nonlocal asked
        yield b"<urlset>"
        while True:
            asked += 1
            yield b"<url><loc>/a</loc></url>" * 100

    assert read_sitemap(source(), BASE, most_urls=1000).cut == "count"
    assert asked < 100


ENDLESS = {
    "entries": "b'<url><loc>/a</loc></url>' * 1000",
    "elements": "b'<junk a=\"1\">x<b/></junk> text <!-- c --><?p i?>' * 100",
    "open elements": "b'<a>' * 1000",
    "one text": "b'x' * 65536",
    "zeros": "bytes(65536)",
    "lines": "b'https://paper.example/a\\n' * 1000",
}
CHILD = """
import itertools, resource, sys, zlib
from spiders.sitemaps import read_sitemap
def source():
    packer = zlib.compressobj(9, wbits=31)
    if {opened!r}:
        yield packer.compress(b"<urlset>")
    for _ in range({count}):
        yield packer.compress({piece})
    yield packer.flush()
read_sitemap(b"<urlset><url><loc>/a</loc></url></urlset>", "https://paper.example/")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = read_sitemap(source(), "https://paper.example/", most_bytes={most}, most_urls=1000)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(found.cut, (after - before) // 1024)
"""


@pytest.mark.parametrize("name", ENDLESS)
def test_a_gigabyte_costs_no_memory(name: str) -> None:
    opened = name not in ("zeros", "lines")
    # A gigabyte where unpacking alone decides; markup, which has to be read, is bounded at 8 MiB here.
    most = 1 << 30 if name == "zeros" else 8 << 20
    script = CHILD.format(piece=ENDLESS[name], opened=opened, count=16384, most=most)
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=TREE, capture_output=True, text=True, check=True
    )
    cut, grown = said.stdout.split() if len(said.stdout.split()) == 2 else ("", said.stdout.strip())
    assert cut in {"entries": "count", "lines": "count", "zeros": "", "open elements": "xml"}.get(
        name, "size"
    )
    assert int(grown) < 24, "MiB"


def test_a_bomb_of_ten_gigabytes_ends_at_the_bound() -> None:
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    taken = 0

    def bomb() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(10_240):
            taken += 1
            yield packer.compress(zeros)

    found = read_sitemap(bomb(), BASE)
    assert (found.cut, found.pages) == ("size", ())
    assert taken < 200  # the bound is 64 MiB, and the packer keeps some back


@given(st.binary(max_size=400))
def test_no_bytes_upset_the_reader(body: bytes) -> None:
    assert isinstance(read_sitemap(body, BASE), SitemapDocument)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_upsets_the_reader(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from([case.body for case in CASES if len(case.body) < 5000])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body)))
        body[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    found = read_sitemap(bytes(body), BASE, now=NOW)
    assert all(absolute(told.url) == told.url for told in found.pages + found.sitemaps)


@pytest.mark.parametrize(
    ("url", "host", "foreign"),
    [
        ("https://paper.example/a", "paper.example", False),
        ("https://www.paper.example/a", "paper.example", False),
        ("https://paper.example/a", "www.paper.example", False),
        ("http://Paper.Example:80/a", "paper.example", False),
        ("https://paper.example:443/a", "paper.example", False),
        ("https://paper.example:8080/a", "paper.example:8080", False),
        ("https://paper.example:8080/a", "paper.example", True),
        ("https://news.paper.example/a", "paper.example", True),
        ("https://other.example/a", "paper.example", True),
        ("https://paper.example.evil.example/a", "paper.example", True),
        ("https://paper.example@evil.example/a", "paper.example", True),
        ("http://[", "paper.example", True),
    ],
)
def test_a_location_on_another_host_is_a_cross_submission(url: str, host: str, foreign: bool) -> None:
    assert cross_submitted(url, host) is foreign


def test_guesses_are_places_on_the_home_s_host() -> None:
    found = guesses("https://paper.example/en/")
    assert len(set(found)) == len(GUESSES)
    assert all(url.startswith("https://paper.example/") for url in found)
    assert "https://paper.example/arc/outboundfeeds/news-sitemap/?outputType=xml" in found
