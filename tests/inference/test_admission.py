"""Admission control: what would take too long is refused at once, and nothing is forgotten."""

import asyncio

import pytest

from playground.errors import Overloaded
from playground.inference.admission import INTERVAL_SECONDS, RATE_MIN, Admission


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


async def steps(n, clock=None, seconds=0.0):
    for index in range(n):
        if clock:
            clock.now += seconds
        yield index


def test_one_alone_is_always_admitted():
    admission = Admission(0.001)
    admission.check(10_000)


def test_what_would_take_too_long_is_refused_with_the_time_to_wait():
    async def main():
        admission = Admission(2.0)
        under_way = admission.track(steps(500), 500)
        await anext(under_way)
        admission.check(501)  # 499 and 501 take two seconds
        with pytest.raises(Overloaded) as caught:
            admission.check(502)
        assert caught.value.status == 503
        assert caught.value.retry_after_seconds == 1
        with pytest.raises(Overloaded) as caught:
            admission.check(5000)
        assert caught.value.retry_after_seconds == 9
        await under_way.aclose()
        admission.check(5000)

    asyncio.run(main())


def test_whatever_ends_it_nothing_stays_pending():
    async def failing():
        yield 1
        raise RuntimeError

    async def main():
        admission = Admission(2.0)
        assert [step async for step in admission.track(steps(5), 5)] == [0, 1, 2, 3, 4]
        assert admission.pending == 0
        broken = admission.track(failing(), 7)
        await anext(broken)
        assert admission.pending == 6
        with pytest.raises(RuntimeError):
            await anext(broken)
        assert admission.pending == 0
        hung_up = admission.track(steps(9), 9)
        await anext(hung_up)
        await hung_up.aclose()
        assert admission.pending == 0

    asyncio.run(main())


def test_the_rate_is_the_highest_reached_lately():
    async def main():
        clock = Clock()
        admission = Admission(2.0, clock=clock)
        fast = INTERVAL_SECONDS / 1000
        async for _ in admission.track(steps(2000, clock, fast), 2000):
            pass
        assert admission.rate == pytest.approx(1000 / INTERVAL_SECONDS, rel=0.01)
        clock.now += 60  # an idle minute says nothing of what can be reached
        async for _ in admission.track(steps(10, clock, fast), 10):
            pass
        assert admission.rate > 0.9 * 1000 / INTERVAL_SECONDS
        async for _ in admission.track(steps(300, clock, INTERVAL_SECONDS), 300):
            pass
        assert admission.rate == RATE_MIN

    asyncio.run(main())
