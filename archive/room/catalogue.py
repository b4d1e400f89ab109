"""The CDX server: `/cdx` answers questions to the index, as a stream."""

from collections.abc import Iterator
from itertools import chain

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from archive import cdx
from archive.errors import MorgueError
from archive.index import Index
from archive.room import faults

PIECE = 1 << 16


def catalogue(index: Index, request: Request) -> Response:
    """The answer to a request's parameters; what cannot be is one line of text."""
    try:
        query = cdx.read_query(request.query_params.multi_items())
        pieces = _pieces(cdx.answer(index, query))
        # The first piece is made before the status is said: what goes wrong at once is no answer.
        first = next(pieces, b"")
    except MorgueError as error:
        return PlainTextResponse(f"{error}\n", faults.status_of(error))
    kind = "application/json" if query.count_pages else cdx.OUTPUTS[query.output]
    headers = {"content-type": f"{kind}; charset=utf-8", "cache-control": "no-cache"}
    if request.method == "HEAD":
        answer = Response(headers=headers)
        del answer.headers["content-length"]  # how long the answer is, nobody knows before it is made
        return answer
    return StreamingResponse(chain([first], pieces), headers=headers)


def _pieces(lines: Iterator[str]) -> Iterator[bytes]:
    """Lines as pieces of some size: the first soon, those behind it larger."""
    waiting, size, wanted = [], 0, 1 << 10
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= wanted:
            yield "".join(f"{each}\n" for each in waiting).encode("utf-8", "replace")
            waiting, size, wanted = [], 0, PIECE
    if waiting:
        yield "".join(f"{each}\n" for each in waiting).encode("utf-8", "replace")
