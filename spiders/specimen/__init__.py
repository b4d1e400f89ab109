"""The Daily Specimen: a small newspaper of our own, to try everything on without internet."""

from .server import Specimen

__all__ = ["Specimen"]
