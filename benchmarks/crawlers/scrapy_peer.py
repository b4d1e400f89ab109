"""Scrapy as its documentation shows it; with --wacz, scrapy-webarchive beside it. Knows nothing of ours.

python scrapy_peer.py --urls FILE | --home URL [--wacz FOLDER] [--concurrency 32]
"""

import argparse
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response
from scrapy.linkextractors import LinkExtractor


class ListSpider(scrapy.Spider):
    """Each URL of a list."""

    name = "list"

    def __init__(self, urls: list[str], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.urls = urls

    def start_requests(self) -> Iterator[scrapy.Request]:
        for url in self.urls:
            yield scrapy.Request(url, dont_filter=True)

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for request in self.start_requests():
            yield request

    def parse(self, response: Response, **_: Any) -> None:
        """Nothing more."""


class LinkSpider(ListSpider):
    """All pages of a site, by their links."""

    name = "links"
    links = LinkExtractor(allow=r"/news/")

    def parse(self, response: Response, **_: Any) -> Iterator[scrapy.Request]:
        """Follow every link; Scrapy's filter knows which were seen."""
        for link in self.links.extract_links(response):
            yield scrapy.Request(link.url)


def main() -> None:
    """Run one spider."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--urls", type=Path)
    parser.add_argument("--home")
    parser.add_argument("--wacz")
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--concurrency", type=int, default=32)
    chosen = parser.parse_args()
    settings: dict[str, Any] = {
        "CONCURRENT_REQUESTS": chosen.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": chosen.concurrency,
        "DOWNLOAD_DELAY": 0,
        "DOWNLOAD_TIMEOUT": chosen.timeout,
        "LOG_LEVEL": "ERROR",
        "TELNETCONSOLE_ENABLED": False,
    }
    if chosen.wacz:
        settings["EXTENSIONS"] = {"scrapy_webarchive.extensions.WaczExporter": 543}
        settings["SW_EXPORT_URI"] = f"{chosen.wacz}/"
    process = CrawlerProcess(settings)
    if chosen.urls:
        process.crawl(ListSpider, urls=chosen.urls.read_text().split())
    else:
        process.crawl(LinkSpider, urls=[chosen.home])
    process.start()


if __name__ == "__main__":
    main()
