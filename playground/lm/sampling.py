"""Sampling of the next token: temperature, top-k, top-p, and a counter-based random number.

Filters take and return log-probabilities (V,) in float64. A token that a filter removes gets the
log-probability -inf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

TEMPERATURE_MAX = 10.0
TOP_K_MAX = 1000
_64_BITS = 2**64 - 1
SEED_MAX = 2**53 - 1  # the largest integer that JSON can carry: JavaScript has doubles only


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """Sampling parameters. Raises ValueError for a value out of range.

    temperature: 0 to TEMPERATURE_MAX; 0 is greedy decoding.
    top_k: keep the k most probable tokens, 0 to TOP_K_MAX; 0 disables it.
    top_p: keep the smallest set of tokens whose probabilities reach p, 0 < p <= 1;
        1 disables it.
    seed: 0 to SEED_MAX. The random number at a position depends on (seed, position) alone.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= TEMPERATURE_MAX:
            raise ValueError(f"temperature must be between 0 and {TEMPERATURE_MAX:g}")
        if not 0 <= self.top_k <= TOP_K_MAX:
            raise ValueError(f"top_k must be between 0 and {TOP_K_MAX}")
        if not 0 < self.top_p <= 1:
            raise ValueError("top_p must be more than 0 and at most 1")
        if not 0 <= self.seed <= SEED_MAX:
            raise ValueError(f"seed must be between 0 and {SEED_MAX}")


def log_softmax(logits: npt.ArrayLike) -> Array:
    """Log-probabilities of logits over the last axis, in float64; shifted against overflow."""
    logits = np.asarray(logits, dtype=np.float64)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logprobs: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logprobs


def apply_temperature(logprobs: Array, temperature: float) -> Array:
    """Divide log-probabilities by the temperature and renormalise. temperature > 0."""
    # The division would overflow for a tiny temperature; shifted first, it can only reach -inf.
    shifted = logprobs - logprobs.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):
        return log_softmax(shifted / temperature)


def apply_top_k(logprobs: Array, k: int) -> Array:
    """Keep the k most probable tokens, renormalised (Fan et al. 2018). k >= 1; ties: lower id."""
    removed = argsort_descending(logprobs)[k:]
    kept = logprobs.copy()
    kept[removed] = -np.inf
    return log_softmax(kept)


def apply_top_p(logprobs: Array, p: float) -> Array:
    """Keep the smallest set of most probable tokens with total probability >= p, renormalised.

    Nucleus sampling (Holtzman et al. 2020). 0 < p <= 1; the top token is always kept.
    """
    order = argsort_descending(logprobs)
    total_before = np.cumsum(np.exp(logprobs[order])) - np.exp(logprobs[order])
    kept = logprobs.copy()
    kept[order[total_before >= p]] = -np.inf
    return log_softmax(kept)


def argsort_descending(logprobs: Array) -> npt.NDArray[np.intp]:
    """Token ids by descending log-probability; ties: lower id first."""
    return np.argsort(-logprobs, kind="stable")


def philox_uniform(seed: int, position: int) -> float:
    """Counter-based uniform random number in [0, 1), a function of (seed, position).

    The first number of NumPy's `Generator(Philox(key=seed, counter=position))`, to the last bit:
    Philox4x64-10 (Salmon et al., SC'11) is counter-based: no number needs the ones before it.
    Written out: constructing a NumPy generator reads entropy from the system, which takes longer.
    """
    c0, c1, c2, c3 = position + 1, 0, 0, 0  # NumPy counts before it draws
    k0, k1 = seed, 0
    for _ in range(10):
        p0, p1 = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = p1 >> 64 ^ c1 ^ k0, p1 & _64_BITS, p0 >> 64 ^ c3 ^ k1, p0 & _64_BITS
        k0, k1 = k0 + 0x9E3779B97F4A7C15 & _64_BITS, k1 + 0xBB67AE8584CAA73B & _64_BITS
    return (c0 >> 11) * 2.0**-53


def sample_inverse_cdf(logprobs: Array, u: float) -> int:
    """Token whose interval of the cumulative distribution contains u, 0 <= u < 1."""
    cumulative = np.cumsum(np.exp(logprobs))
    # Rounding may leave the last sum a little off 1: u is scaled to it, and a product that rounds
    # up to the sum itself selects the last token with a probability above 0.
    last_possible = int(np.searchsorted(cumulative, cumulative[-1]))
    return min(int(np.searchsorted(cumulative, u * cumulative[-1], side="right")), last_possible)


def temperature_logprobs(logits: npt.ArrayLike, params: SamplingParams) -> Array:
    """Log-probabilities (V,) after temperature, before truncation.

    At temperature 0 (greedy decoding) they are those of temperature 1.
    """
    logprobs = log_softmax(logits)
    return apply_temperature(logprobs, params.temperature) if params.temperature else logprobs


def truncate_and_sample(logprobs: Array, params: SamplingParams, position: int) -> int:
    """Token sampled at a position from `temperature_logprobs`, after top-k and top-p."""
    return sample(apply_truncation(logprobs, params), params, position)


def apply_truncation(logprobs: Array, params: SamplingParams) -> Array:
    """Apply top-k, then top-p. Unchanged at temperature 0 (greedy decoding)."""
    if params.temperature and params.top_k:
        logprobs = apply_top_k(logprobs, params.top_k)
    if params.temperature and params.top_p < 1:
        logprobs = apply_top_p(logprobs, params.top_p)
    return logprobs


def sample(logprobs: Array, params: SamplingParams, position: int) -> int:
    """Token sampled at a position from truncated log-probabilities; argmax at temperature 0."""
    if params.temperature == 0:
        return int(np.argmax(logprobs))
    return sample_inverse_cdf(logprobs, philox_uniform(params.seed, position))
