"""The crawl log: a line per exchange beside each WARC, the same after a crash."""

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.crawllog import unpacked
from archive.errors import DamagedWarc
from archive.model import Exchange
from archive.publish import recover
from archive.runs import all_runs
from archive.spool import Spool, repair
from archive.store import FolderStore, open_store
from spiders.specimen import Specimen
from tests.conftest import Ran
from tests.keeping import Answer, Keeper, edition
from tests.test_spool import begin, exchange
from tests.test_study import URL, told

Morgue = Callable[..., Ran]


def sealed(spool: Spool) -> list[dict[str, Any]]:
    (path,) = spool.folder.glob("*.jsonl.gz")
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def silent(url: str) -> Exchange:
    usual = exchange()
    return replace(usual, url=url, response=b"", head_length=0, error="it closed the connection", via="feed")


def test_each_exchange_has_a_line_with_what_came_of_it(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    capture = spool.submit(replace(exchange(), via="feed", referrer="https://paper.example/feed")).result()
    spool.submit(silent("https://paper.example/lost")).result()
    spool.close("finished")
    first, second = sealed(spool)
    assert capture is not None
    assert (first["status"], first["url"], first["digest"]) == (200, capture.url, capture.digest)
    assert (first["via"], first["from"]) == ("feed", "https://paper.example/feed")
    assert (first["offset"], first["length"]) == (capture.location.offset, capture.location.length)
    assert first["size"] == len(exchange().response)
    assert (second["status"], second["error"]) == (0, "it closed the connection")
    assert second["offset"] > first["offset"]


def test_a_log_made_anew_after_a_crash_says_the_same(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    for number in range(3):
        spool.submit(exchange(url=f"https://paper.example/{number}")).result()
    spool.submit(silent("https://paper.example/lost")).result()
    (log,) = spool.folder.glob("*.jsonl.open")
    before = log.read_text()
    log.write_text("torn")
    repair(spool.folder)
    (after,) = spool.folder.glob("*.jsonl.gz")
    assert gzip.decompress(after.read_bytes()).decode() == before
    assert len(before.splitlines()) == 4


def test_a_recovered_run_has_its_log_in_the_store(tmp_path: Path) -> None:
    spool = begin(tmp_path)
    spool.submit(exchange()).result()
    os.close(spool._lock)  # as if its process had been killed
    (done,) = recover(tmp_path / "spool", keep_hours=1)
    assert done.action == "published", done.error
    store = open_store(spool.start.archive)
    (run,) = all_runs(store)
    assert run.warcs[0].log.startswith("logs/paper/")
    assert len(list(unpacked(store.read(run.warcs[0].log)))) == 1


def test_the_manifest_names_the_log_and_the_command_reads_it(
    morgue: Morgue, paper: Specimen, tmp_path: Path, site: Any
) -> None:
    name = site(paper)
    done = morgue("crawl", name, "--url", paper.base + "/")
    assert done.code == 0, done.err
    (run,) = all_runs(open_store(str(tmp_path / "archive")))
    lines = morgue("log", run.id, "--json").rows
    assert len(lines) == run.counts["exchanges"]
    assert {line["url"] for line in lines} >= {paper.base + "/", paper.base + "/robots.txt"}
    shown = morgue("log", run.id)
    assert len(shown.out.splitlines()) == len(lines)
    failed = morgue("log", run.id, "--failed", "--json").rows
    assert all(line["status"] == 0 or line["status"] >= 400 for line in failed)
    assert len(failed) == sum(line["status"] == 0 or line["status"] >= 400 for line in lines)


def test_a_run_without_a_log_is_read_from_its_warcs(morgue: Morgue, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    run = keeper.keep(Answer(at=edition(20), url=URL, body=told("40 million crowns")))
    assert isinstance(keeper.store, FolderStore)
    with_log = morgue("log", run.id, "--json").rows
    (keeper.store.root / run.warcs[0].log).unlink()
    assert morgue("log", run.id, "--json").rows == with_log


def test_a_damaged_log_is_told() -> None:
    with pytest.raises(DamagedWarc, match="cannot be read"):
        list(unpacked(b"no gzip"))


def test_a_takedown_takes_its_lines_out_of_the_log(morgue: Morgue, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    other = URL + "-other"
    run = keeper.keep(
        Answer(at=edition(20), url=URL, body=told("40 million crowns")),
        Answer(at=edition(20), url=other, body=told("41 million crowns")),
    )
    assert morgue("access", "erase", URL, "--reason", "court order", "--yes").code == 0
    text = "".join(unpacked(keeper.store.read(run.warcs[0].log)))
    assert f'"{other}"' in text
    assert f'"{URL}"' not in text
