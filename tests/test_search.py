"""Search: articles by their words, in a file that follows the store."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.access import Access, Rule
from archive.articles import write_table
from archive.errors import CallerError
from archive.extract import EXTRACTOR
from archive.model import Article, ArticleRow, Location
from archive.query import match_of, snippet_of, spaced
from archive.question import Answer, Question
from archive.search import Search
from archive.spans import Span
from archive.store import FolderStore, Store

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)


def row(number: int = 0, *, site: str = "paper", version: str = "v1", **said: Any) -> ArticleRow:
    """An article captured `number` hours after the first."""
    usual: dict[str, Any] = {
        "url": f"http://{site}.example/{number}", "headline": "Harbour opens", "body": ("Ships came in.",),
        "authors": ("Jo Lund",), "language": "en", "section": "News", "published": AT,
    }  # fmt: skip
    return ArticleRow(
        article=Article(**(usual | said)), site=site, run=f"run{number}",
        captured=AT + timedelta(hours=number),
        warc=Location(warc=f"warc/{site}/a.warc.gz", offset=number, length=9), version=version,
        extractor=EXTRACTOR,
    )  # fmt: skip


def put(store: Store, *rows: ArticleRow, edition: str = "aaaa") -> None:
    for each in rows:
        write_table(store, f"articles/site={each.site}/month=2026-11/{each.run}-{edition}.parquet", [each])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path / "archive")


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with contextlib.closing(Search(tmp_path / "search" / "a.sqlite")) as found:
        yield found


def ask(search: Search, words: str, **more: Any) -> Answer:
    return search.ask(Question(words=words, **more), facets=True)


def found(search: Search, words: str, **more: Any) -> list[str]:
    return [hit.url.rpartition("/")[2] for hit in ask(search, words, sort="date", **more).hits]


def test_an_article_is_found_by_a_word_of_each_field(search: Search, store: Store) -> None:
    put(store, row(agency="Reuters"))
    assert search.follow(store) == 1
    assert [len(ask(search, word).hits) for word in ("harbour", "SHIPS", "lund", "reuters", "none")] == [
        1, 1, 1, 1, 0,
    ]  # fmt: skip


def test_a_hit_leads_to_its_record(search: Search, store: Store) -> None:
    put(store, row(3))
    search.follow(store)
    [hit] = ask(search, "harbour").hits
    assert (hit.warc, hit.captured) == (row(3).warc, row(3).captured)


def test_a_version_that_was_seen_again_is_one_hit_from_its_first_capture(
    search: Search, store: Store
) -> None:
    url = "http://paper.example/a"
    put(store, row(5, url=url), row(2, url=url), row(7, url=url))
    search.follow(store)
    [hit] = ask(search, "harbour").hits
    assert hit.captured == AT + timedelta(hours=2)


def test_each_version_is_a_hit_of_its_own(search: Search, store: Store) -> None:
    url = "http://paper.example/a"
    put(store, row(1, url=url), row(2, url=url, headline="Harbour shut", version="v2"))
    search.follow(store)
    assert {hit.headline for hit in ask(search, "harbour").hits} == {"Harbour opens", "Harbour shut"}


def test_following_twice_reads_nothing_twice(search: Search, store: Store) -> None:
    put(store, row(1))
    assert (search.follow(store), search.follow(store)) == (1, 0)
    put(store, row(2))
    assert search.follow(store) == 1
    assert ask(search, "harbour").count == 2


def test_a_newer_reading_drops_what_only_the_older_had(
    search: Search, store: Store, monkeypatch: Any
) -> None:
    monkeypatch.setattr("archive.extract.EXTRACTOR", "newsmorgue-1/old-1")
    put(store, row(1, body=("An advertisement.",), version="v0"))
    search.follow(store)
    monkeypatch.setattr("archive.extract.EXTRACTOR", "newsmorgue-9/new-1")
    put(store, row(1), edition="bbbb")
    search.follow(store)
    assert [ask(search, word).count for word in ("advertisement", "ships")] == [0, 1]


def test_an_older_reading_that_comes_late_changes_nothing(
    search: Search, store: Store, monkeypatch: Any
) -> None:
    monkeypatch.setattr("archive.extract.EXTRACTOR", "newsmorgue-9/new-1")
    put(store, row(1), edition="bbbb")
    search.follow(store)
    monkeypatch.setattr("archive.extract.EXTRACTOR", "newsmorgue-1/old-1")
    put(store, row(1, body=("An advertisement.",), version="v0"))
    search.follow(store)
    assert [ask(search, word).count for word in ("advertisement", "ships")] == [0, 1]


def test_words_phrases_fields_not_and_or(search: Search, store: Store) -> None:
    put(
        store,
        row(1, headline="Climate summit ends", body=("The minister spoke.",)),
        row(2, headline="Summit of climate", body=("Football was played.",)),
        row(3, headline="Rain", body=("A climate summit was named.",)),
    )
    search.follow(store)
    assert found(search, "climate summit") == ["3", "2", "1"]
    assert found(search, '"climate summit"') == ["3", "1"]
    assert found(search, "climate -football") == ["3", "1"]
    assert found(search, "headline:climate") == ["2", "1"]
    assert found(search, "minister OR football") == ["2", "1"]
    assert found(search, 'headline:"climate summit" -rain') == ["1"]


def test_accents_and_case_do_not_matter(search: Search, store: Store) -> None:
    put(store, row(1, headline="Élection à Zürich"))
    search.follow(store)
    assert [ask(search, word).count for word in ("election", "ZÜRICH", "zurich")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("headline", "words"),
    [
        ("東京都知事選の結果", ["東京", "知事選", "選", "東京都知事選の結果", "果"]),
        ("เลือกตั้งทั่วไปวันนี้", ["เลือกตั้ง", "วันนี้"]),
        ("北京奥运会开幕", ["奥运会", "开幕"]),
        ("서울 시장 선거", ["서울", "선거"]),
        ("चुनाव के नतीजे", ["चुनाव", "नतीजे"]),
        ("انتخابات الرئاسة", ["الرئاسة"]),
    ],
)
def test_each_script_is_searched(search: Search, store: Store, headline: str, words: list[str]) -> None:
    put(store, row(1, headline=headline))
    search.follow(store)
    assert [ask(search, word).count for word in words] == [1] * len(words)


def test_pairs_of_characters_do_not_find_what_stands_otherwise(search: Search, store: Store) -> None:
    put(store, row(1, headline="京都東"))
    search.follow(store)
    assert ask(search, "東京都").count == 0


def test_facets_count_all_that_was_found_and_not_what_is_shown(search: Search, store: Store) -> None:
    put(
        store, *(row(n, site=("paper", "gazette")[n % 2], published=AT + timedelta(days=n)) for n in range(5))
    )
    search.follow(store)
    answer = ask(search, "harbour", limit=1)
    assert len(answer.hits) == 1
    assert answer.facets["site"] == [("paper", 3), ("gazette", 2)]
    assert answer.days[0] == ("2026-11-20", 1)
    assert (answer.count, answer.more) == (5, False)


def ruled(store: Store, kind: str, what: str, **more: Any) -> Access:
    access = Access(store)
    access.add(Rule(kind=kind, what=what, reason="why", made=datetime.now(UTC), **more))
    return access


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("exclude", "http://paper.example/1"),
        ("block", "http://www.paper.example/1"),
        ("exclude", "paper.example/*"),
        ("embargo", "site:paper"),
    ],
)
def test_what_a_rule_withholds_is_neither_found_nor_counted(
    search: Search, store: Store, kind: str, what: str
) -> None:
    put(store, row(1, section="Sport"), row(2, site="gazette"))
    search.follow(store)
    access = ruled(store, kind, what, days=36500 if kind == "embargo" else None)
    for words in ("harbour", ""):
        answer = search.ask(Question(words=words), facets=True, access=access)
        assert [hit.site for hit in answer.hits] == ["gazette"]
        assert answer.count == sum(count for _, count in answer.days) == 1
        assert dict(answer.facets["site"]) == {"gazette": 1}
        assert dict(answer.facets["section"]) == {"News": 1}
        assert dict(answer.facets["author"]) == {"Jo Lund": 1}


def test_a_rule_that_is_lifted_withholds_nothing(search: Search, store: Store) -> None:
    put(store, row(1))
    search.follow(store)
    access = ruled(store, "exclude", "*")
    assert search.ask(Question(words="harbour"), access=access).count == 0
    access.lift(access.standing()[0].id, "a mistake")
    assert search.ask(Question(words="harbour"), access=access).count == 1


def test_where_a_rule_withholds_the_first_capture_a_hit_leads_to_the_next(
    search: Search, store: Store
) -> None:
    first, again = row(1), row(5, url="http://paper.example/1")
    put(store, first, again)
    search.follow(store)
    access = ruled(store, "exclude", "http://paper.example/*", until=again.captured)
    (hit,) = search.ask(Question(words="harbour"), access=access).hits
    assert (hit.captured, hit.warc) == (again.captured, again.warc)


def test_a_rule_does_not_fill_an_answer_with_gaps(search: Search, store: Store, monkeypatch: Any) -> None:
    monkeypatch.setattr("archive.search.COUNTED", 3)
    put(store, *(row(number) for number in range(8)))
    search.follow(store)
    access = ruled(store, "exclude", "http://paper.example/7")
    answer = search.ask(Question(words="harbour", sort="date"), access=access)
    assert (answer.count, answer.more) == (3, True)
    assert [hit.url[-1] for hit in answer.hits] == ["6", "5", "4"]


def test_a_search_is_narrowed_by_newspaper_and_day(search: Search, store: Store) -> None:
    put(
        store, *(row(n, site=("paper", "gazette")[n % 2], published=AT + timedelta(days=n)) for n in range(5))
    )
    search.follow(store)
    assert found(search, "harbour", site="gazette") == ["3", "1"]
    assert found(search, "harbour", since="2026-11-22", until="2026-11-23") == ["3", "2"]


def test_pages_of_an_answer_follow_each_other(search: Search, store: Store) -> None:
    put(store, *(row(n, published=AT + timedelta(days=n)) for n in range(5)))
    search.follow(store)
    pages = [found(search, "harbour", limit=2, skip=skip) for skip in (0, 2, 4)]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]


def test_a_headline_weighs_more_than_a_body(search: Search, store: Store) -> None:
    put(store, row(1, headline="Rain", body=("A harbour.",)), row(2, headline="Harbour", body=("Rain.",)))
    search.follow(store)
    assert [hit.headline for hit in ask(search, "harbour").hits] == ["Harbour", "Rain"]


@pytest.mark.parametrize("words", ["", "-football", '""', "( ) *", "OR"])
def test_nothing_to_look_for_is_said(words: str) -> None:
    with pytest.raises(CallerError, match="no word to look for"):
        match_of(words)


@given(st.text(alphabet=st.one_of(st.sampled_from("\"-:*()^+ ORNEAD東京\x00'\\{}"), st.characters())))
def test_what_people_type_is_never_a_fault_of_the_database(words: str) -> None:
    try:
        match = match_of(words)
    except CallerError:
        return
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE VIRTUAL TABLE words USING fts5 (headline, author, body, agency)")
        db.execute("SELECT * FROM words WHERE words MATCH ?", (match,)).fetchall()


@given(st.text())
def test_texts_without_such_scripts_are_left_as_they_are(text: str) -> None:
    plain = text.encode("latin-1", "ignore").decode("latin-1")
    assert spaced(plain) == plain


def test_a_snippet_shows_where_the_word_stands() -> None:
    body = "One. " * 60 + "Then ships came in. " + "Two. " * 60
    assert "Then \x02ships\x03 came" in snippet_of(body, "SHIPS -rain")


@pytest.mark.parametrize(
    ("body", "words", "snippet"),
    [
        ("In anderen Worten: der Hafen.", "der", "In anderen Worten: \x02der\x03 Hafen."),
        ("Une Élection à Lyon", "election lyon", "Une \x02Élection\x03 à \x02Lyon\x03"),
        ("Une E\u0301lection", "election", "Une \x02Élection\x03"),
        ("Climate-summit ends", '"climate summit"', "\x02Climate-summit\x03 ends"),
        ("Climatologists met", "climat*", "\x02Climat\x03ologists met"),
        ("昨日東京都で", "東京", "昨日\x02東京\x03都で"),
        ("<b>Quay", "nothing", "<b>Quay"),
    ],
)
def test_a_snippet_marks_whole_words_as_they_are_found(body: str, words: str, snippet: str) -> None:
    assert snippet_of(body, words) == snippet


def test_a_snippet_says_where_it_was_cut() -> None:
    snippet = snippet_of("word " * 100 + "quay " + "more " * 100, "quay")
    assert (snippet[:6], snippet[-5:]) == ("…word ", "more…")


@given(st.text(), st.text())
def test_any_text_and_question_have_a_snippet(body: str, words: str) -> None:
    snippet_of(body, words)


def test_the_beginning_of_a_word_finds_it(search: Search, store: Store) -> None:
    put(store, row(1, headline="Climatology"))
    search.follow(store)
    assert [ask(search, words).count for words in ("climat*", "climat", "clim* -climatology")] == [1, 0, 0]


def test_quotes_of_word_processors_are_quotes(search: Search, store: Store) -> None:
    put(store, row(1, headline="Summit of climate"), row(2, headline="Climate summit"))
    search.follow(store)
    assert found(search, "“climate summit”") == ["2"]


def test_a_question_of_very_many_words_is_told_so_in_one_line(search: Search, store: Store) -> None:
    put(store, row(1))
    search.follow(store)
    assert ask(search, "harbour " * 64).count == 1
    with pytest.raises(CallerError, match="ask for 64 at most"):
        ask(search, "harbour " * 1500)


def test_a_question_of_one_very_long_word_finds_nothing(search: Search) -> None:
    assert ask(search, "x" * 10_000).count == 0


def test_a_day_that_is_none_is_told_so(search: Search) -> None:
    with pytest.raises(CallerError, match="no day"):
        ask(search, "", since="2026-13-01")


def test_a_question_goes_over_all_shards(search: Search, store: Store, monkeypatch: Any) -> None:
    monkeypatch.setattr("archive.search.SHARD", 1)
    put(store, *(row(n, headline=f"Harbour {n}", body=(f"Ship {n}.",)) for n in range(7)))
    search.follow(store)
    assert len(search._shards()) == 4
    assert found(search, "harbour") == ["6", "5", "4", "3", "2", "1", "0"]
    assert [each.url[-1] for each in search.every(Question(words="harbour -ship:3"))] == list("012456")
    monkeypatch.setattr("archive.search.COUNTED", 3)
    answer = ask(search, "harbour")
    assert (answer.count, answer.more, sum(count for _, count in answer.days)) == (3, True, 3)


def many(count: int = 60) -> list[ArticleRow]:
    """Articles of twelve newspapers in two languages over eleven months, of which every third says "ship"."""
    return [
        row(n, site=f"p{n % 12}", language="af" if n % 20 == 0 else "en",
            kind="live" if n % 15 == 0 else "article", section=f"s{n % 7}", headline=f"Harbour {n}",
            access="paid" if n % 10 == 0 else "free",
            published=datetime(2026, 1 + n % 11, 1 + n % 28, 12, tzinfo=UTC),
            body=("The ship came in.",) if n % 3 == 0 else ("Nothing came.",))
        for n in range(count)
    ]  # fmt: skip


NARROW = st.fixed_dictionaries(
    {},
    optional={
        "site": st.sampled_from(["p0", "p3", "none"]), "language": st.sampled_from(["af", "en"]),
        "kind": st.sampled_from(["live", "article"]), "section": st.sampled_from(["s1", "s6"]),
        "access": st.sampled_from(["paid", "free"]),
        "since": st.sampled_from(["2026-01-01", "2026-03-05", "2026-10-20"]),
        "until": st.sampled_from(["2026-03-09", "2026-10-25", "2027-01-01"]),
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Search]:
    folder = tmp_path_factory.mktemp("narrow")
    store = FolderStore(folder / "archive")
    put(store, *many())
    with contextlib.closing(Search(folder / "a.sqlite")) as search:
        search.follow(store)
        yield search


@given(words=st.sampled_from(["", "ship", "harbour -ship"]), asked=NARROW)
def test_a_narrow_question_finds_what_its_tests_say(
    narrow: Search, words: str, asked: dict[str, str]
) -> None:
    def fits(each: ArticleRow) -> bool:
        a = each.article
        day = f"{a.published:%Y-%m-%d}"
        said = {"": True, "ship": "ship" in a.body[0], "harbour -ship": "ship" not in a.body[0]}[words]
        names = {
            "site": each.site,
            "language": a.language,
            "kind": a.kind,
            "section": a.section,
            "access": a.access,
        }
        times = asked.get("since", "") <= day <= asked.get("until", "9")
        return said and times and all(names[name] == value for name, value in asked.items() if name in names)

    wanted = {each.article.url for each in many() if fits(each)}
    answer = narrow.ask(Question(words=words, limit=100, **asked))
    assert {hit.url for hit in answer.hits} == wanted
    assert {each.url for each in narrow.every(Question(words=words, **asked))} == wanted


def test_a_narrow_question_reads_marks_and_not_each_article_with_its_words(narrow: Search) -> None:
    assert narrow._narrowed(Question(site="p3"), "ship").count("AND") == 1
    assert "AND" not in narrow._narrowed(Question(language="en"), "ship")  # nearly all have it
    assert narrow._narrowed(Question(since="2026-10-01", until="2026-10-31"), "ship").count("AND") == 1


def test_an_article_that_is_dropped_takes_its_marks_along(search: Search, store: Store) -> None:
    put(store, *many())
    search.follow(store)
    for each in many():
        search._forget(f"articles/site={each.site}/month=2026-11/{each.run}")
    assert set(search.db.execute("SELECT count FROM mark").fetchall()) == {(0,)}
    assert ask(search, "harbour").count == 0


def test_no_question_can_say_a_mark(narrow: Search) -> None:
    with pytest.raises(CallerError, match="no word"):
        ask(narrow, f"{chr(0xF0000)}1".replace("1", ""))
    assert ask(narrow, f"{chr(0xF0000)}1").count == ask(narrow, "1").count


def test_what_is_found_of_an_export_comes_in_order_while_the_file_grows(search: Search, store: Store) -> None:
    put(store, row(1), row(2))
    search.follow(store)
    stream = search.every(Question())
    first = next(stream)
    put(store, row(3))
    search.follow(store)
    assert [first.url[-1], *(each.url[-1] for each in stream)] == ["1", "2"]


@pytest.mark.parametrize("whole", [True, False])
def test_first_and_last_are_meant_within_a_span_of_time(
    search: Search, store: Store, monkeypatch: Any, whole: bool
) -> None:
    url = "http://paper.example/a"
    put(store, *(row(n, url=url, version=f"v{n // 2}") for n in range(6)), row(9))
    search.follow(store)
    span = Span() if whole else Span(since=AT + timedelta(hours=1), until=AT + timedelta(hours=5))
    told = [
        (f.captured.hour - 6, f.first, f.last) for f in search.every(Question(), span=span) if f.url == url
    ]
    every = [(0, True, False), (1, False, False), (2, True, False), (3, False, False), (4, True, False),
             (5, False, True)]  # fmt: skip
    within = [(1, True, False), (2, True, False), (3, False, False), (4, True, True)]
    assert told == (every if whole else within)


def test_what_was_archived_later_than_a_selection_is_left_out(search: Search, store: Store) -> None:
    put(store, row(1), row(2), row(3))
    search.follow(store)
    span = Span(as_of=AT + timedelta(hours=2))
    assert [f.url[-1] for f in search.every(Question(), span=span)] == ["1", "2"]


def test_a_file_that_is_no_database_is_made_anew(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"not a database" * 1000)
    put(store, row(1))
    with contextlib.closing(Search(path)) as search:
        search.follow(store)
        assert ask(search, "harbour").count == 1


def test_a_follower_that_was_cut_off_goes_on_where_it_was(
    search: Search, store: Store, monkeypatch: Any
) -> None:
    put(store, row(1), row(2))
    monkeypatch.setattr("archive.intake.BATCH", 1)

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.follow(store, progress=stop)
    assert ask(search, "harbour").count == 1
    assert search.follow(store) == 1
    assert ask(search, "harbour").count == 2


def test_two_followers_double_nothing(tmp_path: Path, store: Store, monkeypatch: Any) -> None:
    monkeypatch.setattr("archive.intake.BATCH", 1)
    put(store, row(1), row(2))
    with (
        contextlib.closing(Search(tmp_path / "a.sqlite")) as one,
        contextlib.closing(Search(tmp_path / "a.sqlite")) as other,
    ):
        one.follow(store, progress=lambda count: other.follow(store) and None)
        assert ask(one, "harbour").count == ask(other, "harbour").count == 2
