"""Everything on one machine: ports, secrets, processes."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from morgue_airflow import database, ports, stack, supervisor
from morgue_airflow.processes import Child, Known, alive, end, read_known, started_at, write_known
from morgue_airflow.stack import Layout

from archive.errors import CallerError
from tests.conftest import free_port, wait_until
from tests.halfway import need_servers, open_folder


def chosen() -> dict[str, int]:
    return {name: free_port() for name in ports.OPTIONS}


def up(morgue: Callable[..., Any], var: Path, options: dict[str, int]) -> Any:
    words = [word for name, port in options.items() for word in (f"--{name}-port", str(port))]
    return morgue("up", "--var", str(var), *words)


@pytest.mark.parametrize("name", ports.OPTIONS)
def test_a_taken_port_is_named_with_the_option_that_chooses_another(
    morgue: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = up(morgue, tmp_path / "var", {**chosen(), name: port})
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"port {port} is taken" in done.err
    assert f"--{name}-port" in done.err


def test_one_port_cannot_be_given_twice(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(CallerError, match="is given twice: room and replay"):
        ports.choose({**chosen(), "room": port, "replay": port}, tmp_path / "ports.json")


def test_seaweedfs_keeps_its_inner_ports(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    assert ports.choose(chosen(), file).inner == ports.choose(chosen(), file).inner


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = stack.load_secrets(file)
    assert stack.load_secrets(file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(made["jwt_secret"]) >= 64


def test_a_shell_that_sources_the_env_file_reaches_the_archive(tmp_path: Path) -> None:
    layout = a_layout(tmp_path)
    stack.prepare(layout)
    said = subprocess.run(
        ["sh", "-c", '. "$0"; echo $MORGUE_ARCHIVE $AWS_SECRET_ACCESS_KEY', str(tmp_path / "env")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.split() == ["s3://morgue/archive", layout.secrets["s3_secret_key"]]
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600


def test_no_secret_stands_on_a_command_line(tmp_path: Path) -> None:
    layout = a_layout(tmp_path, workers=2)
    env = stack.environment(layout)
    children = [
        stack.store_child(layout, env),
        *stack.airflow_children(layout, env),
        *stack.worker_children(layout, env),
        *stack.own_children(layout, env),
    ]
    words = " ".join(word for child in children for word in child.command)
    assert not [name for name, secret in layout.secrets.items() if secret in words]


def a_layout(folder: Path, *, workers: int = 0) -> Layout:
    made = ports.choose(chosen(), folder / "ports.json")
    secrets = stack.load_secrets(folder / "secrets.json")
    return Layout(var=folder, ports=made, secrets=secrets, postgres=bool(workers), workers=workers)


def test_secrets_of_an_older_stack_are_kept_and_completed(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"s3_access_key": "old"}))
    made = stack.load_secrets(file)
    assert (made["s3_access_key"], len(made["redis_password"])) == ("old", 40)
    assert (stack.load_secrets(file), stat.S_IMODE(file.stat().st_mode)) == (made, 0o600)


def test_each_celery_worker_has_a_name_and_a_spool_of_its_own(tmp_path: Path) -> None:
    layout = a_layout(tmp_path, workers=3)
    stack.prepare(layout)
    env = stack.environment(layout)
    spools = [child.env["MORGUE_SPOOL"] for child in stack.worker_children(layout, env)]
    assert spools == [str(tmp_path / "workers" / n / "spool") for n in "123"]
    assert all(Path(spool).is_dir() for spool in spools)
    assert (env["AIRFLOW__CORE__EXECUTOR"], env["AIRFLOW__CORE__PARALLELISM"]) == ("CeleryExecutor", "6")
    assert layout.secrets["redis_password"] in env["AIRFLOW__CELERY__BROKER_URL"]


def test_redis_has_its_password_from_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    file = database.write_redis(tmp_path / "a folder", 1234, "word")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {"bind 127.0.0.1", "requirepass word", "port 1234"} <= set(file.read_text().splitlines())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--executor", "celery", "--database", "sqlite"), "need a database that is a server"),
        (("--setting", "PATH=/x"), "is not AIRFLOW__SECTION__KEY=VALUE or MORGUE_NAME=VALUE"),
        (("--workers", "0"), "0 is not in the range"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    morgue: Callable[..., Any], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = morgue("up", "--var", str(tmp_path / "var"), *words)
    assert (done.code, said in done.err) == (2, True), done.err
    assert not (tmp_path / "var").exists()


def test_a_program_of_the_system_that_is_missing_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(database, "DEBIAN", tmp_path)
    with pytest.raises(CallerError, match="apt-get install postgresql"):
        stack.must_have(celery=False, postgres=True)
    with pytest.raises(CallerError, match="apt-get install redis-server"):
        stack.must_have(celery=True, postgres=False)


def test_the_newest_postgres_is_taken_but_for_a_folder_that_an_older_one_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("9.6", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "postgres").touch()
    monkeypatch.setattr(database, "DEBIAN", tmp_path)
    assert database.program("postgres") == str(tmp_path / "17" / "bin" / "postgres")
    (tmp_path / "PG_VERSION").write_text("9.6\n")
    assert database.program("postgres", tmp_path) == str(tmp_path / "9.6" / "bin" / "postgres")


def test_postgres_starts_for_whoever_runs_the_stack_lets_nobody_in_without_password_and_ends() -> None:
    need_servers(celery=False)
    with open_folder() as folder:
        database.make_cluster(folder / "postgres", "word")
        port = free_port()
        server = database.postgres_child(folder / "postgres", port, dict(os.environ), folder / "log")
        server.start()
        assert server.process is not None
        try:
            wait_until(lambda: database.ready(port), seconds=60, what="Postgres")
            assert asked(port, "word") == "1"
            assert asked(port, "other") == ""
        finally:
            end(server.known, patience=20.0, reap=server.process.poll, asks=server.asks)
        assert not server.running
        assert "database system is shut down" in (folder / "log").read_text()


def asked(port: int, password: str) -> str:
    """What Postgres answers to a question, asked with a password; "" where it does not answer."""
    command = [database.program("psql"), "-h", "127.0.0.1", "-p", str(port), "-U", database.ROLE, "-At"]
    env = {**os.environ, "PGPASSWORD": password}
    done = subprocess.run(
        [*command, "-c", "select 1", "postgres"], env=env, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def test_a_part_that_stays_up_for_a_while_may_fail_again(
    tmp_path: Path, child: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STEADY", 0.0)
    layout = a_layout(tmp_path)
    watching = supervisor.Supervisor(layout, lambda _: None)
    short = child("pass")
    watching.children.append(short)
    for _ in range(supervisor.RESTARTS + 2):
        wait_until(lambda: not short.running, what="its end")
        watching.look_after()
    assert short.restarts == 1


BEGINS = """
import subprocess, sys
kid = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("kid", kid.pid, flush=True)
"""


def test_what_a_part_began_ends_with_it_before_it_is_started_again(
    tmp_path: Path, child: Callable[[str], Child]
) -> None:
    watching = supervisor.Supervisor(a_layout(tmp_path), lambda _: None)
    part = child(BEGINS)
    watching.children.append(part)
    wait_until(lambda: not part.running, what="its end")
    kid = int(part.log.read_text().split()[1])
    assert started_at(kid) != 0
    watching.look_after()
    assert (part.restarts, started_at(kid)) == (1, 0)
    wait_until(lambda: not part.running, what="its second end")
    end(part.known, patience=1.0)


def test_the_specimens_site_file_follows_its_port(tmp_path: Path) -> None:
    stack.prepare(a_layout(tmp_path))
    first = (tmp_path / "sites" / "specimen.toml").read_text()
    moved = a_layout(tmp_path)
    stack.prepare(moved)
    second = (tmp_path / "sites" / "specimen.toml").read_text()
    assert moved.url("specimen") in second
    assert first != second


def test_a_site_file_that_was_edited_is_left_alone(tmp_path: Path) -> None:
    layout = a_layout(tmp_path)
    stack.prepare(layout)
    file = tmp_path / "sites" / "specimen.toml"
    file.write_text(file.read_text() + "# mine\n")
    stack.prepare(layout)
    assert file.read_text().endswith("# mine\n")


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    """Start some Python as a child of the stack; what still runs afterwards is killed."""
    made: list[Child] = []

    def start(code: str) -> Child:
        command = [sys.executable, "-c", code]
        one = Child(f"child{len(made)}", command, dict(os.environ), tmp_path / "log" / f"{len(made)}.log")
        one.start()
        made.append(one)
        return one

    yield start
    for one in made:
        if one.process and one.process.poll() is None:
            one.process.kill()
            one.process.wait()


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
kid = subprocess.Popen([sys.executable, "-c", code], process_group=0)
print("kid", kid.pid, flush=True)
time.sleep(60)
"""


def test_what_ignores_the_signal_is_killed_with_all_that_it_began(child: Callable[[str], Child]) -> None:
    stubborn = child(STUBBORN)
    wait_until(
        lambda: "up" in stubborn.last_words() and "kid" in stubborn.last_words(), what="the grandchild"
    )
    kid = int(stubborn.log.read_text().split("kid ")[1].split()[0])
    assert stubborn.process is not None
    end(stubborn.known, patience=0.3, reap=stubborn.process.poll)
    assert (stubborn.running, started_at(kid)) == (False, 0)


def test_a_child_ends_with_its_supervisor(tmp_path: Path) -> None:
    code = f"""
import os, pathlib, sys, time
from morgue_airflow.processes import Child
log = pathlib.Path({str(tmp_path)!r}) / "log"
one = Child("kid", [sys.executable, "-c", "import time; time.sleep(60)"], dict(os.environ), log)
one.start()
print(one.process.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    kid = int(parent.stdout.readline())
    known = Known(name="kid", pid=kid, started=started_at(kid))
    assert alive(known)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not alive(known), what="the end of the child")


def test_a_stranger_with_an_old_number_is_left_alone(tmp_path: Path, child: Callable[[str], Child]) -> None:
    stranger = child("import time; time.sleep(60)")
    known = Known(name="s3", pid=stranger.known.pid, started=stranger.known.started - 1)
    write_known(supervisor.note_file(tmp_path), known, [known])
    assert supervisor.stop(tmp_path, lambda _: None) is False
    assert stranger.running


def test_a_second_start_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    me = Known(name="supervisor", pid=os.getpid(), started=started_at(os.getpid()))
    write_known(supervisor.note_file(tmp_path), me, [])
    with pytest.raises(CallerError, match="running already"):
        supervisor.refuse_second(tmp_path)


def test_what_a_killed_supervisor_left_is_ended(tmp_path: Path, child: Callable[[str], Child]) -> None:
    left = child("import time; time.sleep(60)")
    gone = Known(name="supervisor", pid=left.known.pid, started=1)
    write_known(supervisor.note_file(tmp_path), gone, [left.known])
    assert left.process is not None
    process = left.process

    def reaped() -> bool:
        return process.poll() is not None

    assert supervisor.stop(tmp_path, lambda _: reaped()) is True
    wait_until(reaped, what="the end of the child")
    assert read_known(supervisor.note_file(tmp_path)) == (None, [])


def test_down_says_so_where_nothing_runs(morgue: Callable[..., Any], tmp_path: Path) -> None:
    done = morgue("down", "--var", str(tmp_path))
    assert (done.code, "nothing runs" in done.out) == (0, True)


def test_the_s3_server_starts_with_its_bucket_and_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archive.errors import MorgueError
    from archive.s3 import make_bucket
    from archive.store import open_store

    layout = a_layout(tmp_path)
    stack.prepare(layout)
    env = stack.environment(layout)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, env[name])
    server = stack.store_child(layout, env)
    server.start()

    def ready() -> bool:
        try:
            make_bucket(stack.BUCKET)
        except MorgueError:
            return False
        return True

    assert server.process is not None
    try:
        wait_until(ready, seconds=60, what="the S3 server")
        open_store(layout.archive).put("a", b"x")
        assert json.loads((tmp_path / "ports.json").read_text())
    finally:
        end(server.known, patience=server.patience, reap=server.process.poll)
    assert not server.running
    assert server.process.returncode in (0, -signal.SIGTERM, -signal.SIGKILL, 1)
    assert ports.free(layout.ports.s3)
