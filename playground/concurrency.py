"""Deduplication of concurrent work, and a cache of what threads load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cachetools import LRUCache

ProgressCallback = Callable[[int, int], None]
"""Called with the number of bytes done and the total."""

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class _Call(Generic[_T]):
    """Work in flight, and the progress callbacks of its waiters, one each.

    expiry: of work that lingers without a waiter.
    """

    task: asyncio.Task[_T] | None = None
    expiry: asyncio.TimerHandle | None = None
    callbacks: list[ProgressCallback] = field(default_factory=list)
    last_progress: tuple[int, int] | None = None

    def report(self, done_bytes: int, total_bytes: int) -> None:
        self.last_progress = done_bytes, total_bytes
        for callback in self.callbacks:
            callback(done_bytes, total_bytes)


class SingleFlight(Generic[_T]):
    """Deduplicates concurrent work by key; cancelled with its last waiter.

    Bound to one event loop, not thread-safe. `len()` is the number of keys in flight.
    """

    def __init__(self) -> None:
        self._calls: dict[Hashable, _Call[_T]] = {}

    async def run(
        self,
        key: Hashable,
        work: Callable[[ProgressCallback], Coroutine[None, None, _T]],
        progress: ProgressCallback | None = None,
        linger_seconds: float = 0,
    ) -> _T:
        """Await the work in flight for a key, or start `work` if there is none.

        An exception is raised to all waiters and is not cached. Cancelling one waiter leaves the
        work running for the others; cancelling the last one ends it, after its linger_seconds. A
        late waiter's `progress` is called with the last report.
        """
        call = self._calls.get(key) or self._start(key, work)
        assert call.task is not None
        callback = progress or _ignore_progress
        call.callbacks.append(callback)
        if call.expiry is not None:
            call.expiry.cancel()
        if call.last_progress:
            callback(*call.last_progress)
        try:
            return await asyncio.shield(call.task)
        finally:
            call.callbacks.remove(callback)
            if not call.callbacks:
                if linger_seconds and not call.task.done():
                    loop = asyncio.get_running_loop()
                    call.expiry = loop.call_later(linger_seconds, self._cancel, key, call)
                else:
                    self._cancel(key, call)

    def _start(
        self, key: Hashable, work: Callable[[ProgressCallback], Coroutine[None, None, _T]]
    ) -> _Call[_T]:
        call = self._calls[key] = _Call()
        call.task = asyncio.create_task(work(call.report))
        call.task.add_done_callback(lambda _: self._remove(key, call))
        call.task.add_done_callback(retrieve_exception)
        return call

    def _cancel(self, key: Hashable, call: _Call[_T]) -> None:
        self._remove(key, call)
        if call.task is not None:
            call.task.cancel()

    def _remove(self, key: Hashable, call: _Call[_T]) -> None:
        if self._calls.get(key) is call:
            del self._calls[key]

    def __len__(self) -> int:
        return len(self._calls)


class LoadingCache(Generic[_T]):
    """LRU cache by key, bounded in bytes; what is missing is loaded once, in a thread.

    Eviction drops the cache's reference; a value in use lives until its last user is done. Bound to
    one event loop.
    """

    def __init__(
        self, max_bytes: int, n_bytes: Callable[[_T], int], loads_at_once: int = 64
    ) -> None:
        """n_bytes: size of a value. loads_at_once: the other loads wait."""
        self._n_bytes = n_bytes
        self._values: LRUCache[Hashable, _T] = LRUCache(max_bytes, getsizeof=n_bytes)
        self._loading: dict[Hashable, asyncio.Task[_T]] = {}
        self._slots = asyncio.Semaphore(loads_at_once)

    async def get(self, key: Hashable, load: Callable[[], _T]) -> _T:
        """The value of a key, loaded by `load` in a thread if it is not cached.

        Concurrent calls for a key share one load. An exception is raised to all of them and is not
        cached.
        """
        if (value := self._values.get(key)) is not None:
            return value
        if (task := self._loading.get(key)) is None:
            task = self._loading[key] = asyncio.create_task(self._load(key, load))
            task.add_done_callback(retrieve_exception)
        # Not SingleFlight: a thread cannot be cancelled, so the load outlives its last waiter.
        return await asyncio.shield(task)

    async def _load(self, key: Hashable, load: Callable[[], _T]) -> _T:
        try:
            async with self._slots:
                value = await asyncio.to_thread(load)
            is_kept = self._loading.get(key) is asyncio.current_task()  # not dropped meanwhile
            if is_kept and self._n_bytes(value) <= self._values.maxsize:
                self._values[key] = value
            return value
        finally:
            if self._loading.get(key) is asyncio.current_task():
                del self._loading[key]

    def drop(self, is_dropped: Callable[[Hashable], bool]) -> None:
        """Evict the values whose key satisfies a predicate; of those being loaded, keep none."""
        for found in (self._values, self._loading):
            for key in [key for key in found if is_dropped(key)]:
                del found[key]

    @property
    def used_bytes(self) -> int:
        return int(self._values.currsize)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)


def retrieve_exception(task: asyncio.Task[_T]) -> None:
    """Mark a task's exception as retrieved: without waiters asyncio would log it."""
    if not task.cancelled():
        task.exception()


def _ignore_progress(done_bytes: int, total_bytes: int) -> None:
    """Default callback, so that each waiter has one."""
