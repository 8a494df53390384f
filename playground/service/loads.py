"""Loads that somebody follows from afar: their progress, their end, and giving them up."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from playground.concurrency import ProgressCallback, retrieve_exception
from playground.errors import LoadCancelled, LoadNotFound, TooManyLoads

State = Literal["loading", "done", "failed", "cancelled"]
LOADS_MAX = 1000
UNWATCHED_SECONDS = 90.0  # a page in the background may ask but once a minute

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class Load(Generic[_T]):
    """One load of one visitor. total_bytes: None until it is known."""

    load_id: str
    done_bytes: int = 0
    total_bytes: int | None = None
    task: asyncio.Task[_T] | None = None
    forget: asyncio.TimerHandle | None = None

    @property
    def state(self) -> State:
        if self.task is None or not self.task.done():
            return "loading"
        if self.task.cancelled():
            return "cancelled"
        return "failed" if self.task.exception() else "done"

    def result(self) -> _T:
        """What was loaded. Raises what the load raised; LoadCancelled after a cancel."""
        assert self.task is not None
        try:
            return self.task.result()
        except asyncio.CancelledError:
            raise LoadCancelled from None

    def report(self, done_bytes: int, total_bytes: int) -> None:
        """Note how far it is."""
        self.done_bytes, self.total_bytes = done_bytes, total_bytes


class Loads(Generic[_T]):
    """Loads by an id that nobody can guess; one that nobody asks about is given up and forgotten.

    For one event loop.
    """

    def __init__(self) -> None:
        self._loads: dict[str, Load[_T]] = {}

    def start(self, load: Callable[[ProgressCallback], Coroutine[None, None, _T]]) -> Load[_T]:
        """Begin a load. Raises TooManyLoads."""
        if len(self._loads) >= LOADS_MAX:
            raise TooManyLoads
        started: Load[_T] = Load(secrets.token_urlsafe(16))
        started.task = asyncio.create_task(load(started.report))
        started.task.add_done_callback(retrieve_exception)
        self._loads[started.load_id] = started
        return self.get(started.load_id)

    def get(self, load_id: str) -> Load[_T]:
        """A load, which is not forgotten for a while yet. Raises LoadNotFound."""
        try:
            load = self._loads[load_id]
        except KeyError:
            raise LoadNotFound from None
        if load.forget is not None:
            load.forget.cancel()
        loop = asyncio.get_running_loop()
        load.forget = loop.call_later(UNWATCHED_SECONDS, self._forget, load)
        return load

    async def cancel(self, load_id: str) -> Load[_T]:
        """Give a load up; one that has ended stays as it ended. Raises LoadNotFound."""
        load = self.get(load_id)
        assert load.task is not None
        load.task.cancel()
        await asyncio.wait({load.task})
        return load

    async def close(self) -> None:
        """Give all of them up."""
        tasks = {load.task for load in self._loads.values() if load.task is not None}
        for load in list(self._loads.values()):
            self._forget(load)
        if tasks:
            await asyncio.wait(tasks)

    def _forget(self, load: Load[_T]) -> None:
        assert load.task is not None
        load.task.cancel()
        if load.forget is not None:
            load.forget.cancel()
        self._loads.pop(load.load_id, None)
