"""Tables of the store as the search file takes them: some thousand rows at a time."""

from collections.abc import Iterable, Iterator

from archive.articles import read_table
from archive.errors import DamagedTable
from archive.model import ArticleRow
from archive.store import Store
from archive.words import extractor_rank

BATCH = 4_000  # rows that are taken in one transaction, about
Table = tuple[str, str, str, list[ArticleRow]]  # what it is of, its name, its reader's rank, its rows


def batches(store: Store, fresh: Iterable[tuple[str, str]]) -> Iterator[list[Table]]:
    """Tables of the store (what each is of, its key) in lists of some thousand rows."""
    batch: list[Table] = []
    for group, key in fresh:
        try:
            extractor, rows = read_table(store, key)
        except DamagedTable:
            continue  # `morgue extract --again` makes it anew; the others can be searched
        batch.append((group, name_of(key), _rank(extractor), rows))
        if sum(len(each[3]) for each in batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def name_of(key: str) -> str:
    """The name of a table without its folders."""
    return key.rpartition("/")[2]


def _rank(extractor: str) -> str:
    """An extractor's rank as a text that sorts as it does."""
    return ".".join(f"{number:08}" for number in extractor_rank(extractor))
