"""WARCs that others wrote come in: kept as they are, checked, findable; damaged ones refused or salvaged."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from fastwarc.warc import WarcRecord, WarcRecordType
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from archive.cli.options import a_time
from archive.errors import CallerError, DamagedWarc
from archive.imports import Imported, Order, Selection, bring, site_of
from archive.index import Index
from archive.playback import play
from archive.runs import all_runs
from archive.store import FolderStore
from archive.verify import verify_bytes
from tests.test_verify import browsertrix, common_crawl, heritrix, wget

URL = "http://paper.example/story"


def written(
    *pages: tuple[str, bytes], gz: bool = True, date: str = "2024-10-18T08:51:00Z", coding: str = ""
) -> bytes:
    """A WARC by warcio: a warcinfo, and a request and response for each page."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=gz)
    writer.write_record(writer.create_warcinfo_record("theirs.warc.gz", {"software": "their crawler/1.0"}))
    for url, body in pages or [(URL, b"<h1>Theirs</h1>")]:
        fields = [("Content-Type", "text/html; charset=utf-8")]
        fields += [("Transfer-Encoding", coding)] if coding else []
        head = StatusAndHeaders("200 OK", fields, protocol="HTTP/1.1")
        dated = {"WARC-Date": date}
        response = writer.create_warc_record(
            url, "response", payload=io.BytesIO(body), http_headers=head, warc_headers_dict=dated
        )
        asked = StatusAndHeaders("GET / HTTP/1.1", [("Host", "paper.example")], is_http_request=True)
        request = writer.create_warc_record(url, "request", http_headers=asked, warc_headers_dict=dated)
        writer.write_request_response_pair(request, response)
    return out.getvalue()


def repeated(*, digest: str, profile: str, **extra: str) -> bytes:
    """A revisit record by hand, as old writers make them: no block at all."""
    headers = {
        "WARC-Type": "revisit", "WARC-Record-ID": "<urn:uuid:00000000-0000-4000-8000-000000000002>",
        "WARC-Target-URI": URL, "WARC-Date": "2024-10-19T08:00:00Z",
        "WARC-Profile": f"http://netpreserve.org/warc/1.0/revisit/{profile}", "Content-Length": "0",
        **({"WARC-Payload-Digest": digest} if digest else {}), **extra,
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return gzip.compress(f"WARC/1.0\r\n{head}\r\n\r\n\r\n".encode(), mtime=0)


@pytest.mark.parametrize(
    "data", [heritrix(), common_crawl(), browsertrix(), wget()], ids=["heritrix", "cc", "browsertrix", "wget"]
)
def test_what_the_crawlers_of_others_write_is_stored_as_it_is_with_one_capture(
    place: "Place", data: bytes
) -> None:
    done = place.take(data)
    assert (done.captures, done.remarks) == (1, 0)
    assert place.kept() == [data]
    (capture,) = Index(place.store).all()
    assert play(place.store, Index(place.store), capture).capture.status == 200


def members_of(data: bytes) -> list[bytes]:
    """The gzip members of a WARC, as they lie."""
    ends = [r.stream_pos for r in FastIterator(io.BytesIO(data))] + [len(data)]
    return [data[a:b] for a, b in pairwise(ends)]


class Place:
    """An archive and a spool to import into."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spool = root / "spool"
        self.store = FolderStore(root / "archive")

    def file(self, data: bytes, name: str = "theirs.warc.gz") -> str:
        path = self.root / name
        path.write_bytes(data)
        return str(path)

    def take(self, data: bytes, name: str = "theirs.warc.gz", **order: Any) -> Imported:
        return bring(self.file(data, name), self.store, Order(spool=self.spool, **order))

    def page(self, url: str = URL) -> bytes:
        index = Index(self.store)
        return play(self.store, index, index.closest(url)).decoded()

    def kept(self) -> list[bytes]:
        return [self.store.read(key) for key in self.store.keys("warc/")]

    def told(self) -> dict[str, Any]:
        (run,) = all_runs(self.store)
        found: dict[str, Any] = run.parameters["import"]
        return found

    def is_untouched(self) -> bool:
        return not list(self.store.keys()) and not list(self.spool.glob("*/"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_gzipped_warc_is_stored_byte_for_byte(place: Place) -> None:
    place.take(written())
    assert place.kept() == [(place.root / "theirs.warc.gz").read_bytes()]


def test_a_plain_warc_is_stored_byte_for_byte_and_plays_back(place: Place) -> None:
    data = written(gz=False)
    place.take(data, "theirs.warc")
    assert place.kept() == [data]
    assert next(place.store.keys("warc/")).endswith("-00001.warc")
    assert place.page() == b"<h1>Theirs</h1>"


def test_what_is_imported_plays_back(place: Place) -> None:
    place.take(written())
    assert place.page() == b"<h1>Theirs</h1>"


def test_the_index_leads_other_readers_to_the_record(place: Place) -> None:
    place.take(written((URL, b"one"), ("http://paper.example/2", b"two")))
    for capture in Index(place.store).all():
        where = capture.location
        data = place.store.read(where.warc, where.offset, where.length)
        (fast,) = FastIterator(io.BytesIO(data))
        (slow,) = ArchiveIterator(io.BytesIO(data))
        assert fast.headers["WARC-Target-URI"] == slow.rec_headers["WARC-Target-URI"] == capture.url


def test_the_manifest_tells_where_it_came_from(place: Place) -> None:
    data = written()
    place.take(data, note="from a friend")
    (run,) = all_runs(place.store)
    said = run.parameters["import"]
    assert run.reason == "imported"
    assert (said["source"], said["note"]) == ("theirs.warc.gz", "from a friend")
    assert said["sha256"] == hashlib.sha256(data).hexdigest()
    assert said["by"].startswith("newsmorgue/")
    assert said["files"][0]["warcinfo"]["software"] == "their crawler/1.0"
    assert run.counts["ok"] == 1


def test_the_run_has_the_times_of_its_records(place: Place) -> None:
    place.take(written())
    (run,) = all_runs(place.store)
    assert run.id.startswith("20241018T085100Z-")
    assert run.started.isoformat() == "2024-10-18T08:51:00+00:00"


def test_the_same_file_again_is_success_and_stores_nothing(place: Place) -> None:
    data = written()
    first = place.take(data)
    before = list(place.store.keys())
    again = place.take(data, "another-name.warc.gz")
    assert (again.action, again.run, again.captures) == ("already", first.run, first.captures)
    assert list(place.store.keys()) == before


def test_the_same_records_from_another_machine_are_the_same_keys(place: Place, tmp_path: Path) -> None:
    data = written()
    selection = Selection(only=("paper.example",))
    place.take(data, selection=selection)
    other = Place(tmp_path / "other")
    other.root.mkdir()
    other.take(data, selection=selection)
    assert list(other.store.keys()) == list(place.store.keys())
    assert other.kept() == place.kept()


def test_a_warc_by_fastwarc_comes_in(place: Place) -> None:
    out = io.BytesIO()
    record = WarcRecord()
    record.init_headers(content_length=0, record_type=WarcRecordType.response, record_urn=b"urn:uuid:1")
    record.headers["WARC-Target-URI"] = URL
    record.headers["WARC-Date"] = "2024-10-18T08:51:00Z"
    record.headers["Content-Type"] = "application/http; msgtype=response"
    record.set_bytes_content(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Fast</h1>")
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as to:
        record.write(to, checksum_data=True)
    assert place.take(out.getvalue()).captures == 1
    assert place.page() == b"<h1>Fast</h1>"


@pytest.mark.skipif(not shutil.which("wget"), reason="wget is not installed")
def test_a_warc_by_wget_comes_in(place: Place, paper: Any) -> None:
    subprocess.run(
        ["wget", "-q", "--warc-file=theirs", "-O", "page.html", f"{paper.base}/"],
        cwd=place.root, check=True, timeout=60,
    )  # fmt: skip
    done = place.take((place.root / "theirs.warc.gz").read_bytes())
    assert done.captures >= 1
    assert place.page(f"{paper.base}/") == (place.root / "page.html").read_bytes()


def arc(*, gz: bool) -> bytes:
    """An ARC by hand (Internet Archive, 1996): a version block and one page."""
    block = b"1 0 Theirs\nURL IP-address Archive-date Content-type Archive-length\n"
    page = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Old</h1>"
    records = [
        b"filedesc://theirs.arc 0.0.0.0 20050101000000 text/plain %d\n" % len(block) + block + b"\n",
        b"%s 192.0.2.7 20050101000005 text/html %d\n" % (URL.encode(), len(page)) + page + b"\n",
    ]
    return b"".join(gzip.compress(r, mtime=0) if gz else r for r in records)


@pytest.mark.parametrize("gz", [True, False], ids=["gzipped", "plain"])
def test_an_arc_is_stored_as_it_is_and_plays_back(place: Place, gz: bool) -> None:
    place.take(arc(gz=gz), "theirs.arc.gz" if gz else "theirs.arc")
    assert place.kept() == [arc(gz=gz)]
    assert place.page() == b"<h1>Old</h1>"


def bgzipped(plain: bytes) -> bytes:
    """Compressed in pieces that are not records."""
    return b"".join(gzip.compress(plain[n : n + 700], mtime=0) for n in range(0, len(plain), 700))


@pytest.mark.parametrize("squeeze", [gzip.compress, bgzipped], ids=["as a whole", "in pieces"])
def test_a_warc_compressed_as_a_whole_is_compressed_by_record(
    place: Place, squeeze: Callable[[bytes], bytes]
) -> None:
    plain = written((URL, b"x" * 3000), gz=False)
    data = squeeze(plain)
    place.take(data)
    (kept,) = place.kept()
    assert gzip.decompress(kept) == plain
    assert verify_bytes(kept, name="kept").ok
    assert place.page() == b"x" * 3000
    told = place.told()
    assert told["files"][0]["kept"] == "recompressed"
    assert told["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_resource_plays_back_as_a_page(place: Place) -> None:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    writer.write_record(
        writer.create_warc_record(
            URL, "resource", payload=io.BytesIO(b"<p>r</p>"), warc_content_type="text/html"
        )
    )
    place.take(out.getvalue())
    assert place.page() == b"<p>r</p>"


def payload_digest_of(data: bytes) -> str:
    return next(
        str(r.rec_headers["WARC-Payload-Digest"])
        for r in ArchiveIterator(io.BytesIO(data))
        if r.rec_type == "response"
    )


def test_a_revisit_without_a_block_resolves(place: Place) -> None:
    data = written()
    place.take(data + repeated(digest=payload_digest_of(data), profile="identical-payload-digest"))
    index = Index(place.store)
    first, second = index.captures(URL)
    assert (first.kind, second.kind) == ("response", "revisit")
    assert play(place.store, index, second).decoded() == b"<h1>Theirs</h1>"


@pytest.mark.parametrize("digest", ["", "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"], ids=["no", "an empty"])
def test_a_server_that_said_not_modified_resolves_with_digest(place: Place, digest: str) -> None:
    revisit = repeated(digest=digest, profile="server-not-modified", **{"WARC-Refers-To-Target-URI": URL})
    place.take(written() + revisit)
    index = Index(place.store)
    assert play(place.store, index, index.captures(URL)[1]).decoded() == b"<h1>Theirs</h1>"


def test_a_revisit_resolves_when_its_original_comes_later_from_another_file(place: Place) -> None:
    data = written()
    revisit = repeated(digest=payload_digest_of(data), profile="identical-payload-digest")
    assert place.take(revisit, "revisit.warc.gz").elsewhere == 1
    place.take(data)
    index = Index(place.store)
    assert play(place.store, index, index.captures(URL)[1]).decoded() == b"<h1>Theirs</h1>"


def wacz(warcs: dict[str, bytes], *, digests: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        resources = [
            {
                "path": f"archive/{name}",
                "hash": f"sha256:{(digests or {}).get(name) or hashlib.sha256(data).hexdigest()}",
            }
            for name, data in warcs.items()
        ]
        package = {
            "wacz_version": "1.1.1",
            "software": "their packer",
            "title": "A day",
            "resources": resources,
        }
        file.writestr("datapackage.json", json.dumps(package))
        for name, data in warcs.items():
            file.writestr(f"archive/{name}", data)
    return out.getvalue()


def test_the_warcs_in_a_wacz_are_stored_byte_for_byte_as_one_run(place: Place) -> None:
    warcs = {"a.warc.gz": written(), "b.warc.gz": written(("http://paper.example/2", b"two"))}
    done = place.take(wacz(warcs), "day.wacz")
    assert place.kept() == list(warcs.values())
    assert done.captures == 2
    assert place.told()["wacz"]["title"] == "A day"
    assert place.page("http://paper.example/2") == b"two"


def test_a_warc_that_is_not_what_was_packed_is_refused(place: Place) -> None:
    with pytest.raises(DamagedWarc, match=r"archive/a\.warc\.gz is not what was packed"):
        place.take(wacz({"a.warc.gz": written()}, digests={"a.warc.gz": "0" * 64}), "day.wacz")
    assert place.is_untouched()


def test_a_wacz_with_a_wrong_checksum_is_refused(place: Place) -> None:
    data = wacz({"a.warc.gz": written()})
    at = data.index(b"\x1f\x8b\x08") + 60
    with pytest.raises(DamagedWarc, match="cannot be unpacked whole"):
        place.take(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :], "day.wacz")


def test_a_wacz_with_one_hopeless_warc_gives_the_others_when_asked_for(place: Place) -> None:
    done = place.take(wacz({"a.warc.gz": b"", "b.warc.gz": written()}), "day.wacz", keep=True)
    assert (done.captures, done.left_out) == (1, 1)
    assert place.page() == b"<h1>Theirs</h1>"


def test_a_zip_without_warcs_is_the_callers_mistake(place: Place) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("holiday.txt", "no archive")
    with pytest.raises(CallerError, match="no WACZ"):
        place.take(out.getvalue(), "photos.zip")


@pytest.mark.parametrize(
    "harm",
    [
        lambda d: d[:-9],
        lambda d: d[: len(d) // 2] + b"\x00\x00\x00" + d[len(d) // 2 + 3 :],
        lambda d: d + b"rubbish",
        lambda d: d + bytes(100),
    ],
    ids=["torn", "overwritten", "rubbish behind", "zeros behind"],
)
def test_a_damaged_file_is_refused_and_nothing_is_left(place: Place, harm: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DamagedWarc, match=r"theirs\.warc\.gz is damaged at \d+"):
        place.take(harm(written()))
    assert place.is_untouched()


def test_a_payload_that_was_changed_is_refused(place: Place) -> None:
    with pytest.raises(DamagedWarc, match="digest"):
        place.take(written(gz=False).replace(b"Theirs", b"Thairs"), "theirs.warc")


def three() -> bytes:
    return written(*((f"http://paper.example/{n}", b"page %d" % n) for n in range(3)))


@pytest.mark.parametrize("gz", [True, False], ids=["gzipped", "plain"])
def test_what_is_whole_around_damage_is_kept_when_asked_for(place: Place, gz: bool) -> None:
    parts = members_of(three())
    parts = parts if gz else [gzip.decompress(p) for p in parts]
    assert len(parts) == 7
    broken = parts[3][:20] + b"\x00" * 30 + parts[3][50:]
    done = place.take(b"".join([*parts[:3], broken, *parts[4:]]), keep=True)
    assert (done.records, done.left_out) == (6, 1)
    assert place.told()["files"][0]["kept"] == "salvaged"
    assert place.told()["files"][0]["gaps"][0]["from"] == sum(map(len, parts[:3]))
    (kept,) = place.kept()
    assert gzip.decompress(kept) == b"".join(
        gzip.decompress(p) if gz else p for n, p in enumerate(parts) if n != 3
    )


def test_damage_in_the_first_record_leaves_the_others(place: Place) -> None:
    data = bytearray(three())
    data[20:40] = bytes(20)
    assert place.take(bytes(data), keep=True).records == 6


def test_a_torn_file_is_kept_up_to_the_tear_when_asked_for(place: Place) -> None:
    data = three()
    done = place.take(data[:-9], keep=True)
    assert (done.records, done.left_out) == (6, 1)
    assert verify_bytes(place.kept()[0], name="kept").ok


def test_a_torn_file_compressed_as_a_whole_is_kept_up_to_the_tear(place: Place) -> None:
    pages = [(f"http://paper.example/{n}", os.urandom(3000)) for n in range(5)]
    data = gzip.compress(written(*pages, gz=False))
    done = place.take(data[: len(data) * 2 // 3], keep=True)
    assert 0 < done.captures < 5
    assert place.page("http://paper.example/0") == pages[0][1]


def test_a_file_without_a_whole_record_is_refused_even_then(place: Place) -> None:
    with pytest.raises(DamagedWarc, match="holds no whole record"):
        place.take(b"WARC/1.0\r\r\nWARC-Type: response\r\n\r\n", "theirs.warc", keep=True)
    assert place.is_untouched()


def test_an_empty_file_is_refused(place: Place) -> None:
    with pytest.raises(DamagedWarc, match="empty"):
        place.take(b"")
    assert place.is_untouched()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<html>not found</html>", "no WARC"),
        (gzip.compress(b"a,b,c\n", mtime=0), "no WARC"),
        (b"\x28\xb5\x2f\xfd rest", "zstd"),
    ],
    ids=["html", "gzipped text", "zstd"],
)
def test_what_is_no_warc_is_the_callers_mistake(place: Place, data: bytes, said: str) -> None:
    with pytest.raises(CallerError, match=said):
        place.take(data)
    assert place.is_untouched()


def test_a_body_that_was_decoded_under_its_old_head_comes_in_with_a_remark(place: Place) -> None:
    done = place.take(written(coding="chunked"))
    assert done.remarks == 1
    assert "not chunked" in place.told()["files"][0]["faults"][0]["what"]
    assert place.page() == b"<h1>Theirs</h1>"


def test_selected_records_are_byte_for_byte_behind_a_warcinfo_that_names_the_source(place: Place) -> None:
    data = written((URL, b"one"), ("http://other.example/", b"two"), ("http://www.paper.example/3", b"three"))
    done = place.take(data, selection=Selection(only=("paper.example",)))
    (kept,) = place.kept()
    ours, *theirs = members_of(kept)
    parts = members_of(data)
    assert theirs == [parts[0], *parts[1:3], *parts[5:7]]
    assert b"records selected from theirs.warc.gz" in gzip.decompress(ours)
    assert done.captures == 2
    assert verify_bytes(kept, name="kept").ok


def test_records_are_selected_by_a_url_prefix(place: Place) -> None:
    data = written(("http://paper.example/news/1", b"1"), ("http://paper.example/sport/2", b"2"))
    done = place.take(data, selection=Selection(only=("http://paper.example/news/",)))
    assert done.captures == 1


def test_records_are_selected_by_date(place: Place) -> None:
    data = written(date="2024-10-17T23:59:59Z") + written(date="2024-10-18T00:00:00Z")
    selection = Selection(since=a_time("2024-10-18"), until=a_time("2024-10-18", end=True))
    place.take(data, selection=selection)
    assert [c.at.day for c in Index(place.store).all()] == [18]


def test_a_selection_of_nothing_is_no_error_and_stores_nothing(place: Place) -> None:
    done = place.take(written(), selection=Selection(only=("elsewhere.example",)))
    assert done.action == "nothing"
    assert place.is_untouched()


def test_another_selection_of_the_same_file_is_another_run(place: Place) -> None:
    data = written((URL, b"one"), ("http://other.example/", b"two"))
    place.take(data, selection=Selection(only=("paper.example",)))
    place.take(data, selection=Selection(only=("other.example",)))
    assert len(list(all_runs(place.store))) == 2


def test_a_newspapers_warc_goes_under_its_host(place: Place) -> None:
    assert place.take(written(("http://www.paper.example/", b"x"))).site == "paper.example"


def test_a_host_that_a_site_file_names_goes_under_that_site(place: Place) -> None:
    assert place.take(written(), known={"paper.example": "the-paper"}).site == "the-paper"


def test_a_warc_of_many_hosts_goes_under_imports(place: Place) -> None:
    assert place.take(written(*((f"http://p{n}.example/", b"x") for n in range(9)))).site == "imports"


def test_the_site_is_the_one_asked_for(place: Place) -> None:
    place.take(written(), site="cc-news")
    assert next(place.store.keys("runs/")).startswith("runs/cc-news/")


def test_a_site_that_would_leave_its_folder_is_refused(place: Place) -> None:
    with pytest.raises(CallerError, match="no site's name"):
        place.take(written(), site="../elsewhere")


def test_nothing_at_all_goes_under_imports() -> None:
    assert site_of([], {}) == "imports"
