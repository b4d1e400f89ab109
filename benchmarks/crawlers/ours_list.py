"""What `morgue capture -i FILE --delay 0 --concurrency 32` runs, with the time limit as an option as well.

python ours_list.py FILE --concurrency 32
"""

import argparse
from pathlib import Path

from archive.config import Config
from spiders.pages import PageSpider
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
        "MORGUE_DELAY": 0,
        "DOWNLOAD_TIMEOUT": chosen.timeout,
        "CONCURRENT_REQUESTS": chosen.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": chosen.concurrency,
    }
    with chosen.urls.open() as lines:
        crawl(
            PageSpider,
            archive=Config.from_env().archive,
            settings=settings,
            quiet=True,
            urls=(line.strip() for line in lines),
            archive_site="bench",
        )


if __name__ == "__main__":
    main()
