"""One piece of work for all who want it, given up when the last of them has left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Progress = Callable[[int, int], None]
"""Told the bytes that have arrived, and how many there will be."""

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class _Flight(Generic[_T]):
    task: asyncio.Task[_T] | None = None
    listeners: list[Progress] = field(default_factory=list)
    told: tuple[int, int] | None = None

    def report(self, done_bytes: int, total_bytes: int) -> None:
        self.told = done_bytes, total_bytes
        for listener in self.listeners:
            listener(done_bytes, total_bytes)


class SingleFlight(Generic[_T]):
    """Work by key. For one event loop."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[_T]] = {}

    async def join(
        self,
        key: Hashable,
        work: Callable[[Progress], Coroutine[None, None, _T]],
        progress: Progress | None = None,
    ) -> _T:
        """The result of the work of a key: of the one under way, or of `work`, started now.

        What it raises reaches everyone who waits for it, and is not remembered. One who is
        cancelled leaves; the work is cancelled with the last of them.
        """
        flight = self._flights.get(key) or self._start(key, work)
        assert flight.task is not None
        listener = progress or _nobody
        flight.listeners.append(listener)
        if flight.told:
            listener(*flight.told)
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.listeners.remove(listener)
            if not flight.listeners:
                self._forget(key, flight)
                flight.task.cancel()

    def _start(
        self, key: Hashable, work: Callable[[Progress], Coroutine[None, None, _T]]
    ) -> _Flight[_T]:
        flight = self._flights[key] = _Flight()
        flight.task = asyncio.create_task(work(flight.report))
        flight.task.add_done_callback(lambda _: self._forget(key, flight))
        flight.task.add_done_callback(lambda task: task.cancelled() or task.exception())  # seen
        return flight

    def _forget(self, key: Hashable, flight: _Flight[_T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    def __len__(self) -> int:
        return len(self._flights)


def _nobody(done_bytes: int, total_bytes: int) -> None:
    """For those who do not follow the progress."""
