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
from playground.i18n.validation import validation_message
from playground.lm.vocabulary import Vocabulary, VocabularyError
from playground.settings import ROOT

# What those are made of that have a sentence of their own.
OWN = {
    errors.UnknownCharacters: ["ä"],
    errors.StepNotFound: [7, [0, 10]],
    errors.HubRateLimited: [30],
    errors.GenerationFailed: ["out of luck"],
    **{
        kind: []
        for kind in (
            errors.ModelNotInitialized,
            errors.SessionNotFound,
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
# What there is a message for: the key, a type, a value that is none, as Python's or, bytes, JSON.
PROBLEMS = [
    ("missing", Thing, {}),
    ("extra_forbidden", Thing, {"field": 1, "other": 2}),
    ("json_invalid", Thing, b"{"),
    ("string_type", str, 1),
    ("string_unicode", ONE, "\ud800"),
    ("string_too_short", ONE, ""),
    ("string_too_short", TWO, "a"),
    ("string_too_long", ONE, "ab"),
    ("string_too_long", TWO, "abc"),
    ("string_pattern_mismatch", Annotated[str, Field(pattern="^[a-z]+$")], "1"),
    ("int_type", Annotated[int, Field(strict=True)], "1"),
    ("int_parsing", int, "one"),
    ("int_parsing_size", int, "9" * 5000),
    ("int_from_float", int, 1.5),
    ("float_type", Annotated[float, Field(strict=True)], "1"),
    ("finite_number", Annotated[float, Field(allow_inf_nan=False)], float("nan")),
    ("greater_than", Annotated[float, Field(gt=0)], 0.0),
    ("greater_than_equal", Annotated[float, Field(ge=0.5)], 0.0),
    ("less_than", Annotated[int, Field(lt=3)], 3),
    ("less_than_equal", Annotated[float, Field(le=1000.0)], 1001.0),
    ("less_than_equal", Annotated[int, Field(le=2**53)], 2**53 + 1),
    ("bool_type", Annotated[bool, Field(strict=True)], "yes"),
    ("literal_error", Literal["gelu", "relu2", "none"], "tanh"),
    ("literal_error", Literal[1], 2),
    ("list_type", list[int], 1),
    ("json_list_type", list[int], b"1"),
    ("dict_type", dict[str, int], 1),
    ("json_dict_type", dict[str, int], b"1"),
    ("model_type", Thing, 1),
    ("json_model_type", Thing, b"1"),
]


def problem(of, value, **options):
    validator = TypeAdapter(of)
    read = validator.validate_json if isinstance(value, bytes) else validator.validate_python
    with pytest.raises(pydantic.ValidationError) as caught:
        read(value, **options)
    return caught.value.errors(include_url=False)[0]


@pytest.mark.parametrize(("kind", "of", "value"), PROBLEMS)
def test_a_message_says_in_english_what_pydantic_says(kind, of, value):
    found = problem(of, value)
    message = validation_message(found)
    assert isinstance(message, Message), found
    assert message.key == f"fields.{kind}"
    assert in_default_locale(message) == found["msg"]
    with use_locale("de"):
        assert " or " not in str(message) != found["msg"]


def test_what_fastapi_says_of_a_body_that_is_no_object():
    found = problem(Thing, 1, from_attributes=True)
    assert validation_message(found) == Message.of("fields.model_attributes_type")
    assert str(validation_message(found)) == found["msg"]


def test_there_is_no_message_for_a_problem_that_is_never_met():
    met = {f"fields.{kind}" for kind, *_ in PROBLEMS} | {
        f"fields.{kind}" for kind in ("model_attributes_type", "problem", "body_not_json", "either")
    }
    there = {key.removesuffix("_one").removesuffix("_other") for key in catalog("en")}
    assert {key for key in there if key.startswith("fields.")} == met


@pytest.mark.parametrize(
    "found",
    [
        {"type": "set_type", "msg": "Input should be a valid set"},
        {"type": "missing", "msg": "It means something else by now"},
    ],
)
def test_what_no_message_says_is_said_in_pydantics_words(found):
    assert validation_message(found) == found["msg"]
