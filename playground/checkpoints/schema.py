"""The files of a checkpoint folder: names, limits and JSON schemas."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from playground.i18n.translate import Message
from playground.i18n.validation import validation_message
from playground.lm.sampling import TEMPERATURE_MAX, TOP_K_MAX

CONFIG, VOCABULARY, TOKENIZER = "config.json", "vocab.json", "tokenizer.json"
WEIGHTS = "model.safetensors"
SHARD_INDEX = "model.safetensors.index.json"
INDEX = "checkpoints/index.json"
JSON_BYTES = 2**20
STEPS_MAX = 1000
SHARDS_MAX = 16
NAME_MAX = 100

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
SHARD = r"model-[0-9]{5}-of-[0-9]{5}\.safetensors"  # pattern of a name
_FOLDER = r"^(checkpoints/step-[0-9]{6,9}/)?"
_WEIGHTS_PATH = rf"{_FOLDER}model\.safetensors$"
_Text = Annotated[str, Field(max_length=2000)]
_Count = Annotated[int, Field(ge=0, le=2**53)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Bytes = Annotated[int, Field(gt=0)]


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
    characters_per_token: of the validation text; None where each token is a character.
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
    characters_per_token: Annotated[float, Field(gt=0)] | None = None
    command: _Text = ""
    seed: _Count = 0
    model: dict[str, Any]


class CheckpointEntry(BaseModel):
    """One line of the index. Losses in nats per character, whatever the tokens are; tokens seen in
    training.

    val_loss: in windows of block_size side by side (lm.learning.validation_loss).
    sliding_val_loss: on the same text, each token given the last block_size before it, as text is
    generated (lm.scoring.sliding_validation_loss).
    """

    model_config = STRICT

    step: _Count
    tokens: _Count
    train_loss: Annotated[float, Field(ge=0)] | None = None
    val_loss: Annotated[float, Field(ge=0)] | None = None
    sliding_val_loss: Annotated[float, Field(ge=0)] | None = None
    path: Annotated[str, Field(pattern=_WEIGHTS_PATH)]
    sha256: _Sha256
    bytes: _Bytes

    @property
    def files(self) -> tuple[CheckpointEntry | Shard, ...]:
        """All files of the step's weights, each with its path, sha256 and bytes."""
        return (self,)

    @property
    def tensor_files(self) -> tuple[CheckpointEntry | Shard, ...]:
        """Those of `files` that hold tensors."""
        return (self,)


class Shard(BaseModel):
    """One of several safetensors files of a step's weights."""

    model_config = STRICT

    path: Annotated[str, Field(pattern=rf"{_FOLDER}{SHARD}$")]
    sha256: _Sha256
    bytes: _Bytes


class ShardedEntry(CheckpointEntry):
    """A line for weights in several files; path, sha256 and bytes are those of SHARD_INDEX, which
    says what tensor is in which shard.
    """

    path: Annotated[str, Field(pattern=rf"{_FOLDER}{re.escape(SHARD_INDEX)}$")]
    shards: Annotated[tuple[Shard, ...], Field(min_length=1, max_length=SHARDS_MAX)]

    @property
    def files(self) -> tuple[CheckpointEntry | Shard, ...]:
        return (self, *self.shards)

    @property
    def tensor_files(self) -> tuple[CheckpointEntry | Shard, ...]:
        return self.shards


def weights_path(step: int, *, final: bool, file: str = WEIGHTS) -> str:
    """Path of a file of the weights of a step, relative to the folder."""
    return file if final else f"checkpoints/step-{step:06d}/{file}"


def first_error(error: pydantic.ValidationError) -> Message:
    """The first error of a validation, as `field: message`."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    what = validation_message(first)
    return Message.of("fields.problem", field=place, what=what) if place else what
