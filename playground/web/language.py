"""In which language a visitor is answered."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import messages

# Not Accept-Language: every browser sends that, and the API's sentences are a contract in English.
HEADER = "X-Language"


class SpeakLanguage:
    """ASGI middleware: whoever asks with the header X-Language is answered in that language."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            messages.speaking.set(messages.best([Headers(scope=scope).get(HEADER, "")]))
        await self.app(scope, receive, send)


def message_routes() -> APIRouter:
    """The messages of the page, in the language that fits a browser best."""
    router = APIRouter(include_in_schema=False)

    @router.get("/page/messages.json")
    async def page_messages(languages: str = "") -> JSONResponse:
        language = messages.best(languages.split(","))
        # Of a language that lacks a message, that one is said in English.
        said = {**messages.catalogue(messages.DEFAULT), **messages.catalogue(language)}
        body = {"language": language, "messages": said}
        return JSONResponse(body, headers={"Cache-Control": "no-cache"})

    return router
