"""The spider of a newspaper, by itself."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy.http import HtmlResponse, Response

from spiders import news


class Reader(news.NewsSpider):
    """A spider of which only the reading of articles is there."""

    def __init__(self) -> None:
        self.site = SimpleNamespace(requisites="none")  # type: ignore[assignment]
        self.plan = SimpleNamespace(  # type: ignore[assignment]
            answered=lambda *_, **__: None, ledger=SimpleNamespace(read=lambda _: None)
        )

    def _look(self, response: Response) -> Any:
        return SimpleNamespace(wall="")


def test_no_two_articles_are_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, others = threading.Lock(), []

    def extract(_text: str, url: str) -> None:
        others.append((url, threading.current_thread() is threading.main_thread()))
        assert reading.acquire(blocking=False)
        threading.Event().wait(0.01)
        reading.release()

    async def article(number: int) -> None:
        page = HtmlResponse(f"http://paper.example/{number}", body=b"<p>page", encoding="utf-8")
        page.headers["Content-Type"] = "text/html"
        page.request = SimpleNamespace(meta={"ask": None})  # type: ignore[assignment]
        assert [request async for request in Reader().article(page)] == []

    async def all_at_once() -> None:
        await asyncio.gather(*map(article, range(12)))

    monkeypatch.setattr(news, "extract", extract)
    asyncio.run(all_at_once())
    assert len(others) == 12
    assert not any(main for _, main in others)
