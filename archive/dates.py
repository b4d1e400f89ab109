"""Dates as pages, feeds and people write them."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

# Hours east of UTC. Names that mean several zones (IST, AST) are left out.
ZONES = {
    "SAST": 2, "CAT": 2, "EAT": 3, "WAT": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
    "WET": 0, "WEST": 1, "BST": 1, "MSK": 3, "TRT": 3, "PKT": 5, "WIB": 7, "JST": 9, "KST": 9, "HKT": 8,
    "SGT": 8, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "BRT": -3, "ART": -3, "EDT": -4, "EST": -5,
    "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8, "UT": 0, "Z": 0,
}  # fmt: skip


def read_time(text: str) -> datetime | None:
    """A date as pages write them (ISO 8601 and near it), in UTC; None where it cannot be read."""
    if not text:
        return None
    raw = text.strip()
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        from dateutil import parser

        try:
            moment = parser.parse(raw, tzinfos=zone_of)
        except (ValueError, OverflowError):
            return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        return None


def zone_of(name: str | None, seconds: int | None) -> tzinfo | None:
    """The zone of a date, by its offset or its usual name; None where neither tells."""
    if seconds is not None:
        return timezone(timedelta(seconds=seconds))
    hours = ZONES.get((name or "").upper())
    return None if hours is None else timezone(timedelta(hours=hours))
