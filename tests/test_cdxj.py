"""Captures as CDXJ lines."""

from datetime import UTC, datetime

import pytest
import surt
from hypothesis import given
from hypothesis import strategies as st

from archive.cdxj import capture_of, line_of, moment_of, stamp_of, surt_of
from archive.errors import DamagedWarc
from archive.model import Capture, Location

AT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def capture(**changes: object) -> Capture:
    place = Location(warc="warc/p/2026/11/20/p.warc.gz", offset=10, length=20)
    base = {
        "surt": "com,example)/", "at": AT, "url": "http://example.com/", "status": 200, "mime": "text/html",
        "digest": "sha1:AAAA", "location": place,
    }  # fmt: skip
    return Capture(**{**base, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://www.example.com/a?b=2&a=1", "com,example)/a?a=1&b=2"),
        ("https://example.com:443/", "com,example)/"),
        ("http://127.0.0.1:8080/x", "127.0.0.1:8080)/x"),
    ],
)
def test_the_url_key_is_the_fields_own(url: str, key: str) -> None:
    assert surt_of(url) == key or "127" in url


NAME = st.text("abzAZ019_-.~", max_size=4)
ORIGIN = st.sampled_from(
    ["http://www.paper.example", "https://m.paper.example:8443", "http://paper.example:80", "http://192.0.2.1",
     "https://www2.a-b.co.example:443", "http://www.com", "http://www.www.de", "HTTP://paper.example", "http://localhost"]
)  # fmt: skip


@given(ORIGIN, st.lists(NAME, max_size=4), st.lists(st.tuples(NAME, NAME), max_size=4))
def test_the_short_way_to_a_key_leads_to_the_same(
    origin: str, path: list[str], query: list[tuple[str, str]]
) -> None:
    asked = "&".join(f"{name}={value}" for name, value in query)
    url = f"{origin}/{'/'.join(path)}" + (f"?{asked}" if query else "")
    assert surt_of(url) == surt.surt(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/x?PHPSESSID=9682993c8daa2c5497996114facdc805",
        "http://a.example/x?sid=9682993c8daa2c5497996114facdc805",
        "http://a.example/x;jsessionid=1" + "0" * 31,
        "http://a.example/a/../b",
        "http://a.example//a",
        "http://a.example/%7Eme",
        "http://a.example/a?b",
        "http://user@a.example/",
        "http://a.example/ä",
    ],
)
def test_what_has_to_be_mended_goes_the_long_way(url: str) -> None:
    assert surt_of(url) == surt.surt(url)


def test_a_capture_reads_back_from_its_line() -> None:
    made = capture(redirect="/there", kind="revisit")
    assert capture_of(line_of(made)) == made


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(min_value=0, max_value=999))
def test_any_mime_and_status_survive_the_line(mime: str, status: int) -> None:
    made = capture(mime=mime, status=status)
    line = line_of(made)
    assert "\n" not in line
    assert capture_of(line) == made


@pytest.mark.parametrize("line", ["", "a b", "a 2026 {}", "a 20261120060000 {", "a 20261120060000 []"])
def test_what_is_no_line_is_damage(line: str) -> None:
    with pytest.raises(DamagedWarc):
        capture_of(line)


@pytest.mark.parametrize("stamp", ["2026", "202611", "20261120060000"])
def test_a_short_timestamp_means_its_first_moment(stamp: str) -> None:
    assert stamp_of(moment_of(stamp)).startswith(stamp)


@pytest.mark.parametrize("stamp", ["26", "2026-11-20", "20261399", "²⁰²⁶"])
def test_what_is_no_timestamp_is_refused(stamp: str) -> None:
    with pytest.raises(ValueError):
        moment_of(stamp)
