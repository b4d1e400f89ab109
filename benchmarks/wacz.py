"""WACZ and CDXJ against the tools of the field, on the same WARC.

    python benchmarks/wacz.py ARCHIVE --wacz /env/bin/wacz --cdxj-indexer /env/bin/cdxj-indexer [--copies 20]

Article pages of ARCHIVE are written again under so many addresses, as one newspaper's run, with a comment of
their own, so that no two are alike. Then, three times in turn: our export of the newspaper as WACZ from its
rows (and once the extraction that made them), `wacz create` with text and pages; our listing of the WARC's
captures, `cdxj-indexer`. Shown: seconds by the clock and of CPU, and how many times faster ours is (median,
and the range over the rounds).
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.articles import sightings
from archive.index import Index
from archive.model import Exchange, Run
from archive.playback import play
from archive.process import extract_run
from archive.publish import publish
from archive.spool import RunStart, Spool
from archive.store import FolderStore, Store, open_store
from benchmarks.measure import TREE, Cost, run

ROUNDS = 3
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
EXPORT = """
import sys
from pathlib import Path
from archive.bundle import to_file, write_wacz
from archive.index import Index
from archive.parcel import Parcel
from archive.permission import Permission
from archive.policy import Policy
from archive.store import open_store
store = open_store(sys.argv[1])
index = Index(store)
parcel = Parcel(store, index, Permission(store, index, {}, Policy(export=())))
to_file(Path(sys.argv[2]), lambda out: write_wacz(out, parcel.of_site("made"), title="made", said={}))
print(parcel.pages)
"""
LIST = """
import sys
from pathlib import Path
from archive.cdxj import line_of
from archive.warc.swift import swift_captures
with Path(sys.argv[1]).open("rb") as file:
    lines = sorted(line_of(capture) for capture in swift_captures(file, warc="x"))
Path(sys.argv[2]).write_text("".join(f"{line}\\n" for line in lines))
"""


def pages(store: Store) -> list[tuple[str, bytes, str]]:
    """URL, body and media type of each article's page."""
    index = Index(store)
    found = {}
    for row in sightings(store):
        capture = next((c for c in index.known(row.article.url) if c.location == row.warc), None)
        if capture:
            found[row.article.url] = (row.article.url, play(store, index, capture).decoded(), capture.mime)
    return list(found.values())


def made(folder: Path, found: list[tuple[str, bytes, str]], copies: int) -> tuple[FolderStore, Run]:
    """An archive of one run that holds each page under so many addresses."""
    store = FolderStore(folder / "archive")
    start = RunStart(
        id="20261120T060000Z-00000001", site="made", archive=store.url,
        started=datetime(2026, 11, 20, 6, tzinfo=UTC), software="benchmark", parameters={},
    )  # fmt: skip
    spool = Spool(folder / "spool", start)
    for number in range(copies):
        for place, (url, body, _) in enumerate(found):
            own = body + b"<!-- %d -->" % number
            head = HEAD % len(own)
            address = f"{url}{'&' if '?' in url else '?'}copy={number}"
            asked = f"GET / HTTP/1.1\r\nHost: x\r\nReferer: {address}\r\n\r\n".encode()
            began = start.started + timedelta(seconds=place)
            spool.submit(Exchange(url=address, method="GET", request=asked, response=head + own,
                                  head_length=len(head), began=began, seconds=0.1)).result()  # fmt: skip
    spool.close("finished")
    run = publish(store, spool.folder)
    assert run
    return store, run


def timed(run: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    """Make, measure, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive")
    parser.add_argument("--wacz", required=True)
    parser.add_argument("--cdxj-indexer", required=True)
    parser.add_argument("--copies", type=int, default=20)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, run = made(folder, pages(open_store(told.archive)), told.copies)
        extraction = timed(lambda: extract_run(store, run.key))
        (warc,) = run.warcs
        path = store.root / warc.key
        print(f"{warc.records // 3} pages, {warc.size:,} bytes of WARC; extraction took {extraction:.1f} s")
        compare(folder, store, path, told.wacz, told.cdxj_indexer)


def compare(folder: Path, store: FolderStore, path: Path, wacz: str, indexer: str) -> None:
    """Each in turn, so that a slow moment of the machine hits all."""
    costs: dict[str, list[Cost]] = {}
    for number in range(ROUNDS):
        ours, theirs = folder / f"ours{number}.wacz", folder / f"theirs{number}.wacz"
        runs = {
            "our WACZ": [sys.executable, "-c", EXPORT, store.url, str(ours)],
            "wacz create": [wacz, "create", "-f", str(path), "-o", str(theirs), "--text", "--detect-pages"],
            "our CDXJ": [sys.executable, "-c", LIST, str(path), str(folder / "ours.cdxj")],
            "cdxj-indexer": [indexer, "-s", str(path), "-o", str(folder / "theirs.cdxj")],
        }
        for name, command in runs.items():
            cost = run(command, folder=TREE, env={**os.environ, "PYTHONPATH": str(TREE)})
            assert cost.code == 0, (name, cost.said)
            costs.setdefault(name, []).append(cost)
    for ours, theirs in (("our WACZ", "wacz create"), ("our CDXJ", "cdxj-indexer")):
        for what in ("wall", "cpu"):
            mine, other = ([getattr(cost, what) for cost in costs[name]] for name in (ours, theirs))
            times = [b / a for a, b in zip(mine, other, strict=True)]
            print(
                f"{what}: {ours} {statistics.median(mine):.2f} s, {theirs} {statistics.median(other):.2f} s, "
                f"{statistics.median(times):.1f} times ({min(times):.1f} to {max(times):.1f})"
            )


if __name__ == "__main__":
    main()
