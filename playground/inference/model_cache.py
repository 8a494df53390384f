"""Loaded models, shared by all visitors: bounded in bytes, and loaded once for many who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from cachetools import LRUCache

from playground.lm.model import CharTransformer


class ModelCache:
    """Models by key; the least recently used go first when `max_bytes` is reached.

    A model that somebody still computes with lives on until they are done: what is dropped is the
    cache's own reference. For one event loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self._models: LRUCache[Hashable, CharTransformer] = LRUCache(max_bytes, getsizeof=n_bytes)
        self._loading: dict[Hashable, asyncio.Task[CharTransformer]] = {}

    async def get(self, key: Hashable, load: Callable[[], CharTransformer]) -> CharTransformer:
        """The model of a key; `load` runs in a thread, at most once at a time for one key.

        Whatever `load` raises reaches everyone who waits for it, and is not remembered.
        """
        if (model := self._models.get(key)) is not None:
            return model
        if (task := self._loading.get(key)) is None:
            task = asyncio.create_task(self._load(key, load))
            self._loading[key] = task
        # A visitor who leaves must not take the load away from the others.
        return await asyncio.shield(task)

    async def _load(self, key: Hashable, load: Callable[[], CharTransformer]) -> CharTransformer:
        try:
            model = await asyncio.to_thread(load)
            if n_bytes(model) <= self._models.maxsize:
                self._models[key] = model
            return model
        finally:
            del self._loading[key]

    def drop(self, is_dropped: Callable[[Hashable], bool]) -> None:
        """Forget the models of some keys."""
        for key in [key for key in self._models if is_dropped(key)]:
            del self._models[key]

    @property
    def used_bytes(self) -> int:
        return int(self._models.currsize)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._models

    def __len__(self) -> int:
        return len(self._models)


def n_bytes(model: CharTransformer) -> int:
    """Memory of a model's weights and buffers."""
    return sum(t.nbytes for t in [*model.parameters(), *model.buffers()])
