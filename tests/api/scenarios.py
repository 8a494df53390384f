"""Requests to the generation routes, and checks of their responses."""

import json

NEXT = "/api/generate-next-token"
GENERATE = "/api/generate"
SCORE = "/api/score"
CORPUS = "/api/corpus"
BEAMS = "/api/beams"
DRAWS = "/api/draws"
COMPARE = "/api/compare"
COMPLETIONS = "/v1/completions"
ROUNDS = "/api/rounds"
COMPARE_CONTEXTS = "/api/compare-contexts"
HELLO = {"session_id": "plain", "context": "hello wor", "temperature": 1.0}
JSON = {"content-type": "application/json"}


def post(client, path, **changes):
    return client.post(path, json=HELLO | changes)


def answer(client, path, **changes):
    response = post(client, path, **changes)
    assert response.status_code == 200, response.text
    return response.json()


def documented(response, model):
    """The body of a 200, which the response model documents in full."""
    assert response.status_code == 200, response.text
    parsed = model.model_validate_json(response.content, strict=True)
    assert json.loads(parsed.model_dump_json()) == response.json()
    return response.json()


def error(response, status):
    """The sentence of an error; its body must hold that and nothing else.

    Below /v1 it is the message of an error of the OpenAI API.
    """
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    sentence = response.json()["error"]
    if response.request.url.path.startswith("/v1/"):
        assert list(sentence) == ["message", "type", "param", "code"]
        sentence = sentence["message"]
    assert "Traceback" not in sentence
    return sentence
