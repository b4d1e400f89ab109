"""Is one article read as a person would read it: from its page, from its page with the text twice, from text?

    python benchmarks/sample.py FOLDER [--zone Africa/Johannesburg]

FOLDER holds `page.html`, `page-doubled.html`, `article.txt` (what another extractor left of the page) and
`expected.json`: url, headline, standfirst, byline_raw, authors, agency, dateline, published, published_raw,
modified, language, body, images (caption, credit, credit_agencies), related, access (a word, or why there is
none), never_in_body. All of it is compared, and each difference shown; the code is 1 where there is one.

Rules: `byline_raw` is as the text has it (a page's own byline may have other capitals); a modification at the
minute of publication is none; language and access cannot be had from text alone.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from archive.extract import extract, from_text
from archive.model import Article

PAGES = ("page.html", "page-doubled.html")
TEXT = "article.txt"
FROM_PAGES = ("language", "access")
ACCESS = ("free", "metered", "paid")


def said(article: Article) -> dict[str, Any]:
    """An article in the words of expected.json."""
    images = [
        {"caption": i.caption, "credit": i.credit, "credit_agencies": list(i.agencies)}
        for i in article.images
    ]
    return {
        "url": article.url, "headline": article.headline, "standfirst": article.standfirst,
        "byline_raw": article.byline.casefold(), "authors": list(article.authors), "agency": article.agency,
        "dateline": article.dateline, "published": article.published, "modified": article.modified,
        "published_raw": article.raw.get("published"), "language": article.language, "access": article.access,
        "body": list(article.body), "images": images, "related": list(article.related),
    }  # fmt: skip


def wanted(expected: dict[str, Any]) -> dict[str, Any]:
    """What is to be found, in values that can be compared."""
    fields = {name: value for name, value in expected.items() if name not in ("never_in_body", "notes")}
    moments = {
        name: datetime.fromisoformat(fields[name]).astimezone(UTC)
        for name in ("published", "modified") if fields.get(name)
    }  # fmt: skip
    access = fields["access"] if fields["access"] in ACCESS else "unknown"
    return fields | moments | {"byline_raw": fields["byline_raw"].casefold(), "access": access}


def differences(name: str, article: Article | None, expected: dict[str, Any]) -> Iterator[str]:
    """What of an article is not as expected; `name` is the file that it was read from."""
    if article is None:
        yield "no article was found"
        return
    found = said(article)
    for field, value in wanted(expected).items():
        if (name != TEXT or field not in FROM_PAGES) and found[field] != value:
            yield f"{field}: {found[field]!r} and not {value!r}"
    for text in expected["never_in_body"]:
        bare = text.removesuffix(" (as the last paragraph)")
        if any(bare == p if len(bare) < 20 else bare in p for p in article.body):
            yield f"the body holds {bare!r}"
    twice = name != PAGES[0]
    if twice != ("doubled_body_removed" in article.flags):
        yield f"flags: {article.flags}, though the text stands there {'twice' if twice else 'once'}"
    if (name == TEXT) != ("zone_inferred" in article.flags):
        yield f"flags: {article.flags}, of which zone_inferred belongs to text alone"


def compared(folder: Path, zone: str) -> dict[str, list[str]]:
    """The differences by file."""
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    url = expected["url"]
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in (*PAGES, TEXT)}
    read = {name: extract(text, url) for name, text in texts.items() if name != TEXT}
    read[TEXT] = from_text(texts[TEXT], url, zone=zone)
    return {name: list(differences(name, article, expected)) for name, article in read.items()}


def main() -> None:
    """Compare and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--zone", default="Africa/Johannesburg", help="the newspaper's own time zone")
    options = parser.parse_args()
    found = compared(options.folder, options.zone)
    for name, each in found.items():
        print(f"{name}: {'as expected' if not each else f'{len(each)} differences'}")
        for line in each:
            print(f"    {line}")
    sys.exit(1 if any(found.values()) else 0)


if __name__ == "__main__":
    main()
