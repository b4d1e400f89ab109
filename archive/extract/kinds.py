"""What sort of page it is: an article, or one of those that look like one. Pure.

Signs are counted, and the kind with most of them wins; data that say it outright count most.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from archive.extract.blocks import Block
from archive.extract.data import ARTICLES, PageData, text_in, types_of

LIVE = re.compile(
    r"live[-_]?(?:blog|ticker|updates?|text)|/live/|/liveblog|\bas-it-happened\b|/direct/", re.I
)
GALLERY = re.compile(
    r"/(?:gallery|galleries|fotogaler|bilder(?:strecke|galerie)?|pictures|photos|diaporama|slideshow|fotos)s?[/-]",
    re.I,
)
VIDEO = re.compile(r"/(?:videos?|watch|mediathek)/", re.I)
AUTHOR = re.compile(
    r"/(?:authors?|profile|by|autor(?:en|es|i)?|journalists?|people|staff|contributors?|auteur)s?/[^/]+/?\Z",
    re.I,
)
TAG = re.compile(
    r"/(?:tags?|topics?|thema|themen|tema|keyword|sujet|category|categorie|rubrik)/[^/]+/?\Z", re.I
)
OBITUARY = re.compile(
    r"/(?:obituar(?:y|ies)|obits?|in-memoriam|death-notices?|nachrufe?|traueranzeigen?|todesanzeigen?|nachruf[^/]*"
    r"|necrolog(?:ie|ies|ias?|io|i)|n[eé]crologie|obituario|obituarios|esquelas?|avis-de-deces|nekrolog[^/]*)(?:/|-|\Z)",
    re.I,
)
DIED = re.compile(
    r"\bobituar(?:y|ies)\b|\bin memoriam\b|\bnachruf\b|\bnécrologie\b"
    r"|\bobituario\b|\bnecrologi[oa]\b|\bnekrolog\b"
    r"|\A[^.]{3,60}[,:] \d{4}\s?[-–]\s?\d{4}\Z|\bdies (?:at|aged)\b|\bhas died\b",
    re.I,
)
RESULTS = re.compile(
    r"/(?:results?|scores?|scoreboard|standings?|fixtures|league-tables?|tables?|ergebnisse?|tabellen?|spielplan"
    r"|resultados?|clasificaci[oó]n|classements?|r[eé]sultats?|risultati|classifica|election-results|lottery-results)"
    r"(?:/|-|\.html?\Z|\Z)",
    re.I,
)
FRONTS = ("", "/index.html", "/index.php", "/home")
READ = 400  # characters of text that is not in links, from which a page is there to be read
NOT_READ = ("front", "author", "listing")


def kind_of(url: str, data: PageData, blocks: Sequence[Block], body: Sequence[str]) -> tuple[str, float]:
    """The kind of a page and how sure that is, from 0 to 1.

    The kinds are article, live, gallery, video, obituary, results, front, author, listing.
    """
    path = urlsplit(url).path
    types = {t for node in data.nodes for t in types_of(node)}
    said = data.meta.get("og:type", "").lower()
    articles = bool(types & ARTICLES) or said == "article"
    scores = {
        "article": 1.0 * articles + 0.8 * (sum(map(len, body)) >= READ) + 0.2,
        "live": 3.0 * ("LiveBlogPosting" in types) + 0.9 * bool(LIVE.search(path)),
        "gallery": 2.0 * bool(types & {"ImageGallery", "MediaGallery"}) + 1.3 * bool(GALLERY.search(path)),
        "video": _video(types, said, path, body),
        "obituary": _obituary(data, path, blocks) if articles or _size(body) >= READ else 0.0,
        "results": _results(types, path, blocks, body),
        "front": 3.0 * (path.rstrip("/") in FRONTS and not urlsplit(url).query),
        "author": 2.5 * (said == "profile" or "ProfilePage" in types) + 1.2 * bool(AUTHOR.search(path)),
        "listing": _listing(types, path, blocks, articles=articles),
    }
    if articles and scores["article"] > 1.5:  # a long text that says it is an article is no list of others
        scores |= {name: scores[name] / 3 for name in ("gallery", "listing", "author", "front")}
    best = max(scores, key=lambda name: scores[name])
    return best, round(scores[best] / sum(scores.values()), 2)


def _video(types: set[str], said: str, path: str, body: Sequence[str]) -> float:
    short = sum(map(len, body)) < READ
    told = said.startswith("video") or ("VideoObject" in types and not types & ARTICLES)
    return (2.2 * told + 1.2 * bool(VIDEO.search(path))) * (1.0 if short or told else 0.4)


def _size(body: Sequence[str]) -> int:
    return sum(map(len, body))


def _obituary(data: PageData, path: str, blocks: Sequence[Block]) -> float:
    """Said by its section or address counts; a headline alone is too little: somebody's death is news."""
    told = f"{text_in(data.article.get('articleSection'))} {data.meta.get('article:section', '')}"
    named = f"{data.state.get('section', '')} {data.state.get('kicker', '')}"
    heading = next((b.text for b in blocks if b.tag == "h1"), "")
    said = bool(DIED.search(told) or DIED.search(named))
    return 2.6 * said + 2.6 * bool(OBITUARY.search(path)) + 0.8 * bool(DIED.search(heading))


def _results(types: set[str], path: str, blocks: Sequence[Block], body: Sequence[str]) -> float:
    """A page whose words stand in the cells of tables, figures most of them, and few in sentences."""
    cells = [b for b in blocks if b.tag in ("td", "th")]
    figures = sum(any(c.isdigit() for c in b.text) and len(b.text) < 20 for b in cells)
    table = len(cells) >= 20 and figures * 3 >= len(cells)
    crowd = table and sum(len(b.text) for b in cells) > _size(body)
    told = bool(types & {"SportsEvent", "Table", "Dataset"}) and table
    return 2.4 * crowd + 1.2 * (table and bool(RESULTS.search(path))) + 0.8 * told


def _listing(types: set[str], path: str, blocks: Sequence[Block], *, articles: bool) -> float:
    linked = sum(b.linked for b in blocks)
    size = sum(len(b.text) for b in blocks)
    teasers = sum(1 for b in blocks if b.tag in ("h2", "h3", "h4") and b.linked * 2 > len(b.text))
    told = bool(types & {"CollectionPage", "SearchResultsPage"}) or ("ItemList" in types and not articles)
    crowd = teasers >= 8 and linked * 2 > size and not articles
    return 1.6 * told + 1.2 * bool(TAG.search(path)) + 1.5 * crowd


def is_read(kind: str) -> bool:
    """Whether pages of this kind hold a text of their own."""
    return kind not in NOT_READ


def element_text(tree: Any, path: str) -> str:
    """The first text at an XPath, or ""."""
    return next((t for t in (" ".join(e.text_content().split()) for e in tree.xpath(path)) if t), "")
