"""A large site in shards: each host is asked by one of them, and what one finds for another is not lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis.strategies as st
import pytest
from hypothesis import given

from archive.agenda import Known
from archive.errors import CallerError
from archive.index import recent
from archive.runs import all_runs
from archive.shards import BUSY, DONE, IDLE, Note, Passed, Shard, letters, pass_on, shard_of, worth_waiting
from archive.state import Update, read_state, write_state
from archive.store import Store, open_store
from tests.conftest import wait_until
from tests.host import Answer, Host, feed, html, page

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
HOSTS = ("paper.example", "sport.example", "regional.example:8080")


def shards(count: int, hosts: tuple[str, ...] = HOSTS) -> list[Shard]:
    return [Shard(number=number, count=count, hosts=hosts) for number in range(1, count + 1)]


# --- whose a host is


@given(st.integers(1, 9), st.text("abc.", min_size=1), st.sampled_from(["http", "https"]))
def test_every_host_has_exactly_one_shard(count: int, host: str, scheme: str) -> None:
    url = f"{scheme}://{host}/story"
    assert [shard.mine(url) for shard in shards(count)].count(True) == 1


def test_the_hosts_of_a_site_file_take_turns_so_that_no_shard_is_without_one() -> None:
    urls = [f"https://{host}/" for host in HOSTS]
    assert [[shard.mine(url) for url in urls] for shard in shards(3)] == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]


@pytest.mark.parametrize(
    "form", ["www.sport.example", "m.sport.example", "SPORT.example:80", "u@sport.example"]
)
def test_forms_of_one_host_are_in_one_shard(form: str) -> None:
    assert shards(3)[1].mine(f"http://{form}/story")


def test_a_limit_is_shared_out_whole() -> None:
    assert [shard.share(10) for shard in shards(4)] == [3, 3, 2, 2]


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/65", "2", "a/b", "-1/2", "1/2/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(CallerError, match="2/4"):
        shard_of(text, HOSTS)


# --- what they tell each other


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "archive"))


def test_a_letter_is_read_by_the_shard_of_its_host_however_many_there_are_by_then(store: Store) -> None:
    urls = [f"https://{host}/story" for host in (*HOSTS, "images.example")]
    passed = [Passed(url=url, kind="article", via="feed", on="https://f.example/", told=NOW) for url in urls]
    pass_on(store, "paper", "run", 0, passed)
    for count in (1, 2, 3, 5):
        read = [[p for each in letters(store, "paper", s) for p in each.passed] for s in shards(count)]
        assert sorted((p for own in read for p in own), key=lambda p: p.url) == sorted(
            passed, key=lambda p: p.url
        )
        for shard, own in zip(shards(count), read, strict=True):
            assert all(shard.mine(p.url) for p in own)


def test_a_letter_that_cannot_be_read_is_passed_over(store: Store) -> None:
    store.replace("state/.passed/paper/x.example/torn-0000.json", b"[{")
    store.replace(
        "state/.passed/paper/x.example/newer-0000.json", b'[{"url": "https://x.example/", "size": 1}]'
    )
    assert list(letters(store, "paper")) == []


SECOND = Shard(number=2, count=3)


@pytest.mark.parametrize(
    ("notes", "turn", "waited", "worth"),
    [
        ([("1/3", BUSY, 5, "r")], "r", 300, True),
        ([("1/3", BUSY, 90, "r")], "r", 300, False),  # killed
        ([("1/3", IDLE, 5, "r"), ("3/3", IDLE, 5, "r")], "r", 5, False),
        ([("1/3", DONE, 5, "r"), ("3/3", DONE, 5, "r")], "r", 5, False),
        ([("1/3", DONE, 5, "r"), ("3/3", DONE, 5, "older")], "r", 5, True),  # 3/3 has not yet begun
        ([("1/3", DONE, 5, "r"), ("3/3", DONE, 5, "older")], "r", 50, False),
        ([], "", 5, False),  # by hand nobody is awaited
        ([("3/3", BUSY, 5, "")], "", 5, True),
    ],
)
def test_a_shard_waits_for_those_that_are_busy_or_have_not_begun(
    notes: list[tuple[str, str, int, str]], turn: str, waited: int, worth: bool
) -> None:
    made = [
        Note(shard=s, run="x", state=what, turn=t, at=NOW - timedelta(seconds=ago))
        for s, what, ago, t in notes
    ]
    began = NOW - timedelta(seconds=waited)
    patience = timedelta(seconds=45)
    assert worth_waiting(SECOND, made, turn=turn, began=began, now=NOW, patience=patience) is worth


def test_shards_that_end_together_keep_what_each_has_learnt(store: Store) -> None:
    """Each reads the state, as all do at their beginning, and writes when others have written."""
    known = [Known(url=f"https://{host}/story", seen=NOW, due=NOW, status=200) for host in HOSTS]
    write_state(store, "paper", Update(pages=tuple(known)), now=NOW)
    began = read_state(store, "paper")
    assert began is not None
    for number, page_ in enumerate(known):
        learnt = Known(url=page_.url, seen=NOW, due=NOW + timedelta(hours=number + 1), status=200, looks=7)
        write_state(store, "paper", Update(pages=(learnt,)), now=NOW, kept=6)
        assert {k.url for k in began.due(NOW)} == {k.url for k in known}  # what it began with is still there
    after = read_state(store, "paper")
    assert after is not None
    assert [(k.url, k.looks) for k in after.due(NOW + timedelta(days=1))] == [(k.url, 7) for k in known]


# --- crawls


@dataclass
class Press:
    """A newspaper on two hosts, whose documents name pages of both and load parts from both."""

    home: Host
    sport: Host
    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)

    def paths(self) -> tuple[list[str], list[str]]:
        told = ("/robots.txt", "/.well-known/tdmrep.json", "/ai.txt")
        return tuple([p for p in host.paths() if p not in told] for host in (self.home, self.sport))  # type: ignore[return-value]


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    answers: dict[str, dict[str, Answer]] = {"home": {}, "sport": {}}
    missing: Answer = (404, {"Content-Type": "text/plain"}, b"")
    image: Answer = (200, {"Content-Type": "image/png"}, b"\x89PNG" * 99)
    with (
        Host(lambda path, _: answers["home"].get(path, missing)) as home,
        Host(lambda path, _: answers["sport"].get(path, missing), address="127.0.0.2") as sport,
    ):
        both = feed(home.base, "news-1", "news-2", "gone")[2].decode()
        both = both.replace("</channel>", f"<item><link>{sport.base}/match-1</link></item></channel>")
        answers["home"] |= {
            "/": html(f'<a href="{sport.base}/match-2">x</a>'),
            "/feed": (200, {"Content-Type": "application/rss+xml"}, both.encode()),
            "/news-1": html(f'<img src="{sport.base}/pitch.png">'),
            "/news-2": page("two"),
            "/gone": (301, {"Location": f"{sport.base}/match-3"}, b""),
            "/town.png": image,
        }
        answers["sport"] |= {
            "/feed": feed(home.base, "news-3"),
            "/match-1": html(f'<img src="{home.base}/town.png">'),
            "/match-2": page("m2"),
            "/match-3": page("m3"),
            "/pitch.png": image,
        }
        answers["home"]["/news-3"] = page("three")
        folder = tmp_path / "sites"
        folder.mkdir()
        (folder / "paper.toml").write_text(
            f'name = "Paper"\nhome = "{home.base}/"\nfeeds = ["{home.base}/feed", "{sport.base}/feed"]\n'
            f'hosts = ["{urlsplit(sport.base).netloc}"]\nshards = 2\ndelay = 0.0\nallow_private = true\n'
        )
        yield Press(home, sport, answers)


HOME = {"/", "/feed", "/news-1", "/news-2", "/news-3", "/gone", "/town.png"}
SPORT = {"/feed", "/match-1", "/match-2", "/match-3", "/pitch.png"}


def hosts_by_shard(store: Store) -> dict[str, set[str]]:
    """What each shard has asked, as its own WARCs say."""
    found: dict[str, set[str]] = {}
    for run in all_runs(store):
        keys = {warc.key for warc in run.warcs}
        own = {c.url for c in recent(store, "paper", LONG_AGO) if c.location.warc in keys}
        found.setdefault(str(run.parameters.get("shard")), set()).update(
            urlsplit(u).hostname or "" for u in own
        )
    return found


def test_shards_side_by_side_ask_each_host_from_one_of_them_and_miss_nothing(
    press: Press, store: Store
) -> None:
    env = {**os.environ, "MORGUE_DAG_RUN": "manual__1"}
    command = [sys.executable, "-m", "archive", "crawl", "paper", "--quiet", "--shard"]
    crawls = [
        subprocess.Popen([*command, shard], env=env, stdin=subprocess.DEVNULL) for shard in ("1/2", "2/2")
    ]
    assert [crawl.wait(60) for crawl in crawls] == [0, 0]
    home, sport = press.paths()
    assert (sorted(home), sorted(sport)) == (sorted(HOME), sorted(SPORT))  # each once
    assert hosts_by_shard(store) == {"1/2": {"127.0.0.1"}, "2/2": {"127.0.0.2"}}
    assert list(letters(store, "paper")) == []


def test_shards_one_after_the_other_miss_nothing_either(morgue: Any, press: Press, store: Store) -> None:
    for shard in ("1/2", "2/2", "1/2"):
        done = morgue("crawl", "paper", "--due-only", "--shard", shard, "--json")
        assert (done.code, done.json["reason"]) == (0, "finished"), done.err
    home, sport = press.paths()
    assert (set(home), set(sport)) == (HOME, SPORT)
    assert len(sport) == len(SPORT)
    assert hosts_by_shard(store) == {"1/2": {"127.0.0.1"}, "2/2": {"127.0.0.2"}}
    assert list(letters(store, "paper")) == []


def test_what_was_passed_on_outlives_a_shard_that_is_killed(morgue: Any, press: Press, store: Store) -> None:
    assert morgue("crawl", "paper", "--shard", "1/2").code == 0
    before = {p.url for each in letters(store, "paper") for p in each.passed}
    release = __import__("threading").Event()
    match = press.answers["sport"].pop("/match-2")
    press.sport.answer = lambda path, _: (
        release.wait(30) and match if path == "/match-2" else press.answers["sport"].get(path, match)
    )
    command = [sys.executable, "-m", "archive", "crawl", "paper", "--quiet", "--shard", "2/2"]
    crawl = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    wait_until(lambda: "/match-2" in press.sport.paths(), what="the second shard")
    crawl.kill()
    crawl.wait()
    release.set()
    assert {p.url for each in letters(store, "paper") for p in each.passed} >= before
    assert morgue("crawl", "paper", "--shard", "2/2", "--resume-from", "2026-01-01").code == 0
    urls = {urlsplit(c.url).path for c in recent(store, "paper", LONG_AGO) if "127.0.0.2" in c.url}
    assert urls >= SPORT
    assert [p.url for e in letters(store, "paper") for p in e.passed if "127.0.0.2" in p.url] == []


def test_a_crawl_of_the_whole_takes_what_shards_have_left(morgue: Any, press: Press, store: Store) -> None:
    assert morgue("crawl", "paper", "--shard", "1/2").code == 0
    done = morgue("crawl", "paper", "--json")
    assert (done.code, done.json["reason"]) == (0, "finished"), done.err
    assert set(press.paths()[1]) == SPORT
    assert list(letters(store, "paper")) == []


def test_a_limit_holds_for_all_shards_together(morgue: Any, press: Press, store: Store) -> None:
    said = [morgue("crawl", "paper", "--limit", "1", "--shard", s, "--json").json for s in ("1/2", "2/2")]
    assert [each["reason"] for each in said] == ["limit", "limit"]
    articles = [p for own in press.paths() for p in own if p.startswith(("/news", "/match", "/gone"))]
    assert len(articles) == 1


def test_a_shard_with_nothing_to_do_has_done_nothing_wrong(morgue: Any, press: Press, store: Store) -> None:
    done = morgue("crawl", "paper", "--shard", "3/3", "--json")
    assert (done.code, done.json["reason"], done.json["manifest"]) == (0, "finished", None), done.err


def test_a_dry_run_of_a_shard_names_its_own_sources(morgue: Any, press: Press) -> None:
    said = morgue("crawl", "paper", "--dry-run", "--shard", "2/2", "--json").json
    assert said["sources"] == [f"{press.sport.base}/feed"]


def test_a_shard_is_of_one_newspaper(morgue: Any, press: Press) -> None:
    (Path(os.environ["MORGUE_SITES"]) / "other.toml").write_text('name = "O"\nhome = "http://o.example/"\n')
    done = morgue("crawl", "paper", "other", "--shard", "1/2")
    assert done.code == 2
    assert "--shard is of one newspaper" in done.err
