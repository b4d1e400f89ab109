"""Edits as an Atom feed (RFC 4287)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from xml.etree import ElementTree

from archive.history import Edit
from archive.room.links import article_link, diff_link

UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
NS = "http://www.w3.org/2005/Atom"


def feed(edits: Iterable[Edit], *, title: str, room: str, query: str = "") -> bytes:
    """The feed document; ids are stable, so that a reader sees each edit once."""
    ElementTree.register_namespace("", NS)
    found = list(edits)
    root = ElementTree.Element(f"{{{NS}}}feed")
    suffix = f"?{query}" if query else ""
    _text(root, "title", title)
    _text(root, "id", f"{room}/edits.atom{suffix}")
    _text(root, "updated", _stamp(found[0].at if found else datetime(1970, 1, 1, tzinfo=UTC)))
    _link(root, f"{room}/edits.atom{suffix}", "self")
    _link(root, f"{room}/edits{suffix}", "alternate")
    author = ElementTree.SubElement(root, f"{{{NS}}}author")
    _text(author, "name", "Newsmorgue")
    for edit in found:
        _entry(root, edit, room)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _entry(root: ElementTree.Element, edit: Edit, room: str) -> None:
    entry = ElementTree.SubElement(root, f"{{{NS}}}entry")
    name = sha256(f"{edit.kind} {edit.url} {edit.at.isoformat()}".encode()).hexdigest()
    _text(entry, "title", f"{edit.kind}: {edit.headline}")
    _text(entry, "id", f"urn:newsmorgue:edit:{name}")
    _text(entry, "updated", _stamp(edit.at))
    _link(entry, room + _page(edit), "alternate")
    for each in edit.changed.classes if edit.changed else (edit.kind,):
        ElementTree.SubElement(entry, f"{{{NS}}}category", term=each)
    _text(entry, "summary", _summary(edit))


def _page(edit: Edit) -> str:
    if edit.before and edit.after:
        return diff_link(edit.url, edit.before.row.version, edit.after.row.version)
    return article_link(edit.url)


def _summary(edit: Edit) -> str:
    silent = " (silently)" if edit.changed and edit.changed.silent else ""
    return f"{edit.site}: {edit.detail or edit.kind}{silent}. {edit.url}"


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, f"{{{NS}}}{name}").text = _legible(text)


def _link(parent: ElementTree.Element, href: str, rel: str) -> None:
    ElementTree.SubElement(parent, f"{{{NS}}}link", rel=rel, href=_legible(href))


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _legible(text: str) -> str:
    return UNFIT.sub("\ufffd", text)
