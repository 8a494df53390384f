"""Translation of the exceptions of `playground.lm` into localized errors."""

from __future__ import annotations

from typing import assert_never

from playground.errors import InvalidInput, UnknownCharacters
from playground.lm.model import ConfigError
from playground.lm.vocabulary import UnknownCharactersError, VocabularyError


def as_invalid_input(
    error: ConfigError | VocabularyError | UnknownCharactersError,
) -> InvalidInput:
    """The InvalidInput, to be raised, with the message of an exception of `playground.lm`."""
    match error:
        case ConfigError():
            return _config_error(error)
        case VocabularyError():
            return _vocabulary_error(error)
        case UnknownCharactersError():
            return UnknownCharacters(error.characters)


def _config_error(error: ConfigError) -> InvalidInput:
    name, reason = error.field, error.reason
    if reason == "integer":
        return InvalidInput("checkpoint.whole_number", name=name, low=error.low, high=error.high)
    if reason == "boolean":
        return InvalidInput("checkpoint.true_or_false", name=name)
    if reason == "epsilon":
        return InvalidInput("checkpoint.epsilon", name=name)
    if reason == "activation":
        return InvalidInput("checkpoint.activation")
    if reason == "attention":
        return InvalidInput("checkpoint.attention")
    if reason == "positions":
        return InvalidInput("checkpoint.sliding_positions")
    if reason == "width":
        return InvalidInput("checkpoint.widths")
    assert_never(reason)


def _vocabulary_error(error: VocabularyError) -> InvalidInput:
    reason = error.reason
    if reason == "empty":
        return InvalidInput("checkpoint.vocabulary_empty")
    if reason == "entry":
        return InvalidInput("checkpoint.vocabulary_entry")
    if reason == "duplicate":
        return InvalidInput("checkpoint.vocabulary_twice")
    assert_never(reason)
