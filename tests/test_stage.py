"""A replayed page shows what it showed live in that edition: in the DOM and by pixels, in Chromium."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as TooLong

from archive.room.desk import Desk
from tests.browser import CHROMIUM, FLAGS, unable
from tests.keeping import Answer, Keeper, edition, open_room, served
from tests.stage import PAGES, Given, Stage

HOST = "http://stage.example"
SIZE = {"width": 700, "height": 420}
EDITIONS = (1, 2, 3)
# What replay shows otherwise, and why: docs/replay-faults.md says the same.
FAULTS: dict[str, str] = {}
# A frame of a srcdoc has no address that a reader sees; replay gives it one, to rewrite what it holds.
FACTS = """() => ({
  title: document.title,
  text: document.body ? document.body.innerText : "",
  address: /^about:|mp_\\/blob:/.test(location.href) ? "" : location.pathname
    .replace(/^\\/.*?\\d{14}[a-z]+_\\/http:\\/\\/stage\\.example/, ""),
  images: [...document.images].map((i) => [i.naturalWidth, i.naturalHeight]),
  styles: [...document.querySelectorAll(".probe")].map((n) => {
    const s = getComputedStyle(n);
    return [s.color, s.borderTopWidth, s.marginLeft, Math.round(n.getBoundingClientRect().width)];
  }),
})"""
AS_LARGE = """(size) => {
  const own = {
    position: "fixed", top: 0, left: 0, "z-index": 9, border: 0, "max-width": "none", "max-height": "none",
    width: size.width + "px", height: size.height + "px",
  };
  for (const [name, value] of Object.entries(own))
    document.querySelector("iframe").style.setProperty(name, value, "important");
}"""
DIFFERENCE = """async ([one, other]) => {
  const pixels = async (data) => {
    const image = new Image();
    image.src = "data:image/png;base64," + data;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height).data;
  };
  const [a, b] = [await pixels(one), await pixels(other)];
  if (a.length !== b.length) return -1;
  const apart = (n) => Math.abs(a[n] - b[n]);
  let count = 0;
  for (let n = 0; n < a.length; n += 4) count += apart(n) + apart(n + 1) + apart(n + 2) > 30;
  return count;
}"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a page showed: whether it came to its end, the facts of its frames, a picture of it."""

    ended: bool
    facts: list[dict[str, Any]]
    image: bytes


def look(frame: Any, shoot: Any) -> Seen:
    """Wait until a page says that it shows what it will, and look at it."""
    try:
        frame.wait_for_function("() => document.documentElement.dataset.done === '1'", timeout=10_000)
        ended = True
    except TooLong:
        ended = False
    for each in tree(frame):
        each.wait_for_load_state("load")
    frame.wait_for_timeout(150)  # paint: nothing tells when a frame was drawn
    return Seen(ended=ended, facts=[each.evaluate(FACTS) for each in tree(frame)], image=shoot())


def tree(frame: Any) -> Iterator[Any]:
    yield frame
    for child in frame.child_frames:
        yield from tree(child)


@dataclass(frozen=True, kw_only=True)
class Played:
    """What was seen live of each page and edition, and the archive of what was given."""

    live: dict[tuple[str, int], Seen]
    desk: Desk


@pytest.fixture(scope="module")
def played(chromium: tuple[Any, list[bytes]], worker: Any, tmp_path_factory: Any) -> Iterator[Played]:
    """Each page is opened live in each edition, and what the browser was given is archived."""
    keeper, live = Keeper(tmp_path_factory.mktemp("stage")), {}
    with Stage() as stage:
        for number in EDITIONS:
            stage.edition = number
            live |= {(name, number): seen for name, seen in attended(chromium[0], stage).items()}
            keeper.keep(*answers(stage.given, number))
            stage.given.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MORGUE_WABAC", str(worker))
        with served(open_room(keeper.store)) as desk:
            yield Played(live=live, desk=desk)


def attended(browser: Any, stage: Stage, names: Iterable[str] = PAGES) -> dict[str, Seen]:
    if CHROMIUM is None:
        unable("replay is tested in Chromium: apt-get install chromium")
    rule = f"--host-resolver-rules=MAP stage.example 127.0.0.1:{stage.port}"
    near = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, rule])
    seen = {}
    for name in names:
        page = near.new_page(viewport=SIZE)
        page.goto(f"{HOST}/{name}/")
        seen[name] = look(page.main_frame, page.screenshot)
        page.close()
    near.close()
    return seen


def answers(given: list[Given], number: int) -> list[Answer]:
    """What was given, at a day of its own for each edition."""
    start = edition(19 + number)
    return [
        Answer(
            at=start + timedelta(milliseconds=n), url=HOST + each.path, body=each.body, status=each.status,
            headers=each.headers, method=each.method, sent=each.sent, sent_kind=each.sent_kind,
        )
        for n, each in enumerate(given)
    ]  # fmt: skip


def replayed(page: Any, desk: Desk, name: str, number: int) -> Seen:
    """The same page in the room, its frame as large as the live page's window."""
    page.set_viewport_size({"width": 1000, "height": 800})
    page.goto(f"{desk.room_url}/capture?at={edition(19 + number):%Y%m%d%H%M%S}&url={HOST}/{name}/")
    page.evaluate(AS_LARGE, SIZE)
    page.wait_for_function("() => frames.length === 1")
    frame = page.main_frame.child_frames[0]
    frame.wait_for_url(lambda at: "mp_/" in at)
    return look(frame, page.locator("iframe").screenshot)


def differs(page: Any, live: Seen, again: Seen) -> list[str]:
    """In what the replayed page is not what it was."""
    found = [] if live.ended == again.ended else ["it does not come to its end"]
    found += [] if len(live.facts) == len(again.facts) else ["other frames"]
    for before, after in zip(live.facts, again.facts, strict=False):
        found += [f"{key}: {before[key]!r} is {after[key]!r}" for key in before if before[key] != after[key]]
    images = [base64.b64encode(each.image).decode() for each in (live, again)]
    count = page.evaluate(DIFFERENCE, images)
    return found + ([f"{count} pixels"] if count else [])


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_shown_in_each_edition_as_it_was(page: Any, played: Played, name: str) -> None:
    wrong = {}
    for number in EDITIONS:
        again = replayed(page, played.desk, name, number)
        assert played.live[name, number].ended
        page.goto("about:blank")
        if found := differs(page, played.live[name, number], again):
            wrong[number] = found
    if name in FAULTS:
        assert wrong, "the fault is gone: take it from FAULTS and docs/replay-faults.md"
    else:
        assert wrong == {}
