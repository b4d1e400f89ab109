"""Taking things away: data sets, WACZ and WARC files of a selection."""

import csv
import gzip
import hashlib
import io
import json
import re
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from archive.access import Access, Rule
from archive.articles import SCHEMA
from archive.bundle import write_wacz
from archive.dataset import cell
from archive.dictionary import COLUMNS
from archive.errors import CallerError, ConfigError
from archive.index import Index
from archive.parcel import Parcel
from archive.permission import Permission
from archive.policy import Policy
from archive.question import Question
from archive.requisites import in_set, requisites
from archive.selection import Selection, read
from archive.signature import read_key, verified
from archive.store import FolderStore, Store
from archive.verify import verify_bytes
from tests.keeping import Answer, Keeper, edition
from tests.test_access import NOW
from tests.test_study import FILLING, OTHER, URL, page, told

Morgue = Callable[..., Any]
STYLE = "http://paper.example/s.css"
PICTURE = "http://paper.example/quay.png"
KINDS = {STYLE: "text/css", PICTURE: "image/png"}


def other(url: str, body: bytes, day: int = 20) -> Answer:
    return Answer(at=edition(day), url=url, body=body, headers=(("Content-Type", KINDS[url]),))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    keeper = Keeper(tmp_path)
    head = '<link rel=stylesheet href="/s.css">'
    quay = told("4 million crowns").replace(b"</head>", head.encode() + b"</head>")
    keeper.keep(
        Answer(at=edition(20), url=URL, body=quay),
        other(STYLE, b"body { background: url(quay.png) }" + b" " * 300),
        other(PICTURE, b"\x89PNG" + bytes(range(256)) * 4),
    )
    secret = page("=Ferry secret", "Not for all.", *FILLING, head="<meta name=robots content=noarchive>")
    keeper.keep(Answer(at=edition(21), url=OTHER, body=secret))
    keeper.keep(Answer(at=edition(22), url=URL, body=told("6 million crowns")))
    return keeper.store


def export(morgue: Morgue, store: Store, out: Path, *args: str, code: int = 0) -> Any:
    done = morgue("export", "--archive", store.url, "--out", str(out), *args)
    assert done.code == code, done.err
    return done


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# --- data sets ----------------------------------------------------------------------------------------------


def test_the_data_dictionary_names_every_column_in_its_order() -> None:
    assert [column.name for column in COLUMNS] == SCHEMA.names


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv"])
def test_a_data_set_holds_the_rows_that_may_be_given_away(
    morgue: Morgue, store: Store, tmp_path: Path, form: str
) -> None:
    done = export(morgue, store, tmp_path / "out", "--format", form)
    path = tmp_path / "out" / f"articles.{form}"
    if form == "parquet":
        rows = pq.read_table(path).to_pylist()
    elif form == "jsonl":
        rows = lines(path)
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    assert [row["headline"] for row in rows] == ["Quay reopens after works of 6 million crowns"]
    assert "1 left out by rights and rules (noarchive: 1)" in done.err


def test_all_versions_and_all_captures_can_be_had(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    for holds, count in (("latest", 1), ("versions", 2), ("captures", 2)):
        export(morgue, store, tmp_path / holds, "--format", "jsonl", "--holds", holds)
        assert len(lines(tmp_path / holds / "articles.jsonl")) == count


def test_times_of_capture_bound_a_data_set(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    export(morgue, store, tmp_path / "out", "--format", "jsonl", "--captured-to", "2026-11-20")
    (row,) = lines(tmp_path / "out" / "articles.jsonl")
    assert row["headline"] == "Quay reopens after works of 4 million crowns"


def test_a_selection_can_be_asked_again(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    export(morgue, store, tmp_path / "a", "crowns", "--format", "jsonl", "--holds", "versions")
    export(
        morgue, store, tmp_path / "b", "--format", "jsonl", "--again", str(tmp_path / "a" / "selection.json")
    )
    assert (tmp_path / "a" / "articles.jsonl").read_text() == (tmp_path / "b" / "articles.jsonl").read_text()


def test_a_selection_is_the_same_after_it_was_written_down() -> None:
    asked = Selection(question=Question(words="a -b", site="x"), since=NOW, urls=(URL,), holds="versions")
    assert read(json.dumps(asked.plain())) == asked
    assert read(json.dumps(asked.plain())).id == asked.id


@pytest.mark.parametrize(
    "text", ["", "[]", '{"question": {"wrods": "a"}}', '{"holds": "all"}', '{"since": "soon"}']
)
def test_what_is_no_selection_is_refused(text: str) -> None:
    with pytest.raises(CallerError, match=r"selection\.json"):
        read(text)


def test_a_data_set_tells_what_it_is(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    export(morgue, store, tmp_path / "out", "crowns")
    text = (tmp_path / "out" / "README.md").read_text()
    assert "# 1 articles of 1 newspapers" in text
    assert "| paper | 1 |" in text
    assert "| `headline` | text |" in text


def test_the_crate_names_every_file_with_its_digest(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    export(morgue, store, tmp_path / "out")
    crate = json.loads((tmp_path / "out" / "ro-crate-metadata.json").read_text())
    files = {each["@id"]: each["sha256"] for each in crate["@graph"] if each["@type"] == "File"}
    assert set(files) == {path.name for path in (tmp_path / "out").iterdir()} - {"ro-crate-metadata.json"}
    for name, digest in files.items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest


def test_everything_that_the_crate_refers_to_stands_in_it(
    morgue: Morgue, store: Store, tmp_path: Path
) -> None:
    export(morgue, store, tmp_path / "out")
    crate = json.loads((tmp_path / "out" / "ro-crate-metadata.json").read_text())
    known = {each["@id"] for each in crate["@graph"]}
    text = json.dumps([list(each.values()) for each in crate["@graph"]])
    told = set(re.findall(r'\{"@id": "([^"]+)"\}', text)) - {"https://w3id.org/ro/crate/1.1"}
    assert told <= known
    (root,) = (each for each in crate["@graph"] if each["@id"] == "./")
    assert {"name", "description", "datePublished", "license", "author", "publisher"} <= set(root)


def test_a_folder_that_holds_something_is_not_written_to(
    morgue: Morgue, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("keep")
    done = export(morgue, store, tmp_path / "out", code=2)
    assert "name a new folder" in done.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


@pytest.mark.parametrize("form", ["jsonl", "wacz"])
def test_a_place_that_cannot_be_written_is_told_in_one_line(
    morgue: Morgue, store: Store, tmp_path: Path, form: str
) -> None:
    (tmp_path / "file").write_text("")
    done = export(morgue, store, tmp_path / "file" / "out", "--format", form, code=2)
    assert "cannot be written (Not a directory): make room there" in done.err
    assert "Traceback" not in done.err


def test_an_archive_without_articles_gives_an_empty_data_set(morgue: Morgue, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "empty")
    store.check()
    done = export(morgue, store, tmp_path / "out", "--format", "csv")
    assert "0 articles" in done.out


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text).startswith("'")


@given(
    st.one_of(
        st.text(), st.lists(st.text()), st.dictionaries(st.text(), st.integers()), st.none(), st.floats()
    )
)
def test_any_value_is_a_cell_that_csv_brings_back(value: Any) -> None:
    text = cell(value)
    assert not text.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    out = io.StringIO(newline="")
    csv.writer(out).writerow([text])
    assert next(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [text]


# --- WACZ and WARC ------------------------------------------------------------------------------------------


def urls_of(data: bytes) -> list[str]:
    return [
        record.rec_headers.get_header("WARC-Target-URI")
        for record in ArchiveIterator(io.BytesIO(data))
        if record.rec_type in ("response", "revisit")
    ]


def test_a_page_brings_what_it_loads(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    done = export(morgue, store, tmp_path / "q.wacz", "4", "--format", "wacz", "--holds", "versions")
    with zipfile.ZipFile(tmp_path / "q.wacz") as book:
        assert book.testzip() is None
        assert urls_of(book.read("archive/data.warc.gz")) == [URL, STYLE, PICTURE]
        pages = [json.loads(line) for line in book.read("pages/pages.jsonl").splitlines()]
    assert "3 captures, 1 of them pages" in done.out
    assert pages[1]["title"] == "Quay reopens after works of 4 million crowns"
    assert "Crowds came to the water" in pages[1]["text"]


def test_a_newspaper_comes_with_everything_but_what_is_kept_back(
    morgue: Morgue, store: Store, tmp_path: Path
) -> None:
    done = export(morgue, store, tmp_path / "p.warc.gz", "--format", "warc", "--site", "paper")
    data = (tmp_path / "p.warc.gz").read_bytes()
    assert urls_of(data) == [URL, STYLE, PICTURE, URL]
    assert b"Ferry secret" not in gzip.decompress(data)
    assert "noarchive: 1" in done.err
    assert not verify_bytes(data, name="p.warc.gz").faults


def test_a_response_brings_its_request_and_metadata(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    export(morgue, store, tmp_path / "p.warc.gz", "--format", "warc", "--url", PICTURE)
    kinds = [r.rec_type for r in ArchiveIterator(io.BytesIO((tmp_path / "p.warc.gz").read_bytes()))]
    assert kinds == ["warcinfo", "request", "response", "metadata"]


def test_every_digest_and_every_place_of_a_wacz_is_right(
    morgue: Morgue, store: Store, tmp_path: Path
) -> None:
    export(morgue, store, tmp_path / "p.wacz", "--format", "wacz", "--site", "paper")
    with zipfile.ZipFile(tmp_path / "p.wacz") as book:
        package = json.loads(book.read("datapackage.json"))
        for each in package["resources"]:
            data = book.read(each["path"])
            assert each["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
            assert each["bytes"] == len(data)
        digest = json.loads(book.read("datapackage-digest.json"))
        assert digest["hash"] == f"sha256:{hashlib.sha256(book.read('datapackage.json')).hexdigest()}"
        assert book.getinfo("archive/data.warc.gz").compress_type == zipfile.ZIP_STORED
        warc, blocks = book.read("archive/data.warc.gz"), book.read("indexes/index.cdx.gz")
        heads = book.read("indexes/index.idx").decode().splitlines()
    assert json.loads(heads[0].split(" ", 2)[2])["format"] == "cdxj-gzip-1.0"
    found = []
    for head in heads[1:]:
        told = json.loads(head.split(" ", 2)[2])
        found += gzip.decompress(blocks[told["offset"] :][: told["length"]]).decode().splitlines()
    assert found == sorted(found)
    assert len(found) == 4
    for line in found:
        place = json.loads(line.split(" ", 2)[2])
        piece = warc[int(place["offset"]) :][: int(place["length"])]
        record = next(iter(ArchiveIterator(io.BytesIO(piece))))
        assert record.rec_headers.get_header("WARC-Target-URI") == place["url"]


def test_a_revisit_brings_what_it_refers_to(tmp_path: Path) -> None:
    from tests.test_revisits import run, said

    (tmp_path / "archive").mkdir()
    run(tmp_path, 1, said("http://paper.example/a"))
    run(tmp_path, 2, said("http://paper.example/b"))
    store = FolderStore(tmp_path / "archive")
    parcel = Parcel(store, Index(store), Permission(store, Index(store), {}, Policy()))
    items = list(parcel.of_urls(["http://paper.example/b"]))
    assert [(i.capture.url[-1], i.capture.kind) for i in items] == [("b", "revisit"), ("a", "response")]


def test_a_page_that_had_not_changed_brings_what_it_loads(tmp_path: Path) -> None:
    from tests.test_parts import unchanged

    keeper = Keeper(tmp_path)
    quay = told("4 million crowns").replace(b"</head>", b'<link rel=stylesheet href="/s.css"></head>')
    keeper.keep(Answer(at=edition(20), url=URL, body=quay), other(STYLE, b"p { color: red }" * 20))
    keeper.keep(unchanged(keeper, URL, 24), other(STYLE, b"p { color: blue }" * 20, 24))
    index = Index(keeper.store)
    parcel = Parcel(keeper.store, index, Permission(keeper.store, index, {}, Policy()))
    found = parcel.of_urls([URL], since=edition(23))
    days = {(item.capture.url, item.capture.at.day) for item in found}
    assert days == {(URL, 24), (STYLE, 24), (URL, 20), (STYLE, 20)}


def test_index_and_pages_are_sorted_and_whole_however_many_files_that_takes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written() -> tuple[list[bytes], bytes]:
        index = Index(store)
        parcel, out = Parcel(store, index, Permission(store, index, {}, Policy(export=()))), io.BytesIO()
        write_wacz(out, parcel.of_site("paper"), title="paper", said={}, now=NOW)
        with zipfile.ZipFile(out) as book:
            lines = gzip.decompress(book.read("indexes/index.cdx.gz")).splitlines()
            return [line.split(b" {")[0] for line in lines], book.read("pages/pages.jsonl")

    once = written()
    monkeypatch.setattr("archive.bundle.FLUSH", 1)
    monkeypatch.setattr("archive.bundle.FILES", 2)
    assert written() == once
    assert len(once[0]) > 4
    assert once[0] == sorted(once[0])


def test_a_wacz_can_be_written_where_nothing_can_be_sought(store: Store) -> None:
    class Pipe(io.RawIOBase):
        data = b""

        def writable(self) -> bool:
            return True

        def write(self, some: Any) -> int:
            Pipe.data += bytes(some)
            return len(some)

    parcel = Parcel(store, Index(store), Permission(store, Index(store), {}, Policy()))
    write_wacz(Pipe(), parcel.of_urls([PICTURE]), title="x", said={})  # type: ignore[arg-type]
    with zipfile.ZipFile(io.BytesIO(Pipe.data)) as book:
        assert book.testzip() is None
        assert urls_of(book.read("archive/data.warc.gz")) == [PICTURE]


def test_entries_with_long_sizes_have_an_extra_field_in_the_directory_too(store: Store) -> None:
    out = io.BytesIO()
    parcel = Parcel(store, Index(store), Permission(store, Index(store), {}, Policy()))
    write_wacz(out, parcel.of_urls([PICTURE]), title="x", said={})
    with zipfile.ZipFile(out) as book:
        assert all(info.extra for info in book.infolist())  # wabac.js reads the local header only then


def test_what_a_rule_excludes_is_in_no_file(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    Access(store).add(Rule(kind="exclude", what=URL, reason="why", made=NOW))
    export(morgue, store, tmp_path / "p.warc.gz", "--format", "warc", "--site", "paper")
    assert urls_of((tmp_path / "p.warc.gz").read_bytes()) == [STYLE, PICTURE]
    done = export(morgue, store, tmp_path / "q", "--format", "jsonl")
    assert lines(tmp_path / "q" / "articles.jsonl") == []
    assert "exclude (why): 1" in done.err


def test_a_file_that_is_there_is_not_written_over(morgue: Morgue, store: Store, tmp_path: Path) -> None:
    (tmp_path / "p.wacz").write_text("mine")
    done = export(morgue, store, tmp_path / "p.wacz", "--format", "wacz", code=2)
    assert "name another file" in done.err
    assert (tmp_path / "p.wacz").read_text() == "mine"


def test_nothing_is_left_of_a_file_that_could_not_be_written(store: Store, tmp_path: Path) -> None:
    from archive.bundle import to_file

    def torn(out: Any) -> None:
        out.write(b"some")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        to_file(tmp_path / "x.wacz", torn)
    assert not list(tmp_path.glob("*x.wacz*"))


# --- signatures ---------------------------------------------------------------------------------------------

CHECK = """
const said = JSON.parse(process.argv[1]);
const bytes = text => Uint8Array.from(Buffer.from(text, "base64"));
const kind = {name: "ECDSA", namedCurve: "P-384"};
(async () => {
  const key = await crypto.subtle.importKey("spki", bytes(said.publicKey), kind, true, ["verify"]);
  const how = {name: "ECDSA", hash: "SHA-256"};
  const text = new TextEncoder().encode(said.hash);
  console.log(await crypto.subtle.verify(how, key, bytes(said.signature), text));
})();
"""


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    path = tmp_path_factory.mktemp("key") / "key.pem"
    private = ec.generate_private_key(ec.SECP384R1())
    path.write_bytes(private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    return path


def test_a_signed_wacz_is_verified_as_a_browser_does(
    morgue: Morgue, store: Store, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORGUE_WACZ_KEY", str(key))
    export(morgue, store, tmp_path / "p.wacz", "--format", "wacz", "--url", PICTURE)
    with zipfile.ZipFile(tmp_path / "p.wacz") as book:
        said = json.loads(book.read("datapackage-digest.json"))["signedData"]
    assert verified(said)
    told = subprocess.check_output(["node", "-e", CHECK, json.dumps(said)], text=True, timeout=60)
    assert told.strip() == "true"


def test_a_signature_of_something_else_is_found_out(key: Path) -> None:
    said = read_key(key).signed("sha256:ab", created="", software="")
    assert verified(said)
    assert not verified(said | {"hash": "sha256:ac"})


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text("no key")
    with pytest.raises(ConfigError, match="openssl ecparam"):
        read_key(tmp_path / "k.pem")


# --- what a page loads --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<img src=a.png>", ["a.png"]),
        ("<img srcset='a.png 1x, b.png 2x'>", ["a.png", "b.png"]),
        ("<link rel='shortcut icon' href=i.ico>", ["i.ico"]),
        ("<link rel=canonical href=c>", []),
        (
            "<style>@import 's.css'; p { background: url( \"p.png\" ) } /* url(no.png) */</style>",
            ["s.css", "p.png"],
        ),
        ("<p style='background:url(p.png)'>", ["p.png"]),
        ("<base href=/x/><script src=m.js></script>", ["x/m.js"]),
        ("<video poster=p.jpg><source src=v.mp4></video>", ["v.mp4", "p.jpg"]),
        ("<a href=b.html>", []),
        ("<img src='data:image/png;base64,AA'><img src='javascript:x'>", []),
        ("", []),
    ],
)
def test_what_a_page_loads_is_named_by_its_markup(text: str, found: list[str]) -> None:
    told = requisites(text, "http://paper.example/", "text/html")
    assert sorted(told) == sorted(f"http://paper.example/{name}" for name in found)


@given(st.text(), st.sampled_from(["text/html", "text/css", "image/png"]))
def test_what_a_page_loads_is_always_a_web_address(text: str, mime: str) -> None:
    for url in requisites(text, "http://paper.example/", mime):
        assert url.startswith(("http://", "https://"))


@given(st.lists(st.sampled_from(["a.png", "b,c.png", "/d?e=1,2"]), max_size=4))
def test_a_comma_may_stand_in_an_address_of_a_srcset(names: list[str]) -> None:
    assert list(in_set(", ".join(f"{name} {n + 1}x" for n, name in enumerate(names)))) == names
