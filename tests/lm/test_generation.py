import asyncio

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from playground.lm.generation import Candidate, Rest, generate, sample_step
from playground.lm.sampling import SamplingParams
from playground.lm.vocabulary import UnknownCharactersError, Vocabulary

GREEDY = SamplingParams(temperature=0)
ABCD = Vocabulary("abcd")
LOGITS = np.log([0.1, 0.4, 0.3, 0.2])
TWELVE = Vocabulary("abcdefghijkl")


def steps_of(predict, vocabulary, block_size, context, params, **arguments):
    async def collect():
        steps = generate(predict, vocabulary, block_size, context, params, **arguments)
        return [step async for step in steps]

    return asyncio.run(collect())


def predictor(model):
    """A plain full forward, nothing remembered, nothing batched."""

    async def predict(ids):
        with torch.inference_mode():
            return model(torch.tensor([list(ids)]))[0, -1].numpy()

    return predict


async def always(ids):
    return LOGITS


def test_a_step_lists_what_was_weighed_most_probable_first():
    step = sample_step(LOGITS, ABCD, GREEDY, 9)
    assert step.position == 9
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


def test_the_model_is_given_the_last_block_size_characters_and_each_pick():
    asked = []

    async def predict(ids):
        asked.append(ABCD.decode(ids))
        return np.eye(4)[len(asked) % 4] * 9  # b, c, d, a …

    steps = steps_of(predict, ABCD, 3, "aabb", GREEDY, n=4)
    assert "".join(step.token for step in steps) == "bcda"
    assert asked == ["abb", "bbb", "bbc", "bcd"]
    assert [step.position for step in steps] == [4, 5, 6, 7]


def test_a_short_context_grows_up_to_the_window():
    asked = []

    async def predict(ids):
        asked.append(len(ids))
        return LOGITS

    steps_of(predict, ABCD, 3, "a", GREEDY, n=4)
    assert asked == [1, 2, 3, 3]


def test_the_end_of_a_text_with_its_position_continues_like_the_whole():
    params = SamplingParams(seed=5)
    whole = steps_of(always, ABCD, 3, "abcdabcd", params, n=40)
    its_end = steps_of(always, ABCD, 3, "bcd", params, n=40, position=8)
    assert its_end == whole
    assert steps_of(always, ABCD, 3, "bcd", params, n=40) != whole


def test_an_unknown_character_is_said_before_the_model_is_asked():
    async def predict(ids):
        raise AssertionError("the model was asked")

    with pytest.raises(UnknownCharactersError, match="Unknown characters"):
        steps_of(predict, ABCD, 3, "ab😀", GREEDY, n=2)


def test_what_the_model_raises_comes_after_the_steps_that_it_made():
    asked = []

    async def predict(ids):
        asked.append(ids)
        if len(asked) == 3:
            raise ZeroDivisionError
        return LOGITS

    async def collect(made):
        async for step in generate(predict, ABCD, 3, "a", GREEDY, n=9):
            made.append(step)

    made = []
    with pytest.raises(ZeroDivisionError):
        asyncio.run(collect(made))
    assert len(made) == 2


@pytest.mark.parametrize("context", ["a", "abcdefgh", "abcdefghijklponm" * 3])
def test_greedy_is_the_argmax_of_a_full_forward_at_every_position(random_model, context):
    vocabulary = Vocabulary("abcdefghijklmnop")
    model = random_model(seed=3, n_layer=2)
    steps = steps_of(predictor(model), vocabulary, 8, context, GREEDY, n=30)
    text = context
    for step in steps:
        window = torch.tensor([vocabulary.encode(text)[-8:]])
        with torch.inference_mode():
            logits = model(window)[0, -1].double()
        own = logits.softmax(-1)
        assert step.token == vocabulary.characters[int(logits.argmax())]
        assert step.prob == pytest.approx(float(own.max()), abs=1e-9)  # temperature 1, not 0
        assert [c.prob for c in step.candidates] == pytest.approx(
            own.sort(descending=True).values[:10].tolist(), abs=1e-9
        )
        text += step.token
    assert len(set(text[len(context) :])) > 1, "the model repeats itself: nothing was tested"


def test_many_at_once_is_one_after_another(random_model):
    """500 characters in one call, or each by a call of its own that sends the window alone."""
    vocabulary = Vocabulary("abcdefghijklmnop")
    predict = predictor(random_model(seed=4))
    params = SamplingParams(temperature=0.9, top_k=12, top_p=0.95, seed=77)
    steps = steps_of(predict, vocabulary, 8, "abc", params, n=500)
    text = "abc"
    for step in steps:
        (single,) = steps_of(predict, vocabulary, 8, text[-8:], params, n=1, position=len(text))
        assert single == step
        text += single.token
