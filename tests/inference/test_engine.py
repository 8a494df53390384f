"""Many texts at once, each as if it were alone."""

import asyncio
import threading
import time
from functools import partial

import numpy as np
import pytest
import torch

from playground.inference import batch
from playground.inference.batch import GenerationRequest
from playground.inference.engine import Engine
from playground.lm.generation import Steps, steps_dtype
from playground.lm.incremental import extend
from playground.lm.sampling import SamplingParams

GREEDY = SamplingParams(temperature=0)
SHAPES = {
    "sliding": {"n_layer": 2, "attention": "sliding"},
    "looped, grams": {"n_loop": 3, "n_offset": 2, "n_gram": 3, "attention": "sliding"},
    "full": {"n_layer": 2},
    "full, tied, one head": {"n_head": 1, "tied": True, "activation": "relu2"},
}
BLOCK = 12


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def model(request, random_model):
    return random_model(seed=1, block_size=BLOCK, **request.param)


@pytest.fixture
def make_engine():
    engines = []

    def make(batch_rows=16, threads=1, answer_cache_bytes=0, prefix_cache_bytes=2**20):
        engines.append(
            Engine(
                batch_rows=batch_rows,
                threads=threads,
                answer_cache_bytes=answer_cache_bytes,
                prefix_cache_bytes=prefix_cache_bytes,
            )
        )
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()  # waits: what holds a forward up has to be open by then


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, timeout=60))


same = partial(np.array_equal, equal_nan=True)  # where nothing is drawn, nan says so


def equal(a: Steps, b: Steps) -> bool:
    return all(same(getattr(a, name), getattr(b, name)) for name in steps_dtype(16).names)


async def write(engine, model, ids, params=GREEDY, n=20, chunk=None, key="k", start=None):
    """n tokens by calls of `chunk` tokens each; their Steps in a list."""
    text, position, made = list(ids), len(ids) if start is None else start, []
    while n:
        request = GenerationRequest(tuple(text), params, min(n, chunk or n), position)
        steps = await engine.generate(key, model, request)
        made.append(steps)
        text += steps.token.tolist()
        position += len(steps)
        n -= len(steps)
    return made


def joined(parts):
    return [
        np.concatenate([getattr(part, name) for part in parts]) for name in steps_dtype(16).names
    ]


class Gate:
    """A model that notes the rows of each forward, and waits until it is let through."""

    def __init__(self, model, name="", log=None, is_open=False):
        self._model, self._name = model, name
        self.log = [] if log is None else log
        self.open = threading.Event()
        self.error = None
        if is_open:
            self.open.set()

    def logits(self, x):
        self.log.append((self._name, len(x)))
        assert self.open.wait(30)
        if self.error is not None:
            raise self.error
        return self._model.logits(x)

    def extend(self, *arguments):
        return extend(self, *arguments)

    def __getattr__(self, name):
        return getattr(self._model, name)


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


def test_greedy_is_the_argmax_of_a_full_forward_at_every_position(make_engine, model):
    (steps,) = run(write(make_engine(), model, [3, 1, 4], n=40))
    text = [3, 1, 4]
    for index, token in enumerate(steps.token.tolist()):
        with torch.inference_mode():
            own = model(torch.tensor([text[-BLOCK:]]))[0, -1].double().softmax(-1)
        assert token == int(own.argmax())
        assert steps.prob[index] == pytest.approx(float(own.max()), abs=1e-5)  # temperature 1
        expected = own.sort(descending=True).values[:10].tolist()
        assert steps.candidate_prob[index].tolist() == pytest.approx(expected, abs=1e-5)
        text.append(token)
    assert len(set(text)) > 3, "the model repeats itself: nothing was tested"


@pytest.mark.parametrize("params", [GREEDY, SamplingParams(0.9, 12, 0.95, 77)])
def test_a_text_is_the_same_in_any_chunking(make_engine, model, params):
    (whole,) = run(write(make_engine(), model, [1, 2, 3], params, n=150))
    for chunk in (1, 7, 20):
        parts = run(write(make_engine(), model, [1, 2, 3], params, n=150, chunk=chunk))
        assert all(map(same, joined(parts), joined([whole])))


def test_a_text_is_the_same_in_any_company(make_engine, model):
    texts = [[seed % 16, *range(seed % 15)] for seed in range(60)]
    params = [SamplingParams(0.5 * (seed % 5), seed=seed) for seed in range(60)]
    engine = make_engine(batch_rows=16, threads=2)

    async def crowd():
        return await asyncio.gather(
            *(
                write(engine, model, text, row, n=10 + index % 30, chunk=3 + index % 11)
                for index, (text, row) in enumerate(zip(texts, params, strict=True))
            )
        )

    together = run(crowd())
    for index in range(0, 60, 7):
        alone = run(write(make_engine(), model, texts[index], params[index], 10 + index % 30))
        assert all(map(same, joined(alone), joined(together[index])))


def test_a_text_is_the_same_without_any_cache(make_engine, model):
    params = SamplingParams(1.2, seed=5)
    with_cache = run(write(make_engine(answer_cache_bytes=2**20), model, [1], params, 60, 7))
    without = run(write(make_engine(prefix_cache_bytes=0), model, [1], params, 60, 7))
    assert all(map(same, joined(with_cache), joined(without)))


def test_the_end_of_a_text_with_its_position_continues_like_the_whole(make_engine, model):
    params, text = SamplingParams(seed=5), list(range(16)) * 2
    whole = run(write(make_engine(), model, text, params))
    its_end = run(write(make_engine(), model, text[-BLOCK:], params, start=len(text)))
    elsewhere = run(write(make_engine(), model, text[-BLOCK:], params))
    assert equal(*whole, *its_end)
    assert not equal(*whole, *elsewhere)


def test_what_comes_during_a_turn_joins_the_next(make_engine, random_model):
    model = Gate(random_model(block_size=BLOCK))
    engine = make_engine(batch_rows=4)

    async def scenario():
        first = asyncio.create_task(write(engine, model, [9], n=3))
        await until(lambda: model.log)
        others = [asyncio.create_task(write(engine, model, [id], n=2)) for id in range(5)]
        await asyncio.sleep(0.01)
        model.open.set()
        await asyncio.gather(first, *others)

    run(scenario())
    # Rows are padded to 16; how many turns it took tells how many were together.
    assert len(model.log) == 5, "1, then 4 and 4 together, then the last two tokens of the fifth"


def test_a_cached_text_needs_no_prefill(make_engine, random_model):
    model = Gate(random_model(block_size=BLOCK), is_open=True)
    engine = make_engine()
    run(write(engine, model, [1, 2, 3], n=4, chunk=2))
    assert len(model.log) == 1 + 4, "the prompt was read once, and then a token at a time"
    run(write(engine, model, [1, 2, 3], SamplingParams(seed=8), n=1))
    assert len(model.log) == 1 + 4 + 1, "another visitor's prompt is known already"


def test_a_crowd_with_one_prompt_reads_it_once(make_engine, random_model):
    model = Gate(random_model(block_size=BLOCK), is_open=True)
    engine = make_engine(batch_rows=64)

    async def scenario():
        params = [SamplingParams(seed=seed) for seed in range(50)]
        await asyncio.gather(*(write(engine, model, [1, 2, 3], row, n=1) for row in params))

    run(scenario())
    assert [rows for _, rows in model.log].count(64) + len(model.log) <= 5


def test_equal_requests_are_computed_once(make_engine, random_model):
    model = Gate(random_model(block_size=BLOCK), is_open=True)
    engine = make_engine(answer_cache_bytes=2**20)

    async def scenario(params):
        made = await asyncio.gather(*(write(engine, model, [1, 2], params, n=3) for _ in range(99)))
        made.append(await write(engine, model, [1, 2], params, n=3))
        assert all(equal(*steps, *made[0]) for steps in made)

    run(scenario(SamplingParams(seed=4)))
    run(scenario(SamplingParams(temperature=0, seed=4)))
    n_forwards = len(model.log)
    run(scenario(SamplingParams(temperature=0, seed=5)))  # of a top choice no seed matters
    assert len(model.log) == n_forwards <= 8


def test_answers_are_remembered_by_model(make_engine, random_model):
    engine = make_engine(answer_cache_bytes=2**20)
    models = {key: random_model(key, block_size=BLOCK) for key in (1, 2)}
    first, second, again = (
        run(write(engine, models[key], [1, 2], key=key))[0] for key in (1, 2, 1)
    )
    assert equal(first, again)
    assert not equal(first, second)


def test_caches_are_bounded(make_engine, random_model):
    model = random_model(block_size=BLOCK, attention="sliding")
    engine = make_engine(answer_cache_bytes=20_000, prefix_cache_bytes=20_000)
    for id in range(16):
        run(write(engine, model, [id, id, id], SamplingParams(seed=id)))
    assert 10_000 < engine._answers.currsize <= 20_000
    assert 10_000 < engine._prefixes.used_bytes <= 20_000


def test_models_take_turns(make_engine, random_model):
    engine, log = make_engine(), []
    a, b = (
        Gate(random_model(seed, block_size=BLOCK), name, log) for seed, name in ((1, "a"), (2, "b"))
    )

    async def scenario():
        asking = [asyncio.create_task(write(engine, a, [1], n=200, key="a"))]
        await until(lambda: log)
        asking.append(asyncio.create_task(write(engine, b, [1], n=200, key="b")))
        await asyncio.sleep(0)
        a.open.set()
        b.open.set()
        await asyncio.gather(*asking)

    run(scenario())
    names = "".join(name for name, _ in log)
    assert names.index("b") < 20
    assert names[: names.rindex("b" if names.endswith("a") else "a")].count("a") > 150


def test_one_character_does_not_wait_for_those_who_ask_for_many(
    make_engine, random_model, monkeypatch
):
    monkeypatch.setattr("playground.inference.batch.QUANTUM_SECONDS", 0.01)
    model = random_model(block_size=BLOCK, attention="sliding")
    engine = make_engine(batch_rows=2)

    async def scenario():
        crowd = [
            asyncio.create_task(write(engine, model, [1], SamplingParams(seed=seed), n=300))
            for seed in range(5)
        ]
        await asyncio.sleep(0.02)
        await write(engine, model, [2], n=1)
        assert not any(task.done() for task in crowd[2:])
        return await asyncio.gather(*crowd)

    for seed, made in enumerate(run(scenario())):
        alone = run(write(make_engine(), model, [1], SamplingParams(seed=seed), n=300))
        assert equal(*alone, *made), "who made room in between lost something"


def test_one_who_leaves_frees_the_row_and_takes_nothing_from_another(make_engine, random_model):
    model = Gate(random_model(block_size=BLOCK))
    engine = make_engine(batch_rows=1)

    async def scenario():
        leaving = asyncio.create_task(write(engine, model, [1], SamplingParams(seed=1), n=100_000))
        await until(lambda: model.log)
        staying = asyncio.create_task(write(engine, model, [2], n=3))
        also_leaving = asyncio.create_task(write(engine, model, [3], n=3))
        await asyncio.sleep(0)
        leaving.cancel()
        also_leaving.cancel()
        await asyncio.sleep(0)
        model.open.set()
        await staying
        assert leaving.cancelled()
        assert also_leaving.cancelled()
        await until(lambda: not engine._batches)

    run(scenario())
    assert len(model.log) < 8


def test_one_of_two_who_leaves_takes_nothing_from_the_other(make_engine, random_model):
    model = Gate(random_model(block_size=BLOCK))
    engine = make_engine()

    async def scenario():
        leaving, staying = (asyncio.create_task(write(engine, model, [1, 2])) for _ in range(2))
        await until(lambda: model.log)
        leaving.cancel()
        await asyncio.sleep(0)
        model.open.set()
        assert len((await staying)[0]) == 20

    run(scenario())


def test_what_breaks_reaches_those_who_wait_for_it_alone(make_engine, random_model):
    engine = make_engine(answer_cache_bytes=2**20)
    good = random_model(block_size=BLOCK)
    bad = Gate(random_model(block_size=BLOCK))
    bad.error = RuntimeError("a tensor went away")

    async def scenario():
        asking = [
            asyncio.create_task(write(engine, model, [id, *range(id)], key=name))
            for id in range(3)  # one has nothing to be read first, the others have
            for name, model in (("bad", bad), ("good", good))
        ]
        await asyncio.sleep(0)
        bad.open.set()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert [str(outcome) for outcome in outcomes[::2]] == ["a tensor went away"] * 3
        assert all(isinstance(outcome, list) for outcome in outcomes[1::2])
        bad.error = None
        assert await write(engine, bad, [0], key="bad"), "the failure was remembered"

    run(scenario())


def test_the_event_loop_runs_on_during_a_forward(make_engine, random_model):
    model = Gate(random_model(block_size=BLOCK))
    engine = make_engine(answer_cache_bytes=2**20)

    async def scenario():
        asking = asyncio.create_task(write(engine, model, [1]))
        await until(lambda: model.log)  # a forward on this thread would never let us come here
        assert not asking.done()
        model.open.set()
        await asking
        other = asyncio.create_task(asyncio.sleep(0))
        await asyncio.sleep(0)
        await write(engine, model, [1])
        assert other.done(), "cached answers held up the others"

    run(scenario())


def test_after_close_nothing_waits_and_nothing_starts(make_engine, random_model):
    model = Gate(random_model(block_size=BLOCK))
    engine = make_engine()

    async def scenario():
        asking = [asyncio.create_task(write(engine, model, [id], n=9)) for id in range(3)]
        await until(lambda: model.log)
        closing = asyncio.create_task(asyncio.to_thread(engine.close))
        await until(lambda: engine._closed)
        model.open.set()
        await closing
        for outcome in await asyncio.gather(*asking, return_exceptions=True):
            assert str(outcome) == "the engine was shut down"
        with pytest.raises(RuntimeError, match="shut down"):
            await write(engine, model, [1])

    run(scenario())
    assert not any(thread.is_alive() for thread in engine._threads)


def test_the_wait_is_estimated_from_what_is_under_way(make_engine, random_model):
    small = Gate(random_model(block_size=BLOCK, attention="sliding"))
    large = Gate(random_model(1, block_size=512, n_embd=64), is_open=True)
    engine = make_engine()

    async def scenario():
        assert engine.wait_seconds("small", small, 10_000) == 0, "nothing else is under way"
        asking = asyncio.create_task(write(engine, small, [1], n=1000))
        await until(lambda: small.log)
        few, many = (engine.wait_seconds("small", small, n) for n in (1, 1000))
        assert 0 < few == pytest.approx(many / 1000, rel=0.01)
        # A model that computes whole windows takes longer; the other one takes its share only.
        longer = engine.wait_seconds("large", large, 1000)
        assert longer > 10 * many
        asking.cancel()
        small.open.set()
        await until(lambda: not engine._batches)
        assert engine.wait_seconds("small", small, 10_000) == 0

    run(scenario())


def test_a_crowd_writes_in_step_and_one_more_token_is_not_kept_waiting(make_engine, random_model):
    """Lower bounds alone: a busy machine is slower, never faster."""
    model, engine = random_model(block_size=BLOCK, attention="sliding"), make_engine(batch_rows=64)
    n, size = 30, batch.CROWD_ROWS + 8

    async def crowd(count):
        texts = [
            write(engine, model, [1, seed], SamplingParams(seed=seed), n) for seed in range(count)
        ]
        begun = time.perf_counter()
        await asyncio.gather(*texts)
        return time.perf_counter() - begun

    assert run(crowd(size)) >= (n - 2) * batch.ITERATION_INTERVAL_SECONDS

    async def beside_it():
        task = asyncio.create_task(crowd(size))
        await until(lambda: engine._batches and engine._batches["k"].delay)
        others = [write(engine, model, [2, seed], n=1) for seed in range(5)]
        await asyncio.gather(*others)
        assert not task.done()
        await task

    run(beside_it())
