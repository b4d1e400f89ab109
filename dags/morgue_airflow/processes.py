"""Child processes of the stack: each in a group of its own, with a log, and never orphaned.

Rules: a process is ended by its group, and only if its start time is the one we noted: a stranger that got an
old number is left alone. If the supervisor dies, the kernel tells its children (Linux).
"""

import ctypes
import functools
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A process as noted on disk: its number, and when it started (clock ticks since boot)."""

    name: str
    pid: int
    started: int


def started_at(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 where there is none (or it has ended)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def alive(known: Known) -> bool:
    """Whether this very process still runs."""
    return known.started != 0 and started_at(known.pid) == known.started


@dataclass(slots=True)
class Child:
    """A part of the stack: how to start it, and its process once it runs.

    `user` is whom it runs as (our own where empty); `fast` asks for an end by SIGINT, not SIGTERM. `restarts`
    counts those that followed each other; `began` is on the monotonic clock, in seconds.
    """

    name: str
    command: list[str]
    env: Mapping[str, str]
    log: Path
    patience: float = 20.0
    user: str = ""
    fast: bool = False
    restarts: int = 0
    began: float = 0.0
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, in a session of its own."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user or None,
                preexec_fn=functools.partial(_die_with_parent, self.asks),  # noqa: PLW1509 - one prctl; the supervisor has one thread
            )

    @property
    def asks(self) -> signal.Signals:
        """The signal that asks it to end."""
        return signal.SIGINT if self.fast else signal.SIGTERM

    @property
    def known(self) -> Known:
        """What is noted of it on disk."""
        pid = self.process.pid if self.process else 0
        return Known(name=self.name, pid=pid, started=started_at(pid))

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def last_words(self, lines: int = 5) -> str:
        """The end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.is_file() else ""
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def _die_with_parent(number: signal.Signals) -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, number)


def end(
    known: Known,
    *,
    patience: float,
    reap: Callable[[], object] = lambda: None,
    asks: signal.Signals = signal.SIGTERM,
) -> None:
    """End a process and its group: SIGTERM (or what it `asks` for), then after `patience` seconds SIGKILL."""
    # A group outlives its leader: what the leader left behind is ended, too.
    if alive(known):
        _signal(known.pid, asks)
        _wait(lambda: not alive(known), patience, reap)
    _signal(known.pid, signal.SIGTERM)
    if not _wait(lambda: not _group(known.pid), 5.0, reap):
        _signal(known.pid, signal.SIGKILL)
        _wait(lambda: not _group(known.pid), 5.0, reap)


def _group(pid: int) -> bool:
    """Whether any process of the session that `pid` began still runs."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] not in ("Z", "X"):
            return True
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    """Signal every process of a session (its leader's group, and groups that it began)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[3]) == pid and fields[0] != "Z":
                os.kill(int(stat.parent.name), number)
        except (OSError, ProcessLookupError):
            continue


def _wait(true: Callable[[], bool], seconds: float, reap: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        reap()
        if true():
            return True
        time.sleep(0.1)
    return true()


def write_known(file: Path, supervisor: Known, children: list[Known]) -> None:
    """Note on disk who runs."""
    data = {"supervisor": asdict(supervisor), "children": [asdict(c) for c in children]}
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(data, indent=1), encoding="utf-8")
    temporary.replace(file)


def read_known(file: Path) -> tuple[Known | None, list[Known]]:
    """Who was noted as running; nobody where there is no note."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return Known(**data["supervisor"]), [Known(**c) for c in data["children"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None, []
