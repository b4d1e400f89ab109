"""What a search costs: adding made articles, and asking for their words.

    python benchmarks/search.py [--articles 1000000]

Articles are made with a seed: 200 words each out of 60,000, as common as words of a language are. Questions
are 70: one word, two words, and the ten commonest of all. Shown: articles added in a second, milliseconds of
an answer of 20 hits without and with facets, size of the file.
"""

import argparse
import contextlib
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.articles import write_table
from archive.extract import EXTRACTOR
from archive.model import Article, ArticleRow, Location
from archive.search import Question, Search
from archive.store import FolderStore

WORDS = 60_000
BATCH = 2000
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
        article = Article(
            url=f"http://paper{number % 200}.example/{number}", headline=self.words(8),
            body=(self.words(200),), authors=(self.words(2),), language="en",
            section=self.vocabulary[number % 30], published=AT + timedelta(days=number % 300),
        )  # fmt: skip
        return ArticleRow(
            article=article, site="papers", run=run, captured=AT, version=str(number),
            warc=Location(warc="warc/papers/a.warc.gz", offset=number, length=1), extractor=EXTRACTOR,
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
    count = parser.parse_args().articles
    press = Press()
    with tempfile.TemporaryDirectory(prefix="morgue-search-") as folder:
        path = Path(folder) / "search.sqlite"
        with contextlib.closing(Search(path)) as search:
            seconds = fill(press, search, Path(folder), count)
            print(
                f"{count:,} articles, {count / seconds:,.0f} added in a second, {path.stat().st_size:,} bytes"
            )
            asked = list(press.questions())
            for facets in (False, True):
                print(f"   {'with' if facets else 'no'} facets: {answers(search, asked, facets=facets)}")


def fill(press: Press, search: Search, folder: Path, count: int) -> float:
    """Put tables one by one and follow each; seconds of following alone."""
    seconds = 0.0
    for begin in range(0, count, BATCH):
        store = FolderStore(folder / f"archive-{begin}")
        rows = [press.row(n, f"run{begin}") for n in range(begin, min(begin + BATCH, count))]
        write_table(store, f"articles/site=papers/month=2026-01/run{begin}-aaaa.parquet", rows)
        started = time.perf_counter()
        search.follow(store)
        seconds += time.perf_counter() - started
    return seconds


def answers(search: Search, asked: list[str], *, facets: bool) -> str:
    """Median and 95th percentile of the milliseconds that answers take."""
    took = []
    for words in asked:
        started = time.perf_counter()
        search.ask(Question(words=words), facets=facets)
        took.append((time.perf_counter() - started) * 1000)
    return f"median {statistics.median(took):.1f} ms, p95 {sorted(took)[int(len(took) * 0.95)]:.1f} ms"


if __name__ == "__main__":
    main()
