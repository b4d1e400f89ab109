"""How far apart in time the parts of a page are, and what a limit to it does."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from archive.errors import NotCaptured
from archive.index import Index
from archive.model import Original
from archive.parts import spread_of
from archive.room.choice import choose
from archive.room.links import embedded
from archive.room.origins import Origins
from archive.room.pages import Room, months_of
from archive.room.replay import Replay
from archive.room.shelf import Shelf
from archive.store import Store
from tests.keeping import Answer, Keeper, Reader, edition

URL = "http://paper.example/story"
STYLE = "http://paper.example/s.css"
PICTURE = "http://paper.example/quay.png"
FONT = "http://paper.example/serif.woff2"
PAGE = (
    b'<html><head><link rel=stylesheet href="/s.css"></head><body><h1>Quay</h1><img src="/quay.png">'
    + b" " * 300
)


def kept(url: str, body: bytes, day: int, kind: str) -> Answer:
    return Answer(at=edition(day), url=url, body=body, headers=(("Content-Type", kind),))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    keeper = Keeper(tmp_path_factory.mktemp("parts"))
    style = b"@font-face { src: url(serif.woff2) }" + b" " * 300
    keeper.keep(kept(PICTURE, b"\x89PNG old" * 50, 13, "image/png"))
    keeper.keep(kept(URL, PAGE, 20, "text/html"), kept(STYLE, style, 20, "text/css"))
    keeper.keep(kept(URL, PAGE + b"later", 22, "text/html"))
    return keeper.store


def room(store: Store, hours: float | None = None) -> Reader:
    limit = timedelta(hours=hours) if hours else None
    index = Index(store)
    shelf = Shelf(store, index, {})
    return Reader(Room(shelf, Origins(room_port=1, replay_port=2), replays=True, max_spread=limit).app())


def replay(store: Store, hours: float | None = None) -> Reader:
    limit = timedelta(hours=hours) if hours else None
    app = Replay(store, Index(store), Origins(room_port=1, replay_port=2), None, max_spread=limit).app()
    return Reader(app, base="http://127.0.0.1:8091")


def test_the_parts_of_a_page_are_what_its_markup_and_styles_name(store: Store) -> None:
    told = room(store).get("/api/parts", params={"url": URL, "at": "20261120"}).json()
    found = {part["url"]: (part["at"] or "")[:10] for part in told["parts"]}
    assert found == {STYLE: "2026-11-20", PICTURE: "2026-11-13", FONT: ""}
    assert (told["oldest"][:10], told["newest"][:10], told["missing"]) == ("2026-11-13", "2026-11-20", 1)


def test_a_page_of_parts_says_how_far_each_is_from_the_page(store: Store) -> None:
    text = room(store).get("/parts", params={"url": URL, "at": "20261120"}).text
    assert "7 d before" in text
    assert text.count("missing") == 1


def test_a_part_that_was_answered_with_an_error_is_told_as_one(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    gone = Answer(at=edition(20), url=PICTURE, status="404 Not Found", body=b"gone" * 90)
    keeper.keep(kept(URL, PAGE, 20, "text/html"), gone)
    told = room(keeper.store).get("/api/parts", params={"url": URL}).json()
    assert (told["missing"], told["errors"]) == (1, 1)
    assert {part["url"]: part["status"] for part in told["parts"]} == {STYLE: None, PICTURE: 404}
    assert room(keeper.store).get("/parts", params={"url": URL}).text.count("status 404") == 1


def test_side_by_side_without_dates_are_the_last_two_captures(store: Store) -> None:
    text = room(store).get("/beside", params={"url": URL}).text
    assert text.index("20 November 2026") < text.index("22 November 2026")


def test_with_a_limit_what_is_farther_is_missing_and_not_of_another_week(store: Store) -> None:
    told = room(store, hours=48).get("/api/parts", params={"url": URL, "at": "20261120"}).json()
    assert (told["oldest"][:10], told["missing"]) == ("2026-11-20", 2)
    old = f"/raw/20261120070005ir_/{embedded(PICTURE)}"
    assert replay(store).get(old).status_code == 200
    lost = replay(store, hours=48).get(old)
    assert lost.status_code == 404
    assert "13 November 2026" in lost.text


def test_a_limit_leaves_what_is_near_and_what_is_asked_for_itself(store: Store) -> None:
    near = replay(store, hours=48)
    assert near.get(f"/raw/20261121070005ir_/{embedded(STYLE)}").status_code == 200
    assert near.get(f"/raw/20261120070005id_/{embedded(PICTURE)}").status_code == 200


def unchanged(keeper: Keeper, url: str, day: int) -> Answer:
    known = Index(keeper.store).closest(url)
    original = Original(url=url, at=known.at, digest=known.digest, id=known.id)
    return Answer(at=edition(day), url=url, status="304 Not Modified", headers=(), original=original)


def test_the_parts_of_a_page_that_had_not_changed_are_those_of_the_page(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    style = b"@font-face { src: url(serif.woff2) }" + b" " * 300
    keeper.keep(kept(URL, PAGE, 20, "text/html"), kept(STYLE, style, 20, "text/css"))
    keeper.keep(unchanged(keeper, URL, 24), unchanged(keeper, STYLE, 24))
    told = room(keeper.store).get("/api/parts", params={"url": URL, "at": "20261124"}).json()
    found = {part["url"]: (part["at"] or "")[:10] for part in told["parts"]}
    assert found == {STYLE: "2026-11-24", PICTURE: "", FONT: ""}


def test_style_sheets_that_import_each_other_come_to_an_end(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    other = "http://paper.example/t.css"
    keeper.keep(
        kept(URL, PAGE, 20, "text/html"), kept(STYLE, b"@import 't.css';" * 30, 20, "text/css"),
        kept(other, b"@import 's.css';" * 30, 20, "text/css"),
    )  # fmt: skip
    index = Index(keeper.store)
    (page,) = index.captures(URL)

    def find(url: str, at: object) -> object:
        found = index.captures(url)
        if not found:
            raise NotCaptured(url)
        return choose(found, url, None)

    spread = spread_of(keeper.store, index, page, find)  # type: ignore[arg-type]
    assert sorted(part.url for part in spread.parts) == sorted([STYLE, PICTURE, other])


def test_two_dates_stand_side_by_side(store: Store) -> None:
    text = (
        room(store).get("/beside", params={"url": URL, "at": "20261120070005", "with": "20261122070005"}).text
    )
    assert text.count("<iframe") == 2
    assert "20 November 2026" in text
    assert "22 November 2026" in text
    assert "<script" not in text


def test_the_captures_of_a_page_stand_in_a_calendar(store: Store) -> None:
    text = room(store).get("/lookup", params={"url": URL}).text
    assert "<caption>November 2026</caption>" in text
    assert text.count('title="1 capture,') == 2
    ((first, weeks),) = months_of(Index(store).captures(URL))
    assert first == date(2026, 11, 1)
    assert [day for week in weeks for day, found in week if found] == [20, 22]


@pytest.mark.parametrize("path", ["/parts", "/api/parts", "/beside"])
def test_what_was_never_captured_has_no_parts(store: Store, path: str) -> None:
    assert room(store).get(path, params={"url": "http://nowhere.example/"}).status_code == 404


def test_only_the_banner_may_ask_the_room(store: Store) -> None:
    policy = room(store).get("/capture", params={"url": URL}).headers["content-security-policy"]
    assert "connect-src 'self'" in policy
    assert "connect-src" not in room(store).get("/").headers["content-security-policy"]
