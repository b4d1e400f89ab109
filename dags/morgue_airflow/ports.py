"""The ports of the one-machine stack: some to be known by heart, the others any that are free."""

import json
import random
import socket
from dataclasses import dataclass
from pathlib import Path

from archive.errors import CallerError

HOST = "127.0.0.1"
# What nobody but the stack itself speaks to: SeaweedFS's own parts, Airflow's database and queue.
INNER = (
    "master",
    "master_grpc",
    "volume",
    "volume_grpc",
    "filer",
    "filer_grpc",
    "s3_grpc",
    "admin",
    "admin_grpc",
    "postgres",
    "redis",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where each part listens on 127.0.0.1; `inner` are those that only the stack itself uses."""

    s3: int
    airflow: int
    room: int
    replay: int
    specimen: int
    inner: dict[str, int]


OPTIONS = ("s3", "airflow", "room", "replay", "specimen")


def free(port: int) -> bool:
    """Whether nothing listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(chosen: dict[str, int], file: Path) -> Ports:
    """The ports to use, all free; raise CallerError that names the first one that is taken.

    SeaweedFS writes its inner addresses into its data, so those stay the same where they can (kept in
    `file`).
    """
    for name in OPTIONS:
        if not free(chosen[name]):
            raise CallerError(
                f"port {chosen[name]} is taken; choose another with --{name}-port, "
                f'as in: make up UP="--{name}-port {chosen[name] + 1000}"'
            )
    doubled = [n for n in OPTIONS if list(chosen.values()).count(chosen[n]) > 1]
    if doubled:
        raise CallerError(f"port {chosen[doubled[0]]} is given twice: {' and '.join(doubled)}")
    kept = json.loads(file.read_text()) if file.is_file() else {}
    taken = set(chosen.values())
    inner = {}
    for name in INNER:
        port = kept.get(name)
        inner[name] = port if port and port not in taken and free(port) else _any(taken)
        taken.add(inner[name])
    file.write_text(json.dumps(inner, indent=1))
    return Ports(**chosen, inner=inner)


def _any(taken: set[int]) -> int:
    # Below 32768, where the kernel does not take ports for outgoing connections.
    for _ in range(1000):
        port = random.randrange(20000, 32000)  # noqa: S311 - any free port will do
        if port not in taken and free(port):
            return port
    raise CallerError("no free port between 20000 and 32000 on this machine")
