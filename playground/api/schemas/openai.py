"""Schemas of the routes in the shape of the OpenAI API: models, and its legacy completions."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

from playground.api.schemas.base import RequestBody
from playground.api.schemas.generation import SessionId, Step, Temperature, Text
from playground.lm.generation import N_CANDIDATES
from playground.lm.sampling import SEED_MAX, TOP_K_MAX, SamplingParams
from playground.service.completions import CompletionOptions, CompletionToken, FinishReason
from playground.service.generation import TOKENS_MAX
from playground.service.sessions import Session

PROMPTS_MAX = 20
STOPS_MAX = 4
TOKENS_DEFAULT = 16
TEMPERATURE_DEFAULT = 1.0

_OWNER = "token-playground"
_LOGPROB_MIN = -9999.0  # in the OpenAI API, too: JSON has no -Infinity


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _as_prompts(value: object) -> object:
    """A single prompt that cannot be is at fault itself, not the first of a list; nor are ids."""
    if value is None:
        raise PydanticKnownError("missing")
    if value == "":
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    if not isinstance(value, str | list):
        raise PydanticKnownError("string_type")
    if isinstance(value, list) and any(isinstance(one, int | list) for one in value):
        raise PydanticCustomError("token_ids", "tokens instead of texts")
    return _as_list(value)


def _refuse_boolean(value: object) -> object:
    """Python takes True for 1; as text it is another value than every number."""
    return str(value) if isinstance(value, bool) else value


def _refuse_bias(value: object) -> object:
    if isinstance(value, dict) and value:
        raise PydanticCustomError("no_bias", "a bias")
    return value


_T = TypeVar("_T")
_NoBoolean = Annotated[_T, BeforeValidator(_refuse_boolean)]
_NoBias = Annotated[dict[str, float], Field(max_length=0)]
_Stop = Annotated[str, Field(min_length=1)]
_Prompts = Annotated[list[Text], Field(min_length=1, max_length=PROMPTS_MAX)]
_Stops = Annotated[list[_Stop], Field(max_length=STOPS_MAX)]
_OneOrMorePrompts = Annotated[
    _Prompts, BeforeValidator(_as_prompts, json_schema_input_type=Text | _Prompts)
]
_OneOrMoreStops = Annotated[
    _Stops, BeforeValidator(_as_list, json_schema_input_type=_Stop | _Stops)
]


class StreamOptions(RequestBody):
    """What a stream has besides its text."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool | None = Field(None, description="End with a chunk that has `usage`.")


class CompletionRequest(RequestBody):
    """Texts, and how they are to be continued. Null is the default; unknown fields are ignored."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [{"model": "shakespeare", "prompt": "Hello wor", "max_tokens": 20}]
        },
    )

    model: SessionId
    prompt: _OneOrMorePrompts = Field(description="A text, or several: one choice for each.")
    max_tokens: int | None = Field(TOKENS_DEFAULT, ge=0, le=TOKENS_MAX)
    temperature: Temperature | None = TEMPERATURE_DEFAULT
    top_p: float | None = Field(1.0, gt=0, le=1)
    top_k: int | None = Field(
        0, ge=0, le=TOP_K_MAX, description="Keep the k most probable; 0 is off. Not of OpenAI's."
    )
    seed: int | None = Field(None, ge=0, le=SEED_MAX, description="A new one by default.")
    stop: _OneOrMoreStops | None = Field(
        None, description="The text ends before the first of these; they are not in it."
    )
    logprobs: int | None = Field(
        None, ge=0, le=N_CANDIDATES, description="So many of the most probable tokens."
    )
    echo: bool | None = Field(default=False, description="Whether the prompt comes first.")
    stream: bool | None = Field(default=False, description="Answer with server-sent events.")
    stream_options: StreamOptions | None = None
    step: Step = None
    # Fields that would change the answer: only the value that doesn't is accepted.
    n: _NoBoolean[Literal[1]] | None = None
    best_of: _NoBoolean[Literal[1]] | None = None
    suffix: Literal[""] | None = None
    presence_penalty: _NoBoolean[Literal[0]] | None = None
    frequency_penalty: _NoBoolean[Literal[0]] | None = None
    logit_bias: Annotated[_NoBias, BeforeValidator(_refuse_bias)] | None = None

    @property
    def n_tokens(self) -> int:
        """The number of new tokens at most."""
        return TOKENS_DEFAULT if self.max_tokens is None else self.max_tokens

    @property
    def has_usage_chunk(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def options(self) -> CompletionOptions:
        """The options of one completion; with a random seed if there is none."""
        params = SamplingParams(
            TEMPERATURE_DEFAULT if self.temperature is None else self.temperature,
            self.top_k or 0,
            self.top_p or 1.0,
            secrets.randbelow(SEED_MAX + 1) if self.seed is None else self.seed,
        )
        return CompletionOptions(
            params,
            self.n_tokens,
            stop=tuple(self.stop or ()),
            echo=bool(self.echo),
            scored=self.logprobs is not None,
            in_parts=bool(self.stream),
        )


class Logprobs(BaseModel):
    """A list entry for each token; null for the first of a text, before which there is nothing.

    Of new tokens they are those after temperature and before top_k and top_p, of an echoed prompt
    those at temperature 1. top_logprobs: the `logprobs` most probable tokens, and the token itself.
    text_offset: in the prompt and what follows it, in characters; of a part of a character, where
    that begins.
    """

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class Choice(BaseModel):
    """A continuation. finish_reason: `stop` at a stop sequence or the model's end token; null while
    more is to come."""

    index: int
    text: str
    logprobs: Logprobs | None
    finish_reason: FinishReason | None


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionResponse(BaseModel):
    """A completion, or a chunk of one. system_fingerprint: names the weights, where they are fixed:
    with the same one an equal seed has an equal text."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    system_fingerprint: str | None
    choices: list[Choice]
    usage: Usage | None = None


class ModelBody(BaseModel):
    """A model. created: always 0, it is not known."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str

    @classmethod
    def from_session(cls, session: Session) -> Self:
        """The model of a session."""
        owner = session.origin.repo_id.split("/")[0] if session.origin else _OWNER
        return cls(id=session.session_id, owned_by=owner)


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelBody]


def envelope(model: str, session: Session) -> dict[str, Any]:
    """The fields that all chunks of a CompletionResponse share."""
    return {
        "id": f"cmpl-{secrets.token_hex(12)}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": session.revision,
    }


def choice_json(
    index: int,
    tokens: Sequence[CompletionToken],
    finish_reason: FinishReason | None,
    *,
    n_logprobs: int | None,
    offset: int,
) -> dict[str, Any]:
    """The JSON of a Choice. offset: of its first token."""
    return {
        "index": index,
        "text": "".join(token.text for token in tokens),
        "logprobs": None if n_logprobs is None else _logprobs(tokens, n_logprobs, offset),
        "finish_reason": finish_reason,
    }


def usage_json(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """The JSON of a Usage."""
    total = prompt_tokens + completion_tokens
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": total,
    }


def _logprobs(tokens: Sequence[CompletionToken], n: int, offset: int) -> dict[str, Any]:
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.text)
    return {
        "tokens": [token.shown for token in tokens],
        "token_logprobs": [
            None if token.logprob is None else max(token.logprob, _LOGPROB_MIN) for token in tokens
        ],
        "top_logprobs": [_top_logprobs(token, n) for token in tokens],
        "text_offset": offsets,
    }


def _top_logprobs(token: CompletionToken, n: int) -> dict[str, float] | None:
    """By text; of tokens with an equal one the most probable."""
    if token.logprob is None:
        return None
    found: dict[str, float] = {}
    for text, logprob in (*token.candidates[:n], (token.shown, token.logprob)):
        found.setdefault(text, max(logprob, _LOGPROB_MIN))
    return found
