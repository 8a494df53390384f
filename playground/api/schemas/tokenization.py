"""Schemas of the tokenization route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.base import RequestBody
from playground.api.schemas.generation import SessionId, TokenBytes, token_fields
from playground.lm.tokenizer import Token, Tokenizer
from playground.service.contexts import CONTEXT_MAX


class TokenizeRequest(RequestBody):
    """A text to tokenize with the tokenizer of a session's model."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"session_id": "shakespeare", "text": "Hello"}]}
    )

    session_id: SessionId
    text: Annotated[str, Field(max_length=CONTEXT_MAX)]


class ReferenceTokenizeRequest(RequestBody):
    """A text to tokenize with a well-known tokenizer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "strawberry"}]})

    text: Annotated[str, Field(max_length=CONTEXT_MAX)]


class TokenOffsets(BaseModel):
    """A token of the text, and its offsets there in code points.

    Tokens that are parts of one character have the offsets of that character; one that the
    tokenizer puts before every text is empty: its end is its start.
    """

    id: int
    text: str = Field(description="What it stands for, as it reads within a text.")
    bytes: TokenBytes = None
    start: int
    end: int


class TokenizeResponse(BaseModel):
    tokens: list[TokenOffsets]


def tokenize_response(tokens: Sequence[Token], tokenizer: Tokenizer) -> dict[str, Any]:
    """The JSON of a TokenizeResponse."""
    fields = token_fields(tokenizer)
    return {"tokens": [_offsets(token, fields(token.id).get("bytes")) for token in tokens]}


def _offsets(token: Token, part: list[int] | None) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": token.id, "text": token.text}
    if part is not None:
        fields["bytes"] = part
    return fields | {"start": token.start, "end": token.end}
