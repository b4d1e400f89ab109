"""From a captured page to an article.

Rules: an extractor takes a page and never fetches. Each field says where it came from. The body is chosen by
agreement (`body`), after a guard has taken out what is no text of the article (`guard`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import lxml.html
import trafilatura

from archive.extract.agencies import agencies_only, agency_named
from archive.extract.beside import comments_of, is_related, license_link, links_of, rights_of
from archive.extract.blocks import Block, blocks_of, key, text_of
from archive.extract.body import Body, body_of
from archive.extract.data import PageData, clean, read_data, text_in
from archive.extract.fields import Fields, headings, without_name
from archive.extract.guard import ground_of
from archive.extract.kinds import is_read, kind_of
from archive.extract.names import dateline_of
from archive.extract.pictures import pictures
from archive.extract.ruled import ruled, without_recurring
from archive.extract.structure import without_furniture
from archive.extract.text import from_text
from archive.extract.told import told_in
from archive.model import Article
from archive.selectors import NONE, Rules, drop
from archive.words import NOTE, READING

__all__ = ["EXTRACTOR", "data_texts", "extract", "from_text", "paragraphs", "without_name"]

EXTRACTOR = f"newsmorgue-{READING}/trafilatura-{trafilatura.__version__}"
NOTHING: Mapping[str, int] = MappingProxyType({})
SPOKEN = 80  # characters from which a paragraph is taken for text, and not for a teaser or a label
WITH = re.compile(r"\W*(?:mit|with|avec|con|met|med)\s", re.I)  # it gave some of the text
NEAR = 4  # blocks behind the body, among which an agency may be named
DOUBTED = 0.8  # agreement of the readers below which a body is to be looked at


def extract(
    html: str,
    url: str,
    *,
    needs_sign: bool = False,
    rules: Rules = NONE,
    recurring: Mapping[str, int] = NOTHING,
) -> Article | None:
    """The article on a page, or None where the page shows no sign of being one.

    A sign is data that says so; without one, a long text will do, unless `needs_sign`. A front, a list of
    stories and an author's page are no articles. `rules` are the newspaper's own for that page, `recurring`
    the lines that recur on its pages (by `blocks.key`) with the count of articles that have each.
    """
    tree = _tree(html)
    if tree is None:
        return None
    if rules.drop and drop(tree, rules):
        html = lxml.html.tostring(tree, encoding="unicode")
    data = read_data(tree)
    article = _article(html, url, tree, data)
    if article is not None:
        article = without_recurring(ruled(article, tree, rules), recurring)
    if article is None or not article.headline:
        return None
    signed = bool(data.article.get("headline")) or data.meta.get("og:type") == "article"
    long = not needs_sign and sum(map(len, article.body)) >= 500
    return article if signed or long else None


HEADINGS = (
    "//head/title/text() | //h1//text() | //meta[@property='og:title' or @property='og:description' or"
    " @name='description']/@content"
)
LITERAL = re.compile(r'"((?:[^"\\{}<]|\\.){20,})"')
TOLD = re.compile(r'"((?:[^"\\]|\\.){20,})"')  # in JSON-LD, where a text may have markup
MARKUP = re.compile(r"<[^<>]{0,500}>")


def paragraphs(html: str) -> tuple[str, ...]:
    """The longer paragraphs of a page's main part, and what its head and data say, whoever takes them for it.

    Some newspapers have the whole text in JSON-LD alone, behind a paywall; others edit the title of the head
    and nothing else.
    """
    tree = _tree(html)
    if tree is None:
        return ()
    inside = "not(ancestor::aside or ancestor::nav or ancestor::footer or ancestor::form)"
    main = next((p for p in ("//article", "//main", "//body") if tree.xpath(f"{p}//p")), "//body")
    said = (" ".join(p.text_content().split()) for p in tree.xpath(f"{main}//p[{inside}]"))
    told = (" ".join(text.split()) for text in (*tree.xpath(HEADINGS), *data_texts(tree)))
    return tuple(dict.fromkeys((*(text for text in said if len(text) >= SPOKEN), *(t for t in told if t))))


def data_texts(tree: Any) -> Iterator[str]:
    """Sentences in a page's data: any in JSON-LD, the long ones in what scripts bring along."""
    for script in tree.iter("script"):
        told = "ld+json" in (script.get("type") or "")
        least, pattern = (5, TOLD) if told else (12, LITERAL)  # words, less one
        found = (MARKUP.sub(" ", literal[1]) for literal in pattern.finditer(script.text or ""))
        yield from (text for text in found if text.count(" ") >= least or (told and _dense(text)))


def _dense(text: str) -> bool:
    """Whether a text without spaces may be one of sentences: Chinese, Japanese, Thai ..."""
    return len(text) >= SPOKEN // 2 and sum(char > "\u0e00" for char in text[:80]) > 20


def _tree(html: str) -> Any:
    try:
        return lxml.html.document_fromstring(html)
    except (lxml.etree.ParserError, ValueError):
        return None


def _article(html: str, url: str, tree: Any, data: PageData) -> Article | None:
    blocks = blocks_of(tree)
    kept = without_furniture(blocks)
    fields = Fields(url, tree, data, blocks)
    headline = fields.headline()
    images = pictures(tree, data, url)
    captions = [text for i in images for text in (i.caption, f"{i.caption} {i.credit}".strip())]
    standfirst = fields.standfirst(headline, captions)
    byline = fields.byline()
    said = (headline, standfirst, byline, *headings(tree))
    told = "\n".join(map(clean, text_in(data.article.get("articleBody")).split("\n")))
    ground = ground_of(blocks, kept, said, captions)
    body = body_of(html, url, kept, ground, told)
    if "page" not in fields.source.get("standfirst", "") and _is_told(standfirst, body.text.paragraphs):
        standfirst = ""  # no text of its own: the data repeat how the article begins
        fields.source.pop("standfirst", None)
    kind, sure = kind_of(url, data, blocks, body.text.paragraphs)
    if not is_read(kind):
        return None
    authors = fields.authors()
    agency, text, credited = _agency(body, kept, authors, data)
    text = _without_authors(text, authors)
    published, modified = fields.published(), fields.modified()
    dateline, _ = dateline_of(text[0]) if text else ("", "")
    people = tuple(a for a in authors if not agency_named(a))
    found = Article(
        url=url,
        headline=headline,
        standfirst=standfirst,
        authors=people,
        roles=fields.roles(people),
        agency=agency,
        published=published,
        modified=modified if modified != published else None,
        section=fields.section(),
        language=fields.language(),
        access=fields.access(),
        body=text,
        images=images,
        kicker=fields.kicker(headline),
        byline=byline,
        dateline=dateline,
        canonical=fields.canonical(),
        kind=kind,
        kind_confidence=sure,
        subheads=body.text.subheads,
        confidence=body.confidence,
        flags=_flags(body),
        number=fields.number(),
        wire=bool(agency) and (credited == "all" or not people),
        notes=notes_in(text),
        source={"body": body.source} if text else {},
    )
    shown = "\n".join((*ground.blocks, *ground.said, key("".join(text))))
    return _sourced(_with_beside(found, fields, shown), fields, credited=bool(credited))


def _with_beside(article: Article, fields: Fields, shown: str) -> Article:
    """The article with what stands beside its text: links, comments, rights, what only head and data say."""
    tree, data, blocks = fields.tree, fields.data, fields.blocks
    titles = fields.titles(article.headline)
    told = told_in(tree, data, article.body, shown, (article.headline, *titles))
    return replace(
        article,
        related=tuple(dict.fromkeys(block.text for block in blocks if is_related(block))),
        links=links_of(blocks, article.body, article.url),
        comments=fields.keep("comments", *comments_of(blocks, data)),
        rights=_rights(tree, data, article.url),
        titles=titles,
        told=told,
        notes=(*article.notes, *(sentence for sentence in told if NOTE.search(sentence[:120]))),
    )


def _sourced(article: Article, fields: Fields, *, credited: bool) -> Article:
    """The article with where each field came from, and with what the page said in its own words."""
    text = article.source.get("body", "")
    where = {
        "agency": text if credited else "byline", "dateline": text, "notes": text, "subheads": text,
        "images": "page", "related": "page", "links": "page", "rights": "page", "titles": "head and data",
        "told": "data", "kind": "signs",
    }  # fmt: skip
    found = {name: origin for name, origin in where.items() if getattr(article, name) and origin}
    return replace(article, source=article.source | fields.source | found, raw=fields.raw)


def _rights(tree: Any, data: PageData, url: str) -> tuple[str, ...]:
    linked = license_link(tree, url)
    found = {*rights_of(data), *([f"license={linked}"] if linked else [])}
    return tuple(sorted(found))


def notes_in(body: tuple[str, ...]) -> tuple[str, ...]:
    """Paragraphs at either end that say what was corrected or updated."""
    ends = body if len(body) < 6 else (*body[:2], *body[-4:])
    return tuple(text for text in ends if len(text) < 800 and NOTE.search(text[:120]))


def _is_told(standfirst: str, body: tuple[str, ...]) -> bool:
    """Whether a description is only the beginning of the text."""
    said = key(standfirst)
    return len(said) > 20 and said[:-12] in key("".join(body[:6]))


def _without_authors(body: tuple[str, ...], authors: tuple[str, ...]) -> tuple[str, ...]:
    """The body without a closing line on who the author is ("Ada Vale is a reporter ...")."""
    names = tuple(
        f"{name} {verb} " for name in authors for verb in ("is", "ist", "est", "es", "covers", "writes")
    )
    while len(body) > 2 and names and body[-1].startswith(names) and len(body[-1]) < 500:
        body = body[:-1]
    return body


def _behind(kept: Sequence[Block], body: tuple[str, ...]) -> tuple[str, ...]:
    """What stands on the page just behind the body."""
    last = key(body[-1]) if body else ""
    end = next((n for n, block in reversed(list(enumerate(kept))) if key(block.text) == last), None)
    return () if end is None else text_of(kept[end + 1 : end + NEAR])


def _flags(body: Body) -> tuple[str, ...]:
    found = set(body.text.flags)
    if not body.text.paragraphs:
        found.add("empty_body")
    elif body.confidence < DOUBTED:
        found.add("readers_disagree")
    return tuple(sorted(found))


def _agency(
    found: Body, kept: Sequence[Block], authors: tuple[str, ...], data: PageData
) -> tuple[str, tuple[str, ...], str]:
    """The agency; the body without the line that credits it; whether the text itself credits it: "all" of
    it to the agency, or a "part" ("mit dpa"), or "" where only byline or data name one.
    """
    body = found.text.paragraphs
    for line in (*reversed(found.text.edges), *_behind(kept, body)):
        if named := agencies_only(line):
            return named[0], body, _share(line)
    if body and (named := agencies_only(body[-1])):
        return named[0], body[:-1], _share(body[-1])
    if body and (agency := dateline_of(body[0])[1]):
        return agency, body, "all"
    said = (*authors, data.state.get("agency", ""), text_in(data.article.get("creditText")))
    return next((agency for name in said if (agency := agency_named(name))), ""), body, ""


def _share(line: str) -> str:
    return "part" if WITH.match(line) else "all"
