import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.lm import generation
from playground.lm.generation import Rest, sample_steps
from playground.lm.sampling import BatchParams, SamplingParams, philox_uniform
from playground.lm.vocabulary import Vocabulary
from tests.lm.steps import Candidate, sample_step

GREEDY = SamplingParams(temperature=0)
ABCD = Vocabulary("abcd")
LOGITS = np.log([0.1, 0.4, 0.3, 0.2])
EDGES = [0.0, 0.5, 2.0**-53, 1 - 2.0**-53]
TWELVE = Vocabulary("abcdefghijkl")


def test_a_step_lists_what_was_weighed_most_probable_first():
    step = sample_step(LOGITS, ABCD, GREEDY, 9)
    assert step.token == "b"
    assert step.prob == pytest.approx(0.4)
    assert [c.token for c in step.candidates] == ["b", "c", "d", "a"]
    assert [c.prob for c in step.candidates] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert step.other == Rest(0, 0.0)


def test_temperature_is_applied_once():
    squares = [0.16 / 0.3, 0.09 / 0.3, 0.04 / 0.3, 0.01 / 0.3]
    step = sample_step(LOGITS, ABCD, SamplingParams(temperature=0.5), 0)
    assert [c.prob for c in step.candidates] == pytest.approx(squares, abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, 4),
        ({"top_k": 3}, 3),
        ({"top_k": 9}, 4),
        ({"top_p": 0.69}, 2),
        ({"top_p": 0.7001}, 3),
        ({"top_k": 2, "top_p": 0.58}, 2),  # of 4/7 and 3/7
        ({"top_k": 2, "top_p": 0.57}, 1),
        ({"temperature": 0, "top_k": 2, "top_p": 0.1}, 4),  # nothing is drawn, nothing left out
    ],
)
def test_a_step_says_how_many_were_drawn_from(changes, kept):
    step = sample_step(LOGITS, ABCD, SamplingParams(**changes), 0)
    assert step.n_kept == kept
    assert step.kept_prob == pytest.approx(sum(c.prob for c in step.candidates[:kept]))


def test_what_is_kept_is_what_can_be_picked():
    params = [SamplingParams(top_k=3, top_p=0.75, seed=seed) for seed in range(300)]
    steps = [sample_step(np.zeros(12), TWELVE, setting, 0) for setting in params]  # all of them tie
    assert {step.n_kept for step in steps} == {3}
    assert {step.token for step in steps} == {"a", "b", "c"}


def test_picks_have_the_frequencies_that_are_shown():
    params = SamplingParams(temperature=0.5, seed=3)
    steps = [sample_step(LOGITS, ABCD, params, position) for position in range(4000)]
    drawn = [sum(step.token == token for step in steps) for token in "abcd"]
    expected = [4000 * square / 30 for square in (1, 16, 9, 4)]
    chi_square = sum((d - e) ** 2 / e for d, e in zip(drawn, expected, strict=True))
    assert chi_square < 16.3  # 99.9 % of true ones, 3 degrees of freedom


def test_below_the_ten_candidates_the_rest_is_summed_up():
    weights = np.arange(12, 0, -1.0)  # 12, 11 … 1 of 78
    step = sample_step(np.log(weights), TWELVE, GREEDY, 0)
    assert [c.token for c in step.candidates] == list("abcdefghij")
    assert step.other.count == 2
    assert step.other.prob == pytest.approx((2 + 1) / 78)


def test_equal_candidates_stand_in_the_order_of_their_ids():
    step = sample_step(np.zeros(12), TWELVE, GREEDY, 0)
    assert step.candidates == tuple(Candidate(c, pytest.approx(1 / 12)) for c in "abcdefghij")
    assert step.token == "a"


def test_a_pick_outside_the_ten_carries_its_own_probability():
    flat = np.zeros(12)
    steps = [sample_step(flat, TWELVE, SamplingParams(seed=1), position) for position in range(60)]
    outside = [step for step in steps if step.token in "kl"]
    assert outside
    assert all(step.prob == pytest.approx(1 / 12) for step in outside)


def test_truncation_bounds_the_pick_and_not_what_is_shown():
    params = SamplingParams(top_k=2)
    steps = [sample_step(LOGITS, ABCD, params, position) for position in range(60)]
    assert {step.token for step in steps} == {"b", "c"}
    assert all(len(step.candidates) == 4 for step in steps)
    assert steps[0].candidates[3].prob == pytest.approx(0.1)


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=70),
    st.floats(0, 10),
    st.integers(0, 10**6),
)
def test_candidates_and_the_rest_make_one(logits, temperature, position):
    vocabulary = Vocabulary(map(chr, range(0x4E00, 0x4E00 + len(logits))))
    step = sample_step(
        np.array(logits), vocabulary, SamplingParams(temperature=temperature), position
    )
    listed = [c.prob for c in step.candidates]
    assert len(listed) == min(10, len(logits))
    assert listed == sorted(listed, reverse=True)
    assert sum(listed) + step.other.prob == pytest.approx(1, abs=1e-9)
    assert len(listed) + step.other.count == len(logits)
    assert step.token in vocabulary


# --- The line of the draw ----------------------------------------------------------------------


def cuts(logits, params):
    """(low, high) by id, brute force: a loop over the kept tokens in the order of ids."""
    weights = np.exp((np.array(logits) - max(logits)) / (params.temperature or 1))
    weights /= weights.sum()
    by_prob = sorted(range(len(weights)), key=lambda id: (-weights[id], id))
    kept = set(by_prob[: params.top_k or None] if params.temperature else by_prob)
    total = sum(weights[id] for id in kept)
    at, found = 0.0, {}
    for id, weight in enumerate(weights):
        if id in kept:
            found[id] = at, at + weight / total
            at += weight / total
    return found


@given(
    st.lists(st.floats(-20, 20), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    st.integers(0, 12),
    st.integers(0, 10**6),
)
def test_the_interval_of_the_pick_is_cut_by_cumulative_sums(logits, temperature, top_k, position):
    logits = np.round(logits, 2).tolist()  # the order of near ties is a matter of rounding
    params = SamplingParams(temperature, top_k=top_k, seed=5)
    vocabulary = Vocabulary(map(chr, range(0x4E00, 0x4E00 + len(logits))))
    step = sample_step(np.array(logits), vocabulary, params, position)
    expected = cuts(logits, params)
    (id,) = vocabulary.encode(step.token)
    assert (step.low, step.high) == pytest.approx(expected[id], abs=1e-9)
    for candidate, low in zip(step.candidates, step.candidate_lows, strict=True):
        (other,) = vocabulary.encode(candidate.token)
        if other in expected:
            high = low + candidate.prob / step.kept_prob
            assert (low, high) == pytest.approx(expected[other], abs=1e-9)
        else:
            assert np.isnan(low)
    if temperature:
        assert step.u == philox_uniform(5, position)
        assert 0 <= step.low <= step.u < step.high <= 1
    else:
        assert np.isnan(step.u)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=70), st.sampled_from(EDGES))
def test_the_number_drawn_lies_in_the_interval_also_at_the_ends(logits, u):
    params = BatchParams.stack([SamplingParams()])
    steps = sample_steps(np.array([logits]), params, np.array([u]))
    assert 0 <= steps.low[0] <= u < steps.high[0] <= 1


def test_a_number_drawn_beside_a_cut_lies_in_the_interval():
    """Bounds are divided, u is multiplied; about a half, doubles change their grid."""
    random = np.random.default_rng(0)
    u = 0.5 + np.concatenate([np.arange(-16, 0) * 2.0**-54, np.arange(16) * 2.0**-53])
    params = BatchParams.stack([SamplingParams()] * len(u))
    for _ in range(500):
        half = random.normal(size=20)
        logits = np.concatenate([half, random.permutation(half)])
        steps = sample_steps(np.repeat(logits[None], len(u), 0), params, u)
        assert (steps.low <= u).all()
        assert (u < steps.high).all()


def test_ten_thousand_draws_agree_with_the_intervals():
    params = SamplingParams(temperature=0.7, top_k=8, seed=2)
    logits = np.log(np.arange(12, 0, -1.0))
    steps = [sample_step(logits, TWELVE, params, position) for position in range(10_000)]
    length = {step.token: step.high - step.low for step in steps}
    assert sum(length.values()) == pytest.approx(1)
    drawn = {token: sum(step.token == token for step in steps) for token in length}
    expected = {token: 10_000 * length[token] for token in length}
    chi_square = sum((drawn[token] - expected[token]) ** 2 / expected[token] for token in length)
    assert len(length) == 8
    assert chi_square < 24.4  # 99.9 % of true ones, 7 degrees of freedom
    shown = {c.token: 10_000 * c.prob / steps[0].kept_prob for c in steps[0].candidates[:8]}
    assert shown == pytest.approx(expected)


def test_candidates_of_a_large_vocabulary_are_those_of_a_whole_sort(monkeypatch):
    """Ties: lower id first, also where more tie than there is room for."""
    logits = np.round(np.random.default_rng(3).normal(size=(4, 300)), 1)
    logits[3] = 0.0
    params, u = BatchParams.stack([SamplingParams()] * 4), np.linspace(0.1, 0.9, 4)
    whole = sample_steps(logits, params, u)
    monkeypatch.setattr(generation, "_SORTED_MAX", 100)
    fast = sample_steps(logits, params, u)
    assert fast.candidate.tolist() == whole.candidate.tolist()
    np.testing.assert_allclose(fast.other, whole.other, atol=1e-12)
    assert fast.token.tolist() == whole.token.tolist()
