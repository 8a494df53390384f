"""What of a visit is answered from memory, in which encoding, and what is not."""

import asyncio
import gzip
import json

import brotli
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from playground.page import response_cache
from playground.page.response_cache import CacheResponses

HASHED = "/assets/a-1.js"
KEPT = (HASHED, "/static/a.js", "/page/playground-1.js", "/page/config.json", "/theme.css", "/")


class Site:
    """Counts what reaches the application behind the middleware."""

    def __init__(self, max_bytes=2**20):
        self.asked = []
        self.app = CacheResponses(Starlette(routes=[Route("/{path:path}", self.answer)]), max_bytes)

    async def answer(self, request):
        target = f"{request.url.path}?{request.url.query}".rstrip("?")
        self.asked.append((target, dict(request.headers)))
        body = json.dumps([target] * 50)
        if "small" in request.url.path:
            body = "small"
        kind = "image/png" if "png" in request.url.path else "text/javascript"
        return PlainTextResponse(
            body, 404 if "missing" in request.url.path else 200, media_type=kind
        )

    def gather(self, *requests):
        async def ask():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await asyncio.gather(
                    *(client.get(path, headers={"accept-encoding": ""} | more)
                      for path, more in requests)
                )  # fmt: skip

        return asyncio.run(ask())

    def get(self, path, **headers):
        return self.gather((path, {k.replace("_", "-"): v for k, v in headers.items()}))[0]


@pytest.mark.parametrize("path", KEPT)
def test_what_every_visit_asks_for_is_asked_for_once(path):
    site = Site()
    first, second = site.get(path), site.get(path)
    assert first.text == second.text
    assert len(site.asked) == 1


def test_many_who_ask_at_once_are_one():
    site = Site()
    answers = site.gather(*[(HASHED, {})] * 30)
    assert len({answer.text for answer in answers}) == len(site.asked) == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (HASHED, "public, max-age=31536000, immutable"),
        ("/theme.css?v=1", "public, max-age=31536000, immutable"),
        ("/", "no-cache"),
        ("/page/config.json", None),  # its route says so
        ("/assets/missing.js", None),
    ],
)
def test_how_long_a_browser_may_keep_it(path, expected):
    assert Site().get(path).headers.get("cache-control") == expected


def test_each_encoding_is_made_once(monkeypatch):
    made = []

    def counting(name, compress):
        return lambda *args, **more: made.append(name) or compress(*args, **more)

    monkeypatch.setattr(gzip, "compress", counting("gzip", gzip.compress))
    monkeypatch.setattr(brotli, "compress", counting("br", brotli.compress))
    site = Site()
    for accepted, expected in (("gzip, deflate, br", "br"), ("gzip", "gzip"), ("identity", None)):
        for _ in range(3):
            answer = site.get(HASHED, accept_encoding=accepted)
            assert answer.headers.get("content-encoding") == expected
            assert answer.json() == [HASHED] * 50
            assert answer.headers["vary"] == "Accept-Encoding"
            assert int(answer.headers["content-length"]) == answer.num_bytes_downloaded
    assert sorted(made) == ["br", "gzip"]
    assert len(site.asked) == 1


@pytest.mark.parametrize("path", ["/static/small.js", "/static/a.png", "/assets/missing.js"])
def test_what_compression_does_not_help_is_sent_as_it_is(path):
    assert "content-encoding" not in Site().get(path, accept_encoding="br, gzip").headers


@pytest.mark.parametrize(
    "path",
    [
        "/page/main.js",
        "/page/lessons.json",
        "/api/sessions",
        "/assets/missing.js",
        "/?deep_link=a",
        "/page/messages.json?languages=" + "a" * 200,
    ],
)
def test_anything_else_is_asked_for_each_time(path):
    site = Site()
    for _ in range(2):
        assert "cache-control" not in site.get(path).headers
    assert len(site.asked) == 2


def test_a_part_of_a_file_and_other_methods_go_through():
    site = Site()
    site.get(HASHED)
    site.get(HASHED, range="bytes=0-1")
    assert len(site.asked) == 2


@pytest.mark.parametrize("encoding", ["br", "gzip", ""])
def test_what_a_browser_has_is_not_sent_again(encoding):
    site = Site()
    tag = site.get("/", accept_encoding=encoding).headers["etag"]
    again = site.get("/", accept_encoding=encoding, if_none_match=f'"other", W/{tag}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"
    assert site.get("/", if_none_match='"other"').status_code == 200


def test_an_answer_depends_on_nothing_that_is_not_in_its_key():
    site = Site()
    told = {"cookie": "a=1", "origin": "https://course.example", "x-language": "de"}
    site.gather((HASHED + "?a=1", told))
    assert site.asked == [(HASHED, {"origin": "null", "host": "localhost"})]


def test_the_document_is_kept_for_each_address_that_it_is_reached_at():
    site = Site()
    forwarded = {"x-forwarded-host": "space.example", "x-forwarded-proto": "https"}
    for headers in ({"host": "a"}, {"host": "b"}, {"host": "a"}, {"host": "a"} | forwarded):
        site.gather(("/?lang=de", headers), ("/", headers))
    assert len(site.asked) == 3
    assert site.asked[-1][1] == {"host": "a", "origin": "null"} | forwarded


def test_messages_are_kept_for_each_choice_of_languages():
    site = Site()
    for languages in ("de", "en", "de"):
        answer = site.get(f"/page/messages.json?languages={languages}")
        assert answer.json()[0].endswith(f"languages={languages}")
    assert len(site.asked) == 2


def test_what_is_kept_is_bounded():
    site = Site(max_bytes=2**15)
    for i in range(20):
        site.get(f"/assets/{i}.js")
    assert len(site.asked) == 20
    site.get("/assets/19.js")
    site.get("/assets/0.js")
    assert len(site.asked) == 21


def test_a_failure_reaches_everyone_who_asked_and_is_not_kept():
    calls = []

    async def broken(scope, receive, send):
        calls.append(scope["path"])
        raise OSError("no such file")

    site = Site()
    site.app = CacheResponses(broken)
    for _ in range(2):
        with pytest.raises(OSError, match="no such file"):
            site.get(HASHED)
    assert len(calls) == 2


def test_the_names_that_are_kept_are_those_that_are_served(client):
    for path in response_cache.OWN_FILES:
        assert client.get(path).status_code == 200, path
