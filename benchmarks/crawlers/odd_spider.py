"""Asks for each request of a list, with what archives in this environment: our add-on, or scrapy-webarchive.

    python odd_spider.py REQUESTS.json --add-on | --wacz FOLDER

Runs on the Scrapy of either; the requests are [method, url, body] (body in latin-1).
"""

import argparse
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response


class OddSpider(scrapy.Spider):
    """Every request once; what comes is nobody's business here."""

    name = "odd"
    handle_httpstatus_all = True

    def __init__(self, requests: list[list[str]], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.requests = requests

    def start_requests(self) -> Iterator[scrapy.Request]:
        for method, url, body in self.requests:
            yield scrapy.Request(
                url, method=method, body=body.encode("latin-1"), dont_filter=True, errback=self.failed
            )

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for request in self.start_requests():
            yield request

    def parse(self, response: Response, **_: Any) -> None:
        """Nothing more."""

    def failed(self, _failure: Any) -> None:
        """Nothing either."""


def main() -> None:
    """Run the spider."""
    parser = argparse.ArgumentParser()
    parser.add_argument("requests", type=Path)
    parser.add_argument("--add-on", action="store_true")
    parser.add_argument("--wacz")
    parser.add_argument("--timeout", type=float, default=4)
    chosen = parser.parse_args()
    settings: dict[str, Any] = {
        "DOWNLOAD_TIMEOUT": chosen.timeout,
        "ROBOTSTXT_OBEY": True,
        "RETRY_TIMES": 1,
        "LOG_LEVEL": "CRITICAL",
        "TELNETCONSOLE_ENABLED": False,
        "COOKIES_ENABLED": False,
    }
    if chosen.add_on:
        settings |= {"ADDONS": {"spiders.addon.Archive": 100}, "MORGUE_ALLOW_PRIVATE": True}
    if chosen.wacz:
        settings["EXTENSIONS"] = {"scrapy_webarchive.extensions.WaczExporter": 543}
        settings["SW_EXPORT_URI"] = f"{chosen.wacz}/"
    process = CrawlerProcess(settings)
    process.crawl(OddSpider, requests=json.loads(chosen.requests.read_text()))
    process.start()


if __name__ == "__main__":
    main()
