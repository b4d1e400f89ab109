"""Keys and settings from an Airflow connection: used, and shown to nobody."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from morgue_airflow.connection import settings_of

from archive.errors import ConfigError
from archive.runs import all_runs
from archive.store import open_store
from spiders.specimen import Specimen

SECRET = "specimen-secret"
NOTHING: dict[str, Any] = {"host": None, "login": None, "password": None, "extra": {}}


def test_a_connection_becomes_the_variables_that_a_crawl_reads() -> None:
    extra = {"archive": "s3://b/p", "endpoint_url": "http://s3:1", "region_name": "eu", "MORGUE_ROLL_MB": 5}
    found = settings_of("morgue", host="", login="key", password="secret", extra=extra)
    assert found == {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_S3": "http://s3:1",
        "AWS_DEFAULT_REGION": "eu",
        "MORGUE_ARCHIVE": "s3://b/p",
        "MORGUE_ROLL_MB": "5",
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"extra": {"archvie": "s3://b"}}, "unknown key 'archvie'"),
        ({"extra": {"archive": ["s3://b"]}}, "archive in its extra is neither text nor a number"),
        ({"extra": {"MORGUE_SPOOL": "/x"}}, "MORGUE_SPOOL is a worker's own"),
        ({"host": "s3.example"}, "its host is no URL"),
        ({"login": "key"}, "go together"),
        ({"password": SECRET}, "go together"),
    ],
)
def test_a_wrong_connection_says_what_is_wrong_and_no_secret(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        settings_of("morgue", **(NOTHING | wrong))
    assert SECRET not in str(caught.value)


LEAKS = """\
import json, os, sys
print("the key is", os.environ["AWS_SECRET_ACCESS_KEY"], flush=True)
with open(sys.argv[sys.argv.index("--result") + 1], "w") as file:
    json.dump({"reason": os.environ["MORGUE_ARCHIVE"], "counts": {}}, file)
"""
LEAKY_DAG = """\
import sys
from airflow.sdk import DAG
from morgue_airflow.operators import CrawlOperator
with DAG(dag_id="leaky", schedule=None):
    CrawlOperator(task_id="crawl", site="paper", command=(sys.executable, {fake!r}))
"""
RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.models import Connection
from airflow.utils.session import create_session
if {connection!r}:
    with create_session() as session:
        session.add(Connection(**json.loads({connection!r})))
bag = DagBag()
DagBundlesManager().sync_bundles_to_db()
sync_bag_to_db(bag, "dags-folder", None)
ran = bag.dags[{dag!r}].test(run_conf={conf!r})
ti = ran.get_task_instances()[0]
json.dump([str(ti.state), ti.xcom_pull(task_ids="crawl")], open({answer!r}, "w"))
"""


class Airflow:
    """An Airflow of its own, on SQLite, whose environment knows of no store."""

    def __init__(self, folder: Path, dags: Path) -> None:
        self.folder = folder
        home = folder / "airflow"
        home.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MORGUE_ARCHIVE"))}
        self.env = {
            **kept,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__FERNET_KEY": "cG9zdGNhcmRzIGZyb20gdGhlIG1vcmd1ZSAxMjM0NTY=",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        }
        command = [str(Path(sys.executable).with_name("airflow")), "db", "migrate"]
        subprocess.run(command, env=self.env, check=True, capture_output=True, timeout=170)

    def test(self, dag: str, conf: dict[str, Any], connection: dict[str, Any] | None) -> tuple[str, Any, str]:
        """Run a DAG with a connection in the database: the task's state, its XCom, and all that was said."""
        answer = self.folder / "answer.json"
        told = json.dumps(connection) if connection else ""
        code = textwrap.dedent(RUN).format(connection=told, dag=dag, conf=conf, answer=str(answer))
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        said = done.stdout + done.stderr
        assert answer.exists(), said[-3000:]
        state, xcom = json.loads(answer.read_text())
        return state, xcom, said

    def holds(self, text: str) -> list[str]:
        """The files of this Airflow (database and logs among them) in which a text stands."""
        files = [path for path in (self.folder / "airflow").rglob("*") if path.is_file()]
        return [str(path) for path in files if text.encode() in path.read_bytes()]


def connection(env: dict[str, str], archive: str) -> dict[str, Any]:
    return {
        "conn_id": "morgue",
        "conn_type": "aws",
        "login": env["AWS_ACCESS_KEY_ID"],
        "password": env["AWS_SECRET_ACCESS_KEY"],
        "extra": json.dumps({"archive": archive, "endpoint_url": env["AWS_ENDPOINT_URL_S3"]}),
    }


@pytest.mark.timeout(400)
def test_a_crawl_finds_its_store_by_the_connection_alone_and_nothing_shows_the_key(
    tmp_path: Path, weed: dict[str, str], s3: dict[str, str], paper: Specimen
) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    lines = ['name = "S"', f'home = "{paper.base}/"', f'feeds = ["{paper.base}/feeds/rss.xml"]']
    (sites / "paper.toml").write_text("\n".join([*lines, "allow_private = true", "delay = 0.0"]))
    airflow = Airflow(tmp_path, Path(__file__).parent.parent / "dags")
    archive = f"s3://morgue/{tmp_path.name}"
    state, xcom, said = airflow.test("crawl_paper", {"limit": 2}, connection(weed, archive))
    assert state == "success", said[-3000:]
    (run,) = all_runs(open_store(archive))
    assert run.key == xcom["manifest"]
    assert (SECRET in said, airflow.holds(SECRET)) == (False, [])


@pytest.mark.timeout(400)
def test_a_key_that_a_crawl_prints_is_masked_and_a_task_without_a_store_is_tried_again(
    tmp_path: Path, weed: dict[str, str]
) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (tmp_path / "fake.py").write_text(LEAKS)
    (dags / "leaky.py").write_text(LEAKY_DAG.format(fake=str(tmp_path / "fake.py")))
    airflow = Airflow(tmp_path, dags)
    state, _, said = airflow.test("leaky", {}, None)
    assert state == "failed"
    assert "there is no connection 'morgue'" in said
    state, xcom, said = airflow.test("leaky", {}, connection(weed, "s3://morgue/elsewhere"))
    assert (state, xcom["reason"]) == ("success", "s3://morgue/elsewhere")
    assert "the key is ***" in said
    assert (SECRET in said, airflow.holds(SECRET)) == (False, [])
