"""Schemas of the route that compares contexts."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.comparison import LaneRequest
from playground.api.schemas.generation import INTEGER_MAX, ContextIds, Text, token_fields
from playground.errors import InvalidInput
from playground.i18n.translate import Message
from playground.service.context_comparison import OTHERS_MAX, ContextComparison


class CompareContextsRequest(LaneRequest):
    """A text, and others that the same model is to see in its place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": "tales",
                    "temperature": 1,
                    "context": "Once upon a",
                    "others": ["upon a", "Once upon "],
                    "token": " ",
                }
            ]
        }
    )

    context: Text
    context_ids: ContextIds = Field(default=[])
    others: Annotated[
        list[Text],
        Field(min_length=1, max_length=OTHERS_MAX, description="Each instead of the context."),
    ]
    token: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="The character whose probability is followed.",
    )
    token_id: int | None = Field(
        default=None, ge=0, le=INTEGER_MAX, description="In place of `token`: its id."
    )

    @property
    def followed(self) -> str | int:
        """The token whose probability is followed. Raises InvalidInput where none is named."""
        if (token := self.token if self.token_id is None else self.token_id) is None:
            missing = Message.of("fields.missing")
            raise InvalidInput("fields.problem", field="token", what=missing).at("token")
        return token


class ComparedCandidate(BaseModel):
    """A token with its probability after the other context, and after the context itself."""

    token: str
    prob: float
    before: float


class ComparedRest(BaseModel):
    """The tokens that are not among the candidates, together."""

    count: int
    prob: float
    before: float


class OtherContext(BaseModel):
    """What follows another context; after temperature, before any truncation."""

    kl: float | None = Field(
        description="D(after the context || after this one) in bits, over the whole vocabulary; "
        "null where this one excludes what the other does not: infinite."
    )
    prob: float = Field(description="Of `token`.")
    candidates: list[ComparedCandidate] = Field(description="The most probable, descending.")
    other: ComparedRest


class CompareContextsResponse(BaseModel):
    """How far the prediction moves with each of the other contexts, in their order."""

    prob: float = Field(description="Of `token` after the context itself.")
    others: list[OtherContext]
    session_id: str
    step: int


def compare_contexts_response(found: ContextComparison) -> dict[str, Any]:
    """The JSON of a CompareContextsResponse."""
    vocabulary = found.lane.run.vocabulary
    fields, n_rest = token_fields(vocabulary), len(vocabulary) - found.candidate.shape[1]
    columns = (
        found.kl, found.other_prob, found.candidate, found.candidate_prob, found.candidate_before,
        found.rest, found.rest_before,
    )  # fmt: skip
    return {
        "prob": found.prob,
        "others": [
            {
                "kl": kl if math.isfinite(kl) else None,
                "prob": prob,
                "candidates": [
                    {**fields(id), "prob": p, "before": q}
                    for id, p, q in zip(ids, probs, before, strict=True)
                ],
                "other": {"count": n_rest, "prob": rest, "before": rest_before},
            }
            for kl, prob, ids, probs, before, rest, rest_before in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ],
        "session_id": found.lane.session.session_id,
        "step": found.checkpoint.step,
    }
