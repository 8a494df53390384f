"""Autoregressive generation: each step with its candidates, probabilities and sampled token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from playground.lm.sampling import (
    SamplingParams,
    apply_truncation,
    argsort_descending,
    sample,
    temperature_logprobs,
)
from playground.lm.vocabulary import Vocabulary

N_CANDIDATES = 10

Predict = Callable[[Sequence[int]], Awaitable[np.ndarray]]
"""Logits (V,) of the next token, of the token ids of a window: 1 to block_size of them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token and its probability, 0 to 1."""

    token: str
    prob: float


@dataclass(frozen=True, slots=True)
class Rest:
    """The tokens that are not among the candidates: their number and total probability."""

    count: int
    prob: float


@dataclass(frozen=True, slots=True)
class Step:
    """One generated token and the distribution that it was sampled from.

    position: absolute index of the token in the text.
    prob: probability of `token`, after temperature and before truncation, as in `candidates`.
    candidates: the N_CANDIDATES most probable tokens (fewer in a smaller vocabulary), descending.
    n_kept, kept_prob: number of tokens that top_k and top_p kept, and their total probability, by
        which those of the tokens are divided when one is drawn; all of them at temperature 0.
    """

    position: int
    token: str
    prob: float
    candidates: tuple[Candidate, ...]
    other: Rest
    n_kept: int
    kept_prob: float


def sample_step(
    logits: np.ndarray, vocabulary: Vocabulary, params: SamplingParams, position: int
) -> Step:
    """Sample the token at a position from its logits (V,)."""
    logprobs = temperature_logprobs(logits, params)
    probs = np.exp(logprobs)
    truncated = apply_truncation(logprobs, params)
    sampled = sample(truncated, params, position)
    is_kept = np.isfinite(truncated)
    order = argsort_descending(logprobs)
    top, rest = order[:N_CANDIDATES], order[N_CANDIDATES:]
    return Step(
        position=position,
        token=vocabulary.characters[sampled],
        prob=float(probs[sampled]),
        candidates=tuple(Candidate(vocabulary.characters[i], float(probs[i])) for i in top),
        other=Rest(len(rest), float(probs[rest].sum())),
        n_kept=int(is_kept.sum()),
        kept_prob=1.0 if is_kept.all() else float(probs[is_kept].sum()),
    )


async def generate(
    predict: Predict,
    vocabulary: Vocabulary,
    block_size: int,
    context: str,
    params: SamplingParams,
    *,
    n: int,
    position: int | None = None,
) -> AsyncIterator[Step]:
    """Generate n characters after `context`, yielding the Step of each.

    position: absolute index of the first new character, by default `len(context)`; to be given
    where `context` is the end of a longer text, because sampling depends on the position.
    Raises UnknownCharactersError before the first step; errors of `predict` propagate.
    """
    ids = vocabulary.encode(context)
    start = len(context) if position is None else position
    for index in range(start, start + n):
        step = sample_step(await predict(ids[-block_size:]), vocabulary, params, index)
        yield step
        ids += vocabulary.encode(step.token)
