import numpy as np
import pytest

from playground.lm.draws import repeat_draw
from playground.lm.generation import sample_steps
from playground.lm.sampling import SEED_MAX, BatchParams, SamplingParams, philox_uniform

N = 10_000
LOGITS = np.random.default_rng(1).normal(0, 2, 40)
SETTINGS = [
    SamplingParams(1.0, seed=7),
    SamplingParams(0.4, seed=7),
    SamplingParams(1.7, top_k=5, seed=123_456_789),
    SamplingParams(1.0, top_p=0.6, seed=2**31 - 1),
    SamplingParams(0.8, top_k=12, top_p=0.9, seed=SEED_MAX - 20),
    SamplingParams(0.0, top_k=3, seed=1),
]


def chi_square(counts, probs):
    """Pearson's statistic in standard deviations, by Wilson and Hilferty; cells with an expected
    count below 5 are pooled."""
    expected = probs * counts.sum()
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    counts, expected = counts[expected > 0], expected[expected > 0]
    freedom = len(expected) - 1
    statistic = ((counts - expected) ** 2 / expected).sum()
    spread = 2 / (9 * freedom)
    return ((statistic / freedom) ** (1 / 3) - (1 - spread)) / spread**0.5


@pytest.mark.parametrize("params", SETTINGS)
def test_each_draw_is_that_of_the_engine_with_its_seed(params):
    n, position = 300, 2**40 + 5
    seeds = [(params.seed + at) % (SEED_MAX + 1) for at in range(n)]
    u = np.array([philox_uniform(seed, position) for seed in seeds])
    steps = sample_steps(np.tile(LOGITS, (n, 1)), BatchParams.stack([params] * n), u)
    assert repeat_draw(LOGITS, params, position, n).tokens.tolist() == steps.token.tolist()


@pytest.mark.parametrize("params", [params for params in SETTINGS if params.temperature])
def test_tallies_are_as_far_from_the_probabilities_as_chance_makes_them(params):
    draws = repeat_draw(LOGITS, params, 12, N)
    counts = np.bincount(draws.tokens, minlength=len(LOGITS))
    assert -4 < chi_square(counts, draws.probs) < 4
    assert counts[draws.probs == 0].sum() == 0
    assert draws.probs.sum() == pytest.approx(1)


def test_chi_square_notices_another_temperature():
    counts = np.bincount(repeat_draw(LOGITS, SamplingParams(1.0), 12, N).tokens, minlength=40)
    assert chi_square(counts, repeat_draw(LOGITS, SamplingParams(1.1), 12, 1).probs) > 4


@pytest.mark.parametrize(
    ("params", "kept"), [(SamplingParams(1.0, top_k=5), 5), (SamplingParams(1.0, top_p=0.6), None)]
)
def test_what_is_left_out_is_never_drawn(params, kept):
    draws = repeat_draw(LOGITS, params, 3, N)
    (step,) = [sample_steps(LOGITS[None], BatchParams.stack([params]), np.array([0.5]))]
    assert (draws.probs > 0).sum() == step.n_kept[0] == (kept or step.n_kept[0])
    assert set(draws.tokens) == set(np.flatnonzero(draws.probs))


def test_the_top_choice_is_drawn_every_time_at_temperature_zero():
    draws = repeat_draw(LOGITS, SamplingParams(0.0), 3, 50)
    assert set(draws.tokens) == {LOGITS.argmax()}
    assert draws.probs[LOGITS.argmax()] == draws.probs.sum() == 1


def test_a_token_without_probability_at_the_end_is_not_drawn():
    """Rounding may bring u up to the last sum."""
    logits = np.array([0.0, -1e9, -1e9])
    assert set(repeat_draw(logits, SamplingParams(1.0), 0, 2000).tokens) == {0}
