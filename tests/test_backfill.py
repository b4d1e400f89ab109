"""Backfilling reads what may hold pages of an interval, passes over what cannot, and never what might."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import ConfigError
from archive.sites import parse_site
from spiders.backfill import archive_pages, in_interval, may_hold, published_in, spans_of
from spiders.told import Told

DAYS = st.dates(date(1995, 1, 1), date(2029, 12, 31))
HOURS = st.integers(0, 24 * 90)
FORMS = [
    "/sitemap-{d:%Y-%m}.xml", "/sitemap/{d:%Y/%m/%d}.xml", "/sitemap_{d:%Y%m%d}.xml", "/sitemap_{d:%Y%m}.xml",
    "/map.php?yyyy={d:%Y}&mm={d:%m}&dd={d:%d}", "/sitemap.xml?year={d:%Y}&month={d.month}",
    "/sitemap-{d:%Y}-W{w:02}.xml", "/sitemap{d:%Y}.xml", "/{d:%Y}/sitemap-{d.month}-{d.day}.xml",
    "/sitemap-{d.year}-{d.month}.xml", "/sitemap-{d:%d-%m-%Y}.xml",
]  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(path: str, when: str = "") -> Told:
    return Told(url=f"https://paper.example{path}", when=at(when) if when else None)


def held(paths: list[str], since: str, until: str) -> list[str]:
    entries = [told(path) for path in paths]
    return [t.url.removeprefix("https://paper.example") for t in may_hold(entries, at(since), at(until))]


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "others"),
    [
        ("/sitemap-2024-10.xml", ["/sitemap-2024-08.xml", "/sitemap-2023-10.xml"]),
        ("/sitemap/2024/10/18.xml", ["/sitemap/2024/10/08.xml", "/sitemap/2023/10/18.xml"]),
        ("/sitemap_20241018", ["/sitemap_20241008", "/sitemap_20231018"]),
        ("/sitemap_202410", ["/sitemap_202408", "/sitemap_202310"]),
        ("/map?yyyy=2024&mm=10&dd=18", ["/map?yyyy=2024&mm=10&dd=8", "/map?yyyy=2023&mm=10&dd=18"]),
        ("/sitemap-2024-W42.xml", ["/sitemap-2024-W02.xml", "/sitemap-2023-W42.xml"]),
        ("/sitemap-2024.xml", ["/sitemap-2022.xml", "/sitemap-2023.xml"]),
        ("/2024/posts-1.xml", ["/2022/posts-1.xml", "/2023/posts-7.xml"]),
    ],
)
def test_a_dated_sitemap_is_read_and_those_of_other_days_are_not(wanted: str, others: list[str]) -> None:
    assert held([*others, wanted], "2024-10-18", "2024-10-19") == [wanted]


@pytest.mark.parametrize(
    "paths",
    [
        ["/sitemap-1.xml", "/sitemap-2019.xml"],
        ["/sitemap-2019.xml"],
        ["/sitemap-201900.xml", "/sitemap-201999.xml"],
        ["/sitemap-201901.xml"],
        ["/news.xml", "/sections/sport.xml"],
        ["/sitemap-2010-2025.xml"],
        ["/sitemap-2023-24.xml", "/sitemap-2024-25.xml"],
        ["/2019/sitemap-2024.xml"],
        ["/sitemap-20190001.xml", "/sitemap-20190002.xml"],
    ],
    ids=lambda paths: paths[0],
)
def test_what_may_be_a_number_or_many_years_is_read(paths: list[str]) -> None:
    assert held(paths, "2024-10-18", "2024-10-19") == paths


def test_a_number_behind_a_year_counts_parts_where_one_is_no_month() -> None:
    paths = [f"/sitemap-2024-{n:02}.xml" for n in range(1, 38)]
    assert held(["/sitemap-2023-01.xml", *paths], "2024-10-18", "2024-10-19") == paths


def test_seasons_are_not_taken_for_months() -> None:
    paths = ["/sitemap-2008-09.xml", "/sitemap-2009-10.xml", "/sitemap-2010-11.xml"]
    assert held(paths, "2010-03-01", "2010-03-02") == paths[1:]


def test_padded_parts_of_a_month_are_not_taken_for_days() -> None:
    paths = [f"/sitemap-2024-{m:02}-{n:02}.xml" for m in range(8, 12) for n in range(1, 5)]
    assert held(paths, "2024-10-18", "2024-10-19") == paths[8:12]


def test_a_sitemap_that_was_changed_before_its_own_days_is_not_believed() -> None:
    index = [told("/sitemap-2019.xml", "2018-02-01"), told("/sitemap-2020.xml", "2018-02-02")]
    assert spans_of(index) == {}


def test_a_sitemap_last_changed_before_the_interval_is_not_read() -> None:
    index = [told("/a.xml", "2024-10-01"), told("/b.xml", "2024-10-20"), told("/c.xml")]
    assert may_hold(index, at("2024-10-18"), at("2024-10-19")) == index[1:]


def test_a_sitemap_changed_behind_the_interval_is_read() -> None:
    index = [told("/a.xml", "2026-10-01"), told("/b.xml", "2025-10-20")]
    assert may_hold(index, at("2024-10-18"), at("2024-10-19")) == index


def test_a_lastmod_that_is_the_same_everywhere_counts_for_nothing() -> None:
    index = [told("/a.xml", "2020-10-01T08:00"), told("/b.xml", "2020-10-01T09:00")]
    assert may_hold(index, at("2024-10-18"), at("2024-10-19")) == index


def test_a_lastmod_counts_for_nothing_where_the_caller_says_so() -> None:
    index = [told("/a.xml", "2020-10-01"), told("/b.xml", "2021-10-01")]
    assert may_hold(index, at("2024-10-18"), at("2024-10-19"), lastmod=False) == index


@given(st.sampled_from(FORMS), st.sets(DAYS, min_size=1, max_size=60), st.data())
def test_the_sitemap_of_a_published_page_is_always_read(
    form: str, days: set[date], data: st.DataObject
) -> None:
    """Whatever the form and the zone: a page of that local day, and any interval that holds its moment."""
    day = data.draw(st.sampled_from(sorted(days)))
    published = start_of(day) + timedelta(hours=data.draw(st.integers(-14, 24 + 11)))
    since = published - timedelta(hours=data.draw(HOURS))
    until = published + timedelta(hours=data.draw(st.integers(1, 24 * 90)))
    index = [told(form.format(d=d, w=int(d.strftime("%W")))) for d in sorted(days)]
    wanted = told(form.format(d=day, w=int(day.strftime("%W"))))
    assert wanted in may_hold(index, since, until)


@given(
    st.dictionaries(st.integers(1995, 2029), st.integers(1, 60), min_size=1, max_size=8), st.data(),
    st.sampled_from(["/sitemap-{}-{}.xml", "/{}/{}.xml", "/map-{}.xml?page={}"]),
)  # fmt: skip
def test_every_part_of_a_year_of_the_interval_is_read(
    parts: dict[int, int], data: st.DataObject, form: str
) -> None:
    year = data.draw(st.sampled_from(sorted(parts)))
    day = data.draw(st.dates(date(year, 1, 1), date(year, 12, 31)))
    index = [told(form.format(y, n)) for y, count in parts.items() for n in range(1, count + 1)]
    found = may_hold(index, start_of(day), start_of(day) + timedelta(days=1))
    assert {told(form.format(year, n)) for n in range(1, parts[year] + 1)} <= set(found)


@given(DAYS, st.sampled_from(["%Y-W%U", "%Y-W%W", "%G-W%V"]))
def test_a_week_is_read_by_whatever_rule_it_is_counted(day: date, rule: str) -> None:
    entry = told(f"/sitemap-{day.strftime(rule)}.xml")
    assert may_hold([entry], start_of(day), start_of(day) + timedelta(hours=1)) == [entry]


@given(st.integers(1, 4000), st.integers(0, 3000), DAYS)
def test_numbered_sitemaps_are_all_read(count: int, first: int, day: date) -> None:
    index = [told(f"/sitemap-{n}.xml") for n in {1, *range(first, first + count % 50)}]
    assert may_hold(index, start_of(day), start_of(day) + timedelta(days=1)) == index


@given(st.lists(st.text(max_size=30), max_size=8), DAYS)
def test_any_urls_are_read_without_an_error_and_in_their_order(texts: list[str], day: date) -> None:
    index = [Told(url=f"https://paper.example/{text}") for text in texts]
    found = may_hold(index, start_of(day), start_of(day) + timedelta(days=30))
    assert [t for t in index if t in found] == found


@pytest.mark.parametrize(
    ("path", "when", "answer"),
    [
        ("/2024/10/18/harbour-opens", "", True),
        ("/2024/10/18/harbour-opens", "2026-01-01T09:00", True),
        ("/2024/10/16/harbour-opens", "", False),
        ("/2024/10/16/harbour-opens", "2024-10-18T09:00", False),
        ("/2024/10/17/harbour-opens", "", None),
        ("/world/2024-10-18-harbour-opens/", "", True),
        ("/20241018/harbour.html", "", True),
        ("/2024/10/harbour-opens", "", None),
        ("/2024/08/harbour-opens", "", False),
        ("/2024/10/harbour-opens", "2024-10-18T09:00", True),
        ("/harbour-opens-2019-01-01", "", None),
        ("/story-20190101", "", None),
        ("/elections/2019/harbour", "", None),
        ("/harbour", "2024-10-18T09:00", True),
        ("/harbour", "2024-10-18", True),
        ("/harbour", "2024-10-17", None),
        ("/harbour", "2024-10-15", False),
        ("/harbour", "2024-10-19T00:00:01", None),
        ("/harbour", "", None),
        ("/2024/10/18/harbour", "2023-01-01", False),
        ("/2024/13/45/harbour", "", None),
    ],
)
def test_a_page_is_of_the_interval_by_what_is_told(path: str, when: str, answer: bool | None) -> None:
    assert in_interval(told(path, when), at("2024-10-18"), at("2024-10-19")) is answer


@given(DAYS, st.integers(-14, 24 + 11), HOURS, st.integers(1, 24 * 90), st.booleans(), st.integers(0, 5000))
def test_a_page_of_the_interval_is_never_said_to_be_none(
    day: date, hour: int, before: int, behind: int, dated: bool, later: int
) -> None:
    published = start_of(day) + timedelta(hours=hour)
    since, until = published - timedelta(hours=before), published + timedelta(hours=behind)
    path = f"/{day:%Y/%m/%d}/harbour" if dated else "/harbour"
    page = Told(url=f"https://paper.example{path}", when=published + timedelta(hours=later))
    assert in_interval(page, since, until) is not False


def test_a_date_in_a_name_is_not_the_day_of_publication() -> None:
    assert published_in("https://paper.example/news/what-happened-on-2001-09-01") is None


def pages(template: str, since: str, until: str, zone: str = "UTC") -> list[str]:
    return [p.url for p in archive_pages([template], at(since), at(until), ZoneInfo(zone))]


def test_a_template_of_days_has_a_page_for_each() -> None:
    assert pages("https://paper.example/{yyyy}/{mm}/{dd}/", "2024-02-28", "2024-03-02") == [
        "https://paper.example/2024/02/28/",
        "https://paper.example/2024/02/29/",
        "https://paper.example/2024/03/01/",
    ]


def test_a_template_of_months_or_years_has_a_page_for_each_that_the_interval_touches() -> None:
    assert pages("https://paper.example/{yyyy}-{m}", "2023-12-31", "2024-01-02") == [
        "https://paper.example/2023-12",
        "https://paper.example/2024-1",
    ]
    assert pages("https://paper.example/{yy}", "2023-12-31", "2024-01-02") == [
        "https://paper.example/23",
        "https://paper.example/24",
    ]


def test_the_days_are_those_of_the_newspapers_clock() -> None:
    template = "https://paper.example/{d}"
    assert pages(
        "https://paper.example/{yyyy}{mm}{dd}", "2024-10-18", "2024-10-19", "Africa/Johannesburg"
    ) == [
        "https://paper.example/20241018",
        "https://paper.example/20241019",
    ]
    assert pages(template, "2024-10-18", "2024-10-18") == []


def test_a_page_leads_to_the_next_where_the_template_counts() -> None:
    (first,) = archive_pages(["https://paper.example/latest?p={page}"], at("2024-10-18"), at("2024-10-20"))
    second = first.next()
    assert second is not None
    assert (first.url, second.url) == ("https://paper.example/latest?p=1", "https://paper.example/latest?p=2")
    (day,) = archive_pages(["https://paper.example/{yyyy}"], at("2024-10-18"), at("2024-10-20"))
    assert day.next() is None


def test_templates_are_walked_day_by_day() -> None:
    templates = ["https://a.example/{yyyy}{mm}{dd}", "https://b.example/{yyyy}{mm}{dd}"]
    found = [p.url for p in archive_pages(templates, at("2024-10-18"), at("2024-10-20"))]
    assert found == [
        "https://a.example/20241018", "https://b.example/20241018",
        "https://a.example/20241019", "https://b.example/20241019",
    ]  # fmt: skip


@given(DAYS, st.integers(1, 24 * 400), st.sampled_from(["UTC", "Asia/Tokyo", "America/Chicago"]), st.data())
def test_every_moment_of_the_interval_is_on_exactly_one_page(
    day: date, hours: int, zone: str, data: st.DataObject
) -> None:
    since = start_of(day)
    template = data.draw(st.sampled_from(["{yyyy}{mm}{dd}", "{yyyy}/{m}", "{yy}"]))
    found = list(archive_pages([template], since, since + timedelta(hours=hours), ZoneInfo(zone)))
    moment = since + timedelta(hours=data.draw(st.integers(0, hours - 1)))
    local = moment.astimezone(ZoneInfo(zone)).date()
    assert sum(p.first <= local < p.end for p in found) == 1
    assert [p.first for p in found] == sorted({p.first for p in found})


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("https://paper.example/{year}/", "{year}"),
        ("https://paper.example/{dd}/", "no whole date"),
        ("https://paper.example/{mm}/", "no whole date"),
        ("https://paper.example/archive/", "no whole date"),
        ("paper.example/{yyyy}", "no http"),
    ],
)
def test_a_wrong_template_in_a_site_file_is_named(template: str, said: str) -> None:
    data = {"name": "P", "home": "https://paper.example/", "archives": [template]}
    with pytest.raises(ConfigError, match=said):
        parse_site(data, site_id="p", file="p.toml")


def test_a_right_template_in_a_site_file_is_taken() -> None:
    data = {
        "name": "P",
        "home": "https://paper.example/",
        "archives": ["https://paper.example/{yyyy}?p={page}"],
    }
    assert parse_site(data, site_id="p", file="p.toml").archives
