"""Our WACZ files in the hands of others: py-wacz finds them valid, ReplayWeb.page opens them from S3."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from archive.bundle import to_file, write_wacz
from archive.index import Index
from archive.parcel import Parcel
from archive.permission import Permission
from archive.policy import Policy
from archive.store import open_store
from tests.beside import embedded_at, hosted, replayweb, required, shared
from tests.browser import unable
from tests.keeping import Answer, Keeper, edition

PAPER = "http://paper.example"
PICTURE = (("Content-Type", "image/svg+xml"),)
SHAPE = b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30">%s</svg>' % (b"<g></g>" * 40)
RULES = {
    "CORSRules": [{
        "AllowedMethods": ["GET", "HEAD"], "AllowedHeaders": ["*"], "AllowedOrigins": ["*"],
        "ExposeHeaders": ["Content-Range", "Content-Length", "Accept-Ranges", "ETag"],
    }]
}  # fmt: skip


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    """Two days of a page; its picture is a revisit on the second."""
    keeper = Keeper(tmp_path, revisits=True)
    for number in (20, 21):
        page = b"<title>Front</title><h1>day %d</h1><img src=/a.svg>" % number
        keeper.keep(
            Answer(at=edition(number), url=f"{PAPER}/", body=page),
            Answer(at=edition(number), url=f"{PAPER}/a.svg", headers=PICTURE, body=SHAPE),
        )
    return keeper


def exported(keeper: Keeper, out: Path) -> Path:
    index = Index(keeper.store)
    parcel = Parcel(keeper.store, index, Permission(keeper.store, index, {}, Policy()))
    to_file(out, lambda file: write_wacz(file, parcel.of_site("paper"), title="Paper", said={}))
    return out


def test_py_wacz_finds_our_wacz_valid(keeper: Keeper, tmp_path: Path, tmp_path_factory: Any) -> None:
    programs = required("wacz", tmp_path_factory)
    path = exported(keeper, tmp_path / "paper.wacz")
    command = [str(programs / "wacz"), "validate", "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = bytearray(path.read_bytes())
    place = len(broken) // 3  # within the WARC
    broken[place] ^= 1
    path.write_bytes(broken)
    again = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode != 0 or "invalid" in (again.stdout + again.stderr).lower()


@pytest.mark.browser
def test_replayweb_page_opens_our_wacz_straight_from_the_bucket(
    page: Any, keeper: Keeper, s3: dict[str, str], tmp_path: Path, tmp_path_factory: Any
) -> None:
    import boto3
    from botocore.config import Config

    try:
        player = replayweb(shared(tmp_path_factory))
    except (OSError, subprocess.SubprocessError) as error:
        unable(f"this needs ReplayWeb.page from npm: {error}")
        raise
    key = "wacz/paper/2026-11.wacz"
    exported(keeper, tmp_path / "paper.wacz")
    open_store("s3://morgue/published").put(key, (tmp_path / "paper.wacz").read_bytes())
    client = boto3.client("s3", config=Config(signature_version="s3v4"))
    client.put_bucket_cors(Bucket="morgue", CORSConfiguration=RULES)
    target = {"Bucket": "morgue", "Key": f"published/{key}"}
    source = client.generate_presigned_url("get_object", Params=target, ExpiresIn=600)
    with hosted(player) as base:
        for number in (20, 21):
            address = embedded_at(base, source, f"{PAPER}/", f"202611{number}070005")
            frame = opened(page, address, f"{PAPER}/")
            assert frame.text_content("h1") == f"day {number}"
            frame.wait_for_function("() => document.images[0].naturalWidth === 90")


def opened(page: Any, address: str, url: str) -> Any:
    """The frame in which ReplayWeb.page shows the page.

    Its own page can wait for ever for a service worker that took over while it was being loaded (seen on a
    busy machine): it is loaded anew then, as a reader would.
    """
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    for _ in range(4):
        page.goto(address)
        frame = the_frame(page, url)
        if frame:
            return frame
    raise AssertionError([*(frame.url for frame in page.frames), *said])


def the_frame(page: Any, url: str) -> Any:
    for _ in range(200):
        for frame in page.frames:
            if frame.url.endswith(f"mp_/{url}"):
                frame.wait_for_load_state("load")
                return frame
        page.wait_for_timeout(100)
    return None
