"""robots.txt by RFC 9309: what it allows our agent, how often, and what else it says. Pure.

Our own matcher, for Protego (which Scrapy uses), right as it is on paths, differs from the RFC where an
archive must not: a Crawl-delay or unknown line between two user-agent lines ends the group (2.2.4 says that
other records must not), "news" in a user-agent line matches the agent "newsmorgue" and "newsmorgue/1.0" does
not (2.2.1), lines also end at form feeds and U+2028, a byte order mark hides the first line, there is no
limit of size (2.5), and "Allow: /index.html" allows "/". It also takes "%3A" in a query for other than ":"
(2.2.2, the table).
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from spiders.told import absolute_all

SIZE_LIMIT = 500 * 1024
MOST_SITEMAPS = 1000
LINE_END = re.compile(rb"\r\n|\r|\n")
LINE = re.compile(r"[ \t]*([A-Za-z][A-Za-z _-]{0,30}?)[ \t]*:[ \t]*(.*)")
COLONLESS = re.compile(r"[ \t]*(user-agent|allow|disallow)[ \t]+(\S+)[ \t]*\Z", re.I)
ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# Reserved characters (RFC 3986, 2.2) that are compared as equal, escaped or not; so is "/" in a query.
PLAIN_ANYWHERE = frozenset(":@!'(),;[]=&+")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
KEYS = {
    **dict.fromkeys(("user-agent", "useragent", "user agent"), "agent"),
    **dict.fromkeys(("disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"), "disallow"),
    "allow": "allow",
    **dict.fromkeys(("crawl-delay", "crawldelay", "crawl delay"), "delay"),
    **dict.fromkeys(("request-rate", "request rate"), "rate"),
    **dict.fromkeys(("sitemap", "site-map", "sitemaps"), "sitemap"),
    **dict.fromkeys(("content-signal", "content-usage"), "signal"),
}
# Crawlers that collect for training or for answers of language models, as their makers name them.
AI_AGENTS = frozenset(
    (
        "ai2bot", "ai2bot-dolma", "aihitbot", "amazonbot", "anthropic-ai", "applebot-extended",
        "bedrockbot", "bytespider", "ccbot", "chatgpt-user", "claude-searchbot", "claude-user",
        "claude-web", "claudebot", "cohere-ai", "cohere-training-data-crawler", "cotoyogi", "crawlspace",
        "deepseekbot", "diffbot", "duckassistbot", "facebookbot", "friendlycrawler",
        "google-cloudvertexbot", "google-extended", "googleother", "gptbot", "grokbot", "icc-crawler",
        "imagesiftbot", "img2dataset", "kangaroo", "meta-externalagent", "meta-externalfetcher",
        "mistralai-user", "oai-searchbot", "omgili", "omgilibot", "pangubot", "perplexity-user",
        "perplexitybot", "petalbot", "semrushbot-ocob", "timpibot", "velenpublicwebcrawler",
        "webzio-extended", "youbot",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An Allow or Disallow line, normalised: `parts` stand between the wildcards."""

    allow: bool
    parts: tuple[str, ...]
    anchored: bool
    weight: int

    def matches(self, path: str) -> bool:
        """Whether the rule speaks of a normalised path; time is at most length of path times parts."""
        first, *rest = self.parts
        if not path.startswith(first):
            return False
        if not rest:
            return not self.anchored or len(path) == len(first)
        place = len(first)
        for part in rest[:-1]:
            found = path.find(part, place)
            if found < 0:
                return False
            place = found + len(part)
        if self.anchored:
            return len(path) - len(rest[-1]) >= place and path.endswith(rest[-1])
        return path.find(rest[-1], place) >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a robots.txt says to our agent.

    `delay` are the seconds to wait between two requests, the longest of Crawl-delay and Request-rate; None
    where none is told. `signals` are Content-Signal and Content-Usage lines, names and values in lower case:
    those of our group, of no group, or else of the group "*". `ai_groups` are the AI crawlers that are named
    and may not fetch "/". `reason` says why there are no rules of a file, or "".
    """

    lines: tuple[Rule, ...] = ()
    delay: float | None = None
    sitemaps: tuple[str, ...] = ()
    signals: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ai_groups: tuple[str, ...] = ()
    refuses_all: bool = False
    reason: str = ""

    def allows(self, url: str) -> bool:
        """Whether our agent may fetch the URL: the longest match decides, Allow among equals (2.2.2)."""
        path = path_of(url)
        if path == "/robots.txt":  # "implicitly allowed"
            return True
        return not self.refuses_all and _allowed(self.lines, path)


def rules_of(status: int | None, body: bytes, *, agent: str, url: str = "") -> Rules:
    """The rules that a fetch of robots.txt gives (2.3.1); status None: the host could not be reached.

    `agent` is the product token, or a whole user agent that begins with it. `url` is the address of the
    robots.txt, for sitemaps with relative addresses, which are left out without it.

    A 429 is taken for "unreachable" although it is a 4xx, which RFC 9309 lets a crawler take for "no rules":
    it says that rules exist and that we ask too much, and going on without limit would be the opposite of
    what it asks. So is what is no answer to the question: 1xx and unknown classes. A 3xx is one that the
    caller followed five times in vain, which the RFC (2.3.1.2) counts as "unavailable".
    """
    if status is None:
        return Rules(refuses_all=True, reason="robots.txt cannot be reached")
    if 200 <= status <= 299:
        return parse(body, agent=agent, url=url)
    if status != 429 and 300 <= status <= 499:
        return Rules(reason=f"no robots.txt ({status})")
    return Rules(refuses_all=True, reason=f"robots.txt answers {status}")


@dataclass(slots=True)
class _Group:
    """What is said to one agent, of all its groups together (2.2.1)."""

    lines: list[Rule] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    signals: dict[str, str] = field(default_factory=dict)


def parse(body: bytes, *, agent: str, url: str = "") -> Rules:
    """Read a robots.txt of at most SIZE_LIMIT bytes; further lines do not count."""
    groups, free, sitemaps = _groups(_lines(body))
    ours = groups.get(_token(agent)) or groups.get("*") or _Group()
    shared = groups.get("*") or _Group()
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    html = not groups and start.startswith((b"<!doctype", b"<html"))
    return Rules(
        lines=_ordered(ours.lines),
        delay=max(ours.delays, default=None),
        sitemaps=absolute_all(sitemaps[:MOST_SITEMAPS], url),
        signals=MappingProxyType((ours.signals or shared.signals) | free.signals),
        ai_groups=tuple(
            sorted(
                name
                for name, group in groups.items()
                if name in AI_AGENTS and not _allowed(_ordered(group.lines), "/")
            )
        ),
        reason="robots.txt is a web page" if html else "",
    )


def _lines(body: bytes) -> Iterator[tuple[str, str]]:
    """Keys and values. Paths may be in any charset: bytes that are no UTF-8 are kept as they are."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        body = body[: SIZE_LIMIT * 2].decode("utf-16", "replace").encode("utf-8", "replace")
    body = body.removeprefix(b"\xef\xbb\xbf")
    if len(body) > SIZE_LIMIT:
        end = max(body.rfind(b"\n", 0, SIZE_LIMIT), body.rfind(b"\r", 0, SIZE_LIMIT))
        body = body[: max(end, 0)]  # half a line might say the contrary of the whole
    for line in LINE_END.split(body):
        text = line.decode("utf-8", "surrogateescape").partition("#")[0]
        found = LINE.match(text) or COLONLESS.match(text)
        if found and (key := KEYS.get(found[1].lower())):
            yield key, found[2].strip(" \t\x00\x0b\x0c")


def _groups(lines: Iterable[tuple[str, str]]) -> tuple[dict[str, _Group], _Group, list[str]]:
    groups: dict[str, _Group] = {}
    free, sitemaps = _Group(), []
    current: list[_Group] = []
    closed = False
    for key, value in lines:
        if key == "agent":
            if closed:
                current, closed = [], False
            if name := _token(value):
                current.append(groups.setdefault(name, _Group()))
        elif key in ("allow", "disallow"):
            closed = True  # an empty line of rules says nothing, but it is one
            if rule := _rule(value, allow=key == "allow"):
                for group in current:
                    group.lines.append(rule)
        elif key == "sitemap":
            sitemaps.extend([value] if value else [])
        else:
            _note(key, value, current or [free])
    return groups, free, sitemaps


def _note(key: str, value: str, groups: list[_Group]) -> None:
    """Lines that the RFC does not know. A delay is for the agents named so far: see the tests."""
    delay = {"delay": _crawl_delay, "rate": _request_rate}.get(key)
    seconds = delay(value) if delay else None
    signals = _signals(value) if key == "signal" else {}
    for group in groups:
        group.signals.update(signals)
        if seconds is not None:
            group.delays.append(seconds)


def _token(agent: str) -> str:
    """The product token of a user-agent line or of our own name, in lower case (2.2.1)."""
    name = agent.strip()
    if name.startswith("*"):
        return "*" if name == "*" or name[1:2] in (" ", "\t") else ""
    return re.split(r"[/\s;,()*]", name, maxsplit=1)[0].lower()


def _crawl_delay(value: str) -> float | None:
    found = re.match(r"[0-9]{1,9}(?:[.,][0-9]{1,9})?|\.[0-9]{1,9}", value)
    return float(found[0].replace(",", ".")) if found else None


def _request_rate(value: str) -> float | None:
    """Pages over time ("1/10", "1/5m", "30/1h 0900-1700"); the hours of the day are passed over."""
    found = re.match(r"([0-9]{1,9})[ \t]*/[ \t]*([0-9]{1,9})[ \t]*([smhd]?)", value, re.I)
    if not found or not int(found[1]):
        return None
    seconds = int(found[2]) * SECONDS[found[3].lower() or "s"] / int(found[1])
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _signals(value: str) -> dict[str, str]:
    """The pairs of a line like "search=yes, ai-train=no"; one for a part of the site says nothing."""
    if value.startswith("/"):
        path, _, value = value.partition(" ")
        if path != "/":
            return {}
    pairs = (pair.partition("=") for pair in re.split(r"[,;]", value[:1000]))
    return {n.strip().lower(): v.strip().lower() for n, mark, v in pairs if mark and n.strip()}


def _rule(value: str, *, allow: bool) -> Rule | None:
    """A rule out of its line; None for an empty one, which says nothing (2.2.2)."""
    if not value:
        return None
    if value.startswith(("http://", "https://")):  # a mistake that is clear: their own address in full
        value = path_of(value, pattern=True)
    elif not value.startswith(("/", "*")):
        value = "/" + value if value != "$" else "/$"
    anchored = value.endswith("$")
    pattern = normal(value.removesuffix("$"), pattern=True)
    parts = tuple(re.sub(r"\*+", "*", pattern).split("*"))
    if anchored and parts[-1] == "" and len(parts) > 1:  # "*$" is "*"
        anchored = False
    return Rule(allow=allow, parts=parts, anchored=anchored, weight=len(pattern) + anchored)


def _ordered(lines: list[Rule]) -> tuple[Rule, ...]:
    return tuple(sorted(dict.fromkeys(lines), key=lambda rule: (-rule.weight, not rule.allow)))


def _allowed(lines: Iterable[Rule], path: str) -> bool:
    """Lines come by weight, so that the first that matches is the longest."""
    return next((rule.allow for rule in lines if rule.matches(path)), True)


def path_of(url: str, *, pattern: bool = False) -> str:
    """A URL's path and query as rules are matched against them."""
    try:
        parts = urlsplit(url.partition("#")[0])
    except ValueError:
        return "/"
    path = parts.path if parts.path.startswith("/") else "/" + parts.path
    query = "?" + parts.query if "?" in url.partition("#")[0] else ""
    return path + query if pattern else normal(path + query)


def normal(path: str, *, pattern: bool = False) -> str:
    """A path with one spelling for what RFC 9309 (2.2.2) calls equal.

    Escapes of unreserved characters are undone; what is not ASCII is escaped; "%2f" becomes "%2F". Reserved
    characters stay as told where that makes a difference to a server, and are unescaped where it makes none.
    In a pattern "*" is a wildcard; in a URL it is a character and is escaped, as "$" is.
    """
    before, mark, query = path.partition("?")
    if not mark:
        return _spelled(before, PLAIN_ANYWHERE, pattern=pattern)
    start = _spelled(before, PLAIN_ANYWHERE, pattern=pattern)
    return start + mark + _spelled(query, PLAIN_ANYWHERE | {"/", "?"}, pattern=pattern)


def _spelled(text: str, plain: frozenset[str], *, pattern: bool) -> str:
    unescape: Callable[[re.Match[str]], str] = lambda found: (  # noqa: E731
        chr(int(found[1], 16)) if chr(int(found[1], 16)) in UNRESERVED | plain else found[0].upper()
    )
    text = ESCAPE.sub(unescape, text) if "%" in text else text
    kept = "/%?&=+:@!'(),;[]*~" if pattern else "/%?&=+:@!'(),;[]~"
    return quote(text.encode("utf-8", "surrogateescape"), safe=kept)
