"""A WARC while it is filled: its name and first record, its file, its index lines and its crawl log.

Rules: records are made for a draft before it has a file, since they name its first record, and are appended
in the order in which they were made. What was appended since the last commit can be cut off again. The index
and the log are written after the WARC is durable, and made anew from it where they could not be.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from archive import crawllog
from archive.cdxj import line_of
from archive.model import Capture, Exchange
from archive.store import sync_folder, write_durably
from archive.warc import Written, captures_of, warcinfo_member

GATHERED_BYTES = 4 << 20  # that are appended at once, at most, but for what one exchange has


def warc_key(site: str, name: str, at: datetime, form: str = ".warc.gz") -> str:
    """The key in the store of a WARC of this site that was opened at `at`."""
    return f"warc/{site}/{at:%Y/%m/%d}/{name}{form}"


def opened_at(name: str) -> datetime:
    """The moment in a WARC's name: SITE-YYYYMMDDHHMMSS-RUN-SERIAL."""
    return datetime.strptime(name.rsplit("-", 3)[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)


class Draft:
    """A WARC to be: its name, its key in the store, its first record, and how many bytes were made for it."""

    def __init__(self, site: str, run: str, serial: int, info: Mapping[str, str]) -> None:
        now = datetime.now(UTC)
        self.name = f"{site}-{now:%Y%m%d%H%M%S}-{run.rpartition('-')[2]}-{serial:05}"
        self.key = warc_key(site, self.name, now)
        self.warcinfo, self.member = warcinfo_member(filename=f"{self.name}.warc.gz", info=info)
        self.size = 0
        self._begun = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since it was begun, whatever the clock on the wall does."""
        return time.monotonic() - self._begun


class OpenWarc:
    """The file of a draft, with its index lines and crawl log beside it."""

    def __init__(self, folder: Path, draft: Draft) -> None:
        self.draft = draft
        self.path = folder / f"{draft.name}.warc.gz.open"
        self.size = 0
        self._committed = 0
        self._indexed = True
        self._gathered: list[bytes] = []
        self._waiting = 0
        self._said: list[str] = []
        self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        try:
            self._lines = (folder / f"{draft.name}.cdxj.open").open("ab", buffering=0)
            self._log = (folder / f"{draft.name}.jsonl.open").open("ab", buffering=0)
            self._put(draft.member)
            self.flush()
            sync_folder(folder)
        except OSError:
            os.close(self._file)
            self.path.unlink()
            raise

    def append(self, exchange: Exchange, written: Written) -> Capture | None:
        """Take an exchange's records, to be written as one piece; return its capture."""
        if not written.small:
            self.flush()
        before = self.size
        try:
            lengths = written.write(self._put)
            if not written.small:
                self.flush()
        except Exception:
            self._cut(before)
            raise
        capture = written.located(before, lengths)
        self._said.append(crawllog.line_of(exchange, capture, before, sum(lengths)))
        return capture

    def _put(self, data: bytes) -> None:
        self._gathered.append(data)
        self._waiting += len(data)
        self.size += len(data)
        if self._waiting > GATHERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was taken, without a buffer between; raise OSError."""
        data, self._gathered, self._waiting = b"".join(self._gathered), [], 0
        _write(self._file, data)

    def commit(self, captures: list[Capture]) -> int:
        """Make durable what was appended, and note its index lines; return how many bytes it took."""
        self.flush()
        os.fsync(self._file)
        taken, self._committed = self.size - self._committed, self.size
        self._index("".join(f"{line_of(capture)}\n" for capture in captures))
        return taken

    def _index(self, lines: str) -> None:
        """Lines that cannot be written now are made from the WARC when it is sealed."""
        try:
            _write(self._lines.fileno(), lines.encode())
            _write(self._log.fileno(), "".join(f"{line}\n" for line in self._said).encode(errors="replace"))
        except OSError:
            self._indexed = False
        self._said = []

    def cut_back(self) -> None:
        """Drop what was appended since the last commit."""
        self._said = []
        self._cut(self._committed)

    def _cut(self, size: int) -> None:
        self._gathered, self._waiting = [], 0
        os.ftruncate(self._file, size)
        os.lseek(self._file, size, os.SEEK_SET)
        self.size = size

    def seal(self) -> None:
        """Give the file its final name; raise OSError (then it may be tried again)."""
        os.fsync(self._file)
        if not self._indexed:
            index_anew(self.path, self.draft.key)
        seal_files(self.path)
        os.close(self._file)
        self._lines.close()
        self._log.close()


def _write(file: int, data: bytes) -> None:
    """Write all of it, whatever one call takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def seal_files(opened: Path) -> None:
    """Give a whole `.open` WARC and its CDXJ (written anew, sorted) their final names."""
    sealed = opened.with_name(opened.name.removesuffix(".open"))
    lines_open = opened.with_name(opened.name.removesuffix(".warc.gz.open") + ".cdxj.open")
    lines = lines_open.read_bytes().splitlines(keepends=True) if lines_open.exists() else []
    cdxj = lines_open.with_name(lines_open.name.removesuffix(".open"))
    write_durably(cdxj, sorted(lines))  # by their bytes, as CDXJ wants it
    log_open = lines_open.with_name(lines_open.name.removesuffix(".cdxj.open") + ".jsonl.open")
    log = log_open.read_bytes() if log_open.exists() else b""
    write_durably(log_open.with_name(cdxj.name.removesuffix(".cdxj") + crawllog.FORM), [crawllog.packed(log)])
    opened.rename(sealed)
    lines_open.unlink(missing_ok=True)
    log_open.unlink(missing_ok=True)
    sync_folder(sealed.parent)


def index_anew(opened: Path, key: str) -> None:
    """Make the index lines and the crawl log of an `.open` WARC from its records."""
    name = opened.name.removesuffix(".warc.gz.open")
    with opened.open("rb") as file:
        lines = [line_of(capture) for capture in captures_of(file, warc=key)]
    text = "".join(f"{line}\n" for line in lines)
    (opened.parent / f"{name}.cdxj.open").write_text(text, encoding="utf-8")
    crawllog.log_anew(opened, opened.parent / f"{name}.jsonl.open", key)
