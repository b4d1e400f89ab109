"""The spider of a newspaper, by itself: which pages it reads, to tell whether they have changed."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy.http import HtmlResponse, Response

from archive.agenda import Known
from archive.glance import Said
from archive.index import Index
from archive.looks import UNSEEN, Look
from archive.model import Original
from archive.store import FolderStore, Store
from spiders import news
from spiders.plan import Ask
from tests.keeping import Answer, Keeper, edition
from tests.test_study import URL, told

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Reader(news.NewsSpider):
    """A spider of which only the reading of articles is there."""

    def __init__(self, archive: str = "", original: Original | None = None) -> None:
        self.site = SimpleNamespace(requisites="none", rules=())  # type: ignore[assignment]
        self.looks: list[tuple[Ask, Look]] = []
        self.plan = SimpleNamespace(  # type: ignore[assignment]
            answered=lambda ask, look, **_: self.looks.append((ask, look))
        )
        self._archive, self._found = archive, original

    @property
    def recorder(self) -> Any:
        return SimpleNamespace(archive=self._archive) if self._archive else None

    def _look(self, response: Response) -> Any:
        return Look(at=NOW, status=200, original=self._found)


def page(body: bytes, known: Known) -> HtmlResponse:
    made = HtmlResponse(known.url, body=body, encoding="utf-8")
    made.headers["Content-Type"] = "text/html"
    ask = Ask(url=known.url, kind="article", via="feed", known=known)
    made.request = SimpleNamespace(meta={"ask": ask})  # type: ignore[assignment]
    return made


async def read(reader: Reader, response: HtmlResponse) -> None:
    assert [request async for request in reader.article(response)] == []


def looked(reader: Reader, response: HtmlResponse) -> tuple[Known, Look]:
    """What was known and what was found, as they are judged."""
    asyncio.run(read(reader, response))
    ((ask, look),) = reader.looks
    assert ask.known
    return ask.known, look


def original(name: str) -> Original:
    return Original(url=URL, at=NOW, digest=f"sha1:{name}", id=f"<urn:{name}>")


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Store, Known]:
    """An archive with one page, and what is known of it: that it was captured."""
    keeper = Keeper(tmp_path)
    keeper.keep(Answer(at=edition(20), url=URL, body=told("20 million crowns")))
    (capture,) = Index(keeper.store).captures(URL)
    mine = Original(url=URL, at=capture.at, digest=capture.digest, id=capture.id)
    known = Known(url=URL, seen=NOW, due=NOW, status=200, looks=1, version=UNSEEN, original=mine)
    return keeper.store, known


def test_no_two_articles_are_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, others = threading.Lock(), []

    def said_on(_text: str, url: str, **_: Any) -> Said:
        others.append((url, threading.current_thread() is threading.main_thread()))
        assert reading.acquire(blocking=False)
        threading.Event().wait(0.01)
        reading.release()
        return Said()

    async def article(number: int) -> None:
        known = Known(url=f"http://paper.example/{number}", seen=NOW, due=NOW, status=200, version=UNSEEN)
        await read(Reader(), page(b"<p>page", known))

    async def all_at_once() -> None:
        await asyncio.gather(*map(article, range(12)))

    monkeypatch.setattr(news, "said_on", said_on)
    asyncio.run(all_at_once())
    assert len(others) == 12
    assert not any(main for _, main in others)


def test_a_page_that_is_new_is_not_read_and_its_date_is_known() -> None:
    new = Known(url=URL, seen=NOW, due=NOW)
    _, look = looked(Reader(original=original("A")), page(b'<script>"datePublished": "2026-11-20"', new))
    assert (look.unread, look.fields) == (True, {})
    assert look.published == datetime(2026, 11, 20, tzinfo=UTC)


def test_a_new_page_that_the_archive_does_not_hold_whole_is_read_at_once() -> None:
    _, look = looked(Reader(), page(told("20 million crowns"), Known(url=URL, seen=NOW, due=NOW)))
    assert not look.unread
    assert look.fields["headline"]


def test_the_same_bytes_are_not_read() -> None:
    known = Known(url=URL, seen=NOW, due=NOW, status=200, version=UNSEEN, original=original("A"))
    assert looked(Reader(original=original("A")), page(b"<p>page", known))[1].unread


def test_what_a_page_said_before_is_read_from_the_archive(kept: tuple[Store, Known]) -> None:
    store, known = kept
    reader = Reader(store.url, original("B"))
    before, look = looked(reader, page(told("21 million crowns"), known))
    assert not look.unread
    assert before.fields.keys() | {"words"} == look.fields.keys()
    assert before.fields["body"] != look.fields["body"]
    assert before.version not in ("", UNSEEN)


def test_other_bytes_with_the_same_words_are_not_read(kept: tuple[Store, Known]) -> None:
    store, known = kept
    noise = told("20 million crowns").replace(b"<article", b'<article data-token="8f2a"')
    assert b"8f2a" in noise
    known, look = looked(Reader(store.url, original("B")), page(noise, known))
    assert (look.unread, known.version, list(known.fields)) == (True, UNSEEN, ["words"])
    again = looked(Reader("", original("C")), page(noise.replace(b"8f2a", b"77aa"), known))
    assert again[1].unread  # without a look into the archive


def test_a_page_whose_record_cannot_be_had_is_read_anew(kept: tuple[Store, Known]) -> None:
    store, _ = kept
    lost = Known(url=URL, seen=NOW, due=NOW, status=200, version=UNSEEN, original=original("LOST"))
    before, look = looked(Reader(store.url, original("B")), page(told("21 million crowns"), lost))
    assert (before, look.unread) == (lost, False)
    assert look.fields["headline"]


def test_a_store_that_cannot_be_read_keeps_no_page_from_being_looked_at(kept: tuple[Store, Known]) -> None:
    store, known = kept
    assert isinstance(store, FolderStore)
    for warc in (store.root / "warc").rglob("*.warc.gz"):
        warc.unlink()
        warc.mkdir()  # an error of the disk, whoever asks
    before, look = looked(Reader(store.url, original("B")), page(told("21 million crowns"), known))
    assert (before, look.unread) == (known, False)
    assert look.fields["headline"]


def test_a_store_that_is_away_keeps_no_page_from_being_looked_at(
    kept: tuple[Store, Known], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    for name, value in (named | {"MORGUE_S3_ENDPOINT": "http://127.0.0.1:1"}).items():
        monkeypatch.setenv(name, value)
    _, known = kept
    before, look = looked(Reader("s3://morgue/away", original("B")), page(told("21 million crowns"), known))
    assert (before, look.unread) == (known, False)
    assert look.fields["headline"]
