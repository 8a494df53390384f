"""LRU cache of loaded models, bounded in bytes, with single-flight loading."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from cachetools import LRUCache

from playground.lm.model import CharTransformer


class ModelCache:
    """LRU cache of models by key, `max_bytes` in all.

    Eviction drops the cache's reference; a model in use lives until its last user is done. Bound to
    one event loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self._models: LRUCache[Hashable, CharTransformer] = LRUCache(max_bytes, getsizeof=n_bytes)
        self._loading: dict[Hashable, asyncio.Task[CharTransformer]] = {}

    async def get(self, key: Hashable, load: Callable[[], CharTransformer]) -> CharTransformer:
        """The model of a key, loaded by `load` in a thread if it is not cached.

        Concurrent calls for a key share one load. An exception is raised to all of them and is not
        cached.
        """
        if (model := self._models.get(key)) is not None:
            return model
        if (task := self._loading.get(key)) is None:
            task = asyncio.create_task(self._load(key, load))
            self._loading[key] = task
        # Not SingleFlight: a thread cannot be cancelled, so the load outlives its last waiter.
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
        """Evict the models whose key satisfies a predicate."""
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
    """Bytes of a model's parameters and buffers."""
    return sum(t.nbytes for t in [*model.parameters(), *model.buffers()])
