"""WARC writing: ours against stock warcio, same exchanges, same run, interleaved.

    python benchmarks/warc_writing.py [--pages 300] [--rounds 5] [--folder DIR]

Made pages compress otherwise than real ones: --folder takes files of your own (HTML, gzipped or not).

Prints CPU milliseconds per exchange (context only: machines differ), the ratio (what counts), and sizes.
"""

import argparse
import gzip
import io
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from unittest.mock import patch

from warcio.statusandheaders import StatusAndHeadersParser
from warcio.warcwriter import WARCWriter

from archive.cdxj import line_of
from archive.model import Exchange
from archive.warc import warcinfo_member, write_exchange, writer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
REQUEST = b"GET /story HTTP/1.1\r\nHost: paper.example\r\nUser-Agent: newsmorgue/0\r\n\r\n"


def pages(count: int) -> list[Exchange]:
    """Exchanges with bodies of 20 to 300 KB that compress about as well as news pages do."""
    source = random.Random(7)
    words = ["".join(source.choices("etaoinshrdlucmfwyp", k=source.randint(2, 11))) for _ in range(6000)]
    made = []
    for _ in range(count):
        text = " ".join(
            f'<p class="c{source.randint(0, 9)}">{" ".join(source.choices(words, k=40))}</p>'
            for _ in range(source.randint(60, 900))
        )
        made.append(exchange(text.encode()))
    return made


def exchange(body: bytes) -> Exchange:
    """One page as it was answered."""
    head = HEAD % len(body)
    return Exchange(
        url="http://paper.example/story",
        method="GET",
        request=REQUEST,
        response=head + body,
        head_length=len(head),
        began=datetime(2026, 11, 20, tzinfo=UTC),
        seconds=0.1,
    )


def found(folder: Path, count: int) -> list[Exchange]:
    """Pages from files below a folder, those over 5 KB, as many as there are up to `count`."""
    bodies = (path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    plain = (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in bodies)
    return [exchange(body) for body in islice((b for b in plain if len(b) > 5000), count)]


def ours(exchanges: list[Exchange]) -> int:
    """Request, response and metadata records; returns bytes written."""
    number, _ = warcinfo_member(filename="x", info={})
    return sum(len(write_exchange(e, warcinfo=number, warc="k").data) for e in exchanges)


def indexed(exchanges: list[Exchange]) -> int:
    """The same records, and the index line of each response; returns bytes written."""
    number, _ = warcinfo_member(filename="x", info={})
    size = 0
    for e in exchanges:
        written = write_exchange(e, warcinfo=number, warc="warc/paper/2026/11/20/x.warc.gz")
        lengths = [len(m) for m in written.members if isinstance(m, bytes)]
        size += sum(lengths)
        capture = written.located(size, tuple(lengths))
        size += len(line_of(capture)) if capture else 0
    return size


def unlisted(exchanges: list[Exchange]) -> int:
    """The same records without anything that an index needs; returns bytes written."""
    with patch.object(writer._Group, "_capture", lambda _group, _number: None):
        return indexed(exchanges)


def alike(exchanges: list[Exchange]) -> int:
    """Bytes of our request and response records alone: what stock warcio writes."""
    number, _ = warcinfo_member(filename="x", info={})
    groups = (write_exchange(e, warcinfo=number, warc="k") for e in exchanges)
    return sum(len(m) for group in groups for m in group.members[:-1] if isinstance(m, bytes))


def stock(exchanges: list[Exchange]) -> int:
    """warcio as its documentation shows it: request and response records; returns bytes written."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version="1.1")
    for e in exchanges:
        stream = io.BytesIO(e.response)
        head = StatusAndHeadersParser(["HTTP/1.1"]).parse(stream)
        response = writer.create_warc_record(e.url, "response", payload=stream, http_headers=head)
        asked = io.BytesIO(e.request)
        line = StatusAndHeadersParser(["GET"]).parse(asked)
        request = writer.create_warc_record(e.url, "request", payload=asked, http_headers=line)
        writer.write_request_response_pair(request, response)
    return out.tell()


def cpu(work: Callable[[list[Exchange]], int], exchanges: list[Exchange]) -> tuple[float, int]:
    """CPU milliseconds per exchange, and bytes."""
    begun = time.process_time()
    size = work(exchanges)
    return (time.process_time() - begun) * 1000 / len(exchanges), size


def listing(exchanges: list[Exchange]) -> float:
    """What index lines add to the cost of writing, in per cent: exchange by exchange, with and without."""
    with_lines = without = 0.0
    for place in range(0, len(exchanges), 10):
        some = exchanges[place : place + 10]
        without += cpu(unlisted, some)[0]
        with_lines += cpu(indexed, some)[0]
    return 100 * (with_lines - without) / without


def main() -> None:
    """Run the rounds and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="pages of your own")
    chosen = parser.parse_args()
    exchanges = found(chosen.folder, chosen.pages) if chosen.folder else pages(chosen.pages)
    rounds = [(cpu(stock, exchanges), cpu(ours, exchanges)) for _ in range(chosen.rounds)]
    shares = [listing(exchanges) for _ in range(chosen.rounds)]
    ratios = [theirs / mine for (theirs, _), (mine, _) in rounds]
    (stock_ms, stock_size), (our_ms, our_size) = rounds[0]
    mean = sum(len(e.response) for e in exchanges) / len(exchanges) / 1000
    print(f"{len(exchanges)} exchanges, mean {mean:.0f} KB, {chosen.rounds} rounds in turn")
    print(f"stock warcio {stock_ms:.2f} ms, ours {our_ms:.2f} ms an exchange (first round)")
    print(
        f"ours is {statistics.median(ratios):.2f} times as fast (from {min(ratios):.2f} to {max(ratios):.2f})"
    )
    print(f"index lines add {statistics.median(shares):.1f} % (from {min(shares):.1f} to {max(shares):.1f})")
    print(f"size {alike(exchanges) / stock_size:.4f} of stock for the same two records")
    print(
        f"size {our_size / stock_size:.4f} with the metadata record of the fetch on top, which stock has not"
    )


if __name__ == "__main__":
    main()
