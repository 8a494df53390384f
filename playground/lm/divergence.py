"""Distance between distributions."""

from __future__ import annotations

import numpy as np

from playground.lm.sampling import Array


def kl_divergence_bits(logprobs: Array, others: Array) -> Array:
    """D(P || Q) in bits, (...), of log-probabilities P and Q (..., V): 0 or more.

    Exactly 0 for equal distributions; infinite where Q excludes a token that P does not.
    """
    possible = logprobs > -np.inf
    with np.errstate(invalid="ignore"):
        terms = np.where(possible, np.exp(logprobs) * (logprobs - others), 0.0)
    bits: Array = np.maximum(terms.sum(-1) / np.log(2), 0.0)  # rounding may leave it below
    return bits
