"""Work-arounds for Gradio, all of them; each names the version in which the need was seen.

tests/page/test_gradio_patches.py fails for each that Gradio no longer needs. The browser's share of
them is frontend/shared/gradioPatches.js.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.utils import LRUCache
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.page.response_cache import CacheResponses

# Gradio 6.31 serves the loader of `<gradio-app>` from a CDN; its own copy lies in the package.
GRADIO_LOADER = Path(gr.__file__).parent / "templates" / "frontend" / "gradio.js"

QUEUE_POLL_SECONDS = 0.02  # a call through Gradio's own API waits for half of it on average
SESSIONS_MAX = 32  # callers whose copy of the page is kept
UNREAD_MAX = 200  # callers whose answers are kept until they read them

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
    keep_few_sessions(demo)
    keep_few_unread_answers(demo)
    poll_queue_less_often(demo)
    app.add_middleware(InsertHead, tags=head)
    app.add_middleware(CacheResponses)


def return_mcp_results_as_json(demo: gr.Blocks) -> None:
    """Encode the results of MCP tools as JSON; Gradio 6.31 returns the `repr` of a dict."""
    server = demo.mcp_server_obj
    assert server is not None, "mounted with mcp_server=True"
    original = server.postprocess_output_data

    def postprocess(data: list[Any], root_url: str) -> list[Any]:
        return original([json.dumps(value, ensure_ascii=False) for value in data], root_url)

    server.postprocess_output_data = postprocess  # type: ignore[method-assign]  # the patch itself


def keep_few_sessions(demo: gr.Blocks) -> None:
    """Bound the copies of the page's configuration that Gradio keeps, one for each caller.

    Gradio 6.31 keeps 10,000 of them, about 100 kB each, after their callers have gone. None of the
    page's components has a state: one that is dropped is made again.
    """
    demo.state_holder.capacity = SESSIONS_MAX


def keep_few_unread_answers(demo: gr.Blocks) -> None:
    """Bound the unread answers of callers that joined the queue and disconnected.

    Gradio 6.31 keeps those of 2,000 callers, some 50 kB each, and the ids of their events for ever.
    """
    queue = demo._queue
    queue.pending_messages_per_session = _UnreadAnswers(queue.pending_event_ids_session)


class _UnreadAnswers(LRUCache[str, Any]):
    """The queues of answers by caller; with the oldest one go the ids of its events."""

    def __init__(self, event_ids: dict[str, set[str]]) -> None:
        super().__init__(UNREAD_MAX)
        self._event_ids = event_ids

    def popitem(self, last: bool = True) -> tuple[str, Any]:
        caller, answers = super().popitem(last)
        self._event_ids.pop(caller, None)
        return caller, answers


def poll_queue_less_often(demo: gr.Blocks) -> None:
    """Look for queued events every QUEUE_POLL_SECONDS.

    Gradio 6.31 does so every millisecond, which takes 5 % of a core while nobody is there.
    """
    demo._queue.sleep_when_free = QUEUE_POLL_SECONDS


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
