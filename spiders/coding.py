"""Content codings for our own spiders: Scrapy's middleware, with less work where less is wanted."""

import zlib

from scrapy import Request, Spider
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.http import Response
from scrapy.utils.gz import gunzip


class Decoding(HttpCompressionMiddleware):
    """Inflates gzip in one piece."""

    def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002 - Scrapy looks for it
    ) -> Request | Response:
        """Scrapy's own, where there is a body: one that nobody will read was left out."""
        if not response.body:
            return response
        return super().process_response(request, response)

    @staticmethod
    def _decode(body: bytes, encoding: bytes, max_size: int) -> bytes:
        if encoding in {b"gzip", b"x-gzip"}:
            return _gunzip(body, max_size)
        return HttpCompressionMiddleware._decode(body, encoding, max_size)


def _gunzip(body: bytes, max_size: int) -> bytes:
    """One whole member at once; whatever else it is goes Scrapy's way, a piece at a time."""
    reader = zlib.decompressobj(31)
    try:
        data = reader.decompress(body, max_size + 1 if max_size else 0)
    except zlib.error:
        return bytes(gunzip(body, max_size=max_size))
    whole = reader.eof and not reader.unused_data and not (max_size and len(data) > max_size)
    return data if whole else bytes(gunzip(body, max_size=max_size))
