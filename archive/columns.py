"""Captures as Parquet, for questions to the whole of an archive: columns named as Common Crawl's are.

The names are those of cc-index-table (github.com/commoncrawl/cc-index-table), so that queries written for it
fit. Rules: one file a run and month, write-once, made from the CDXJ; what we do not know (detected type,
charset, languages) is null. Differences: offsets and lengths are 64 bits, since our WARCs may be that large;
`site`, `month`, `warc_type`, `wall`, `rights` and `record_id` are ours.
"""

import io
import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import tldextract

from archive.cdxj import capture_of
from archive.index import read_lines
from archive.model import Capture, Run
from archive.store import Store

TEXT = pa.string()
HOST = (
    "url_host_name", "url_host_tld", "url_host_2nd_last_part", "url_host_3rd_last_part",
    "url_host_4th_last_part", "url_host_5th_last_part", "url_host_registry_suffix",
    "url_host_registered_domain", "url_host_private_suffix", "url_host_private_domain",
    "url_host_name_reversed",
)  # fmt: skip
SCHEMA = pa.schema(
    [
        ("url_surtkey", TEXT),
        ("url", TEXT),
        *((name, TEXT) for name in HOST),
        ("url_protocol", TEXT),
        ("url_port", pa.int32()),
        ("url_path", TEXT),
        ("url_query", TEXT),
        ("fetch_time", pa.timestamp("ms", tz="UTC")),
        ("fetch_status", pa.int16()),
        ("fetch_redirect", TEXT),
        ("content_digest", TEXT),
        ("content_mime_type", TEXT),
        ("content_mime_detected", TEXT),
        ("content_charset", TEXT),
        ("content_languages", TEXT),
        ("content_truncated", TEXT),
        ("warc_filename", TEXT),
        ("warc_record_offset", pa.int64()),
        ("warc_record_length", pa.int64()),
        ("warc_segment", TEXT),
        ("crawl", TEXT),
        ("subset", TEXT),
        ("warc_type", TEXT),
        ("record_id", TEXT),
        ("wall", TEXT),
        ("rights", TEXT),
    ]
)
BATCH = 20_000


def columns_key(site: str, run: str, month: str) -> str:
    """The key of a run's captures of a month ("2026-11")."""
    return f"captures/site={site}/month={month}/{run}.parquet"


def write_columns(store: Store, run: Run) -> list[str]:
    """Write the captures of a published run, where they are not there yet; the keys."""
    lines = (line for warc in run.warcs for line in read_lines(store, warc.cdxj))
    months: dict[str, list[str]] = {}
    for line in lines:
        stamp = line.split(" ", 2)[1]
        months.setdefault(f"{stamp[:4]}-{stamp[4:6]}", []).append(line)
    keys = []
    for month, some in sorted(months.items()):
        key = columns_key(run.site, run.id, month)
        if store.size(key) is None:
            store.put(key, _parquet(map(capture_of, sorted(some)), run.id))
        keys.append(key)
    return keys


def _parquet(captures: Iterable[Capture], run: str) -> bytes:
    out = io.BytesIO()
    with pq.ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        for batch in _batches(captures):
            rows = [column_row(capture, run) for capture in batch]
            writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
    return out.getvalue()


def _batches(captures: Iterable[Capture]) -> Iterator[list[Capture]]:
    found = iter(captures)
    while batch := list(itertools.islice(found, BATCH)):
        yield batch


def column_row(capture: Capture, run: str) -> dict[str, Any]:
    """A capture as one row."""
    return _url_columns(capture.url) | {
        "url_surtkey": capture.surt,
        "url": capture.url,
        "fetch_time": capture.at.astimezone(UTC),
        "fetch_status": capture.status or None,
        "fetch_redirect": capture.redirect,
        "content_digest": capture.digest.removeprefix("sha1:") or None,
        "content_mime_type": capture.mime or None,
        "content_truncated": capture.truncated,
        "warc_filename": capture.location.warc,
        "warc_record_offset": capture.location.offset,
        "warc_record_length": capture.location.length,
        "crawl": run,
        "subset": "warc",
        "warc_type": capture.kind,
        "record_id": capture.id or None,
        "wall": capture.wall or None,
        "rights": capture.rights or None,
    }


def _url_columns(url: str) -> dict[str, Any]:
    """The columns that a URL alone fills; only its text where it is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return {}
    own = {"url_protocol": parts.scheme, "url_port": port, "url_path": parts.path}
    return own | {"url_query": parts.query or None} | dict(zip(HOST, _host_columns(host), strict=True))


@lru_cache(4096)
def _host_columns(host: str) -> tuple[str | None, ...]:
    registry, private = _split(host)
    address = (not registry.suffix and host.replace(".", "").isdigit()) or ":" in host
    parts = [] if address else host.split(".")[::-1]
    last = [parts[n] if n < len(parts) else None for n in range(5)]
    reversed_name = ".".join(parts) if parts else host
    return (
        host or None, *last, registry.suffix or None, registry.top_domain_under_public_suffix or None,
        private.suffix or None, private.top_domain_under_public_suffix or None, reversed_name or None,
    )  # fmt: skip


def _split(host: str) -> tuple[tldextract.tldextract.ExtractResult, tldextract.tldextract.ExtractResult]:
    extract = _suffixes()
    return (
        extract(host, include_psl_private_domains=False),
        extract(host, include_psl_private_domains=True),
    )


@cache
def _suffixes() -> tldextract.TLDExtract:
    """The list of public suffixes that came with the package: nothing is asked of the network."""
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
