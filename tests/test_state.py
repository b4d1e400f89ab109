"""What is known of a newspaper: kept, found when due, and never larger to read than what is due."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from archive.agenda import Known, Source
from archive.errors import CallerError
from archive.model import Original
from archive.state import Head, State, Update, forget_state, head_keys, read_heads, read_state, write_state
from archive.store import FolderStore, Store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path)


def page(number: int, *, due: float, **more: object) -> Known:
    """A page that is due in `due` seconds."""
    url = f"https://paper.example/{number}"
    return Known(url=url, seen=NOW, due=NOW + timedelta(seconds=due), **more)  # type: ignore[arg-type]


def state_of(store: Store, site: str = "paper") -> State:
    state = read_state(store, site)
    assert state
    return state


def test_a_page_is_due_at_its_time_and_not_before(store: Store) -> None:
    write_state(store, "paper", Update(pages=(page(1, due=600), page(2, due=7200))), now=NOW)
    state = state_of(store)
    assert state.due(NOW) == []
    assert [k.url[-1] for k in state.due(NOW + timedelta(seconds=601))] == ["1"]
    assert [k.url[-1] for k in state.due(NOW + timedelta(days=1))] == ["1", "2"]


def test_all_that_is_known_of_a_page_is_kept(store: Store) -> None:
    original = Original(
        url="https://paper.example/1", at=NOW - timedelta(microseconds=123457), digest="sha1:X", id="urn:1"
    )
    known = page(
        1, due=60, told=NOW, fetched=NOW, changed=NOW, looks=3, changes=1, status=200, failures=1, etag='"x"',
        modified="Tue, 24 Nov 2026 11:00:00 GMT", original=original, version="v", fields={"headline": "h"},
        moved="https://paper.example/2",
    )  # fmt: skip
    source = Source(url="https://paper.example/feed", kind="feed", due=NOW, original=original, lies=1)
    write_state(store, "paper", Update(pages=(known,), sources=(source,)), now=NOW)
    state = state_of(store)
    assert state.find(known.url) == known
    assert state.head.sources == (source,)


def test_a_page_that_was_looked_at_is_due_at_its_new_time_only(store: Store) -> None:
    write_state(store, "paper", Update(pages=(page(1, due=600),)), now=NOW)
    later = NOW + timedelta(seconds=700)
    write_state(store, "paper", Update(pages=(page(1, due=4000),)), now=later)
    assert state_of(store).due(later) == []
    assert len(state_of(store).due(NOW + timedelta(seconds=4001))) == 1


def test_a_page_taken_up_before_its_time_is_not_due_at_the_old_one(store: Store) -> None:
    old = page(1, due=20 * 86400)
    write_state(store, "paper", Update(pages=(old, page(2, due=20 * 86400 + 5))), now=NOW)
    write_state(store, "paper", Update(pages=(page(1, due=40 * 86400),), taken=(old,)), now=NOW)
    state = state_of(store)
    assert [k.url[-1] for k in state.due(NOW + timedelta(days=21))] == ["2"]
    assert [k.url[-1] for k in state.due(NOW + timedelta(days=41))] == ["2", "1"]


def test_a_page_taken_up_and_put_into_the_same_stretch_stays(store: Store) -> None:
    old = page(1, due=20 * 86400)
    write_state(store, "paper", Update(pages=(old,)), now=NOW)
    write_state(store, "paper", Update(pages=(page(1, due=20 * 86400 + 60),), taken=(old,)), now=NOW)
    assert len(state_of(store).due(NOW + timedelta(days=22))) == 1


def test_what_was_due_and_not_looked_at_stays_due(store: Store) -> None:
    write_state(store, "paper", Update(pages=(page(1, due=10), page(2, due=20))), now=NOW)
    later = NOW + timedelta(seconds=30)
    write_state(store, "paper", Update(pages=(page(1, due=86400),)), now=later)
    assert [k.url[-1] for k in state_of(store).due(later)] == ["2"]


def test_only_what_was_written_is_known(store: Store) -> None:
    write_state(store, "paper", Update(pages=tuple(page(n, due=n * 1000) for n in range(500))), now=NOW)
    state = state_of(store)
    assert all(state.knows(f"https://paper.example/{n}") for n in range(500))
    assert not any(state.knows(f"https://paper.example/{n}") for n in range(500, 1500))


def test_what_no_head_names_is_dropped(store: Store) -> None:
    for number in range(12):
        now = NOW + timedelta(hours=number)
        write_state(store, "paper", Update(pages=(page(number, due=number * 3600 + 60),)), now=now)
    named = state_of(store).head.parts
    kept = list(store.keys("state/paper/part-"))
    assert named <= set(kept)
    assert len(kept) <= len(named) + 2
    assert len(head_keys(store, "paper")) == 2


def test_a_second_writer_adds_to_what_the_first_wrote(store: Store) -> None:
    class Late:
        """A store in which another writer comes first, once."""

        def __init__(self) -> None:
            self.done = False

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        def put(self, key: str, data: bytes) -> None:
            if "head-" in key and not self.done:
                self.done = True
                write_state(store, "paper", Update(pages=(page(1, due=10),)), now=NOW)
            store.put(key, data)

    write_state(Late(), "paper", Update(pages=(page(2, due=20),)), now=NOW)  # type: ignore[arg-type]
    assert len(state_of(store).due(NOW + timedelta(seconds=30))) == 2


def test_a_damaged_head_is_passed_over_for_the_one_before(store: Store, tmp_path: Path) -> None:
    write_state(store, "paper", Update(pages=(page(1, due=10),)), now=NOW)
    write_state(store, "paper", Update(pages=(page(2, due=10),)), now=NOW)
    store.replace("state/paper/head-00000002.json", b"{")
    assert state_of(store).head.number == 1


def test_a_site_that_was_forgotten_has_no_state(store: Store) -> None:
    write_state(store, "paper", Update(pages=(page(1, due=10),)), now=NOW)
    forget_state(store, "paper")
    assert read_state(store, "paper") is None


def test_the_heads_of_all_sites_are_read_together(store: Store) -> None:
    for site in ("a", "b"):
        write_state(store, site, Update(pages=(page(1, due=10),)), now=NOW)
        write_state(store, site, Update(pages=(page(2, due=99999),)), now=NOW)
    heads = {head.site: head for head in read_heads(store)}
    assert set(heads) == {"a", "b"}
    assert heads["a"].count_due(NOW + timedelta(seconds=11)) == 1


def test_what_is_kept_for_ever_can_be_neither_dropped_nor_replaced(store: Store) -> None:
    for act in (lambda: store.drop("warc/a"), lambda: store.replace("runs/a", b"")):
        with pytest.raises(CallerError, match="kept for ever"):
            act()


class Counting:
    """A store that counts the bytes that are read of it."""

    def __init__(self, store: Store) -> None:
        self._store, self.bytes = store, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        data = self._store.read(key, start, length)
        self.bytes += len(data)
        return data


def test_what_is_read_grows_with_what_is_due_and_not_with_what_is_known(store: Store) -> None:
    read = {}
    for site, known in (("small", 300), ("large", 9000)):
        far = tuple(page(n, due=5 * 86400 + n) for n in range(known))
        write_state(store, site, Update(pages=(*far, page(99999, due=5))), now=NOW)
        counting = Counting(store)
        state = read_state(counting, site)  # type: ignore[arg-type]
        assert state
        assert len(state.due(NOW + timedelta(seconds=6))) == 1
        read[site] = counting.bytes
    assert read["large"] < 1.2 * read["small"]


LOOKS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 40 * 86400)), min_size=1, max_size=12)


@given(runs=st.lists(st.tuples(st.integers(1, 5 * 86400), LOOKS), min_size=1, max_size=8), seed=st.integers())
@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])  # each writes files
def test_whatever_runs_do_each_page_is_due_once_and_at_its_last_time(
    runs: list[tuple[int, list[tuple[int, int]]]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = FolderStore(tmp_path_factory.mktemp("state"))
    now, expected = NOW, dict[str, datetime]()
    dice = random.Random(seed)
    for wait, looks in runs:
        now += timedelta(seconds=wait)
        state = read_state(store, "paper") or State(store, Head(site="paper"))
        due = {k.url: k for k in state.due(now)}
        pages, taken = {}, {}
        for number, ahead in looks:
            url = f"https://paper.example/{number}"
            if url not in due and (old := state.find(url)):
                taken[url] = old
            pages[url] = Known(url=url, seen=NOW, due=now + timedelta(seconds=ahead))
        some = [k for k in pages.values() if dice.random() < 0.9]
        kept = {k.url for k in some}
        update = Update(pages=tuple(some), taken=tuple(k for u, k in taken.items() if u in kept))
        write_state(store, "paper", update, now=now)
        expected |= {k.url: k.due for k in some}
    state = state_of_folder(store)
    assert {k.url: k.due for k in state.due(NOW + timedelta(days=999))} == expected
    assert len(state.due(NOW + timedelta(days=999))) == len(expected)


def state_of_folder(store: Store) -> State:
    return read_state(store, "paper") or State(store, Head(site="paper"))
