"""Where a WARC to be imported comes from: a file, a URL, an object in a store. Read as a stream.

Rules: nothing is held in memory but a piece; what is shorter than was said is an error, not an end. A
URL is fetched from public addresses only, judged on the address that is connected to, redirects as well.
"""

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from archive.address import is_public
from archive.errors import AddressRefused, CallerError, NotStored, SiteError, Unreachable
from archive.store import Store, open_store

PIECE = 8 << 20
SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something to be imported: what it is called, its size in bytes (None: not told), and its bytes."""

    name: str
    size: int | None
    pieces: Iterator[bytes]


def open_source(name: str, store: Store, *, allow_private: bool = False, agent: str = "newsmorgue") -> Source:
    """Find what `name` means: s3://bucket/key, an http(s) URL, a file, or a key of the archive.

    Raise CallerError where it means nothing; the errors of reading come with the pieces.
    """
    if name.startswith("s3://"):
        bucket, _, key = name.removeprefix("s3://").partition("/")
        if not key:
            raise CallerError(f"{name} names no object; write s3://bucket/key")
        return _stored(open_store(f"s3://{bucket}"), key, name)
    if name.startswith(("http://", "https://")):
        return _fetched(name, allow_private=allow_private, agent=agent)
    path = Path(name)
    if path.is_dir():
        raise CallerError(
            f"{name} is a folder; name the files in it, for example {name.rstrip('/')}/*.warc.gz"
        )
    if path.exists():
        return _file(path)
    if "://" in name or name.startswith("/") or ".." in name.split("/") or store.size(name) is None:
        raise CallerError(f"{name} is neither a file nor a URL nor a key of {store.url}")
    if name.startswith("warc/"):
        raise CallerError(f"{name} is a WARC of this archive already")
    return _stored(store, name, name)


def _file(path: Path) -> Source:
    def pieces() -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece
        except OSError as error:
            raise CallerError(f"{path} cannot be read: {error.strerror}") from error

    return Source(name=path.name, size=path.stat().st_size, pieces=pieces())


def _stored(store: Store, key: str, name: str) -> Source:
    size = store.size(key)
    if size is None:
        raise NotStored(f"{store.url} holds no {key}")

    def pieces() -> Iterator[bytes]:
        for start in range(0, size, PIECE):
            piece = store.read(key, start, min(PIECE, size - start))
            if len(piece) != min(PIECE, size - start):
                raise NotStored(f"{store.url} gave {len(piece)} bytes of {key} at {start}; it has changed")
            yield piece

    return Source(name=name, size=size, pieces=pieces())


def _fetched(url: str, *, allow_private: bool, agent: str) -> Source:
    opener = urllib.request.OpenerDirector()
    for handler in (
        _Http(allow_private=allow_private),
        _Https(allow_private=allow_private),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    # `identity`: the bytes of the file are what we keep, not a coding of them.
    asked = urllib.request.Request(url, headers={"User-Agent": agent, "Accept-Encoding": "identity"})  # noqa: S310
    try:
        answer = opener.open(asked, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        raise SiteError(f"{bare(url)} answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        refused = getattr(error, "reason", error)
        if isinstance(refused, _Refused):
            raise AddressRefused(f"{bare(url)}: {refused}") from error
        raise Unreachable(f"{bare(url)} cannot be fetched: {refused}") from error
    said = answer.headers.get("Content-Length", "")
    size = int(said) if said.isdigit() else None
    return Source(name=bare(url), size=size, pieces=_answer(answer, bare(url), size))


def _answer(answer: Any, name: str, size: int | None) -> Iterator[bytes]:
    count = 0
    try:
        with answer:
            while piece := answer.read(1 << 20):
                count += len(piece)
                yield piece
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{name} broke off after {count:,} bytes; try again") from error
    if size is not None and count != size:
        raise Unreachable(f"{name} broke off after {count:,} of {size:,} bytes; try again")


def bare(url: str) -> str:
    """A URL as it may be written down: without a password, and without a query, where signatures stand."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class _Refused(OSError):
    """The address is not public."""


def _judged(connection: socket.socket, *, allow_private: bool) -> socket.socket:
    """The connection, where its other end may be fetched; nothing has been sent yet."""
    address = str(connection.getpeername()[0])
    if not allow_private and not is_public(address):
        connection.close()
        raise _Refused(f"{address} is not public; --allow-private takes it")
    return connection


class _Plain(http.client.HTTPConnection):
    """A connection to a public address, unless private ones are allowed."""

    allow_private = False

    def connect(self) -> None:
        super().connect()
        _judged(self.sock, allow_private=self.allow_private)


class _Safe(http.client.HTTPSConnection):
    """The same, with TLS."""

    allow_private = False

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        _judged(self.sock, allow_private=self.allow_private)
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, *, allow_private: bool) -> None:
        super().__init__()
        self.allow_private = allow_private

    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(self._connection, req)

    def _connection(self, host: str, /, **options: Any) -> _Plain:
        connection = _Plain(host, **options)
        connection.allow_private = self.allow_private
        return connection


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, *, allow_private: bool) -> None:
        super().__init__()
        self.allow_private = allow_private

    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(self._connection, req)

    def _connection(self, host: str, /, **options: Any) -> _Safe:
        connection = _Safe(host, **options)
        connection.allow_private = self.allow_private
        return connection
