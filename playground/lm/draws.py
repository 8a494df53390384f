"""Many draws of the same next token, each with a seed of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playground.lm.sampling import (
    SEED_MAX,
    Array,
    BatchParams,
    SamplingParams,
    apply_truncation,
    cumulative_sums,
    philox_uniforms,
    temperature_logprobs,
)


@dataclass(frozen=True, slots=True)
class Draws:
    """N draws from one distribution.

    tokens: the drawn ids in the order of their seeds, (N,). probs: the probability of each token to
    be drawn, (V,): after temperature and truncation; 1 for the top token at temperature 0.
    """

    tokens: npt.NDArray[np.intp]
    probs: Array


def repeat_draw(logits: npt.ArrayLike, params: SamplingParams, position: int, n: int) -> Draws:
    """Draw the token at a position n times from logits (V,).

    Draw i is what `sample_steps` draws with the seed (params.seed + i) mod (SEED_MAX + 1).
    """
    batch = BatchParams.stack([params])
    logprobs = temperature_logprobs(np.asarray(logits)[None], batch)
    if params.temperature == 0:
        top = int(logprobs[0].argmax())
        return Draws(np.full(n, top), np.eye(1, logprobs.shape[1], top)[0])
    truncated = apply_truncation(logprobs, batch)
    cumulative = cumulative_sums(truncated)[0]
    seeds = (np.uint64(params.seed) + np.arange(n, dtype=np.uint64)) % np.uint64(SEED_MAX + 1)
    u = philox_uniforms(seeds, np.full(n, position, np.uint64))
    # As `sample_inverse_cdf`, by bisection: sums don't descend, and (N, V) would be too much.
    found = np.searchsorted(cumulative, u * cumulative[-1], side="right")
    last_possible = np.searchsorted(cumulative, cumulative[-1])
    return Draws(np.minimum(found, last_possible), np.exp(truncated[0]))
