"""The fields of an article, each from the source that says it best.

Rules: JSON-LD first, then the CMS's state, meta elements, microdata, the visible page; each field that was
found names its source. What only the page shows (byline, kicker, shown standfirst) comes from the page.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import lxml.etree

from archive.dates import read_time
from archive.extract.blocks import NEVER, Block, key
from archive.extract.data import PageData, clean, text_in
from archive.extract.guard import FURNITURE
from archive.extract.kinds import element_text
from archive.extract.names import BY, DATE, names_in, role_of, tidy
from archive.extract.told import titles_in
from archive.versions import own_id

SEPARATOR = re.compile(r"(\s+[|–—·-]\s+|\s*--\s*|\s*[｜：]\s*)")
STANDFIRST = re.compile(
    r"stand-?first|\blead\b|\blede\b|\bdek\b|\bdeck\b|sub-?title|sub-?head(?:line)?\b|summary|\bintro|chap[oô]|chapeau"
    r"|entradilla|sottotitolo|vorspann|excerpt|tertiary|\babstract\b|\bteaser-?text|\bperex\b|ingress|bajada|\bsapo\b",
    re.I,
)
ABOVE = 600  # characters above the beginning of a headline within which its kicker may stand
BELOW = 200  # and behind it: in it, or below it
HOLLOW = re.compile(r"\$\{|\{\{")  # of a template that was not filled in
KICKER = re.compile(
    r"kicker|overline|eyebrow|dachzeile|spitzmarke|supertitle|\btopline|article-title-secondary|antetitulo",
    re.I,
)
BYLINE = re.compile(
    r"byline|author-block|(?<![a-z])authors?(?:[-_]?names?)?(?![a-z])|article-author"
    r"|(?<![a-z])autor(?:en|es)?(?![a-z])|signature|firma\b",
    re.I,
)
SIGNED = "//*[@id or @class or @rel='author' or @itemprop='author']"
PUBLISHED = (
    "article:published_time", "article:published:time", "og:published_time", "og:article:published_time",
    "datepublished", "date.published", "dc.date.issued", "dcterms.created", "dc.date", "date",
    "parsely-pub-date", "sailthru.date", "pubdate", "publishdate", "publish-date", "publication_date",
    "published_at", "cxenseparse:recs:publishtime",
    "article.published", "iso-8601-publish-date",
)  # fmt: skip
MODIFIED = (
    "article:modified_time",
    "article:modified:time",
    "og:updated_time",
    "datemodified",
    "last-modified",
    "dc.date.modified",
    "lastmod",
)
TIERS = {
    "free": "free",
    "metered": "metered",
    "locked": "paid",
    "premium": "paid",
    "paid": "paid",
    "subscriber": "paid",
}
RAW = 500  # characters of what a page said that are kept beside what was read from it
Offer = tuple[str, str]


class Fields:
    """The fields of one page. `source` names where each that was asked for came from."""

    def __init__(self, url: str, tree: Any, data: PageData, blocks: Sequence[Block]) -> None:
        self.url, self.tree, self.data, self.blocks = url, tree, data, blocks
        self.source: dict[str, str] = {}
        self.raw: dict[str, str] = {}
        self._byline: str | None = None

    def pick(self, name: str, *offers: Offer) -> str:
        """The first offer that says anything, cleaned."""
        for origin, raw in offers:
            value = clean(raw)
            if value:
                self.source[name] = origin
                if value != raw:
                    self.raw[name] = raw[:RAW]
                return value
        return ""

    def headline(self) -> str:
        """The headline, without the newspaper's own name."""
        data, meta = self.data.article, self.data.meta
        shown = clean(element_text(self.tree, "//h1"))
        said = text_in(data.get("headline")) or text_in(data.get("name"))
        found = self.pick(
            "headline",
            ("h1", shown if _updates(shown, said) else ""),
            ("json-ld", said),
            ("cms", self.data.state.get("headline", "")),
            ("meta", meta.get("og:title", "") or meta.get("twitter:title", "")),
            ("microdata", self.data.items.get("headline", "")),
            ("h1", shown),
            ("title", element_text(self.tree, "//title")),
        )
        named = without_name(found, self._names())
        if named != found:
            self.raw.setdefault("headline", found[:RAW])
        return named

    def titles(self, headline: str) -> tuple[str, ...]:
        """The other headlines that head and data give, without the newspaper's own name."""
        names = self._names()
        found = {key(headline): ""}
        for title in titles_in(self.tree, self.data):
            bare = without_name(title, names)
            parts = {key(part) for part in SEPARATOR.split(bare)[::2]}  # it may name paper and section
            if len(key(bare)) >= 12 and key(bare) not in names and not parts & found.keys():
                found.setdefault(key(bare), bare)
        return tuple(title for title in found.values() if title)[:10]

    def standfirst(self, headline: str, captions: Iterable[str] = ()) -> str:
        """What stands between the headline and the text; without that, the description in the data, where
        it is neither a caption nor the first paragraph.
        """
        data, meta = self.data.article, self.data.meta
        told = (text_in(data.get("description")), meta.get("og:description", ""), meta.get("description", ""))
        shown, within = self._shown_standfirst([clean(text) for text in told], headline)
        if within:
            return ""
        below = {key(caption) for caption in captions}
        state = self.data.state.get("standfirst", "")
        origins = ("page", "json-ld", "cms", "meta", "meta")
        offers = zip(origins, (shown, told[0], state, *told[1:]), strict=True)
        return self.pick("standfirst", *(offer for offer in offers if key(clean(offer[1])) not in below))

    def _shown_standfirst(self, told: Sequence[str], headline: str) -> tuple[str, bool]:
        """What the page shows as one; whether it shows what the data tell as a paragraph."""
        heads = [n for n, block in enumerate(self.blocks) if block.tag == "h1"]
        same = [n for n in heads if key(self.blocks[n].text) == key(headline)]
        start = next(iter(same or heads), None)
        near = [] if start is None else self.blocks[start + 1 : start + 25]
        for n, block in enumerate(near):
            if not 25 <= len(block.text) <= 900 or block.linked * 2 > len(block.text) or _is_caption(block):
                continue
            if _called_standfirst(block):
                return block.text, False
            if any(_same(block.text, text) for text in told):
                within = _one_of(block, near[n + 1 : n + 6])
                return "" if within else block.text, within
        return "", False

    def authors(self) -> tuple[str, ...]:
        """The authors' names."""
        meta = self.data.meta
        named = self._listed()
        said = [
            a
            for a in (meta.get("author", ""), meta.get("article:author", ""), meta.get("parsely-author", ""))
            if a
        ]
        offers = (
            ("json-ld", tidy(named)),
            ("meta", tidy(a for a in said[:2] if "://" not in a and "facebook" not in a)),
            ("microdata", tidy([self.data.items.get("author", "")])),
            ("links", tidy(self._author_links())),
        )
        own = self._names()  # a person before the newspaper's own name
        shown = ("byline", names_in(self.byline()))
        people = [(origin, tuple(n for n in names if key(n) not in own)) for origin, names in offers]
        signed = [shown] if BY.match(self.byline()) else []
        for origin, names in (*people, *signed, *offers, shown):
            if names:
                self.source["authors"] = origin
                raw = {"json-ld": "; ".join(named), "meta": "; ".join(said[:2]), "byline": self.byline()}
                self._keep_raw("authors", raw.get(origin, ""), ", ".join(names))
                return names
        return ()

    def roles(self, authors: Sequence[str]) -> tuple[str, ...]:
        """What each author is ("political editor"), as data or byline say; () where nothing is said."""
        listed = self.data.article.get("author") or []
        nodes = [n for n in (listed if isinstance(listed, list) else [listed]) if isinstance(n, dict)]
        told = {key(text_in(n)): clean(text_in(n.get("jobTitle"))) for n in nodes}
        roles = [told.get(key(name), "") for name in authors]
        origin = "json-ld"
        if not any(roles):
            roles, origin = [role_of(name, self.byline()) for name in authors], "byline"
        if not any(roles):
            return ()
        self.source["roles"] = origin
        return tuple(roles)

    def keep(self, name: str, value: str, origin: str, raw: str) -> str:
        """A value that was found elsewhere, with where and in what words; "" leaves no trace."""
        if value:
            self.source[name] = origin
            self._keep_raw(name, raw, value)
        return value

    def _listed(self) -> list[str]:
        """The authors' names as the data give them."""
        listed = self.data.article.get("author") or self.data.article.get("creator") or []
        return [clean(text_in(each)) for each in (listed if isinstance(listed, list) else [listed])]

    def _keep_raw(self, name: str, raw: str, value: str) -> None:
        if raw and raw != value:
            self.raw[name] = raw[:RAW]

    def _author_links(self) -> list[str]:
        """Names that link to an author's page, near the headline."""
        known = "[@rel='author' or contains(@href, '/author') or contains(@href, '/autor')]"
        first = self.tree.xpath(f"(//h1[last()]/following::a{known})[1]")
        beside = first[0].xpath(f"../..//a{known}") if first else []
        names = [clean(a.text_content()) for a in beside]
        return list(dict.fromkeys(name for name in names if 2 <= len(name.split()) <= 4 and len(name) < 50))[
            :6
        ]

    def byline(self) -> str:
        """The byline as the page shows it, raw."""
        if self._byline is None:
            names = [key(name) for name in tidy(self._listed())]
            said = sorted(
                self._bylines(),
                key=lambda each: (_of_picture(each[0]), not any(name in key(each[1]) for name in names)),
            )
            self._byline = next((text for _, text in said), "")
        if self._byline:
            self.source["byline"] = "page"
        return self._byline

    def _bylines(self) -> Iterator[tuple[Any, str]]:
        for element in self.tree.xpath(SIGNED):
            names = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('itemprop') or ''}"
            if _signs(names) or element.get("rel") == "author":
                text = " ".join(element.text_content().split())
                if 3 < len(text) < 160 and element.tag not in ("script", "style", "body", "svg"):
                    yield element, text

    def kicker(self, headline: str) -> str:
        """The line above the headline."""
        shown = self._overline(headline)
        said = self.data.state.get("kicker", "")
        return self.pick("kicker", ("cms", said), ("page", shown if key(shown) != key(headline) else ""))

    def _overline(self, headline: str) -> str:
        """A line that is called so, in or near the headline: further away it is that of another story."""
        lines = [e for e in self.tree.xpath("//*[@class]") if _overlines(e.get("class"))]
        heads = list(self.tree.iter("h1", "h2")) if lines else []
        same = (e for e in heads if key(e.text_content()).endswith(key(headline)))
        head = next(same, next((e for e in heads if e.tag == "h1"), None))
        if head is None:
            return ""
        at = _places(self.tree)
        near = (e for e in lines if -ABOVE <= at[e] - at[head] <= BELOW)
        texts = (clean(element.text_content()) for element in near)
        fine = (t for t in texts if 1 < len(t) < 80 and not FURNITURE.match(t) and not HOLLOW.search(t))
        return next((t for t in fine if key(headline) not in key(t)), "")

    def published(self) -> datetime | None:
        """When it was published; of two sources that name one day, the one that has the time."""
        items = self.data.items
        found = self._date(
            "published",
            ("json-ld", text_in(self.data.article.get("datePublished"))),
            ("cms", self.data.state.get("published", "")),
            ("meta", next((self.data.meta[n] for n in PUBLISHED if self.data.meta.get(n)), "")),
            ("microdata", items.get("datePublished", "")),
            (
                "json-ld",
                next(
                    (text_in(n.get("datePublished")) for n in self.data.nodes if n.get("datePublished")), ""
                ),
            ),
            (
                "time",
                next(iter(self.tree.xpath("//time[@pubdate]/@datetime | //article//time/@datetime")), ""),
            ),
            ("time", next(iter(self.tree.xpath("//header//time/@datetime | //main//time/@datetime")), "")),
            ("json-ld", text_in(self.data.article.get("dateCreated"))),
        )
        if shown := self._shown_date():
            self.raw["published"] = shown
        return found

    def _shown_date(self) -> str:
        """A line near the headline that is a date, as the page shows it."""
        start = next((n for n, block in enumerate(self.blocks) if block.tag == "h1"), 0)
        near = (block.text for block in self.blocks[start : start + 12] if len(block.text) < 60)
        return next((text for text in near if DATE.match(text)), "")

    def modified(self) -> datetime | None:
        """When it was last changed, as the page says."""
        meta = self.data.meta
        return self._date(
            "modified",
            ("json-ld", text_in(self.data.article.get("dateModified"))),
            ("cms", self.data.state.get("modified", "")),
            ("meta", next((meta[n] for n in MODIFIED if meta.get(n)), "")),
            ("microdata", self.data.items.get("dateModified", "")),
        )

    def _date(self, name: str, *offers: Offer) -> datetime | None:
        day: tuple[str, datetime, str] | None = None
        for origin, raw in offers:
            moment = _moment(raw)
            if moment is None:
                continue
            if re.search(r"\d:\d\d|T\d{4}|\A\d{10,13}\Z", raw):
                if day is None or abs((moment - day[1]).total_seconds()) < 2 * 86400:
                    self.source[name], self.raw[name] = origin, raw
                    return moment
            elif day is None:
                day = origin, moment, raw
        if day:
            self.source[name], self.raw[name] = day[0], day[2]
        return day[1] if day else None

    def section(self) -> str:
        """The newspaper's section."""
        return self.pick(
            "section",
            ("json-ld", text_in(self.data.article.get("articleSection"))),
            ("cms", self.data.state.get("section", "")),
            ("meta", self.data.meta.get("article:section", "")),
        )

    def language(self) -> str:
        """The language, as the page says, without the region ("en")."""
        found = self.pick(
            "language",
            (
                "html",
                self.tree.get("lang") or self.tree.get("{http://www.w3.org/XML/1998/namespace}lang") or "",
            ),
            ("json-ld", text_in(self.data.article.get("inLanguage"))),
            ("meta", self.data.meta.get("og:locale", "")),
        )
        if found:
            self.raw["language"] = found
        return re.split(r"[-_]", found)[0].lower()

    def canonical(self) -> str:
        """The address that the page calls its own."""
        found = self.pick(
            "canonical",
            ("link", next(iter(self.tree.xpath('//link[@rel="canonical"]/@href')), "")),
            ("meta", self.data.meta.get("og:url", "")),
        )
        return urljoin(self.url, found) if found else ""

    def number(self) -> str:
        """The newspaper's own id of the article."""
        identifier = self.data.article.get("identifier")
        said = identifier if isinstance(identifier, str | int) else ""
        return self.pick(
            "number",
            ("cms", self.data.state.get("id", "")),
            ("json-ld", "" if "://" in str(said) else str(said)[:80]),
            ("url", own_id(self.url)),
        )

    def access(self) -> str:
        """Who may read it; absence of a sign is unknown."""
        data = self.data.article
        parts = data.get("hasPart")
        listed = [data, *(parts if isinstance(parts, list) else [parts])]
        said = [_truth(p.get("isAccessibleForFree")) for p in listed if isinstance(p, dict)]
        tier = TIERS.get(self.data.meta.get("article:content_tier", "").lower(), "")
        if tier == "metered" or (tier and not any(said)):
            self.source["access"], self.raw["access"] = "meta", self.data.meta["article:content_tier"]
            return tier
        if "false" in said or "true" in said:
            paid = "false" in said
            self.source["access"] = "json-ld"
            self.raw["access"] = f"isAccessibleForFree {'false' if paid else 'true'}"
            return "paid" if paid else "free"
        state = TIERS.get(self.data.state.get("access", "").lower(), "")
        if state:
            self.source["access"], self.raw["access"] = "cms", self.data.state["access"]
        return state or "unknown"

    def _names(self) -> set[str]:
        """What the newspaper calls itself on this page: its site name, publisher, and host."""
        canonical = next(iter(self.tree.xpath('//link[@rel="canonical"]/@href')), "") or self.data.meta.get(
            "og:url", ""
        )
        host = (urlsplit(canonical).hostname or "").removeprefix("www.")
        publisher = text_in(self.data.article.get("publisher"))
        said = {self.data.meta.get("og:site_name", ""), publisher, host, host.rpartition(".")[0]}
        return {key(name) for name in said} - {""}


@lru_cache(maxsize=20_000)
def _signs(names: str) -> bool:
    """Whether class names and ids say that a byline stands there."""
    return bool(BYLINE.search(names))


@lru_cache(maxsize=20_000)
def _overlines(names: str) -> bool:
    return bool(KICKER.search(names))


def _moment(raw: str) -> datetime | None:
    text = raw.strip()
    if re.fullmatch(r"\d{10}|\d{13}", text):
        return datetime.fromtimestamp(int(text[:10]), tz=UTC)
    return read_time(text)


def _truth(value: Any) -> str:
    said = str("" if value is None else value).rpartition("/")[2].strip().lower()
    return said if said in ("true", "false") else ""


def _is_caption(block: Block) -> bool:
    """Whether a text stands in a figure, whatever its class says."""
    return any(element.tag == "figure" for element in block.path)


def _called_standfirst(block: Block) -> bool:
    names = " ".join(f"{e.get('class') or ''} {e.get('itemprop') or ''} {e.tag}" for e in block.path[-2:])
    return bool(STANDFIRST.search(names)) or "alternativeHeadline" in names


def _one_of(block: Block, behind: Iterable[Block]) -> bool:
    """Whether a text is a paragraph like those behind it: the data describe many an article by its first."""
    return any(
        each.tag == block.tag
        and each.path[-2:-1] == block.path[-2:-1]
        and each.path[-1] is not block.path[-1]
        and each.path[-1].get("class") == block.path[-1].get("class")
        for each in behind
    )


def _same(shown: str, told: str) -> bool:
    """Whether a shown text is what the data tell, or they tell its beginning, or all but its place."""
    one, other = key(shown), key(told)
    longer = (one.startswith(other) and len(one) < 1.3 * len(other)) or (
        one.endswith(other) and len(one) < len(other) + 20
    )
    return len(other) >= 25 and longer


def _updates(shown: str, said: str) -> bool:
    """Whether the visible headline is a longer form of the one in the data (which often stays behind)."""
    shown, said = key(shown), key(clean(said))
    return bool(said) and shown != said and shown.startswith(said) and len(shown) < len(said) + 40


def _of_picture(element: Any) -> bool:
    """Whether an element stands in a figure, as who made the picture does (or the author's portrait)."""
    return next(element.iterancestors("figure"), None) is not None


def _places(tree: Any) -> dict[Any, int]:
    """Where each element of a page begins, in characters of text that is shown."""
    found: dict[Any, int] = {}
    at = 0
    for event, element in lxml.etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            found[element] = at
        text = element.text if event == "start" else element.tail
        at += 0 if element.tag in NEVER and event == "start" else len((text or "").strip())
    return found


SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "æ": "ae", "ø": "oe"})


def without_name(headline: str, names: set[str]) -> str:
    """A headline without the newspaper's own name before or behind it ("Flood - The Paper")."""
    parts = SEPARATOR.split(headline)
    while len(parts) > 2 and _own(parts[-1], names):
        del parts[-2:]
    while len(parts) > 2 and _own(parts[0], names):
        del parts[:2]
    return "".join(parts)


def _own(name: str, names: set[str]) -> bool:
    """Whether it is one of the newspaper's names, also as a host spells it: "Börsen", boersen."""
    return key(name) in names or key(name).translate(SPELT) in names


def headings(tree: Any) -> tuple[str, ...]:
    """The page's main headings."""
    return tuple(clean(e.text_content()) for e in tree.iter("h1"))
