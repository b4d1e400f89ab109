"""Child processes: what they cost, and a server to be up meanwhile."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

HERE = Path(__file__).parent
TREE = HERE.parent
POLL_SECONDS = 0.05
MB = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a child took: CPU and wall seconds, peak bytes in memory, and its exit code."""

    cpu: float
    wall: float
    peak: int
    code: int
    said: str = ""


def resident(pid: int | str, field: str = "VmHWM") -> int:
    """Bytes in memory of a process, or of "self" (VmHWM: at its peak; VmRSS: now); 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    return 0


def run(
    command: list[str],
    *,
    folder: Path,
    env: Mapping[str, str] | None = None,
    each: Callable[[int], bool] | None = None,
) -> Cost:
    """Run a child to its end; `each` is called with its pid now and then, and ends it by answering False.

    The peak is VmHWM: ru_maxrss of a child begins with what its parent held.
    """
    with tempfile.TemporaryFile() as said:
        begun = time.monotonic()
        child = subprocess.Popen(command, cwd=folder, env=env, stdout=said, stderr=said)
        peak, done, stopped = 0, 0, False
        while not done:
            time.sleep(POLL_SECONDS)
            peak = max(peak, resident(child.pid))
            if each and not each(child.pid) and not stopped:
                child.send_signal(signal.SIGTERM)
                stopped = True
            done, status, usage = os.wait4(child.pid, os.WNOHANG)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - begun
        said.seek(0)
        text = said.read()[-3000:].decode(errors="replace")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(cpu=cpu, wall=wall, peak=peak, code=child.returncode, said=text)


@contextmanager
def origin(pages: int, **options: float) -> Iterator[str]:
    """The site, served by a process of its own; yields its base address."""
    flags = [f"--{name}={value}" for name, value in {"pages": pages, **options}.items()]
    server = subprocess.Popen([sys.executable, HERE / "origin.py", *flags], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()


def fetched(url: str) -> str:
    """The text at a URL of ours."""
    with urlopen(url) as answer:
        return str(answer.read().decode())
