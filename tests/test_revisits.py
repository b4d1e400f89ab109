"""The same payload is kept once: revisits in a run, across runs and URLs, and what they may not refer to."""

import gzip
import io
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from archive.index import Index, recent
from archive.model import Capture, Exchange, Original, Run, Tls
from archive.originals import Originals
from archive.playback import play
from archive.publish import publish
from archive.spool import AT_ONCE
from archive.store import Store, open_store
from archive.verify import verify_bytes
from archive.warc import members, read_record
from tests.test_spool import begin
from tests.test_warc import exchange

PAGE = b"<!doctype html><title>the same</title><p>" + b"said once, kept once. " * 40
HEAD = b"HTTP/1.1 %s\r\nX-Head: %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"


def said(
    url: str, *, status: bytes = b"200 OK", own: bytes = b"a", body: bytes = PAGE, **more: object
) -> Exchange:
    head = HEAD % (status, own, len(body))
    return exchange(url=url, response=head + body, head_length=len(head), **more)


def run(folder: Path, number: int, *exchanges: Exchange) -> Run:
    """One published run, which knows what earlier ones published."""
    store = open_store(str(folder / "archive"))
    known = recent(store, "paper", datetime(2020, 1, 1, tzinfo=UTC))
    spool = begin(folder, f"20261120T06000{number}Z-{number:08x}", originals=Originals(known))
    for each in exchanges:
        spool.submit(each).result(timeout=10)
    spool.close("finished")
    published = publish(store, spool.folder)
    assert published
    return published


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "archive").mkdir()
    return open_store(str(tmp_path / "archive"))


def kinds(store: Store, of: Run) -> list[str]:
    return [
        read_record(m.data).kind
        for w in of.warcs
        for m in members(io.BytesIO(store.read(w.key)))
        if read_record(m.data).kind in ("response", "revisit")
    ]


def test_the_same_payload_of_another_url_is_a_revisit(store: Store, tmp_path: Path) -> None:
    done = run(tmp_path, 1, said("http://paper.example/a"), said("http://paper.example/b", own=b"b"))
    assert kinds(store, done) == ["response", "revisit"]
    assert done.counts["revisits"] == 1


def test_the_same_payload_in_a_later_run_is_a_revisit(store: Store, tmp_path: Path) -> None:
    run(tmp_path, 1, said("http://paper.example/a"))
    assert kinds(store, run(tmp_path, 2, said("http://paper.example/a"))) == ["revisit"]


def test_of_two_that_come_at_once_the_later_refers_to_the_earlier(store: Store, tmp_path: Path) -> None:
    spool = begin(tmp_path)
    both = [spool.submit(said(f"http://paper.example/{name}")) for name in "ab"]
    first, second = (each.result(timeout=10) for each in both)
    spool.close("finished")
    published = publish(store, spool.folder)
    assert published
    assert kinds(store, published) == ["response", "revisit"]
    assert first
    assert second
    assert first.location.offset < second.location.offset


def test_a_long_body_is_kept_once_as_well(store: Store, tmp_path: Path) -> None:
    long = PAGE * 600
    assert len(long) > AT_ONCE
    pages = [said(f"http://paper.example/{name}", body=long) for name in "ab"]
    assert kinds(store, run(tmp_path, 1, *pages)) == ["response", "revisit"]


def test_a_long_body_refers_to_nothing_that_may_stand_behind_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its records are made late: a short one with the same payload may have been made meanwhile."""
    page = PAGE * 60
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in page) + b"0\r\n\r\n"  # the same, and long on the wire
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert len(page) < AT_ONCE < len(chunks)
    spool = begin(tmp_path)
    go, real = threading.Event(), os.fsync
    monkeypatch.setattr("os.fsync", lambda file: go.wait(20) and real(file))
    waiting = [
        spool.submit(said("http://paper.example/first", body=b"another page, " * 40)),
        spool.submit(exchange(url="http://paper.example/late", response=head + chunks)),
        spool.submit(said("http://paper.example/behind", body=page)),
    ]
    go.set()
    late, behind = [each.result(timeout=10) for each in waiting][1:]
    assert late
    assert behind
    assert late.digest == behind.digest
    spool.close("finished")
    published = publish(store, spool.folder)
    assert published
    assert kinds(store, published) == ["response", "response", "response"]


def test_a_revisit_names_what_it_refers_to_in_full(store: Store, tmp_path: Path) -> None:
    first = run(tmp_path, 1, said("http://paper.example/a"))
    second = run(tmp_path, 2, said("http://paper.example/b"))
    original = next(
        r for r in ArchiveIterator(io.BytesIO(store.read(first.warcs[0].key))) if r.rec_type == "response"
    ).rec_headers
    revisit = next(
        r for r in ArchiveIterator(io.BytesIO(store.read(second.warcs[0].key))) if r.rec_type == "revisit"
    ).rec_headers
    for mine, theirs in [
        ("WARC-Refers-To", "WARC-Record-ID"),
        ("WARC-Refers-To-Target-URI", "WARC-Target-URI"),
        ("WARC-Refers-To-Date", "WARC-Date"),
        ("WARC-Payload-Digest", "WARC-Payload-Digest"),
    ]:
        assert revisit.get_header(mine) == original.get_header(theirs)
    assert revisit.get_header("WARC-Profile").endswith("/identical-payload-digest")


def test_a_revisit_is_played_with_its_own_head_and_the_body_it_refers_to(
    store: Store, tmp_path: Path
) -> None:
    run(tmp_path, 1, said("http://paper.example/a"))
    run(tmp_path, 2, said("http://paper.example/b", own=b"its own"))
    index = Index(store)
    played = play(store, index, index.closest("http://paper.example/b"))
    assert (played.body, played.head.get(b"x-head")) == (PAGE, b"its own")


@pytest.mark.parametrize(
    "first",
    [
        said("http://paper.example/a", status=b"404 Not Found"),
        said("http://paper.example/a", truncated="length"),
        said("http://paper.example/a", status=b"206 Partial Content"),
    ],
    ids=["not 200", "truncated", "partial"],
)
def test_what_is_not_whole_or_not_200_is_never_referred_to(
    store: Store, tmp_path: Path, first: Exchange
) -> None:
    assert kinds(store, run(tmp_path, 1, first, said("http://paper.example/b"))) == ["response", "response"]


@pytest.mark.parametrize("changes", [{"status": b"404 Not Found"}, {"truncated": "time"}])
def test_what_is_not_whole_or_not_200_is_never_a_revisit(
    store: Store, tmp_path: Path, changes: dict[str, object]
) -> None:
    again = said("http://paper.example/b", **changes)  # type: ignore[arg-type]
    assert kinds(store, run(tmp_path, 1, said("http://paper.example/a"), again)) == ["response", "response"]


def test_what_was_not_published_is_never_referred_to(store: Store, tmp_path: Path) -> None:
    spool = begin(tmp_path, "20261120T050000Z-00000009")
    spool.submit(said("http://paper.example/a")).result(timeout=10)
    spool.close("finished")  # and its upload failed
    assert kinds(store, run(tmp_path, 2, said("http://paper.example/a"))) == ["response"]


def test_a_small_body_is_kept_whole_since_a_revisit_would_be_larger(store: Store, tmp_path: Path) -> None:
    done = run(
        tmp_path, 1, said("http://paper.example/a", body=b"ok"), said("http://paper.example/b", body=b"ok")
    )
    assert kinds(store, done) == ["response", "response"]


def test_a_304_is_a_revisit_of_what_was_compared(store: Store, tmp_path: Path) -> None:
    run(tmp_path, 1, said("http://paper.example/a"))
    known = Index(store).closest("http://paper.example/a")
    original = Original(url=known.url, at=known.at, digest=known.digest, id=known.id)
    head = b"HTTP/1.1 304 Not Modified\r\nX-Head: 304\r\n\r\n"
    answer = exchange(
        url="http://paper.example/a", response=head, head_length=len(head), original=original,
        began=datetime(2026, 11, 21, tzinfo=UTC),
    )  # fmt: skip
    done = run(tmp_path, 2, answer)
    record = next(
        r for r in ArchiveIterator(io.BytesIO(store.read(done.warcs[0].key))) if r.rec_type == "revisit"
    )
    assert record.rec_headers.get_header("WARC-Profile").endswith("/server-not-modified")
    index = Index(store)
    played = play(store, index, index.captures("http://paper.example/a")[-1])
    assert (played.body, played.head.status) == (PAGE, 200)
    assert done.counts["unchanged"] == 1


def test_a_304_that_nobody_asked_for_is_a_response(store: Store, tmp_path: Path) -> None:
    head = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    done = run(tmp_path, 1, exchange(response=head, head_length=len(head)))
    assert kinds(store, done) == ["response"]


def test_every_revisit_passes_the_check(store: Store, tmp_path: Path) -> None:
    for number in (1, 2):
        done = run(tmp_path, number, said("http://paper.example/a"), said("http://paper.example/b"))
        assert verify_bytes(store.read(done.warcs[0].key), name="x").faults == []


def test_the_newest_originals_are_kept_and_memory_stays_flat() -> None:
    originals = Originals(most=3)
    for number in range(10):
        originals.remember(captured(number))
    assert len(originals) == 3
    assert originals.find(captured(9).digest)
    assert originals.find(captured(0).digest) is None


def captured(number: int) -> Capture:
    from archive.model import Location
    from archive.warc.writer import payload_digest

    return Capture(
        surt="x", at=datetime(2026, 11, 20, tzinfo=UTC), url="http://paper.example/", status=200,
        mime="text/html", digest=payload_digest(b"%d" % number),
        location=Location(warc="k", offset=0, length=1),
    )  # fmt: skip


def test_the_certificates_of_a_host_are_kept_once_a_run(store: Store, tmp_path: Path) -> None:
    tls = Tls(version="tls/1.3", cipher="TLS_AES_256_GCM_SHA384", chain="-----BEGIN CERTIFICATE-----\n")
    pages = [exchange(url=f"https://{host}.example/{n}", tls=tls) for host in "ab" for n in range(3)]
    done = run(tmp_path, 1, *pages)
    plain = gzip.decompress(store.read(done.warcs[0].key))
    assert plain.count(b"application/pem-certificate-chain") == 2
    assert plain.count(b"WARC-Cipher-Suite: TLS_AES_256_GCM_SHA384") == 6
