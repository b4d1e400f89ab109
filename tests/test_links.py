"""Links and requisites of pages and style sheets."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.http import HtmlResponse
from scrapy.linkextractors import LinkExtractor

from spiders.links import PageLinks, read_loaded, read_page, srcset_urls
from spiders.styles import css_requisites, css_urls
from spiders.told import absolute

TREE = Path(__file__).parent.parent
BASE = "https://paper.example/news/story.html"
HOST = "https://paper.example"


def found(html: str, kind: str = "requisites") -> list[str]:
    """What a page tells, short where it is on the host."""
    return [url.removeprefix(HOST) for url in getattr(read_page(html, BASE), kind)]


REQUISITES = {
    "style sheet": '<link rel="stylesheet" href="/x">',
    "style sheet in capitals": '<LINK REL="StyleSheet" HREF="/x">',
    "other style sheet": '<link rel="alternate stylesheet" href="/x">',
    "icon": '<link rel="shortcut icon" href="/x">',
    "touch icon": '<link rel="apple-touch-icon-precomposed" sizes="57x57" href="/x">',
    "mask icon": '<link rel="mask-icon" href="/x">',
    "manifest": '<link rel="manifest" href="/x">',
    "module": '<link rel="modulepreload" href="/x">',
    "preloaded font": '<link rel="preload" as="font" href="/x">',
    "preloaded image of a set": '<link rel="preload" as="image" imagesrcset="/x 1x">',
    "prefetched script": '<link rel="prefetch" as="script" href="/x">',
    "script": '<script src="/x"></script>',
    "script that waits for consent": '<script type="text/plain" data-src="/x"></script>',
    "image": "<img src=/x>",
    "image of a set": '<img srcset="/x 1x">',
    "picture": '<picture><source srcset="/x 100w"></picture>',
    "image in noscript": "<noscript><img src=/x></noscript>",
    "image in noscript in the head": "<head><noscript><img src=/x></noscript></head>",
    "image in a template": "<template><img src=/x></template>",
    "image button": '<input type="IMAGE" src="/x">',
    "late image": '<img data-src="/x">',
    "late image, by the older way": '<img data-original="/x">',
    "late image, WordPress": '<img data-lazy-src="/x">',
    "late set": '<img data-srcset="/x 1x">',
    "late set, WordPress": '<img data-lazy-srcset="/x 1x">',
    "late background": '<div data-bg="/x"></div>',
    "late background as CSS": '<div data-bg="url(/x)"></div>',
    "late background in full": '<section data-background-image="/x"></section>',
    "late in capitals": "<img DATA-SRC=/x>",
    "background of old": '<table background="/x"><tr><td></table>',
    "inline style": '<div style="background: url(/x) no-repeat"></div>',
    "inline style, escaped": '<div style="background: url(&quot;/x&quot;)"></div>',
    "style": "<style>a { background: url(/x) }</style>",
    "style in the body": "<body><style>@import '/x';</style></body>",
    "video": "<video src=/x></video>",
    "poster": "<video poster=/x></video>",
    "audio": "<audio src=/x></audio>",
    "source": "<video><source src=/x></video>",
    "track": "<video><track src=/x></video>",
    "embed": "<embed src=/x>",
    "object": "<object data=/x></object>",
    "drawing": '<svg><image href="/x"/></svg>',
    "drawing, by the older way": '<svg><image xlink:href="/x"/></svg>',
    "symbol of a drawing": '<svg><use href="/x#icon"/></svg>',
    "image of AMP": "<amp-img src=/x></amp-img>",
    "image for sharing": '<meta property="og:image" content="/x">',
    "image for sharing, secure": '<meta property="og:image:secure_url" content="/x">',
    "image for sharing, twitter": '<meta name="twitter:image" content="/x">',
    "tile": '<meta name="msapplication-TileImage" content="/x">',
    "image of microdata": '<meta itemprop="image" content="/x">',
    "unquoted and unclosed": "<p><b><img src=/x<p>".replace("/x<", "/x ><"),
}


@pytest.mark.parametrize("name", REQUISITES)
def test_a_browser_would_load_it(name: str) -> None:
    assert found(REQUISITES[name]) == ["/x"]
    assert read_loaded(REQUISITES[name], BASE).requisites == (HOST + "/x",)


@pytest.mark.parametrize(
    "html",
    [
        '<img src="data:image/gif;base64,R0lGOD">',
        '<img srcset="data:image/gif;base64,R0lGOD 1x">',
        '<img src="javascript:void(0)">',
        '<img src="about:blank">',
        '<img src="">',
        '<img data-src="">',
        '<div data-bg="#fff"></div>',
        '<div data-image="true"></div>',
        '<link rel="preconnect" href="/x">',
        '<link rel="dns-prefetch" href="/x">',
        '<link rel="canonical" href="/x">',
        '<link rel="alternate" hreflang="fr" href="/x">',
        '<link rel="prefetch" href="/x">',
        '<link href="/x">',
        '<input type="text" src="/x">',
        '<svg><use href="#icon"/></svg>',
        "<!-- <img src=/x> -->",
        "<!--[if IE]><script src=/x></script><![endif]-->",
        "<style>a { behavior: url(#default) }</style>",
        "<style>/* url(/x) */</style>",
        "<a href=/x.html>a</a>",
        '<meta property="og:url" content="/x">',
        "<textarea><img src=/x></textarea>",
    ],
)
def test_a_browser_would_not_load_it(html: str) -> None:
    assert found(html) == []


PAGE = """<!DOCTYPE html><html lang="en-ZA"><head><title>Fish is back | The Paper</title>
<link rel="canonical" href="/fish"><link rel="amphtml" href="/fish/amp"><link rel="next" href="?page=2">
<link rel="alternate" type="application/rss+xml; charset=utf-8" href="/rss">
<link rel="alternate" type="application/atom+xml" href="/atom">
<link rel="alternate" type="application/feed+json" href="/feed.json">
<link rel="preload" as="fetch" href="/api/fish.json" crossorigin></head>
<body><a href="/a">a</a><a href=" /b ">b</a><a href="/a#x">a</a><a href="javascript:void(0)">j</a>
<a href="mailto:desk@paper.example">m</a><a href="tel:123">t</a><a href="data:text/html,x">d</a><a>none</a>
<a href="/photo.jpg">p</a><a href="/paper.pdf?x=1">p</a><a href="https://other.example/c">c</a>
<map><area href="/m"></map><iframe src="/frame"></iframe><iframe data-src="/late-frame"></iframe>
</body></html>"""


def test_a_page_tells_each_kind_apart() -> None:
    page = read_page(PAGE, BASE)
    assert page.links == (f"{HOST}/a", f"{HOST}/b", "https://other.example/c", f"{HOST}/m")
    assert page.feeds == (f"{HOST}/rss", f"{HOST}/atom", f"{HOST}/feed.json")
    assert page.data == (f"{HOST}/api/fish.json",)
    assert page.frames == (f"{HOST}/frame", f"{HOST}/late-frame")
    assert page.requisites == ()
    assert (page.canonical, page.amp, page.next) == (f"{HOST}/fish", f"{HOST}/fish/amp", f"{BASE}?page=2")
    assert (page.name, page.language) == ("Fish is back", "en-ZA")


def test_what_a_browser_loads_is_told_without_the_links() -> None:
    page = read_loaded(PAGE, BASE)
    assert (page.links, page.data, len(page.frames)) == ((), (f"{HOST}/api/fish.json",), 2)


def test_the_name_for_itself_wins_over_the_title() -> None:
    html = '<title>Fish - The Paper</title><meta property="og:site_name" content=" The  Paper ">'
    assert read_page(html, BASE).name == "The Paper"


def test_the_title_of_a_drawing_is_not_the_page_s() -> None:
    assert read_page("<title>Paper</title><svg><title>Logo</title></svg>", BASE).name == "Paper"


def test_the_next_page_may_be_told_in_the_text() -> None:
    assert read_page('<a rel="next nofollow" href="?p=2">next</a>', BASE).next == f"{BASE}?p=2"


@pytest.mark.parametrize(
    ("element", "link"),
    [
        ('<base href="/deep/">', f"{HOST}/deep/x"),
        ('<base href="https://other.example/y/">', "https://other.example/y/x"),
        ('<base target="_blank">', f"{HOST}/news/x"),
        ('<base target="_blank"><base href="/deep/">', f"{HOST}/deep/x"),
        ('<base href="/one/"><base href="/two/">', f"{HOST}/one/x"),
        ('<base href="javascript:1">', f"{HOST}/news/x"),
        ('<base href="">', f"{HOST}/news/x"),
    ],
)
def test_a_base_element_moves_relative_addresses(element: str, link: str) -> None:
    assert read_page(f'{element}<a href="x">x</a>', BASE).links == (link,)


def test_a_declaration_of_xml_is_no_hindrance() -> None:
    assert found('<?xml version="1.0" encoding="utf-16"?><html><a href="/é">x</a></html>', "links") == ["/é"]


def test_a_link_in_a_deep_page_is_found() -> None:
    assert found("<div>" * 1000 + "<a href=/x>x</a>", "links") == ["/x"]


def test_a_page_of_megabytes_takes_seconds_at_most() -> None:
    begun = time.process_time()
    read_page("<b>" * 200_000 + "<a href=/x>" * 50_000 + "<div style='x(" * 10_000, BASE)
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    ("srcset", "urls"),
    [
        ("/a", ["/a"]),
        ("/a 1x, /b 2x", ["/a", "/b"]),
        ("/a 1x,/b 2x", ["/a", "/b"]),
        ("/a, /b 2x", ["/a", "/b"]),
        ("  ,/a 100w 50h ,\n/b", ["/a", "/b"]),
        ("/a,b.jpg 1x, /c", ["/a,b.jpg", "/c"]),
        ("/w_100,h_50/a.jpg 100w, /w_200,h_90/a.jpg 200w", ["/w_100,h_50/a.jpg", "/w_200,h_90/a.jpg"]),
        ("/a (1x, 2x), /b", ["/a", "/b"]),
        ("data:image/png;base64,AA== 1x, /b 2x", ["/b"]),
        ("", []),
        (" , ", []),
        ("/a (", ["/a"]),
    ],
)
def test_a_srcset_tells_its_candidates(srcset: str, urls: list[str]) -> None:
    assert list(srcset_urls(srcset)) == urls


@pytest.mark.parametrize(
    ("css", "urls"),
    [
        ("a{background:url(x.png)}", ["x.png"]),
        ("a{background:url( 'x.png' )}", ["x.png"]),
        ('a{background:url("x.png")}', ["x.png"]),
        ("a{background:URL(x.png)}", ["x.png"]),
        ("a{background:url(x.png),url(y.png)}", ["x.png", "y.png"]),
        ("a{background:url(x\\ y.png)}", ["x y.png"]),
        ("a{background:url(x\\29.png)}", ["x).png"]),
        ("a{background:url('x\\'y.png')}", ["x'y.png"]),
        ("a{background:url('x)y.png')}", ["x)y.png"]),
        ("a{background:url('x;y{.png')}", ["x;y{.png"]),
        ("a{background:url()}", []),
        ("a{background:url('')}", []),
        ("a{background:url(#x)}", []),
        ("a{background:url(data:image/png;base64,AA==)}", []),
        ("a{background:url('data:image/svg+xml,<svg url(x)>')}", []),
        ("a{background:url(x.png", ["x.png"]),
        ("@import 'x.css';", ["x.css"]),
        ('@import"x.css"screen;', ["x.css"]),
        ("@import url(x.css) layer(y) supports(display: grid) screen;", ["x.css"]),
        ("@IMPORT 'x.css';", ["x.css"]),
        ("@import /* now */ 'x.css';", ["x.css"]),
        ("@import x; a{content:'y'}", []),
        ("@charset 'utf-8'; a{}", []),
        ("@namespace url(http://www.w3.org/1999/xhtml);", []),
        ("@namespace svg 'http://www.w3.org/2000/svg'; @import 'x.css';", ["x.css"]),
        ("/* url(x.png) */", []),
        ("/* url(x.png)", []),
        ("/* a */ a{background:url(x.png)} /* b */", ["x.png"]),
        ("a{content:'/*'; background:url(x.png)} /* */", ["x.png"]),
        ("a{content:'url(x.png)'}", []),
        ("a{content:\"it's\"; background:url(x.png)}", ["x.png"]),
        ("a{content:'open\n} b{background:url(x.png)}", ["x.png"]),
        ("@font-face{src:url(x.eot);src:url(x.eot?#iefix)format('eot')}", ["x.eot", "x.eot?#iefix"]),
        ("@font-face{src:local('X'),url(x.woff2)format('woff2')}", ["x.woff2"]),
        ("a{background:image-set('x.png' 1x, \"y.png\" 2x)}", ["x.png", "y.png"]),
        ("a{background:image-set(url(x.png) 1x)}", ["x.png"]),
        ("a{background:image-set('x.avif' type('image/avif'))}", ["x.avif"]),
        ("a{--x:myurl(x.png)}", []),
        ("@media print{a{background:url(x.png)}}", ["x.png"]),
        (".a{filter:progid:DXImageTransform(src='x.png')}", []),
        ("<!-- a{background:url(x.png)} -->", ["x.png"]),
    ],
)  # fmt: skip
def test_a_style_sheet_tells_what_it_loads(css: str, urls: list[str]) -> None:
    assert list(css_urls(css)) == urls


def test_addresses_of_a_style_sheet_are_relative_to_it() -> None:
    css = "a{background:url(../i/x.png)} b{background:url(../i/x.png)}"
    assert css_requisites(css, f"{HOST}/css/a.css") == (f"{HOST}/i/x.png",)


@pytest.mark.parametrize("piece", ["/*", "url(", "'", '"', "@import ", "url('", "\\", "url(\\", "('"])
def test_a_style_sheet_without_end_takes_no_time(piece: str) -> None:
    begun = time.process_time()
    list(css_urls(piece * (1_000_000 // len(piece))))
    assert time.process_time() - begun < 5


@given(st.text(max_size=300))
def test_no_text_upsets_the_readers(text: str) -> None:
    assert isinstance(read_page(text, BASE), PageLinks)
    assert all(css_urls(text))
    assert all(srcset_urls(text))


TAGS = st.sampled_from(
    [
        "a href",
        "img src",
        "img srcset",
        "link rel=icon href",
        "div style",
        "base href",
        "img data-src",
        "meta name=twitter:image content",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TAGS, st.text(max_size=20)), max_size=6))
def test_whatever_a_page_says_its_addresses_are_absolute(elements: list[tuple[str, str]]) -> None:
    from html import escape

    page = read_page("".join(f'<{tag}="{escape(value)}">' for tag, value in elements), BASE)
    for url in page.links + page.requisites + page.data + page.feeds + page.frames:
        assert absolute(url) == url


# Of one host: what follows two slashes is a host, which Scrapy judges otherwise.
WORDS = st.from_regex(r"/([a-z0-9_.-][a-z0-9/_.-]{0,20})?(\?[a-z]=[0-9])?", fullmatch=True)


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, max_size=8))
def test_scrapy_finds_the_same_links(paths: list[str]) -> None:
    html = "".join(f'<p><a href="{path}">x</a>' for path in paths)
    response = HtmlResponse(BASE, body=html.encode(), encoding="utf-8")
    theirs = [link.url for link in LinkExtractor(deny_extensions=()).extract_links(response)]
    ours = read_page(html, BASE).links
    assert [u for u in theirs if u in ours] == list(ours)
    assert all("." in u.rpartition("/")[2] or u in ours for u in theirs)


def test_the_benchmark_of_links_finds_ours_cheaper() -> None:
    command = [sys.executable, "benchmarks/links.py", "--pages", "30", "--rounds", "3"]
    ended = subprocess.run(command, cwd=TREE, capture_output=True, text=True, check=False)
    assert "same article links" in ended.stdout, ended.stdout + ended.stderr
