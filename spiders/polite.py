"""Crawl-delay of robots.txt, which Scrapy reads but does not keep."""

import logging

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.robotstxt import RobotParser

logger = logging.getLogger(__name__)
LONGEST = 120.0


class CrawlDelay:
    """Slows a host down to the delay that its robots.txt asks for (seconds; at most LONGEST)."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "CrawlDelay":
        """Scrapy's own way to make an extension."""
        extension = cls(crawler)
        crawler.signals.connect(extension.parsed, signals.robots_parsed)
        return extension

    def parsed(self, robotparser: RobotParser, request: Request) -> None:
        """A robots.txt has come: keep its delay for that host."""
        rules = getattr(robotparser, "rp", None)
        delay = rules.crawl_delay(self.crawler.settings.get("ROBOTSTXT_USER_AGENT")) if rules else None
        engine = self.crawler.engine
        if not delay or engine is None:
            return
        downloader = engine.downloader
        key = downloader.get_slot_key(request)
        kept = max(min(float(delay), LONGEST), self.crawler.settings.getfloat("DOWNLOAD_DELAY"))
        # An idle slot is dropped and made anew from these settings.
        downloader.per_slot_settings[key] = {"delay": kept, "concurrency": 1, "jitter": 0}
        if slot := downloader.slots.get(key):
            slot.delay, slot.concurrency, slot.jitter = kept, 1, 0.0
        logger.info("robots.txt of %s asks for %s s between requests", key, delay)
