"""What crawls tell, and what follows hears: one asset, whose partitions are `site|slot`.

Rules: a slot is the minute that a run was due at, in UTC. An event names the manifests of each of its
partitions, since a crawl also publishes what an earlier one left in the spool, of whatever newspaper.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset

PUBLISHED = Asset(name="published", uri="newsmorgue://published")


def partition(site: str, due: datetime) -> str:
    """The key of a newspaper and slot, as "herald|2026-11-23T18:00"."""
    return f"{site}|{due.astimezone(UTC):%Y-%m-%dT%H:%M}"


def partition_of(manifest: str) -> str:
    """The partition of a run that nothing but its manifest's key tells of: the minute that it began."""
    site, name = manifest.split("/")[1:3]
    return partition(site, datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))


def by_partition(manifests: Iterable[str]) -> dict[str, list[str]]:
    """Manifests of runs of the past, by partition."""
    found: dict[str, list[str]] = {}
    for manifest in manifests:
        found.setdefault(partition_of(manifest), []).append(manifest)
    return found


def due(context: Any) -> datetime:
    """When the run that a task is of was due."""
    run = context.get("dag_run")
    found = getattr(run, "logical_date", None) or getattr(run, "run_after", None)
    return found if isinstance(found, datetime) else datetime.now(UTC)


def tell(context: Any, outlets: Iterable[Any], manifests: dict[str, list[str]]) -> None:
    """Tell of manifests, by partition; of none, nothing."""
    if not manifests:
        return
    for outlet in outlets:
        event = context["outlet_events"][outlet]
        event.extra = {"manifests": manifests}
        event.add_partitions(sorted(manifests))


def told(context: Any) -> list[str]:
    """The manifests that a run is about: those that somebody asked for, or of the events that started it.

    Events of one partition may have come together: each counts.
    """
    if asked := list(context["params"].get("manifests") or ()):
        return asked
    key = getattr(context.get("dag_run"), "partition_key", None)
    events = [event for each in (context.get("triggering_asset_events") or {}).values() for event in each]
    found = [
        manifest
        for event in events
        for name, manifests in (event.extra.get("manifests") or {}).items()
        if key in (None, name)
        for manifest in manifests
    ]
    return list(dict.fromkeys(found))
