"""A signal ends a crawl whenever it comes: while it opens, while it publishes, or when its parent is gone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from archive.runs import all_runs
from archive.store import open_store
from spiders.specimen.server import Specimen

SPIDER = """
import asyncio, json, os, signal, sys, time
from scrapy import Request, Spider, signals
from spiders.recorder import Recorder
from spiders.runner import crawl

class Signalled(Spider):
    name = "signalled"

    @classmethod
    def from_crawler(cls, crawler, *args, **kwargs):
        spider = super().from_crawler(crawler, *args, **kwargs)
        moment = os.environ["MOMENT"]
        if moment != "parsed":
            crawler.signals.connect(spider.signalled, getattr(signals, moment))
        return spider

    async def signalled(self):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.3)

    async def start(self):
        for path in ("", "culture/"):
            yield Request(sys.argv[1] + path)

    def parse(self, response):
        if os.environ["MOMENT"] == "parsed":
            os.kill(os.getpid(), signal.SIGTERM)

finish = Recorder._finish

def slowly(recorder, spider, reason):
    time.sleep(1)  # a store that is slow
    finish(recorder, spider, reason)

Recorder._finish = slowly
done = crawl(Signalled, archive=os.environ["MORGUE_ARCHIVE"], settings={"MORGUE_ALLOW_PRIVATE": True})
print(json.dumps(done.summary()))
"""


def crawled(moment: str, paper: Specimen, archive: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """A crawl of two pages that gets a signal at some moment."""
    return subprocess.run(
        [sys.executable, "-c", SPIDER, f"{paper.base}/"],
        env={**os.environ, "MOMENT": moment, "MORGUE_ARCHIVE": str(archive), **env},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("moment", ["spider_opened", "engine_started", "parsed", "spider_closed"])
def test_a_signal_ends_a_crawl_at_any_moment_and_what_it_has_is_published(
    moment: str, paper: Specimen, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    done = crawled(moment, paper, archive)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    published = [run.id for run in all_runs(open_store(str(archive)))] if said["manifest"] else []
    assert published == ([said["run"]] if moment in ("parsed", "spider_closed") else [])
    assert said["reason"] == ("finished" if moment == "spider_closed" else "stopped")


def test_a_crawl_whose_parent_is_gone_before_it_began_does_not_begin(paper: Specimen, tmp_path: Path) -> None:
    done = crawled("item_scraped", paper, tmp_path / "archive", MORGUE_DIE_WITH_PARENT="1")
    assert "the task that began this crawl has ended" in done.stderr
    assert not (tmp_path / "spool").exists()


def test_a_crawl_whose_parent_lives_goes_on(paper: Specimen, tmp_path: Path) -> None:
    parent = str(os.getpid())
    done = crawled("item_scraped", paper, tmp_path / "archive", MORGUE_DIE_WITH_PARENT=parent)
    assert json.loads(done.stdout)["reason"] == "finished", done.stderr
