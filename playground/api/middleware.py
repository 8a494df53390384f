"""ASGI middleware of the API: body size limit, locale and wait of a request, HEAD."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.api.openai_errors import OPENAI_PREFIX
from playground.errors import TooLarge
from playground.i18n.translate import current_locale, negotiate_locale, translate
from playground.service.model_loader import model_wait

# Not Accept-Language, which every browser sends: without this header messages are in English.
LOCALE_HEADER = "X-Language"

_WAIT = re.compile(r"\bwait=(\d{1,6})\b")
_BODY_BYTES_MAX = 2 * 2**20  # a context of 100,000 characters, each of them escaped
_UPLOAD_BYTES_MAX = 100 * 2**20  # a text to train on, or a model
_UPLOAD_PATHS = ("/api/trainings", "/api/corpora")
_API_PATHS = ("/api/", f"{OPENAI_PREFIX}/")
_OWN_PATHS = (*_API_PATHS, "/page/", "/gradio.js", "/docs")  # HEAD of all others is Gradio's matter


class LimitBodySize:
    """Responds 413 to a body beyond its route's limit, without reading it to its end."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_API_PATHS):
            return await self.app(scope, receive, send)
        left = _UPLOAD_BYTES_MAX if scope["path"].startswith(_UPLOAD_PATHS) else _BODY_BYTES_MAX

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                # Not TooLarge itself: FastAPI answers 400 to any other exception while it reads.
                raise HTTPException(TooLarge.status, translate("errors.body_too_large"))
            return message

        return await self.app(scope, limited, send)


class SetRequestContext:
    """Sets `current_locale` and `model_wait` of a request from its headers.

    X-Language: the locale. Prefer: `wait=…`, in seconds (RFC 7240), for a model to be loaded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            current_locale.set(negotiate_locale([headers.get(LOCALE_HEADER, "")]))
            wait = _WAIT.search(headers.get("Prefer", ""))
            model_wait.set(float(wait[1]) if wait else None)
        await self.app(scope, receive, send)


class AnswerHead:
    """Answers HEAD on the routes of the API and the page as GET, without the body.

    FastAPI's routes have no HEAD of their own. To be the outermost middleware: the headers are then
    those that GET would have, of a compressed response too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_own_head(scope):
            return await self.app(scope, receive, send)

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        return await self.app({**scope, "method": "GET"}, receive, without_body)


def _is_own_head(scope: Scope) -> bool:
    """Whether this is a HEAD request to a path that Gradio does not serve."""
    if scope["type"] != "http" or scope["method"] != "HEAD":
        return False
    path: str = scope["path"]
    return path.startswith(_OWN_PATHS)
