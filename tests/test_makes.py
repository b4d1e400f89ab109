# ruff: noqa: E501 - markup as it is sent, and scripts whose letters count double
"""Pages as the makes of newspapers build them: content systems, AMP, microdata, old HTML, other scripts."""

import json
from datetime import UTC, datetime
from html import escape
from typing import Any

import pytest

from archive.extract import extract
from archive.model import Article
from tests.test_extraction import TEXT

URL = "https://paper.example/news/2026-11-20-bridge-opens/"
WHEN = datetime(2026, 11, 20, 6, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LEAD = "After eleven months trams cross the harbour again, at twice the cost."


def ps(texts: tuple[str, ...] = TEXT, tag: str = "p") -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def shell(body: str, *, head: str = "", lang: str = "en") -> str:
    return f"""<!doctype html><html lang="{lang}"><head><meta charset="utf-8">{head}</head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav>{body}
<footer><p>Published by Quay Holdings and distributed with the Harbour Mail on Fridays.</p></footer></body></html>"""


def read(html: str, url: str = URL) -> Article:
    found = extract(html, url)
    assert found is not None
    return found


def cosmos() -> str:
    """A CMS that hides its whole record in a meta element, staff and all, and sells on each page twice."""
    record = {
        "article": {"key": "5f1a2b3c4d5e6f"}, "cosmos": 1, "title": "Bridge opens", "title3": LEAD,
        "content_type": "premium", "published": 1795154400000, "modified": 1795167000000,
        "sections": [{"name": "Harbour"}], "modified_user": "desk@paper.example",
    }  # fmt: skip
    promo = '<div class="article-subscribe"><p>Support our journalism. <a href="/s">Subscribe</a> for R30 p/m.</p></div>'
    return shell(
        f"""<div class="section"><a rel="x" href="/h">Harbour</a></div>
<h2 class="article-title-secondary">City</h2><h1 class="article-title-primary"><span>Bridge opens</span></h1>
<h3 class="article-title-tertiary"><span>{LEAD}</span></h3><div class="article-pub-date">20 November 2026 - 08:00</div>
<div id="author-block"><div class="author-block"><span class="name">Ada Vale</span></div></div>
<div class="article-widgets comments-enabled">{promo}
<div class="article-widget article-widget-image"><img src="/b.jpg"><span class="description">The bridge at six.</span></div>
<div class="article-widget article-widget-text"><div class="text">{ps(TEXT[:3])}</div></div>{promo}
<div class="article-widget article-widget-text"><div class="text">{ps(TEXT[3:])}<p>Reuters</p></div></div>
<div class="article-widget article-widget-related_articles"><h3><a href="/f">Ferries sail for one more week</a></h3></div>
</div><div class="no-access-comments"><p>Would you like to comment on this article?</p></div>""",
        head=f'<meta name="cosmos:data" content="{escape(json.dumps(record), quote=True)}">',
    )


def arc() -> str:
    """A page of a content system whose state is a script's variable."""
    state = {
        "_id": "QUAY7", "headlines": {"basic": "Bridge opens"}, "subheadlines": {"basic": LEAD},
        "first_publish_date": "2026-11-20T06:00:00Z", "last_updated_date": "2026-11-20T09:30:00Z",
        "distributor": {"name": "Reuters"}, "content_restrictions": {"content_code": "premium"},
        "taxonomy": {"primary_section": {"name": "Harbour"}},
    }  # fmt: skip
    return shell(
        f"""<main><h1>Bridge opens</h1><article class="b-article-body">
<figure><img src="/b.jpg"><figcaption>The bridge at six. <span class="credit">Bo Reed</span></figcaption></figure>
{"".join(f'<p class="c-paragraph">{escape(t)}</p>' for t in TEXT)}</article></main>""",
        head=f'<script id="fusion-metadata">window.Fusion={{}};Fusion.globalContent={json.dumps(state)};</script>',
    )


def nextjs() -> str:
    """A page whose state is the data of its framework."""
    story = {
        "headline": "Bridge opens",
        "publishedAt": "2026-11-20T06:00:00Z",
        "updatedAt": "2026-11-20T09:30:00Z",
    }
    state = {"props": {"pageProps": {"story": story | {"standfirst": LEAD, "contentTier": "metered"}}}}
    script = f'<script id="__NEXT_DATA__" type="application/json">{json.dumps(state)}</script>'
    return shell(f"<main><h1>Bridge opens</h1><div>{ps()}</div></main>{script}")


def wordpress() -> str:
    """What a fifth of all newspapers run: entry-content, and a graph of nodes in JSON-LD."""
    graph = {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebPage", "name": "Bridge opens - The Paper"},
            {"@type": "NewsArticle", "headline": "Bridge opens", "datePublished": "2026-11-20T08:00:00+02:00",
             "dateModified": "2026-11-20T11:30:00+02:00", "author": {"@id": "#ada", "name": "Ada Vale"},
             "articleSection": ["Harbour"], "commentCount": 3},
        ],
    }  # fmt: skip
    return shell(
        f"""<div id="page"><article class="post type-post"><header class="entry-header"><h1 class="entry-title">Bridge opens</h1>
<span class="byline">By <a rel="author" href="/author/ada">Ada Vale</a></span></header><div class="entry-content">{ps()}
<div class="sharedaddy"><h3>Share this:</h3></div><div class="jp-relatedposts"><h3><a href="/f">Ferries sail for one more week</a></h3></div>
</div></article><div id="comments"><h2>3 thoughts</h2><p>I never liked that bridge and I never shall, said my mother.</p></div></div>""",
        head=f'<script type="application/ld+json">{json.dumps(graph)}</script>',
    )


def microdata() -> str:
    return shell(
        f"""<div itemscope itemtype="https://schema.org/NewsArticle"><h1 itemprop="headline">Bridge opens</h1>
<span itemprop="author" itemscope><span itemprop="name">Ada Vale</span></span>
<time itemprop="datePublished" datetime="2026-11-20T06:00:00Z">20 Nov</time>
<meta itemprop="dateModified" content="2026-11-20T09:30:00Z"><div itemprop="articleBody">{ps()}</div></div>"""
    )


def amp() -> str:
    data = {"@type": "NewsArticle", "headline": "Bridge opens", "datePublished": "2026-11-20T06:00:00Z",
            "dateModified": "2026-11-20T09:30:00Z", "author": "Ada Vale"}  # fmt: skip
    html = shell(
        f"""<article><h1>Bridge opens</h1><amp-img src="/b.jpg"></amp-img>{ps(TEXT[:3])}<amp-ad type="x"></amp-ad>{ps(TEXT[3:])}
</article><amp-sidebar><ul><li>Menu</li></ul></amp-sidebar>""",
        head=f'<link rel="canonical" href="{URL}"><script type="application/ld+json">{json.dumps(data)}</script>',
    )
    return html.replace("<html ", "<html amp ", 1)


def old() -> str:
    """A page of the turn of the century: tables, fonts, and breaks instead of paragraphs."""
    text = "<br><br>\n".join(TEXT)
    return f"""<HTML><HEAD><TITLE>Bridge opens</TITLE></HEAD><BODY BGCOLOR=white><TABLE><TR>
<TD WIDTH=120><A HREF=/>Home</A><BR><A HREF=/sport>Sport</A></TD><TD><FONT SIZE=5><H1>Bridge opens</H1></FONT>
<FONT SIZE=2>{text}</FONT></TD></TR></TABLE></BODY></HTML>"""


MAKES = {
    "cosmos": cosmos,
    "arc": arc,
    "nextjs": nextjs,
    "wordpress": wordpress,
    "microdata": microdata,
    "amp": amp,
    "old": old,
}


@pytest.mark.parametrize("make", MAKES)
def test_the_headline_and_the_whole_body_are_read_from_each_make(make: str) -> None:
    found = read(MAKES[make]())
    assert (found.headline, found.body) == ("Bridge opens", TEXT)


@pytest.mark.parametrize("make", ["cosmos", "arc", "nextjs", "wordpress", "microdata", "amp"])
def test_both_dates_are_read_to_the_minute_from_each_make_that_has_them(make: str) -> None:
    found = read(MAKES[make]())
    assert (found.published, found.modified) == (WHEN, LATER)


@pytest.mark.parametrize(
    ("make", "fields"),
    [
        ("cosmos", {"access": "paid", "section": "Harbour", "standfirst": LEAD, "kicker": "City", "agency": "Reuters",
                    "wire": True, "number": "5f1a2b3c4d5e6f", "related": ("Ferries sail for one more week",),
                    "authors": ("Ada Vale",), "comments": "on"}),
        ("arc", {"access": "paid", "section": "Harbour", "standfirst": LEAD, "agency": "Reuters", "wire": True,
                 "number": "QUAY7"}),
        ("nextjs", {"access": "metered", "standfirst": LEAD}),
        ("wordpress", {"authors": ("Ada Vale",), "section": "Harbour", "comments": "on", "titles": ()}),
        ("microdata", {"authors": ("Ada Vale",)}),
        ("amp", {"authors": ("Ada Vale",), "canonical": URL}),
    ],
)  # fmt: skip
def test_what_else_a_make_says_is_read(make: str, fields: dict[str, Any]) -> None:
    found = read(MAKES[make]())
    assert {name: getattr(found, name) for name in fields} == fields


def test_staff_in_the_record_of_a_content_system_is_left_there() -> None:
    assert "desk@paper.example" not in repr(read(cosmos()))


SCRIPTS = {
    "ja": ("橋が再び開通した", tuple(
        f"港の橋は{n}日の朝に再び開通し、最初の路面電車が六時に橋を渡った。工事には十一か月かかり、費用は四千二百万クローネに上った。" for n in "一二三四五六")),
    "zh": ("大桥重新开放", tuple(
        f"海港大桥第{n}次检查后重新开放,首班电车六时驶过。工程历时十一个月,耗资四千二百万克朗,市议会表示将公布账目。" for n in "一二三四五六")),
    "ko": ("다리가 다시 열렸다", tuple(
        f"항구 다리는 {n}번째 점검을 마치고 금요일 아침 다시 열렸으며 첫 전차가 여섯 시에 다리를 건넜다고 시의회가 밝혔다." for n in "일이삼사오육")),
    "ar": ("إعادة فتح الجسر", tuple(
        f"أعيد فتح جسر المرفأ صباح الجمعة بعد الفحص {n}، وعبرت أول حافلة في الساعة السادسة، بحسب ما قاله مجلس المدينة." for n in "١٢٣٤٥٦")),
    "ru": ("Мост снова открыт", tuple(
        f"Портовый мост снова открыли в пятницу утром после проверки {n}, и первый трамвай прошёл по нему в шесть часов." for n in "абвгде")),
    "hi": ("पुल फिर खुला", tuple(
        f"बंदरगाह का पुल जाँच {n} के बाद शुक्रवार सुबह फिर खोला गया, और पहली ट्राम छह बजे उस पर से गुज़री, परिषद ने कहा।" for n in "कखगघचछ")),
    "th": ("สะพานเปิดอีกครั้ง", tuple(
        f"สะพานท่าเรือเปิดอีกครั้งในเช้าวันศุกร์หลังการตรวจครั้งที่ {n} และรถรางคันแรกวิ่งผ่านเมื่อหกโมงเช้าตามที่สภาเมืองกล่าว" for n in "123456")),
}  # fmt: skip


@pytest.mark.parametrize("language", SCRIPTS)
def test_a_text_is_read_whole_in_every_script(language: str) -> None:
    headline, texts = SCRIPTS[language]
    data = {"@type": "NewsArticle", "headline": headline, "datePublished": "2026-11-20T06:00:00Z"}
    head = f'<script type="application/ld+json">{json.dumps(data)}</script>'
    side = f'<aside><p>{headline}</p><a href="/x">{headline} 2</a></aside>'
    page = shell(
        f"<main><h1>{headline}</h1><div class='body'>{ps(texts)}</div>{side}</main>", head=head, lang=language
    )
    found = read(page)
    assert (found.headline, found.body, found.language) == (headline, texts, language)
