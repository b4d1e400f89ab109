"""Rules of access: who may see what, everywhere at once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from archive.access import Access, Rule, arranged
from archive.cdxj import surt_of
from archive.cli import group
from archive.errors import CallerError
from archive.holdings import open_archive
from archive.index import Index
from archive.permission import Permission
from archive.policy import Policy
from archive.room.links import embedded
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.replay import Replay
from archive.room.shelf import Shelf
from archive.store import FolderStore, Store
from tests.keeping import Answer, Keeper, Reader, edition
from tests.test_study import FILLING, OTHER, URL, page, told

Morgue = Callable[..., Any]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
AT = edition(20)


def rule(kind: str, what: str, minute: int = 0, **more: object) -> Rule:
    made = NOW + timedelta(minutes=minute)
    return Rule(kind=kind, what=what, reason="why", made=made, id=f"{kind}{minute}", **more)  # type: ignore[arg-type]


def decided(rules: list[Rule], url: str = URL, at: datetime = AT, now: datetime = NOW) -> str:
    found = arranged(rules).verdict(surt_of(url), "paper", at, now)
    return found.kind if found else ""


# --- which rule decides -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what",
    [
        URL, "https://www.paper.example/news/quay-reopens-10442", "http://paper.example/news/*",
        "paper.example/*", "paper.example*", "http://paper.example/news/quay*", "site:paper", "*",
    ],
)  # fmt: skip
def test_a_rule_is_for_a_url_a_folder_a_newspaper_or_all(what: str) -> None:
    assert decided([rule("block", what)]) == "block"


@pytest.mark.parametrize(
    "what",
    [OTHER, "http://paper.example/new/*", "http://paper.example/news/ferry*", "other.example/*", "site:pape"],
)
def test_a_rule_is_for_nothing_else(what: str) -> None:
    assert decided([rule("block", what)]) == ""


def test_the_more_telling_rule_decides_whatever_was_written_last() -> None:
    rules = [
        rule("allow", URL, 0), rule("block", "http://paper.example/news/*", 1),
        rule("allow", "paper.example/*", 2), rule("exclude", "site:paper", 3), rule("exclude", "*", 4),
    ]  # fmt: skip
    assert [decided(rules[n:]) for n in range(5)] == ["allow", "block", "allow", "exclude", "exclude"]


def test_of_two_rules_alike_the_newer_decides() -> None:
    assert decided([rule("block", URL, 0), rule("allow", URL, 1)]) == "allow"
    assert decided([rule("block", "paper.example/*", 1), rule("allow", "paper.example/*", 0)]) == "block"


def test_dates_of_capture_narrow_a_rule_down() -> None:
    only = [rule("block", URL, since=edition(20), until=edition(21))]
    assert decided(only, at=edition(20)) == "block"
    assert decided(only, at=edition(21)) == ""
    assert decided(only, at=edition(19)) == ""


def test_an_embargo_ends_on_its_day_or_so_many_days_after_capture() -> None:
    until = [rule("embargo", URL, ends=NOW)]
    assert decided(until, now=NOW - timedelta(seconds=1)) == "embargo"
    assert decided(until, now=NOW) == ""
    days = [rule("embargo", URL, days=30)]
    assert decided(days, now=AT + timedelta(days=29)) == "embargo"
    assert decided(days, now=AT + timedelta(days=30)) == ""


NAMES = st.text("abz/", max_size=6)


@given(st.lists(NAMES, max_size=8), NAMES)
def test_the_longest_folder_is_found_as_by_looking_at_all_of_them(folders: list[str], path: str) -> None:
    rules = [rule("block", f"http://x.example/{name}*", n) for n, name in enumerate(folders)]
    found = arranged(rules)
    key = surt_of(f"http://x.example/{path}")
    wanted = max((name for name, _ in found.folders if key.startswith(name)), key=len, default=None)
    verdict = found.verdict(key, "x", AT, NOW)
    assert (verdict is None) == (wanted is None)
    if verdict:
        name, _ = next(pair for pair in found.folders if pair[1] is verdict)
        assert name == wanted


@pytest.mark.parametrize(
    ("kind", "what", "more"),
    [
        ("hide", URL, {}),
        ("embargo", URL, {}),
        ("block", "a*b", {}),
        ("block", "paper", {}),
        ("block", "", {}),
    ],
)
def test_a_rule_that_cannot_count_is_refused(
    tmp_path: Path, kind: str, what: str, more: dict[str, int]
) -> None:
    with pytest.raises(CallerError):
        Access(FolderStore(tmp_path)).add(rule(kind, what, **more))


def test_a_rule_needs_a_reason(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="reason"):
        Access(FolderStore(tmp_path)).add(Rule(kind="block", what=URL, reason=" ", made=NOW))


def test_a_lifted_rule_counts_no_more_and_stays_on_record(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    access = Access(store)
    added = access.add(rule("block", URL))
    assert access.forbids(URL, "paper", AT) == "block (why)"
    access.lift(added.id, "withdrawn")
    assert access.forbids(URL, "paper", AT) == ""
    assert len(list(store.keys("access/"))) == 2
    with pytest.raises(CallerError, match="access list"):
        access.lift(added.id, "again")


# --- everywhere ---------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    keeper.keep(Answer(at=edition(21), url=OTHER, body=page("Ferry runs late", "Late on Friday.", *FILLING)))
    keeper.keep(Answer(at=edition(22), url=URL, body=told("6 million crowns")))
    return keeper.store


ROOM = [
    "/", "/site/paper", "/site/paper/2026-11-19", "/search?q=quay", "/search?q=crowns", "/edits",
    "/edits.atom", "/api/search?q=quay", "/api/edits", "/cdx?url=paper.example/*", "/author?name=Jo+Lund",
]  # fmt: skip
OF_ONE = [
    "/article?url={}", "/diff?url={}", "/lookup?url={}", "/capture?url={}", "/cite?url={}",
    "/api/article?url={}", "/api/versions?url={}", "/api/captures?url={}", "/api/cite?url={}",
    "/timegate/{}", "/timemap/link/{}", "/timemap/cdxj/{}",
]  # fmt: skip
SAID = ("Quay reopens", "quay-reopens")


@pytest.fixture
def both(store: Store) -> Iterator[tuple[Reader, Reader, Access]]:
    access = Access(store)
    index = Index(store, hidden=access.hides)
    permission = Permission(store, index, {}, Policy(), access)
    origins = Origins(room_port=8090, replay_port=8091)
    shelf = Shelf(store, index, {})
    shelf.access = access
    room = Room(shelf, origins, replays=False, permission=permission)
    replay = Replay(store, index, origins, None, permission)
    yield Reader(room.app()), Reader(replay.app(), base="http://127.0.0.1:8091"), access
    room.finder.stop()


def test_what_is_excluded_is_nowhere(both: tuple[Reader, Reader, Access]) -> None:
    room, replay, access = both
    assert any(SAID[0] in room.get(path).text for path in ROOM)
    access.add(rule("exclude", URL))
    for path in ROOM:
        assert not any(word in room.get(path).text for word in SAID), path
    for path in OF_ONE:
        answer = room.get(path.format(URL))
        assert answer.status_code == 404, path
        assert "Quay reopens" not in answer.text
    assert replay.get(f"/raw/20261120id_/{embedded(URL)}").status_code == 404
    assert room.get("/article", params={"url": OTHER}).status_code == 200


def test_what_is_blocked_is_listed_and_not_shown_with_the_reason(both: tuple[Reader, Reader, Access]) -> None:
    room, replay, access = both
    access.add(rule("block", "paper.example/news/quay*"))
    assert "quay-reopens" in room.get("/cdx?url=paper.example/*").text
    answer = room.get("/article", params={"url": URL})
    assert answer.status_code == 451
    assert "block (why)" in answer.text
    raw = replay.get(f"/raw/20261120id_/{embedded(URL)}")
    assert raw.status_code == 451
    assert "crowns" not in raw.text
    for path in ("/search?q=crowns", "/api/search?q=crowns", "/edits", "/site/paper/2026-11-19"):
        assert "Quay reopens" not in room.get(path).text


@pytest.mark.parametrize("kind", ["exclude", "block"])
def test_what_is_withheld_is_counted_nowhere(
    both: tuple[Reader, Reader, Access],
    store: Store,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    room, _, access = both
    before = room.get("/api/search?q=crowns").json()
    assert (before["count"], sum(before["days"].values()), before["facets"]["site"]) == (2, 2, {"paper": 2})
    assert "2 found" in room.get("/search?q=crowns").text
    access.add(rule(kind, URL))
    after = room.get("/api/search?q=crowns").json()
    assert (after["count"], after["days"], after["facets"]["site"]) == (0, {}, {})
    assert "may not be shown" not in room.get("/search?q=crowns").text
    monkeypatch.setenv("MORGUE_SEARCH", str(tmp_path / "search"))
    said = CliRunner().invoke(group, ["search", "crowns", "--facets", "--archive", store.url])
    assert (said.exit_code, said.stdout, said.stderr) == (0, "", "0 found\n")
    with open_archive(store.url, search=tmp_path / "search") as archive:
        assert archive.search("crowns", facets=True).count == 0


def test_a_rule_for_one_date_leaves_the_others(both: tuple[Reader, Reader, Access]) -> None:
    room, _, access = both
    access.add(rule("exclude", URL, until=edition(21)))
    captures = room.get("/api/captures", params={"url": URL}).json()["captures"]
    assert [c["at"][:10] for c in captures] == ["2026-11-22"]
    versions = room.get("/api/versions", params={"url": URL}).json()["versions"]
    assert [v["headline"] for v in versions] == ["Quay reopens after works of 6 million crowns"]


def test_a_page_whose_twin_is_excluded_is_replayed_all_the_same(tmp_path: Path) -> None:
    from tests.test_revisits import run, said

    first, second = "http://paper.example/a", "http://paper.example/b"
    (tmp_path / "archive").mkdir()
    run(tmp_path, 1, said(first))
    run(tmp_path, 2, said(second))
    store = FolderStore(tmp_path / "archive")
    assert Index(store).captures(second)[0].kind == "revisit"
    access = Access(store)
    access.add(rule("exclude", first))
    index = Index(store, hidden=access.hides)
    replay = Reader(Replay(store, index, Origins(room_port=1, replay_port=2), None).app())
    assert replay.get(f"/raw/2026id_/{embedded(second)}").status_code == 200
    assert replay.get(f"/raw/2026id_/{embedded(first)}").status_code == 404


def test_the_command_line_obeys_too(morgue: Morgue, store: Store) -> None:
    archive = ("--archive", store.url)
    done = morgue("access", "block", URL, "--reason", "court order 12/26", *archive)
    assert "block" in done.out
    refused = morgue("get", URL, *archive)
    assert refused.code == 2
    assert "court order 12/26" in refused.err
    assert URL not in morgue("articles", "--all-rights", *archive).out
    assert "court order" in morgue("versions", URL, *archive).err
    assert "court order" in morgue("access", "check", URL, *archive).out
    name = morgue("access", "list", *archive).out.split()[0]
    morgue("access", "lift", name, "--reason", "settled", *archive)
    assert "works cost" in morgue("get", URL, *archive).out
