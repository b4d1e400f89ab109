"""Memento, clause by clause: RFC 7089 by its sections, with the link formats of RFC 6690 and 8288.

Its clauses, and the tests of each:

    2.1.1  Accept-Datetime, Memento-Datetime   any_date..., a_date_of_another_form..., a_memento_says_when...
    2.1.2  Vary                                a_timegate_says_that_it_varies...
    2.1.3  Location                            a_timegate_leads_to_the_nearest...
    2.1.4  Link                                a_timegate_links..., a_url_with_odd_signs...
    2.2    original, timegate, timemap, memento    a_memento_links_its_neighbours, each_memento...
    4.2.1  pattern 2.1, a TimeGate that redirects  (the other patterns are not ours)
    4.5.1  and 4.5.2, originals without a TimeGate, or gone: matters of the client
    4.5.3  issues with Accept-Datetime         a_date_that_cannot_be_read..., [before the first ...]
    4.5.4  mementos of redirects               an_archived_redirect_is_a_memento
    4.5.5  mementos of errors                  an_archived_error_is_a_memento
    4.5.6  sticky Memento-Datetime             a_memento_keeps..., what_is_asked_by_another_time...
    4.5.7  intermediate resources              what_stands_between_timegate_and_memento...
    4.5.8  excluded from negotiation           what_is_no_memento_does_not_negotiate
    5      TimeMaps                            a_timemap_lists..., a_timemap_says..., a_timemap_answers_head
    5.1.1  several of them                     a_long_timemap_comes_in_pages...
    5.1.2  mementos of TimeMaps                none are kept
"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import CallerError
from archive.index import Index, merge
from archive.room import memento
from archive.room.memento import date_of, read_date
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.replay import Replay
from archive.room.shelf import Shelf
from archive.store import Store
from tests.keeping import Answer, Keeper, Reader, edition

PAPER = "http://paper.example"
URL = f"{PAPER}/c.json?b=2&a=1"
ROOM, REPLAY = "http://127.0.0.1:8090", "http://127.0.0.1:8091"
TEXT = (("Content-Type", "text/plain"),)
LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[a-z]+="[^"]*")+)(?:\s*,\s*|\s*\Z)')
ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')


class Readers:
    """Both origins of one archive, as one client sees them."""

    def __init__(self, store: Store) -> None:
        index, origins = Index(store), Origins(room_port=8090, replay_port=8091)
        self.room = Reader(Room(Shelf(store, index, {}), origins, replays=True).app(), base=ROOM)
        self.replay = Reader(Replay(store, index, origins, b"worker").app(), base=REPLAY)

    def get(self, url: str, method: str = "GET", **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        reader = self.replay if url.startswith(REPLAY) else self.room
        return reader.ask(method, url, headers=names, follow_redirects=False)

    def gate(self, at: datetime | str | None, url: str = URL, method: str = "GET") -> httpx.Response:
        said = {} if at is None else {"Accept_Datetime": at if isinstance(at, str) else date_of(at)}
        return self.get(f"{ROOM}/timegate/{url}", method, **said)


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


def day(number: int, url: str = URL) -> Answer:
    return Answer(at=edition(number), url=url, headers=TEXT, body=b"day %d" % number)


@pytest.fixture
def readers(keeper: Keeper) -> Readers:
    """Captures of the 18th to the 22nd; the middle three are merged, each was a run of its own."""
    for number in (18, 19, 20):
        keeper.keep(day(number))
    merge(keeper.store)
    keeper.keep(day(21))
    keeper.keep(day(22))
    return Readers(keeper.store)


def links(text: str) -> list[tuple[str, dict[str, str]]]:
    """Links of a header or of a link-format body; every byte must be part of one."""
    found, place = [], 0
    for each in LINK.finditer(text):
        assert each.start() == place, text[place : each.start()]
        found.append((each[1], dict(ATTRIBUTE.findall(each[2]))))
        place = each.end()
    assert place == len(text), text[place:]
    return found


def by_rel(text: str) -> dict[str, str]:
    return {rel: url for url, said in links(text) for rel in said["rel"].split() if rel != "memento"}


def memento_of(number: int) -> str:
    return f"{REPLAY}/raw/202611{number}070005id_/{URL}"


# --- 2.1.1 Accept-Datetime and Memento-Datetime ------------------------------------------------------------


@given(st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 12, 31, 23)))  # noqa: DTZ001
def test_any_date_that_we_write_is_read_again(at: datetime) -> None:
    moment = at.replace(microsecond=0, tzinfo=UTC)
    assert read_date(date_of(moment)) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20",
        "20261120070005",
        "Fri, 20 Nov 2026 07:00:05",
        "Fri, 20 Nov 2026 07:00:05 CET",
        "Fri, 20 Nov 2026 07:00:05 +0100",
        "Friday, 20-Nov-26 07:00:05 GMT",
        "Fri Nov 20 07:00:05 2026",
        "Fri, 32 Nov 2026 07:00:05 GMT",
        "Fri, 20 nov 2026 07:00:05 GMT",
        "Fri, 20 Nov 2026 25:00:05 GMT",
        "Fri, ٢٠ Nov 2026 07:00:05 GMT",
        "Fri, 20 Nov 2026 07:00:05 GMT; -P1D; +P1D",
    ],
)
def test_a_date_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(CallerError, match="Accept-Datetime"):
        read_date(text)


def test_a_memento_says_when_it_was_captured(readers: Readers) -> None:
    answer = readers.get(memento_of(20))
    assert answer.headers["memento-datetime"] == "Fri, 20 Nov 2026 07:00:05 GMT"
    assert answer.text == "day 20"


# --- 4.2.1 pattern 2.1: a TimeGate that redirects ----------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (edition(20), 20),
        (edition(20) + timedelta(hours=11), 20),
        (edition(20) + timedelta(hours=13), 21),
        (edition(1), 18),
        (edition(30), 22),
        (None, 22),
    ],
    ids=["exact", "just after", "nearer to the next", "before the first", "after the last", "not said"],
)
def test_a_timegate_leads_to_the_nearest_memento(readers: Readers, at: datetime | None, found: int) -> None:
    answer = readers.gate(at)
    assert answer.status_code == 302
    assert answer.headers["location"] == memento_of(found)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_timegate_says_that_it_varies_and_never_when(readers: Readers, method: str) -> None:
    answer = readers.gate(edition(20), method=method)
    assert "accept-datetime" in answer.headers["vary"].lower()
    assert "memento-datetime" not in answer.headers
    assert answer.content == b""


def test_a_timegate_links_original_timemap_and_mementos(readers: Readers) -> None:
    found = by_rel(readers.gate(edition(20)).headers["link"])
    assert found["original"] == URL
    assert found["timemap"] == f"{ROOM}/timemap/link/{URL}"
    assert (found["first"], found["last"]) == (memento_of(18), memento_of(22))
    assert (found["prev"], found["next"]) == (memento_of(19), memento_of(21))


def test_what_a_timegate_leads_to_is_the_memento(readers: Readers) -> None:
    for number in range(18, 23):
        answer = readers.get(readers.gate(edition(number)).headers["location"])
        assert answer.headers["memento-datetime"] == date_of(edition(number))


def test_a_passing_error_is_not_what_a_timegate_leads_to(keeper: Keeper) -> None:
    soon = edition(20) + timedelta(minutes=2)
    busy = Answer(at=soon, url=URL, status="503 Busy", headers=TEXT, body=b"busy")
    keeper.keep(day(20), busy)
    assert Readers(keeper.store).gate(soon + timedelta(seconds=9)).headers["location"] == memento_of(20)


@pytest.mark.parametrize("url", ["paper.example/c.json?b=2&a=1", "http:/paper.example/c.json?b=2&a=1",
                                 "HTTP%3A%2F%2Fpaper.example%2Fc.json%3Fb%3D2%26a%3D1"])  # fmt: skip
def test_a_url_may_be_written_as_people_and_proxies_do(readers: Readers, url: str) -> None:
    assert readers.gate(edition(20), url).headers["location"] == memento_of(20)


# --- 4.5.3 and beyond: what cannot be ----------------------------------------------------------------------


@pytest.mark.parametrize("said", ["yesterday", "", "2026-11-20T07:00:05Z"])
def test_a_date_that_cannot_be_read_is_a_400(readers: Readers, said: str) -> None:
    answer = readers.gate(said)
    assert answer.status_code == 400
    assert "accept-datetime" in answer.headers["vary"]
    assert by_rel(answer.headers["link"]) == {"original": URL}
    assert answer.text.count("\n") == 1
    assert "Fri, 20 Nov 2026 06:00:00 GMT" in answer.text


def test_a_url_never_captured_is_a_404_that_names_what_is_near(keeper: Keeper) -> None:
    keeper.keep(day(20, f"{PAPER}/news"))
    for path in ("timegate", "timemap/link", "timemap/cdxj"):
        answer = Readers(keeper.store).get(f"{ROOM}/{path}/{PAPER}/news/none")
        assert answer.status_code == 404
        assert f"nothing was captured of {PAPER}/news/none" in answer.text
        assert f"{REPLAY}/raw/20261120070005id_/{PAPER}/news\n" in answer.text
        assert "location" not in answer.headers
    gate = Readers(keeper.store).gate(None, f"{PAPER}/news/none")
    assert "accept-datetime" in gate.headers["vary"]


# --- 2.2 links of a memento --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "rels"),
    [
        (18, {"first": 18, "next": 19, "last": 22}),
        (19, {"first": 18, "prev": 18, "next": 20, "last": 22}),
        (20, {"first": 18, "prev": 19, "next": 21, "last": 22}),
        (21, {"first": 18, "prev": 20, "next": 22, "last": 22}),
        (22, {"first": 18, "prev": 21, "last": 22}),
    ],
)
def test_a_memento_links_its_neighbours(readers: Readers, number: int, rels: dict[str, int]) -> None:
    header = readers.get(memento_of(number)).headers["link"]
    found = by_rel(header)
    assert (found.pop("original"), found.pop("timegate")) == (URL, f"{ROOM}/timegate/{URL}")
    assert found.pop("timemap") == f"{ROOM}/timemap/link/{URL}"
    assert found == {rel: memento_of(day) for rel, day in rels.items()}


def test_each_memento_that_is_linked_says_its_datetime_and_stands_once(readers: Readers) -> None:
    for number in range(18, 23):
        found = links(readers.get(memento_of(number)).headers["link"])
        known = [(url, said) for url, said in found if "memento" in said["rel"].split()]
        assert len({url for url, _ in known}) == len(known)
        assert memento_of(number) in dict(known)
        for url, said in known:
            assert url == memento_of(int(said["datetime"].split()[1]))


def test_the_only_memento_is_first_and_last(keeper: Keeper) -> None:
    keeper.keep(day(20))
    found = by_rel(Readers(keeper.store).get(memento_of(20)).headers["link"])
    assert found["first"] == found["last"] == memento_of(20)
    assert not {"prev", "next"} & set(found)


def test_the_worker_is_not_burdened_with_links_that_it_does_not_read(readers: Readers) -> None:
    answer = readers.get(memento_of(20).replace("id_", "ir_"))
    assert by_rel(answer.headers["link"]) == {"original": URL}
    assert answer.headers["memento-datetime"] == date_of(edition(20))


# --- 4.5.4 and 4.5.5 mementos of redirects and errors ------------------------------------------------------


def test_an_archived_redirect_is_a_memento(keeper: Keeper) -> None:
    moved = Answer(at=edition(20), url=URL, status="302 Found", headers=(("Location", "/new"),))
    keeper.keep(moved, day(20, f"{PAPER}/new"))
    answer = Readers(keeper.store).get(memento_of(20))
    assert answer.status_code == 302
    assert answer.headers["memento-datetime"] == date_of(edition(20))
    assert answer.headers["location"] == f"/raw/20261120070005id_/{PAPER}/new"
    assert by_rel(answer.headers["link"])["original"] == URL


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone", "500 Broken", "503 Busy"])
def test_an_archived_error_is_a_memento(keeper: Keeper, status: str) -> None:
    keeper.keep(Answer(at=edition(20), url=URL, status=status, headers=TEXT, body=b"no"))
    for method in ("GET", "HEAD"):
        answer = Readers(keeper.store).get(memento_of(20), method)
        assert answer.status_code == int(status[:3])
        assert answer.headers["memento-datetime"] == date_of(edition(20))
        assert by_rel(answer.headers["link"])["timegate"] == f"{ROOM}/timegate/{URL}"


def test_what_the_archive_cannot_find_is_no_memento(keeper: Keeper) -> None:
    keeper.keep(day(20))
    answer = Readers(keeper.store).get(f"{REPLAY}/raw/2026id_/{PAPER}/none")
    assert answer.status_code == 404
    assert "memento-datetime" not in answer.headers


# --- 4.5.6 to 4.5.8 what a memento is, and what is none ----------------------------------------------------


def test_a_memento_keeps_its_datetime_when_others_come(keeper: Keeper) -> None:
    keeper.keep(day(20))
    before = Readers(keeper.store).get(memento_of(20))
    keeper.keep(day(19), day(21))
    again = Readers(keeper.store).get(memento_of(20), Accept_Datetime=date_of(edition(19)))
    assert (again.headers["memento-datetime"], again.text) == (date_of(edition(20)), "day 20")
    assert before.headers["memento-datetime"] == again.headers["memento-datetime"]
    assert "content-location" not in again.headers
    assert "accept-datetime" not in again.headers.get("vary", "")


@pytest.mark.parametrize("stamp", ["", "2026", "20261122", "20261122070006"])
def test_what_is_asked_by_another_time_names_the_memento_that_it_is(readers: Readers, stamp: str) -> None:
    answer = readers.get(f"{REPLAY}/raw/{stamp}id_/{URL}")
    place = answer.headers["content-location"]
    assert readers.get(REPLAY + place).headers["memento-datetime"] == answer.headers["memento-datetime"]
    assert readers.get(REPLAY + place).content == answer.content


def test_what_stands_between_timegate_and_memento_is_no_memento(readers: Readers) -> None:
    between = readers.get(f"{REPLAY}/replay/20261120070005/{URL}")
    assert between.status_code == 302
    assert "memento-datetime" not in between.headers


@pytest.mark.parametrize("path", ["/", "/lookup", "/cdx?url=paper.example/*", f"/timemap/link/{URL}"])
def test_what_is_no_memento_does_not_negotiate(readers: Readers, path: str) -> None:
    answer = readers.get(ROOM + path, Accept_Datetime=date_of(edition(19)))
    assert answer.status_code == 200
    assert "memento-datetime" not in answer.headers
    assert "accept-datetime" not in answer.headers.get("vary", "")


# --- 5 TimeMaps --------------------------------------------------------------------------------------------


def test_a_timemap_lists_every_memento_in_link_format(readers: Readers) -> None:
    answer = readers.get(f"{ROOM}/timemap/link/{URL}")
    assert answer.headers["content-type"] == "application/link-format"
    found = links(answer.text)
    assert [said["rel"] for _, said in found] == [
        "original", "timegate", "self", "first memento", "memento", "memento", "memento", "last memento",
    ]  # fmt: skip
    assert [url for url, _ in found[3:]] == [memento_of(n) for n in range(18, 23)]
    assert [said["datetime"] for _, said in found[3:]] == [date_of(edition(n)) for n in range(18, 23)]
    assert (found[0][0], found[1][0]) == (URL, f"{ROOM}/timegate/{URL}")


def test_a_timemap_says_what_it_is_and_from_when_until_when(readers: Readers) -> None:
    address = f"{ROOM}/timemap/link/{URL}"
    (own,) = [each for each in links(readers.get(address).text) if each[1]["rel"] == "self"]
    assert own == (
        address,
        {
            "rel": "self",
            "type": "application/link-format",
            "from": date_of(edition(18)),
            "until": date_of(edition(22)),
        },
    )


def test_a_timemap_answers_head(readers: Readers) -> None:
    answer = readers.get(f"{ROOM}/timemap/link/{URL}", "HEAD")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/link-format"


@pytest.mark.parametrize("form", ["link", "cdxj"])
def test_a_long_timemap_comes_in_pages_that_know_each_other(
    readers: Readers, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memento, "PAGE", 2)
    first = f"{ROOM}/timemap/{form}/{URL}"
    pages = [first, *(f"{ROOM}/timemap/{form}/{n}/{URL}" for n in (2, 3))]
    seen = []
    for number, address in enumerate(pages):
        text = readers.get(address).text
        assert all(other in text for other in pages)
        mine = [n for n in range(18, 23) if memento_of(n) in text]
        assert mine == [18 + 2 * number, 19 + 2 * number][: len(mine)]
        seen += mine
        if form == "link":
            maps = {url: said for url, said in links(text) if said["rel"] in ("self", "timemap")}
            assert maps[address]["rel"] == "self"
            assert (maps[address]["from"], maps[address]["until"]) == (
                date_of(edition(mine[0])), date_of(edition(mine[-1])),
            )  # fmt: skip
    assert seen == [18, 19, 20, 21, 22]
    assert readers.get(f"{ROOM}/timemap/{form}/4/{URL}").status_code == 404


def test_a_timemap_in_cdxj_has_a_line_for_each_memento(readers: Readers) -> None:
    answer = readers.get(f"{ROOM}/timemap/cdxj/{URL}")
    assert answer.headers["content-type"].startswith("text/x-cdxj")
    told = [line for line in answer.text.splitlines() if not line.startswith("!")]
    assert [line[:14] for line in told] == [f"202611{n}070005" for n in range(18, 23)]
    objects = [json.loads(line[15:]) for line in told]
    assert [each["uri"] for each in objects] == [memento_of(n) for n in range(18, 23)]
    assert objects[0] == {"uri": memento_of(18), "rel": "first memento", "datetime": date_of(edition(18))}
    heads = [line.partition(" ") for line in answer.text.splitlines() if line.startswith("!")]
    assert {name for name, _, _ in heads} == {"!context", "!id", "!keys", "!meta"}
    assert all(json.loads(value) for _, _, value in heads)


def test_two_captures_of_one_second_are_one_memento(keeper: Keeper) -> None:
    again = Answer(at=edition(20) + timedelta(milliseconds=300), url=URL, headers=TEXT, body=b"again")
    keeper.keep(day(20), again, day(21))
    found = links(Readers(keeper.store).get(f"{ROOM}/timemap/link/{URL}").text)
    assert [url for url, said in found if "memento" in said["rel"]] == [memento_of(20), memento_of(21)]


@pytest.mark.parametrize("path", ["/timemap/xml/http://x/", "/timemap/link/", "/timegate/"])
def test_a_path_that_names_no_url_leads_nowhere(readers: Readers, path: str) -> None:
    assert readers.get(ROOM + path).status_code == 404


def test_a_url_with_odd_signs_cannot_break_out_of_a_link(keeper: Keeper) -> None:
    odd = f'{PAPER}/a%22%3E;rel=%22x?q=a,b;c="d"'
    keeper.keep(day(20, odd))
    readers = Readers(keeper.store)
    answer = readers.gate(None, f"{PAPER}/a%22%3E;rel=%22x?q=a,b;c=%22d%22")
    assert answer.status_code == 302
    assert len(links(answer.headers["link"])) == 4
    assert readers.get(answer.headers["location"]).text == "day 20"


# --- raw records: HEAD and Range (RFC 9110, section 14) ----------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "status", "body", "said"),
    [
        ("bytes=0-2", 206, "day", "bytes 0-2/6"),
        ("bytes=4-", 206, "20", "bytes 4-5/6"),
        ("bytes=-2", 206, "20", "bytes 4-5/6"),
        ("bytes=-99", 206, "day 20", "bytes 0-5/6"),
        ("bytes=3-99", 206, " 20", "bytes 3-5/6"),
        ("bytes=6-", 416, "", "bytes */6"),
        ("bytes=-0", 416, "", "bytes */6"),
        ("bytes=3-1", 200, "day 20", None),
        ("bytes=0-1,3-4", 200, "day 20", None),
        ("lines=1-2", 200, "day 20", None),
        ("bytes=-", 200, "day 20", None),
    ],
)
def test_a_part_of_a_raw_record_can_be_had(
    readers: Readers, wanted: str, status: int, body: str, said: str | None
) -> None:
    answer = readers.get(memento_of(20), Range=wanted)
    assert (answer.status_code, answer.text, answer.headers.get("content-range")) == (status, body, said)
    assert answer.headers["memento-datetime"] == date_of(edition(20))
    assert int(answer.headers["content-length"]) == len(body)


def test_a_part_is_given_only_of_what_the_reader_has_already(readers: Readers) -> None:
    whole = readers.get(memento_of(20))
    assert whole.headers["accept-ranges"] == "bytes"
    tag = whole.headers["etag"]
    assert readers.get(memento_of(20), Range="bytes=0-2", If_Range=tag).status_code == 206
    assert readers.get(memento_of(20), Range="bytes=0-2", If_Range='"other"').status_code == 200


def test_head_of_a_raw_record_counts_all_of_it(readers: Readers) -> None:
    answer = readers.get(memento_of(20), "HEAD", Range="bytes=0-1")
    assert (answer.status_code, answer.headers["content-length"]) == (200, "6")


def test_no_part_is_given_of_an_archived_error(keeper: Keeper) -> None:
    keeper.keep(Answer(at=edition(20), url=URL, status="404 None", headers=TEXT, body=b"nothing"))
    answer = Readers(keeper.store).get(memento_of(20), Range="bytes=0-1")
    assert (answer.status_code, answer.text) == (404, "nothing")
