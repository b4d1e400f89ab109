"""The feeds, the sitemaps and robots.txt of the paper."""

from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape

from .stories import Issue, Story, archive

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
NEWS = "http://www.google.com/schemas/sitemap-news/0.9"

# A news sitemap names what is at most two days old.
FRESH = timedelta(days=2)


def rss(issue: Issue) -> str:
    """The RSS feed with every story that stands."""
    items = "".join(_rss_item(issue, story) for story in issue.stories)
    here = escape(issue.url("/feeds/rss.xml"))
    return (
        f'{XML}<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">\n<channel>\n'
        f"{_tag('title', archive().name)}{_tag('link', issue.url('/'))}"
        f"{_tag('description', archive().motto)}{_tag('language', 'en')}"
        f"{_tag('lastBuildDate', format_datetime(issue.printed))}"
        f'<atom:link rel="self" type="application/rss+xml" href="{here}"/>\n'
        f"{items}</channel>\n</rss>\n"
    )


def atom(issue: Issue) -> str:
    """The Atom feed with every story that stands."""
    entries = "".join(_atom_entry(issue, story) for story in issue.stories)
    here, home = escape(issue.url("/feeds/atom.xml")), escape(issue.url("/"))
    return (
        f'{XML}<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">\n'
        f"{_tag('id', issue.url('/'))}{_tag('title', archive().name)}"
        f"{_tag('updated', issue.printed.isoformat())}"
        f'<link rel="self" href="{here}"/>\n<link href="{home}"/>\n{entries}</feed>\n'
    )


def sitemap(issue: Issue) -> str:
    """The index of the two sitemaps."""
    names = ("/news-sitemap.xml", "/archive-sitemap.xml")
    when = _tag("lastmod", issue.printed.isoformat())
    entries = "".join(f"<sitemap>\n{_tag('loc', issue.url(name))}{when}</sitemap>\n" for name in names)
    return f'{XML}<sitemapindex xmlns="{SITEMAP}">\n{entries}</sitemapindex>\n'


def news_sitemap(issue: Issue) -> str:
    """The sitemap of the last two days, in Google's news dialect."""
    fresh = [story for story in issue.stories if _fresh(story.published, issue)]
    entries = "".join(_news_entry(issue, story) for story in fresh)
    return f'{XML}<urlset xmlns="{SITEMAP}" xmlns:news="{NEWS}">\n{entries}</urlset>\n'


def archive_sitemap(issue: Issue) -> str:
    """The sitemap of every story that stands."""
    entries = "".join(
        f"<url>\n{_tag('loc', issue.url(story.path))}{_tag('lastmod', story.modified.isoformat())}</url>\n"
        for story in issue.stories
    )
    return f'{XML}<urlset xmlns="{SITEMAP}">\n{entries}</urlset>\n'


def robots(issue: Issue) -> str:
    """What crawlers are asked to leave alone, and where the sitemap is."""
    place = issue.url("/sitemap.xml")
    return f"User-agent: *\nDisallow: /press/\nDisallow: /private/\n\nSitemap: {place}\n"


def _rss_item(issue: Issue, story: Story) -> str:
    place = issue.url(story.path)
    creators = "".join(_tag("dc:creator", name) for name in story.signed)
    return (
        f"<item>\n{_tag('title', story.headline)}{_tag('link', place)}{_tag('guid', place)}"
        f"{_tag('description', story.standfirst)}{_tag('category', archive().sections[story.section])}"
        f"{creators}{_tag('pubDate', format_datetime(story.published))}</item>\n"
    )


def _atom_entry(issue: Issue, story: Story) -> str:
    place = issue.url(story.path)
    people = "".join(f"<author>{_tag('name', name)}</author>\n" for name in story.signed)
    return (
        f"<entry>\n{_tag('id', place)}{_tag('title', story.headline)}"
        f'<link href="{escape(place)}"/>\n{_tag("published", story.published.isoformat())}'
        f"{_tag('updated', story.modified.isoformat())}{people}"
        f"{_tag('summary', story.standfirst)}</entry>\n"
    )


def _news_entry(issue: Issue, story: Story) -> str:
    paper = f"{_tag('news:name', archive().name)}{_tag('news:language', 'en')}"
    return (
        f"<url>\n{_tag('loc', issue.url(story.path))}{_tag('lastmod', story.modified.isoformat())}"
        f"<news:news>\n<news:publication>\n{paper}</news:publication>\n"
        f"{_tag('news:publication_date', story.published.isoformat())}"
        f"{_tag('news:title', story.headline)}</news:news>\n</url>\n"
    )


def _fresh(published: datetime, issue: Issue) -> bool:
    return issue.printed - published <= FRESH


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>\n"
