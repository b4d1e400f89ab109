"""The extractors that are compared, and how those run that have an environment of their own.

A peer's child reads a page a line (JSON: name, url, html) and answers with what it says of it and the seconds
of process time that it took: interleaved page by page with ours, and measured where it runs.
"""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PACKAGES = ("newspaper4k[all]==0.9.6", "news-please==1.6.16")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What an extractor says of a page."""

    title: str = ""
    authors: tuple[str, ...] = ()
    date: datetime | None = None
    standfirst: str = ""
    body: tuple[str, ...] = ()


Extractor = Callable[[str, str], Said]  # of the HTML and the URL of a page


def ours(html: str, url: str) -> Said:
    """Newsmorgue."""
    from archive.extract import extract

    found = extract(html, url)
    if found is None:
        return Said()
    return Said(
        title=found.headline, authors=found.authors or ((found.agency,) if found.agency else ()),
        date=found.published, standfirst=found.standfirst, body=found.body,
    )  # fmt: skip


def trafilatura_alone(html: str, url: str) -> Said:
    """trafilatura, without comments."""
    import trafilatura

    from archive.dates import read_time

    found = trafilatura.bare_extraction(html, url=url, include_comments=False, with_metadata=True)
    data = found.as_dict() if found else {}
    return Said(
        title=data.get("title") or "",
        authors=tuple(filter(None, (data.get("author") or "").split("; "))),
        date=read_time(data.get("date") or ""),
        body=tuple((data.get("text") or "").split("\n")),
    )


def newspaper4k(html: str, url: str) -> Said:
    """newspaper4k."""
    import newspaper

    found = newspaper.article(url, input_html=html)
    date = found.publish_date if isinstance(found.publish_date, datetime) else None
    return Said(
        title=found.title, authors=tuple(found.authors),
        date=date and (date if date.tzinfo else date.replace(tzinfo=UTC)), body=tuple(found.text.split("\n")),
    )  # fmt: skip


def news_please(html: str, url: str) -> Said:
    """news-please."""
    from newsplease import NewsPlease

    found = NewsPlease.from_html(html, url=url, fetch_images=False)
    date = found.date_publish.replace(tzinfo=UTC) if found.date_publish else None
    body = tuple((found.maintext or "").split("\n"))
    return Said(title=found.title or "", authors=tuple(found.authors), date=date, body=body)


HERE: dict[str, Extractor] = {"newsmorgue": ours, "trafilatura": trafilatura_alone}
PEERS: dict[str, Extractor] = {"newspaper4k": newspaper4k, "news-please": news_please}


def timed(run: Extractor, name: str, html: str, url: str) -> tuple[Said, float]:
    """What an extractor says, and its seconds of process time; one that fails has said nothing."""
    began = time.process_time()
    try:
        said = run(html, url)
    except Exception as error:  # noqa: BLE001 - whatever a peer raises
        print(f"{name}: {run.__name__}: {type(error).__name__}: {str(error)[:100]}", file=sys.stderr)
        said = Said()
    return said, time.process_time() - began


class Child:
    """A peer in its own Python."""

    def __init__(self, python: str, name: str) -> None:
        command = [python, str(Path(__file__)), name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, name: str, html: str, url: str) -> tuple[Said, float]:
        """What it says of a page, and the seconds it took; raise OSError where it has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps({"name": name, "html": html, "url": url}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise OSError(f"{self.process.args} has ended on {name}")
        data: dict[str, Any] = json.loads(line)
        date = data["date"] and datetime.fromisoformat(data["date"])
        said = Said(title=data["title"], authors=tuple(data["authors"]), date=date, body=tuple(data["body"]))
        return said, data["cpu"]

    def close(self) -> None:
        """Let it end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def serve(run: Extractor) -> None:
    """Answer pages until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a peer prints is no answer
    for line in sys.stdin:
        page = json.loads(line)
        said, cpu = timed(run, page["name"], page["html"], page["url"])
        data = asdict(said) | {"cpu": cpu, "date": said.date.isoformat() if said.date else None}
        print(json.dumps(data), file=answers, flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(PEERS[sys.argv[1]])
