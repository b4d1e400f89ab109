"""What a search costs: adding made articles, and asking for their words.

    python benchmarks/search.py [--articles 1000000] [--folder KEPT [--add 250000]]

Articles are made with a seed: 200 words each out of 60,000, as common as words of a language are, of 200
newspapers, in the order of their days, a tenth of them up to 30 days late. Questions are 70: one word, two
words, and the ten commonest of all; the same within one newspaper or month, and these without words. Shown:
articles added in a second of the wall clock and of CPU time, milliseconds of an answer of 20 hits and the
slowest question, size of the file. With --folder the file is kept, and a long build can be done in pieces of
--add articles each.
"""

import argparse
import contextlib
import itertools
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.articles import write_table
from archive.extract import EXTRACTOR
from archive.model import Article, ArticleRow, Location
from archive.question import Question
from archive.search import Search
from archive.store import FolderStore

WORDS = 60_000
BATCH = 2000
PER_DAY = 3000
AT = datetime(2026, 1, 1, tzinfo=UTC)


class Press:
    """Made articles, the same for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.vocabulary = [
            "".join(self.chance.choices(letters, k=self.chance.randint(3, 10))) for _ in range(WORDS)
        ]
        self.weights = list(itertools.accumulate(1 / (n + 3) for n in range(WORDS)))

    def words(self, count: int) -> str:
        """So many words, common ones more often."""
        return " ".join(self.chance.choices(self.vocabulary, cum_weights=self.weights, k=count))

    def row(self, number: int, run: str) -> ArticleRow:
        """One article."""
        site = f"paper{number % 200}"
        late = self.chance.randrange(30) if number % 10 == 0 else 0
        article = Article(
            url=f"http://{site}.example/{number}", headline=self.words(8),
            body=(self.words(200),), authors=(self.words(2),), language="en",
            section=self.vocabulary[number % 30], published=AT + timedelta(days=number // PER_DAY - late),
        )  # fmt: skip
        return ArticleRow(
            article=article, site=site, run=run, captured=AT + timedelta(days=number // PER_DAY),
            version=str(number), extractor=EXTRACTOR,
            warc=Location(warc="warc/papers/a.warc.gz", offset=number, length=1),
        )  # fmt: skip

    def questions(self) -> Iterator[str]:
        """What is asked for."""
        yield from (self.vocabulary[self.chance.randrange(20, 20_000)] for _ in range(30))
        for _ in range(30):
            one, other = self.chance.randrange(5, 500), self.chance.randrange(5, 3000)
            yield f"{self.vocabulary[one]} {self.vocabulary[other]}"
        yield from self.vocabulary[:10]


def main() -> None:
    """Make, follow, ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="Keep the search file here.")
    parser.add_argument("--add", type=int, help="Add at most so many to it now.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="morgue-search-") as made:
        path = (options.folder or Path(made)) / "search.sqlite"
        with contextlib.closing(Search(path)) as search:
            begin = search.tables_read() * BATCH
            end = min(options.articles, begin + (options.add or options.articles))
            if end > begin:
                fill(search, Path(made), begin, end)
            print(f"{end:,} articles, {path.stat().st_size:,} bytes", flush=True)
            if end == options.articles:
                ask_all(search)


def ask_all(search: Search) -> None:
    """All questions, each kind of answer in turn."""
    asked = list(Press().questions())
    some = {
        "": {},
        ", of one newspaper": {"site": "paper7"},
        ", of one month": {"since": "2026-03-01", "until": "2026-03-31"},
    }
    for told, narrow in some.items():
        for facets in (False, True):
            print(
                f"   {'with' if facets else 'no'} facets{told}: {answers(search, asked, facets, narrow)}",
                flush=True,
            )
    print(f"   by date, with facets: {answers(search, asked, True, {'sort': 'date'})}")
    for told, narrow in list(some.items())[1:]:
        print(f"   all{told}, with facets: {answers(search, [''] * 20, True, narrow)}", flush=True)


def fill(search: Search, folder: Path, begin: int, end: int) -> None:
    """Put tables one by one and follow each; say how fast that was, of following alone."""
    press, wall, cpu = Press(begin + 1), 0.0, 0.0
    press.vocabulary, press.weights = Press().vocabulary, Press().weights
    for number in range(begin, end, BATCH):
        store = FolderStore(folder / f"archive-{number}")
        rows = [press.row(n, f"run{number}") for n in range(number, min(number + BATCH, end))]
        write_table(store, f"articles/site=papers/month=2026-01/run{number}-aaaa.parquet", rows)
        started, used = time.perf_counter(), time.process_time()
        search.follow(store)
        wall += time.perf_counter() - started
        cpu += time.process_time() - used
        shutil.rmtree(folder / f"archive-{number}")
    count = end - begin
    print(f"{count:,} articles added, {count / wall:,.0f} in a second, {count / cpu:,.0f} in a second of CPU")


def answers(search: Search, asked: list[str], facets: bool, narrow: dict[str, str]) -> str:
    """Median and 95th percentile of the milliseconds that answers take, of CPU and by the clock."""
    wall, cpu = [], []
    for words in asked:
        started, used = time.perf_counter(), time.process_time()
        search.ask(Question(words=words, **narrow), facets=facets)
        cpu.append((time.process_time() - used) * 1000)
        wall.append((time.perf_counter() - started) * 1000)
    worst = asked[cpu.index(max(cpu))]
    told = ", ".join(
        f"{name} median {statistics.median(took):.1f} ms, p95 {sorted(took)[int(len(took) * 0.95)]:.1f} ms"
        for name, took in (("CPU", cpu), ("clock", wall))
    )
    return f"{told}; worst {max(cpu):.0f} ms ({worst!r})"


if __name__ == "__main__":
    main()
