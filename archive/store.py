"""The store: write-once objects under keys, in a folder or in S3.

Rules: no object is ever overwritten; putting equal bytes again is success, other bytes are a StoreConflict.
Only what lies under state/ may be replaced or dropped: a cache that can be made anew.
Keys are POSIX paths without a leading slash. The order of `keys` is ours (sorted), never the server's.
"""

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

from archive.errors import CallerError, NotStored, StoreConflict, StoreDenied, StoreError
from archive.lasting import passing


class Store(Protocol):
    """Where an archive lives."""

    url: str

    def put(self, key: str, data: bytes) -> None:
        """Write `data` once; raise StoreConflict where the key holds other bytes."""

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        """Write the file once and verify what was stored; `sha256` is its hex digest."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object from `start`; raise NotStored where there is none."""

    def digest(self, key: str) -> str:
        """SHA-256 (hex) of an object's bytes, all of them read; raise NotStored."""

    def abilities(self) -> dict[str, bool]:
        """What the store can, of what we rely on."""

    def size(self, key: str) -> int | None:
        """Size in bytes, or None where there is no such key."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Keys that begin with `prefix`, sorted."""

    def check(self) -> None:
        """Raise a StoreError that says what to do where the store cannot be used."""

    def replace(self, key: str, data: bytes) -> None:
        """Write `data` whatever the key holds; only under state/."""

    def drop(self, key: str) -> None:
        """Remove an object, where there is one; only under state/."""

    def amend(self, key: str, data: bytes | Path) -> None:
        """Put other bytes in the place of what is kept for ever; no old ones remain: for takedowns."""

    def erase(self, key: str) -> None:
        """Remove what is kept for ever, and every version of it, where there is any: for takedowns."""


def open_store(url: str) -> Store:
    """Open the archive at `url`: s3://bucket/prefix or a folder."""
    if url.startswith("s3://"):
        from archive.s3 import S3Store

        parts = urlsplit(url)
        if not parts.netloc:
            raise CallerError(f"{url!r} names no bucket; write s3://bucket/prefix")
        return S3Store(bucket=parts.netloc, prefix=parts.path.strip("/"))
    if "://" in url:
        raise CallerError(f"{url!r} is neither a folder nor s3://bucket/prefix")
    return FolderStore(Path(url))


class _Ranged(io.RawIOBase):
    """An object of the store as a file to read."""

    def __init__(self, store: Store, key: str, size: int) -> None:
        self._store, self._key, self._size, self._at = store, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._at)
        data = self._store.read(self._key, self._at, length) if length > 0 else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def opened(store: Store, key: str, *, buffer: int = 4 << 20) -> BinaryIO:
    """An object as a seekable file, read in pieces of `buffer` bytes; raise NotStored."""
    size = store.size(key)
    if size is None:
        raise NotStored(f"{store.url} holds no {key}")
    return io.BufferedReader(_Ranged(store, key, size), buffer)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FolderStore:
    """An archive in a folder; each object is linked into place whole, after fsync."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def _path(self, key: str) -> Path:
        if not key or key.startswith("/") or ".." in key.split("/"):
            raise CallerError(f"{key!r} is not a key of the store")
        return self.root / key

    def put(self, key: str, data: bytes) -> None:
        """Write `data` once; raise StoreConflict where the key holds other bytes."""
        path = self._path(key)
        self._link(key, path, io.BytesIO(data), hashlib.sha256(data).hexdigest())

    def _link(self, key: str, path: Path, source: BinaryIO, sha256: str) -> None:
        temporary = self._temporary(path, source)
        try:
            os.link(temporary, path)
            sync_folder(path.parent)
        except FileExistsError:
            if sha256_of(path) != sha256:
                raise _conflict(key) from None
        finally:
            temporary.unlink(missing_ok=True)

    def _temporary(self, path: Path, source: BinaryIO) -> Path:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".put-", delete=False) as file:
                shutil.copyfileobj(source, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
                return Path(file.name)
        except PermissionError as error:
            raise StoreDenied(f"cannot write to the archive {self.url}: {error.strerror}") from error
        except OSError as error:
            raise StoreError(
                f"cannot write {key_of(self.root, path)} to {self.url}: {error.strerror}"
            ) from error

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        """Write the file once and verify what was stored; `sha256` is its hex digest."""
        with path.open("rb") as file:
            self._link(key, self._path(key), file, sha256)
        if sha256_of(self._path(key)) != sha256:
            raise StoreConflict(f"{key}: what was stored has another SHA-256 than the file; check the disk")

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object from `start`; raise NotStored where there is none."""
        try:
            with self._path(key).open("rb") as file:
                file.seek(start)
                return file.read(-1 if length is None else length)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotStored(f"{self.url} holds no {key}") from None

    def digest(self, key: str) -> str:
        """SHA-256 (hex) of an object's bytes, all of them read; raise NotStored."""
        try:
            return sha256_of(self._path(key))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotStored(f"{self.url} holds no {key}") from None

    def abilities(self) -> dict[str, bool]:
        """A folder writes once by hard links, and is read back whole; it keeps no versions and no locks."""
        return {"conditional writes": True, "checksums": True}

    def size(self, key: str) -> int | None:
        """Size in bytes, or None where there is no such key."""
        path = self._path(key)
        return path.stat().st_size if path.is_file() else None

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Keys that begin with `prefix`, sorted."""
        base = self.root / prefix.rpartition("/")[0]
        found = (key_of(self.root, path) for path in base.rglob("*") if path.is_file())
        yield from sorted(k for k in found if k.startswith(prefix) and "/.put-" not in f"/{k}")

    def check(self) -> None:
        """Make the folder where it is missing; raise where that is refused."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreDenied(f"cannot make the archive folder {self.url}: {error.strerror}") from error
        if not os.access(self.root, os.W_OK):
            raise StoreDenied(f"cannot write to the archive folder {self.url}")

    def replace(self, key: str, data: bytes) -> None:
        """Write `data` whatever the key holds; only under state/."""
        path = self._path(passing(key))
        self._temporary(path, io.BytesIO(data)).replace(path)

    def drop(self, key: str) -> None:
        """Remove an object, where there is one; only under state/."""
        self._path(passing(key)).unlink(missing_ok=True)

    def amend(self, key: str, data: bytes | Path) -> None:
        """Put other bytes in the place of what is kept for ever: for takedowns."""
        path = self._path(key)
        with io.BytesIO(data) if isinstance(data, bytes) else data.open("rb") as source:
            self._temporary(path, source).replace(path)
        sync_folder(path.parent)

    def erase(self, key: str) -> None:
        """Remove what is kept for ever, where there is any: for takedowns."""
        self._path(key).unlink(missing_ok=True)


def key_of(root: Path, path: Path) -> str:
    """The key of a file under `root`."""
    return path.relative_to(root).as_posix()


def _conflict(key: str) -> StoreConflict:
    return StoreConflict(f"{key} exists with other bytes; nothing was overwritten, look at who writes it")


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: Iterable[bytes]) -> None:
    """Write a file whole: a temporary name, fsync, rename."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.writelines(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
