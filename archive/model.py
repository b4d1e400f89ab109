"""The words of the house, as values.

Rules of this file: only frozen, slotted, keyword-only dataclasses from the standard library; no I/O and no
framework; bytes where the wire had bytes; datetimes are aware and in UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archive.spill import Spill


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What the TLS layer agreed on, in the words of WARC-Protocol and WARC-Cipher-Suite.

    `chain` are the certificates that the server showed, as PEM, its own first.
    """

    version: str
    cipher: str
    chain: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The record that a revisit refers to: URL, WARC-Date, payload digest, record id ("" where unknown)."""

    url: str
    at: datetime
    digest: str
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and what came back, as bytes on the wire.

    `request` and `response` are whole messages: head and body as sent, chunk framing and content coding
    included. `response` is empty where no byte came; `error` then says why. `head_length` counts the bytes
    of the final response head; `interim` are 1xx responses that came before it. A body over 1 MiB is in `big`
    and not in `response`, which then holds the head alone. `original` is the capture that a conditional
    request compared with; `referred` is when the document was captured that told of this URL. `rights` is
    what the host says elsewhere of the use of this URL (robots.txt, tdmrep.json, ai.txt), as the text of
    `archive.rights.Signals`; `left_out` is the signal for which the body is not kept.
    """

    url: str
    method: str
    request: bytes
    response: bytes
    head_length: int
    began: datetime
    seconds: float
    interim: bytes = b""
    peer: str | None = None
    tls: Tls | None = None
    truncated: str | None = None
    error: str | None = None
    referrer: str | None = None
    referred: datetime | None = None
    via: str | None = None
    big: Spill | None = None
    original: Original | None = None
    rights: str = ""
    left_out: str = ""

    @property
    def head(self) -> bytes:
        """The response head, with the empty line that ends it."""
        return self.response[: self.head_length]

    @property
    def body(self) -> bytes:
        """The response body as it crossed the wire (transfer coding included)."""
        return self.big.read() if self.big else self.response[self.head_length :]

    @property
    def body_size(self) -> int:
        """Bytes of the body as it crossed the wire."""
        return self.big.size if self.big else len(self.response) - self.head_length

    def body_pieces(self) -> Iterator[bytes]:
        """The body in pieces that memory can hold."""
        if self.big:
            yield from self.big.pieces()
        else:
            yield self.response[self.head_length :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a record lies: WARC key in the store, offset and length in bytes of its gzip member."""

    warc: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """An index line: one response or revisit record.

    `surt` is the URL key; `digest` the payload digest, as "sha1:BASE32"; `kind` the WARC-Type; `id` the
    record's own; `truncated` why the record is not whole, where it is not; `wall` what stands in the page's
    place (`archive.walls`), "" for what is what it passes for; `rights` what the publisher says of its use,
    as the text of `archive.rights.Signals`; `method` the request's, and `sent` its body as a query: both are
    part of the `surt` where the method is not GET (archive.methods).
    """

    surt: str
    at: datetime
    url: str
    status: int
    mime: str
    digest: str
    location: Location
    kind: str = "response"
    redirect: str | None = None
    id: str = ""
    truncated: str | None = None
    wall: str = ""
    rights: str = ""
    method: str = "GET"
    sent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcFile:
    """A sealed WARC: its name, size in bytes, SHA-256 (hex) and count of records."""

    name: str
    size: int
    sha256: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWarc:
    """A WARC in the store, as a manifest names it; `log` is its crawl log's key, "" where it has none."""

    key: str
    cdxj: str
    size: int
    sha256: str
    records: int
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One crawl of one site, as its manifest in the store says.

    `reason` is why it ended ("finished", "limit", "stopped", "recovered" ...), `counts` are exchanges by
    outcome, `key` is the manifest's own key.
    """

    id: str
    site: str
    started: datetime
    ended: datetime
    reason: str
    counts: dict[str, int]
    warcs: tuple[PublishedWarc, ...]
    key: str
    software: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture of an article; `url` may be empty where only the caption was found.

    `agencies` are the news and picture agencies that the credit names.
    """

    url: str
    caption: str = ""
    credit: str = ""
    agencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where an article leads: `place` is "body" or "related" (set apart by the page as a related story)."""

    url: str
    text: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What a page says. `body` are its paragraphs in order; empty strings and tuples mean not found.

    `subheads` stand each before the paragraph of that number (from 0). `byline` is raw, as the page shows it.
    `access` is "free", "metered", "paid" or "unknown" (absence of a sign is unknown). `kind` is "article",
    "live", "gallery", "video", "obituary" or "results", `kind_confidence` (0 to 1) how sure that is.
    `roles` are the authors' own, in their order, "" where none is said. `titles` are other headlines that
    the head and the data give, `told` sentences that the data have and the page does not show. `comments`
    is "on", "off" or "" (it does not say); `rights` are words such as `robots=noarchive`. `furniture` are
    lines that were left out since they recur on the newspaper's pages, each with the count of articles
    that have it. `confidence` (0 to 1) says how far the readers of the body agree; 0 is not known.
    `flags` name what was done or doubted. `number` is the newspaper's own id; `wire` says that the text
    credits an agency, or nobody else signs it; `notes` are its paragraphs on corrections and updates.
    `raw` has what the page said, where that was read into something else. `source` says for each field
    where it came from ("json-ld", "meta", "trafilatura" ...).
    """

    url: str
    headline: str
    standfirst: str = ""
    authors: tuple[str, ...] = ()
    agency: str = ""
    published: datetime | None = None
    modified: datetime | None = None
    section: str = ""
    language: str = ""
    access: str = "unknown"
    body: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    source: dict[str, str] = field(default_factory=dict)
    kicker: str = ""
    byline: str = ""
    dateline: str = ""
    canonical: str = ""
    kind: str = "article"
    subheads: tuple[tuple[int, str], ...] = ()
    related: tuple[str, ...] = ()
    confidence: float = 0.0
    flags: tuple[str, ...] = ()
    number: str = ""
    wire: bool = False
    notes: tuple[str, ...] = ()
    raw: Mapping[str, str] = field(default_factory=dict)
    kind_confidence: float = 0.0
    roles: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    comments: str = ""
    rights: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    furniture: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRow:
    """An article as archived: what it says, which site and run, and the record it came from.

    `version` is the SHA-256 (hex) of the normalised content; two rows of one URL with one version say the
    same thing. `first_seen` is the oldest capture of the address that the archive had when the page was read.
    """

    article: Article
    site: str
    run: str
    captured: datetime
    warc: Location
    version: str
    extractor: str
    first_seen: datetime | None = None
