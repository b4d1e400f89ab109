"""What a host says of being fetched, beside its pages: obeyed, kept for bad days, told with each capture."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from archive.index import Index
from archive.notices import Notice, keep_notices, notices
from archive.permission import Permission
from archive.policy import Policy
from archive.reports import read_report, report_keys
from archive.store import Store, open_store
from archive.warc import captures_of, members, read_record
from tests.host import Answer, Host, feed, page

Morgue = Callable[..., Any]
Site = Callable[..., str]
NOTHING: Answer = (404, {}, b"")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def told(text: str, status: int = 200) -> Answer:
    return status, {"Content-Type": "text/plain"}, text.encode()


def paper(said: dict[str, Answer]) -> Host:
    """A newspaper with two stories, and what it says under these paths; may be changed while it runs."""

    def answer(path: str, _: int) -> Answer:
        if path == "/feed":
            return feed(host.base, "story-1", "private/story-2")
        usual = page(path) if "story" in path else (404, {}, b"") if "." in path else page("front")
        return said.get(path, usual)

    host = Host(answer)
    return host


def store_of(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "archive"))


def rights_of(tmp_path: Path) -> dict[str, str]:
    """The signals of each capture, by path."""
    return {"/" + c.url.split("/", 3)[3]: c.rights for c in Index(store_of(tmp_path)).all()}


def named(host: Host) -> str:
    return host.base.removeprefix("http://")


def test_every_capture_has_what_robots_txt_says_of_its_use(
    morgue: Morgue, site: Site, tmp_path: Path
) -> None:
    robots = "Content-Signal: ai-train=no\nUser-agent: GPTBot\nDisallow: /\nUser-agent: *\nAllow: /\n"
    with paper({"/robots.txt": told(robots)}) as host:
        assert morgue("crawl", site(host)).code == 0
    assert rights_of(tmp_path)["/story-1"] == "ai-robots=disallow ai-train=no"


def test_tdmrep_json_and_ai_txt_speak_for_the_paths_that_they_name(
    morgue: Morgue, site: Site, tmp_path: Path
) -> None:
    reserved = json.dumps([{"location": "/private/", "tdm-reservation": 1}])
    said = {
        "/.well-known/tdmrep.json": told(reserved),
        "/ai.txt": told("User-Agent: *\nDisallow: /story-1\n"),
    }
    with paper(said) as host:
        assert morgue("crawl", site(host)).code == 0
    found = rights_of(tmp_path)
    assert (found["/story-1"], found["/private/story-2"]) == ("ai-txt=disallow", "tdm-reservation=1")


def test_a_page_that_allows_mining_goes_before_its_host(morgue: Morgue, site: Site, tmp_path: Path) -> None:
    reserved = json.dumps([{"location": "/", "tdm-reservation": 1}])
    status, headers, body = page("story")
    allowed: Answer = (status, {**headers, "tdm-reservation": "0"}, body)
    with paper({"/.well-known/tdmrep.json": told(reserved), "/story-1": allowed}) as host:
        assert morgue("crawl", site(host)).code == 0
    assert rights_of(tmp_path)["/story-1"] == "tdm-reservation=0"


def test_the_index_line_can_be_made_anew_from_the_warc(morgue: Morgue, site: Site, tmp_path: Path) -> None:
    with paper({"/robots.txt": told("User-agent: CCBot\nDisallow: /\n")}) as host:
        assert morgue("crawl", site(host)).code == 0
    store = store_of(tmp_path)
    (key,) = store.keys("warc/")
    anew = {c.id: c.rights for c in captures_of(io.BytesIO(store.read(key)), warc=key)}
    assert anew == {c.id: c.rights for c in Index(store).all()}
    assert "ai-robots=disallow" in anew.values()


def test_tdmrep_json_and_ai_txt_are_asked_for_once_a_day(morgue: Morgue, site: Site, tmp_path: Path) -> None:
    with paper({"/ai.txt": told("User-Agent: *\nDisallow: /story\n")}) as host:
        name = site(host)
        assert morgue("crawl", name).code == 0
        assert morgue("crawl", name, "--force").code == 0
        assert (host.paths().count("/ai.txt"), host.paths().count("/robots.txt")) == (1, 2)
        again = [c.rights for c in Index(store_of(tmp_path)).all() if c.url.endswith("/story-1")]
        assert again == ["ai-txt=disallow"] * 2


def test_a_day_later_they_are_asked_for_again(morgue: Morgue, site: Site, tmp_path: Path) -> None:
    with paper({}) as host:
        old = Notice(status=404, body=b"", at=datetime.now(UTC) - timedelta(days=1, minutes=1))
        keep_notices(store_of(tmp_path), named(host), {"/ai.txt": old})
        assert morgue("crawl", site(host)).code == 0
        assert host.paths().count("/ai.txt") == 1


def test_what_forbids_them_is_obeyed(morgue: Morgue, site: Site) -> None:
    with paper({"/robots.txt": told("User-agent: *\nDisallow: /ai.txt\n")}) as host:
        assert morgue("crawl", site(host)).code == 0
        assert "/ai.txt" not in host.paths()


def test_in_an_outage_of_robots_txt_the_last_one_holds(morgue: Morgue, site: Site, tmp_path: Path) -> None:
    said = {"/robots.txt": told("User-agent: *\nDisallow: /private/\n")}
    with paper(said) as host:
        name = site(host)
        assert morgue("crawl", name).code == 0
        before = len(host.hits)
        said["/robots.txt"] = told("out of order", status=503)
        assert morgue("crawl", name, "--force").code == 0
        after = host.paths()[before:]
    assert "/story-1" in after
    assert "/private/story-2" not in after
    store = store_of(tmp_path)
    skipped = {
        why for s in read_report(store, list(report_keys(store, name))[-1]).sources for why in s.skipped
    }
    assert any("the robots.txt of" in why and "503" in why for why in skipped), skipped


def test_an_outage_of_a_month_forbids_all(morgue: Morgue, site: Site, tmp_path: Path) -> None:
    with paper({"/robots.txt": told("", status=503)}) as host:
        old = Notice(status=404, body=b"", at=datetime.now(UTC) - timedelta(days=31))
        keep_notices(store_of(tmp_path), named(host), {"/robots.txt": old})
        morgue("crawl", site(host))
        assert set(host.paths()) == {"/robots.txt"}


def test_a_fetch_policy_asks_what_the_host_says(morgue: Morgue, site: Site) -> None:
    reserved = json.dumps([{"location": "/private/", "tdm-reservation": 1}])
    with paper({"/.well-known/tdmrep.json": told(reserved)}) as host:
        assert morgue("crawl", site(host, 'rights_fetch = ["tdm-reservation"]')).code == 0
        assert "/story-1" in host.paths()
        assert "/private/story-2" not in host.paths()


paths = st.sampled_from(("/robots.txt", "/ai.txt"))
kept = st.builds(Notice, status=st.integers(200, 599), body=st.binary(max_size=50), at=st.just(NOW))


@given(st.dictionaries(paths, kept), st.dictionaries(paths, kept))
def test_what_is_kept_reads_back_and_newer_notices_hold(
    tmp_path_factory: Any, first: dict[str, Notice], second: dict[str, Notice]
) -> None:
    store = open_store(str(tmp_path_factory.mktemp("store")))
    keep_notices(store, "paper.example:8080", first)
    keep_notices(store, "paper.example:8080", second)
    assert notices(store, "paper.example:8080") == first | second


def test_a_damaged_notice_counts_for_nothing(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    keep_notices(store, "paper.example", {"/ai.txt": Notice(status=200, body=b"x", at=NOW)})
    (key,) = store.keys("state/")
    store.replace(key, b'{"/ai.txt": 1}')
    assert notices(store, "paper.example") == {}


def test_what_may_not_be_kept_leaves_its_head_and_the_reason(
    morgue: Morgue, site: Site, tmp_path: Path
) -> None:
    status, headers, body = page("story")
    hidden = body.replace(b"<html>", b'<html><head><meta name="robots" content="noarchive"></head>')
    with paper({"/story-1": (status, headers, hidden)}) as host:
        assert morgue("crawl", site(host, 'rights_keep = ["noarchive"]')).code == 0
    store = store_of(tmp_path)
    (key,) = store.keys("warc/")
    records = [read_record(m.data) for m in members(io.BytesIO(store.read(key)))]
    own = [r for r in records if r.url.endswith("/story-1")]
    answer = next(r for r in own if r.kind == "response")
    said = next(r for r in own if r.kind == "metadata" and b"fetchTimeMs" in r.block)
    assert answer.block.startswith(b"HTTP/1.1 200")
    assert answer.block.endswith(b"\r\n\r\n")
    assert answer.headers["warc-truncated"] == "unspecified"
    assert b"notKept: the publisher says noarchive\r\n" in said.block
    assert b"rightsSignals: noarchive\r\n" in said.block


def test_what_was_not_kept_is_sound_for_readers_of_warcs(morgue: Morgue, site: Site) -> None:
    with paper({"/robots.txt": told("Content-Signal: ai-train=no\n")}) as host:
        assert morgue("crawl", site(host, 'rights_keep = ["ai-train=no"]')).code == 0
    checked = morgue("verify")
    assert checked.code == 0, checked.out


def test_what_was_not_kept_is_not_replayed(morgue: Morgue, site: Site, tmp_path: Path) -> None:
    with paper({"/robots.txt": told("Content-Signal: ai-train=no\n")}) as host:
        assert morgue("crawl", site(host, 'rights_keep = ["ai-train=no"]')).code == 0
        url = host.base + "/story-1"
    index = Index(store_of(tmp_path))
    permission = Permission(store_of(tmp_path), index, {}, Policy())
    assert permission.replay(index.closest(url)) == "ai-train=no"


def test_a_capture_names_the_source_that_told_of_it_and_when(
    morgue: Morgue, site: Site, tmp_path: Path
) -> None:
    with paper({}) as host:
        assert morgue("crawl", site(host)).code == 0
        source = host.base + "/feed"
    store = store_of(tmp_path)
    (told,) = (c.at for c in Index(store).all() if c.url == source)
    (key,) = store.keys("warc/")
    records = (read_record(m.data) for m in members(io.BytesIO(store.read(key))))
    (said,) = (r.block for r in records if r.url.endswith("/story-1") and b"fetchTimeMs" in r.block)
    lines = said.decode().splitlines()
    assert {"foundBy: feed", f"via: {source}", f"viaDate: {told:%Y-%m-%dT%H:%M:%SZ}"} <= set(lines)
