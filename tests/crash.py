"""kill -9 at random moments: what was acknowledged is in the archive, once, and every file is whole.

    python -m tests.crash [--rounds 200] [--seed N]

A child writes exchanges of all sizes as fast as it can, and says the number of each one that is acknowledged;
it is killed, and `recover` publishes what it left. The child also rolls its WARCs all the time, so that it
dies between seal, rename and index as well.
"""

import argparse
import os
import random
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from archive.model import Exchange
from archive.publish import recover
from archive.spill import Spill
from archive.spool import RunStart, Spool
from archive.verify import verify

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"


def numbered(number: int, size: int) -> Exchange:
    """An exchange whose URL is its number; beyond 1 MiB its body is on disk."""
    body = random.Random(number).randbytes(size)
    head = HEAD % size
    big = Spill(room=0) if size > 1 << 20 else None
    if big:
        big.write(body)
    return Exchange(
        url=f"http://paper.example/{number}",
        method="GET",
        request=b"GET /%d HTTP/1.1\r\nHost: paper.example\r\n\r\n" % number,
        response=head if big else head + body,
        head_length=len(head),
        began=datetime.now(UTC),
        seconds=0.1,
        big=big,
    )


def child(folder: Path, seed: int) -> None:
    """Write until killed; a line on standard output for each acknowledgement."""
    start = RunStart(
        id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{seed:08x}",
        site="paper",
        archive=str(folder / "archive"),
        started=datetime.now(UTC),
        software="test",
        parameters={},
    )
    spool = Spool(folder / "spool", start, roll=400_000)
    source = random.Random(seed)
    number, waiting = 0, []
    while True:
        size = source.choice([0, 10, 3_000, 60_000, 60_000, 1_300_000 if number % 40 == 0 else 500])
        waiting.append((number, spool.submit(numbered(number, size))))
        number += 1
        if len(waiting) >= source.randint(1, 32):
            for each, future in waiting:
                future.result(60)
                os.write(1, b"%d\n" % each)
            waiting = []


def one_round(folder: Path, seed: int) -> tuple[set[int], Counter[int]]:
    """Run, kill, recover: numbers that were acknowledged, and how often each number is in the archive."""
    command = [sys.executable, "-m", "tests.crash", "--child", str(folder), "--seed", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        said = _listen(process, random.Random(seed).uniform(0.0, 0.35))
    acknowledged = {int(n) for n in said[: said.rfind(b"\n") + 1].split()}
    for done in recover(folder / "spool", keep_hours=24):
        assert done.action == "published", done.error
    return acknowledged, archived(folder / "archive")


def _listen(process: "subprocess.Popen[bytes]", seconds: float) -> bytes:
    """What it says until it is killed, `seconds` after its first word."""
    assert process.stdout
    said = process.stdout.read(1)
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0:
            if selector.select(left):
                said += os.read(process.stdout.fileno(), 65536)
    process.kill()
    while more := process.stdout.read(65536):
        said += more
    return said


def archived(folder: Path) -> Counter[int]:
    """How often each number was archived, by a reader that is not ours; every WARC must be whole."""
    found: Counter[int] = Counter()
    for warc in folder.rglob("*.warc.gz"):
        with warc.open("rb") as file:
            assert verify(file, name=warc.name).faults == []
        with warc.open("rb") as file:
            kinds = WarcRecordType.response | WarcRecordType.revisit
            for record in ArchiveIterator(file, record_types=kinds, parse_http=False):
                found[int(record.headers["WARC-Target-URI"].rpartition("/")[2])] += 1
    return found


def main() -> None:
    """Run the rounds, or be the child of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.seed)
    lost = doubled = total = 0
    for number in range(chosen.rounds):
        with tempfile.TemporaryDirectory() as folder:
            acknowledged, found = one_round(Path(folder), chosen.seed + number)
        total += len(acknowledged)
        lost += len(acknowledged - set(found))
        doubled += sum(count > 1 for count in found.values())
    print(f"{chosen.rounds} rounds, {total} acknowledged: {lost} lost, {doubled} doubled, every WARC whole")
    sys.exit(bool(lost or doubled))


if __name__ == "__main__":
    main()
