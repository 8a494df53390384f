"""Distributions over four tokens, worked out by hand."""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.lm.generation import sample_steps, steps_dtype
from playground.lm.sampling import (
    SEED_MAX,
    BatchParams,
    SamplingParams,
    apply_temperature,
    apply_top_k,
    apply_top_p,
    apply_truncation,
    argsort_descending,
    cumulative_sums,
    log_softmax,
    philox_uniform,
    philox_uniforms,
    sample,
    sample_inverse_cdf,
    temperature_logprobs,
)
from playground.lm.vocabulary import Vocabulary
from tests.lm.steps import sample_step

PROBS = [0.1, 0.4, 0.3, 0.2]
LOGITS = np.log(PROBS) + 7.0  # logits are log-probabilities up to a constant

logits_strategy = st.lists(st.floats(-1e30, 1e30, allow_nan=False), min_size=1, max_size=70).map(
    np.array
)
seeds = st.integers(0, SEED_MAX)


def probs(logprobs):
    return np.exp(logprobs)


def warmed(logits, params):
    return temperature_logprobs(np.asarray(logits)[None], BatchParams.stack([params]))[0]


def drawn_at(logits, params, positions):
    """The token drawn at each of some positions, a row each."""
    rows = BatchParams.stack([params] * len(positions))
    logprobs = np.tile(warmed(logits, params), (len(positions), 1))
    u = np.array([philox_uniform(params.seed, position) for position in positions])
    kept = apply_truncation(logprobs, rows)
    return sample(kept, cumulative_sums(kept), rows, u).tolist()


def close(*expected):
    return pytest.approx(expected, abs=1e-12)


def test_softmax_takes_the_constant_out():
    assert probs(log_softmax(LOGITS)) == close(*PROBS)


def test_softmax_of_extreme_logits_neither_overflows_nor_divides_by_zero():
    assert probs(log_softmax([1e38, -1e38, 0.0, 0.0])) == close(1, 0, 0, 0)
    assert probs(log_softmax([-1e308, -1e308, -1e308, -1e308])) == close(0.25, 0.25, 0.25, 0.25)
    assert probs(log_softmax([-np.inf, 2.0, 2.0, -np.inf])) == close(0, 0.5, 0.5, 0)


def test_softmax_works_in_float64_whatever_comes_in():
    assert log_softmax(np.array([1, 2], dtype=np.float32)).dtype == np.float64


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [
        (1.0, PROBS),
        (0.5, [0.01 / 0.30, 0.16 / 0.30, 0.09 / 0.30, 0.04 / 0.30]),  # squares of them
        (2.0, [math.sqrt(p) / sum(map(math.sqrt, PROBS)) for p in PROBS]),
        (10.0, [p**0.1 / sum(q**0.1 for q in PROBS) for p in PROBS]),
        (1e-300, [0, 1, 0, 0]),
        (5e-324, [0, 1, 0, 0]),
    ],
)
def test_temperature(temperature, expected):
    assert probs(apply_temperature(log_softmax(LOGITS), temperature)) == close(*expected)


def test_a_tiny_temperature_leaves_equals_equal():
    assert probs(apply_temperature(log_softmax([1.0, 3.0, 3.0, 2.0]), 1e-300)) == close(
        0, 0.5, 0.5, 0
    )


@pytest.mark.parametrize(
    ("k", "expected"),
    [
        (1, [0, 1, 0, 0]),
        (2, [0, 4 / 7, 3 / 7, 0]),
        (3, [0, 4 / 9, 3 / 9, 2 / 9]),
        (4, PROBS),
        (1000, PROBS),
    ],
)
def test_top_k(k, expected):
    assert probs(apply_top_k(log_softmax(LOGITS), k)) == close(*expected)


def test_top_k_keeps_exactly_k_of_equals_those_with_the_lower_ids():
    assert probs(apply_top_k(log_softmax(np.zeros(4)), 2)) == close(0.5, 0.5, 0, 0)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (1e-9, [0, 1, 0, 0]),
        (0.39, [0, 1, 0, 0]),
        (0.41, [0, 4 / 7, 3 / 7, 0]),
        (0.69, [0, 4 / 7, 3 / 7, 0]),
        (0.71, [0, 4 / 9, 3 / 9, 2 / 9]),
        (0.91, PROBS),
        (1.0, PROBS),
    ],
)
def test_top_p(p, expected):
    assert probs(apply_top_p(log_softmax(LOGITS), p)) == close(*expected)


def test_top_p_stops_as_soon_as_p_is_reached():
    halves = log_softmax(np.log([0.125, 0.5, 0.125, 0.25]))
    assert probs(apply_top_p(halves, 0.5)) == close(0, 1, 0, 0)
    assert probs(apply_top_p(halves, 0.75)) == close(0, 2 / 3, 0, 1 / 3)


def test_filters_leave_what_they_were_given_unchanged():
    logprobs = log_softmax(LOGITS)
    before = logprobs.copy()
    apply_top_k(logprobs, 1)
    apply_top_p(logprobs, 0.1)
    apply_temperature(logprobs, 0.1)
    np.testing.assert_array_equal(logprobs, before)


def test_ranking_puts_equals_in_the_order_of_their_ids():
    assert argsort_descending(np.array([0.0, 1.0, 0.0, 1.0])).tolist() == [1, 3, 0, 2]
    alternating = np.tile([0.0, 1.0], 250)  # enough for a sort that is not stable to show it
    assert argsort_descending(alternating).tolist() == [*range(1, 500, 2), *range(0, 500, 2)]


@pytest.mark.parametrize(
    ("u", "token"),
    [
        (0.0, 0), (0.0999, 0), (0.1001, 1), (0.4999, 1), (0.5001, 2), (0.7999, 2),
        (0.8001, 3), (1 - 2**-53, 3),
    ],
)  # fmt: skip
def test_draw_takes_the_interval_that_holds_u(u, token):
    assert sample_inverse_cdf(cumulative_sums(log_softmax(LOGITS)), u) == token


@pytest.mark.parametrize("u", [0.0, 0.5, 1 - 2**-53])
def test_draw_never_takes_an_impossible_token(u):
    assert sample_inverse_cdf(cumulative_sums(np.array([-np.inf, 0.0, -np.inf, -np.inf])), u) == 1


@given(logits_strategy, st.floats(1e-3, 10), st.floats(0, 1, exclude_max=True))
def test_probabilities_sum_to_one_and_only_the_possible_is_drawn(logits, temperature, u):
    logprobs = apply_temperature(log_softmax(logits), temperature)
    assert probs(logprobs).sum() == pytest.approx(1, abs=1e-12)
    assert probs(logprobs)[sample_inverse_cdf(cumulative_sums(logprobs), u)] > 0


@given(logits_strategy, st.integers(1, 80), st.floats(1e-6, 1))
def test_filters_keep_a_distribution_of_the_most_probable(logits, k, p):
    logprobs = log_softmax(logits)
    order = argsort_descending(logprobs)
    for kept in (apply_top_k(logprobs, k), apply_top_p(logprobs, p)):
        assert probs(kept).sum() == pytest.approx(1, abs=1e-12)
        possible = np.isfinite(kept)[order]
        n_kept = int(possible.sum())
        assert n_kept >= 1
        assert possible[:n_kept].all()
    n_kept = int(np.isfinite(apply_top_p(logprobs, p)).sum())
    assert probs(logprobs)[order[: n_kept - 1]].sum() < p  # one fewer would not have reached p


def test_a_draw_depends_on_seed_and_position_alone():
    alone = philox_uniform(7, 1000)
    for position in range(50):
        philox_uniform(7, position)
    np.random.seed(0)
    assert philox_uniform(7, 1000) == alone
    assert philox_uniform(7, 1001) != alone
    assert philox_uniform(8, 1000) != alone


def test_draws_are_the_same_on_every_machine_and_in_every_version():
    """A link to one moment of a text shows the same text next year."""
    assert philox_uniform(0, 0) == 0.011546754286331562
    assert philox_uniform(0, 1) == 0.5023796042735054
    assert philox_uniform(1, 0) == 0.3035680343067586
    assert philox_uniform(42, 1000) == 0.42205359532908215
    assert philox_uniform(SEED_MAX, SEED_MAX) == 0.6849055268549603


@given(seeds, seeds)
def test_draws_are_those_of_numpys_philox(seed, position):
    numpys = np.random.Generator(np.random.Philox(key=seed, counter=position))
    assert philox_uniform(seed, position) == numpys.random()


@given(st.lists(st.tuples(seeds, seeds), min_size=1, max_size=40))
def test_many_draws_are_those_of_each(pairs):
    alone = [philox_uniform(seed, position) for seed, position in pairs]
    together = philox_uniforms(*np.array(pairs, np.uint64).T)
    assert together.tolist() == alone


@given(seeds, seeds)
def test_draws_lie_in_the_unit_interval(seed, position):
    assert 0 <= philox_uniform(seed, position) < 1


@pytest.mark.parametrize(
    "numbers",
    [
        [philox_uniform(3, position) for position in range(8000)],  # along one text
        [philox_uniform(seed, 64) for seed in range(8000)],  # one place, every visitor
        [philox_uniform(i, i) for i in range(8000)],
    ],
    ids=["positions", "seeds", "diagonal"],
)
def test_draws_are_uniform_and_neighbours_independent(numbers):
    def chi_square(counts, expected):
        return float(((counts - expected) ** 2 / expected).sum())

    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    assert chi_square(counts, 8000 / 20) < 43.8  # 99.9 % of uniform ones, 19 degrees of freedom
    pairs, _, _ = np.histogram2d(numbers[::2], numbers[1::2], bins=5, range=[(0, 1), (0, 1)])
    assert chi_square(pairs, 4000 / 25) < 51.2  # 24 degrees of freedom


def test_drawn_tokens_have_the_frequencies_of_the_distribution():
    params = SamplingParams(temperature=1.0, seed=11)
    drawn = np.bincount(drawn_at(LOGITS, params, range(8000)))
    expected = np.array(PROBS) * 8000
    assert float(((drawn - expected) ** 2 / expected).sum()) < 16.3  # 3 degrees of freedom


def test_what_is_shown_is_after_temperature_and_before_truncation():
    params = SamplingParams(temperature=0.5, top_k=1, top_p=0.2)
    expected = [float(Fraction(n, 30)) for n in (1, 16, 9, 4)]
    assert probs(warmed(LOGITS, params)) == close(*expected)


def test_temperature_zero_shows_the_models_own_distribution_and_takes_its_top():
    params = SamplingParams(temperature=0)
    assert probs(warmed(LOGITS, params)) == close(*PROBS)
    assert set(drawn_at(LOGITS, params, range(50))) == {1}


def test_the_top_choice_among_equals_is_the_lower_id():
    params = SamplingParams(temperature=0)
    assert drawn_at([0.0, 5.0, 5.0, 1.0], params, [0]) == [1]


@pytest.mark.parametrize(
    ("params", "possible"),
    [
        (SamplingParams(), {0, 1, 2, 3}),
        (SamplingParams(top_k=2), {1, 2}),
        (SamplingParams(top_p=0.71), {1, 2, 3}),
        (SamplingParams(top_k=3, top_p=0.5), {1, 2}),  # 4/9 of what top_k left is under 0.5
        (SamplingParams(temperature=1e-300), {1}),
        (SamplingParams(top_k=1), {1}),
    ],
)
def test_what_can_be_picked(params, possible):
    assert set(drawn_at(LOGITS, params, range(300))) == possible


@pytest.mark.parametrize(
    "value",
    [
        {"temperature": -0.1}, {"temperature": 10.1}, {"temperature": math.nan},
        {"top_k": -1}, {"top_k": 1001}, {"top_p": 0}, {"top_p": 1.01}, {"top_p": math.nan},
        {"seed": -1}, {"seed": SEED_MAX + 1},
    ],
)  # fmt: skip
def test_a_parameter_out_of_range_is_named(value):
    with pytest.raises(ValueError, match=next(iter(value))):
        SamplingParams(**value)


SEEDED = json.loads((Path(__file__).parents[1] / "data" / "seeded_picks.json").read_text())


@pytest.mark.parametrize("index", range(len(SEEDED)))
def test_every_seeded_draw_stays_what_it_was(index):
    """A draw: temperature, top_k, top_p, seed, position, token, number of tokens kept."""
    logits = np.array(SEEDED[index]["logits"])
    vocabulary = Vocabulary(chr(0x4E00 + id) for id in range(len(logits)))
    for *fields, position, token, n_kept in SEEDED[index]["draws"]:
        step = sample_step(logits, vocabulary, SamplingParams(*fields), position)
        assert (vocabulary.encode(step.token), step.n_kept) == ([token], n_kept)


def test_a_row_has_the_same_bits_in_any_company():
    params = [
        SamplingParams(temperature, top_k, top_p)
        for temperature in (0, 0.3, 1.0, 3.0)
        for top_k in (0, 1, 7)
        for top_p in (0.2, 0.9, 1.0)
    ]
    logits = np.random.default_rng(0).normal(size=(len(params), 65))
    u = np.linspace(0, 1, len(params), endpoint=False)
    together = sample_steps(logits, BatchParams.stack(params), u)
    for i, row in enumerate(params):
        alone = sample_steps(logits[i : i + 1], BatchParams.stack([row]), u[i : i + 1])
        for name in steps_dtype(65).names:
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[i])
