"""Articles as rows: Parquet files in the store, one row an article version, each with its WARC Location."""

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from archive.errors import DamagedTable
from archive.model import Article, ArticleRow, Image, Link, Location
from archive.store import Store
from archive.words import extractor_rank

TIME = pa.timestamp("us", tz="UTC")
TEXTS = pa.list_(pa.string())
IMAGE = pa.struct(
    [("url", pa.string()), ("caption", pa.string()), ("credit", pa.string()), ("agencies", TEXTS)]
)
LINK = pa.struct([("url", pa.string()), ("text", pa.string()), ("place", pa.string())])
RECURRING = pa.struct([("text", pa.string()), ("articles", pa.int64())])
SUBHEAD = pa.struct([("before", pa.int64()), ("text", pa.string())])
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
        ("kicker", pa.string()),
        ("byline", pa.string()),
        ("dateline", pa.string()),
        ("canonical", pa.string()),
        ("kind", pa.string()),
        ("subheads", pa.list_(SUBHEAD)),
        ("related", TEXTS),
        ("confidence", pa.float64()),
        ("flags", TEXTS),
        ("number", pa.string()),
        ("wire", pa.bool_()),
        ("notes", TEXTS),
        ("raw", pa.string()),
        ("kind_confidence", pa.float64()),
        ("roles", TEXTS),
        ("links", pa.list_(LINK)),
        ("comments", pa.string()),
        ("rights", TEXTS),
        ("titles", TEXTS),
        ("told", TEXTS),
        ("furniture", pa.list_(RECURRING)),
        ("first_seen", TIME),
        ("site", pa.string()),
        ("run", pa.string()),
        ("captured", TIME),
        ("warc", WARC),
        ("version", pa.string()),
        ("extractor", pa.string()),
    ]
)


OWN = ("site", "run", "captured", "version", "extractor", "first_seen")
STREAMED = 200  # rows that are read at a time
PLAIN = ("related", "flags", "notes", "roles", "rights", "titles", "told")  # lists of text


def table_keys(
    site: str, run: str, rows: Iterable[ArticleRow], extractor: str = ""
) -> dict[str, list[ArticleRow]]:
    """The rows of one run by the key of the Parquet file that holds them (one per month of capture)."""
    tables: dict[str, list[ArticleRow]] = defaultdict(list)
    for row in rows:
        tables[table_key(site, run, f"{row.captured:%Y-%m}", extractor)].append(row)
    return dict(tables)


def _present() -> str:
    from archive.extract import EXTRACTOR  # a long import, for which those who only read have no use

    return EXTRACTOR


def table_key(site: str, run: str, month: str, extractor: str = "") -> str:
    """The key of a run's rows of a month ("2026-11"), as an extractor (the present one) reads them."""
    edition = hashlib.sha256((extractor or _present()).encode()).hexdigest()[:8]
    return f"articles/site={site}/month={month}/{run}-{edition}.parquet"


def write_table(store: Store, key: str, rows: list[ArticleRow], extractor: str = "", rules: str = "") -> None:
    """Write one Parquet file; without rows it says that this extractor found none.

    `rules` tell which rules of the newspaper it was read by (`selectors.digest_of`).
    """
    out = io.BytesIO()
    schema = SCHEMA.with_metadata({"extractor": extractor or _present(), "rules": rules})
    table = pa.Table.from_pylist([row_dict(row) for row in rows], schema=schema)
    pq.write_table(table, out, compression="zstd")
    store.put(key, out.getvalue())


def rules_of_table(store: Store, key: str) -> str:
    """Which rules a table was read by, as `write_table` was told."""
    metadata = pq.read_schema(io.BytesIO(store.read(key))).metadata or {}
    return str(metadata.get(b"rules", b"").decode())


def row_dict(row: ArticleRow) -> dict[str, Any]:
    """An article as one flat row, named as its fields are."""
    article = row.article
    place = {"key": row.warc.warc, "offset": row.warc.offset, "length": row.warc.length}
    plain = {n: getattr(article, n) for n in Article.__slots__}
    plain |= {n: getattr(row, n) for n in OWN}
    images = [{n: getattr(i, n) for n in Image.__slots__} for i in article.images]
    lists = {
        "authors": list(article.authors), "body": list(article.body), "images": images,
        "subheads": [{"before": n, "text": text} for n, text in article.subheads],
        "links": [{n: getattr(link, n) for n in Link.__slots__} for link in article.links],
        "furniture": [{"text": text, "articles": count} for text, count in article.furniture],
        **{name: list(getattr(article, name)) for name in PLAIN},
    }  # fmt: skip
    return plain | lists | {"warc": place, "source": _json(article.source), "raw": _json(article.raw)}


def json_row(row: ArticleRow) -> dict[str, Any]:
    """The row for JSON: moments as ISO 8601 texts, sources as an object."""
    data = row_dict(row) | {"source": row.article.source, "raw": row.article.raw}
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
    for each thing it said, from the first capture that said it. Of a run that was read by several extractors
    the newest one's rows count.
    """
    kept = [
        r
        for r in sightings(store, site=site, since=since, until=until)
        if url is None or r.article.url == url
    ]
    chosen: dict[tuple[str, str], ArticleRow] = {}
    for row in kept:
        name = (row.article.url, row.version if versions else "")
        if not versions or name not in chosen:
            chosen[name] = row
    return sorted(chosen.values(), key=lambda r: (r.captured, r.article.url), reverse=True)


def sightings(
    store: Store,
    *,
    site: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[ArticleRow]:
    """Every row, one a capture, oldest first, by the newest extractor that read its run."""
    found = [
        row for keys in _by_run(_keys(store, site, since, until)).values() for row in _newest(store, keys)
    ]
    kept = [r for r in found if (not since or r.captured >= since) and (not until or r.captured < until)]
    return sorted(kept, key=lambda r: (r.captured, r.article.url))


def _json(said: Mapping[str, str]) -> str:
    return json.dumps(dict(said), sort_keys=True, ensure_ascii=False)


def rows_of_run(store: Store, site: str, run: str) -> list[ArticleRow]:
    """The rows of one run, by the newest extractor that read it."""
    keys = [
        key for key in store.keys(f"articles/site={site}/") if key.rpartition("/")[2].startswith(f"{run}-")
    ]
    return [row for group in _by_run(keys).values() for row in _newest(store, group)]


def newest_rows(store: Store, groups: Iterable[str]) -> list[ArticleRow]:
    """The rows of some tables, named as `tables` names them, by the newest extractor that wrote each."""
    found: list[ArticleRow] = []
    for group in groups:
        if keys := [key for key in store.keys(f"{group}-") if key.rpartition("-")[0] == group]:
            found += _newest(store, keys)
    return found


def stream_of(store: Store, group: str) -> Iterator[ArticleRow]:
    """The rows of one table, named as `tables` names it, by the newest extractor, some at a time: a run may
    have a hundred thousand.
    """
    keys = [key for key in store.keys(f"{group}-") if key.rpartition("-")[0] == group]
    if len(keys) > 1:
        keys = [max(keys, key=lambda key: extractor_rank(_extractor_of(_opened(store, key))))]
    for key in keys:
        table = _opened(store, key)
        try:
            for batch in table.iter_batches(STREAMED, use_threads=False):
                yield from map(_row, batch.to_pylist())
        except (pa.ArrowException, OSError) as error:
            raise _damaged(key, error) from error


def tables(store: Store, site: str | None = None) -> dict[str, list[str]]:
    """The keys of all tables, by what they are of: articles/site=.../month=.../<run>."""
    return _by_run(_keys(store, site, None, None))


def _by_run(keys: list[str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        grouped[key.rpartition("-")[0]].append(key)
    return grouped


def _newest(store: Store, keys: list[str]) -> list[ArticleRow]:
    read = [read_table(store, key) for key in keys]
    return max(read, key=lambda each: extractor_rank(each[0]))[1]


def _keys(store: Store, site: str | None, since: datetime | None, until: datetime | None) -> list[str]:
    prefix = f"articles/site={site}/" if site else "articles/"
    first = f"{since:%Y-%m}" if since else ""
    last = f"{until:%Y-%m}" if until else "9999"
    return [k for k in store.keys(prefix) if first <= k.split("/month=")[1][:7] <= last]


def read_table(store: Store, key: str) -> tuple[str, list[ArticleRow]]:
    """The extractor that wrote a file, and its rows; raise DamagedTable where it cannot be read."""
    file = _opened(store, key)
    try:
        # One thread: pyarrow's pool is sometimes still at work when a short command ends, and aborts it.
        table = file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(key, error) from error
    return _extractor_of(file), [_row(data) for data in table.to_pylist()]


def _opened(store: Store, key: str) -> pq.ParquetFile:
    data = store.read(key)
    try:
        return pq.ParquetFile(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(key, error) from error


def _extractor_of(file: pq.ParquetFile) -> str:
    """Which extractor wrote a table; an old one says so in its rows alone."""
    if told := (file.schema_arrow.metadata or {}).get(b"extractor", b"").decode():
        return str(told)
    names = file.read(["extractor"], use_threads=False)["extractor"] if file.metadata.num_rows else []
    return str(names[0].as_py()) if len(names) else ""


def _damaged(key: str, error: Exception) -> DamagedTable:
    return DamagedTable(f"{key} is no table of articles ({error}); remove it, and `morgue extract` makes it")


LATER = (
    "kicker",
    "byline",
    "dateline",
    "canonical",
    "kind",
    "subheads",
    "related",
    "confidence",
    "flags",
    "number",
    "wire",
    "notes",
    "raw",
    "kind_confidence",
    "roles",
    "links",
    "comments",
    "rights",
    "titles",
    "told",
    "furniture",
)


def _row(data: dict[str, Any]) -> ArticleRow:
    """A row of any age: what its file does not know yet is left as not found."""
    place = data.pop("warc")
    own = {n: data.pop(n, None) for n in OWN}
    data = {n: v for n, v in data.items() if n in Article.__slots__ and (n not in LATER or v is not None)}
    for name in ("authors", "body", *PLAIN):
        data[name] = tuple(data.get(name) or ())
    data["subheads"] = tuple((each["before"], each["text"]) for each in data.get("subheads") or ())
    data["images"] = tuple(Image(**{**i, "agencies": tuple(i.get("agencies") or ())}) for i in data["images"])
    data["links"] = tuple(Link(**each) for each in data.get("links") or ())
    data["furniture"] = tuple((each["text"], each["articles"]) for each in data.get("furniture") or ())
    data["source"] = json.loads(data["source"])
    data["raw"] = json.loads(data.get("raw") or "{}")
    warc = Location(warc=place["key"], offset=place["offset"], length=place["length"])
    return ArticleRow(article=Article(**data), warc=warc, **own)
