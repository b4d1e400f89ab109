"""Which keys of a store are kept for ever, and which may change."""

from archive.errors import CallerError

TRUTH = ("warc/", "cdxj/", "runs/")  # locked, where the bucket can
CACHE = "state/"  # may be made anew at any time


def passing(key: str) -> str:
    """The key itself; raise CallerError where it names what is kept for ever."""
    if not key.startswith(CACHE):
        raise CallerError(f"{key} is kept for ever: only what lies under {CACHE} may be changed")
    return key
