"""Schemas of the route that makes a round of a guessing game."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.base import RequestBody
from playground.api.schemas.generation import SessionId, TokenFields, token_fields
from playground.lm.sampling import SEED_MAX
from playground.service.rounds import ROUND_CONTEXT_MAX, ROUND_LENGTH, ROUND_MAX, Round


class RoundRequest(RequestBody):
    """Which round: the same session, seed and length give the same one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"session_id": "tales", "seed": 1951}]}
    )

    session_id: SessionId
    seed: int = Field(ge=0, le=SEED_MAX)
    n: int = Field(ROUND_LENGTH, ge=1, le=ROUND_MAX, description="Number of tokens to guess.")


class RoundToken(TokenFields):
    """A token to guess, with its log-probabilities under two count-based models.

    Natural logarithms, by frequencies in the text that the model learned from; null where that is
    not on this server.
    """

    token: str
    unigram: float | None = Field(description="By the frequency of the token.")
    bigram: float | None = Field(description="By its frequency after the token before it.")


class RoundResponse(BaseModel):
    """The beginning of a text, and how it goes on."""

    source: Literal["text", "model"] = Field(
        description='"text": from the part of the text that the model was not trained on. "model": '
        "written by the model itself, at temperature 1."
    )
    context: str = Field(
        description="As many tokens as the model reads, "
        f"{ROUND_CONTEXT_MAX} at most; fewer where the text begins."
    )
    tokens: list[RoundToken]
    session_id: str
    seed: int


def round_response(session_id: str, seed: int, made: Round) -> dict[str, Any]:
    """The JSON of a RoundResponse."""
    nothing = (None,) * len(made.ids)
    fields = token_fields(made.vocabulary)
    rows = zip(made.ids, made.unigram or nothing, made.bigram or nothing, strict=True)
    return {
        "source": made.source,
        "context": made.context,
        "tokens": [
            fields(id) | {"unigram": unigram, "bigram": bigram} for id, unigram, bigram in rows
        ],
        "session_id": session_id,
        "seed": seed,
    }
