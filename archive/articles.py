"""Articles as rows: Parquet files in the store, one row an article version, each with its WARC Location."""

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from archive.extract import EXTRACTOR
from archive.model import Article, ArticleRow, Image, Location
from archive.store import Store

TIME = pa.timestamp("us", tz="UTC")
IMAGE = pa.struct([("url", pa.string()), ("caption", pa.string()), ("credit", pa.string())])
WARC = pa.struct([("key", pa.string()), ("offset", pa.int64()), ("length", pa.int64())])
SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("headline", pa.string()),
        ("standfirst", pa.string()),
        ("authors", pa.list_(pa.string())),
        ("agency", pa.string()),
        ("published", TIME),
        ("modified", TIME),
        ("section", pa.string()),
        ("language", pa.string()),
        ("access", pa.string()),
        ("body", pa.list_(pa.string())),
        ("images", pa.list_(IMAGE)),
        ("source", pa.string()),
        ("site", pa.string()),
        ("run", pa.string()),
        ("captured", TIME),
        ("warc", WARC),
        ("version", pa.string()),
        ("extractor", pa.string()),
    ]
)


def version_of(article: Article) -> str:
    """SHA-256 (hex) of what the article says: words only, so that markup and dates do not make versions."""
    said = [article.headline, article.standfirst, article.agency, *article.authors, *article.body]
    return hashlib.sha256("\n".join(" ".join(s.split()) for s in said).encode()).hexdigest()


def table_keys(site: str, run: str, rows: Iterable[ArticleRow]) -> dict[str, list[ArticleRow]]:
    """The rows of one run by the key of the Parquet file that holds them (one per month of capture)."""
    tables: dict[str, list[ArticleRow]] = defaultdict(list)
    edition = hashlib.sha256(EXTRACTOR.encode()).hexdigest()[:8]
    for row in rows:
        tables[f"articles/site={site}/month={row.captured:%Y-%m}/{run}-{edition}.parquet"].append(row)
    return dict(tables)


def write_table(store: Store, key: str, rows: list[ArticleRow]) -> None:
    """Write one Parquet file."""
    out = io.BytesIO()
    table = pa.Table.from_pylist([row_dict(row) for row in rows], schema=SCHEMA)
    pq.write_table(table, out, compression="zstd")
    store.put(key, out.getvalue())


def row_dict(row: ArticleRow) -> dict[str, Any]:
    """An article as one flat row, named as its fields are."""
    article = row.article
    place = {"key": row.warc.warc, "offset": row.warc.offset, "length": row.warc.length}
    plain = {n: getattr(article, n) for n in Article.__slots__}
    plain |= {n: getattr(row, n) for n in ("site", "run", "captured", "version", "extractor")}
    images = [{n: getattr(i, n) for n in Image.__slots__} for i in article.images]
    lists = {"authors": list(article.authors), "body": list(article.body), "images": images}
    return plain | lists | {"warc": place, "source": json.dumps(article.source, sort_keys=True)}


def json_row(row: ArticleRow) -> dict[str, Any]:
    """The row for JSON: moments as ISO 8601 texts, sources as an object."""
    data = row_dict(row) | {"source": row.article.source}
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in data.items()}


def rows(
    store: Store,
    *,
    site: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    url: str | None = None,
    versions: bool = False,
) -> list[ArticleRow]:
    """Article rows, newest capture first; of each URL the latest only, unless `versions` are asked for.

    `since` and `until` (exclusive) are compared with the time of capture. With `versions`, a URL has one row
    for each thing it said, from the first capture that said it.
    """
    found = [row for key in _keys(store, site, since, until) for row in _read(store, key)]
    kept = [r for r in found if (not since or r.captured >= since) and (not until or r.captured < until)]
    kept = [r for r in kept if url is None or r.article.url == url]
    kept.sort(key=lambda r: (r.captured, r.article.url))
    chosen: dict[tuple[str, str], ArticleRow] = {}
    for row in kept:
        name = (row.article.url, row.version if versions else "")
        if not versions or name not in chosen:
            chosen[name] = row
    return sorted(chosen.values(), key=lambda r: (r.captured, r.article.url), reverse=True)


def _keys(store: Store, site: str | None, since: datetime | None, until: datetime | None) -> list[str]:
    prefix = f"articles/site={site}/" if site else "articles/"
    first = f"{since:%Y-%m}" if since else ""
    last = f"{until:%Y-%m}" if until else "9999"
    return [k for k in store.keys(prefix) if first <= k.split("/month=")[1][:7] <= last]


def _read(store: Store, key: str) -> list[ArticleRow]:
    # One thread: pyarrow's pool is sometimes still at work when a short command ends, and aborts it.
    table = pq.ParquetFile(io.BytesIO(store.read(key))).read(use_threads=False)
    return [_row(data) for data in table.to_pylist()]


def _row(data: dict[str, Any]) -> ArticleRow:
    place = data.pop("warc")
    own = {n: data.pop(n) for n in ("site", "run", "captured", "version", "extractor")}
    data["authors"], data["body"] = tuple(data["authors"]), tuple(data["body"])
    data["images"] = tuple(Image(**i) for i in data["images"])
    data["source"] = json.loads(data["source"])
    warc = Location(warc=place["key"], offset=place["offset"], length=place["length"])
    return ArticleRow(article=Article(**data), warc=warc, **own)
