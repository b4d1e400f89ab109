"""Requests by other methods than GET, as URLs of an index: the convention of pywb and cdxj-indexer.

Rules: what was sent becomes a query behind the URL's own, after `__wb_method=`, so that a form posted twice
with different words has two keys, and none of them answers a GET. Only the key is made of it: the URL of the
capture stays what was asked for. Forms are told as they are, multipart by field, JSON flattened to its
leaves; anything else as base64 in `__wb_post_data`. Pure.
"""

import base64
import json
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import unquote_plus, urlencode

LONGEST = 4096  # characters of what was sent that count
DEEPEST = 100  # levels of JSON
BODIES = ("POST", "PUT")


def parts_of(request: bytes) -> tuple[str, str, bytes]:
    """Method, media type and body of a request as it was sent; "GET" of what is none."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method = first.split(b" ", 1)[0].decode("latin-1").upper()
    kind = next(
        (v for n, _, v in (line.partition(b":") for line in lines) if n.lower() == b"content-type"), b""
    )
    return (method if method.isalpha() else "GET"), kind.strip().decode("latin-1"), body


def asked_with(request: bytes) -> tuple[str, str]:
    """The method of a request, and what it sent, as a query."""
    method, kind, body = parts_of(request)
    return method, query_of(method, kind, body)


def keyed(url: str, method: str, query: str) -> str:
    """The URL that stands for a request in the index; the very same for a GET."""
    if method == "GET":
        return url
    told = f"__wb_method={method}" + (f"&{query}" if query else "")
    return f"{url}{'&' if '?' in url else '?'}{told}"


def query_of(method: str, kind: str, body: bytes) -> str:
    """What was sent, as a query; "" where a method sends nothing that counts."""
    if method not in BODIES:
        return ""
    return _query(kind.lower().partition(";")[0].strip(), kind, body)[:LONGEST]


def _query(media: str, kind: str, body: bytes) -> str:
    try:
        if media == "application/x-www-form-urlencoded":
            return unquote_plus(body.decode("utf-8"))
        if media.startswith("multipart/"):
            return _fields(kind, body)
        if media in ("application/json", "text/plain"):
            return _leaves(body)
    except (ValueError, RecursionError, LookupError):
        pass
    return "" if media == "application/json" else "__wb_post_data=" + base64.b64encode(body).decode()


def _fields(kind: str, body: bytes) -> str:
    """The fields of a form; raise ValueError where the body is not one."""
    whole = b"Content-Type: " + kind.encode("latin-1", "replace") + b"\r\n\r\n" + body
    message = BytesParser(policy=HTTP).parsebytes(whole)
    if not message.is_multipart():
        raise ValueError("no multipart body")
    named = ((part.get_param("name", header="content-disposition"), part) for part in message.iter_parts())
    return urlencode([(str(name or ""), part.get_payload(decode=True) or b"") for name, part in named])


def _leaves(body: bytes) -> str:
    """JSON, or lines of JSON, by the names of its leaves; raise ValueError where it is neither."""
    found: dict[str, str] = {}
    try:
        _flatten(json.loads(body), "", found, {})
    except json.JSONDecodeError:
        if b"\n" not in body:
            raise
        seen: dict[str, int] = {}
        for line in body.split(b"\n"):
            _flatten(json.loads(line), "", found, seen)
    return urlencode(found)


def _flatten(value: Any, name: str, found: dict[str, str], seen: dict[str, int], depth: int = 0) -> None:
    if depth > DEEPEST:
        raise ValueError("too deep")
    inner = (
        value.items()
        if isinstance(value, dict)
        else [(name, v) for v in value]
        if isinstance(value, list)
        else ()
    )
    for key, each in inner:
        _flatten(each, key, found, seen, depth + 1)
    if name and not isinstance(value, (dict, list)):
        seen[name] = seen.get(name, 0) + 1
        found[name if seen[name] == 1 else f"{name}.{seen[name]}_"] = str(value)
