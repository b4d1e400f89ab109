"""What hostile pages, headers and servers cannot do to the room, to other origins, or to the reader."""

import gzip
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Error as Saved

from archive.errors import CallerError
from archive.imports import Selection
from archive.index import Index
from archive.model import Capture, Location
from archive.playback import Playback
from archive.room.desk import Desk, open_desk
from archive.room.origins import Origins, checked_replay, origin_for
from archive.room.pages import Room
from archive.room.records import record_response
from archive.room.replay import Replay
from archive.room.shelf import Shelf
from archive.runs import all_runs
from archive.store import open_store
from archive.verify import verify_bytes
from archive.wire import ResponseHead
from tests.conftest import free_port
from tests.keeping import Answer, Keeper, Reader, edition, open_room, served
from tests.test_imports import Place, wacz, written
from tests.test_replay import replayed

PAPER = "http://paper.example"
STAMP = "20261120070005"
# What an answer of ours may be named by; all else that was archived travels behind a prefix.
OURS = {
    "content-type",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "etag",
    "link",
    "memento-datetime",
    "cache-control",
    "content-security-policy",
    "x-content-type-options",
    "location",
    "date",
    "x-newsmorgue-drift",
    "x-newsmorgue-fuzzy",
    "cross-origin-resource-policy",
    "accept-ranges",
    "connection",
    "x-orig-ts",
    "x-orig-location",
    "x-redirect-status",
    "x-redirect-statustext",
    "referrer-policy",
}


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


@pytest.fixture
def desk(keeper: Keeper, request: Any, worker: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Both origins over the answers that the test was given."""
    monkeypatch.setenv("MORGUE_WABAC", str(worker))
    keeper.keep(*request.param)
    with served(open_room(keeper.store)) as desk:
        yield desk


def page(path: str, body: str, kind: str = "text/html") -> Answer:
    return Answer(at=edition(20), url=PAPER + path, body=body.encode(), headers=(("Content-Type", kind),))


# --- archived headers --------------------------------------------------------------------------------------


def playback(headers: list[tuple[bytes, bytes]], status: int = 200) -> Playback:
    head = ResponseHead(
        version="HTTP/1.1", status=status, reason="OK\r\nX-Injected: 1", headers=tuple(headers)
    )
    capture = Capture(
        url=f"{PAPER}/", surt="example,paper)/", at=edition(20), status=status, mime="text/html",
        digest='sha1:"\r\nX-Injected: 1', location=Location(warc="w", offset=0, length=1), kind="response",
    )  # fmt: skip
    return Playback(capture=capture, head=head, body=b"body")


LIVE = [
    b"Location",
    b"Content-Type",
    b"Content-Encoding",
    b"Set-Cookie",
    b"X-Orig-Location",
    b"X-Redirect-Status",
    b"Memento-Datetime",
    b"Link",
    b"Refresh",
    b"Content-Security-Policy",
    b"Access-Control-Allow-Origin",
]
NAMES = st.one_of(st.binary(max_size=12), st.sampled_from(LIVE))


@given(st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=8), st.sampled_from([200, 302, 404]))
def test_no_archived_header_becomes_one_of_ours(headers: list[tuple[bytes, bytes]], status: int) -> None:
    for worker in (True, False):
        answer = record_response(playback(headers, status), worker=worker, asked=None, loose=False)
        for name, value in answer.raw_headers:
            assert name.decode() in OURS or name.startswith(b"x-archive-orig-")
            assert not any(byte < 32 or byte == 127 for byte in name + value)
        names = [name for name, _ in answer.raw_headers if not name.startswith(b"x-archive-orig-")]
        assert len(names) == len(set(names)), "one of ours is said twice"


@pytest.mark.parametrize(
    "head",
    [
        b"Location: /a%0d%0aSet-Cookie:%20a=b",
        b"Location: http://paper.example/\x0bX-Injected: 1",
        b"Location: javascript:alert(1)",
        b"Location: //room.example/\r\n folded: on",
        b"X-Folded: one\r\n X-Injected: 1",
        b"Content-Type: text/html\r\n ; X-Injected: 1",
        b"X-Odd\x00Name: 1",
        b"X Injected: 1",
        b": no name",
        b"X-All: " + bytes(byte for byte in range(1, 256) if byte not in b"\r\n"),
    ],
)
def test_no_archived_head_breaks_the_answer_on_the_wire(keeper: Keeper, head: bytes) -> None:
    raw = b"HTTP/1.1 302 Found\r\n" + head + b"\r\nContent-Length: 2\r\n\r\nhi"
    keeper.keep(Answer(at=edition(20), url=f"{PAPER}/x", raw=raw))
    with served(open_room(keeper.store)) as desk:
        port = int(desk.replay_url.rpartition(":")[2])
        for mod in ("id_", "ir_"):
            with socket.create_connection(("127.0.0.1", port), 10) as wire:
                said = "Host: 127.0.0.1\r\nConnection: close"
                wire.sendall(f"GET /raw/{STAMP}{mod}/{PAPER}/x HTTP/1.1\r\n{said}\r\n\r\n".encode())
                answer = b"".join(iter(lambda: wire.recv(65536), b""))
            lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
            assert lines[0].split(b" ")[1] in (b"302", b"200"), lines[0]
            names = {line.partition(b":")[0].decode("latin-1").lower() for line in lines[1:]}
            assert {name for name in names if not name.startswith("x-archive-orig-")} <= OURS
            targets = [line for line in lines if line.lower().startswith((b"location:", b"x-orig-location:"))]
            assert all(line.partition(b": ")[2].startswith(b"/raw/") for line in targets), targets


# --- names in a zip ----------------------------------------------------------------------------------------

ZIPPED = [
    "../../../evil.warc.gz",
    "/evil.warc.gz",
    "..\\..\\evil.warc.gz",
    "a\r\nsoftware: evil.warc.gz",
    "\x1b[31mred.warc.gz",
    "<img src=x onerror=alert(1)>.warc.gz",
    "x" * 300 + ".warc.gz",
    ".warc.gz",
]


@pytest.mark.parametrize("name", ZIPPED)
@pytest.mark.parametrize("only", [(), ("paper.example",)], ids=["all", "some"])
def test_a_name_in_a_zip_leads_nowhere(tmp_path: Path, name: str, only: tuple[str, ...]) -> None:
    (tmp_path / "in").mkdir()
    place = Place(tmp_path / "in")
    other = ("http://other.example/2", b"two")
    place.take(
        wacz({name: written(other, (f"{PAPER}/1", b"one"))}), "day.wacz", selection=Selection(only=only)
    )
    assert place.page(f"{PAPER}/1") == b"one"
    assert not [path for path in tmp_path.rglob("*evil*") if path.is_file()]
    keys = list(place.store.keys())
    assert all(re.fullmatch(r"[A-Za-z0-9._=/-]+", key) for key in keys), keys
    for data in place.kept():
        assert verify_bytes(data, name="w").faults == []
        told = gzip.decompress(data).partition(b"\r\n\r\n")[2].partition(b"\r\n\r\n")[0]
        assert b"\r\nsoftware: evil" not in told
    room = Reader(
        Room(
            Shelf(place.store, Index(place.store), {}), Origins(room_port=1, replay_port=2), replays=True
        ).app()
    )
    (run,) = all_runs(place.store)
    text = room.get(f"/runs/{run.id}").text
    assert "<img" not in text
    assert "\x1b" not in text


# --- where the records lie ---------------------------------------------------------------------------------


def test_no_answer_tells_where_or_how_the_store_is_reached(s3: dict[str, str], tmp_path: Path) -> None:
    """There are no presigned URLs to learn: records pass through the server; no answer names the bucket."""
    keeper = Keeper(tmp_path)
    keeper.store = store = open_store("s3://morgue/hostile")
    keeper.keep(page("/", "<h1>here</h1>"), page("/old", ""))
    index, origins = Index(store), Origins(room_port=8090, replay_port=8091)
    room = Reader(Room(Shelf(store, index, {}), origins, replays=True).app())
    replay = Reader(Replay(store, index, origins, b"worker").app(), base="http://127.0.0.1:8091")
    secret = [s3["AWS_ENDPOINT_URL_S3"], s3["AWS_SECRET_ACCESS_KEY"], "s3://", "X-Amz", "hostile/warc"]
    asked = [
        (room, "/"), (room, f"/capture?url={PAPER}/"), (room, f"/cite?url={PAPER}/"),
        (room, f"/cdx?url={PAPER}/"), (room, f"/api/captures?url={PAPER}/"), (room, "/site/paper"),
        (room, f"/timemap/link/{PAPER}/"),
        (replay, f"/raw/{STAMP}id_/{PAPER}/"), (replay, f"/raw/{STAMP}ir_/{PAPER}/"),
        (replay, f"/?at={STAMP}&url={PAPER}/"), (replay, f"/raw/{STAMP}id_/{PAPER}/none"),
    ]  # fmt: skip
    for reader, path in asked:
        answer = reader.get(path, follow_redirects=False)
        assert answer.status_code in (200, 404), path
        text = answer.text + str(answer.headers)
        assert not [word for word in secret if word.casefold() in text.casefold()], path


# --- in Chromium -------------------------------------------------------------------------------------------

RUNS = "<script>document.title = 'RAN'; document.documentElement.dataset.ran = '1'</script>"
KINDS = {
    "/a.html": page("/a.html", f"<title>still</title>{RUNS}"),
    "/a.svg": page(
        "/a.svg",
        '<svg xmlns="http://www.w3.org/2000/svg"><title>still</title>'
        "<script>document.documentElement.dataset.ran = '1'</script></svg>",
        "image/svg+xml",
    ),
    "/a.xhtml": page(
        "/a.xhtml",
        f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>still</title>{RUNS}</head></html>',
        "application/xhtml+xml",
    ),
    "/a.txt": page("/a.txt", f"<html>{RUNS}", "text/plain"),
    "/a.none": page("/a.none", f"<html>{RUNS}", ""),
    "/a.odd": page("/a.odd", f"<html>{RUNS}", "text/html, text/plain; charset=\x7f"),
}


@pytest.mark.browser
@pytest.mark.parametrize("desk", [list(KINDS.values())], indirect=True)
def test_a_raw_record_of_any_type_runs_nothing(page: Any, desk: Desk) -> None:
    for path in KINDS:
        for mod in ("id_", "ir_"):
            with suppress(Saved):  # what is saved as a file runs nothing either
                page.goto(f"{desk.replay_url}/raw/{STAMP}{mod}/{PAPER}{path}")
            assert page.evaluate("() => document.documentElement.dataset.ran || ''") == "", path
            assert page.title() != "RAN"


LEAVES = {
    "top link": "<a id=go target=_top href='{room}/'>on</a>",
    "parent link": "<a id=go target=_parent href='{room}/'>on</a>",
    "base": "<base target=_top><a id=go href='http://live.example/'>on</a>",
    "new window": "<a id=go target=_blank href='http://live.example/'>on</a>",
    "script link": "<a id=go href=\"javascript:void(top.location = 'http://live.example/')\">on</a>",
    "script link of a window": "<a id=go href=\"javascript:void(open('http://live.example/'))\">on</a>",
    "form": "<form target=_top action='http://live.example/'><button id=go>on</button></form>",
    "download": "<a id=go download href='data:application/octet-stream,x'>on</a>",
}  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("desk", [[page("/", body)] for body in LEAVES.values()], indirect=True, ids=LEAVES)
def test_a_page_cannot_lead_the_reader_out_of_the_room(page: Any, desk: Desk) -> None:
    opened: list[str] = []
    page.on("popup", lambda made: opened.append(made.url))
    page.on("download", lambda made: opened.append(made.url))
    replayed(page, desk, f"{PAPER}/", STAMP).click("#go")
    page.wait_for_timeout(300)  # nothing tells that nothing comes
    assert page.url.startswith(f"{desk.room_url}/capture?")
    assert opened == []


STARTS = "<meta http-equiv=refresh content='0; url=http://live.example/'><p>goes on</p>"


@pytest.mark.browser
@pytest.mark.parametrize("desk", [[page("/", STARTS)]], indirect=True)
def test_a_page_that_sends_the_reader_on_stays_in_the_archive(page: Any, desk: Desk) -> None:
    page.goto(f"{desk.room_url}/capture?at={STAMP}&url={PAPER}/")
    page.wait_for_function("() => document.querySelector('h1')?.textContent === 'Never captured'")
    assert page.url.startswith(f"{desk.room_url}/capture?")
    assert "http://live.example/" in page.text_content("main")


TALKS = """<script>
for (const said of [null, 1, "x", {}, { wb_type: "load" }, { wb_type: "load", url: {}, ts: [] },
    { wb_type: "load", url: "javascript:alert(1)", ts: "20261120070005" },
    { wb_type: "load", url: "http://x.example/", ts: "1" },
    { wb_type: "replace-url", url: "http://paper.example/other" }]) parent.postMessage(said, "*");
document.title = "<img src=x onerror=alert(1)>"; document.documentElement.dataset.done = "1";
</script>"""


@pytest.mark.browser
@pytest.mark.parametrize("desk", [[page("/", TALKS)]], indirect=True)
def test_whatever_a_page_tells_the_banner_is_a_question_to_the_room_at_most(page: Any, desk: Desk) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
    frame = replayed(page, desk, f"{PAPER}/", STAMP)
    frame.wait_for_function("() => document.documentElement.dataset.done === '1'")
    page.wait_for_timeout(300)
    assert page.url.startswith(f"{desk.room_url}/capture?")
    assert page.title().startswith(f"{PAPER}/, 20 November 2026")
    assert [p for p in problems if "Cannot" not in p and "null" not in p] == []


# --- an origin for each archived host ----------------------------------------------------------------------

STAYS = """<script>localStorage.setItem("left", "by " + document.title); document.title = "other";
document.documentElement.dataset.done = "1";</script>"""


def test_each_archived_host_has_an_origin_of_its_own_where_there_are_names_for_it() -> None:
    wide = "https://*.replay.example"
    one = origin_for(wide, "http://paper.example/")
    assert one == origin_for(wide, "https://www.paper.example/news?x=1")
    assert re.fullmatch(r"https://example-paper-[0-9a-f]{8}\.replay\.example", one)
    assert (
        len({one, *(origin_for(wide, f"http://{h}/") for h in ("paper-x.example", "paper.x.example"))}) == 3
    )
    assert origin_for("https://replay.example", "http://paper.example/") == "https://replay.example"


@given(st.text(max_size=80))
def test_any_url_has_an_origin_that_can_be_one(url: str) -> None:
    host = origin_for("https://*.replay.example", f"http://{url}").removeprefix("https://")
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label) for label in host.split("."))


@pytest.mark.parametrize(
    "text", ["https://x.*.example", "*.example", "https://*", "https://*.x.example/a b", "ftp://x"]
)
def test_what_is_no_replay_url_is_refused(text: str) -> None:
    with pytest.raises(CallerError, match="is no origin"):
        checked_replay(text)


@pytest.mark.browser
def test_what_a_page_leaves_in_the_browser_is_not_there_for_pages_of_other_hosts(
    page: Any, keeper: Keeper, worker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORGUE_WABAC", str(worker))
    urls = [f"{PAPER}/", "http://other.example/"]
    keeper.keep(*(Answer(at=edition(20), url=url, body=STAYS.encode()) for url in urls))
    ports = free_port(), free_port()
    names = {"room_url": f"http://replay.localhost:{ports[0]}",
             "replay_url": f"http://*.replay.localhost:{ports[1]}"}  # fmt: skip
    desk = open_desk(keeper.store, {}, port=ports[0], replay_port=ports[1], **names)
    with served(desk):
        origins, left = [], []
        for url in urls:
            page.goto(f"{desk.room_url}/capture?at={STAMP}&url={url}")
            page.wait_for_function("() => frames.length === 1")
            frame = page.main_frame.child_frames[0]
            frame.wait_for_url(lambda at, url=url: at.endswith(f"mp_/{url}"))
            frame.wait_for_function("() => document.documentElement.dataset.done === '1'")
            origins.append(frame.evaluate("() => self.origin"))
            left.append(frame.evaluate("async () => Object.keys(localStorage).length"))
        assert len(set(origins)) == 2
        assert left[0] == left[1] > 0, "the second page finds what the first has left"
