import asyncio

import pytest

from playground.concurrency import SingleFlight
from playground.errors import LoadCancelled, LoadNotFound
from playground.service.loads import Loads


class Work:
    """Work that is done when it is told, and counts how often it began and was cancelled."""

    def __init__(self):
        self.begun = self.cancelled = 0
        self.end = asyncio.Event()
        self.error = None

    async def __call__(self, report):
        self.begun += 1
        report(1, 3)
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        report(3, 3)
        if self.error:
            raise self.error
        return self.begun


async def joined(flights, work, n=1, key="k", progress=None):
    tasks = [asyncio.create_task(flights.run(key, work, progress)) for _ in range(n)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def test_one_work_for_all_who_wait():
    async def scenario():
        flights, work = SingleFlight(), Work()
        tasks = await joined(flights, work, 50)
        assert len(flights) == 1
        work.end.set()
        assert await asyncio.gather(*tasks) == [1] * 50
        assert len(flights) == 0
        assert await flights.run("k", work) == 2

    asyncio.run(scenario())


def test_an_error_reaches_all_and_is_not_remembered():
    async def scenario():
        flights, work = SingleFlight(), Work()
        work.error = ValueError("no")
        work.end.set()
        ends = await asyncio.gather(
            *(flights.run("k", work) for _ in range(3)), return_exceptions=True
        )
        assert ends == [work.error] * 3
        work.error = None
        assert await flights.run("k", work) == 2

    asyncio.run(scenario())


def test_one_who_leaves_leaves_the_others_and_the_last_ends_the_work():
    async def scenario():
        flights, work = SingleFlight(), Work()
        first, second = await joined(flights, work, 2)
        first.cancel()
        await asyncio.wait({first})
        assert work.cancelled == 0
        second.cancel()
        await asyncio.wait({second})
        # Who comes now does not join what is ending.
        (third,) = await joined(flights, work)
        assert (work.begun, work.cancelled) == (2, 1)
        work.end.set()
        assert await third == 2

    asyncio.run(scenario())


def test_who_comes_late_is_told_how_far_it_is():
    async def scenario():
        flights, work, told = SingleFlight(), Work(), []
        (first,) = await joined(flights, work)
        (late,) = await joined(flights, work, progress=lambda *n: told.append(n))
        assert told == [(1, 3)]
        work.end.set()
        await asyncio.gather(first, late)
        assert told == [(1, 3), (3, 3)]

    asyncio.run(scenario())


def test_a_load_from_its_beginning_to_its_end():
    async def scenario():
        loads, work = Loads(), Work()
        load = loads.start(work)
        assert (load.state, load.total_bytes) == ("loading", None)
        await asyncio.sleep(0)
        assert (load.state, load.done_bytes, load.total_bytes) == ("loading", 1, 3)
        work.end.set()
        await asyncio.wait({load.task})
        assert (loads.get(load.load_id).state, load.result()) == ("done", 1)
        failing = Work()
        failing.error = ValueError("no")
        failing.end.set()
        load = loads.start(failing)
        await asyncio.wait({load.task})
        assert load.state == "failed"
        with pytest.raises(ValueError, match="no"):
            load.result()
        await loads.close()
        with pytest.raises(LoadNotFound):
            loads.get(load.load_id)

    asyncio.run(scenario())


def test_a_cancelled_load():
    async def scenario():
        loads, work = Loads(), Work()
        load = loads.start(work)
        await asyncio.sleep(0)
        assert (await loads.cancel(load.load_id)).state == "cancelled"
        assert work.cancelled == 1
        with pytest.raises(LoadCancelled):
            load.result()
        await loads.close()

    asyncio.run(scenario())
