"""The DAGs, in a real Airflow: each test in a process and an Airflow home of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.articles import rows
from archive.store import open_store
from spiders.specimen import Specimen
from tests.conftest import wait_until

DAGS = Path(__file__).parent.parent / "dags"
HOURLY = """\
name = "The Hourly"
home = "https://hourly.example/"
schedule = "15 * * * *"
timezone = "Africa/Johannesburg"
tags = ["za"]
limit = 40
overlap = "skip"
pool = "african"
priority = 5
owner = "desk"
catchup = true
notes = "Kept since **1899**."
"""


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    """Three site files: one on a schedule, one by hand, one broken."""
    folder = tmp_path / "sites"
    folder.mkdir()
    (folder / "hourly.toml").write_text(HOURLY)
    (folder / "byhand.toml").write_text('name = "By Hand"\nhome = "https://hand.example/"\n')
    (folder / "broken.toml").write_text('name = "Broken"\nhome = "https://b.example/"\nfedes = []\n')
    return folder


@pytest.fixture
def airflow(tmp_path: Path) -> Callable[..., Any]:
    """Run some Python in a process with an Airflow of its own; what it sets as `answer` comes back."""

    def run(code: str, *, migrate: bool = False, **settings: str) -> Any:
        home = tmp_path / "airflow"
        env = {
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            **settings,
        }
        if migrate and not (home / "airflow.db").exists():
            home.mkdir(exist_ok=True)
            command = [str(Path(sys.executable).with_name("airflow")), "db", "migrate"]
            subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)
        answer = tmp_path / "answer.json"
        answer.unlink(missing_ok=True)
        tail = f"\nimport json, pathlib\npathlib.Path({str(answer)!r}).write_text(json.dumps(answer))\n"
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code) + tail],
            env=env, capture_output=True, text=True, timeout=170, check=False,
        )  # fmt: skip
        assert answer.exists(), done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(answer.read_text())

    return run


LOAD = """
import sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
"""


def test_every_site_file_is_a_dag_and_a_broken_one_takes_no_other_down(airflow: Any, sites: Path) -> None:
    answer = airflow(LOAD + "answer = [sorted(bag.dags), bag.import_errors]")
    dags, errors = answer
    assert [name for name in dags if name.startswith("crawl_")] == [
        "crawl_broken",
        "crawl_byhand",
        "crawl_hourly",
    ]
    assert set(dags) >= {"process", "compact", "audit", "recover", "health", "package", "takedown"}
    assert errors == {}


def test_a_broken_site_file_says_what_is_wrong_on_its_dag(airflow: Any, sites: Path) -> None:
    tags, text = airflow(LOAD + "d = bag.dags['crawl_broken']; answer = [sorted(d.tags), d.doc_md]")
    assert "broken" in tags
    assert "broken.toml" in text
    assert "unknown key 'fedes'" in text


def test_schedule_tags_notes_and_limit_come_from_the_site_file(airflow: Any, sites: Path) -> None:
    found = airflow(
        LOAD + "d = bag.dags['crawl_hourly']\n"
        "t = d.timetable\n"
        "answer = [t.expression, str(t.timezone), sorted(d.tags), d.doc_md, d.params['limit']]"
    )
    assert found == [
        "15 * * * *",
        "Africa/Johannesburg",
        ["crawl", "newsmorgue", "za"],
        "Kept since **1899**.",
        40,
    ]


def test_parsing_imports_neither_scrapy_nor_boto3(airflow: Any, sites: Path) -> None:
    names = ("scrapy", "boto3", "trafilatura")
    assert airflow(LOAD + f"answer = [n for n in {names} if n in sys.modules]") == []


def test_a_task_reads_only_its_own_site_file(airflow: Any, sites: Path) -> None:
    env = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": "crawl_byhand", "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "crawl"}
    code = "from morgue_airflow.buckets import bucket\nanswer = [sorted(bucket(n)) for n in (0, 7)]"
    assert airflow(code, **env) == [["crawl_byhand"], ["crawl_byhand"]]


def test_many_newspapers_are_spread_over_ten_dag_files_each_in_one(tmp_path: Path) -> None:
    from morgue_airflow.buckets import BUCKETS, share

    few = [Path(f"paper{n}.toml") for n in range(200)]
    assert [len(share(few, n)) for n in range(BUCKETS)] == [200] + [0] * 9
    many = [Path(f"paper{n}.toml") for n in range(1000)]
    shares = [share(many, n) for n in range(BUCKETS)]
    assert sorted(path for each in shares for path in each) == sorted(many)
    assert max(map(len, shares)) < 150
    assert {path.name for path in DAGS.glob("crawl*.py")} == {
        f"crawl{f'_{n}' if n else ''}.py" for n in range(BUCKETS)
    }


def test_a_bucket_without_newspapers_imports_no_airflow(sites: Path) -> None:
    code = "import sys; from morgue_airflow.buckets import bucket; bucket(3); print('airflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "conf",
    [{"limit": -1}, {"limit": "many"}, {"urls": ["ftp://x"]}, {"urls": "http://x"}, {"dry_run": "yes"}],
)
def test_a_wrong_form_is_refused(airflow: Any, sites: Path, conf: dict[str, Any]) -> None:
    code = f"""
    d = bag.dags["crawl_byhand"]
    from airflow.sdk.exceptions import ParamValidationError
    for name, value in {conf!r}.items():
        try:
            d.params[name] = value
            d.params.validate()
            answer = "taken"
        except ParamValidationError:
            answer = "refused"
    """
    assert airflow(LOAD + textwrap.dedent(code)) == "refused"


FAKE = """\
import json, os, signal, sys, time
folder = os.path.dirname(os.path.abspath(__file__))
def note(name, text):
    with open(os.path.join(folder, name), "a") as file:
        file.write(text)
def stop(*_):
    note("signals", "T")
    print("the crawl stops", flush=True)
    while os.environ.get("FAKE_HOLD") and not os.path.exists(os.environ["FAKE_HOLD"]):
        time.sleep(0.05)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("arguments", json.dumps(sys.argv[1:]))
note("session", f"{os.getsid(0) == os.getpid()} {os.environ.get('MORGUE_DIE_WITH_PARENT')}")
print("a line of the crawl", flush=True)
if os.environ.get("FAKE_WAIT"):
    note("ready", "1")
    time.sleep(60)
result = sys.argv[sys.argv.index("--result") + 1]
with open(result, "w") as file:
    made = {"run": "r1", "reason": "finished", "manifest": "runs/paper/r1.json"}
    made["recovered"] = ["runs/other/20261122T093012Z-0a0a0a0a.json"]
    made["reason"] = os.environ.get("FAKE_REASON", "finished")
    if os.environ.get("FAKE_EMPTY"):
        made = {"run": None, "manifest": None}
    json.dump({**made, "counts": {"ok": 1}, "bytes": 9}, file)
sys.exit(int(os.environ.get("FAKE_CODE", "0")))
"""
OPERATE = """
import sys
from morgue_airflow.operators import CrawlOperator
class Event:
    def __init__(self):
        self.extra, self.keys = None, []
    def add_partitions(self, keys):
        self.keys += keys
class Events(dict):
    def __missing__(self, key):
        self[key] = Event()
        return self[key]
operator = CrawlOperator(task_id="crawl", site="paper", command=(sys.executable, FAKE), outlets=["o"])
context = {"params": {"limit": 3, "urls": ["http://x/"], "dry_run": True}, "outlet_events": Events()}
"""


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """A crawl that does what a test says: exit with a code, or wait for a signal."""
    path = tmp_path / "fake_crawl.py"
    path.write_text(FAKE)
    return path


def operate(fake: Path, code: str) -> str:
    return f"FAKE = {str(fake)!r}\n" + OPERATE + textwrap.dedent(code)


def test_a_crawl_gives_its_manifest_on_and_tells_the_asset_by_newspaper_and_slot(
    airflow: Any, fake: Path
) -> None:
    code = """
    from datetime import UTC, datetime
    from types import SimpleNamespace
    run = SimpleNamespace(run_type="manual", logical_date=datetime(2026, 11, 23, 18, tzinfo=UTC))
    done = operator.execute(context | {"dag_run": run})
    told = context["outlet_events"]["o"]
    answer = [done, told.extra, told.keys]
    """
    summary, extra, keys = airflow(operate(fake, code))
    assert (summary["manifest"], summary["counts"]) == ("runs/paper/r1.json", {"ok": 1})
    assert keys == ["other|2026-11-22T09:30", "paper|2026-11-23T18:00"]
    left = ["runs/other/20261122T093012Z-0a0a0a0a.json"]
    assert extra == {"manifests": {keys[0]: left, keys[1]: ["runs/paper/r1.json"]}}


def test_a_crawl_that_published_nothing_tells_the_asset_of_nothing(airflow: Any, fake: Path) -> None:
    code = "operator.execute(context); answer = len(context['outlet_events'])"
    assert airflow(operate(fake, code), FAKE_EMPTY="1") == 0


HEAR = """
from types import SimpleNamespace
from morgue_airflow.events import told
event = lambda **manifests: SimpleNamespace(extra={"manifests": manifests})
events = {"published": [event(a=["1"]), event(a=["2"], b=["3"]), event(a=["1"])]}
def hear(key, **params):
    run = SimpleNamespace(partition_key=key)
    return told({"params": params, "dag_run": run, "triggering_asset_events": events})
answer = [hear("a"), hear("b"), hear(None), hear("a", manifests=["9"])]
"""


def test_a_run_is_about_its_own_partition_and_loses_no_event_of_it(airflow: Any) -> None:
    assert airflow(HEAR) == [["1", "2"], ["3"], ["1", "2", "3"], ["9"]]


def test_the_form_becomes_command_line_options(airflow: Any, fake: Path) -> None:
    airflow(operate(fake, "answer = operator.execute(context)"))
    arguments = json.loads((fake.parent / "arguments").read_text())
    assert arguments[:6] == ["paper", "--limit", "3", "--url", "http://x/", "--dry-run"]


def test_a_word_that_the_form_does_not_have_is_refused(airflow: Any, fake: Path) -> None:
    code = """
    try:
        operator.execute(context | {"params": {"limits": 3}})
    except Exception as error:
        answer = [type(error).__name__, str(error)]
    """
    kind, said = airflow(operate(fake, code))
    assert kind == "AirflowFailException"
    assert said == "unknown: limits; the form has limit, urls, since, until, force, dry_run"
    assert not (fake.parent / "arguments").exists()


def test_pool_priority_owner_and_catching_up_come_from_the_site_file(airflow: Any, sites: Path) -> None:
    answer = airflow(
        LOAD + "d = bag.dags['crawl_hourly']; (t,) = d.tasks\n"
        "answer = [t.pool, t.priority_weight, t.owner, d.catchup, t.skips, t.gap.total_seconds()]"
    )
    assert answer == ["african", 5, "desk", True, True, 3600]


FIRST_RUN = """
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction
d = bag.dags["crawl_hourly"]
held = DagSerialization.from_dict(DagSerialization.to_dict(d))
since = TimeRestriction(earliest=d.start_date, latest=None, catchup=True)
first = held.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=since)
answer = [str(first.run_after), first.logical_date >= max(t.start_date for t in d.tasks)]
"""


def test_the_first_run_of_a_new_site_file_has_tasks(airflow: Any, sites: Path) -> None:
    written = datetime(2026, 11, 20, 9, 40, tzinfo=UTC).timestamp()
    os.utime(sites / "hourly.toml", (written, written))
    assert airflow(LOAD + FIRST_RUN) == ["2026-11-20 10:15:00+00:00", True]


@pytest.mark.parametrize(("late", "kind"), [(30, "none"), (90, "AirflowSkipException")])
def test_a_run_whose_next_is_due_is_skipped_where_the_site_says_so(
    airflow: Any, fake: Path, late: int, kind: str
) -> None:
    code = f"""
    from datetime import UTC, datetime, timedelta
    from types import SimpleNamespace
    from airflow.sdk.api.datamodels._generated import DagRunType
    due = datetime.now(UTC) - timedelta(minutes={late})
    run = SimpleNamespace(run_type=DagRunType.SCHEDULED, run_after=due)
    operator.gap, operator.skips = timedelta(hours=1), True
    try:
        operator.execute(context | {{"dag_run": run}})
        answer = "none"
    except Exception as error:
        answer = type(error).__name__
    """
    assert airflow(operate(fake, code)) == kind


@pytest.mark.parametrize("again", ["operator.rest = True", "ti.try_number = 2", "run.start_date = due"])
def test_a_run_that_began_in_time_is_not_skipped_in_its_middle(airflow: Any, fake: Path, again: str) -> None:
    code = f"""
    from datetime import UTC, datetime, timedelta
    from types import SimpleNamespace
    due = datetime.now(UTC) - timedelta(minutes=90)
    run = SimpleNamespace(run_type="scheduled", run_after=due, start_date=None)
    ti = SimpleNamespace(try_number=1)
    operator.gap, operator.skips = timedelta(hours=1), True
    {again}
    answer = operator.execute(context | {{"dag_run": run, "ti": ti}})["reason"]
    """
    assert airflow(operate(fake, code)) == "finished"


RUN = """
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from airflow.sdk.api.datamodels._generated import DagRunType
slot = datetime(2026, 11, 20, 10, tzinfo=UTC)
run = SimpleNamespace(run_type=DagRunType(KIND), run_after=datetime.now(UTC), logical_date=slot)
operator.gap = timedelta(hours=1)
answer = operator.execute({**context, "params": context["params"] | PARAMS, "dag_run": run})
"""


@pytest.mark.parametrize(
    ("kind", "params", "options"),
    [
        ("backfill", {}, ["--since", "2026-11-20T09:00:00+00:00", "--until", "2026-11-20T10:00:00+00:00"]),
        ("backfill", {"since": "2026-01-01"}, ["--since", "2026-01-01"]),
        ("scheduled", {}, ["--due-only"]),
        ("manual", {}, []),
    ],
)
def test_a_backfill_is_of_its_interval_and_a_schedule_of_what_is_due(
    airflow: Any, fake: Path, kind: str, params: dict[str, Any], options: list[str]
) -> None:
    airflow(f"FAKE, KIND, PARAMS = {str(fake)!r}, {kind!r}, {params!r}\n" + OPERATE + RUN)
    arguments = json.loads((fake.parent / "arguments").read_text())
    known = ("--since", "--until", "--due-only")
    places = [n for n, word in enumerate(arguments) if word in known or arguments[n - 1] in known[:2]]
    assert [arguments[n] for n in places] == options


def test_a_crawl_that_was_stopped_is_no_success_though_it_has_published(airflow: Any, fake: Path) -> None:
    code = """
    try:
        operator.execute(context)
    except Exception as error:
        answer = [type(error).__name__, str(error), len(context["outlet_events"])]
    """
    kind, said, told = airflow(operate(fake, code), FAKE_REASON="stopped")
    assert (kind, told) == ("AirflowException", 0)
    assert (
        said == "the crawl of paper was stopped: what it has is published, and a second try fetches the rest"
    )


def test_a_second_try_tells_of_what_the_first_had_published(airflow: Any, fake: Path, tmp_path: Path) -> None:
    from archive.model import Run
    from archive.runs import write_run

    now = datetime.now(UTC)
    store = open_store(str(tmp_path / "archive"))
    for number, dag_run in enumerate(("manual__1", "manual__1", "manual__2")):
        name = f"{now:%Y%m%dT%H%M%SZ}-0000000{number}"
        write_run(
            store,
            Run(
                id=name, site="paper", started=now, ended=now, reason="stopped", counts={}, warcs=(),
                key=f"runs/paper/{name}.json", parameters={"airflow": dag_run},
            ),
        )  # fmt: skip
    code = f"""
    from datetime import UTC, datetime, timedelta
    from types import SimpleNamespace
    due = datetime.fromisoformat({now.isoformat()!r}) - timedelta(minutes=1)
    run = SimpleNamespace(run_type="manual", run_after=due, logical_date=None)
    own = {{"dag_run": run, "run_id": "manual__1", "ti": SimpleNamespace(try_number=2)}}
    operator.execute(context | own)
    (manifests,) = [m for k, m in context["outlet_events"]["o"].extra["manifests"].items() if "paper" in k]
    answer = manifests
    """
    found = airflow(operate(fake, code))
    first = [f"runs/paper/{now:%Y%m%dT%H%M%SZ}-0000000{number}.json" for number in (0, 1)]
    assert found == [*first, "runs/paper/r1.json"]


def test_a_task_leads_to_its_warcs(airflow: Any, fake: Path) -> None:
    code = """
    link, = operator.operator_extra_links
    before = link.get_link(operator, ti_key=None)
    operator.execute(context)
    answer = [link.name, before, link.get_link(operator, ti_key=None)]
    """
    found = airflow(operate(fake, code), MORGUE_ROOM_URL="http://room/")
    assert found == ["WARCs", "", "http://room/runs/r1"]


def test_a_second_try_says_since_when_nothing_need_be_fetched_again(airflow: Any, fake: Path) -> None:
    code = """
    from datetime import UTC, datetime, timedelta
    from types import SimpleNamespace
    run = SimpleNamespace(run_type="manual", run_after=datetime.now(UTC) - timedelta(minutes=5))
    ti = SimpleNamespace(try_number=2)
    answer = [operator.execute(context | {"dag_run": run, "ti": ti}), run.run_after.isoformat()]
    """
    _, since = airflow(operate(fake, code))
    arguments = json.loads((fake.parent / "arguments").read_text())
    assert arguments[arguments.index("--resume-from") + 1] == since


def test_the_crawl_runs_in_a_session_of_its_own(airflow: Any, fake: Path) -> None:
    airflow(operate(fake, "answer = operator.execute(context)"))
    assert re.fullmatch(r"True [1-9]\d*", (fake.parent / "session").read_text())  # the task's process id


@pytest.mark.parametrize(
    ("code", "kind"),
    [("2", "AirflowFailException"), ("5", "AirflowFailException"), ("4", "AirflowException")],
)
def test_what_will_not_go_away_is_not_tried_again(airflow: Any, fake: Path, code: str, kind: str) -> None:
    caught = (
        "try:\n    operator.execute(context)\nexcept Exception as error:\n    answer = type(error).__name__"
    )
    assert airflow(operate(fake, caught), FAKE_CODE=code) == kind


def test_a_cancelled_task_sends_the_crawl_one_signal_and_hands_on_what_it_says_then(
    fake: Path, tmp_path: Path
) -> None:
    code = """
    import signal
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    operator.execute(context)
    """
    log, hold = tmp_path / "log", tmp_path / "hold"
    env = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow"), "FAKE_WAIT": "1", "FAKE_HOLD": str(hold)}
    with log.open("wb") as out:
        task = subprocess.Popen([sys.executable, "-c", operate(fake, code)], env=env, stdout=out, stderr=out)
    try:
        wait_until((fake.parent / "ready").exists, seconds=60, what="the crawl")
        os.killpg(os.getpgid(task.pid), 0)
        task.send_signal(signal.SIGTERM)
        wait_until(lambda: b"the crawl stops" in log.read_bytes(), seconds=60, what="the line")
        hold.touch()
        wait_until(lambda: task.poll() is not None, seconds=60, what="the end of the task")
    finally:
        hold.touch()
        task.kill()
    assert (fake.parent / "signals").read_text() == "T"


def test_a_newspaper_is_crawled_and_processed_by_its_dags(
    airflow: Any, paper: Specimen, tmp_path: Path
) -> None:
    from archive.runs import all_runs
    from archive.sites import Site, write_site

    home = paper.base + "/"
    made = Site(
        id="specimen", name="S", home=home, feeds=(home + "feeds/rss.xml",), allow_private=True, delay=0.0
    )
    write_site(made, tmp_path / "sites")
    run = """
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    bag = DagBag()
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)
    """
    crawl = run + "\n    answer = str(bag.dags['crawl_specimen'].test(run_conf={'limit': 3}).state)\n"
    assert airflow(textwrap.dedent(crawl), migrate=True) == "success"
    store = open_store(str(tmp_path / "archive"))
    (published,) = all_runs(store)
    conf = {"manifests": [published.key]}
    process = f"{run}\n    done = bag.dags['process'].test(run_conf={conf!r})\n"
    process += "    answer = [str(done.state), sorted(ti.task_id for ti in done.get_task_instances())]\n"
    assert airflow(textwrap.dedent(process)) == ["success", ["extract", "index", "quality"]]
    assert len(rows(store)) == 3


IN_SHARDS = """
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.dag_processing.bundles.manager import DagBundlesManager
bag = DagBag()
DagBundlesManager().sync_bundles_to_db()
sync_bag_to_db(bag, "dags-folder", None)
done = bag.dags["crawl_paper"].test()
tasks = sorted((ti.task_id, ti.map_index, str(ti.state)) for ti in done.get_task_instances())
from airflow.models.asset import AssetEvent
from airflow.utils.session import create_session
with create_session() as session:
    events = [[e.partition_key, e.extra["manifests"]] for e in session.query(AssetEvent).all()]
answer = [str(done.state), tasks, events]
"""


def test_a_large_site_is_crawled_in_mapped_tasks_and_told_of_once(airflow: Any, tmp_path: Path) -> None:
    from archive.runs import all_runs
    from archive.shards import letters
    from tests.host import Host, feed, page

    missing = (404, {"Content-Type": "text/plain"}, b"")
    home_pages, sport_pages = {"/": page(), "/town": page("town")}, {"/match": page("match")}
    with (
        Host(lambda path, _: home_pages.get(path, missing)) as home,
        Host(lambda path, _: sport_pages.get(path, missing), address="127.0.0.2") as sport,
    ):
        # Whichever shard is the second (Airflow says that of no two) finds, after the first has ended, what
        # is the first's.
        home_pages["/news"], sport_pages["/games"] = feed(sport.base, "match"), feed(home.base, "town")
        sites = tmp_path / "sites"
        sites.mkdir()
        (sites / "paper.toml").write_text(
            f'name = "Paper"\nhome = "{home.base}/"\nshards = 2\n'
            f'feeds = ["{home.base}/news", "{sport.base}/games"]\n'
            f'hosts = ["{sport.base.removeprefix("http://")}"]\ndelay = 0.0\nallow_private = true\n'
        )
        state, tasks, events = airflow(IN_SHARDS, migrate=True, MORGUE_SHARD_WAIT="0")
        asked = [*home.paths(), *sport.paths()]
    assert state == "success"
    assert [(task, index) for task, index, told in tasks if told == "success"] == [
        ("crawl", 0), ("crawl", 1), ("passed_on", -1), ("published", -1), ("rest", 0), ("whole", -1),
    ]  # fmt: skip
    once = ("/news", "/match", "/games", "/town")
    assert {path: asked.count(path) for path in once} == dict.fromkeys(once, 1)
    store = open_store(str(tmp_path / "archive"))
    runs = {run.key: run.parameters["shard"] for run in all_runs(store)}
    assert sorted(runs.values()) in (["1/2", "1/2", "2/2"], ["1/2", "2/2", "2/2"])
    ((key, manifests),) = events
    assert sorted(manifests[key]) == sorted(runs)
    assert list(letters(store, "paper")) == []


@pytest.mark.parametrize(
    ("shard", "rest", "kind", "options"),
    [
        ("2/4", "False", "manual", ["--limit", "3", "--shard", "2/4"]),
        ("2/4", "True", "manual", ["--due-only", "--shard", "2/4", "--resume-from", "SINCE"]),
    ],
)
def test_a_shard_and_the_rest_of_it_become_command_line_options(
    airflow: Any, fake: Path, shard: str, rest: str, kind: str, options: list[str]
) -> None:
    code = f"""
    from datetime import UTC, datetime, timedelta
    from types import SimpleNamespace
    run = SimpleNamespace(run_type={kind!r}, run_after=datetime.now(UTC) - timedelta(minutes=5))
    own = {{"dag_run": run, "params": {{"limit": 3}}}}
    one = CrawlOperator(
        task_id="crawl", site="paper", command=(sys.executable, FAKE), shard={shard!r}, rest={rest}
    )
    answer = [one.execute(context | own), run.run_after.isoformat()]
    """
    summary, since = airflow(operate(fake, code))
    arguments = json.loads((fake.parent / "arguments").read_text())
    assert arguments[1:-2] == [since if word == "SINCE" else word for word in options]
    assert summary["recovered"] == ["runs/other/20261122T093012Z-0a0a0a0a.json"]  # told of by `published`


def test_a_site_without_shards_has_one_task(airflow: Any, sites: Path) -> None:
    assert airflow(LOAD + "answer = [t.task_id for t in bag.dags['crawl_hourly'].tasks]") == ["crawl"]
