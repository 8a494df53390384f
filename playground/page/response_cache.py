"""Responses of a first visit, kept in memory with their compressed forms.

A file is read once and compressed once, by a thread; each later request costs a look-up. The inner
application is told the parts of a request that the key holds and no others, so no entry depends on
who asked first.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import brotli  # type: ignore[import-untyped]
from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.concurrency import SingleFlight

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"

_HASHED = "/assets/"  # Gradio's script and styles: every name holds a hash of the content
_THEME = "/theme.css"  # its address has a hash as query
OWN_FILES = ("/gradio.js", "/page/config.json", "/page/component.css")
_FAVICON = "/favicon.ico"
_FOLDERS = (_HASHED, "/static/", "/page/playground-")
_MESSAGES = "/page/messages.json"
_QUERY_MAX = 200  # characters: languages of a browser
_ADDRESS = (b"host", b"x-forwarded-host", b"x-forwarded-proto")  # Gradio's document holds its own
# The API's CORSMiddleware allows all origins alike; said to all, since a browser keeps one response
# for its own page and for others.
_ANY_ORIGIN = ((b"origin", b"null"),)
_ANY_HOST = ((b"host", b"localhost"),)  # Gradio's own CORS reads it; only documents depend on it
_DOCUMENT_QUERY = (b"deep_link", b"all_endpoints")  # all that Gradio reads of it
_COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg")
_COMPRESSED_BYTES_MIN = 400  # below it, a packet more or less is not at stake
_BROTLI_QUALITY = 5  # 9 saves a hundredth more, and takes ten times as long
_GZIP_LEVEL = 6
_ENTRY_BYTES = 1024  # of headers and key


class Key(NamedTuple):
    """The parts of a request that reach the inner application."""

    path: str
    query: bytes = b""
    scheme: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = _ANY_ORIGIN + _ANY_HOST


class CacheResponses:
    """ASGI middleware: an LRU cache of responses to GET, compressed when first asked for.

    Gradio 6.31 reads and compresses a file anew for each request, builds its document anew, and
    sends no Cache-Control. Responses with another status than 200 are passed on and not kept.

    max_bytes: bound of the cached bodies, compressed ones included.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = 32 * 2**20) -> None:
        self.app = app
        self._entries: LRUCache[Key, _Entry] = LRUCache(max_bytes, getsizeof=lambda e: e.size)
        self._flights: SingleFlight[_Entry] = SingleFlight()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        entry = self._entries.get(key)
        if entry is None:
            entry = await self._flights.run(key, lambda _: self._fetch(key, scope))
        await entry.send(scope, send)

    async def _fetch(self, key: Key, scope: Scope) -> _Entry:
        start: Message = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        inner = {**scope, "headers": list(key.headers), "query_string": key.query}
        await self.app(inner, _empty_body(), collect)
        headers = MutableHeaders(raw=list(start["headers"]))
        if start["status"] == 200 and (key.path.startswith(_HASHED) or key.path == _THEME):
            headers["Cache-Control"] = IMMUTABLE
        elif start["status"] == 200 and key.path == "/":
            headers["Cache-Control"] = REVALIDATE
        entry = await asyncio.to_thread(_encode, start["status"], headers, bytes(body))
        if entry.status == 200 and entry.size < self._entries.maxsize // 4:
            self._entries[key] = entry
        return entry


@dataclass(frozen=True, slots=True)
class _Entry:
    """A response in each encoding, with its headers; `tags`: its ETags by encoding."""

    status: int
    bodies: dict[str, bytes]
    headers: dict[str, list[tuple[bytes, bytes]]]
    tags: dict[str, str]

    @property
    def size(self) -> int:
        return sum(len(body) + _ENTRY_BYTES for body in self.bodies.values())

    async def send(self, scope: Scope, send: Send) -> None:
        """Respond in the best encoding that the request accepts, 304 where its ETag is known."""
        headers = Headers(scope=scope)
        accepted = headers.get("accept-encoding", "")
        encoding = next(e for e in ("br", "gzip", "") if e in self.bodies and e in accepted)
        known = headers.get("if-none-match") if self.status == 200 else None
        status, body = self.status, self.bodies[encoding]
        sent = self.headers[encoding]
        if known is not None and any(tag in known for tag in self.tags.values()):
            status, body = 304, b""
            sent = [
                header for header in sent if header[0] not in (b"content-length", b"content-type")
            ]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": body})


def _encode(status: int, headers: MutableHeaders, body: bytes) -> _Entry:
    """Compress a body in every encoding that makes it smaller."""
    bodies = {"": body}
    kind = headers.get("content-type", "")
    if status == 200 and len(body) >= _COMPRESSED_BYTES_MIN and kind.startswith(_COMPRESSIBLE):
        bodies["gzip"] = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        bodies["br"] = brotli.compress(body, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY)
    digest = hashlib.sha256(body).hexdigest()[:32]
    tags = {encoding: f'"{digest}{encoding and "-" + encoding}"' for encoding in bodies}
    sent = {}
    for encoding, encoded in bodies.items():
        own = MutableHeaders(raw=list(headers.raw))
        own["Content-Length"] = str(len(encoded))
        if status == 200:
            own["ETag"] = tags[encoding]
            own.add_vary_header("Accept-Encoding")
        if encoding:
            own["Content-Encoding"] = encoding
        sent[encoding] = own.raw
    return _Entry(status, bodies, sent, tags)


def _empty_body() -> Receive:
    """The `receive` of a request without a body, whose client stays connected."""
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await asyncio.Future[Message]()

    return receive


def _key(scope: Scope) -> Key | None:
    """The key of a request; None for one that is not answered from the cache."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    path: str = scope["path"] or "/"
    query: bytes = scope["query_string"]
    if "range" in Headers(scope=scope):
        return None
    if path == "/":
        if any(name in query for name in _DOCUMENT_QUERY):
            return None
        address = tuple(header for header in scope["headers"] if header[0] in _ADDRESS)
        return Key(path, b"", scope["scheme"], _ANY_ORIGIN + address)
    if path == _MESSAGES:
        return Key(path, query) if len(query) <= _QUERY_MAX else None
    if path in (*OWN_FILES, _FAVICON, _THEME) or path.startswith(_FOLDERS):
        return Key(path)
    return None
