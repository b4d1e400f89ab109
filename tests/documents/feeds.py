"""Feeds: well-formed, odd, broken. `urls` are the items expected, in order; what is None is not compared."""

import gzip
from dataclasses import dataclass

HOST = "https://paper.example"
BASE = f"{HOST}/rss/news.xml"
A, B = f"{HOST}/a", f"{HOST}/b"
NOON = "2026-11-20T12:00:00+00:00"
ATOM = 'xmlns="http://www.w3.org/2005/Atom"'
RDF = 'xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
SY = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
ALINK = 'xmlns:atom="http://www.w3.org/2005/Atom"'
FB = 'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'
ITEMS = "<item><title>A</title><link>/a</link></item><item><title>B</title><link>/b</link></item>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A feed and what it tells; dates in ISO 8601, "" for none."""

    name: str
    body: bytes
    urls: tuple[str, ...] = ()
    kind: str | None = None
    title: str | None = None
    hub: str | None = None
    self_url: str | None = None
    ttl: int | None = None
    when: str | None = None
    published: str | None = None
    headline: str | None = None


def case(name: str, body: str | bytes, *urls: str, **more: str | int | None) -> Case:
    """A case in one line."""
    data = body.encode() if isinstance(body, str) else body
    return Case(name=name, body=data, urls=urls, **more)  # type: ignore[arg-type]


def rss(inner: str, more: str = "", version: str = "2.0") -> str:
    """An RSS feed around items."""
    return f'<?xml version="1.0"?><rss version="{version}" {more}><channel><title>P</title>{inner}</channel></rss>'


def item(inner: str) -> str:
    """One RSS item at /a with more in it."""
    return rss(f"<item><title>A</title><link>/a</link>{inner}</item>", DC)


def atom(inner: str, more: str = "") -> str:
    """An Atom feed around entries."""
    return f"<feed {ATOM} {more}><title>P</title>{inner}</feed>"


def dated(name: str, date: str, when: str) -> Case:
    """An RSS item with a date."""
    return case(name, item(f"<pubDate>{date}</pubDate>"), A, when=when)


KINDS = (
    case("rss 2.0", rss(ITEMS), A, B, kind="rss", title="P", headline="A"),
    case("rss 0.91", rss(ITEMS, version="0.91"), A, B, kind="rss"),
    case("rss 0.92", rss(ITEMS, version="0.92"), A, B, kind="rss"),
    case("rss without a version", rss(ITEMS).replace(' version="2.0"', ""), A, B, kind="rss"),
    case("rss without a declaration", rss(ITEMS).removeprefix('<?xml version="1.0"?>'), A, B, kind="rss"),
    case(
        "rss 1.0, items beside the channel",
        f'<rdf:RDF {RDF} {DC}><channel rdf:about="/"><title>P</title></channel>'
        f'<item rdf:about="{A}"><title>A</title><link>{A}</link><dc:date>2026-11-20T12:00Z</dc:date></item></rdf:RDF>',
        A,
        kind="rdf",
        title="P",
        when=NOON,
    ),
    case(
        "rss 0.90",
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://my.netscape.com/rdf/simple/0.9/">'
        "<channel><title>P</title></channel><item><title>A</title><link>/a</link></item></rdf:RDF>",
        A,
        kind="rdf",
    ),
    case(
        "atom 1.0",
        atom(
            '<entry><title>A</title><link href="/a"/><updated>2026-11-20T12:00:00Z</updated>'
            "<published>2026-11-19T12:00:00Z</published></entry>"
        ),
        A,
        kind="atom",
        when=NOON,
        published="2026-11-19T12:00:00+00:00",
    ),
    case(
        "atom 0.3",
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>P</title><entry><link rel="alternate" '
        'type="text/html" href="/a"/><issued>2026-11-19T12:00:00Z</issued><modified>2026-11-20T12:00:00Z</modified>'
        "</entry></feed>",
        A,
        kind="atom",
        when=NOON,
        published="2026-11-19T12:00:00+00:00",
    ),
    case("atom with a prefix", f'<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:entry><a:link href="{A}"/></a:entry></a:feed>', A, kind="atom"),
    case("one entry document in a feed", atom(f'<entry><id>x</id><link href="{A}"/></entry>'), A),
    case("items in the rss element, not the channel", f'<rss version="2.0"><channel/>{ITEMS}</rss>', A, B),
    case("a feed without items", rss(""), kind="rss", title="P"),
    case("a feed in capitals", "<RSS><CHANNEL><ITEM><LINK>/a</LINK></ITEM></CHANNEL></RSS>", A),
    case("an empty atom feed", atom(""), kind="atom", title="P"),
)  # fmt: skip

LINKS = (
    case("atom: alternate among others", atom('<entry><link rel="self" href="/s"/><link rel="enclosure" href="/e.mp3"/><link rel="alternate" href="/a"/></entry>'), A),
    case("atom: the html alternate wins", atom('<entry><link type="application/json" href="/j"/><link type="text/html" href="/a"/></entry>'), A),
    case("atom: an alternate that is not html is better than none", atom('<entry><link type="application/pdf" href="/a"/></entry>'), A),
    case("atom: no alternate, an id that is an address", atom(f'<entry><id>{A}</id><link rel="self" href="/s"/></entry>'), A),
    case("atom: an id that is a tag", atom("<entry><id>tag:paper.example,2026:1</id></entry>")),
    case("atom: xml:base on the feed", atom('<entry><link href="a"/></entry>', 'xml:base="https://paper.example/"'), A),
    case("atom: xml:base on the entry", atom('<entry xml:base="https://other.example/x/"><link href="a"/></entry>'), "https://other.example/x/a"),
    case("atom: nested xml:base", atom('<entry xml:base="x/"><link href="a"/></entry>', 'xml:base="https://other.example/"'), "https://other.example/x/a"),
    case("rss: relative to the feed", rss("<item><link>a</link></item>"), f"{HOST}/rss/a"),
    case("rss: without a scheme", rss("<item><link>//paper.example/a</link></item>"), A),
    case("rss: spaces and lines around", rss("<item><link>\n  /a\n  </link></item>"), A),
    case("rss: in CDATA", rss(f"<item><link><![CDATA[{A}?x=1&y=2]]></link></item>"), f"{A}?x=1&y=2"),
    case("rss: escaped twice", rss(f"<item><link>{A}?x=1&amp;amp;y=2</link></item>"), f"{A}?x=1&y=2"),
    case("rss: a fragment is not asked for", rss("<item><link>/a#top</link></item>"), A),
    case("rss: guid that is a permalink", rss(f"<item><title>A</title><guid>{A}</guid></item>"), A),
    case("rss: guid that says it is one", rss(f'<item><guid isPermaLink="true">{A}</guid></item>'), A),
    case("rss: guid that says it is none", rss(f'<item><guid isPermaLink="false">{A}</guid></item>')),
    case("rss: guid that is a number", rss("<item><guid>4711</guid></item>")),
    case("rss: link before guid", rss(f"<item><link>{A}</link><guid>{B}</guid></item>"), A),
    case("rss: guid before link", rss(f"<item><guid>{B}</guid><link>{A}</link></item>"), A),
    case("rss: an empty link and a guid", rss(f"<item><link></link><guid>{A}</guid></item>"), A),
    case("rss: atom:link in an item", rss(f'<item><atom:link rel="alternate" href="{A}"/></item>', ALINK), A),
    case("rss: asked for as told, not where feedburner leads", rss(f"<item><link>{A}</link><feedburner:origLink>{B}</feedburner:origLink></item>", FB), A),
    case("rss: tracking parameters stay", rss(f"<item><link>{A}?utm_source=rss</link></item>"), f"{A}?utm_source=rss"),
    case("rss: an enclosure is no page", rss('<item><title>x</title><enclosure url="/x.mp3" type="audio/mpeg"/></item>')),
    case("rss: javascript is no page", rss("<item><link>javascript:alert(1)</link></item>")),
    case("rss: mailto is no page", rss("<item><link>mailto:desk@paper.example</link></item>")),
    case("rss: an address that is none", rss("<item><link>http://[</link></item><item><link>/b</link></item>"), B),
    case("rss: the same item twice", rss(ITEMS + ITEMS), A, B),
    case("rss: the channel's link is no item", rss(f"<link>{HOST}/</link><item><link>/a</link></item>"), A),
    case("rss: an image of the channel has a link and title", rss("<image><title>I</title><link>/i</link></image><item><link>/a</link></item>"), A, title="P"),
    case("rss: a source in an item has no say", rss('<item><link>/a</link><source url="/other">Other</source></item>'), A),
    case("rss: media in an item has a title", rss('<item><media:content xmlns:media="http://search.yahoo.com/mrss/" url="/i.jpg"><media:title>I</media:title></media:content><title>A</title><link>/a</link></item>'), A, headline="A"),
    case("rdf: about where there is no link", f'<rdf:RDF {RDF}><item rdf:about="{A}"><title>A & B</title></item></rdf:RDF>', A),
)  # fmt: skip

DATES = (
    dated("RFC 822", "Fri, 20 Nov 2026 12:00:00 GMT", NOON),
    dated("RFC 822 with an offset", "Fri, 20 Nov 2026 14:00:00 +0200", NOON),
    dated("RFC 822 with a zone by name", "Fri, 20 Nov 2026 07:00:00 EST", NOON),
    dated("a zone that RFC 822 does not know", "Fri, 20 Nov 2026 14:00:00 SAST", NOON),
    dated("the wrong day of the week", "Mon, 20 Nov 2026 12:00:00 GMT", NOON),
    dated("a day in full", "Friday, 20 November 2026 12:00:00 GMT", NOON),
    dated("without seconds", "20 Nov 2026 12:00 GMT", NOON),
    dated("a year of two digits", "Fri, 20 Nov 26 12:00:00 GMT", NOON),
    dated("W3C in an RSS feed", "2026-11-20T12:00:00Z", NOON),
    dated("a space for the T", "2026-11-20 12:00:00", NOON),
    dated("an American date", "Nov 20, 2026 12:00 PM", NOON),
    dated("a day alone", "2026-11-20", "2026-11-20T00:00:00+00:00"),
    dated("seconds since 1970", "1795176000", NOON),
    dated("no date", "", ""),
    dated("words", "this morning", ""),
    dated("a day that is none", "Fri, 31 Feb 2026 12:00:00 GMT", ""),
    dated("an hour that is none", "2026-11-20T99:00:00Z", ""),
    dated("the year 1", "0001-01-01T00:00:00Z", ""),
    dated("the beginning of time", "Thu, 01 Jan 1970 00:00:00 GMT", ""),
    dated("a future that nobody believes", "Fri, 20 Nov 2099 12:00:00 GMT", ""),
    dated("an hour ahead is a clock", "Fri, 20 Nov 2026 13:00:00 GMT", "2026-11-20T13:00:00+00:00"),
    dated("a date of a megabyte", "20 " * 400_000, ""),
    case("Dublin Core's date", item("<dc:date>2026-11-20T12:00:00Z</dc:date>"), A, when=NOON),
    case("the latest of two", atom('<entry><link href="/a"/><published>2026-11-20T12:00:00Z</published><updated>2026-11-01T12:00:00Z</updated></entry>'), A, when=NOON),
    case("updated alone is no day of publication", atom('<entry><link href="/a"/><updated>2026-11-20T12:00:00Z</updated></entry>'), A, when=NOON, published=""),
)  # fmt: skip

SAID = (
    case("a hub and itself", rss(f'<atom:link rel="hub" href="https://hub.example/"/><atom:link rel="self" href="{BASE}"/>{ITEMS}', ALINK), A, B, hub="https://hub.example/", self_url=BASE),
    case("a hub in atom", atom('<link rel="hub" href="https://hub.example/"/><link rel="self" href="/self"/><entry><link href="/a"/></entry>'), A, hub="https://hub.example/", self_url=f"{HOST}/self"),
    case("a ttl", rss(f"<ttl>15</ttl>{ITEMS}"), A, B, ttl=15),
    case("a ttl of nothing", rss(f"<ttl>0</ttl>{ITEMS}"), A, B, ttl=0),
    case("a ttl that is no number", rss(f"<ttl>soon</ttl>{ITEMS}"), A, B, ttl=0),
    case("an update period", rss(f"<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>{ITEMS}", SY), A, B, ttl=15),
    case("an update period alone", rss(f"<sy:updatePeriod> daily </sy:updatePeriod>{ITEMS}", SY), A, B, ttl=1440),
    case("an update period that nobody knows", rss(f"<sy:updatePeriod>often</sy:updatePeriod>{ITEMS}", SY), A, B, ttl=0),
    case("a title with entities", rss("<item><title>Fish &amp;amp; chips &#8211; again</title><link>/a</link></item>"), A, headline="Fish & chips – again"),
    case("a title with markup", rss("<item><title><![CDATA[<b>Fish</b>  &amp; chips]]></title><link>/a</link></item>"), A, headline="Fish & chips"),
    case("a title of xhtml", atom('<entry><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Fish <i>fresh</i></div></title><link href="/a"/></entry>'), A, headline="Fish fresh"),
)  # fmt: skip

SOUND = rss(ITEMS)
BROKEN = (
    case("empty", b"", kind=""),
    case("white space", b" \r\n\t ", kind=""),
    case("zeros", bytes(5000), kind=""),
    case("noise", bytes(range(256)) * 20, kind=""),
    case("a web page", "<!DOCTYPE html><html><head><title>Sign in</title></head><body><item><link>/a</link></item></body></html>", kind="html", title=""),
    case("a web page in XHTML", '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head></html>', kind="html", title=""),
    case("plain words", "Service unavailable", kind=""),
    case("an XML error message", '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', kind=""),
    case("white space before the declaration", "\n\n  " + SOUND, A, B, title="P"),
    case("a notice before the declaration", "<br />Warning: cannot connect\n" + SOUND, A, B),
    case("a byte order mark", b"\xef\xbb\xbf" + SOUND.encode(), A, B, title="P"),
    case("two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbf" + SOUND.encode(), A, B),
    case("UTF-16", SOUND.replace("<?xml version=\"1.0\"?>", "").encode("utf-16"), A, B, title="P"),
    case("UTF-16 that declares UTF-8", SOUND.replace('"1.0"?', '"1.0" encoding="utf-8"?').encode("utf-16"), A, B),
    case("UTF-8 that declares UTF-16", SOUND.replace('"1.0"?', '"1.0" encoding="utf-16"?'), A, B),
    case("Windows-1252 undeclared", rss("<item><title>Café</title><link>/a</link></item>").encode("windows-1252"), A, headline="Café"),
    case("Windows-1252 that declares UTF-8", rss("<item><title>Café</title><link>/a</link></item>").replace('"1.0"?', '"1.0" encoding="utf-8"?').encode("windows-1252"), A, headline="Café"),
    case("ISO-8859-1 declared", rss("<item><title>Café</title><link>/a</link></item>").replace('"1.0"?', '"1.0" encoding="iso-8859-1"?').encode("latin-1"), A, headline="Café"),
    case("a charset that nobody knows", SOUND.replace('"1.0"?', '"1.0" encoding="klingon-8"?'), A, B),
    case("a codec that is no charset", SOUND.replace('"1.0"?', '"1.0" encoding="hex"?'), A, B),
    case("gzip", gzip.compress(SOUND.encode()), A, B, title="P"),
    case("gzip in gzip", gzip.compress(gzip.compress(SOUND.encode())), A, B),
    case("gzip that is torn", gzip.compress(SOUND.encode())[:-8], A, B),
    case("gzip with padding", gzip.compress(SOUND.encode()) + bytes(100), A, B),
    case("gzip of nothing", gzip.compress(b""), kind=""),
    case("gzip's mark and noise", b"\x1f\x8b" + bytes(range(200)), kind=""),
    case("a stray ampersand in a title", rss("<item><title>Fish & chips</title><link>/a</link></item><item><link>/b</link></item>"), A, B, headline="Fish & chips", title="P"),
    case("stray ampersands in a link", rss(f"<item><link>{A}?x=1&y=2&copy=3</link></item>"), f"{A}?x=1&y=2&copy=3"),
    case("an entity of HTML", rss("<item><title>Caf&eacute;&nbsp;bar</title><link>/a</link></item>"), A, headline="Café bar"),
    case("an entity that nobody knows", rss("<item><title>x &bogus; y</title><link>/a</link></item>"), A, headline="x &bogus; y"),
    case("a control character", rss("<item><title>A\x0b\x00B</title><link>/a\x08</link></item>"), A, headline="AB"),
    case("a reference to a control character", rss("<item><title>A&#1;</title><link>/a</link></item><item><link>/b</link></item>"), A, B),
    case("an item that is not closed", rss("<item><title>A</title><link>/a</link><item><title>B</title><link>/b</link></item>"), A, B),
    case("a title that is not closed", rss("<item><title>A<link>/a</link></item><item><title>B</title><link>/b</link></item>"), A, B),
    case("a link that is not closed", rss("<item><link>/a<title>A</title></item><item><link>/b</link></item>"), A, B),
    case("HTML in a description", rss("<item><link>/a</link><description><p>one<br>two</description></item><item><link>/b</link></item>"), A, B),
    case("wrong nesting", rss("<item><b><i>x</b></i><link>/a</link></item><item><link>/b</link></item>"), A, B),
    case("a namespace that is not declared", rss("<item><media:thumbnail url='/t.jpg'/><link>/a</link></item><item><link>/b</link></item>"), A, B),
    case("an attribute without quotes", rss("<item><guid isPermaLink=false>x</guid><link>/a</link></item><item><link>/b</link></item>"), A, B),
    case("an attribute twice", rss("<item><guid isPermaLink='false' isPermaLink='false'>x</guid><link>/a</link></item>"), A),
    case("cut in the second item", SOUND[: SOUND.index("/b</link>")], A),
    case("cut in the second item behind its link", SOUND[: SOUND.index("/b</link>") + 10], A, B),
    case("cut in a CDATA section", rss("<item><link>/a</link></item><item><title><![CDATA[x").removesuffix("</channel></rss>"), A),
    case("words behind the end", SOUND + "<!-- 0.3 s --> served by cache", A, B),
    case("a feed behind a feed", SOUND + SOUND.replace("/a", "/c"), A, B),
    case("an entity that grows", '<!DOCTYPE r [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + rss("<item><title>&b;</title><link>/a</link></item>").partition("?>")[2], A),
    case("an entity of this machine", '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/hostname">]>' + rss("<item><title>x&f;</title><link>/a</link></item>").partition("?>")[2], A),
    case("elements 5,000 deep", rss("<item><link>/a</link></item>" + "<x>" * 5000), A),
)  # fmt: skip

JSON = (
    case("json feed 1.1", '{"version":"https://jsonfeed.org/version/1.1","title":"P","items":[{"id":"1","url":"/a","title":"A"},{"id":"2","url":"/b"}]}', A, B, kind="json", title="P", headline="A"),
    case("json feed 1.0", '{"version":"https://jsonfeed.org/version/1","items":[{"id":"1","url":"/a"}]}', A, kind="json"),
    case("json without a version", '{"items":[{"url":"/a"}]}', A, kind="json"),
    case("json: dates", '{"items":[{"url":"/a","date_published":"2026-11-19T12:00:00Z","date_modified":"2026-11-20T14:00:00+02:00"}]}', A, when=NOON, published="2026-11-19T12:00:00+00:00"),
    case("json: hubs and itself", '{"feed_url":"/feed.json","hubs":[{"type":"WebSub","url":"https://hub.example/"}],"items":[]}', hub="https://hub.example/", self_url=f"{HOST}/feed.json"),
    case("json: an id that is an address", f'{{"items":[{{"id":"{A}"}}]}}', A),
    case("json: an id that is a number", '{"items":[{"id":7},{"id":"8"}]}'),
    case("json: external_url leads elsewhere", f'{{"items":[{{"url":"{A}","external_url":"{B}"}}]}}', A),
    case("json: a byte order mark", b"\xef\xbb\xbf" + b'{"items":[{"url":"/a"}]}', A),
    case("json: a control character", '{"items":[{"url":"/a","title":"A\nB"}]}', A, headline="A B"),
    case("json: cut in the second item", '{"title":"P","items":[{"url":"/a"},{"url":"/b"', A),
    case("json: a comma too many", '{"items":[{"url":"/a"},{"url":"/b"},]}', A, B),
    case("json: items that are no objects", '{"items":[1,null,"x",[],{"url":"/a"}]}', A),
    case("json: values of the wrong kind", '{"title":3,"hubs":"x","feed_url":[],"items":[{"url":"/a","title":{},"date_published":5}]}', A, when=""),
    case("json: items of the wrong kind", '{"items":{"url":"/a"}}', kind=""),
    case("json of something else", '{"error":"not found"}', kind=""),
    case("json: a list", '[{"url":"/a"}]', kind=""),
    case("json: nested without end", '{"items":' + "[" * 100_000, kind=""),
    case("json in gzip", gzip.compress(b'{"items":[{"url":"/a"}]}'), A),
)  # fmt: skip

CASES = KINDS + LINKS + DATES + SAID + BROKEN + JSON
