"""Translation of pydantic's validation errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.i18n.translate import LocalizedNumber, Message, has_message, in_default_locale


def validation_message(error: Mapping[str, Any]) -> Message | str:
    """The message of one entry of `ValidationError.errors()`; pydantic's own text if there is none.

    pydantic words some errors of JSON input differently (`json_` keys). A message is used only if
    its English text equals pydantic's: an error type whose text changes is never mistranslated.
    """
    kind, params = error["type"], _message_params(error)
    for key in (f"fields.{kind}", f"fields.json_{kind}"):
        if has_message(key) and in_default_locale(Message(key, params)) == error["msg"]:
            return Message(key, params)
    return str(error["msg"])


def _message_params(error: Mapping[str, Any]) -> dict[str, Any]:
    """The error's context with localized numbers, plural count, and choices split for `either`."""
    context = dict(error.get("ctx", {}))
    params = {k: LocalizedNumber(v) if isinstance(v, float) else v for k, v in context.items()}
    if (count := context.get("min_length", context.get("max_length"))) is not None:
        params["count"] = count
    some, either, last = str(context.get("expected", "")).rpartition(" or ")
    if either:
        params["expected"] = Message.of("fields.either", some=some, last=last)
    return params
