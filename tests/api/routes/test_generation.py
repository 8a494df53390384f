import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.checkpoints.folder import load_model
from playground.lm.sampling import SEED_MAX, philox_uniform
from playground.service.playground import Playground
from playground.service.sessions import Session
from tests.api.scenarios import GENERATE, HELLO, JSON, NEXT, answer, error, post
from tests.conftest import PLAIN


def own_softmax(service, session_id, context, temperature=1.0, step=None):
    """Probabilities by token, from a plain full forward of the window."""
    run = service.registered_run(session_id)
    model = load_model(run, step, max_bytes=2**30)
    ids = run.vocabulary.encode(context)[-run.model_config.block_size :]
    with torch.inference_mode():
        logits = model(torch.tensor([ids]))[0, -1].numpy().astype(np.float64)
    weights = np.exp((logits - logits.max()) / temperature)
    return dict(zip(run.vocabulary.characters, weights / weights.sum(), strict=True))


# --- The next token ----------------------------------------------------------------------------


def test_the_answer_has_the_three_promised_fields(client):
    body = answer(client, NEXT)
    assert list(body)[:3] == ["next_token", "probabilities", "context_used"]
    assert isinstance(body["next_token"], str)
    assert len(body["probabilities"]) == 10
    assert all(list(row) == ["token", "prob"] for row in body["probabilities"])
    probs = [row["prob"] for row in body["probabilities"]]
    assert probs == sorted(probs, reverse=True)
    assert len({row["token"] for row in body["probabilities"]}) == 10


@pytest.mark.parametrize("context", ["h", "hello wo", "hello wor", "hello world, how are you."])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_probabilities_are_the_models_after_temperature(client, service, context, temperature):
    body = answer(client, NEXT, context=context, temperature=temperature, top_k=3, top_p=0.5)
    expected = own_softmax(service, "plain", context, temperature)
    for row in body["probabilities"]:
        assert row["prob"] == pytest.approx(expected[row["token"]], abs=1e-5)
    best = sorted(expected.values(), reverse=True)
    assert [row["prob"] for row in body["probabilities"]] == pytest.approx(best[:10], abs=1e-5)
    assert body["other"]["prob"] == pytest.approx(sum(best[10:]), abs=1e-5)


def test_ten_rows_and_the_others_make_one(client, service):
    body = answer(client, NEXT)
    listed = sum(row["prob"] for row in body["probabilities"])
    assert listed + body["other"]["prob"] == pytest.approx(1, abs=1e-9)
    assert 10 + body["other"]["count"] == len(service.registered_run("plain").vocabulary)


@pytest.mark.parametrize("context", ["a", "hello wo", "hello wor", "hello world" * 50])
def test_the_context_used_is_the_last_block_size_characters(client, context):
    assert answer(client, NEXT, context=context)["context_used"] == context[-8:]


def test_temperature_zero_takes_the_top_and_shows_the_models_own_odds(client, service):
    body = answer(client, NEXT, temperature=0)
    expected = own_softmax(service, "plain", HELLO["context"])
    assert body["next_token"] == body["probabilities"][0]["token"]
    assert body["next_token"] == max(expected, key=expected.get)
    assert body["probabilities"][0]["prob"] == pytest.approx(max(expected.values()), abs=1e-5)


def test_a_whole_number_is_a_temperature(client):
    assert answer(client, NEXT, temperature=1, seed=3) == answer(client, NEXT, seed=3)


def test_the_draw_depends_on_seed_and_position(client):
    def token(**changes):
        return answer(client, NEXT, temperature=3.0, **changes)["next_token"]

    assert {token(seed=1) for _ in range(5)} == {token(seed=1, position=9)}
    assert len({token(seed=seed) for seed in range(20)}) > 3
    assert len({token(seed=1, position=position) for position in range(20)}) > 3


def test_without_a_seed_one_is_drawn_and_told(client):
    first, second = answer(client, NEXT), answer(client, NEXT)
    assert first["seed"] != second["seed"]
    assert 0 <= first["seed"] <= SEED_MAX
    assert answer(client, NEXT, seed=first["seed"]) == first


def test_truncation_bounds_the_pick(client):
    top = answer(client, NEXT)["probabilities"]
    for seed in range(20):
        body = answer(client, NEXT, temperature=1.0, top_k=2, seed=seed)
        assert body["next_token"] in {row["token"] for row in top[:2]}
        assert body["probabilities"] == top
        assert answer(client, NEXT, top_p=1e-6, seed=seed)["next_token"] == top[0]["token"]


@pytest.mark.parametrize("step", [0, 50, 100])
def test_a_step_is_the_model_as_it_was_then(client, service, step):
    body = answer(client, NEXT, step=step)
    assert body["step"] == step
    expected = own_softmax(service, "plain", HELLO["context"], step=step)
    assert body["probabilities"][0]["prob"] == pytest.approx(max(expected.values()), abs=1e-5)


def test_the_last_step_is_the_default(client):
    assert answer(client, NEXT, seed=1) == answer(client, NEXT, seed=1, step=100)


# --- The line of the draw ----------------------------------------------------------------------


@pytest.mark.parametrize("path", [NEXT, GENERATE])
def test_an_answer_says_where_on_the_line_its_token_was_drawn(client, path):
    more = {"n": 1} if path == GENERATE else {}
    seen = {}
    for seed in range(40):
        body = answer(client, path, seed=seed, top_k=4, **more)
        step = body["steps"][0] if more else body
        assert list(step)[-3:] == ["u", "low", "high"]
        assert (
            step["low"] <= step["u"] == philox_uniform(seed, len(HELLO["context"])) < step["high"]
        )
        seen[step["token"] if more else step["next_token"]] = step["low"], step["high"]
    order = sorted(seen, key=PLAIN.index)
    assert order == sorted(seen, key=seen.__getitem__), "in the order of the vocabulary"
    greedy = answer(client, path, temperature=0, **more)
    greedy = greedy["steps"][0] if more else greedy
    assert greedy["u"] is None
    assert 0 <= greedy["low"] < greedy["high"] <= 1


@pytest.mark.parametrize("path", [NEXT, GENERATE])
def test_intervals_of_candidates_on_request(client, path):
    more = {"n": 3} if path == GENERATE else {}

    def steps(**changes):
        body = answer(client, path, seed=4, **more, **changes)
        parts = body["steps"] if more else [body | {"candidates": body["probabilities"]}]
        return [(step["low"], step["high"], step["candidates"]) for step in parts]

    for low, high, candidates in steps(top_k=6, intervals=True):
        kept = [(c["low"], c["high"]) for c in candidates[:6]]
        assert (low, high) in [pytest.approx(pair) for pair in kept]
        ends = sorted(kept)
        assert [ends[0][0], *(e for _, e in ends)] == pytest.approx([*(b for b, _ in ends), 1.0])
        assert {(c["low"], c["high"]) for c in candidates[6:]} == {(None, None)}
    for _, _, candidates in steps(top_k=6):
        assert {tuple(c) for c in candidates} == {("token", "prob")}


# --- Several tokens ----------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0, 0.8])
def test_500_tokens_at_once_are_500_single_calls(client, temperature):
    """The single calls send the window alone, with the position that it stands for."""
    changes = {"temperature": temperature, "seed": 12345, "top_k": 20, "top_p": 0.98}
    body = answer(client, GENERATE, n=500, **changes)
    text = HELLO["context"]
    assert len(body["steps"]) == 500
    for step in body["steps"]:
        single = answer(client, NEXT, **changes | {"context": text[-8:], "position": len(text)})
        assert step == {
            "position": len(text),
            "token": single["next_token"],
            "prob": step["prob"],
            "candidates": single["probabilities"],
            "other": single["other"],
            "kept": step["kept"],
            "kept_prob": step["kept_prob"],
            "u": single["u"],
            "low": single["low"],
            "high": single["high"],
        }
        listed = {row["token"]: row["prob"] for row in single["probabilities"]}
        assert listed.get(step["token"], step["prob"]) == step["prob"]
        text += single["next_token"]


def test_generate_says_what_it_started_from(client):
    body = answer(client, GENERATE, n=2, step=50)
    assert list(body) == ["steps", "context_used", "seed", "session_id", "step"]
    assert body["context_used"] == "ello wor"
    assert (body["session_id"], body["step"]) == ("plain", 50)
    assert [step["position"] for step in body["steps"]] == [9, 10]
    fields = ["position", "token", "prob", "candidates", "other", "kept", "kept_prob"]
    assert list(body["steps"][0]) == [*fields, "u", "low", "high"]


def test_a_chunk_continues_the_one_before(client):
    whole = answer(client, GENERATE, n=40, seed=5)["steps"]
    first = answer(client, GENERATE, n=15, seed=5)["steps"]
    text = HELLO["context"] + "".join(step["token"] for step in first)
    second = answer(client, GENERATE, n=25, seed=5, context=text[-8:], position=len(text))["steps"]
    assert first + second == whole


def test_a_crowd_gets_what_each_would_get_alone(client):
    def ask(seed):
        return answer(client, GENERATE, n=20, seed=seed, temperature=1.3)

    with ThreadPoolExecutor(12) as threads:
        crowd = list(threads.map(ask, range(24)))
    assert crowd == [ask(seed) for seed in range(24)]


# --- Characters that mean something elsewhere --------------------------------------------------


@pytest.mark.parametrize(
    "context",
    [
        "<img src=c onerror=alert(1)>",
        "${alert(1)}",
        "{{}}`${1}`",
        "\"'\\\\n\n\t&lt",
        "😀é\u05d0\u202ea\u0000",
    ],
)
def test_every_character_of_a_vocabulary_is_only_a_character(client, service, context):
    known = service.registered_run("weird").vocabulary
    context = "".join(character for character in context if character in known)
    body = answer(client, GENERATE, session_id="weird", context=context, temperature=3.0, n=40)
    assert body["context_used"] == context[-12:]
    assert [step["position"] for step in body["steps"]] == list(
        range(len(context), len(context) + 40)
    )
    tokens = [row["token"] for step in body["steps"] for row in step["candidates"]]
    assert all(token in known and len(token) == 1 for token in tokens)
    expected = own_softmax(service, "weird", context, temperature=3.0)
    for row in body["steps"][0]["candidates"]:
        assert row["prob"] == pytest.approx(expected[row["token"]], abs=1e-5)


def test_a_character_is_one_code_point(client):
    """An emoji counts as one in `position`, though a browser's strings have two units for it."""
    body = answer(client, NEXT, session_id="weird", context="😀😀<")
    assert body["position"] == 3
    assert body["context_used"] == "😀😀<"


def test_answers_are_declared_as_json(client):
    response = client.get("/api/sessions/weird")
    assert response.headers["content-type"] == "application/json"
    assert response.content.decode("utf-8")


# --- Errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [NEXT, GENERATE])
@pytest.mark.parametrize(
    ("changes", "status", "body"),
    [
        ({"session_id": "nobody"}, 404, '{"error":"Session not found"}'),
        ({"session_id": "unborn"}, 400, '{"error":"Model not initialized"}'),
        ({"context": "hey 😀"}, 400, '{"error":"Unknown characters: [\'😀\']"}'),
        (
            {"context": "héy 😀é\U0001f600É"},
            400,
            "{\"error\":\"Unknown characters: ['é', '😀', 'É']\"}",
        ),
        ({"context": "it's"}, 400, '{"error":"Unknown characters: [\\"\'\\"]"}'),
        ({"context": ""}, 400, '{"error":"context: The text must have at least 1 character"}'),
        ({"context": 5}, 400, '{"error":"context: This must be text, in quotation marks"}'),
        ({"temperature": "1"}, 400, '{"error":"temperature: This must be a number"}'),
        (
            {"temperature": -0.1},
            400,
            '{"error":"temperature: The value must be at least 0"}',
        ),
        (
            {"step": 7},
            404,
            '{"error":"Step 7 not found; this session has the steps 0, 50, 100"}',
        ),
    ],
)
def test_the_error_table_byte_for_byte(client, service, path, changes, status, body):
    service.register(Session("unborn", "live", None))
    response = post(client, path, **{"n": 3} if path == GENERATE else {}, **changes)
    assert response.status_code == status
    assert response.content == body.encode("utf-8")
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("session_id", None), ("session_id", 1), ("session_id", ""), ("session_id", "x" * 301),
        ("context", None), ("context", ["a"]), ("context", "a" * 100_001),
        ("temperature", None), ("temperature", True), ("temperature", 10.01),
        ("top_k", -1), ("top_k", 1001), ("top_k", 1.5), ("top_k", "3"),
        ("top_p", 0), ("top_p", 1.01), ("top_p", "0.5"),
        ("seed", -1), ("seed", SEED_MAX + 1), ("seed", 10**30),
        ("position", -1), ("position", 10**30), ("step", -1), ("step", "0"), ("step", 10**30),
        ("n", 0), ("n", 501), ("n", "3"), ("n", 2.5),
        ("temprature", 1.0),
    ],
)  # fmt: skip
def test_a_value_that_is_wrong_is_named(client, field, value):
    sentence = error(post(client, GENERATE, **{"n": 3} | {field: value}), 400)
    assert sentence.startswith(f"{field}: ")


@pytest.mark.parametrize("field", ["session_id", "context", "temperature", "n"])
def test_a_field_that_is_missing_is_named(client, field):
    body = {key: value for key, value in (HELLO | {"n": 3}).items() if key != field}
    assert error(client.post(GENERATE, json=body), 400) == f"{field}: This field is missing"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"not json", b"{", b"null", b"[]", b'"text"', b"\xff\xfe{}", b"\x00",
        b"[" * 100_000, b'{"a":' * 50_000,
        b'{"session_id":"plain","context":"a","temperature":NaN}',
        b'{"session_id":"plain","context":"a","temperature":1e999}',
        b'{"session_id":"plain","context":"a","temperature":' + b"1" * 5000 + b"}",
        b'{"session_id":"plain","context":"\\ud800","temperature":1}',
        b'{"session_id":"\\ud800","context":"a","temperature":1}',
        b'{"session_id":"plain","context":"a","temperature":1,"\\ud800":1}',
    ],
    ids=lambda content: content[:60].decode("latin-1"),
)  # fmt: skip
def test_a_body_that_is_no_request(client, content):
    assert error(client.post(NEXT, content=content, headers=JSON), 400)


def test_a_body_that_is_not_declared_as_json(client):
    text = {"content-type": "text/plain"}
    assert error(client.post(NEXT, content=json.dumps(HELLO), headers=text), 400)
    assert error(client.post(NEXT, data={"session_id": "plain"}), 400)


@pytest.fixture
def broken_model(monkeypatch):
    def extend(*arguments):
        raise RuntimeError("a tensor went away")

    monkeypatch.setattr("playground.lm.model.Transformer.extend", extend)


@pytest.mark.parametrize("path", [NEXT, GENERATE])
def test_what_breaks_inside_gives_its_reason_and_no_stack_trace(client, broken_model, path):
    extra = {"n": 3} if path == GENERATE else {}
    response = client.post(path, json=HELLO | extra, headers={"origin": "https://course.test"})
    assert response.status_code == 500
    assert response.content == b'{"error":"Generation failed: a tensor went away"}'
    assert response.headers["access-control-allow-origin"] == "*"


def test_after_a_failure_the_rest_works(client, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("playground.lm.model.Transformer.extend", None)
        assert error(post(client, NEXT), 500).startswith("Generation failed: ")
    assert answer(client, NEXT)


def test_a_checkpoint_that_is_refused_says_why(client, models_dir):
    (models_dir / "plain" / "checkpoints" / "step-000050" / "model.safetensors").unlink()
    sentence = error(post(client, NEXT, step=50), 422)
    assert sentence == "checkpoints/step-000050/model.safetensors is missing"
    assert answer(client, NEXT)


# --- Substitutes ---------------------------------------------------------------------------------


def test_substitutes_for_what_a_model_does_not_know(client):
    def substitute(text):
        return client.post("/api/substitute", json={"session_id": "plain", "text": text}).json()

    assert substitute("Héllo\tWörld😀!") == {
        "text": "hello world!",
        "replaced": {"H": "h", "é": "e", "\t": " ", "W": "w", "ö": "o", "😀": ""},
        "substitutions": [
            {"character": character, "substitute": near}
            for character, near in zip("Hé\tWö", "he wo", strict=True)
        ],
        "dropped": ["😀"],
    }
    nothing = {"replaced": {}, "substitutions": [], "dropped": []}
    assert substitute("known already") == {"text": "known already"} | nothing
    assert substitute("") == {"text": ""} | nothing


def test_substitute_says_what_is_lost_in_order_of_appearance(client):
    body = {"session_id": "plain", "text": "i am 51 years “old” 😀\r\n1"}
    answer = client.post("/api/substitute", json=body).json()
    assert answer["text"] == "i am  years old \n"
    assert answer["dropped"] == ["5", "1", "“", "”", "😀"]
    assert answer["substitutions"] == []


def test_substitute_takes_the_form_that_the_model_knows(client):
    text = "scho\u0308n\u2028"
    answer = client.post("/api/substitute", json={"session_id": "plain", "text": text}).json()
    assert answer["text"] == "schon\n"
    assert answer["replaced"] == {"ö": "o"}


def test_substitute_refuses_as_the_others_do(client, service):
    service.register(Session("unborn", "live", None))

    def substitute(**body):
        return client.post("/api/substitute", json=body)

    assert error(substitute(session_id="nobody", text="a"), 404) == "Session not found"
    assert error(substitute(session_id="unborn", text="a"), 400) == "Model not initialized"
    assert error(substitute(session_id="plain"), 400) == "text: This field is missing"
    assert error(substitute(session_id="plain", text="a" * 100_001), 400).startswith("text: ")


def test_more_than_can_be_done_in_time_is_refused_at_once(settings):
    starved = Playground(settings.model_copy(update={"generation_seconds": 0.01}))
    body = {"session_id": "plain", "context": "ab", "temperature": 1, "n": 100}
    with TestClient(create_api(starved)) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/api/generate", json=body), range(16)))
        refused = [answer for answer in answers if answer.status_code == 503]
        assert refused
        assert {answer.status_code for answer in answers} == {200, 503}
        assert int(refused[0].headers["Retry-After"]) >= 1
        assert refused[0].headers["X-Error"] == "Overloaded"
        assert refused[0].json()["error"].startswith("More is being written right now")
        assert client.post("/api/generate", json=body).status_code == 200
