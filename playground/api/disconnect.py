"""Cancellation of a request's work when its client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from fastapi import Request

from playground.errors import LoadCancelled

_POLL_SECONDS = 0.5

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
