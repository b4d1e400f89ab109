"""WARC 1.1: exchanges to records and back. The one package that speaks warcio."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from archive.warc.reader import (
    Listing,
    Member,
    Record,
    capture_in,
    captures_of,
    members,
    read_record,
)

if TYPE_CHECKING:
    from archive.warc.writer import Written, ends_group, warcinfo_member, write_exchange

__all__ = [
    "Listing",
    "Member",
    "Record",
    "Written",
    "capture_in",
    "captures_of",
    "ends_group",
    "members",
    "read_record",
    "warcinfo_member",
    "write_exchange",
]


def __getattr__(name: str) -> Any:
    """The writer is read when it is asked for: it brings warcio along, for which most readers have no use."""
    if name not in __all__:
        raise AttributeError(f"module 'archive.warc' has no attribute {name!r}")
    return getattr(import_module("archive.warc.writer"), name)
