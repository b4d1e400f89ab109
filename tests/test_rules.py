"""robots.txt by RFC 9309: the cases of tests/documents/robots.py, and what a fetch of it decides."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from spiders.rules import Rules, parse, rules_of
from tests.documents.robots import AGENT, CASES, Case

HOST = "https://paper.example"
ROBOTS = f"{HOST}/robots.txt"


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_robots_txt_says_what_stands_beside_it(case: Case) -> None:
    rules = rules_of(200, case.body, agent=AGENT, url=ROBOTS)
    assert [path for path in case.yes if not rules.allows(HOST + path)] == []
    assert [path for path in case.no if rules.allows(HOST + path)] == []
    assert case.delay in (-1, rules.delay)
    assert case.sitemaps is None or rules.sitemaps == case.sitemaps
    assert case.signals is None or dict(rules.signals) == case.signals
    assert case.ai is None or rules.ai_groups == case.ai


def test_no_two_cases_have_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


BODY = b"User-agent: *\nDisallow: /p\n"


@pytest.mark.parametrize(
    ("status", "open_page", "closed_page"),
    [
        (200, True, False),
        (204, True, False),
        (206, True, False),
        (301, True, True),  # the caller followed it five times in vain
        (400, True, True),
        (401, True, True),
        (403, True, True),
        (404, True, True),
        (410, True, True),
        (451, True, True),
        (429, False, False),
        (500, False, False),
        (503, False, False),
        (599, False, False),
        (None, False, False),
        (0, False, False),
        (100, False, False),
        (999, False, False),
    ],
)
def test_the_status_decides_whether_there_are_rules(
    status: int | None, open_page: bool, closed_page: bool
) -> None:
    rules = rules_of(status, BODY, agent=AGENT)
    assert (rules.allows(f"{HOST}/a"), rules.allows(f"{HOST}/p")) == (open_page, closed_page)
    assert bool(rules.reason) == (status is None or not 200 <= status < 300)


def test_robots_txt_itself_is_always_allowed() -> None:
    assert rules_of(None, b"", agent=AGENT).allows(ROBOTS)
    assert parse(b"User-agent: *\nDisallow: /", agent=AGENT).allows(ROBOTS)


def test_a_web_page_in_place_of_robots_txt_is_named() -> None:
    assert rules_of(200, b"<!doctype html><title>x</title>", agent=AGENT).reason == "robots.txt is a web page"


@pytest.mark.parametrize(
    "agent", ["newsmorgue", "NewsMorgue/1.0", "newsmorgue/1.0 (+https://library.example/)"]
)
def test_our_agent_may_be_given_as_it_is_sent(agent: str) -> None:
    body = b"User-agent: newsmorgue\nDisallow: /p\nUser-agent: *\nDisallow: /\n"
    rules = parse(body, agent=agent)
    assert (rules.allows(f"{HOST}/a"), rules.allows(f"{HOST}/p")) == (True, False)


def test_relative_sitemaps_need_to_know_where_they_are_from() -> None:
    assert parse(b"Sitemap: /a.xml", agent=AGENT).sitemaps == ()


def test_a_thousand_stars_against_a_long_path_take_no_time() -> None:
    rules = parse(b"User-agent: *\n" + b"Disallow: /" + b"*a" * 1000 + b"*b$\n", agent=AGENT)
    begun = time.process_time()
    assert rules.allows(f"{HOST}/" + "a" * 8000)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("url", ["http://[", "", "mailto:x@paper.example", "https://paper.example", "/p"])
def test_no_address_upsets_the_rules(url: str) -> None:
    assert parse(BODY, agent=AGENT).allows(url) is (url != "/p")


@given(st.binary(max_size=400), st.text(max_size=20))
def test_no_bytes_upset_the_reader(body: bytes, path: str) -> None:
    rules = parse(body, agent=AGENT, url=ROBOTS)
    assert isinstance(rules, Rules)
    assert rules.allows(f"{HOST}/{path}") in (True, False)


LINES = st.lists(
    st.builds(
        "{}: {}".format,
        st.sampled_from(["Allow", "Disallow"]),
        st.from_regex(r"/[ab/.]{0,4}(\*[ab]{0,2})?\$?", fullmatch=True),
    ),
    max_size=8,
)
PATHS = st.from_regex(r"/[ab/.]{0,8}(\?[ab])?", fullmatch=True)


@given(LINES, PATHS)
def test_on_ordinary_rules_protego_says_the_same(lines: list[str], path: str) -> None:
    text = "\n".join(["User-agent: *", *lines])
    theirs = Protego.parse(text).can_fetch(HOST + path, AGENT)
    assert parse(text.encode(), agent=AGENT).allows(HOST + path) == theirs


@pytest.mark.parametrize(
    ("body", "path", "ours"),
    [
        ("User-agent: newsmorgue\nCrawl-delay: 1\nUser-agent: x\nDisallow: /p", "/p", False),
        ("User-agent: news\nDisallow: /p", "/p", True),
        ("User-agent: newsmorgue/1.0\nDisallow: /p", "/p", False),
        ("User-agent: *\nAllow: /index.html\nDisallow: /", "/", False),
        ("User-agent: *\nAllow: /a\x0cDisallow: /p", "/p", True),
        ("\ufeffUser-agent: *\nDisallow: /p", "/p", False),
        ("User-agent: *\nDisallow: /r?to=https://x", "/r?to=https%3A%2F%2Fx", False),
    ],
)
def test_where_protego_and_the_rfc_differ_we_keep_to_the_rfc(body: str, path: str, ours: bool) -> None:
    """Where this fails because Protego says the same as we do, `rules` has a reason less to exist."""
    assert parse(body.encode(), agent=AGENT).allows(HOST + path) is ours
    assert Protego.parse(body).can_fetch(HOST + path, AGENT) is not ours
