"""The JSON Schema of saved texts says what the page refuses."""

import io
import json
import re
import sys
import urllib.request

import jsonschema
import pytest
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.page.config import page_config
from playground.page.text_file import TextFile, text_file_schema
from playground.service.playground import Playground
from tests.test_docs import README

WRITER = {
    "session_id": "plain",
    "model": "plain",
    "name": "plain",
    "revision": None,
    "step": 100,
    "sampling": {"temperature": 0},
}
TOKEN = {"position": 1, "id": 2, "text": "b", "prob": 0.5, "writer": 0, "picked": True}
GOOD = {
    "$schema": "http://testserver/page/text.schema.json",
    "format": "token-playground-text",
    "version": 1,
    "prompt": "a",
    "prompt_ids": [1],
    "writers": [WRITER],
    "tokens": [TOKEN],
}


def test_the_route_serves_the_schema(client):
    answer = client.get("/page/text.schema.json")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.json() == text_file_schema()
    jsonschema.Draft202012Validator.check_schema(answer.json())


def test_a_saved_text_is_valid_and_what_is_broken_is_not():
    validator = jsonschema.Draft202012Validator(text_file_schema())
    validator.validate(GOOD)
    TextFile.model_validate(GOOD)
    for broken in (
        GOOD | {"format": "another"},
        GOOD | {"version": 2},
        GOOD | {"writers": []},
        GOOD | {"tokens": [TOKEN | {"text": ""}]},
        GOOD | {"tokens": [TOKEN | {"prob": 2}]},
        GOOD | {"tokens": [TOKEN] * 501},
        GOOD | {"writers": [WRITER | {"sampling": {"temperature": -1}}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(broken)
        with pytest.raises(ValueError, match="validation error"):
            TextFile.model_validate(broken)


def test_the_page_knows_the_format_that_the_schema_describes():
    served = page_config()["text_file"]["format"]
    properties = text_file_schema()["properties"]
    assert served == {name: properties[name]["const"] for name in ("format", "version")}


@pytest.fixture
def replay(settings, models_dir, write_model, word_pieces, tmp_path, monkeypatch, capsys):
    """`replay(file)`: a text written again by README's program, and a client of its server."""
    write_model(models_dir / "pieces", tokenizer=word_pieces)
    (program,) = [c for c in re.findall(r"```python\n(.+?)```", README, re.S) if "argv" in c]
    path = tmp_path / "text.json"
    with TestClient(create_api(Playground(settings))) as client:

        def ask(request):
            answer = client.post(request.selector, content=request.data, headers=request.headers)
            return io.BytesIO(answer.raise_for_status().content)

        def run(file):
            path.write_text(json.dumps(file), "utf-8")
            exec(compile(program, "README.md", "exec"), {})
            return capsys.readouterr().out.removesuffix("\n")

        monkeypatch.setattr(urllib.request, "urlopen", ask)
        monkeypatch.setattr(sys, "argv", ["replay", str(path), "http://testserver"])
        yield run, client


def test_readmes_program_writes_a_text_of_word_pieces_and_its_half_characters_again(replay):
    run, client = replay
    prompt, sampling = "the cat’s mat", {"temperature": 1.5, "seed": 3}
    asked = {"session_id": "pieces", "context": prompt, "n": 30} | sampling
    steps = client.post("/api/generate", json=asked).json()["steps"]
    written = b"".join(bytes(s.get("bytes") or s["token"].encode()) for s in steps)
    assert any("bytes" in step for step in steps)
    writer = WRITER | {"session_id": "pieces", "sampling": sampling}
    tokens = [
        TOKEN | {"position": s["position"], "id": s["token_id"], "text": s["token"]}
        | ({"bytes": s["bytes"]} if "bytes" in s else {})
        for s in steps
    ]  # fmt: skip
    file = GOOD | {"prompt": prompt, "writers": [writer], "tokens": tokens}
    assert run(file) == (prompt.encode() + written).decode(errors="replace")
