"""Does every edit of real newspapers become one version of the right class, and nothing else one?

    python benchmarks/editions.py DIR [--newspapers 93] [--crawl] [--kept FOLDER] [--again]

DIR has serve.py, which serves real newspapers on loopback in editions that come one after the other: each
publishes some articles, edits the headline or a paragraph of others, takes some down, and tells at /truth
what it did. All articles are captured in every edition, by one `morgue capture` (or by a `morgue crawl` of
each newspaper, which takes an hour of CPU), read by `morgue extract`, and the archive is asked as a program
asks. Compared with the truth are

  versions    of each article as many as it had states while it was there
  classes     of each edit: headline, or correction (a note was added to a paragraph)
  withdrawals each article that was taken down (410) told as gone, and no other
  joins       no two articles taken for one

--kept keeps the archive in a folder, and asks the one that is there; --again extracts that anew first.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import archive
from archive.errors import NotCaptured
from archive.history import away
from archive.sites import Site, write_site
from archive.versions import diff
from benchmarks.measure import TREE, fetched

CONTROL = "127.20.255.1"
APART = timedelta(days=40)  # between editions, as the crawls take it: all that is known is due
RIGHT = {"headline": "headline", "body": "correction"}


@dataclass(slots=True)
class Tally:
    """What was found, against the truth."""

    articles: int = 0
    planned: int = 0
    exact: int = 0
    found: int = 0
    gone: int = 0
    lost: int = 0
    classes: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def main() -> None:
    """Crawl, extract, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dir", type=Path)
    parser.add_argument("--newspapers", type=int, default=1000, help="At most so many.")
    parser.add_argument("--kept", type=Path, help="Keep the archive here, or use the one that is there.")
    parser.add_argument("--crawl", action="store_true", help="Crawl each newspaper, and list no addresses.")
    parser.add_argument("--again", action="store_true", help="Extract a kept archive anew.")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="morgue-editions-") as made:
        folder = told.kept or Path(made)
        truth = folder / "truth.json"
        if not truth.exists():
            with newspapers(told.dir) as control:
                take_all(folder, control, told.newspapers, crawl=told.crawl)
        if told.again:
            morgue(folder, ["extract", "--again", "--yes"])
        compare(folder, json.loads(truth.read_text()))


@contextmanager
def newspapers(folder: Path) -> Iterator[str]:
    """The newspapers, served by a process of their own; yields the address where they are told what to do."""
    port = free_port()
    command = [sys.executable, str(folder / "serve.py"), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        print(server.stdout.readline().strip(), flush=True)
        yield f"http://{CONTROL}:{port}"
    finally:
        server.kill()
        server.wait()


def free_port() -> int:
    """A port that is free on the address of the control, and most likely on the others."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as tried:
            if tried.connect_ex((CONTROL, port)):
                return port


def take_all(folder: Path, control: str, most: int, *, crawl: bool) -> None:
    """Every newspaper in every edition, then all rows; the truth is written when all is there."""
    papers = dict(list(json.loads(fetched(control + "/")).items())[:most])
    bases = {name: paper["base"] for name, paper in papers.items()}
    told = json.loads(fetched(control + "/truth"))
    truth = {name: told[name] for name in papers}
    editions = json.loads(fetched(control + "/edition"))["editions"]
    for edition in range(editions):
        fetched(f"{control}/edition?set={edition}")
        (crawled if crawl else captured)(folder, edition, bases, truth)
        print(f"edition {edition} taken", flush=True)
    morgue(folder, ["extract"])
    said = {"editions": editions, "papers": truth, "bases": bases}
    (folder / "truth.json").write_text(json.dumps(said))


def captured(folder: Path, edition: int, bases: dict[str, str], truth: dict[str, Any]) -> None:
    """The pages of all articles that were ever there, in one run."""
    urls = [
        bases[name] + told["path"]
        for name, all_of in truth.items()
        for told in all_of
        if told["born"] <= edition
    ]
    listed = folder / f"edition-{edition}.txt"
    listed.write_text("".join(f"{url}\n" for url in urls), encoding="utf-8")
    morgue(folder, ["capture", "-i", str(listed), "--delay", "0", "--allow-private", "--quiet"])


def crawled(folder: Path, edition: int, bases: dict[str, str], _truth: dict[str, Any]) -> None:
    """Each newspaper by a crawl of its own, which finds by itself what to fetch."""
    for name, base in bases.items() if not edition else ():
        site = Site(
            id=name.lower(), name=name, home=f"{base}/", feeds=(f"{base}/rss.xml", f"{base}/atom.xml"),
            sitemaps=(f"{base}/sitemap.xml",), allow_private=True, delay=0.0,
        )  # fmt: skip
        write_site(site, folder / "sites")
    names = [name.lower() for name in bases]
    at = f"{datetime.now(UTC) + edition * APART:%Y-%m-%dT%H:%MZ}"
    with ThreadPoolExecutor(2) as pool:
        some = (["crawl", "--as-of", at, "--quiet", *names[n::2]] for n in range(2))
        list(pool.map(morgue, [folder] * 2, some))


def settings(folder: Path) -> dict[str, str]:
    """The environment of the archive in a folder."""
    names = {"ARCHIVE": "archive", "SPOOL": "spool", "SITES": "sites", "SEARCH": "search"}
    own = {f"MORGUE_{name}": str(folder / where) for name, where in names.items()}
    return {**os.environ, **own, "MORGUE_CONTACT": "archive@example.org", "PYTHONPATH": str(TREE)}


def morgue(folder: Path, words: list[str]) -> None:
    """One command; what it says is shown where it fails."""
    command = [sys.executable, "-m", "archive", *words]
    done = subprocess.run(
        command, check=False, env=settings(folder), cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        raise SystemExit(f"morgue {words[0]} ended with {done.returncode}")


def compare(folder: Path, truth: dict[str, Any]) -> None:
    """All articles against the truth, and what that comes to."""
    tally = Tally()
    with archive.open(str(folder / "archive"), search=folder / "search") as kept:
        for paper, articles in truth["papers"].items():
            for told in articles:
                if told["born"] < truth["editions"]:
                    one(kept, truth["bases"][paper] + told["path"], told, truth["editions"], tally)
    shown(tally)


def one(kept: archive.Archive, url: str, told: dict[str, Any], editions: int, tally: Tally) -> None:
    """One article: its versions, what sort of edit each was, and whether it is told as gone."""
    last = min(told["gone"] or editions, editions)
    planned = [kinds[0][0] for when, kinds in sorted(told["edits"].items()) if int(when) < last]
    tally.articles += 1
    tally.planned += len(planned)
    there(kept, url, last < editions, tally)
    try:
        versions = kept.versions(url)
    except NotCaptured as error:
        tally.wrong.append(f"{url}: {error}")
        return
    others = {v.row.article.url for v in versions} - {url}
    if len(versions) != 1 + len(planned) or others:
        tally.wrong.append(f"{url}: {len(versions)} versions, {1 + len(planned)} planned {sorted(others)}")
        return
    tally.exact += 1
    for (before, after), kind in zip(pairwise(versions), planned, strict=True):
        classes = diff(before.row.article, after.row.article).classes
        tally.classes[kind, classes] += 1
        tally.found += RIGHT[kind] in classes
        if RIGHT[kind] not in classes:
            tally.wrong.append(f"{url}: {kind} is told as {', '.join(classes)}")


def there(kept: archive.Archive, url: str, taken_down: bool, tally: Tally) -> None:
    """Whether it is told that one article went away."""
    said = away(kept.index, url) is not None
    tally.gone += taken_down
    tally.lost += taken_down and said
    if taken_down != said:
        tally.wrong.append(f"{url}: {'not ' if taken_down else ''}told as taken down")


def shown(tally: Tally) -> None:
    """The figures, and all that is not as planned."""
    print(f"{tally.articles} articles, {tally.planned} edits, {tally.gone} taken down")
    print(f"articles with as many versions as planned: {tally.exact} of {tally.articles}")
    print(f"edits that are one version of the right class: {tally.found} of {tally.planned}")
    for (kind, classes), count in sorted(tally.classes.items()):
        print(f"  {kind:8} told as {', '.join(classes) or 'nothing'}: {count}")
    print(f"taken down and told as gone: {tally.lost} of {tally.gone}")
    print(f"not as planned: {len(tally.wrong)}")
    for each in tally.wrong:
        print(f"  {each}")


if __name__ == "__main__":
    main()
