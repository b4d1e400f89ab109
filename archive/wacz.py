"""WACZ files (WACZ 1.1.1, Webrecorder): a zip with WARCs in archive/ and digests in datapackage.json."""

import hashlib
import json
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

from archive.errors import CallerError, DamagedWarc

WARCS = (".warc", ".warc.gz", ".arc", ".arc.gz")
TOLD = ("title", "description", "software", "created", "mainPageUrl", "mainPageDate", "wacz_version")
MOST = 16 << 20  # bytes of datapackage.json that are read

Warcs = list[tuple[str, Path]]


def unzipped(path: Path, folder: Path, name: str, *, keep: bool) -> tuple[dict[str, Any], Warcs]:
    """Take the WARCs out of a WACZ; return what it says of itself, and them by name.

    Raise DamagedWarc where the zip is torn or a WARC is not the one that was packed (with `keep`, what came
    out of it is taken), CallerError where it holds none.
    """
    try:
        with zipfile.ZipFile(path) as file:
            said = _package(file)
            inside = [i for i in file.infolist() if i.filename.startswith("archive/")]
            wanted = [i for i in inside if i.filename.endswith(WARCS)]
            if not wanted:
                raise CallerError(f"{name} is a zip without WARCs in its folder archive/: no WACZ")
            digests = {r.get("path"): r.get("hash") for r in said.get("resources", ())}
            warcs: Warcs = []
            for number, info in enumerate(wanted):
                to = folder / f"inside-{number:05}"
                fault = _taken(file, info, to, digests.get(info.filename))
                if fault and not keep:
                    raise DamagedWarc(
                        f"{name}: {info.filename} {fault}; `--damaged keep` takes what is whole"
                    )
                warcs.append((info.filename.removeprefix("archive/"), to))
    except zipfile.BadZipFile as error:
        raise DamagedWarc(f"{name} is a damaged WACZ: {error}") from error
    return {key: str(said[key])[:500] for key in TOLD if said.get(key)}, warcs


def _package(file: zipfile.ZipFile) -> dict[str, Any]:
    """datapackage.json; empty where there is none that can be read."""
    try:
        with file.open("datapackage.json") as text:
            said = json.loads(text.read(MOST))
    except (KeyError, ValueError, zipfile.BadZipFile, zlib.error):
        return {}
    if not isinstance(said, dict):
        return {}
    resources = said.get("resources")
    return said | {
        "resources": [r for r in resources if isinstance(r, dict)] if isinstance(resources, list) else []
    }


def _taken(file: zipfile.ZipFile, info: zipfile.ZipInfo, to: Path, said: object) -> str:
    """Write one WARC to a file; return what is wrong with it, "" where nothing is."""
    try:
        with file.open(info) as inside, to.open("wb") as out:
            shutil.copyfileobj(inside, out, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        return f"cannot be unpacked whole ({error})"
    label, _, value = str(said or "").partition(":")
    if label not in ("sha256", "md5") or not value:
        return ""
    with to.open("rb") as whole:
        found = hashlib.file_digest(whole, label).hexdigest()
    return "" if found == value.lower() else f"is not what was packed: its {label} is {found}"
