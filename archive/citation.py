"""How a capture is cited: permalink, Robust Link, PWID, BibTeX, CSL JSON, its digest and record. Pure.

Sources: Robust Links 1.0 (robustlinks.mementoweb.org), PWID (draft-pwid-urn-specification), CSL 1.0.2
(webpage items), BibTeX's `@misc`.
"""

import html
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from archive.model import Article, Capture

TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One capture of a page, and what the page says where it is an article.

    `permalink` is its address in the reading room; `archive` names the archive by its host.
    """

    capture: Capture
    permalink: str
    archive: str
    newspaper: str
    article: Article | None = None

    @property
    def title(self) -> str:
        """The headline, or the address of a page that has none."""
        return (self.article.headline if self.article else "") or self.capture.url

    @property
    def day(self) -> str:
        """The day of capture in UTC, as 2026-11-20."""
        return f"{self.capture.at.astimezone(UTC):%Y-%m-%d}"

    def robust_link(self) -> str:
        """An HTML link that works as long as the page or the archive does."""
        original, version = html.escape(self.capture.url), html.escape(self.permalink)
        return (
            f'<a href="{original}" data-originalurl="{original}" data-versionurl="{version}" '
            f'data-versiondate="{self.day}">{html.escape(self.title)}</a>'
        )

    def pwid(self) -> str:
        """The capture as a persistent web identifier."""
        at = f"{self.capture.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        url = quote(self.capture.url, safe="%/:?&=+,;@!$'()*~#[]")
        return f"urn:pwid:{self.archive}:{at}:page:{url}"

    def text(self) -> str:
        """A citation in words, as in a footnote."""
        by = f"{', '.join(self.article.authors)}. " if self.article and self.article.authors else ""
        published = self.article.published if self.article else None
        dated = f", {published:%Y-%m-%d}" if published else ""
        title = self.title if self.title[-1:] in ".?!…" else f"{self.title}."
        return (
            f"{by}“{title}” {self.newspaper}{dated}. {self.capture.url}. "
            f"Captured {self.capture.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {self.permalink}."
        )

    def bibtex(self) -> str:
        """An entry for BibTeX."""
        said = self.article
        fields = {
            "title": f"{{{tex(self.title)}}}",
            "author": " and ".join(f"{{{tex(name)}}}" for name in said.authors) if said else "",
            "year": str(_published(said, self.capture.at).year),
            "month": f"{_published(said, self.capture.at):%b}".lower(),
            "howpublished": tex(self.newspaper),
            "url": address(self.capture.url),
            "urldate": self.day,
            "note": f"Archived at \\url{{{address(self.permalink)}}}, {tex(self.capture.digest)}",
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@misc{{{self.key()},", *lines, "}", ""])

    def csl(self) -> dict[str, Any]:
        """An item for CSL processors (Zotero, Pandoc)."""
        said = self.article
        item: dict[str, Any] = {
            "id": self.key(),
            "type": "article-newspaper" if said else "webpage",
            "title": self.title,
            "container-title": self.newspaper,
            "author": [{"literal": name} for name in said.authors] if said else [],
            "issued": _date(said.published if said else None),
            "accessed": _date(self.capture.at),
            "URL": self.capture.url,
            "archive": self.archive,
            "archive_location": self.permalink,
            "language": said.language if said else "",
            "note": f"{self.capture.digest} {self.capture.id}".strip(),
        }
        return {name: value for name, value in item.items() if value}

    def key(self) -> str:
        """The entry's own name: host, day and the first words of the headline, in ASCII."""
        host = (urlsplit(self.capture.url).hostname or "page").removeprefix("www.").partition(".")[0]
        plain = unicodedata.normalize("NFKD", self.title).encode("ascii", "ignore").decode().lower()
        words = re.findall(r"[a-z0-9]+", plain)[:3]
        return "-".join([re.sub(r"[^a-z0-9]", "", host.lower()) or "page", self.day.replace("-", ""), *words])

    def plain(self) -> dict[str, Any]:
        """All forms, for JSON."""
        return {
            "permalink": self.permalink, "robust_link": self.robust_link(), "pwid": self.pwid(),
            "text": self.text(), "bibtex": self.bibtex(), "csl": self.csl(), "digest": self.capture.digest,
            "record": self.capture.id, "warc": self.capture.location.warc,
            "offset": self.capture.location.offset, "length": self.capture.location.length,
        }  # fmt: skip

    def csl_json(self) -> str:
        """The item as the JSON text of a list, as Zotero imports it."""
        return json.dumps([self.csl()], ensure_ascii=False, indent=1)


def tex(text: str) -> str:
    """A text that TeX sets as it is."""
    return "".join(TEX.get(char, char) for char in " ".join(text.split()))


def address(url: str) -> str:
    """A URL that may stand in braces: BibTeX counts them."""
    return "".join(quote(char) if char in "{}\\" or ord(char) < 33 else char for char in url)


def _published(said: Article | None, captured: datetime) -> datetime:
    return (said.published if said else None) or captured


def _date(at: datetime | None) -> dict[str, Any]:
    return {"date-parts": [[at.year, at.month, at.day]]} if at else {}
