"""The data dictionary: what each column of an exported article is. A test holds it against the table."""

from typing import NamedTuple


class Column(NamedTuple):
    """A column: its type in words, what it holds, and where it is not filled, what that means."""

    name: str
    type: str
    what: str


COLUMNS = (
    Column("url", "text", "address at which the article was captured"),
    Column("headline", "text", "headline as the page shows it; JSON-LD where the page shows none"),
    Column("standfirst", "text", "summary below the headline; empty: none was found"),
    Column("authors", "list of text", "names that sign it, in the order of the page"),
    Column("agency", "text", "news agency that the text or the byline names"),
    Column("published", "time (UTC)", "when it was published, as the page says; empty: it does not say"),
    Column("modified", "time (UTC)", "when it was last changed, as the page says; pages often do not say so"),
    Column("section", "text", "section of the newspaper, in its own words"),
    Column("language", "text", "language as the page declares it (BCP 47), or as its text shows"),
    Column("access", "text", "free, metered, paid or unknown; absence of a sign is unknown"),
    Column("body", "list of text", "paragraphs in order, without furniture, captions, credits and comments"),
    Column(
        "images", "list of records", "pictures: url, caption, credit, and the agencies that the credit names"
    ),
    Column(
        "source", "JSON", "for each field, what on the page said so (json-ld, meta, dom, trafilatura ...)"
    ),
    Column("kicker", "text", "line above the headline"),
    Column("byline", "text", "byline as the page shows it, raw"),
    Column("dateline", "text", "place (and day) with which the text begins"),
    Column("canonical", "text", "address that the page names as its own"),
    Column("kind", "text", "article, live, gallery, video, obituary or results"),
    Column(
        "subheads", "list of records", "headings in the body: before which paragraph (from 0), and the text"
    ),
    Column("related", "list of text", "titles of stories that the page sets beside it"),
    Column("confidence", "number", "how far the readers of the body agree, 0 to 1; 0: not known"),
    Column("flags", "list of text", "what was done or doubted while reading"),
    Column("number", "text", "the newspaper's own id of the article"),
    Column("wire", "yes or no", "the text credits an agency with all of it, or nobody else signs it"),
    Column("notes", "list of text", "paragraphs on corrections and updates"),
    Column("raw", "JSON", "what the page said, where that was read into something else"),
    Column("kind_confidence", "number", "how sure the kind is, 0 to 1; 0: not known"),
    Column("roles", "list of text", "what each of the authors is, in their order; empty: not said"),
    Column("links", "list of records", "links: url, text, and place (body, or related: set apart)"),
    Column("comments", "text", "on or off; empty: the page does not say"),
    Column("rights", "list of text", "what page and response say of their use, as words (robots=noarchive)"),
    Column("titles", "list of text", "other headlines that its head and data give"),
    Column("told", "list of text", "sentences of it that its data have and the page does not show"),
    Column("furniture", "list of records", "lines left out since they recur: text, and on how many articles"),
    Column("first_seen", "time (UTC)", "oldest capture of the address when the page was read"),
    Column("site", "text", "id of the newspaper in this archive"),
    Column("run", "text", "id of the crawl that captured it"),
    Column("captured", "time (UTC)", "when the response began to arrive (WARC-Date)"),
    Column(
        "warc",
        "record",
        "the evidence: key of the WARC, offset and length in bytes of the record's gzip member",
    ),
    Column(
        "version",
        "text",
        "SHA-256 of what it says (headlines, standfirst, authors, agency, body, told), normalised",
    ),
    Column("extractor", "text", "name and numbers of what read the page"),
)


def markdown() -> str:
    """The dictionary as a table."""
    lines = ["| column | type | what |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{c.name}` | {c.type} | {c.what} |" for c in COLUMNS), ""])
