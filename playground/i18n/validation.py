"""Our own sentences for what pydantic and JSON parsers refuse: theirs are for programmers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from playground.i18n.translate import LocalizedNumber, Message

# The message of each of pydantic's error types that our schemas can raise.
_MESSAGES = {
    "missing": "fields.missing",
    "extra_forbidden": "fields.unknown",
    "string_type": "fields.text",
    "string_unicode": "fields.unicode",
    "string_too_short": "fields.too_short",
    "string_too_long": "fields.too_long",
    "string_pattern_mismatch": "fields.pattern",
    "visitor": "fields.visitor",
    "blank": "fields.blank",
    "token_ids": "fields.token_ids",
    "no_bias": "fields.no_bias",
    "int_type": "fields.integer",
    "int_from_float": "fields.integer",
    "int_parsing": "fields.integer",
    "int_parsing_size": "fields.integer_size",
    "float_type": "fields.number",
    "float_parsing": "fields.number",
    "finite_number": "fields.finite",
    "greater_than": "fields.greater",
    "greater_than_equal": "fields.at_least",
    "less_than": "fields.less",
    "less_than_equal": "fields.at_most",
    "bool_type": "fields.boolean",
    "bool_parsing": "fields.boolean",
    "literal_error": "fields.choice",
    "too_long": "fields.too_many",
    "too_short": "fields.too_few",
    "list_type": "fields.list",
    "dict_type": "fields.object",
    "model_type": "fields.object",
    "model_attributes_type": "fields.object",
}
# Python's json and pydantic's parser both end their sentences so.
_POSITION = re.compile(r"line (\d+) column (\d+)")


def validation_message(error: Mapping[str, Any]) -> Message:
    """The message of one entry of `ValidationError.errors()`."""
    if error["type"] == "json_invalid":
        return Message.of("fields.not_json", reason=json_message(error["ctx"]["error"]))
    key = _MESSAGES.get(error["type"], "fields.invalid")
    return Message(key, _message_params(error.get("ctx", {})))


def json_message(reason: str) -> Message:
    """Where JSON is broken, from the text of a parser's exception."""
    if position := _POSITION.search(reason):
        line, column = int(position[1]), max(1, int(position[2]))  # pydantic's 0 is an empty text
        return Message.of("fields.json_position", line=line, column=column)
    return Message.of("fields.json_unreadable")


def _message_params(context: Mapping[str, Any]) -> dict[str, Any]:
    """An error's context with localized numbers, plural count, and choices split for `either`."""
    params = {k: LocalizedNumber(v) if isinstance(v, float) else v for k, v in context.items()}
    if (count := context.get("min_length", context.get("max_length"))) is not None:
        params["count"] = count
    some, either, last = str(context.get("expected", "")).rpartition(" or ")
    if either:
        params["expected"] = Message.of("fields.either", some=some, last=last)
    return params
