"""What a publisher says about the use of a page: robots meta, X-Robots-Tag, TDMRep and others. Pure.

Rules: bytes in, a small value out; what is not understood is left out, nothing is guessed. Only what is said
to every agent or to our own name counts: a line for another company's robot does not speak to an archive.
Where a page says two things, both are kept, but for a TDM reservation, whose protocol has an order (HTML over
header).

Sources: the robots meta tag and X-Robots-Tag as search engines describe them; TDM Reservation Protocol (W3C
community group, final report of 10 May 2024); Content-Signal as in the robots.txt lines of that name, and the
IETF draft's Content-Usage.
"""

import html
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote, urlsplit

from archive.opening import STEP, Opening
from archive.wire import ResponseHead

AGENT = "newsmorgue"
UNSAID = "-"  # what a metadata record says of a page that was read and says nothing
# Bytes of HTML that are looked at where no <body> comes before. Heads of 140 KiB are real.
LOOK = 256 * 1024
MOST, LONGEST = 32, 500
PAGES = ("text/html", "application/xhtml+xml")
PLAIN = frozenset(("noarchive", "nocache", "nosnippet", "noindex", "noimageindex", "noai", "noimageai"))
VALUED = frozenset(("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"))
TDM = frozenset(("tdm-reservation", "tdm-policy"))
USES = frozenset(("search", "ai-input", "ai-train", "train-ai", "train-genai", "use", "bots"))
SITE_WIDE = frozenset(("ai-robots", "ai-txt"))
NAMES = PLAIN | VALUED | TDM | USES | SITE_WIDE
# Limits that limit nothing: most pages say them, and they would only fill the index.
ALLOWING = frozenset((("max-image-preview", "large"), ("max-snippet", "-1"), ("max-video-preview", "-1")))
HEADERS = (b"x-robots-tag", b"tdm-reservation", b"tdm-policy", b"content-signal", b"content-usage")
TAG = re.compile(rb"<(!--|(?:script|style|title|textarea|template|meta|body)(?=[\s/>]))")
TAG_LONGEST = 10  # bytes that TAG may look at
HIDING = (
    (b"<!--", b"-->"),
    *((b"<" + n, b"</" + n) for n in (b"script", b"style", b"title", b"textarea", b"template")),
)
SPACE = (b" ", b"\n", b"\r", b"\t", b"\f", b"/", b">")
ATTRIBUTE = re.compile(rb"""([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
TAG_LIMIT = 4096
MOST_TAGS = 50
MOST_NAMES = 2000
META_END = re.compile(rb"""(?:[^>"']|"[^"]*"|'[^']*')*+>""")
META_NAMES = (b"robots", AGENT.encode(), b"tdm-")
LIMIT = re.compile(r"(?:-?\d{1,9}|none|standard|large)\Z", re.I)
WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\Z", re.I)
SIZE_LIMIT = 500 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """Signals by name and value ("" where a name says all), sorted. Its text: `noarchive tdm-reservation=1`.

    Values are percent-encoded in the text, so that it is one line of ASCII words.
    """

    pairs: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join(f"{name}={quote(value, safe=_SAFE)}" if value else name for name, value in self.pairs)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def __or__(self, other: "Signals") -> "Signals":
        if not other:
            return self
        return signals((*self.pairs, *other.pairs))

    def get(self, name: str) -> str | None:
        """The first value of a name; None where it was not said."""
        return next((value for each, value in self.pairs if each == name), None)


_SAFE = "/:?&+,;@!$'()*~#[]"


def signals(pairs: Iterable[tuple[str, str]]) -> Signals:
    """Signals of pairs: known names only, each pair once, 32 at most, no value longer than 500 characters."""
    kept = {(name, value) for name, value in pairs if name in NAMES and len(value) <= LONGEST}
    return Signals(pairs=tuple(sorted(kept)[:MOST]))


def parse(text: str) -> Signals:
    """Signals of their text form; words that are none are passed over."""
    words = (word.partition("=") for word in text.split())
    return signals((name, unquote(value)) for name, _, value in words)


def signals_of(head: ResponseHead, body: bytes) -> Signals:
    """What a response says: its head, and the head of its page, where it is HTML.

    `body` is as sent; more than its first 256 KiB are not looked at.
    """
    return signals_in(head, Opening(head, body) if body and head.mime in PAGES else None)


def signals_in(head: ResponseHead, opening: Opening | None) -> Signals:
    """`signals_of`, for a page that has been opened already; None where it is no page."""
    # Most responses say nothing in their head, and each costs only this.
    told = [(name.lower(), value) for name, value in head.headers if name.lower() in HEADERS]
    pairs = list(_of_headers(told)) if told else []
    if opening:
        page = list(_of_page(opening))
        if any(name in TDM for name, _ in page):
            pairs = [pair for pair in pairs if pair[0] not in TDM]
        pairs += page
    return signals(pairs) if pairs else Signals()


def beside(own: Signals, told: Signals) -> Signals:
    """A page's own signals, and what its host says elsewhere: a TDM reservation of the page goes before."""
    if any(name in TDM for name, _ in own.pairs):
        told = Signals(pairs=tuple(pair for pair in told.pairs if pair[0] not in TDM))
    return own | told


def _of_headers(told: list[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    for name, raw in told:
        value = raw.decode("latin-1").strip()
        if name == b"x-robots-tag":
            yield from _robots(value)
        elif name in (b"tdm-reservation", b"tdm-policy"):
            yield from _tdm(name.decode(), value)
        else:
            yield from _uses(value)


def _robots(value: str) -> Iterator[tuple[str, str]]:
    """Directives of an X-Robots-Tag or a robots meta: "noai, otherbot: noindex, max-snippet: 20"."""
    ours = True
    parts = iter(value[:4000].split(","))
    for part in parts:
        name, colon, rest = (p.strip() for p in part.partition(":"))
        name = name.lower()
        if colon and name not in VALUED:
            ours = name in ("*", "robots", AGENT)
            name, _, rest = (p.strip() for p in rest.partition(":"))
            name = name.lower()
        if name == "unavailable_after" and WEEKDAY.match(rest):
            rest += "," + next(parts, "")
        if ours:
            yield from _directive(name, rest)


def _directive(name: str, value: str) -> Iterator[tuple[str, str]]:
    if name in ("none", *PLAIN):
        yield ("noindex" if name == "none" else name), ""
    elif name == "unavailable_after" and value:
        yield name, _moment(value)
    elif name in VALUED and LIMIT.match(value) and (name, value.lower()) not in ALLOWING:
        yield name, value.lower()


def _moment(text: str) -> str:
    """A date as in RFC 822, RFC 850 or ISO 8601, made ISO 8601 in UTC; others as they stand."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text.strip())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        except (ValueError, TypeError, OverflowError):
            continue
    return " ".join(text.split())


def _tdm(name: str, value: str) -> Iterator[tuple[str, str]]:
    """A reservation is "0" or "1", a policy a web address; anything else counts as unset (TDMRep, errors)."""
    if value in ("0", "1") if name == "tdm-reservation" else value.startswith(("https://", "http://")):
        yield name, value


def _uses(value: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"[,;]", value[:1000]):
        name, equals, said = (p.strip().lower() for p in part.partition("="))
        if equals and name in USES and re.fullmatch(r"[a-z0-9-]{1,20}", said):
            yield name, said


def _of_page(opening: Opening) -> Iterator[tuple[str, str]]:
    for found in _metas(opening):
        name = found.get("name", "").strip().lower()
        content = html.unescape(found.get("content", "")).strip()
        if name in ("robots", AGENT):
            yield from _robots(content)
        elif name in TDM:
            yield from _tdm(name, content)


def _metas(opening: Opening) -> Iterator[dict[str, str]]:
    """The attributes of the meta tags of a page's head that have one of our names in them, in order.

    Found by their names and not by reading the page tag by tag: that is five times faster.
    """
    end = _head_end(opening)
    page, low = opening.first(end), opening.low(end)
    starts: dict[int, int] = {}
    for name in META_NAMES:
        place = low.find(name)
        for _ in range(MOST_NAMES):
            if place < 0:
                break
            start = low.rfind(b"<meta", max(place - TAG_LIMIT, 0), place)
            if start >= 0 and low[start + 5 : start + 6] in SPACE:
                starts.setdefault(start, place)
            place = low.find(name, place + len(name))
    for start in sorted(starts)[:MOST_TAGS]:
        end = _end_of_tag(page, start)
        if starts[start] < end and _is_markup(low, start, HIDING):
            yield _attributes(page[start + 5 : end])


def _head_end(opening: Opening) -> int:
    """Index of the page's <body>, or as far as is looked."""
    tries = MOST_TAGS  # a hostile page may write it in a comment a thousand times
    place, size = 0, STEP
    while True:
        low = opening.low(size)
        while tries and (place := low.find(b"<body", place)) >= 0:
            if low[place + 5 : place + 6] in SPACE:
                if _is_markup(low, place, HIDING[:2]):
                    return place
                tries -= 1
            place += 5
        if len(low) < size or size >= LOOK:
            return len(low)
        place, size = max(len(low) - 6, 0), size * 2


def _is_markup(low: bytes, place: int, hiding: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a tag at this place of a page (in lower case) is none in a comment, a script or the like."""
    suspects = [low.rfind(opening, 0, place) for opening, _ in hiding]
    if all(
        start < 0 or low.find(closing, start, place) >= 0
        for start, (_, closing) in zip(suspects, hiding, strict=True)
    ):
        return True
    return any(found == place for found in _tags(low, place))


def _tags(low: bytes, until: int) -> Iterator[int]:
    """Where tags stand, up to one place, read from the beginning on: a script may speak of a comment."""
    place = 0
    while found := TAG.search(low, place, until + TAG_LONGEST):
        place = found.end()
        if found[1] in (b"meta", b"body"):
            yield found.start()
            continue
        closing = b"-->" if found[1] == b"!--" else b"</" + found[1]
        place = low.find(closing, place, until)
        if place < 0:
            return  # never closed so far: a browser takes the rest of the page for it


def _end_of_tag(page: bytes, start: int) -> int:
    """Index behind a tag, of which 4 KiB are looked at. Where quotes never end, the next ">" is its end."""
    end = META_END.match(page, start, start + TAG_LIMIT)
    return end.end() if end else page.find(b">", start, start + TAG_LIMIT) + 1


def _attributes(tag: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, *values in ATTRIBUTE.findall(tag):
        found.setdefault(name.decode("latin-1").lower(), b"".join(values).decode("utf-8", "replace"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TdmRule:
    """One entry of tdmrep.json: the paths it is for, whether rights are reserved there, and its policy."""

    location: str
    reserved: bool
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AiTxt:
    """The patterns of an ai.txt for every agent and for ours, as told."""

    disallow: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


def tdmrep_json(body: bytes) -> tuple[TdmRule, ...]:
    """The rules of /.well-known/tdmrep.json, in order; none where it is not one (errors count as unset)."""
    try:
        entries = json.loads(body[:SIZE_LIMIT].decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return ()
    found = []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
            continue
        said, policy = entry.get("tdm-reservation"), entry.get("tdm-policy")
        if said in (0, 1, "0", "1"):
            policy = policy if isinstance(policy, str) else ""
            found.append(TdmRule(location=entry["location"], reserved=int(said) == 1, policy=policy))
    return tuple(found[:1000])


def reserved_at(rules: Collection[TdmRule], url: str) -> Signals:
    """What tdmrep.json says of a URL: the longest pattern that fits, a reservation among equals."""
    if not rules:
        return Signals()
    path = _path(url)
    fitting = [r for r in rules if r.location and _fits(r.location, path)]
    if not fitting:
        return Signals()
    best = max(fitting, key=lambda r: (len(r.location), r.reserved))
    pairs = [("tdm-reservation", str(int(best.reserved)))]
    return signals([*pairs, *_tdm("tdm-policy", best.policy)])


def ai_txt(body: bytes) -> AiTxt:
    """Read an ai.txt (User-Agent, Allow, Disallow; the form of robots.txt): what is said to all, or to us."""
    lists: dict[str, list[str]] = {"disallow": [], "allow": []}
    ours, naming = True, False
    for line in body[:SIZE_LIMIT].decode("utf-8-sig", "replace").splitlines()[:5000]:
        key, colon, value = (p.strip() for p in line.partition("#")[0].partition(":"))
        key = key.lower()
        if key == "user-agent":
            ours = (naming and ours) or value.lower() in ("*", AGENT)
        elif colon and key in lists and value and ours:
            lists[key].append(value)
        naming = key == "user-agent" or (naming and not key)
    return AiTxt(disallow=tuple(lists["disallow"]), allow=tuple(lists["allow"]))


def refused_by(said: AiTxt, url: str) -> Signals:
    """`ai-txt=disallow` where the longest pattern that fits the URL's path forbids it."""
    if not said.disallow:
        return Signals()
    path = _path(url)
    no = max((len(p) for p in said.disallow if _fits(p, path)), default=0)
    yes = max((len(p) for p in said.allow if _fits(p, path)), default=0)
    return Signals(pairs=(("ai-txt", "disallow"),)) if no > yes else Signals()


def of_robots_txt(told: Mapping[str, str], ai_groups: Iterable[str] = ()) -> Signals:
    """The Content-Signal lines of a robots.txt, and `ai-robots=disallow` where AI crawlers are shut out."""
    if not told and not ai_groups:
        return Signals()
    pairs = list(_uses(",".join(f"{name}={value}" for name, value in told.items())))
    return signals([*pairs, *([("ai-robots", "disallow")] if tuple(ai_groups) else [])])


def _path(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "/"
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _fits(pattern: str, path: str) -> bool:
    """Whether a pattern of robots.txt's form (RFC 9309, 2.2.3: "*" and a "$" at the end) fits a path.

    Pieces between stars are looked for in order: no pattern of a stranger becomes a regular expression.
    """
    anchored, pattern = pattern.endswith("$"), pattern.removesuffix("$")
    pattern = pattern if pattern.startswith(("/", "*")) else "/" + pattern
    first, *rest = pattern.split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    if anchored and not rest:
        return place == len(path)
    for number, piece in enumerate(rest):
        if anchored and number == len(rest) - 1:
            return path.endswith(piece) and len(path) - len(piece) >= place
        place = path.find(piece, place) + len(piece)
        if place < len(piece):
            return False
    return True
