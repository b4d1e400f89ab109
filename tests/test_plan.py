"""What one run asks for: decided without a network, from what documents and pages say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from archive.agenda import Known, Source
from archive.looks import Look
from archive.memory import Remembered, remembered
from archive.model import Capture, Location, Original
from archive.reports import RunReport
from archive.sites import Site
from spiders.plan import Answer, Ask, Plan
from spiders.told import Told
from spiders.traps import MOST_QUERIES, trap_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOME = "https://paper.example/"
FEED = HOME + "feed"
SITE = Site(id="paper", name="Paper", home=HOME, feeds=(FEED,))
ORIGINAL = Original(url=FEED, at=NOW, digest="sha1:X", id="urn:1")


def plan(site: Site = SITE, **more: object) -> Plan:
    return Plan(site=site, now=NOW, **more)  # type: ignore[arg-type]


def look(status: int = 200, **more: object) -> Look:
    return Look(at=NOW, status=status, **more)  # type: ignore[arg-type]


def answer(found: Look | None = None, *, digest: str = "") -> Answer:
    return Answer(look=found or look(), digest=digest)


def told(*paths: str, when: datetime | None = None) -> list[Told]:
    return [Told(url=HOME + path, when=when) for path in paths]


def asked(asks: list[Ask]) -> list[str]:
    return [ask.url.removeprefix(HOME) for ask in asks]


def sources(made: Plan) -> dict[str, Ask]:
    return {ask.url: ask for ask in made.begin()}


def report(made: Plan) -> RunReport:
    return made.ledger.report(
        run="r", site="paper", started=NOW, ended=NOW, reason="finished", hosts=(), size=0
    )


def page(path: str, **more: object) -> Known:
    first = {"url": HOME + path, "seen": NOW - timedelta(days=2), "due": NOW, "status": 200, "looks": 1}
    return Known(**first | {"fetched": NOW - timedelta(hours=5)} | more)  # type: ignore[arg-type]


def test_all_sources_of_the_site_are_asked() -> None:
    site = replace(SITE, sitemaps=(HOME + "map.xml",), sections=(HOME + "sport/",))
    assert set(sources(plan(site))) == {HOME, FEED, HOME + "map.xml", HOME + "sport/"}


def test_links_of_the_front_page_wait_for_what_the_feed_names() -> None:
    made = plan(limit=1)
    begun = sources(made)
    assert made.named(begun[HOME], told("section/", "about"), answer()) == []
    assert asked(made.named(begun[FEED], told("story"), answer())) == ["story"]
    assert made.limited


def test_links_of_the_front_page_follow_when_a_feed_has_failed() -> None:
    made = plan()
    begun = sources(made)
    made.named(begun[HOME], told("story"), answer())
    assert asked(made.lost(begun[FEED], kind="failed", why="500")) == ["story"]


def test_an_address_is_asked_for_once() -> None:
    made = plan()
    begun = sources(made)
    made.named(begun[FEED], told("story"), answer())
    assert made.named(begun[HOME], told("story", "story?utm_source=front", "story?amp=1"), answer()) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://casino.example/win", "another site"),
        (HOME + "a?PHPSESSID=123", "session id"),
        (HOME + "a/b/a/b/a/b/a/b/", "repeating path"),
        (HOME + "calendar/2031/05", "calendar"),
        (HOME + "events?month=5&year=2031", "calendar"),
        (HOME + "?" + "&".join(f"p{n}=1" for n in range(20)), "too many parameters"),
        (HOME + "x" * 3000, "too long"),
    ],
)
def test_what_is_not_followed_is_counted_with_its_reason(url: str, reason: str) -> None:
    made = plan()
    assert made.named(sources(made)[FEED], [Told(url=url)], answer()) == []
    (feed,) = (s for s in report(made).sources if s.url == FEED)
    assert feed.skipped == {reason: 1}


@pytest.mark.parametrize(
    "path",
    ["2026/11/24/story", "news/2026/11/11/eleven", "kalender-girls-review", "a?id=1&page=2", "sport/sport/1"],
)
def test_addresses_of_articles_are_no_traps(path: str) -> None:
    assert trap_of(HOME + path) == ""


def test_endless_queries_of_one_path_are_bounded() -> None:
    made = plan()
    many = [Told(url=f"{HOME}search?q={n}") for n in range(MOST_QUERIES + 50)]
    assert len(made.named(sources(made)[FEED], many, answer())) == MOST_QUERIES
    assert report(made).traps == {"endless queries": 50}


def test_further_hosts_of_the_newspaper_are_its_own() -> None:
    made = plan(replace(SITE, hosts=("sport.paper.example",)))
    found = made.named(sources(made)[FEED], [Told(url="https://sport.paper.example/1")], answer())
    assert [a.url for a in found] == ["https://sport.paper.example/1"]


def test_a_known_page_is_asked_for_when_it_is_due() -> None:
    made = plan(memory=Remembered([page("due"), page("later", due=NOW + timedelta(hours=1))]))
    assert asked(list(made.due())) == ["due"]


def test_a_known_page_with_validators_is_asked_for_conditionally() -> None:
    made = plan(memory=Remembered([page("due", etag='"1"', modified="then", original=ORIGINAL)]))
    (ask,) = made.due()
    assert ask.headers == {"If-None-Match": '"1"', "If-Modified-Since": "then"}
    assert ask.original == ORIGINAL


def test_without_a_record_to_refer_to_nothing_is_asked_conditionally() -> None:
    (ask,) = plan(memory=Remembered([page("due", etag='"1"')])).due()
    assert (ask.headers, ask.original) == ({}, None)


def test_a_known_page_that_a_feed_calls_newer_is_asked_for_before_its_time() -> None:
    known = page("story", due=NOW + timedelta(days=1))
    made = plan(memory=Remembered([known]))
    found = made.named(sources(made)[FEED], told("story", when=NOW - timedelta(hours=1)), answer())
    assert asked(found) == ["story"]
    made.answered(found[0], look(fields={"headline": "x"}))
    assert made.learn().taken == (known,)


def test_a_known_page_that_a_feed_names_again_is_left_alone() -> None:
    made = plan(memory=Remembered([page("story", due=NOW + timedelta(days=1))]))
    assert made.named(sources(made)[FEED], told("story", when=NOW - timedelta(days=1)), answer()) == []


def test_a_limit_is_for_new_articles() -> None:
    made = plan(memory=Remembered([page("due")]), limit=5)
    assert list(made.due()) == []


def test_a_forced_run_looks_before_the_time() -> None:
    made = plan(memory=Remembered([page("later", due=NOW + timedelta(days=3))]), force=True)
    assert asked(list(made.due())) == ["later"]


def test_a_source_that_asked_to_be_left_alone_is_left_alone() -> None:
    waits = Source(url=FEED, kind="feed", due=NOW, not_before=NOW + timedelta(hours=2))
    made = plan(sources=(waits,))
    assert FEED not in sources(made)
    (feed,) = (s for s in report(made).sources if s.url == FEED)
    assert feed.outcome == "deferred"


def test_a_scheduled_run_asks_only_the_sources_whose_time_has_come() -> None:
    later = Source(url=FEED, kind="feed", due=NOW + timedelta(minutes=5))
    assert FEED not in sources(plan(sources=(later,), due_only=True))
    assert FEED in sources(plan(sources=(later,)))


def test_a_source_that_said_not_modified_wrongly_is_not_asked_so_again() -> None:
    trusted = Source(
        url=FEED, kind="feed", due=NOW, status=304, etag='"1"', digest="old", original=ORIGINAL, trusted=NOW
    )
    made = plan(sources=(trusted,))
    ask = sources(made)[FEED]
    made.named(ask, told("story"), answer(look(etag='"1"'), digest="new"))
    (learnt,) = made.learn().sources
    assert learnt.lies == 1
    assert plan(sources=(learnt,)).begin()[0].headers == {}


def test_what_a_source_named_and_nobody_archived_is_missing() -> None:
    made = plan()
    one, two, three = made.named(sources(made)[FEED], told("1", "2", "3"), answer())
    made.answered(one, look(fields={"headline": "x"}))
    made.lost(two, kind="forbidden", why="robots.txt forbids it")
    (feed,) = (s for s in report(made).sources if s.url == FEED)
    assert (feed.named, feed.archived, feed.missing) == (3, 1, (three.url,))
    assert report(made).recall == 0.5


def test_what_may_not_be_asked_for_now_is_due_in_the_next_run() -> None:
    made = plan()
    (ask,) = made.named(sources(made)[FEED], told("story"), answer())
    made.lost(ask, kind="deferred", why="budget: 2 requests a run")
    (known,) = made.learn().pages
    assert known.due <= NOW
    assert report(made).deferred == 1


def test_a_page_that_moved_is_known_at_its_new_address() -> None:
    made = plan()
    (ask,) = made.named(sources(made)[FEED], told("old"), answer())
    made.answered(ask, look(moved=HOME + "new", fields={"headline": "x"}))
    assert {k.url: k.status for k in made.learn().pages} == {HOME + "old": 301, HOME + "new": 200}


def test_a_sitemap_of_another_host_is_not_read() -> None:
    made = plan()
    assert made.inner([Told(url="https://other.example/map.xml")], on=HOME) == []
    assert asked(made.inner([Told(url=HOME + "map.xml")], on=HOME)) == ["map.xml"]


def test_freshness_is_counted_from_publication() -> None:
    made = plan()
    (ask,) = made.named(sources(made)[FEED], told("story", when=NOW - timedelta(minutes=9)), answer())
    made.answered(ask, look(fields={"headline": "x"}))
    assert report(made).lags == (540.0,)


def test_requisites_of_other_hosts_are_left_to_the_sites_policy() -> None:
    assert not plan().wants_requisite("https://cdn.example/a.css")
    assert plan(replace(SITE, requisites="all")).wants_requisite("https://cdn.example/a.css")
    assert not plan(replace(SITE, requisites="none")).wants_requisite(HOME + "a.css")
    assert not plan(fresh=frozenset([HOME + "a.css"])).wants_requisite(HOME + "a.css")


def capture(path: str, status: int, **more: object) -> Capture:
    first = {
        "surt": "x", "at": NOW, "url": HOME + path, "status": status, "mime": "text/html", "digest": "sha1:A",
        "location": Location(warc="w", offset=0, length=1), "id": f"urn:{path}{status}",
    }  # fmt: skip
    return Capture(**first | more)  # type: ignore[arg-type]


def test_a_lost_state_is_made_of_captures() -> None:
    captures = [
        capture("", 200), capture("robots.txt", 200), capture("story", 200), capture("gone", 200),
        capture("gone", 410), capture("style.css", 200, mime="text/css"), capture("broken", 500),
        capture("story", 304, kind="revisit"), capture("old", 301, redirect=HOME + "new"),
    ]  # fmt: skip
    memory = remembered(captures, fronts=(HOME,), now=NOW)
    found = {k.url.removeprefix(HOME): k for k in memory.due(NOW)}
    assert {path: k.status for path, k in found.items()} == {"story": 200, "gone": 410, "old": 301}
    assert found["story"].original
    assert found["story"].original.id == "urn:story200"


def test_audio_and_video_are_left_to_the_sites_policy() -> None:
    assert not plan().wants_requisite(HOME + "film.mp4")
    assert plan(replace(SITE, media=True)).wants_requisite(HOME + "film.mp4")
    assert plan(replace(SITE, requisite_hosts=("cdn.example",))).wants_requisite("https://cdn.example/a.css")


def days(first: int, last: int) -> dict[str, datetime]:
    return {"since": datetime(2024, 10, first, tzinfo=UTC), "until": datetime(2024, 10, last, tzinfo=UTC)}


def test_a_backfill_reads_the_sitemaps_of_its_interval_and_no_feed() -> None:
    made = plan(replace(SITE, sitemaps=(HOME + "map.xml",)), **days(3, 5))
    assert asked(made.begin()) == ["map.xml"]
    inner = [Told(url=f"{HOME}map-2024-{month:02}.xml") for month in range(1, 13)]
    assert asked(made.inner(inner, on=HOME)) == ["map-2024-10.xml"]


def test_a_backfill_takes_the_pages_of_its_interval() -> None:
    made = plan(replace(SITE, sitemaps=(HOME + "map.xml",)), **days(3, 5))
    (ask,) = made.begin()
    named = told("2024/10/04/in", "2024/09/01/before", "2025/01/01/behind")
    assert asked(made.named(ask, named, answer())) == ["2024/10/04/in"]
    assert made.learn().sources == ()


def test_a_backfill_walks_archive_pages_day_by_day_and_page_by_page() -> None:
    made = plan(replace(SITE, archives=(HOME + "all/{yyyy}/{mm}/{dd}/{page}",)), **days(3, 5))
    first, second = made.archives()
    assert asked([first, second]) == ["all/2024/10/03/1", "all/2024/10/04/1"]
    assert asked(made.named(first, told("2024/10/03/a"), answer())) == ["2024/10/03/a", "all/2024/10/03/2"]
    assert asked(made.named(second, [], answer())) == []


def test_a_run_that_was_cut_short_reads_its_sources_whole_the_next_time() -> None:
    made = plan()
    made.named(sources(made)[FEED], told("1", "2"), answer(look(etag='"1"'), digest="a"))
    learnt = {source.url: source for source in made.learn().sources}
    again = sources(plan(sources=tuple(learnt.values())))
    assert again[FEED].headers == {}
    assert learnt[FEED].due <= NOW


def test_a_run_with_a_limit_reads_its_sources_whole_the_next_time() -> None:
    made = plan(limit=1)
    (one,) = made.named(sources(made)[FEED], told("1", "2"), answer(look(etag='"1"'), digest="a"))
    made.answered(one, look(fields={"headline": "x"}))
    (learnt,) = (s for s in made.learn().sources if s.url == FEED)
    assert (learnt.etag, learnt.digest) == ("", "")


def captured(path: str, *, status: int = 200, mime: str = "text/html") -> Capture:
    place = Location(warc="warc/paper/a.warc.gz", offset=0, length=1)
    url = HOME + path
    return Capture(surt=url, at=NOW, url=url, status=status, mime=mime, digest="sha1:A", location=place)


def test_a_second_try_leaves_alone_what_the_first_archived() -> None:
    made = plan(force=True)
    assert made.resume([captured("1"), captured("2", status=0), captured("x.png", mime="image/png")]) == 1
    asks = made.named(sources(made)[FEED], told("1", "2"), answer())
    assert asked(asks) == ["2"]
    assert not made.wants_requisite(captured("x.png", mime="image/png").url)
    assert told("1")[0].url in {known.url for known in made.learn().pages}
