"""Schemas of the generation routes: text in, steps with their distributions out."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from playground.api.schemas.base import RequestBody
from playground.lm.generation import Rest, Steps
from playground.lm.sampling import (
    SEED_MAX,
    TEMPERATURE_MAX,
    TOP_K_MAX,
    SamplingParams,
)
from playground.lm.tokenizer import Tokenizer, is_whole
from playground.lm.vocabulary import Vocabulary
from playground.service.contexts import CONTEXT_MAX
from playground.service.generation import TOKENS_MAX, Generation

SESSION_ID_MAX = 300  # characters
INTEGER_MAX = SEED_MAX  # bounded by JSON, as seeds are

SessionId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=SESSION_ID_MAX,
        description="A session's name, as /api/sessions lists.",
    ),
]
Temperature = Annotated[
    float,
    Field(
        ge=0,
        le=TEMPERATURE_MAX,
        description="0 is the top choice; the probabilities are then those of temperature 1.",
    ),
]
Step = Annotated[
    int | None,
    Field(
        ge=0, le=INTEGER_MAX, description="Training step of the checkpoint; the last by default."
    ),
]
Text = Annotated[str, Field(min_length=1, max_length=CONTEXT_MAX)]
TokenIds = Annotated[
    list[Annotated[int, Field(ge=0, le=INTEGER_MAX)]], Field(max_length=CONTEXT_MAX)
]
ContextIds = Annotated[
    TokenIds,
    Field(
        description="Ids of the tokens that were written after it, as steps have them: half a "
        "character is no text, and a text may fall into other tokens than those it was made of.",
    ),
]


class SamplingRequest(RequestBody):
    """A text, and how its next token is to be picked."""

    session_id: SessionId
    context: Text = Field(description="The text so far; the model sees its last block_size tokens.")
    context_ids: ContextIds = Field(default=[])
    temperature: Temperature
    step: Step = None
    top_k: int | None = Field(
        0, ge=0, le=TOP_K_MAX, description="Keep the k most probable; 0 is off."
    )
    top_p: float | None = Field(
        1.0, gt=0, le=1, description="Keep a nucleus of probability p; 1 is off."
    )
    seed: int | None = Field(
        None, ge=0, le=SEED_MAX, description="Each draw depends on (seed, position) alone."
    )
    position: int | None = Field(
        None,
        ge=0,
        le=INTEGER_MAX,
        description="Absolute index of the token to come; by default the number of those before.",
    )

    def sampling_params(self) -> SamplingParams:
        """The sampling parameters; with a random seed if there is none."""
        seed = secrets.randbelow(SEED_MAX + 1) if self.seed is None else self.seed
        return SamplingParams(self.temperature, self.top_k or 0, self.top_p or 1.0, seed)


class NextTokenRequest(SamplingRequest):
    """A text, how its next token is to be picked, and what the answer is to say."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"session_id": "shakespeare", "context": "Hello wor", "temperature": 1.0}]
        },
    )

    intervals: bool = Field(
        default=False,
        description="Whether each candidate has its `low` and `high` on the line of the draw.",
    )


class GenerateRequest(NextTokenRequest):
    """A text, and how many tokens are to be appended to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"session_id": "shakespeare", "context": "Hello wor", "temperature": 0.8, "n": 20}
            ]
        }
    )

    n: int = Field(ge=1, le=TOKENS_MAX, description="Number of tokens to append.")


class SubstituteRequest(RequestBody):
    """A text that may hold characters which a session's model does not know."""

    session_id: SessionId
    text: str = Field(max_length=CONTEXT_MAX)


TokenId = Annotated[
    int | None,
    Field(description="Absent for a model of characters.", ge=0),
]
TokenBytes = Annotated[
    list[int] | None,
    Field(description="Of a token that holds a part of a character; absent for all others."),
]


class TokenFields(BaseModel):
    """Id and bytes of a token, beside its text; see `token_fields`."""

    token_id: TokenId = None
    bytes: TokenBytes = None

    @model_serializer(mode="wrap")
    def _leave_out_absent(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        absent = [name for name in TokenFields.model_fields if getattr(self, name) is None]
        return {name: value for name, value in fields.items() if name not in absent}


class TokenProbability(TokenFields):
    """A token and its probability."""

    token: str
    prob: float


class CandidateBody(TokenProbability):
    """A token, its probability, and on request its interval on the line of the draw.

    low, high: null for a token that top_k or top_p left out. Absent unless `intervals` was set.
    """

    low: float | None = None
    high: float | None = None


# A token is drawn on a line from 0 to 1, cut by those that top_k and top_p left: in the order of
# the vocabulary, each as long as its probability, renormalised.
Drawn = Annotated[
    float | None,
    Field(description="The number drawn, low <= u < high; null at temperature 0: none is."),
]
IntervalLow = Annotated[
    float,
    Field(
        description="Where the token's interval begins on a line from 0 to 1, on which the tokens "
        "left by top_k and top_p lie in the order of the vocabulary."
    ),
]
IntervalHigh = Annotated[float, Field(description="Where the token's interval ends.")]


class NextTokenResponse(TokenFields):
    """The token that was picked, and the distribution it was picked from.

    probabilities: the 10 most probable, descending; after temperature, before top_k and top_p.
    """

    next_token: str
    probabilities: list[CandidateBody]
    context_used: str
    other: Rest
    position: int
    seed: int
    session_id: str
    step: int
    u: Drawn
    low: IntervalLow
    high: IntervalHigh


class StepBody(TokenFields):
    """One token: where it stands, what it is, and what it was chosen from."""

    position: int
    token: str
    prob: float
    candidates: list[CandidateBody]
    other: Rest
    kept: int = Field(
        description="So many of the most probable are left by top_k and top_p.",
    )
    kept_prob: float = Field(
        description="Their total probability: a token is drawn with its own, divided by this one."
    )
    u: Drawn
    low: IntervalLow
    high: IntervalHigh


class GenerateResponse(BaseModel):
    steps: list[StepBody]
    context_used: str
    seed: int
    session_id: str
    step: int


def next_token_response(generation: Generation, seed: int, *, intervals: bool) -> dict[str, Any]:
    """The JSON of a NextTokenResponse to a generation of one step."""
    (step,) = step_bodies(generation, intervals=intervals)
    return {
        "next_token": step["token"],
        **{name: step[name] for name in ("token_id", "bytes") if name in step},
        "probabilities": step["candidates"],
        "context_used": generation.context_used,
        "other": step["other"],
        "position": step["position"],
        "seed": seed,
        "session_id": generation.session.session_id,
        "step": generation.step,
        "u": step["u"],
        "low": step["low"],
        "high": step["high"],
    }


def generate_response(generation: Generation, seed: int, *, intervals: bool) -> dict[str, Any]:
    """The JSON of a GenerateResponse."""
    return {
        "steps": step_bodies(generation, intervals=intervals),
        "context_used": generation.context_used,
        "seed": seed,
        "session_id": generation.session.session_id,
        "step": generation.step,
    }


def step_bodies(generation: Generation, *, intervals: bool = False) -> list[dict[str, Any]]:
    """The JSON of each step, a StepBody. Plain dictionaries: models took longer than the model."""
    steps, fields = generation.steps, token_fields(generation.vocabulary)
    candidate_fields = _candidate_fields(generation.vocabulary)
    n_other = len(generation.vocabulary) - steps.candidate.shape[1]
    columns = (
        steps.token, steps.prob, steps.candidate, steps.candidate_prob, steps.other, steps.n_kept,
        steps.kept_prob, steps.u, steps.low, steps.high,
    )  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), strict=True)
    bodies = [
        {
            "position": position,
            **fields(token),
            "prob": prob,
            "candidates": candidate_fields(ids, probs),
            "other": {"count": n_other, "prob": other},
            "kept": n_kept,
            "kept_prob": kept_prob,
            "u": None if math.isnan(u) else u,
            "low": low,
            "high": high,
        }
        for position, (
            token, prob, ids, probs, other, n_kept, kept_prob, u, low, high
        ) in enumerate(rows, generation.position)
    ]  # fmt: skip
    if intervals:
        _add_intervals(bodies, steps)
    return bodies


def token_fields(tokenizer: Tokenizer) -> Callable[[int], dict[str, Any]]:
    """A function of a token's id to its text, and the fields of TokenFields."""
    if isinstance(tokenizer, Vocabulary):
        characters = tokenizer.characters
        return lambda id: {"token": characters[id]}

    def fields(id: int) -> dict[str, Any]:
        content = tokenizer.token_bytes(id)
        part = {} if is_whole(content) else {"bytes": [*content]}
        return {"token": tokenizer.token_text(id), "token_id": id} | part

    return fields


def _candidate_fields(
    tokenizer: Tokenizer,
) -> Callable[[Sequence[int], Sequence[float]], list[dict[str, Any]]]:
    """A function of ids and probabilities to the fields of candidates.

    Not `token_fields` for each: there are ten candidates a token.
    """
    if isinstance(tokenizer, Vocabulary):
        characters = tokenizer.characters
        return lambda ids, probs: [
            {"token": characters[id], "prob": p} for id, p in zip(ids, probs, strict=True)
        ]
    fields = token_fields(tokenizer)
    return lambda ids, probs: [{**fields(id), "prob": p} for id, p in zip(ids, probs, strict=True)]


def _add_intervals(bodies: list[dict[str, Any]], steps: Steps) -> None:
    """Add `low` and `high` to the candidates of each step."""
    lows = steps.candidate_low
    highs = np.minimum(lows + steps.candidate_prob / steps.kept_prob[:, None], 1.0)
    for body, low_row, high_row in zip(bodies, lows.tolist(), highs.tolist(), strict=True):
        for candidate, low, high in zip(body["candidates"], low_row, high_row, strict=True):
            is_kept = not math.isnan(low)
            candidate |= {"low": low if is_kept else None, "high": high if is_kept else None}


class Substitution(BaseModel):
    """A character that the model doesn't know, and the known ones in its place."""

    character: str
    substitute: str


class SubstituteResponse(BaseModel):
    """A text in which the model knows every character, and what it took.

    Line ends, byte order marks and the composition of letters are adapted to the model first; of
    that nothing is lost, and it is not listed. The lists name each unknown character once, in order
    of appearance.
    """

    text: str = Field(description="With each unknown character replaced, or dropped.")
    replaced: dict[str, str] = Field(
        description='What became of each unknown character; "" where it was dropped. In no order.'
    )
    substitutions: list[Substitution] = Field(description="Those that were replaced.")
    dropped: list[str] = Field(
        description="Those without a near known character: missing in the text."
    )

    @classmethod
    def from_text(cls, text: str, vocabulary: Tokenizer) -> Self:
        """The response to a text of a model with this vocabulary."""
        if not isinstance(vocabulary, Vocabulary):  # tokens take texts as they are
            return cls(text=text, replaced={}, substitutions=[], dropped=[])
        text = vocabulary.adapt(text)
        replaced = vocabulary.substitutes(text)
        return cls(
            text=vocabulary.replace_unknown(text),
            replaced=replaced,
            substitutions=[
                Substitution(character=character, substitute=substitute)
                for character, substitute in replaced.items()
                if substitute
            ],
            dropped=[character for character, substitute in replaced.items() if not substitute],
        )
