"""An archive as a researcher's program sees it: `archive.open(...)`.

    import archive

    kept = archive.open("s3://papers/morgue")
    for row in kept.articles('"climate summit"', since="2026-11-01"):
        print(row.article.published, row.article.headline, row.warc)

Typed values come out (`archive.model`, `archive.versions`); `table` and `reader` give Arrow, which DuckDB,
pandas and polars take as it is. What the archive's rules exclude or block is not given; rows that their
publishers keep back from exports come with `all_rights`.
"""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from archive.access import Access
from archive.articles import SCHEMA, row_dict
from archive.clusters import Copy, copies_of
from archive.config import Config, site_folder
from archive.dates import read_time
from archive.errors import CallerError, DamagedWarc, NotCaptured, RightsReserved
from archive.filing import explained
from archive.fronts import Story, stories_of
from archive.history import Edit, edits, history
from archive.index import Index
from archive.model import ArticleRow, Capture, Exchange, Location, Run
from archive.parcel import group_of
from archive.permission import Permission, withheld
from archive.playback import Playback, play
from archive.policy import Policy
from archive.question import Answer, Question
from archive.rights import parse
from archive.runs import all_runs
from archive.search import Search, search_path
from archive.selection import Selected, Selection
from archive.sites import load_sites
from archive.store import Store, open_store
from archive.versions import Version
from archive.warc import read_record

BATCH = 500


class Archive:
    """One archive, open for reading; use it in a `with`, or close it. Times are aware datetimes, or texts."""

    def __init__(self, store: Store, *, search: Path | None = None, policy: Policy | None = None) -> None:
        """`search` is the folder of the search file; without one it is made in a temporary folder."""
        config = Config.from_env()
        folder = site_folder(config)
        sites = load_sites(folder) if folder.is_dir() else {}
        self._own = None if search else tempfile.TemporaryDirectory(prefix="morgue-search-")
        self._folder = search or Path(self._own.name if self._own else "")
        self._search: Search | None = None
        access = Access(store)
        self.store = store
        self.index = Index(store, hidden=access.hides)
        self.permission = Permission(store, self.index, sites, policy or config.rights, access)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of files."""
        if self._search:
            self._search.close()
            self._search = None
        if self._own:
            self._own.cleanup()

    # --- what was captured ----------------------------------------------------------------------------------

    def runs(self, site: str | None = None) -> Iterator[Run]:
        """All published runs, oldest first."""
        return all_runs(self.store, site)

    def captures(
        self, url: str, *, since: datetime | str | None = None, until: datetime | str | None = None
    ) -> list[Capture]:
        """The captures of a URL, oldest first; [] where there is none. `until` is not included."""
        first, last = moment(since), moment(until)
        found = self.index.captures(url)
        return [c for c in found if not ((first and c.at < first) or (last and c.at >= last))]

    def page(self, url: str, at: datetime | str | None = None) -> Playback:
        """The capture nearest to a moment (the latest without one), played back: `.text()`, `.decoded()`.

        Raise NotCaptured, RightsReserved.
        """
        return play(self.store, self.index, self._shown(self.index.closest(url, moment(at))))

    def exchange(self, place: Capture | Location) -> Exchange:
        """Request and response as they crossed the wire; of a revisit the response is its head alone.

        Raise NotStored, DamagedWarc, RightsReserved.
        """
        if isinstance(place, Capture):
            self._shown(place)
            place = place.location
        else:
            self._location_shown(place)
        return exchange_at(self.store, place)

    def _shown(self, capture: Capture) -> Capture:
        if said := self.permission.replay(capture):
            raise RightsReserved(withheld(capture.url, said))
        return capture

    def _location_shown(self, place: Location) -> None:
        data = self.store.read(place.warc, place.offset, place.length)
        url = read_record(data).url
        known = next((c for c in self.index.known(url) if c.location == place), None)
        if known is None:
            raise NotCaptured(f"no capture lies in {place.warc} at {place.offset}")
        self._shown(known)

    # --- articles -------------------------------------------------------------------------------------------

    def search(self, words: str = "", *, facets: bool = False, **narrow: Any) -> Answer:
        """Articles by their words; `narrow` by site, language, section, kind, access, author, since, until.

        Hits come by relevance (`sort="date"`: newest first), `limit` and `skip` of them. Raise CallerError.
        """
        asked = _question(words, narrow)
        found = self._followed().ask(asked, facets=facets, access=self.permission.access)
        hits = tuple(h for h in found.hits if not self.permission.shown_at(h.site, h.url, h.warc, h.captured))
        return Answer(hits=hits, count=found.count, more=found.more, facets=found.facets, days=found.days)

    def articles(
        self,
        words: str = "",
        *,
        holds: str = "latest",
        captured_since: datetime | str | None = None,
        captured_until: datetime | str | None = None,
        all_rights: bool = False,
        **narrow: Any,
    ) -> Iterator[ArticleRow]:
        """Rows of articles, as a stream; `narrow` as for `search`.

        `holds` is "latest" (the last capture of each URL), "versions" (each thing it said) or "captures".
        """
        asked = Selection(
            question=_question(words, narrow), holds=holds, since=moment(captured_since),
            until=moment(captured_until),
        )  # fmt: skip
        return Selected(self.store, self._followed(), self.permission, asked, all_rights=all_rights).rows()

    def versions(self, url: str) -> list[Version]:
        """What an article said over time, oldest first; the address may be any form of it.

        Raise NotCaptured, RightsReserved.
        """
        found = history(self.store, url, index=self.index, search=self._followed())
        for version in found:
            if said := self.permission.show(version.row):
                raise RightsReserved(withheld(url, said))
        return found

    def copies(self, url: str) -> list[Copy]:
        """The article at an address and its copies in other newspapers, the first one first."""
        found = copies_of(self._followed(), url)
        permits = self.permission.shown_at
        return [c for c in found if not permits(c.site, c.url, c.warc, c.captured)]

    def front(self, url: str, at: datetime | str | None = None) -> list[Story]:
        """The stories of a front page at the capture nearest to a moment, in their order."""
        page = self.page(url, at)
        forbids = self.permission.access.forbids
        site = page.capture.location.warc.split("/")[1]
        found = stories_of(page.text(), page.capture.url, self._followed().knows)
        return [story for story in found if not forbids(story.url, site, page.capture.at)]

    def edits(self, *, site: str = "", words: str = "", limit: int = 50) -> list[Edit]:
        """Edits, withdrawals and returns, newest first."""
        found = edits(self.store, self.index, self._followed(), site=site, words=words, limit=limit)
        rows = ((edit, [v.row for v in (edit.before, edit.after) if v]) for edit in found)
        return [edit for edit, each in rows if not any(self.permission.show(row) for row in each)]

    def table(self, words: str = "", **narrow: Any) -> pa.Table:
        """Articles as an Arrow table, with the columns of `archive.dictionary`; arguments as `articles`."""
        return self.reader(words, **narrow).read_all()

    def reader(self, words: str = "", **narrow: Any) -> pa.RecordBatchReader:
        """The same as a stream of record batches, for what does not fit into memory."""
        return pa.RecordBatchReader.from_batches(SCHEMA, _batches(self.articles(words, **narrow)))

    def _followed(self) -> Search:
        path = search_path(self._folder, self.store.url)
        with explained(path):
            if self._search is None:
                self._search = Search(path)
            self._search.follow(self.store)
        return self._search


def open_archive(url: str = "", *, search: str | Path | None = None) -> Archive:
    """Open an archive for reading: s3://bucket/prefix or a folder; "" is the one of the settings.

    `search` is a folder for the search file, which then need not be made again the next time. Raise
    CallerError, StoreError.
    """
    store = open_store(url or Config.from_env().archive)
    store.check()
    return Archive(store, search=Path(search) if search else None)


def exchange_at(store: Store, place: Location) -> Exchange:
    """The exchange whose response (or revisit) lies here; raise NotStored or DamagedWarc."""
    before, own, behind = group_of(store, place)
    record = read_record(own)
    head, body = record.http()
    requests = [r for r in map(read_record, before) if r.kind == "request"]
    request = requests[0].block if requests else b""
    told = [
        line for data in behind for line in read_record(data).block.decode("utf-8", "replace").splitlines()
    ]
    said = dict(line.split(": ", 1) for line in told if ": " in line)
    try:
        seconds = float(said.get("fetchTimeMs", "0")) / 1000
    except ValueError as error:
        raise DamagedWarc(f"{place.warc} at {place.offset}: {error}", offset=place.offset) from error
    return Exchange(
        url=record.url, method=request.partition(b" ")[0].decode("latin-1") or "GET", request=request,
        response=record.block, head_length=len(record.block) - len(body) if head else 0, began=record.at,
        seconds=seconds, peer=record.headers.get("warc-ip-address"),
        truncated=record.headers.get("warc-truncated"),
        referrer=said.get("via"), via=said.get("foundBy"), error=said.get("fetchError"),
        rights=str(parse(said.get("rightsSignals", ""))),
    )  # fmt: skip


def moment(at: datetime | str | None) -> datetime | None:
    """A moment as people give it; raise CallerError. A time without a zone is in UTC."""
    found = at if isinstance(at, datetime) else read_time(at) if at else None
    if at and found is None:
        raise CallerError(f"{at!r} is no time; write 2026-11-20 or 2026-11-20T06:00Z")
    if found and found.tzinfo is None:
        raise CallerError(f"{found} has no time zone; use datetime(..., tzinfo=UTC)")
    return found


def _question(words: str, narrow: dict[str, Any]) -> Question:
    days = {name: _day(narrow[name]) for name in ("since", "until") if narrow.get(name)}
    try:
        return Question(words=words, **{**narrow, **days})
    except TypeError as error:
        raise CallerError(f"{error}; articles are narrowed down by site, since, until, author ...") from error


def _day(value: Any) -> str:
    at = moment(value)
    return f"{at:%Y-%m-%d}" if at else ""


def _batches(rows: Iterator[ArticleRow]) -> Iterator[pa.RecordBatch]:
    while some := [row_dict(row) for row in islice(rows, BATCH)]:
        yield pa.RecordBatch.from_pylist(some, schema=SCHEMA)
