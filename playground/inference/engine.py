"""The next token's logits for many visitors at once: one forward for all who ask together."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from cachetools import LRUCache

from playground.lm.model import CharTransformer

Window = tuple[int, ...]
_ENTRY_OVERHEAD_BYTES = 1024  # a window's ids and the dictionary's own share, roughly


@dataclass(slots=True)
class _Queue:
    """What waits for one model. Two visitors who ask for the same window wait for one answer."""

    model: CharTransformer
    waiting: dict[Window, asyncio.Future[np.ndarray]] = field(default_factory=dict)


class Engine:
    """Coalesces simultaneous requests into batches, off the event loop, and remembers answers.

    While `threads` forwards run, what is asked for gathers; the next forward takes up to
    `batch_rows` of it, the models in turn. Every window is padded to the model's block_size, so
    that all forwards of a model have rows of one shape, and what a visitor gets does not depend on
    who else asked. For one event loop.
    """

    def __init__(self, *, batch_rows: int, threads: int, answer_cache_bytes: int) -> None:
        self._batch_rows = batch_rows
        self._answers: LRUCache[tuple[Hashable, Window], np.ndarray] = LRUCache(
            answer_cache_bytes, getsizeof=lambda logits: logits.nbytes + _ENTRY_OVERHEAD_BYTES
        )
        self._queues: dict[Hashable, _Queue] = {}
        self._threads = threads
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="forward")
        self._draining: set[asyncio.Task[None]] = set()
        self.forwards = 0
        self.rows = 0

    async def logits(self, key: Hashable, model: CharTransformer, ids: Sequence[int]) -> np.ndarray:
        """Logits (V,) of the token after a window of 1 to block_size token ids.

        key: names the model; equal keys mean equal weights. The array is shared: don't write to it.
        """
        window = tuple(ids)
        if (answer := self._answers.get((key, window))) is not None:
            await asyncio.sleep(0)  # a long text out of the cache must not hold up the others
            return answer
        queue = self._queues.setdefault(key, _Queue(model))
        future = queue.waiting.get(window)
        if future is None:
            future = queue.waiting[window] = asyncio.get_running_loop().create_future()
        if len(self._draining) < self._threads:
            task = asyncio.create_task(self._drain())
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)
        # A visitor who leaves must not cancel what another waits for.
        return await asyncio.shield(future)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queues:
            key = next(iter(self._queues))
            queue = self._queues.pop(key)
            windows = list(queue.waiting)[: self._batch_rows]
            futures = [queue.waiting.pop(window) for window in windows]
            if queue.waiting:
                self._queues[key] = queue  # behind the other models: they take turns
            try:
                rows = await loop.run_in_executor(self._workers, forward, queue.model, windows)
            except Exception as error:
                for future in futures:
                    future.set_exception(error)
                    future.exception()  # seen, even if everyone who waited has left
                continue
            self.forwards += 1
            self.rows += len(rows)
            for window, future, logits in zip(windows, futures, rows, strict=True):
                self._remember(key, window, logits)
                future.set_result(logits)

    def _remember(self, key: Hashable, window: Window, logits: np.ndarray) -> None:
        if logits.nbytes + _ENTRY_OVERHEAD_BYTES <= self._answers.maxsize:
            self._answers[key, window] = logits

    def close(self) -> None:
        """End the threads once their forwards are done."""
        self._workers.shutdown()


def forward(model: CharTransformer, windows: Sequence[Window]) -> np.ndarray:
    """Logits (B, V) after each of B windows, lengths 1 to block_size."""
    ids = torch.zeros(len(windows), model.config.block_size, dtype=torch.long)
    for row, window in zip(ids, windows, strict=True):
        row[: len(window)] = torch.tensor(window)
    lengths = torch.tensor([len(window) for window in windows])
    with torch.inference_mode():
        return model.forward_last(ids, lengths).numpy()
