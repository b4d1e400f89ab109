"""What is learnt of a newspaper from its own documents."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiders import survey
from spiders.survey import Clock, Finding

HOME = "https://paper.example/"
MENU = [
    HOME + name for name in ("sport", "politics/", "about", "imprint.html", "video", "contact-us", "a", "b")
]


def stories(form: str, count: int = 12) -> list[str]:
    words = ("bridge", "river", "council", "school", "market", "harbour")
    return [
        HOME.rstrip("/")
        + form.format(
            n=100_000 + 37 * n,
            slug=f"the-{words[n % 6]}-is-{words[(n + 1) % 6]}-again-{'abcdefghijklmnopqrst'[n % 20]}",
            month=1 + n % 12,
            day=1 + n % 28,
            word=words[n % 6],
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(
    "form",
    [
        "/2026/{month:02}/{day:02}/{word}",
        "/sport/2026-{month:02}-{day:02}-{slug}/",
        "/news/{slug}",
        "/article/{n}",
        "/a{n}.html",
        "/{word}/{slug}-{n}.html?ref=rss",
        "/clanek/{slug}_{n}",
    ],
)
def test_a_pattern_matches_all_articles_and_no_section(form: str) -> None:
    found = survey.pattern(stories(form), MENU)
    assert found.value
    assert all(re.search(found.value, url) for url in stories(form, 40))
    assert not [url for url in MENU if re.search(found.value, url)]


@pytest.mark.parametrize("form", ["/{word}/{day}", "/page/{day}/{word}"])
def test_where_nothing_tells_articles_from_pages_there_is_no_pattern(form: str) -> None:
    found = survey.pattern(stories(form), MENU)
    assert found.value == ""
    assert "no pattern" in found.why


def test_one_article_of_another_form_leaves_no_pattern() -> None:
    found = survey.pattern([*stories("/2026/{month}/{day}/{word}"), HOME + "special"], MENU)
    assert (found.value, "https://paper.example/special" in found.why) == ("", True)


def test_two_forms_of_address_are_both_taken_in() -> None:
    known = [*stories("/2026/{month}/{day}/{word}"), *stories("/s/{n}", 3)]
    found = survey.pattern(known, MENU)
    assert all(re.search(found.value, url) for url in known)


def test_an_article_of_a_kind_that_the_feeds_did_not_name_is_not_lost() -> None:
    found = survey.pattern(stories("/news/{slug}"), MENU)
    assert all(re.search(found.value, url) for url in stories("/explainers-{n}"))


def test_a_port_is_no_number_of_an_article() -> None:
    menu = [f"http://paper.example:54321/{name}" for name in "abcdefghij"]
    known = [f"http://paper.example:54321/s/{100_000 + n}" for n in range(10)]
    found = survey.pattern(known, menu)
    assert not [url for url in menu if re.search(found.value, url)]
    assert all(re.search(found.value, url) for url in known)


def test_too_few_articles_give_no_pattern() -> None:
    assert survey.pattern(stories("/a/{n}", survey.LEAST_LINKS - 1), MENU).value == ""
    assert survey.pattern(stories("/a/{n}", survey.LEAST_LINKS), MENU).value


def test_an_ending_that_all_pages_have_is_no_sign_of_an_article() -> None:
    menu = [f"{HOME}{name}.html" for name in "abcdefghij"]
    assert survey.pattern([f"{HOME}story{c}.html" for c in "abcdefghij"], menu).value == ""


def test_an_ending_is_a_sign_where_sections_have_none() -> None:
    menu = [f"{HOME}{name}" for name in "abcdefghij"]
    found = survey.pattern([f"{HOME}story{c}.html" for c in "abcdefghij"], menu)
    assert re.search(found.value, HOME + "another.html")


SEGMENT = st.text("abcdefgh0123456789-_.%", min_size=1, max_size=24)
ADDRESS = st.lists(SEGMENT, min_size=1, max_size=5).map(lambda parts: HOME + "/".join(parts))


@given(st.lists(ADDRESS, max_size=30), st.lists(ADDRESS, max_size=30))
def test_a_pattern_never_loses_an_article_that_it_was_learnt_from(known: list[str], menu: list[str]) -> None:
    found = survey.pattern(known, menu, least=1)
    assert all(re.search(found.value, url) for url in known)
    assert found.why


def test_sections_are_linked_pages_that_are_folders_of_several_articles() -> None:
    known = [*stories("/sport/football/{n}"), *stories("/politics/{n}"), HOME + "travel/one"]
    links = [HOME, HOME + "about", HOME + "politics/", HOME + "sport", HOME + "travel/", known[0]]
    assert survey.sections(links, known, HOME) == (HOME + "politics/", HOME + "sport")


def test_a_folder_of_dates_and_the_front_page_are_no_sections() -> None:
    known = stories("/en/2026/01/{word}-{n}")
    links = [HOME + "en/", HOME + "2026/01/", "https://paper.example/2026"]
    known += stories("/2026/01/{n}")
    assert survey.sections(links, known, HOME + "en/") == ()


def test_there_are_at_most_twelve_sections_the_largest_first() -> None:
    known = [f"{HOME}s{n}/{m}" for n in range(20) for m in range(2 + n)]
    found = survey.sections([f"{HOME}s{n}/" for n in range(20)], known, HOME)
    assert found == tuple(f"{HOME}s{n}/" for n in range(19, 7, -1))


def test_hosts_are_told_as_the_crawl_tells_them() -> None:
    assert survey.own("https://paper.example/a", ("paper.example",))
    assert survey.own("https://www.paper.example/a", ("paper.example",))
    assert not survey.own("https://paper.example/a", ("www.paper.example",))
    assert not survey.own("https://sport.paper.example/a", ("paper.example",))


def test_further_hosts_are_those_of_the_same_domain() -> None:
    named = ["https://sport.paper.example/a", "https://sport.paper.example/b", "https://sold.example/a"]
    named += ["https://sold.example/b", "https://blog.paper.example/a"]
    assert survey.further_hosts(named, "https://www.paper.example/") == ("sport.paper.example",)


def test_hosts_of_one_public_suffix_are_no_kin() -> None:
    assert (
        survey.further_hosts(["https://other.co.uk/a", "https://other.co.uk/b"], "https://paper.co.uk/") == ()
    )


WINTER, SUMMER = datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 7, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "told", "name"),
    [
        ("ZA", [], "Africa/Johannesburg"),
        ("ZA", [(WINTER, 2)], "Africa/Johannesburg"),
        ("ZA", [(WINTER, 9)], "UTC"),
        ("DE", [(WINTER, 1), (SUMMER, 2)], "Europe/Berlin"),
        ("GB", [], "Europe/London"),
        ("US", [], "UTC"),
        ("US", [(WINTER, -5)], "America/New_York"),
        ("US", [(SUMMER, -5)], "America/Chicago"),
        ("AU", [(WINTER, 11)], "Australia/Sydney"),
        ("AU", [(WINTER, 11), (SUMMER, 11)], "UTC"),
        ("ES", [], "Europe/Madrid"),
        ("", [(WINTER, 1)], "UTC"),
    ],
)
def test_the_time_zone_is_that_of_the_country_and_of_the_dates(
    code: str, told: list[tuple[datetime, int]], name: str
) -> None:
    clocks = [Clock(moment=when, offset=timedelta(hours=hours)) for when, hours in told]
    found = survey.zone(Finding(value=code, why=".xx"), clocks)
    assert found.value == name
    assert ("unsure" in found.why) == (name == "UTC")


@pytest.mark.parametrize(
    ("home", "tags", "code"),
    [
        ("https://paper.co.za/", (), "ZA"),
        ("https://paper.co.uk/", ("en-US",), "GB"),
        ("https://paper.com/", ("en_ZA",), "ZA"),
        ("https://paper.com/", ("", "zh-Hant-TW"), "TW"),
        ("https://paper.io/", ("en",), ""),
        ("https://paper.tv/", ("de-DE",), "DE"),
        ("http://127.0.0.1:80/", (), ""),
    ],
)
def test_the_country_is_that_of_the_domain_or_of_the_language(
    home: str, tags: tuple[str, ...], code: str
) -> None:
    assert survey.country(home, *tags).value == code


def test_dates_of_feeds_tell_how_far_from_utc_they_are() -> None:
    body = b"<pubDate>Fri, 20 Nov 2026 08:00:00 +0200</pubDate><updated>2026-11-20T08:00:00+09:00</updated>"
    body += (
        b"<pubDate>Fri, 20 Nov 2026 08:00:00 EST</pubDate><pubDate>Fri, 20 Nov 2026 08:00:00 +0000</pubDate>"
    )
    offsets = {clock.offset for clock in survey.clocks(body)}
    assert offsets == {timedelta(hours=2), timedelta(hours=9), timedelta(hours=-5)}


@given(st.binary(max_size=300))
def test_no_bytes_trip_the_reader_of_clocks(body: bytes) -> None:
    assert isinstance(survey.clocks(body + b" 99 Foo 2026 99:99 +9999 2026-99-99T99:99+99:99"), tuple)


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ('<meta property="og:locale" content="en_ZA">', "en-ZA"),
        ("<meta content='de_DE' property='og:locale'/>", "de-DE"),
        ("<meta property=og:locale>", ""),
        ("<p>og:locale</p>", ""),
    ],
)
def test_the_locale_is_read_from_the_page(page: str, told: str) -> None:
    assert survey.locale_of(page) == told


def test_the_language_is_that_of_the_page_or_else_of_its_locale() -> None:
    assert survey.language("en_ZA", "de-DE").value == "en-ZA"
    assert survey.language("", "de-DE").value == "de-DE"
    assert survey.language("not a tag", "").value == ""
