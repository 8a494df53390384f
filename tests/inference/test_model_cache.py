import asyncio
import threading

import pytest
from torch import nn

from playground.inference.model_cache import ModelCache, n_bytes
from playground.lm.model import Transformer

KILOBYTE = 1024


class Model(nn.Linear):
    nbytes = Transformer.nbytes


def model_of(kilobytes):
    return Model(256, kilobytes, bias=False)


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, timeout=30))


def test_the_size_of_a_model_is_that_of_its_weights_and_buffers():
    model = model_of(3)
    model.register_buffer("table", model.weight.detach()[0].clone())
    assert n_bytes(model) == 4 * KILOBYTE


def test_a_model_is_loaded_once_and_then_shared():
    loads = []

    def load():
        loads.append(threading.current_thread())
        return model_of(1)

    async def scenario():
        cache = ModelCache(10 * KILOBYTE)
        first = await cache.get("a", load)
        assert await cache.get("a", load) is first
        assert "a" in cache

    run(scenario())
    assert len(loads) == 1
    assert loads[0] is not threading.main_thread(), "loading held up the event loop"


def test_the_least_recently_used_go_when_the_bytes_are_used_up():
    async def scenario():
        cache = ModelCache(4 * KILOBYTE)
        for key in "abcd":
            await cache.get(key, lambda: model_of(1))
        await cache.get("a", pytest.fail)  # used again: now b is the oldest
        await cache.get("e", lambda: model_of(2))
        assert [key for key in "abcde" if key in cache] == ["a", "d", "e"]
        assert cache.used_bytes == 4 * KILOBYTE

    run(scenario())


def test_a_thousand_models_stay_within_the_bound():
    async def scenario():
        cache = ModelCache(5 * KILOBYTE)
        for key in range(1000):
            await cache.get(key, lambda: model_of(1))
            assert cache.used_bytes <= 5 * KILOBYTE
        assert len(cache) == 5

    run(scenario())


def test_a_model_larger_than_the_cache_works_and_drives_nothing_out():
    async def scenario():
        cache = ModelCache(2 * KILOBYTE)
        await cache.get("small", lambda: model_of(1))
        large = await cache.get("large", lambda: model_of(3))
        assert n_bytes(large) == 3 * KILOBYTE
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
        cache = ModelCache(10 * KILOBYTE)
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
        cache = ModelCache(10 * KILOBYTE)
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
        cache = ModelCache(10 * KILOBYTE)
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
        cache = ModelCache(10 * KILOBYTE)
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
        cache = ModelCache(10 * KILOBYTE)
        leaving = asyncio.create_task(cache.get("a", load))
        await turns()
        leaving.cancel()
        await turns()
        load.open.set()
        assert await cache.get("a", load) is load.outcome
        assert load.calls == 1

    run(scenario())
