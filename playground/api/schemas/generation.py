"""Schemas of the generation routes: text in, steps with their distributions out."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.base import RequestBody
from playground.lm.generation import Candidate, Rest, Step
from playground.lm.sampling import (
    SEED_MAX,
    TEMPERATURE_MAX,
    TOP_K_MAX,
    SamplingParams,
)
from playground.lm.vocabulary import Vocabulary
from playground.service.playground import CONTEXT_MAX, TOKENS_MAX, Generation

SESSION_ID_MAX = 300  # characters
INTEGER_MAX = 2**53 - 1  # the largest that a JSON number carries exactly

SessionId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=SESSION_ID_MAX,
        description="A session's name, as /api/sessions lists.",
    ),
]
Text = Annotated[str, Field(min_length=1, max_length=CONTEXT_MAX)]


class NextTokenRequest(RequestBody):
    """A text, and how its next token is to be picked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"session_id": "shakespeare", "context": "Hello wor", "temperature": 1.0}]
        },
    )

    session_id: SessionId
    context: Text = Field(
        description="The text so far; the model sees its last block_size characters."
    )
    temperature: float = Field(
        ge=0,
        le=TEMPERATURE_MAX,
        description="0 is the top choice; the probabilities are then those of temperature 1.",
    )
    step: int | None = Field(
        None,
        ge=0,
        le=INTEGER_MAX,
        description="Training step of the checkpoint; the last by default.",
    )
    top_k: int = Field(0, ge=0, le=TOP_K_MAX, description="Keep the k most probable; 0 is off.")
    top_p: float = Field(1.0, gt=0, le=1, description="Keep a nucleus of probability p; 1 is off.")
    seed: int | None = Field(
        None, ge=0, le=SEED_MAX, description="Each draw depends on (seed, position) alone."
    )
    position: int | None = Field(
        None,
        ge=0,
        le=INTEGER_MAX,
        description="Absolute index of the character to come; len(context) by default.",
    )

    def sampling_params(self) -> SamplingParams:
        """The sampling parameters; with a random seed if there is none."""
        seed = secrets.randbelow(SEED_MAX + 1) if self.seed is None else self.seed
        return SamplingParams(self.temperature, self.top_k, self.top_p, seed)


class GenerateRequest(NextTokenRequest):
    """A text, and how many characters are to be appended to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"session_id": "shakespeare", "context": "Hello wor", "temperature": 0.8, "n": 20}
            ]
        }
    )

    n: int = Field(ge=1, le=TOKENS_MAX, description="Number of characters to append.")


class SubstituteRequest(RequestBody):
    """A text that may hold characters which a session's model does not know."""

    session_id: SessionId
    text: str = Field(max_length=CONTEXT_MAX)


class NextTokenResponse(BaseModel):
    """The token that was picked, and the distribution it was picked from.

    probabilities: the 10 most probable, descending; after temperature, before top_k and top_p.
    """

    next_token: str
    probabilities: list[Candidate]
    context_used: str
    other: Rest
    position: int
    seed: int
    session_id: str
    step: int

    @classmethod
    def from_step(cls, generation: Generation, step: Step, seed: int) -> Self:
        """The response to a generation of one step."""
        return cls(
            next_token=step.token,
            probabilities=list(step.candidates),
            context_used=generation.context_used,
            other=step.other,
            position=step.position,
            seed=seed,
            session_id=generation.session.session_id,
            step=generation.step,
        )


class StepBody(BaseModel):
    """One character: where it stands, what it is, and what it was chosen from."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    token: str
    prob: float
    candidates: list[Candidate]
    other: Rest
    kept: int = Field(
        validation_alias="n_kept",
        description="So many of the most probable are left by top_k and top_p.",
    )
    kept_prob: float = Field(
        description="Their total probability: a token is drawn with its own, divided by this one."
    )


class GenerateResponse(BaseModel):
    steps: list[StepBody]
    context_used: str
    seed: int
    session_id: str
    step: int

    @classmethod
    def from_steps(cls, generation: Generation, steps: Iterable[Step], seed: int) -> Self:
        """The response to a generation, with those of its steps that were made."""
        return cls(
            steps=[StepBody.model_validate(step) for step in steps],
            context_used=generation.context_used,
            seed=seed,
            session_id=generation.session.session_id,
            step=generation.step,
        )


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
    def from_text(cls, text: str, vocabulary: Vocabulary) -> Self:
        """The response to a text of a model with this vocabulary."""
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
