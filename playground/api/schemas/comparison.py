"""Schemas of the comparison route."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.base import RequestBody
from playground.api.schemas.generation import ContextIds, SessionId, Step, Temperature, Text
from playground.service.comparison import POSITIONS_MAX, Comparison


class LaneRequest(RequestBody):
    """A model at a training step, and a temperature."""

    session_id: SessionId
    step: Step = None
    temperature: Temperature


class CompareRequest(LaneRequest):
    """Two models, steps or temperatures, and a text that both continue."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": "shakespeare",
                    "temperature": 1,
                    "other": {"session_id": "shakespeare-large", "temperature": 1},
                    "context": "Hello wor",
                }
            ]
        }
    )

    other: LaneRequest
    context: Text
    context_ids: ContextIds = Field(default=[])
    positions: int = Field(
        default=1,
        ge=1,
        le=POSITIONS_MAX,
        description="Compare what follows the context, and so many positions in all: those within "
        "it that come before.",
    )


class Divergence(BaseModel):
    """How far the two distributions of one position are apart, in bits; after temperature, before
    any truncation. Null where one of them excludes what the other does not: infinite.
    """

    position: int = Field(description="Absolute index of the character that is predicted.")
    kl: float | None = Field(description="D(model || other), over the whole vocabulary.")
    kl_reverse: float | None = Field(description="D(other || model).")


class LaneBody(BaseModel):
    session_id: str
    step: int
    temperature: float


class CompareResponse(BaseModel):
    """Kullback-Leibler divergences, 0 for equal distributions; the last one follows the context."""

    divergences: list[Divergence]
    model: LaneBody
    other: LaneBody


def compare_response(found: Comparison) -> dict[str, Any]:
    """The JSON of a CompareResponse."""
    model, other = (
        {
            "session_id": lane.session.session_id,
            "step": checkpoint.step,
            "temperature": lane.temperature,
        }
        for lane, checkpoint in zip(found.lanes, found.checkpoints, strict=True)
    )
    rows = zip(found.kl.tolist(), found.kl_reverse.tolist(), strict=True)
    return {
        "divergences": [
            {"position": position, "kl": _finite(kl), "kl_reverse": _finite(reverse)}
            for position, (kl, reverse) in enumerate(rows, found.first)
        ],
        "model": model,
        "other": other,
    }


def _finite(bits: float) -> float | None:
    return bits if math.isfinite(bits) else None
