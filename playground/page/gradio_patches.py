"""Work-arounds for Gradio, all of them; each names the version in which the need was seen.

tests/page/test_gradio_patches.py fails for each that Gradio no longer needs. The browser's share of
them is frontend/shared/gradioPatches.js.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from cachetools import LRUCache
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Gradio 6.31 serves the loader of `<gradio-app>` from a CDN; its own copy lies in the package.
GRADIO_LOADER = Path(gr.__file__).parent / "templates" / "frontend" / "gradio.js"

_ASSETS = "/assets/"  # Gradio's script and styles: every name holds a hash of the content
_IMMUTABLE = "public, max-age=31536000, immutable"
_END_OF_HEAD = b"</head>"
_PREVIEW = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>')


def configure_environment() -> None:
    """Turn off Gradio's telemetry, and its statistics after every event. Before `gr.Blocks()`.

    Gradio 6.31 reads both variables itself; the default frequency of 1 runs pandas over up to
    10,000 events after each one.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")


def apply_patches(app: FastAPI, demo: gr.Blocks, *, head: str) -> None:
    """Install every patch on an app that `demo` is mounted in.

    head: tags for the document's head, as HTML.
    """
    return_mcp_results_as_json(demo)
    app.add_middleware(CacheAssets)
    app.add_middleware(InsertHead, tags=head)


def return_mcp_results_as_json(demo: gr.Blocks) -> None:
    """Encode the results of MCP tools as JSON; Gradio 6.31 returns the `repr` of a dict."""
    server = demo.mcp_server_obj
    assert server is not None, "mounted with mcp_server=True"
    original = server.postprocess_output_data

    def postprocess(data: list[Any], root_url: str) -> list[Any]:
        return original([json.dumps(value, ensure_ascii=False) for value in data], root_url)

    server.postprocess_output_data = postprocess  # type: ignore[method-assign]  # the patch itself


@dataclass(slots=True)
class _Response:
    start: Message = field(default_factory=dict)
    body: bytes = b""


class CacheAssets:
    """ASGI middleware: an LRU cache of the compressed responses for content-hashed files.

    Gradio 6.31 compresses a file anew for each request and sends no Cache-Control: 30 simultaneous
    first visits hold the event loop for 4 seconds; cached, a quarter of that.

    max_bytes: bound of the cached bodies.
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
            response = await self._fetch(scope, receive)
            if (
                response.start["status"] == 200
                and len(response.body) < self._responses.maxsize // 4
            ):
                self._responses[key] = response
        await send(response.start)
        return await send({"type": "http.response.body", "body": response.body})

    async def _fetch(self, scope: Scope, receive: Receive) -> _Response:
        response = _Response()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 200:
                    MutableHeaders(scope=message)["Cache-Control"] = _IMMUTABLE
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
    return scope["path"].startswith(_ASSETS) and not conditional


class InsertHead:
    """ASGI middleware: inserts tags into the head of the served document.

    Gradio 6.31 sends its own `head=` as a part of its configuration, and a script inserts it: too
    late for what must run before Gradio's scripts. The link preview that it sends says "Gradio" and
    "Click to try out the app!", twice: left out, as the tags have one of ours.
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
        scope = {**scope, "headers": _without_encoding(scope["headers"])}

        async def collect(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body"):
                    await respond()

        async def respond() -> None:
            own = _PREVIEW.sub(b"", body)
            inserted = own.replace(_END_OF_HEAD, self.tags + _END_OF_HEAD, 1)
            MutableHeaders(scope=start)["Content-Length"] = str(len(inserted))
            await send(start)
            await send({"type": "http.response.body", "body": inserted})

        await self.app(scope, receive, collect)


def _without_encoding(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Request headers without Accept-Encoding, so that the response is not compressed."""
    return [(name, value) for name, value in headers if name != b"accept-encoding"]
