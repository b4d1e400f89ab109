"""How long a replayed HTML page takes, ours to pywb, on the same store in the same run.

    python benchmarks/latency.py [--pages 200] [--rounds 3] [--stores folder,S3] [--close] [--peers var/peers]

Pages of some 45 KB, stored with gzip as crawls store them, are archived by our own writer in a folder and in
S3 (SeaweedFS). One client with one connection to each asks for each page in turn: our raw record (`ir_`,
which is what our replay fetches, and `id_`), pywb's rewritten page (`mp_`) and its raw record (`id_`). pywb
reads our merged index from a local file and the WARCs from the same store; each server is one process. Shown:
medians of the first time that each page is asked for and of later times, and how many times pywb takes ours.
The first time a page is asked for in one form only, for ours keeps a record for a minute; pages come in an
order that is not that of the WARC. On a kept connection pywb's answers may wait 40 ms for their heads to be
acknowledged; with --close each request has a connection of its own, and there is no such wait.

Our pages are rewritten in the reader's browser, pywb's on the server; so a page with a script is opened in
Chromium as well, warm, in turn: from the request to the moment when it shows what it fetched.
"""

import argparse
import gzip
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import sync_playwright

from archive.index import merge, read_head
from archive.publish import publish
from archive.spool import RunStart, Spool
from archive.store import Store, open_store
from benchmarks.replay import the_frame
from tests.beside import environment, pywb
from tests.browser import CHROMIUM, FLAGS
from tests.conftest import Weed, free_port, listens, wait_until
from tests.keeping import Answer, edition

PAPER = "http://paper.example"
HEADERS = (("Content-Type", "text/html; charset=utf-8"), ("Content-Encoding", "gzip"))
SCRIPT = """<script>fetch("/told.json").then((r) => r.json()).then((said) => {
  document.querySelector("h1").textContent = said.told; document.documentElement.dataset.done = "1"; });
</script>"""
WORDS = [f"word{number}" for number in range(4000)]
VIEWS = 15


def page(number: int) -> bytes:
    """A page of about 45 KB: text, links, pictures, and a script that fetches."""
    dice = random.Random(number)
    links = "".join(f'<li><a href="/story/{n}">story {n}</a></li>' for n in dice.sample(range(9999), 60))
    text = "".join(f"<p>{' '.join(dice.choices(WORDS, k=90))}</p>" for _ in range(60))
    head = f'<title>Story {number}</title><link rel=stylesheet href="/style.css">'
    return f"<!doctype html><head>{head}</head><h1>Story</h1><ul>{links}</ul>{text}{SCRIPT}".encode()


def kept(store: Store, folder: Path, count: int) -> None:
    """An archive of so many pages, and what they load."""
    at = edition(20)
    run = RunStart(id="20261120T070000Z-00000001", site="paper", archive=store.url, started=at,
                   software="benchmark", parameters={})  # fmt: skip
    spool = Spool(folder / "spool", run)
    told = Answer(at=at, url=f"{PAPER}/told.json", headers=(("Content-Type", "application/json"),),
                  body=b'{"told": "fetched"}')  # fmt: skip
    style = Answer(at=at, url=f"{PAPER}/style.css", headers=(("Content-Type", "text/css"),), body=b"p {}")
    for answer in (told, style):
        spool.submit(answer.exchange()).result(30)
    for number in range(count):
        at += timedelta(milliseconds=10)
        body = gzip.compress(page(number), 6)
        one = Answer(at=at, url=f"{PAPER}/story/{number}", headers=HEADERS, body=body)
        spool.submit(one.exchange()).result(30)
    spool.close("finished")
    publish(store, folder / "spool" / run.id)
    merge(store)


def local_index(store: Store, folder: Path) -> Path:
    """A copy of the merged index in a folder: pywb reads it from files only."""
    (segment,) = read_head(store).segments
    folder.mkdir(parents=True)
    base = segment["key"].removesuffix(".cdxj.gz")
    for end in (".cdxj.gz", ".idx", ".loc"):
        (folder / Path(base + end).name).write_bytes(store.read(base + end))
    return folder / Path(segment["blocks"]).name


@dataclass(frozen=True, kw_only=True)
class Ours:
    """Our two origins."""

    room_url: str
    replay_url: str


@contextmanager
def serving(url: str) -> Iterator[Ours]:
    """`morgue serve` in a process of its own."""
    ports = free_port(), free_port()
    flags = [f"--archive={url}", f"--port={ports[0]}", f"--replay-port={ports[1]}"]
    server = subprocess.Popen([sys.executable, "-m", "archive", "serve", *flags], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(ports[1]), seconds=60, what="morgue serve")
        yield Ours(room_url=f"http://127.0.0.1:{ports[0]}", replay_url=f"http://127.0.0.1:{ports[1]}")
    finally:
        server.terminate()
        server.wait(20)


def addresses(room: Ours, base: str, number: int) -> Iterator[tuple[str, str]]:
    """Who is asked for a page, and where."""
    at, url = f"{edition(20):%Y%m%d%H%M%S}", f"{PAPER}/story/{number}"
    yield "ours ir_", f"{room.replay_url}/raw/{at}ir_/{url}"
    yield "ours id_", f"{room.replay_url}/raw/{at}id_/{url}"
    yield "pywb mp_", f"{base}/own/{at}mp_/{url}"
    yield "pywb id_", f"{base}/own/{at}id_/{url}"


def asked(
    room: Ours, base: str, pages: int, rounds: int, *, kept: bool
) -> tuple[dict[str, list[float]], ...]:
    """Milliseconds of every answer: when each page was asked for the first time, and later."""
    headers = {} if kept else {"Connection": "close"}
    first: dict[str, list[float]] = {}
    later: dict[str, list[float]] = {}
    with ExitStack() as stack:
        names = [name for name, _ in addresses(room, base, 0)]
        clients = {name: stack.enter_context(httpx.Client(timeout=60, headers=headers)) for name in names}
        for turn in range(rounds + 1):
            for number in random.Random(turn).sample(range(pages), pages):
                for name, address in addresses(room, base, number):
                    if not turn and name.endswith("id_") != (number % 2 == 1):
                        continue
                    began = time.perf_counter()
                    answer = clients[name].get(address)
                    seconds = time.perf_counter() - began
                    assert answer.status_code == 200, (name, answer.status_code)
                    assert b"word" in answer.content, name
                    (later if turn else first).setdefault(name, []).append(1000 * seconds)
    return first, later


def views(browser: Any, room: Ours, base: str, count: int) -> dict[str, list[float]]:
    """Milliseconds until a page in Chromium shows what its script fetched; the first visit does not count."""
    at, taken = f"{edition(20):%Y%m%d%H%M%S}", {}
    tabs = {name: browser.new_context().new_page() for name in ("ours", "pywb")}
    for number in range(count + 1):
        url = f"{PAPER}/story/{number}"
        for name, address in (("ours", f"{room.room_url}/capture?at={at}&url={url}"),
                              ("pywb", f"{base}/own/{at}/{url}")):  # fmt: skip
            began = time.perf_counter()
            tabs[name].goto(address, wait_until="commit")
            frame = the_frame(tabs[name], url)
            frame.wait_for_function("() => document.documentElement?.dataset.done === '1'", polling=5)
            if number:
                taken.setdefault(name, []).append(1000 * (time.perf_counter() - began))
    return taken


def shown(place: str, taken: dict[str, list[float]], pairs: tuple[tuple[str, str], ...]) -> None:
    """Medians, and pywb's to ours."""
    middle = {name: statistics.median(some) for name, some in taken.items()}
    print(f"{place}: " + ", ".join(f"{name} {value:.1f} ms" for name, value in middle.items()))
    for ours, theirs in pairs:
        times = sorted(b / a for a, b in zip(taken[ours], taken[theirs], strict=True))
        low, high = times[len(times) // 4], times[3 * len(times) // 4]
        ratio = middle[theirs] / middle[ours]
        print(f"  {theirs} to {ours}: {ratio:.1f} (quartiles of pairs {low:.1f} to {high:.1f})", flush=True)


def main() -> None:
    """Archive, ask, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, default=Path("var/peers"))
    parser.add_argument("--views", type=int, default=VIEWS, help="pages opened in Chromium")
    parser.add_argument("--stores", default="folder,S3")
    parser.add_argument("--close", action="store_true", help="a new connection for each request")
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    programs = environment("pywb", told.peers.absolute())
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        (folder / "weed").mkdir()
        weed = Weed(folder / "weed")
        stack.callback(weed.kill)
        weed.start()
        os.environ.update(weed.env)
        (folder / "archive").mkdir()
        for place, url in (("folder", str(folder / "archive")), ("S3", "s3://morgue/bench")):
            if place not in told.stores.split(","):
                continue
            store = open_store(url)
            kept(store, folder / place, told.pages)
            compare(place, store, f"{url}/", folder / place, programs, told)
        shutil.rmtree(folder / "archive")


def compare(
    place: str, store: Store, root: str, folder: Path, programs: Path, told: argparse.Namespace
) -> None:
    """Both servers over one store."""
    coll = {"own": {"index": str(local_index(store, folder / "index")), "archive_paths": root}}
    with ExitStack() as stack:
        room = stack.enter_context(serving(root))
        base = stack.enter_context(pywb(programs, folder / "pywb", coll, env=os.environ))
        pairs = (("ours ir_", "pywb mp_"), ("ours id_", "pywb id_"))
        first, later = asked(room, base, told.pages, told.rounds, kept=not told.close)
        shown(f"{place}, the first time", first, pairs)
        shown(f"{place}, later", later, pairs)
        if CHROMIUM and told.views:
            play = stack.enter_context(sync_playwright())
            browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            shown(f"{place}, in Chromium", views(browser, room, base, told.views), (("ours", "pywb"),))
            browser.close()


if __name__ == "__main__":
    main()
