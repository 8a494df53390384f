import pytest

from playground.api.schemas.rounds import RoundResponse
from playground.service.rounds import ROUND_LENGTH
from playground.service.sessions import Session
from tests.api.scenarios import ROUNDS, SCORE, documented, error

ASK = {"session_id": "tales", "seed": 1951}


def answer(client, **changes):
    return documented(client.post(ROUNDS, json=ASK | changes), RoundResponse)


def test_a_round_of_text_that_the_model_has_not_learned_from(bundled):
    body = answer(bundled)
    assert (body["source"], body["session_id"], body["seed"]) == ("text", "tales", 1951)
    assert len(body["tokens"]) == ROUND_LENGTH
    assert all(row["unigram"] < 0 and row["bigram"] < 0 for row in body["tokens"])
    assert answer(bundled) == body
    assert [row["token"] for row in answer(bundled, n=5)["tokens"]] != []
    text = body["context"] + "".join(row["token"] for row in body["tokens"])
    scored = bundled.post(SCORE, json={"session_id": "tales", "text": text}).json()
    model = [-token["logprob"] for token in scored["tokens"][len(body["context"]) :]]
    assert len(model) == ROUND_LENGTH
    assert sum(model) < -sum(row["bigram"] for row in body["tokens"])


def test_a_round_in_word_pieces_names_its_tokens_by_their_ids(bundled):
    body = answer(bundled, session_id="shakespeare-pieces")
    assert list(body["tokens"][0]) == ["token", "token_id", "unigram", "bigram"]
    ids = [row["token_id"] for row in body["tokens"]]
    asked = {"session_id": "shakespeare-pieces", "text": body["context"], "text_ids": ids}
    scored = bundled.post(SCORE, json=asked).json()["tokens"][-ROUND_LENGTH:]
    assert [token["token_id"] for token in scored] == ids
    assert sum(token["logprob"] for token in scored) > sum(row["bigram"] for row in body["tokens"])


def test_a_model_without_its_text_has_no_baselines(client):
    body = answer(client, session_id="plain", n=7)
    assert (body["source"], len(body["tokens"])) == ("model", 7)
    assert {(row["unigram"], row["bigram"]) for row in body["tokens"]} == {(None, None)}
    assert answer(client, session_id="plain", n=7) == body


@pytest.mark.parametrize(
    ("changes", "status", "name", "field"),
    [
        ({"session_id": "nobody"}, 404, "SessionNotFound", None),
        ({"session_id": "unborn"}, 400, "ModelNotInitialized", None),
        ({"seed": -1}, 400, "InvalidInput", "seed"),
        ({"seed": "1951"}, 400, "InvalidInput", "seed"),
        ({"n": 0}, 400, "InvalidInput", "n"),
        ({"n": 101}, 400, "InvalidInput", "n"),
    ],
)
def test_errors_name_their_class_and_field(client, service, changes, status, name, field):
    service.register(Session("unborn", "live", None))
    response = client.post(ROUNDS, json=ASK | changes)
    error(response, status)
    assert response.headers["X-Error"] == name
    assert response.headers.get("X-Error-Field") == field
