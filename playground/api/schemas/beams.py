"""Schemas of the beam search route."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.base import RequestBody
from playground.api.schemas.generation import (
    ContextIds,
    SessionId,
    Step,
    Text,
    TokenFields,
    token_fields,
)
from playground.service.beams import DEPTH_MAX, WIDTH_MAX, BeamTree


class BeamsRequest(RequestBody):
    """A text, and how wide and deep its continuations are to be searched."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"session_id": "tales", "context": "Once upon", "width": 3, "n": 10}]
        }
    )

    session_id: SessionId
    context: Text
    context_ids: ContextIds = Field(default=[])
    width: int = Field(ge=1, le=WIDTH_MAX, description="Prefixes that are kept at each depth.")
    n: int = Field(ge=1, le=DEPTH_MAX, description="Number of tokens to append.")
    step: Step = None


class Beam(BaseModel):
    """A whole continuation, and the sum of the natural logarithms of its probabilities."""

    text: str
    logprob: float


class Prefix(TokenFields):
    """A continuation up to some depth: that of its parent, and one token."""

    parent: int = Field(description="Index in the depth before; 0 at the first depth.")
    token: str
    logprob: float = Field(description="Of all its tokens together, at temperature 1.")


class BeamsResponse(BaseModel):
    """What beam search kept, the most probable first; `beams` are the last depth written out."""

    beams: list[Beam]
    depths: list[list[Prefix]]
    context_used: str
    session_id: str
    step: int


def beams_response(tree: BeamTree) -> dict[str, Any]:
    """The JSON of a BeamsResponse."""
    fields = token_fields(tree.vocabulary)
    depths = [
        [
            {"parent": parent, **fields(token), "logprob": logprob}
            for parent, token, logprob in zip(
                level.parents.tolist(), level.tokens.tolist(), level.logprobs.tolist(), strict=True
            )
        ]
        for level in tree.levels
    ]
    final = tree.levels[-1].logprobs.tolist()
    return {
        "beams": [
            {"text": text, "logprob": logprob}
            for text, logprob in zip(tree.texts(), final, strict=True)
        ],
        "depths": depths,
        "context_used": tree.context_used,
        "session_id": tree.session.session_id,
        "step": tree.checkpoint.step,
    }
