"""Responses to errors: headers of the class and of the field, beside an unchanged body."""

import json

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from playground.errors import BadCheckpoint, InvalidInput, UnknownCharacters
from tests.api.scenarios import HELLO, NEXT, error

VISITOR = "0123456789abcdef"


@pytest.fixture
def raising(client):
    """`raising(error)`: the response of a route that raises it."""
    api: FastAPI = client.app

    def response(error):
        async def route():
            raise error

        api.add_api_route(f"/raise/{id(error)}", route)
        return TestClient(api).get(f"/raise/{id(error)}", headers={"origin": "https://course.test"})

    return response


def test_an_errors_field_is_in_a_header_and_the_body_stays(raising):
    response = raising(UnknownCharacters(["ä"]).at("model.n_layer"))
    assert response.json() == {"error": "Unknown characters: ['ä']"}
    assert response.headers["X-Error"] == "UnknownCharacters"
    assert response.headers["X-Error-Field"] == "model.n_layer"
    assert "X-Error-Field" in response.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("errors.qr_too_long"),
        InvalidInput("errors.qr_too_long").at("a\r\nSet-Cookie: b"),
        InvalidInput("errors.qr_too_long").at("a" * 101),
        BadCheckpoint("checkpoint.folder_leads_out"),
    ],
)
def test_an_error_without_a_fields_name_has_no_such_header(raising, error):
    assert "X-Error-Field" not in raising(error).headers


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("generate", HELLO | {"n": 0}, "n"),
        ("generate", HELLO, "n"),
        ("generate-next-token", HELLO | {"temprature": 1}, "temprature"),
        ("generate-next-token", HELLO | {"😀\n": 1}, None),
        ("generate-next-token", [], None),
        ("trainings", {"visitor": VISITOR, "steps": "many"}, "steps"),
        ("trainings", {"visitor": VISITOR, "model": {"n_layer": 1.5}}, "model.n_layer"),
        ("trainings", {"visitor": "short"}, "visitor"),
        ("generate", HELLO | {"n": 1, "context_ids": [999]}, "context_ids"),
        ("score", {"session_id": "plain", "text": "hello", "text_ids": [999]}, "text_ids"),
        ("compare-contexts", HELLO | {"others": ["world"]}, "token"),
    ],
)
def test_an_invalid_requests_field_is_in_a_header(client, path, body, field):
    response = client.post(f"/api/{path}", json=body)
    assert response.status_code == 400
    assert response.headers.get("X-Error-Field") == field
    sentence = response.json()["error"]
    assert sentence.startswith(f"{field}: ") or field is None


def test_a_pattern_is_told_in_words(client):
    said = error(client.post("/api/trainings", json={"visitor": "short"}), 400)
    assert said.startswith(
        "visitor: Make up 16 to 64 letters, digits, - or _, and keep them secret"
    )
    named = error(client.post("/api/trainings/x/name", json={"name": "  "}), 400)
    assert named == "name: The text must have something in it besides spaces"


def test_a_slash_after_a_session_is_no_part_of_its_name(client):
    assert client.get("/api/sessions/plain/").json() == client.get("/api/sessions/plain").json()


def test_an_invalid_query_parameter_is_in_a_header(client):
    response = client.get("/api/trainings", params={"visitor": "short"})
    assert response.headers["X-Error-Field"] == "visitor"
    assert json.loads(response.content)["error"].startswith("query.visitor: ")


def test_what_the_framework_refuses_has_the_same_shape(client):
    assert error(client.get(NEXT), 405) == "Method Not Allowed"
    assert error(client.get("/api/nothing"), 404) == "Not Found"
    assert error(client.get("/page/../app.py"), 404)
    assert error(client.get("/page/%2e%2e/%2e%2e/app.py"), 404)
