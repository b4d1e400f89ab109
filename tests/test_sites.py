"""Sites as data."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import ConfigError, UnknownSite
from archive.sites import (
    Site,
    SiteFolder,
    find_site,
    load_site,
    load_sites,
    parse_site,
    site_toml,
    write_site,
)

GOOD = 'name = "The Paper"\nhome = "https://paper.example/"\n'


def site_file(folder: Path, text: str, name: str = "paper") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_site_file_needs_only_name_and_home(tmp_path: Path) -> None:
    site = load_site(site_file(tmp_path, GOOD))
    assert (site.id, site.name, site.host) == ("paper", "The Paper", "paper.example")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("feds = []", "unknown key 'feds'"),
        ('delay = "fast"', "'delay' must be a number"),
        ("allow_private = 1", "'allow_private' must be true or false"),
        ("limit = true", "'limit' must be a whole number"),
        ("feeds = [1]", "'feeds' must be a list of texts"),
        ('feeds = ["paper.example/rss"]', "is no http(s) URL"),
        ('articles = "("', "'articles' is no regular expression"),
        ('timezone = "Mars/Olympus"', "'timezone' 'Mars/Olympus' is unknown"),
        ('schedule = "hourly"', "is no cron line"),
        ('requisites = "some"', "'requisites' must be same-host"),
        ("delay = -1", "must not be negative"),
        ("= 3", "not valid TOML"),
    ],
)
def test_a_wrong_site_file_is_named_with_its_key(tmp_path: Path, line: str, said: str) -> None:
    path = site_file(tmp_path, GOOD + line + "\n")
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'home' is missing"):
        load_site(site_file(tmp_path, 'name = "x"\n'))


def test_an_unknown_site_names_those_that_exist(tmp_path: Path) -> None:
    site_file(tmp_path, GOOD)
    with pytest.raises(UnknownSite, match="known: paper"):
        find_site(tmp_path, "papier")


def test_a_site_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    site_file(tmp_path, GOOD)
    with pytest.raises(UnknownSite):
        find_site(tmp_path / "sub", "../paper")


def test_a_written_site_reads_back_equal(tmp_path: Path) -> None:
    site = Site(
        id="paper", name='The "Paper"\n', home="https://paper.example/", feeds=("https://paper.example/rss",)
    )
    assert load_site(write_site(site, tmp_path)) == site


def test_a_site_file_is_never_overwritten(tmp_path: Path) -> None:
    site = Site(id="paper", name="x", home="https://paper.example/")
    write_site(site, tmp_path)
    with pytest.raises(ConfigError, match="exists"):
        write_site(site, tmp_path)


@given(st.text(), st.text())
def test_any_text_survives_the_site_file(name: str, notes: str) -> None:
    import tomllib

    try:
        (name + notes).encode()
    except UnicodeEncodeError:
        return
    site = Site(id="x", name=name, home="https://x.example/", notes=notes)
    assert parse_site(tomllib.loads(site_toml(site)), site_id="x", file="") == site


def test_sites_are_listed_by_id(tmp_path: Path) -> None:
    site_file(tmp_path, GOOD, "b")
    site_file(tmp_path, GOOD, "a")
    assert list(load_sites(tmp_path)) == ["a", "b"]


def test_a_folder_of_sites_is_as_its_files_are_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.sites.LOOK_SECONDS", 0.0)
    sites = SiteFolder(tmp_path)
    assert dict(sites) == {}
    (tmp_path / "one.toml").write_text('name = "One"\nhome = "https://one.example/"\n')
    assert {name: site.name for name, site in sites.items()} == {"one": "One"}
    assert sites["one"] is sites["one"]  # read once
    (tmp_path / "one.toml").write_text('name = "The One"\nhome = "https://one.example/"\n')
    assert sites["one"].name == "The One"
    (tmp_path / "one.toml").write_text('name = "One"\nhom = "https://one.example/"\n')
    assert sites["one"].name == "The One"  # what is wrong changes nothing
    (tmp_path / "one.toml").unlink()
    assert len(sites) == 0


def test_a_folder_with_a_wrong_site_file_is_refused_at_first(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('name = "One"\n')
    with pytest.raises(ConfigError, match=r"one\.toml"):
        SiteFolder(tmp_path)
