"""A list of URLs, of any length: kept in a file, so that a million of them take no memory."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from w3lib.url import safe_url_string

from archive.errors import CallerError

SHOWN = 100
# A URL in which there is nothing to check or to quote, as nearly all are: a tenth of the work for long lists.
PLAIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]{1,63}(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
    r"/[A-Za-z0-9._~/-]*(?:\?[A-Za-z0-9._~=&-]+)?\Z"
)


class Listing:
    """Each URL once, in order, without fragment; raise CallerError for the first that is none.

    `count` is how many, `first` the first hundred of them, `hosts` those that occur (two at most are kept).
    """

    def __init__(self, urls: Iterable[str]) -> None:
        self.count = 0
        self.first: list[str] = []
        self.hosts: set[str] = set()
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - lives as long as we do
        seen: set[int] = set()
        for url in urls:
            right = checked(url)
            if hash(right) not in seen:
                seen.add(hash(right))
                self._add(right)

    def _add(self, url: str) -> None:
        self._file.write(url + "\n")
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(url)
        if len(self.hosts) < 2:
            self.hosts.add(urlsplit(url).netloc.rpartition("@")[2].lower())

    def __iter__(self) -> Iterator[str]:
        self._file.seek(0)
        for line in self._file:
            yield line.rstrip("\n")


def checked(url: str) -> str:
    """The URL as it is asked for; raise CallerError where it is none."""
    if PLAIN.match(url):
        return url
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        right = False
    if not right:
        raise CallerError(f"{url!r} is no http(s) URL; write it as https://paper.example/story")
    return str(safe_url_string(url.partition("#")[0]))
