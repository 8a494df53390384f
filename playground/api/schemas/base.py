"""The base class of all request bodies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic_core import PydanticKnownError


class RequestBody(BaseModel):
    """Exact types, finite numbers, whole characters, no unknown fields.

    `5.0` is an integer, as in JSON Schema.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _whole_number(cls, value: object) -> object:
        return _with_integers(value)

    @field_validator("*", mode="before")
    @classmethod
    def _no_lone_surrogate(cls, value: object) -> object:
        # JSON can escape one. pydantic refuses it only where it counts the characters of a text.
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                raise PydanticKnownError("string_unicode") from None
        return value


def _with_integers(value: object) -> object:
    """A number without a fraction as an integer, in a list, too."""
    if isinstance(value, list):
        return [_with_integers(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
