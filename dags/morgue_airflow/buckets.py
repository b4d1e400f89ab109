"""Which DAG file holds which newspapers: one file for a few, ten buckets for many.

Rules: a DAG file has a time limit, so a thousand newspapers must not stand in one. A newspaper's bucket is
that of its name's CRC-32, whatever others there are. A bucket without newspapers imports nothing of Airflow,
since the DAG processor reads every file again and again.
"""

import os
import zlib
from pathlib import Path
from typing import Any

from archive.config import Config, site_folder

BUCKETS = 10
FEW = 200  # newspapers that one file may hold
ASKED = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"  # set while a task loads its own DAG


def bucket(number: int) -> dict[str, Any]:
    """The DAGs of bucket `number` (0 to 9), by DAG id; for a task its own, in whatever bucket."""
    folder = site_folder(Config.from_env())
    paths = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if ASKED not in os.environ:
        paths = share(paths, number)
    if not paths:
        return {}
    from morgue_airflow.factory import crawl_dags

    return dict(crawl_dags(paths))


def share(paths: list[Path], number: int) -> list[Path]:
    """The site files of a bucket: all are in the first where they are few."""
    if len(paths) <= FEW:
        return paths if number == 0 else []
    return [path for path in paths if zlib.crc32(path.stem.encode()) % BUCKETS == number]
