"""What crawls that were killed have left on this machine: published, indexed and extracted at once.

A second try may run on another worker, and knows only of what is in the store. Nobody else looks at this
spool before the next crawl here; and no asset event tells of a run that is published this way.
"""

import logging

from archive.config import Config
from archive.errors import MorgueError
from archive.process import extract_run, index_run
from archive.publish import Recovered, recover
from archive.runs import manifest_key
from archive.spool import read_start
from archive.store import open_store

logger = logging.getLogger(__name__)


def publish_leftovers() -> list[Recovered]:
    """Publish what is in this machine's spool and belongs to no living crawl; what fails stays there."""
    config = Config.from_env()
    done = recover(config.spool, keep_hours=config.spool_keep) if config.spool.is_dir() else []
    for each in done:
        if each.action == "published":
            archive = read_start(config.spool / each.run).archive
            follow(archive, manifest_key(each.site, each.run))
        elif each.error:
            logger.warning("left by run %s: %s", each.run, each.error)
    return [each for each in done if each.action in ("published", "restored", "failed")]


def follow(archive: str, manifest: str) -> None:
    """Index and extract a published run, where no event will; `morgue extract` does what fails now."""
    try:
        store = open_store(archive)
        if store.size(manifest) is not None:  # a run that wrote nothing has no manifest
            index_run(store, manifest)
            extract_run(store, manifest)
    except MorgueError as error:
        logger.warning("%s is published, but not yet extracted: %s", manifest, error)
