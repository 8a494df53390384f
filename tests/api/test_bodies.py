"""What a JSON body may hold, for every field of every route that OpenAPI describes."""

import json

import pytest

from tests.api.openapi_bodies import GOOD, body_fields, json_bodies, url_of


@pytest.fixture
def openapi(client):
    return client.get("/openapi.json").json()


def refused_field(response):
    """The field at fault where the body was refused for its form, else None."""
    return response.headers.get("X-Error-Field") if response.status_code == 400 else None


def test_there_is_a_good_body_for_every_route(client, openapi):
    bodies = json_bodies(openapi)
    assert bodies.keys() == GOOD.keys()
    for path, body in GOOD.items():
        response = client.post(url_of(path), json=body)
        assert refused_field(response) in (None, "text"), (path, response.text)


def test_an_integer_may_be_written_with_a_point_and_a_zero(client, openapi):
    fields = [field for field in body_fields(openapi) if "integer" in field.types()]
    assert {field.name for field in fields} >= {"seed", "n", "steps", "model.n_layer", "top_k"}
    for field in fields:
        (schema,) = (schema for schema in field.schemas if schema["type"] == "integer")
        good = float(schema.get("minimum", schema.get("const")))  # some take one value alone
        assert refused_field(client.post(field.url, json=field.body(good))) in (None, "text")
        for bad in (good + 0.5, 1e400, True, "5", "5.0"):
            raw = client.post(
                field.url,
                content=json_with(field.body(bad)),
                headers={"content-type": "application/json"},
            )
            assert refused_field(raw) == field.name, (field, bad)


def json_with(body):
    """JSON of a body, where infinity is written as too large a number."""
    return json.dumps(body).replace("Infinity", "1e400")


def test_the_answer_to_a_whole_number_is_that_to_the_integer(client):
    path = "/api/generate"
    written = GOOD[path] | {"n": 3.0, "seed": 5.0, "top_k": 4.0, "step": 50.0, "position": 9e0}
    meant = GOOD[path] | {"n": 3, "seed": 5, "top_k": 4, "step": 50, "position": 9}
    answers = [client.post(path, json=body) for body in (written, meant)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    refused = client.post(path, json=GOOD[path] | {"seed": 5.5})
    assert refused.json()["error"].startswith("seed: ")
