"""The pages of the paper as HTML."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from .stories import Issue, Story, archive


class Html(str):
    """Text that is HTML already and must not be escaped again."""

    __slots__ = ()


def fill(name: str, /, **values: str | int) -> Html:
    """Fill a template; everything that is not Html yet is escaped."""
    safe = {key: v if isinstance(v, Html) else escape(str(v)) for key, v in values.items()}
    return Html(_template(name).substitute(safe))


def front(issue: Issue) -> str:
    """The front page: the newest story large, the others below."""
    lead, *others = issue.stories
    main = _teaser("lead", lead) + '<div class="grid">' + _teasers(others) + "</div>"
    about = {"@context": "https://schema.org", "@type": "NewsMediaOrganization"}
    about |= {"name": archive().name, "url": issue.url("/")}
    title = f"{archive().name}: front page"
    head = _join([_canonical(issue, "/"), _data(about)])
    return _shell(issue, title, archive().motto, Html(main), head=head, links=_front_links(issue))


def section(issue: Issue, name: str) -> str:
    """The front of one section."""
    title = archive().sections[name]
    teasers = _teasers([story for story in issue.stories if story.section == name])
    main = f'<div class="front"><h1>{escape(title)}</h1><div class="grid">{teasers}</div></div>'
    about = f"{title} from {archive().name}"
    return _shell(issue, title, about, Html(main), head=_canonical(issue, f"/{name}/"), here=name)


def article(issue: Issue, story: Story) -> str:
    """The page of one story."""
    main = fill(
        "article.html",
        section=story.section,
        title=archive().sections[story.section],
        headline=story.headline,
        standfirst=story.standfirst,
        byline=byline(story),
        times=_times(story),
        figures=_join(
            fill("figure.html", name=i.name, caption=i.caption, credit=i.credit) for i in story.images
        ),
        paragraphs=_paragraphs(story),
        agency=_wrap("p", story.agency, "agency"),
        subscribe=Html("") if story.free else fill("subscribe.html", name=archive().name),
        note=_wrap("p", story.note, "correction"),
        slug=story.slug,
        related=_related(issue, story),
    )
    head = _head(issue, story)
    # The head of the page keeps the edition that first printed the story.
    born, here = story.born, story.section
    return _shell(issue, story.headline, story.standfirst, main, head=head, here=here, born=born)


def withdrawn(issue: Issue) -> str:
    """The page that stands where a withdrawn story was."""
    text = (
        "We have withdrawn this article. The document on which it rested turned out not to be "
        "genuine. We regret having printed it."
    )
    return message(issue, "This article has been withdrawn", text)


def message(issue: Issue, headline: str, text: str) -> str:
    """A page with nothing but a short message."""
    return _shell(issue, headline, text, fill("message.html", headline=headline, text=text), head=_noindex())


def desk(issue: Issue) -> str:
    """The page that robots.txt keeps crawlers away from."""
    text = "For the editors only. A crawler that shows you this page has not read robots.txt."
    return message(issue, "The editors' desk", text)


def press(issue: Issue) -> str:
    """The page where a person prints the next edition."""
    stop = "disabled" if issue.edition == archive().last else ""
    main = fill("press.html", edition=issue.edition, last=archive().last, disabled=stop)
    return _shell(issue, "The press room", "Print the next edition", main, head=_noindex())


def byline(story: Story) -> str:
    """Say who wrote the story: its authors, or else its agency."""
    return "By " + " and ".join(story.signed)


def _shell(
    issue: Issue,
    headline: str,
    about: str,
    main: Html,
    *,
    head: Html,
    links: Html | None = None,
    here: str = "",
    born: int | None = None,
) -> str:
    name = archive().name
    number = issue.edition if born is None else born
    day = archive().printed[number]
    return fill(
        "shell.html",
        title=headline if name in headline else f"{headline} | {name}",
        headline=headline,
        description=about,
        name=name,
        motto=archive().motto,
        base=issue.base,
        day=f"{day:%A} {_day(day)}",
        edition=f"Edition {number}" if born is None else f"First printed in edition {number}",
        head=head,
        nav=_nav(here),
        main=main,
        links=links or Html(_item("/", "Front page") + _item("/feeds/rss.xml", "RSS")),
    )


def _nav(here: str) -> Html:
    entries = archive().sections.items()
    return _join(_item(f"/{name}/", title, current=name == here) for name, title in entries)


def _front_links(issue: Issue) -> Html:
    # The desk and the old address are traps for crawlers, so they must be linked.
    old = [_item(s.former, f"From our old site: {s.headline}") for s in issue.stories if s.former]
    fixed = {
        "/feeds/rss.xml": "RSS",
        "/feeds/atom.xml": "Atom",
        "/sitemap.xml": "Sitemap",
        "/private/desk": "Editors only",
        "/press/": "Press room: print the next edition",
    }
    return _join([_item(path, text) for path, text in fixed.items()] + old)


def _item(path: str, text: str, *, current: bool = False) -> Html:
    mark = ' aria-current="page"' if current else ""
    return Html(f'<li><a href="{escape(path)}"{mark}>{escape(text)}</a></li>\n')


def _teasers(stories: list[Story]) -> Html:
    return _join(_teaser("teaser", story) for story in stories)


def _teaser(kind: str, story: Story) -> Html:
    return fill(
        f"{kind}.html",
        path=story.path,
        image=story.images[0].name,
        caption=story.images[0].caption,
        section=archive().sections[story.section],
        headline=story.headline,
        standfirst=story.standfirst,
        byline=byline(story),
    )


def _paragraphs(story: Story) -> Html:
    texts = _join(_wrap("p", text) for text in story.shown)
    return texts if story.free else Html(f'<div class="teaser-text">{texts}</div>')


def _related(issue: Issue, story: Story) -> Html:
    # Only stories as old as this one: a page that nobody edited stays the same
    # to the byte in later editions, and an archive can tell.
    old = [other for other in issue.stories if other.born <= story.born and other.slug != story.slug]
    near = [other for other in old if other.section == story.section]
    return _join(_item(other.path, other.headline) for other in (near or old)[:3])


def _times(story: Story) -> Html:
    if not story.changed:
        return _time(story.published)
    return Html(f"{_time(story.published)} · Updated {_time(story.modified)}")


def _time(when: datetime) -> Html:
    return Html(f'<time datetime="{when.isoformat()}">{_day(when)}, {when:%H:%M} UTC</time>')


def _day(when: datetime) -> str:
    return f"{when.day} {when:%B %Y}"


def _head(issue: Issue, story: Story) -> Html:
    properties = {
        "og:type": "article",
        "og:url": issue.url(story.path),
        "og:image": issue.url(f"/images/{story.images[0].name}.png"),
        "article:published_time": story.published.isoformat(),
        "article:modified_time": story.modified.isoformat(),
        "article:section": archive().sections[story.section],
    }
    metas = [f'<meta property="{key}" content="{escape(text)}">\n' for key, text in properties.items()]
    metas += [f'<meta name="author" content="{escape(name)}">\n' for name in story.authors]
    # Named in the page, so that a crawler without a browser can keep the numbers that the script shows.
    comments = f"/api/comments.json?article={escape(story.slug)}"
    metas.append(f'<link rel="preload" as="fetch" crossorigin="anonymous" href="{comments}">\n')
    return Html(_canonical(issue, story.path) + "".join(metas) + _data(_news_article(issue, story)))


def _news_article(issue: Issue, story: Story) -> dict[str, object]:
    data: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "mainEntityOfPage": issue.url(story.path),
        "headline": story.headline,
        "description": story.standfirst,
        "datePublished": story.published.isoformat(),
        "dateModified": story.modified.isoformat(),
        "articleSection": archive().sections[story.section],
        "inLanguage": "en",
        "author": _authors(story),
        "image": [issue.url(f"/images/{image.name}.png") for image in story.images],
        "isAccessibleForFree": story.free,
        "publisher": {
            "@type": "Organization",
            "name": archive().name,
            "logo": {"@type": "ImageObject", "url": issue.url("/static/favicon.svg")},
        },
    }
    if not story.free:
        data["hasPart"] = {"@type": "WebPageElement", "isAccessibleForFree": False, "cssSelector": ".paywall"}
    return data


def _authors(story: Story) -> list[dict[str, str]]:
    kind = "Person" if story.authors else "Organization"
    return [{"@type": kind, "name": name} for name in story.signed]


def _canonical(issue: Issue, path: str) -> Html:
    return Html(f'<link rel="canonical" href="{escape(issue.url(path))}">\n')


def _noindex() -> Html:
    return Html('<meta name="robots" content="noindex">')


def _data(data: Mapping[str, object]) -> Html:
    # "<" is written as an escape, or a "</script>" in the data would end the block.
    text = json.dumps(data, ensure_ascii=False, indent=1).replace("<", "\\u003c")
    return Html(f'<script type="application/ld+json">\n{text}\n</script>')


def _wrap(tag: str, text: str, kind: str = "") -> Html:
    mark = f' class="{kind}"' if kind else ""
    return Html(f"<{tag}{mark}>{escape(text)}</{tag}>\n" if text else "")


def _join(parts: Iterable[str]) -> Html:
    return Html("".join(parts))


@cache
def _template(name: str) -> Template:
    return Template(files(__package__).joinpath("templates", name).read_text(encoding="utf-8"))
