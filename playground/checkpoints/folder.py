"""A checkpoint folder: strict, safe reading, and writing. Safetensors and JSON, never pickle.

    README.md                              the model card
    config.json                            RunConfig
    vocab.json                             the characters; id = position
     or tokenizer.json                     word pieces, as the tokenizers library writes them
    model.safetensors                      the final weights
    checkpoints/index.json                 [CheckpointEntry ...], ascending steps
    checkpoints/step-000100/model.safetensors

No folder is trusted: sizes are checked before anything is read, JSON against exact types and
ranges, then the weights (see weights.py). What is wrong is the message of a BadCheckpoint.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
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
    JSON_BYTES,
    STEPS_MAX,
    STRICT,
    TOKENIZER,
    VOCABULARY,
    CheckpointEntry,
    RunConfig,
    first_error,
)
from playground.checkpoints.weights import (
    NATIVE_FORMAT,
    WeightsFormat,
    read_tensors,
    resolve_within,
)
from playground.errors import BadCheckpoint, StepNotFound
from playground.files import write_text
from playground.lm.language_model import ModelShape
from playground.lm.model import ConfigError, ModelConfig, Transformer
from playground.lm.tokenizer import Tokenizer
from playground.lm.vocabulary import Vocabulary, VocabularyError
from playground.settings import TokenDtype
from playground.tokenization.library_tokenizer import LibraryTokenizer
from playground.tokenization.pieces import PieceTokenizer

_SMOKE_TEST_LOGITS = 2**26
_NEWER_FIELDS = ("sampling", "characters_per_token")  # which older versions refuse, even a null

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True)
class BaseRun:
    """A model on disk with its training steps, whatever computes with it; without its weights."""

    folder: Path
    config: RunConfig
    model_config: ModelShape
    vocabulary: Tokenizer
    checkpoints: tuple[CheckpointEntry, ...]
    n_params: int

    @property
    def start_token(self) -> str | None:
        """What stands before the first token of a text, as an empty context; None without one.

        Where texts end with a token, another follows it.
        """
        return self.config.end_token

    @property
    def end_tokens(self) -> tuple[str, ...]:
        """Each of these ends a text."""
        return () if self.config.end_token is None else (self.config.end_token,)

    @property
    def dtype(self) -> TokenDtype:
        """Of the weights in memory."""
        return "float32"

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


@dataclass(frozen=True, slots=True)
class Run(BaseRun):
    """A validated run of a model of ours.

    vocabulary: its characters, or a tokenizer, which is read when the weights are.
    """

    model_config: ModelConfig
    vocabulary: Vocabulary | PieceTokenizer
    weights_format: WeightsFormat = NATIVE_FORMAT

    @property
    def vocabulary_file(self) -> str:
        """Name of the file that lists its tokens."""
        return VOCABULARY if isinstance(self.vocabulary, Vocabulary) else TOKENIZER


def read_run(folder: Path) -> Run:
    """Everything of a checkpoint folder but its weights. Raises BadCheckpoint."""
    config = _parse(TypeAdapter(RunConfig), folder, CONFIG)
    model_config = _parse_model_config(config.model)
    vocabulary: Vocabulary | LibraryTokenizer
    if vocabulary_file(path.name for path in folder.iterdir()) == TOKENIZER:
        path = resolve_within(folder, TOKENIZER)
        vocabulary = LibraryTokenizer(path, max_bytes=JSON_BYTES)
    else:
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


def vocabulary_file(names: Iterable[str]) -> str:
    """Name of the file that lists the tokens of a model of ours, by the files of its folder."""
    names = set(names)
    return TOKENIZER if TOKENIZER in names and VOCABULARY not in names else VOCABULARY


def read_index(folder: Path, lines: Any = list[CheckpointEntry]) -> tuple[CheckpointEntry, ...]:
    """The checkpoints that a folder lists, ascending. Raises BadCheckpoint.

    lines: type of the index.
    """
    entries: list[CheckpointEntry] = _parse(TypeAdapter(lines), folder, INDEX)
    steps = [entry.step for entry in entries]
    if not 1 <= len(steps) <= STEPS_MAX or steps != sorted(set(steps)):
        raise BadCheckpoint("checkpoint.index_steps", file=INDEX, most=STEPS_MAX)
    return tuple(entries)


def load_model(run: Run, step: int | None, *, max_bytes: int) -> Transformer:
    """The model of a run at a step, the last one for None, in evaluation mode.

    Raises StepNotFound, BadCheckpoint.
    """
    entry = run.checkpoint(step)
    _check_tokenizer(run)
    tensors = read_tensors(
        run.folder, entry, run.weights_format, run.model_config, max_bytes=max_bytes
    )
    model = Transformer(run.model_config)
    model.load_state_dict(run.weights_format.state(run.model_config, tensors), strict=True)
    model.eval()
    _smoke_test(model, entry.path)
    return model


def write_run(
    folder: Path,
    config: RunConfig,
    vocabulary: Vocabulary | PieceTokenizer,
    entries: Sequence[CheckpointEntry],
    card: str,
) -> Run:
    """Write all of a checkpoint folder but its weights, and read it back. Raises BadCheckpoint."""
    unset = {name for name in _NEWER_FIELDS if getattr(config, name) is None}
    _write_json(folder / CONFIG, config.model_dump(exclude=unset))
    if isinstance(vocabulary, Vocabulary):
        _write_json(folder / VOCABULARY, list(vocabulary.characters))
    else:
        write_text(folder / TOKENIZER, vocabulary.content.decode())
    _write_json(folder / INDEX, [_index_line(entry) for entry in entries])
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


def _check_tokenizer(run: Run) -> None:
    """Raise BadCheckpoint unless the tokens are the model's; only here, as it starts a process."""
    tokenizer = run.vocabulary
    if isinstance(tokenizer, Vocabulary):
        return
    n_tokens, size = len(tokenizer) - len(tokenizer.gaps), run.model_config.vocab_size
    if n_tokens != size:
        raise BadCheckpoint("checkpoint.tokens_differ", tokens=n_tokens, size=size)
    end_token = run.config.end_token
    if end_token is not None and len(tokenizer.encode(end_token)) != 1:
        raise BadCheckpoint("checkpoint.end_token_unknown")


def _smoke_test(model: Transformer, path: str) -> None:
    """Raise BadCheckpoint where activations overflow on one full window, as far as that fits."""
    size, n_fitting = model.config.vocab_size, max(1, _SMOKE_TEST_LOGITS // model.config.vocab_size)
    ids = torch.arange(min(model.config.block_size, n_fitting))[None] % size
    with torch.inference_mode():
        if not torch.isfinite(model(ids)).all():
            raise BadCheckpoint("checkpoint.answers_not_finite", file=path)


def _index_line(entry: CheckpointEntry) -> dict[str, Any]:
    """An entry as JSON; older versions refuse a field that they do not know, even a null."""
    unset = {"sliding_val_loss"} if entry.sliding_val_loss is None else None
    return entry.model_dump(exclude=unset)


def _write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
