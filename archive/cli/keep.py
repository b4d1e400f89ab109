"""Commands that keep an archive: verify, recover, store, index, extract."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from archive.cli.options import archive_option, archive_url, echo_json, json_option, the_store
from archive.config import Config
from archive.errors import CallerError, DamagedWarc, StoreError
from archive.index import merge
from archive.patience import Patience
from archive.publish import recover as recover_spool
from archive.runs import all_runs, find_run
from archive.store import Store
from archive.verify import Verdict, verify_bytes
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
    return verify_bytes(store.read(name), name=name)


def _show(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        echo_json(asdict(verdict) | {"ok": verdict.ok})
        return
    counts = ", ".join(f"{n} {kind}" for kind, n in sorted(verdict.records.items())) or "no records"
    click.echo(f"{'ok     ' if verdict.ok else 'DAMAGED'}  {verdict.name}  {counts}")
    for fault in verdict.faults[:20]:
        click.echo(f"         at {fault.offset}: {fault.what}")


@click.command()
@json_option
def recover(as_json: bool) -> None:
    """Publish what crashed or failed runs left in the spool, and clear what is safe in the store.

    Example: MORGUE_SPOOL=/data/spool morgue recover
    """
    config = Config.from_env()
    done = recover_spool(
        config.spool, keep_hours=config.spool_keep, patience=Patience(config.upload_patience)
    )
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


@click.command()
@archive_option
@json_option
def store(archive: str | None, as_json: bool) -> None:
    """Tell whether the store can be reached, and what it lacks; writes one empty object `.probe`, once.

    Example: morgue store --archive s3://morgue/archive
    """
    url = archive_url(archive)
    try:
        lacks = the_store(archive).lacks()
    except StoreError as error:
        if as_json:
            echo_json({"url": url, "reachable": False, "can": [], "lacks": [], "error": str(error)})
        raise
    asked = _asked() if "://" in url else ("write-once files",)
    can = [name for name in asked if name not in lacks]
    if as_json:
        echo_json({"url": url, "reachable": True, "can": can, "lacks": lacks})
    else:
        click.echo(f"{url}  can be reached\n  can    {', '.join(can) or 'none of what was asked for'}")
        click.echo(f"  lacks  {', '.join(lacks) or 'nothing'}")


def _asked() -> tuple[str, ...]:
    from archive.s3 import ASKED  # with boto3: late, for a fast command line

    return ASKED


@click.command()
@archive_option
@json_option
def index(archive: str | None, as_json: bool) -> None:
    """Fold all published runs into the merged index.

    Example: morgue index
    """
    head = merge(the_store(archive))
    lines = sum(int(s["lines"]) for s in head.segments)
    if as_json:
        echo_json({"head": head.number, "runs": len(head.runs), "captures": lines})
    else:
        click.echo(f"{lines} captures of {len(head.runs)} runs in {len(head.segments)} segments")


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option("--site", help="Only runs of this site.")
@archive_option
@json_option
def extract(run_ids: tuple[str, ...], site: str | None, archive: str | None, as_json: bool) -> None:
    """Make article rows from what runs captured; without a run, from all that have none yet.

    Example: morgue extract
    """
    from archive.process import extract_run

    store = the_store(archive)
    chosen = [find_run(store, r) for r in run_ids] or list(all_runs(store, site))
    done = {k.rpartition("/")[2][:25] for k in store.keys("articles/")} if not run_ids else set()
    for run in chosen:
        if run.id not in done:
            _extracted(extract_run(store, run.key), as_json)


def _extracted(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo_json(result)
    else:
        bad = f", {result['damaged']} pages unreadable" if result["damaged"] else ""
        click.echo(f"{result['run']}  {result['articles']} articles{bad}")
