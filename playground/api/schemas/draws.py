"""Schemas of the route that draws one token many times."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.generation import SamplingRequest, TokenFields, token_fields
from playground.lm.sampling import SEED_MAX
from playground.service.draws import DRAWS_MAX, RepeatedDraw


class DrawsRequest(SamplingRequest):
    """A text, how its next token is to be picked, and how often."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"session_id": "tales", "context": "Once upon", "temperature": 1.0, "n": 100}
            ]
        }
    )

    seed: int | None = Field(
        None,
        ge=0,
        le=SEED_MAX,
        description="Of the first draw; each of the others has the one after (after 2^53 - 1: 0).",
    )
    n: int = Field(ge=1, le=DRAWS_MAX, description="Number of draws.")


class DrawnToken(TokenFields):
    """A token, how often it was drawn, and how probable that was."""

    token: str
    count: int
    prob: float = Field(
        description="After temperature, top_k and top_p; at temperature 0 1 for the top choice."
    )


class DrawsResponse(BaseModel):
    """How often each token was drawn: those that were, the most frequent first."""

    tokens: list[DrawnToken]
    draws: list[int] = Field(description="What each draw gave, as an index in `tokens`.")
    context_used: str
    position: int
    seed: int
    session_id: str
    step: int


def draws_response(found: RepeatedDraw, seed: int) -> dict[str, Any]:
    """The JSON of a DrawsResponse."""
    ids, inverse, counts = np.unique(found.draws.tokens, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    fields, probs = token_fields(found.vocabulary), found.draws.probs[ids]
    return {
        "tokens": [
            {**fields(int(ids[at])), "count": int(counts[at]), "prob": float(probs[at])}
            for at in order
        ],
        "draws": ranks[inverse].tolist(),
        "context_used": found.context_used,
        "position": found.position,
        "seed": seed,
        "session_id": found.session.session_id,
        "step": found.checkpoint.step,
    }
