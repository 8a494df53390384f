"""Real models that strangers trained, as bundled sessions, through the API."""

import asyncio
import json
import shutil
import subprocess
import sys

import pytest
from starlette.testclient import TestClient

pytest.importorskip("transformers")

from playground.api.app import create_api
from playground.service.playground import Playground
from playground.settings import ROOT, Settings

STRANGERS = ROOT.parent / "shared" / "data" / "models"
NAMES = ("stories260k", "babyllama-tok105", "glassllm-en")
pytestmark = pytest.mark.skipif(not STRANGERS.is_dir(), reason=f"no {STRANGERS}")
ONCE = "Once upon a time, there was a little"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    for name in NAMES:
        shutil.copytree(STRANGERS / name, folder / name)
    shutil.copytree(STRANGERS / "llmviz-sort" / "hf-gpt2", folder / "sort")
    settings = Settings(models_dir=folder, hub_endpoint="http://127.0.0.1:9")
    service = Playground(settings)
    assert service.refused == {}
    with TestClient(create_api(service), raise_server_exceptions=False) as client:
        yield client


def post(client, path, **body):
    response = client.post(f"/api/{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def written(client, session_id, context, n):
    body = {"session_id": session_id, "context": context, "temperature": 0, "n": n}
    steps = post(client, "generate", **body)["steps"]
    return "".join(step["token"] for step in steps), steps


@pytest.mark.parametrize(
    ("session_id", "context", "text"),
    [
        ("stories260k", ONCE,
         " girl named Lily. She loved to play outside in the park. One day, she saw a big,"),
        ("babyllama-tok105", ONCE, " girl named Lily. She loved to"),
        ("glassllm-en", "Alice was beginning to",
         " the\nQueen to the Queen, and she found it was saying to herself, and"),
        ("sort", "ABACAA", "AAAABC"),
    ],
)  # fmt: skip
def test_they_say_what_they_must_say(client, session_id, context, text):
    found, _ = written(client, session_id, context, len(text))
    assert found.startswith(text)


def test_what_a_session_of_tokens_is(client):
    session = client.get("/api/sessions/stories260k").json()
    assert session["tokenizer"] == "tokens"
    assert session["vocabulary"] == []
    assert session["vocab_size"] == 512
    assert session["block_size"] == 512
    assert session["params"] == 260_032
    assert session["end_token"] == "</s>"
    assert client.get("/api/sessions/sort").json()["tokenizer"] == "characters"
    listed = client.get("/api/sessions").json()["sessions"]
    assert [s["session_id"] for s in listed] == ["sort", "stories260k", NAMES[2], NAMES[1]]


def test_tokens_have_ids_texts_and_places(client):
    tokens = post(client, "tokenize", session_id="stories260k", text="Once É😀")["tokens"]
    assert tokens[0] == {"id": 1, "text": "<s>", "start": 0, "end": 0}
    assert tokens[1] == {"id": 403, "text": " Once", "start": 0, "end": 4}
    parts = [token for token in tokens if "bytes" in token]
    assert bytes(byte for token in parts for byte in token["bytes"]).decode() == "É😀"
    assert {(token["start"], token["end"]) for token in parts} == {(5, 6), (6, 7)}
    assert all(token["text"].startswith("⟨") for token in parts)


def test_a_step_names_its_token_and_counts_tokens(client):
    body = {"session_id": "stories260k", "context": ONCE, "temperature": 0}
    n_tokens = len(post(client, "tokenize", session_id="stories260k", text=ONCE)["tokens"])
    answer = post(client, "generate-next-token", **body)
    assert answer["next_token"] == " g"
    assert answer["position"] == n_tokens
    assert answer["context_used"] == ONCE
    assert answer["probabilities"][0]["token"] == " g"
    assert answer["probabilities"][0]["token_id"] == answer["token_id"]
    assert answer["other"]["count"] == 502
    again = post(client, "generate-next-token", **body, context_ids=[answer["token_id"]])
    assert again["context_used"] == ONCE + " g"
    assert again["position"] == n_tokens + 1


@pytest.mark.parametrize("session_id", NAMES)
def test_a_chunk_equals_single_calls_past_the_window_too(client, session_id):
    """With seeds, and ids of what was written: text may fall into other tokens."""
    context = "One day, Tom saw a big dog in the park. " * 12
    body = {"session_id": session_id, "context": context, "temperature": 1.2, "seed": 11}
    chunk = post(client, "generate", **body, n=8)
    ids = []
    for step in chunk["steps"]:
        single = post(client, "generate-next-token", **body, context_ids=ids)
        assert single["token_id"] == step["token_id"]
        assert single["position"] == step["position"]
        assert single["probabilities"][0]["prob"] == pytest.approx(
            step["candidates"][0]["prob"], abs=1e-5
        )
        ids.append(step["token_id"])
    n_tokens = len(post(client, "tokenize", session_id=session_id, text=context)["tokens"])
    size = client.get(f"/api/sessions/{session_id}").json()["block_size"]
    assert (len(chunk["context_used"]) < len(context)) == (n_tokens > size)
    assert context.endswith(chunk["context_used"])


def test_scores_are_comparable_by_character(client):
    text = ONCE + " girl named Lily."
    score = post(client, "score", session_id="stories260k", text=text)
    tokens = post(client, "tokenize", session_id="stories260k", text=text)["tokens"]
    assert [t["token_id"] for t in score["tokens"]] == [t["id"] for t in tokens]
    assert score["scored"] == len(tokens) - 1
    assert score["bits_per_character"] == pytest.approx(score["total_bits"] / len(text))
    assert score["bits_per_character"] < 1


def test_beams_and_comparisons(client):
    body = {"session_id": "stories260k", "context": ONCE}
    beams = post(client, "beams", **body, width=2, n=3)
    assert beams["beams"][0]["text"].startswith(" girl")
    assert beams["depths"][0][0]["token_id"] > 0
    other = {"session_id": "stories260k", "temperature": 2}
    found = post(client, "compare", **body, temperature=1, other=other)
    assert found["divergences"][0]["kl"] > 0
    for_others = body | {"temperature": 1, "other": other | {"session_id": NAMES[2]}}
    assert client.post("/api/compare", json=for_others).status_code == 400


def test_ids_are_scored_drawn_after_and_compared_as_they_are(client):
    """A text that was written token by token falls into other tokens when it is read again."""
    session = {"session_id": "stories260k"}
    whole = post(client, "tokenize", **session, text=ONCE)["tokens"]
    letters = [post(client, "tokenize", **session, text=c)["tokens"][-1]["id"] for c in "xyz"]
    for text, ids in (("Once", [t["id"] for t in whole[2:]]), (ONCE, letters)):
        given = [t["id"] for t in post(client, "tokenize", **session, text=text)["tokens"]] + ids
        score = post(client, "score", **session, text=text, text_ids=ids)
        assert [t["token_id"] for t in score["tokens"]] == given
        body = {**session, "context": text, "context_ids": ids}
        step = post(client, "generate-next-token", **body, temperature=0)
        draws = post(client, "draws", **body, temperature=0, n=1)
        assert draws["tokens"][0]["token_id"] == step["token_id"]
        beams = post(client, "beams", **body, width=1, n=1)
        assert beams["depths"][0][0]["token_id"] == step["token_id"]
        same = {**session, "temperature": 1}
        found = post(client, "compare", **body, temperature=1, other=same, positions=2)
        assert [d["position"] for d in found["divergences"]] == [len(given) - 1, len(given)]
        moved = post(
            client,
            "compare-contexts",
            **body,
            temperature=1,
            others=[text],
            token_id=step["token_id"],
        )
        assert moved["prob"] == pytest.approx(step["probabilities"][0]["prob"], abs=1e-4)
        assert moved["others"][0]["prob"] == pytest.approx(moved["prob"], abs=1e-4)
    exact = post(client, "score", **session, text=ONCE)
    parts = post(client, "score", **session, text="Once", text_ids=[t["id"] for t in whole[2:]])
    assert parts["bits_per_character"] == pytest.approx(exact["bits_per_character"], rel=1e-3)


@pytest.mark.parametrize(
    ("path", "more", "sentence"),
    [
        ("score", {"text": "a", "text_ids": [512]}, "0 to 511"),
        ("draws", {"context": "a", "context_ids": [512], "temperature": 1, "n": 1}, "0 to 511"),
        ("compare-contexts",
         {"context": "a", "others": ["b"], "token_id": 512, "temperature": 1}, "0 to 511"),
        ("compare-contexts", {"context": "a", "others": ["b"], "temperature": 1}, "missing"),
    ],
)  # fmt: skip
def test_an_id_that_no_token_has_or_no_token(client, path, more, sentence):
    response = client.post(f"/api/{path}", json={"session_id": "stories260k"} | more)
    assert response.status_code == 400
    assert sentence in response.json()["error"]


def test_a_text_without_a_token(client):
    body = {"session_id": "glassllm-en", "context": "€", "temperature": 0}
    assert post(client, "generate-next-token", **body)["context_used"] == "€"
    assert post(client, "substitute", session_id="glassllm-en", text="€é") == {
        "text": "€é", "replaced": {}, "substitutions": [], "dropped": [],
    }  # fmt: skip


def test_starting_with_such_a_model_imports_no_transformers(tmp_path):
    """Neither does serving the list of sessions."""
    shutil.copytree(STRANGERS / "stories260k", tmp_path / "stories260k")
    shutil.copytree(ROOT / "models" / "shakespeare-pieces", tmp_path / "pieces")
    script = f"""
import asyncio, json, sys
from pathlib import Path
from playground.api.schemas.sessions import SessionDetailBody
from playground.service.playground import Playground
from playground.settings import Settings
import app
async def main():
    service = Playground(Settings(models_dir=Path({str(tmp_path)!r})))
    await service.warm_up()
    print(json.dumps([s.session_id for s in service.sessions()]))
    for session in service.sessions():
        SessionDetailBody.from_session(session)
    await service.close()
asyncio.run(main())
assert not {{"transformers", "tokenizers"}} & sys.modules.keys()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["stories260k", "pieces"]


def test_after_the_start_the_library_is_there_and_what_it_cannot_build_is_refused(tmp_path):
    """No visitor waits for the import, nor opens what can't be built."""
    for name in ("stories260k", "lies"):
        shutil.copytree(STRANGERS / "stories260k", tmp_path / name)
    config = tmp_path / "lies" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"num_hidden_layers": 10**8}))

    async def prepared():
        service = Playground(Settings(models_dir=tmp_path))
        assert len(service.sessions()) == 2
        service.prepare()
        async with asyncio.timeout(60):
            while "lies" not in service.refused:
                await asyncio.sleep(0.05)
        await service.close()
        return [session.session_id for session in service.sessions()]

    assert asyncio.run(prepared()) == ["stories260k"]
    assert "transformers.modeling_utils" in sys.modules


@pytest.mark.parametrize("session_id", NAMES)
def test_a_round_of_a_model_without_a_prompt_begins_with_a_word(client, session_id):
    made = post(client, "rounds", session_id=session_id, seed=1)
    assert made["source"] == "model"
    assert len(made["tokens"]) == 20
    assert made == post(client, "rounds", session_id=session_id, seed=1)


def test_a_text_ends_where_only_config_json_says_with_which_token(client):
    assert client.get("/api/sessions/glassllm-en").json()["end_token"] == "<eos>"


@pytest.mark.parametrize(("session_id", "prompt"), [(NAMES[0], "Once É😀 upon"), (NAMES[1], ONCE)])
def test_an_echoed_prompt_is_the_text_that_was_sent(client, session_id, prompt):
    body = {"model": session_id, "prompt": prompt, "max_tokens": 3, "temperature": 0, "logprobs": 1}
    echoed, alone = (
        client.post("/v1/completions", json=body | {"echo": echo}).json()["choices"][0]
        for echo in (True, False)
    )
    assert echoed["text"] == prompt + alone["text"]
    assert echoed["logprobs"]["text_offset"][-3:] == alone["logprobs"]["text_offset"]
