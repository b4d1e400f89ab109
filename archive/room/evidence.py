"""What all else was made from: the WARC record of a capture, as a page and as a file; and pictures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from archive.cdxj import stamp_of
from archive.errors import NotCaptured, RightsReserved
from archive.model import Capture
from archive.parcel import group_of
from archive.permission import Permission, withheld
from archive.playback import play
from archive.room import choice
from archive.room.shelf import Shelf
from archive.warc import read_record

RASTER = frozenset(f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "avif"))
SHOWN = 4096  # bytes of a block that is no HTTP message
TEXT = ("text/", "application/warc-fields", "application/json", "application/pem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One record on the page: its WARC headers, and its HTTP head or its words; `size` is the block's."""

    kind: str
    headers: dict[str, str]
    head: str
    size: int


class Evidence:
    """The endpoint; `page` renders a template of the room."""

    def __init__(self, shelf: Shelf, permission: Permission, page: Callable[..., Response]) -> None:
        self.shelf = shelf
        self.permission = permission
        self.page = page

    def routes(self) -> list[Route]:
        """What the room serves of this."""
        return [Route("/record", self.record), Route("/picture", self.picture)]

    def record(self, request: Request) -> Response:
        """The records of one exchange; with `as=warc` as they lie in the archive."""
        capture = self.capture(request)
        file = request.query_params.get("as", "") == "warc"
        if said := (self.permission.gives if file else self.permission.replay)(capture):
            raise RightsReserved(withheld(capture.url, said))
        before, own, behind = group_of(self.shelf.store, capture.location)
        members = (*before, own, *behind)
        if file:
            name = f"{capture.surt.partition(')')[0].replace(',', '-')}-{stamp_of(capture.at)}.warc.gz"
            headers = {"content-disposition": f'attachment; filename="{_plain(name)}"'}
            return Response(b"".join(members), media_type="application/warc", headers=headers)
        return self.page(request, "record.html", capture=capture, records=list(shown_of(members)))

    def picture(self, request: Request) -> Response:
        """An archived picture, for a page of the room to show: of kinds alone that can hold no script."""
        capture = self.capture(request)
        if said := self.permission.replay(capture):
            raise RightsReserved(withheld(capture.url, said))
        if kind_of(capture) not in RASTER:
            raise NotCaptured(f"{capture.url} is no picture that is shown here")
        data = play(self.shelf.store, self.shelf.index, capture).decoded()
        headers = {"content-security-policy": "default-src 'none'; sandbox", "cache-control": "max-age=86400"}
        return Response(data, media_type=kind_of(capture), headers=headers)

    def capture(self, request: Request) -> Capture:
        """The capture that is asked for; raise NotCaptured, CallerError."""
        url, at = (request.query_params.get(name, "").strip() for name in ("url", "at"))
        captures = self.shelf.index.captures(url) if url else []
        if not captures:
            raise NotCaptured(f"nothing was captured of {url}" if url else "no URL was given")
        return choice.choose(captures, url, choice.asked(at))


def kind_of(capture: Capture) -> str:
    """The media type that the answer gave, in lower case."""
    return capture.mime.partition(";")[0].strip().lower()


def shown_of(members: Iterable[bytes]) -> Iterable[Shown]:
    """Records as the page shows them, from their gzip members."""
    for record in map(read_record, members):
        head = b""
        if record.is_http:
            head = record.block.partition(b"\r\n\r\n")[0]
        elif record.headers.get("content-type", "").lower().startswith(TEXT):
            head = record.block[:SHOWN]
        yield Shown(
            kind=record.kind, headers=record.headers, head=head.decode("utf-8", "replace").strip(),
            size=len(record.block),
        )  # fmt: skip


def _plain(name: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "-.") else "-" for char in name)
