"""A newspaper's own rules for reading its pages: dated, in the site file, tried before they hold."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.articles import sightings
from archive.errors import ConfigError
from archive.extract import extract
from archive.process import extract_again, extract_run
from archive.selectors import Rules, rules_at
from archive.sites import Site, load_site, parse_site, site_toml
from tests.keeping import Answer, Keeper
from tests.test_extraction import TEXT, URL, page

Morgue = Callable[..., Any]
OLD = Rules(until=date(2026, 11, 1), fields={"headline": "h1"})
NEW = Rules(since=date(2026, 11, 1), fields={"headline": ".title"}, drop=(".promo",))


def at(month: int, day: int = 1) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def test_rules_hold_for_the_captures_of_their_time() -> None:
    assert rules_at((OLD, NEW), at(10, 31)).fields == {"headline": "h1"}
    assert rules_at((OLD, NEW), at(11, 1)).fields == {"headline": ".title"}


def test_of_several_that_hold_the_later_in_the_file_wins_field_by_field() -> None:
    found = rules_at((Rules(fields={"headline": "h1", "kicker": "h2"}), NEW), at(12))
    assert (found.fields, found.drop) == ({"headline": ".title", "kicker": "h2"}, (".promo",))


def test_a_rule_wins_over_what_was_read_and_is_its_source() -> None:
    html = page(before="<b class='over'>Harbour</b><time class='d' datetime='2026-11-19T07:30:00Z'>x</time>")
    rules = Rules(fields={"kicker": ".over", "published": "time.d @datetime", "authors": ".byline"})
    found = extract(html, URL, rules=rules)
    assert found is not None
    assert (found.kicker, found.source["kicker"]) == ("Harbour", "rule")
    assert (found.published, found.raw["published"]) == (
        datetime(2026, 11, 19, 7, 30, tzinfo=UTC),
        "2026-11-19T07:30:00Z",
    )
    assert found.authors == ("Ada Vale",)


def test_what_a_rule_drops_is_not_read() -> None:
    odd = "<p class='zz'>Whoever reads the paper at the quay gets a cup of tea, says its owner.</p>"
    html = page(odd + "".join(f"<p>{text}</p>" for text in TEXT))
    plain, ruled = extract(html, URL), extract(html, URL, rules=Rules(drop=("p.zz",)))
    assert plain is not None and ruled is not None  # noqa: PT018
    assert (len(plain.body), ruled.body) == (7, TEXT)


def test_a_rule_for_the_body_gives_its_paragraphs() -> None:
    found = extract(page(), URL, rules=Rules(fields={"body": ".body p:nth-child(-n+2)"}))
    assert found is not None
    assert found.body == TEXT[:2]


def test_a_rule_that_finds_nothing_changes_nothing_and_is_flagged() -> None:
    found, plain = extract(page(), URL, rules=Rules(fields={"headline": "h7.no"})), extract(page(), URL)
    assert found is not None and plain is not None  # noqa: PT018
    assert found == replace(plain, flags=("rule_missed",))


SITE = {"name": "The Paper", "home": "https://paper.example/"}


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"headlin": "h1"}, "unknown key 'headlin'"), ({"headline": "h1[["}, "no CSS selector"),
        ({"from": "2026"}, "must be a day"), ({"drop": ".x"}, "must be a list of texts"),
        ({"from": date(2026, 2, 1), "until": date(2026, 1, 1)}, "'until' must be later"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_an_error_that_names_it(table: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match="rules") as error:
        parse_site(SITE | {"rules": [{}, table]}, site_id="paper", file="paper.toml")
    assert "table 2" in str(error.value)
    assert why in str(error.value)


def test_rules_survive_being_written_and_read(tmp_path: Path) -> None:
    site = Site(
        id="paper", name="The Paper", home="https://paper.example/", rules=(OLD, NEW), rules_version=2
    )
    path = tmp_path / "paper.toml"
    path.write_text(site_toml(site))
    assert load_site(path) == replace(site, file=str(path))


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    folder = tmp_path / "sites"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    keeper = Keeper(tmp_path)
    html = page(before="<b class='over'>Harbour</b>").encode()
    keeper.keep(Answer(at=at(10, 20), url=URL, body=html), Answer(at=at(11, 20), url=URL, body=html + b" "))
    return keeper


def ruled(folder: Path, rule: str, version: int) -> None:
    head = f'name = "The Paper"\nhome = "https://paper.example/"\nrules_version = {version}\n'
    (folder / "paper.toml").write_text(f"{head}[[rules]]\nfrom = 2026-11-01\n{rule}\n")


def test_old_captures_keep_their_rules_when_the_archive_is_read_again(keeper: Keeper, sites: Path) -> None:
    ruled(sites, 'kicker = ".over"', 1)
    manifest = next(iter(keeper.store.keys("runs/")))
    told = extract_again(keeper.store, manifest)
    assert told["changed"] == {"kicker": 1}
    assert [row.article.kicker for row in sightings(keeper.store, site="paper")] == ["", "Harbour"]
    assert {row.extractor.rpartition("/")[2] for row in sightings(keeper.store, site="paper")} == {"rules-1"}


def test_rules_that_change_without_a_new_number_are_refused(keeper: Keeper, sites: Path) -> None:
    manifest = next(iter(keeper.store.keys("runs/")))
    ruled(sites, 'kicker = ".over"', 1)
    extract_run(keeper.store, manifest)
    ruled(sites, 'kicker = "h1"', 1)
    with pytest.raises(ConfigError, match="set rules_version = 2"):
        extract_run(keeper.store, manifest)


# --- morgue site teach -------------------------------------------------------------------------------------


def test_teach_shows_what_a_rule_would_change_and_writes_nothing(
    morgue: Morgue, keeper: Keeper, sites: Path
) -> None:
    (sites / "paper.toml").write_text('name = "The Paper"\nhome = "https://paper.example/"\n')
    done = morgue("site", "teach", URL, "--rule", "kicker=.over", "--archive", keeper.store.url)
    assert done.code == 0, done.err
    assert done.out.count("kicker: '' -> 'Harbour'") == 2
    assert '[[rules]]\nkicker = ".over"' in done.out
    assert load_site(sites / "paper.toml").rules == ()


def test_teach_finds_a_selector_for_what_the_page_says(morgue: Morgue, keeper: Keeper, sites: Path) -> None:
    (sites / "paper.toml").write_text('name = "The Paper"\nhome = "https://paper.example/"\n')
    done = morgue("site", "teach", URL, "--says", "kicker=Harbour", "--archive", keeper.store.url)
    assert 'kicker = "b.over"' in done.out


def test_teach_writes_a_dated_rule_that_leaves_older_captures_alone(
    morgue: Morgue, keeper: Keeper, sites: Path
) -> None:
    path = sites / "paper.toml"
    path.write_text('# ours\nname = "The Paper"\nhome = "https://paper.example/"\n')
    rule = ("--rule", "kicker=.over", "--from", "2026-11-01", "--write")
    done = morgue("site", "teach", URL, *rule, "--archive", keeper.store.url)
    assert "the rule does not hold for it" in done.out
    assert path.read_text().startswith("# ours\n")
    assert load_site(path).rules == (Rules(since=date(2026, 11, 1), fields={"kicker": ".over"}),)
    assert load_site(path).rules_version == 1


def test_teach_says_what_a_selector_does_not_find(morgue: Morgue, keeper: Keeper, sites: Path) -> None:
    (sites / "paper.toml").write_text('name = "The Paper"\nhome = "https://paper.example/"\n')
    done = morgue("site", "teach", URL, "--rule", "kicker=.no", "--archive", keeper.store.url)
    assert "finds no kicker" in done.out


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (("--rule", "kicker"), "write FIELD="), (("--rule", "colour=h1"), "unknown key 'colour'"),
        (("--says", "kicker=Nobody says this"), "nothing on the page"), ((), "nothing to teach"),
        (("--drop", ".x", "--from", "soon"), "is no day"),
    ],
)  # fmt: skip
def test_teach_says_in_a_line_what_is_wrong(
    morgue: Morgue, keeper: Keeper, sites: Path, option: tuple[str, ...], why: str
) -> None:
    (sites / "paper.toml").write_text('name = "The Paper"\nhome = "https://paper.example/"\n')
    done = morgue("site", "teach", URL, *option, "--archive", keeper.store.url)
    assert (done.code != 0, done.err.count("\n")) == (True, 1)
    assert why in done.err
