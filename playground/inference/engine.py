"""Inference engine: continuous batching in worker threads, LRU caches of answers and of states."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from cachetools import LRUCache

from playground.concurrency import SingleFlight
from playground.errors import Overloaded
from playground.inference.batch import (
    GenerationRequest,
    Row,
    RunningBatch,
    estimated_token_seconds,
)
from playground.inference.prefix_cache import PrefixCache
from playground.lm.generation import Steps
from playground.lm.language_model import LanguageModel
from playground.settings import Settings

_CLOSED = "the engine was shut down"
_ENTRY_OVERHEAD_BYTES = 2048  # the window's ids, the arrays' and the dictionary's own share


class Engine:
    """Generates tokens for many callers at once: a running batch for each model.

    Each of `threads` worker threads takes the batch that has had the least time, and advances all
    its rows by one token. Equal requests are computed once and their answers cached. Results do not
    depend on who else asked, bit for bit. Bound to one event loop.
    """

    def __init__(
        self, *, batch_rows: int, threads: int, answer_cache_bytes: int, prefix_cache_bytes: int
    ) -> None:
        self._batch_rows = batch_rows
        self._answers: LRUCache[Hashable, Steps] = LRUCache(
            answer_cache_bytes, getsizeof=lambda steps: steps.nbytes + _ENTRY_OVERHEAD_BYTES
        )
        self._in_flight: SingleFlight[Steps] = SingleFlight()
        self._prefixes = PrefixCache(prefix_cache_bytes)
        self._batches: dict[Hashable, RunningBatch] = {}  # those with work to do
        self._running: set[Hashable] = set()  # that a thread computes for
        self._changed = threading.Condition()
        self._closed = False
        self._n_threads = threads
        self._threads: list[threading.Thread] = []  # started with the first request

    async def generate(
        self, key: Hashable, model: LanguageModel, request: GenerationRequest
    ) -> Steps:
        """The steps of a request; key: identifies the weights of the model.

        The arrays are shared and must not be written to. Raises Overloaded, with the seconds after
        which it is worth trying again, and RuntimeError after `close`.
        """
        window = tuple(request.ids[-model.config.block_size :])
        params, n = request.params, request.n
        draw = (params, request.position) if params.temperature else None
        call = key, window, draw, n
        if (steps := self._answers.get(call)) is not None:
            await asyncio.sleep(0)  # cache hits in a row must not block the event loop
            return steps

        excess = self.wait_seconds(key, model, n) - request.seconds_max
        if excess > 0:
            raise Overloaded(max(1, math.ceil(excess)))

        async def compute(_: object) -> Steps:
            future: asyncio.Future[Steps] = asyncio.get_running_loop().create_future()
            self._submit(key, model, Row(replace(request, ids=window), future))
            steps = await future
            if steps.nbytes + _ENTRY_OVERHEAD_BYTES <= self._answers.maxsize:
                self._answers[call] = steps
            return steps

        return await self._in_flight.run(call, compute)

    def wait_seconds(self, key: Hashable, model: LanguageModel, n: int) -> float:
        """About how long a generation of n tokens takes, 0 if nothing else is under way.

        The rows of a batch advance together, and the batches share the threads' time evenly: what
        has more to do than this generation delays it by as much as it has to do itself.
        """
        with self._changed:
            others = {other: batch.pending_seconds for other, batch in self._batches.items()}
            batch = self._batches.get(key)
        if not any(others.values()):
            return 0.0
        if batch is None:
            own = n * estimated_token_seconds(model)
        else:
            own = n * batch.token_seconds
            own += min(others.pop(key), batch.n_under_way * own)
        return own + sum(min(own, pending) for pending in others.values())

    def _submit(self, key: Hashable, model: LanguageModel, row: Row) -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError(_CLOSED)
            if (batch := self._batches.get(key)) is None:
                batch = RunningBatch(key, model, self._prefixes, self._batch_rows)
                # A newcomer does not make up for the time that the others have had.
                batch.seconds = min((b.seconds for b in self._batches.values()), default=0.0)
                self._batches[key] = batch
            batch.add(row)
            if key not in self._running:  # else the thread that has it goes on with it
                self._changed.notify()
            while len(self._threads) < self._n_threads:
                name = f"engine-{len(self._threads)}"
                self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
                self._threads[-1].start()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            key, batch = taken
            try:
                done, error = batch.run_iteration(), None
            except Exception as raised:
                done, error = [], raised
            with self._changed:
                self._running.discard(key)
                if error is not None:
                    done = batch.under_way
                if error is not None or not batch.n_under_way:
                    del self._batches[key]
                if len(self._batches) > len(self._running) + 1:  # this thread takes one itself
                    self._changed.notify()
            _resolve(done, error)

    def _take(self) -> tuple[Hashable, RunningBatch] | None:
        """The batch that comes next, when one is due; None after `close`."""
        with self._changed:
            while not self._closed:
                delays = {
                    key: batch.delay
                    for key, batch in self._batches.items()
                    if key not in self._running
                }
                if ready := [key for key, delay in delays.items() if not delay]:
                    key = min(ready, key=lambda key: self._batches[key].seconds)
                    self._running.add(key)
                    return key, self._batches[key]
                self._changed.wait(min(delays.values(), default=None))
        return None

    def close(self) -> None:
        """Wait for the iterations under way and end the threads; what is not done fails."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        for batch in self._batches.values():
            _resolve(batch.under_way, RuntimeError(_CLOSED))
        self._batches.clear()


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """The arguments of an Engine, and the size of the model cache of an engine process."""

    batch_rows: int
    threads: int
    answer_cache_bytes: int
    prefix_cache_bytes: int
    model_cache_bytes: int

    @classmethod
    def from_settings(cls, settings: Settings) -> EngineConfig:
        """The configuration that an operator has set."""
        return cls(
            batch_rows=settings.batch_rows,
            threads=settings.forward_threads,
            answer_cache_bytes=settings.answer_cache_bytes,
            prefix_cache_bytes=settings.prefix_cache_bytes,
            model_cache_bytes=settings.model_cache_bytes,
        )

    def create_engine(self) -> Engine:
        """A new engine of this configuration."""
        return Engine(
            batch_rows=self.batch_rows,
            threads=self.threads,
            answer_cache_bytes=self.answer_cache_bytes,
            prefix_cache_bytes=self.prefix_cache_bytes,
        )


def _resolve(rows: Sequence[Row], error: Exception | None) -> None:
    """Give each row's future its steps, or an error, in its event loop."""

    def settle(rows: Sequence[Row]) -> None:
        for row in rows:
            if row.future.done():
                continue
            if (reason := row.error or error) is not None:
                row.future.set_exception(reason)
            else:
                row.future.set_result(row.steps)

    by_loop: dict[asyncio.AbstractEventLoop, list[Row]] = {}
    for row in rows:
        by_loop.setdefault(row.future.get_loop(), []).append(row)
    for loop, mine in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, mine)
