"""Load shedding: while the event loop is behind, generations are refused before they are read.

An engine refuses what it could not compute in time. Where serving HTTP is the scarcer of the two,
requests wait before any engine sees them: the loop has them, but does not come round to them.
"""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from playground.api.errors import error_response
from playground.api.openai_errors import OPENAI_PREFIX
from playground.errors import Overloaded

TICK_SECONDS = 0.05
LAG_SECONDS_MAX = 1.0  # of requests that are accepted in one round of the loop
CROWD = 32  # generations under way: a loop that stands still with fewer is not overloaded
RETRY_AFTER_SECONDS = 1

_PATHS = ("/api/generate", f"{OPENAI_PREFIX}/completions")


class EventLoopLag:
    """How long the running event loop's timers are overdue, in seconds."""

    def __init__(self) -> None:
        self._due = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    @property
    def seconds(self) -> float:
        """0 before `start`."""
        return max(0.0, time.monotonic() - self._due)

    def start(self) -> None:
        """Measure the running loop's lag, until `stop`."""
        self._due = time.monotonic() + TICK_SECONDS
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self.start)

    def stop(self) -> None:
        self._due = float("inf")
        if self._timer is not None:
            self._timer.cancel()


class RefuseWhenBehind:
    """Responds 503 to generations while many are under way and the event loop is behind."""

    def __init__(self, app: ASGIApp, lag: EventLoopLag) -> None:
        self.app = app
        self._lag = lag
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PATHS):
            return await self.app(scope, receive, send)
        if self._under_way >= CROWD and self._lag.seconds > LAG_SECONDS_MAX:
            refusal = error_response(Request(scope), Overloaded(RETRY_AFTER_SECONDS))
            return await refusal(scope, receive, send)
        self._under_way += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._under_way -= 1
