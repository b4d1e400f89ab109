"""Which addresses are variants of one article, and which are not."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.variants import TRACKING, tidy, variant_key

STORY = "https://paper.example/2026/11/20/fish-is-back"


@pytest.mark.parametrize(
    "url",
    [
        STORY + "#comments",
        STORY + "?",
        STORY + "?utm_source=rss&utm_medium=feed",
        STORY + "?UTM_Source=rss",
        STORY + "?utm_id=1&fbclid=abc&gclid=x&mc_cid=1&at_campaign=x&xtor=RSS-1",
        STORY + "?_ga=1.2&__twitter_impression=true&ns_mchannel=rss",
        STORY.replace("https", "http"),
        STORY.replace("example", "example:443"),
        STORY.replace("https://paper.example", "http://paper.example:80"),
        STORY.replace("paper.example", "Paper.EXAMPLE"),
        STORY.replace("paper.example", "paper.example."),
        STORY.replace("paper.", "www.paper."),
        STORY.replace("paper.", "m.paper."),
        STORY.replace("paper.", "mobile.paper."),
        STORY.replace("paper.", "amp.paper."),
        STORY.replace("paper.", "www.amp.paper."),
        STORY + "/",
        STORY + "/amp",
        STORY + "/amp/",
        STORY + ".amp",
        STORY + "?amp=1",
        STORY + "?amp",
        STORY + "?outputType=amp",
        STORY.replace("/2026", "/amp/2026"),
        STORY + "/index.html",
        STORY + "/index.htm?utm_source=x",
        STORY.replace("fish", "%66ish"),
        "https://paper-example.cdn.ampproject.org/c/s/paper.example/2026/11/20/fish-is-back/amp?amp_js_v=0.1",
        " " + STORY + " ",
    ],
)
def test_a_variant_has_the_key_of_its_article(url: str) -> None:
    assert variant_key(url) == variant_key(STORY)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/story.amp.html", "/story.html"),
        ("/", "/index.html"),
        ("/amp/", "/"),
        ("/?b=2&a=1", "/?a=1&b=2"),
        ("/caf%c3%a9", "/café"),
        ("/a?q=%7ex", "/a?q=~x"),
        ("/a?q=caf%C3%A9", "/a?q=café"),
        ("/#!/story/1", "/?utm_source=x#!/story/1"),
    ],
)
def test_two_spellings_are_one_article(one: str, other: str) -> None:
    assert variant_key("https://paper.example" + one) == variant_key("https://paper.example" + other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://paper.example/a?id=1", "https://paper.example/a?id=2"),
        ("https://paper.example/a?p=1", "https://paper.example/a"),
        ("https://paper.example/a?a=1&a=2", "https://paper.example/a?a=2&a=1"),
        ("https://paper.example/a?amp=12", "https://paper.example/a"),
        ("https://paper.example/a?ref=1", "https://paper.example/a?ref=2"),
        ("https://paper.example/a?source=1", "https://paper.example/a?source=2"),
        ("https://paper.example/a?cid=1", "https://paper.example/a?cid=2"),
        ("https://paper.example/a?output=pdf", "https://paper.example/a"),
        ("https://paper.example/section/", "https://paper.example/section"),
        ("https://paper.example/A", "https://paper.example/a"),
        ("https://paper.example/a", "https://paper.example/a.html"),
        ("https://paper.example/index.php", "https://paper.example/"),
        ("https://paper.example/revamp", "https://paper.example/rev"),
        ("https://paper.example/fish.camp", "https://paper.example/fish"),
        ("https://paper.example/a%2Fb", "https://paper.example/a/b"),
        ("https://paper.example/a?x=%26b=1", "https://paper.example/a?x=&b=1"),
        ("https://paper.example/a?x=%2B", "https://paper.example/a?x=+"),
        ("https://paper.example:8080/a", "https://paper.example/a"),
        ("https://news.paper.example/a", "https://paper.example/a"),
        ("https://amp.co.za/a", "https://m.co.za/a"),
        ("https://www.example/a", "https://m.example/a"),
        ("https://paper.example/#!/1", "https://paper.example/#!/2"),
        ("https://paper.example/a//b", "https://paper.example/a/b"),
    ],
)
def test_two_articles_have_two_keys(one: str, other: str) -> None:
    assert variant_key(one) != variant_key(other)


@pytest.mark.parametrize(
    "url", ["", "mailto:x@paper.example", "http://[", "https://paper.example:99999/", "x"]
)
def test_what_is_no_web_address_is_its_own_key(url: str) -> None:
    assert variant_key(url) == url


def test_an_address_of_version_six_keeps_its_brackets() -> None:
    assert variant_key("http://[2001:db8::1]:8080/a") == "https://[2001:db8::1]:8080/a"


PIECES = st.sampled_from(
    ["/", "/amp", ".amp", ".html", "/index.html", "/amp/", "?", "&", "=", "amp=1", "id=7", "utm_x=1", "%41",
     "%2f", "%", "#!", "#", "a", "é", "fish-is-back", "2026", " ", ";", "//", "@", ":80", "www.", "m.",
     "[", "\\"]
)  # fmt: skip
URLS = st.lists(PIECES, max_size=10).map(lambda p: "https://www.m.paper.example" + "".join(p)) | st.text(
    max_size=40
)


@settings(max_examples=500)
@given(URLS)
def test_a_key_is_its_own_key(url: str) -> None:
    key = variant_key(url)
    assert variant_key(key) == key


CONTENT = st.sampled_from(
    ["id", "p", "article", "articleid", "story", "storyid", "page", "pid", "aid", "nid", "n", "q", "s",
    "d", "date",
     "k", "ref", "source", "src", "cid", "sid", "tid", "c", "category", "section", "lang", "edition", "view",
     "v", "type", "format", "output", "version", "year", "tag", "author", "title", "slug", "url", "key", "no",
     "idx", "docid", "gid"]
)  # fmt: skip
VALUES = st.text(min_size=1, max_size=8)
PATHS = st.from_regex(r"(/[a-z0-9-]{1,12}){0,3}(\.html|/)?", fullmatch=True)


@settings(max_examples=500)
@given(PATHS, CONTENT, VALUES, VALUES, st.dictionaries(CONTENT, VALUES, max_size=2))
def test_what_differs_in_a_content_parameter_is_never_merged(
    path: str, name: str, one: str, other: str, more: dict[str, str]
) -> None:
    def url(value: str) -> str:
        return f"https://paper.example{path}?" + urlencode(more | {name: value}, quote_via=quote)

    if one != other and "amp" not in (one.lower(), other.lower()):
        assert variant_key(url(one)) != variant_key(url(other))


@given(
    st.lists(st.tuples(CONTENT, VALUES), max_size=4),
    st.sampled_from(["utm_source", "fbclid", "gclid", "at_medium", "xtor", "mc_eid", "icid"]),
    VALUES,
)
def test_a_tracking_parameter_never_makes_a_difference(
    pairs: list[tuple[str, str]], name: str, value: str
) -> None:
    plain = "https://paper.example/a?" + urlencode(pairs)
    tracked = "https://paper.example/a?" + urlencode([*pairs, (name, value)])
    assert variant_key(plain) == variant_key(tracked)


@given(CONTENT)
def test_no_content_parameter_is_taken_for_tracking(name: str) -> None:
    assert not TRACKING.match(name)


@given(PATHS, PATHS)
def test_paths_that_differ_beyond_a_slash_are_never_merged(one: str, other: str) -> None:
    def core(path: str) -> str:
        parts = [p for p in path.removesuffix("index.html").split("/") if p]
        return "/".join(p for p in parts if p != "amp")

    if core(one) != core(other):
        assert variant_key("https://paper.example" + one) != variant_key("https://paper.example" + other)


def test_tidying_leaves_everything_else_as_told() -> None:
    assert tidy("https://p.example/a?B=%20&c&gbraid=1&wbraid=2") == "https://p.example/a?B=+&c="
    assert tidy("https://p.example/a/amp/?B=%20&c") == "https://p.example/a/amp/?B=%20&c"
