"""What the pages of the reading room cost that list articles: home, a newspaper, a day.

    python benchmarks/room.py --search FILE [--large 100000]   a file made by `benchmarks/search.py --folder`
    python benchmarks/room.py --archive 20000                  an archive of made rows, as one newspaper

With --search a copy of the file is asked in which --large articles belong to one newspaper, and its days have
so many more. Shown: milliseconds of CPU and of the clock of each page, first and later, and the memory.
"""

import argparse
import asyncio
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))

from archive.index import Index
from archive.model import Run
from archive.room.finder import Finder
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.shelf import Shelf
from archive.runs import manifest_key, write_run
from archive.search import search_path
from archive.store import FolderStore
from benchmarks.export import made_archive
from benchmarks.measure import MB, resident
from benchmarks.search import AT

LARGE = "paper7"


def enlarged(path: Path, count: int) -> None:
    """Give the first articles to one newspaper."""
    with sqlite3.connect(path) as db:
        number = db.execute("SELECT id FROM value WHERE text = ?", (LARGE,)).fetchone()[0]
        db.execute("UPDATE page SET site = ? WHERE article <= ?", (number, count))
        db.execute("UPDATE facet SET site = ? WHERE id <= ?", (number, count))
        db.execute("UPDATE article SET site = ? WHERE id <= ?", (LARGE, count))


def copied(search: Path, to: Path) -> None:
    """A copy of a file that may be written to meanwhile."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(search) as here, sqlite3.connect(to) as there:
        here.backup(there)


async def asked(room: Room, paths: list[str]) -> None:
    """Each page twice."""
    wire = httpx.ASGITransport(app=room.app())
    async with httpx.AsyncClient(transport=wire, base_url="http://127.0.0.1", timeout=600) as client:
        for path in paths:
            for when in ("first", "later"):
                began, used = time.perf_counter(), time.process_time()
                answer = await client.get(path)
                wall, cpu = time.perf_counter() - began, time.process_time() - used
                size, held = len(answer.content) / 1000, resident("self", "VmRSS") / MB
                took = f"CPU {cpu * 1000:7.1f} ms, {wall * 1000:7.1f} by the clock"
                print(f"{path:24} {when}: {answer.status_code}, {took}, {size:.0f} kB; memory {held:.0f} MB")


def main() -> None:
    """Make, ask."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--search", type=Path)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--archive", type=int, default=20_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="morgue-room-") as name:
        folder = Path(name)
        store = FolderStore(folder / "archive")
        if chosen.search:
            path = search_path(folder / "search", store.url)
            copied(chosen.search, path)
            enlarged(path, chosen.large)
        else:
            made_archive(folder, chosen.archive, site=LARGE)
        for number in range(200) if chosen.search else (7,):
            site = f"paper{number}"
            key = manifest_key(site, "r1")
            run = Run(id="r1", site=site, started=AT, ended=AT, reason="made", counts={}, warcs=(), key=key)
            write_run(store, run)
        finder = Finder(store, folder / "search")
        shelf = Shelf(store, Index(store), {}, finder)
        room = Room(shelf, Origins(room_port=1, replay_port=2), replays=False)
        print(f"before: {resident('self', 'VmRSS') / MB:.0f} MB")
        asyncio.run(asked(room, ["/", f"/site/{LARGE}", f"/site/{LARGE}/2026-01-03"]))
        finder.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
