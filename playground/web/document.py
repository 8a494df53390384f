"""What stands in the page's HTML before any script runs."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_END_OF_HEAD = b"</head>"


def _plainly(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of a request that asks for an answer without compression."""
    return [(name, value) for name, value in headers if name != b"accept-encoding"]


class InsertHead:
    """ASGI middleware that writes tags into the head of the page's document.

    Gradio's own `head=` arrives as a part of its configuration, and is inserted by a script: too
    late for what must be known before its scripts run, or seen before they have arrived.
    """

    def __init__(self, app: ASGIApp, tags: str) -> None:
        self.app = app
        self.tags = tags.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in ("", "/"):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = b""
        scope = {**scope, "headers": _plainly(scope["headers"])}

        async def collect(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body"):
                    await answer()

        async def answer() -> None:
            inserted = body.replace(_END_OF_HEAD, self.tags + _END_OF_HEAD, 1)
            MutableHeaders(scope=start)["Content-Length"] = str(len(inserted))
            await send(start)
            await send({"type": "http.response.body", "body": inserted})

        await self.app(scope, receive, collect)
