import gzip
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import zlib
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from spiders.specimen import Specimen
from spiders.specimen.command import specimen

NAMES = {
    "atom": "http://www.w3.org/2005/Atom",
    "map": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "news": "http://www.google.com/schemas/sitemap-news/0.9",
}
STORIES = {0: 9, 1: 11, 2: 13, 3: 14}


class Reader:
    """A reader who keeps the connection alive and follows no redirect."""

    def __init__(self, paper):
        self.line = http.client.HTTPConnection(urlsplit(paper.base).netloc, timeout=10)

    def ask(self, path, method="GET", body=None, **fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        self.line.request(method, urlsplit(path).path or path, body=body, headers=headers)
        answer = self.line.getresponse()
        return answer, answer.read()

    def text(self, path, **fields):
        answer, body = self.ask(path, **fields)
        assert answer.status == 200, path
        return body.decode()

    def status(self, path):
        return self.ask(path)[0].status


@pytest.fixture
def paper():
    with Specimen() as running:
        yield running


@pytest.fixture
def reader(paper):
    reader = Reader(paper)
    yield reader
    reader.line.close()


def story(paper, **wanted):
    return next(s for s in paper.truth() if all(s[key] == value for key, value in wanted.items()))


def standing(paper):
    return {s["url"] for s in paper.truth() if not s["gone"]}


def linked_data(page):
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    return json.loads(block[1])


@pytest.mark.parametrize("edition", STORIES)
def test_each_edition_prints_its_stories_and_no_later_ones(edition):
    with Specimen(edition=edition) as paper:
        reader = Reader(paper)
        assert len(paper.truth()) == STORIES[edition]
        for entry in paper.truth():
            assert reader.status(entry["url"]) == (410 if entry["gone"] else 200)
        reader.line.close()


def test_a_story_of_a_later_edition_is_not_found_yet(paper, reader):
    paper.turn(3)
    newest = paper.truth()[0]["url"]
    paper.turn(2)
    assert reader.status(newest) == 404


@pytest.mark.parametrize("edition", STORIES)
def test_the_feeds_name_every_story_that_stands(edition):
    with Specimen(edition=edition) as paper:
        reader = Reader(paper)
        rss = ElementTree.fromstring(reader.text("/feeds/rss.xml"))
        atom = ElementTree.fromstring(reader.text("/feeds/atom.xml"))
        assert {item.findtext("link") for item in rss.iter("item")} == standing(paper)
        assert {link.get("href") for link in atom.findall("atom:entry/atom:link", NAMES)} == standing(paper)
        reader.line.close()


def test_the_sitemap_index_leads_to_every_story(paper, reader):
    index = ElementTree.fromstring(reader.text("/sitemap.xml"))
    maps = [place.text for place in index.findall("map:sitemap/map:loc", NAMES)]
    assert maps == [paper.base + "/news-sitemap.xml", paper.base + "/archive-sitemap.xml"]
    pages = [ElementTree.fromstring(reader.text(place)).findall("map:url/map:loc", NAMES) for place in maps]
    fresh, everything = ({place.text for place in found} for found in pages)
    assert everything == standing(paper)
    assert fresh < everything
    assert fresh


def test_the_news_sitemap_names_paper_date_and_title(paper, reader):
    tree = ElementTree.fromstring(reader.text("/news-sitemap.xml"))
    entry = tree.find("map:url", NAMES)
    truth = story(paper, url=entry.findtext("map:loc", namespaces=NAMES))
    news = entry.find("news:news", NAMES)
    assert news.findtext("news:publication/news:name", namespaces=NAMES) == "The Daily Specimen"
    assert news.findtext("news:publication_date", namespaces=NAMES) == truth["published"]
    assert news.findtext("news:title", namespaces=NAMES) == truth["headline"]


def test_the_corrected_story_changes_headline_and_figure_in_edition_1(paper, reader):
    before = story(paper, slug="harbour-bridge-reopens")
    paper.turn()
    after = story(paper, slug="harbour-bridge-reopens")
    page = reader.text(after["url"])
    assert not before["changed"]
    assert after["changed"]
    assert "42 million" in before["headline"]
    assert "24 million" in after["headline"]
    assert "The repair cost 24 million crowns" in page
    assert "Correction, 21 November 2026" in page
    assert linked_data(page)["dateModified"] == "2026-11-21T07:00:00+00:00"


def test_a_withdrawn_story_answers_410(paper, reader):
    withdrawn = story(paper, slug="council-to-sell-quarry-park")["url"]
    assert reader.status(withdrawn) == 200
    paper.turn(2)
    answer, body = reader.ask(withdrawn)
    assert answer.status == 410
    assert b"has been withdrawn" in body
    assert story(paper, url=withdrawn)["gone"]
    assert urlsplit(withdrawn).path not in reader.text("/")


def test_the_paid_story_shows_two_paragraphs_and_says_so(paper, reader):
    paid = story(paper, access="paid")
    page = reader.text(paid["url"])
    data = linked_data(page)
    assert data["isAccessibleForFree"] is False
    assert len(paid["paragraphs"]) == 2
    assert 'class="subscribe paywall"' in page
    assert "In his first decade" not in page


def test_the_wire_story_has_a_dateline_and_ends_with_its_agency(paper, reader):
    wire = story(paper, agency="MPA")
    page = reader.text(wire["url"])
    body = page[page.index('<div class="body">') :]
    assert wire["authors"] == []
    assert wire["paragraphs"][0].startswith("PORT ELLIN (MPA) —")
    assert re.search(r'<p class="agency">MPA</p>\s*</div>', body)
    assert linked_data(page)["author"] == [{"@type": "Organization", "name": "Meridian Press Agency"}]


def test_the_gallery_has_three_captioned_and_credited_pictures(paper, reader):
    page = reader.text(story(paper, slug="lantern-week-in-pictures")["url"])
    captions = re.findall(r'<figcaption>.+?<span class="credit">Photo: .+?</span></figcaption>', page)
    assert len(captions) == 3
    assert len(linked_data(page)["image"]) == 3


def test_a_story_may_have_two_authors(paper, reader):
    both = story(paper, slug="night-trams-until-two")
    page = reader.text(both["url"])
    assert [person["name"] for person in linked_data(page)["author"]] == both["authors"]
    assert "By Wilda Quarrowby and Jossen Pellwater" in page


def test_an_article_page_says_what_the_truth_says(paper, reader):
    for truth in paper.truth():
        page = reader.text(truth["url"])
        data = linked_data(page)
        assert f'<link rel="canonical" href="{truth["url"]}">' in page
        assert '<meta property="og:site_name" content="The Daily Specimen">' in page
        assert data["headline"] == truth["headline"]
        assert data["description"] == truth["standfirst"]
        assert data["datePublished"] == truth["published"]
        assert all(f"<p>{paragraph}</p>" in page for paragraph in truth["paragraphs"])


def test_every_picture_on_a_page_is_a_sound_png(paper, reader):
    page = reader.text(story(paper, slug="lantern-week-in-pictures")["url"])
    places = set(re.findall(r"/images/[a-z0-9-]+\.png(?= \d+w)", page))
    assert len(places) == 6
    for place in places:
        answer, body = reader.ask(place)
        width = 320 if "-320" in place else 640
        data = body[body.index(b"IDAT") + 4 : body.index(b"IEND") - 8]
        assert answer.headers["Content-Type"] == "image/png"
        assert int.from_bytes(body[16:20], "big") == width
        assert len(zlib.decompress(data)) == (width * 3 + 1) * (width * 9 // 16)


def test_the_style_sheet_imports_another_and_has_a_background(reader):
    css = reader.text("/static/paper.css")
    assert '@import url("type.css")' in css
    assert reader.status("/static/type.css") == 200
    assert 'url("../images/grain.png")' in css
    assert reader.status("/images/grain.png") == 200


def test_nothing_outside_the_static_files_can_be_read(reader):
    for path in ("/static/../server.py", "/static/stories.toml", "/static/%2e%2e/server.py", "/static/"):
        reader.line.request("GET", path)
        answer = reader.line.getresponse()
        answer.read()
        assert answer.status == 404


def test_the_number_of_comments_grows_with_the_edition(paper, reader):
    for edition, count in enumerate((10, 20, 30, 40)):
        paper.turn(edition)
        reader.line.request("GET", "/api/comments.json?article=harbour-bridge-reopens&_=1")
        data = json.loads(reader.line.getresponse().read())
        assert data == {"article": "harbour-bridge-reopens", "count": count}


def test_comments_on_an_unknown_article_are_not_found(reader):
    assert reader.status("/api/comments.json") == 404


@pytest.mark.parametrize("path", ["/", "/news/", "/feeds/rss.xml", "/robots.txt", "/static/paper.js"])
def test_a_known_etag_is_answered_with_304(reader, path):
    first, _ = reader.ask(path)
    again, body = reader.ask(path, If_None_Match=first.headers["ETag"])
    assert first.headers["Last-Modified"].endswith("GMT")
    assert again.status == 304
    assert body == b""


def test_the_etag_changes_with_the_page(paper, reader):
    first, _ = reader.ask("/")
    paper.turn()
    again, _ = reader.ask("/", If_None_Match=first.headers["ETag"])
    assert again.status == 200


def test_a_page_that_nobody_edited_stays_the_same_to_the_byte(paper, reader):
    page = story(paper, agency="MPA")["url"]
    before = reader.text(page)
    paper.turn(3)
    assert reader.text(page) == before


def test_a_page_is_compressed_when_asked(reader):
    plain = reader.text("/")
    answer, packed = reader.ask("/", Accept_Encoding="br, gzip;q=0.5")
    refused, _ = reader.ask("/", Accept_Encoding="gzip;q=0")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed).decode() == plain
    assert refused.headers["Content-Encoding"] is None


def test_a_section_front_comes_in_chunks(reader):
    answer, body = reader.ask("/news/")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.headers["Content-Length"] is None
    assert body.decode().rstrip().endswith("</html>")


def test_an_old_client_gets_a_section_front_without_chunks(paper):
    with socket.create_connection(("127.0.0.1", urlsplit(paper.base).port), timeout=10) as line:
        line.sendall(b"GET /news/ HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert b"Transfer-Encoding" not in answer
    assert answer.rstrip().endswith(b"</html>")


@pytest.mark.parametrize("path", ["/", "/news/", "/images/grain.png"])
def test_head_sends_the_fields_of_get_without_a_body(reader, path):
    full, _ = reader.ask(path)
    head, body = reader.ask(path, method="HEAD")
    assert body == b""
    for name in ("ETag", "Content-Type", "Content-Length", "Transfer-Encoding"):
        assert head.headers[name] == full.headers[name]


def test_one_connection_serves_many_requests(reader):
    reader.text("/")
    line = reader.line.sock
    reader.text("/news/")
    reader.text("/robots.txt")
    assert reader.line.sock is line


def test_addresses_follow_the_host_field(reader):
    assert "<loc>http://paper.test:99/sitemap" not in reader.text("/sitemap.xml")
    assert "<loc>http://paper.test:99/news-sitemap.xml</loc>" in reader.text(
        "/sitemap.xml", Host="paper.test:99"
    )


@pytest.mark.parametrize("host", ['"><script>alert(1)</script>', "a b", "x/../y", "</script>", "[::1", "é"])
def test_a_bad_host_field_gets_into_no_page(paper, reader, host):
    for path in ("/", "/feeds/rss.xml", "/feeds/atom.xml", "/sitemap.xml", "/robots.txt"):
        page = reader.text(path, Host=host.encode())
        assert f"http://{host}" not in page
        assert "alert(1)" not in page
        assert paper.base in page


def test_robots_txt_closes_the_press_and_the_private_desk(paper, reader):
    lines = reader.text("/robots.txt").splitlines()
    assert "Disallow: /private/" in lines
    assert "Disallow: /press/" in lines
    assert f"Sitemap: {paper.base}/sitemap.xml" in lines
    assert 'href="/private/desk"' in reader.text("/")
    assert reader.status("/private/desk") == 200


def test_the_old_address_redirects_to_its_article(paper, reader):
    assert 'href="/2026/harbour-bridge.html"' in reader.text("/")
    answer, _ = reader.ask("/2026/harbour-bridge.html")
    target = paper.base + answer.headers["Location"]
    assert answer.status == 301
    assert target == story(paper, slug="harbour-bridge-reopens")["url"]


def test_the_front_page_names_both_feeds_and_the_edition(paper, reader):
    paper.turn(2)
    page = reader.text("/")
    assert "Edition 2" in page
    assert (
        f'type="application/rss+xml" title="The Daily Specimen (RSS)" href="{paper.base}/feeds/rss.xml"'
        in page
    )
    assert (
        f'type="application/atom+xml" title="The Daily Specimen (Atom)" href="{paper.base}/feeds/atom.xml"'
        in page
    )


def test_the_button_prints_the_next_edition_and_stops_at_the_last(paper, reader):
    for expected in (1, 2, 3, 3):
        answer, _ = reader.ask("/press/next", method="POST", body="a=b")
        assert (answer.status, answer.headers["Location"]) == (303, "/press/")
        assert paper.edition == expected
    assert "disabled" in reader.text("/press/")
    reader.ask("/press/reset", method="POST")
    assert paper.edition == 0


def test_a_foreign_page_cannot_run_the_press(paper, reader):
    answer, _ = reader.ask("/press/next", method="POST", Origin="http://elsewhere.test")
    assert answer.status == 403
    assert paper.edition == 0


def test_a_get_does_not_run_the_press(paper, reader):
    assert reader.status("/press/next") == 404
    assert paper.edition == 0


def test_the_edition_file_survives_a_restart(tmp_path):
    file = tmp_path / "edition"
    with Specimen(edition_file=file) as paper:
        paper.turn(2)
    with Specimen(edition_file=file) as paper:
        assert paper.edition == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["edition"]


@pytest.mark.parametrize("text", ["", "two", "-1", "4", "1.5"])
def test_a_spoilt_edition_file_is_refused(tmp_path, text):
    file = tmp_path / "edition"
    file.write_text(text)
    with pytest.raises(ValueError, match="edition"):
        Specimen(edition_file=file)


def test_there_is_no_edition_beyond_the_last(paper):
    with pytest.raises(ValueError, match="only 0 to 3"):
        paper.turn(4)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "paper.test", ""])
def test_only_this_computer_may_be_served(host):
    with pytest.raises(ValueError, match=r"use 127\.0\.0\.1"):
        Specimen(host=host)


def test_hits_tell_method_path_and_reader(paper, reader):
    reader.ask("/news/", User_Agent="Mozilla/5.0 (test)")
    reader.ask("/", method="HEAD", User_Agent="b")
    assert paper.hits == [("GET", "/news/", "Mozilla/5.0 (test)"), ("HEAD", "/", "b")]


def test_closing_the_paper_hangs_up_on_waiting_readers():
    with Specimen() as paper:
        reader = Reader(paper)
        reader.text("/")
        line = reader.line.sock
    assert line.recv(1) == b""
    reader.line.close()


def test_a_malformed_target_is_not_found(paper):
    with socket.create_connection(("127.0.0.1", urlsplit(paper.base).port), timeout=10) as line:
        line.sendall(b"GET http://[ HTTP/1.0\r\n\r\n")
        assert line.recv(65536).startswith(b"HTTP/1.1 404")


def test_a_taken_port_gives_one_clear_line(paper):
    port = urlsplit(paper.base).port
    outcome = CliRunner().invoke(specimen, ["--port", str(port)])
    assert outcome.exit_code == 1
    assert outcome.output == f"Error: port {port} is taken; choose another with --port\n"


def test_a_bind_to_the_outside_gives_one_clear_line():
    outcome = CliRunner().invoke(specimen, ["--port", "0", "--host", "0.0.0.0"])
    assert outcome.exit_code == 1
    assert outcome.output.count("\n") == 1
    assert "for this computer only" in outcome.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_one_line_and_stops_cleanly(tmp_path, number):
    code = "from spiders.specimen.command import specimen; specimen()"
    file = tmp_path / "edition"
    file.write_text("1\n")
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", code, "--port", "0", "--edition-file", str(file)]
    with subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        first = process.stdout.readline()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)
    assert re.fullmatch(r"The Daily Specimen: http://127\.0\.0\.1:\d+/ \(edition 1\)\n", first)
    assert (rest, errors, process.returncode) == ("", "", 0)
