"""Scoring: the log-probability of each token of a text, given those before it.

With a sliding window, as text is generated: each token is predicted from the last block_size before
it (fewer at the beginning of the text). The first token has nothing before it and is not scored;
after a token that begins texts it is, as the second of a text of two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from playground.lm.generation import N_CANDIDATES
from playground.lm.language_model import LanguageModel, ModelShape
from playground.lm.model import ModelConfig
from playground.lm.sampling import Array, log_softmax

# Bounds of a piece, in elements: of its logits, and of the largest tensor of its attention.
_POSITIONS_AT_ONCE = 512
_LOGITS_AT_ONCE = 2**21
_SCORES_AT_ONCE = 2**23
_WINDOWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model predicted for N tokens.

    logprobs     natural logarithm of each token's probability, (N,)
    ranks        1 for the most probable token; ties: lower id first, (N,)
    candidates   ids of the K = min(N_CANDIDATES, V) most probable tokens, descending, (N, K)
    probs        their probabilities, (N, K)
    other_probs  total probability of the V - K others, (N,)
    """

    logprobs: Array
    ranks: npt.NDArray[np.intp]
    candidates: npt.NDArray[np.intp]
    probs: Array
    other_probs: Array


def score(logits: npt.ArrayLike, targets: npt.ArrayLike) -> Scores:
    """Score tokens (N,) against the logits (N, V) of their positions, at temperature 1."""
    logprobs, ids = log_softmax(logits), np.asarray(targets)
    rows = np.arange(len(ids))
    own = logprobs[rows, ids]
    before = np.arange(logprobs.shape[1]) < ids[:, None]
    higher = (logprobs > own[:, None]) | ((logprobs == own[:, None]) & before)
    left, found = logprobs.copy(), []
    # The maximum, K times: its first occurrence is the lower id, and a sort of V takes longer.
    for _ in range(min(N_CANDIDATES, logprobs.shape[1])):
        top = left.argmax(1)
        found.append(top)
        left[rows, top] = -np.inf
    candidates = np.stack(found, 1)
    return Scores(
        logprobs=own,
        ranks=1 + higher.sum(1),
        candidates=candidates,
        probs=np.exp(np.take_along_axis(logprobs, candidates, 1)),
        other_probs=np.exp(left).sum(1),
    )


def concatenate(scores: Sequence[Scores]) -> Scores:
    """The scores of consecutive pieces of one text, in one."""
    fields: Any = Scores.__dataclass_fields__
    return Scores(*(np.concatenate([getattr(part, name) for part in scores]) for name in fields))


def score_text(model: LanguageModel, ids: Tensor, stride: int = 1) -> Iterator[Scores]:
    """Scores of each of ids (N,) but the first, in pieces; stride as for `predictions`."""
    at = 1
    for logits in predictions(model, ids, stride):
        yield score(logits.numpy(), ids[at : at + len(logits)].numpy())
        at += len(logits)


def predictions(model: LanguageModel, ids: Tensor, stride: int = 1) -> Iterator[Tensor]:
    """Logits of each of ids (N,) but the first, given those before it: (n, V), N - 1 in all.

    Exact at stride 1: equal to `forward` of the last block_size tokens, at its last position.
    Where attention slides that is one pass over the text. Where it is full it is one window a
    position, or one for each `stride` of them: a token is then predicted from at least
    `context_min` of those before it. With stride = block_size the windows stand side by side.
    """
    block_size, inputs = model.config.block_size, ids[:-1]
    if model.config.is_sliding:
        yield from _in_one_pass(model, inputs)
        return
    if len(inputs):
        with torch.inference_mode():
            yield model(inputs[None, :block_size])[0]
    yield from _in_windows(model, inputs, stride)


def context_min(config: ModelShape, stride: int = 1) -> int:
    """Number of tokens that `predictions` sees before a token, where that many precede it."""
    return config.block_size if config.is_sliding else config.block_size - stride + 1


def n_windows(config: ModelShape, n_tokens: int, stride: int = 1) -> float:
    """Work of `predictions` over a text of n_tokens, in forward passes over a full window."""
    n_inputs = n_tokens - 1
    if config.is_sliding or n_inputs <= config.block_size:
        return n_inputs / config.block_size
    return 1 + math.ceil((n_inputs - config.block_size) / stride)


def sliding_validation_loss(model: LanguageModel, ids: Tensor) -> float:
    """Mean nats per token over all of ids (N,), N >= 2, each but the first once: exact."""
    total, at = 0.0, 1
    for logits in predictions(model, ids):
        targets = ids[at : at + len(logits)]
        total -= float(logits.double().log_softmax(1).gather(1, targets[:, None]).sum())
        at += len(logits)
    return total / (len(ids) - 1)


def _in_one_pass(model: LanguageModel, inputs: Tensor) -> Iterator[Tensor]:
    config = model.config
    fitting = _LOGITS_AT_ONCE // config.vocab_size
    if isinstance(config, ModelConfig):
        widest = max(config.key_width, config.n_embd) * max(config.spans)
        fitting = min(fitting, _SCORES_AT_ONCE // widest)
    cache = model.empty_state(1)
    for piece in inputs[None].split(min(_POSITIONS_AT_ONCE, max(1, fitting)), 1):
        if n_new := piece.shape[1]:  # a text of one token has none
            logits, cache = model.extend(cache, piece, torch.tensor([n_new]), n_new)
            yield logits[0]


def _in_windows(model: LanguageModel, inputs: Tensor, stride: int) -> Iterator[Tensor]:
    """Logits (n, V) of the positions from block_size on, by windows that each end at one."""
    config = model.config
    block_size, n_inputs = config.block_size, len(inputs)
    ends = [*range(block_size + stride, n_inputs, stride), n_inputs]
    n_logits = 1 if stride == 1 else block_size
    fitting = _LOGITS_AT_ONCE // (n_logits * config.vocab_size)
    n_at_once = min(_WINDOWS_AT_ONCE, max(1, fitting))
    done = block_size
    while done < n_inputs:
        some, ends = torch.tensor(ends[:n_at_once]), ends[n_at_once:]
        windows = inputs[some[:, None] + torch.arange(-block_size, 0)]  # (B, T)
        with torch.inference_mode():
            if stride == 1:
                n_rows, full = len(windows), torch.full_like(some, block_size)
                logits = model.extend(model.empty_state(n_rows), windows, full)[0][:, 0]
            else:  # the last window of the text overlaps more than the others
                n_last = int(some[-1]) - done - stride * (len(some) - 1)
                found = model(windows)[:, -stride:]
                logits = torch.cat([found[:-1].flatten(0, 1), found[-1, stride - n_last :]])
        yield logits
        done = int(some[-1])
