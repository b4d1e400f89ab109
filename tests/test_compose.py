"""The containers run what `make up` runs, and give nothing away."""

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from morgue_airflow import stack
from morgue_airflow.ports import INNER, Ports
from morgue_airflow.stack import Layout

from archive.sites import Site

ROOT = Path(__file__).parent.parent
OTHERS = ("postgres", "redis")  # images that are not ours, with commands of their own
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]


@pytest.fixture
def up(tmp_path: Path) -> set[tuple[str, str]]:
    """Program and subcommand of everything that `make up` runs."""
    ports = Ports(s3=1, airflow=2, room=3, replay=4, specimen=5, inner=dict.fromkeys(INNER, 6))
    secrets = stack.load_secrets(tmp_path / "secrets.json")
    layout = Layout(var=tmp_path, ports=ports, secrets=secrets, postgres=True, workers=2)
    children = [
        *stack.worker_children(layout, {}),
        stack.store_child(layout, {}),
        *stack.airflow_children(layout, {}),
        *stack.own_children(layout, {}),
    ]
    commands = [c.command for c in children] + [stack.migrate_command(layout)]
    return {said(command) for command in commands}


def said(command: list[str]) -> tuple[str, str]:
    words = [w for w in command[1:] if not w.startswith("-")]
    if words[0] == "archive":  # python -m archive is morgue
        return "morgue", words[1]
    return Path(command[0]).name, words[0]


def test_every_container_runs_a_command_of_make_up(up: set[tuple[str, str]]) -> None:
    for name, service in SERVICES.items():
        if name not in OTHERS:
            words = shlex.split(service["command"])
            # The SeaweedFS image's entry point is the program itself.
            assert said(words if name != "s3" else ["weed", *words]) in up, name


def test_everything_that_make_up_runs_has_a_container(up: set[tuple[str, str]]) -> None:
    commands = {shlex.split(s["command"])[1] for n, s in SERVICES.items() if n not in (*OTHERS, "s3")}
    assert {sub for program, sub in up if program != "weed"} == commands | {"db"}


def test_ports_are_published_on_loopback_alone() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_every_variable_is_in_the_example() -> None:
    example = set(re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M))
    example -= {"COMPOSE_PROFILES"}  # docker compose's own
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", TEXT)) | set(
        re.findall(r"environment: ([A-Z_]+)$", TEXT, re.M)
    )
    assert used == example


def test_no_secret_stands_in_the_file() -> None:
    for name, value in re.findall(r"^ +(\S*(?:SECRET|PASSWORD|FERNET)\S*): (\S+)", TEXT, re.M):
        assert "${" in value or value.startswith("/run/secrets/"), name


def test_the_image_has_what_celery_needs() -> None:
    assert "-r requirements/celery.txt" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def compose(env: Path, *words: str) -> str:
    """What docker compose says of the file, with these variables."""
    tool = shutil.which("docker-compose")
    command = [tool] if tool else ["docker", "compose"]
    if not tool and subprocess.run([*command, "version"], capture_output=True, check=False).returncode:
        if os.environ.get("CI") == "true":
            pytest.fail("no docker compose: .ci/run installs it")
        pytest.skip("the compose file is checked by docker compose: apt-get install docker-compose")
    checked = [*command, "-f", str(ROOT / "docker-compose.yml"), "--env-file", str(env), *words]
    done = subprocess.run(checked, capture_output=True, text=True, check=False, cwd=env.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


def filled_in(path: Path) -> Path:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    path.write_text(re.sub(r"^([A-Z0-9_]+)=$", r"\1=filled-in", text, flags=re.M), encoding="utf-8")
    return path


def test_compose_takes_the_file(tmp_path: Path) -> None:
    found = yaml.safe_load(compose(filled_in(tmp_path / ".env"), "config"))["services"]
    assert found["airflow-scheduler"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {
        "redis",
        "airflow-worker",
    }


def test_the_lines_for_celery_make_two_workers_that_reach_redis(tmp_path: Path) -> None:
    env = filled_in(tmp_path / ".env")
    env.write_text(re.sub(r"^#([A-Z_]+=)", r"\1", env.read_text(), flags=re.M))
    found = yaml.safe_load(compose(env, "--profile", "celery", "config"))["services"]
    worker = found["airflow-worker"]
    assert worker["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert worker["environment"]["AIRFLOW__CELERY__BROKER_URL"] == "redis://:filled-in@redis:6379/0"
    assert (worker.get("scale") or worker["deploy"]["replicas"]) == 2
    assert found["redis"]["environment"] == {"REDIS_PASSWORD": "filled-in"}
    assert "ports" not in found["redis"]


def test_every_key_of_a_site_file_is_in_the_book() -> None:
    text = (ROOT / "docs" / "spider-author.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.M))
    assert described == {f.name for f in fields(Site)} - {"id", "file"}
