"""CORS, the documentation, and OpenAPI."""

import re

import httpx
import pytest

from playground import __version__
from playground.page.bundle import frontend_bundle
from tests.api.scenarios import HELLO, NEXT, error


@pytest.fixture
def whole(server):
    """A client of the API with Gradio's page mounted at "/", as it is served."""
    with httpx.Client(base_url=server) as client:
        yield client


@pytest.mark.parametrize("fixture", ["client", "whole"])
def test_what_no_route_answers_is_an_error_of_the_api(fixture, request):
    client = request.getfixturevalue(fixture)
    for path in ("nothing", "nothing/at/all", "", "health/", "v1/models"):
        for method in ("GET", "POST", "DELETE", "PROPFIND"):
            assert error(client.request(method, f"/api/{path}"), 404) == "Not Found"
    for method, path, allowed in (
        ("GET", "generate", "POST"),
        ("PUT", "sessions", "GET, HEAD, POST"),
        ("POST", "sessions/owner/name", "GET, HEAD"),
        ("OPTIONS", "health", "GET, HEAD"),
        ("PATCH", "loads/1", "GET, HEAD, DELETE"),
        ("HEAD", "generate", "POST"),
        ("GET", "trainings/1/pause", "POST"),
    ):
        response = client.request(method, f"/api/{path}")
        assert response.headers["allow"] == allowed
        if method != "HEAD":
            assert error(response, 405) == "Method Not Allowed"
    for method in ("GET", "POST", "PROPFIND"):
        sentence = error(client.request(method, "/v1/chat/completions"), 404)
        assert "there are /v1/models and /v1/completions" in sentence
    assert error(client.delete("/v1/models/plain"), 405) == "Method Not Allowed"
    for path in ("/api", "/API/generate"):
        assert error_sentence(client.post(path)) == "Not Found"
    for path in ("/v1", "/V1/models"):
        assert error_sentence(client.post(path)).startswith("There is no such route")
    german = client.get("/api/nothing", headers={"X-Language": "de"})
    assert error(german, 404) == "Nicht gefunden"


def error_sentence(response):
    """In either shape, at a path that is not below a prefix."""
    assert response.status_code == 404
    found = response.json()["error"]
    return found["message"] if isinstance(found, dict) else found


def test_what_is_no_file_of_the_page_is_an_error_of_the_api(whole):
    for path in ("/page", "/page/", "/page/nothing.json", "/page/config.json/x", "/PAGE/a/b"):
        assert error(whole.get(path), 404) == "Not Found"
    response = whole.post("/page/config.json")
    assert error(response, 405) == "Method Not Allowed"
    assert response.headers["allow"] == "GET, HEAD"


def test_what_gradio_answers_stays_gradios(whole):
    assert whole.get("/nothing").json() == {"detail": "Not Found"}
    assert whole.head("/config").status_code == 405
    assert "window.gradio_config" in whole.get("/").text


def test_the_document_of_the_api_has_the_packages_version(whole):
    assert whole.get("/openapi.json").json()["info"]["version"] == __version__


def test_head_is_get_without_the_body(whole):
    paths = [path for path in whole.get("/openapi.json").json()["paths"] if "{" not in path]
    readable = [p for p in paths if whole.get(p).status_code == 200]
    assert {"/api/health", "/api/sessions", "/api/corpora"} <= set(readable)
    page = ("config.json", "messages.json", "lessons.json", "component.css")
    for path in (
        *readable,
        "/api/sessions/plain",
        "/api/sessions/none",
        "/api/qr?text=a",
        "/api/qr",
        "/docs",
        "/openapi.json",
        "/gradio.js",
        *(f"/page/{name}" for name in (*page, frontend_bundle().name)),
    ):
        get, head = whole.get(path), whole.head(path)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert headers_of(head) == headers_of(get), path
        assert get.content


def headers_of(response):
    """Its headers but for the time of day."""
    return {name: value for name, value in response.headers.items() if name != "date"}


def test_any_page_may_ask(client):
    origin = {"origin": "https://course.test"}
    preflight = client.options(
        NEXT,
        headers=origin
        | {
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    for response in (
        client.post(NEXT, json=HELLO, headers=origin),
        client.post(NEXT, json={}, headers=origin),
    ):
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers
        assert "set-cookie" not in response.headers


def test_the_documentation_needs_no_other_host(client):
    page = client.get("/docs")
    assert page.status_code == 200
    assert "//" not in re.sub(r"(?m)^\s*//.*$|<!--.*?-->", "", page.text)
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert assets
    for asset in assets:
        assert client.get(asset).status_code == 200


def test_openapi_lists_the_shapes_that_occur_and_no_others(client):
    schema = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    assert set(schema["paths"][NEXT]["post"]["responses"]) >= {"200", "400", "404", "422", "500"}
    for path, operations in schema["paths"].items():
        body = "OpenAIErrorBody" if path.startswith("/v1/") else "ErrorBody"
        for operation in operations.values():
            assert operation["description"]
            assert "default" in operation["responses"]
            for status, response in operation["responses"].items():
                if not status.startswith("2"):
                    (content,) = response["content"].values()
                    assert content["schema"] == {"$ref": f"#/components/schemas/{body}"}
