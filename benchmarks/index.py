"""What the index costs: look-ups in a folder and in S3, and merging.

    python benchmarks/index.py [--captures 1000000,10000000] [--s3 s3://BUCKET/PREFIX]

Look-ups: an index as merging leaves it (each segment four times its younger neighbour, the oldest of them
three quarters of all). "anywhere": addresses taken at random over all of it, so that nearly each is in a
block that was not read before; "one newspaper": as a replay asks; "fronts": front pages, in every segment.
Counted are reads of the store, after the lists of blocks and the filters were read once; CPU, which tells
more on a busy machine, is that of our process alone.

Merging: everything folded into one segment, in a process of its own: seconds, and its peak of memory. Shown:
from a manifest being put to its capture being found by a reader that is open already.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from archive.index import Index, merge, read_head
from archive.model import PublishedWarc, Run
from archive.runs import manifest_key, write_run
from archive.segments import write_segment
from archive.store import Store, open_store
from benchmarks.measure import TREE, run

PAPERS = 200
LOOKUPS = 400
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
FRESH = "20261124T120000Z-00000000"
KEY = "example,paper{paper:03})/{place} {year}1120060000 "
FIELDS = (
    '{{"url": "https://paper{paper:03}.example/{place}", "mime": "text/html", "status": "200", '
    '"digest": "sha1:{digest}", "length": "{length}", "offset": "{offset}", '
    '"filename": "warc/paper{paper:03}/{year}/11/20/{year}1120T060000Z-{file:08x}-00000.warc.gz", '
    '"id": "<urn:uuid:{file:08x}-{digest}>", "date": "{year}-11-20T06:00:00.{micro:06}Z"}}'
)


def sizes_of(captures: int) -> list[int]:
    """Sizes of segments, oldest first."""
    found = []
    while captures > 2000:
        found.append(captures * 3 // 4)
        captures -= found[-1]
    return [*found, captures]


def lines_of(count: int, year: int) -> Iterator[bytes]:
    """Sorted lines of one segment: stories of its own, and a front page for each newspaper."""
    dice = random.Random(year)
    each = max(count // PAPERS, 1)
    for paper in range(PAPERS):
        yield _line(dice, paper, year, "")
        for number in range(1, each):
            yield _line(dice, paper, year, story(year, number))


def story(year: int, number: int) -> str:
    """The path of a story; sorted as its number is."""
    return f"{year}/{number:07}-the-story-of-the-day-and-its-long-address.html"


def _line(dice: random.Random, paper: int, year: int, place: str) -> bytes:
    bits = dice.getrandbits(160)
    return (KEY + FIELDS).format(
        paper=paper, year=year, place=place, digest=f"{bits:040X}"[:32], length=bits % 60000,
        offset=(bits >> 20) % 10**9, file=(bits >> 50) % 1000, micro=(bits >> 70) % 10**6,
    ).encode()  # fmt: skip


def fill(store: Store, captures: int) -> list[tuple[int, int]]:
    """Write an index of that many captures; (year, stories of each newspaper) of each segment."""
    sizes = sizes_of(captures)
    made = [write_segment(store, lines_of(size, 2000 + n), expected=size) for n, size in enumerate(sizes)]
    store.put("index/head-00000001.json", json.dumps({"segments": made, "runs": []}).encode())
    return [(2000 + n, max(size // PAPERS, 1)) for n, size in enumerate(sizes)]


def counting(url: str) -> tuple[Store, list[int]]:
    """A store, and the lengths of what was read of it."""
    store, reads = open_store(url), []
    plain = store.read

    def read(key: str, start: int = 0, length: int | None = None) -> bytes:
        data = plain(key, start, length)
        reads.append(len(data))
        return data

    store.read = read  # type: ignore[method-assign]
    return store, reads


def asked(dice: random.Random, eras: list[tuple[int, int]], what: str) -> str:
    """An address to look up, which was captured."""
    if what == "one newspaper":
        year, stories = eras[0]
        return f"https://paper007.example/{story(year, dice.randrange(1, min(stories, 3000)))}"
    year, stories = dice.choices(eras, [n - 0.99 for _, n in eras])[0]
    place = "" if what == "fronts" or stories < 2 else story(year, dice.randrange(1, stories))
    return f"https://paper{dice.randrange(PAPERS):03}.example/{place}"


def look_up(url: str, eras: list[tuple[int, int]], what: str) -> dict[str, float]:
    """Median and 95th percentile of look-ups in milliseconds, and reads of the store for each."""
    dice = random.Random(7)
    store, reads = counting(url)
    index = Index(store, patience=3600)
    for layer in index.layers():
        layer.edges(b"", b"")
        layer.may_hold(b"")
    took, spent, counts = [], [], []
    for _ in range(LOOKUPS):
        address = asked(dice, eras, what)
        reads.clear()
        began, cpu = time.perf_counter(), time.process_time()
        found = index.captures(address)
        spent.append((time.process_time() - cpu) * 1000)
        took.append((time.perf_counter() - began) * 1000)
        counts.append(len(reads))
        assert found, address
    return {
        "median ms": round(statistics.median(took), 3),
        "median CPU ms": round(statistics.median(spent), 3),
        "p95 ms": round(statistics.quantiles(took, n=20)[-1], 3),
        "reads, mean": round(statistics.mean(counts), 2),
        "reads, most": max(counts),
    }


def shown(store: Store) -> float:
    """Seconds from a manifest being put to its capture being found by an open reader."""
    index = Index(store)
    index.captures("http://paper900.example/x")
    store.put("cdxj/fresh.cdxj", _line(random.Random(1), 900, 2026, "x") + b"\n")
    warc = PublishedWarc(key="warc/fresh", cdxj="cdxj/fresh.cdxj", size=1, sha256="", records=1)
    key = manifest_key("fresh", FRESH)
    write_run(
        store,
        Run(
            id=FRESH, site="fresh", started=AT, ended=AT, reason="finished", counts={}, warcs=(warc,), key=key
        ),
    )
    began = time.perf_counter()
    while not index.captures("http://paper900.example/x"):
        time.sleep(0.01)
    return time.perf_counter() - began


FOLD = f"""
import sys
import archive.index as index
from archive.store import open_store
store = open_store(sys.argv[1])
index.GROWTH = 10**12
made = index._fold(store, index.read_head(store), ["runs/fresh/{FRESH}.json"])
assert len(made.segments) == 1
"""


def compaction(store: Store, folder: Path) -> dict[str, float]:
    """All segments folded into one, in a child: captures a second, seconds, peak in MB."""
    lines = sum(s["lines"] for s in read_head(store).segments)
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    cost = run([sys.executable, "-c", FOLD, store.url], folder=folder, env=environment)
    assert cost.code == 0, cost.said
    return {
        "seconds": round(cost.wall, 1),
        "captures/s": round(lines / cost.wall),
        "peak MB": round(cost.peak / 1e6),
    }


def measure(url: str, captures: int, folder: Path) -> None:
    """Everything, for one size of index in one store."""
    store = open_store(url)
    began = time.perf_counter()
    eras = fill(store, captures)
    where = "S3" if "://" in url else "a folder"
    print(f"{captures:,} captures in {len(eras)} segments, in {where}", flush=True)
    print(f"   made in {time.perf_counter() - began:.0f} s", flush=True)
    for what in ("anywhere", "one newspaper", "fronts"):
        print(f"   look-ups, {what}: {look_up(url, eras, what)}", flush=True)
    print(f"   a new run is found after {shown(store):.2f} s", flush=True)
    print(f"   compaction: {compaction(store, folder)}", flush=True)
    began = time.perf_counter()
    merge(store)
    print(f"   merging one small run: {time.perf_counter() - began:.2f} s", flush=True)


def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--captures", default="1000000,10000000")
    options.add_argument("--s3", default="", metavar="s3://BUCKET/PREFIX", help="also there (AWS variables)")
    chosen = options.parse_args()
    for captures in (int(n) for n in chosen.captures.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            measure(f"{folder}/archive", captures, Path(folder))
            if chosen.s3:
                measure(f"{chosen.s3}/{time.time_ns()}", captures, Path(folder))


if __name__ == "__main__":
    main()
