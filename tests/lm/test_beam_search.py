import itertools

import numpy as np
import pytest
import torch

from playground.lm.beam_search import beam_search, trace_back

ATTENTIONS = pytest.mark.parametrize("attention", ["full", "sliding"])
PROMPT = [3, 1, 4, 1, 5]


def logprobs_after(model, ids):
    """A plain forward of the window."""
    with torch.inference_mode():
        logits = model(torch.tensor([ids[-model.config.block_size :]]))[0, -1]
        return logits.double().log_softmax(-1).numpy()


def logprob_of(model, prompt, path):
    return sum(logprobs_after(model, prompt + path[:i])[path[i]] for i in range(len(path)))


def search(model, prompt, width, n):
    levels = list(beam_search(model, prompt, width=width, n=n))
    return levels, trace_back(levels)


@ATTENTIONS
def test_width_one_is_the_top_choice(random_model, attention):
    model, text = random_model(seed=1, attention=attention), list(PROMPT)
    levels, (path,) = search(model, PROMPT, 1, 12)  # past the window of 8
    for token in path:
        assert token == logprobs_after(model, text).argmax()
        text.append(token)
    assert levels[-1].logprobs[0] == pytest.approx(logprob_of(model, PROMPT, path), abs=1e-4)


@ATTENTIONS
@pytest.mark.parametrize("seed", range(5))
def test_width_of_the_vocabulary_finds_the_true_maximum_at_depth_two(random_model, attention, seed):
    model = random_model(seed=seed, attention=attention, vocab_size=9)
    pairs = itertools.product(range(9), repeat=2)
    best = max(pairs, key=lambda pair: logprob_of(model, PROMPT, list(pair)))
    levels, paths = search(model, PROMPT, 9, 2)
    assert paths[0] == list(best)
    assert levels[-1].logprobs[0] == pytest.approx(logprob_of(model, PROMPT, paths[0]), abs=1e-4)


def test_a_top_choice_at_each_step_is_not_the_best_whole(random_model):
    """What beam search is for: somewhere a wider one finds a more probable text."""
    gains = []
    for seed in range(10):
        model = random_model(seed=seed)
        narrow, wide = (search(model, PROMPT, width, 4)[0] for width in (1, 8))
        gains.append(wide[-1].logprobs[0] - narrow[-1].logprobs[0])
    assert max(gains) > 0.01


@ATTENTIONS
def test_each_depth_keeps_the_best_of_all_extensions(random_model, attention):
    model, width = random_model(seed=3, attention=attention), 3
    levels, _ = search(model, PROMPT, width, 6)
    kept, sums = [[]], [0.0]
    for level in levels:
        every = [
            (sums[i] + logprob, i, token)
            for i, path in enumerate(kept)
            for token, logprob in enumerate(logprobs_after(model, PROMPT + path))
        ]
        best = sorted(every, key=lambda row: (-row[0], *row[1:]))[:width]
        assert level.logprobs == pytest.approx([row[0] for row in best], abs=1e-4)
        found = zip(level.parents.tolist(), level.tokens.tolist(), strict=True)
        assert list(found) == [row[1:] for row in best]
        kept = [[*kept[i], token] for _, i, token in best]
        sums = [row[0] for row in best]


def test_a_small_vocabulary_has_fewer_prefixes_at_first(random_model):
    levels, paths = search(random_model(vocab_size=2), [0, 1, 1], 5, 4)
    assert [len(level.tokens) for level in levels] == [2, 4, 5, 5]
    assert len({tuple(path) for path in paths}) == 5
    assert np.all(np.diff(levels[-1].logprobs) <= 0)
