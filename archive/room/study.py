"""The pages for study: search, articles and their versions, differences, edits, how to cite."""

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from archive.citation import Citation
from archive.clusters import Copy, copies_of, one_article
from archive.dates import read_time
from archive.errors import CallerError, NotCaptured, RightsReserved
from archive.fronts import Story, stories_of
from archive.history import Edit, away, edits, history
from archive.model import ArticleRow, Capture, Image
from archive.parts import Spread, spread_of
from archive.permission import Permission, withheld
from archive.playback import play
from archive.question import Answer, Hit, Question
from archive.room import atom, choice
from archive.room.evidence import RASTER, kind_of
from archive.room.finder import Finder
from archive.room.links import capture_link, lookup_link, weblink
from archive.room.origins import Origins
from archive.room.pulse import Bar
from archive.room.shelf import Shelf
from archive.selection import Selection
from archive.versions import Change, Diff, Version, diff

PAGE = 20  # hits on a page
DEEP = 500  # pages that can be turned to
SHOWN_EDITS = 60
EDITS_DEEP = 20  # pages of edits: each is found by comparing versions
DAYS = 120  # bars of a day each; a longer time is drawn by months
FILTERS = ("site", "language", "section", "kind", "access", "author")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A version in a timeline: its number from 1, and what changed since the one before."""

    number: int
    version: Version
    changed: Diff | None


class Study:
    """The endpoints; `page` renders a template of the room."""

    def __init__(
        self,
        shelf: Shelf,
        permission: Permission,
        finder: Finder,
        origins: Origins,
        page: Callable[..., Response],
        max_spread: timedelta | None = None,
    ) -> None:
        self.max_spread = max_spread
        self.shelf = shelf
        self.permission = permission
        self.finder = finder
        self.origins = origins
        self.page = page

    def routes(self) -> list[Route]:
        """What the room serves of this."""
        return [
            Route("/search", self.search),
            Route("/article", self.article),
            Route("/diff", self.difference),
            Route("/author", self.author),
            Route("/selection.json", self.selection),
            Route("/edits", self.edits),
            Route("/edits.atom", self.feed),
            Route("/cite", self.cite),
            Route("/copies", self.copies),
            Route("/parts", self.parts),
            Route("/front", self.front),
        ]

    # --- search ---------------------------------------------------------------------------------------------

    def search(self, request: Request) -> Response:
        """Articles by their words, with counts by newspaper, day and so on."""
        question, number = question_of(request)
        answer, behind = self.ask(question)
        shown = self.allowed(answer.hits)
        return self.page(
            request,
            "search.html",
            question=question,
            answer=answer,
            hits=shown,
            withheld=len(answer.hits) - len(shown),
            number=number,
            last=min(-(-answer.count // PAGE), DEEP),
            bars=trend(answer.days),
            monthly=len(answer.days) > 0 and _span(answer.days) > DAYS,
            name=self.shelf.name,
            behind=behind,
            trouble=self.finder.trouble,
        )

    def author(self, request: Request) -> Response:
        """What one author signed."""
        name = request.query_params.get("name", "").strip()
        if not name:
            raise CallerError("no author was named; write /author?name=Jo+Lund")
        question, number = question_of(request)
        answer, behind = self.ask(replace(question, author=name, sort="date"))
        shown = self.allowed(answer.hits)
        return self.page(
            request, "author.html", 200 if answer.count else 404, author=name, answer=answer, hits=shown,
            number=number, last=min(-(-answer.count // PAGE), DEEP), bars=trend(answer.days),
            monthly=len(answer.days) > 0 and _span(answer.days) > DAYS, name=self.shelf.name, behind=behind,
        )  # fmt: skip

    def selection(self, request: Request) -> Response:
        """What a search asks for, to be kept and asked again by `morgue export --again`."""
        question, _ = question_of(request)
        text = json.dumps(Selection(question=question).plain(), indent=1, ensure_ascii=False) + "\n"
        headers = {"content-disposition": 'attachment; filename="selection.json"'}
        return Response(text, media_type="application/json", headers=headers)

    def ask(self, question: Question) -> tuple[Answer, str]:
        """The answer, and how far the reading of articles is ("": done)."""
        with self.finder.open() as search:
            return search.ask(question, facets=True, access=self.permission.access), self.finder.progress

    def allowed(self, hits: Iterable[Hit]) -> list[Hit]:
        """The hits that may be shown."""
        return [
            hit for hit in hits if not self.permission.shown_at(hit.site, hit.url, hit.warc, hit.captured)
        ]

    # --- one article ----------------------------------------------------------------------------------------

    def article(self, request: Request) -> Response:
        """What one article says, its versions and its captures."""
        url = request.query_params.get("url", "").strip()
        found = self.versions(url)
        if not found:
            return RedirectResponse(lookup_link(url), 303)
        chosen = _held(found, request.query_params.get("version", "")) or found[-1]
        row = chosen.row
        self.must_be_shown(row)
        steps = steps_of(found)
        copies = self.copied(request, deep=False)[1]
        return self.page(
            request,
            "article.html",
            name=self.shelf.name(row.site),
            row=row,
            said=row.article,
            steps=steps,
            step=next(step for step in steps if step.version is chosen),
            captures=self.shelf.index.captures(row.article.url),
            gone=away(self.shelf.index, found[-1].row.article.url),
            forms=sorted({v.row.article.url for v in found} - {row.article.url}),
            sources=_sources(row),
            copies=copies,
            mastheads=one_article(copies, row.article.url),
            pictures=[self.picture(image, row.captured) for image in row.article.images],
            rights=self.rights(row),
        )

    def picture(self, image: Image, at: datetime) -> tuple[Image, Capture | None]:
        """A picture of an article, and its capture nearest to the article's, where it may be shown."""
        captures = self.shelf.index.captures(image.url) if weblink(image.url) else []
        found = choice.choose(captures, image.url, at) if captures else None
        shown = found and kind_of(found) in RASTER and not self.permission.replay(found)
        return image, found if shown else None

    def rights(self, row: ArticleRow) -> tuple[str, str]:
        """What the publisher says of the use of a page, and why exports leave it out ("": they hold it)."""
        captures = self.shelf.index.captures(row.article.url)
        said = next((c.rights for c in captures if c.location == row.warc), "")
        return said, self.permission.export(row)

    def versions(self, url: str) -> list[Version]:
        """The versions of the article at an address, oldest first; [] where its page holds no article.

        Raise NotCaptured where neither the address nor another form of it was captured.
        """
        with self.finder.open() as search:
            try:
                return history(self.shelf.store, url, index=self.shelf.index, search=search)
            except NotCaptured:
                if not url or not self.shelf.index.captures(url):
                    raise NotCaptured(
                        f"nothing was captured of {url}" if url else "no URL was given"
                    ) from None
                return []

    def must_be_shown(self, row: ArticleRow) -> None:
        """Raise RightsReserved where a row may not be shown."""
        if said := self.permission.show(row):
            raise RightsReserved(withheld(row.article.url, said))

    def difference(self, request: Request) -> Response:
        """Two versions of an article side by side."""
        query = request.query_params
        url = query.get("url", "").strip()
        found, before, after, changed = self.pair(url, query.get("from", ""), query.get("to", ""))
        return self.page(
            request, "diff.html", name=self.shelf.name(after.row.site), steps=steps_of(found), before=before,
            after=after, changed=changed, pairs=side_by_side(before, after, changed),
        )  # fmt: skip

    def pair(self, url: str, before: str, after: str) -> tuple[list[Version], Version, Version, Diff]:
        """All versions of an article, two of them by their digests (the last two), and what changed."""
        found = self.versions(url)
        if not found:
            raise NotCaptured(f"no article of {url} is in the archive")
        later = _held(found, after) or found[-1]
        earlier = _held(found, before) or found[max(found.index(later) - 1, 0)]
        for version in (earlier, later):
            self.must_be_shown(version.row)
        return found, earlier, later, diff(earlier.row.article, later.row.article)

    def cite(self, request: Request) -> Response:
        """How one capture is cited; with `as` bibtex, csl or json, as that alone."""
        url = request.query_params.get("url", "").strip()
        captures = self.shelf.index.captures(url) if url else []
        if not captures:
            raise NotCaptured(f"nothing was captured of {url}" if url else "no URL was given")
        citation = self.citation(request, choice.choose(captures, url, self.moment(request)))
        match request.query_params.get("as", ""):
            case "bibtex":
                return PlainTextResponse(citation.bibtex(), media_type="application/x-bibtex")
            case "csl":
                return PlainTextResponse(
                    citation.csl_json(), media_type="application/vnd.citationstyles.csl+json"
                )
        return self.page(request, "cite.html", citation=citation)

    def citation(self, request: Request, capture: Capture) -> Citation:
        """The citation of a capture, with what the article said at that time."""
        room = self.origins.room(request)
        try:
            found = [v for v in self.versions(capture.url) if v.first <= capture.at]
        except NotCaptured:
            found = []
        shown = found[-1].row if found else None
        if shown and self.permission.show(shown):
            shown = None
        site = capture.location.warc.split("/")[1]
        return Citation(
            capture=capture, permalink=room + capture_link(capture.url, capture.at),
            archive=room.partition("://")[2].partition(":")[0], newspaper=self.shelf.name(site),
            article=shown.article if shown else None,
        )  # fmt: skip

    def moment(self, request: Request) -> datetime | None:
        """The moment that a request names; raise CallerError."""
        return choice.asked(request.query_params.get("at", ""))

    def copies(self, request: Request) -> Response:
        """One text in several newspapers: who had it first, what each kept and added."""
        url, found = self.copied(request)
        other = request.query_params.get("with", "").strip()
        both = [copy.url for number, copy in enumerate(found) if not number or copy.url == other]
        pair = [self.versions(each)[-1] for each in both]
        if len(pair) < 2:
            return self.page(request, "copies.html", url=url, copies=found, name=self.shelf.name,
                             mastheads=one_article(found, url))  # fmt: skip
        for version in pair:
            self.must_be_shown(version.row)
        changed = diff(pair[0].row.article, pair[1].row.article)
        return self.page(
            request, "compare.html", before=pair[0], after=pair[1], changed=changed, name=self.shelf.name,
            pairs=side_by_side(pair[0], pair[1], changed), url=url,
        )  # fmt: skip

    def copied(self, request: Request, *, deep: bool = True) -> tuple[str, list[Copy]]:
        """The address that is asked for, and the copies that may be shown."""
        url = request.query_params.get("url", "").strip()
        if not url:
            raise CallerError("no URL was given")
        with self.finder.open() as search:
            found = copies_of(search, url, deep=deep)
        permits = self.permission.shown_at
        return url, [c for c in found if not permits(c.site, c.url, c.warc, c.captured)]

    def parts(self, request: Request) -> Response:
        """When the parts of a capture were captured, and which are missing."""
        spread = self.spread(request)
        return self.page(request, "parts.html", spread=spread, limit=self.max_spread)

    def spread(self, request: Request) -> Spread:
        """The parts of the capture that is asked for, as replay would show them."""
        url = request.query_params.get("url", "").strip()
        captures = self.shelf.index.captures(url) if url else []
        if not captures:
            raise NotCaptured(f"nothing was captured of {url}" if url else "no URL was given")
        page = choice.choose(captures, url, self.moment(request))
        if said := self.permission.replay(page):
            raise RightsReserved(withheld(url, said))
        return spread_of(self.shelf.store, self.shelf.index, page, self._part)

    def _part(self, url: str, at: datetime) -> Capture:
        found, _ = choice.find(self.shelf.index, url, at)
        return choice.within([found], found.url, at, self.max_spread)

    def front(self, request: Request) -> Response:
        """The stories of a front page at one capture, in their order."""
        capture, found = self.stories(request)
        captures = self.shelf.index.captures(capture.url)
        place = captures.index(capture)
        return self.page(
            request, "front.html", capture=capture, stories=found, site=capture.location.warc.split("/")[1],
            name=self.shelf.name, earlier=captures[place - 1] if place else None,
            later=captures[place + 1] if place + 1 < len(captures) else None,
        )  # fmt: skip

    def stories(self, request: Request) -> tuple[Capture, list[Story]]:
        """The capture of a front page that is asked for, and its stories that may be shown."""
        url = request.query_params.get("url", "").strip()
        captures = self.shelf.index.captures(url) if url else []
        if not captures:
            raise NotCaptured(f"nothing was captured of {url}" if url else "no URL was given")
        capture = choice.choose(captures, url, self.moment(request))
        if said := self.permission.replay(capture):
            raise RightsReserved(withheld(url, said))
        text = play(self.shelf.store, self.shelf.index, capture).text()
        site = capture.location.warc.split("/")[1]
        with self.finder.open() as search:
            found = stories_of(text, capture.url, search.knows)
        forbids = self.permission.access.forbids
        return capture, [story for story in found if not forbids(story.url, site, capture.at)]

    # --- what was edited ------------------------------------------------------------------------------------

    def edits(self, request: Request) -> Response:
        """Edits, withdrawals and returns of a newspaper, of articles that say some words, or of all."""
        site, words, found, number, more = self.edited(request)
        return self.page(
            request, "edits.html", site=site, words=words, edits=found, number=number, more=more,
            name=self.shelf.name, newspapers=[(s, self.shelf.name(s)) for s in self.shelf.site_names()],
            behind=self.finder.progress,
        )  # fmt: skip

    def feed(self, request: Request) -> Response:
        """The same as an Atom feed."""
        site, words, found, _, _ = self.edited(request)
        title = f"Edits: {self.shelf.name(site) if site else 'all newspapers'}{f', {words}' if words else ''}"
        text = atom.feed(found, title=title, room=self.origins.room(request), query=str(request.url.query))
        return Response(text, media_type="application/atom+xml")

    def edited(self, request: Request) -> tuple[str, str, list[Edit], int, bool]:
        """The newspaper and words that are asked for, a page of what was edited, its number, and whether
        there are more pages.
        """
        number = min(question_of(request)[1], EDITS_DEEP)
        most = SHOWN_EDITS * number
        site = request.query_params.get("site", "").strip()
        words = request.query_params.get("q", "").strip()
        if site:
            self.shelf.newspaper_name(site)
        with self.finder.open() as search:
            found = edits(self.shelf.store, self.shelf.index, search, site=site, words=words, limit=most)
        shown = [e for e in found[most - SHOWN_EDITS :] if not self._hidden(e)]
        return site, words, shown, number, len(found) == most and number < EDITS_DEEP

    def _hidden(self, edit: Edit) -> bool:
        rows = [v.row for v in (edit.before, edit.after) if v]
        if rows:
            return any(self.permission.show(row) for row in rows)
        captures = self.shelf.index.captures(edit.url)
        return bool(captures) and any(self.permission.replay(c) for c in captures[-1:])


def question_of(request: Request) -> tuple[Question, int]:
    """What a request looks for, and the number of the page from 1; raise CallerError."""
    query = request.query_params
    number = number_of(request)
    words = query.get("q", "").strip()
    sort = query.get("sort", "")
    wanted = {name: query.get(name, "").strip() for name in FILTERS}
    question = Question(
        words=words, since=_day(query.get("from", "")), until=_day(query.get("to", "")),
        sort=sort if sort in ("relevance", "date") else "relevance" if words else "date",
        limit=PAGE, skip=(number - 1) * PAGE, **wanted,
    )  # fmt: skip
    return question, number


def number_of(request: Request) -> int:
    """The number of the page that a request asks for, from 1."""
    text = request.query_params.get("page", "1")
    return min(max(int(text), 1), DEEP) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def day_of(text: str) -> date:
    """The day that a request names; raise CallerError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CallerError(f"{text!r} is no day; write 2026-11-20") from None


def _day(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    at = read_time(text)
    if at is None:
        raise CallerError(f"{text!r} is no day; write 2026-11-20")
    return f"{at:%Y-%m-%d}"


def trend(days: list[tuple[str, int]]) -> tuple[Bar, ...]:
    """Counts of articles by day ("2026-11-20") as bars; by month where they span more than 120 days."""
    if not days:
        return ()
    counts = dict(days)
    if _span(days) > DAYS:
        months: dict[date, int] = {}
        for text, count in days:
            first = date.fromisoformat(text).replace(day=1)
            months[first] = months.get(first, 0) + count
        return _bars(list(_months(min(months), max(months))), months)
    first, last = date.fromisoformat(days[0][0]), date.fromisoformat(days[-1][0])
    every = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    return _bars(every, {date.fromisoformat(day): count for day, count in counts.items()})


def _span(days: list[tuple[str, int]]) -> int:
    return (date.fromisoformat(days[-1][0]) - date.fromisoformat(days[0][0])).days


def _months(first: date, last: date) -> Iterable[date]:
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield date(number // 12, number % 12 + 1, 1)


def _bars(days: list[date], counts: dict[date, int]) -> tuple[Bar, ...]:
    days = days[-400:]
    top = max((counts.get(day, 0) for day in days), default=0) or 1
    return tuple(Bar(day=d, new=counts.get(d, 0), height=100 * counts.get(d, 0) / top) for d in days)


def steps_of(found: list[Version]) -> list[Step]:
    """Versions with what changed from each to the next, oldest first."""
    changed = [None, *(diff(a.row.article, b.row.article) for a, b in itertools.pairwise(found))]
    return [
        Step(number=n, version=v, changed=c) for n, (v, c) in enumerate(zip(found, changed, strict=True), 1)
    ]


def side_by_side(before: Version, after: Version, changed: Diff) -> list[tuple[str, Markup, Markup]]:
    """Rows of a table: what it is, the earlier text, the later one; paragraphs that stayed stand in both."""
    rows = [(c.field, *_marked(c)) for c in changed.changes if c.field != "body"]
    paragraphs = [c for c in changed.changes if c.field == "body"]
    told = {c.at: c for c in paragraphs if c.kind != "removed"}
    gone: dict[str, Change] = {c.before: c for c in paragraphs if c.kind == "removed"}
    old = list(before.row.article.body)
    place = 0
    for number, text in enumerate(after.row.article.body):
        change = told.get(number)
        if change is None or change.kind == "changed":
            wanted = change.before if change else None
            while place < len(old) and old[place] in gone and old[place] != wanted:
                rows.append(("body", *_marked(gone[old[place]])))
                place += 1
            place += 1
        rows.append(("body", *_marked(change)) if change else ("", escape(text), escape(text)))
    rows += [("body", *_marked(gone[text])) for text in old[place:] if text in gone]
    return rows


def _marked(change: Change) -> tuple[Markup, Markup]:
    left, right = Markup(), Markup()
    for piece in change.pieces:
        text = escape(piece.text)
        if piece.kind in ("same", "removed"):
            left += Markup("<del>{}</del>").format(text) if piece.kind == "removed" else text
        if piece.kind in ("same", "added"):
            right += Markup("<ins>{}</ins>").format(text) if piece.kind == "added" else text
    return left, right


def _held(found: list[Version], wanted: str) -> Version | None:
    """The version of this digest (or its beginning), the latest where it came back."""
    return next((v for v in reversed(found) if wanted and v.row.version.startswith(wanted)), None)


def _sources(row: ArticleRow) -> list[tuple[str, str, str]]:
    """Each field with where it came from, and what the page said, raw."""
    said = row.article
    return [(name, said.source[name], said.raw.get(name, "")) for name in sorted(said.source)]
