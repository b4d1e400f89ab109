"""Does an export stream? Its memory at its peak, for more and more rows.

    python benchmarks/export.py [--rows 20000,100000,400000] [--archive 20000]

Rows are made: 200 words each out of 60,000, one URL each. First the writers alone, a child for each format
and count: what they hold of rows that came before. Then a whole archive of --archive rows (tables of 2,000),
asked for all of it and for a tenth (a newspaper of ten) by `morgue export`, the search file at hand. Shown is
the peak of the resident set (VmHWM), and rows in a second of CPU.
"""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from archive.articles import write_table
from archive.dataset import STREAMS
from archive.model import ArticleRow
from archive.search import opened
from archive.store import FolderStore
from benchmarks.measure import MB, TREE, run
from benchmarks.search import Press

TABLE = 2000


def made(count: int, site: str = "") -> Iterator[ArticleRow]:
    """So many rows, of ten newspapers or of one: the words of 2,000 articles again and again."""
    press = Press()
    some = [press.row(number, "run") for number in range(min(count, TABLE))]
    for number in range(count):
        row = some[number % TABLE]
        paper = site or f"paper{number % 10}"
        article = replace(row.article, url=f"http://{paper}.example/{number}")
        yield replace(row, article=article, site=paper, version=str(number), run=f"run{number // TABLE:05}")


def written(form: str, count: int) -> None:
    """Write rows of one format to nowhere; run in a child."""
    with Path(os.devnull).open("wb") as out:
        for piece in STREAMS[form](made(count)):
            out.write(piece)


def made_archive(folder: Path, count: int, site: str = "") -> None:
    """An archive of made rows, and its search file."""
    store = FolderStore(folder / "archive")
    rows: list[ArticleRow] = []
    for row in made(count, site):
        rows.append(row)
        if len(rows) == TABLE:
            write_table(store, f"articles/site={site or 'papers'}/month=2026-01/{row.run}-aaaa.parquet", rows)
            rows = []
    with opened(folder / "search", store) as search:
        search.follow(store)


def writers(counts: list[int]) -> None:
    """The peaks of the writers alone."""
    for form in STREAMS:
        for count in counts:
            command = [sys.executable, __file__, "--write", form, "--rows", str(count)]
            cost = run(command, folder=TREE)
            print(
                f"{form:8} {count:9,} rows: {cost.peak / MB:5.0f} MB, {count / cost.cpu:,.0f} a second of CPU"
            )


def exports(count: int) -> None:
    """The peaks of the command, for all of an archive and for a tenth of it."""
    with tempfile.TemporaryDirectory(prefix="morgue-export-") as name:
        folder = Path(name)
        made_archive(folder, count)
        env = {
            **os.environ, "MORGUE_ARCHIVE": str(folder / "archive"), "MORGUE_SEARCH": str(folder / "search"),
            "MORGUE_RIGHTS_EXPORT": "none", "PYTHONPATH": str(TREE),
        }  # fmt: skip
        for form in STREAMS:
            for narrow in ([], ["--site", "paper7"]):
                out = folder / f"{form}-{len(narrow)}"
                command = [
                    sys.executable,
                    "-m",
                    "archive",
                    "export",
                    *narrow,
                    "--format",
                    form,
                    "--out",
                    str(out),
                ]
                cost = run(command, folder=folder, env=env)
                told = cost.said.strip().splitlines()[-1] if cost.said.strip() else ""
                what = "a tenth" if narrow else "all"
                print(f"{form:8} {what:8} {cost.peak / MB:5.0f} MB, CPU {cost.cpu:.0f} s: {told}")


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", default="20000,100000,400000", help="rows for the writers alone; 0: leave out"
    )
    parser.add_argument(
        "--archive", type=int, default=20_000, help="rows of a whole archive; 0: leave it out"
    )
    parser.add_argument("--write", choices=STREAMS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    counts = [int(each) for each in chosen.rows.split(",") if int(each)]
    if chosen.write:
        written(chosen.write, counts[0])
        return
    writers(counts)
    with contextlib.suppress(KeyboardInterrupt):
        exports(chosen.archive) if chosen.archive else None


if __name__ == "__main__":
    main()
