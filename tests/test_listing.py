"""Lists of URLs: each once, checked, whatever is in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from w3lib.url import safe_url_string

from archive.errors import CallerError
from spiders.listing import PLAIN, Listing, checked


@settings(deadline=None, max_examples=50)
@given(st.from_regex(PLAIN, fullmatch=True))
def test_a_plain_url_is_what_the_long_way_makes_of_it(url: str) -> None:
    assert checked(url) == safe_url_string(url)


@pytest.mark.parametrize(
    "url", ["paper.example/a", "ftp://paper.example/", "http://", "http://paper.example:99999/", ""]
)
def test_what_is_no_url_is_named(url: str) -> None:
    with pytest.raises(CallerError, match="is no http"):
        checked(url)


def test_each_url_is_listed_once_without_its_fragment() -> None:
    listing = Listing(["http://paper.example/a", "http://paper.example/a#top", "http://paper.example/b c"])
    assert list(listing) == ["http://paper.example/a", "http://paper.example/b%20c"]
