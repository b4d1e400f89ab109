"""In Airflow's own pages: the newspapers, and what each run of a crawl has archived.

The pages are those of the reading room, in a frame. MORGUE_ROOM_URL says where it is; without it, Airflow
stays as it is. The room shows itself in a frame only to an origin that it was told of
(`morgue serve --framed-by`).
"""

import os
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from morgue_airflow.deadlines import Queued


def views(room: str) -> list[dict[str, Any]]:
    """The external views of a room at this URL; none without one."""
    room = room.rstrip("/")
    if not room.startswith(("http://", "https://")):
        return []
    archived = f"{room}/airflow/{{DAG_ID}}"
    return [
        _view("Newspapers", f"{room}/newspapers", "nav", "newspapers"),
        _view("Crawls now", f"{room}/live", "nav", "live"),
        _view("Edits", f"{room}/edits", "nav", "edits"),
        _view("Archive", archived, "dag", "archive-of-dag"),
        _view("Archive", f"{archived}?run={{RUN_ID}}", "dag_run", "archive-of-run"),
    ]


def _view(name: str, href: str, where: str, route: str) -> dict[str, Any]:
    return {"name": name, "href": href, "destination": where, "url_route": route}


REFERENCES: list[Any] = [Queued]


class NewsmorguePlugin(AirflowPlugin):
    """What Airflow loads."""

    name = "newsmorgue"
    deadline_references = REFERENCES
    external_views: list[dict[str, Any]] = views(os.environ.get("MORGUE_ROOM_URL", ""))
