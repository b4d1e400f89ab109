"""Crawling and archiving one site: CPU and time per page, ours against others, in turn.

    python benchmarks/capture.py --peers DIR [--pages 1500] [--rounds 3] [--latency 100] [--only NAME ...]

Each crawler runs twice a round, on few pages and on many: the difference is what a page costs, start-up
apart. CPU is that of the crawler's processes alone (user and system), not the server's. Pages are counted in
the WARCs, so that nobody is credited for what it did not keep. DIR keeps the environments of others.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType
from peers import Peer, environment, peers

FEW = 150


@dataclass(frozen=True, kw_only=True)
class Took:
    """What one run took: CPU and wall seconds, peak memory in MB, pages kept (-1: it keeps none), bytes."""

    cpu: float
    wall: float
    memory: float
    pages: int
    size: int


@contextlib.contextmanager
def origin(pages: int, latency: float, size: int = 45_000) -> Iterator[str]:
    """The newspaper, in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("origin.py")), "--pages", str(pages)]
    server = subprocess.Popen(
        [*command, "--latency", str(latency), "--size", str(size)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()


def run(peer: Peer, base: str) -> Took:
    """One run in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        urls = folder / "urls.txt"
        with urllib.request.urlopen(base + "/urls", timeout=60) as answer:
            urls.write_text("".join(f"{base}{line}\n" for line in answer.read().decode().split()))
        peer.prepare(folder, base, urls)
        begun = time.monotonic()
        with (folder / "log").open("wb") as log:
            child = subprocess.Popen(
                peer.command(base, urls),
                cwd=folder,
                env=environment(peer, base, urls),
                stdout=log,
                stderr=log,
            )
            _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - begun
        if status:
            print(f"{peer.name} ended with {status}:", (folder / "log").read_text()[-500:])
        pages, size = kept(folder) if peer.archives else (-1, 0)
        return Took(
            cpu=used.ru_utime + used.ru_stime, wall=wall, memory=used.ru_maxrss / 1024, pages=pages, size=size
        )


def kept(folder: Path) -> tuple[int, int]:
    """Responses of pages in the WARCs below a folder, and the WARCs' bytes."""
    count = size = 0
    for wacz in folder.rglob("*.wacz"):
        with zipfile.ZipFile(wacz) as packed:
            packed.extractall(
                wacz.with_suffix(".out"), [n for n in packed.namelist() if n.endswith(".warc.gz")]
            )
    for warc in folder.rglob("*.warc.gz"):
        if "spool" in warc.parts:
            continue  # a second copy until it is verified again
        size += warc.stat().st_size
        with warc.open("rb") as file:
            kinds = WarcRecordType.response | WarcRecordType.revisit
            found = ArchiveIterator(file, parse_http=False, record_types=kinds)
            count += sum("/story/" in r.headers["WARC-Target-URI"] for r in found)
    return count, size


def main() -> None:
    """Run the rounds and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path(tempfile.gettempdir()) / "morgue-bench")
    parser.add_argument("--pages", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds before each answer")
    parser.add_argument("--only", nargs="*", default=(), help="names of crawlers (their beginning)")
    chosen = parser.parse_args()
    chosen.peers.mkdir(parents=True, exist_ok=True)
    every = [p for p in peers(chosen.peers) if not chosen.only or p.name.startswith(tuple(chosen.only))]
    measured: dict[str, list[tuple[float, float, Took]]] = {p.name: [] for p in every}
    with origin(FEW, chosen.latency) as few, origin(chosen.pages, chosen.latency) as many:
        for _ in range(chosen.rounds):
            for peer in every:
                small, large = run(peer, few), run(peer, many)
                pages = chosen.pages - FEW
                cost = (large.cpu - small.cpu) / pages * 1000
                rate = pages / max(large.wall - small.wall, 0.001)
                measured[peer.name].append((cost, rate, large))
    report(measured, chosen.pages)


def report(measured: dict[str, list[tuple[float, float, Took]]], pages: int) -> None:
    """One line a crawler; ratios are of CPU per page to the first one's, round by round."""
    first = next(iter(measured.values()))
    print(f"{'':24}{'CPU ms/page':>12}{'x first':>18}{'pages/s':>9}{'MB':>6}{'KB/page':>9}{'kept':>7}")
    for name, rounds in measured.items():
        ratios = [mine[0] / base[0] for mine, base in zip(rounds, first, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        last = rounds[-1][2]
        kept = "-" if last.pages < 0 else f"{last.pages}"
        size = f"{last.size / 1000 / max(last.pages, 1):.1f}" if last.pages > 0 else "-"
        cpu, rate = statistics.median(r[0] for r in rounds), statistics.median(r[1] for r in rounds)
        print(f"{name:24}{cpu:12.2f}{spread:>18}{rate:9.1f}{last.memory:6.0f}{size:>9}{kept:>7}")
    print(f"{pages} pages; CPU and rates without start-up (against a run of {FEW} pages)")


if __name__ == "__main__":
    main()
