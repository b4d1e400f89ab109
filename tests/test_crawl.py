"""Capturing and crawling, with the command as users run it, against The Daily Specimen."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.index import Index, recent
from archive.playback import play
from archive.reports import read_report, report_key
from archive.runs import all_runs
from archive.store import Store, open_store
from archive.verify import verify_bytes
from archive.watch import Watch
from archive.wire import head_end
from spiders.specimen import Specimen
from tests.conftest import wait_until
from tests.host import Host, feed, page

Morgue = Callable[..., Any]
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "archive"))


def add(morgue: Morgue, paper: Specimen, *options: str) -> str:
    done = morgue("site", "add", paper.base + "/", "--allow-private", "--delay", "0", "--json", *options)
    assert done.code == 0, done.err
    return str(done.json["site"])


def test_a_site_is_added_with_its_feeds_and_sitemaps(morgue: Morgue, paper: Specimen, tmp_path: Path) -> None:
    assert add(morgue, paper) == "the-daily-specimen"
    text = (tmp_path / "sites" / "the-daily-specimen.toml").read_text()
    for path in ("/feeds/rss.xml", "/feeds/atom.xml", "/sitemap.xml"):
        assert paper.base + path in text


def test_every_published_story_is_archived_and_listed(morgue: Morgue, paper: Specimen, store: Store) -> None:
    done = morgue("crawl", add(morgue, paper), "--json")
    assert (done.code, done.json["reason"]) == (0, "finished"), done.err
    assert morgue("extract").code == 0
    listed = {row["url"]: row for row in morgue("articles", "--json").rows}
    for story in paper.truth():
        row = listed[story["url"]]
        assert row["headline"] == story["headline"]
        assert row["standfirst"] == story["standfirst"]
        assert row["authors"] == list(story["authors"])
        assert row["body"][: len(story["paragraphs"])] == list(story["paragraphs"])
        key, offset, length = row["warc"]["key"], row["warc"]["offset"], row["warc"]["length"]
        assert story["url"].encode() in verify_member(store.read(key, offset, length))


def verify_member(data: bytes) -> bytes:
    import gzip

    return gzip.decompress(data)


def test_what_robots_txt_forbids_is_never_asked_for(morgue: Morgue, paper: Specimen) -> None:
    morgue("crawl", add(morgue, paper))
    asked = {path for _, path, _ in paper.hits}
    assert "/robots.txt" in asked
    assert not [path for path in asked if path.startswith(("/private/", "/press/"))]


def test_the_user_agent_is_honest_and_names_the_contact(morgue: Morgue, paper: Specimen) -> None:
    morgue("crawl", add(morgue, paper), MORGUE_CONTACT="https://library.example/bot")
    agents = {agent for _, path, agent in paper.hits if path == "/feeds/atom.xml"}
    assert any("newsmorgue/" in a and "https://library.example/bot" in a for a in agents), agents


def test_a_later_edition_brings_changes_and_withdrawals(
    morgue: Morgue, paper: Specimen, store: Store
) -> None:
    site = add(morgue, paper)
    morgue("crawl", site)
    paper.turn(2)
    morgue("crawl", site, "--as-of", "2027-06-01")
    morgue("extract")
    index = Index(store)
    for story in paper.truth():
        found = index.captures(story["url"])
        wanted = (410,) if story["gone"] else (200,) if story["changed"] else (200, 304)
        assert found[-1].status in wanted, story["url"]
    changed = next(s for s in paper.truth() if s["changed"])
    said = [r["headline"] for r in morgue("articles", "--versions", "--url", changed["url"], "--json").rows]
    assert len(set(said)) == 2
    assert changed["headline"] == said[0]


def test_every_warc_of_a_crawl_is_whole(
    morgue: Morgue, paper: Specimen, store: Store, tmp_path: Path
) -> None:
    morgue("crawl", add(morgue, paper))
    (run,) = all_runs(store)
    for warc in run.warcs:
        path = tmp_path / "archive" / warc.key
        assert verify_bytes(path.read_bytes(), name=warc.key).faults == []
        for command in (["gzip", "-t"], [str(Path(sys.executable).with_name("fastwarc")), "check"]):
            assert subprocess.run([*command, path], capture_output=True, check=False).returncode == 0


def test_a_limit_is_kept_and_said(morgue: Morgue, paper: Specimen) -> None:
    done = morgue("crawl", add(morgue, paper), "--limit", "2", "--json")
    assert done.json["reason"] == "limit"
    assert len([p for _, p, _ in paper.hits if p.count("/") > 4 and "2026" in p]) == 2


def test_only_the_urls_that_were_asked_for_are_crawled(morgue: Morgue, paper: Specimen, store: Store) -> None:
    url = paper.truth()[0]["url"]
    done = morgue("crawl", add(morgue, paper), "--url", url, "--json")
    assert done.code == 0
    pages = [c.url for c in Index(store).all() if c.mime == "text/html" and c.status == 200]
    assert pages == [url]


def test_a_dry_run_asks_for_nothing_and_writes_nothing(morgue: Morgue, paper: Specimen, store: Store) -> None:
    site = add(morgue, paper)
    before = len(paper.hits)
    done = morgue("crawl", site, "--dry-run", "--json")
    assert (done.code, done.json["reason"], done.json["manifest"]) == (0, "dry run", None)
    assert (len(paper.hits), list(store.keys())) == (before, [])


def test_the_summary_is_also_left_in_a_file(morgue: Morgue, paper: Specimen, tmp_path: Path) -> None:
    import json

    morgue("crawl", add(morgue, paper), "--limit", "1", "--result", str(tmp_path / "result.json"))
    assert json.loads((tmp_path / "result.json").read_text())["manifest"].startswith(
        "runs/the-daily-specimen/"
    )


def test_scrapy_knows_the_sites_by_name(morgue: Morgue, paper: Specimen) -> None:
    site = add(morgue, paper)
    scrapy = [sys.executable, "-m", "scrapy"]
    settings = {**os.environ, "SCRAPY_SETTINGS_MODULE": "spiders.settings"}
    listed = subprocess.run([*scrapy, "list"], capture_output=True, text=True, check=True, env=settings)
    assert listed.stdout.split() == [site]
    subprocess.run([*scrapy, "crawl", site, "-a", "limit=1"], capture_output=True, check=True, env=settings)
    assert morgue("runs", "--json").rows[0]["site"] == site


def test_a_page_is_captured_into_s3(morgue: Morgue, paper: Specimen, s3: dict[str, str]) -> None:
    archive = f"s3://morgue/{os.urandom(4).hex()}"
    done = morgue("capture", paper.base + "/", "--allow-private", "--archive", archive, "--json")
    assert done.code == 0, done.err
    found = open_store(archive)
    assert sorted(k.split("/")[0] for k in found.keys()) == ["cdxj", "logs", "runs", "state", "warc"]  # noqa: SIM118
    capture = Index(found).closest(paper.base + "/")
    assert b"The Daily Specimen" in play(found, Index(found), capture).decoded()


def test_urls_are_read_from_a_file(morgue: Morgue, paper: Specimen, store: Store, tmp_path: Path) -> None:
    (tmp_path / "urls").write_text(f"# pages\n{paper.base}/\n\n{paper.base}/culture/\n")
    assert morgue("capture", "-i", str(tmp_path / "urls"), "--allow-private").code == 0
    assert len([c for c in Index(store).all() if c.mime == "text/html" and c.status == 200]) == 2


def test_a_list_that_is_stopped_keeps_what_came_and_says_what_did_not(
    morgue: Morgue, paper: Specimen, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "urls").write_text("".join(f"{paper.base}/?{number}\n" for number in range(900)))
    capture = subprocess.Popen(
        [sys.executable, "-m", "archive", "capture", "-i", str(tmp_path / "urls"), "--allow-private"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: len(paper.hits) > 4, what="a second page")
    capture.send_signal(signal.SIGINT)
    out, err = capture.communicate(timeout=60)
    (run,) = all_runs(store)
    assert (capture.returncode, run.reason) == (3, "stopped")
    assert "to go" in err or "being stopped" in err, out
    assert run.counts["exchanges"] == len(paper.hits)


def test_a_captured_page_is_written_out_decoded_or_raw(morgue: Morgue, paper: Specimen) -> None:
    morgue("capture", paper.base + "/", "--allow-private")
    assert "The Daily Specimen</title>" in morgue("get", paper.base + "/").out.replace(": front page", "")
    assert morgue("get", paper.base + "/", "--headers").out.startswith("HTTP/1.1 200")


def test_requisites_are_captured_where_asked_for(morgue: Morgue, paper: Specimen, store: Store) -> None:
    morgue("capture", paper.base + "/", "--allow-private", "--requisites")
    kinds = {c.mime for c in Index(store).all()}
    assert {"text/html", "text/css", "image/png"} <= kinds


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["capture"], 2, "no URL given"),
        (["capture", "paper.example"], 2, "is no http(s) URL"),
        (["capture", "http://127.0.0.1:1/"], 2, "MORGUE_CONTACT"),
        (
            ["capture", "http://127.0.0.1:1/", "--allow-private", "--archive", "gs://x"],
            2,
            "neither a folder nor",
        ),
        (["crawl", "nobody"], 2, "no site 'nobody'"),
        (["captures", "http://paper.example/"], 4, "there is no archive at"),
        (["get", "http://paper.example/", "--at", "soon"], 2, "is no time"),
        (["articles", "--since", "yesterday"], 2, "is no time"),
        (["verify", "nothing.warc.gz"], 4, "there is no archive at"),
        (["site", "add", "http://127.0.0.1:1/", "--allow-private"], 3, "refuses port 1"),
    ],
)
def test_a_mistake_is_one_clear_line(morgue: Morgue, arguments: list[str], code: int, said: str) -> None:
    done = morgue(*arguments)
    assert (done.code, done.err.count("\n")) == (code, 1) or "Usage" in done.err, done.err
    assert said in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["captures", "http://paper.example/"], "nothing was captured"),
        (["verify", "nothing.warc.gz"], "neither a file nor a key"),
        (["extract", "nothing"], "holds no run nothing"),
    ],
)
def test_what_an_archive_does_not_hold_is_said(
    morgue: Morgue, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "archive").mkdir()
    done = morgue(*arguments)
    assert done.code != 0
    assert done.err.count("\n") == 1
    assert said in done.err


def test_an_empty_archive_has_no_runs_and_says_what_makes_one(morgue: Morgue, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    done = morgue("runs")
    assert (done.code, done.out) == (0, "")
    assert "morgue crawl" in done.err


def test_an_address_that_is_not_public_is_refused(morgue: Morgue, paper: Specimen, store: Store) -> None:
    done = morgue("capture", paper.base + "/", "--quiet", MORGUE_CONTACT="https://library.example/")
    assert done.code == 3
    assert "not a public address" in done.err
    assert paper.hits == []


def test_a_dead_host_is_said_and_the_attempt_is_recorded(morgue: Morgue, store: Store) -> None:
    done = morgue("capture", "http://127.0.0.1:1/", "--allow-private", "--quiet")
    assert done.code == 3
    assert "refuses port 1" in done.err.splitlines()[-1]
    (run,) = all_runs(store)
    assert run.counts["failed"] > 0


def test_a_read_only_spool_is_said_before_the_first_request(morgue: Morgue, paper: Specimen) -> None:
    done = morgue("capture", paper.base + "/", "--allow-private", MORGUE_SPOOL="/proc/spool")
    assert (done.code, done.err.count("\n")) == (4, 1)
    assert "cannot write to the spool" in done.err
    assert paper.hits == []


def test_a_missing_bucket_is_said_before_the_first_request(
    morgue: Morgue, paper: Specimen, s3: dict[str, str]
) -> None:
    done = morgue("capture", paper.base + "/", "--allow-private", "--archive", "s3://absent/x")
    assert (done.code, done.err.count("\n")) == (4, 1)
    assert "no bucket 'absent'" in done.err
    assert paper.hits == []


def start(paper: Specimen, site: str) -> "subprocess.Popen[str]":
    """A crawl as a process, with a delay that leaves time to interrupt it."""
    return subprocess.Popen(
        [sys.executable, "-m", "archive", "crawl", site, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_crawl_publishes_what_it_has(
    morgue: Morgue, paper: Specimen, store: Store, number: signal.Signals
) -> None:
    site = slow(morgue, paper)
    crawl = start(paper, site)
    seen = len(paper.hits)
    wait_until(lambda: len(paper.hits) > seen + 4, what="the crawl's fifth request")
    crawl.send_signal(number)
    crawl.send_signal(number)
    out, err = crawl.communicate(timeout=60)
    assert crawl.returncode == 0, err
    assert '"reason": "stopped"' in out
    (run,) = all_runs(store)
    assert run.counts["ok"] >= 2


def test_what_an_interrupted_crawl_had_not_asked_for_is_asked_for_by_the_next(
    morgue: Morgue, paper: Specimen, tmp_path: Path
) -> None:
    """What waits for its turn when the signal comes has not failed: nobody was asked."""
    site = slow(morgue, paper)
    interrupted(paper, site, when=lambda: len(paper.hits) > 12)
    hurry(tmp_path / "sites" / f"{site}.toml")
    assert morgue("crawl", site).code == 0
    assert morgue("extract").code == 0
    listed = {row["url"] for row in morgue("articles", "--json").rows}
    assert {story["url"] for story in paper.truth()} <= listed


def test_what_a_page_of_an_interrupted_crawl_loads_is_fetched_by_the_next_and_the_page_is_not(
    morgue: Morgue, paper: Specimen, tmp_path: Path, store: Store
) -> None:
    site = slow(morgue, paper)
    interrupted(paper, site, when=lambda: len(stories_in(paper.hits)) > 3)
    hurry(tmp_path / "sites" / f"{site}.toml")
    before = list(paper.hits)
    assert morgue("crawl", site).code == 0
    assert morgue("extract").code == 0
    captured = {c.url for c in recent(store, site, LONG_AGO) if c.status == 200}
    pictures = [i["url"] for row in morgue("articles", "--json").rows for i in row["images"]]
    assert pictures
    assert set(pictures) <= captured
    assert stories_in(before)
    assert not stories_in(before) & stories_in(paper.hits[len(before) :])


def stories_in(hits: list[tuple[str, str, str]]) -> set[str]:
    return {path for _, path, _ in hits if re.search(r"/2026/\d\d/\d\d/[\w-]+\Z", path)}


def interrupted(paper: Specimen, site: str, *, when: Callable[[], bool]) -> None:
    crawl = start(paper, site)
    paper.hits.clear()
    wait_until(when, what="the crawl's requests")
    crawl.send_signal(signal.SIGTERM)
    _, err = crawl.communicate(timeout=60)
    assert crawl.returncode == 0, err


def hurry(file: Path) -> None:
    file.write_text(file.read_text().replace("delay = 0.5", "delay = 0.0"))


def slow(morgue: Morgue, paper: Specimen) -> str:
    done = morgue("site", "add", paper.base + "/", "--allow-private", "--delay", "0.5", "--json")
    return str(done.json["site"])


def test_after_kill_9_the_next_run_publishes_what_was_left(
    morgue: Morgue, paper: Specimen, store: Store
) -> None:
    site = slow(morgue, paper)
    crawl = start(paper, site)
    seen = len(paper.hits)
    wait_until(lambda: len(paper.hits) > seen + 2, what="the crawl's third request")
    crawl.kill()
    crawl.communicate(timeout=30)
    assert list(all_runs(store)) == []
    assert morgue("recover").code == 0
    (run,) = all_runs(store)
    assert run.reason == "recovered"
    assert verify_bytes(store.read(run.warcs[0].key), name="x").records["response"] >= 2


def test_a_full_disk_ends_the_crawl_and_loses_nothing(
    morgue: Morgue, paper: Specimen, store: Store, tmp_path: Path
) -> None:
    site = add(morgue, paper)
    command = f"ulimit -f 40; exec {sys.executable} -m archive crawl {site} --quiet"  # blocks of 1 KiB
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "make room and run again" in done.stderr
    (run,) = all_runs(store)
    assert run.reason == "spool_error"
    kept = verify_bytes(store.read(run.warcs[0].key), name="x").records
    assert kept["response"] + kept["revisit"] == run.counts["exchanges"]


ODD = [
    b"HTTP/1.1 200 OK\r\ncontent-TYPE: a/b\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\nTrailer: 1\r\n\r\n",
    b"HTTP/1.0 200 OK\nServer: old\n\nuntil close",
    b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon here\r\nX-Latin: caf\xe9\r\n folded\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nbad",
]


class OddServer:
    """A server that answers every path with prepared bytes, and keeps what it was sent."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.received: dict[str, bytes] = {}
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                data = b""
                while head_end(data) is None and (more := connection.recv(65536)):
                    data += more
                path = data.split(b" ")[1].decode()
                self.received[path] = data
                number = path.strip("/")
                connection.sendall(ODD[int(number)] if number.isdigit() else b"HTTP/1.1 404 No\r\n\r\n")


def test_odd_exchanges_are_archived_byte_for_byte(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    from archive.playback import read_location
    from archive.warc import members, read_record

    server = OddServer()
    urls = [f"http://127.0.0.1:{server.port}/{n}" for n in range(len(ODD))]
    morgue("capture", *urls, "--allow-private", "--quiet")
    server.socket.close()
    index = Index(store)
    for number, url in enumerate(urls):
        assert read_location(store, index.closest(url).location).block == ODD[number]
    (warc,) = (tmp_path / "archive").rglob("*.warc.gz")
    with warc.open("rb") as file:
        records = [read_record(m.data) for m in members(file)]
    requests = {r.url.rpartition("/")[2]: r.block for r in records if r.kind == "request"}
    for number in range(len(ODD)):
        assert requests[str(number)] == server.received[f"/{number}"]


def test_a_crawl_in_which_nothing_is_due_has_done_nothing_wrong(
    morgue: Morgue, site: Callable[..., str], store: Store
) -> None:
    with Host(lambda path, _: feed(host.base, "story") if path == "/feed" else page()) as host:
        name = site(host)
        assert morgue("crawl", name).code == 0
        asked = len(host.hits)
        done = morgue("crawl", name, "--due-only", "--json")
        assert len(host.hits) == asked
    assert (done.code, done.json["reason"], done.json["manifest"]) == (0, "finished", None), done.err
    report = read_report(store, report_key(name, done.json["run"]))  # else it would be missed: "no run"
    assert {source.outcome for source in report.sources} == {"not due"}
    assert Watch(store).look(name).last == report
