"""Everything on one machine: what is started, in which order, with which settings.

Rules: all on loopback; secrets are made once, kept in a file that only its owner can read, and given to
children by environment, never on a command line.
"""

import json
import os
import secrets
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from archive.errors import CallerError
from archive.sites import Site, write_site
from morgue_airflow import database
from morgue_airflow.ports import HOST, Ports
from morgue_airflow.processes import Child

BUCKET = "morgue"
USER = "admin"
SITE = "specimen"
NOTES = """\
The Daily Specimen is a newspaper of our own, printed by `morgue specimen`, so that everything can be tried
without internet. Its press room prints the next edition: stories change, one is withdrawn.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the stack keeps its things, on which ports it listens, and what runs the tasks.

    Without `workers` it is the scheduler (LocalExecutor), else so many Celery workers; `tasks` is how many
    each runs at a time. `settings` are more variables for all parts.
    """

    var: Path
    ports: Ports
    secrets: dict[str, str]
    postgres: bool = False
    workers: int = 0
    tasks: int = 2
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        """The folder of this environment's commands."""
        return Path(sys.executable).parent

    @property
    def archive(self) -> str:
        """The archive's address."""
        return f"s3://{BUCKET}/archive"

    def url(self, name: str) -> str:
        """The address of a part."""
        return f"http://{HOST}:{getattr(self.ports, name)}"

    def spool(self, worker: int) -> Path:
        """The spool of a Celery worker (from 1): its own, as if each were on a machine of its own."""
        return self.var / "workers" / str(worker) / "spool"


def load_secrets(file: Path) -> dict[str, str]:
    """The stack's secrets, made when they are first needed; the file is readable by its owner alone."""
    known = dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
    made = _secrets() | known
    if made != known:
        new = file.with_suffix(".new")
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:  # noqa: PTH123
            json.dump(made, out, indent=1)
        new.replace(file)
    return made


def _secrets() -> dict[str, str]:
    import base64

    return {
        "s3_access_key": secrets.token_hex(10),
        "s3_secret_key": secrets.token_urlsafe(30),
        "airflow_password": secrets.token_urlsafe(9),
        "jwt_secret": secrets.token_urlsafe(64),
        "api_secret": secrets.token_urlsafe(32),
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "postgres_password": secrets.token_hex(20),
        "redis_password": secrets.token_hex(20),
    }


def must_have(*, celery: bool, postgres: bool) -> None:
    """Raise CallerError where a package or program of the system is missing, before anything is started."""
    wanted = {"apache-airflow-providers-celery": celery, "psycopg2-binary": postgres, "asyncpg": postgres}
    missing = [name for name, needed in wanted.items() if needed and not _installed(name)]
    if missing:
        raise CallerError(
            f"not installed: {', '.join(missing)}; pip install -r requirements/celery.txt "
            "(or 'newsmorgue[celery]')"
        )
    if celery:
        database.redis_program()
    if postgres:
        database.program("initdb")
        database.owner()


def _installed(name: str) -> bool:
    # Not by importing: Airflow, once imported, takes over this process's log.
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def dags_folder() -> Path:
    """The folder of DAG files, beside this package in a checkout."""
    folder = Path(__file__).parent.parent
    if not (folder / "crawl.py").is_file():
        raise CallerError("`morgue up` runs from a checkout: the DAG files are not beside this package")
    return folder


def environment(layout: Layout) -> dict[str, str]:
    """The settings that all parts share."""
    var, made = layout.var, layout.secrets
    home = var / "airflow"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "AWS_", "MORGUE_"))}
    return clean | {
        "AWS_ACCESS_KEY_ID": made["s3_access_key"],
        "AWS_SECRET_ACCESS_KEY": made["s3_secret_key"],
        "AWS_ENDPOINT_URL_S3": layout.url("s3"),
        "AWS_DEFAULT_REGION": "us-east-1",
        "MORGUE_ARCHIVE": layout.archive,
        "MORGUE_SPOOL": str(var / "spool"),
        "MORGUE_SITES": str(var / "sites"),
        "MORGUE_WABAC": str(var / "wabac"),
        "MORGUE_ROOM_URL": layout.url("room"),
        "MORGUE_CONTACT": os.environ.get("MORGUE_CONTACT", ""),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _database(layout),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder()),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor" if layout.workers else "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(layout.tasks * max(1, layout.workers)),
        "AIRFLOW__CORE__FERNET_KEY": made["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{layout.url('airflow')}/execution/",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(layout.ports.airflow),
        "AIRFLOW__API__BASE_URL": layout.url("airflow"),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": made["api_secret"],
        "AIRFLOW__API_AUTH__JWT_SECRET": made["jwt_secret"],
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # 5 seconds, Airflow's own choice, are little on one machine that is busy: the task would be lost.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
        # What a killed scheduler began shows as running until the next one looks for such: not 5 minutes.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        **(_celery(layout) if layout.workers else {}),
        **layout.settings,
    }


def _database(layout: Layout) -> str:
    if layout.postgres:
        return database.postgres_url(layout.ports.inner["postgres"], layout.secrets["postgres_password"])
    return f"sqlite:///{layout.var / 'airflow' / 'airflow.db'}"


def _celery(layout: Layout) -> dict[str, str]:
    return {
        "AIRFLOW__CELERY__BROKER_URL": database.redis_url(
            layout.ports.inner["redis"], layout.secrets["redis_password"]
        ),
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(layout.tasks),
        "AIRFLOW__CELERY__OPERATION_TIMEOUT": "30",
    }


def prepare(layout: Layout) -> None:
    """Make folders, Airflow's password file, and the Specimen's site file where they are missing."""
    for name in ("airflow", "log", "s3", "sites", "spool"):
        (layout.var / name).mkdir(parents=True, exist_ok=True)
    for worker in range(1, layout.workers + 1):
        layout.spool(worker).mkdir(parents=True, exist_ok=True)
    passwords = layout.var / "airflow" / "passwords.json"
    with open(os.open(passwords, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:  # noqa: PTH123
        json.dump({USER: layout.secrets["airflow_password"]}, out)
    write_env(layout)
    home = layout.url("specimen") + "/"
    site = layout.var / "sites" / f"{SITE}.toml"
    # On another port it is another newspaper, as far as the archive knows: its file follows.
    if site.is_file() and home not in site.read_text(encoding="utf-8"):
        site.unlink()
    if not site.is_file():
        write_site(specimen_site(home), site.parent)


def write_env(layout: Layout) -> None:
    """A file to source in a shell, so that `morgue` works on what the stack keeps."""
    own = {k: v for k, v in environment(layout).items() if k.startswith(("MORGUE_", "AWS_")) and v}
    lines = ["# To use `morgue` on this archive:  . .venv/bin/activate && . " + str(layout.var / "env")]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(own.items())]
    file = layout.var / "env"
    with open(os.open(file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:  # noqa: PTH123
        out.write("\n".join(lines) + "\n")


def specimen_site(home: str) -> Site:
    """The Daily Specimen as a site."""
    return Site(
        id=SITE,
        name="The Daily Specimen",
        home=home,
        feeds=(f"{home}feeds/rss.xml", f"{home}feeds/atom.xml"),
        sitemaps=(f"{home}sitemap.xml",),
        sections=tuple(f"{home}{name}/" for name in ("news", "world", "culture", "sport")),
        schedule="0 * * * *",
        language="en",
        allow_private=True,
        delay=0.0,
        requisites_days=0.0,
        notes=NOTES,
    )


def store_child(layout: Layout, env: dict[str, str]) -> Child:
    """The S3 server: SeaweedFS, on loopback, without telemetry."""
    ports, inner = layout.ports, layout.ports.inner
    flags = {
        "dir": layout.var / "s3",
        "ip": HOST,
        "ip.bind": HOST,
        "webdav": "false",
        "admin.ui": "false",
        "admin.port": inner["admin"],
        "admin.port.grpc": inner["admin_grpc"],
        "s3.port": ports.s3,
        "s3.port.grpc": inner["s3_grpc"],
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.allowDeleteBucketNotEmpty": "false",
        "master.port": inner["master"],
        "master.port.grpc": inner["master_grpc"],
        "master.telemetry": "false",
        "volume.port": inner["volume"],
        "volume.port.grpc": inner["volume_grpc"],
        "filer.port": inner["filer"],
        "filer.port.grpc": inner["filer_grpc"],
    }
    command = [
        _program(layout, "weed"),
        "-logtostderr=true",
        "mini",
        *(f"-{k}={v}" for k, v in flags.items()),
    ]
    # It ignores SIGTERM now and then; kill -9 loses nothing that it has acknowledged.
    # It counts some 300 MB that it never touches: with a limit below that it looks for garbage all the time,
    # and each read takes ten times as long.
    limits = {"GOMEMLIMIT": "800MiB", "GOGC": "50"}
    return Child("s3", command, env | limits, layout.var / "log" / "s3.log", patience=4.0)


def _program(layout: Layout, name: str) -> str:
    beside = layout.bin / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if not found:
        raise CallerError(f"the program {name!r} is missing; install newsmorgue[up]")
    return found


def backing_children(layout: Layout, env: dict[str, str]) -> list[Child]:
    """Airflow's database and the workers' queue, where they are servers; their files are made."""
    log, made, children = layout.var / "log", layout.secrets, []
    if layout.postgres:
        folder = layout.var / "postgres"
        database.make_cluster(folder, made["postgres_password"])
        port = layout.ports.inner["postgres"]
        children.append(database.postgres_child(folder, port, env, log / "postgres.log"))
    if layout.workers:
        folder = layout.var / "redis"
        database.write_redis(folder, layout.ports.inner["redis"], made["redis_password"])
        children.append(database.redis_child(folder, env, log / "redis.log"))
    return children


def migrate_command(layout: Layout) -> list[str]:
    """What makes or upgrades Airflow's database."""
    return [_program(layout, "airflow"), "db", "migrate"]


def airflow_children(layout: Layout, env: dict[str, str]) -> list[Child]:
    """Airflow's four components."""
    parts = {
        "api-server": [],
        "scheduler": ["--skip-serve-logs"],
        "dag-processor": [],
        "triggerer": ["--skip-serve-logs"],
    }
    program = _program(layout, "airflow")
    return [
        Child(f"airflow-{name}", [program, name, *flags], env, layout.var / "log" / f"airflow-{name}.log")
        for name, flags in parts.items()
    ]


def worker_children(layout: Layout, env: dict[str, str]) -> list[Child]:
    """The Celery workers, each with a name and a spool of its own."""
    children = []
    for number in range(1, layout.workers + 1):
        name = f"worker-{number}"
        command = [sys.executable, "-m", "archive", "worker", "--", "--celery-hostname", name]
        own = env | {"MORGUE_SPOOL": str(layout.spool(number))}
        log = layout.var / "log" / f"{name}.log"
        children.append(Child(name, [*command, "--skip-serve-logs"], own, log))
    return children


def own_children(layout: Layout, env: dict[str, str]) -> list[Child]:
    """Our own parts: the newspaper and the reading room."""
    log, ports = layout.var / "log", layout.ports
    morgue = [sys.executable, "-m", "archive"]
    specimen = ["specimen", "--port", str(ports.specimen), "--edition-file", str(layout.var / "edition")]
    room = ["serve", "--port", str(ports.room), "--replay-port", str(ports.replay)]
    room += ["--framed-by", layout.url("airflow")]
    return [
        Child("specimen", [*morgue, *specimen], env, log / "specimen.log"),
        Child("room", [*morgue, *room], env, log / "room.log"),
    ]
