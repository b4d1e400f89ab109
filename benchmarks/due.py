"""What deciding what is due costs: many newspapers, a million known pages, a few of them due.

    python benchmarks/due.py [--sites 2000] [--pages 500] [--share 0.02]

Each site's state is written as its runs write it. Then one process reads all heads and all that is due, and
prints seconds, bytes read, and its peak of memory; a second time with ten times as much known.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.agenda import Known
from archive.state import State, Update, read_heads, write_state
from archive.store import FolderStore

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def fill(folder: Path, sites: int, pages: int, share: float) -> None:
    """Write the states; a `share` of the pages is due."""
    dice, store = random.Random(4), FolderStore(folder)
    for number in range(sites):
        known = tuple(_page(dice, number, n, share) for n in range(pages))
        write_state(store, f"paper-{number:05}", Update(pages=known), now=NOW - timedelta(minutes=1))


def _page(dice: random.Random, site: int, number: int, share: float) -> Known:
    wait = (
        -1.0 if dice.random() < share else dice.choice([3600.0, 10800.0, 259200.0, 2592000.0]) * dice.random()
    )
    return Known(
        url=f"https://paper-{site}.example/2026/11/24/story-{number}-of-the-day-and-its-long-address",
        seen=NOW - timedelta(days=9),
        due=NOW + timedelta(seconds=wait),
        fetched=NOW - timedelta(hours=5),
        looks=9,
        status=200,
        etag=f'"{dice.random()}"',
        version="a" * 60,
        fields=dict.fromkeys(("headline", "standfirst", "authors", "body", "text"), "0123456789ab"),
    )


def decide(folder: Path) -> dict[str, float]:
    """Read what is due of all sites."""
    read = 0

    class Counting(FolderStore):
        def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
            nonlocal read
            data = super().read(key, start, length)
            read += len(data)
            return data

    began, store = time.perf_counter(), Counting(folder)
    heads = read_heads(store)
    due = sum(len(State(store, head).due(NOW)) for head in heads)
    known = sum(head.known for head in heads)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.perf_counter() - began
    return {
        "sites": len(heads),
        "known": known,
        "due": due,
        "seconds": seconds,
        "read": read / 1e6,
        "mb": peak,
    }


def main() -> None:
    """Measure, in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sites", type=int, default=2000)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.folder:
        print(json.dumps(decide(chosen.folder)))
        return
    print(f"{'known pages':>12} {'due':>8} {'seconds':>8} {'MB read':>8} {'MB of memory':>13}")
    for pages, share in ((chosen.pages // 10, chosen.share * 10), (chosen.pages, chosen.share)):
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), chosen.sites, pages, share)
            command = [sys.executable, __file__, "--folder", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            print(
                "{known:12,} {due:8,} {seconds:8.2f} {read:8.1f} {mb:13.0f}".format(**json.loads(done.stdout))
            )


if __name__ == "__main__":
    main()
