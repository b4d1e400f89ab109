"""Crawlers on one local site, in one run, in turn: CPU for a page, pages a second, memory, bytes.

    python benchmarks/capture.py [--pages 200,1500] [--rounds 3] [--latency 0] [--peers DIR]
        [--only ours,wget] [--against DIR]

What counts are the ratios. CPU (user + system, of the crawler's process alone) and pages a second are those
of a further page: two sizes of site are fetched and the difference is taken; start-up stands apart. Nobody is
credited for a page that is not in its WARC. With --latency the server waits before every response.
"""

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measure import MB, Cost, fetched, origin, run
from benchmarks.origin import PAGES
from benchmarks.peers import Peer, Task, archived, webarchive_python

PEERS = (
    Peer(name="ours crawl", tool="ours", kind="crawl"),
    Peer(name="plain Scrapy crawl", tool="scrapy", kind="crawl", archives=False),
    Peer(name="scrapy-webarchive crawl", tool="webarchive", kind="crawl"),
    Peer(name="ours list", tool="ours", kind="list"),
    Peer(name="plain Scrapy list", tool="scrapy", kind="list", archives=False),
    Peer(name="scrapy-webarchive list", tool="webarchive", kind="list"),
    Peer(name="wget list", tool="wget", kind="list"),
    Peer(name="http.client+warcio list", tool="bare", kind="list"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one peer did in one round: its costs at both sizes, and what came of it."""

    sizes: tuple[int, int]
    costs: tuple[Cost, Cost]
    pages: int
    bytes: int

    def _further(self, small: float, big: float) -> float:
        return (big - small) / (self.sizes[1] - self.sizes[0])

    @property
    def cpu(self) -> float:
        """CPU milliseconds of a further page."""
        return 1000 * self._further(self.costs[0].cpu, self.costs[1].cpu)

    @property
    def startup(self) -> float:
        """CPU seconds before the first page."""
        return self.costs[0].cpu - self.sizes[0] * self.cpu / 1000

    @property
    def pace(self) -> float:
        """Further pages a second."""
        return 1 / max(self._further(self.costs[0].wall, self.costs[1].wall), 1e-9)


def fetch(peer: Peer, base: str, urls: Path, concurrency: int) -> tuple[Cost, int, int]:
    """One run of one peer: its cost, how many pages it got, bytes of its WARCs."""
    before = int(fetched(base + "/served"))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        task = Task(base=base, urls=urls, folder=folder, concurrency=concurrency)
        cost = run(peer.command(task), folder=folder, env=peer.env(task))
        served = int(fetched(base + "/served")) - before
        if not peer.archives:
            return cost, served, 0
        paths, size = archived(folder)
    return cost, min(served, sum(p.startswith(PAGES) for p in paths)), size


def once(peer: Peer, sites: list[tuple[int, str, Path]], concurrency: int) -> Result | None:
    """One round of one peer; None, and a word about it, where it did not fetch what was asked."""
    costs, got, size = [], 0, 0
    for count, base, urls in sites:
        cost, got, size = fetch(peer, base, urls, concurrency)
        if got != count:
            print(
                f"{peer.name}: {got} of {count} pages (exit code {cost.code})\n{cost.said}", file=sys.stderr
            )
            return None
        costs.append(cost)
    return Result(
        sizes=(sites[0][0], sites[1][0]), costs=(costs[0], costs[1]), pages=got, bytes=size // max(got, 1)
    )


def table(results: dict[Peer, list[Result]]) -> None:
    """Medians over the rounds."""
    print(f"{'':32}  pages  CPU ms/page  start-up s  pages/s  peak MB  KB/page")
    for peer, rounds in results.items():
        if not rounds:
            print(f"{peer.name:32}{'failed':>7}")
            continue
        cpu, startup, pace, peak, size = (
            statistics.median(values)
            for values in zip(
                *((r.cpu, r.startup, r.pace, r.costs[1].peak / MB, r.bytes / 1000) for r in rounds),
                strict=True,
            )
        )
        line = f"{peer.name:32}{rounds[0].pages:>7}{cpu:>13.2f}{startup:>12.2f}{pace:>9.0f}{peak:>9.0f}"
        print(line + (f"{size:>9.1f}" if peer.archives else f"{'-':>9}"))


def ratios(results: dict[Peer, list[Result]], kind: str) -> None:
    """Ours against each peer of the same kind, round by round."""
    mine = next((p for p in results if p.tool == "ours" and p.kind == kind and "base" not in p.name), None)
    if mine is None:
        return
    for peer, rounds in results.items():
        if peer is mine or peer.kind != kind or not rounds or len(rounds) != len(results[mine]):
            continue
        both = list(zip(results[mine], rounds, strict=True))
        cpu, pace = [m.cpu / t.cpu for m, t in both], [m.pace / t.pace for m, t in both]
        print(f"{mine.name} / {peer.name:26} CPU {said(cpu)}   pages/s {said(pace)}")


def said(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):5.2f} ({min(values):.2f} to {max(values):.2f})"


def contestants(only: str, cache: Path | None, against: Path | None) -> list[Peer]:
    """The peers that take part; one that cannot is named."""
    wanted = [w.strip() for w in only.split(",") if w.strip()]
    peers = list(PEERS)
    if against:
        peers += [
            replace(p, name=f"base {p.kind}", tree=against.absolute()) for p in PEERS if p.tool == "ours"
        ]
    peers = [p for p in peers if not wanted or any(p.name.startswith(w) or w == p.kind for w in wanted)]
    if not any(p.tool == "webarchive" for p in peers):
        return peers
    try:
        python = webarchive_python(cache)
    except OSError as error:
        print(f"scrapy-webarchive takes no part: {error}", file=sys.stderr)
        return [p for p in peers if p.tool != "webarchive"]
    return [replace(p, python=python) if p.tool == "webarchive" else p for p in peers]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", default="200,1500", help="sizes of the small and the big site")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0, help="milliseconds before every response")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--only", default="", help='peers by how their names begin, or "crawl" or "list"')
    parser.add_argument(
        "--peers", type=Path, help="folder for the peers that need an environment of their own"
    )
    parser.add_argument("--against", type=Path, help='another checkout of ours, shown as "base"')
    return parser.parse_args()


def main() -> None:
    """Run the rounds and print."""
    chosen = arguments()
    sizes = sorted(int(n) for n in chosen.pages.split(","))
    results: dict[Peer, list[Result]] = {
        p: [] for p in contestants(chosen.only, chosen.peers, chosen.against)
    }
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        sites = []
        for size in sizes:
            base = stack.enter_context(origin(size, latency=chosen.latency))
            urls = place / f"{size}.txt"
            urls.write_text(fetched(base + "/urls"))
            sites.append((size, base, urls))
        for number in range(chosen.rounds):
            # Now forwards, now backwards: who comes first is not always the same.
            for peer in list(results)[:: -1 if number % 2 else 1]:
                result = once(peer, sites, chosen.concurrency)
                results[peer] += [result] if result else []
    print(f"{sizes[0]} and {sizes[1]} pages, {chosen.rounds} rounds in turn, latency {chosen.latency:.0f} ms")
    table(results)
    ratios(results, "crawl")
    ratios(results, "list")


if __name__ == "__main__":
    main()
