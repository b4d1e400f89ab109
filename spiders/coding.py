"""Content codings for our own spiders: Scrapy's middleware, with less work where less is wanted."""

import zlib

import deflate
from scrapy import Request, Spider
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.http import Response
from scrapy.responsetypes import responsetypes
from scrapy.utils.gz import gunzip

MOST = 1 << 26  # bytes that are decoded at once, at most
MEMBER = b"\x1f\x8b\x08"  # how a gzip member begins: where there are two, all are wanted


class Decoding(HttpCompressionMiddleware):
    """Inflates gzip in one piece, where it is the only coding."""

    def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002 - Scrapy looks for it
    ) -> Request | Response:
        """Scrapy's own, unless there is no body (one that nobody will read was left out), or a usual one."""
        body = response.body
        if not body:
            return response
        if request.method != "HEAD" and response.headers.getlist(b"Content-Encoding") == [b"gzip"]:
            data = _at_once(body, request.meta.get("download_maxsize", self._max_size))
            if data is not None:
                return _decoded(response, data)
        return super().process_response(request, response)

    @staticmethod
    def _decode(body: bytes, encoding: bytes, max_size: int) -> bytes:
        if encoding in {b"gzip", b"x-gzip"}:
            return _gunzip(body, max_size)
        return HttpCompressionMiddleware._decode(body, encoding, max_size)


def _decoded(response: Response, data: bytes) -> Response:
    """The response with its body decoded; its other headers are kept as they are, not made anew."""
    headers = response.headers
    dict.pop(headers, b"Content-Encoding")
    kind = responsetypes.from_args(headers=headers, url=response.url, body=data)
    made = kind(
        response.url, status=response.status, body=data, flags=response.flags, request=response.request,
        certificate=response.certificate, ip_address=response.ip_address, protocol=response.protocol,
        headers={b"Content-Type": dict.get(headers, b"Content-Type", [])},
    )  # fmt: skip
    made.headers = headers
    return made


def _at_once(body: bytes, max_size: int) -> bytes | None:
    """A gzip member, by libdeflate in a third of the time; None where it is not one that is whole."""
    size = int.from_bytes(body[-4:], "little")  # RFC 1952, 2.3.1
    if not 0 < size <= (max_size or MOST) or body.find(MEMBER, 1) > 0:
        return None
    try:
        data = bytes(deflate.gzip_decompress(body, size))
    except (deflate.DeflateError, ValueError):
        return None
    return data if len(data) == size else None


def _gunzip(body: bytes, max_size: int) -> bytes:
    """One whole member at once; whatever else it is goes Scrapy's way, a piece at a time."""
    reader = zlib.decompressobj(31)
    try:
        data = reader.decompress(body, max_size + 1 if max_size else 0)
    except zlib.error:
        return bytes(gunzip(body, max_size=max_size))
    whole = reader.eof and not reader.unused_data and not (max_size and len(data) > max_size)
    return data if whole else bytes(gunzip(body, max_size=max_size))
