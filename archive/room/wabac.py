"""wabac.js, the rewriter that runs in the reader's browser: where it is, and how to get it.

It is AGPL-3.0 and stays a file of its own: fetched from npm as published, checked against the digest below,
served as it is, never part of this distribution.

    python -m archive.room.wabac [FOLDER]      (by default var/wabac)
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from archive.errors import CallerError, MorgueError

PACKAGE = "@webrecorder/wabac"
VERSION = "2.27.3"
SHA256 = "c665c6d9e34ea1a5c52853f5541e1aa6b203525b56222201c2efe33e28a80fba"
FOLDER = Path("var/wabac")
MEMBERS = {"package/dist/sw.js": "sw.js", "package/LICENSE.md": "LICENSE.md"}
HOW = "run `python -m archive.room.wabac` to get wabac.js for replay (needs npm)"


def find(env: Mapping[str, str] | None = None) -> Path | None:
    """The worker script in MORGUE_WABAC or var/wabac; None where it was not fetched."""
    env = os.environ if env is None else env
    path = Path(env.get("MORGUE_WABAC", "").strip() or FOLDER) / "sw.js"
    return path if path.is_file() else None


def load(path: Path) -> bytes:
    """The worker script; raise CallerError where it is not the one that we know."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise CallerError(f"{path} is not the sw.js of {PACKAGE} {VERSION}; {HOW}")
    return data


def fetch(folder: Path = FOLDER) -> Path:
    """Get the package from npm and move its worker script into `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".wabac-") as name:
        temporary = Path(name)
        _unpack(_pack(temporary), temporary)
        load(temporary / "sw.js")
        folder.mkdir(exist_ok=True)
        for member in MEMBERS.values():
            (temporary / member).replace(folder / member)
    return folder / "sw.js"


def _pack(folder: Path) -> Path:
    if shutil.which("npm") is None:
        raise CallerError(f"npm is not installed, and {PACKAGE} comes from npm; install npm, then {HOW}")
    line = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    try:
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        raise MorgueError(f"npm did not get {PACKAGE}@{VERSION} in five minutes; try again") from None
    packed = next(folder.glob("*.tgz"), None)
    if done.returncode or packed is None:
        said = " ".join(done.stderr.split())[:200]
        raise MorgueError(f"npm could not get {PACKAGE}@{VERSION}: {said}")
    return packed


def _unpack(packed: Path, folder: Path) -> None:
    with tarfile.open(packed) as tar:
        for member, name in MEMBERS.items():
            tar.extract(member, folder, filter="data")
            (folder / member).replace(folder / name)


def main(arguments: list[str]) -> int:
    """Fetch into the folder named, and say where it is."""
    try:
        path = fetch(Path(arguments[0]) if arguments else FOLDER)
    except MorgueError as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    click.echo(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
