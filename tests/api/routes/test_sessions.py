import pytest

from playground.service.sessions import Session
from tests.api.scenarios import NEXT, answer, error


def test_sessions_are_listed_with_their_numbers(client, service):
    body = client.get("/api/sessions").json()
    assert [session["session_id"] for session in body["sessions"]] == ["plain", "weird"]
    plain = body["sessions"][0]
    assert {key: plain[key] for key in ("name", "source", "step", "steps", "val_loss")} == {
        "name": "plain", "source": "bundled", "step": 100, "steps": [0, 50, 100], "val_loss": 2.5,
    }  # fmt: skip
    assert plain["params"] == service.registered_run("plain").n_params
    assert (plain["block_size"], plain["vocab_size"]) == (8, 31)
    assert [entry["tokens"] for entry in plain["checkpoints"]] == [0, 3200, 6400]
    assert plain["sliding_val_loss"] == 2.25
    assert [entry["sliding_val_loss"] for entry in plain["checkpoints"]] == [None, None, 2.25]
    assert "vocabulary" not in plain


def test_one_session_comes_with_its_vocabulary(client, service):
    body = client.get("/api/sessions/weird").json()
    assert body["vocabulary"] == list(service.registered_run("weird").vocabulary.characters)
    assert len(body["vocabulary"]) == body["vocab_size"]
    listed = client.get("/api/sessions").json()["sessions"][1]
    assert {key: body[key] for key in listed} == listed


def test_a_session_without_a_model_is_listed_without_numbers(client, service):
    service.register(Session("unborn", "live", None))
    body = client.get("/api/sessions/unborn").json()
    assert (body["params"], body["step"], body["steps"], body["vocabulary"]) == (None, None, [], [])
    assert client.get("/api/sessions").json()["sessions"][-1]["session_id"] == "unborn"


def test_a_session_id_may_hold_a_slash(client, service):
    service.register(Session("someone/model@abc", "hub", service.registered_run("plain")))
    assert client.get("/api/sessions/someone/model@abc").json()["source"] == "hub"
    assert answer(client, NEXT, session_id="someone/model@abc")


@pytest.mark.parametrize("path", ["nobody", "", "%ff%00", "plain/else", "%2e%2e%2fplain"])
def test_a_session_that_is_not_there(client, path):
    assert error(client.get(f"/api/sessions/{path}"), 404) == "Session not found"
