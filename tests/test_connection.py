"""Keys and settings from an Airflow connection: used, and shown to nobody."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
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


# tests/test_workers.py runs it, too: it prints its key.
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
import json, os, sys
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.models import Connection
from airflow.utils.session import create_session
bag = DagBag()
DagBundlesManager().sync_bundles_to_db()
sync_bag_to_db(bag, "dags-folder", None)
found = {}
def test(dag, conf):
    print("=== " + dag, flush=True)
    ti = bag.dags[dag].test(run_conf=conf).get_task_instances()[0]
    found.setdefault(dag, []).append([str(ti.state), ti.xcom_pull(task_ids="crawl")])
test("leaky", {})
with create_session() as session:
    session.add(Connection(**json.load(sys.stdin)))
test("leaky", {})
test("crawl_paper", {"limit": 2})
print("=== end")
json.dump(found, open(sys.argv[1], "w"))
"""


@dataclass
class Ran:
    """What came of the three runs: without a connection, of a crawl that prints its key, of a real one."""

    home: Path
    archive: str
    states: list[str]
    xcoms: list[Any]
    said: list[str]

    def holds(self, text: str) -> list[str]:
        """The files of this Airflow (database and logs among them) in which a text stands."""
        files = [path for path in self.home.rglob("*") if path.is_file()]
        return [str(path) for path in files if text.encode() in path.read_bytes()]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, weed: dict[str, str]) -> Iterator[Ran]:
    """An Airflow of its own, on SQLite, whose environment knows of no store; it starts slowly, so once."""
    folder = tmp_path_factory.mktemp("connection")
    for name in ("airflow", "dags", "sites"):
        (folder / name).mkdir()
    (folder / "fake.py").write_text(LEAKS)
    (folder / "dags" / "leaky.py").write_text(LEAKY_DAG.format(fake=str(folder / "fake.py")))
    shutil.copy(Path(__file__).parent.parent / "dags" / "crawl.py", folder / "dags")
    archive = f"s3://morgue/{folder.name}"
    with Specimen(edition=0) as paper:
        lines = ['name = "S"', f'home = "{paper.base}/"', f'feeds = ["{paper.base}/feeds/rss.xml"]']
        (folder / "sites" / "paper.toml").write_text(
            "\n".join([*lines, "allow_private = true", "delay = 0.0"])
        )
        yield _run(folder, connection(weed, archive), archive)


def _run(folder: Path, connection: dict[str, Any], archive: str) -> Ran:
    home = folder / "airflow"
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MORGUE_"))},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(b"k" * 32).decode(),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "MORGUE_SITES": str(folder / "sites"),
        "MORGUE_SPOOL": str(folder / "spool"),
    }
    migrate = [str(Path(sys.executable).with_name("airflow")), "db", "migrate"]
    subprocess.run(migrate, env=env, check=True, capture_output=True, timeout=300)
    answer = folder / "answer.json"
    command = [sys.executable, "-c", RUN, str(answer)]
    done = subprocess.run(
        command, input=json.dumps(connection), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=500, check=False,
    )  # fmt: skip
    assert answer.exists(), done.stdout[-3000:]
    found = json.loads(answer.read_text())
    states, xcoms = zip(*found["leaky"], *found["crawl_paper"], strict=True)
    said = re.split(r"^=== .*$", done.stdout, flags=re.M)[1:4]
    return Ran(home=home, archive=archive, states=list(states), xcoms=list(xcoms), said=said)


def connection(env: dict[str, str], archive: str) -> dict[str, Any]:
    return {
        "conn_id": "morgue",
        "conn_type": "aws",
        "login": env["AWS_ACCESS_KEY_ID"],
        "password": env["AWS_SECRET_ACCESS_KEY"],
        "extra": json.dumps({"archive": archive, "endpoint_url": env["AWS_ENDPOINT_URL_S3"]}),
    }


@pytest.mark.timeout(900)
def test_a_task_that_knows_of_no_store_fails_and_says_what_to_do(ran: Ran) -> None:
    assert ran.states[0] == "failed"
    assert "there is no connection 'morgue'" in ran.said[0]


@pytest.mark.timeout(900)
def test_a_crawl_is_given_the_connection_by_its_environment(ran: Ran) -> None:
    assert (ran.states[1], ran.xcoms[1]["reason"]) == ("success", ran.archive)


@pytest.mark.timeout(900)
def test_a_crawl_finds_its_store_by_the_connection_alone(ran: Ran, s3: dict[str, str]) -> None:
    assert ran.states[2] == "success", ran.said[2][-3000:]
    (run,) = all_runs(open_store(ran.archive))
    assert run.key == ran.xcoms[2]["manifest"]


@pytest.mark.timeout(900)
def test_the_key_stands_in_no_dag_rendered_field_or_xcom(ran: Ran) -> None:
    """Nor anywhere else in Airflow's database. That logs are masked, which a worker does: test_workers.py."""
    assert ran.holds(SECRET) == []
    assert ran.holds("crawl_paper")
