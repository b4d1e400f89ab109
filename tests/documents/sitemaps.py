"""Sitemaps: sound, odd, broken. `urls` are the pages expected, or the sitemaps of an index; None is not compared."""

import gzip
from dataclasses import dataclass

HOST = "https://paper.example"
BASE = f"{HOST}/maps/news.xml"
A, B = f"{HOST}/a", f"{HOST}/b"
NOON = "2026-11-20T12:00:00+00:00"
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
NEWS = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
IMAGE = 'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
VIDEO = 'xmlns:video="http://www.google.com/schemas/sitemap-video/1.1"'
URLS = f"<url><loc>{A}</loc></url><url><loc>{B}</loc></url>"
TOLD = (
    "<news:news><news:publication><news:name>The Paper</news:name><news:language>en</news:language>"
    "</news:publication><news:publication_date>2026-11-20T12:00:00Z</news:publication_date>"
    "<news:title>Fish &amp; chips</news:title></news:news>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A sitemap and what it tells; dates in ISO 8601, "" for none."""

    name: str
    body: bytes
    urls: tuple[str, ...] = ()
    kind: str | None = None
    cut: str = ""
    when: str | None = None
    published: str | None = None
    headline: str | None = None
    publication: str | None = None
    language: str | None = None


def case(name: str, body: str | bytes, *urls: str, **more: str) -> Case:
    """A case in one line."""
    return Case(name=name, body=body.encode() if isinstance(body, str) else body, urls=urls, **more)


def urlset(inner: str, more: str = "") -> str:
    """A set of pages."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {NS} {more}>{inner}</urlset>'


def index(inner: str, more: str = NS) -> str:
    """An index of sitemaps."""
    return f'<?xml version="1.0" encoding="UTF-8"?><sitemapindex {more}>{inner}</sitemapindex>'


def page(inner: str) -> str:
    """A set of one page at /a with more of it."""
    return urlset(f"<url><loc>{A}</loc>{inner}</url>", f"{NEWS} {IMAGE} {VIDEO}")


KINDS = (
    case("a set", urlset(URLS), A, B, kind="urlset"),
    case("a set without pages", urlset(""), kind="urlset"),
    case("an index", index(f"<sitemap><loc>{A}</loc></sitemap><sitemap><loc>{B}</loc></sitemap>"), A, B, kind="index"),
    case("an index without sitemaps", index(""), kind="index"),
    case("an index with a date", index(f"<sitemap><loc>{A}</loc><lastmod>2026-11-20T12:00Z</lastmod></sitemap>"), A, kind="index", when=NOON),
    case("an index of addresses without an entry around", index(f"<loc>{A}</loc><loc>{B}</loc>"), A, B, kind="index"),
    case("a set of addresses without an entry around", urlset(f"<loc>{A}</loc><loc>{B}</loc>"), A, B, kind="urlset"),
    case("a set in an index's clothes", index(URLS), A, B, kind="urlset"),
    case("lines of text", f"{A}\n{B}\n", A, B, kind="text"),
    case("lines with carriage returns", f"{A}\r\n{B}\r\n", A, B, kind="text"),
    case("lines with carriage returns alone", f"{A}\r{B}", A, B, kind="text"),
    case("lines with a byte order mark", b"\xef\xbb\xbf" + f"{A}\n{B}".encode(), A, B, kind="text"),
    case("lines with words between", f"# our pages\n{A}\n\nand\n  {B}  \n/relative", A, B, kind="text"),
    case("lines in UTF-16", f"{A}\n{B}".encode("utf-16"), A, B, kind="text"),
    case("lines in gzip", gzip.compress(f"{A}\n{B}".encode()), A, B, kind="text"),
    case("a line without end", f"{A}\n" + "x" * 500_000 + f"\n{B}", A, B, kind="text"),
    case("an RSS feed", f'<rss version="2.0"><channel><item><link>{A}</link></item></channel></rss>', A, kind="feed"),
    case("an Atom feed", f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="{A}"/></entry></feed>', A, kind="feed"),
    case("a feed with a date", f'<rss version="2.0"><channel><item><link>{A}</link><pubDate>Fri, 20 Nov 2026 12:00:00 GMT</pubDate></item></channel></rss>', A, kind="feed", when=NOON),
)  # fmt: skip

NEWSY = (
    case("a news page", page(TOLD), A, when=NOON, published=NOON, headline="Fish & chips", publication="The Paper", language="en"),
    case("a news page with a later change", page(f"<lastmod>2026-11-20T11:00:00Z</lastmod>{TOLD}"), A, when=NOON, published=NOON),
    case("a change after publication", page(f"<lastmod>2026-11-20T12:30:00Z</lastmod>{TOLD}"), A, when="2026-11-20T12:30:00+00:00", published=NOON),
    case("a news title in CDATA", page("<news:news><news:title><![CDATA[Fish & <b>chips</b>]]></news:title></news:news>"), A, headline="Fish & chips", published=""),
    case("a news title escaped twice", page("<news:news><news:title>Fish &amp;amp; chips</news:title></news:news>"), A, headline="Fish & chips"),
    case("news before the location", urlset(f"<url>{TOLD}<loc>{A}</loc></url>", NEWS), A, published=NOON),
    case("news without a declared namespace", f"<urlset><url><loc>{A}</loc>{TOLD}</url></urlset>", A, published=NOON, headline="Fish & chips"),
    case("news in the old namespace", urlset(f"<url><loc>{A}</loc>{TOLD}</url>", 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.8"'), A, published=NOON),
    case("news under another prefix", urlset(f"<url><loc>{A}</loc>{TOLD.replace('news:', 'n:')}</url>", NEWS.replace(":news=", ":n=")), A, published=NOON),
    case("news in no namespace", urlset(f"<url><loc>{A}</loc>{TOLD.replace('news:', '')}</url>"), A, published=NOON, publication="The Paper"),
    case("an image's location is not the page's", page("<image:image><image:loc>/i.jpg</image:loc><image:title>I</image:title></image:image>"), A, headline=""),
    case("an image before the location", urlset(f"<url><image:image><image:loc>/i.jpg</image:loc></image:image><loc>{A}</loc></url>", IMAGE), A),
    case("a video's date and title are its own", page("<video:video><video:title>V</video:title><video:publication_date>2026-11-20T12:00:00Z</video:publication_date></video:video>"), A, headline="", when=""),
    case("other languages are not this page", page('<xhtml:link xmlns:xhtml="http://www.w3.org/1999/xhtml" rel="alternate" hreflang="fr" href="/fr"/>'), A),
    case("a date alone", page("<lastmod>2026-11-20</lastmod>"), A, when="2026-11-20T00:00:00+00:00"),
    case("a date with a fraction", page("<lastmod>2026-11-20T12:00:00.000Z</lastmod>"), A, when=NOON),
    case("a date with an offset", page("<lastmod>2026-11-20T14:00:00+02:00</lastmod>"), A, when=NOON),
    case("a date with spaces", page("<lastmod>\n 2026-11-20T12:00:00Z \n</lastmod>"), A, when=NOON),
    case("a month alone", page("<lastmod>2026-11</lastmod>"), A, when="2026-11-01T00:00:00+00:00"),
    case("a date that is none", page("<lastmod>recently</lastmod>"), A, when=""),
    case("an empty date", page("<lastmod/>"), A, when=""),
    case("a date in the future", page("<lastmod>2099-01-01</lastmod>"), A, when=""),
    case("a date of no computer", page("<lastmod>0001-01-01T00:00:00+00:00</lastmod>"), A, when=""),
)  # fmt: skip

PLACES = (
    case("spaces around", urlset(f"<url><loc>\n  {A}\n </loc></url>"), A),
    case("in CDATA", urlset(f"<url><loc><![CDATA[{A}?x=1&y=2]]></loc></url>"), f"{A}?x=1&y=2"),
    case("escaped", urlset(f"<url><loc>{A}?x=1&amp;y=2</loc></url>"), f"{A}?x=1&y=2"),
    case("escaped by number", urlset(f"<url><loc>{A}?x=1&#38;y=2&#x26;z=3</loc></url>"), f"{A}?x=1&y=2&z=3"),
    case("escaped twice", urlset(f"<url><loc>{A}?x=1&amp;amp;y=2</loc></url>"), f"{A}?x=1&y=2"),
    case("not escaped", urlset(f"<url><loc>{A}?x=1&y=2&copy=3</loc></url>"), f"{A}?x=1&y=2&copy=3"),
    case("relative to the host", urlset("<url><loc>/a</loc></url>"), A),
    case("relative to the sitemap", urlset("<url><loc>a</loc></url>"), f"{HOST}/maps/a"),
    case("without a scheme", urlset("<url><loc>//paper.example/a</loc></url>"), A),
    case("a host in capitals", urlset("<url><loc>HTTPS://Paper.Example/A</loc></url>"), f"{HOST}/A"),
    case("on another host", urlset("<url><loc>https://other.example/x</loc></url>"), "https://other.example/x"),
    case("no web address", urlset(f"<url><loc>ftp://paper.example/a</loc></url><url><loc>{B}</loc></url>"), B),
    case("an address that is none", urlset(f"<url><loc>http://[</loc></url><url><loc>{B}</loc></url>"), B),
    case("an empty location", urlset(f"<url><loc/></url><url><loc>{B}</loc></url>"), B),
    case("no location", urlset(f"<url><lastmod>2026-11-20</lastmod></url><url><loc>{B}</loc></url>"), B),
    case("two locations: the first", urlset(f"<url><loc>{A}</loc><loc>{B}</loc></url>"), A),
    case("letters beyond ASCII", urlset(f"<url><loc>{HOST}/straße</loc></url>"), f"{HOST}/straße"),
    case("a fragment", urlset(f"<url><loc>{A}#top</loc></url>"), A),
)  # fmt: skip

SOUND = urlset(URLS)
BROKEN = (
    case("empty", b"", kind=""),
    case("white space", b"  \n ", kind=""),
    case("noise", bytes(range(256)) * 20, kind="", cut="xml"),
    case("a web page", "<!doctype html><html><head><title>Not found</title></head><body><a href='/a'>x</a></body></html>", kind="html"),
    case("a web page that breaks off", "<!doctype html><html><head><title>Not", kind="html"),
    case("other XML", "<Error><Code>AccessDenied</Code></Error>", kind=""),
    case("an error in JSON", '{"error": "not found"}', kind=""),
    case("white space before the declaration", "\n  " + SOUND, A, B, kind="urlset"),
    case("a notice before the declaration", "Warning: <b>cache</b> is cold\n" + SOUND, A, B, kind="urlset"),
    case("a comment before the set", f"<!-- made by hand --><urlset>{URLS}</urlset>", A, B, kind="urlset"),
    case("a style sheet", f'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="/s.xsl"?><urlset>{URLS}</urlset>', A, B, kind="urlset"),
    case("a byte order mark", b"\xef\xbb\xbf" + SOUND.encode(), A, B, kind="urlset"),
    case("UTF-16", f"<urlset>{URLS}</urlset>".encode("utf-16"), A, B),
    case("UTF-16 without a mark", f"<urlset>{URLS}</urlset>".encode("utf-16-le"), A, B),
    case("UTF-16 that declares UTF-8", SOUND.encode("utf-16"), A, B),
    case("Windows-1252 that declares UTF-8", SOUND.replace("/a<", "/é<").encode("windows-1252"), f"{HOST}/é", B),
    case("ISO-8859-1", SOUND.replace("UTF-8", "ISO-8859-1").replace("/a<", "/é<").encode("latin-1"), f"{HOST}/é", B),
    case("a charset that nobody knows", SOUND.replace("UTF-8", "klingon-8"), A, B),
    case("gzip", gzip.compress(SOUND.encode()), A, B, kind="urlset"),
    case("gzip in gzip", gzip.compress(gzip.compress(SOUND.encode())), A, B),
    case("gzip in two members", gzip.compress(SOUND[:90].encode()) + gzip.compress(SOUND[90:].encode()), A, B),
    case("gzip with padding", gzip.compress(SOUND.encode()) + bytes(512), A, B),
    case("gzip cut in its check", gzip.compress(SOUND.encode())[:-4], A, B, cut="gzip"),
    case("gzip with a wrong check", gzip.compress(SOUND.encode())[:-8] + b"\x00" * 8, A, B, cut="gzip"),
    case("gzip's mark and noise", b"\x1f\x8b" + bytes(range(100)), kind="", cut="gzip"),
    case("no namespace", f"<urlset>{URLS}</urlset>", A, B, kind="urlset"),
    case("the namespace of old", SOUND.replace("www.sitemaps.org/schemas/sitemap/0.9", "www.google.com/schemas/sitemap/0.84"), A, B),
    case("the namespace with https", SOUND.replace("http:", "https:"), A, B),
    case("the namespace with a slash too many", SOUND.replace('0.9"', '0.9/"'), A, B),
    case("a namespace of another matter", SOUND.replace("www.sitemaps.org/schemas/sitemap/0.9", "www.w3.org/2005/Atom"), A, B),
    case("a prefix on everything", f'<s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9"><s:url><s:loc>{A}</s:loc></s:url></s:urlset>', A, kind="urlset"),
    case("a prefix that is not declared", f"<s:urlset><s:url><s:loc>{A}</s:loc></s:url></s:urlset>", A, kind="urlset"),
    case("capitals", f"<URLSET><URL><LOC>{A}</LOC><LASTMOD>2026-11-20T12:00:00Z</LASTMOD></URL></URLSET>", A, when=NOON),
    case("capitals by words", f"<urlSet><Url><Loc>{A}</Loc></Url></urlSet>", A, kind="urlset"),
    case("a url that is not closed", f"<urlset><url><loc>{A}</loc><url><loc>{B}</loc></url></urlset>", A, B, cut="xml"),
    case("a location that is not closed", f"<urlset><url><loc>{A}</url><url><loc>{B}</loc></url></urlset>", A, B, cut="xml"),
    case("cut behind a location", SOUND[: SOUND.index(B) + len(B) + 6], A, B, cut="xml"),
    case("cut in a location", SOUND[: SOUND.index(B) + 10], A, cut="xml"),
    case("cut in a tag", SOUND[: SOUND.rindex("<url>") + 3], A, cut="xml"),
    case("words behind the end", SOUND + "<!-- 12 ms -->\ncached", A, B),
    case("a set behind a set", SOUND + SOUND.replace("/a", "/c"), A, B),
    case("control characters", urlset(f"<url><loc>{A}\x08</loc></url>\x00<url><loc>{B}</loc></url>"), A, B),
    case("a file of this machine", f'<!DOCTYPE u [<!ENTITY f SYSTEM "file:///etc/hostname">]><urlset><url><loc>{A}?&f;=</loc></url></urlset>', f"{A}?&f;="),
    case("an entity that grows", f'<!DOCTYPE u [<!ENTITY f "ffffffffff">]><urlset><url><loc>{A}?&f;=</loc></url></urlset>', f"{A}?&f;="),
    case("elements 5,000 deep", f"<urlset><url><loc>{A}</loc></url>" + "<x>" * 5000, A, cut="xml"),
    case("an attribute without quotes", f"<urlset version=1><url><loc>{A}</loc></url></urlset>", A),
    case("a bare less-than sign", urlset(f"<url><loc>{A}</loc><title>1 < 2</title></url><url><loc>{B}</loc></url>"), A, B),
)  # fmt: skip

CASES = KINDS + NEWSY + PLACES + BROKEN
