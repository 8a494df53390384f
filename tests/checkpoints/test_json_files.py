"""JSON as other programs write it."""

import math

import pytest

from playground.checkpoints.json_files import parse_json, whole_number
from playground.errors import BadCheckpoint


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_encodings(encoding):
    assert parse_json('{"é": "字😀"}'.encode(encoding), "vocab.json") == {"é": "字😀"}


def test_numbers_that_python_writes():
    value = parse_json(b'{"a": NaN, "b": Infinity, "c": -Infinity, "d": 1e3}', "config.json")
    assert math.isnan(value.pop("a"))
    assert value == {"b": math.inf, "c": -math.inf, "d": 1000.0}


@pytest.mark.parametrize(
    ("content", "place"),
    [(b'{"a": 1,\n  }', "line 2, column 3"), (b"", "line 1, column 0"), (b"\xff", "line 1")],
)
def test_what_is_none_says_where(content, place):
    with pytest.raises(BadCheckpoint, match=rf"^config.json is no JSON: .* {place}.* json.dump$"):
        parse_json(content, "config.json")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{\n"author": "Jürgen"}'.encode("latin-1"), "not in UTF-8 from line 2, column 13 on"),
        (b'["\\ud83d"]', "half a character"),
        (b'["\\udc00"]', "half a character"),
        (b'["\\ud83dx"]', "half a character"),
    ],
)
def test_what_is_written_in_other_characters_says_so(content, sentence):
    with pytest.raises(BadCheckpoint, match=f"^config.json is no JSON.* {sentence}"):
        parse_json(content, "config.json")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (11, 11), (11.0, 11), ("11", 11), (-2, -2), (1.5, None), (True, None), ("1.5", None),
        (None, None), ([11], None), (math.nan, None), (math.inf, None),
    ],
)  # fmt: skip
def test_whole_numbers_in_other_clothes(value, number):
    assert whole_number(value) == number
