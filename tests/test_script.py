"""Scripts as the replay's worker is given them: texts that look like code, and `import.meta.url`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.room.script import mended, script, tokens

OWN = b'"http://paper.example/app.js"'


def made(source: str) -> str:
    return script(source.encode(), OWN).decode()


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ('say("the location = here")', r'say("the \u006cocation = here")'),
        ("say('new location: the location =here')", r"say('new location: the \u006cocation =here')"),
        ('get("/weather?location=" + place)', r'get("/weather?\u006cocation=" + place)'),
        ('get("/weather?day=1&location=" + place)', r'get("/weather?day=1&\u006cocation=" + place)'),
        ("get(`/weather?location=${place}`)", r"get(`/weather?\u006cocation=${place}`)"),
        ("get(`/${a ? `b?location=${c}` : 1}`)", r"get(`/${a ? `b?\u006cocation=${c}` : 1}`)"),
        ('cookie.indexOf("location=")', r'cookie.indexOf("\u006cocation=")'),
    ],
)
def test_a_text_that_looks_like_code_is_written_with_an_escape(source: str, wanted: str) -> None:
    assert made(source) == wanted


@pytest.mark.parametrize(
    "source",
    [
        "location = '/next'",
        "window.location = '/next'",
        "let location = 1; const location = 2",
        "if (a) b(); else location = '/next'",
        "return location = '/next'",
        "go\nlocation = '/next'",
        "a ? location = '/next' : 0",
        'x == "a" ? location="/next" : y == "b"',
        "a == b ? location=c : d",
        '"<a onclick=\\"location=\'/next\'\\">"',
        "\"javascript:location='/next'\"",
        '"javascript:location=" + there',
        '"allocation=" + size',
        "location == '/next'",
        "/[\"]/.test(a) ? location='/next' : '\"'",
        "x = a / b ? location='/next' : c / d",
        "`${a ? location='/next' : 0}`",
    ],
)
def test_what_is_code_or_may_be_is_left_alone(source: str) -> None:
    assert made(source) == source


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("new URL('a.png', import.meta.url)", f"new URL('a.png', {OWN.decode()})"),
        ("say(`${import . meta . url}`)", f"say(`${{{OWN.decode()}}}`)"),
        ('say("import.meta.url")', 'say("import.meta.url")'),
        ("// import.meta.url\n1", "// import.meta.url\n1"),
        ("/* ' */ import.meta.url", f"/* ' */ {OWN.decode()}"),
        ("/[/'\"]/.test(x); import.meta.url", f"/[/'\"]/.test(x); {OWN.decode()}"),
        ("import.meta.env", "import.meta.env"),
        ("import.meta.url = 1", "import.meta.url = 1"),
    ],
)
def test_a_module_is_told_the_address_that_it_was_archived_under(source: str, wanted: str) -> None:
    assert made(source) == wanted


@pytest.mark.parametrize(
    "source", ["a = 'open; import.meta.url", "`${import.meta.url", "`no end import.meta.url"]
)
def test_what_cannot_be_read_to_its_end_keeps_its_address(source: str) -> None:
    assert made(source) == source


def test_in_a_page_only_scripts_are_looked_into() -> None:
    told = b'say("the location = here")'
    page = b"<p>the location = here</p><script type='%s' data-a='>'>%s</script>"
    for kind in (b"text/javascript", b"module", b""):
        made = mended("text/html", page % (kind, told), "http://paper.example/")
        assert made == page % (kind, rb'say("the \u006cocation = here")')
    assert mended("text/html", page % (b"application/json", told), "http://paper.example/") is None


def test_a_module_in_a_page_is_told_the_base_of_the_page() -> None:
    page = b"<script type=module>say(import.meta.url)</script>"
    wanted = b"<script type=module>say(document.baseURI)</script>"
    assert mended("text/html", page, "http://paper.example/") == wanted


def test_a_script_is_told_its_address_as_a_string() -> None:
    url = "http://paper.example/\"'\u2028é"
    found = mended("text/javascript", b"import.meta.url", url)
    assert found is not None
    assert json.loads(found) == url


@pytest.mark.parametrize("kind", ["application/json", "text/css", "text/plain", ""])
def test_other_kinds_are_left_alone(kind: str) -> None:
    assert mended(kind, b'"?location=" import.meta.url', "http://paper.example/") is None


PIECES = st.sampled_from(
    [
        "'",
        '"',
        "`",
        "${",
        "}",
        "{",
        "/",
        "//",
        "/*",
        "*/",
        "\\",
        "\n",
        "location=",
        "?",
        "&",
        "a",
        " ",
        "import.meta.url",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_byte_of_a_script_is_lost_however_odd_it_is(source: str) -> None:
    assert b"".join(piece for _, piece in tokens(source.encode())) == source.encode()


@given(st.lists(PIECES, max_size=40).map("".join))
def test_what_is_written_otherwise_means_the_same_name(source: str) -> None:
    made = script(source.encode(), b"import.meta.url").decode()
    assert made.replace(r"\u006cocation", "location") == source.replace(r"\u006cocation", "location")
