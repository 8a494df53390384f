"""JSON files of models, in the spellings that other programs write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from playground.checkpoints.schema import JSON_BYTES
from playground.checkpoints.weights import file_size, resolve_within
from playground.errors import BadCheckpoint

_PLACE = re.compile(r"at line ([0-9]+) column ([0-9]+)$")
_HALVED = re.compile("surrogate|end of hex escape")  # what the parser says of a lone surrogate


def read_json(folder: Path, name: str) -> Any:
    """The value of a small JSON file. Raises BadCheckpoint."""
    return parse_json(read_json_bytes(folder, name), name)


def read_json_bytes(folder: Path, name: str) -> bytes:
    """The bytes of a small file. Raises BadCheckpoint where it is missing or too large."""
    path = resolve_within(folder, name)
    size = file_size(path, name)
    if size > JSON_BYTES:
        raise BadCheckpoint("checkpoint.file_too_large", file=name, found=size, most=JSON_BYTES)
    return path.read_bytes()


def parse_json(content: bytes, file: str) -> Any:
    """The value of JSON text in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    NaN, Infinity and -Infinity, which Python writes, are read as such. Raises BadCheckpoint.
    """
    encoding = json.detect_encoding(content)
    try:
        return from_json(content.decode(encoding), allow_inf_nan=True)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding)
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        key = "checkpoint.no_utf8"
    except ValueError as error:
        place = _PLACE.search(str(error))
        line, column = map(int, place.groups()) if place else (1, 1)
        halved = _HALVED.search(str(error))
        key = "checkpoint.half_character" if halved else "checkpoint.no_json"
    raise BadCheckpoint(key, file=file, line=line, column=column)


def whole_number(value: Any) -> int | None:
    """The whole number that a value of JSON stands for: 11, 11.0 or "11"; None for any other."""
    match value:
        case bool():
            return None
        case float() if value.is_integer():
            return int(value)
        case str() if re.fullmatch("[0-9]{1,7}", value):
            return int(value)
        case _:
            return value if isinstance(value, int) else None
