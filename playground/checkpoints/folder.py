"""A checkpoint folder: strict, safe reading, and writing. Safetensors and JSON, never pickle.

    README.md                              the model card
    config.json                            RunConfig
    vocab.json                             the characters; id = position
    model.safetensors                      the final weights
    checkpoints/index.json                 [CheckpointEntry ...], ascending steps
    checkpoints/step-000100/model.safetensors

A folder is not trusted, wherever it came from: sizes are checked before anything is read, JSON
against exact types and ranges, tensor names, shapes and dtypes against the config before a byte of
weights is read, then the checksum, and every number for being one. What is wrong is said in the
sentence of a BadCheckpoint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import pydantic
import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from playground.checkpoints.errors import as_invalid_input
from playground.errors import BadCheckpoint, StepNotFound
from playground.files import atomic_path, write_text
from playground.i18n.translate import LocalizedNumber, Message
from playground.i18n.validation import validation_message
from playground.lm.model import CharTransformer, ConfigError, ModelConfig
from playground.lm.vocabulary import Vocabulary, VocabularyError

CONFIG, VOCABULARY, TOKENIZER = "config.json", "vocab.json", "tokenizer.json"
WEIGHTS = "model.safetensors"
INDEX = "checkpoints/index.json"
JSON_BYTES = 2**20
STEPS_MAX = 1000
VOCABULARY_MAX = 20_000

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
_WEIGHTS_PATH = r"^(checkpoints/step-[0-9]{6,9}/)?model\.safetensors$"
_Text = Annotated[str, Field(max_length=2000)]
_Count = Annotated[int, Field(ge=0, le=2**53)]
_Parsed = TypeVar("_Parsed")


class RunConfig(BaseModel):
    """config.json: what the model is, and what a person wants to know of it.

    description: what it is good for, in a sentence. prompt: an example to start from.
    end_token: the character after which a text of this kind is complete, if there is one.
    command, seed: how it was made. model: the fields of ModelConfig.
    """

    model_config = _STRICT

    format: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    description: _Text = ""
    corpus: _Text = ""
    prompt: _Text = ""
    end_token: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    command: _Text = ""
    seed: _Count = 0
    model: dict[str, Any]


class CheckpointEntry(BaseModel):
    """One line of the index. Losses in nats per character; tokens seen in training."""

    model_config = _STRICT

    step: _Count
    tokens: _Count
    train_loss: Annotated[float, Field(ge=0)] | None = None
    val_loss: Annotated[float, Field(ge=0)] | None = None
    path: Annotated[str, Field(pattern=_WEIGHTS_PATH)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class WeightsFormat:
    """Names and shapes of tensors in a weights file, and their conversion to a state_dict.

    shapes: (config, names in the file) to the expected shapes by name; a format with variants
    recognizes them by the names.
    state: (config, tensors by name) to the state_dict of CharTransformer. Raises BadCheckpoint.
    """

    shapes: Callable[[ModelConfig, Collection[str]], dict[str, list[int]]]
    state: Callable[[ModelConfig, dict[str, torch.Tensor]], dict[str, torch.Tensor]]


def _own_shapes(config: ModelConfig, _: Collection[str]) -> dict[str, list[int]]:
    with torch.device("meta"):  # which allocates none of them
        return {name: list(t.shape) for name, t in CharTransformer(config).state_dict().items()}


NATIVE_FORMAT = WeightsFormat(_own_shapes, lambda _, tensors: tensors)


@dataclass(frozen=True, slots=True)
class Run:
    """A training run as it lies on disk: all but the weights, validated."""

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
    model_config = _model_config(config.model)
    vocabulary = _vocabulary(folder)
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
    """The model of a run at a step (the last one for None), ready to predict.

    Raises StepNotFound, and BadCheckpoint for weights that are not what the run says they are.
    """
    entry = run.checkpoint(step)
    path = _inside(run.folder, entry.path)
    size = _size(path, entry.path)
    if size > max_bytes:
        raise BadCheckpoint(
            "checkpoint.weights_too_large",
            file=entry.path,
            size=LocalizedNumber(size / 2**20, ".1f"),
            most=LocalizedNumber(max_bytes / 2**20),
        )
    if size != entry.bytes:
        raise BadCheckpoint(
            "checkpoint.weights_cut", file=entry.path, found=size, index=INDEX, said=entry.bytes
        )
    try:
        _check_header_bytes(path, entry.path)
        with safe_open(path, framework="pt") as weights:
            expected = run.weights_format.shapes(run.model_config, weights.keys())
            _check_header(weights, expected, entry.path)
            if hashlib.sha256(path.read_bytes()).hexdigest() != entry.sha256:
                raise BadCheckpoint("checkpoint.weights_differ", file=entry.path, index=INDEX)
            tensors = {name: weights.get_tensor(name) for name in expected}
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(
            "checkpoint.weights_broken", file=entry.path, reason=str(error)
        ) from None
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise BadCheckpoint("checkpoint.weights_not_finite", file=entry.path, name=name)
    model = CharTransformer(run.model_config)
    model.load_state_dict(run.weights_format.state(run.model_config, tensors), strict=True)
    model.eval()
    _smoke_test(model, entry.path)
    return model


def write_weights(
    folder: Path,
    path: str,
    model: CharTransformer,
    *,
    step: int,
    tokens: int,
    train_loss: float | None,
    val_loss: float | None,
) -> CheckpointEntry:
    """Write a model's weights to `folder / path`; returns its line for the index."""
    target = folder / path
    with atomic_path(target) as partial:
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, partial)
    return CheckpointEntry(
        step=step,
        tokens=tokens,
        train_loss=train_loss,
        val_loss=val_loss,
        path=path,
        sha256=hashlib.sha256(target.read_bytes()).hexdigest(),
        bytes=target.stat().st_size,
    )


def weights_path(step: int, *, final: bool) -> str:
    """Where the weights of a step lie, relative to the folder."""
    return WEIGHTS if final else f"checkpoints/step-{step:06d}/{WEIGHTS}"


def write_run(
    folder: Path,
    config: RunConfig,
    vocabulary: Vocabulary,
    entries: Sequence[CheckpointEntry],
    card: str,
) -> Run:
    """Write all of a checkpoint folder but its weights, and read it back. Raises BadCheckpoint."""
    _write_json(folder / CONFIG, config.model_dump())
    _write_json(folder / VOCABULARY, list(vocabulary.characters))
    _write_json(folder / INDEX, [entry.model_dump() for entry in entries])
    write_text(folder / "README.md", card)
    return read_run(folder)


def read_json_bytes(folder: Path, name: str) -> bytes:
    """The bytes of a small file. Raises BadCheckpoint where it is none."""
    path = _inside(folder, name)
    size = _size(path, name)
    if size > JSON_BYTES:
        raise BadCheckpoint("checkpoint.file_too_large", file=name, found=size, most=JSON_BYTES)
    return path.read_bytes()


def _parse(adapter: TypeAdapter[_Parsed], folder: Path, name: str) -> _Parsed:
    content = read_json_bytes(folder, name)
    try:
        return adapter.validate_json(content)
    except pydantic.ValidationError as error:
        raise BadCheckpoint("checkpoint.in_file", file=name, reason=explain(error)) from None


def explain(error: pydantic.ValidationError) -> Message | str:
    """The first thing that a validation found wrong, as `field: what`."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    what = validation_message(first)
    return Message.of("fields.problem", field=place, what=what) if place else what


def _model_config(values: dict[str, Any]) -> ModelConfig:
    """ModelConfig out of JSON: its fields with their exact types, no other."""
    hints = get_type_hints(ModelConfig)
    checked = pydantic.create_model(  # type: ignore[call-overload]
        "model",
        __config__=_STRICT,
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
            reason: Message | str = as_invalid_input(error).message
        else:
            reason = explain(error)
        raise BadCheckpoint("checkpoint.in_file", file=f"{CONFIG}: model", reason=reason) from None


def _vocabulary(folder: Path) -> Vocabulary:
    characters = _parse(TypeAdapter(list[str]), folder, VOCABULARY)
    if len(characters) > VOCABULARY_MAX:
        raise BadCheckpoint("checkpoint.vocabulary_too_large", file=VOCABULARY, most=VOCABULARY_MAX)
    try:
        return Vocabulary(characters)
    except VocabularyError as error:
        reason = as_invalid_input(error).message
        raise BadCheckpoint("checkpoint.in_file", file=VOCABULARY, reason=reason) from None


def _check_header_bytes(path: Path, name: str) -> None:
    """A header of a million names takes far more memory than it takes on the disk."""
    with path.open("rb") as file:
        n_bytes = int.from_bytes(file.read(8), "little")
    if n_bytes > JSON_BYTES:
        raise BadCheckpoint(
            "checkpoint.header_too_large", file=name, found=n_bytes, most=JSON_BYTES
        )


def _check_header(weights: Any, expected: dict[str, list[int]], path: str) -> None:
    found = set(weights.keys())
    for key, names in (
        ("checkpoint.tensors_lacking", expected.keys() - found),
        ("checkpoint.tensors_extra", found - expected.keys()),
    ):
        if names:
            some = ", ".join(" ".join(name[:60].split()) for name in sorted(names)[:5])
            raise BadCheckpoint(key, file=path, names=some)
    for name, shape in expected.items():
        header = weights.get_slice(name)
        if header.get_shape() != shape:
            raise BadCheckpoint(
                "checkpoint.tensor_shape",
                file=path,
                name=name,
                found=header.get_shape(),
                expected=shape,
            )
        if header.get_dtype() != "F32":
            raise BadCheckpoint(
                "checkpoint.tensor_type", file=path, name=name, found=header.get_dtype()
            )


def _smoke_test(model: CharTransformer, path: str) -> None:
    """Finite weights can still overflow on their way; one full window shows it."""
    ids = torch.arange(model.config.block_size)[None] % model.config.vocab_size
    with torch.inference_mode():
        if not torch.isfinite(model(ids)).all():
            raise BadCheckpoint("checkpoint.answers_not_finite", file=path)


def _inside(folder: Path, name: str) -> Path:
    """`folder / name`, refused where a link leads out of the folder."""
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link to itself
        inside = False
    if not inside:
        raise BadCheckpoint("checkpoint.leads_out", file=name)
    return path


def _size(path: Path, name: str) -> int:
    if not path.is_file():
        raise BadCheckpoint("checkpoint.missing", file=name)
    return path.stat().st_size


def _write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
