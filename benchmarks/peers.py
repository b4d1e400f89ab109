"""The crawlers that are compared: how each is started, and what it really archived."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fastwarc.warc import ArchiveIterator, WarcRecordType

from benchmarks.measure import HERE, TREE

CRAWLERS = HERE / "crawlers"
WEBARCHIVE = ("scrapy-webarchive==0.5.3", "w3lib<2.3", "twisted<25")
SITE_FILE = """\
name = "Bench"
home = "{base}/"
feeds = ["{base}/feed.xml"]
sitemaps = ["{base}/sitemap.xml"]
delay = 0
concurrency = {concurrency}
requisites = "same-host"
allow_private = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One site to be fetched, into one folder."""

    base: str
    urls: Path
    folder: Path
    concurrency: int = 32
    timeout: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A crawler: `kind` is "crawl" or "list", `tool` which program; `tree` is where our code is from."""

    name: str
    tool: str
    kind: str
    archives: bool = True
    tree: Path = TREE
    python: str = sys.executable

    def env(self, task: Task) -> dict[str, str]:
        """The child's environment: everything that it writes goes into the task's folder."""
        places = {"MORGUE_ARCHIVE": "archive", "MORGUE_SPOOL": "spool", "MORGUE_SITES": "sites"}
        ours = {name: str(task.folder / place) for name, place in places.items()}
        ours |= {"PYTHONPATH": f"{self.tree}:{TREE}", "MORGUE_CONTACT": "bench@paper.example"}
        ours |= {"SCRAPY_SETTINGS_MODULE": "benchmarks.crawlers.settings"}
        if self.tool != "ours":
            ours.pop("SCRAPY_SETTINGS_MODULE")
            ours["PYTHONPATH"] = ""
        return {**os.environ, **ours}

    def command(self, task: Task) -> list[str]:
        """The command line that does the task."""
        most = f"--concurrency={task.concurrency}"
        source = [f"--urls={task.urls}"] if self.kind == "list" else [f"--home={task.base}/"]
        patient = f"--timeout={task.timeout}"
        if self.tool == "ours" and self.kind == "crawl":
            return self._crawl(task)
        if self.tool == "ours":
            return [self.python, str(CRAWLERS / "ours_list.py"), str(task.urls), most, patient]
        if self.tool in ("scrapy", "webarchive"):
            kept = [f"--wacz={task.folder}"] if self.tool == "webarchive" else []
            return [self.python, str(CRAWLERS / "scrapy_peer.py"), *source, most, patient, *kept]
        if self.tool == "wget":
            return wget(task)
        return [self.python, str(CRAWLERS / "bare.py"), str(task.urls), str(task.folder / "bare.warc.gz")]

    def _crawl(self, task: Task) -> list[str]:
        sites = task.folder / "sites"
        sites.mkdir(exist_ok=True)
        text = SITE_FILE.format(base=task.base, concurrency=task.concurrency)
        (sites / "bench.toml").write_text(text)
        return [self.python, "-m", "archive", "crawl", "bench", "--quiet"]


def wget(task: Task) -> list[str]:
    """wget, told to ask for gzip as the others do, and to keep nothing but the WARC."""
    quiet = [
        "wget",
        "--quiet",
        "--no-config",
        "--output-document=/dev/null",
        "--header=Accept-Encoding: gzip",
    ]
    warc = ["--warc-file=wget", "--no-warc-keep-log", f"--warc-tempdir={task.folder}"]
    return [*quiet, *warc, f"--timeout={task.timeout}", "--tries=1", f"--input-file={task.urls}"]


def webarchive_python(cache: Path | None) -> str:
    """The Python that has scrapy-webarchive, made where it is missing; raise OSError where that fails."""
    return made_python(cache, "scrapy-webarchive", WEBARCHIVE, "scrapy_webarchive.extensions")


def made_python(cache: Path | None, name: str, packages: Sequence[str], modules: str) -> str:
    """The Python of an environment that has these modules, made where it is missing; raise OSError."""
    if cache is None:
        raise OSError("no folder for it was given: --peers DIR")
    place = cache.absolute() / name
    python = place / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
    probe = [str(python), "-c", f"import {modules}"]
    if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return str(python)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip().splitlines()[-1])
    return str(python)


def warcs(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All WARCs below a folder, those inside WACZ files too; ours only where published."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".wacz":
            with zipfile.ZipFile(path) as pack:
                for name in (n for n in pack.namelist() if ".warc" in n):
                    yield name, pack.read(name)
        elif path.name.endswith((".warc.gz", ".warc")) and "spool" not in path.parts:
            yield path.name, path.read_bytes()


def archived(folder: Path) -> tuple[set[str], int]:
    """The paths whose 200 responses are in the WARCs, and the WARCs' bytes."""
    paths: set[str] = set()
    size = 0
    for _, data in warcs(folder):
        size += len(data)
        kinds = WarcRecordType.response | WarcRecordType.revisit
        for record in ArchiveIterator(io.BytesIO(data), record_types=kinds):
            if record.http_headers is not None and record.http_headers.status_code == 200:
                paths.add(urlsplit(record.headers["WARC-Target-URI"].strip("<>")).path)
    return paths, size
