"""Does an export stream? Its memory at its peak, for more and more rows.

    python benchmarks/export.py [--rows 20000,100000,400000] [--archive 50000,400000] [--words 200]

Rows are made: so many words each out of 60,000, one URL each, in runs of 2,000. First the writers alone, a
child for each format and count: what they hold of rows that came before. Then `morgue export` as a whole,
of an archive of --archive rows (to which rows are added): each format with its datasheet, dictionary and
RO-Crate, under the usual policy, which looks each row up in the index; a tenth (a newspaper of ten); and
each version that was captured within a span of time. The search file is at hand. Shown is the peak of the
resident set (VmHWM), seconds of CPU and what the command said.
"""

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from archive.articles import write_table
from archive.cdxj import surt_of
from archive.dataset import STREAMS
from archive.model import ArticleRow
from archive.reports import Event, RunReport, write_report
from archive.search import opened
from archive.segments import write_segment
from archive.store import FolderStore
from benchmarks.measure import MB, TREE, run
from benchmarks.search import AT, Press

TABLE = 2000


@cache
def written_once() -> list[ArticleRow]:
    """The articles whose words come again and again."""
    press = Press()
    return [press.row(number, "run") for number in range(TABLE)]


def made(count: int, begin: int = 0, words: int = 200) -> Iterator[ArticleRow]:
    """Rows from `begin` up to `count`, of ten newspapers: the words of 2,000 articles again and again."""
    some = written_once()
    for number in range(begin, count):
        row = some[number % TABLE]
        paper = f"paper{number % 10}"
        body = (" ".join(row.article.body[0].split()[:words]),)
        article = replace(row.article, url=f"http://{paper}.example/{number}", body=body)
        at = AT + timedelta(minutes=number // 10)
        place = replace(row.warc, offset=number)
        yield replace(row, article=article, site=paper, version=str(number), run=f"run{number // TABLE:05}",
                      captured=at, warc=place)  # fmt: skip


def written(form: str, count: int) -> None:
    """Write rows of one format to nowhere; run in a child."""
    with Path(os.devnull).open("wb") as out:
        for piece in STREAMS[form](made(count)):
            out.write(piece)


def made_archive(folder: Path, begin: int, count: int, words: int) -> None:
    """An archive of so many made rows, of which `begin` are there: rows, index, reports, search file."""
    store = FolderStore(folder / "archive")
    for first in range(begin, count, TABLE):
        rows = list(made(min(first + TABLE, count), first, words))
        write_table(store, f"articles/site=papers/month=2026-01/{rows[0].run}-aaaa.parquet", rows)
        for paper in {row.site for row in rows}:
            write_report(store, reported(paper, [row for row in rows if row.site == paper]))
    places = sorted((surt_of(f"http://paper{n % 10}.example/{n}"), n) for n in range(count))
    segment = write_segment(store, (line_of(key, number) for key, number in places), expected=count)
    number = len(list(store.keys("index/head-"))) + 1
    store.put(f"index/head-{number:08}.json", json.dumps({"segments": [segment], "runs": []}).encode())
    with opened(folder / "search", store) as search:
        search.follow(store)


def line_of(key: str, number: int) -> bytes:
    """The index line of a made row."""
    at = AT + timedelta(minutes=number // 10)
    said = {
        "url": f"http://paper{number % 10}.example/{number}", "mime": "text/html", "status": "200",
        "digest": f"sha1:{number:032}", "length": "1", "offset": str(number),
        "filename": "warc/papers/a.warc.gz", "date": f"{at:%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
    return f"{key} {at:%Y%m%d%H%M%S} {json.dumps(said)}".encode()


def reported(site: str, rows: list[ArticleRow]) -> RunReport:
    """What a run would say that captured these rows."""
    first, last = rows[0].captured, rows[-1].captured
    events = tuple(Event(kind="new", url=row.article.url, at=row.captured) for row in rows)
    return RunReport(
        run=f"{first:%Y%m%dT%H%M%SZ}-00000000", site=site, started=first, ended=last, reason="finished",
        events=events, named=len(rows), archived=len(rows),
    )  # fmt: skip


def writers(counts: list[int]) -> None:
    """The peaks of the writers alone."""
    for form in STREAMS:
        for count in counts:
            command = [sys.executable, __file__, "--write", form, "--rows", str(count)]
            cost = run(command, folder=TREE)
            print(
                f"{form:8} {count:9,} rows: {cost.peak / MB:5.0f} MB, {count / cost.cpu:,.0f} a second of CPU"
            )


SPAN = ["--holds", "versions", "--captured-from", "2026-01-02"]


def exports(counts: list[int], words: int) -> None:
    """The peaks of the command, for all of an archive, a tenth of it, and a span of time."""
    with tempfile.TemporaryDirectory(prefix="morgue-export-") as name:
        folder = Path(name)
        for before, count in pairwise([0, *sorted(counts)]):
            made_archive(folder, before, count, words)
            for form in STREAMS:
                exported(folder, count, form, "all", [])
            exported(folder, count, "jsonl", "a tenth", ["--site", "paper7"])
            exported(folder, count, "jsonl", "a span", SPAN)


def exported(folder: Path, count: int, form: str, what: str, narrow: list[str]) -> None:
    """One export, and what it cost."""
    env = {
        **os.environ, "MORGUE_ARCHIVE": str(folder / "archive"), "MORGUE_SEARCH": str(folder / "search"),
        "MORGUE_SITES": str(folder / "sites"), "PYTHONPATH": str(TREE),
    }  # fmt: skip
    out = folder / "out"
    command = [sys.executable, "-m", "archive", "export", *narrow, "--format", form, "--out", str(out)]
    cost = run(command, folder=folder, env=env)
    files = {path.name for path in out.iterdir()} if out.is_dir() else set()
    told = cost.said.strip().splitlines()[-1] if cost.said.strip() else ""
    whole = "whole" if len(files) == 4 else f"only {sorted(files)}"
    print(f"of {count:9,} rows {what:8} {form:8} {cost.peak / MB:5.0f} MB, CPU {cost.cpu:.0f} s", end=", ")
    print(f"{whole}: {told}", flush=True)
    shutil.rmtree(out, ignore_errors=True)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", default="20000,100000,400000", help="rows for the writers alone; 0: leave out"
    )
    parser.add_argument("--archive", default="50000,400000", help="rows of whole archives; 0: leave them out")
    parser.add_argument("--words", type=int, default=200, help="words of each row of an archive")
    parser.add_argument("--write", choices=STREAMS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    counts = [int(each) for each in chosen.rows.split(",") if int(each)]
    if chosen.write:
        written(chosen.write, counts[0])
        return
    writers(counts)
    with contextlib.suppress(KeyboardInterrupt):
        exports([int(each) for each in chosen.archive.split(",") if int(each)], chosen.words)


if __name__ == "__main__":
    main()
