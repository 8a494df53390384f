import asyncio
import gc
import threading
import time
from functools import partial

import pytest
from torch import nn

from playground.concurrency import LoadingCache, SingleFlight
from playground.lm.model import Transformer
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


KILOBYTE = 1024


class Model(nn.Linear):
    nbytes = Transformer.nbytes


def model_of(kilobytes):
    return Model(256, kilobytes, bias=False)


def model_cache(max_bytes):
    return LoadingCache(max_bytes, lambda model: model.nbytes)


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, timeout=30))


def test_the_size_of_a_model_is_that_of_its_weights_and_buffers():
    model = model_of(3)
    model.register_buffer("table", model.weight.detach()[0].clone())
    assert model.nbytes == 4 * KILOBYTE


def test_a_model_is_loaded_once_and_then_shared():
    loads = []

    def load():
        loads.append(threading.current_thread())
        return model_of(1)

    async def scenario():
        cache = model_cache(10 * KILOBYTE)
        first = await cache.get("a", load)
        assert await cache.get("a", load) is first
        assert "a" in cache

    run(scenario())
    assert len(loads) == 1
    assert loads[0] is not threading.main_thread(), "loading held up the event loop"


def test_the_least_recently_used_go_when_the_bytes_are_used_up():
    async def scenario():
        cache = model_cache(4 * KILOBYTE)
        for key in "abcd":
            await cache.get(key, lambda: model_of(1))
        await cache.get("a", pytest.fail)  # used again: now b is the oldest
        await cache.get("e", lambda: model_of(2))
        assert [key for key in "abcde" if key in cache] == ["a", "d", "e"]
        assert cache.used_bytes == 4 * KILOBYTE

    run(scenario())


def test_a_thousand_models_stay_within_the_bound():
    async def scenario():
        cache = model_cache(5 * KILOBYTE)
        for key in range(1000):
            await cache.get(key, lambda: model_of(1))
            assert cache.used_bytes <= 5 * KILOBYTE
        assert len(cache) == 5

    run(scenario())


def test_a_model_larger_than_the_cache_works_and_drives_nothing_out():
    async def scenario():
        cache = model_cache(2 * KILOBYTE)
        await cache.get("small", lambda: model_of(1))
        large = await cache.get("large", lambda: model_of(3))
        assert large.nbytes == 3 * KILOBYTE
        assert "large" not in cache
        assert "small" in cache

    run(scenario())


class Gate:
    """A load that waits until it is let through, and counts how often it was called."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.calls = 0
        self.open = threading.Event()

    def __call__(self):
        self.calls += 1
        assert self.open.wait(30)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def turns(n=5):
    for _ in range(n):
        await asyncio.sleep(0)


def test_fifty_who_wait_share_one_load():
    load = Gate(model_of(1))

    async def scenario():
        cache = model_cache(10 * KILOBYTE)
        waiting = [asyncio.create_task(cache.get("a", load)) for _ in range(50)]
        await turns()
        load.open.set()
        return await asyncio.gather(*waiting)

    models = run(scenario())
    assert load.calls == 1
    assert len(models) == 50
    assert all(model is load.outcome for model in models)


def test_loads_of_different_models_run_side_by_side():
    async def scenario():
        cache = model_cache(10 * KILOBYTE)
        slow, quick = Gate(model_of(1)), Gate(model_of(1))
        quick.open.set()
        waiting = asyncio.create_task(cache.get("slow", slow))
        await turns()
        assert await cache.get("quick", quick) is quick.outcome
        assert not waiting.done()
        slow.open.set()
        assert await waiting is slow.outcome

    run(scenario())


def test_a_load_that_fails_reaches_all_who_wait_and_is_tried_again():
    load = Gate(OSError("the disk is gone"))

    async def scenario():
        cache = model_cache(10 * KILOBYTE)
        waiting = [asyncio.create_task(cache.get("a", load)) for _ in range(50)]
        await turns()
        load.open.set()
        errors = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(error) for error in errors] == ["the disk is gone"] * 50
        assert load.calls == 1
        load.outcome = model_of(1)
        assert await cache.get("a", load) is load.outcome

    run(scenario())


def test_one_who_leaves_takes_nothing_from_the_others():
    load = Gate(model_of(1))

    async def scenario():
        cache = model_cache(10 * KILOBYTE)
        leaving, staying = (asyncio.create_task(cache.get("a", load)) for _ in range(2))
        await turns()
        leaving.cancel()
        await turns()
        assert leaving.cancelled()
        load.open.set()
        assert await staying is load.outcome
        assert load.calls == 1

    run(scenario())


def test_when_all_leave_the_model_is_there_for_the_next():
    load = Gate(model_of(1))

    async def scenario():
        cache = model_cache(10 * KILOBYTE)
        leaving = asyncio.create_task(cache.get("a", load))
        await turns()
        leaving.cancel()
        await turns()
        load.open.set()
        assert await cache.get("a", load) is load.outcome
        assert load.calls == 1

    run(scenario())
