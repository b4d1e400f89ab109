"""Does the archive find wire copy? Stories planted in many newspapers, whole, cut, and with another lead.

    morgue articles --all-rights --json > rows.jsonl
    python benchmarks/copies.py rows.jsonl [--newspapers 30]

Every article of at least 150 words is planted in so many newspapers: whole with a dateline and a note, cut
by 35 % with 3 % of the words changed, cut by half behind a new opening with 6 % changed, or with its lead
written anew. Shown: pairs found of those planted (recall), pairs planted of those found (precision),
milliseconds of a question.
"""

import argparse
import contextlib
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.articles import write_table
from archive.clusters import copies_of
from archive.extract import EXTRACTOR
from archive.model import Article, ArticleRow, Location
from archive.search import Search
from archive.store import FolderStore

AT = datetime(2026, 11, 1, tzinfo=UTC)
KINDS = ("whole", "cut35", "cut50", "lead")


def changed(words: list[str], share: float, chance: random.Random, others: list[str]) -> list[str]:
    """The words, some of them put in place of others."""
    return [chance.choice(others) if chance.random() < share else word for word in words]


def variant(kind: str, text: str, chance: random.Random, others: list[str]) -> str:
    """The text as another newspaper prints it."""
    words = text.split()
    if kind == "whole":
        return f"TARNMOUTH (MPA) - {text} This report was first sent by the agency."
    if kind == "cut35":
        return " ".join(changed(words[: int(0.65 * len(words))], 0.03, chance, others))
    opening = " ".join(chance.choices(others, k=max(len(words) // 10, 25)))
    if kind == "cut50":
        return f"{opening}. {' '.join(changed(words[: len(words) // 2], 0.06, chance, others))}"
    return f"{opening}. {' '.join(words[len(words) // 6 :])}"


def planted(texts: list[str], newspapers: int) -> Iterator[tuple[int, str, Article]]:
    """Story, kind and article; the first of each story is the text as it is."""
    chance = random.Random(7)
    # Short words alone: a sentence of a script without spaces would be a whole text as one word.
    others = [word for text in texts for word in text.split() if len(word) <= 12]
    for story, text in enumerate(texts):
        for paper in range(newspapers):
            kind = "first" if paper == 0 else KINDS[paper % len(KINDS)]
            body = text if paper == 0 else variant(kind, text, chance, others)
            at = AT + timedelta(days=story % 20, minutes=paper * 17)
            url = f"http://paper{paper}.example/story-{story}"
            yield story, kind, Article(url=url, headline=f"Story {story}", body=(body,), published=at)


def main() -> None:
    """Plant, ask, count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path)
    parser.add_argument("--newspapers", type=int, default=30)
    told = parser.parse_args()
    bodies = {json.loads(line)["url"]: json.loads(line)["body"] for line in told.rows.open(encoding="utf-8")}
    # Cutting goes by words between spaces.
    texts = [text for body in bodies.values() if len((text := " ".join(body)).split()) >= 150]
    print(f"{len(texts)} stories of {len(bodies)} articles in {told.newspapers} newspapers")
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), texts, told.newspapers)


def measure(folder: Path, texts: list[str], newspapers: int) -> None:
    """Fill an archive, ask for the copies of each article."""
    store = FolderStore(folder / "archive")
    all_of = list(planted(texts, newspapers))
    rows = [
        ArticleRow(
            article=article, site=article.url.split("/")[2], run="r", captured=article.published or AT,
            warc=Location(warc="warc/a", offset=n, length=1), version=str(n), extractor=EXTRACTOR,
        )
        for n, (_, _, article) in enumerate(all_of)
    ]  # fmt: skip
    write_table(store, "articles/site=a/month=2026-11/r-aaaaaaaa.parquet", rows)
    with contextlib.closing(Search(folder / "s.sqlite")) as search:
        began = time.perf_counter()
        search.follow(store)
        print(f"{len(rows) / (time.perf_counter() - began):,.0f} articles added a second")
        ask(search, all_of)


def ask(search: Search, all_of: list[tuple[int, str, Article]]) -> None:
    """Recall by kind, precision, time."""
    story_of = {article.url: story for story, _, article in all_of}
    kind_of = {article.url: kind for _, kind, article in all_of}
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    right = wrong = 0
    seconds = []
    for story in sorted(set(story_of.values())):
        members = {url for url, of in story_of.items() if of == story}
        for url in sorted(members)[:8]:
            began = time.perf_counter()
            cluster = {copy.url for copy in copies_of(search, url)} - {url}
            seconds.append(time.perf_counter() - began)
            right += len(cluster & members)
            wrong += len(cluster - members)
            for other in members - {url}:
                if kind_of[other] in found:
                    found[kind_of[other]].append(other in cluster)
    total = [each for some in found.values() for each in some]
    print("recall", *(f"{kind} {statistics.mean(some):.3f}" for kind, some in found.items()), end=" ")
    print(f"all {statistics.mean(total):.3f}  precision {right / max(right + wrong, 1):.3f}")
    print(
        f"a question: median {1000 * statistics.median(seconds):.1f} ms, worst {1000 * max(seconds):.1f} ms"
    )


if __name__ == "__main__":
    main()
