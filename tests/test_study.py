"""The pages for study and the API: search, versions, differences, edits, citations."""

import csv
import html
import io
import json
import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from archive import selection
from archive.citation import Citation, tex
from archive.index import Index
from archive.model import Article, Capture, Location
from archive.permission import Permission
from archive.policy import Policy, policy_of
from archive.reports import Event, RunReport, write_report
from archive.room.finder import Finder
from archive.room.openapi import BESIDE, PATHS, description
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.shelf import Shelf
from archive.room.study import trend
from archive.sites import Site
from archive.store import Store
from tests.keeping import Answer, Keeper, Reader, edition

URL = "http://paper.example/news/quay-reopens-10442"
OTHER = "http://paper.example/news/ferry-late-10443"
PICTURE = "http://paper.example/quay.png"
PNG = b"\x89PNG\r\n\x1a\n" + b"quay" * 20
ATOM = {"a": "http://www.w3.org/2005/Atom"}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def page(headline: str, *paragraphs: str, author: str = "Jo Lund", head: str = "") -> bytes:
    said = {"@type": "NewsArticle", "headline": headline, "author": [{"name": author}],
            "datePublished": "2026-11-19T06:00:00Z", "articleSection": "Harbour"}  # fmt: skip
    data = json.dumps(said).replace("</", "<\\/")
    text = "".join(f"<p>{each}</p>" for each in paragraphs)
    return (
        f"<html lang=en><head><title>{headline}</title>{head}"
        f'<script type="application/ld+json">{data}</script></head>'
        f"<body><article><h1>{headline}</h1>{text}</article></body></html>"
    ).encode()


FILLING = (
    "Crowds came to the water before dawn to see the cranes swing over the quay once more, after a year.",
    "The council paid for the works from its reserve, and the guild of pilots added a share of its own.",
)


def told(cost: str) -> bytes:
    return page(f"Quay reopens after works of {cost}", f"The works cost {cost}, the council said.", *FILLING)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    keeper = Keeper(tmp_path_factory.mktemp("study"))
    ferry = page("Ferry runs late", "The ferry ran an hour late on Friday.", *FILLING, author="Ana Ruiz")
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    picture = Answer(at=edition(21), url=PICTURE, body=PNG, headers=(("Content-Type", "image/png"),))
    keeper.keep(Answer(at=edition(21), url=OTHER, body=ferry), picture)
    run = keeper.keep(Answer(at=edition(22), url=URL, body=told("6 million crowns")))
    gone = Event(kind="withdrawn", url=OTHER, at=edition(23), detail="410")
    report = RunReport(
        run=run.id, site="paper", started=run.started, ended=run.ended, reason="finished", events=(gone,)
    )
    write_report(keeper.store, report)
    return keeper.store


def a_room(store: Store, policy: Policy | None = None) -> Reader:
    index = Index(store)
    sites = {"paper": Site(id="paper", name="The Paper", home="http://paper.example/")}
    permission = Permission(store, index, {}, policy or Policy())
    origins = Origins(room_port=8090, replay_port=8091)
    return Reader(
        Room(Shelf(store, index, sites, Finder(store)), origins, replays=False, permission=permission).app()
    )


@pytest.fixture(scope="module")
def room(store: Store) -> Reader:
    return a_room(store)


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


# --- search -------------------------------------------------------------------------------------------------


def test_search_finds_every_version_that_says_so_with_its_link(room: Reader) -> None:
    text = room.get("/search?q=crowns").text
    assert "2 found" in text
    assert text.count("/article?url=http%3A%2F%2Fpaper.example%2Fnews%2Fquay-reopens-10442&amp;version=") == 2


def test_what_was_found_is_marked(room: Reader) -> None:
    assert "<mark>ferry</mark>" in room.get("/search?q=ferry").text.lower()


def test_a_search_without_words_lists_everything_newest_first(room: Reader) -> None:
    assert "3 found" in room.get("/search").text


def test_a_facet_narrows_a_search_and_can_be_taken_away(room: Reader) -> None:
    text = room.get("/search").text
    assert "/search?author=Jo+Lund" in text
    narrow = room.get("/search?author=Ana+Ruiz").text
    assert "1 found" in narrow
    assert '<a href="/search?" title="Take away">author: Ana Ruiz' in narrow


def test_a_search_can_be_kept_as_a_selection_that_an_export_asks_again(room: Reader) -> None:
    from archive.selection import read

    answer = room.get("/selection.json?q=crowns&author=Jo+Lund&from=2026-11-19")
    assert "attachment" in answer.headers["content-disposition"]
    asked = read(answer.text).question
    assert (asked.words, asked.author, asked.since) == ("crowns", "Jo Lund", "2026-11-19")
    assert "/selection.json?q=crowns" in room.get("/search?q=crowns").text


def test_days_narrow_a_search(room: Reader) -> None:
    assert "0 found" in room.get("/search?q=crowns&to=2026-11-18").text
    assert "2 found" in room.get("/search?q=crowns&from=2026-11-19&to=2026-11-19").text


@pytest.mark.parametrize("query", ["q=%22", "from=yesterday"])
def test_a_question_that_cannot_be_asked_is_an_error_in_one_line(room: Reader, query: str) -> None:
    answer = room.get(f"/search?{query}")
    assert answer.status_code == 400
    assert "write" in answer.text


def test_an_author_has_a_page(room: Reader) -> None:
    text = plain(room.get("/author?name=Ana+Ruiz").text)
    assert "1 article under this name: The Paper (1)" in text
    assert "Ferry runs late" in text


def test_an_author_that_nobody_knows_is_not_found(room: Reader) -> None:
    assert room.get("/author?name=Nobody").status_code == 404


def test_the_record_of_a_capture_is_shown_and_given_as_a_warc(room: Reader) -> None:
    text = plain(room.get("/record", params={"url": URL, "at": "20261122"}).text)
    assert "Response warc-" in text
    assert "GET / HTTP/1.1" in text
    assert "HTTP/1.1 200 OK" in text
    answer = room.get("/record", params={"url": URL, "at": "20261122", "as": "warc"})
    found = [(r.rec_type, r.content_stream().read()) for r in ArchiveIterator(io.BytesIO(answer.content))]
    assert [kind for kind, _ in found] == ["request", "response", "metadata"]
    assert b"6 million crowns" in found[1][1]
    assert room.get("/record?url=http://no.example/").status_code == 404


def test_no_picture_is_shown_that_could_hold_a_script(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    for number, kind in enumerate(("image/svg+xml", "text/html", "image/png")):
        keeper.keep(Answer(at=edition(20), url=f"http://paper.example/{number}", body=svg,
                           headers=(("Content-Type", kind),)))  # fmt: skip
    room = a_room(keeper.store)
    answers = [room.get(f"/picture?url=http://paper.example/{number}") for number in range(3)]
    assert [a.status_code for a in answers] == [404, 404, 200]
    assert answers[2].headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answers[2].headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("days", "count"),
    [
        ([], 0),
        ([("2026-11-20", 1)], 1),
        ([("2026-11-20", 1), ("2026-11-22", 5)], 3),
        ([("2025-11-20", 1), ("2026-11-22", 5)], 13),
    ],
)
def test_a_trend_has_a_bar_for_each_day_or_month_between(days: list[tuple[str, int]], count: int) -> None:
    bars = trend(days)
    assert len(bars) == count
    assert sum(bar.new for bar in bars) == sum(n for _, n in days)


# --- versions -----------------------------------------------------------------------------------------------


def test_an_article_shows_its_timeline_with_what_sort_of_edit_it_was(room: Reader) -> None:
    text = plain(room.get("/article", params={"url": URL}).text)
    assert "version 2, first seen 22 November 2026" in text
    assert "headline, figure · silent" in text


def test_an_older_version_is_shown_when_it_is_asked_for(room: Reader, store: Store) -> None:
    first = room.get("/api/versions", params={"url": URL}).json()["versions"][0]
    text = room.get("/article", params={"url": URL, "version": first["version"]}).text
    assert "<h1>Quay reopens after works of 4 million crowns</h1>" in text


def test_the_provenance_of_each_field_is_told(room: Reader) -> None:
    text = plain(room.get("/article", params={"url": URL}).text)
    assert "authors json-ld" in text


def test_two_versions_stand_side_by_side_with_what_changed(room: Reader) -> None:
    text = room.get("/diff", params={"url": URL}).text
    assert "<del>4</del>" in text
    assert "<ins>6</ins>" in text
    assert text.count("Crowds came to the water") == 2


def test_a_paragraph_that_was_removed_stands_where_it_was(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    gone = (
        "The harbour master had warned of the old piles for years, and said so twice this spring in writing."
    )
    first = page("Quay", FILLING[0], gone, FILLING[1])
    keeper.keep(Answer(at=edition(20), url=URL, body=first))
    keeper.keep(Answer(at=edition(21), url=URL, body=page("Quay", *FILLING)))
    text = a_room(keeper.store).get("/diff", params={"url": URL}).text
    before = text.index("Crowds came")
    assert before < text.index(f"<del>{gone}</del>") < text.index("The council paid")


def test_edits_and_withdrawals_are_listed_newest_first(room: Reader) -> None:
    text = plain(room.get("/edits").text)
    assert text.index("withdrawn Ferry runs late") < text.index("edited Quay reopens after works of 6")
    assert "headline, figure · silent" in text


def test_edits_can_be_asked_for_by_words(room: Reader) -> None:
    assert "Quay reopens" in room.get("/edits?q=council").text
    assert "Quay reopens" not in room.get("/edits?q=ferry").text


def test_withdrawals_can_be_asked_for_by_what_was_said(room: Reader) -> None:
    assert "withdrawn Ferry runs late" in plain(room.get("/edits?q=ferry").text)
    assert "withdrawn" not in plain(room.get("/edits?q=crowns").text)
    feed = ET.fromstring(room.get("/edits.atom?q=ferry").content)
    assert feed.findtext("a:entry/a:title", "", ATOM) == "withdrawn: Ferry runs late"


def test_a_withdrawal_of_long_ago_is_still_told(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    for number in range(130):
        at = edition(20) + timedelta(hours=number)
        events = (Event(kind="withdrawn", url=URL, at=at, detail="410"),) if number == 1 else ()
        name = f"{at:%Y%m%dT%H%M%SZ}-00000000"
        write_report(
            keeper.store,
            RunReport(run=name, site="paper", started=at, ended=at, reason="finished", events=events),
        )
    assert "withdrawn Quay reopens" in plain(a_room(keeper.store).get("/edits").text)


GONE = (("Content-Type", "text/html"),)
HOME = (("Location", "/"),)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((("410 Gone", GONE),), "Taken down 410 since 21 November 2026"),
        ((("404 Not Found", GONE), ("410 Gone", GONE)), "Taken down 404 since 21 November 2026"),
        ((("302 Found", HOME),), "Taken down sent to the front page since 21 November 2026"),
        ((("301 Moved", (("Location", "/news/quay"),)),), ""),
        ((("410 Gone", GONE), ("200 OK", GONE)), ""),
        ((("503 Busy", GONE),), ""),
    ],
)
def test_an_article_that_is_there_no_longer_says_so(
    tmp_path: Path, answers: tuple[Any, ...], said: str
) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=told("4 million crowns")))
    for day, (status, headers) in enumerate(answers, 21):
        body = told("4 million crowns") if status == "200 OK" else b"<h1>Gone</h1>"
        keeper.keep(Answer(at=edition(day), url=URL, body=body, status=status, headers=headers))
    room = a_room(keeper.store)
    text = plain(room.get("/article", params={"url": URL}).text)
    assert said in text if said else "Taken down" not in text
    assert bool(room.get("/api/versions", params={"url": URL}).json()["gone"]) == bool(said)


def test_an_address_that_moved_shows_the_timeline_of_both(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    first, second = "http://paper.example/news/quay", "http://paper.example/news/quay-open"
    keeper.keep(Answer(at=edition(20), url=first, body=told("4 million crowns")))
    moved = Answer(at=edition(21), url=first, status="301 Moved", headers=(("Location", second),))
    run = keeper.keep(moved, Answer(at=edition(21), url=second, body=told("6 million crowns")))
    event = Event(kind="moved", url=first, at=edition(21), detail=second)
    write_report(
        keeper.store,
        RunReport(run=run.id, site="paper", started=run.started, ended=run.ended, reason="", events=(event,)),
    )
    room = a_room(keeper.store)
    for url in (first, second):
        told_of = room.get("/api/versions", params={"url": url}).json()["versions"]
        assert [each["url"] for each in told_of] == [first, second]


def test_edits_of_a_newspaper_that_is_not_kept_are_not_found(room: Reader) -> None:
    assert room.get("/edits?site=nobody").status_code == 404


def test_edits_come_as_an_atom_feed_with_stable_ids(room: Reader) -> None:
    answer = room.get("/edits.atom?site=paper")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ET.fromstring(answer.content)
    titles = [e.findtext("a:title", "", ATOM) for e in feed.findall("a:entry", ATOM)]
    assert titles == [
        "withdrawn: Ferry runs late",
        "edited: Quay reopens after works of 6 million crowns",
    ]
    ids = [e.text for e in feed.findall("a:entry/a:id", ATOM)]
    again = ET.fromstring(room.get("/edits.atom?site=paper").content)
    assert [e.text for e in again.findall("a:entry/a:id", ATOM)] == ids
    assert len(set(ids)) == 2


# --- citing -------------------------------------------------------------------------------------------------

CAPTURE = Capture(
    surt="example,paper)/a", at=edition(20), url="http://paper.example/a?x={1}&y=2", status=200,
    mime="text/html", digest="sha1:ABC", id="urn:uuid:1",
    location=Location(warc="warc/paper/a.warc.gz", offset=7, length=9),
)  # fmt: skip
TITLE = '50 % "more" & {less}'
CITED = Citation(
    capture=CAPTURE, permalink="https://room.example/capture?url=x&at=1", archive="room.example",
    newspaper="The Paper",
    article=Article(url=CAPTURE.url, headline=TITLE, authors=("Jo Lund",)),
)  # fmt: skip


def test_a_capture_is_cited_in_the_forms_of_the_field(room: Reader) -> None:
    text = plain(room.get("/cite", params={"url": URL, "at": "20261121"}).text)
    assert "urn:pwid:127.0.0.1:2026-11-20T07:00:05Z:page:http://paper.example/news/quay-reopens-10442" in text
    assert "Jo Lund. “Quay reopens after works of 4 million crowns.” The Paper, 2026-11-19." in text


def test_a_robust_link_holds_both_addresses_and_the_day() -> None:
    link = ET.fromstring(CITED.robust_link())
    assert link.attrib == {
        "href": CAPTURE.url, "data-originalurl": CAPTURE.url, "data-versionurl": CITED.permalink,
        "data-versiondate": "2026-11-20",
    }  # fmt: skip
    assert link.text == TITLE


def test_bibtex_keeps_its_braces_in_balance_whatever_is_cited() -> None:
    text = CITED.bibtex().replace(r"\{", "").replace(r"\}", "")
    assert text.count("{") == text.count("}")
    assert r"50 \% " in text
    assert "url = {http://paper.example/a?x=%7B1%7D&y=2}" in text


@given(st.text())
def test_any_text_can_stand_in_a_tex_file(text: str) -> None:
    bare = tex(text).replace(r"\textbackslash{}", "").replace(r"\textasciitilde{}", "")
    bare = re.sub(r"\\[{}%#&$_]", "", bare.replace(r"\textasciicircum{}", ""))
    assert not re.search(r"[\\{}%#&$_~^]", bare)


def test_a_csl_item_names_author_day_and_archive(room: Reader) -> None:
    answer = room.get("/cite", params={"url": URL, "as": "csl"})
    (item,) = json.loads(answer.text)
    assert item["author"] == [{"literal": "Jo Lund"}]
    assert item["issued"] == {"date-parts": [[2026, 11, 19]]}
    assert item["archive_location"].startswith("http://127.0.0.1:8090/capture?url=")


# --- the API ------------------------------------------------------------------------------------------------


def test_the_api_describes_itself(room: Reader) -> None:
    from openapi_spec_validator import validate

    told = room.get("/api/openapi.json").json()
    validate(told)
    assert set(told["paths"]) == set(PATHS) | set(BESIDE)


EXAMPLES: dict[str, dict[str, str]] = {
    "/api/search": {"q": "ferry"},
    "/api/article": {"url": URL, "at": "2026-11-21"},
    "/api/versions": {"url": URL},
    "/api/diff": {"url": URL},
    "/api/captures": {"url": URL},
    "/api/cite": {"url": URL},
    "/api/front": {"url": URL},
    "/api/parts": {"url": URL},
    "/api/copies": {"url": URL},
    "/api/edits": {"site": "paper"},
    "/api/newspapers": {},
    "/api/days": {"site": "paper"},
    "/api/day": {"site": "paper", "day": "2026-11-19"},
    "/api/selection": {"q": "crowns"},
    "/api/export": {"q": "crowns", "format": "csv"},
    "/edits.atom": {"q": "crowns"},
    "/selection.json": {"q": "crowns"},
    "/record": {"url": URL, "as": "warc"},
    "/picture": {"url": PICTURE},
    "/cdx": {"url": URL},
    "/timegate/{url}": {},
    "/timemap/link/{url}": {},
    "/timemap/cdxj/{url}": {},
}


@pytest.mark.parametrize("path", sorted(description()["paths"]))
def test_each_endpoint_answers_as_described(room: Reader, path: str) -> None:
    told = description()["paths"][path]["get"]
    assert set(EXAMPLES[path]) <= {each["name"] for each in told["parameters"]}
    answer = room.get(path.replace("{url}", URL), params=EXAMPLES[path])
    first = (*answer.history, answer)[0]
    said = told["responses"][f"{first.status_code}"]
    if first.status_code == 200:
        assert first.headers["content-type"].partition(";")[0] in said["content"]
        assert first.content


@pytest.mark.parametrize("path", sorted(p for p, told in (PATHS | BESIDE).items() if told.required))
def test_what_is_required_is_asked_for(room: Reader, path: str) -> None:
    answer = room.get(path)
    assert answer.status_code in (400, 404)


def test_a_selection_tells_what_it_finds_and_where_its_rows_are(room: Reader) -> None:
    told = room.get("/api/selection?q=crowns&holds=versions&site=paper").json()
    assert (told["count"], told["at_least"], told["selection"]["holds"]) == (2, False, "versions")
    rows = [json.loads(line) for line in room.get(told["export"]["jsonl"]).text.splitlines()]
    assert sorted(row["headline"] for row in rows) == [
        f"Quay reopens after works of {n} million crowns" for n in (4, 6)
    ]
    assert selection.read(json.dumps(told["selection"])).id == told["id"]


def headlines_of(form: str, data: bytes) -> list[str]:
    if form == "parquet":
        found: list[str] = pq.read_table(io.BytesIO(data), columns=["headline"])["headline"].to_pylist()
        return found
    text = data.decode("utf-8-sig")
    rows = (
        map(json.loads, text.splitlines())
        if form == "jsonl"
        else csv.DictReader(io.StringIO(text, newline=""))
    )
    return [row["headline"] for row in rows]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_an_export_has_the_latest_row_of_each_article(room: Reader, form: str) -> None:
    answer = room.get("/api/export", params={"format": form})
    found = headlines_of(form, answer.content)
    assert sorted(found) == ["Ferry runs late", "Quay reopens after works of 6 million crowns"]
    assert answer.headers["content-disposition"].endswith(f'.{form}"')


def test_a_search_leads_to_its_rows(room: Reader) -> None:
    text = room.get("/search?q=ferry").text
    link = re.search(r'href="(/api/export[^"]+csv)"', text)
    assert link is not None
    assert headlines_of("csv", room.get(html.unescape(link[1])).content) == ["Ferry runs late"]


def test_an_export_within_times_of_capture_has_what_was_said_then(room: Reader) -> None:
    answer = room.get("/api/export?q=crowns&captured_from=2026-11-19&captured_to=2026-11-20")
    assert [json.loads(line)["captured"][:10] for line in answer.text.splitlines()] == ["2026-11-20"]


def test_the_days_of_a_newspaper_are_told_and_what_stands_under_one(room: Reader) -> None:
    days = room.get("/api/days?site=paper").json()
    assert days["days"] == [{"day": "2026-11-19", "articles": 2}]
    day = room.get("/api/day?site=paper&day=2026-11-19").json()
    assert {each["headline"] for each in day["articles"]} == {
        "Ferry runs late", "Quay reopens after works of 6 million crowns",
    }  # fmt: skip
    assert room.get("/api/day?site=paper&day=2020-01-01").status_code == 404


def test_any_two_versions_can_be_compared(room: Reader) -> None:
    first, last = room.get("/api/versions", params={"url": URL}).json()["versions"]
    told = room.get(
        "/api/diff", params={"url": URL, "before": last["version"], "after": first["version"][:12]}
    ).json()
    assert (told["before"]["version"], told["after"]["version"]) == (last["version"], first["version"])
    assert "figure" in told["changed"]["classes"]


def test_the_article_of_a_moment_is_what_it_said_then(room: Reader) -> None:
    row = room.get("/api/article", params=EXAMPLES["/api/article"]).json()
    assert row["headline"] == "Quay reopens after works of 4 million crowns"
    assert row["warc"]["key"].startswith("warc/paper/")


def test_search_results_come_in_pages(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    pages = [
        Answer(at=edition(20), url=f"http://paper.example/news/story-{n}",
               body=page(f"Story {n}", f"Number {n} of the crowns.", *FILLING))
        for n in range(10_000, 10_023)
    ]  # fmt: skip
    keeper.keep(*pages)
    room = a_room(keeper.store)
    first = room.get("/api/search?q=crowns").json()
    second = room.get(first["next"]).json()
    assert (first["count"], len(first["hits"]), len(second["hits"]), second["next"]) == (23, 20, 3, None)
    assert not {h["url"] for h in first["hits"]} & {h["url"] for h in second["hits"]}


def test_edits_come_in_pages(room: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.room.study.SHOWN_EDITS", 1)
    first = room.get("/api/edits").json()
    second = room.get(first["next"]).json()
    assert [e["kind"] for e in (*first["edits"], *second["edits"])] == ["withdrawn", "edited"]
    assert "Older →" in room.get("/edits").text
    assert "← Newer" in room.get("/edits?page=2").text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/versions", 400),
        ("/api/versions?url=http://nowhere.example/", 404),
        ("/api/article?url=http://nowhere.example/&at=never", 404),
        ("/api/search?q=%22", 400),
        ("/api/nothing", 404),
        ("/api/export?format=xls", 400),
        ("/api/export?q=%22", 400),
        ("/api/selection?holds=all", 400),
        ("/api/selection?captured_from=never", 400),
        ("/api/days?site=nobody", 404),
        ("/api/day?site=paper&day=never", 400),
        ("/api/diff?url=http://nowhere.example/", 404),
    ],
)
def test_an_error_of_the_api_is_told_in_json(room: Reader, path: str, status: int) -> None:
    answer = room.get(path)
    assert answer.status_code == status
    assert answer.json()["error"]


# --- rights, and hostile pages ------------------------------------------------------------------------------

PATHS_OF_AN_ARTICLE = ["/article", "/diff", "/api/article", "/api/versions"]


@pytest.fixture(scope="module")
def forbidden(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    keeper = Keeper(tmp_path_factory.mktemp("forbidden"))
    body = page("Quay secret", *FILLING, head="<meta name=robots content=noarchive>")
    keeper.keep(Answer(at=edition(20), url=URL, body=body))
    keeper.keep(Answer(at=edition(21), url=URL, body=body.replace(b"secret", b"hidden")))
    return a_room(keeper.store, policy_of(Policy(), replay=("noarchive",), export=None))


@pytest.mark.parametrize("path", PATHS_OF_AN_ARTICLE)
def test_an_article_that_may_not_be_shown_is_nowhere_shown(forbidden: Reader, path: str) -> None:
    answer = forbidden.get(path, params={"url": URL})
    assert answer.status_code == 451
    assert "Crowds" not in answer.text


@pytest.mark.parametrize(
    "path", ["/search?q=crowds", "/api/search?q=crowds", "/edits", "/edits.atom", "/api/edits"]
)
def test_lists_leave_out_what_may_not_be_shown(forbidden: Reader, path: str) -> None:
    answer = forbidden.get(path)
    assert answer.status_code == 200
    assert "Quay" not in answer.text


def test_an_export_leaves_out_what_rights_keep_back(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    closed = page("Quay secret", *FILLING, head="<meta name=robots content=noarchive>")
    keeper.keep(
        Answer(at=edition(20), url=URL, body=closed), Answer(at=edition(20), url=OTHER, body=told("1 crown"))
    )
    room = a_room(keeper.store, policy_of(Policy(), export=("noarchive",)))
    found = headlines_of("jsonl", room.get("/api/export").content)
    assert found == ["Quay reopens after works of 1 crown"]


def test_a_citation_of_what_may_not_be_shown_tells_none_of_its_words(forbidden: Reader) -> None:
    assert "Quay secret" not in forbidden.get("/cite", params={"url": URL}).text


def hostile_room(tmp_path: Path) -> tuple[Reader, str]:
    url = "http://paper.example/a-10444?q='\"><script>alert(2)</script>"
    keeper = Keeper(tmp_path)
    for day in (20, 21):
        text = [f"{HOSTILE} crowds {day}".replace("<", "&lt;"), *FILLING]
        body = page(HOSTILE.replace("<", "&lt;"), *text, author=HOSTILE)
        keeper.keep(Answer(at=edition(day), url=url, body=body))
    return a_room(keeper.store), url


def test_hostile_words_are_text_on_every_page_of_study(tmp_path: Path) -> None:
    room, url = hostile_room(tmp_path)
    asked: list[Any] = [
        "/search?q=crowds", f"/search?{urlencode({'q': HOSTILE})}", f"/author?{urlencode({'name': HOSTILE})}",
        "/edits", f"/edits?{urlencode({'q': HOSTILE})}", "/edits.atom",
    ]  # fmt: skip
    asked += [f"{path}?{urlencode({'url': url})}" for path in ("/article", "/diff", "/cite")]
    asked += [
        f"/search?{urlencode({name: HOSTILE})}" for name in ("site", "section", "author", "from", "page")
    ]
    pages = [room.get(path) for path in asked]
    assert any("&lt;script&gt;" in page.text for page in pages)
    for answer in pages:
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "script-src" not in answer.headers["content-security-policy"]


def test_json_is_never_taken_for_a_page(tmp_path: Path) -> None:
    room, _ = hostile_room(tmp_path)
    answer = room.get("/api/search?q=crowds")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
