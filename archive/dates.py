"""Dates as pages, feeds and people write them."""

from datetime import UTC, datetime


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
            moment = parser.parse(raw)
        except (ValueError, OverflowError):
            return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        return None
