import json
import math

import pytest
import torch
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.api.schemas.scoring import ScoreResponse
from playground.checkpoints.folder import load_model
from playground.service.playground import Playground
from playground.service.scoring import SCORE_TEXT_MAX
from playground.service.sessions import Session
from tests.api.scenarios import NEXT, SCORE, error

TEXT = "hello world, how are you."
ASK = {"session_id": "plain", "text": TEXT}


def score(client, **changes):
    response = client.post(SCORE, json=ASK | changes)
    assert response.status_code == 200, response.text
    return response.json()


def own_logprobs(service, session_id, text, step=None):
    """Log-probabilities (N - 1, V): a plain full forward of the window before each character."""
    run = service.registered_run(session_id)
    model, ids = load_model(run, step, max_bytes=2**30), torch.tensor(run.vocabulary.encode(text))
    size = run.model_config.block_size
    with torch.inference_mode():
        windows = (ids[None, max(0, t - size) : t] for t in range(1, len(ids)))
        logits = torch.stack([model(window)[0, -1] for window in windows])
        return logits.double().log_softmax(-1), ids[1:]


def test_every_character_has_its_log_probability(client, service):
    body = score(client)
    logprobs, targets = own_logprobs(service, "plain", TEXT)
    expected = logprobs.gather(1, targets[:, None])[:, 0]
    tokens = body["tokens"]
    assert "".join(token["token"] for token in tokens) == TEXT
    assert [token["position"] for token in tokens] == list(range(len(TEXT)))
    assert [t["logprob"] for t in tokens[1:]] == pytest.approx(expected.tolist(), abs=1e-4)
    ranks = 1 + (logprobs > expected[:, None]).sum(1)
    assert [token["rank"] for token in tokens[1:]] == ranks.tolist()
    assert body["scored"] == len(TEXT) - 1
    assert body["total_nats"] == pytest.approx(-float(expected.sum()), abs=1e-3)
    assert body["mean_nats"] == pytest.approx(body["total_nats"] / body["scored"])
    assert body["total_bits"] == pytest.approx(body["total_nats"] / math.log(2))
    assert body["bits_per_character"] == pytest.approx(body["mean_nats"] / math.log(2))
    assert (body["session_id"], body["step"], body["context_min"]) == ("plain", 100, 8)
    assert body["sliding_val_loss"] == 2.25


def test_candidates_are_those_of_the_next_token(client):
    tokens = score(client)["tokens"]
    for position in (1, 5, 20):
        asked = {"session_id": "plain", "context": TEXT[:position], "temperature": 1}
        expected = client.post(NEXT, json=asked).json()
        found = tokens[position]
        assert [c["token"] for c in found["candidates"]] == [
            c["token"] for c in expected["probabilities"]
        ]
        probs = [c["prob"] for c in expected["probabilities"]]
        assert [c["prob"] for c in found["candidates"]] == pytest.approx(probs, rel=1e-4)
        assert found["other"]["count"] == expected["other"]["count"]
        assert found["other"]["prob"] == pytest.approx(expected["other"]["prob"], abs=1e-5)


def test_the_first_character_has_nothing_before_it(client):
    first = {
        "position": 0, "token": "h", "logprob": None, "rank": None, "candidates": [], "other": None,
    }  # fmt: skip
    assert score(client)["tokens"][0] == first
    body = score(client, text="h")
    assert body["tokens"] == [first]
    assert body["scored"] == 0
    sums = ("total_nats", "mean_nats", "total_bits", "bits_per_character")
    assert [body[name] for name in sums] == [None] * 4


def test_an_answer_is_what_the_document_says(client):
    for text in (TEXT, "h"):
        raw = client.post(SCORE, json=ASK | {"text": text})
        assert raw.headers["content-type"] == "application/json"
        parsed = ScoreResponse.model_validate_json(raw.content, strict=True)
        assert json.loads(parsed.model_dump_json()) == raw.json(), "no field is missing, none added"
    schema = client.get("/openapi.json").json()["paths"][SCORE]["post"]["responses"]["200"]
    assert schema["content"]["application/json"]["schema"]["$ref"].endswith("/ScoreResponse")


def test_a_step_has_a_loss_of_its_own(client, service):
    body = score(client, step=50)
    logprobs, targets = own_logprobs(service, "plain", TEXT, step=50)
    assert body["step"] == 50
    assert body["sliding_val_loss"] is None
    own = float(-logprobs.gather(1, targets[:, None]).sum())
    assert body["total_nats"] == pytest.approx(own, abs=1e-3)


def test_probabilities_have_six_significant_digits(client):
    for token in score(client)["tokens"][1:]:
        for candidate in token["candidates"]:
            assert float(f"{candidate['prob']:.6g}") == candidate["prob"]


def test_characters_that_mean_something_elsewhere(client):
    text = "<img>${}\"'\\\n\t&😀é\u05d0\u202e\u0000😀"
    known = "".join(c for c in text if c in client.get("/api/sessions/weird").json()["vocabulary"])
    body = score(client, session_id="weird", text=known)
    assert [token["token"] for token in body["tokens"]] == list(known)


@pytest.mark.parametrize(
    ("changes", "status", "name", "field", "sentence"),
    [
        ({"session_id": "nobody"}, 404, "SessionNotFound", None, "Session not found"),
        ({"session_id": "unborn"}, 400, "ModelNotInitialized", None, "Model not initialized"),
        ({"text": "hey 😀"}, 400, "UnknownCharacters", "text", "Unknown characters: ['😀']"),
        (
            {"text": ""},
            400,
            "InvalidInput",
            "text",
            "text: The text must have at least 1 character",
        ),
        ({"text": "a" * (SCORE_TEXT_MAX + 1)}, 400, "InvalidInput", "text", None),
        (
            {"text": None},
            400,
            "InvalidInput",
            "text",
            "text: This must be text, in quotation marks",
        ),
        ({"step": 7}, 404, "StepNotFound", None, None),
        ({"temperature": 1}, 400, "InvalidInput", "temperature", None),
    ],
)
def test_errors_name_their_class_and_field(client, service, changes, status, name, field, sentence):
    service.register(Session("unborn", "live", None))
    response = client.post(SCORE, json=ASK | changes)
    said = error(response, status)
    assert sentence in (None, said)
    assert response.headers["X-Error"] == name
    assert response.headers.get("X-Error-Field") == field


def test_a_checkpoint_that_is_refused_says_why(client, models_dir):
    (models_dir / "plain" / "checkpoints" / "step-000050" / "model.safetensors").unlink()
    sentence = error(client.post(SCORE, json=ASK | {"step": 50}), 422)
    assert sentence == "checkpoints/step-000050/model.safetensors is missing"


def test_what_breaks_inside_gives_its_reason(client, monkeypatch):
    def broken(logits, targets):
        raise RuntimeError("a tensor went away")

    monkeypatch.setattr("playground.lm.scoring.score", broken)
    assert error(client.post(SCORE, json=ASK), 500) == "Generation failed: a tensor went away"


def test_a_text_that_is_too_much_work_is_told_in_both_languages(settings):
    small = Playground(settings.model_copy(update={"score_gigaflops": 0.1}))
    with TestClient(create_api(small)) as client:
        body = ASK | {"text": "a" * 5000}
        response = client.post(SCORE, json=body)
        sentence = error(response, 413)
        assert response.headers["X-Error-Field"] == "text"
        assert sentence.startswith("text: this model takes long; at most ")
        assert "lassen sich auf einmal" in error(
            client.post(SCORE, json=body, headers={"X-Language": "de"}), 413
        )
        most = int(sentence.split("at most ")[1].split()[0])
        assert client.post(SCORE, json=ASK | {"text": "a" * most}).status_code == 200
