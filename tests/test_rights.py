"""What publishers say of the use of a page, what is recorded of it, and what is done about it."""

import gzip
import io
import json
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from archive.cdxj import capture_of, line_of
from archive.cli import group
from archive.config import Config
from archive.errors import ConfigError
from archive.index import Index
from archive.model import Exchange, Original
from archive.permission import Permission
from archive.policy import Policy, decide, may_fetch, policy_of, rules_of
from archive.rights import (
    LOOK,
    NAMES,
    ai_txt,
    of_robots_txt,
    parse,
    refused_by,
    reserved_at,
    signals,
    signals_of,
    tdmrep_json,
)
from archive.room.origins import Origins
from archive.room.pages import Room
from archive.room.replay import Replay
from archive.room.shelf import Shelf
from archive.sites import parse_site
from archive.store import Store
from archive.warc import captures_of, members, read_record, warcinfo_member, write_exchange
from archive.wire import read_head
from tests.keeping import Answer, Keeper, Reader, edition

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PAPER = "http://paper.example"
HTML = "text/html; charset=utf-8"


def said(page: str | bytes = "", *headers: str, kind: str = HTML) -> str:
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {kind}", *headers, "", ""]
    body = page.encode() if isinstance(page, str) else page
    return str(signals_of(read_head("\r\n".join(lines).encode("latin-1")), body))


def meta(content: str, name: str = "robots") -> str:
    return f'<html><head><title>News</title><meta name="{name}" content="{content}"></head><body>'


# --- what a page says --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (meta("noarchive"), "noarchive"),
        (meta("index, follow, max-image-preview:large"), ""),
        (meta("NOAI, NoImageAI"), "noai noimageai"),
        (meta("none"), "noindex"),
        (meta("noindex,nosnippet ,nocache"), "nocache noindex nosnippet"),
        (meta("max-snippet: 0, max-image-preview:NONE"), "max-image-preview=none max-snippet=0"),
        (meta("unavailable_after: 2026-12-01T06:00:00+02:00"), "unavailable_after=2026-12-01T04:00:00Z"),
        (meta("noarchive", name="NewsMorgue"), "noarchive"),
        (meta("noarchive", name="otherbot"), ""),
        (meta("1", name="tdm-reservation"), "tdm-reservation=1"),
        (meta("maybe", name="tdm-reservation"), ""),
        (meta("https://paper.example/tdm a", name="tdm-policy"), "tdm-policy=https://paper.example/tdm%20a"),
        ("<META CONTENT=noarchive NAME=robots>", "noarchive"),
        ("<meta\nname = 'robots'\ncontent = 'noarchive'\n/>", "noarchive"),
        ("<meta name=description content='a > b'><meta name=robots content='noai>'>", ""),
        ("<meta name=description content='a > b'><meta name=robots content=noai>", "noai"),
        ("<meta name=robots content=noai><meta name=robots content='noarchive,noai'>", "noai noarchive"),
        ("<meta name='robots' content='no&#97;rchive'>", "noarchive"),
        ('<meta name=robots content="noarchive>\n<meta name=robots content=noai>', "noai"),
    ],
)
def test_a_pages_meta_tags_are_read(page: str, text: str) -> None:
    assert said(page) == text


@pytest.mark.parametrize(
    "page",
    [
        "<!-- <meta name=robots content=noarchive> -->",
        "<script>document.write('<meta name=robots content=noarchive>')</script>",
        "<title><meta name=robots content=noarchive></title>",
        "<body><p>Write <meta name=robots content=noarchive> to keep archives away",
        "<metadata name=robots content=noarchive>",
        "a" * LOOK + "<meta name=robots content=noarchive>",
    ],
)
def test_what_only_looks_like_a_tag_of_the_head_says_nothing(page: str) -> None:
    assert said(page) == ""


def test_a_script_that_speaks_of_a_body_does_not_end_the_head() -> None:
    assert said("<script>x = '<body>'</script><meta name=robots content=noarchive>") == "noarchive"


def test_a_comment_that_a_script_speaks_of_hides_nothing() -> None:
    assert said("<script>x = '<!--'</script><meta name=robots content=noarchive>") == "noarchive"


def test_what_is_no_page_has_no_tags() -> None:
    assert said(meta("noarchive"), kind="text/plain") == ""


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        (("X-Robots-Tag: noarchive",), "noarchive"),
        (("x-robots-tag: noarchive", "X-ROBOTS-TAG: noai, NOINDEX"), "noai noarchive noindex"),
        (("X-Robots-Tag: otherbot: noarchive, noindex",), ""),
        (("X-Robots-Tag: otherbot: noindex, newsmorgue: noai, noarchive",), "noai noarchive"),
        (("X-Robots-Tag: noai, otherbot: noindex",), "noai"),
        (("X-Robots-Tag: *: noarchive",), "noarchive"),
        (("X-Robots-Tag: newsmorgue: max-snippet: 20",), "max-snippet=20"),
        (
            ("X-Robots-Tag: unavailable_after: Friday, 25-Jun-10 15:00:00 GMT, noai",),
            "noai unavailable_after=2010-06-25T15:00:00Z",
        ),
        (
            ("X-Robots-Tag: unavailable_after: 25 Jun 2010 15:00:00 PST",),
            "unavailable_after=2010-06-25T23:00:00Z",
        ),
        (("X-Robots-Tag: unavailable_after: next week",), "unavailable_after=next%20week"),
        (
            ("TDM-Reservation: 1", "tdm-policy: https://paper.example/tdm.json"),
            "tdm-policy=https://paper.example/tdm.json tdm-reservation=1",
        ),
        (("TDM-Reservation: 2",), ""),
        (("Content-Signal: search=yes, ai-train=no, hue=blue",), "ai-train=no search=yes"),
        (("Content-Usage: train-ai=n",), "train-ai=n"),
        (("X-Robots-Tag:",), ""),
    ],
)
def test_headers_are_read(headers: tuple[str, ...], text: str) -> None:
    assert said("", *headers, kind="image/jpeg") == text


def test_a_pages_own_reservation_goes_before_that_of_its_head() -> None:
    page = meta("0", name="tdm-reservation")
    assert said(page, "tdm-reservation: 1", "x-robots-tag: noai") == "noai tdm-reservation=0"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate", "br", "a lie"])
@pytest.mark.parametrize("before", [0, 30_000, 150_000])
def test_a_coded_page_is_read_as_far_as_needed(coding: str, before: int) -> None:
    import brotli

    page = (f"<script>{'x = 1; ' * (before // 7)}</script>" + meta("noarchive") + "text " * 200_000).encode()
    raw = zlib.compressobj(6, zlib.DEFLATED, -15)
    coded = {
        "gzip": gzip.compress(page),
        "deflate": zlib.compress(page),
        "raw deflate": raw.compress(page) + raw.flush(),
        "br": brotli.compress(page, quality=3),
        "a lie": page,
    }[coding]
    name = {"raw deflate": "deflate", "a lie": "gzip"}.get(coding, coding)
    assert said(coded, f"Content-Encoding: {name}") == "noarchive"


def test_chunks_are_put_together() -> None:
    body = (
        b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (b"<meta name=rob", b"ots content=noai>"))
        + b"0\r\n\r\n"
    )
    assert said(body, "Transfer-Encoding: chunked") == "noai"


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(body: bytes) -> None:
    for coding in ("gzip", "deflate", "br", "identity"):
        said(body, f"Content-Encoding: {coding}")
        said(b"\x1f\x8b" + body, f"Content-Encoding: {coding}")


@given(st.text(max_size=200))
def test_any_header_is_read_without_an_error(value: str) -> None:
    clean = value.encode("ascii", "ignore").decode().replace("\r", "").replace("\n", "")
    for name in ("X-Robots-Tag", "TDM-Policy", "Content-Signal"):
        assert str(parse(text := said("", f"{name}: {clean}"))) == text


@given(
    st.lists(
        st.sampled_from(["<meta name=robots content=noai>", "<!--", "-->", "<script>", "</script>", " a"])
    )
)
def test_a_page_in_steps_says_what_it_says_at_once(parts: list[str]) -> None:
    page = ("x" * 8180 + "".join(parts)).encode()
    assert said(gzip.compress(page), "Content-Encoding: gzip") == said(page)


PAIRS = st.lists(st.tuples(st.sampled_from(sorted(NAMES)), st.text(max_size=40)), max_size=20)


@given(PAIRS)
def test_signals_read_back_from_their_text(pairs: list[tuple[str, str]]) -> None:
    made = signals(pairs)
    assert parse(str(made)) == made
    assert "\n" not in str(made)
    assert str(made).isascii()


def test_a_text_of_strangers_is_passed_over() -> None:
    assert str(parse("noarchive hello a=b =c tdm-reservation=1")) == "noarchive tdm-reservation=1"


# --- what a whole site says --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/news/a", "tdm-policy=https://paper.example/p tdm-reservation=1"),
        ("/news/open/b", "tdm-reservation=0"),
        ("/img/x.jpg", "tdm-reservation=1"),
        ("/img/x.jpg.html", ""),
        ("/", ""),
    ],
)
def test_tdmrep_json_speaks_for_paths(path: str, text: str) -> None:
    rules = tdmrep_json(
        json.dumps(
            [
                {"location": "/news/*", "tdm-reservation": 1, "tdm-policy": "https://paper.example/p"},
                {"location": "/news/open/", "tdm-reservation": 0},
                {"location": "*.jpg$", "tdm-reservation": "1"},
                {"location": "/", "tdm-reservation": 7},
                "odd",
            ]
        ).encode()
    )
    assert str(reserved_at(rules, PAPER + path)) == text


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"location": "/"}', b"[[", b"\xff", b"[" * 100_000])
def test_a_broken_tdmrep_json_says_nothing(body: bytes) -> None:
    assert tdmrep_json(body) == ()


AI_TXT = b"""# made for robots
User-Agent: otherbot
Disallow: /
User-Agent: *
Allow: /open/
Disallow: /
Disallow: *.jpg
"""


@pytest.mark.parametrize(("path", "text"), [("/a", "ai-txt=disallow"), ("/open/a", "")])
def test_ai_txt_speaks_for_paths(path: str, text: str) -> None:
    assert str(refused_by(ai_txt(AI_TXT), PAPER + path)) == text


def test_an_ai_txt_for_others_says_nothing() -> None:
    assert not ai_txt(b"User-Agent: otherbot\nDisallow: /\n").disallow


def test_robots_txt_speaks_for_the_site() -> None:
    assert (
        str(of_robots_txt({"ai-train": "no", "hue": "blue"}, ["gptbot"])) == "ai-robots=disallow ai-train=no"
    )


# --- recorded with each capture ----------------------------------------------------------------------------


def exchange(page: str, *headers: str, status: str = "200 OK", original: Original | None = None) -> Exchange:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {HTML}", *headers, "", ""]).encode()
    return Exchange(
        url=PAPER + "/a", method="GET", request=b"GET /a HTTP/1.1\r\n\r\n", response=head + page.encode(),
        head_length=len(head), began=NOW, seconds=0.1, original=original,
    )  # fmt: skip


def test_the_signals_are_in_the_metadata_record_and_in_the_index_line() -> None:
    number, info = warcinfo_member(filename="x.warc.gz", info={})
    made = write_exchange(exchange(meta("noarchive"), "tdm-reservation: 1"), warcinfo=number, warc="k")
    last = [read_record(m.data) for m in members(io.BytesIO(made.data))][-1]
    assert b"rightsSignals: noarchive tdm-reservation=1\r\n" in last.block
    capture = made.located(len(info), tuple(len(m) for m in made.members if isinstance(m, bytes)))
    assert capture is not None
    assert '"rights": "noarchive tdm-reservation=1"' in line_of(capture)
    assert capture_of(line_of(capture)) == capture


def test_a_page_that_says_nothing_is_known_to_say_nothing() -> None:
    made = write_exchange(exchange(meta("index")), warcinfo="<urn:x>", warc="k")
    last = [read_record(m.data) for m in members(io.BytesIO(made.data))][-1]
    assert b"rightsSignals: -\r\n" in last.block
    assert made.capture is not None
    assert "rights" not in line_of(made.capture)


def test_an_index_made_anew_has_the_same_signals() -> None:
    number, info = warcinfo_member(filename="x.warc.gz", info={})
    data = info + write_exchange(exchange(meta("noai")), warcinfo=number, warc="k").data
    assert [c.rights for c in captures_of(io.BytesIO(data), warc="k")] == ["noai"]


def test_a_revisit_has_the_signals_of_its_head_alone() -> None:
    original = Original(url=PAPER + "/a", at=NOW, digest="sha1:A")
    again = exchange("", "X-Robots-Tag: noai", status="304 Not Modified", original=original)
    made = write_exchange(again, warcinfo="<urn:x>", warc="k")
    assert made.capture is not None
    assert (made.capture.kind, made.capture.rights) == ("revisit", "noai")


# --- the policy --------------------------------------------------------------------------------------------


def test_by_default_all_is_fetched_and_replayed_and_an_opt_out_is_not_exported() -> None:
    decision = decide(Policy(), parse("noarchive tdm-reservation=1"))
    assert (decision.fetch, decision.replay, decision.export) == (True, True, False)
    assert decision.reasons == ("export: noarchive",)
    assert decide(Policy(), parse("noindex tdm-reservation=0")).export


@pytest.mark.parametrize(
    ("rule", "text", "found"),
    [
        ("ai-train", "ai-train=no", True),
        ("ai-train", "ai-train=yes", False),
        ("ai-train=no", "ai-train=yes", False),
        ("tdm-reservation", "tdm-reservation=0", False),
        ("max-snippet", "max-snippet=0", True),
        ("max-snippet=0", "max-snippet=20", False),
        ("noai", "noimageai", False),
        ("unavailable_after", "unavailable_after=2026-11-19T00:00:00Z", True),
        ("unavailable_after", "unavailable_after=2026-11-21T00:00:00Z", False),
        ("unavailable_after", "unavailable_after=next%20week", False),
    ],
)
def test_a_rule_names_a_signal(rule: str, text: str, found: bool) -> None:
    assert decide(Policy(replay=rules_of([rule])), parse(text), now=NOW).replay is not found


def test_the_crawler_hears_why_a_page_may_not_be_fetched() -> None:
    assert "noai" in may_fetch(Policy(fetch=("noai",)), "noai noarchive")
    assert may_fetch(Policy(), "noai noarchive") == ""


def test_a_site_says_its_own_and_leaves_the_rest_as_usual() -> None:
    usual = Policy(replay=("noai",))
    own = policy_of(usual, fetch=("noarchive",), replay=(), export=("none",))
    assert own == Policy(fetch=("noarchive",), replay=("noai",), export=())


@pytest.mark.parametrize("words", [["no-archive"], ["noarchive", "none"], ["noarchive=a b"], [""]])
def test_a_site_file_with_a_wrong_signal_is_named(words: list[str]) -> None:
    data = {"name": "P", "home": PAPER, "rights_replay": words}
    with pytest.raises(ConfigError, match=r"p\.toml: 'rights_replay'"):
        parse_site(data, site_id="p", file="p.toml")


def test_the_settings_say_what_holds_for_all_sites() -> None:
    env = {"MORGUE_RIGHTS_EXPORT": "none", "MORGUE_RIGHTS_REPLAY": "noarchive, noai"}
    assert Config.from_env(env).rights == Policy(replay=("noarchive", "noai"), export=())
    with pytest.raises(ConfigError, match="MORGUE_RIGHTS_FETCH"):
        Config.from_env({"MORGUE_RIGHTS_FETCH": "all"})


# --- enforced ----------------------------------------------------------------------------------------------

STORY = "<p>The harbour bridge was opened again on Friday morning, and the first tram ran over it at six.</p>"
HIDDEN = PAPER + "/news/2026/hidden"
PLAIN = PAPER + "/news/2026/plain"


def story(url: str, robots: str, day: int = 20) -> Answer:
    page = (
        f'<html><head><meta name="robots" content="{robots}"><title>Bridge opens</title>'
        '<meta property="og:type" content="article"></head>'
        f"<body><article><h1>Bridge opens</h1>{STORY * 6}</article></body></html>"
    )
    headers = (("Content-Type", HTML),)
    return Answer(at=edition(day), url=url, headers=headers, body=page.encode())


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    keeper = Keeper(tmp_path)
    keeper.keep(story(HIDDEN, "noarchive"), story(PLAIN, "index"))
    return keeper


def a_replay(store: Store, policy: Policy) -> Reader:
    index = Index(store)
    origins = Origins(room_port=8090, replay_port=8091)
    replay = Replay(store, index, origins, b"worker", Permission(store, index, {}, policy))
    return Reader(replay.app(), base="http://127.0.0.1:8091")


@pytest.mark.parametrize("path", ["/raw/20261120id_/{}", "/raw/20261120ir_/{}", "/?url={}&at=20261120"])
def test_what_forbids_replay_is_answered_with_451_and_the_reason(keeper: Keeper, path: str) -> None:
    reader = a_replay(keeper.store, Policy(replay=("noarchive",)))
    answer = reader.get(path.format(HIDDEN))
    assert answer.status_code == 451
    assert "says noarchive" in answer.text
    assert "harbour" not in answer.text
    assert reader.get(path.format(PLAIN)).status_code == 200


def test_without_a_rule_all_is_replayed(keeper: Keeper) -> None:
    assert a_replay(keeper.store, Policy()).get(f"/raw/20261120id_/{HIDDEN}").status_code == 200


def test_a_revisit_is_forbidden_by_the_page_that_it_repeats(keeper: Keeper) -> None:
    keeper.keep(story(HIDDEN, "noarchive", day=21))
    captures = Index(keeper.store).captures(HIDDEN)
    assert [c.kind for c in captures] == ["response", "response"]  # a keeper's spool knows no earlier run
    twice = Keeper(keeper.root / "twice")
    twice.keep(story(HIDDEN, "noarchive"), story(HIDDEN, "noarchive", day=21))
    assert [c.kind for c in Index(twice.store).captures(HIDDEN)] == ["response", "revisit"]
    answer = a_replay(twice.store, Policy(replay=("noarchive",))).get(f"/raw/20261121id_/{HIDDEN}")
    assert answer.status_code == 451


def test_the_room_does_not_show_the_words_of_what_it_may_not_replay(keeper: Keeper) -> None:
    index = Index(keeper.store)
    permission = Permission(keeper.store, index, {}, Policy(replay=("noarchive",)))
    origins = Origins(room_port=8090, replay_port=8091)
    room = Reader(Room(Shelf(keeper.store, index, {}), origins, replays=True, permission=permission).app())
    refused = room.get("/article", params={"url": HIDDEN})
    assert (refused.status_code, "harbour" in refused.text) == (451, False)
    assert "harbour" in room.get("/article", params={"url": PLAIN}).text


def test_a_sites_own_policy_goes_before_the_archives(keeper: Keeper) -> None:
    data = {"name": "P", "home": PAPER, "rights_replay": ["noarchive"], "rights_export": ["none"]}
    site = parse_site(data, site_id="paper", file="paper.toml")
    permission = Permission(keeper.store, Index(keeper.store), {"paper": site}, Policy())
    capture = Index(keeper.store).closest(HIDDEN)
    assert permission.replay(capture) == "noarchive"


def listed(keeper: Keeper, *options: str) -> tuple[list[str], str]:
    env = {"MORGUE_SITES": str(keeper.root / "none")}
    command = ["articles", "--archive", keeper.store.url, "--json", *options]
    done = CliRunner().invoke(group, command, env=env)
    assert done.exit_code == 0, done.output
    return sorted(json.loads(line)["url"] for line in done.stdout.splitlines()), done.stderr


def test_articles_leaves_out_what_may_not_be_exported_and_says_so(keeper: Keeper) -> None:
    urls, told = listed(keeper)
    assert urls == [PLAIN]
    assert "1 articles left out (noarchive: 1)" in told


def test_all_rights_brings_them(keeper: Keeper) -> None:
    assert listed(keeper, "--all-rights") == ([HIDDEN, PLAIN], "")
