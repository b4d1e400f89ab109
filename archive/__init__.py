"""Newsmorgue's product: an archive of newspapers, as a plain library."""

from importlib.metadata import PackageNotFoundError, version

from archive.store import Store, open_store

try:
    __version__ = version("newsmorgue")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0"

SOFTWARE = f"newsmorgue/{__version__}"

__all__ = ["SOFTWARE", "Store", "__version__", "open_store"]
