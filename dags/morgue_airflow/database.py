"""Postgres and Redis on this machine: Airflow's database, and the queue of its Celery workers.

Rules: both are programs of the system, found and never installed; they listen on loopback, behind a password
that stands in files which only their owner reads. Postgres refuses to run as root: root runs it as the user
that its package has made.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from archive.errors import CallerError, MorgueError
from morgue_airflow.ports import HOST
from morgue_airflow.processes import Child

DEBIAN = Path("/usr/lib/postgresql")
ROLE = "airflow"
DATABASE = "postgres"


def owner() -> str:
    """The user that Postgres runs as: "" for our own, another one where we are root."""
    if os.geteuid() != 0:
        return ""
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise CallerError(
            "Postgres does not run as root, and there is no user `postgres`: run `morgue up` as another user"
        ) from None


def program(name: str, folder: Path | None = None) -> str:
    """A program of the Postgres server, of the version that made `folder` where that is a cluster."""
    version = folder / "PG_VERSION" if folder else None
    made = version.read_text(encoding="utf-8").strip() if version and version.is_file() else "*"
    # 15 is newer than 9.6: by numbers, not by letters.
    beside = sorted(DEBIAN.glob(f"{made}/bin/{name}"), key=lambda p: float(p.parts[-3]))
    if beside:
        return str(beside[-1])
    if found := shutil.which(name):
        return found
    raise CallerError(f"Postgres {made.replace('*', '')} is not installed: apt-get install postgresql")


def redis_program() -> str:
    """The Redis server."""
    found = shutil.which("redis-server")
    if not found:
        raise CallerError("Redis is not installed: apt-get install redis-server")
    return found


def make_cluster(folder: Path, password: str) -> None:
    """Make Postgres's folder where there is none; raise CallerError where its user cannot reach it."""
    if (folder / "PG_VERSION").is_file():
        return
    user = owner()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = folder.parent / "postgres.password"
    secret.unlink(missing_ok=True)
    with open(os.open(secret, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:  # noqa: PTH123
        out.write(password)
    try:
        if user:
            shutil.chown(folder, user)
            shutil.chown(secret, user)
            _reachable(folder, user)
        _initdb(folder, secret, user)
    finally:
        secret.unlink()


def _initdb(folder: Path, secret: Path, user: str) -> None:
    command = [program("initdb"), "--pgdata", str(folder), "--username", ROLE, "--pwfile", str(secret),
               "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]  # fmt: skip
    done = subprocess.run(
        command, user=user or None, cwd="/", capture_output=True, text=True, check=False, errors="replace"
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise MorgueError(f"Postgres cannot make its files in {folder}: {said}")


def _reachable(folder: Path, user: str) -> None:
    found = subprocess.run(["test", "-r", str(folder)], user=user, cwd="/", check=False)
    if found.returncode:
        raise CallerError(
            f"Postgres runs as {user}, who may not enter a folder above {folder}: "
            "choose another --var, or run `morgue up` as another user than root"
        )


def postgres_child(folder: Path, port: int, env: Mapping[str, str], log: Path) -> Child:
    """The Postgres server of a cluster; its signal for an end that waits for no client is SIGINT."""
    given = {"port": port, "listen_addresses": HOST, "unix_socket_directories": "", "max_connections": 200}
    options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
    command = [program("postgres", folder), "-D", str(folder), *options]
    return Child("postgres", command, env, log, user=owner(), fast=True)


def ready(port: int) -> bool:
    """Whether Postgres takes commands: after a crash it first reads its log."""
    command = [program("pg_isready"), "--quiet", "--host", HOST, "--port", str(port)]
    return subprocess.run(command, check=False).returncode == 0


def postgres_url(port: int, password: str) -> str:
    """Where SQLAlchemy finds it."""
    return f"postgresql+psycopg2://{ROLE}:{password}@{HOST}:{port}/{DATABASE}"


def write_redis(folder: Path, port: int, password: str) -> Path:
    """Redis's settings, in a file: a password on a command line could be read by everybody."""
    folder.mkdir(parents=True, exist_ok=True)
    where = json.dumps(str(folder))
    lines = [f"bind {HOST}", f"port {port}", f"dir {where}", "appendonly yes", 'save ""']
    file = folder / "redis.conf"
    with open(os.open(file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:  # noqa: PTH123
        out.write("\n".join([*lines, f"requirepass {password}"]) + "\n")
    return file


def redis_child(folder: Path, env: Mapping[str, str], log: Path) -> Child:
    """The Redis server, with the settings of `write_redis`."""
    return Child("redis", [redis_program(), str(folder / "redis.conf")], env, log)


def redis_url(port: int, password: str) -> str:
    """Where Celery finds it."""
    return f"redis://:{password}@{HOST}:{port}/0"


def accepts(port: int) -> bool:
    """Whether a server of this machine takes connections."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((HOST, port)) == 0
