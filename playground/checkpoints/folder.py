"""A checkpoint folder: strict, safe reading, and writing. Safetensors and JSON, never pickle.

    README.md                              the model card
    config.json                            RunConfig
    vocab.json                             the characters; id = position
    model.safetensors                      the final weights
    checkpoints/index.json                 [CheckpointEntry ...], ascending steps
    checkpoints/step-000100/model.safetensors

No folder is trusted: sizes are checked before anything is read, JSON against exact types and
ranges, then the weights (see weights.py). What is wrong is the message of a BadCheckpoint.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import pydantic
import torch
from pydantic import TypeAdapter
from pydantic_core import to_json

from playground.checkpoints.errors import as_invalid_input
from playground.checkpoints.json_files import read_json
from playground.checkpoints.schema import (
    CONFIG,
    INDEX,
    STEPS_MAX,
    STRICT,
    VOCABULARY,
    CheckpointEntry,
    RunConfig,
    first_error,
)
from playground.checkpoints.weights import (
    NATIVE_FORMAT,
    WeightsFormat,
    read_tensors,
)
from playground.errors import BadCheckpoint, StepNotFound
from playground.files import write_text
from playground.lm.model import CharTransformer, ConfigError, ModelConfig
from playground.lm.vocabulary import Vocabulary, VocabularyError

_SMOKE_TEST_LOGITS = 2**26

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True)
class Run:
    """A validated training run on disk, without its weights."""

    folder: Path
    config: RunConfig
    model_config: ModelConfig
    vocabulary: Vocabulary
    checkpoints: tuple[CheckpointEntry, ...]
    n_params: int
    weights_format: WeightsFormat = NATIVE_FORMAT

    @property
    def steps(self) -> list[int]:
        return [entry.step for entry in self.checkpoints]

    def checkpoint(self, step: int | None) -> CheckpointEntry:
        """The entry of a step, the last one for None. Raises StepNotFound."""
        if step is None:
            return self.checkpoints[-1]
        for entry in self.checkpoints:
            if entry.step == step:
                return entry
        raise StepNotFound(step, self.steps)


def read_run(folder: Path) -> Run:
    """Everything of a checkpoint folder but its weights. Raises BadCheckpoint."""
    config = _parse(TypeAdapter(RunConfig), folder, CONFIG)
    model_config = _parse_model_config(config.model)
    vocabulary = _read_vocabulary(folder)
    if len(vocabulary) != model_config.vocab_size:
        raise BadCheckpoint(
            "checkpoint.vocabulary_size",
            file=VOCABULARY,
            listed=len(vocabulary),
            said=model_config.vocab_size,
        )
    if config.end_token is not None and config.end_token not in vocabulary:
        raise BadCheckpoint("checkpoint.end_token_unknown")
    entries = read_index(folder)
    return Run(folder, config, model_config, vocabulary, entries, model_config.n_params)


def read_index(folder: Path) -> tuple[CheckpointEntry, ...]:
    """The checkpoints that a folder lists, ascending. Raises BadCheckpoint."""
    entries = _parse(TypeAdapter(list[CheckpointEntry]), folder, INDEX)
    steps = [entry.step for entry in entries]
    if not 1 <= len(steps) <= STEPS_MAX or steps != sorted(set(steps)):
        raise BadCheckpoint("checkpoint.index_steps", file=INDEX, most=STEPS_MAX)
    return tuple(entries)


def load_model(run: Run, step: int | None, *, max_bytes: int) -> CharTransformer:
    """The model of a run at a step, the last one for None, in evaluation mode.

    Raises StepNotFound, BadCheckpoint.
    """
    entry = run.checkpoint(step)
    tensors = read_tensors(
        run.folder, entry, run.weights_format, run.model_config, max_bytes=max_bytes
    )
    model = CharTransformer(run.model_config)
    model.load_state_dict(run.weights_format.state(run.model_config, tensors), strict=True)
    model.eval()
    _smoke_test(model, entry.path)
    return model


def write_run(
    folder: Path,
    config: RunConfig,
    vocabulary: Vocabulary,
    entries: Sequence[CheckpointEntry],
    card: str,
) -> Run:
    """Write all of a checkpoint folder but its weights, and read it back. Raises BadCheckpoint."""
    unset = {"sampling"} if config.sampling is None else None
    _write_json(folder / CONFIG, config.model_dump(exclude=unset))
    _write_json(folder / VOCABULARY, list(vocabulary.characters))
    _write_json(folder / INDEX, [entry.model_dump() for entry in entries])
    write_text(folder / "README.md", card)
    return read_run(folder)


def _parse(adapter: TypeAdapter[_Parsed], folder: Path, name: str) -> _Parsed:
    value = read_json(folder, name)
    try:
        return adapter.validate_json(to_json(value, inf_nan_mode="constants"))
    except pydantic.ValidationError as error:
        raise BadCheckpoint("checkpoint.in_file", file=name, reason=first_error(error)) from None


def _parse_model_config(values: dict[str, Any]) -> ModelConfig:
    """ModelConfig from JSON: exact types, unknown fields refused."""
    hints = get_type_hints(ModelConfig)
    checked = pydantic.create_model(  # type: ignore[call-overload]
        "model",
        __config__=STRICT,
        **{
            field.name: (
                hints[field.name],
                ... if field.default is dataclasses.MISSING else field.default,
            )
            for field in dataclasses.fields(ModelConfig)
        },
    )
    try:
        return ModelConfig(**checked.model_validate(values).model_dump())
    except (pydantic.ValidationError, ConfigError) as error:
        if isinstance(error, ConfigError):
            reason = as_invalid_input(error).message
        else:
            reason = first_error(error)
        raise BadCheckpoint("checkpoint.in_file", file=f"{CONFIG}: model", reason=reason) from None


def _read_vocabulary(folder: Path) -> Vocabulary:
    characters = _parse(TypeAdapter(list[str]), folder, VOCABULARY)
    try:
        return Vocabulary(characters)
    except VocabularyError as error:
        reason = as_invalid_input(error).message
        raise BadCheckpoint("checkpoint.in_file", file=VOCABULARY, reason=reason) from None


def _smoke_test(model: CharTransformer, path: str) -> None:
    """Raise BadCheckpoint where activations overflow on one full window, as far as that fits."""
    size, n_fitting = model.config.vocab_size, max(1, _SMOKE_TEST_LOGITS // model.config.vocab_size)
    ids = torch.arange(min(model.config.block_size, n_fitting))[None] % size
    with torch.inference_mode():
        if not torch.isfinite(model(ids)).all():
            raise BadCheckpoint("checkpoint.answers_not_finite", file=path)


def _write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
