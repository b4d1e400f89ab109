"""What a newspaper's own documents say of how to read it: sections, article pattern, time zone. Pure.

Rules: nothing is taken that could lose an article. A pattern must match all that feeds and news sitemaps
name, and is the widest of those that do; where there is too little to learn from, there is none.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

MOST_SECTIONS = 12
LEAST_LINKS = 8  # fewer do not show how a newspaper names its articles: trials with one or two lost many
STRAYS = 10  # of a hundred plain links of the front page, so many may look like articles
ZONE_TABS = (
    "/usr/share/zoneinfo/zone.tab",
    "/usr/lib/zoneinfo/zone.tab",
    "/usr/share/lib/zoneinfo/tab/zone.tab",
)
# What tells an article's address from that of a section; the last ones only in comparison with other links.
TRAITS = {
    "a date": r"/(?:19|20)\d\d[/.-]?\d\d?(?:[/.-]?\d\d?)?(?!\d)",
    "a long number": r"(?<![:\d])\d{5,}",  # not a port
    "a slug of four words": r"(?:[^/?#_-]+[-_]){3,}[^/?#]+",
    "an id of letters and digits": r"[/-](?=[a-z]*\d)(?=\d*[a-z])[0-9a-z]{12,}(?:[/?.]|$)",
    "an ending": r"\.(?:s?html?|php|aspx?)(?:\?|$)",
    "a folder of articles": r"/(?:articles?|artikel|articulo|story|stories|news/articles)/[^/?#]+",
}
COMPARED = ("an ending", "a folder of articles")
# Top-level domains that are sold to all the world say nothing of a country.
WORLDLY = frozenset(
    ("ag", "ai", "cc", "co", "fm", "gg", "io", "la", "ly", "me", "nu", "sh", "st", "to", "tv", "vc", "ws")
)
COUNTRIES = {"UK": "GB"}
# The zone where most newspapers of a country are, where a country has several.
LARGE = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix",
    "America/Anchorage", "Pacific/Honolulu", "America/Toronto", "America/Winnipeg", "America/Edmonton",
    "America/Vancouver", "America/Halifax", "America/St_Johns", "Australia/Sydney", "Australia/Perth",
    "Australia/Brisbane", "Australia/Adelaide", "Australia/Darwin", "America/Sao_Paulo",
    "America/Manaus", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Novosibirsk", "Asia/Vladivostok",
    "America/Mexico_City", "America/Tijuana", "Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura",
    "Europe/Berlin", "Europe/Madrid", "Europe/Lisbon", "Europe/Kyiv", "Asia/Shanghai",
    "Asia/Kuala_Lumpur", "Asia/Almaty", "Asia/Tashkent", "Pacific/Auckland", "America/Santiago",
    "America/Guayaquil", "America/Argentina/Buenos_Aires", "Africa/Kinshasa", "Asia/Nicosia",
    "Asia/Ulaanbaatar",
)  # fmt: skip
ISO = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?[+-]\d\d:?\d\d")
MAIL = re.compile(rb"\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|[ECMP][SD]T)\b")
LOCALE = re.compile(r"""<meta\b[^>]{0,300}?\bog:locale["'][^>]{0,300}?>""", re.I)
CONTENT = re.compile(r"""\bcontent\s*=\s*["']?([A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8}){0,3})""", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A value for a site file, and why it is this one (a sentence for the file's comments)."""

    value: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A date as a document wrote it: the moment, and its distance from UTC."""

    moment: datetime
    offset: timedelta


def own(url: str, hosts: Sequence[str]) -> bool:
    """Whether an address is on a newspaper's hosts, as the crawl judges it; the first is that of its home."""
    netloc = urlsplit(url).netloc
    return netloc in hosts or netloc == f"www.{hosts[0]}"


def further_hosts(links: Iterable[str], home: str) -> tuple[str, ...]:
    """Hosts of the same domain that several of the links are on; the crawl would leave them out."""
    host = urlsplit(home).netloc
    counts = Counter(urlsplit(url).netloc for url in links if not own(url, (host,)))
    return tuple(other for other, count in counts.most_common(4) if count > 1 and _kin(other, host))


def _kin(one: str, other: str) -> bool:
    """Two hosts of one registered domain, as far as can be told without a list of suffixes."""
    names = [host.partition(":")[0].removeprefix("www.").split(".") for host in (one, other)]
    if any(name[-1].isdigit() for name in names):
        return False
    short, long = sorted(names, key=len)
    return len(short) >= 2 and long[-len(short) :] == short and len(".".join(short)) > 6


def sections(links: Iterable[str], articles: Iterable[str], home: str) -> tuple[str, ...]:
    """The linked pages that are the folder of several articles, those of most articles first."""
    folders = Counter(folder for url in dict.fromkeys(articles) for folder in _folders(url))
    front = _place(home)
    found: dict[str, str] = {}
    for url in links:
        place = _place(url)
        names = urlsplit(url).path.strip("/").split("/")
        if place == front or urlsplit(url).query or all(re.fullmatch(r"\d+", name) for name in names):
            continue
        if folders[place] > 1:
            found.setdefault(place, url)
    ranked = sorted(found, key=lambda place: -folders[place])  # stable: menus name the main ones first
    return tuple(found[place] for place in ranked[:MOST_SECTIONS])


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.removeprefix("www.") + parts.path.rstrip("/")


def _folders(url: str) -> Iterator[str]:
    place = _place(url)
    while "/" in place:
        place = place.rpartition("/")[0]
        if "/" in place:
            yield place


def pattern(articles: Sequence[str], others: Iterable[str], *, least: int = LEAST_LINKS) -> Finding:
    """A regular expression for the addresses of articles; "" where none can be had without risk.

    `articles` are named by feeds and news sitemaps, `others` are all links of the front page. Each trait
    that few plain links have is taken in, so that the pattern is as wide as may be.
    """
    known = list(dict.fromkeys(articles))
    if len(known) < least:
        return Finding(
            why=f"no pattern: of known articles there are {len(known)}, which is too few to learn from"
        )
    plain = [url for url in dict.fromkeys(others) if url not in set(known) and _plain(url)]
    fit = [name for name in TRAITS if _fits(name, known, plain)]
    whole = "|".join(TRAITS[name] for name in fit)
    lost = [url for url in known if not whole or not re.search(whole, url)]
    if lost:
        return Finding(why=f"no pattern: nothing tells {_short(lost[0])} from other pages")
    strays = sum(re.search(whole, url) is not None for url in plain)
    if strays * 100 > STRAYS * len(plain):
        return Finding(why=f"no pattern: {strays} of {len(plain)} plain links would match as well")
    said = f"{len(known)} of {len(known)} links of feeds and news sitemaps match ({' or '.join(fit)})"
    return Finding(value=whole, why=f"{said}, and {strays} of {len(plain)} plain links of the front page")


def _fits(name: str, known: list[str], plain: list[str]) -> bool:
    """Dates, numbers and slugs are taken in unseen as well: the next article may be of another kind."""
    seen = any(re.search(TRAITS[name], url) for url in known)
    if name in COMPARED and (not seen or len(plain) < LEAST_LINKS):
        return False
    return sum(re.search(TRAITS[name], url) is not None for url in plain) * 100 <= STRAYS * len(plain)


def _plain(url: str) -> bool:
    """Whether a link of the front page looks like a section or service: few words, no numbers.

    What looks like an article is one that the feeds no longer name, most of the time.
    """
    parts = urlsplit(url)
    last = parts.path.rstrip("/").rpartition("/")[2]
    return not re.search(r"\d{4,}", parts.path) and len(re.split(r"[-_]", last)) < 4


def _short(url: str) -> str:
    return url if len(url) <= 90 else url[:87] + "..."


def locale_of(page: str) -> str:
    """The region and language that a page names for itself as og:locale, like "en-ZA"; "" for none."""
    tag = LOCALE.search(page[:500_000])
    found = CONTENT.search(tag[0]) if tag else None
    return found[1].replace("_", "-") if found else ""


def language(told: str, locale: str) -> Finding:
    """The language, by <html lang> or else og:locale."""
    for value, place in ((told, "<html lang>"), (locale, "og:locale")):
        if re.fullmatch(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}", value):
            return Finding(value=value.replace("_", "-"), why=f"{place} of the front page")
    return Finding(why="the front page names no language")


def country(home: str, *tags: str) -> Finding:
    """The country (ISO 3166, two letters) by the top-level domain, or else by a language tag's region."""
    name = (urlsplit(home).hostname or "").rpartition(".")[2].lower()
    code = COUNTRIES.get(name.upper(), name.upper())
    if name not in WORLDLY and code in zones():
        return Finding(value=code, why=f".{name}")
    for tag in tags:
        for part in tag.replace("_", "-").split("-")[1:]:
            if (code := COUNTRIES.get(part.upper(), part.upper())) in zones() and len(part) == 2:
                return Finding(value=code, why=f"the region of {tag}")
    return Finding()


def clocks(body: bytes) -> tuple[Clock, ...]:
    """The dates of a feed that say how far from UTC they are, zero aside: many systems write all in UTC."""
    found = []
    for raw in [*ISO.findall(body[: 1 << 20])[:50], *MAIL.findall(body[: 1 << 20])[:50]]:
        clock = _clock(raw.decode("ascii"))
        if clock and clock.offset:
            found.append(clock)
    return tuple(found)


def _clock(raw: str) -> Clock | None:
    try:
        if raw[4:5] == "-":
            moment = datetime.fromisoformat(raw)
            offset = moment.utcoffset() or timedelta()
        else:
            told = parsedate_tz(raw)
            if told is None:
                return None
            offset = timedelta(seconds=told[9] or 0)
            moment = datetime(*told[:6], tzinfo=UTC) - offset
        return Clock(moment=moment.astimezone(UTC), offset=offset)
    except (ValueError, OverflowError):
        return None


def zone(where: Finding, told: Sequence[Clock]) -> Finding:
    """The time zone, by the country and by what the dates of feeds say; "UTC" where that leaves a doubt."""
    if not where.value:
        return Finding(value="UTC", why="unsure: neither address nor language names a country")
    offered = zones().get(where.value, ())
    fitting = [name for name in offered if all(_agrees(name, clock) for clock in told)]
    if not fitting:
        return Finding(value="UTC", why=f"unsure: the feeds' dates are not of {where.value} ({where.why})")
    main = [name for name in LARGE if name in fitting]
    if len(fitting) == 1 or len(main) == 1 or (main and told):
        name = fitting[0] if len(fitting) == 1 else main[0]
        by = f"{where.value} by {where.why}" + (", and the dates of the feeds agree" if told else "")
        return Finding(value=name, why=by)
    if told and fitting:
        return Finding(value=fitting[0], why=f"{where.value} by {where.why} and the dates of the feeds")
    return Finding(value="UTC", why=f"unsure: {where.value} ({where.why}) has {len(offered)} zones")


def _agrees(name: str, clock: Clock) -> bool:
    try:
        return clock.moment.astimezone(ZoneInfo(name)).utcoffset() == clock.offset
    except (KeyError, ValueError, OSError, OverflowError):
        return False


@cache
def zones() -> dict[str, tuple[str, ...]]:
    """The time zones of each country, from zone.tab of the system or else of the package tzdata."""
    found: dict[str, list[str]] = {}
    for line in _zone_tab().splitlines():
        fields = line.split("\t")
        if len(fields) >= 3 and not line.startswith("#"):
            found.setdefault(fields[0], []).append(fields[2])
    return {code: tuple(names) for code, names in found.items()}


def _zone_tab() -> str:
    for path in ZONE_TABS:
        try:
            return Path(path).read_text(encoding="utf-8")
        except OSError:
            continue
    try:
        return files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError):
        return ""
