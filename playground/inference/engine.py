"""Inference engine: continuous batching of next-token requests, LRU cache of logits."""

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
    """Pending windows of one model; equal windows share a future."""

    model: CharTransformer
    waiting: dict[Window, asyncio.Future[np.ndarray]] = field(default_factory=dict)


class Engine:
    """Batches concurrent requests in worker threads, and caches their logits (LRU).

    While `threads` forwards run, requests queue up; the next forward takes up to `batch_rows` of
    one model's, models in round-robin order. Windows are padded to the model's block_size: with
    one row shape a result does not depend on the composition of its batch. Bound to one event loop.
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

        key: identifies the weights of the model. The array is shared and must not be written to.
        """
        window = tuple(ids)
        if (answer := self._answers.get((key, window))) is not None:
            await asyncio.sleep(0)  # cache hits in a row must not block the event loop
            return answer
        queue = self._queues.setdefault(key, _Queue(model))
        future = queue.waiting.get(window)
        if future is None:
            future = queue.waiting[window] = asyncio.get_running_loop().create_future()
        if len(self._draining) < self._threads:
            task = asyncio.create_task(self._drain())
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)
        # Cancelling one waiter must not cancel the others.
        return await asyncio.shield(future)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queues:
            key = next(iter(self._queues))
            queue = self._queues.pop(key)
            windows = list(queue.waiting)[: self._batch_rows]
            futures = [queue.waiting.pop(window) for window in windows]
            if queue.waiting:
                self._queues[key] = queue  # round-robin: behind the other models
            try:
                rows = await loop.run_in_executor(self._workers, forward, queue.model, windows)
            except Exception as error:
                for future in futures:
                    future.set_exception(error)
                    future.exception()  # retrieved: without waiters asyncio would log it
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
        """Wait for the running forwards and end the threads."""
        self._workers.shutdown()


def forward(model: CharTransformer, windows: Sequence[Window]) -> np.ndarray:
    """Logits (B, V) after each of B windows, lengths 1 to block_size."""
    ids = torch.zeros(len(windows), model.config.block_size, dtype=torch.long)
    for row, window in zip(ids, windows, strict=True):
        row[: len(window)] = torch.tensor(window)
    lengths = torch.tensor([len(window) for window in windows])
    with torch.inference_mode():
        return model.forward_last(ids, lengths).numpy()
