"""CORS, the documentation, and OpenAPI."""

import re

from tests.api.scenarios import HELLO, NEXT


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
    for operations in schema["paths"].values():
        for operation in operations.values():
            assert operation["description"]
            assert "default" in operation["responses"]
            for status, response in operation["responses"].items():
                if not status.startswith("2"):
                    (content,) = response["content"].values()
                    assert content["schema"] == {"$ref": "#/components/schemas/ErrorBody"}
