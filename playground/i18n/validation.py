"""What pydantic finds wrong with a value, as a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.i18n.translate import LocalizedNumber, Message, has_message, in_default_locale


def problem_of(problem: Mapping[str, Any]) -> Message | str:
    """One entry of a validation error's list; pydantic's own words where there is no message.

    Of JSON pydantic says some things in other words than of Python's values. A message stands for
    what it says in English, to the letter: a type that comes to mean something else is not
    translated wrongly.
    """
    kind, params = problem["type"], _params(problem)
    for key in (f"fields.{kind}", f"fields.json_{kind}"):
        if has_message(key) and _says(key, params, problem["msg"]):
            return Message(key, params)
    return str(problem["msg"])


def _says(key: str, params: Mapping[str, Any], sentence: str) -> bool:
    return in_default_locale(Message(key, params)) == sentence


def _params(problem: Mapping[str, Any]) -> dict[str, Any]:
    """What a problem is about: bounds, with a decimal sign of their own, counts, and choices."""
    about = dict(problem.get("ctx", {}))
    params = {name: LocalizedNumber(v) if isinstance(v, float) else v for name, v in about.items()}
    if (count := about.get("min_length", about.get("max_length"))) is not None:
        params["count"] = count
    some, either, last = str(about.get("expected", "")).rpartition(" or ")
    if either:
        params["expected"] = Message.of("fields.either", some=some, last=last)
    return params
