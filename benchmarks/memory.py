"""Memory of a long capture of ours: what a page leaves behind, and what a long list costs.

    python benchmarks/memory.py [--pages 50000] [--list 1000000] [--seconds 60] [--against DIR]

Fetches many small pages and reads the process's resident memory each second; then begins on a list that is
far too long, and is stopped some seconds after its first page.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measure import MB, TREE, Cost, fetched, origin, resident, run
from benchmarks.peers import Peer, Task, archived

SMALL_KB = 2.0
MARKS = (0.02, 0.1, 0.5, 1.0)


@dataclass(slots=True)
class Samples:
    """Pages served and bytes resident, once a second; `enough` seconds after the first page it stops."""

    base: str
    enough: float | None = None
    taken: list[tuple[int, int]] = field(default_factory=list)
    begun: float = 0.0
    next: float = 0.0

    def __call__(self, pid: int) -> bool:
        """Take a sample when it is due; whether to go on."""
        now = time.monotonic()
        if now >= self.next:
            self.next = now + 1
            self.taken.append((int(fetched(self.base + "/served")), resident(pid, "VmRSS")))
            if not self.begun and self.taken[-1][0]:
                self.begun = now
        return self.enough is None or not self.begun or now - self.begun < self.enough

    def at(self, pages: int) -> int:
        """Bytes resident when so many pages had been served; the last sample where they never were."""
        return next((size for served, size in self.taken if served >= pages), self.taken[-1][1])


def capture(base: str, urls: Path, tree: Path, each: Callable[[int], bool]) -> tuple[Cost, int]:
    """One run of ours over a list; its cost, and how many pages it archived."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        peer = Peer(name="ours", tool="ours", kind="list", tree=tree)
        task = Task(base=base, urls=urls, folder=folder)
        cost = run(peer.command(task), folder=folder, env=peer.env(task), each=each)
        return cost, len(archived(folder)[0])


def pages(count: int, tree: Path, place: Path) -> None:
    """Many small pages, to the end."""
    with origin(count, size=SMALL_KB, links=5, distinct=2000) as base:
        urls = place / "pages.txt"
        urls.write_text(fetched(base + "/urls"))
        samples = Samples(base)
        cost, kept = capture(base, urls, tree, samples)
    print(f"{kept} of {count} pages in {cost.wall:.0f} s, CPU {cost.cpu:.0f} s, exit code {cost.code}")
    for mark in MARKS:
        number = int(count * mark)
        print(f"  {number:>8} pages: {samples.at(number) / MB:6.0f} MB")
    print(f"      peak      : {cost.peak / MB:6.0f} MB")
    grown = samples.at(count) - samples.at(int(count * MARKS[1]))
    print(f"  grown by {grown / (count * (1 - MARKS[1])):.0f} bytes a page from the second mark on")


def frontier(count: int, seconds: float, tree: Path, place: Path) -> None:
    """A list that is far too long, for a while."""
    with origin(count, size=SMALL_KB, links=5, distinct=1000) as base:
        urls = place / "list.txt"
        urls.write_text(fetched(base + "/urls"))
        samples = Samples(base, enough=seconds)
        cost, _ = capture(base, urls, tree, samples)
    said = f"stopped {seconds:.0f} s after its first page, ended after {cost.wall:.0f} s, code {cost.code}"
    print(f"a list of {count}: {said}")
    step = max(1, len(samples.taken) // 12)
    for second, (served, size) in list(enumerate(samples.taken))[::step]:
        print(f"  {second:>8} s    : {size / MB:6.0f} MB, {served} pages fetched")
    print(
        f"      peak      : {cost.peak / MB:6.0f} MB, {cost.peak / count:.0f} bytes an address; {cost.code=}"
    )


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=50_000)
    parser.add_argument("--list", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--against", type=Path, default=TREE, help="measure another checkout of ours")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        if chosen.pages:
            pages(chosen.pages, chosen.against.absolute(), Path(name))
        if chosen.list:
            frontier(chosen.list, chosen.seconds, chosen.against.absolute(), Path(name))


if __name__ == "__main__":
    main()
