"""What of the page's files is remembered, and what is not."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from playground.page.gradio_patches import CacheAssets


class Site:
    """Counts what reaches the application behind the middleware."""

    def __init__(self, max_bytes=2**20):
        self.asked = []
        app = Starlette(routes=[Route("/{path:path}", self.answer)])
        self._app = CacheAssets(app, max_bytes)

    async def answer(self, request):
        self.asked.append((request.url.path, request.headers.get("accept-encoding")))
        status = 404 if "missing" in request.url.path else 200
        return PlainTextResponse(request.url.path * 10, status)

    def get(self, path, **headers):
        async def ask():
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.get(path, headers={"accept-encoding": "br"} | headers)

        return asyncio.run(ask())


def test_a_hashed_file_is_asked_for_once_and_kept_for_good():
    site = Site()
    first, second = site.get("/assets/a-1.js"), site.get("/assets/a-1.js")
    assert first.text == second.text == "/assets/a-1.js" * 10
    assert "immutable" in second.headers["cache-control"]
    assert len(site.asked) == 1


def test_each_encoding_is_remembered_by_itself():
    site = Site()
    site.get("/assets/a-1.js")
    site.get("/assets/a-1.js", **{"accept-encoding": "gzip"})
    assert [encoding for _, encoding in site.asked] == ["br", "gzip"]


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/api/sessions", "/assets/missing.js"])
def test_anything_else_is_asked_for_each_time_and_not_kept(path):
    site = Site()
    for _ in range(2):
        assert "cache-control" not in site.get(path).headers
    assert len(site.asked) == 2


@pytest.mark.parametrize("header", ["range", "if-none-match", "origin"])
def test_a_conditional_request_goes_through(header):
    site = Site()
    site.get("/assets/a-1.js")
    site.get("/assets/a-1.js", **{header: "x"})
    assert len(site.asked) == 2


def test_what_is_remembered_is_bounded():
    site = Site(max_bytes=4 * 2048)
    for i in range(20):
        site.get(f"/assets/{i}.js")
    site.get("/assets/0.js")
    assert len(site.asked) == 21
