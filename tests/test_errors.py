"""Every error says what is wrong in the language of whoever reads it, with all its details."""

import ast
from typing import Annotated, Literal

import pydantic
import pytest
from pydantic import ConfigDict, Field, TypeAdapter

from playground import errors
from playground.checkpoints.errors import as_invalid_input
from playground.errors import BadCheckpoint, InvalidInput, PlaygroundError
from playground.i18n.translate import (
    LocalizedNumber,
    Message,
    available_locales,
    catalog,
    in_default_locale,
    translate,
    use_locale,
)
from playground.i18n.validation import json_message, validation_message
from playground.lm.vocabulary import Vocabulary, VocabularyError
from playground.settings import ROOT

# What those are made of that have a sentence of their own.
OWN = {
    errors.UnknownCharacters: ["ä"],
    errors.LogitsNotFinite: [[0]],
    errors.StepNotFound: [7, [0, 10]],
    errors.HubRateLimited: [30],
    errors.Overloaded: [2],
    errors.RateLimited: ["training.address_limit", 30],
    errors.Misdirected: ["b", errors.SessionNotFound()],
    errors.GenerationFailed: ["out of luck"],
    **{
        kind: []
        for kind in (
            errors.ModelNotInitialized,
            errors.SessionNotFound,
            errors.EngineUnavailable,
            errors.ModelLoading,
            errors.TooManyLoads,
            errors.LoadNotFound,
            errors.LoadCancelled,
            errors.TooManyTrainings,
            errors.TrainingUnavailable,
        )
    },
}


def kinds(of=PlaygroundError):
    return [of, *(found for kind in of.__subclasses__() for found in kinds(kind))]


@pytest.mark.parametrize("kind", kinds())
def test_every_error_speaks_all_languages(kind):
    error = kind(*OWN.get(kind, ["hub_errors.unreachable"]))
    said = []
    for language in available_locales():
        with use_locale(language):
            said.append(str(error))
            assert in_default_locale(error) == said[0]
    assert len(set(said)) == len(available_locales()) >= 2
    assert all(said)
    assert str(error) == said[0]


def test_an_invalid_input_knows_its_field():
    assert InvalidInput("errors.qr_too_long").field is None
    error = errors.UnknownCharacters(["ä"]).at("context")
    assert isinstance(error, errors.UnknownCharacters)
    assert error.field == "context"
    assert str(error) == "Unknown characters: ['ä']"


def test_the_time_to_wait_is_told_where_the_hub_tells_it():
    said = [str(errors.HubRateLimited(seconds)) for seconds in (None, 30)]
    again = "The Hub gets too many requests from here; try again in "
    assert said == [f"{again}a few minutes", f"{again}30 s"]


def test_a_reason_inside_of_an_error_is_said_in_the_same_language():
    with pytest.raises(VocabularyError) as caught:
        Vocabulary([])
    reason = as_invalid_input(caught.value).message
    error = BadCheckpoint("checkpoint.in_file", file="vocab.json", reason=reason)
    german = "vocab.json: ein Vokabular braucht mindestens ein Zeichen"
    with use_locale("de"):
        assert str(error) == german
    assert str(error) == "vocab.json: a vocabulary needs at least one character"
    assert translate(error.message.key, "de", **error.message.params) == german


@pytest.mark.parametrize(
    ("figure", "english", "german"),
    [
        (LocalizedNumber(1.0, ".1f"), "1.0", "1,0"),
        (LocalizedNumber(0.0005), "0.0005", "0,0005"),
        (LocalizedNumber(64.0), "64", "64"),
        (LocalizedNumber(2e-7), "2e-07", "2e-07"),
    ],
)
def test_a_figure_has_the_decimal_sign_of_the_language(figure, english, german):
    assert in_default_locale(figure) == english
    with use_locale("de"):
        assert str(figure) == german
        assert in_default_locale(figure) == english


# --- Where they are raised ------------------------------------------------------------------------


def calls():
    """Of each call that names a message: where it stands, the key, and its parameters."""
    for path in sorted((ROOT / "playground").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            key = getattr(node.args[0], "value", None)
            if key in catalog("en") and all(word.arg for word in node.keywords):
                yield f"{path.name}:{node.lineno}", key, {word.arg for word in node.keywords}


def test_every_message_is_given_its_parameters():
    found = list(calls())
    assert len(found) > 100
    for place, key, given in found:
        parts = catalog("en")[key].split("{{")[1:]
        assert {part.split("}}")[0].split(",")[0] for part in parts} == given, f"{key} in {place}"


# --- What pydantic finds --------------------------------------------------------------------------


class Thing(pydantic.BaseModel):
    model_config = ConfigDict(extra="forbid")

    field: int


TWO = Annotated[str, Field(min_length=2, max_length=2)]
ONE = Annotated[str, Field(min_length=1, max_length=1)]
FEW = Annotated[list[str], Field(min_length=1, max_length=2)]
WHOLE = Annotated[int, Field(strict=True)]
# A type, a value that is none, as Python's or, bytes, JSON; the key and the sentence for it.
PROBLEMS = [
    (Thing, {}, "missing", "This field is missing"),
    (
        Thing,
        {"field": 1, "other": 2},
        "unknown",
        "There is no such field here; is it spelled right?",
    ),
    (
        Thing,
        b"{",
        "not_json",
        "This is no valid JSON: something is wrong at line 1, column 1",
    ),
    (str, 1, "text", "This must be text, in quotation marks"),
    (
        ONE,
        "\ud800",
        "unicode",
        "This text has half of a surrogate pair in it, which is no character",
    ),
    (ONE, "", "too_short", "The text must have at least 1 character"),
    (TWO, "a", "too_short", "The text must have at least 2 characters"),
    (ONE, "ab", "too_long", "The text must have at most 1 character"),
    (TWO, "abc", "too_long", "The text must have at most 2 characters"),
    (FEW, [], "too_few", "The list must have at least 1 entry"),
    (FEW, ["a", "b", "c"], "too_many", "The list must have at most 2 entries"),
    (
        Annotated[str, Field(pattern="^[a-z]+$")],
        "1",
        "pattern",
        "The text must match the pattern ^[a-z]+$",
    ),
    (WHOLE, "1", "integer", "This must be a whole number"),
    (int, "one", "integer", "This must be a whole number"),
    (int, 1.5, "integer", "This must be a whole number"),
    (int, "9" * 5000, "integer_size", "This whole number has too many digits"),
    (Annotated[float, Field(strict=True)], "1", "number", "This must be a number"),
    (float, "one", "number", "This must be a number"),
    (
        Annotated[float, Field(allow_inf_nan=False)],
        float("nan"),
        "finite",
        "This must be a finite number",
    ),
    (Annotated[float, Field(gt=0)], 0.0, "greater", "The value must be greater than 0"),
    (Annotated[float, Field(ge=0.5)], 0.0, "at_least", "The value must be at least 0.5"),
    (Annotated[int, Field(lt=3)], 3, "less", "The value must be less than 3"),
    (Annotated[float, Field(le=1000.0)], 1001.0, "at_most", "The value must be at most 1000"),
    (
        Annotated[int, Field(le=2**53)],
        2**53 + 1,
        "at_most",
        "The value must be at most 9007199254740992",
    ),
    (Annotated[bool, Field(strict=True)], "yes", "boolean", "This must be true or false"),
    (bool, "maybe", "boolean", "This must be true or false"),
    (
        Literal["gelu", "relu2", "none"],
        "tanh",
        "choice",
        "This must be 'gelu', 'relu2' or 'none'",
    ),
    (Literal[1], 2, "choice", "This must be 1"),
    (list[int], 1, "list", "This must be a list, in square brackets"),
    (list[int], b"1", "list", "This must be a list, in square brackets"),
    (dict[str, int], b"1", "object", "This must be an object with fields, in curly brackets"),
    (Thing, 1, "object", "This must be an object with fields, in curly brackets"),
    (set[int], 1, "invalid", "This value cannot be used here"),
]


def problem(of, value):
    validator = TypeAdapter(of)
    read = validator.validate_json if isinstance(value, bytes) else validator.validate_python
    with pytest.raises(pydantic.ValidationError) as caught:
        read(value)
    return caught.value.errors(include_url=False)[0]


@pytest.mark.parametrize(("of", "value", "key", "sentence"), PROBLEMS)
def test_what_pydantic_refuses_has_a_sentence_of_our_own(of, value, key, sentence):
    found = problem(of, value)
    message = validation_message(found)
    assert message.key == f"fields.{key}"
    assert in_default_locale(message) == sentence != found["msg"]
    with use_locale("de"):
        assert " or " not in str(message) not in (sentence, found["msg"])


def test_a_body_that_fastapi_reads_attributes_of_must_be_an_object():
    error = {"type": "model_attributes_type", "loc": (), "msg": ""}
    assert validation_message(error) == Message.of("fields.object")


@pytest.mark.parametrize(
    ("reason", "position"),
    [
        ("Expecting value: line 3 column 7 (char 40)", (3, 7)),
        ("EOF while parsing a value at line 1 column 0", (1, 1)),
        ("maximum recursion depth exceeded", None),
    ],
)
def test_broken_json_is_told_by_its_place(reason, position):
    expected = (
        Message.of("fields.json_position", line=position[0], column=position[1])
        if position
        else Message.of("fields.json_unreadable")
    )
    assert json_message(reason) == expected
    assert reason not in in_default_locale(expected)
