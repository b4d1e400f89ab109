"""A data set: the articles of a selection in one file, and beside it what a reader of it must know.

    articles.parquet | articles.jsonl | articles.csv
    selection.json             what was asked: `morgue export --again selection.json` asks it again
    README.md                  the datasheet: what was crawled, gaps, recall, rights, and the data dictionary
    ro-crate-metadata.json     RO-Crate 1.1 (w3id.org/ro/crate/1.1): files, sizes, digests, columns

Rules: rows are streamed; a CSV cell that a spreadsheet would run as a formula gets an apostrophe before it
(OWASP, CSV injection); files are written beside their name and take it when they are whole.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from archive import __version__
from archive.articles import SCHEMA, json_row, row_dict
from archive.dictionary import COLUMNS, markdown
from archive.errors import CallerError
from archive.model import ArticleRow
from archive.reports import RunReport, in_parallel, read_report, recent_keys
from archive.selection import Selected
from archive.store import Store

FORMATS = ("parquet", "jsonl", "csv")
BATCH = 500  # rows that are in memory at once
GROUP = 16 << 20  # bytes of a row group
REPORTS = 16  # reports of runs that are in memory at once
# The context of RO-Crate 1.1 has no word for a digest.
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://schema.org/sha256"}]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
MEDIA = {
    "parquet": "application/vnd.apache.parquet", "jsonl": "application/jsonl", "csv": "text/csv",
    "json": "application/json", "md": "text/markdown",
}  # fmt: skip
DATASHEET = """\
# {count} articles of {papers} newspapers

`{name}`, made {made} UTC by Newsmorgue {version}, selection `{id}`. Captured {within} UTC. Every row
names the WARC record that it was read from.

## What was asked

```json
{asked}
```

`selection.json` holds it: `morgue export --again selection.json --out FOLDER` asks it again.

## What was crawled, and what is missing

As the reports of the runs in these weeks tell. *Archived* is the share of the articles that feeds, front
pages and sitemaps named and that robots.txt allowed; a gap is a time of more than a day without any run.

| newspaper | rows | runs | archived of named | failed | longest gap |
|---|---|---|---|---|---|
{newspapers}

## Rights

The pages belong to their publishers. What they say of the use of each page was recorded with it. Left out by
the policy and the rules of this archive:

{left}

## How the rows were made

Pages were fetched by a crawler that obeys robots.txt, kept as WARC records byte for byte, and read by the
extractor that each row names; `source` says for each field where it came from. Extraction errs: `confidence`
and `flags` tell of doubt. Empty means not found, never that the page had none.

## Columns

{columns}"""


def write_dataset(
    selected: Selected, folder: Path, form: str, *, progress: Callable[[int], None] | None = None
) -> Path:
    """Write the data set into an empty or new folder; raise CallerError where the folder holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CallerError(f"{folder} is not empty: name a new folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"articles.{form}"
    seen = _Seen(progress)
    with _whole(data) as path, path.open("wb") as out:
        for piece in STREAMS[form](seen.watch(selected.rows())):
            out.write(piece)
    asked = selected.selection.plain() | {
        "asked_at": selected.asked_at.isoformat(),
        "id": selected.selection.id,
    }
    _text(folder / "selection.json", json.dumps(asked, indent=1, ensure_ascii=False) + "\n")
    _text(folder / "README.md", datasheet(selected, seen, data.name))
    _text(folder / "ro-crate-metadata.json", json.dumps(crate(folder, data, selected, seen), indent=1) + "\n")
    return data


class _Seen:
    """What of the rows the datasheet tells."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self.sites: dict[str, int] = {}
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.progress = progress

    def watch(self, rows: Iterable[ArticleRow]) -> Iterator[ArticleRow]:
        for number, row in enumerate(rows, 1):
            self.sites[row.site] = self.sites.get(row.site, 0) + 1
            self.first = min(self.first or row.captured, row.captured)
            self.last = max(self.last or row.captured, row.captured)
            if self.progress:
                self.progress(number)
            yield row


# --- the rows -----------------------------------------------------------------------------------------------


def parquet_of(rows: Iterable[ArticleRow]) -> Iterator[bytes]:
    """One Parquet file with the columns of the archive's own tables, piece by piece."""
    sink = _Sink()
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd") as out:
        for table in _groups(rows):
            out.write_table(table, row_group_size=len(table))
            yield sink.taken()
    yield sink.taken()


def _groups(rows: Iterable[ArticleRow]) -> Iterator[pa.Table]:
    """Rows in tables of some megabytes, each a row group: the file's end has much to tell of each."""
    waiting: list[pa.RecordBatch] = []
    for some in batched_rows(rows):
        waiting.append(pa.RecordBatch.from_pylist([row_dict(row) for row in some], schema=SCHEMA))
        if sum(batch.nbytes for batch in waiting) >= GROUP:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


class _Sink(io.RawIOBase):
    """A file that is written from its beginning to its end, and given away as it is."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        self._size += len(self._pieces[-1])
        return len(self._pieces[-1])

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def jsonl_of(rows: Iterable[ArticleRow]) -> Iterator[bytes]:
    """One JSON object a line."""
    for row in rows:
        yield (json.dumps(json_row(row), ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def csv_of(rows: Iterable[ArticleRow]) -> Iterator[bytes]:
    """One row a line; lists with a line end between their parts, records as JSON."""
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow([column.name for column in COLUMNS])
    yield b"\xef\xbb\xbf" + _emptied(out)  # the mark tells spreadsheets of UTF-8
    for row in rows:
        said = json_row(row)
        table.writerow([cell(said[column.name]) for column in COLUMNS])
        yield _emptied(out)


def _emptied(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode("utf-8", "replace")


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet takes for a formula."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = "\n".join(value)
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    text = text.replace("\0", "\ufffd")
    return f"'{text}" if text.startswith(FORMULA) else text


def batched_rows(rows: Iterable[ArticleRow]) -> Iterator[list[ArticleRow]]:
    """Rows in lists of a size that memory can hold."""
    some: list[ArticleRow] = []
    for row in rows:
        some.append(row)
        if len(some) == BATCH:
            yield some
            some = []
    if some:
        yield some


STREAMS: dict[str, Callable[[Iterable[ArticleRow]], Iterator[bytes]]] = {
    "parquet": parquet_of,
    "jsonl": jsonl_of,
    "csv": csv_of,
}


# --- what a reader must know --------------------------------------------------------------------------------


def datasheet(selected: Selected, seen: _Seen, name: str) -> str:
    """The datasheet, as Markdown (after Gebru and others, Datasheets for Datasets, 2021)."""
    left = [f"- {count:,} articles: {said}" for said, count in selected.left_out.most_common()]
    newspapers = [_newspaper(selected.store, site, count, seen) for site, count in sorted(seen.sites.items())]
    within = f"{seen.first:%Y-%m-%d %H:%M} to {seen.last:%Y-%m-%d %H:%M}" if seen.first and seen.last else "–"
    return DATASHEET.format(
        count=f"{selected.count:,}", papers=len(seen.sites), name=name,
        made=f"{selected.asked_at:%Y-%m-%d %H:%M}",
        version=__version__, id=selected.selection.id, within=within, newspapers="\n".join(newspapers),
        asked=json.dumps(selected.selection.plain(), indent=1, ensure_ascii=False),
        left="\n".join(left) or "- nothing", columns=markdown(),
    )  # fmt: skip


def _newspaper(store: Store, site: str, count: int, seen: _Seen) -> str:
    runs = named = archived = failed = 0
    times: list[datetime] = []
    for report in _reports(store, site, seen):
        runs += 1
        named += report.named - report.forbidden
        archived += report.archived
        failed += report.failed
        times.append(report.started)
    if not runs:
        return f"| {site} | {count:,} | – | – | – | – |"
    times.sort()
    gap = max((b - a for a, b in pairwise(times)), default=timedelta(0))
    share = f"{min(archived / named, 1):.1%}" if named > 0 else "–"
    shown = f"{gap.days} days" if gap > timedelta(days=1) else "none"
    return f"| {site} | {count:,} | {runs:,} | {share} | {failed:,} | {shown} |"


def _reports(store: Store, site: str, seen: _Seen) -> Iterator[RunReport]:
    """The reports of the runs in which the rows were captured, some at a time: each may be long."""
    first, last = seen.first, seen.last
    if first is None or last is None:
        return
    first -= timedelta(hours=1)
    keys = recent_keys(store, site, first)
    for some in (keys[n : n + REPORTS] for n in range(0, len(keys), REPORTS)):
        for report in in_parallel(lambda key: read_report(store, key), some):
            if report.ended >= first and report.started <= last:
                yield report


def crate(folder: Path, data: Path, selected: Selected, seen: _Seen) -> dict[str, Any]:
    """The RO-Crate metadata of the folder."""
    files = [data, folder / "selection.json", folder / "README.md"]
    columns = [
        {
            "@id": f"#{c.name}",
            "@type": "PropertyValue",
            "name": c.name,
            "description": c.what,
            "valueReference": c.type,
        }
        for c in COLUMNS
    ]
    root = {
        "@id": "./", "@type": "Dataset", "name": f"{selected.count:,} archived articles",
        "identifier": selected.selection.id,
        "description": f"Articles of {', '.join(sorted(seen.sites)) or 'no newspaper'}, as archived",
        "datePublished": f"{selected.asked_at:%Y-%m-%d}", "temporalCoverage": _span(seen),
        "license": {"@id": "#rights"}, "author": {"@id": "#archive"}, "publisher": {"@id": "#archive"},
        "hasPart": [{"@id": file.name} for file in files],
        "variableMeasured": [{"@id": each["@id"]} for each in columns],
    }  # fmt: skip
    about = {
        "@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }  # fmt: skip
    made = {
        "@id": "#newsmorgue", "@type": "SoftwareApplication", "name": "Newsmorgue", "version": __version__,
    }  # fmt: skip
    keeper = {"@id": "#archive", "@type": "Organization", "name": "A newspaper archive kept with Newsmorgue"}
    rights = {
        "@id": "#rights", "@type": "CreativeWork", "name": "The rights of the publishers",
        "description": "The pages belong to their publishers; README.md tells what they say of their use",
    }  # fmt: skip
    graph = [about, root, *(_file(file) for file in files), made, keeper, rights, *columns]
    return {"@context": CONTEXT, "@graph": graph}


def _span(seen: _Seen) -> str:
    if seen.first is None or seen.last is None:
        return ""
    return f"{seen.first.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}/{seen.last.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@id": path.name, "@type": "File", "name": path.name, "contentSize": str(path.stat().st_size),
        "encodingFormat": MEDIA[path.suffix[1:]], "sha256": digest, "creator": {"@id": "#newsmorgue"},
    }  # fmt: skip


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A path beside the wanted one, which takes its name when all was written; gone after an error."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _text(path: Path, text: str) -> None:
    with _whole(path) as part:
        part.write_text(text, encoding="utf-8")
