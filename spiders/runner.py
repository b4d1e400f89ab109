"""Runs one crawl in this process: from pre-flight checks to a published run and its summary.

Rules: what can be known to fail fails before the first request. One SIGINT or SIGTERM stops the crawl: no
new request is begun, what is in flight is finished or recorded as cut, the WARC is sealed and published.
Further signals change nothing. The exit code is 0 only if the WARCs are published.
"""

import asyncio
import ctypes
import gc
import json
import logging
import os
import signal
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings
from scrapy.utils.project import get_project_settings

from archive.config import Config
from archive.errors import MorgueError, SiteError, SpoolError
from archive.publish import recover
from archive.store import open_store, write_durably
from spiders.recorder import Recorder

PR_SET_PDEATHSIG = 1
OPENING = 0.05  # seconds between two looks at a crawl that opens
TOOLS = ("botocore.", "boto3.", "s3transfer.", "urllib3.")
NOISY = (
    "scrapy.middleware",
    "scrapy.addons",
    "scrapy.crawler",
    "scrapy.utils.log",
    "scrapy.downloadermiddlewares.redirect",  # that no Referer is sent is how we want it
    "py.warnings",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled:
    """What came of a crawl; `recovered` are manifests of what earlier runs had left, published before it."""

    run: str
    site: str
    archive: str
    reason: str
    counts: dict[str, int]
    bytes: int
    warcs: tuple[str, ...]
    manifest: str | None
    failed: dict[str, str]
    recovered: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """The summary as one JSON object."""
        return {name: getattr(self, name) for name in self.__slots__}


def check(archive: str, spool: Path) -> None:
    """Raise a StoreError where the archive or the spool cannot be used; say what the store lacks."""
    store = open_store(archive)
    store.check()
    lacking = [name for name, there in store.abilities().items() if not there]
    if lacking:
        logging.getLogger(__name__).warning("%s lacks %s (`morgue store`)", store.url, ", ".join(lacking))
    try:
        spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=spool) as file:
            file.write(b"x")
    except OSError as error:
        raise SpoolError(f"cannot write to the spool {spool}: {error.strerror}; set MORGUE_SPOOL") from error


def crawl(
    spider: type[Spider], *, archive: str, settings: dict[str, Any], quiet: bool = False, **arguments: Any
) -> Crawled:
    """Run a spider to its end and publish; raise the MorgueError that kept it from being published."""
    _die_with_parent()
    _log(logging.WARNING)
    config = Config.from_env()
    check(archive, config.spool)
    recovered = _mend(config, Recorder.lasting(archive))
    process = AsyncCrawlerProcess(_settings(archive, settings))
    _log(logging.ERROR if quiet else logging.INFO)
    crawler = process.create_crawler(spider)
    process.crawl(crawler, **arguments)
    _obey_signals(process)
    gc.freeze()  # what is there by now stays: it need not be looked through again and again
    process.start(install_signal_handlers=False)
    recorder = crawler.get_extension(Recorder)
    if recorder is None:
        raise MorgueError("the crawl could not be started; see the log above")
    return replace(_outcome(recorder, archive), recovered=recovered)


def _mend(config: Config, archive: str) -> tuple[str, ...]:
    """What an earlier run left behind is published first; if that fails, this run goes on all the same."""
    done = recover(config.spool, keep_hours=config.spool_keep)
    for each in done:
        if each.action in ("published", "restored", "failed"):
            logging.getLogger(__name__).warning("left by run %s: %s %s", each.run, each.action, each.error)
    return tuple(each.manifest for each in done if each.manifest and each.archive == archive)


def _settings(archive: str, chosen: dict[str, Any]) -> Settings:
    os.environ.setdefault("SCRAPY_SETTINGS_MODULE", "spiders.settings")
    settings = get_project_settings()
    settings.set("MORGUE_ARCHIVE", archive, priority="cmdline")
    settings.set("LOG_INSTALL_ROOT_HANDLER", False, priority="cmdline")
    # The spider is given: other sites' files, right or wrong, are not read.
    settings.set("SPIDER_LOADER_CLASS", "scrapy.spiderloader.DummySpiderLoader", priority="cmdline")
    for name, value in chosen.items():
        settings.set(name, value, priority="cmdline")
    return settings


def _obey_signals(process: AsyncCrawlerProcess) -> None:
    from twisted.internet import reactor

    stopping: list[int] = []
    halt = _Halt(process)

    def stop(number: int, _frame: Any) -> None:
        if not stopping:
            stopping.append(number)
            logging.getLogger(__name__).warning("stopping: what is in flight is finished, then published")
            reactor.callFromThread(halt)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


class _Halt:
    """Ends the crawls of a process, each as soon as it can be ended; runs in the reactor's thread.

    Scrapy's own stop is of no use here. Of a crawl that is still opening it takes note and does nothing, and
    the crawl then never ends; one that closes already it leaves alone, half sealed.
    """

    def __init__(self, process: AsyncCrawlerProcess) -> None:
        self._process = process
        self._ending: list[asyncio.Future[None]] = []

    def __call__(self) -> None:
        """End what runs, and come back for what is opening."""
        early = False
        for crawler in self._process.crawlers:
            if recorder := crawler.get_extension(Recorder):
                recorder.stop()
            engine = crawler.engine
            if engine is None or not engine.running:
                early = True
            elif engine.spider is not None:
                self._ending.append(asyncio.ensure_future(engine.close_spider_async(reason="shutdown")))
        if early:
            asyncio.get_running_loop().call_later(OPENING, self)


def _die_with_parent() -> None:
    """Linux only: the kernel sends SIGTERM when our parent dies, so that no crawl is orphaned."""
    parent = os.environ.get("MORGUE_DIE_WITH_PARENT", "")
    if not parent:
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent != str(os.getppid()):  # it was dead before we had asked
        raise MorgueError("the task that began this crawl has ended")


def _outcome(recorder: Recorder, archive: str) -> Crawled:
    if recorder.error:
        raise type(recorder.error)(f"{recorder.error}; {_kept(recorder)}")
    spool, end = recorder.spool, recorder.end
    if spool is None or end is None:
        raise SiteError("the crawl ended before its first request; see the log above")
    return Crawled(
        run=spool.start.id,
        site=spool.start.site,
        archive=archive,
        reason=end.reason,
        counts=end.counts,
        bytes=spool.bytes,
        warcs=tuple(w.key for w in recorder.run.warcs) if recorder.run else (),
        manifest=recorder.run.key if recorder.run else None,
        failed=dict(getattr(recorder.crawler.spider, "failures", {})),
    )


def _kept(recorder: Recorder) -> str:
    if recorder.run:
        return f"what was captured before is published as run {recorder.run.id}"
    folder = recorder.spool.folder if recorder.spool else recorder.root
    return f"what was captured is in {folder}: `morgue recover` publishes it"


class _Line(logging.Formatter):
    """One line an event: the traceback of a site that does not answer helps nobody."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a traceback where Scrapy reports a failed download."""
        if record.exc_info and record.exc_info[0] and record.name.startswith("scrapy.downloadermiddlewares"):
            record.exc_info, record.exc_text = None, None
        return super().format(record)


def _log(level: int) -> None:
    """Log lines on standard error, from this level up; Scrapy sets the loggers' own levels to its liking."""
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: record.levelno >= level or _urgent(record))
    handler.setFormatter(_Line("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    handler.addFilter(lambda record: record.levelno >= logging.ERROR or record.name not in NOISY)
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or not record.name.startswith(TOOLS))
    root = logging.getLogger()
    root.handlers, root.level = [handler], logging.INFO
    # Scrapy makes a record of each request, to be thrown away: its logger is told not to.
    logging.getLogger("scrapy").setLevel(logging.INFO)


def _urgent(record: logging.LogRecord) -> bool:
    """A full disk, a store that is away: to be seen however quiet the crawl is."""
    return record.levelno >= logging.WARNING and record.name.startswith("archive.")


def write_result(path: Path, data: dict[str, Any]) -> None:
    """Leave the summary in a file, whole or not at all."""
    write_durably(path, [json.dumps(data, indent=1).encode()])
