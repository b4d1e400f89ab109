"""Replay: raw records by date, and pages put together in Chromium as they were that day."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from archive import access
from archive.errors import CallerError
from archive.index import Index
from archive.room import desk as desks
from archive.room import wabac
from archive.room.desk import Desk
from archive.room.origins import Origins
from archive.room.replay import Replay
from archive.store import FolderStore, Store
from spiders.specimen import Specimen
from tests.conftest import wait_until
from tests.keeping import Answer, Keeper, Reader, edition, open_room, printed, served

PAPER = "http://paper.example"
BRIDGE = f"{PAPER}/news/2026/11/20/harbour-bridge-reopens"
TEXT = (("Content-Type", "text/plain"),)


def a_replay(store: Store, worker: bytes | None = b"worker") -> Reader:
    origins = Origins(room_port=8090, replay_port=8091)
    replay = Replay(store, Index(store), origins, worker)
    return Reader(replay.app(), base="http://127.0.0.1:8091")


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


def days(*numbers: int, path: str = "/c.json") -> list[Answer]:
    return [Answer(at=edition(n), url=PAPER + path, headers=TEXT, body=b"day %d" % n) for n in numbers]


# --- raw records -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "body"),
    [
        ("20261120070005", "day 20"),
        ("20261121", "day 21"),
        ("20261231", "day 22"),
        ("1999", "day 20"),
        ("", "day 22"),
    ],
)
def test_a_record_is_the_nearest_in_time(keeper: Keeper, stamp: str, body: str) -> None:
    keeper.keep(*days(20, 21, 22))
    answer = a_replay(keeper.store).get(f"/raw/{stamp}id_/{PAPER}/c.json")
    assert (answer.status_code, answer.text) == (200, body)


def test_a_record_says_when_and_of_what_it_is(keeper: Keeper) -> None:
    keeper.keep(*days(20))
    headers = a_replay(keeper.store).get(f"/raw/20261120070015id_/{PAPER}/c.json").headers
    assert headers["memento-datetime"] == "Fri, 20 Nov 2026 07:00:05 GMT"
    assert headers["link"].startswith(f'<{PAPER}/c.json>; rel="original"')
    assert headers["x-newsmorgue-drift"] == "-10"


def test_a_body_is_given_as_it_was_stored_with_its_coding(keeper: Keeper) -> None:
    packed = gzip.compress(b"hello" * 100)
    coded = (*TEXT, ("Content-Encoding", "gzip"))
    keeper.keep(Answer(at=edition(20), url=PAPER + "/", headers=coded, body=packed))
    answer = a_replay(keeper.store).get(f"/raw/2026id_/{PAPER}/")
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(packed)
    assert answer.content == b"hello" * 100


def test_head_gives_the_headers_alone(keeper: Keeper) -> None:
    keeper.keep(*days(20))
    answer = a_replay(keeper.store).ask("HEAD", f"/raw/2026id_/{PAPER}/c.json")
    assert answer.status_code == 200
    assert answer.headers["content-length"] == "6"


def test_archived_cookies_and_policies_never_live_again(keeper: Keeper) -> None:
    once = {
        "Set-Cookie": "a=b",
        "Content-Security-Policy": "default-src *",
        "Strict-Transport-Security": "max-age=9",
        "Service-Worker-Allowed": "/",
        "Link": "<http://live.example/x.css>; rel=preload",
        "Refresh": "0; url=http://live.example/",
        "X-Odd": "a\x01b",
    }
    keeper.keep(Answer(at=edition(20), url=PAPER + "/", headers=(*TEXT, *once.items())))
    for mod in ("id_", "ir_"):
        headers = a_replay(keeper.store).get(f"/raw/2026{mod}/{PAPER}/").headers
        for name in ("set-cookie", "strict-transport-security", "service-worker-allowed", "refresh"):
            assert name not in headers
            assert headers[f"x-archive-orig-{name}"]
        assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert "live.example" not in headers["link"]
        assert headers["x-archive-orig-x-odd"] == "ab"


def test_a_redirect_is_followed_inside_the_archive_at_its_own_time(keeper: Keeper) -> None:
    moved = Answer(at=edition(20), url=PAPER + "/old", status="301 Moved", headers=(("Location", "/c.json"),))
    keeper.keep(moved, *days(20, 22))
    replay = a_replay(keeper.store)
    answer = replay.get(f"/raw/20261120id_/{PAPER}/old", follow_redirects=False)
    assert answer.status_code == 301
    assert answer.headers["location"] == f"/raw/20261120070005id_/{PAPER}/c.json"
    assert replay.get(f"/raw/20261120id_/{PAPER}/old").text == "day 20"


@pytest.mark.parametrize("status", ["301 Moved", "403 Forbidden", "410 Gone", "451 Legal", "500 Broken"])
def test_the_worker_learns_the_status_from_a_header(keeper: Keeper, status: str) -> None:
    keeper.keep(
        Answer(at=edition(20), url=PAPER + "/x", status=status, headers=(("Location", "/y"),), body=b"said")
    )
    answer = a_replay(keeper.store).get(f"/raw/2026ir_/{PAPER}/x", follow_redirects=False)
    assert answer.status_code == 200
    assert answer.headers["x-redirect-status"] == status[:3]
    assert ("x-orig-location" in answer.headers) == status.startswith("3")
    assert answer.text == "said"


def test_a_cache_buster_is_ignored_where_the_url_was_captured_without(keeper: Keeper) -> None:
    keeper.keep(*days(20, 21, path="/c.json?article=7"))
    replay = a_replay(keeper.store)
    answer = replay.get(f"/raw/20261121id_/{PAPER}/c.json?article=7&_=1795158005066")
    assert answer.text == "day 21"
    assert answer.headers["x-newsmorgue-fuzzy"] == "1"
    assert "x-newsmorgue-fuzzy" not in replay.get(f"/raw/2026id_/{PAPER}/c.json?article=7").headers


@pytest.mark.parametrize("query", ["article=7&_=abc", "article=8&_=1", "article=7&page=2", "_=1"])
def test_no_other_parameter_is_ignored(keeper: Keeper, query: str) -> None:
    keeper.keep(*days(20, path="/c.json?article=7"))
    assert a_replay(keeper.store).get(f"/raw/2026id_/{PAPER}/c.json?{query}").status_code == 404


def test_a_passing_error_gives_way_to_the_answer_that_came_soon_after(keeper: Keeper) -> None:
    at = edition(20)
    failed = Answer(at=at, url=PAPER + "/c.json", status="503 Busy", headers=TEXT, body=b"busy")
    good = Answer(at=at + timedelta(minutes=1), url=PAPER + "/c.json", headers=TEXT, body=b"good")
    keeper.keep(failed, good)
    replay = a_replay(keeper.store)
    assert replay.get(f"/raw/20261120id_/{PAPER}/c.json").text == "good"
    assert replay.get(f"/raw/20261120070005id_/{PAPER}/c.json").text == "busy"


def test_a_redirect_from_http_to_https_does_not_lead_in_circles(keeper: Keeper) -> None:
    at = edition(20)
    to_https = (("Location", "https://paper.example/a"),)
    moved = Answer(at=at, url="http://paper.example/a", status="301 Moved", headers=to_https)
    page = Answer(at=at + timedelta(seconds=1), url="https://paper.example/a", headers=TEXT, body=b"page")
    keeper.keep(moved, page)
    assert a_replay(keeper.store).get(f"/raw/20261120070005id_/{PAPER}/a").text == "page"


def test_what_was_never_captured_is_a_404_that_names_the_nearest(keeper: Keeper) -> None:
    keeper.keep(*days(20, 21, path="/news"))
    answer = a_replay(keeper.store).get(f"/raw/20261120id_/{PAPER}/news/none.html")
    assert answer.status_code == 404
    assert f"nothing was captured of {PAPER}/news/none.html" in answer.text
    assert "/capture?url=http%3A%2F%2Fpaper.example%2Fnews&amp;at=20261120070005" in answer.text


def test_a_hostile_url_never_captured_is_shown_as_text(keeper: Keeper) -> None:
    keeper.keep(*days(20))
    replay = a_replay(keeper.store)
    for path in (
        f"/raw/2026ir_/{PAPER}/<script>alert(1)</script>",
        "/?at=2026&url=<script>alert(1)</script>",
    ):
        answer = replay.get(path)
        assert "<script>" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_damaged_record_is_said_to_be_damaged(keeper: Keeper) -> None:
    run = keeper.keep(*days(20))
    path = keeper.root / "archive" / run.warcs[0].key
    data = bytearray(path.read_bytes())
    capture = Index(keeper.store).closest(PAPER + "/c.json")
    start = capture.location.offset + capture.location.length // 2
    data[start : start + 40] = bytes(40)
    path.write_bytes(data)
    answer = a_replay(keeper.store).get(f"/raw/2026id_/{PAPER}/c.json")
    assert answer.status_code == 500
    assert run.warcs[0].key in answer.text


def test_a_changed_byte_that_can_still_be_inflated_is_not_replayed(keeper: Keeper) -> None:
    picture = bytes(n * 7919 % 251 for n in range(5000))
    asked = Answer(
        at=edition(20), url=PAPER + "/p.jpg", headers=(("Content-Type", "image/jpeg"),), body=picture
    )
    run = keeper.keep(asked)
    path = keeper.root / "archive" / run.warcs[0].key
    data = path.read_bytes()
    place = data.index(picture[2000:2100])  # stored in its member as it is
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    replay = a_replay(keeper.store)
    answer = replay.get(f"/raw/2026id_/{PAPER}/p.jpg")
    assert answer.status_code == 500
    assert run.warcs[0].key in answer.text
    path.write_bytes(data)
    assert replay.get(f"/raw/2026id_/{PAPER}/p.jpg").content == picture


def test_a_path_whose_slashes_a_proxy_merged_is_still_understood(keeper: Keeper) -> None:
    keeper.keep(*days(20))
    assert a_replay(keeper.store).get("/raw/2026id_/http:/paper.example/c.json").text == "day 20"


class Listed(FolderStore):
    """Remembers which threads asked for a list."""

    threads: ClassVar[list[str]] = []

    def keys(self, prefix: str = "") -> Iterator[str]:
        self.threads.append(threading.current_thread().name)
        return super().keys(prefix)


def test_what_is_new_is_found_while_no_reader_waits_for_a_list(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "PATIENCE", 600.0)
    monkeypatch.setattr(access, "PATIENCE", 600.0)
    keeper.keep(*days(20))
    with served(open_room(Listed(keeper.root / "archive"))) as desk:
        at = f"{desk.replay_url}/raw/id_/{PAPER}/c.json"
        assert httpx.get(at).text == "day 20"
        Listed.threads.clear()
        keeper.keep(*days(21))
        wait_until(lambda: httpx.get(at).text == "day 21", what="the new capture")
        assert set(Listed.threads) == {"fresh"}
    assert "fresh" not in {thread.name for thread in threading.enumerate()}


class Counted(FolderStore):
    """Remembers which WARCs were read from."""

    warcs: ClassVar[list[str]] = []

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if key.startswith("warc/"):
            self.warcs.append(key)
        return super().read(key, start, length)


def test_a_record_that_was_just_read_is_not_read_again_and_is_hidden_at_once(keeper: Keeper) -> None:
    keeper.keep(*days(20))
    store = Counted(keeper.root / "archive")
    rules = access.Access(store)
    index = Index(store, hidden=rules.hides)
    replay = Reader(Replay(store, index, Origins(room_port=1, replay_port=2), b"worker").app())
    Counted.warcs.clear()
    for _ in range(3):
        assert replay.get(f"/raw/id_/{PAPER}/c.json").text == "day 20"
    assert len(Counted.warcs) == 1
    rules.add(access.Rule(kind="exclude", what=f"{PAPER}/c.json", reason="why", made=edition(21)))
    assert replay.get(f"/raw/id_/{PAPER}/c.json").status_code == 404


def test_a_damaged_record_is_not_kept_as_it_came(keeper: Keeper) -> None:
    run = keeper.keep(*days(20))
    replay = a_replay(keeper.store)
    path = keeper.root / "archive" / run.warcs[0].key
    whole = path.read_bytes()
    path.write_bytes(b"\0" * len(whole))
    assert replay.get(f"/raw/id_/{PAPER}/c.json").status_code == 500
    path.write_bytes(whole)
    assert replay.get(f"/raw/id_/{PAPER}/c.json").text == "day 20"


def test_no_answer_waits_for_its_head_to_be_acknowledged(keeper: Keeper) -> None:
    with served(open_room(keeper.store)) as desk:
        for each in desk.sockets:
            assert each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# --- what else lives on the replay origin ------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/nothing", "/site/paper", "/static/room.css", "/sw.js", "/sw.js?x=1"])
def test_nothing_else_lives_on_the_replay_origin(keeper: Keeper, path: str) -> None:
    assert a_replay(keeper.store).get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/raw/soonid_/http://x/",
        "/raw/2026id_/ftp://x/",
        "/raw/2026mp_/http://x/",
        "/raw/20269999id_/http://x/",
    ],
)
def test_a_raw_path_that_cannot_be_is_a_400(keeper: Keeper, path: str) -> None:
    assert a_replay(keeper.store).get(path).status_code == 400


def test_health_is_answered(keeper: Keeper) -> None:
    assert a_replay(keeper.store).get("/health").text == "ok\n"


def test_an_archived_script_cannot_become_a_worker(keeper: Keeper) -> None:
    script = (("Content-Type", "text/javascript"),)
    keeper.keep(Answer(at=edition(20), url=PAPER + "/sw.js", headers=script, body=b"1"))
    answer = a_replay(keeper.store).get(f"/raw/2026id_/{PAPER}/sw.js", headers={"Service-Worker": "script"})
    assert answer.status_code == 403


def test_the_worker_script_may_fetch_from_its_own_origin_only(keeper: Keeper) -> None:
    replay = Replay(keeper.store, Index(keeper.store), Origins(room_port=1, replay_port=2), b"worker")
    reader = Reader(replay.app(), base="http://127.0.0.1:2")
    loader = reader.get("/", params={"at": "20261120", "url": f"{PAPER}/"}).text
    name = loader.partition("&#34;name&#34;: &#34;")[2].partition("&#34;")[0]
    answer = reader.get(f"/sw.js?replayPrefix=&root={name}&injectScripts=/mend.js")
    assert answer.content == b"worker"
    assert answer.headers["content-security-policy"] == "default-src 'none'; connect-src 'self' blob:"


@pytest.mark.parametrize(
    ("kind", "sent", "given"),
    [
        ("text/javascript", b'say("the location = here")', rb'say("the \u006cocation = here")'),
        ("text/html", b"<script type=module>say(import.meta.url)</script>",
         b"<script type=module>say(document.baseURI)</script>"),
        ("text/html", b"<p>the location = here</p>", b"<p>the location = here</p>"),
    ],
)  # fmt: skip
def test_the_worker_is_given_scripts_that_it_cannot_mistake_and_readers_what_was_sent(
    keeper: Keeper, kind: str, sent: bytes, given: bytes
) -> None:
    headers = (("Content-Type", kind), ("Content-Encoding", "gzip"))
    keeper.keep(Answer(at=edition(20), url=f"{PAPER}/a", headers=headers, body=gzip.compress(sent)))
    replay = a_replay(keeper.store)
    assert replay.get(f"/raw/2026ir_/{PAPER}/a").content == given
    assert replay.get(f"/raw/2026id_/{PAPER}/a").content == sent


def test_only_the_room_may_frame_the_loader(keeper: Keeper) -> None:
    answer = a_replay(keeper.store).get("/", params={"at": "20261120", "url": f"{PAPER}/"})
    assert answer.headers["content-security-policy"].endswith("frame-ancestors 'self' http://127.0.0.1:8090")


def test_a_replay_path_outside_a_frame_leads_to_the_room(keeper: Keeper) -> None:
    keeper.keep(*days(20))
    answer = a_replay(keeper.store).get(f"/replay/20261120070005/{PAPER}/c.json", follow_redirects=False)
    assert answer.status_code == 302
    wanted = "http://127.0.0.1:8090/capture?url=http%3A%2F%2Fpaper.example%2Fc.json&at=20261120070005"
    assert answer.headers["location"] == wanted


def test_without_wabac_the_loader_says_how_to_get_it(keeper: Keeper) -> None:
    replay = a_replay(keeper.store, worker=None)
    answer = replay.get("/", params={"at": "20261120", "url": f"{PAPER}/"})
    assert answer.status_code == 503
    assert "python -m archive.room.wabac" in answer.text


def test_a_worker_script_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sw.js").write_bytes(b"other")
    path = wabac.find({"MORGUE_WABAC": str(tmp_path)})
    assert path is not None
    with pytest.raises(CallerError, match=r"is not the sw\.js of @webrecorder/wabac"):
        wabac.load(path)


# --- in Chromium -------------------------------------------------------------------------------------------


@pytest.fixture
def kept(keeper: Keeper, worker: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Keep answers and serve them."""
    monkeypatch.setenv("MORGUE_WABAC", str(worker))

    @contextmanager
    def serving(*runs: list[Answer]) -> Iterator[Desk]:
        for run in runs:
            keeper.keep(*run)
        with served(open_room(keeper.store)) as desk:
            yield desk

    return serving


def replayed(page: Any, desk: Desk, url: str, stamp: str) -> Any:
    """Open a capture in the room; give back the frame with the replayed page, loaded."""
    page.goto(f"{desk.room_url}/capture?at={stamp}&url={url}")
    return the_frame(page, desk, url)


def the_frame(page: Any, desk: Desk, url: str) -> Any:
    path = f"{desk.replay_url}/replay/"
    page.wait_for_function("() => frames.length === 1")
    frame = page.main_frame.child_frames[0]
    frame.wait_for_url(lambda at: at.startswith(path) and at.endswith(f"mp_/{url}"))
    frame.wait_for_load_state("load")
    return frame


@pytest.mark.browser
def test_each_edition_is_replayed_with_its_own_words_style_pictures_and_data(page: Any, kept: Any) -> None:
    with Specimen() as paper:
        runs = [printed(paper, number) for number in (0, 1)]
    with kept(*runs) as desk:
        for stamp, price, comments in (("20261120070005", "42", 0), ("20261121070005", "24", 1)):
            frame = replayed(page, desk, BRIDGE, stamp)
            assert f"{price} million" in frame.text_content("h1")
            style = frame.evaluate("getComputedStyle(document.querySelector('nav ul')).listStyleType")
            assert style == "none"
            frame.wait_for_function("() => document.images.length && document.images[0].naturalWidth > 0")
            said = Specimen(edition=comments).issue("x").comments
            frame.wait_for_function(
                "(text) => document.getElementById('comment-count').textContent === text",
                arg=f"{said} comments",
            )


@pytest.mark.browser
def test_a_link_in_a_replayed_page_leads_to_that_day(page: Any, kept: Any) -> None:
    def day(number: int) -> list[Answer]:
        start = Answer(at=edition(number), url=f"{PAPER}/", body=b"<a href=/old>on</a>")
        moved = Answer(
            at=edition(number), url=f"{PAPER}/old", status="302 Found", headers=(("Location", "/new"),)
        )
        later = edition(number) + timedelta(seconds=4)
        new = Answer(at=later, url=f"{PAPER}/new", body=b"<h1>day %d</h1>" % number)
        return [start, moved, new]

    with kept(day(20), day(21)) as desk:
        frame = replayed(page, desk, f"{PAPER}/", "20261120070005")
        frame.click("a")
        # The room follows, so that its banner is true of what is shown.
        page.wait_for_function("() => document.querySelector('.what').textContent.trim().endsWith('/new')")
        assert "20 November 2026, 07:00:09 UTC" in page.text_content(".when")
        frame = the_frame(page, desk, f"{PAPER}/new")
        assert frame.text_content("h1") == "day 20"


@pytest.mark.browser
def test_many_captures_may_be_looked_at_one_after_another(page: Any, kept: Any) -> None:
    some = [Answer(at=edition(20), url=f"{PAPER}/{n}", body=b"<h1>page %d</h1>" % n) for n in range(10)]
    with kept(some) as desk:
        for number, each in enumerate(some):
            frame = replayed(page, desk, each.url, "20261120070005")
            assert frame.locator("h1").inner_text() == f"page {number}"


@pytest.mark.browser
def test_an_archived_error_page_is_shown_as_it_was(page: Any, kept: Any) -> None:
    gone = Answer(at=edition(20), url=f"{PAPER}/gone", status="403 Forbidden", body=b"<h1>Withdrawn</h1>")
    with kept([gone]) as desk:
        assert replayed(page, desk, gone.url, "20261120070005").text_content("h1") == "Withdrawn"


@pytest.mark.browser
def test_a_link_to_a_page_never_captured_leads_to_the_room_that_says_so(page: Any, kept: Any) -> None:
    start = Answer(at=edition(20), url=f"{PAPER}/", body=b"<a href=/none.html>on</a>")
    with kept([start]) as desk:
        replayed(page, desk, f"{PAPER}/", "20261120070005").click("a")
        page.wait_for_function("() => document.querySelector('h1')?.textContent === 'Never captured'")
        assert f"{PAPER}/none.html" in page.text_content("main")
        assert "20 November 2026, 07:00:05 UTC" in page.text_content("main")


@pytest.mark.browser
def test_a_capture_opened_outside_the_room_leads_into_it(page: Any, kept: Any) -> None:
    start = Answer(at=edition(20), url=f"{PAPER}/", body=b"<h1>here</h1>")
    with kept([start]) as desk:
        page.goto(f"{desk.replay_url}/replay/20261120070005mp_/{PAPER}/")
        page.wait_for_url(f"{desk.room_url}/capture?**")
        assert the_frame(page, desk, f"{PAPER}/").text_content("h1") == "here"


HOSTILE = b"""<title>hostile</title><img src="http://live.example/a.png"><iframe src="http://live.example/f"></iframe>
<link rel=preconnect href="http://live.example/"><link rel=dns-prefetch href="http://live.example/">
<form id=form action="http://live.example/form"></form>
<script>
new Image().src = "http://live.example/i";
navigator.sendBeacon("http://live.example/beacon");
fetch("http://live.example/fetch").catch(() => 0);
try { new WebSocket("ws://live.example/ws"); } catch (e) { }
try { top.document.title = "PWNED"; parent.document.title = "PWNED"; } catch (e) { }
</script>"""

# Run in the frame past the rewriter: what a script can do that has freed itself of it.
FREED = """async (room) => {
  const tell = async (what) => { try { return String(await what()); } catch (e) { return "refused"; } };
  const evil = "/raw/2026id_/http://paper.example/evil.js";
  return {
    title: await tell(() => { window.top.document.title = "PWNED"; return "written"; }),
    address: await tell(() => window.top.location.href),
    goes: await tell(() => { window.top.location.href = "http://live.example/go"; return "went"; }),
    element: await tell(() => window.frameElement),
    room: await tell(() => fetch(room + "/").then((r) => r.text())),
    live: await tell(() => fetch("http://live.example/x").then((r) => r.text())),
    worker: await tell(() => navigator.serviceWorker.register(evil).then(() => "registered")),
    same: await tell(() => navigator.serviceWorker.register("/sw.js?x=1").then(() => "registered")),
    storage: await tell(() => { document.cookie = "a=b; path=/"; return "stored"; }),
  };
}"""


@pytest.mark.browser
def test_an_archived_script_reaches_neither_the_room_nor_the_live_web(page: Any, kept: Any) -> None:
    script = (("Content-Type", "text/javascript"),)
    hostile = Answer(at=edition(20), url=f"{PAPER}/", body=HOSTILE)
    evil = Answer(at=edition(20), url=f"{PAPER}/evil.js", headers=script, body=b"1")
    with kept([hostile, evil]) as desk:
        frame = replayed(page, desk, hostile.url, "20261120070005")
        found = frame.evaluate(FREED, desk.room_url)
        assert found.pop("storage") == "stored"
        for name, url in (("live", "http://live.example/x"), ("room", f"{desk.room_url}/")):
            assert f"nothing was captured of {url}" in found.pop(name)
        assert set(found.values()) <= {"refused", "null"}, found
        assert page.title().startswith(f"{PAPER}/, 20 November 2026")
        frame.evaluate("document.getElementById('form').submit()")
        page.wait_for_function("() => document.querySelector('h1')?.textContent === 'Never captured'")
        assert "http://live.example/form" in page.text_content("main")
        assert page.url.startswith(f"{desk.room_url}/capture?")
        page.goto(desk.room_url)
        assert page.text_content("h1") == "Newspapers"
