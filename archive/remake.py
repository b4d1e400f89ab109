"""The index made anew from the WARCs alone: the CDXJ of each, and a head that leans on no older one.

Rules: a CDXJ in the store is never replaced. Where it says something else than its WARC does, the new
segments follow the WARC, and it is said. Of a damaged WARC what its CDXJ named stays findable.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.cdxj import line_of
from archive.errors import DamagedWarc, NotStored, StoreConflict
from archive.index import Head, in_order, once, put_head, read_head
from archive.model import PublishedWarc
from archive.runs import read_run, run_keys, unwritten
from archive.segments import write_segment
from archive.store import Store, open_store, opened
from archive.warc.swift import swift_captures

if TYPE_CHECKING:
    from concurrent.futures import Future

TRIES = 20
EACH = 256 << 20  # bytes of WARC for which a further process is worth its start
AHEAD = 2  # WARCs that are read ahead by each process: their lines wait in memory
Listed = tuple[bytes, "Relisted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relisted:
    """What became of one WARC: `found` is "same", "made" (its CDXJ was missing), "differs" or "damaged"."""

    warc: str
    captures: int
    found: str
    why: str = ""


def remake_index(store: Store, *, progress: Callable[[Relisted], None] | None = None, jobs: int = 1) -> Head:
    """List every published WARC anew, in up to so many processes, and write a head of one segment for all.

    A stream: lines are sorted in temporary files. It may run beside merges, which it cannot harm: a run that
    one of them folded meanwhile is young again until the next.
    """
    keys = run_keys(store)
    warcs = [warc for key in keys for warc in read_run(store, key).warcs]
    jobs = min(jobs, sum(warc.size for warc in warcs) // EACH + 1)
    with ExitStack() as stack:
        listed = _relisted(store, warcs, jobs, stack) if jobs > 1 else (_relist(store, w) for w in warcs)
        sources, count = in_order(_texts(listed, progress), stack)
        made = write_segment(store, once(heapq.merge(*sources)), expected=count)
    segments = (made,) if made["lines"] else ()
    for _ in range(TRIES):
        head = Head(number=read_head(store).number + 1, segments=segments, runs=frozenset(keys))
        try:
            put_head(store, head)
            return head
        except StoreConflict:
            continue
    raise StoreConflict("the index is being merged by others all the time; run `morgue rebuild` again later")


def remake_columns(store: Store) -> int:
    """Write the captures of each run as Parquet that has none; how many runs that were.

    Of a run whose CDXJ could not be made nothing is written.
    """
    if not (missing := unwritten(store)):
        return 0
    from archive.columns import write_columns  # a long import, which most archives have no need of

    done = 0
    for key in missing:
        with suppress(NotStored):
            done += bool(write_columns(store, read_run(store, key)))
    return done


def _texts(listed: Iterator[Listed], progress: Callable[[Relisted], None] | None) -> Iterator[bytes]:
    for text, relisted in listed:
        if progress:
            progress(relisted)
        yield text


def _relisted(store: Store, warcs: list[PublishedWarc], jobs: int, stack: ExitStack) -> Iterator[Listed]:
    """The same by several processes, in order; what was begun is given up where the caller ends early."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    stack.callback(pool.shutdown, wait=True, cancel_futures=True)
    waiting: deque[Future[Listed]] = deque()
    for warc in warcs:
        waiting.append(pool.submit(_relist_in, store.url, warc))
        if len(waiting) >= jobs * AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _relist_in(archive: str, warc: PublishedWarc) -> Listed:
    return _relist(open_store(archive), warc)


def _relist(store: Store, warc: PublishedWarc) -> Listed:
    stored = _stored(store, warc.cdxj)
    try:
        with opened(store, warc.key) as file:
            lines = sorted(line_of(capture) for capture in swift_captures(file, warc=warc.key))
    except (DamagedWarc, NotStored) as error:
        kept = stored or b""
        return kept, Relisted(warc=warc.key, captures=kept.count(b"\n"), found="damaged", why=str(error))
    text = "".join(f"{line}\n" for line in lines).encode()
    if stored is None:
        store.put(warc.cdxj, text)
    same = stored is None or sorted(stored.split(b"\n")) == sorted(text.split(b"\n"))
    found = "made" if stored is None else "same" if same else "differs"
    return text, Relisted(warc=warc.key, captures=len(lines), found=found)


def _stored(store: Store, key: str) -> bytes | None:
    try:
        return store.read(key)
    except NotStored:
        return None


def unnamed(store: Store) -> list[str]:
    """WARCs that no manifest names: of runs that are being published, or whose publication broke off."""
    named = {warc.key for key in run_keys(store) for warc in read_run(store, key).warcs}
    return [key for key in store.keys("warc/") if key not in named]
