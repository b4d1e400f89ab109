"""Captures as Parquet, in the columns of Common Crawl's index."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.columns import SCHEMA, column_row, write_columns
from archive.index import Index, merge
from archive.model import Capture, Location
from archive.process import index_run, write_missing_columns
from archive.runs import all_runs
from archive.store import Store
from tests.test_index import AT, add_run


def capture(url: str) -> Capture:
    return Capture(
        surt="example,paper)/a", at=datetime(2026, 11, 20, 6, 0, 0, 250_000, UTC), url=url, status=200,
        mime="text/html", digest="sha1:AAAA", location=Location(warc="warc/p/a.warc.gz", offset=7, length=9),
    )  # fmt: skip


def table(store: Store, key: str) -> list[dict[str, object]]:
    return list(pq.read_table(io.BytesIO(store.read(key)), use_threads=False).to_pylist())


def test_each_capture_of_a_run_is_one_row_with_its_place(tmp_path: Path) -> None:
    store = add_run(tmp_path, 0, "http://news.paper.example/a?x=1", "http://paper.example/b")
    [run] = all_runs(store)
    [key] = write_columns(store, run)
    assert key == f"captures/site={run.site}/month=2026-11/{run.id}.parquet"
    found = {(c.url, c.location.warc, c.location.offset, c.location.length) for c in Index(store).all()}
    rows = table(store, key)
    assert {
        (r["url"], r["warc_filename"], r["warc_record_offset"], r["warc_record_length"]) for r in rows
    } == found
    assert {r["fetch_time"] for r in rows} == {AT}


def test_a_host_is_told_by_its_public_suffix() -> None:
    row = column_row(capture("https://www.paper.co.uk:8443/a/b?q=1"), "run")
    told = {name: row[f"url_{name}"] for name in ("protocol", "port", "path", "query")}
    assert told == {"protocol": "https", "port": 8443, "path": "/a/b", "query": "q=1"}
    assert row["url_host_registry_suffix"] == "co.uk"
    assert row["url_host_registered_domain"] == "paper.co.uk"
    assert row["url_host_name_reversed"] == "uk.co.paper.www"
    assert [row["url_host_tld"], row["url_host_2nd_last_part"], row["url_host_5th_last_part"]] == [
        "uk", "co", None,
    ]  # fmt: skip


def test_a_private_suffix_is_told_apart_from_a_registry(tmp_path: Path) -> None:
    row = column_row(capture("https://paper.github.io/"), "run")
    assert row["url_host_registered_domain"] == "github.io"
    assert row["url_host_private_domain"] == "paper.github.io"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_an_address_has_no_top_level_domain(host: str) -> None:
    row = column_row(capture(f"http://{host}:8080/a"), "run")
    assert row["url_host_name"] == host.strip("[]")
    assert row["url_host_tld"] is None
    assert row["url_host_registered_domain"] is None


def test_a_digest_is_written_as_common_crawl_writes_it() -> None:
    assert column_row(capture("http://paper.example/"), "run")["content_digest"] == "AAAA"


@given(st.one_of(st.text(), st.text().map("http://{}".format), st.text().map("http://a.example{}".format)))
def test_any_url_makes_a_row_of_known_columns(url: str) -> None:
    row = column_row(capture(url), "run")
    assert row["url"] == url
    assert set(row) <= set(SCHEMA.names)


def test_indexing_a_run_writes_its_columns_once(tmp_path: Path) -> None:
    store = add_run(tmp_path, 0, "http://paper.example/a")
    [run] = all_runs(store)
    assert index_run(store, run.key)["columns"] == index_run(store, run.key)["columns"]
    assert len(list(store.keys("captures/"))) == 1


def test_runs_indexed_by_an_older_version_get_their_columns(tmp_path: Path) -> None:
    for number in range(3):
        store = add_run(tmp_path, number, "http://paper.example/a")
    merge(store)
    assert write_missing_columns(store) == 3
    assert write_missing_columns(store) == 0
