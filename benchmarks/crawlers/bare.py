"""The least that archives: one connection of http.client, and warcio as its documentation shows it.

python bare.py FILE OUT.warc.gz
"""

import sys
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

HEADERS = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "bare"}


def main() -> None:
    """Fetch and write, one after another."""
    urls = Path(sys.argv[1]).read_text().split()
    connection = HTTPConnection(urlsplit(urls[0]).netloc, timeout=60)
    with Path(sys.argv[2]).open("wb") as file:
        writer = WARCWriter(file, gzip=True, warc_version="1.1")
        for url in urls:
            keep(writer, connection, url)


def keep(writer: WARCWriter, connection: HTTPConnection, url: str) -> None:
    """One exchange into the WARC."""
    path = urlsplit(url).path
    connection.request("GET", path, headers=HEADERS)
    answer = connection.getresponse()
    line = f"{answer.status} {answer.reason}"
    head = StatusAndHeaders(line, answer.getheaders(), protocol="HTTP/1.1")
    response = writer.create_warc_record(url, "response", payload=BytesIO(answer.read()), http_headers=head)
    asked = StatusAndHeaders(f"GET {path} HTTP/1.1", list(HEADERS.items()), is_http_request=True)
    writer.write_request_response_pair(
        writer.create_warc_record(url, "request", http_headers=asked), response
    )


if __name__ == "__main__":
    main()
