import asyncio
import gc
import time
from functools import partial

import pytest

from playground.concurrency import LoadingCache, SingleFlight
from tests.fake_work import Work


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


def test_work_that_lingers_goes_on_for_who_comes_back_and_ends_without():
    async def scenario():
        flights, work = SingleFlight(), Work()

        async def wait(seconds):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(flights.run("k", work, linger_seconds=0.4), seconds)

        await wait(0.05)
        await asyncio.sleep(0.2)
        await wait(0.1)
        await asyncio.sleep(0.2)  # longer than 0.4 s after the first has left
        assert (work.begun, work.cancelled, len(flights)) == (1, 0, 1)
        await asyncio.sleep(0.4)
        assert (work.begun, work.cancelled, len(flights)) == (1, 1, 0)

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


def test_loads_of_a_cache_wait_for_their_slot():
    inside, most = [], []

    def load(name):
        inside.append(name)
        most.append(len(inside))
        time.sleep(0.02)
        inside.remove(name)
        return name

    async def scenario():
        cache = LoadingCache(100, len, loads_at_once=1)
        loaded = await asyncio.gather(*(cache.get(name, partial(load, name)) for name in "abc"))
        assert loaded == ["a", "b", "c"]
        assert cache.used_bytes == 3

    asyncio.run(scenario())
    assert most == [1, 1, 1]


def test_what_is_dropped_while_it_is_loaded_is_not_kept(caplog):
    async def scenario():
        cache = LoadingCache(100, len)
        loading = asyncio.create_task(cache.get("a", lambda: time.sleep(0.05) or "old"))
        await asyncio.sleep(0.01)
        cache.drop(lambda key: key == "a")
        assert await cache.get("a", lambda: "new") == "new"
        assert await loading == "old", "who waits gets it"
        assert await cache.get("a", lambda: "newest") == "new"

    asyncio.run(scenario())


def test_a_load_that_fails_after_all_have_left_is_nobodys_error(caplog):
    def fail():
        time.sleep(0.02)
        raise OSError

    async def scenario():
        cache = LoadingCache(100, len)
        waiting = asyncio.create_task(cache.get("a", fail))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.sleep(0.05)
        assert len(cache) == 0

    asyncio.run(scenario())
    gc.collect()
    assert not caplog.records
