"""A text as the tokens that a session's model reads."""

import pytest

from playground.service.contexts import CONTEXT_MAX
from playground.service.sessions import Session
from tests.api.scenarios import GENERATE, HELLO, NEXT, error

TOKENIZE = "/api/tokenize"


def tokens(client, text, session_id="plain"):
    response = client.post(TOKENIZE, json={"session_id": session_id, "text": text})
    assert response.status_code == 200, response.text
    return response.json()["tokens"]


@pytest.mark.parametrize(
    ("session_id", "text"), [("plain", "hello"), ("weird", "😀\x00é\u202e<a>"), ("plain", "")]
)
def test_each_character_is_a_token_of_a_character_model(client, service, session_id, text):
    characters = service.registered_run(session_id).vocabulary.characters
    assert tokens(client, text, session_id) == [
        {"id": characters.index(character), "text": character, "start": at, "end": at + 1}
        for at, character in enumerate(text)
    ]


def test_what_has_no_tokens(client, service):
    service.register(Session("unborn", "live", None))
    for body, status in (
        ({"session_id": "plain", "text": "É"}, 400),
        ({"session_id": "nobody", "text": "a"}, 404),
        ({"session_id": "unborn", "text": "a"}, 400),
        ({"session_id": "plain", "text": "a" * (CONTEXT_MAX + 1)}, 400),
        ({"session_id": "plain"}, 400),
    ):
        assert error(client.post(TOKENIZE, json=body), status)
    half = client.post(
        TOKENIZE,
        content=b'{"session_id":"plain","text":"\\ud83d"}',
        headers={"content-type": "application/json"},
    )
    assert "surrogate" in error(half, 400)


def test_tokens_that_were_written_may_be_sent_as_their_ids(client, service):
    """As one text, character by character, or as ids: the same steps."""
    vocabulary = service.registered_run("plain").vocabulary
    whole = client.post(GENERATE, json=HELLO | {"n": 5, "seed": 3}).json()
    text, ids = HELLO["context"], []
    for step in whole["steps"]:
        answer = client.post(NEXT, json=HELLO | {"seed": 3, "context_ids": ids}).json()
        as_text = client.post(NEXT, json=HELLO | {"seed": 3, "context": text}).json()
        assert answer == as_text
        assert answer["next_token"] == step["token"]
        assert answer["position"] == step["position"]
        text += step["token"]
        ids.append(vocabulary.encode(step["token"])[0])


def test_an_id_that_no_token_has(client):
    body = HELLO | {"context_ids": [0, 10**6]}
    assert "0 to" in error(client.post(NEXT, json=body), 400)


def test_character_models_say_what_their_tokens_are(client):
    session = client.get("/api/sessions/plain").json()
    assert session["tokenizer"] == "characters"
    assert len(session["vocabulary"]) == session["vocab_size"]
    step = client.post(NEXT, json=HELLO).json()
    assert "token_id" not in step
    assert all(set(candidate) == {"token", "prob"} for candidate in step["probabilities"])


def test_a_well_known_tokenizer_needs_no_model(client):
    def cut(text):
        return client.post(f"{TOKENIZE}/gpt2", json={"text": text})

    assert cut(" strawberry").json() == {
        "tokens": [{"id": 41236, "text": " strawberry", "start": 0, "end": 11}]
    }
    assert [token.get("bytes") for token in cut("’").json()["tokens"]] == [[226, 128], [153]]
    assert cut("").json() == {"tokens": []}
    assert "at most" in error(cut("a" * (CONTEXT_MAX + 1)), 400)
    assert error(client.post(f"{TOKENIZE}/gpt9", json={"text": "a"}), 400)
