"""Responses are compressed as any gzip is, whole and in parts, and only for who accepts it."""

import gzip
import zlib

import pytest
from isal import isal_zlib
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from playground.api import compression
from playground.api.compression import CompressResponses

TEXT = "".join(f"line {n} of the text\n" for n in range(20_000)).encode()


async def whole(request):
    return Response(TEXT[: int(request.query_params["n"])], media_type="text/plain")


async def in_parts(_):
    async def parts():
        for at in range(0, len(TEXT), 50_000):
            yield TEXT[at : at + 50_000]

    return StreamingResponse(parts(), media_type="text/plain")


@pytest.fixture(scope="module")
def site():
    app = Starlette(routes=[Route("/whole", whole), Route("/parts", in_parts)])
    app.add_middleware(CompressResponses)
    with TestClient(app) as client:
        yield client


def raw(site, path, encoding):
    with site.stream("GET", path, headers={"Accept-Encoding": encoding}) as response:
        return response.headers, b"".join(response.iter_raw())


@pytest.mark.parametrize("n", [1024, 12_000, 130_000, len(TEXT)])  # the last ones in a thread
def test_a_body_is_gzip_by_isal(site, n, monkeypatch):
    made = []

    def count(*arguments):
        made.append(arguments)
        return isal_zlib.compressobj(*arguments)

    counting = type("isal", (), {"compressobj": count, "DEFLATED": isal_zlib.DEFLATED})
    monkeypatch.setattr(compression, "isal_zlib", counting)
    headers, body = raw(site, f"/whole?n={n}", "gzip, deflate, br")
    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "Accept-Encoding"
    assert int(headers["content-length"]) == len(body) < n
    assert gzip.decompress(body) == TEXT[:n]
    assert len(made) == 1  # Starlette took ours


def test_a_stream_is_compressed_part_by_part(site):
    headers, body = raw(site, "/parts", "gzip")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == TEXT
    assert zlib.decompressobj(31).decompress(body[:2000])  # before its end has come


@pytest.mark.parametrize(("path", "encoding"), [("/whole?n=1023", "gzip"), ("/whole?n=5000", "br")])
def test_the_rest_stays_as_it_is(site, path, encoding):
    headers, body = raw(site, path, encoding)
    assert "content-encoding" not in headers
    assert TEXT.startswith(body)
