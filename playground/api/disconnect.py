"""Work that ends when the client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import TypeVar

from fastapi import Request

from playground.errors import LoadCancelled

_POLL_SECONDS = 0.5
_STEPS_PER_POLL = 8  # `is_disconnected` takes as long as a sampling step

_T = TypeVar("_T")


async def cancel_on_disconnect(request: Request, work: Coroutine[None, None, _T]) -> _T:
    """Await a coroutine; it is cancelled if the client disconnects. Raises LoadCancelled then."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({task}, timeout=_POLL_SECONDS))[0]:
            if await request.is_disconnected():
                raise LoadCancelled
        return task.result()
    finally:
        task.cancel()


async def collect_until_disconnect(request: Request, steps: AsyncIterator[_T]) -> list[_T]:
    """The items of an iterator; only those so far if the client disconnects."""
    collected: list[_T] = []
    async for step in steps:
        collected.append(step)
        if len(collected) % _STEPS_PER_POLL == 0 and await request.is_disconnected():
            break
    return collected
