"""Pages that are not what they pass for: recognised, recorded, and never taken for articles."""

import gzip
import io
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.cdxj import capture_of, line_of
from archive.extract import extract
from archive.index import Index
from archive.memory import remembered
from archive.model import Exchange
from archive.opening import Opening
from archive.process import extract_run
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.shelf import Shelf
from archive.walls import WINDOW, wall_in, wall_of
from archive.warc import captures_of, members, read_record, warcinfo_member, write_exchange
from archive.wire import ResponseHead, head_end
from tests.keeping import Answer, Keeper, Reader, edition
from tests.walls.kinds import DATA, KINDS, MISSES, SENTENCE, STORY, lost, shell, story


def look(status: int, headers: dict[str, str], page: str, **more: Any) -> Any:
    pairs = [(k.encode(), v.encode()) for k, v in headers.items()]
    return wall_of(status, pairs, page.encode(), **{"url": STORY} | more)


@pytest.mark.parametrize(
    ("label", "status", "headers", "page", "more"), [k[1:] for k in KINDS], ids=[k[0] for k in KINDS]
)
def test_a_page_in_anothers_place_is_recognised(
    label: str, status: int, headers: dict[str, str], page: str, more: dict[str, Any]
) -> None:
    found = look(status, headers, page, **more)
    assert found is not None
    assert found.label == label
    assert 0.8 <= found.sure <= 1
    assert found.why


@pytest.mark.parametrize(
    ("status", "headers", "page", "more"), [m[1:] for m in MISSES], ids=[m[0] for m in MISSES]
)
def test_a_page_that_is_what_it_passes_for_is_left_alone(
    status: int, headers: dict[str, str], page: str, more: dict[str, Any]
) -> None:
    assert look(status, headers, page, **more) is None


def test_the_wall_of_a_page_in_another_charset_is_read() -> None:
    page = lost("Страница не найдена", "Ошибка 404", "ru").replace("utf-8", "windows-1251")
    found = wall_of(
        200, [(b"Content-Type", b"text/html; charset=windows-1251")], page.encode("cp1251"), STORY
    )
    assert found is not None
    assert found.label == "soft-404"


def test_an_article_behind_a_page_of_styles_is_not_taken_for_a_soft_404() -> None:
    page = story("Page not found", head="<style>" + "a{}" * WINDOW + "</style>" + "x")
    assert look(200, {}, page.replace("<title>Page not found", "<title>404")) is None


LABELS = {kind[1] for kind in KINDS}


@given(st.binary(max_size=400), st.text(max_size=40), st.sampled_from([200, 403, 404, 503]))
def test_any_bytes_and_any_address_are_looked_at_without_an_error(body: bytes, url: str, status: int) -> None:
    page = b"<title>404</title><h1>" + body + b"</h1><body class='error404'><p>" + body
    found = wall_of(status, [(b"Content-Type", body)], page, f"http://{url}", moved_from=url)
    assert found is None or (found.label in LABELS and status != 404)


def head_of(coding: str = "", status: int = 200, mime: str = "text/html") -> ResponseHead:
    headers = [(b"content-type", mime.encode())] + (
        [(b"content-encoding", coding.encode())] if coding else []
    )
    return ResponseHead(version="1.1", status=status, reason="", headers=tuple(headers))


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(6, zlib.DEFLATED, -15)
    return coder.compress(data) + coder.flush()


CODINGS = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_wall_is_found_behind_any_coding(coding: str) -> None:
    data = CODINGS[coding](lost("Page not found", "404", "en").encode())
    found = wall_in(head_of(coding), Opening(head_of(coding), data), STORY)
    assert found is not None
    assert found.label == "soft-404"


def test_a_wall_is_found_behind_deflate_as_old_servers_send_it() -> None:
    page = raw_deflate(lost("Page not found", "404", "en").encode())
    assert wall_in(head_of("deflate"), Opening(head_of("deflate"), page), STORY)


def test_a_wall_is_found_where_the_head_lies_about_the_coding() -> None:
    page = lost("Page not found", "404", "en").encode()
    assert wall_in(head_of("gzip"), Opening(head_of("gzip"), page), STORY)


def test_a_bulky_soft_404_is_found_by_its_title() -> None:
    noise = "".join(chr(33 + (n * n * 7919 + n) % 90) for n in range(200_000)).replace("<", "x")
    page = shell("Page not found | The Paper", f"<h1>404</h1><script>{noise}</script>").encode()
    found = wall_in(head_of("gzip"), Opening(head_of("gzip"), gzip.compress(page)[: 96 << 10]), STORY)
    assert found is not None
    assert found.label == "soft-404"


def test_what_is_no_page_has_no_wall() -> None:
    head = head_of(mime="application/json")
    assert wall_in(head, Opening(head, b"<title>404</title>"), STORY) is None


NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
RESPONSE = b"HTTP/1.1 %d OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n"


def recorded(page: str, status: int = 200) -> tuple[bytes, Any]:
    """A WARC with one exchange, and what its writer said of the capture."""
    response = RESPONSE % status + gzip.compress(page.encode())
    exchange = Exchange(
        url=STORY, method="GET", request=b"GET / HTTP/1.1\r\n\r\n", response=response,
        head_length=head_end(response) or 0, began=NOW, seconds=0.1,
    )  # fmt: skip
    number, data = warcinfo_member(filename="x.warc.gz", info={"software": "test"})
    written = write_exchange(exchange, warcinfo=number, warc="k")
    return data + written.data, written.capture


CHALLENGE = "<title>Just a moment...</title><script>window._cf_chl_opt={}</script>"


def test_a_wall_is_recorded_beside_the_response() -> None:
    data, capture = recorded(CHALLENGE, 403)
    said = [read_record(member.data) for member in members(io.BytesIO(data))][-1]
    assert b"wall: challenge:cloudflare\r\n" in said.block
    assert capture.wall == "challenge:cloudflare"


def test_an_article_is_recorded_without_a_word_of_walls() -> None:
    data, capture = recorded(story("River rises"))
    said = [read_record(member.data) for member in members(io.BytesIO(data))][-1]
    assert b"wall" not in said.block
    assert capture.wall == ""


def test_an_index_made_anew_from_the_warc_names_the_wall_again() -> None:
    data, _ = recorded(CHALLENGE, 403)
    [found] = captures_of(io.BytesIO(data), warc="k")
    assert found.wall == "challenge:cloudflare"


def test_a_wall_survives_the_index_line() -> None:
    _, capture = recorded(CHALLENGE, 403)
    assert capture_of(line_of(capture)) == capture
    assert '"wall"' not in line_of(replace(capture, wall=""))


CONSENT = next(page for what, _, _, _, page, _ in KINDS if what == "a page that is consent and no more")


def test_a_walled_page_is_never_passed_off_as_an_article(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    there = Answer(at=edition(20), url=STORY, body=story("River rises", head=DATA).encode())
    long = CONSENT.replace("<button>", f"<p>{SENTENCE * 8}</p><button>")
    run = keeper.keep(there, Answer(at=edition(20), url=STORY + "-2", body=long.encode()))
    assert extract(long, STORY), "it would pass"
    assert extract_run(keeper.store, run.key)["articles"] == 1


def test_what_is_known_of_a_page_is_not_made_anew_from_a_wall() -> None:
    _, seen = recorded(story("River rises"))
    _, walled = recorded(CHALLENGE)
    _, gone = recorded(lost("Page not found", "404", "en"))

    def known(*captures: Any) -> Any:
        return remembered(captures, fronts=(), now=NOW).find(STORY)

    assert known(seen, walled) == known(seen)
    assert known(seen, gone).status == 404


def test_the_room_says_where_a_capture_is_not_the_page_itself(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=STORY, body=CHALLENGE.encode(), status="403 Forbidden"))
    app = Room(
        Shelf(keeper.store, Index(keeper.store), {}), Origins(room_port=8090, replay_port=8091), replays=True
    )
    room = Reader(app.app())
    assert "challenge:cloudflare" in room.get("/capture", params={"url": STORY}).text
    assert "challenge:cloudflare" in room.get("/lookup", params={"url": STORY}).text
