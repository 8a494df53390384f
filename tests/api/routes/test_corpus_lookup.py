import pytest

from playground.api.schemas.corpus_lookup import CorpusResponse
from playground.service.sessions import Session
from playground.training.corpora import packaged_text
from tests.api.scenarios import CORPUS, documented, error

ASK = {"session_id": "tales", "context": "the wol"}


def answer(client, **changes):
    return documented(client.post(CORPUS, json=ASK | changes), CorpusResponse)


def test_a_context_that_occurs(bundled):
    body = answer(bundled)
    text = packaged_text("tales")
    text = text[: int(len(text) * 0.9)]
    assert (body["available"], body["reason"], body["session_id"]) == (True, None, "tales")
    assert (body["context_used"], body["k"]) == ("the wol", 7)
    assert body["count"] == body["counts"][7] == text.count("the wol")
    assert body["characters"] == body["counts"][0] == len(text)
    assert body["next"][0]["token"] == "f"
    assert sum(row["share"] for row in body["next"]) == pytest.approx(1)
    assert sum(row["count"] for row in body["next"]) == body["count"]
    assert len(body["places"]) == 3
    for place in body["places"]:
        around = place["before"] + "the wol" + place["after"]
        assert text.startswith(around, place["position"] - len(place["before"]))


def test_a_context_that_never_occurs(bundled):
    body = answer(bundled, context="xqzxqz", k=6)
    assert (body["count"], body["next"], body["places"]) == (0, [], [])
    assert body["counts"][6] == 0
    assert answer(bundled, context="xqzxqz")["count"] > 0, "of a shorter end"


def test_a_context_in_word_pieces(bundled):
    body = answer(bundled, session_id="shakespeare-pieces", context="My lord,")
    assert list(body["next"][0]) == ["token", "token_id", "count", "share"]
    assert body["context_used"] == "My lord,"
    assert body["counts"][0] < body["characters"]
    assert all(place["after"].startswith(place["next"]) for place in body["places"])
    ids = [row["token_id"] for row in body["next"][:1]]
    on = answer(bundled, session_id="shakespeare-pieces", context="My lord,", context_ids=ids)
    assert on["context_used"] == "My lord," + body["next"][0]["token"]


def test_a_model_without_its_text_says_so(client):
    body = answer(client, session_id="plain")
    assert body["available"] is False
    assert body["reason"] == "The text that this model learned from is not on this server."
    german = client.post(CORPUS, json=ASK | {"session_id": "plain"}, headers={"X-Language": "de"})
    assert german.json()["reason"].startswith("Der Text, aus dem")


@pytest.mark.parametrize(
    ("changes", "status", "name", "field"),
    [
        ({"session_id": "nobody"}, 404, "SessionNotFound", None),
        ({"session_id": "unborn"}, 400, "ModelNotInitialized", None),
        ({"session_id": "plain", "context": "é"}, 400, "UnknownCharacters", "context"),
        ({"context": ""}, 400, "InvalidInput", "context"),
        ({"k": 33}, 400, "InvalidInput", "k"),
        ({"k": -1}, 400, "InvalidInput", "k"),
    ],
)
def test_errors_name_their_class_and_field(client, service, changes, status, name, field):
    service.register(Session("unborn", "live", None))
    response = client.post(CORPUS, json=ASK | changes)
    error(response, status)
    assert response.headers["X-Error"] == name
    assert response.headers.get("X-Error-Field") == field
