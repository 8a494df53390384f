"""Schemas of the scoring route; its answer is written from arrays, without an object a token."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.base import RequestBody
from playground.api.schemas.generation import (
    SessionId,
    Step,
    TokenFields,
    TokenIds,
    TokenProbability,
    token_fields,
)
from playground.lm.generation import Rest
from playground.lm.scoring import Scores
from playground.service.scoring import SCORE_TEXT_MAX, TextScore

_WRITTEN = "Ids of the tokens that were written after it, which are scored, too."
_PROB_DIGITS = 6  # significant ones: half the bytes of all that a float has


class ScoreRequest(RequestBody):
    """A text to be scored by a session's model."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"session_id": "shakespeare", "text": "Hello world"}]}
    )

    session_id: SessionId
    text: Annotated[str, Field(min_length=1, max_length=SCORE_TEXT_MAX)]
    text_ids: TokenIds = Field(default=[], max_length=SCORE_TEXT_MAX, description=_WRITTEN)
    step: Step = None


class TokenBody(TokenFields):
    """One token, and what the model predicted in its place, at temperature 1.

    For the first one it is what follows an empty context. Where the model has none, nothing is
    predicted: its logprob, rank and other are null, and it has no candidates.
    """

    position: int
    token: str
    logprob: float | None = Field(description="Natural logarithm of the token's probability.")
    rank: int | None = Field(description="1: no other token was more probable.")
    candidates: list[TokenProbability] = Field(
        description="The 10 most probable, descending, with six significant digits."
    )
    other: Rest | None


class ScoreResponse(BaseModel):
    """A text's surprise under a model. Sums and means are of `scored` tokens.

    They are null for a text that has none: of one token, and the model has no empty context.
    """

    tokens: list[TokenBody]
    scored: int = Field(description="Number of tokens with a logprob.")
    total_nats: float | None = Field(description="Sum of -logprob.")
    mean_nats: float | None = Field(description="Mean of -logprob: the cross-entropy.")
    total_bits: float | None = Field(description="total_nats / ln 2.")
    bits_per_character: float | None = Field(
        description="total_bits by the characters of the scored tokens."
    )
    context_min: int = Field(
        description="So many of the tokens before each were seen at least. It is block_size, "
        "and the score exact, unless the model would take too long for a text of this length."
    )
    sliding_val_loss: float | None = Field(
        description="The checkpoint's mean nats on its validation text, measured in the same way; "
        "null where it was not."
    )
    session_id: str
    step: int


def score_json(score: TextScore) -> bytes:
    """A ScoreResponse as JSON."""
    scores = score.scores
    total = None if scores is None else float(-scores.logprobs.sum())
    scored = 0 if scores is None else len(scores.logprobs)
    return orjson.dumps(
        {
            "tokens": [*_unscored(score, len(score.ids) - scored), *_tokens(score, scores)],
            "scored": scored,
            "total_nats": total,
            "mean_nats": None if total is None else total / scored,
            "total_bits": None if total is None else total / math.log(2),
            "bits_per_character": _bits_per_character(score, total),
            "context_min": score.context_min,
            "sliding_val_loss": score.checkpoint.sliding_val_loss,
            "session_id": score.session.session_id,
            "step": score.checkpoint.step,
        }
    )


def _bits_per_character(score: TextScore, total_nats: float | None) -> float | None:
    """Comparable between models of different tokens; null where no character was scored."""
    if total_nats is None or not score.n_characters:
        return None
    return total_nats / score.n_characters / math.log(2)


def _unscored(score: TextScore, n: int) -> list[dict[str, Any]]:
    """The TokenBody of the first token where nothing is predicted for it: n = 1; else none."""
    assert score.session.run is not None
    fields = token_fields(score.session.run.vocabulary)
    nothing: dict[str, Any] = {"logprob": None, "rank": None, "candidates": [], "other": None}
    return [{"position": 0} | fields(id) | nothing for id in score.ids[:n]]


def _tokens(score: TextScore, scores: Scores | None) -> list[dict[str, Any]]:
    """The TokenBody of every token that is scored."""
    run = score.session.run
    if scores is None or run is None:
        return []
    fields = token_fields(run.vocabulary)
    n_others = len(run.vocabulary) - scores.candidates.shape[1]
    columns = (
        scores.logprobs.tolist(),
        scores.ranks.tolist(),
        scores.candidates.tolist(),
        _rounded(scores.probs).tolist(),
        _rounded(scores.other_probs).tolist(),
    )
    return [
        {
            "position": position,
            **fields(score.ids[position]),
            "logprob": logprob,
            "rank": rank,
            "candidates": [
                {**fields(id), "prob": prob} for id, prob in zip(ids, probs, strict=True)
            ],
            "other": {"count": n_others, "prob": other},
        }
        for position, (logprob, rank, ids, probs, other) in enumerate(
            zip(*columns, strict=True), len(score.ids) - len(scores.logprobs)
        )
    ]


def _rounded(probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Probabilities with _PROB_DIGITS significant digits; those too small for a scale become 0."""
    exponent = np.floor(np.log10(np.maximum(probs, 1e-300)))
    scale = 10.0 ** (_PROB_DIGITS - 1 - exponent)
    rounded: npt.NDArray[np.float64] = np.round(probs * scale) / scale
    return rounded
