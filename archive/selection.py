"""A selection: a question that can be asked again and cited, and the rows that it finds.

As JSON it holds what was asked, and when, of how many tables: the same question finds more when more was
archived since, and `as_of` leaves that out again.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from archive.articles import stream_of
from archive.dates import read_time
from archive.errors import CallerError
from archive.model import ArticleRow
from archive.permission import Permission
from archive.question import Found, Question
from archive.search import Search
from archive.spans import Span
from archive.store import Store

HOLDS = ("latest", "versions", "captures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which articles: those that `question` finds, captured from `since` on and before `until`.

    `holds` says which rows of each: "latest" (the last capture of a URL), "versions" (each thing it said,
    from the first capture that said so) or "captures" (all). `as_of` leaves out what was captured later.
    """

    question: Question = field(default_factory=Question)
    since: datetime | None = None
    until: datetime | None = None
    urls: tuple[str, ...] = ()
    holds: str = "latest"
    as_of: datetime | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON says it; `read` takes it back."""
        asked = asdict(self.question)
        told = {
            name: value for name, value in asked.items() if value and name not in ("limit", "skip", "sort")
        }
        times = {n: getattr(self, n).isoformat() for n in ("since", "until", "as_of") if getattr(self, n)}
        return {"question": told, "urls": list(self.urls), "holds": self.holds, **times}

    @property
    def id(self) -> str:
        """A name that is the same for the same selection."""
        return hashlib.sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()[:16]


def read(text: str) -> Selection:
    """A selection from its JSON; raise CallerError."""
    try:
        return _selection(json.loads(text))
    except (ValueError, TypeError, AttributeError) as error:
        raise CallerError(
            f"this is no selection ({error}); `morgue export` writes one as selection.json"
        ) from error


def _selection(said: dict[str, Any]) -> Selection:
    asked = {str(k): str(v) for k, v in said.get("question", {}).items()}
    known = {f.name for f in fields(Question)} - {"limit", "skip", "sort"}
    if wrong := set(asked) - known:
        raise ValueError(f"it asks for {', '.join(sorted(wrong))}, which nothing has")
    holds = str(said.get("holds", "latest"))
    if holds not in HOLDS:
        raise ValueError(f"holds is one of {', '.join(HOLDS)}")
    return Selection(
        question=replace(Question(), **asked), urls=tuple(map(str, said.get("urls", ()))), holds=holds,  # type: ignore[arg-type]
        since=_time(said.get("since")), until=_time(said.get("until")), as_of=_time(said.get("as_of")),
    )  # fmt: skip


def _time(text: Any) -> datetime | None:
    at = read_time(str(text)) if text else None
    if text and at is None:
        raise ValueError(f"{text!r} is no time")
    return at


class Selected:
    """The rows of a selection, as a stream; afterwards what was left out, and how much was read."""

    def __init__(
        self,
        store: Store,
        search: Search,
        permission: Permission,
        selection: Selection,
        *,
        all_rights: bool = False,
    ) -> None:
        self.forbids = permission.ruled if all_rights else permission.export
        self.store = store
        self.search = search
        self.permission = permission
        self.selection = selection
        self.left_out: Counter[str] = Counter()
        self.count = 0
        self.asked_at = datetime.now(UTC)

    def rows(self) -> Iterator[ArticleRow]:
        """Rows that may be given away, one table at a time: memory does not grow with their number."""
        for found in self._found():
            if said := self.forbids(found):
                self.left_out[said] += 1
                continue
            self.count += 1
            yield found

    def _found(self) -> Iterator[ArticleRow]:
        chosen = self._chosen()
        for group, each in groupby(chosen, key=lambda found: found.group):
            wanted = {(f.url, f.captured) for f in each}
            for row in stream_of(self.store, group):
                if (row.article.url, row.captured) in wanted:
                    wanted.discard((row.article.url, row.captured))
                    yield row

    def _chosen(self) -> Iterator[Found]:
        asked = self.selection
        span = Span(since=asked.since, until=asked.until, as_of=asked.as_of)
        found = self.search.every(asked.question, urls=asked.urls, span=span)
        return (f for f in found if _holds(asked.holds, f))


def _holds(which: str, found: Found) -> bool:
    return which == "captures" or (found.first if which == "versions" else found.last)
