"""Response headers that every answer of an origin carries."""

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Guard:
    """Adds what `headers` says to each response that does not say it itself."""

    def __init__(self, app: ASGIApp, headers: Callable[[HTTPConnection], dict[str, str]]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with our headers on its response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        wanted = self.headers(HTTPConnection(scope))

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in wanted.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, guarded)
