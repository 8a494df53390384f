import json

import pytest
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.api.schemas.beams import BeamsResponse
from playground.api.schemas.comparison import CompareResponse
from playground.api.schemas.context_comparison import CompareContextsResponse
from playground.api.schemas.draws import DrawsResponse
from playground.service.context_comparison import OTHERS_MAX
from playground.service.playground import Playground
from playground.service.sessions import Session
from tests.api.scenarios import (
    BEAMS,
    COMPARE,
    COMPARE_CONTEXTS,
    DRAWS,
    GENERATE,
    HELLO,
    NEXT,
    SCORE,
    answer,
    error,
)

SEARCH = {"session_id": "plain", "context": "hello wor", "width": 3, "n": 4}
OFTEN = HELLO | {"n": 5}
CONTEXTS = HELLO | {"others": ["wor", HELLO["context"]], "token": "l"}
PAIR = HELLO | {"other": {"session_id": "plain", "temperature": 1, "step": 0}}
BODIES = {BEAMS: SEARCH, DRAWS: OFTEN, COMPARE: PAIR}


def ask(client, path, model, body):
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    parsed = model.model_validate_json(response.content, strict=True)
    assert json.loads(parsed.model_dump_json()) == response.json(), "as the document says"
    return response.json()


def test_the_tree_leads_to_each_beam(client):
    body = ask(client, BEAMS, BeamsResponse, SEARCH)
    assert [len(depth) for depth in body["depths"]] == [3] * 4
    for index, beam in enumerate(body["beams"]):
        text, at = "", index
        for depth in reversed(body["depths"]):
            text, at = depth[at]["token"] + text, depth[at]["parent"]
        assert beam == {"text": text, "logprob": body["depths"][-1][index]["logprob"]}
    assert (body["context_used"], body["session_id"], body["step"]) == ("ello wor", "plain", 100)


def test_a_beams_log_probability_is_the_texts_score(client):
    for beam in ask(client, BEAMS, BeamsResponse, SEARCH)["beams"]:
        scored = client.post(
            SCORE, json={"session_id": "plain", "text": SEARCH["context"] + beam["text"]}
        ).json()
        new = scored["tokens"][len(SEARCH["context"]) :]
        assert beam["logprob"] == pytest.approx(sum(t["logprob"] for t in new), abs=1e-4)


def test_width_one_is_the_top_choice(client):
    (beam,) = ask(client, BEAMS, BeamsResponse, SEARCH | {"width": 1})["beams"]
    steps = answer(client, GENERATE, temperature=0, n=4)["steps"]
    assert beam["text"] == "".join(step["token"] for step in steps)


def test_draws_are_counted_and_in_the_order_of_their_seeds(client):
    request = HELLO | {"seed": 9, "n": 60, "temperature": 1.4}
    body = ask(client, DRAWS, DrawsResponse, request)
    tokens = [row["token"] for row in body["tokens"]]
    drawn = [tokens[at] for at in body["draws"]]
    assert [row["count"] for row in body["tokens"]] == [drawn.count(token) for token in tokens]
    assert body["tokens"] == sorted(body["tokens"], key=lambda row: -row["count"])
    for at in (0, 1, 31, 59):
        step = answer(client, NEXT, seed=9 + at, temperature=1.4)
        assert step["next_token"] == drawn[at]
        [row] = [row for row in body["tokens"] if row["token"] == drawn[at]]
        assert row["prob"] == pytest.approx(step["high"] - step["low"], abs=1e-9)
    assert (body["seed"], body["position"], body["step"]) == (9, 9, 100)


def test_a_draw_without_a_seed_says_which_it_used(client):
    request = HELLO | {"n": 20}
    body = ask(client, DRAWS, DrawsResponse, request)
    assert ask(client, DRAWS, DrawsResponse, request | {"seed": body["seed"]}) == body


def test_divergences_of_the_last_positions(client):
    body = ask(client, COMPARE, CompareResponse, PAIR | {"positions": 3})
    assert [row["position"] for row in body["divergences"]] == [7, 8, 9]
    assert all(row["kl"] > 0 and row["kl_reverse"] > 0 for row in body["divergences"])
    assert body["model"] == {"session_id": "plain", "step": 100, "temperature": 1.0}
    assert body["other"] == {"session_id": "plain", "step": 0, "temperature": 1.0}


def test_a_model_is_not_apart_from_itself(client):
    body = ask(client, COMPARE, CompareResponse, PAIR | {"step": 0})
    assert body["divergences"] == [{"position": 9, "kl": 0.0, "kl_reverse": 0.0}]


def test_what_is_infinitely_far_is_null(client):
    cold = {"session_id": "plain", "temperature": 1e-320}
    (row,) = ask(client, COMPARE, CompareResponse, PAIR | {"other": cold})["divergences"]
    assert row["kl"] is None
    assert row["kl_reverse"] > 0


@pytest.mark.parametrize(
    ("path", "changes", "status", "name", "field"),
    [
        (BEAMS, {"session_id": "nobody"}, 404, "SessionNotFound", None),
        (BEAMS, {"session_id": "unborn"}, 400, "ModelNotInitialized", None),
        (BEAMS, {"context": "é"}, 400, "UnknownCharacters", "context"),
        (BEAMS, {"width": 11}, 400, "InvalidInput", "width"),
        (BEAMS, {"n": 51}, 400, "InvalidInput", "n"),
        (BEAMS, {"step": 7}, 404, "StepNotFound", None),
        (DRAWS, {"session_id": "nobody"}, 404, "SessionNotFound", None),
        (DRAWS, {"n": 10_001}, 400, "InvalidInput", "n"),
        (DRAWS, {"step": 7}, 404, "StepNotFound", None),
        (COMPARE, {"session_id": "nobody"}, 404, "SessionNotFound", None),
        (COMPARE, {"context": "é"}, 400, "UnknownCharacters", "context"),
        (COMPARE, {"positions": 10}, 400, "InvalidInput", "positions"),
        (COMPARE, {"positions": 65}, 400, "InvalidInput", "positions"),
        (COMPARE, {"step": 7}, 404, "StepNotFound", None),
        (COMPARE, {"other": {"session_id": "plain"}}, 400, "InvalidInput", "other.temperature"),
    ],
)
def test_errors_name_their_class_and_field(client, service, path, changes, status, name, field):
    service.register(Session("unborn", "live", None))
    response = client.post(path, json=BODIES[path] | changes)
    error(response, status)
    assert response.headers["X-Error"] == name
    assert response.headers.get("X-Error-Field") == field


def test_models_that_know_other_characters_are_told_in_both_languages(client):
    body = PAIR | {"other": {"session_id": "weird", "temperature": 1}}
    response = client.post(COMPARE, json=body)
    assert error(response, 400).startswith("other: this model knows other characters")
    assert response.headers["X-Error-Field"] == "other.session_id"
    german = client.post(COMPARE, json=body, headers={"X-Language": "de"})
    assert error(german, 400).startswith("other: dieses Modell kennt andere Zeichen")


@pytest.mark.parametrize(
    ("path", "body", "sentences"),
    [
        (BEAMS, SEARCH | {"width": 10, "n": 50}, ("n: this model takes long", "n: dieses Modell")),
        (
            COMPARE,
            PAIR | {"positions": 9},
            ("positions: these models take long", "positions: diese Modelle"),
        ),
    ],
)
def test_what_is_too_much_work_is_told_in_both_languages(settings, path, body, sentences):
    small = Playground(settings.model_copy(update={"score_gigaflops": 0.0003}))
    with TestClient(create_api(small)) as client:
        for language, sentence in zip(("en", "de"), sentences, strict=True):
            response = client.post(path, json=body, headers={"X-Language": language})
            assert error(response, 413).startswith(sentence)


@pytest.mark.parametrize(("path", "body"), [*BODIES.items()])
def test_what_breaks_inside_gives_its_reason(client, monkeypatch, path, body):
    def broken(*_, **__):
        raise RuntimeError("a tensor went away")

    monkeypatch.setattr("playground.lm.model.Transformer.extend", broken)
    assert error(client.post(path, json=body), 500) == "Generation failed: a tensor went away"


def test_contexts_in_the_place_of_another(client):
    body = ask(client, COMPARE_CONTEXTS, CompareContextsResponse, CONTEXTS)
    moved, same = body["others"]
    step = answer(client, GENERATE, n=1)["steps"][0]
    assert [[row["token"], row["prob"]] for row in same["candidates"]] == [
        [row["token"], pytest.approx(row["prob"])] for row in step["candidates"]
    ]
    assert same["kl"] == 0
    assert all(row["prob"] == row["before"] for row in [*same["candidates"], same["other"]])
    assert moved["kl"] > 0
    assert moved["prob"] != same["prob"] == body["prob"]
    for column in ("prob", "before"):
        total = sum(row[column] for row in [*moved["candidates"], moved["other"]])
        assert total == pytest.approx(1)
    assert (body["session_id"], body["step"]) == ("plain", 100)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"others": []}, "others", "at least 1 entry"),
        ({"others": ["a"] * (OTHERS_MAX + 1)}, "others", f"at most {OTHERS_MAX} entries"),
        ({"others": ["é"]}, "others", "Unknown characters: ['é']"),
        ({"token": "é"}, "token", "one character that this model knows"),
    ],
)
def test_other_contexts_that_cannot_be_compared(client, changes, field, sentence):
    response = client.post(COMPARE_CONTEXTS, json=CONTEXTS | changes)
    assert sentence in error(response, 400)
    assert response.headers["X-Error-Field"] == field
