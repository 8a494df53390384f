import asyncio
import threading

import numpy as np
import pytest
import torch

from playground.inference.engine import Engine, forward
from playground.lm.generation import generate
from playground.lm.sampling import SamplingParams
from playground.lm.vocabulary import Vocabulary

# Lengths 1 to 8, all of them together, in an order that puts short beside long.
WINDOWS = [tuple((7 * i + j) % 16 for j in range(1 + 5 * i % 8)) for i in range(40)]
SHAPES = {
    "of the books": {"n_layer": 2},
    "one head, tied": {"n_layer": 1, "n_head": 1, "tied": True, "activation": "relu2"},
    "loops and groups": {"n_loop": 3, "n_offset": 4, "share_offsets": True, "n_gram": 3},
}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def model(request, random_model):
    return random_model(seed=1, **request.param)


@pytest.fixture
def engine():
    engine = Engine(batch_rows=16, threads=1, answer_cache_bytes=2**20)
    yield engine
    engine.close()


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, timeout=60))


def full_forward(model, window):
    with torch.inference_mode():
        return model(torch.tensor([window]))[0, -1].numpy()


class Watched:
    """A model that notes the rows of each forward, and waits until it is let through."""

    def __init__(self, model, name="", log=None):
        self.config, self._model, self._name = model.config, model, name
        self.log = [] if log is None else log
        self.open = threading.Event()
        self.error = None

    def forward_last(self, ids, lengths):
        self.log.append((self._name, len(ids)))
        assert self.open.wait(30)
        if self.error is not None:
            raise self.error
        return self._model.forward_last(ids, lengths)


async def turns(n=5):
    for _ in range(n):
        await asyncio.sleep(0)


async def ask(engine, model, windows, key="k"):
    return await asyncio.gather(*(engine.logits(key, model, window) for window in windows))


def test_a_batch_of_mixed_lengths_equals_a_full_forward_of_each(engine, model):
    answers = run(ask(engine, model, WINDOWS))
    for window, answer in zip(WINDOWS, answers, strict=True):
        np.testing.assert_allclose(answer, full_forward(model, window), atol=1e-5, rtol=1e-5)
    assert engine.forwards < len(set(WINDOWS))


@pytest.mark.parametrize("n_rows", [1, 2, 3, 7, 8, 9, 16, 40])
def test_an_answer_has_the_same_bits_whoever_else_asked(model, n_rows):
    together = forward(model, WINDOWS[:n_rows])
    backwards = forward(model, WINDOWS[:n_rows][::-1])[::-1]
    np.testing.assert_array_equal(together, backwards)
    for window, answer in zip(WINDOWS, together, strict=False):
        np.testing.assert_array_equal(answer, forward(model, [window])[0])


def test_a_text_is_the_same_alone_and_in_a_crowd(engine, model):
    vocabulary = Vocabulary("abcdefghijklmnop")

    async def write(engine, seed):
        async def predict(ids):
            return await engine.logits("k", model, ids)

        params = SamplingParams(temperature=1.5, seed=seed)
        return [step async for step in generate(predict, vocabulary, 8, "ab", params, n=30)]

    async def crowd():
        return await asyncio.gather(*(write(engine, seed) for seed in range(30)))

    together = run(crowd())
    assert engine.forwards < engine.rows / 2, "nothing was written together"
    alone = Engine(batch_rows=1, threads=1, answer_cache_bytes=0)
    for seed in (0, 13, 29):
        assert run(write(alone, seed)) == together[seed]
    alone.close()


def test_what_is_asked_during_a_forward_makes_one_batch(engine, random_model):
    model = Watched(random_model())
    windows = [(i, j) for i in range(10) for j in range(4)]

    async def scenario():
        first = asyncio.create_task(engine.logits("k", model, (9, 9, 9)))
        await turns()
        others = asyncio.create_task(ask(engine, model, windows))
        await turns()
        model.open.set()
        await asyncio.gather(first, others)

    run(scenario())
    assert [rows for _, rows in model.log] == [1, 16, 16, 8]
    assert (engine.forwards, engine.rows) == (4, 41)


def test_a_second_thread_takes_the_next_batch_meanwhile(random_model):
    engine = Engine(batch_rows=4, threads=2, answer_cache_bytes=0)
    model = Watched(random_model())
    windows = [(i, i, i) for i in range(10)]

    async def scenario():
        asked = asyncio.create_task(ask(engine, model, windows))
        while len(model.log) < 2:  # both wait to be let through
            await asyncio.sleep(0.001)
        assert [rows for _, rows in model.log] == [4, 4]
        model.open.set()
        return await asked

    answers = run(scenario())
    assert sorted(rows for _, rows in model.log) == [2, 4, 4]
    for window, answer in zip(windows, answers, strict=True):
        np.testing.assert_array_equal(answer, forward(model, [window])[0])
    engine.close()


def test_the_same_window_is_computed_once(engine, random_model):
    model = Watched(random_model())
    model.open.set()
    answers = run(ask(engine, model, [(1, 2, 3)] * 100))
    assert model.log == [("", 1)]
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


def test_two_models_at_once_take_turns(random_model):
    engine = Engine(batch_rows=1, threads=1, answer_cache_bytes=0)
    log = []
    a, b = (Watched(random_model(seed), name, log) for seed, name in ((1, "a"), (2, "b")))

    async def scenario():
        asking = [asyncio.create_task(ask(engine, a, [(1,), (2,), (3,), (4,)], "a"))]
        await turns()
        asking.append(asyncio.create_task(ask(engine, b, [(1,), (2,)], "b")))
        await turns()
        a.open.set()
        b.open.set()
        return await asyncio.gather(*asking)

    of_a, of_b = run(scenario())
    engine.close()
    assert "".join(name for name, _ in log) == "aababa"
    assert not np.array_equal(of_a[0], of_b[0]), "one model answered for the other"


def test_answers_are_remembered_by_model(engine, random_model):
    models = {seed: Watched(random_model(seed)) for seed in (1, 2)}
    for model in models.values():
        model.open.set()

    async def scenario():
        return [
            await engine.logits(seed, models[seed], (1, 2)) for _ in range(3) for seed in models
        ]

    answers = run(scenario())
    assert [len(model.log) for model in models.values()] == [1, 1]
    assert np.array_equal(answers[0], answers[4])
    assert not np.array_equal(answers[0], answers[1])


def test_remembered_answers_are_bounded_and_the_oldest_go(random_model):
    model = Watched(random_model())
    model.open.set()
    engine = Engine(batch_rows=1, threads=1, answer_cache_bytes=10 * (16 * 4 + 1024))

    async def scenario():
        for i in range(11):
            await engine.logits("k", model, (i,))
        forwards = engine.forwards
        await engine.logits("k", model, (10,))
        assert engine.forwards == forwards
        await engine.logits("k", model, (0,))
        assert engine.forwards == forwards + 1

    run(scenario())
    engine.close()


def test_without_room_to_remember_the_answers_are_the_same(random_model):
    model = random_model()
    engine = Engine(batch_rows=4, threads=1, answer_cache_bytes=0)
    first, second = run(ask(engine, model, [(1, 2)])), run(ask(engine, model, [(1, 2)]))
    engine.close()
    np.testing.assert_array_equal(first, second)
    assert engine.forwards == 2


def test_a_remembered_answer_does_not_hold_up_the_others(engine, random_model):
    model = random_model()

    async def scenario():
        await engine.logits("k", model, (1,))
        other = asyncio.create_task(asyncio.sleep(0))
        await asyncio.sleep(0)
        await engine.logits("k", model, (1,))
        assert other.done()

    run(scenario())


def test_a_forward_that_breaks_reaches_those_who_wait_for_it_alone(random_model):
    engine = Engine(batch_rows=8, threads=1, answer_cache_bytes=2**20)
    good, bad = Watched(random_model()), Watched(random_model())
    good.open.set()
    bad.error = RuntimeError("tensor went away")

    async def scenario():
        asking = [
            asyncio.create_task(engine.logits(name, model, (i,)))
            for i in range(3)
            for name, model in (("bad", bad), ("good", good))
        ]
        await turns()
        bad.open.set()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert [str(outcome) for outcome in outcomes[::2]] == ["tensor went away"] * 3
        assert all(isinstance(outcome, np.ndarray) for outcome in outcomes[1::2])
        bad.error = None
        assert isinstance(await engine.logits("bad", bad, (0,)), np.ndarray), "it was remembered"

    run(scenario())
    engine.close()


def test_one_who_leaves_takes_nothing_from_another(engine, random_model):
    model = Watched(random_model())

    async def scenario():
        leaving, staying = (
            asyncio.create_task(engine.logits("k", model, (1, 2))) for _ in range(2)
        )
        await turns()
        leaving.cancel()
        await turns()
        model.open.set()
        assert isinstance(await staying, np.ndarray)
        assert leaving.cancelled()

    run(scenario())


def test_when_all_leave_a_forward_that_breaks_the_engine_goes_on(engine, random_model):
    broken = Watched(random_model())
    broken.error = RuntimeError("nobody hears this")

    async def scenario():
        leaving = asyncio.create_task(engine.logits("broken", broken, (1, 2)))
        await turns()
        leaving.cancel()
        await turns()
        broken.open.set()
        assert isinstance(await engine.logits("k", random_model(), (3,)), np.ndarray)

    run(scenario())


def test_the_event_loop_runs_on_during_a_forward(engine, random_model):
    model = Watched(random_model())

    async def scenario():
        asking = asyncio.create_task(engine.logits("k", model, (1,)))
        while not model.log:
            await asyncio.sleep(0.001)
        await turns(100)  # a forward on this thread would never let us come here
        assert not asking.done()
        model.open.set()
        await asking

    run(scenario())
