"""What reading a page for its links costs: ours beside Scrapy's LinkExtractor.

    python benchmarks/links.py [--pages 200] [--rounds 5]

Pages of 45 KB on average with 62 links, made by code with a seed (`origin.py`). Each reader is given a text
response that is decoded already, and is timed alone, in turn, in CPU time of this process; the median of the
rounds counts. Ours finds requisites, feeds and the rest as well. Ends with exit code 1 where the two do not
find the same article links, or where ours is less than four times cheaper.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scrapy.http import HtmlResponse
from scrapy.linkextractors import LinkExtractor

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.origin import PAGES, Site
from spiders.links import read_loaded, read_page

BASE = "http://loop.example"
LEAST = 4.0
Reader = Callable[[HtmlResponse], object]


def responses(count: int) -> list[HtmlResponse]:
    """Fresh responses: Scrapy keeps a parsed tree on each. The text is decoded before the clock runs."""
    site = Site(count, base=BASE)
    made = [HtmlResponse(BASE + site.paths[n], body=site.page(n), encoding="utf-8") for n in range(count)]
    for response in made:
        _ = response.text
    return made


def seconds(read: Reader, count: int) -> float:
    """CPU seconds for a page."""
    pages = responses(count)
    begun = time.process_time()
    for page in pages:
        read(page)
    return (time.process_time() - begun) / count


def articles(urls: list[str]) -> list[str]:
    """Those that are articles, each once, in order."""
    return [url for url in dict.fromkeys(urls) if url.startswith(BASE + PAGES)]


def same_links(count: int) -> bool:
    """Whether both find the same article links on every page."""
    extractor = LinkExtractor()
    return all(
        articles([link.url for link in extractor.extract_links(page)])
        == articles(list(read_page(page.text, page.url).links))
        != []
        for page in responses(count)
    )


def main() -> int:
    """Compare, and say so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not same_links(options.pages):
        print("the two find different article links")
        return 1
    extractor = LinkExtractor()
    readers: dict[str, Reader] = {
        "Scrapy LinkExtractor": extractor.extract_links,
        "ours, all": lambda page: read_page(page.text, page.url),
        "ours, requisites alone": lambda page: read_loaded(page.text, page.url),
    }
    rounds = [{n: seconds(r, options.pages) for n, r in readers.items()} for _ in range(options.rounds)]
    cost = {name: statistics.median(taken[name] for taken in rounds) for name in readers}
    ratios = [taken["Scrapy LinkExtractor"] / taken["ours, all"] for taken in rounds]
    for name, value in cost.items():
        print(f"{name:24} {value * 1000:6.2f} ms a page")
    ratio = statistics.median(ratios)
    print(f"same article links; ours is {ratio:.1f} times cheaper ({min(ratios):.1f} to {max(ratios):.1f})")
    return 0 if ratio >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
