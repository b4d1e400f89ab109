"""`morgue site add` and `morgue site check`, against a scripted host and The Daily Specimen."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.errors import ConfigError
from archive.sites import Site, check_doubles, line_of, load_site, site_toml
from spiders.checkup import checkup
from spiders.specimen import Specimen
from tests.host import Answer, Host

Morgue = Callable[..., Any]
NOTHING: Answer = (404, {}, b"")
DATE = "Fri, 20 Nov 2026 08:00:00 +0200"


def html(text: str) -> Answer:
    return 200, {"Content-Type": "text/html"}, text.encode()


def story(headline: str = "The bridge is to cost more") -> Answer:
    data = f'{{"@type":"NewsArticle","headline":"{headline}","datePublished":"2026-11-20T08:00:00+02:00"}}'
    text = "<p>" + "The council has said that the bridge will cost more than it was told. " * 8 + "</p>"
    return html(
        f'<html><head><script type="application/ld+json">{data}</script></head>'
        f"<body><article><h1>{headline}</h1>{text}</article></body></html>"
    )


def feed(host: Host, *paths: str, date: str = DATE) -> Answer:
    when = f"<pubDate>{date}</pubDate>" if date else ""
    items = "".join(f"<item><link>{host.base}{path}</link>{when}</item>" for path in paths)
    body = f"<rss version='2.0'><channel><title>Paper</title>{items}</channel></rss>"
    return 200, {"Content-Type": "application/rss+xml"}, body.encode()


PATHS = tuple(f"/sport/the-bridge-is-to-cost-more-{100_000 + n}" for n in range(10))
MENU = "".join(f'<a href="/{name}">x</a>' for name in ("sport/", "about", "contact", "video", "press"))
FRONT = (
    '<html lang="en-ZA"><head><meta property="og:site_name" content="The Paper">'
    f'<link rel="alternate" type="application/rss+xml" href="/feed"></head><body>{MENU}</body></html>'
)


def usual(host: Host, path: str, **other: Answer) -> Answer:
    """A newspaper with a feed of ten stories; `other` answers by the first word of a path."""
    word = path.strip("/").partition("/")[0].partition(".")[0] or "front"
    if word in other:
        return other[word]
    return {"front": html(FRONT), "feed": feed(host, *PATHS)}.get(word) or (
        story() if path in PATHS else html(MENU) if path == "/sport/" else NOTHING
    )


def paper(**other: Answer) -> Host:
    host = Host(lambda path, _: usual(host, path, **other))
    return host


def site(host: Host, **keys: Any) -> Site:
    keys = {"feeds": (host.base + "/feed",), "delay": 0.0, "allow_private": True} | keys
    return Site(id="paper", name="The Paper", home=host.base + "/", **keys)


def look(host: Host, now: datetime | None = None, **keys: Any) -> Any:
    return checkup(site(host, **keys), user_agent="newsmorgue/test", allow_private=True, now=now)


def add(morgue: Morgue, host: Host, *options: str) -> Any:
    return morgue("site", "add", host.base + "/", "--allow-private", *options)


def test_a_newspaper_is_added_with_sections_pattern_zone_and_language(morgue: Morgue, tmp_path: Path) -> None:
    with paper() as host:
        done = add(morgue, host, "--json")
        assert done.code == 0, done.err
        base = host.base
    found = load_site(tmp_path / "sites" / "the-paper.toml")
    assert (found.sections, found.language, found.timezone) == (
        (base + "/sport/",),
        "en-ZA",
        "Africa/Johannesburg",
    )
    assert found.articles
    assert done.json["articles"] == found.articles
    assert set(done.json) == {
        "site", "file", "name", "feeds", "sitemaps", "sections", "articles", "timezone", "language",
    }  # fmt: skip


def test_the_site_file_says_where_its_values_came_from(morgue: Morgue) -> None:
    with paper() as host:
        done = add(morgue, host, "--dry-run")
    assert "10 of 10 links of feeds and news sitemaps match" in done.out
    assert "announced by the front page" in done.out
    assert "ZA by the region of en-ZA, and the dates of the feeds agree" in done.out


def test_a_dry_run_writes_nothing(morgue: Morgue, tmp_path: Path) -> None:
    with paper() as host:
        assert add(morgue, host, "--dry-run").code == 0
    assert not (tmp_path / "sites").exists()


def test_what_robots_txt_forbids_is_not_asked_for_by_the_probe(morgue: Morgue) -> None:
    rules = (200, {}, b"User-agent: *\nDisallow: /feed\nDisallow: /news\n")
    with paper(robots=rules) as host:
        add(morgue, host, "--dry-run")
        assert not [p for p in host.paths() if p.startswith(("/feed", "/news"))]
        assert "/" in host.paths()


def test_the_probe_keeps_a_crawl_delay(morgue: Morgue) -> None:
    rules = (200, {}, b"User-agent: *\nCrawl-delay: 0.3\nSitemap: /map.xml\n")
    with paper(robots=rules, map=(200, {}, b"<urlset><url><loc>/a</loc></url></urlset>")) as host:
        add(morgue, host, "--dry-run")
        assert len(host.hits) >= 4
        assert min(host.gaps()[1:]) > 0.25  # robots.txt is asked before its delay is known


def test_the_probe_asks_at_most_forty_times(morgue: Morgue) -> None:
    links = "".join(f'<link rel="alternate" type="application/rss+xml" href="/x{n}">' for n in range(60))
    with paper(front=html(f"<head>{links}</head>{MENU}")) as host:
        add(morgue, host, "--dry-run")
        assert 20 < len(host.hits) <= 40


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"front": (403, {}, b"")}, "answers 403: it refuses this crawler"),
        ({"robots": (200, {}, b"User-agent: *\nDisallow: /\n")}, "robots.txt forbids"),
        ({"robots": (503, {}, b"")}, "robots.txt answers 503"),
        (
            {"front": (200, {"Content-Type": "application/pdf"}, b"%PDF")},
            "is no web page but application/pdf",
        ),
        ({"front": html("<p>parked</p>"), "feed": NOTHING}, "does not look like a newspaper"),
    ],
)
def test_what_is_no_newspaper_is_one_clear_line(morgue: Morgue, other: dict[str, Answer], said: str) -> None:
    with paper(**other) as host:
        done = add(morgue, host)
    assert (done.code, said in done.err, len(done.err.strip().splitlines())) == (3, True, 1), done.err


def test_a_good_site_needs_no_mending(morgue: Morgue) -> None:
    with paper() as host:
        assert add(morgue, host, "--delay", "0").code == 0
        before = len(host.hits)
        done = morgue("site", "check", "the-paper", "--json")
        assert set(host.paths()[before:]) <= {"/robots.txt", "/", "/feed", "/sport/", *PATHS}
    assert done.code == 0, done.out
    *sources, article, result = done.rows
    assert [(s["key"], s["status"], s["kind"], s["own"]) for s in sources] == [
        ("home", 200, "page", 5), ("sections[0]", 200, "page", 5), ("feeds[0]", 200, "rss", 10),
    ]  # fmt: skip
    assert (article["headline"], article["paragraphs"]) == ("The bridge is to cost more", 1)
    assert result["ok"]


def test_the_daily_specimen_needs_no_mending(morgue: Morgue, paper: Specimen, tmp_path: Path) -> None:
    done = morgue("site", "add", paper.base + "/", "--allow-private", "--delay", "0")
    assert done.code == 0, done.err
    checked = morgue("site", "check")
    assert checked.code == 0, checked.out
    assert not (tmp_path / "archive").exists()


def test_a_site_that_needs_mending_ends_with_code_3(morgue: Morgue) -> None:
    with paper() as host:
        assert add(morgue, host, "--delay", "0").code == 0
    done = morgue("site", "check")
    assert done.code == 3
    assert "MEND: home cannot be had" in done.out


def test_a_source_that_is_gone_is_to_be_taken_out() -> None:
    with paper() as host:
        found = look(host, feeds=(host.base + "/feed", host.base + "/old"))
    assert found.mend == ("feeds[1] answers 404: take it out, or `morgue site add` anew",)


def test_a_web_page_is_no_feed() -> None:
    with paper() as host:
        found = look(host, feeds=(host.base + "/feed", host.base + "/sport/"))
    assert found.mend == ("feeds[1] is a web page and no feed: take it out, or `morgue site add` anew",)


def test_a_pattern_that_would_lose_articles_is_named() -> None:
    with paper() as host:
        found = look(host, articles="/story/")
    assert "'articles' matches 0 of 10 links of feeds[0]: it would lose them, like " in found.mend[0]


def test_sources_without_dates_are_named() -> None:
    host = Host(lambda path, _: feed(host, *PATHS, date="") if path == "/feed" else usual(host, path))
    with host:
        found = look(host)
    assert [line for line in found.mend if line.startswith("no source gives dates")]


def test_a_doubled_source_is_named() -> None:
    host = Host(lambda path, _: usual(host, path.partition("?")[0]))
    with host:
        found = look(host, feeds=(host.base + "/feed", host.base + "/feed?again"))
    assert found.mend == ("feeds[1] names the same links as feeds[0]: take one of them out",)


def test_links_that_robots_txt_forbids_are_named() -> None:
    with paper(robots=(200, {}, b"User-agent: *\nDisallow: /sport/the\n")) as host:
        found = look(host)
        assert not [p for p in host.paths() if p.startswith("/sport/the")]
    assert "robots.txt forbids all 10 links of feeds[0]: nothing of it may be kept" in found.mend


def test_links_of_another_host_are_out_of_scope() -> None:
    body = b"<rss version='2.0'><channel><item><link>https://else.example/a</link></item></channel></rss>"
    with paper(feed=(200, {}, body)) as host:
        found = look(host)
    assert f"feeds[0] names 1 links, none on {host.base[7:]}: add theirs to 'hosts'" in found.mend


def test_in_quiet_hours_nothing_is_asked_for() -> None:
    with paper() as host:
        found = look(host, now=datetime(2026, 1, 1, 23, 30, tzinfo=UTC), quiet=("23:00-06:00",))
        assert host.hits == []
    assert (found.mend, "quiet hours" in found.notes[0]) == ((), True)


def test_an_article_that_cannot_be_had_is_named() -> None:
    with paper(sport=(403, {}, b"")) as host:
        found = look(host)
    assert found.mend[0].startswith("the newest article answers 403")


def test_a_fault_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "paper.toml"
    path.write_text(
        'name = "P"\nnotes = """\ndelay = 9\n"""\nhome = "https://p.example/"\nfeeds = [\n  "https://p.example/a",'
        '\n  "https://p.example/a",\n]\n'
    )
    with pytest.raises(ConfigError, match=r"paper\.toml, line 8: 'feeds' holds 'https://p\.example/a' twice"):
        load_site(path)
    path.write_text('name = "P"\nnotes = """\ndelay = 9\n"""\nhome = "https://p.example/"\ndelay = "x"\n')
    with pytest.raises(ConfigError, match=r"paper\.toml, line 6: 'delay' must be a number"):
        load_site(path)
    path.write_text('name = "P"\nhome = \n')
    with pytest.raises(ConfigError, match=r"paper\.toml, line 2: not valid TOML"):
        load_site(path)


def test_a_key_that_is_not_there_has_no_line() -> None:
    assert line_of('name = "delay = 3"\n', "delay") is None


def test_a_newspaper_that_has_a_file_already_is_refused(morgue: Morgue, tmp_path: Path) -> None:
    with paper() as host:
        assert add(morgue, host).code == 0
        done = add(morgue, host, "--id", "again", "--name", "Again")
    assert done.code == 2
    assert "'home'" in done.err
    assert not (tmp_path / "sites" / "again.toml").exists()


def test_a_feed_of_two_site_files_is_named_with_file_and_line(tmp_path: Path) -> None:
    text = 'name = "{0}"\nhome = "https://{0}.example/"\nfeeds = [\n    "https://p.example/rss",\n]\n'
    for name in "ab":
        (tmp_path / f"{name}.toml").write_text(text.format(name))
    with pytest.raises(ConfigError, match=r"b\.toml, line 4: 'feeds' .* is in .*a\.toml as well"):
        check_doubles(load_site(tmp_path / "b.toml"), tmp_path)


def test_words_in_a_comment_cannot_become_keys(tmp_path: Path) -> None:
    made = Site(id="paper", name="P", home="https://p.example/")
    (tmp_path / "paper.toml").write_text(site_toml(made, {"name": ('evil\nlimit = 3\r\x00"',)}))
    assert load_site(tmp_path / "paper.toml") == made
