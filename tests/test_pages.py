"""Every page of the room in Chromium: nothing archived runs, all fits, and no mouse or script is needed."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from archive.reports import Event, RunReport, SourceReport, write_report
from archive.room.desk import Desk, open_desk
from archive.sites import Site
from archive.store import Store
from tests.browser import unable
from tests.keeping import Answer, Keeper, edition, served

AXE = "axe-core@4.10.3"  # from npm, as the tests need it: its rules find what a reader of screens would miss
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)>\u202e{{7*7}}"
HOME = "http://paper.example/"
STORY = f"http://paper.example/news/quay-10442?q={quote('<script>alert(2)</script>')}\"'"
COPY = "http://other.example/news/quay-20442"
PICTURE = "http://paper.example/quay.png"
FILLING = (
    "Crowds came to the water before dawn to see the cranes swing over the quay once more, after a year.",
    "The council paid for the works from its reserve, and the guild of pilots added a share of its own.",
    "Masters of nine vessels waited outside the mole for the tide, and the first of them was in by eight.",
)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def story(cost: str) -> bytes:
    """An article with our payload wherever a page can say something."""
    said = {
        "@type": "NewsArticle", "headline": f"Quay reopens for {cost} {EVIL}",
        "description": f"Summary {EVIL}",
        "author": [{"name": f"Jo {EVIL}"}], "articleSection": f"Harbour {EVIL}", "inLanguage": "en",
        "datePublished": "2026-11-20T06:00:00Z", "alternativeHeadline": EVIL,
        "image": [
            {"@type": "ImageObject", "url": "javascript:alert(1)", "caption": EVIL, "creditText": EVIL},
            {"@type": "ImageObject", "url": PICTURE, "caption": f"The quay {EVIL}"},
        ],
    }  # fmt: skip
    data = json.dumps(said).replace("</", "<\\/")
    shown = EVIL.replace("&", "&amp;").replace("<", "&lt;")
    text = "".join(f"<p>{each}</p>" for each in (f"The works cost {cost}, it is said {shown}.", *FILLING))
    return (
        f"<html lang=en><head><title>{shown}</title><link rel=canonical href='javascript:alert(1)'>"
        f'<meta name="robots" content="noai">'
        f'<script type="application/ld+json">{data}</script></head>'
        f"<body><article><h1>Quay reopens for {cost} {shown}</h1>{text}"
        f'<figure><img src="{PICTURE}"><figcaption>The quay {shown}</figcaption></figure>'
        "</article></body></html>"
    ).encode()


def front() -> bytes:
    shown = EVIL.replace("<", "&lt;")
    link = STORY.replace('"', "&quot;")
    return f'<html><body><h2><a href="{link}">{shown}</a></h2></body></html>'.encode()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Store:
    keeper = Keeper(tmp_path_factory.mktemp("pages"))
    keeper.keep(
        Answer(at=edition(20), url=HOME, body=front()),
        Answer(at=edition(20), url=STORY, body=story("4 million")),
        Answer(at=edition(20), url=PICTURE, body=PNG, headers=(("Content-Type", "image/png"),)),
    )
    keeper.keep(Answer(at=edition(21), url=COPY, body=story("4 million")), site="other")
    run = keeper.keep(Answer(at=edition(22), url=STORY, body=story("6 million")))
    gone = Event(kind="withdrawn", url=STORY, at=edition(23), detail=EVIL)
    source = SourceReport(url=HOME, kind="front", error=EVIL, outcome="failed", missing=(f"{HOME}{EVIL}",))
    write_report(keeper.store, RunReport(
        run=run.id, site="paper", started=run.started, ended=run.ended, reason=EVIL, events=(gone,),
        sources=(source,), named=3, archived=2, new=1, articles=1, fields={EVIL: 0.5}, walls={EVIL: 1},
    ))  # fmt: skip
    return keeper.store


@pytest.fixture(scope="module")
def desk(kept: Store, worker: Path) -> Iterator[Desk]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MORGUE_WABAC", str(worker))
        sites = {"paper": Site(id="paper", name=f"The Paper {EVIL}", home=HOME)}
        with served(open_desk(kept, sites, port=0, replay_port=0)) as found:
            yield found


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("axe")
    line = ["npm", "pack", "--silent", AXE]
    try:
        subprocess.run(line, cwd=folder, check=True, capture_output=True, timeout=300)
        subprocess.run(["tar", "xzf", *map(str, folder.glob("*.tgz"))], cwd=folder, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        unable(f"the pages are checked with {AXE} from npm: {error}")
    return (folder / "package" / "axe.min.js").read_text()


def asked(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query)}"


PAGES = {
    "home": "/",
    "newspaper": "/site/paper",
    "day": "/site/paper/2026-11-20",
    "day without articles": "/site/paper/2026-11-22",
    "empty day": "/site/paper/2001-01-01",
    "search": asked("/search", q="quay OR crowds"),
    "search for evil": asked("/search", q=EVIL, author=EVIL, section=EVIL, site=EVIL),
    "author": asked("/author", name=f"Jo {EVIL}"),
    "nobody": asked("/author", name=EVIL),
    "article": asked("/article", url=STORY),
    "versions": asked("/diff", url=STORY),
    "copies": asked("/copies", url=STORY),
    "compare": asked("/copies", url=STORY, **{"with": COPY}),
    "cite": asked("/cite", url=STORY),
    "record": asked("/record", url=STORY),
    "edits": "/edits",
    "edits of words": asked("/edits", q=EVIL, site="paper"),
    "front": asked("/front", url=HOME),
    "parts": asked("/parts", url=STORY),
    "lookup": asked("/lookup", url=STORY),
    "missing": asked("/lookup", url=f"http://paper.example/{EVIL}"),
    "kept": "/newspapers",
    "kept one": "/newspapers/paper",
    "capture": asked("/capture", url=STORY),
    "beside": asked("/beside", url=STORY),
    "error": asked("/cite", url=STORY, at=EVIL),
    "nothing": f"/{quote(EVIL, safe='')}",
    "airflow": asked("/airflow/crawl_paper", run=EVIL),
}  # fmt: skip


@pytest.fixture(scope="module")
def unguarded(chromium: tuple[Any, list[bytes]]) -> Iterator[Any]:
    """A page without our content security policy: what would run is not stopped by it."""
    context = chromium[0].new_context(bypass_csp=True, viewport={"width": 360, "height": 800})
    context.add_init_script("window.ran = []; window.alert = text => window.ran.push(text)")
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_nothing_fits_a_telephone_and_passes_the_rules_of_accessibility(
    desk: Desk, unguarded: Any, axe: str, name: str
) -> None:
    unguarded.emulate_media(color_scheme="light")
    unguarded.goto(desk.room_url + PAGES[name])
    assert unguarded.evaluate("window.ran") == []
    assert unguarded.evaluate("document.querySelectorAll('[onerror], [onload]').length") == 0
    assert (
        unguarded.evaluate("document.querySelectorAll('[href^=javascript], [src^=javascript]').length") == 0
    )
    assert unguarded.evaluate("document.documentElement.scrollWidth") <= 360
    assert unguarded.locator("h1").count() == 1
    unguarded.evaluate(axe)
    for scheme in ("light", "dark"):
        unguarded.emulate_media(color_scheme=scheme)
        told = unguarded.evaluate("axe.run(document, {iframes: false, resultTypes: ['violations']})")
        found = [(v["id"], v["nodes"][0]["html"][:200]) for v in told["violations"]]
        assert found == [], scheme


def test_from_a_result_to_article_version_replay_and_record_is_one_click_each(desk: Desk, page: Any) -> None:
    page.goto(desk.room_url + asked("/search", q="quay headline:6 -copy", site="paper"))
    page.locator("ol.stories h2 a").first.click()
    assert page.locator("h1").inner_text().startswith("Quay reopens for 6 million")
    page.locator("ol.versions a").last.click()
    assert page.locator("h1").inner_text().startswith("Quay reopens for 4 million")
    page.get_by_text("See the page as it was").click()
    frame = page.frame_locator("iframe")
    frame.locator("h1").wait_for()
    assert "4 million" in frame.locator("h1").inner_text()
    page.get_by_role("link", name="WARC record").click()
    assert page.locator("h2").all_inner_texts()[:2] == ["Request", "Response"]
    assert "HTTP/1.1 200" in page.locator("main").inner_text()
    with page.expect_download() as taken:
        page.get_by_text("Take the WARC").click()
    assert Path(taken.value.path()).read_bytes().startswith(b"\x1f\x8b")


def test_everything_but_replay_works_without_scripts(desk: Desk, chromium: tuple[Any, list[bytes]]) -> None:
    context = chromium[0].new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(desk.room_url)
    page.get_by_role("searchbox").fill("headline:quay")
    page.get_by_role("button", name="Search").click()
    assert "found" in page.locator(".under").inner_text()
    page.get_by_label("Narrow down").get_by_role("link", name="other").click()
    assert page.locator("ol.stories > li").count() == 1
    page.locator("ol.stories h2 a").first.click()
    page.get_by_role("link", name="2 articles of 2 newspapers").click()
    page.locator("table a").first.click()
    page.get_by_role("link", name="What changed").click()
    assert page.locator("del").count() > 0
    context.close()


def test_a_keyboard_is_enough(desk: Desk, page: Any) -> None:
    page.goto(desk.room_url + "/search")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("quay")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=quay**")
    plain = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        plain.add(page.evaluate("""() => {
            const at = document.activeElement;
            const bare = at !== document.body && getComputedStyle(at).outlineStyle === "none";
            return bare ? at.outerHTML.slice(0, 200) : "";
        }"""))  # fmt: skip
    assert plain == {""}


def test_an_article_shows_its_pictures_and_what_its_publisher_says(desk: Desk, page: Any) -> None:
    page.goto(desk.room_url + asked("/article", url=STORY))
    page.locator(".pictures img").first.scroll_into_view_if_needed()
    loaded = "new Promise(done => { const img = document.querySelector('.pictures img');"
    page.evaluate(f"{loaded} img.complete ? done() : img.addEventListener('load', done) }})")
    assert page.evaluate("document.querySelector('.pictures img').naturalWidth") == 1
    assert "Its publisher says" in page.get_by_role("heading", name="Rights").locator("xpath=..").inner_text()


def test_a_page_can_be_printed(desk: Desk, page: Any) -> None:
    page.goto(desk.room_url + asked("/article", url=STORY))
    page.emulate_media(media="print")
    assert not page.locator("header.top").is_visible()
    assert page.locator("details table").is_visible()
