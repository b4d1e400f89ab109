"""Templates, and how values look on a page."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from archive.cdxj import stamp_of
from archive.question import Question
from archive.room import links, pulse
from archive.room.origins import origin_for

FACETS = {
    "site": "newspaper", "language": "language", "section": "section", "kind": "kind of page",
    "access": "access", "author": "author",
}  # fmt: skip


class Paper:
    """Renders pages; every value is escaped unless a template's own markup."""

    def __init__(self) -> None:
        self.environment = Environment(
            loader=PackageLoader("archive.room"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters |= {
            "moment": moment,
            "day": day,
            "size": size,
            "count": count,
            "stamp": stamp_of,
            "span": pulse.span,
            "percent": pulse.percent,
            "weblink": links.weblink,
            "marked": marked,
            "drift": drift,
            "lookup_link": links.lookup_link,
            "article_link": links.article_link,
        }
        self.environment.globals |= {
            "capture_link": links.capture_link,
            "raw_link": links.raw_link,
            "diff_link": links.diff_link,
            "cite_link": links.cite_link,
            "copies_link": links.copies_link,
            "front_link": links.front_link,
            "parts_link": links.parts_link,
            "beside_link": links.beside_link,
            "picture_link": links.picture_link,
            "record_link": links.record_link,
            "author_link": links.author_link,
            "search_link": links.search_link,
            "section_link": links.section_link,
            "filters_of": filters_of,
            "facet_name": FACETS,
            "loader_link": links.loader_link,
            "origin_for": origin_for,
        }

    def response(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page as a response."""
        text = self.environment.get_template(template).render(values)
        return HTMLResponse(text, status_code=status, headers={"x-content-type-options": "nosniff"})


def moment(at: datetime) -> str:
    """20 November 2026, 07:00:05 UTC; without seconds where there are none."""
    at = at.astimezone(UTC)
    return f"{day(at.date())}, {at:%H:%M:%S} UTC".replace(":00 UTC", " UTC")


def day(value: date) -> str:
    """20 November 2026."""
    return f"{value.day} {value:%B %Y}"


def drift(apart: timedelta) -> str:
    """3 h later, 2 d before, at the same time."""
    seconds = apart.total_seconds()
    if abs(seconds) < 1:
        return "at the same time"
    return f"{pulse.span(abs(seconds))} {'later' if seconds > 0 else 'before'}"


def size(number: int) -> str:
    """Bytes in the largest unit that keeps it readable."""
    amount = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def count(number: int) -> str:
    """A whole number with thin spaces between its thousands."""
    return f"{number:,}".replace(",", "\u202f")


def marked(snippet: str) -> Markup:
    """A snippet of the search with what was found marked; all else is text."""
    text = str(escape(snippet)).replace("\x02", "<mark>").replace("\x03", "</mark>")
    return Markup(text)  # noqa: S704 - escaped above


def filters_of(question: Question) -> set[str]:
    """The names of the facets by which a question is narrowed down."""
    return {name for name in FACETS if getattr(question, name)}
