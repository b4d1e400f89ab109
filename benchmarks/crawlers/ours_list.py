"""What `morgue capture -i FILE` runs, with the pace as an option: the command itself waits between requests.

python ours_list.py FILE --concurrency 32
"""

import argparse
from pathlib import Path

from archive.config import Config
from spiders.news import PageSpider
from spiders.runner import crawl


def main() -> None:
    """Capture the list."""
    parser = argparse.ArgumentParser()
    parser.add_argument("urls", type=Path)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--timeout", type=float, default=60)
    chosen = parser.parse_args()
    settings = {
        "MORGUE_ALLOW_PRIVATE": True,
        "DOWNLOAD_DELAY": 0,
        "DOWNLOAD_TIMEOUT": chosen.timeout,
        "CONCURRENT_REQUESTS": chosen.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": chosen.concurrency,
    }
    crawl(
        PageSpider,
        archive=Config.from_env().archive,
        settings=settings,
        quiet=True,
        urls=tuple(chosen.urls.read_text().split()),
        archive_site="bench",
    )


if __name__ == "__main__":
    main()
