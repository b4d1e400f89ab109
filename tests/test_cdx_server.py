"""The CDX server: the words of pywb and OutbackCDX, answered as a stream."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import cdx
from archive.cdxj import capture_of, line_of, surt_of
from archive.errors import CallerError
from archive.index import Index, merge, read_head
from archive.model import Capture, Location
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.shelf import Shelf
from archive.segments import write_segment
from archive.store import FolderStore, Store
from tests.keeping import Answer, Keeper, Reader, edition

PAPER = "http://paper.example"
Ask = Callable[..., httpx.Response]


def a_reader(store: Store) -> Reader:
    origins = Origins(room_port=8090, replay_port=8091)
    return Reader(Room(Shelf(store, Index(store), {}), origins, replays=True).app())


def page(day: int, url: str, *, status: str = "200 OK", kind: str = "text/html", body: str = "") -> Answer:
    headers = (("Content-Type", kind), *((("Location", "/moved"),) if status.startswith("3") else ()))
    return Answer(at=edition(day), url=url, status=status, headers=headers, body=(body or url).encode())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three days of a newspaper; the first two are merged, the third is not."""
    keeper = Keeper(tmp_path_factory.mktemp("cdx"))
    for day in (20, 21, 22):
        keeper.keep(
            page(day, f"{PAPER}/", body=f"front {day}" * 50),
            page(day, f"{PAPER}/news/bridge.html", body="the bridge" * 50),
            page(day, f"{PAPER}/news/{day}.html"),
            page(day, f"{PAPER}/old", status="301 Moved"),
            page(day, f"{PAPER}/news/gone", status="404 Gone"),
            page(day, "http://img.paper.example/a.png", kind="image/png"),
            page(day, "http://paperboy.example/"),
        )
        if day == 21:
            merge(keeper.store)
    return keeper.store


@pytest.fixture
def ask(kept: Store) -> Ask:
    reader = a_reader(kept)
    return lambda **params: reader.get("/cdx", params={k.rstrip("_"): v for k, v in params.items()})


def urls(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line.split(" ", 2)[2])["url"] for line in answer.text.splitlines()]


def stamps(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [line.split(" ")[1] for line in answer.text.splitlines()]


# --- what matches ------------------------------------------------------------------------------------------


def test_one_url_has_its_captures_oldest_first(ask: Ask) -> None:
    answer = ask(url=f"{PAPER}/")
    assert stamps(answer) == ["20261120070005", "20261121070005", "20261122070005"]
    assert answer.headers["content-type"] == "text/x-cdxj; charset=utf-8"


def test_a_url_without_scheme_and_with_www_is_the_same_url(ask: Ask) -> None:
    assert ask(url="www.paper.example/").text == ask(url=f"{PAPER}/").text


def test_lines_are_those_of_the_index(ask: Ask, kept: Store) -> None:
    lines = ask(url=f"{PAPER}/").text.splitlines()
    assert [capture_of(line) for line in lines] == Index(kept).captures(f"{PAPER}/")


def test_what_was_never_captured_is_an_empty_answer(ask: Ask) -> None:
    answer = ask(url=f"{PAPER}/never")
    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize(
    "params",
    [
        {"url": "paper.example/news/*"},
        {"url": "paper.example/news/", "matchType": "prefix"},
        {"url": "paper.example/news/*", "matchType": "prefix"},
    ],
    ids=["wildcard", "matchType", "both"],
)
def test_a_prefix_finds_what_begins_with_it(ask: Ask, params: dict[str, str]) -> None:
    found = urls(ask(**params))
    assert len(found) == 9
    assert all(url.startswith(f"{PAPER}/news/") for url in found)


def test_a_prefix_without_slash_ends_anywhere(ask: Ask) -> None:
    assert set(urls(ask(url="paper.example/n*"))) == set(urls(ask(url="paper.example/news/*")))


def test_a_prefix_may_end_in_a_question_mark(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(page(20, f"{PAPER}/a?b=1"), page(20, f"{PAPER}/ab"), page(20, f"{PAPER}/a"))
    answer = a_reader(keeper.store).get("/cdx", params={"url": "paper.example/a?*"})
    assert urls(answer) == [f"{PAPER}/a?b=1"]


def test_a_host_is_that_host_alone(ask: Ask) -> None:
    found = urls(ask(url="paper.example", matchType="host"))
    assert len(found) == 15
    assert all(url.startswith(f"{PAPER}/") for url in found)


@pytest.mark.parametrize(
    "params",
    [{"url": "*.paper.example"}, {"url": "paper.example", "matchType": "domain"}],
    ids=["wildcard", "type"],
)
def test_a_domain_is_a_host_with_its_subdomains(ask: Ask, params: dict[str, str]) -> None:
    found = urls(ask(**params))
    assert len(found) == 18
    assert "http://img.paper.example/a.png" in found
    assert not any("paperboy" in url for url in found)


def test_a_domain_holds_its_hosts_on_other_ports(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(page(20, "http://paper.example:8080/a"), page(20, "http://paper.examples/a"))
    found = urls(a_reader(keeper.store).get("/cdx", params={"url": "*.paper.example"}))
    assert found == ["http://paper.example:8080/a"]


# --- nearly the URL ----------------------------------------------------------------------------------------


@pytest.fixture
def busted(tmp_path: Path) -> Ask:
    """Comments of three days, each asked for with a number of its own."""
    keeper = Keeper(tmp_path)
    for day in (20, 21, 22):
        keeper.keep(page(day, f"{PAPER}/c.json?article=7&_={1000 + day}"))
    reader = a_reader(keeper.store)
    return lambda **params: reader.get("/cdx", params={"url": f"{PAPER}/c.json?article=7&_=5", **params})


def test_for_a_replay_what_differs_in_noise_alone_answers_by_its_distance_in_time(busted: Ask) -> None:
    for day, order in ((20, [20, 21, 22]), (21, [21, 20, 22]), (23, [22, 21, 20])):
        answer = busted(closest=f"202611{day}070005")
        assert [int(stamp[6:8]) for stamp in stamps(answer)] == order
        assert all(json.loads(line.split(" ", 2)[2])["is_fuzzy"] == "1" for line in answer.text.splitlines())


def test_a_list_of_captures_has_the_url_alone_unless_it_is_said(busted: Ask) -> None:
    assert busted().text == ""
    assert len(stamps(busted(allowFuzzy="1"))) == 3
    assert busted(closest="2026", allowFuzzy="0").text == ""


def test_a_url_that_was_captured_answers_for_itself_and_says_nothing(busted: Ask) -> None:
    answer = busted(url=f"{PAPER}/c.json?article=7&_=1021", closest="20261120070005")
    assert [int(stamp[6:8]) for stamp in stamps(answer)] == [21]
    assert "is_fuzzy" not in answer.text


@pytest.mark.parametrize("query", ["article=8&_=5", "article=7&page=2&_=5", "article=7&_=abc"])
def test_no_parameter_that_selects_content_is_passed_over(busted: Ask, query: str) -> None:
    assert busted(url=f"{PAPER}/c.json?{query}", closest="20261120070005").text == ""


# --- time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        ("20261121", "", [21, 22]),
        ("", "20261121", [20, 21]),
        ("20261121", "20261121", [21]),
        ("2026", "2026", [20, 21, 22]),
        ("20261121070005", "20261121070005", [21]),
        ("20261121070006", "", [22]),
        ("2027", "", []),
        ("", "2025", []),
    ],
)
@pytest.mark.parametrize("match", ["exact", "prefix"])
def test_from_and_to_are_both_included(ask: Ask, match: str, since: str, until: str, days: list[int]) -> None:
    found = stamps(ask(url=f"{PAPER}/news/bridge.html", from_=since, to=until, matchType=match))
    assert [int(stamp[6:8]) for stamp in found] == days


# --- filters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("=status:200", 9),
        ("!=status:200", 6),
        ("=statuscode:404", 3),
        ("status:4", 3),
        ("!status:4", 12),
        ("~status:[34].*", 6),
        ("!~status:[34]", 9),
        ("~url:.*/news/\\d+\\.html", 3),
        ("~original:http://paper\\.example/n", 9),
        ("urlkey:bridge", 3),
        ("bridge.html", 3),
        ("!bridge.html", 12),
        ("=mime:text/html", 15),
        ("~mimetype:text/h?tml", 15),
        ("~mimetype:html", 0),
        ("=redirect:/moved", 3),
        ("=truncated:length", 0),
    ],
)
def test_a_filter_is_contains_equals_or_matches_and_may_be_turned_round(
    ask: Ask, text: str, count: int
) -> None:
    assert len(urls(ask(url="paper.example", matchType="host", filter=text))) == count


def test_several_filters_must_all_hold(ask: Ask) -> None:
    found = urls(ask(url="paper.example/*", filter=["=status:200", "!~urlkey:.*bridge", "url:news"]))
    assert found == [f"{PAPER}/news/{day}.html" for day in (20, 21, 22)]


def test_a_regular_expression_takes_time_in_proportion_to_the_text(tmp_path: Path) -> None:
    # With a backtracking engine this would not end within the age of the newspaper.
    keeper = Keeper(tmp_path)
    keeper.keep(page(20, f"{PAPER}/{'a' * 5000}!"))
    answer = a_reader(keeper.store).get("/cdx", params={"url": f"{PAPER}/*", "filter": "~url:.*/(a|aa)+$"})
    assert (answer.status_code, answer.text) == (200, "")


# --- order, limit, fields, collapse ------------------------------------------------------------------------


def test_reverse_is_the_whole_answer_from_its_end(ask: Ask) -> None:
    for params in ({"url": f"{PAPER}/"}, {"url": "*.paper.example"}):
        forward = ask(**params).text.splitlines()
        assert ask(**params, sort="reverse").text.splitlines() == forward[::-1]
        assert ask(**params, sort="reverse", limit=2).text.splitlines() == forward[::-1][:2]


@pytest.mark.parametrize(
    ("closest", "days"),
    [
        ("20261121", [21, 20, 22]),
        ("20261121190005", [21, 22, 20]),
        ("1999", [20, 21, 22]),
        ("", [22, 21, 20]),
    ],
)
def test_closest_is_by_distance_in_time(ask: Ask, closest: str, days: list[int]) -> None:
    found = stamps(ask(url=f"{PAPER}/", closest=closest, sort="closest"))
    assert [int(stamp[6:8]) for stamp in found] == days
    limited = stamps(ask(url=f"{PAPER}/", closest=closest, sort="closest", limit=1))
    assert limited == found[:1]


def test_a_moment_alone_means_the_closest(ask: Ask) -> None:
    assert stamps(ask(url=f"{PAPER}/", closest="20261122", limit=1)) == ["20261122070005"]


def test_a_limit_cuts_the_answer(ask: Ask) -> None:
    whole = ask(url="paper.example/*").text.splitlines()
    assert ask(url="paper.example/*", limit=4).text.splitlines() == whole[:4]
    assert ask(url="paper.example/*", limit=4000).text.splitlines() == whole


def test_json_is_an_object_a_line(ask: Ask) -> None:
    answer = ask(url=f"{PAPER}/", output="json")
    first = json.loads(answer.text.splitlines()[0])
    assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    assert list(first)[:4] == ["urlkey", "timestamp", "url", "mime"]
    assert first["urlkey"] == "example,paper)/"
    assert first["filename"].startswith("warc/paper/")


def test_text_is_eleven_columns_none_of_them_empty(ask: Ask) -> None:
    answer = ask(url=f"{PAPER}/old", output="text", limit=1)
    columns = answer.text.split()
    assert columns[:5] == ["example,paper)/old", "20261120070005", f"{PAPER}/old", "text/html", "301"]
    assert columns[6:8] == ["/moved", "-"]
    assert len(columns) == 11


def test_fields_are_given_in_the_order_asked_for(ask: Ask) -> None:
    params = {"url": f"{PAPER}/", "limit": "1", "fl": "timestamp,status,original"}
    assert ask(**params, output="text").text == f"20261120070005 200 {PAPER}/\n"
    assert ask(**params, output="json").text == (
        f'{{"timestamp": "20261120070005", "status": "200", "url": "{PAPER}/"}}\n'
    )
    assert ask(**params).text == f'example,paper)/ 20261120070005 {{"status": "200", "url": "{PAPER}/"}}\n'
    assert ask(**params | {"fl": "timestamp"}).text == "example,paper)/ 20261120070005 {}\n"


def test_the_method_of_a_form_and_what_it_sent_are_fields(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    kind = "application/x-www-form-urlencoded"
    keeper.keep(Answer(at=edition(20), url=f"{PAPER}/f", method="POST", sent=b"q=a", sent_kind=kind))
    asked = {"url": "paper.example/f*", "output": "text", "fl": "url,method,requestBody"}
    answer = a_reader(keeper.store).get("/cdx", params=asked)
    assert answer.text == f"{PAPER}/f POST q=a\n"


def test_head_says_no_length_that_nobody_knows(kept: Store) -> None:
    answer = a_reader(kept).ask("HEAD", "/cdx", params={"url": f"{PAPER}/"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(
    ("collapse", "days"),
    [
        ("timestamp:8", [20, 21, 22]),
        ("timestamp:6", [20]),
        ("timestamp:4", [20]),
        ("digest", [20]),
        ("status", [20]),
    ],
)
def test_collapse_keeps_the_first_of_neighbours_that_agree(ask: Ask, collapse: str, days: list[int]) -> None:
    found = stamps(ask(url=f"{PAPER}/news/bridge.html", collapse=collapse))
    assert [int(stamp[6:8]) for stamp in found] == days


def test_collapse_sees_what_the_filter_leaves(ask: Ask) -> None:
    found = urls(ask(url="paper.example/*", filter="=status:200", collapse="urlkey"))
    assert found == [
        f"{PAPER}/",
        *(f"{PAPER}/news/{day}.html" for day in (20, 21, 22)),
        f"{PAPER}/news/bridge.html",
    ]


# --- pages -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A merged index of many small blocks in two segments."""
    store = FolderStore(tmp_path_factory.mktemp("long"))
    hosts = ("paper.example", "img.paper.example", "other.example")
    captures = [
        Capture(
            surt=surt_of(f"http://{hosts[n % 3]}/{n:04}"), at=edition(20) + timedelta(minutes=n),
            url=f"http://{hosts[n % 3]}/{n:04}", status=200, mime="text/html", digest=f"sha1:{n}",
            location=Location(warc="warc/a.warc.gz", offset=n, length=1),
        )
        for n in range(600)
    ]  # fmt: skip
    lines = sorted(line_of(c).encode() for c in captures)
    made = [write_segment(store, lines[::2], size=7), write_segment(store, lines[1::2], size=11)]
    store.put("index/head-00000001.json", json.dumps({"segments": made, "runs": []}).encode())
    return store


@pytest.mark.parametrize(
    "url", ["paper.example/*", "*.paper.example", "paper.example/00*", "paper.example/0003"]
)
@pytest.mark.parametrize("size", [1, 3, 10, 1000])
def test_all_pages_together_are_the_whole_answer(long: Store, url: str, size: int) -> None:
    reader = a_reader(long)
    params = {"url": url, "pageSize": str(size)}
    told = reader.get("/cdx", params={**params, "showNumPages": "true"})
    assert told.headers["content-type"].startswith("application/json")
    count = told.json()
    assert count["pageSize"] == size
    assert count["pages"] == -(-count["blocks"] // size)
    pages = [reader.get("/cdx", params={**params, "page": str(n)}).text for n in range(count["pages"])]
    assert "".join(pages) == reader.get("/cdx", params={"url": url}).text
    assert all(page.count("\n") <= 18 * (size + 2) for page in pages)


def test_what_matches_nothing_has_no_pages(long: Store) -> None:
    answer = a_reader(long).get("/cdx", params={"url": "nothing.example/*", "showNumPages": "true"})
    assert answer.json()["pages"] == 0
    assert a_reader(long).get("/cdx", params={"url": "nothing.example/*", "page": "0"}).text == ""


def test_runs_that_are_not_merged_are_one_page(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(page(20, f"{PAPER}/a"), page(20, f"{PAPER}/b"))
    reader = a_reader(keeper.store)
    assert reader.get("/cdx", params={"url": f"{PAPER}/*", "showNumPages": "true"}).json()["pages"] == 1
    assert len(urls(reader.get("/cdx", params={"url": f"{PAPER}/*", "page": "0"}))) == 2


# --- what cannot be ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "url="),
        ({"url": " "}, "url="),
        ({"url": "x.example", "matchType": "fuzzy"}, "exact, prefix, host, domain"),
        ({"url": "x.example", "limit": "-1"}, "limit"),
        ({"url": "x.example", "limit": "0"}, "limit"),
        ({"url": "x.example", "limit": "ten"}, "limit"),
        ({"url": "x.example", "limit": "²"}, "limit"),
        ({"url": "x.example", "from": "26"}, "from"),
        ({"url": "x.example", "to": "2026-11-20"}, "to"),
        ({"url": "x.example", "sort": "random"}, "sort"),
        ({"url": "x.example", "sort": "closest"}, "closest="),
        ({"url": "x.example", "closest": "20269999"}, "20269999"),
        ({"url": "x.example/*", "closest": "2026"}, "matchType=exact"),
        ({"url": "x.example", "closest": "2026", "page": "0"}, "page"),
        ({"url": "x.example", "fl": "url,colour"}, "colour"),
        ({"url": "x.example", "filter": ""}, "filter"),
        ({"url": "x.example", "filter": "!"}, "filter"),
        ({"url": "x.example", "filter": "=colour:red"}, "colour"),
        ({"url": "x.example", "filter": "~url:("}, "regular expression"),
        ({"url": "x.example", "filter": "~url:a)|(b"}, "regular expression"),
        ({"url": "x.example", "filter": "~url:(?=a)"}, "regular expression"),
        ({"url": "x.example", "collapse": "colour"}, "colour"),
        ({"url": "x.example", "collapse": "timestamp:x"}, "collapse"),
        ({"url": "x.example", "output": "xml"}, "cdxj, json, text"),
        ({"url": "x.example", "page": "1"}, "page=1"),
        ({"url": "x.example", "pageSize": "0"}, "pageSize"),
        ({"url": "x.example", "colapse": "digest"}, "colapse"),
        ({"url": "mailto:a@x.example", "matchType": "host"}, "host"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_in_one_line(ask: Ask, params: dict[str, str], said: str) -> None:
    answer = ask(**params)
    assert answer.status_code == 400
    assert said in answer.text
    assert answer.text.count("\n") == 1
    assert answer.headers["content-type"].startswith("text/plain")


@given(st.dictionaries(st.sampled_from(sorted(cdx.PARAMETERS)), st.text(max_size=12)))
def test_any_parameters_are_a_question_or_a_clear_no(params: dict[str, str]) -> None:
    try:
        said = str(bool(cdx.read_query(params.items()).ranges))
    except CallerError as error:
        said = str(error)
    assert said != "False"
    assert "\n" not in said


# --- against the plain list --------------------------------------------------------------------------------

KEYS = st.sampled_from(
    ["http://a.example/", "http://a.example/x", "http://b.a.example/", "http://c.example/x"]
)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(KEYS, st.integers(0, 50), st.sampled_from([200, 404])), max_size=30),
    st.sampled_from(["a.example/*", "*.a.example", "http://c.example/x", "a.example/x"]),
    st.sampled_from(["", "=status:200", "!=status:200"]),
)
def test_the_answer_is_what_a_plain_search_of_all_lines_finds(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, int, int]], url: str, wanted: str
) -> None:
    store = FolderStore(tmp_path_factory.mktemp("any"))
    captures = [
        Capture(
            surt=surt_of(u), at=datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=n), url=u, status=status,
            mime="text/html", digest="", location=Location(warc="w", offset=at, length=1),
        )
        for at, (u, n, status) in enumerate(made)
    ]  # fmt: skip
    lines = sorted(line_of(c).encode() for c in captures)
    segment = write_segment(store, lines, size=3)
    store.put("index/head-00000001.json", json.dumps({"segments": [segment], "runs": []}).encode())
    pairs = [("url", url), *([("filter", wanted)] if wanted else [])]
    fits = {
        "a.example/*": lambda u: u.startswith("http://a.example/"),
        "*.a.example": lambda u: "a.example/" in u,
        "http://c.example/x": lambda u: u == "http://c.example/x",
        "a.example/x": lambda u: u == "http://a.example/x",
    }[url]
    status = {"": (200, 404), "=status:200": (200,), "!=status:200": (404,)}[wanted]
    expected = sorted(line_of(c) for c in captures if fits(c.url) and c.status in status)
    assert list(cdx.answer(Index(store), cdx.read_query(pairs))) == expected


def test_a_long_answer_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    filler = "x" * 300

    def lines(count: int) -> Iterator[bytes]:
        for n in range(count):
            yield b'example,paper)/%06d 20261120060000 {"url": "%s%d"}' % (n, filler.encode(), n)

    made = [write_segment(store, lines(30_000), size=500)]
    store.put("index/head-00000001.json", json.dumps({"segments": made, "runs": []}).encode())
    assert read_head(store).number == 1
    index = Index(store)
    peaks = []
    for limit in ("500", "30000"):
        query = cdx.read_query([("url", "paper.example/*"), ("limit", limit), ("filter", "~url:x+")])
        tracemalloc.start()
        assert sum(1 for _ in cdx.answer(index, query)) == int(limit)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + index.caches.inflated.limit
    assert index.caches.inflated.weight + index.caches.stored.weight < 30_000 * 400
