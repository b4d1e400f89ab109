"""Health, judged from reports: quiet while a newspaper is well, and soon heard when it is not.

`python -m tests.press` judges 200 healthy newspapers every day for six weeks and measures every delay.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.health import WINDOW, Alarm, alarms
from archive.reports import Event, HostReport, RunReport, SourceReport, report_key, write_report
from archive.store import FolderStore
from archive.watch import Watch
from tests.conftest import Ran
from tests.press import BROKEN, FAULTS, FIRST, Press

START = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)  # a Monday
FEED = "https://paper.example/feed"


@pytest.mark.parametrize("half", [0, 1])
def test_a_hundred_healthy_newspapers_give_at_most_one_alarm_in_six_weeks(half: int) -> None:
    wrong = []
    for seed in range(half * 100, half * 100 + 100):
        press = Press(seed)
        reports = press.reports()
        for day in range(16 + seed % 7, 56, 7):
            now = FIRST + timedelta(days=day, hours=(seed * 7 + day * 5) % 24)
            seen = [r for r in reports if now - WINDOW <= r.started <= now]
            wrong += [(seed, day, a) for a in alarms(seen, now=now, schedule_seconds=press.schedule)]
    assert len({(seed, alarm.kind) for seed, _, alarm in wrong}) <= 1, wrong


# Hours after which each fault is known, in newspapers of 40 to 250 articles a day that are crawled hourly.
DELAYS = {
    "silent": 9 * 24,
    "fails": 6,
    "empty": 6,
    "collapse": 36,
    "halved": 96,
    "less": 8 * 24,
    "incomplete": 6,
    "walled": 12,
    "late": 42,
    "stopped": 4,
    "down": 4,
    "unsigned": 30,
    "bodiless": 30,
    "truncated": 15,
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("fault", DELAYS)
def test_a_fault_is_found_in_time_and_since_when(fault: str, seed: int) -> None:
    press = Press(seed, fault=fault, gap=1.0, daily=80.0 * seed)
    reports = press.reports(weeks=8.5)
    assert alarms([r for r in reports if r.started < BROKEN], now=BROKEN, schedule_seconds=3600) == ()
    found = first_found(reports, fault)
    assert found, f"{fault} was not found within {DELAYS[fault]} hours"
    assert abs(found[0].since - BROKEN) <= timedelta(days=2 if fault != "less" else 7)


def first_found(reports: Sequence[RunReport], fault: str) -> list[Alarm]:
    """The alarms of this fault, at the first of eight moments that has some."""
    for part in range(1, 9):
        now = BROKEN + timedelta(hours=DELAYS[fault] * part / 8)
        found = alarms([r for r in reports if r.started <= now], now=now, schedule_seconds=3600)
        if right := [a for a in found if a.kind == FAULTS[fault]]:
            return right
    return []


def a_run(hours: float, **values: Any) -> RunReport:
    at = START + timedelta(hours=hours)
    begun = {"started": at, "ended": at + timedelta(minutes=2), "reason": "finished"}
    return RunReport(run=f"{at:%Y%m%dT%H%M%SZ}-1", site="paper", **begun | values)


def feed(**values: Any) -> SourceReport:
    return SourceReport(**{"url": FEED, "kind": "feed", "status": 200, "named": 20} | values)


def judged(reports: Sequence[RunReport], **options: Any) -> tuple[Alarm, ...]:
    return alarms(reports, **{"now": reports[-1].ended} | options)


def kinds(found: Sequence[Alarm]) -> list[str]:
    return [alarm.kind for alarm in found]


def test_nothing_is_judged_without_reports() -> None:
    assert alarms([], now=START, schedule_seconds=60) == ()


def test_one_report_of_a_new_newspaper_raises_nothing() -> None:
    assert judged([a_run(0, sources=(feed(fresh=20),), new=20, named=20, archived=20, articles=20)]) == ()


def test_a_missed_run_is_told_with_the_last_that_ran() -> None:
    [alarm] = alarms([a_run(0)], now=START + timedelta(hours=10), schedule_seconds=4 * 3600)
    assert (alarm.kind, alarm.since) == ("no run", a_run(0).ended)
    assert alarm.text == "No run for 10 hours; it is due every 4 hours. Look at the scheduler."
    assert alarms([a_run(0)], now=START + timedelta(hours=9), schedule_seconds=4 * 3600) == ()


def test_a_newspaper_that_stopped_a_year_ago_is_still_told() -> None:
    found = alarms([a_run(0)], now=START + timedelta(days=365), schedule_seconds=3600)
    assert kinds(found) == ["no run"]


def test_a_rhythm_without_a_schedule_is_learned_but_not_from_runs_by_hand() -> None:
    regular = [a_run(6 * n) for n in range(20)]
    by_hand = [a_run(n**3) for n in range(20)]
    assert kinds(judged(regular, now=regular[-1].ended + timedelta(hours=20))) == ["no run"]
    assert judged(by_hand, now=by_hand[-1].ended + timedelta(days=20)) == ()


def test_a_feed_that_fails_is_told_with_its_error_and_its_first_bad_run() -> None:
    bad = feed(outcome="failed", status=410, named=0, error="gone for good")
    reports = [a_run(n, sources=(feed(),)) for n in range(5)] + [
        a_run(n, sources=(bad,)) for n in range(5, 9)
    ]
    [alarm] = judged(reports)
    assert (alarm.kind, alarm.source, alarm.run) == ("source fails", FEED, reports[5].run)
    assert alarm.text == "The feed could not be read 4 times in a row (gone for good)."


def test_one_failure_or_a_deferred_poll_is_no_alarm_and_a_good_poll_ends_one() -> None:
    bad = feed(outcome="failed", status=None)
    waits = feed(outcome="deferred", named=0)
    for sources in ([bad], [waits] * 9, [bad] * 9 + [feed()]):
        reports = [a_run(n, sources=(feed(),)) for n in range(12)]
        reports += [a_run(12 + n, sources=(source,)) for n, source in enumerate(sources)]
        assert judged(reports) == ()


def test_a_daily_newspaper_needs_two_failures() -> None:
    reports = [a_run(24 * n, sources=(feed(outcome="failed"),)) for n in range(2)]
    assert kinds(judged(reports)) == ["source fails"]


def test_a_source_taken_out_of_the_site_file_is_forgotten() -> None:
    front = SourceReport(url="https://paper.example/", kind="front", named=9)
    reports = [a_run(n, sources=(front, feed(outcome="failed"))) for n in range(9)]
    assert kinds(judged(reports)) == ["source fails"]
    assert judged(reports + [a_run(9 + n, sources=(front,)) for n in range(3)]) == ()


def weekly(days: int, *, until: float) -> list[RunReport]:
    """Runs every 6 hours; the feed names something new at each of them from Monday to Friday, for `days`."""
    found = []
    for n in range(int(until * 4)):
        fresh = int(n / 4 < days and (START + timedelta(hours=6 * n)).weekday() < 5)
        found.append(a_run(6 * n, sources=(feed(fresh=fresh),)))
    return found


def test_a_quiet_weekend_is_no_silence_and_a_quiet_working_day_is() -> None:
    assert judged(weekly(28, until=28)) == ()
    [alarm] = judged(weekly(28, until=29.5))
    assert (alarm.kind, alarm.source) == ("source silent", FEED)
    assert alarm.text.startswith("The feed has named nothing new for ")


def test_an_outage_of_the_past_does_not_make_a_feed_patient() -> None:
    reports = [a_run(6 * n, sources=(feed(fresh=int(not 40 < n < 80)),)) for n in range(160)]
    quiet = [a_run(6 * n, sources=(feed(),)) for n in range(160, 164)]
    assert kinds(judged(reports + quiet)) == ["source silent"]


def test_a_feed_without_links_is_told_though_it_answers() -> None:
    reports = [a_run(n, sources=(feed(),)) for n in range(12)]
    reports += [a_run(12 + n, sources=(feed(named=0, outcome="new"),)) for n in range(3)]
    assert kinds(judged(reports)) == ["source empty"]
    unchanged = [a_run(12 + n, sources=(feed(named=0, outcome="not modified"),)) for n in range(30)]
    assert judged(reports[:12] + unchanged) == ()


def test_runs_for_single_urls_are_not_judged() -> None:
    asked = SourceReport(url="https://paper.example/a", kind="asked", outcome="failed", named=1)
    reports = [a_run(n, sources=(asked,), named=1, archived=0) for n in range(9)]
    assert judged(reports) == ()


def days_of(counts: Sequence[int]) -> list[RunReport]:
    return [a_run(6 * n, new=counts[n // 4] // 4, sources=(feed(),)) for n in range(4 * len(counts))]


def test_a_quiet_sunday_is_usual_and_a_quiet_monday_is_not() -> None:
    week = [80, 80, 80, 80, 80, 40, 8]
    assert judged(days_of(week * 5)) == ()
    [alarm] = judged(days_of([*week * 5, 8]))
    assert alarm.kind == "fewer articles"
    assert alarm.text == "8 new articles in the last 24 hours; 80 are usual on these weekdays."
    assert alarm.since == START + timedelta(days=35)


def test_a_day_with_half_its_runs_missing_is_not_a_day_with_fewer_articles() -> None:
    reports = days_of([80] * 36)
    assert judged([*reports[:-4], replace(reports[-1], new=0)]) == ()


def test_incomplete_runs_are_told_with_what_they_missed() -> None:
    short = feed(missing=("https://paper.example/lost",))
    reports = [a_run(n, sources=(short,), named=10, archived=9) for n in range(3)]
    [alarm] = judged(reports)
    assert (alarm.kind, alarm.url) == ("incomplete", "https://paper.example/lost")
    assert alarm.text.startswith("9 of 10 articles named were archived")
    limited = [replace(r, reason="limit") for r in reports]
    assert judged(limited) == ()


def test_an_article_that_is_missed_every_time_is_told_even_where_recall_is_high() -> None:
    short = feed(missing=("https://paper.example/lost",))
    reports = [a_run(n, sources=(short,), named=100, archived=99) for n in range(7)]
    assert judged(reports[:5]) == ()
    [alarm] = judged(reports)
    assert alarm.source == "https://paper.example/lost"
    assert alarm.text == "1 article was named and not archived in 7 runs in a row."
    elsewhere = [replace(r, sources=(feed(missing=(f"{FEED}/{n}",)),)) for n, r in enumerate(reports)]
    assert judged(elsewhere) == ()


def shares(good: int, bad: int, **values: Any) -> list[RunReport]:
    usual = {"articles": 10, "fields": {"authors": 0.9, "section": 0.5}, "sources": (feed(),)}
    event = Event(kind="new", url="https://paper.example/unsigned", at=START)
    reports = [a_run(6 * n, **usual) for n in range(good)]
    return reports + [a_run(6 * (good + n), **usual | {"events": (event,)} | values) for n in range(bad)]


def test_a_field_that_is_filled_no_more_leads_to_the_first_bad_capture() -> None:
    reports = shares(56, 4, fields={"authors": 0.0, "section": 0.5})
    [alarm] = judged(reports)
    assert (alarm.kind, alarm.source, alarm.url) == (
        "field empty",
        "authors",
        "https://paper.example/unsigned",
    )
    assert alarm.run == reports[56].run
    assert "filled in 0% of the articles; 90% is usual" in alarm.text


def test_pages_that_can_no_longer_be_read_are_told_with_the_first_bad_capture() -> None:
    reports = shares(56, 4, articles=3)
    reports = [replace(r, pages=12) for r in reports]
    [alarm] = judged(reports)
    assert (alarm.kind, alarm.run, alarm.url) == (
        "no articles", reports[56].run, "https://paper.example/unsigned",
    )  # fmt: skip
    assert alarm.text.startswith("25% of the pages could be read as articles; 83% is usual.")


def test_pages_that_were_not_read_yet_are_no_fault() -> None:
    reports = [
        replace(r, pages=12 if n < 56 else 0) for n, r in enumerate(shares(56, 4, articles=0, fields={}))
    ]
    assert "no articles" not in kinds(judged(reports))


def test_a_field_that_a_report_leaves_out_is_empty_but_no_fields_at_all_say_nothing() -> None:
    assert kinds(judged(shares(56, 4, fields={"section": 0.5}))) == ["field empty"]
    assert judged(shares(56, 4, fields={})) == ()
    assert judged(shares(56, 4, articles=1, fields={"authors": 0.0})) == ()


def test_a_fault_is_still_told_two_weeks_later_with_its_first_run() -> None:
    reports = shares(100, 56, fields={"authors": 0.0, "section": 0.5})
    assert [(a.kind, a.run) for a in judged(reports)] == [("field empty", reports[100].run)]


def test_what_is_unsigned_every_weekend_is_usual() -> None:
    reports = shares(28 * 4, 0)
    weekend = [
        replace(r, fields={"authors": 0.2, "section": 0.5}) if r.started.weekday() >= 5 else r
        for r in reports
    ]
    assert judged(weekend) == ()


def test_a_wall_is_told_with_the_first_page_behind_it() -> None:
    wall = {"walls": {"paywall": 8}, "first_wall": {"paywall": "https://paper.example/walled"}}
    [alarm] = judged(shares(56, 4, **wall))
    assert (alarm.kind, alarm.source, alarm.url) == ("wall", "paywall", "https://paper.example/walled")
    assert judged([replace(r, **wall) for r in shares(60, 0)]) == ()


def test_a_host_is_down_only_after_two_runs_and_while_it_is_asked_for() -> None:
    down = HostReport(host="img.paper.example", state="down")
    reports = [a_run(n, hosts=(down,)) for n in range(3)]
    assert judged(reports[:1]) == ()
    [alarm] = judged(reports)
    assert (alarm.kind, alarm.source) == ("host down", "img.paper.example")
    assert judged([*reports, a_run(4)]) == ()


def test_alarms_are_the_same_in_whatever_order_the_reports_come() -> None:
    press = Press(3, fault="fails", gap=3.0)
    reports = [r for r in press.reports() if r.started < BROKEN + timedelta(days=2)]
    assert judged(reports[::-1], now=reports[-1].ended) == judged(reports) != ()


# --- reports in a store ------------------------------------------------------------------------------------


def failing(store: FolderStore, *, url: str = FEED) -> list[RunReport]:
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=8)
    shift = (now - START).total_seconds() / 3600
    reports = [a_run(shift + n, sources=(feed(url=url, outcome="failed", status=500),)) for n in range(8)]
    for report in reports:
        write_report(store, report)
    return reports


def test_the_schedule_of_the_site_file_tells_when_a_run_is_missing(tmp_path: Path) -> None:
    watch = Watch(FolderStore(tmp_path))
    write_report(watch.store, a_run(0))
    late = START + timedelta(hours=4)
    assert kinds(watch.look("paper", schedule="0 * * * *", now=late).alarms) == ["no run"]
    assert watch.look("paper", schedule="0 6 * * *", now=late).alarms == ()
    assert watch.look("paper", schedule="nonsense", now=late).alarms == ()


def test_a_newspaper_whose_last_report_is_old_is_not_forgotten(tmp_path: Path) -> None:
    watch = Watch(FolderStore(tmp_path))
    write_report(watch.store, a_run(0))
    seen = watch.look("paper", schedule="0 * * * *", now=START + timedelta(days=300))
    assert kinds(seen.alarms) == ["no run"]


def test_a_damaged_report_is_an_alarm_and_hides_no_other(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    reports = failing(store)
    bad = tmp_path / report_key("paper", reports[3].run)
    bad.write_bytes(b"{")
    seen = Watch(store).look("paper")
    assert kinds(seen.alarms) == ["report damaged", "source fails"]
    assert (seen.alarms[0].since, seen.alarms[0].run) == (reports[3].started, reports[3].run)
    assert len(seen.reports) == 7


class CountingStore(FolderStore):
    """Counts what is read."""

    reads = 0

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        self.reads += key.startswith("reports/")
        return super().read(key, start, length)


def test_each_report_is_read_once(tmp_path: Path) -> None:
    store = CountingStore(tmp_path)
    watch = Watch(store)
    reports = failing(store)
    assert watch.look("paper") == watch.look("paper")
    assert store.reads == len(reports)
    write_report(store, replace(reports[-1], run="29990101T000000Z-2"))
    watch.look("paper")
    assert store.reads == len(reports) + 1


def test_the_command_lists_alarms_and_fails_only_when_strict(
    tmp_path: Path, morgue: Callable[..., Ran]
) -> None:
    reports = failing(FolderStore(tmp_path / "archive"))
    done = morgue("health")
    assert done.code == 0
    line = f"paper  {reports[0].started:%Y-%m-%d %H:%M}  source fails: The feed could not be read 8 times"
    assert done.out.startswith(line)
    assert done.out.endswith(f"[{FEED}]\n")
    [row] = morgue("health", "paper", "--json").rows
    assert (row["site"], row["kind"], row["run"]) == ("paper", "source fails", reports[0].run)
    strict = morgue("health", "--strict")
    assert (strict.code, strict.err) == (1, "morgue: 1 alarm\n")


def test_a_well_newspaper_and_one_without_reports_are_said_to_be_so(
    tmp_path: Path, morgue: Callable[..., Ran]
) -> None:
    now = datetime.now(UTC)
    write_report(FolderStore(tmp_path / "archive"), a_run((now - START).total_seconds() / 3600 - 1))
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "herald.toml").write_text('name = "The Herald"\nhome = "https://herald.example/"\n')
    done = morgue("health", "--strict")
    assert done.code == 0
    assert "herald  no reports yet; the next crawl leaves one" in done.out
    assert "paper  nothing is wrong; last run" in done.out
    unknown = morgue("health", "nobody")
    assert (unknown.code, unknown.err.count("\n")) == (2, 1)


def test_a_url_of_the_web_is_quoted_where_it_is_offered_to_a_shell(
    tmp_path: Path, morgue: Callable[..., Ran]
) -> None:
    store = FolderStore(tmp_path / "archive")
    url = "https://paper.example/$(reboot)"
    now = (datetime.now(UTC) - START).total_seconds() / 3600
    for n in range(3):
        write_report(store, a_run(now - 4 + n, sources=(feed(missing=(url,)),), named=10, archived=5))
    assert f"morgue get '{url}' --at " in morgue("health").out


# --- shards


def in_shards(report: RunReport) -> list[RunReport]:
    """The report as two shards would have written it: one has all pages, the other a host of pictures."""
    own = {"part_of": f"scheduled__{report.run}"}
    second = RunReport(
        run=f"{report.run}b", site=report.site, started=report.started + timedelta(seconds=9),
        ended=report.ended, reason="finished", **own,
        hosts=(HostReport(host="pictures.example", requests=9),),
    )  # fmt: skip
    return [replace(report, **own), second]


@pytest.mark.parametrize("fault", ["fails", "incomplete", "down", "collapse", "unsigned", ""])
def test_a_newspaper_in_shards_is_judged_as_one_that_has_none(fault: str) -> None:
    reports = Press(1, fault=fault, gap=1.0, daily=80.0).reports(weeks=8.5)
    until = BROKEN + timedelta(hours=DELAYS.get(fault, 24))
    seen = [r for r in reports if r.started <= until]
    plain = alarms(seen, now=until, schedule_seconds=3600)
    parts = [part for report in seen for part in in_shards(report)]
    assert alarms(parts, now=until, schedule_seconds=3600) == plain
    assert bool(plain) is bool(fault)
