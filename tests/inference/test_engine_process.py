"""A second process computes the same, and nothing is lost when it dies."""

import asyncio
import os
import signal

import numpy as np
import pytest

from playground.errors import Overloaded
from playground.inference.batch import GenerationRequest
from playground.inference.engine import EngineConfig
from playground.inference.engine_process import (
    CROWD,
    EngineProcess,
    EngineProcessLost,
    OffloadingEngine,
)
from playground.inference.messages import save_weights
from playground.lm.generation import steps_dtype
from playground.lm.sampling import SamplingParams

CONFIG = EngineConfig(
    batch_rows=32,
    threads=1,
    answer_cache_bytes=0,
    prefix_cache_bytes=2**20,
    model_cache_bytes=2**20,
)


INTEGERS = ("token", "candidate", "n_kept")


def equal(a, b):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name not in INTEGERS)
        for name in steps_dtype(16).names
    )


def write(engine, model, seed, n=20, key="k", seconds_max=float("inf")):
    params = SamplingParams(0.9, 7, 0.95, seed)
    ids = [seed % 16, 1, 2]
    return engine.generate(key, model, GenerationRequest(tuple(ids), params, n, 3, seconds_max))


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


async def ready(lost=lambda: None, config=CONFIG):
    process = EngineProcess(config, lost)
    await until(lambda: process.is_ready)
    return process


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, timeout=90))


@pytest.fixture
def models(random_model):
    return [random_model(seed, block_size=12, attention="sliding") for seed in range(2)]


def test_the_child_computes_the_same_fails_alone_and_forgets_what_it_cannot_keep(models):
    async def scenario():
        engine = CONFIG.create_engine()
        process = await ready()
        a, b = models
        for key, model in (("a", a), ("b", b), ("a", a)):
            assert equal(*[await write(e, model, seed=3, key=key) for e in (process, engine)])
        with pytest.raises(RuntimeError, match="index out of range"):
            await process.generate("a", a, GenerationRequest((99,), SamplingParams(), 1, 1))
        long = asyncio.create_task(write(process, a, seed=1, n=100_000, key="a"))
        await asyncio.sleep(0.1)
        with pytest.raises(Overloaded) as caught:
            await write(process, a, seed=2, n=400_000, key="a", seconds_max=0.01)
        assert caught.value.retry_after_seconds >= 1
        long.cancel()
        assert equal(*[await write(e, a, seed=4, key="a") for e in (process, engine)])
        assert not process._pending
        await process.close()
        engine.close()
        tiny = await ready(config=EngineConfig(1, 1, 0, 0, model_cache_bytes=1))
        with pytest.raises(EngineProcessLost):
            await write(tiny, a, seed=1)
        await tiny.close()

    run(scenario())


def test_a_crowd_loses_nothing_when_the_child_is_killed_and_it_comes_back(models):
    async def scenario():
        engine = OffloadingEngine(CONFIG)
        engine.start(delay_seconds=0)
        await until(lambda: engine.process is not None and engine.process.is_ready)
        first, model = engine.process, models[0]
        crowd = [asyncio.create_task(write(engine, model, seed, n=400)) for seed in range(20)]
        await until(lambda: len(first._pending) == 20 - CROWD)
        os.kill(first.pid, signal.SIGKILL)
        made = await asyncio.gather(*crowd)
        alone = CONFIG.create_engine()
        for seed in (0, 7, 19):
            assert equal(made[seed], await write(alone, model, seed, n=400))
        alone.close()
        engine.start(delay_seconds=0)  # sooner than it would by itself
        await until(lambda: engine.process is not first and engine.process.is_ready)
        assert engine.process.pid != first.pid
        await engine.close()
        with pytest.raises(ProcessLookupError):
            os.kill(engine.process.pid, 0)
        with pytest.raises(RuntimeError, match="shut down"):
            await write(engine, model, 1)

    run(scenario())


def test_a_crowd_brings_a_model_once_wherever_the_server_was_started(models, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    saved = []

    def save(model):
        saved.append(model)
        return save_weights(model)

    monkeypatch.setattr("playground.inference.engine_process.save_weights", save)

    async def scenario():
        process = await ready()
        made = await asyncio.gather(*(write(process, models[0], seed) for seed in range(20)))
        assert len(made) == 20
        await process.close()

    run(scenario())
    assert saved == [models[0]]
