"""Archivers against servers that speak odd HTTP: which of them keep what crossed the wire, byte for byte.

    python benchmarks/fidelity.py [--peers DIR] [--only ours,wget] [--verbose] [--strict]

The server of odd.py keeps every byte both ways; each is looked for in the WARCs. An exchange is byte-exact
where a record's block is what crossed. Rules that hold for all: heads of 1xx may stand in a record of their
own, and a response may be cut where the record says so (WARC-Truncated) and a limit of time or size was met.
A response counts only where a byte was sent. "Body kept" is the softer question: whether the body, without
its framing, is in a record at all, whatever became of the head. With --strict, exit 1 unless all of ours are
exact.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from fastwarc.warc import ArchiveIterator

from archive.wire import dechunk, head_end
from benchmarks.odd import Crossed, OddServer
from benchmarks.peers import CRAWLERS, Peer, Task, warcs, webarchive_python

TIMEOUT = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One record: what kind, its block, and why it was cut."""

    kind: str
    block: bytes
    truncated: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One exchange: what is wrong with its records, "" where nothing is; None where nothing was sent.

    `body` is whether a body came and was kept; None where there was none to keep.
    """

    name: str
    request: str
    response: str | None
    body: bool | None


def key(target: str) -> bytes:
    """A path and query without what clients escape in ways of their own."""
    return unquote_to_bytes(target.partition("#")[0])


def records(folder: Path) -> dict[bytes, list[Kept]]:
    """All records of HTTP messages below a folder, by what they are of."""
    found: dict[bytes, list[Kept]] = defaultdict(list)
    for _, data in warcs(folder):
        for record in ArchiveIterator(BytesIO(data), parse_http=False):
            headers = record.headers
            kind = headers.get("WARC-Type", "")
            url = urlsplit(headers.get("WARC-Target-URI", "").strip("<>"))
            if kind not in ("request", "response", "revisit", "metadata"):
                continue
            target = url.path + (f"?{url.query}" if url.query else "")
            kept = Kept(kind=kind, block=record.reader.read(), truncated=headers.get("WARC-Truncated"))
            found[key(target)].append(kept)
    return found


def judge(server: OddServer, folder: Path) -> list[Verdict]:
    """Every exchange that crossed against the records of its address."""
    kept = records(folder)
    verdicts = []
    for crossed in server.crossed:
        mine = kept[key(crossed.target)]
        request = _asked(crossed, mine)
        body = _has_body(crossed, mine)
        response = _answered(crossed, mine) if crossed.sent else None
        name = f"{crossed.method} {crossed.target[:60]}"
        verdicts.append(Verdict(name=name, request=request, response=response, body=body))
    return verdicts


def _take(kept: list[Kept], kinds: tuple[str, ...], right: Callable[[Kept], bool]) -> Kept | None:
    """The first record of these kinds that is right, which is used up by it; else the first, to be shown."""
    of_kind = [k for k in kept if k.kind in kinds]
    chosen = next((k for k in of_kind if right(k)), of_kind[0] if of_kind else None)
    if chosen is not None:
        kept.remove(chosen)
    return chosen


def _asked(crossed: Crossed, kept: list[Kept]) -> str:
    found = _take(kept, ("request",), lambda k: k.block == crossed.received)
    return difference(found, crossed.received)


def _answered(crossed: Crossed, kept: list[Kept]) -> str:
    sent = bytes(crossed.sent)
    interim = crossed.case.interim if crossed.case else b""
    final = sent.removeprefix(interim)
    limited = crossed.case is not None and crossed.case.limited
    found = _take(kept, ("response", "revisit"), lambda k: exact(k, sent, final, limited=limited))
    if found is None or not exact(found, sent, final, limited=limited):
        return difference(found, final)
    if interim and found.block == final:
        aside = any(k.kind == "metadata" and k.block == interim for k in kept)
        return "" if aside else "the heads of 1xx are lost"
    return ""


ANSWERS = ("response", "revisit")


def _has_body(crossed: Crossed, kept: list[Kept]) -> bool | None:
    interim = crossed.case.interim if crossed.case else b""
    wanted = bodies(bytes(crossed.sent).removeprefix(interim))
    if not any(wanted):
        return None
    # A revisit names the record that holds its body.
    return any(k.kind == "revisit" or wanted & bodies(k.block) for k in kept if k.kind in ANSWERS)


def bodies(message: bytes) -> set[bytes]:
    """The body of a response as it stands, and without chunk framing; nothing where there is none."""
    end = head_end(message)
    body = message[end:] if end else b""
    return {body, dechunk(body)} - {b""}


def exact(kept: Kept, sent: bytes, final: bytes, *, limited: bool) -> bool:
    """Whether a record holds what was sent, with or without the heads of 1xx, or says that it was cut."""
    if kept.block in (sent, final):
        return True
    if kept.kind == "revisit":
        return final.startswith(kept.block) and kept.block.endswith((b"\r\n\r\n", b"\n\n"))
    return limited and kept.truncated is not None and bool(kept.block) and final.startswith(kept.block)


def difference(found: Kept | None, wanted: bytes) -> str:
    """What is wrong, in words."""
    if found is None:
        return "missing"
    if found.block == wanted:
        return ""
    same = next((n for n, (a, b) in enumerate(zip(found.block, wanted, strict=False)) if a != b), None)
    cut = f", WARC-Truncated: {found.truncated}" if found.truncated else ""
    if same is None:
        return f"{len(found.block)} of {len(wanted)} bytes{cut}"
    return f"differs at byte {same}: {found.block[same : same + 24]!r} for {wanted[same : same + 24]!r}{cut}"


def spider(peer: Peer, server: OddServer, folder: Path) -> list[list[str]]:
    """The command line for everything that runs in Scrapy."""
    asked = [[c.method, server.url(c), c.body.decode("latin-1")] for c in server.cases]
    (folder / "requests.json").write_text(json.dumps(asked))
    how = ["--add-on"] if peer.tool == "ours" else [f"--wacz={folder}"]
    return [[peer.python, str(CRAWLERS / "odd_spider.py"), str(folder / "requests.json"), *how]]


def command_line(peer: Peer, server: OddServer, folder: Path) -> list[list[str]]:
    """What `morgue capture` runs, which knows only GET."""
    return [peer.command(_task(server, folder))]


def wget(_peer: Peer, server: OddServer, folder: Path) -> list[list[str]]:
    """wget: the list, and one run for every other method."""
    patient = [f"--timeout={TIMEOUT:.0f}", "--waitretry=0", "--retry-on-http-error=503", "--tries=2"]
    quiet = ["wget", "--quiet", "--no-config", "--no-directories", f"--directory-prefix={folder / 'pages'}"]
    common = [*quiet, *patient, "--no-warc-keep-log", f"--warc-tempdir={folder}"]
    commands = [[*common, "--warc-file=list", f"--input-file={_task(server, folder).urls}"]]
    for case in (c for c in server.cases if c.method != "GET"):
        form = [f"--body-file={_file(folder, case.body)}"] if case.body else []
        how = [f"--method={case.method}", *form, f"--warc-file={case.name}"]
        commands.append([*common, *how, server.url(case)])
    return commands


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "body"
    path.write_bytes(data)
    return path


def _task(server: OddServer, folder: Path) -> Task:
    urls = folder / "urls.txt"
    urls.write_text("".join(f"{server.url(c)}\n" for c in server.cases if c.method == "GET"))
    return Task(base="", urls=urls, folder=folder, timeout=TIMEOUT, concurrency=8)


Commands = Callable[[Peer, OddServer, Path], list[list[str]]]
CONTESTANTS: tuple[tuple[Peer, Commands], ...] = (
    (Peer(name="ours", tool="ours", kind="odd"), spider),
    (Peer(name="ours (morgue capture)", tool="ours", kind="list"), command_line),
    (Peer(name="scrapy-webarchive", tool="webarchive", kind="odd"), spider),
    (Peer(name="wget", tool="wget", kind="list"), wget),
)


def suite(peer: Peer, how: Commands) -> list[Verdict]:
    """Run one archiver over all oddities."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, OddServer() as server:
        folder = Path(name)
        env = peer.env(_task(server, folder))
        env.pop("SCRAPY_SETTINGS_MODULE", None)
        for command in how(peer, server, folder):
            subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False, timeout=600)
        return judge(server, folder)


def line(name: str, verdicts: list[Verdict]) -> str:
    """One line of the table."""
    answered = [v for v in verdicts if v.response is not None]
    asked = sum(not v.request for v in verdicts)
    right = sum(not v.response for v in answered)
    whole = [v.body for v in verdicts if v.body is not None]
    missing = sum((v.request == "missing") + (v.response == "missing") for v in verdicts)
    requests, responses = f"{asked} of {len(verdicts)}", f"{right} of {len(answered)}"
    kept = f"{sum(whole)} of {len(whole)}"
    return f"{name:24}{len(verdicts):>10}{requests:>15}{responses:>16}{kept:>12}{missing:>10}"


def main() -> None:
    """Run them all and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", type=Path, help="folder for environments of peers")
    parser.add_argument("--only", default="", help="archivers by how their names begin")
    parser.add_argument("--verbose", action="store_true", help="also list what is not exact")
    parser.add_argument("--strict", action="store_true", help="exit 1 unless all of ours are exact")
    chosen = parser.parse_args()
    wanted = [w.strip() for w in chosen.only.split(",") if w.strip()]
    print(f"{'':24} exchanges  request exact  response exact   body kept   missing")
    failed = False
    for each, how in CONTESTANTS:
        if wanted and not any(each.name.startswith(w) for w in wanted):
            continue
        try:
            python = webarchive_python(chosen.peers) if each.tool == "webarchive" else sys.executable
        except OSError as error:
            print(f"{each.name} takes no part: {error}", file=sys.stderr)
            continue
        wrong = show(each.name, suite(replace(each, python=python), how), verbose=chosen.verbose)
        failed |= each.tool == "ours" and wrong
    sys.exit(chosen.strict and failed)


def show(name: str, verdicts: list[Verdict], *, verbose: bool) -> bool:
    """Print what came of one archiver; whether anything is wrong."""
    print(line(name, verdicts), flush=True)
    wrong = [v for v in verdicts if v.request or v.response]
    for v in wrong if verbose else ():
        response = "none was sent" if v.response is None else v.response or "exact"
        print(f"    {v.name:40} request: {v.request or 'exact'}; response: {response}")
    for v in verdicts if verbose else ():
        if v.body is False:
            print(f"    {v.name:40} its body is in no record")
    return bool(wrong)


if __name__ == "__main__":
    main()
