"""Links and requisites of an HTML page, in one pass over its tree. Pure.

Requisites are what a browser would load to show the page, lazily loaded parts too, whether or not this
browser would choose them: a replay may be looked at on another screen. Frames stand apart, since they are
pages with requisites of their own.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import lxml.etree

from spiders.styles import css_urls
from spiders.told import absolute, absolute_all

NOT_PAGES = re.compile(
    r"\.(jpe?g|png|gif|webp|avif|svg|ico|css|js|mjs|json|xml|rss|atom|pdf|zip|gz|mp[34]|m4[av]|webm|ogg|woff2?|ttf)\Z",
    re.I,
)
FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json")
LOADED_RELS = frozenset(
    (
        "stylesheet", "icon", "shortcut", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon",
        "apple-touch-startup-image", "fluid-icon", "manifest", "modulepreload", "preload", "image_src",
    )
)  # fmt: skip
META_IMAGES = frozenset(
    (
        "og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src",
        "msapplication-tileimage", "image", "thumbnailurl",
    )
)  # fmt: skip
# Attributes of one address, and of several, that pages use to load late.
LATE = (
    "data-src", "data-original", "data-lazy-src", "data-lazy", "data-hi-res-src", "data-full-src",
    "data-image", "data-bg", "data-background", "data-background-image", "data-poster", "data-thumb",
    "data-echo", "data-img-src", "data-image-src", "data-fallback-src", "data-placeholder-src",
)  # fmt: skip
LATE_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set", "data-bgset", "data-img-srcset")
LATE_PATH = "//*[{}]".format(" or ".join(f"@{name}" for name in LATE + LATE_SETS))
SRCSET = re.compile(r"[\s,]*(\S+)")
DESCRIPTORS = re.compile(r"[^,(]*(?:\([^)]*\)?[^,(]*)*")
CONTROL = bytes({*range(9), 11, *range(14, 32)})
ADDRESS = re.compile(r"(?:https?:)?//|[^\s:{}<>\[\]()\"']*[./][^\s{}<>\[\]()\"']*\Z", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLinks:
    """What a page leads to, absolute and each once.

    `links` are pages a reader may follow, `requisites` what a browser loads, `data` what scripts are told to
    fetch, `frames` pages within the page, `feeds` what it announces. `canonical`, `amp` and `next` are
    addresses of this article or of its next page; "" where none is told, as for `name` (the site's) and
    `language`.
    """

    links: tuple[str, ...] = ()
    requisites: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    name: str = ""
    language: str = ""
    canonical: str = ""
    amp: str = ""
    next: str = ""


def read_page(text: str, base: str) -> PageLinks:
    """Read an HTML page that came from `base`; what cannot be read is empty."""
    return _read(text, base, _Page(anchors=True))


def read_loaded(text: str, base: str) -> PageLinks:
    """A page without the links to others: most pages are read for what a browser loads alone."""
    return _read(text, base, _Page(anchors=False))


def _read(text: str, base: str, page: "_Page") -> PageLinks:
    data = text.encode("utf-8", "replace").translate(None, CONTROL)
    tree = _tree(data)
    if tree is None:
        return PageLinks()
    page.read(tree, data)
    base = page.base_of(base)
    links = absolute_all(page.links, base)
    return PageLinks(
        links=tuple(url for url in links if not NOT_PAGES.search(urlsplit(url).path)),
        requisites=absolute_all(page.requisites, base),
        data=absolute_all(page.data, base),
        feeds=absolute_all(page.feeds, base),
        frames=absolute_all(page.frames, base),
        name=page.site_name(),
        language=(tree.get("lang") or "").strip(),
        canonical=page.address("canonical", base),
        amp=page.address("amphtml", base),
        next=page.address("next", base),
    )


def _tree(data: bytes) -> "lxml.etree._Element | None":
    parser = lxml.etree.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True
    )
    try:
        return lxml.etree.fromstring(data, parser)
    except (lxml.etree.LxmlError, ValueError):
        return None


@dataclass(slots=True)
class _Page:
    """What was met on a page, as told."""

    anchors: bool
    base: str | None = None
    links: list[str] = field(default_factory=list)
    requisites: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    title: str | None = None

    def read(self, tree: "lxml.etree._Element", data: bytes) -> None:
        """One pass over the elements that matter; attributes that any may have are asked for in turn."""
        handlers = HANDLERS if self.anchors else {k: v for k, v in HANDLERS.items() if k not in ANCHORS}
        for element in tree.iter(*handlers):
            handlers[element.tag](self, element)
        for style in tree.xpath("//@style[contains(., '(')]"):
            self.requisites.extend(css_urls(style))
        # A look at the bytes is cheaper than one at every element.
        low = data.lower()
        if b"background" in low:
            self.requisites.extend(tree.xpath("//@background"))
        if b"data-" in low:
            for element in tree.xpath(LATE_PATH):
                self._late(element)

    def _late(self, element: "lxml.etree._Element") -> None:
        get = element.get
        kept = self.frames if element.tag == "iframe" else self.requisites
        for name in LATE:
            value = (get(name) or "").strip()
            if "url(" in value.lower():
                kept.extend(css_urls(value))
            elif ADDRESS.match(value):
                kept.append(value)
        for name in LATE_SETS:
            if value := get(name):
                kept.extend(srcset_urls(value))

    def base_of(self, url: str) -> str:
        """What relative addresses are relative to: the first base, unless it is no web address."""
        return (absolute(self.base, url) or url) if self.base is not None else url

    def address(self, name: str, base: str) -> str:
        """An address of which a page has one, absolute; "" where it has none."""
        told = self.told.get(name)
        return (absolute(told, base) if told else None) or ""

    def site_name(self) -> str:
        """The site's name for itself, or the first part of the title."""
        named = " ".join(self.told.get("og:site_name", "").split())
        # "The Paper - News, sport and weather": the name is the first part.
        return named or re.split(r"\s+[|–—:-]\s+", " ".join((self.title or "").split()))[0]

    def anchor(self, element: "lxml.etree._Element") -> None:
        """<a>, <area>."""
        href = element.get("href")
        if href:
            self.links.append(href)
            if "next" in (element.get("rel") or "").lower().split():
                self.told.setdefault("next", href)

    def link(self, element: "lxml.etree._Element") -> None:
        """<link>, by its relations."""
        get = element.get
        if sets := get("imagesrcset"):
            self.requisites.extend(srcset_urls(sets))
        href, rels = get("href"), (get("rel") or "").lower().split()
        if not href:
            return
        for rel in ("canonical", "amphtml", "next"):
            if rel in rels:
                self.told.setdefault(rel, href)
        use, early = (get("as") or "").lower(), "preload" in rels or "prefetch" in rels
        if "alternate" in rels and (get("type") or "").lower().partition(";")[0].strip() in FEED_TYPES:
            self.feeds.append(href)
        elif early and use == "fetch":
            self.data.append(href)
        elif not LOADED_RELS.isdisjoint(rels) or (early and use not in ("", "document")):
            self.requisites.append(href)

    def base_element(self, element: "lxml.etree._Element") -> None:
        """<base>: the first with an address counts."""
        if self.base is None:
            self.base = element.get("href")

    def meta(self, element: "lxml.etree._Element") -> None:
        """<meta> of images, and of the site's name."""
        get = element.get
        name = (get("property") or get("name") or get("itemprop") or "").lower().strip()
        content = get("content") or ""
        if name in META_IMAGES and content:
            self.requisites.append(content)
        elif name == "og:site_name":
            self.told.setdefault(name, content)

    def title_element(self, element: "lxml.etree._Element") -> None:
        """The first <title>; drawings have titles as well."""
        if self.title is None:
            self.title = element.text or ""

    def style(self, element: "lxml.etree._Element") -> None:
        """<style>."""
        if element.text:
            self.requisites.extend(css_urls(element.text))

    def source(self, element: "lxml.etree._Element") -> None:
        """What has src, srcset or poster."""
        get = element.get
        if src := get("src"):
            self.requisites.append(src)
        if srcset := get("srcset"):
            self.requisites.extend(srcset_urls(srcset))
        if poster := get("poster"):
            self.requisites.append(poster)

    def frame(self, element: "lxml.etree._Element") -> None:
        """<iframe>, <frame>."""
        if src := element.get("src"):
            self.frames.append(src)

    def embedded(self, element: "lxml.etree._Element") -> None:
        """<object>, <embed>: a document of another kind."""
        if url := element.get("data") or element.get("src"):
            self.requisites.append(url)

    def button(self, element: "lxml.etree._Element") -> None:
        """<input type=image>."""
        if (element.get("type") or "").lower() == "image" and (src := element.get("src")):
            self.requisites.append(src)

    def drawn(self, element: "lxml.etree._Element") -> None:
        """<image> and <use> of SVG."""
        url = element.get("href") or element.get("xlink:href") or ""
        if url and not url.startswith("#"):
            self.requisites.append(url)


Handler = Callable[[_Page, "lxml.etree._Element"], None]
ANCHORS = ("a", "area")
HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(ANCHORS, _Page.anchor),
    **dict.fromkeys(
        ("img", "script", "source", "video", "audio", "track", "amp-img", "amp-video", "amp-audio"),
        _Page.source,
    ),
    **dict.fromkeys(("iframe", "frame", "amp-iframe"), _Page.frame),
    **dict.fromkeys(("object", "embed"), _Page.embedded),
    **dict.fromkeys(("image", "use", "feimage"), _Page.drawn),
    "link": _Page.link,
    "base": _Page.base_element,
    "meta": _Page.meta,
    "title": _Page.title_element,
    "style": _Page.style,
    "input": _Page.button,
}


def srcset_urls(srcset: str) -> Iterator[str]:
    """The candidates of a srcset attribute (HTML, section 4.8.4.2.1), without data: ones."""
    place = 0
    while found := SRCSET.match(srcset, place):
        url, place = found[1], found.end()
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            descriptors = DESCRIPTORS.match(srcset, place)
            place = descriptors.end() if descriptors else place
        if url and url[:5].lower() != "data:":
            yield url
