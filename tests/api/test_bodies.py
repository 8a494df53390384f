"""What a JSON body may hold, for every field of every route that OpenAPI describes."""

import gzip
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
    ids = [client.post(path, json=meant | {"context_ids": ids}) for ids in ([5.0, 7], [5, 7])]
    assert ids[0].status_code == 200
    assert ids[0].content == ids[1].content
    refused = client.post(path, json=GOOD[path] | {"seed": 5.5})
    assert refused.json()["error"].startswith("seed: ")


@pytest.mark.parametrize("path", ["/api/generate", "/api/draws"])
def test_null_is_the_default_of_how_a_token_is_picked(client, path):
    seeded = GOOD[path] | {"seed": 7}
    nulls = client.post(path, json=seeded | {"top_k": None, "top_p": None, "step": None})
    assert nulls.status_code == 200, nulls.text
    assert nulls.content == client.post(path, json=seeded).content


@pytest.mark.parametrize(
    "path", ["/api/generate", "/api/trainings", "/api/corpora/text?filename=a"]
)
def test_a_body_in_another_encoding_is_not_taken_for_one_that_is_broken(client, path):
    raw = gzip.compress(json.dumps(GOOD["/api/generate"]).encode())
    headers = {"content-type": "application/json", "content-encoding": "GZIP"}
    refused = client.post(path, content=raw, headers=headers)
    assert refused.status_code == 415
    said = "The body has the Content-Encoding gzip, and none is read here: send it as it is"
    assert refused.json() == {"error": said}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("9" * 5000, "The body cannot be read: a number in it has more than 4300 digits"),
        (
            "[" * 50_000 + "]" * 50_000,
            "The body cannot be read: its lists and objects lie too deep",
        ),
    ],
)
def test_json_beyond_what_is_read_is_not_called_invalid(client, value, sentence):
    headers = {"content-type": "application/json"}
    refused = client.post("/api/generate", content=f'{{"seed": {value}}}', headers=headers)
    assert (refused.status_code, refused.json()["error"][: len(sentence)]) == (400, sentence)


@pytest.mark.parametrize(
    "path", ["/api/corpora/text?filename=a.txt", "/api/trainings/upload?visitor=0123456789abcdef"]
)
def test_a_form_is_not_taken_for_the_file_in_it(client, path):
    refused = client.post(path, files={"file": ("a.txt", b"the cat sat on the mat. " * 20)})
    assert refused.status_code == 400
    said = "The Content-Type is multipart/form-data: send the file itself as the body"
    assert refused.json()["error"].startswith(said)
