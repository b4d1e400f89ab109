"""One article in three states: its page, its page with the text twice, and what is left of it as text."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.sample import compared

URL = "https://paper.example/tm/world/2026-11-20-pilots-of-tarnmouth-stop-work-guild-says/"
OFFER = (
    "Support our prize-winning journalism. The Harbour package (digital only) is R25 for the first month and "
    "thereafter you pay R99 p/m now ad-free for all subscribers."
)
SENTENCES = (
    ("Tarnmouth — The pilots of the harbour stopped work on Friday without a word of when they would begin,",
     "and their guild said in a statement that it would answer with all means that it has."),
    ("The harbour master, Tamsin Orrowby, met the owners of the tugs and the council to talk about the ships",
     "that wait outside, of which there were forty at noon, she said."),
    ("“Those who were there ... shared the view that a port without pilots is no port, and that what was",
     "promised in June has to be kept before anybody speaks of more,\" the guild said."),
    ("The council has said it was probably true that some ships had gone on to other harbours, but has given",
     "no clear answer on how many or on what that costs the town each day."),
    ("The owners deny that they have asked pilots from abroad to come.",),
    ("The guild has also dismissed what the owners said of the pay of its members in the spring, and of the",
     "hours that they are said to have been paid for without having worked them."),
)  # fmt: skip
EXPECTED: dict[str, Any] = {
    "url": URL,
    "headline": "Pilots of Tarnmouth stop work ‘without end’, their guild says",
    "standfirst": "The harbour master Tamsin Orrowby says that ships wait outside, and that more are coming",
    "byline_raw": "byada vale",
    "authors": ["Ada Vale"],
    "agency": "Reuters",
    "dateline": "Tarnmouth",
    "published": "2026-11-20T10:51:00+02:00",
    "published_raw": "20 November 2026 - 10:51",
    "modified": None,
    "language": "en",
    "body": [" ".join(sentences) for sentences in SENTENCES],
    "images": [
        {
            "caption": "The pilot boat Wren leaves the quay of Tarnmouth on November 17 2026, in this photo "
            "released by the guild's own Tarnmouth Press Office.",
            "credit": "AFP via REUTERS",
            "credit_agencies": ["AFP", "Reuters"],
        }
    ],
    "related": [
        "Council says its promise to the pilots is ‘unambiguous’",
        "Owners of tugs take back what they said of June",
        "Town urges its neighbours to take in forty ships",
    ],
    "access": "no sign of a wall: the offer is in every page of this title",
    "never_in_body": [
        OFFER, "Would you like to comment on this article?", "Sign up (it's quick and free) or sign in now.",
        "Please read our Comment Policy before commenting.", "Most Read", "Reuters (as the last paragraph)",
        "Published by Tarn Holdings and distributed with the Harbour Mail on the last Thursday of a month.",
    ],
}  # fmt: skip
HEADLINE, STANDFIRST = EXPECTED["headline"], EXPECTED["standfirst"]
IMAGE = EXPECTED["images"][0]
DATA = {
    "@context": "http://schema.org", "@type": "NewsArticle", "headline": HEADLINE, "description": STANDFIRST,
    "datePublished": "2026-11-20T10:51:00+0200", "dateModified": "2026-11-20T10:51:00+0200",
    "author": {"@type": "Person", "name": "Ada Vale"},
}  # fmt: skip
ADVERT = f"<div class=article-subscribe><span>{OFFER}</span><a href=/buy/>Subscribe now</a></div>"
TEXT = "".join(f"<p>{paragraph}</p>" for paragraph in EXPECTED["body"])
BLOCK = f'<div class="article-widget-text" rel="text"><div class=text>{TEXT}</div></div>'
HEAD = (
    f"<h1 class=article-title><span>{HEADLINE}</span></h1>"
    f"<h3 class=article-title-tertiary><span>{STANDFIRST}</span></h3>"
)
RELATED = "".join(
    f'<div class="media"><a href="/x{n}/" class=link-block><h3>{title}</h3></a></div>'
    for n, title in enumerate(EXPECTED["related"])
)


def page(*, twice: bool) -> str:
    """The page: its container is open to comments, furniture and pictures stand within it."""
    agency = '<div class="article-widget-text" rel="text"><div class=text><p>Reuters</p></div></div>'
    again, end = (f"<div class=article-premium>{ADVERT}{HEAD}{BLOCK}", "</div>") if twice else ("", "")
    return f"""<!DOCTYPE html><html lang="en-ZA"><head><meta charset=utf-8><title>{HEADLINE}</title>
<link rel=canonical href="{URL}"><script type="application/ld+json">{json.dumps(DATA)}</script></head><body>
<nav><a href="/">Home</a></nav><div id=content><div id=article class="None comments-enabled">
<div class="left">{HEAD}<div class="article-pub-date "> {EXPECTED["published_raw"]} </div>
<div id=author-block><span class=by>by</span><span class=name>Ada Vale</span></div>{ADVERT}
<div class="article-widget-image" rel="image"><a class=image href="/i.jpg"><img src="/i.jpg" alt=""></a>
<div class=image-text><span class=description>{IMAGE["caption"]}</span><br><span class=author>
<span class=image-author-label>Picture:</span> <span class=name>{IMAGE["credit"]}</span></span></div></div>
{BLOCK}{again}{agency}<div class=related-container rel="related_articles">{RELATED}</div>{end}
{ADVERT}<div class=no-access-comments><p>Would you like to comment on this article?<br> Sign up (it's quick
and free) or sign in now.</p><p>Please read our <a href=/c/>Comment Policy</a> before commenting.</p></div>
</div><div class="right"><div class="most-read"><h2>Most Read</h2><ol></ol></div></div></div></div>
<footer><div class=copyright>{EXPECTED["never_in_body"][-1]}</div></footer></body></html>"""


def text() -> str:
    """What another extractor left: the text and half of the furniture twice."""
    lines = [
        HEADLINE, STANDFIRST, EXPECTED["published_raw"], EXPECTED["byline_raw"], OFFER,
        f"{IMAGE['caption']} Picture: {IMAGE['credit']}", *EXPECTED["body"], OFFER, HEADLINE, STANDFIRST,
        *EXPECTED["body"], "Reuters", *EXPECTED["related"], *EXPECTED["never_in_body"][1:5],
        EXPECTED["never_in_body"][-1],
    ]  # fmt: skip
    return "\n".join(lines)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "page.html").write_text(page(twice=False), encoding="utf-8")
    (tmp_path / "page-doubled.html").write_text(page(twice=True), encoding="utf-8")
    (tmp_path / "article.txt").write_text(text(), encoding="utf-8")
    (tmp_path / "expected.json").write_text(json.dumps(EXPECTED), encoding="utf-8")
    return tmp_path


def test_every_field_is_read_from_the_page_from_the_doubled_page_and_from_the_text(folder: Path) -> None:
    assert compared(folder, "Africa/Johannesburg") == {
        "page.html": [], "page-doubled.html": [], "article.txt": [],
    }  # fmt: skip


@pytest.mark.parametrize("field", sorted(set(EXPECTED) - {"url", "never_in_body"}))
def test_a_field_that_differs_is_told(folder: Path, field: str) -> None:
    other = {"images": [], "body": ["x"], "published": "2026-11-20T10:52:00+02:00", "access": "paid",
             "modified": "2026-11-20T10:52:00+02:00"}.get(field, "else")  # fmt: skip
    (folder / "expected.json").write_text(json.dumps(EXPECTED | {field: other}), encoding="utf-8")
    found = compared(folder, "Africa/Johannesburg")
    assert [line.split(":")[0] for line in found["page.html"]] == [field]
