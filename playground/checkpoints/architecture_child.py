"""Child process that builds models of untrusted configs on the meta device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.modules import module

from playground.checkpoints.transformers_folder import WINDOW_NAMES
from playground.checkpoints.transformers_library import error_line, import_library, library_classes
from playground.child_process import serve
from playground.errors import BadCheckpoint

MODULES_MAX = 10_000  # layers and their parts
_BUFFER_BYTES = 256 * 2**20  # causal masks, which some architectures keep


def inspect(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of an Architecture; or the key and the parameters of the message that refuses."""
    try:
        return _inspect(values)
    except BadCheckpoint as error:
        return {"refused": error.message.key, "params": error.message.params}


def _inspect(values: dict[str, Any]) -> dict[str, Any]:
    config, model_class = library_classes(values)
    n_layers = getattr(config, "num_hidden_layers", 1)
    if isinstance(n_layers, int) and n_layers < 1:
        raise BadCheckpoint("transformers.senseless_config", reason=f"{n_layers} layers")
    try:
        with torch.device("meta"), _Counted():
            model = model_class(config)
    except (BadCheckpoint, MemoryError):
        raise
    except Exception as error:
        reason = error_line(error)
        raise BadCheckpoint("transformers.senseless_config", reason=reason) from None
    if sum(buffer.nbytes for buffer in model.buffers()) > _BUFFER_BYTES:
        raise BadCheckpoint("transformers.senseless_config", reason="buffers")
    return {
        "n_params": sum(parameter.numel() for parameter in model.parameters()),
        "window": _window(config),
    }


def _window(config: Any) -> int | None:
    """The window; of positions that were stretched the original one, where they change at it."""
    windows = [getattr(config, name, None) for name in WINDOW_NAMES]
    found = [window for window in windows if type(window) is int][:1]
    told = getattr(config, "rope_parameters", None) or {}
    for rope in (told, *told.values()):
        if isinstance(rope, dict) and rope.get("rope_type") == "longrope":
            found.append(rope["original_max_position_embeddings"])
    return min(found, default=None)


class _Counted:
    """While it is entered, refuses to make more than MODULES_MAX modules."""

    def __enter__(self) -> None:
        self._n = 0
        self._hook = module.register_module_module_registration_hook(self._count)

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _count(self, *_: object) -> None:
        self._n += 1
        if self._n > MODULES_MAX:
            raise BadCheckpoint("transformers.too_complex")


def _start(_: list[str]) -> tuple[object, Callable[[Any], object]]:
    import_library()  # before anything is asked, and timed
    torch.set_num_threads(1)
    return {}, inspect


if __name__ == "__main__":
    serve(_start)
