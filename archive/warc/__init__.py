"""WARC 1.1: exchanges to records and back. The one package that speaks warcio."""

from archive.warc.reader import (
    Listing,
    Member,
    Record,
    capture_in,
    captures_of,
    members,
    read_record,
)
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
