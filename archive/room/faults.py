"""Which HTTP status an error of ours is."""

from archive.errors import (
    CallerError,
    DamagedWarc,
    NotCaptured,
    NotStored,
    RightsReserved,
    StoreError,
    UnknownSite,
)

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (NotCaptured, 404),
    (NotStored, 404),
    (UnknownSite, 404),
    (RightsReserved, 451),
    (CallerError, 400),
    (StoreError, 503),
    (DamagedWarc, 500),
)


def status_of(error: Exception) -> int:
    """The status by whose fault it is."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)
