"""Requests to the generation routes, and checks of their responses."""

NEXT = "/api/generate-next-token"
GENERATE = "/api/generate"
HELLO = {"session_id": "plain", "context": "hello wor", "temperature": 1.0}
JSON = {"content-type": "application/json"}


def post(client, path, **changes):
    return client.post(path, json=HELLO | changes)


def answer(client, path, **changes):
    response = post(client, path, **changes)
    assert response.status_code == 200, response.text
    return response.json()


def error(response, status):
    """The sentence of an error; its body must hold that and nothing else."""
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    sentence = response.json()["error"]
    assert "Traceback" not in sentence
    return sentence
