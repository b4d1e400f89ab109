"""What documents of a newspaper tell of."""

import gzip
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiders import discovery

BASE = "https://paper.example/x/"


@pytest.mark.parametrize(
    ("url", "tidied"),
    [
        ("/a#top", "https://paper.example/a"),
        ("story?id=7", "https://paper.example/x/story?id=7"),
        ("//other.example/b", "https://other.example/b"),
        ("https://PAPER.example", "https://paper.example/"),
        (" /spaced ", "https://paper.example/spaced"),
        ("javascript:alert(1)", None),
        ("mailto:a@b.example", None),
        ("http://[", None),
        ("http://paper.example:99999/", None),
    ],
)
def test_links_are_made_absolute(url: str, tidied: str | None) -> None:
    assert discovery.absolute(url, BASE) == tidied


@pytest.mark.parametrize(
    ("url", "tidied"),
    [
        ("https://p.example/a?utm_source=x&id=7", "https://p.example/a?id=7"),
        ("https://p.example/a?fbclid=1", "https://p.example/a"),
        ("https://p.example/a?b=%20&c", "https://p.example/a?b=%20&c"),
    ],
)
def test_tracking_parameters_do_not_make_another_page(url: str, tidied: str) -> None:
    assert discovery.tidy(url) == tidied


RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>P</title>
<item><title>One</title><link>/one?utm_medium=rss</link>
<pubDate>Fri, 20 Nov 2026 06:00:00 GMT</pubDate></item>
<item><title>No link</title></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>P</title><entry><title>A</title>
<link href="https://paper.example/a"/><updated>2026-11-20T08:00:00+02:00</updated></entry></feed>"""


def test_an_rss_feed_tells_links_and_dates() -> None:
    (told,) = discovery.feed(RSS, BASE)
    assert told == discovery.Told(
        url="https://paper.example/one?utm_medium=rss",
        when=datetime(2026, 11, 20, 6, tzinfo=UTC),
        published=datetime(2026, 11, 20, 6, tzinfo=UTC),
        title="One",
    )


def test_an_atom_feed_tells_links_and_dates() -> None:
    (told,) = discovery.feed(ATOM, BASE)
    assert told.when == datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\x00\xff" * 50, b"<rss><channel><item><link>"])
def test_a_broken_feed_tells_nothing(body: bytes) -> None:
    assert discovery.feed(body, BASE) == []


URLSET = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9" xmlns:image="http://i.example/">
<url><loc> https://paper.example/a </loc><lastmod>2026-11-19</lastmod>
<news:news><news:publication_date>2026-11-20T06:00:00Z</news:publication_date></news:news>
<image:image><image:loc>https://paper.example/a.jpg</image:loc></image:image></url>
<url><loc>https://paper.example/b</loc></url></urlset>"""
INDEX = b"""<sitemapindex><sitemap><loc>/news.xml</loc>
<lastmod>2026-11-20T06:00:00Z</lastmod></sitemap></sitemapindex>"""


def test_a_sitemap_tells_pages_and_their_latest_date() -> None:
    first, second = discovery.sitemap(URLSET, BASE).pages
    assert (first.url, first.when) == ("https://paper.example/a", datetime(2026, 11, 20, 6, tzinfo=UTC))
    assert (second.url, second.when) == ("https://paper.example/b", None)


def test_a_sitemap_index_tells_sitemaps() -> None:
    (told,) = discovery.sitemap(INDEX, BASE).sitemaps
    assert told.url == "https://paper.example/news.xml"


def test_a_gzipped_sitemap_is_read() -> None:
    assert len(discovery.sitemap(gzip.compress(URLSET), BASE).pages) == 2


def test_a_sitemap_cut_off_tells_what_came() -> None:
    assert len(discovery.sitemap(URLSET[:-60], BASE).pages) == 1


def test_a_gzip_bomb_is_cut_short() -> None:
    bomb = gzip.compress(bytes(discovery.UNPACKED_LIMIT + 1_000_000))
    assert len(discovery.unpacked(bomb)) == discovery.UNPACKED_LIMIT


def test_a_sitemap_names_no_file_of_this_machine() -> None:
    entity = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    evil = entity + b"<urlset><url><loc>https://p.example/&e;</loc></url></urlset>"
    assert [t.url for t in discovery.sitemap(evil, BASE).pages] == ["https://p.example/&e"]


@given(st.binary(max_size=300))
def test_no_bytes_upset_the_sitemap_reader(body: bytes) -> None:
    assert isinstance(discovery.sitemap(body, BASE), discovery.SitemapDocument)


@given(st.text(max_size=300))
def test_no_text_upsets_the_page_reader(text: str) -> None:
    assert isinstance(discovery.page(text, BASE), discovery.PageLinks)


PAGE = """<html lang="en-ZA"><head><title>The Paper - News</title>
<meta property="og:site_name" content="The Paper">
<link rel="alternate" type="application/rss+xml" href="/rss"><link rel="stylesheet" href="/s.css">
<link rel="preload" as="fetch" href="/api.json"><link rel="canonical" href="/c"><script src="/p.js"></script>
<style>@import "/i.css"; body { background: url('/bg.png') }</style></head>
<body><a href="/story#c">s</a><a href="/photo.JPG">p</a><a href="mailto:x@y.example">m</a>
<img src="/one.png" srcset="/one.png 1x, /two.png 2x"><video poster="/v.png"></video></body></html>"""


def test_a_page_tells_what_a_reader_may_follow() -> None:
    assert discovery.page(PAGE, BASE).links == ("https://paper.example/story",)


def test_a_page_tells_what_a_browser_loads() -> None:
    names = {u.rpartition("/")[2] for u in discovery.page(PAGE, BASE).requisites}
    assert names == {"s.css", "p.js", "i.css", "bg.png", "one.png", "two.png", "v.png"}


def test_a_page_tells_its_name_language_feeds_and_data() -> None:
    found = discovery.page(PAGE, BASE)
    assert (found.name, found.language) == ("The Paper", "en-ZA")
    assert found.feeds == ("https://paper.example/rss",)
    assert found.data == ("https://paper.example/api.json",)


def test_a_base_element_moves_relative_links() -> None:
    assert discovery.page('<base href="/deep/"><a href="x">', BASE).links == ("https://paper.example/deep/x",)


def test_robots_txt_names_sitemaps() -> None:
    text = "User-agent: *\nDisallow: /\nSITEMAP : https://paper.example/s.xml # main\n"
    assert discovery.robots_sitemaps(text, BASE) == ("https://paper.example/s.xml",)
