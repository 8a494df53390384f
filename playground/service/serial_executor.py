"""Runs long computations one at a time, and bounds the work that waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

from playground.errors import Overloaded

RETRY_SECONDS = 1

_T = TypeVar("_T")


class SerialExecutor:
    """One computation at a time in a worker thread; others wait, first come first served.

    Bound to one event loop.
    """

    def __init__(self, gigaflops_max: float) -> None:
        """gigaflops_max: of all computations together that wait or are under way."""
        self.gigaflops_max = gigaflops_max
        self.pending = 0.0  # gigaflops
        self._lock = asyncio.Lock()

    async def run(self, pieces: Iterator[_T], gigaflops: float) -> list[_T]:
        """All items of an iterator, once those before are done. Raises Overloaded at once.

        gigaflops: of the work that the iterator does.
        """
        async with self._admitted(gigaflops):
            done: list[_T] = []
            # A thread for each piece: the work of a caller who hung up ends with its piece.
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                done.append(piece)
            return done

    @asynccontextmanager
    async def _admitted(self, gigaflops: float) -> AsyncIterator[None]:
        if self.pending and self.pending + gigaflops > self.gigaflops_max:
            raise Overloaded(RETRY_SECONDS)
        self.pending += gigaflops
        try:
            async with self._lock:
                yield
        finally:
            self.pending -= gigaflops
