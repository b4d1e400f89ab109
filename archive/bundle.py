"""Captures as one file to take away: WACZ 1.1.1 (specs.webrecorder.net/wacz/1.1.1), or a WARC.

Rules: written as a stream from front to back, with no second copy on disk: WARC first, then index, pages and
the package that names their digests. In memory are the index lines (sorted on disk where they are many) and
one record. The WARC is stored, not packed again, so that a reader can ask for parts of it.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from heapq import merge
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, BinaryIO

import deflate

from archive import __version__
from archive.cdxj import line_of, stamp_of
from archive.index import filed
from archive.model import Location
from archive.parcel import Item
from archive.signature import Key
from archive.warc import warcinfo_member

WARC = "data.warc.gz"
BLOCK = 1024  # index lines of a block
TEXT = 1 << 20  # characters of a page's text
SOFTWARE = f"Newsmorgue {__version__}"
# An extra field without content (0xCAFE, as in JAR files). A stream's local headers have one for sizes over
# 4 GiB; wabac.js looks at a local header only where the central directory's entry has an extra field as well.
EXTRA = b"\xfe\xca\x00\x00"
FLUSH = 4 << 20  # bytes of index lines that are sorted at a time
FILES = 64  # of them sorted, before they are merged into one: a process may have some hundred open


class _Lines:
    """Index lines as they come, given back in order."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._waiting: list[bytes] = []
        self._size = 0
        self._runs: list[Iterator[bytes]] = []
        self._of_runs = stack.enter_context(ExitStack())
        self._merged: list[Iterator[bytes]] = []

    def add(self, line: bytes) -> None:
        self._waiting.append(line)
        self._size += len(line)
        if self._size > FLUSH:
            self._runs.append(filed(sorted(self._waiting), self._of_runs))
            self._waiting, self._size = [], 0
        if len(self._runs) >= FILES:
            self._merged.append(filed(merge(*self._runs), self._stack))
            self._of_runs.close()
            self._runs = []

    def sorted(self) -> Iterator[bytes]:
        return merge(*self._merged, *self._runs, sorted(self._waiting))


class _Part:
    """A file within the zip: what is written to it is counted and digested."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self._out.write(data)
        self._digest.update(data)
        self.size += len(data)

    @property
    def hash(self) -> str:
        return f"sha256:{self._digest.hexdigest()}"


def write_warc(
    out: BinaryIO,
    items: Iterable[Item],
    *,
    filename: str,
    said: dict[str, str],
    taken: Callable[[Item], None],
) -> None:
    """The records of a parcel as one WARC, a warcinfo record first."""
    out.write(_opening(filename, said))
    for item in items:
        taken(item)
        for member in item.members:
            out.write(member)


def write_wacz(
    out: BinaryIO,
    items: Iterable[Item],
    *,
    title: str,
    said: dict[str, str],
    key: Key | None = None,
    taken: Callable[[Item], None] = lambda _item: None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Write a WACZ of a parcel to a stream that need not seek; return its datapackage."""
    made = now or datetime.now(UTC)
    with ExitStack() as stack:
        book = stack.enter_context(zipfile.ZipFile(out, "w", allowZip64=True))
        package = _Package(book, made)
        lines, pages = _Lines(stack), _Lines(stack)
        with package.part(f"archive/{WARC}") as part:
            part.write(_opening(WARC, said))
            for item in items:
                taken(item)
                _record(item, part, lines, pages)
        _index(package, lines.sorted())
        first = _pages(package, pages.sorted())
        return _close(package, title=title, said=said, first=first, key=key)


def _opening(filename: str, said: dict[str, str]) -> bytes:
    told = {"software": SOFTWARE, "format": "WARC File Format 1.1", **said}
    return warcinfo_member(filename=filename, info=told)[1]


def _record(item: Item, part: _Part, lines: _Lines, pages: _Lines) -> None:
    ahead = sum(map(len, item.members[: item.before]))
    place = Location(warc=WARC, offset=part.size + ahead, length=len(item.members[item.before]))
    for member in item.members:
        part.write(member)
    capture = replace(item.capture, location=place)
    lines.add(line_of(capture).encode())
    if item.page:
        page = json.dumps(_page(item))  # ASCII, and on one line
        pages.add(f"{stamp_of(capture.at)} {place.offset:015} {page}".encode())


def _page(item: Item) -> dict[str, Any]:
    capture, row = item.capture, item.row
    name = hashlib.sha256(f"{capture.url} {capture.at.isoformat()}".encode()).hexdigest()[:22]
    told: dict[str, Any] = {
        "id": name,
        "url": capture.url,
        "ts": f"{capture.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    if row:
        text = "\n".join(filter(None, (row.article.standfirst, *row.article.body)))
        told |= {"title": row.article.headline, "text": text[:TEXT]}
        told |= {"authors": list(row.article.authors)} if row.article.authors else {}
    return told


class _Package:
    """The zip, and what its datapackage says of each file."""

    def __init__(self, book: zipfile.ZipFile, made: datetime) -> None:
        self.book = book
        self.made = made
        self.resources: list[dict[str, Any]] = []

    @contextmanager
    def part(self, path: str, *, packed: bool = False, named: bool = True) -> Iterator[_Part]:
        info = zipfile.ZipInfo(path, self.made.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        info.extra = EXTRA
        with self.book.open(info, "w", force_zip64=True) as out:
            part = _Part(out)
            yield part
        if named:
            name = path.rpartition("/")[2]
            told = {"name": name, "path": path, "hash": part.hash, "bytes": part.size}
            self.resources.append(told)


def _index(package: _Package, lines: Iterator[bytes]) -> None:
    """The index in blocks, and where each begins (the form `cdxj-gzip-1.0` of cdxj-indexer)."""
    heads = [b'!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}']
    with package.part("indexes/index.cdx.gz") as part:
        while block := list(islice(lines, BLOCK)):
            data = bytes(deflate.gzip_compress(b"\n".join(block) + b"\n", 6))
            digest = hashlib.sha256(data).hexdigest()
            told = {"offset": part.size, "length": len(data), "digest": f"sha256:{digest}"}
            surt, stamp, _ = block[0].split(b" ", 2)
            heads.append(b"%s %s %s" % (surt, stamp, json.dumps(told).encode()))
            part.write(data)
    with package.part("indexes/index.idx") as part:
        part.write(b"\n".join(heads) + b"\n")


def _pages(package: _Package, lines: Iterator[bytes]) -> dict[str, Any] | None:
    """The list of pages; the first of them, where there is one."""
    found = (line.split(b" ", 2)[2] for line in lines)
    first = next(found, None)
    head = {"format": "json-pages-1.0", "id": "pages", "title": "All Pages", "hasText": True}
    with package.part("pages/pages.jsonl", packed=True) as part:
        part.write(json.dumps(head).encode() + b"\n")
        for line in chain([first] if first else [], found):
            part.write(line + b"\n")
    return json.loads(first) if first else None


def _close(
    package: _Package, *, title: str, said: dict[str, str], first: dict[str, Any] | None, key: Key | None
) -> dict[str, Any]:
    created = f"{package.made.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    told = {
        "profile": "data-package", "wacz_version": "1.1.1", "title": title, "created": created,
        "software": SOFTWARE, **said, "resources": package.resources,
    }  # fmt: skip
    if first:
        told |= {"mainPageUrl": first["url"], "mainPageDate": first["ts"]}
    with package.part("datapackage.json", named=False) as part:
        part.write(json.dumps(told, indent=2, ensure_ascii=False).encode())
    digest: dict[str, Any] = {"path": "datapackage.json", "hash": part.hash}
    if key:
        digest["signedData"] = key.signed(part.hash, created=created, software=SOFTWARE)
    with package.part("datapackage-digest.json", named=False) as part:
        part.write(json.dumps(digest, indent=2).encode())
    return told


def to_file(path: Path, write: Callable[[BinaryIO], Any]) -> Any:
    """Write beside the path; it takes its name when all was written, and nothing is left after an error."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as out:
            done = write(out)
        part.replace(path)
        return done
    finally:
        part.unlink(missing_ok=True)
