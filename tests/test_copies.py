"""One text in several newspapers: what is a copy, who had it first, what each kept and added."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.articles import write_table
from archive.clusters import copies_of, one_article
from archive.copies import KEPT, kept_and_added, sample, words_of
from archive.search import Search
from archive.store import FolderStore, Store
from tests.keeping import Answer, Keeper, edition
from tests.test_search import AT, row
from tests.test_study import FILLING, URL, a_room, page, plain

Morgue = Callable[..., Any]
VOCABULARY = [
    a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("n", "rt", "sk", "lum", "ver", "sto")
]


def text(seed: int, words: int = 400) -> str:
    """A made text; no two of different seeds share a run of three words but by chance."""
    return " ".join(random.Random(seed).choices(VOCABULARY, k=words))


def kept(folder: Path, *stories: tuple[str, str, float]) -> Search:
    """A search over articles: newspaper, body, days after the first."""
    store = FolderStore(folder / "archive")
    for number, (paper, body, days) in enumerate(stories):
        each = row(number, site=paper, version=f"v{number}", body=tuple(body.split("\\n")),
                   published=AT + timedelta(days=days))  # fmt: skip
        write_table(store, f"articles/site={paper}/month=2026-11/run{number}-aaaa.parquet", [each])
    search = Search(folder / "s.sqlite")
    search.follow(store)
    return search


def cluster(folder: Path, *stories: tuple[str, str, float], of: int = 0) -> list[str]:
    with contextlib.closing(kept(folder, *stories)) as search:
        return [copy.site for copy in copies_of(search, f"http://{stories[of][0]}.example/{of}")]


WIRE = text(1)
HALF = " ".join(WIRE.split()[:200])


@pytest.mark.parametrize(
    "body",
    [
        WIRE,
        f"TARNMOUTH (MPA) - {WIRE}",
        HALF,
        f"{text(2, 60)} {HALF}",
        f"{text(3, 50)} {' '.join(WIRE.split()[70:])}",
        WIRE.upper(),
        WIRE.replace(" ", ", "),
    ],
    ids=["whole", "dateline", "cut", "cut behind a new opening", "another lead", "capitals", "commas"],
)
def test_a_copy_is_found_however_it_was_cut(tmp_path: Path, body: str) -> None:
    assert cluster(tmp_path, ("first", WIRE, 0), ("second", body, 1)) == ["first", "second"]


def shortened(seed: int) -> tuple[str, str]:
    """A story of 150 words, and its first half behind another opening, 6 % of the words changed."""
    whole, chance = text(seed, 150), random.Random(seed)
    half = [chance.choice(VOCABULARY) if chance.random() < 0.06 else word for word in whole.split()[:75]]
    return whole, f"{text(seed + 1000, 25)} {' '.join(half)}"


@pytest.mark.parametrize("seed", range(3000, 3030))
def test_half_of_a_short_story_is_found_whichever_runs_are_kept(tmp_path: Path, seed: int) -> None:
    whole, half = shortened(seed)
    assert cluster(tmp_path, ("first", whole, 0), ("second", half, 0)) == ["first", "second"]


@pytest.mark.parametrize("body", [text(4), f"{text(5)} {' '.join(WIRE.split()[:60])}", "", "A short note."])
def test_what_shares_little_is_no_copy(tmp_path: Path, body: str) -> None:
    assert cluster(tmp_path, ("first", WIRE, 0), ("second", body, 0)) == []


def test_some_words_in_common_make_no_copy_of_a_short_text(tmp_path: Path) -> None:
    shared = " ".join(WIRE.split()[:35])
    stories = [(f"p{n}", f"{text(n + 50, 60)} {shared}", 0.0) for n in range(20)]
    assert cluster(tmp_path, *stories) == []


def test_one_article_on_two_mastheads_is_told_by_its_id(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    rows = [row(n, site=site, body=(WIRE,)) for n, site in enumerate(("first", "sister", "other"))]
    same = {"number": "4F2A9C", "source": {"number": "cms"}}
    rows[:2] = [replace(each, article=replace(each.article, **same)) for each in rows[:2]]
    for number, each in enumerate(rows):
        write_table(store, f"articles/site={each.site}/month=2026-11/run{number}-aaaa.parquet", [each])
    with contextlib.closing(Search(tmp_path / "s.sqlite")) as search:
        search.follow(store)
        found = copies_of(search, "http://first.example/0")
    assert len(found) == 3
    assert [copy.site for copy in one_article(found, "http://first.example/0")] == ["sister"]
    assert one_article(found, "http://other.example/2") == []


def test_a_week_is_the_limit(tmp_path: Path) -> None:
    stories = [("first", WIRE, 0), ("later", WIRE, 7), ("latest", WIRE, 15)]
    assert cluster(tmp_path, *stories) == ["first", "later"]


def test_copies_of_copies_belong_to_it(tmp_path: Path) -> None:
    words = WIRE.split()
    stories = [("first", " ".join(words[:260]), 0), ("middle", WIRE, 1), ("last", " ".join(words[160:]), 2)]
    assert cluster(tmp_path, *stories) == ["first", "middle", "last"]


def test_who_published_first_comes_first_wherever_one_begins(tmp_path: Path) -> None:
    stories = [("late", WIRE, 2), ("early", HALF, 0), ("between", WIRE, 1)]
    with contextlib.closing(kept(tmp_path, *stories)) as search:
        for number, (paper, _, _) in enumerate(stories):
            found = copies_of(search, f"http://{paper}.example/{number}")
            assert [copy.site for copy in found] == ["early", "between", "late"]


def test_each_copy_says_what_it_kept_and_added(tmp_path: Path) -> None:
    stories = [("first", WIRE, 0), ("second", f"{text(2, 200)} {HALF}", 1)]
    with contextlib.closing(kept(tmp_path, *stories)) as search:
        first, second = copies_of(search, "http://first.example/0")
    assert (first.kept, first.added) == (1, 0)
    assert second.kept == pytest.approx(0.5, abs=0.02)
    assert second.added == pytest.approx(0.5, abs=0.02)


def test_two_versions_of_one_article_are_no_copies(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    for number in (0, 1):
        each = row(number, version=f"v{number}", url="http://paper.example/a", body=(f"{WIRE} {number}",))
        write_table(store, f"articles/site=paper/month=2026-11/run{number}-aaaa.parquet", [each])
    with contextlib.closing(Search(tmp_path / "s.sqlite")) as search:
        search.follow(store)
        assert copies_of(search, "http://paper.example/a") == []


def test_copy_is_found_in_scripts_without_spaces(tmp_path: Path) -> None:
    chance = random.Random(3)
    body = "".join(chance.choices("港湾橋再開通工事費億円市議会発表会見首相経済", k=300))
    assert cluster(tmp_path, ("first", body, 0), ("second", body[:150], 1)) == ["first", "second"]


def test_a_story_in_thirty_newspapers_is_one_cluster(tmp_path: Path) -> None:
    chance = random.Random(5)
    made = {
        0: lambda words: words,
        1: lambda words: words[: int(0.65 * len(words))],
        2: lambda words: [*text(chance.randrange(10**6), 40).split(), *words[: len(words) // 2]],
        3: lambda words: [*text(chance.randrange(10**6), 50).split(), *words[60:]],
    }
    stories = [
        (f"p{story}x{paper}", " ".join(made[paper % 4](text(story + 100).split())), paper / 10)
        for story in range(4)
        for paper in range(30)
    ]
    others = [(f"o{number}", text(number + 5000), number % 5) for number in range(60)]
    with contextlib.closing(kept(tmp_path, *stories, *others)) as search:
        for story in range(4):
            found = {c.site for c in copies_of(search, f"http://p{story}x0.example/{30 * story}")}
            assert found == {f"p{story}x{paper}" for paper in range(30)}


def test_a_run_that_is_read_anew_leaves_no_copy_behind(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    first = row(0, site="first", body=(WIRE,))
    old, new = row(1, site="second", body=(WIRE,)), row(1, site="second", body=(text(9),), version="v2")
    write_table(store, "articles/site=first/month=2026-11/run0-aaaa.parquet", [first])
    write_table(store, "articles/site=second/month=2026-11/run1-aaaa.parquet", [old])
    with contextlib.closing(Search(tmp_path / "s.sqlite")) as search:
        search.follow(store)
        assert len(copies_of(search, "http://first.example/0")) == 2
        write_table(store, "articles/site=second/month=2026-11/run1-bbbb.parquet", [new])
        search.follow(store)
        assert copies_of(search, "http://first.example/0") == []


@given(st.text())
def test_any_text_can_be_sampled_and_half_of_it_has_half_of_the_sample(body: str) -> None:
    words = words_of(body)
    whole, half = set(sample(body)), set(sample(" ".join(words[: len(words) // 2])))
    assert half <= whole
    assert all(0 <= run < 1 << 63 for run in whole)


def test_one_run_in_eight_is_kept() -> None:
    size = len(sample(text(11, 20_000)))
    assert 20_000 / KEPT * 0.9 < size < 20_000 / KEPT * 1.1


@given(st.lists(st.text()), st.lists(st.text()))
def test_shares_are_shares(one: list[str], other: list[str]) -> None:
    assert all(0 <= share <= 1 for share in kept_and_added(one, other))


# --- where people see it ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    keeper = Keeper(tmp_path_factory.mktemp("copies"))
    more = [text(n, 60) for n in (31, 32, 33)]
    url = "http://other.example/wire-10445"
    own = "Our own reporter adds that the ferry was late."
    keeper.keep(Answer(at=edition(20), url=URL, body=page("Quay reopens", *FILLING, *more)), site="paper")
    keeper.keep(
        Answer(at=edition(21), url=url, body=page("Quay open again", *FILLING, *more, own)), site="other"
    )
    return keeper.store


def test_an_article_leads_to_its_copies_and_they_stand_side_by_side(store: Store) -> None:
    room = a_room(store)
    assert "2 articles of 2 newspapers" in plain(room.get("/article", params={"url": URL}).text)
    text_of = plain(room.get("/copies", params={"url": URL}).text)
    assert text_of.index("Quay reopens") < text_of.index("Quay open again")
    other = "http://other.example/wire-10445"
    pair = room.get("/copies", params={"url": URL, "with": other}).text
    assert "<ins>Our own reporter adds that the ferry was late.</ins>" in pair


def test_an_article_of_which_nobody_has_a_copy_says_so(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=page("Quay reopens", *FILLING)))
    assert "No copies" in a_room(keeper.store).get("/copies", params={"url": URL}).text


def test_copies_are_listed_on_the_command_line(morgue: Morgue, store: Store) -> None:
    done = morgue("copies", URL, "--archive", store.url)
    assert done.code == 0, done.err
    first, _, _, second, *_ = done.out.splitlines()
    assert first.endswith("paper  the first")
    assert "other  keeps 100%, adds" in second


def test_the_same_article_on_another_masthead_is_told_in_the_room_and_on_the_command_line(
    morgue: Morgue, tmp_path: Path
) -> None:
    keeper, sister = Keeper(tmp_path), "http://sister.example/news/quay-10442"
    data = '{"title": "Quay reopens", "article": {"key": "4F2A9C"}}'.replace('"', "&quot;")
    body = page("Quay reopens", WIRE, *FILLING, head=f'<meta name="cosmos:data" content="{data}">')
    for day, url in ((20, URL), (21, sister)):
        keeper.keep(Answer(at=edition(day), url=url, body=body))
    room = a_room(keeper.store)
    said = (
        "The same article, by the id of its content system, on another masthead of its publisher: " + sister
    )
    assert said in plain(room.get("/article", params={"url": URL}).text)
    assert "Quay reopens the same article, by its id" in plain(room.get("/copies", params={"url": URL}).text)
    assert [each["system"] for each in room.get("/api/copies", params={"url": URL}).json()["copies"]] == [
        "4F2A9C", "4F2A9C",
    ]  # fmt: skip
    done = morgue("copies", URL, "--archive", keeper.store.url, MORGUE_SEARCH=str(tmp_path / "search"))
    assert "keeps 100%, adds 0%, the same article by its id" in done.out
    assert len(room.get("/api/versions", params={"url": URL}).json()["versions"]) == 1
