"""The quality of a run: what it did wrong is grave, and what stood before it is a remark."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.errors import NotStored
from archive.model import Run
from archive.quality import quality
from archive.reports import HostReport, RunReport, SourceReport, report_key, write_report
from archive.runs import manifest_key
from archive.store import FolderStore
from tests.keeping import Answer, Keeper, edition
from tests.test_dags import airflow
from tests.test_study import URL, told

assert airflow  # a fixture
FEED = "https://paper.example/feed"


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


def kept(keeper: Keeper, day: int = 20) -> Run:
    return keeper.keep(Answer(at=edition(day), url=URL, body=told(f"{day} million crowns")))


def reported(keeper: Keeper, run: Run, **values: Any) -> RunReport:
    source = SourceReport(url=FEED, kind="feed", status=200, outcome="new", named=1, fresh=1, archived=1)
    usual = RunReport(
        run=run.id, site=run.site, started=run.started, ended=run.started + timedelta(minutes=1),
        reason="finished", sources=(source,), named=1, archived=1, articles=1,
    )  # fmt: skip
    write_report(keeper.store, report := replace(usual, **values))
    return report


def test_a_run_that_did_all_has_no_finding(keeper: Keeper) -> None:
    run = kept(keeper)
    reported(keeper, run)
    done = quality(keeper.store, run.key)
    assert (done.run, done.rows, done.findings) == (run.id, 1, ())


def test_what_the_store_lost_is_grave(keeper: Keeper) -> None:
    run = kept(keeper)
    reported(keeper, run)
    assert isinstance(keeper.store, FolderStore)
    (keeper.store.root / run.warcs[0].key).unlink()
    (said,) = quality(keeper.store, run.key).grave
    assert said == f"{run.warcs[0].key} is not in the store; it was sealed with {run.warcs[0].size}."


def test_most_of_what_was_named_missing_is_grave_and_a_little_a_remark(keeper: Keeper) -> None:
    first, second = kept(keeper, 20), kept(keeper, 21)
    reported(keeper, first, named=40, archived=10)
    reported(keeper, second, named=40, archived=36)
    assert quality(keeper.store, first.key).grave == (
        "Of 40 URLs that were named 10 are archived, 0 put off.",
    )
    done = quality(keeper.store, second.key)
    assert (done.grave, done.remarks) == ((), ("Of 40 URLs that were named 36 are archived, 0 put off.",))


def test_what_a_budget_put_off_is_not_grave(keeper: Keeper) -> None:
    run = kept(keeper)
    reported(keeper, run, named=400, archived=40, deferred=360)
    done = quality(keeper.store, run.key)
    assert (done.grave, len(done.remarks)) == ((), 1)


def test_pages_of_which_none_could_be_read_are_grave(keeper: Keeper) -> None:
    pages = [Answer(at=edition(20), url=f"{URL}/{n}", body=b"<html><p>no text</html>") for n in range(9)]
    run = keeper.keep(*pages)
    reported(keeper, run)
    assert quality(keeper.store, run.key).grave == (
        "Of 9 pages that answered none could be read as an article.",
    )


def test_an_alarm_is_grave_in_the_run_that_brought_it_and_a_remark_in_the_next(keeper: Keeper) -> None:
    runs = [kept(keeper, day) for day in (20, 21, 22)]
    for run in runs:
        state = "down" if run is not runs[0] else ""
        down = HostReport(host="img.example", requests=5, failed=5, state=state, reason="5 failures")
        reported(keeper, run, hosts=(down,))
    found = [quality(keeper.store, run.key) for run in runs]
    assert [len(each.grave) for each in found] == [0, 0, 1]
    assert found[2].grave[0].startswith("host down: ")
    last = kept(keeper, 23)
    reported(keeper, last, hosts=(HostReport(host="img.example", requests=5, failed=5, state="down"),))
    done = quality(keeper.store, last.key)
    assert done.grave == ()
    assert any(text.startswith("host down: ") and "(since 2026-11-21" in text for text in done.remarks)


def test_a_report_that_is_not_there_is_a_remark_and_a_damaged_one_is_grave(keeper: Keeper) -> None:
    run = kept(keeper)
    assert quality(keeper.store, run.key).remarks == ("The run left no report: what it missed is not known.",)
    keeper.store.put(report_key(run.site, run.id), b"{")
    assert len(quality(keeper.store, run.key).grave) == 1


def test_a_run_that_is_not_there_is_no_quality(keeper: Keeper) -> None:
    with pytest.raises(NotStored):
        quality(keeper.store, manifest_key("paper", "20261120T000000Z-00000000"))


def test_the_task_fails_and_says_what_is_wrong(airflow: Any, keeper: Keeper) -> None:
    good, bad = kept(keeper, 20), kept(keeper, 21)
    reported(keeper, good)
    reported(keeper, bad, named=40, archived=10)
    code = f"""
    from morgue_airflow.factory import process_dag
    task = process_dag().get_task("quality")
    good = task.execute({{"params": {{"manifests": [{good.key!r}]}}}})
    try:
        task.execute({{"params": {{"manifests": [{good.key!r}, {bad.key!r}]}}}})
    except Exception as error:
        answer = [good, type(error).__name__, str(error)]
    """
    found, kind, said = airflow(code, MORGUE_ARCHIVE=keeper.store.url)
    assert [each["wrong"] for each in found] == [[]]
    assert (kind, said) == (
        "AirflowFailException",
        "paper: Of 40 URLs that were named 10 are archived, 0 put off.",
    )
