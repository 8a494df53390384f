"""Admission control: refuses work that could not be done in time, instead of queueing it."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

from playground.errors import Overloaded

T = TypeVar("T")

RATE_MIN = 500.0  # tokens per second, until a higher rate was reached
INTERVAL_SECONDS = 0.5  # over which a rate is measured
DECAY = 0.98  # of the rate, per interval: what was reached once is not reached for ever


class Admission:
    """Admits a generation while it and those under way take less than `seconds_max` together.

    The time is estimated from the tokens still to come and the highest rate reached lately. One
    that comes while nothing is under way is always admitted. Bound to one event loop.
    """

    def __init__(self, seconds_max: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds_max = seconds_max
        self._clock = clock
        self._begun = clock()
        self._counted = 0
        self.rate = RATE_MIN
        self.pending = 0  # tokens of the generations under way

    def check(self, n_tokens: int) -> None:
        """Raises Overloaded, with the seconds after which it is worth trying again."""
        excess = (self.pending + n_tokens) / self.rate - self._seconds_max
        if self.pending and excess > 0:
            raise Overloaded(max(1, math.ceil(excess)))

    async def track(self, steps: AsyncIterator[T], n_tokens: int) -> AsyncGenerator[T, None]:
        """The steps of an admitted generation of n tokens, counted while they are computed."""
        self.pending += n_tokens
        missing = n_tokens
        try:
            async for step in steps:
                missing -= 1
                self.pending -= 1
                self._count()
                yield step
        finally:
            self.pending -= missing  # of one that failed, or whose caller hung up

    def _count(self) -> None:
        self._counted += 1
        seconds = self._clock() - self._begun
        if seconds >= INTERVAL_SECONDS:
            self.rate = max(RATE_MIN, DECAY * self.rate, self._counted / seconds)
            self._begun, self._counted = self._clock(), 0
