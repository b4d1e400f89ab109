"""Which checker finds which damage: `morgue verify` beside warcio check, fastwarc check -p and gzip -t.

    python benchmarks/checkers.py

One small WARC that is whole, and copies of it with one thing wrong each. "found": an exit code other than 0.
"""

import gzip
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from archive.model import Exchange
from archive.warc import members, warcinfo_member, write_exchange
from archive.warc.writer import payload_digest

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
BODY = b"<!doctype html><title>Story</title>" + b"<p>What was said that day.</p>" * 30
CODED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 90\r\n\r\n"
REFERS = rb"WARC-Refers-To[^\r]*\r\n"


def exchange(path: str, head: bytes, body: bytes) -> Exchange:
    """A page of the sample."""
    return Exchange(
        url=f"http://paper.example/{path}",
        method="GET",
        request=b"GET / HTTP/1.1\r\nHost: paper.example\r\n\r\n",
        response=head + body,
        head_length=len(head),
        began=datetime(2026, 11, 20, 6, tzinfo=UTC),
        seconds=0.1,
    )


def whole() -> bytes:
    """A WARC with two pages, nothing wrong."""
    number, data = warcinfo_member(filename="x.warc.gz", info={"software": "sample"})
    for path in ("a", "b"):
        page = exchange(path, HEAD % len(BODY), BODY + path.encode())
        data += write_exchange(page, warcinfo=number, warc="x").data
    return data


def changed(change: Callable[[bytes], bytes], kind: bytes = b"response") -> bytes:
    """The sample with the first record of a kind changed, in a gzip member that is right."""
    out, done = b"", False
    for member in members(io.BytesIO(whole())):
        plain = member.data
        if not done and b"WARC-Type: " + kind in plain:
            plain, done = change(plain), True
        out += gzip.compress(plain, mtime=0)
    return out


def redone(plain: bytes, head: bytes, body: bytes) -> bytes:
    """A response record with another block, length and payload digest right for it."""
    start = plain.index(b"\r\n\r\n") + 4
    digest = b"WARC-Payload-Digest: " + payload_digest(body).encode() + b"\r\n"
    header = re.sub(rb"WARC-Block-Digest[^\r]*\r\n", b"", plain[:start])
    header = re.sub(rb"WARC-Payload-Digest[^\r]*\r\n", digest, header)
    header = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(head + body), header)
    return header + head + body + b"\r\n\r\n"


def sized(plain: bytes, length: int) -> bytes:
    """The record with another Content-Length."""
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % length, plain, count=1)


def revisit(plain: bytes) -> bytes:
    """A revisit that names nothing."""
    made = plain.replace(b"WARC-Type: response", b"WARC-Type: revisit")
    return re.sub(rb"(WARC-Type: revisit\r\n)", rb"\1WARC-Profile: x\r\n", made)


def samples() -> dict[str, bytes]:
    """All files, by what is wrong with them."""
    good = whole()
    plain = gzip.decompress(good)
    last = list(members(io.BytesIO(good)))[-1]
    crc = bytearray(good)
    crc[-6] ^= 1
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return {
        "nothing (whole)": good,
        "payload flipped": changed(lambda b: b.replace(b"that day", b"that dax", 1)),
        "torn in the last member": good[:-9],
        "torn a record earlier": good[: last.offset - 9],
        "gzip CRC wrong": bytes(crc),
        "all records in one member": gzip.compress(plain, mtime=0),
        "Content-Length too short": changed(lambda b: sized(b, 40)),
        "Content-Length too long": changed(lambda b: sized(b, 9999)),
        "line ends behind the block missing": changed(lambda b: b[:-4]),
        "no WARC-Record-ID": changed(lambda b: b.replace(b"WARC-Record-ID", b"X-Record-ID")),
        "WARC-Record-ID twice": good + good[last.offset :],
        "bad WARC-Date": changed(lambda b: re.sub(rb"WARC-Date: [^\r]*", b"WARC-Date: Friday", b)),
        "no digest": changed(lambda b: re.sub(rb"WARC-(Block|Payload)-Digest[^\r]*\r\n", b"", b)),
        "zeros behind the end": good + bytes(512),
        "decoded, Content-Encoding kept": changed(lambda b: redone(b, CODED, BODY)),
        "decoded, Transfer-Encoding kept": changed(lambda b: redone(b, chunked, BODY)),
        "revisit of nothing": changed(revisit),
    }  # fmt: skip


def tools() -> dict[str, list[str]]:
    """The checkers, as commands that a file's name is added to."""
    place = Path(sys.executable)
    return {
        "morgue verify": [sys.executable, "-m", "archive", "verify"],
        "warcio check": [str(place.with_name("warcio")), "check"],
        "fastwarc check -p": [str(place.with_name("fastwarc")), "check", "-p"],
        "gzip -t": ["gzip", "-t"],
    }


def main() -> None:
    """Run all on all, and print a table."""
    found = dict.fromkeys(tools(), 0)
    print(f"{'':36}" + "".join(f"{name:>19}" for name in tools()))
    with tempfile.TemporaryDirectory() as folder:
        for what, data in samples().items():
            path = Path(folder) / "x.warc.gz"
            path.write_bytes(data)
            line = f"{what:36}"
            for name, command in tools().items():
                code = subprocess.run([*command, str(path)], capture_output=True, check=False).returncode
                found[name] += bool(code)
                line += f"{'found' if code else '-':>19}"
            print(line)
    print(f"{'of ' + str(len(samples()) - 1):36}" + "".join(f"{count:>19}" for count in found.values()))


if __name__ == "__main__":
    main()
