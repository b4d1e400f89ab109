"""Newsmorgue's product: an archive of newspapers, as a plain library.

`archive.open("s3://bucket/prefix")` opens one for reading: see `archive.holdings`, and docs/cookbook.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from archive.store import Store, open_store

if TYPE_CHECKING:
    from archive.holdings import Archive
    from archive.holdings import open_archive as open  # noqa: A004 - as in `archive.open(...)`

    SOFTWARE: str
    __version__: str

__all__ = ["SOFTWARE", "Archive", "Store", "__version__", "open", "open_store"]


def __getattr__(name: str) -> Any:
    """`open` and `Archive` are read when asked for: they bring Arrow along, which a crawl need not.

    So is the version: to look for it takes as long as a command needs to begin.
    """
    if name in ("__version__", "SOFTWARE"):
        return _version() if name == "__version__" else f"newsmorgue/{_version()}"
    names = {"open": "open_archive", "Archive": "Archive"}
    if name not in names:
        raise AttributeError(f"module 'archive' has no attribute {name!r}")
    return getattr(import_module("archive.holdings"), names[name])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("newsmorgue")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"
