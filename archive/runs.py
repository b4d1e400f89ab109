"""Run manifests: what a run wrote. The manifest is put last; readers see only what one names."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from archive.errors import DamagedWarc, NotStored
from archive.model import PublishedWarc, Run
from archive.store import Store


def manifest_key(site: str, run_id: str) -> str:
    """The key of a run's manifest."""
    return f"runs/{site}/{run_id}.json"


def write_run(store: Store, run: Run) -> None:
    """Put the manifest: from here on the run is published."""
    data = asdict(run) | {"started": run.started.isoformat(), "ended": run.ended.isoformat()}
    del data["key"]
    store.put(run.key, json.dumps(data, indent=1, sort_keys=True).encode())


def read_run(store: Store, key: str) -> Run:
    """Read a manifest; raise NotStored or DamagedWarc."""
    try:
        data: dict[str, Any] = json.loads(store.read(key))
        data["started"] = datetime.fromisoformat(data["started"])
        data["ended"] = datetime.fromisoformat(data["ended"])
        data["warcs"] = tuple(PublishedWarc(**warc) for warc in data["warcs"])
        return Run(key=key, **data)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedWarc(f"{key} is no run manifest: {error}") from error


def unwritten(store: Store) -> list[str]:
    """Manifests of the runs whose captures do not stand as Parquet yet."""
    done = {key.rpartition("/")[2].removesuffix(".parquet") for key in store.keys("captures/")}
    return [key for key in run_keys(store) if key.rpartition("/")[2].removesuffix(".json") not in done]


def run_keys(store: Store, site: str | None = None) -> list[str]:
    """Keys of all manifests, oldest run first."""
    prefix = f"runs/{site}/" if site else "runs/"
    return sorted(store.keys(prefix), key=lambda key: key.rpartition("/")[2])


def all_runs(store: Store, site: str | None = None) -> Iterator[Run]:
    """All published runs, oldest first."""
    for key in run_keys(store, site):
        yield read_run(store, key)


def find_run(store: Store, run_id: str) -> Run:
    """The run of this id; raise NotStored where there is none."""
    for key in run_keys(store):
        if key.endswith(f"/{run_id}.json"):
            return read_run(store, key)
    raise NotStored(f"{store.url} holds no run {run_id}; `morgue runs` lists them")
