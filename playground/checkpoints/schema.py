"""The files of a checkpoint folder: names, limits and JSON schemas."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from playground.i18n.translate import Message
from playground.i18n.validation import validation_message
from playground.lm.sampling import TEMPERATURE_MAX, TOP_K_MAX

CONFIG, VOCABULARY, TOKENIZER = "config.json", "vocab.json", "tokenizer.json"
WEIGHTS = "model.safetensors"
INDEX = "checkpoints/index.json"
JSON_BYTES = 2**20
STEPS_MAX = 1000
NAME_MAX = 100

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
_WEIGHTS_PATH = r"^(checkpoints/step-[0-9]{6,9}/)?model\.safetensors$"
_Text = Annotated[str, Field(max_length=2000)]
_Count = Annotated[int, Field(ge=0, le=2**53)]


class SamplingDefaults(BaseModel):
    """How tokens of a model are best sampled; see lm.sampling.SamplingParams."""

    model_config = STRICT

    temperature: Annotated[float, Field(gt=0, le=TEMPERATURE_MAX)]
    top_k: Annotated[int, Field(ge=0, le=TOP_K_MAX)] = 0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0


class RunConfig(BaseModel):
    """config.json: the model, and how it was made.

    description: a sentence. prompt: an example prompt. sampling: None for the top choice.
    end_token: the character that ends a text, if there is one.
    command, seed: of its training. model: the fields of ModelConfig.
    """

    model_config = STRICT

    format: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
    description: _Text = ""
    corpus: _Text = ""
    prompt: _Text = ""
    sampling: SamplingDefaults | None = None
    end_token: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    command: _Text = ""
    seed: _Count = 0
    model: dict[str, Any]


class CheckpointEntry(BaseModel):
    """One line of the index. Losses in nats per character; tokens seen in training."""

    model_config = STRICT

    step: _Count
    tokens: _Count
    train_loss: Annotated[float, Field(ge=0)] | None = None
    val_loss: Annotated[float, Field(ge=0)] | None = None
    path: Annotated[str, Field(pattern=_WEIGHTS_PATH)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(gt=0)]


def weights_path(step: int, *, final: bool) -> str:
    """Path of the weights of a step, relative to the folder."""
    return WEIGHTS if final else f"checkpoints/step-{step:06d}/{WEIGHTS}"


def first_error(error: pydantic.ValidationError) -> Message:
    """The first error of a validation, as `field: message`."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    what = validation_message(first)
    return Message.of("fields.problem", field=place, what=what) if place else what
