"""What an article said over time: which addresses are one article, its versions, and what changed between
two.

Pure. A version is a digest of the words (`words.version_of`); a capture that says what the one before said
is a sighting of the same version. A text that goes back to what it was is a new version: it was edited twice.
"""

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from archive.model import Article, ArticleRow
from archive.words import BEHIND, NOTE, TELLING, extractor_rank, settled, telling

SAME = 0.5  # likeness of two paragraphs from which one is an edit of the other
FIELDS = (
    "headline",
    "standfirst",
    "kicker",
    "authors",
    "agency",
    "section",
    "body",
    "subheads",
    "captions",
    "access",
    "titles",
    "told",
)
TOKEN = re.compile(r"\s+|\w+(?:[.,:’'-]\w+)*|[^\w\s]")
FIGURE = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|million|billion)s?\b",
    re.I,
)
NAME = re.compile(r"\A[A-ZÀ-ÖØ-Þ][\w’'.-]+\Z")
QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|„[^“”]*[“”]|«[^»]*»|»[^«]*«|「[^」]*」")
MOBILE = re.compile(r"\A(?:www|m|mobile|amp|touch|wap)\.")
OWN_ID = re.compile(
    r"([0-9a-f]{24,32})\b|(?<![\d-])(\d{5,})(?![\d-])|-(?!20\d{6}\b)(\d{5,})(?:\.html?)?/?\Z"
    r"|-((?:[a-z]\d|\d[a-z])[0-9a-z]{6,})(?:\.html?)?\Z"
)
DATED = re.compile(r"/(?:19|20)\d\d[/-]?\d\d[/-]?\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One state of an article: the row that first said it, and every capture that saw it, oldest first.

    `sightings` are the times of capture, the first among them.
    """

    row: ArticleRow
    sightings: tuple[datetime, ...]

    @property
    def first(self) -> datetime:
        """When it was first seen."""
        return self.sightings[0]

    @property
    def last(self) -> datetime:
        """When it was last seen."""
        return self.sightings[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some words of a changed text: `kind` is same, added or removed."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one field, or of one paragraph of the body.

    `kind` is added, removed or changed; `at` is the number of the paragraph (from 0) in the later text, or in
    the earlier one where it was removed; None for other fields.
    """

    field: str
    kind: str
    before: str
    after: str
    at: int | None = None
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What changed between two states of an article.

    `classes` say what sort of edit it is: headline, standfirst, byline, correction, figure, quote, name,
    added, removed, text (other words), or boring: only what does not make a version. `silent` says that the
    text changed and the page shows neither a new time of modification nor a note.
    """

    changes: tuple[Change, ...]
    classes: tuple[str, ...]
    silent: bool


# --- which addresses are one article ------------------------------------------------------------------------


def plain_address(url: str) -> str:
    """An address without what differs between the forms of one page: scheme, www, mobile, AMP, tracking."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    while MOBILE.match(host) and host.count(".") > 1:
        host = MOBILE.sub("", host)
    path = re.sub(r"(?:/amp(?=/|\Z)|\.amp(?=\.html?\Z|\Z))", "", parts.path)
    path = re.sub(r"/index\.(?:html?|php)\Z", "/", path).rstrip("/")
    queries = [
        q
        for q in parts.query.split("&")
        if q and not re.match(r"(?:utm_|amp\b|outputType=amp|fbclid|gclid|ref=)", q)
    ]
    port = f":{parts.port}" if parts.port else ""
    return f"{host}{port}{path}" + (f"?{'&'.join(sorted(queries))}" if queries else "")


def own_id(url: str) -> str:
    """The newspaper's own id of the article in an address: a long number or a hash; "" where there is
    none.
    """
    path = DATED.sub("/", urlsplit(plain_address("//" + url.partition("://")[2])).path)
    found = [next(filter(None, match.groups())) for match in OWN_ID.finditer(path)]
    return found[-1] if len(found) == 1 or (found and path.rstrip("/").endswith(found[-1])) else ""


def system_id(article: Article) -> str:
    """The id of the article in the newspaper's content system, where the page's own data tell it; else "".

    What JSON-LD calls an identifier may be that of the newspaper, the same on each page.
    """
    return article.number if article.source.get("number") == "cms" else ""


def identities(rows: Iterable[ArticleRow], moved: Iterable[tuple[str, str]] = ()) -> list[list[ArticleRow]]:
    """Rows grouped by article, each group oldest first.

    Two addresses are one article where one is the other's canonical address, or they differ only in form
    (mobile, AMP, tracking); and where their words agree by half at least, and one was seen to lead to the
    other (`moved`, in plain form), or the host and an id agree: the newspaper's own in the address, or that
    of its content system.
    """
    known = sorted(rows, key=lambda r: (r.captured, r.article.url))
    groups = _Groups()
    by_id: dict[tuple[str, str, str], list[ArticleRow]] = defaultdict(list)
    by_url: dict[str, list[ArticleRow]] = defaultdict(list)
    for row in known:
        url = plain_address(row.article.url)
        groups.find(url)
        by_url[url].append(row)
        if canonical := canonical_of(row.article):
            groups.join(url, canonical)
        for sort, name in (("url", own_id(row.article.url)), ("cms", system_id(row.article))):
            if name:
                by_id[url.partition("/")[0], sort, name].append(row)
    for (_, sort, _), each in by_id.items():
        _join_alike(groups, each, likeness=_alike if sort == "url" else _same_words)
    for old, new in moved:
        if by_url.get(old) and by_url.get(new):
            _join_alike(groups, [by_url[old][-1], by_url[new][0]], likeness=_alike)
    found: dict[str, list[ArticleRow]] = defaultdict(list)
    for row in known:
        found[groups.find(plain_address(row.article.url))].append(row)
    return list(found.values())


def _join_alike(
    groups: "_Groups", rows: Sequence[ArticleRow], *, likeness: Callable[[Article, Article], bool]
) -> None:
    """Join the addresses of rows that are like the first one."""
    first = rows[0]
    for row in rows[1:]:
        one, other = plain_address(first.article.url), plain_address(row.article.url)
        if one != other and groups.find(one) != groups.find(other) and likeness(first.article, row.article):
            groups.join(one, other)


def canonical_of(article: Article) -> str:
    """The canonical address in plain form, where it can be one: not a front page, which some name by
    mistake.
    """
    parts = urlsplit(article.canonical)
    return plain_address(article.canonical) if parts.path.strip("/") or parts.query else ""


def _alike(one: Article, other: Article) -> bool:
    return settled(one.headline) == settled(other.headline) or _same_words(one, other)


def _same_words(one: Article, other: Article) -> bool:
    return difflib.SequenceMatcher(None, one.body, other.body, autojunk=False).ratio() >= SAME


class _Groups:
    """Names that are joined (union-find)."""

    def __init__(self) -> None:
        self.over: dict[str, str] = {}

    def find(self, name: str) -> str:
        self.over.setdefault(name, name)
        while self.over[name] != name:
            self.over[name] = self.over[self.over[name]]
            name = self.over[name]
        return name

    def join(self, one: str, other: str) -> None:
        self.over[self.find(one)] = self.find(other)


# --- versions -----------------------------------------------------------------------------------------------


def timeline(rows: Iterable[ArticleRow], unchanged: Iterable[datetime] = ()) -> list[Version]:
    """The versions of one article, oldest first; what the same reading says again is a sighting.

    `unchanged` are times at which the server said that nothing had changed (304), sightings as well. Rows
    of another reading (`extractor_rank`) than the newest are left out where the newest has any: two ways of
    reading one page are no edit.
    """
    known = sorted(rows, key=lambda r: r.captured)
    newest = max((extractor_rank(r.extractor) for r in known), default=())
    found: list[Version] = []
    for row in (r for r in known if extractor_rank(r.extractor) == newest):
        if found and (found[-1].row.version == row.version or _caught_up(found[-1].row.article, row.article)):
            found[-1] = Version(row=found[-1].row, sightings=(*found[-1].sightings, row.captured))
        else:
            found.append(Version(row=row, sightings=(row.captured,)))
    return [_seen_again(v, after, set(unchanged)) for v, after in zip(found, [*found[1:], None], strict=True)]


def _caught_up(before: Article, after: Article) -> bool:
    """Whether all that differs is that head and data no longer say what the page did not show: no edit.

    Nor is it one that a line is known by now to recur on the newspaper's pages.
    """
    one, other = map(telling, _without_furniture(before, after))
    if any(settled(one[name]) != settled(other[name]) for name in TELLING if name not in BEHIND):
        return False
    return all(_lines(getattr(after, n)) <= _lines(getattr(before, n)) for n in BEHIND)


def _without_furniture(before: Article, after: Article) -> tuple[Article, Article]:
    """Both without the lines that either left out as recurring: what was known of them is no edit."""
    known = {text for article in (before, after) for text, _ in article.furniture}
    if not known:
        return before, after
    kept = (tuple(text for text in article.body if text not in known) for article in (before, after))
    one, other = (replace(a, body=body) for a, body in zip((before, after), kept, strict=True))
    return one, other


def _lines(texts: Sequence[str]) -> set[str]:
    return {settled(text) for text in texts}


def _seen_again(version: Version, after: Version | None, times: set[datetime]) -> Version:
    more = {t for t in times if t > version.first and (after is None or t < after.first)}
    return Version(row=version.row, sightings=tuple(sorted({*version.sightings, *more})))


# --- what changed -------------------------------------------------------------------------------------------


def diff(before: Article, after: Article) -> Diff:
    """What changed from one state of an article to another."""
    before, after = _without_furniture(before, after)
    changes: list[Change] = []
    for name in FIELDS:
        if name == "body":
            changes += _body(before.body, after.body)
        elif name in BEHIND:
            changes += _behind(name, before, after)
        elif settled(_said(before, name)) != settled(_said(after, name)):
            changes.append(_change(name, _said(before, name), _said(after, name)))
    classes = _classes(changes)
    worded = classes not in ((), ("boring",))
    noted = "correction" in classes
    dated = after.modified is not None and after.modified != before.modified
    return Diff(changes=tuple(changes), classes=classes, silent=worded and not noted and not dated)


def _behind(name: str, before: Article, after: Article) -> list[Change]:
    """What head and data came to say, and the page did not show before: there is where it was edited.

    What they say no longer is no edit, nor what they say still after the page was edited.
    """
    shown = _lines((before.headline, before.standfirst)) | {" ".join(map(settled, before.body))}
    old, new = (list(getattr(article, name)) for article in (before, after))
    known = _lines(old)
    fresh = [
        text for text in new if settled(text) not in known and not any(settled(text) in s for s in shown)
    ]
    gone = [text for text in old if settled(text) not in _lines(new)]
    found = _paragraphs(list(enumerate(gone)), list(enumerate(fresh)))
    return [replace(change, field=name, at=None) for change in found if change.kind != "removed"]


def _said(article: Article, name: str) -> str:
    if name == "authors":
        return ", ".join(article.authors)
    if name == "subheads":
        return "\n".join(text for _, text in article.subheads)
    if name == "captions":
        return "\n".join(sorted({image.caption for image in article.images if image.caption}))
    return str(getattr(article, name))


def _change(name: str, before: str, after: str, at: int | None = None) -> Change:
    kind = "added" if not before else "removed" if not after else "changed"
    return Change(field=name, kind=kind, before=before, after=after, at=at, pieces=words(before, after))


def words(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts compared word by word: pieces that stayed, were removed, were added."""
    one, other = TOKEN.findall(before), TOKEN.findall(after)
    found: list[Piece] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(Piece(kind="same", text="".join(one[a:b])))
            continue
        found += [Piece(kind="removed", text="".join(one[a:b]))] if b > a else []
        found += [Piece(kind="added", text="".join(other[c:d]))] if d > c else []
    return tuple(found)


def _body(before: Sequence[str], after: Sequence[str]) -> list[Change]:
    one, other = [settled(p) for p in before], [settled(p) for p in after]
    found: list[Change] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag != "equal":
            found += _paragraphs(list(enumerate(before))[a:b], list(enumerate(after))[c:d])
    return found


def _paragraphs(before: list[tuple[int, str]], after: list[tuple[int, str]]) -> list[Change]:
    """Paragraphs that differ, each later one beside the earlier one that it is an edit of, in order."""
    found: list[Change] = []
    left = list(before)
    for number, text in after:
        best = max(left, key=lambda each: _likeness(each[1], text), default=None)
        if best is not None and _likeness(best[1], text) >= SAME:
            # What stands before the paragraph that was edited, and is nowhere now, was removed before it.
            left.remove(best)
            found.append(_change("body", best[1], text, number))
        else:
            found.append(_change("body", "", text, number))
    return [*(_change("body", text, "", number) for number, text in left), *found]


def _likeness(one: str, other: str) -> float:
    left, right = TOKEN.findall(one), TOKEN.findall(other)
    match = difflib.SequenceMatcher(None, left, right, autojunk=False)
    if match.quick_ratio() < SAME / 2:
        return 0.0
    same = sum(block.size for block in match.get_matching_blocks())
    # A paragraph to which a good deal was added is an edit of it as well: the shorter one counts.
    return same / max(min(len(left), len(right)), 1)


# --- what sort of edit --------------------------------------------------------------------------------------


def _classes(changes: Sequence[Change]) -> tuple[str, ...]:
    found: set[str] = set()
    for change in changes:
        found |= _class_of(change)
    if len(found) > 1:
        found.discard("boring")
    order = (
        "headline",
        "standfirst",
        "byline",
        "correction",
        "figure",
        "quote",
        "name",
        "added",
        "removed",
        "text",
        "boring",
    )
    return tuple(name for name in order if name in found)


def _class_of(change: Change) -> set[str]:
    named = {
        "headline": "headline", "titles": "headline", "standfirst": "standfirst", "authors": "byline",
        "agency": "byline",
    }  # fmt: skip
    found = {named[change.field]} if change.field in named else set()
    if change.field in ("section", "kicker", "access", "captions"):
        return {"boring"}
    if change.kind == "removed":
        return found or {"removed"}
    fresh = " ".join(piece.text for piece in change.pieces if piece.kind == "added")
    if NOTE.search(fresh):
        return found | {"correction"}
    if change.kind == "added":
        return found or {"added"}
    return found | (_in_words(change) if change.field not in ("authors", "titles") else set())


def _in_words(change: Change) -> set[str]:
    """What sort of words changed within a text that was there before."""
    gone = [p.text for p in change.pieces if p.kind == "removed"]
    come = [p.text for p in change.pieces if p.kind == "added"]
    found: set[str] = set()
    if _figures(gone) != _figures(come) and (_figures(gone) or not gone):
        found |= {"figure"} if _figures(gone) else set()
    if QUOTED.findall(change.before) != QUOTED.findall(change.after) and QUOTED.search(change.before):
        found.add("quote")
    if _names(change.before, gone) and _names(change.after, come):
        found.add("name")
    if found:
        return found
    if change.field not in ("body", "told"):
        return set()
    if not any(re.search(r"\w", text) for text in (*gone, *come)):
        return {"boring"}  # commas and quotation marks
    return {"added"} if not gone else {"removed"} if not come else {"text"}


def _figures(texts: Sequence[str]) -> list[str]:
    return [token for text in texts for token in TOKEN.findall(text) if FIGURE.search(token)]


def _names(whole: str, texts: Sequence[str]) -> list[str]:
    """Words in capitals among these, other than those that begin a sentence."""
    first = set(re.findall(r"(?:\A|[.!?]['”\"]?\s+)[\"“‘']?(\w+)", whole))
    found = [token for text in texts for token in TOKEN.findall(text) if NAME.match(token)]
    return [name for name in found if name not in first]
