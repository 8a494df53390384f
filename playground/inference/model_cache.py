"""LRU cache of loaded models, bounded in bytes, with single-flight loading."""

from __future__ import annotations

from playground.concurrency import LoadingCache
from playground.lm.language_model import LanguageModel


class ModelCache(LoadingCache[LanguageModel]):
    """LRU cache of models by key, `max_bytes` in all."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, n_bytes)


def n_bytes(model: LanguageModel) -> int:
    """Bytes of a model's parameters and buffers."""
    return model.nbytes
