"""Memento (RFC 7089): a TimeGate, TimeMaps, and the links that lead from a capture to those around it.

The TimeGate and the TimeMaps are the room's, the mementos (URI-M) are the raw records of the replay origin:
pattern 2.1 of RFC 7089, negotiation by 302. Section numbers in this file are those of the RFC.

    /timegate/<URL>                       302 to the capture nearest to Accept-Datetime
    /timemap/link/[<page>/]<URL>          all captures, as application/link-format (section 5)
    /timemap/cdxj/[<page>/]<URL>          the same as CDXJ: a timestamp and an object for each
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote, unquote

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from archive.cdxj import stamp_of
from archive.errors import CallerError, MorgueError, NotCaptured
from archive.index import Index
from archive.model import Capture
from archive.room import choice, faults
from archive.room.links import embedded, raw_link
from archive.room.origins import Origins

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) ("
    + "|".join(MONTHS)
    + r") (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT\Z",
    re.A,
)
GATE = re.compile(r"/timegate/(.+)\Z", re.S)
MAP = re.compile(r"/timemap/(link|cdxj)/(?:(\d{1,6})/)?(.+)\Z", re.S)
SCHEME = re.compile(r"(https?)(?::|%3a)(?:/|%2f)+", re.I)
PAGE = 5000  # mementos of one TimeMap
LINK_FORMAT = "application/link-format"
FORMS = {"link": LINK_FORMAT, "cdxj": "text/x-cdxj; charset=utf-8"}


def whole_path(request: HTTPConnection) -> str:
    """Path and query as they came: an archived URL must not be decoded and encoded again."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string", b"")
    return (raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")


def read_date(text: str) -> datetime:
    """An Accept-Datetime (section 2.1.1: rfc1123-date, in GMT); raise CallerError for anything else."""
    found = DATE.match(text.strip())
    try:
        if found:
            day, month, year, *time = found.groups()
            hour, minute, second = (int(each) for each in time)
            return datetime(int(year), MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        pass
    raise CallerError(f"Accept-Datetime {text!r} is no date like 'Fri, 20 Nov 2026 06:00:00 GMT'")


def date_of(at: datetime) -> str:
    """A moment as HTTP writes it."""
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)


def uri(url: str) -> str:
    """A URL of the web as it may stand between angle brackets."""
    return quote(url, safe="%/:?&=+,;@!$'()*~#[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are for one URL (URI-R), as this reader reaches both origins."""

    url: str
    room: str
    replay: str

    @property
    def gate(self) -> str:
        """URI-G."""
        return f"{self.room}/timegate/{embedded(self.url)}"

    def map(self, form: str = "link", page: int = 1) -> str:
        """URI-T."""
        return f"{self.room}/timemap/{form}/{f'{page}/' if page > 1 else ''}{embedded(self.url)}"

    def memento(self, capture: Capture) -> str:
        """URI-M."""
        return raw_link(self.replay, capture)


def mementos(captures: list[Capture]) -> list[Capture]:
    """One capture for each URI-M: two of one second cannot be told apart. Oldest first."""
    return list({(stamp_of(c.at), c.url): c for c in captures}.values())


def link_header(places: Places, captures: list[Capture], shown: Capture) -> str:
    """The Link header beside a memento (section 2.2): original, timegate, timemap, and its neighbours."""
    found = [
        f'<{uri(places.url)}>; rel="original"',
        f'<{places.gate}>; rel="timegate"',
        f'<{places.map()}>; rel="timemap"; type="{LINK_FORMAT}"',
    ]
    return ", ".join([*found, *(_memento(places, c, rel) for c, rel in neighbours(captures, shown))])


def neighbours(captures: list[Capture], shown: Capture) -> list[tuple[Capture, str]]:
    """The first, last, previous and next memento and the one shown, each once, with what it is."""
    known = mementos(captures)
    name = (stamp_of(shown.at), shown.url)
    place = next((n for n, c in enumerate(known) if (stamp_of(c.at), c.url) == name), None)
    if place is None:
        return []
    named = {"first": 0, "prev": place - 1, "next": place + 1, "last": len(known) - 1}
    rels: dict[int, list[str]] = {place: []}
    for rel, number in named.items():
        if 0 <= number < len(known):
            rels.setdefault(number, []).append(rel)
    return [(known[n], " ".join([*rels[n], "memento"])) for n in sorted(rels)]


def _memento(places: Places, capture: Capture, rel: str) -> str:
    return f'<{places.memento(capture)}>; rel="{rel}"; datetime="{date_of(capture.at)}"'


class Memento:
    """The TimeGate and the TimeMaps of one archive."""

    def __init__(self, index: Index, origins: Origins) -> None:
        self.index = index
        self.origins = origins

    def places(self, url: str, request: HTTPConnection) -> Places:
        """Where things are for a URL."""
        return Places(url=url, room=self.origins.room(request), replay=self.origins.replay(request))

    def gate(self, request: Request) -> Response:
        """Negotiation in time (section 4): without Accept-Datetime, the latest."""
        places = self.places(_url(GATE.match(whole_path(request))), request)
        headers = {"vary": "accept-datetime", "cache-control": "no-cache"}
        said = request.headers.get("accept-datetime")
        try:
            at = read_date(said) if said is not None else None
            capture, loose = choice.find(self.index, places.url, at)
        except MorgueError as error:
            headers["link"] = f'<{uri(places.url)}>; rel="original"'
            return self._failed(error, places, headers)
        headers["location"] = places.memento(capture)
        headers["link"] = link_header(places, self.index.captures(capture.url), capture)
        if loose:
            headers["x-newsmorgue-fuzzy"] = "1"
        return Response(status_code=302, headers=headers)

    def map(self, request: Request) -> Response:
        """All mementos of a URL, a page of them at a time."""
        found = MAP.match(whole_path(request))
        places = self.places(_url(found), request)
        form, page = (found[1], int(found[2] or 1)) if found else ("link", 1)
        try:
            known = mementos(self.index.captures(places.url))
            if not known:
                raise NotCaptured(f"nothing was captured of {places.url}")
            if not 1 <= page <= -(-len(known) // PAGE):
                raise NotCaptured(f"this TimeMap has {-(-len(known) // PAGE)} pages, and no page {page}")
        except MorgueError as error:
            return self._failed(error, places, {})
        lines = (link_lines if form == "link" else cdxj_lines)(places, known, page)
        text = (",\n" if form == "link" else "\n").join(lines) + "\n"
        return Response(text, headers={"content-type": FORMS[form], "cache-control": "no-cache"})

    def _failed(self, error: MorgueError, places: Places, headers: dict[str, str]) -> Response:
        """One line of text; where nothing was captured, with what is near."""
        said = str(error)
        if isinstance(error, NotCaptured) and (nearest := choice.near(self.index, places.url, None)):
            said += f"; near it is {nearest.url}, captured {date_of(nearest.at)}: {places.memento(nearest)}"
        return PlainTextResponse(f"{said}\n", faults.status_of(error), headers=headers)


def _url(found: re.Match[str] | None) -> str:
    """The URL at the end of a path; percent-encoded as a whole, or without its scheme, as people type it."""
    url = found[found.re.groups] if found else ""
    scheme = SCHEME.match(url)
    if scheme is None:
        return f"http://{url}"
    rest = url[scheme.end() :]
    return f"{scheme[1].lower()}://{unquote(rest) if '%' in scheme[0] else rest}"


def _pages(known: list[Capture]) -> list[list[Capture]]:
    return [known[n : n + PAGE] for n in range(0, len(known), PAGE)]


def _maps(places: Places, known: list[Capture], form: str, page: int) -> Iterator[dict[str, str]]:
    """All pages of a TimeMap, as the attributes of their links (section 5.1)."""
    for number, some in enumerate(_pages(known), 1):
        yield {
            "uri": places.map(form, number),
            "rel": "self" if number == page else "timemap",
            "type": FORMS[form].partition(";")[0],
            "from": date_of(some[0].at),
            "until": date_of(some[-1].at),
        }


def _listed(known: list[Capture], page: int) -> Iterator[tuple[Capture, str]]:
    for number, capture in enumerate(known[(page - 1) * PAGE : page * PAGE], (page - 1) * PAGE):
        first, last = ["first"] * (number == 0), ["last"] * (number == len(known) - 1)
        yield capture, " ".join([*first, *last, "memento"])


def link_lines(places: Places, known: list[Capture], page: int) -> Iterator[str]:
    """A TimeMap in application/link-format (RFC 6690), link by link."""
    yield f'<{uri(places.url)}>; rel="original"'
    yield f'<{places.gate}>; rel="timegate"'
    for each in _maps(places, known, "link", page):
        address = each.pop("uri")
        yield f"<{address}>; " + "; ".join(f'{name}="{value}"' for name, value in each.items())
    for capture, rel in _listed(known, page):
        yield _memento(places, capture, rel)


def cdxj_lines(places: Places, known: list[Capture], page: int) -> Iterator[str]:
    """A TimeMap as CDXJ: what it is in lines that begin with "!", then a timestamp and an object for each."""
    yield '!context ["https://www.rfc-editor.org/rfc/rfc7089"]'
    yield f"!id {json.dumps({'uri': places.map('cdxj', page)})}"
    yield '!keys ["memento_datetime_YYYYMMDDhhmmss"]'
    yield f"!meta {json.dumps({'original_uri': places.url})}"
    yield f"!meta {json.dumps({'timegate_uri': places.gate})}"
    for each in _maps(places, known, "cdxj", page):
        yield f"!meta {json.dumps({'timemap_uri': each})}"
    for capture, rel in _listed(known, page):
        said = {"uri": places.memento(capture), "rel": rel, "datetime": date_of(capture.at)}
        yield f"{stamp_of(capture.at)} {json.dumps(said)}"
