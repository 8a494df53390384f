"""Background loads that a client polls for progress and result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from playground.concurrency import ProgressCallback, retrieve_exception
from playground.errors import LoadCancelled, LoadNotFound, TooManyLoads
from playground.replica import Replica

LoadState = Literal["loading", "done", "failed", "cancelled"]
LOADS_MAX = 1000
POLL_TIMEOUT_SECONDS = 90.0  # browsers throttle the timers of a hidden page to one a minute

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class Load(Generic[_T]):
    """A background load. total_bytes: None until it is known."""

    load_id: str
    done_bytes: int = 0
    total_bytes: int | None = None
    task: asyncio.Task[_T] | None = None
    expiry: asyncio.TimerHandle | None = None

    @property
    def state(self) -> LoadState:
        if self.task is None or not self.task.done():
            return "loading"
        if self.task.cancelled():
            return "cancelled"
        return "failed" if self.task.exception() else "done"

    def result(self) -> _T:
        """The result of a load that is done. Raises the load's error; LoadCancelled."""
        assert self.task is not None
        try:
            return self.task.result()
        except asyncio.CancelledError:
            raise LoadCancelled from None

    def report(self, done_bytes: int, total_bytes: int) -> None:
        """Progress callback: updates `done_bytes` and `total_bytes`."""
        self.done_bytes, self.total_bytes = done_bytes, total_bytes


class LoadRegistry(Generic[_T]):
    """Background loads by a random id; cancelled and removed when polling stops.

    Bound to one event loop.
    """

    def __init__(self, replica: Replica | None = None) -> None:
        self._replica = replica or Replica()
        self._loads: dict[str, Load[_T]] = {}

    def start(self, work: Callable[[ProgressCallback], Coroutine[None, None, _T]]) -> Load[_T]:
        """Start a load in the background. Raises TooManyLoads."""
        if len(self._loads) >= LOADS_MAX:
            raise TooManyLoads
        load: Load[_T] = Load(self._replica.new_id())
        load.task = asyncio.create_task(work(load.report))
        load.task.add_done_callback(retrieve_exception)
        self._loads[load.load_id] = load
        return self.get(load.load_id)

    def get(self, load_id: str) -> Load[_T]:
        """A load by its id; restarts its POLL_TIMEOUT_SECONDS. Raises LoadNotFound,
        Misdirected.
        """
        try:
            load = self._loads[load_id]
        except KeyError:
            raise self._replica.missing(load_id, LoadNotFound()) from None
        if load.expiry is not None:
            load.expiry.cancel()
        loop = asyncio.get_running_loop()
        load.expiry = loop.call_later(POLL_TIMEOUT_SECONDS, self._remove, load)
        return load

    async def cancel(self, load_id: str) -> Load[_T]:
        """Cancel a load and wait for its end; no effect on a finished one. Raises LoadNotFound."""
        load = self.get(load_id)
        assert load.task is not None
        load.task.cancel()
        await asyncio.wait({load.task})
        return load

    async def close(self) -> None:
        """Cancel all loads and wait for their end."""
        tasks = {load.task for load in self._loads.values() if load.task is not None}
        for load in list(self._loads.values()):
            self._remove(load)
        if tasks:
            await asyncio.wait(tasks)

    def _remove(self, load: Load[_T]) -> None:
        """Cancel a load and its expiry timer, and remove it."""
        assert load.task is not None
        load.task.cancel()
        if load.expiry is not None:
            load.expiry.cancel()
        self._loads.pop(load.load_id, None)
