"""What a thousand newspapers cost Airflow: DAG files parsed and serialised, and the start of one task.

    python benchmarks/dags.py [--sites 1000] [--rounds 3]

Measured in own processes, interleaved: (a) what the DAG processor does with each DAG file, that is to
fill a DagBag and to serialise every DAG; (b) what a task of one site does before it works: import Airflow's
task runner and load its own DAG, with the parsing context set; against (c): that import alone. Seconds are
wall clock; CPU is user and system time of the process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

DAGS = Path(__file__).parent.parent / "dags"
SITE = """\
name = "Newspaper {n}"
home = "https://paper{n}.example/"
feeds = ["https://paper{n}.example/rss", "https://paper{n}.example/world/rss"]
sitemaps = ["https://paper{n}.example/news-sitemap.xml"]
schedule = "{minute} * * * *"
timezone = "Europe/Amsterdam"
tags = ["nl", "daily"]
notes = "Kept since **2026**. Its front page is printed four times a day."
"""
PARSE = """
import json, resource, sys, time
began = time.monotonic()
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
imported, cpu = time.monotonic(), time.process_time()
bag = DagBag(dag_folder=sys.argv[1], bundle_path=None)
parsed = time.monotonic()
size = sum(len(json.dumps(DagSerialization.to_dict(dag))) for dag in bag.dags.values())
done = time.monotonic()
used = resource.getrusage(resource.RUSAGE_SELF)
print("RESULT" + json.dumps({
    "import": imported - began, "parse": parsed - imported, "serialise": done - parsed,
    "own": time.process_time() - cpu,
    "dags": len(bag.dags), "errors": bag.import_errors, "bytes": size, "cpu": used.ru_utime + used.ru_stime,
    "mb": used.ru_maxrss / 1024}))
"""
TASK = """
import json, resource, sys, time
began = time.monotonic()
from pathlib import Path
import airflow.sdk.execution_time.task_runner
from airflow.dag_processing.dagbag import BundleDagBag
if len(sys.argv) > 2:
    bag = BundleDagBag(dag_folder=sys.argv[1], bundle_path=Path(sys.argv[1]).parent, load_op_links=False)
    assert sys.argv[2] in bag.dags, (list(bag.dags)[:3], bag.import_errors)
    assert len(bag.dags) == 1, len(bag.dags)
used = resource.getrusage(resource.RUSAGE_SELF)
print("RESULT" + json.dumps({"seconds": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime}))
"""


def run(code: str, *arguments: str, env: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    if not found:
        sys.exit(done.stdout[-2000:] + done.stderr[-3000:])
    return dict(json.loads(found[-1].removeprefix("RESULT")))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--sites", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="morgue-dags-") as folder:
        home = Path(folder)
        (home / "sites").mkdir()
        for n in range(asked.sites):
            (home / "sites" / f"paper{n}.toml").write_text(SITE.format(n=n, minute=n % 60))
        measure(home, asked.sites, asked.rounds)


def measure(home: Path, sites: int, rounds: int) -> None:
    env = os.environ | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "MORGUE_SITES": str(home / "sites"),
        "PYTHONPATH": str(DAGS),
    }
    one = f"crawl_paper{sites // 2}"
    context = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": one, "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "crawl"}
    files = sorted(DAGS.glob("*.py"))
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for file in files:
            found.setdefault(file.name, []).append(run(PARSE, str(file), env=env))
        holder = DAGS / "crawl.py"
        found.setdefault("task", []).append(run(TASK, str(holder), one, env=env | context))
        found.setdefault("airflow", []).append(run(TASK, env=env))
    tell(found, [f.name for f in files], sites)


def tell(found: dict[str, list[dict[str, float]]], files: list[str], sites: int) -> None:
    def middle(name: str, what: str) -> float:
        return median(each[what] for each in found[name])

    print(f"{sites} site files")
    total = processor = 0.0
    for name in files:
        assert not found[name][0]["errors"], found[name][0]["errors"]
        total += middle(name, "parse") + middle(name, "serialise")
        processor += middle(name, "own")
        parts = "  ".join(f"{what} {middle(name, what):5.1f} s" for what in ("import", "parse", "serialise"))
        used = f"CPU without import {middle(name, 'own'):.1f} s, {middle(name, 'mb'):.0f} MB"
        print(f"  {name:<12} {int(found[name][0]['dags']):>5} DAGs  {parts}  {used}")
    print(f"  all files, parse and serialise: {total:.1f} s, CPU {processor:.1f} s (aim: under 30 s)")
    task, bare = middle("task", "seconds"), middle("airflow", "seconds")
    cpu = middle("task", "cpu") / middle("airflow", "cpu")
    print(f"a task of one site: {task:.2f} s; importing Airflow: {bare:.2f} s; {task / bare:.2f} times")
    print(f"  in CPU {cpu:.2f} times (aim: at most 2)")


if __name__ == "__main__":
    main()
