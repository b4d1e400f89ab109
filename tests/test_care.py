"""Looking after an archive: audits, a WACZ a month, and the DAGs that do so."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.audit import audit
from archive.config import Config
from archive.errors import CallerError
from archive.monthly import bounds, last_month, packages
from archive.store import FolderStore, Store
from tests.keeping import Answer, Keeper, edition
from tests.test_dags import airflow
from tests.test_study import FILLING, URL, page, told

assert airflow  # a fixture
Morgue = Callable[..., Any]
NOW = datetime(2026, 12, 2, 5, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    keeper = Keeper(tmp_path)
    for day in (20, 21, 22):
        keeper.keep(Answer(at=edition(day), url=URL, body=told(f"{day} million crowns")))
    return keeper.store


def warcs(store: Store) -> list[str]:
    return sorted(store.keys("warc/"))


def file_of(store: Store, key: str) -> Path:
    assert isinstance(store, FolderStore)
    return store.root / key


def test_an_audit_reads_every_warc_once_in_a_cycle(store: Store) -> None:
    done = [audit(store, now=NOW + timedelta(days=n), cycle=5) for n in range(5)]
    assert sum(each.warcs for each in done) == 3
    assert not any(each.damaged for each in done)
    assert len({each.share for each in done}) == 5


def test_what_an_audit_found_is_written_down(store: Store) -> None:
    done = audit(store, now=NOW, cycle=1)
    said = json.loads(store.read("audit/2026-12-02T050000Z.json"))
    assert (said["warcs"], said["bytes"], said["damaged"]) == (3, done.bytes, [])


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "bytes and not"),
        (lambda path: path.write_bytes(path.read_bytes()[:400] + b"\0" + path.read_bytes()[401:]), "digest"),
    ],
)
def test_an_audit_names_what_is_not_as_it_was_sealed(
    store: Store, harm: Callable[[Path], Any], what: str
) -> None:
    path = file_of(store, warcs(store)[1])
    path.chmod(0o644)
    harm(path)
    (damage,) = audit(store, now=NOW, cycle=1).damaged
    assert damage.key == warcs(store)[1] if what != "missing" else damage.key
    assert what in damage.what


def test_the_command_says_where_the_damage_lies_and_fails(morgue: Morgue, store: Store) -> None:
    path = file_of(store, warcs(store)[0])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-9])
    done = morgue("audit", "--all", "--archive", store.url)
    assert done.code == 5
    assert "DAMAGED" in done.out
    assert "torn" in done.out


def test_a_month_is_the_one_before(tmp_path: Path) -> None:
    assert last_month(NOW) == "2026-11"
    assert last_month(datetime(2027, 1, 1, tzinfo=UTC)) == "2026-12"
    assert bounds("2026-12") == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(CallerError, match="2026-11"):
        bounds("soon")


def test_each_newspaper_gets_a_wacz_of_its_month_once(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=page("Quay", *FILLING)), site="paper")
    december = datetime(2026, 12, 1, tzinfo=UTC)
    keeper.keep(Answer(at=december, url=URL, body=page("Later", *FILLING)), site="later")
    config = Config.from_env({"MORGUE_SPOOL": str(tmp_path / "spool")})
    ((site, key, size),) = packages(keeper.store, "2026-11", config=config)
    assert (site, key, keeper.store.size(key)) == ("paper", "wacz/paper/2026-11.wacz", size)
    with zipfile.ZipFile(file_of(keeper.store, key)) as book:
        assert book.testzip() is None
        assert b'"title": "Quay"' in book.read("pages/pages.jsonl")
    assert list(packages(keeper.store, "2026-11", config=config)) == []


def test_the_dags_do_their_work(airflow: Any, store: Store, tmp_path: Path) -> None:
    code = """
    from morgue_airflow.care import care_dags
    dags = care_dags()
    done = {}
    for name, dag in sorted(dags.items()):
        if name == "takedown":
            continue
        (task,) = dag.tasks
        done[name] = task.execute({"params": {"cycle": 1, "month": "2026-11"}})
    answer = [sorted(done), done]
    """
    import textwrap

    sites = tmp_path / "sites"
    sites.mkdir()
    names, done = airflow(
        textwrap.dedent(code),
        MORGUE_ARCHIVE=store.url,
        MORGUE_SPOOL=str(tmp_path / "s"),
        MORGUE_SITES=str(sites),
    )
    assert names == ["audit", "compact", "health", "package", "recover"]
    assert done["compact"]["captures"] == 3
    assert done["audit"]["warcs"] == 3
    assert list(done["package"]["packages"]) == ["paper"]


def test_damage_fails_the_audit_for_good(airflow: Any, store: Store, tmp_path: Path) -> None:
    path = file_of(store, warcs(store)[0])
    path.chmod(0o644)
    path.write_bytes(b"")
    code = """
from morgue_airflow.care import care_dags
try:
    care_dags()["audit"].tasks[0].execute({"params": {"cycle": 1}})
except Exception as error:
    answer = [type(error).__name__, str(error)]
"""
    kind, said = airflow(code, MORGUE_ARCHIVE=store.url)
    assert kind == "AirflowFailException"
    assert "1 of 3 WARCs are damaged; see audit/" in said


def test_a_takedown_hides_at_once_and_waits_for_a_person(airflow: Any, store: Store, tmp_path: Path) -> None:
    code = """
from archive.access import Access
from archive.store import open_store
import os
from morgue_airflow.care import care_dags
dag = care_dags()["takedown"]
params = {"urls": [URL], "reason": "court order"}
order = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
store = open_store(os.environ["MORGUE_ARCHIVE"])
hidden = dag.get_task("hide").execute({"params": params})
standing = len(Access(store).standing())
shown = dag.get_task("show_again").execute({"params": params})
again = len(Access(store).standing())
erased = dag.get_task("erase").execute({"params": params})
answer = [order, hidden, shown, standing, again, erased]
"""
    order, hidden, shown, standing, again, erased = airflow(
        f"URL = {URL!r}\n" + code, MORGUE_ARCHIVE=store.url, MORGUE_SPOOL=str(tmp_path / "s")
    )
    assert order == {"hide": ["approve"], "approve": ["erase", "show_again"], "erase": [], "show_again": []}
    assert hidden["rules"] == shown["lifted"]
    assert (standing, again, erased["erased"]) == (1, 0, 3)
