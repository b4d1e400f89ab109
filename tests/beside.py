"""Programs that run beside ours: pywb (GPL) and py-wacz in environments of their own, ReplayWeb.page (AGPL).

They are neither imported nor kept here.

`make test` makes the environments (var/peers/NAME, of requirements/NAME.txt). Where one is missing, tests
make it; where that cannot be, they are skipped with one line, but never in CI.
"""

import fcntl
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from tests.browser import unable
from tests.conftest import free_port, wait_until

ROOT = Path(__file__).parent.parent
REPLAYWEB = "replaywebpage@2.5.3"
EMBED = """<!doctype html><meta charset=utf-8><style>body {{ margin: 0 }}
replay-web-page {{ display: block; width: 980px; height: 780px }}</style><script src=/ui.js></script>
<replay-web-page source="{source}" url="{url}" ts="{stamp}" embed=replayonly deeplink></replay-web-page>"""
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r")


def environment(name: str, place: Path) -> Path:
    """The programs of an environment: the one that is there, or one made in `place`; raise OSError."""
    ready = ROOT / "var" / "peers" / name
    if (ready / "stamp").exists():
        return ready / "bin"
    made = place / name
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not (made / "stamp").exists():
            _make(made, ROOT / "requirements" / f"{name}.txt")
    return made / "bin"


def _make(made: Path, pins: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", made], check=True)
    pip = [str(made / "bin" / "python"), *PIP, str(pins)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError((done.stderr.strip() or "pip failed").splitlines()[-1])
    (made / "stamp").touch()


def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a test run share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "peers"


def required(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment, for a test that cannot do without."""
    try:
        return environment(name, shared(tmp_path_factory))
    except (OSError, subprocess.SubprocessError) as error:
        unable(f"this needs an environment of requirements/{name}.txt, which could not be made: {error}")
        raise


@contextmanager
def pywb(
    programs: Path,
    folder: Path,
    collections: Mapping[str, Any],
    env: Mapping[str, str] | None = None,
    **settings: object,
) -> Iterator[str]:
    """pywb over these collections, on a free port; yields its address."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        json.dumps({"collections": dict(collections), **settings})
    )  # JSON is YAML
    port = free_port()
    command = [str(programs / "wayback"), "--bind", "127.0.0.1", "--port", str(port)]
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=clean | dict(env or {}))
        try:
            base = f"http://127.0.0.1:{port}"
            wait_until(lambda: server.poll() is not None or _answers(base), seconds=60, what="pywb's start")
            assert server.poll() is None, (folder / "log").read_text()
            yield base
        finally:
            server.terminate()
            server.wait(20)


def _answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(base, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def replayweb(place: Path) -> Path:
    """The folder of ReplayWeb.page (AGPL), fetched from npm and left as it is."""
    folder = place / "replaywebpage"
    if not (folder / "ui.js").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", REPLAYWEB], cwd=folder, check=True)
        (packed,) = folder.glob("*.tgz")
        shutil.unpack_archive(packed, folder, "gztar", filter="data")
        for name in ("ui.js", "sw.js", "LICENSE"):
            shutil.copy(folder / "package" / name, folder / name)
    return folder


def static(folder: Path) -> http.server.ThreadingHTTPServer:
    """ReplayWeb.page's files and WACZ files, with ranges; `/replay/` is the worker's: there is none here."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            kind, data = self.found(path, query)
            span = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
            whole, status = len(data), 200 if kind else 404
            if span and kind:
                first = int(span[1]) if span[1] else max(whole - int(span[2]), 0)
                last = min(int(span[2]), whole - 1) if span[1] and span[2] else whole - 1
                data, status = data[first : last + 1], 206
            self.send_response_only(status)
            if status == 206:
                self.send_header("Content-Range", f"bytes {first}-{last}/{whole}")
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def found(self, path: str, query: str) -> tuple[str, bytes]:
            if path == "/":
                said = {name: escape(values[0]) for name, values in parse_qs(query).items()}
                return "text/html", EMBED.format(**said).encode()
            name = path.rpartition("/")[2]
            if path not in ("/ui.js", "/replay/sw.js", f"/{name}") or not (folder / name).is_file():
                return "", b"none"
            kind = "text/javascript" if name.endswith(".js") else "application/zip"
            return kind, (folder / name).read_bytes()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@contextmanager
def hosted(folder: Path) -> Iterator[str]:
    """A static server of a folder; yields its address."""
    server = static(folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join(10)
    server.server_close()


def embedded_at(base: str, source: str, url: str, stamp: str) -> str:
    """The page of a static server that shows a capture out of a WACZ."""
    return f"{base}/?{urlencode({'source': source, 'url': url, 'stamp': stamp})}"
