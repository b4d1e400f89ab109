"""Every error that Newsmorgue raises, by whose fault it is.

MorgueError
├── CallerError            the caller's: a wrong argument, setting or site file
│   ├── ConfigError        a setting or a site file: names file, key and value
│   ├── NotCaptured        nothing in the archive for this URL (names the nearest)
│   │   └── TooFar         something, and farther from the moment than may be shown
│   ├── RightsReserved     captured, but what its publisher says forbids to show it
│   └── UnknownSite        no site of this name
├── SiteError              the site's: it cannot be, or may not be, fetched
│   ├── AddressRefused     the host resolves to an address that is not public
│   └── Unreachable        no answer: DNS, connect, TLS, time-out
├── StoreError             the store's, or the spool's
│   ├── NotStored          no such key
│   ├── StoreConflict      a key holds other bytes than those to be written
│   ├── StoreDenied        wrong credentials or no permission
│   ├── StoreBusy          may go away by itself (retry)
│   │   └── StoreDamaged   what was sent arrived damaged
│   ├── SearchFailed       the search file, a cache, cannot be used now
│   └── SpoolError         the spool folder cannot be written
│       └── BeingPublished another process publishes this run now
├── DamagedWarc            damage in an archive: names file and offset
├── DamagedReport          a run report that cannot be read: names its key
└── DamagedTable           a table of articles that cannot be read: names its key
"""

from typing import Any


class MorgueError(Exception):
    """Base of all errors; its text is one line that says what to do."""

    exit_code = 1
    retryable = False


class CallerError(MorgueError):
    """The caller asked for something that cannot be."""

    exit_code = 2


class ConfigError(CallerError):
    """A setting or site file is wrong."""


class NotCaptured(CallerError):
    """The archive holds nothing for this URL and time."""


class TooFar(NotCaptured):
    """What was captured is farther from the moment than may be shown; `nearest` is the capture."""

    def __init__(self, message: str, *, nearest: Any) -> None:
        super().__init__(message)
        self.nearest = nearest


class RightsReserved(CallerError):
    """What the publisher says of a capture forbids to show it, by the policy of this archive."""


class UnknownSite(CallerError):
    """No site file has this name."""


class SiteError(MorgueError):
    """The site could not be fetched."""

    exit_code = 3


class AddressRefused(SiteError):
    """A host resolves to an address that is not public."""


class Unreachable(SiteError):
    """A host did not answer."""

    retryable = True


class StoreError(MorgueError):
    """The store failed."""

    exit_code = 4


class NotStored(StoreError):
    """The store holds no such key."""


class StoreConflict(StoreError):
    """A key holds other bytes already; nothing was overwritten."""


class StoreDenied(StoreError):
    """The store refused our credentials."""


class StoreBusy(StoreError):
    """The store cannot be reached now."""

    retryable = True


class StoreDamaged(StoreBusy):
    """What was sent arrived damaged; a checksum told."""


class SearchFailed(StoreError):
    """The search file cannot be used; where it was damaged it is gone, and is made anew when asked again."""

    retryable = True


class SpoolError(StoreError):
    """The spool folder cannot be written."""


class BeingPublished(SpoolError):
    """Another process publishes this run now."""

    retryable = True


class DamagedWarc(MorgueError):
    """A WARC is damaged; `offset` counts bytes of the file as stored."""

    exit_code = 5

    def __init__(self, message: str, *, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class DamagedReport(MorgueError):
    """A run report cannot be read; the archive itself is not touched by that."""

    exit_code = 5


class DamagedTable(MorgueError):
    """A table of articles cannot be read; it can be made again from the WARCs."""

    exit_code = 5
