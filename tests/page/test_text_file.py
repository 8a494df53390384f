"""The JSON Schema of saved texts says what the page refuses."""

import jsonschema
import pytest

from playground.page.config import page_config
from playground.page.text_file import TextFile, text_file_schema

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
