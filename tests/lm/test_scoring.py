"""A text's score is the model's cross-entropy for it, by the windows that it generates with."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.lm import scoring
from playground.lm.generation import N_CANDIDATES
from playground.lm.incremental import extend
from playground.lm.learning import validation_loss
from playground.lm.model import Transformer
from playground.lm.sampling import SamplingParams
from playground.lm.scoring import (
    concatenate,
    context_min,
    n_windows,
    predictions,
    score,
    score_text,
    sliding_validation_loss,
)
from playground.lm.vocabulary import Vocabulary
from tests.lm.steps import sample_step
from tests.lm.test_incremental import BLOCK, CONFIGS

LENGTHS = (2, BLOCK, BLOCK + 1, BLOCK + 2, 60)
FULL = [case for case in CONFIGS if case.id.startswith("full")]


@pytest.fixture
def model(request, random_model) -> Transformer:
    return random_model(block_size=BLOCK, **request.param)


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of a few positions, so that a short text has several."""
    monkeypatch.setattr(scoring, "_POSITIONS_AT_ONCE", 7)
    monkeypatch.setattr(scoring, "_WINDOWS_AT_ONCE", 3)


def drawn(n: int) -> Tensor:
    return torch.randint(0, 16, (n,), generator=torch.Generator().manual_seed(n))


def by_plain_forwards(model: Transformer, ids: Tensor) -> Tensor:
    """Logits (N - 1, V): for each position a forward of its window."""
    with torch.inference_mode():
        windows = (ids[None, max(0, t - BLOCK) : t] for t in range(1, len(ids)))
        return torch.stack([model(window)[0, -1] for window in windows])


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("model", CONFIGS, indirect=True)
def test_the_bits_of_a_text_are_the_cross_entropy_of_plain_forwards(model, length, small_pieces):
    ids = drawn(length)
    expected = F.cross_entropy(by_plain_forwards(model, ids), ids[1:], reduction="none")
    found = concatenate([*score_text(model, ids)])
    torch.testing.assert_close(
        torch.from_numpy(-found.logprobs).float(), expected, atol=1e-4, rtol=0
    )
    bits = -found.logprobs.sum() / math.log(2)
    assert bits == pytest.approx(float(expected.sum()) / math.log(2), abs=1e-4)
    assert sliding_validation_loss(model, ids) == pytest.approx(float(expected.mean()), abs=1e-4)


@pytest.mark.parametrize("model", CONFIGS, indirect=True)
def test_a_single_token_has_no_prediction(model):
    assert [*predictions(model, drawn(1))] == []


@pytest.mark.parametrize("stride", [2, 5, BLOCK])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("model", FULL, indirect=True)
def test_with_a_stride_each_token_is_predicted_from_a_window_that_is_long_enough(
    model, length, stride, small_pieces
):
    ids = drawn(length)
    found = torch.cat([*predictions(model, ids, stride)])
    assert len(found) == length - 1
    for position, logits in enumerate(found, 1):
        longest = min(position, BLOCK)
        shortest = min(position, context_min(model.config, stride))
        with torch.inference_mode():
            possible = [model(ids[None, position - n : position])[0, -1] for n in
                        range(shortest, longest + 1)]  # fmt: skip
        assert any(torch.allclose(logits, each, atol=1e-4) for each in possible), position


@pytest.mark.parametrize("model", FULL, indirect=True)
def test_windows_side_by_side_give_the_validation_loss(model):
    ids = drawn(4 * BLOCK + 1)
    logits = torch.cat([*predictions(model, ids, stride=BLOCK)])
    side_by_side = float(F.cross_entropy(logits, ids[1:]))
    assert side_by_side == pytest.approx(validation_loss(model, ids, BLOCK), abs=1e-5)
    assert n_windows(model.config, len(ids), BLOCK) == 4


@pytest.mark.parametrize("model", CONFIGS, indirect=True)
def test_a_stride_changes_nothing_where_attention_slides(model):
    ids = drawn(40)
    exact = torch.cat([*predictions(model, ids)])
    strided = torch.cat([*predictions(model, ids, stride=5)])
    assert torch.equal(exact, strided) == model.config.is_sliding
    assert (context_min(model.config, 5) == BLOCK) == model.config.is_sliding


@pytest.mark.parametrize("model", CONFIGS, indirect=True)
@pytest.mark.parametrize("stride", [1, 4])
def test_the_work_is_counted_in_full_windows(model, stride, monkeypatch):
    ids, n_positions = drawn(50), []
    forward = Transformer.forward

    def counted_forward(self, ids):
        n_positions.append(ids.numel())
        return forward(self, ids)

    def counted_extend(model, cache, ids, *arguments):
        n_positions.append(ids.numel())
        return extend(model, cache, ids, *arguments)

    monkeypatch.setattr(Transformer, "forward", counted_forward)
    monkeypatch.setattr(Transformer, "extend", counted_extend)
    list(predictions(model, ids, stride))
    if model.config.is_sliding:
        assert n_windows(model.config, 50, stride) == pytest.approx(49 / BLOCK)
    else:
        assert n_windows(model.config, 50, stride) == sum(n_positions) / BLOCK


def test_candidates_and_ranks_are_those_of_a_generated_step():
    """Ties included: an untrained model's tokens are all alike."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(40, 16)).round(1)
    logits[3] = 0.0
    targets = generator.integers(16, size=40)
    found = score(logits, targets)
    vocabulary = Vocabulary("abcdefghijklmnop")
    for row, target in enumerate(targets):
        step = sample_step(logits[row], vocabulary, SamplingParams(), row)
        assert vocabulary.decode(found.candidates[row]) == "".join(
            candidate.token for candidate in step.candidates
        )
        probs = [candidate.prob for candidate in step.candidates]
        assert found.probs[row] == pytest.approx(probs, abs=1e-12)
        assert found.other_probs[row] == pytest.approx(step.other.prob, abs=1e-12)
        order = [*np.argsort(-logits[row], kind="stable")]
        assert found.ranks[row] == 1 + order.index(target)
    assert found.ranks[3] == 1 + targets[3]


def test_a_small_vocabulary_has_fewer_candidates():
    found = score(np.zeros((2, 3)), [0, 2])
    assert found.candidates.tolist() == [[0, 1, 2]] * 2
    assert found.candidates.shape[1] < N_CANDIDATES
    assert found.other_probs.tolist() == [0.0, 0.0]
    assert found.ranks.tolist() == [1, 3]


def test_probabilities_too_small_for_a_float_have_a_finite_logarithm():
    found = score([[0.0, -800.0]], [1])
    assert found.logprobs.tolist() == [-800.0]
    assert found.probs.tolist() == [[1.0, 0.0]]
