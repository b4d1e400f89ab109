"""An article recovered from plain text: what somebody saved, or a poor extractor left. Pure.

Rules: nothing of the page is there to ask, so lines are judged by what they look like and where they stand:
the headline first, then what stands before the first long text; a line that comes again is furniture or a
second copy.
"""

import re
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from archive.dates import zone_of
from archive.errors import CallerError
from archive.extract.agencies import agencies_in, agencies_only
from archive.extract.blocks import SENTENCE, key
from archive.extract.guard import FURNITURE, PRICE, PROMOTION
from archive.extract.names import BY, DATE, dateline_of, names_in
from archive.extract.pictures import CREDIT, credited
from archive.model import Article, Image

TEXT = 100  # characters from which a line that is a sentence is taken for text


def from_text(text: str, url: str = "", *, zone: str = "") -> Article | None:
    """The article in a plain text, one line a paragraph; None where there is none.

    `zone` (an IANA name) is the newspaper's own; a date without an offset is read in it, or else in UTC, and
    flagged zone_inferred. Raise CallerError for a zone that there is not.
    """
    lines = [" ".join(line.split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) < 2:
        return None
    once, doubled = _once(lines)
    headline, rest = once[0], once[1:]
    start = _start(rest)
    head, tail = rest[:start], rest[start:]
    images = tuple(_image(line) for line in rest if _is_caption(line))
    body, behind, agency = _body([line for line in tail if not _is_caption(line)])
    if not body:
        return None
    raw = next((line for line in head if DATE.match(line)), "")
    byline = next((line for line in head if BY.match(line) and len(line) < 100), "")
    standfirst = next((line for line in head if _could_lead(line, byline)), "")
    dateline, told = dateline_of(body[0])
    published = _moment(raw, zone) if raw else None
    said = {
        "headline": headline, "standfirst": standfirst, "byline": byline, "published": published,
        "authors": names_in(byline) if byline else (), "agency": agency or told, "dateline": dateline,
        "images": images, "related": behind, "body": body, "wire": bool(agency or told),
    }  # fmt: skip
    flags = [*(["doubled_body_removed"] if doubled else []), *(["zone_inferred"] if published else [])]
    source = {name: "text" for name, value in said.items() if value}
    told_raw = {"published": raw} if published else {}
    return Article(url=url, flags=tuple(flags), source=source, raw=told_raw, confidence=0.5, **said)  # type: ignore[arg-type]


def _once(lines: list[str]) -> tuple[list[str], bool]:
    """Each line once, without promotion; and whether the text itself stood there again."""
    counts = Counter(map(key, lines))
    again = sum(
        len(line) for line in lines if counts[key(line)] > 1 and len(line) >= TEXT and not _promotes(line)
    )
    seen: set[str] = set()
    kept = []
    for line in lines:
        name = key(line)
        if name in seen or _promotes(line):
            continue
        if counts[name] > 1 or len(line) > 40:
            seen.add(name)
        kept.append(line)
    return kept, again > sum(map(len, lines)) / 5


def _promotes(line: str) -> bool:
    return bool(PROMOTION.search(line) and (PRICE.search(line) or len(line) < 120)) or bool(
        FURNITURE.search(line)
    )


def _is_caption(line: str) -> bool:
    found = CREDIT.match(line)
    return bool(found and len(found[2]) < 80)


def _image(line: str) -> Image:
    caption, credit = credited(line)
    return Image(url="", caption=caption, credit=credit, agencies=agencies_in(credit))


def _could_lead(line: str, byline: str) -> bool:
    return line != byline and len(line) >= 25 and not DATE.match(line) and not _is_caption(line)


def _start(lines: list[str]) -> int:
    """Where the text begins: after the date and the byline, or else at the first sentence of some length."""
    marks = [
        n for n, line in enumerate(lines[:12]) if DATE.match(line) or (BY.match(line) and len(line) < 100)
    ]
    after = marks[-1] + 1 if marks else 0
    return next(
        (n for n, line in enumerate(lines) if n >= after and not _is_caption(line) and _is_text(line, after)),
        len(lines),
    )


def _is_text(line: str, after: int) -> bool:
    return bool(SENTENCE.search(line)) and len(line) >= (40 if after else TEXT)


def _body(lines: list[str]) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """The paragraphs; the titles behind them; the agency that a line between them names."""
    for number, line in enumerate(lines):
        if number and (named := agencies_only(line)):
            return tuple(lines[:number]), _titles(lines[number + 1 :]), named[0]
    last = max((n for n, line in enumerate(lines) if SENTENCE.search(line) and len(line) >= 40), default=-1)
    return tuple(lines[: last + 1]), _titles(lines[last + 1 :]), ""


def _titles(lines: list[str]) -> tuple[str, ...]:
    return tuple(line for line in lines if len(line.split()) >= 4 and line[-1] not in ".?!")


def _moment(raw: str, zone: str) -> datetime | None:
    from dateutil import parser

    try:
        there = ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError) as error:
        raise CallerError(f"{zone!r} is no time zone; write one as in Africa/Johannesburg") from error
    try:
        moment = parser.parse(re.sub(r"\s[-–—|]\s", " ", raw), tzinfos=zone_of)
    except (ValueError, OverflowError):
        return None
    local: datetime = moment if moment.tzinfo else moment.replace(tzinfo=there)
    return local.astimezone(UTC)
