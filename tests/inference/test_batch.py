"""The running batch of one model, turn by turn, with a clock of the test's own."""

import asyncio

import pytest

from playground.inference import batch as batches
from playground.inference.batch import GenerationRequest, Row, RunningBatch
from playground.inference.prefix_cache import PrefixCache
from playground.lm.incremental import empty_cache
from playground.lm.sampling import SamplingParams


class Clock:
    def __init__(self, iteration_seconds):
        self.now, self.iteration_seconds = 0.0, iteration_seconds

    def __call__(self):
        self.now += self.iteration_seconds / 2  # twice a turn, and once between turns
        return self.now


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def model(random_model):
    return random_model(block_size=12, attention="sliding")


def row_of(loop, n, ids=(1, 2, 3)):
    request = GenerationRequest(tuple(ids), SamplingParams(), n, position=3)
    return Row(request, loop.create_future())


def running(model, rows_max=64, iteration_seconds=0.0):
    return RunningBatch("k", model, PrefixCache(2**20), rows_max, Clock(iteration_seconds))


def test_the_cost_of_a_token_is_measured_in_batches_of_many(loop, model):
    batch = running(model, iteration_seconds=0.064)
    estimated = batch.token_seconds
    batch.add(row_of(loop, 4))
    for _ in range(4):
        batch.run_iteration()
    assert batch.token_seconds == estimated, "of one row alone"
    batch = running(model, iteration_seconds=0.064)
    for _ in range(32):
        batch.add(row_of(loop, 50))
    for _ in range(50):
        batch.run_iteration()
    assert batch.token_seconds == pytest.approx(0.001, rel=0.1)
    assert batch.pending_seconds == pytest.approx(0, abs=1e-9)


def test_what_is_pending_counts_down_and_forgets_who_left(loop, model):
    batch = running(model)
    rows = [row_of(loop, 10) for _ in range(3)]
    for row in rows:
        batch.add(row)
    tokens = [round(batch.pending_seconds / batch.token_seconds)]
    batch.run_iteration()
    tokens.append(round(batch.pending_seconds / batch.token_seconds))
    rows[0].future.cancel()
    batch.run_iteration()
    tokens.append(round(batch.pending_seconds / batch.token_seconds))
    assert tokens == [30, 27, 16]


def test_where_others_wait_a_row_makes_room_after_its_quantum(loop, model):
    batch = running(model, rows_max=1, iteration_seconds=batches.QUANTUM_SECONDS / 4)
    batch._room = lambda: 1  # as many as rows_max says, however slow the clock
    long, short = row_of(loop, 100), row_of(loop, 1)
    batch.add(long)
    batch.run_iteration()
    batch.add(short)
    turns = 0
    while short.n_done == 0:
        batch.run_iteration()
        turns += 1
    assert turns <= 9
    assert long.n_done == turns  # all turns but the last
    while long.n_done < 100:
        batch.run_iteration()
    assert not batch.under_way


def test_a_crowd_that_can_wait_has_its_turns_at_intervals(loop, model):
    def delay_after(rows, more=()):
        batch = running(model, iteration_seconds=0.001)
        for n in rows:
            batch.add(row_of(loop, n))
        batch.run_iteration()
        for n in more:
            batch.add(row_of(loop, n))
        return batch.delay

    crowd = [20] * batches.CROWD_ROWS
    passed = 0.001  # by the clock, since the turn began
    assert delay_after(crowd) == pytest.approx(batches.ITERATION_INTERVAL_SECONDS - passed)
    assert delay_after(crowd, more=[batches.UNPACED_TOKENS + 1]) > 0
    assert delay_after(crowd, more=[batches.UNPACED_TOKENS]) == 0, "somebody has pressed Step"
    assert delay_after(crowd[1:]) == 0, "too few to share anything"
    assert delay_after([*crowd, batches.PACED_TOKENS_MAX + 2]) == 0, "it would take too long"


def test_rows_of_a_slow_model_are_few_at_a_time(loop, model):
    batch = running(model, iteration_seconds=10 * batches.ITERATION_SECONDS)
    for _ in range(20):
        batch.add(row_of(loop, 30))
    batch.run_iteration()
    assert len(batch.rows) == 20, "estimated to be quick"
    for _ in range(60):
        batch.run_iteration()
    batch.add(row_of(loop, 5))
    assert batch._room() < 3


def test_texts_that_wait_for_their_prefill_do_not_hold_up_the_others(loop, model, monkeypatch):
    monkeypatch.setattr(batches, "PREFILL_POSITIONS", 24)  # two windows
    batch = running(model)
    first = row_of(loop, 50)
    batch.add(first)
    batch.run_iteration()
    for index in range(10):
        batch.add(row_of(loop, 50, (index, 5, 6)))
    for turn in range(1, 6):
        batch.run_iteration()
        assert first.n_done == 1 + turn
        assert len(batch.rows) == 1 + 2 * turn


def test_rows_of_large_states_are_as_many_as_memory_allows(loop, model, monkeypatch):
    monkeypatch.setattr(batches, "STATE_BYTES_MAX", 5 * empty_cache(model, 1).nbytes)
    batch = running(model)
    for index in range(20):
        batch.add(row_of(loop, 9, (index % 16,)))
    batch.run_iteration()
    assert len(batch.rows) == 5


def test_whoever_comes_and_goes_changes_nothing_for_the_others(loop, model):
    """Rows that leave, are replaced, appended or cancelled, in any number at once."""

    def written(row):
        return row.steps.token.tolist(), row.steps.candidate_prob.tolist()

    def make(seed, n):
        params = SamplingParams(temperature=0.9, seed=seed)
        request = GenerationRequest((seed % 16, 1, 2), params, n, position=3)
        return Row(request, loop.create_future())

    alone = {}
    lengths = {seed: 1 + (seed * 7) % 9 for seed in range(24)}
    for seed, n in lengths.items():
        batch = running(model)
        batch.add(row := make(seed, n))
        while batch.n_under_way:
            batch.run_iteration()
        alone[seed] = written(row)

    batch, done = running(model), []
    rows = {seed: make(seed, n) for seed, n in lengths.items()}
    arrivals = [(0, range(5)), (2, range(5, 6)), (3, range(6, 14)), (9, range(14, 24))]
    for turn in range(40):
        for when, seeds in arrivals:
            for seed in seeds if turn == when else ():
                batch.add(rows[seed])
        if turn == 4:
            rows[8].future.cancel()
        done += batch.run_iteration()
        assert batch.n_under_way == len(batch.under_way)
    assert not batch.n_under_way
    assert {id(row) for row in done} == {id(rows[seed]) for seed in rows if seed != 8}
    for seed in rows:
        if seed != 8:
            assert written(rows[seed]) == alone[seed]
