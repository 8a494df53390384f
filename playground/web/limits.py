"""How much a caller may send."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..messages import say

_BYTES = 2 * 2**20  # a context of 100,000 characters, each of them escaped
_TEXT_BYTES = 100 * 2**20  # a text to learn from, or a model
_WITH_TEXTS = ("/api/trainings", "/api/corpora")


class LimitBody:
    """ASGI middleware: a body that is larger than any route takes is not read to its end (413)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            return await self.app(scope, receive, send)
        left = _TEXT_BYTES if scope["path"].startswith(_WITH_TEXTS) else _BYTES

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, say("errors.body_too_large"))
            return message

        return await self.app(scope, limited, send)
