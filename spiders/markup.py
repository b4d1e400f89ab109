"""Bytes in pieces to XML events, for documents that are not quite XML. Flat memory, bounded, never raising.

What is mended on the way, since an XML reader alone would stop or lose text at it: gzip (also twice), UTF-16,
a byte order mark, a wrong or unknown charset, junk before the first tag, control characters, ampersands that
begin no entity of XML. No entity but the five of XML is ever expanded, and nothing is fetched.
"""

import codecs
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

import lxml.etree

PIECE = 64 * 1024
UNPACKED_LIMIT = 64 * 1024 * 1024
HEAD = 4096
GZIP = b"\x1f\x8b"
DECLARED = re.compile(rb"""\A[^<]{0,512}<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
DECLARATION = re.compile(r"<\?xml\b[^>]{0,500}\?>", re.I)
START = re.compile(r"<(?:\?xml|!doctype|html|(?:[\w.-]{1,40}:)?(?:rss|rdf|feed|urlset|sitemapindex))\b", re.I)
# A stray ampersand: it begins none of the five entities of XML, and no number.
STRAY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
# An attribute's value without quotes: at the root it would cost the whole document.
TAG = re.compile(r"<[A-Za-z][^<>]{0,4000}>")
UNQUOTED = re.compile(r"""=([^\s<>"'=/]+)(?=[\s>])""")
ROOT = re.compile(r"<(?![?!])([^\s<>/]{1,100})")
UNFINISHED = re.compile(r"(?:&#?[A-Za-z0-9]{0,8}|<)\Z")
LESS = re.compile(r"<(?![A-Za-z_:/!?\u0080-\U0010ffff])")
SHAPES = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

Source = bytes | BinaryIO | Iterable[bytes]


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """What is not UTF-8 among UTF-8 is nearly always Windows-1252, which has no byte that it cannot read."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("windows-1252", "replace"), error.end


codecs.register_error("morgue-windows-1252", _as_windows_1252)


@dataclass(slots=True)
class Ending:
    """Why reading ended before the end: "size", "gzip", or "" where it did not."""

    cut: str = ""


def pieces_of(source: Source) -> Iterator[bytes]:
    """A document as pieces of at most PIECE bytes."""
    if isinstance(source, bytes):
        source = (source,)
    elif hasattr(source, "read"):
        read = source.read
        source = iter(lambda: read(PIECE), b"")
    for piece in source:
        for start in range(0, len(piece), PIECE):
            yield piece[start : start + PIECE]


def unpacked(source: Source, *, limit: int = UNPACKED_LIMIT, ending: Ending | None = None) -> Iterator[bytes]:
    """The document without gzip, in pieces: at most `limit` bytes of it, however much they unpack to."""
    ending = ending if ending is not None else Ending()
    left = limit
    for piece in _gunzipped(_gunzipped(pieces_of(source), ending), ending):
        if len(piece) > left:
            yield piece[:left]
            ending.cut = "size"
            return
        left -= len(piece)
        yield piece


def _gunzipped(pieces: Iterator[bytes], ending: Ending) -> Iterator[bytes]:
    head = b""
    while len(head) < len(GZIP) and (piece := next(pieces, b"")):
        head += piece
    whole = chain((head,), pieces) if head else pieces
    yield from _members(whole, ending) if head.startswith(GZIP) else whole


def _members(pieces: Iterable[bytes], ending: Ending) -> Iterator[bytes]:
    """The members of a gzip file, one after the other; what pads them is no harm."""
    reader = zlib.decompressobj(wbits=31)
    data = b""
    for piece in pieces:
        data += piece
        while data and not (reader.eof and len(data) < len(GZIP)):
            if reader.eof:
                if not data.startswith(GZIP):
                    return
                reader = zlib.decompressobj(wbits=31)
            before = reader.copy()
            try:
                plain = reader.decompress(data, PIECE)
            except zlib.error:
                ending.cut = ending.cut or "gzip"
                yield from _salvaged(before, data)
                return
            if plain:
                yield plain
            data = reader.unconsumed_tail or (reader.unused_data if reader.eof else b"")
    if not reader.eof:
        ending.cut = ending.cut or "gzip"


def _salvaged(reader: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """What unpacks before the fault: a reader gives nothing of the bytes among which it finds one."""
    with suppress(zlib.error):
        for place in range(len(data)):
            yield reader.decompress(reader.unconsumed_tail + data[place : place + 1], PIECE)


def texts(pieces: Iterable[bytes]) -> Iterator[str]:
    """The document as text, in pieces; the charset is read from its beginning."""
    pieces = iter(pieces)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= HEAD:
            break
    decoder = codecs.getincrementaldecoder(charset_of(head))(errors="replace")
    if decoder.__class__.__module__ == "encodings.utf_8":
        decoder.errors = "morgue-windows-1252"
    for piece in chain((head.removeprefix(codecs.BOM_UTF8),), pieces):
        try:
            text = decoder.decode(piece)
        except ValueError:
            return
        if text:
            yield text
    with suppress(ValueError):
        yield decoder.decode(b"", final=True)


def charset_of(head: bytes) -> str:
    """The charset of an XML or text document: byte order mark, shape, declaration; else UTF-8."""
    for mark, name in SHAPES:
        if head.startswith(mark):
            return name
    found = DECLARED.match(head)
    name = found[1].decode("ascii").lower() if found else "utf-8"
    # Bytes that could be read as ASCII up to here are not in UTF-16, whatever they declare.
    if name.startswith(("utf-16", "utf16", "ucs", "utf-32", "utf32", "iso-10646")):
        return "utf-8"
    if name in ("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii"):
        return "windows-1252"  # WHATWG Encoding, section 4.2: that is what is meant
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return "utf-8"
    return info.name if info._is_text_encoding else "utf-8"  # "hex" and "zip" are codecs as well


def mended(pieces: Iterable[str]) -> Iterator[str]:
    """The text from its first tag on, as XML would have it: no control characters, no stray "&" or "<"."""
    pieces = iter(pieces)
    head = ""
    for piece in pieces:
        head = (head + piece).lstrip("\ufeff \t\r\n\x00")
        if len(head) >= HEAD:
            break
    kept = ""
    for piece in chain((_begun(head),), pieces):
        text = kept + piece
        cut = UNFINISHED.search(text)
        kept = text[cut.start() :] if cut else ""
        text = text[: cut.start()] if cut else text
        if text:
            yield LESS.sub("&lt;", STRAY.sub("&amp;", CONTROL.sub("", text)))
    if kept:
        yield LESS.sub("&lt;", STRAY.sub("&amp;", CONTROL.sub("", kept)))


def is_page(start: str) -> bool:
    """Whether a document that begins so is a web page."""
    return any(found[1].lower() in ("html", "head", "body") for found in islice(ROOT.finditer(start), 1))


def _begun(head: str) -> str:
    """The text without what stands in front of its root, and without a declaration, which was heeded."""
    found = START.search(head)
    start = found.start() if found else head.find("<")
    if start < 0:
        return ""
    text = DECLARATION.sub("", head[start:], count=1)
    return TAG.sub(lambda tag: UNQUOTED.sub(r'="\1"', tag[0]), text, count=1)


class Reader:
    """What is told of each element: names are local and in lower case, whatever their namespace.

    `path` are the names of the elements around and including the one at hand. A document deeper than DEEPEST
    is not read on: no feed or sitemap is, and each open element costs memory.
    """

    DEEPEST = 100
    LONGEST = 64 * 1024

    def __init__(self) -> None:
        self.path: list[str] = []
        self.root = ""
        self.whole = False
        self.deep = False
        self._texts: list[str] = []
        self._names: dict[str, str] = {}

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def closed(self, name: str, text: str) -> None:
        """An element ends; `text` is its own, without that of its children."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Part of lxml's parser target interface."""
        name = self._names.get(tag) or local(tag)
        if len(self._names) < 1000:
            self._names[tag] = name
        self.root = self.root or name
        self.deep = self.deep or len(self.path) >= self.DEEPEST
        if self.deep:
            return
        self.path.append(name)
        self._texts.append("")
        self.opened(name, {local(key): value for key, value in attributes.items()} if attributes else {})

    def data(self, data: str) -> None:
        """Part of lxml's parser target interface."""
        if self._texts and len(self._texts[-1]) < self.LONGEST:
            self._texts[-1] += data

    def end(self, _tag: str) -> None:
        """Part of lxml's parser target interface."""
        if self.deep or not self.path:
            return
        self.closed(self.path[-1], self._texts[-1])
        self.path.pop()
        self._texts.pop()
        self.whole = not self.path

    def close(self) -> None:
        """Part of lxml's parser target interface."""

    @property
    def full(self) -> bool:
        """Whether enough was read."""
        return False


def local(tag: str) -> str:
    """An element's or attribute's name without namespace or prefix, in lower case."""
    return tag.rpartition("}")[2].rpartition(":")[2].lower()


def read(reader: Reader, pieces: Iterable[str]) -> None:
    """Tell the reader of every element, until it is full or the document ends."""
    parser = lxml.etree.XMLParser(
        target=reader,
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        for piece in mended(pieces):
            parser.feed(piece.encode("utf-8", "replace"))
            if reader.full or reader.deep:
                break
        parser.close()
    except lxml.etree.LxmlError:
        pass  # what was read so far counts
