"""Deduplication of concurrent work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

ProgressCallback = Callable[[int, int], None]
"""Called with the number of bytes done and the total."""

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class _Call(Generic[_T]):
    """Work in flight, and the progress callbacks of its waiters, one each."""

    task: asyncio.Task[_T] | None = None
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
    ) -> _T:
        """Await the work in flight for a key, or start `work` if there is none.

        An exception is raised to all waiters and is not cached. Cancelling one waiter leaves the
        work running for the others. A late waiter's `progress` is called with the last report.
        """
        call = self._calls.get(key) or self._start(key, work)
        assert call.task is not None
        callback = progress or _ignore_progress
        call.callbacks.append(callback)
        if call.last_progress:
            callback(*call.last_progress)
        try:
            return await asyncio.shield(call.task)
        finally:
            call.callbacks.remove(callback)
            if not call.callbacks:
                self._remove(key, call)
                call.task.cancel()

    def _start(
        self, key: Hashable, work: Callable[[ProgressCallback], Coroutine[None, None, _T]]
    ) -> _Call[_T]:
        call = self._calls[key] = _Call()
        call.task = asyncio.create_task(work(call.report))
        call.task.add_done_callback(lambda _: self._remove(key, call))
        call.task.add_done_callback(retrieve_exception)
        return call

    def _remove(self, key: Hashable, call: _Call[_T]) -> None:
        if self._calls.get(key) is call:
            del self._calls[key]

    def __len__(self) -> int:
        return len(self._calls)


def retrieve_exception(task: asyncio.Task[_T]) -> None:
    """Mark a task's exception as retrieved: without waiters asyncio would log it."""
    if not task.cancelled():
        task.exception()


def _ignore_progress(done_bytes: int, total_bytes: int) -> None:
    """Default callback, so that each waiter has one."""
