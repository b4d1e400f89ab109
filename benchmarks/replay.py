"""Replay in Chromium, ours beside pywb and ReplayWeb.page: who shows each page as it was in its edition.

    make test T=tests/test_pywb.py        (once: makes var/peers/pywb)
    python benchmarks/replay.py [--pages json,css] [--players ours,pywb] [--verbose]

The pages of `tests/stage.py` are opened live in each edition; what Chromium was given is archived by our own
writer. The same archive is then replayed, page by page, each player in turn: by our room; by pywb over our
merged index and WARCs; by pywb with its replay in the browser; by pywb that asks our CDX server; and by
ReplayWeb.page from our WACZ export of all three editions. A page passes where text, pictures, styles, frames
and every pixel are those of the live page. Shown: for each page and player what is wrong, and in which
editions, as they come; and what each player asked of the live web (a proxy remembers, and answers nothing).
"""

import argparse
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as Broken
from playwright.sync_api import sync_playwright

from archive.bundle import to_file, write_wacz
from archive.index import Index, merge, read_head
from archive.parcel import Parcel
from archive.permission import Permission
from archive.policy import Policy
from archive.room import wabac
from archive.store import FolderStore
from tests.beside import embedded_at, environment, hosted, pywb, replayweb
from tests.browser import CHROMIUM, FLAGS, sink
from tests.keeping import Keeper, edition, open_room, served
from tests.stage import PAGES, Stage
from tests.test_stage import EDITIONS, HOST, SIZE, Seen, answers, attended, differs, look

LARGE = """(frame, size) => {
  const own = { position: "fixed", top: 0, left: 0, "z-index": 2147483647, border: 0, "max-width": "none",
    "max-height": "none", background: "white", width: size.width + "px", height: size.height + "px" };
  for (const [name, value] of Object.entries(own)) frame.style.setProperty(name, value, "important");
}"""


@dataclass(frozen=True, kw_only=True)
class Player:
    """A replay: `address` is where it shows a page of an edition."""

    name: str
    address: Callable[[str, str], str]


def exported(store: FolderStore, out: Path) -> None:
    """Everything of the archive as one WACZ."""
    index = Index(store)
    parcel = Parcel(store, index, Permission(store, index, {}, Policy(export=())))
    to_file(out, lambda file: write_wacz(file, parcel.of_site("paper"), title="stage", said={}))


def players(store: FolderStore, folder: Path, peers: Path, stack: ExitStack) -> list[Player]:
    """All players, started, over the same archive."""
    desk = stack.enter_context(served(open_room(store)))
    (segment,) = read_head(store).segments
    root = f"{store.root}/"
    ours = f"{desk.room_url}/cdx?url={{url}}&closest={{closest}}&sort=closest"
    colls = {
        "own": {"index": f"{root}{segment['blocks']}", "archive_paths": root},
        "ours": {"index": {"type": "cdx", "api_url": ours, "replay_url": ""}, "archive_paths": root},
    }
    programs = environment("pywb", peers)
    server = stack.enter_context(pywb(programs, folder / "pywb", colls))
    browser = stack.enter_context(pywb(programs, folder / "pywb-browser", colls, client_side_replay=True))
    site = folder / "replayweb"
    shutil.copytree(replayweb(peers), site, ignore=shutil.ignore_patterns("package", "*.tgz"))
    exported(store, site / "all.wacz")
    page = stack.enter_context(hosted(site))
    return [
        Player(name="ours", address=lambda stamp, url: f"{desk.room_url}/capture?at={stamp}&url={url}"),
        Player(name="pywb", address=lambda stamp, url: f"{server}/own/{stamp}/{url}"),
        Player(name="pywb in the browser", address=lambda stamp, url: f"{browser}/own/{stamp}/{url}"),
        Player(name="pywb with our CDX server", address=lambda stamp, url: f"{server}/ours/{stamp}/{url}"),
        Player(name="ReplayWeb.page", address=lambda stamp, url: embedded_at(page, "/all.wacz", url, stamp)),
    ]


def replayed(page: Any, player: Player, name: str, number: int) -> Seen:
    """A page of an edition as a player shows it, its frame as large as the live page's window."""
    url = f"{HOST}/{name}/"
    page.goto(player.address(f"{edition(19 + number):%Y%m%d%H%M%S}", url), timeout=30_000)
    frame = the_frame(page, url)
    element = frame.frame_element()
    element.evaluate(LARGE, SIZE)
    return look(frame, element.screenshot)


def the_frame(page: Any, url: str) -> Any:
    """The frame with the replayed page itself; raise Broken where none comes."""
    for _ in range(600):
        for frame in page.frames:
            if re.search(r"\d{14}[a-z]+_/" + re.escape(url), frame.url):  # parents come first
                return frame
        page.wait_for_timeout(100)
    raise Broken("it shows no page")


def judged(page: Any, live: Seen, player: Player, name: str, number: int) -> list[str]:
    """What is wrong with a page as a player shows it; it is tried twice, since a first visit sets up."""
    try:
        again = replayed(page, player, name, number)
    except Broken:
        try:
            again = replayed(page, player, name, number)
        except Broken as error:
            return [str(error).splitlines()[0]]
    page.goto("about:blank")
    return differs(page, live, again)


def row(wrong: dict[tuple[str, str], dict[int, list[str]]], name: str, some: list[Player]) -> str:
    """Who shows a page in which editions as it was."""
    cells = []
    for player in some:
        failed = sorted(wrong.get((name, player.name), {}))
        cells.append("yes" if not failed else "no: " + ", ".join(map(str, failed)))
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Attend, archive, replay, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", default=",".join(PAGES))
    parser.add_argument("--players", default="", help="some of them, with commas; default: all")
    parser.add_argument("--editions", default=",".join(map(str, EDITIONS)))
    parser.add_argument("--peers", type=Path, default=Path("var/peers"))
    parser.add_argument("--verbose", action="store_true")
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    names = told.pages.split(",")
    if CHROMIUM is None or wabac.find() is None:
        sys.exit(f"this needs Chromium, and wabac.js: {wabac.HOW}")
    with tempfile.TemporaryDirectory() as made, sync_playwright() as play, ExitStack() as stack:
        folder, live = Path(made), {}
        port, asked = stack.enter_context(sink())
        flags = [*FLAGS, f"--proxy-server=http://127.0.0.1:{port}"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        keeper = Keeper(folder)
        with Stage() as stage:
            for number in EDITIONS:
                stage.edition = number
                live |= {(name, number): seen for name, seen in attended(browser, stage, names).items()}
                keeper.keep(*answers(stage.given, number))
                stage.given.clear()
        merge(keeper.store)
        assert isinstance(keeper.store, FolderStore)
        some = players(keeper.store, folder, told.peers.absolute(), stack)
        wanted = told.players.split(",") if told.players else [p.name for p in some]
        some = [player for player in some if player.name in wanted]
        editions = [int(number) for number in told.editions.split(",")]
        compare(browser, names, editions, some, live, asked, verbose=told.verbose)
        browser.close()


def compare(
    browser: Any,
    names: list[str],
    editions: list[int],
    some: list[Player],
    live: dict[tuple[str, int], Seen],
    asked: list[bytes],
    *,
    verbose: bool,
) -> None:
    """Each player shows each page in turn, all in one profile of its own."""
    pages = {player.name: browser.new_context(viewport={"width": 1000, "height": 800}) for player in some}
    tabs = {name: context.new_page() for name, context in pages.items()}
    wrong: dict[tuple[str, str], dict[int, list[str]]] = {}
    left: dict[str, int] = {}
    print("| page | " + " | ".join(p.name for p in some) + " |\n|" + "---|" * (len(some) + 1), flush=True)
    for name in names:
        for player in some:
            before = len(asked)
            for number in editions:
                if found := judged(tabs[player.name], live[name, number], player, name, number):
                    wrong.setdefault((name, player.name), {})[number] = found
            left[player.name] = left.get(player.name, 0) + sum(b".example" in line for line in asked[before:])
            if verbose and (name, player.name) in wrong:
                print(f"{player.name}, {name}: {wrong[name, player.name]}"[:600], flush=True)
        print(row(wrong, name, some), flush=True)
    counts = [sum((name, p.name) not in wrong for name in names) for p in some]
    print(f"| of {len(names)} | " + " | ".join(map(str, counts)) + " |")
    print("asked of the live web: " + ", ".join(f"{name} {count}" for name, count in left.items()))


if __name__ == "__main__":
    main()
