"""The index made anew from the WARCs alone: `morgue rebuild --index` beside cdxj-indexer, on the same files.

    python benchmarks/rebuild.py --cdxj-indexer /env/bin/cdxj-indexer [--folder DIR] [--megabytes 40,200]
                                 [--jobs 1,2] [--rounds 3]

Archives of one newspaper are made, in runs of some 30 MB of WARC: of made pages, or of files below --folder
(HTML, gzipped or not). Then, in turn: our command with so many processes, which also compares each CDXJ and
writes the merged index, and `cdxj-indexer -s`, which lists the captures alone. Shown: CPU (user and system,
children among it) and seconds of each whole command, start-up and all; how many times theirs is ours (median,
and the range over the rounds); and the same for what the larger archive has more, so that start-up is out.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

from archive.model import Exchange
from archive.process import index_run
from archive.publish import publish
from archive.runs import all_runs
from archive.spool import RunStart, Spool
from archive.store import FolderStore
from benchmarks.measure import Cost, run
from benchmarks.warc_writing import exchange, found, pages

RUN = 30 << 20  # bytes of a run's WARCs, about
FIRST = datetime(2026, 11, 20, 6, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Made:
    """An archive, and its WARCs."""

    store: FolderStore
    warcs: list[Path]

    @property
    def size(self) -> int:
        """Bytes of WARC."""
        return sum(path.stat().st_size for path in self.warcs)


def told_apart(some: list[Exchange]) -> Iterator[Exchange]:
    """The pages over and over, each time under another address and with words of its own."""
    for number, page in enumerate(cycle(some)):
        body = page.response[page.head_length :] + b"<!-- %d -->" % number
        yield replace(exchange(body), url=f"http://made.example/{number % 7}/story-{number}.html")


def made(folder: Path, size: int, some: list[Exchange]) -> Made:
    """An archive with so many bytes of WARC, at least."""
    store, source, done, number = FolderStore(folder / "archive"), told_apart(some), 0, 0
    while done < size:
        began = FIRST + timedelta(hours=number)
        start = RunStart(
            id=f"{began:%Y%m%dT%H%M%SZ}-{number:08x}", site="made", archive=store.url, started=began,
            software="benchmark", parameters={},
        )  # fmt: skip
        spool, written = Spool(folder / "spool", start), 0
        for page in source:
            spool.submit(replace(page, began=began))
            written += len(page.response) // 5  # as much as it is worth in the WARC, roughly
            if written > min(RUN, size - done):
                break
        spool.close("finished")
        published = publish(store, spool.folder)
        assert published
        index_run(store, published.key)
        done, number = done + sum(warc.size for warc in published.warcs), number + 1
    return Made(store=store, warcs=[store.root / w.key for found in all_runs(store) for w in found.warcs])


def costs(some: Made, indexer: str, jobs: list[int], folder: Path) -> dict[str, Cost]:
    """One round on one archive."""
    ours = [sys.executable, "-m", "archive", "rebuild", "--index", "--archive", str(some.store.root)]
    commands = {f"--jobs {n}": [*ours, "--jobs", str(n)] for n in jobs}
    commands["cdxj-indexer"] = [indexer, "-s", *map(str, some.warcs), "-o", str(folder / "theirs.cdxj")]
    spent = {name: run(command, folder=Path(__file__).parent.parent) for name, command in commands.items()}
    for name, cost in spent.items():
        assert cost.code == 0, (name, cost.said)
    return spent


def told(name: str, ours: list[float], theirs: list[float]) -> str:
    """How many times theirs is ours."""
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    return (
        f"{name} {statistics.median(ours):.2f} s, theirs {statistics.median(theirs):.2f} s: "
        f"{statistics.median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})"
    )


def report(sizes: list[int], rounds: list[list[dict[str, Cost]]], jobs: list[int]) -> None:
    """What came of it: of each archive, then of what the last has more than the first."""
    for number in jobs:
        name = f"--jobs {number}"
        for place, size in enumerate(sizes):
            few = [(r[place][name], r[place]["cdxj-indexer"]) for r in rounds]
            print(f"{size / 1e6:.0f} MB, {name}, peak {max(a.peak for a, _ in few) / 1e6:.0f} MB")
            print("  " + told("CPU", [a.cpu for a, _ in few], [b.cpu for _, b in few]))
            print("  " + told("wall", [a.wall for a, _ in few], [b.wall for _, b in few]))
        if len(sizes) > 1:
            print(f"{(sizes[-1] - sizes[0]) / 1e6:.0f} MB more, {name}")
            ours = [r[-1][name].cpu - r[0][name].cpu for r in rounds]
            print("  " + told("CPU", ours, [further(r) for r in rounds]))


def further(spent: list[dict[str, Cost]]) -> float:
    """CPU of theirs for what the last archive has more."""
    return spent[-1]["cdxj-indexer"].cpu - spent[0]["cdxj-indexer"].cpu


def main() -> None:
    """Make, run in turn, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cdxj-indexer", required=True)
    parser.add_argument("--folder", type=Path, help="pages of your own")
    parser.add_argument("--megabytes", default="40,200")
    parser.add_argument("--jobs", default="1")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    some = found(chosen.folder, 500) if chosen.folder else pages(300)
    jobs = [int(n) for n in chosen.jobs.split(",")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archives = [made(folder / text, int(text) * 10**6, some) for text in chosen.megabytes.split(",")]
        rounds = [
            [costs(one, chosen.cdxj_indexer, jobs, folder) for one in archives] for _ in range(chosen.rounds)
        ]
        report([one.size for one in archives], rounds, jobs)


if __name__ == "__main__":
    main()
