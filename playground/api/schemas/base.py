"""The base class of all request bodies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator


class RequestBody(BaseModel):
    """Exact types, finite numbers, no unknown fields; `5.0` is an integer, as in JSON Schema."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _whole_number(cls, value: object) -> object:
        return int(value) if isinstance(value, float) and value.is_integer() else value
