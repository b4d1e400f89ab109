"""How well articles are read from pages, against gold, beside other extractors in the same run.

    python benchmarks/extraction.py --pages DIR [--peers DIR] [--only NAME]... [--worst 15] [--json]

--peers is a folder in which an environment for newspaper4k and news-please is made; without it they are left
out.

DIR holds one folder a newspaper: pages as `*.html.gz` (or `*.html`), and `gold.json`, an object whose values
each say what one of the pages says:

    {"title": str, "authors": [str], "publishing_date": ISO 8601,
     "body": {"summary": [str], "sections": [{"headline": [str], "paragraphs": [str]}]}}

A page is matched with the gold of its folder that shares most words with it. `DIR/index.json`, where there is
one, gives the addresses: {newspaper: {"pages": [{"file": path under DIR, "url": str}]}}.

The measures, each the mean over the pages:
    body     F1 of shingles (4 words, or 4 characters of a script without spaces; counted, not a set) against
             gold paragraphs and standfirst. What counts as said is the body, with the standfirst before it
             where that is not in it.
    strict   the same of the body alone
    doubled  pages on which a text of over 60 characters, or more than a fifth of all shingles, comes again
    title, authors   equal to gold, but for case, spaces and forms of quotes; authors as a set
    date     the same minute
    cpu      median of process time relative to trafilatura alone, page by page; the peers of --peers measure
             theirs in their own process
"""

import argparse
import gzip
import json
import re
import statistics
import sys
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from archive.dates import read_time
from archive.extract import EXTRACTOR
from benchmarks.extractors import HERE, PACKAGES, PEERS, Child, Said, timed
from benchmarks.peers import made_python

Ask = Callable[[str, str, str], tuple[Said, float]]  # of a page's name, HTML, URL

DENSE = re.compile(r"[぀-ヿ㐀-鿿가-힯豈-﫿]")
TOKEN = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|[^\W぀-ヿ㐀-鿿豈-﫿]+")
QUOTES = str.maketrans("‘’‚‛“”„‟«»‹›´`", "''''\"\"\"\"\"\"''''")


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page and what it says."""

    name: str
    url: str
    html: str
    gold: dict[str, Any]

    @property
    def paragraphs(self) -> list[str]:
        body = self.gold.get("body") or {}
        return [
            *body.get("summary", []),
            *(p for section in body.get("sections", []) for p in section.get("paragraphs", [])),
        ]


@dataclass(kw_only=True)
class Score:
    """The measures of one extractor, page by page."""

    body: list[float] = field(default_factory=list)
    strict: list[float] = field(default_factory=list)
    precision: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    title: list[bool] = field(default_factory=list)
    authors: list[bool] = field(default_factory=list)
    date: list[bool] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)


def pages_of(folder: Path, only: list[str]) -> Iterator[Page]:
    """All pages with gold."""
    index = folder / "index.json"
    entries = json.loads(index.read_text()).values() if index.exists() else ()
    urls = {page["file"]: page["url"] for entry in entries for page in entry["pages"]}
    for paper in sorted(p for p in folder.iterdir() if (p / "gold.json").exists()):
        golds = list(json.loads((paper / "gold.json").read_text()).values())
        for file in sorted([*paper.glob("*.html.gz"), *paper.glob("*.html")]):
            raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            name = str(file.relative_to(folder))
            html = raw.decode("utf-8", "replace")
            gold = matching(html, golds)
            if gold and (not only or any(o in name for o in only)):
                yield Page(
                    name=name, url=urls.get(name, f"https://{paper.name}.example/"), html=html, gold=gold
                )


def matching(html: str, golds: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The gold whose words the page has, most of all."""
    words = set(tokens(html))

    def share(gold: dict[str, Any]) -> float:
        said = tokens(" ".join(Page(name="", url="", html="", gold=gold).paragraphs) + gold.get("title", ""))
        return sum(word in words for word in said) / max(len(said), 1)

    return max(golds, key=share, default=None)


def tokens(text: str) -> list[str]:
    """Words; characters of scripts without spaces."""
    return TOKEN.findall(text.lower())


def shingles(texts: tuple[str, ...] | list[str]) -> Counter[tuple[str, ...]]:
    """Runs of four words, counted."""
    words = tokens("\n".join(texts))
    return Counter(zip(words, words[1:], words[2:], words[3:], strict=False)) or Counter([tuple(words)])


def overlap(said: Counter[tuple[str, ...]], gold: Counter[tuple[str, ...]]) -> tuple[float, float, float]:
    """F1, precision, recall of counted shingles."""
    both = (said & gold).total()
    precision, recall = both / max(said.total(), 1), both / max(gold.total(), 1)
    return (2 * precision * recall / (precision + recall) if both else 0.0), precision, recall


def plain(text: str) -> str:
    """A title or name for comparing."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(QUOTES).split()).casefold()


def doubled(body: tuple[str, ...]) -> bool:
    """Whether a body says itself twice."""
    long = [" ".join(p.split()) for p in body if len(p) > 60]
    found = shingles(list(body))
    again = sum(n - 1 for n in found.values())
    return len(long) != len(set(long)) or again > found.total() / 5


def measure(score: Score, page: Page, ask: Ask) -> None:
    """Run one extractor on one page."""
    said, seconds = ask(page.name, page.html, page.url)
    score.cpu.append(seconds)
    score.pages.append(page.name)
    gold = shingles(page.paragraphs)
    beside = said.standfirst and plain(said.standfirst) not in plain("\n".join(said.body))
    f1, precision, recall = overlap(shingles([said.standfirst, *said.body] if beside else said.body), gold)
    score.body.append(f1)
    score.precision.append(precision)
    score.recall.append(recall)
    score.strict.append(overlap(shingles(said.body), gold)[0])
    score.doubled += [page.name] if doubled(said.body) else []
    score.empty += [] if any(said.body) else [page.name]
    facts(score, page.gold, said)


def facts(score: Score, gold: dict[str, Any], said: Said) -> None:
    """Compare title, authors and date, each where gold has it."""
    if gold.get("title"):
        score.title.append(plain(gold["title"]) == plain(said.title))
    if gold.get("authors"):
        score.authors.append({plain(a) for a in gold["authors"]} == {plain(a) for a in said.authors})
    date = read_time(str(gold.get("publishing_date") or ""))
    if date:
        minute = said.date.astimezone(UTC).replace(second=0, microsecond=0) if said.date else None
        score.date.append(minute == date.replace(second=0, microsecond=0))


@contextmanager
def asked(cache: Path | None) -> Iterator[dict[str, Ask]]:
    """How each extractor is asked."""
    found: dict[str, Ask] = {name: partial(timed, run) for name, run in HERE.items()}
    children: dict[str, Child] = {}
    try:
        python = made_python(cache, "extractors", PACKAGES, "newspaper, newsplease")
        children = {name: Child(python, name) for name in PEERS}
    except OSError as error:
        print(f"without {', '.join(PEERS)}: {error}")
    try:
        yield found | {name: child.ask for name, child in children.items()}
    finally:
        for child in children.values():
            child.close()


def summary(score: Score, base: Score) -> dict[str, Any]:
    """The figures of an extractor."""
    ratios = [a / b for a, b in zip(score.cpu, base.cpu, strict=True) if b]
    means = {n: statistics.fmean(getattr(score, n) or [0]) for n in
             ("body", "precision", "recall", "strict", "title", "authors", "date")}  # fmt: skip
    return means | {
        "doubled": len(score.doubled), "empty": len(score.empty), "cpu": statistics.median(ratios),
        "cpu_total": sum(score.cpu) / sum(base.cpu), "pages": len(score.body),
    }  # fmt: skip


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[], help="pages whose path has this")
    parser.add_argument("--worst", type=int, default=0, help="list so many of our worst pages")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peers", type=Path, help="where an environment for the peers is, or is made")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with asked(options.peers) as runs:
        scores = {name: Score() for name in runs}
        for number, page in enumerate(pages_of(options.pages, options.only)):
            order = list(runs.items())
            for name, ask in order if number % 2 else order[::-1]:
                measure(scores[name], page, ask)
    found = {name: summary(score, scores["trafilatura"]) for name, score in scores.items()}
    if options.json:
        print(json.dumps({"extractor": EXTRACTOR} | found, indent=1))
        return
    columns = list(next(iter(found.values())))
    print(f"{'':14}" + "".join(f"{c:>10}" for c in columns))
    for name, each in found.items():
        print(
            f"{name:14}" + "".join(f"{v:10.3f}" if isinstance(v, float) else f"{v:10}" for v in each.values())
        )
    mine = scores["newsmorgue"]
    print("doubled:", *mine.doubled, "empty:", *mine.empty)
    for f1, name in sorted(zip(mine.body, mine.pages, strict=True))[: options.worst]:
        print(f"{f1:.3f} {name}")


if __name__ == "__main__":
    main()
