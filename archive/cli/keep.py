"""Commands that keep an archive: verify, recover, store, index, extract."""

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from archive.cli.options import archive_option, archive_url, echo_json, json_option, the_store
from archive.config import Config
from archive.errors import CallerError, DamagedWarc, StoreError
from archive.index import merge
from archive.model import Run
from archive.patience import Patience
from archive.publish import recover as recover_spool
from archive.runs import all_runs, find_run
from archive.store import FolderStore, Store, open_store, opened
from archive.verify import Verdict
from archive.verify import verify as verify_file


@click.command()
@click.argument("names", nargs=-1, metavar="[FILE|KEY]...")
@archive_option
@json_option
def verify(names: tuple[str, ...], archive: str | None, as_json: bool) -> None:
    """Check WARCs byte by byte: files, or keys of the archive; without a name, all of the archive.

    Exit code 5 where one is damaged. Example: morgue verify story.warc.gz
    """
    store = None if names and all(Path(n).is_file() for n in names) else the_store(archive)
    keys = names or tuple(w.key for run in all_runs(_needed(store)) for w in run.warcs)
    bad = 0
    for name in keys:
        verdict = _check(name, store)
        bad += not verdict.ok
        _show(verdict, as_json)
    if bad:
        raise DamagedWarc(f"{bad} of {len(keys)} WARCs are damaged")


def _needed(store: Store | None) -> Store:
    assert store is not None
    return store


def _check(name: str, store: Store | None) -> Verdict:
    path = Path(name)
    if path.is_file():
        with path.open("rb") as file:
            return verify_file(file, name=name)
    if store is None or name.startswith("/") or store.size(name) is None:
        raise CallerError(f"{name} is neither a file nor a key of the archive")
    with opened(store, name) as stored:
        return verify_file(stored, name=name)


def _show(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        echo_json(asdict(verdict) | {"ok": verdict.ok})
        return
    counts = ", ".join(f"{n} {kind}" for kind, n in sorted(verdict.records.items())) or "no records"
    click.echo(f"{'ok     ' if verdict.ok else 'DAMAGED'}  {verdict.name}  {counts}")
    for fault in verdict.faults[:20]:
        click.echo(f"         at {fault.offset}: {fault.what}")
    for note in verdict.notes[:5]:
        click.echo(f"  note   at {note.offset}: {note.what}")


@click.command()
@json_option
def recover(as_json: bool) -> None:
    """Publish what crashed or failed runs left in the spool, and clear what is safe in the store.

    Example: MORGUE_SPOOL=/data/spool morgue recover
    """
    config = Config.from_env()
    patience = Patience(seconds=config.upload_patience)
    done = recover_spool(config.spool, keep_hours=config.spool_keep, patience=patience)
    for each in done:
        if as_json:
            echo_json(asdict(each))
        else:
            mended = f", {each.repaired} torn WARC sealed" if each.repaired else ""
            click.echo(
                f"{each.action:9}  {each.run}  {each.site}{mended}{': ' if each.error else ''}{each.error}"
            )
    if not done and not as_json:
        click.echo(f"nothing to recover in {config.spool}")
    if any(each.action == "failed" for each in done):
        raise StoreError("not all runs could be published; their WARCs stay in the spool")


@click.command("store")
@archive_option
@json_option
def abilities(archive: str | None, as_json: bool) -> None:
    """Try out what the store can, of what an archive relies on.

    Exit code 4 where it cannot be used. Example: morgue store --archive s3://bucket/papers
    """
    found = open_store(archive_url(archive))
    found.check()
    able = found.abilities()
    if as_json:
        echo_json({"archive": found.url, "abilities": able})
        return
    click.echo(f"{found.url} can be used")
    for name, there in able.items():
        click.echo(f"  {'yes' if there else 'NO ':4} {name}")


@click.command()
@archive_option
@json_option
def index(archive: str | None, as_json: bool) -> None:
    """Fold all published runs into the merged index, and write their captures as Parquet.

    Example: morgue index
    """
    from archive.process import write_missing_columns

    store = the_store(archive)
    head = merge(store)
    written = write_missing_columns(store)
    lines = sum(int(s["lines"]) for s in head.segments)
    if as_json:
        echo_json({"head": head.number, "runs": len(head.runs), "captures": lines, "columns": written})
    else:
        new = f"; {written} runs written as Parquet" if written else ""
        click.echo(f"{lines} captures of {len(head.runs)} runs in {len(head.segments)} segments{new}")


@click.command()
@click.option(
    "--cycle", default=30, show_default=True, type=click.IntRange(1), help="Days in which all is read."
)
@click.option("--all", "everything", is_flag=True, help="Read everything now.")
@archive_option
@json_option
def audit(cycle: int, everything: bool, archive: str | None, as_json: bool) -> None:
    """Read this day's share of all WARCs in the store, and compare each with what was sealed.

    What was found is kept under audit/. Exit code 5 where one is damaged. Example: morgue audit --cycle 7
    """
    from archive.audit import audit as audited

    def progress(count: int, size: int) -> None:
        if count % 100 == 0:
            click.echo(f"{count:,} WARCs, {size:,} bytes", err=True)

    store = the_store(archive)
    done = audited(store, now=datetime.now(UTC), cycle=1 if everything else cycle, progress=progress)
    if as_json:
        echo_json(asdict(done) | {"key": done.key})
    else:
        click.echo(
            f"{done.warcs:,} WARCs read, {done.bytes:,} bytes; {len(done.damaged)} damaged; {done.key}"
        )
        for each in done.damaged:
            click.echo(f"DAMAGED  {each.key}  {each.what}")
            click.echo("".join(f"         {place}\n" for place in each.places), nl=False)
    if done.damaged:
        raise DamagedWarc(f"{len(done.damaged)} of {done.warcs} WARCs are not what was sealed")


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option("--site", help="Only runs of this site.")
@click.option("--again", is_flag=True, help="Read all pages anew and say what differs, field by field.")
@click.option("--dry-run", is_flag=True, help="With --again: only say what would change.")
@click.option("--yes", is_flag=True, help="With --again: keep the new rows without being asked.")
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes of --again."
)
@click.option(
    "--text", type=click.File(encoding="utf-8"), help="Read the article in this plain text instead."
)
@click.option("--zone", default="", metavar="AREA/CITY", help="With --text: the newspaper's time zone.")
@archive_option
@json_option
def extract(
    run_ids: tuple[str, ...], site: str | None, again: bool, dry_run: bool, yes: bool, jobs: int, text: Any,
    zone: str, archive: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make article rows from what runs captured; without a run, from all that have none yet.

    Example: morgue extract --again --dry-run. With --text, the article that a plain text holds is
    printed: morgue extract --text article.txt --zone Africa/Johannesburg
    """
    if text:
        _from_text(text.read(), zone)
        return
    if dry_run and not again:
        raise click.UsageError("--dry-run goes with --again")
    store = the_store(archive)
    chosen = [find_run(store, r) for r in run_ids] or list(all_runs(store, site))
    if again:
        _again(store, chosen, as_json, publish=not dry_run, jobs=jobs, asks=not yes)
    else:
        _missing(store, chosen, as_json, all_of_them=bool(run_ids))


def _missing(store: Store, chosen: list[Run], as_json: bool, *, all_of_them: bool) -> None:
    from archive.process import extract_run

    done = set() if all_of_them else {k.rpartition("/")[2][:25] for k in store.keys("articles/")}
    for run in chosen:
        if run.id not in done:
            _extracted(extract_run(store, run.key), as_json)


def _again(store: Store, chosen: list[Run], as_json: bool, *, publish: bool, jobs: int, asks: bool) -> None:
    """All runs, in as many processes; the sum of what differs; and only then the new rows into the store."""
    with TemporaryDirectory(prefix="morgue-again-") as staged:
        total, named = _read_again(store, chosen, as_json, staged if publish else "", jobs)
        if not as_json:
            click.echo(
                f"{len(chosen)} runs: {total['articles']} articles, {total['before']} before; "
                f"{total['won']} would be new, {total['lost']} would be no articles any more"
            )
            for field, count in named.most_common():
                click.echo(f"  {field:<12} {count:>7} differ")
        if not publish:
            return
        if asks and not as_json and sys.stdin.isatty():
            click.confirm("Keep the new rows? Those of the older reading stay beside them", abort=True)
        kept = _kept(store, FolderStore(Path(staged)))
    if not as_json:
        click.echo(f"{kept} tables written.")


def _read_again(
    store: Store, chosen: list[Run], as_json: bool, staged: str, jobs: int
) -> tuple[Counter[str], Counter[str]]:
    total: Counter[str] = Counter()
    named: Counter[str] = Counter()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        work = [(store.url, run.key, staged) for run in chosen]
        for number, result in enumerate(pool.map(_one_again, work), 1):
            named.update(result["changed"])
            total.update({k: result[k] for k in ("articles", "before", "won", "lost", "damaged")})
            if as_json:
                echo_json(result)
            elif sys.stderr.isatty():
                click.echo(f"\r{number} of {len(chosen)} runs", nl=number == len(chosen), err=True)
    return total, named


def _kept(store: Store, staged: FolderStore) -> int:
    """The staged tables into the store, where they are not there; how many."""
    keys = [key for key in sorted(staged.keys()) if store.size(key) is None]
    for key in keys:
        store.put(key, staged.read(key))
    return len(keys)


def _one_again(work: tuple[str, str, str]) -> dict[str, Any]:
    from archive.process import extract_again
    from archive.store import open_store

    archive, key, staged = work
    into = FolderStore(Path(staged)) if staged else None
    return extract_again(open_store(archive), key, publish=False, staged=into)


def _from_text(text: str, zone: str) -> None:
    from archive.errors import NotCaptured
    from archive.extract import from_text

    article = from_text(text, zone=zone)
    if article is None:
        raise NotCaptured("there is no article in this text: it needs a headline and a paragraph")
    echo_json(asdict(article))


def _extracted(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo_json(result)
    else:
        bad = f", {result['damaged']} pages unreadable" if result["damaged"] else ""
        click.echo(f"{result['run']}  {result['articles']} articles{bad}")
