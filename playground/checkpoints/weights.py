"""Weights files: safetensors, checked before and after they are read, and written atomically."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from playground.checkpoints.schema import INDEX, JSON_BYTES, CheckpointEntry
from playground.errors import BadCheckpoint
from playground.files import write_bytes
from playground.i18n.translate import LocalizedNumber
from playground.lm.model import ModelConfig, Transformer

Shapes = dict[str, list[int]]
"""Shapes of tensors by name."""

_LFS_POINTER = b"version https://git-lfs"
# What else people name model.safetensors, by its first bytes.
_OTHER_FILES = {
    b"PK\x03\x04": "checkpoint.weights_pickled",  # torch.save
    b"\x80": "checkpoint.weights_pickled",
    b"GGUF": "checkpoint.weights_gguf",
    b"<": "checkpoint.weights_page",  # of a site, instead of a download
}
# All are computed with in 32 bits.
_FLOATS = ("F32", "F16", "BF16", "F64")


@dataclass(frozen=True, slots=True)
class WeightsFormat:
    """Names and shapes of tensors in a weights file, and their conversion to a state_dict.

    shapes: (config, shapes in the file) to the expected shapes; a format with variants recognizes
    them by what is in the file.
    state: (config, tensors by name) to the state_dict of Transformer. Raises BadCheckpoint.
    is_ignored: whether a tensor of that name and shape is no weight, and not read.
    """

    shapes: Callable[[ModelConfig, Shapes], Shapes]
    state: Callable[[ModelConfig, dict[str, torch.Tensor]], dict[str, torch.Tensor]]
    is_ignored: Callable[[str, list[int]], bool] = lambda name, shape: False


def _native_shapes(config: ModelConfig, _: Shapes) -> Shapes:
    with torch.device("meta"):  # allocates nothing
        return {name: list(t.shape) for name, t in Transformer(config).state_dict().items()}


NATIVE_FORMAT = WeightsFormat(_native_shapes, lambda _, tensors: tensors)


def read_tensors(
    folder: Path,
    entry: CheckpointEntry,
    weights_format: WeightsFormat,
    config: ModelConfig,
    *,
    max_bytes: int,
) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint by name, in float32.

    Checks, in this order: size, header, names, shapes and dtypes against the config, checksum, and
    that all values are finite. Raises BadCheckpoint.
    """
    path = resolve_within(folder, entry.path)
    size = file_size(path, entry.path)
    check_weights_bytes(entry.path, size, max_bytes)
    if size != entry.bytes:
        raise BadCheckpoint(
            "checkpoint.weights_cut", file=entry.path, found=size, index=INDEX, said=entry.bytes
        )
    try:
        check_header_bytes(path, entry.path)
        with safe_open(path, framework="pt") as weights:
            expected = _check_header(weights, weights_format, config, entry.path)
            if hashlib.sha256(path.read_bytes()).hexdigest() != entry.sha256:
                raise BadCheckpoint("checkpoint.weights_differ", file=entry.path, index=INDEX)
            tensors = {name: weights.get_tensor(name).float() for name in expected}
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(
            "checkpoint.weights_broken", file=entry.path, reason=str(error)
        ) from None
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise BadCheckpoint("checkpoint.weights_not_finite", file=entry.path, name=name)
    return tensors


def write_tensors(
    target: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write a safetensors file atomically. Raises OSError; safetensors' own writer has no other
    error for a full disk than for tensors that cannot be written.
    """
    write_bytes(target, save(tensors, metadata))


def write_weights(
    folder: Path,
    path: str,
    model: Transformer,
    *,
    step: int,
    tokens: int,
    train_loss: float | None,
    val_loss: float | None,
    sliding_val_loss: float | None = None,
    dtype: torch.dtype = torch.float32,
) -> CheckpointEntry:
    """Write a model's weights to `folder / path`; returns its line for the index."""
    weights = {name: w.to(dtype).contiguous() for name, w in model.state_dict().items()}
    write_tensors(folder / path, weights)
    return weights_entry(
        folder,
        path,
        step=step,
        tokens=tokens,
        train_loss=train_loss,
        val_loss=val_loss,
        sliding_val_loss=sliding_val_loss,
    )


def weights_entry(
    folder: Path,
    path: str,
    *,
    step: int,
    tokens: int,
    train_loss: float | None,
    val_loss: float | None,
    sliding_val_loss: float | None = None,
) -> CheckpointEntry:
    """The line for the index of the weights at `folder / path`."""
    target = folder / path
    return CheckpointEntry(
        step=step,
        tokens=tokens,
        train_loss=train_loss,
        val_loss=val_loss,
        sliding_val_loss=sliding_val_loss,
        path=path,
        sha256=file_sha256(target),
        bytes=target.stat().st_size,
    )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve_within(folder: Path, name: str) -> Path:
    """`folder / name`. Raises BadCheckpoint where a link leads out of the folder.

    A snapshot in Hugging Face's cache has its files in the blobs beside it.
    """
    path = folder / name
    try:
        own = folder.resolve()
        homes = [own, own.parent.parent / "blobs"] if own.parent.name == "snapshots" else [own]
        inside = any(path.resolve().is_relative_to(home) for home in homes)
    except (OSError, RuntimeError):  # a link to itself
        inside = False
    if not inside:
        raise BadCheckpoint("checkpoint.leads_out", file=name)
    return path


def weights_size(folder: Path, name: str) -> int:
    """Size of a weights file in bytes. Raises BadCheckpoint where it is missing or empty."""
    if not (size := file_size(resolve_within(folder, name), name)):
        raise BadCheckpoint("checkpoint.empty", file=name)
    return size


def file_size(path: Path, name: str) -> int:
    """Size in bytes. Raises BadCheckpoint where it is no file."""
    if not path.is_file():
        raise BadCheckpoint("checkpoint.missing", file=name)
    return path.stat().st_size


def check_weights_bytes(name: str, size: int, max_bytes: int) -> None:
    """Raises BadCheckpoint for weights of more than max_bytes."""
    if size > max_bytes:
        raise BadCheckpoint(
            "checkpoint.weights_too_large",
            file=name,
            size=LocalizedNumber(size / 2**20, ".1f"),
            most=LocalizedNumber(max_bytes / 2**20),
        )


def check_header_bytes(path: Path, name: str) -> None:
    """Bound the header: parsed, it takes far more memory than its bytes. Raises BadCheckpoint."""
    with path.open("rb") as file:
        start = file.read(8)
    if start == _LFS_POINTER[:8]:
        raise BadCheckpoint("checkpoint.lfs_pointer", file=name)
    n_bytes = int.from_bytes(start, "little")
    if n_bytes > JSON_BYTES:
        other = (key for magic, key in _OTHER_FILES.items() if start.startswith(magic))
        key = next(other, "checkpoint.header_too_large")
        raise BadCheckpoint(key, file=name, found=n_bytes, most=JSON_BYTES)


def tensor_shapes(weights: Any) -> Shapes:
    """The shapes of the tensors of an open safetensors file."""
    return {name: weights.get_slice(name).get_shape() for name in list(weights.keys())}


def _check_header(
    weights: Any, weights_format: WeightsFormat, config: ModelConfig, path: str
) -> Shapes:
    """Compare names, shapes and dtypes with the expected ones, before any tensor is read."""
    shapes = tensor_shapes(weights)
    ignored = weights_format.is_ignored
    found = {name: shape for name, shape in shapes.items() if not ignored(name, shape)}
    expected = weights_format.shapes(config, found)
    for key, wrong in (
        ("checkpoint.tensors_lacking", expected.keys() - found.keys()),
        ("checkpoint.tensors_extra", found.keys() - expected.keys()),
    ):
        if wrong:
            some = ", ".join(" ".join(name[:60].split()) for name in sorted(wrong)[:5])
            raise BadCheckpoint(key, file=path, names=some)
    for name, shape in expected.items():
        if found[name] != shape:
            raise BadCheckpoint(
                "checkpoint.tensor_shape",
                file=path,
                name=name,
                found=found[name],
                expected=shape,
            )
        if (dtype := weights.get_slice(name).get_dtype()) not in _FLOATS:
            raise BadCheckpoint("checkpoint.tensor_type", file=path, name=name, found=dtype)
    return expected
