"""Sampling of the next token: temperature, top-k, top-p, and a counter-based random number.

Filters take and return log-probabilities (..., V) in float64, a row for each distribution; their
parameter is a number, or an array (...) with one for each row. A token that a filter removes gets
the log-probability -inf. A row's result does not depend on the other rows, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

TEMPERATURE_MAX = 10.0
TOP_K_MAX = 1000
SEED_MAX = 2**53 - 1  # the largest integer that a JSON number carries exactly, as a double

_64_BITS = 2**64 - 1
_FEW = 16  # random numbers: below, a loop over integers takes less time than arrays do
_MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157  # of Philox4x64, and what its keys grow by
_WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B


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


@dataclass(frozen=True, slots=True)
class BatchParams:
    """Sampling parameters of B rows, (B,) each; see SamplingParams."""

    temperature: Array
    top_k: npt.NDArray[np.int64]
    top_p: Array

    @classmethod
    def stack(cls, rows: Sequence[SamplingParams]) -> BatchParams:
        return cls(
            np.array([row.temperature for row in rows], np.float64),
            np.array([row.top_k for row in rows], np.int64),
            np.array([row.top_p for row in rows], np.float64),
        )

    def select(self, rows: Sequence[int]) -> BatchParams:
        """The parameters of some rows, in their order."""
        at = list(rows)
        return BatchParams(self.temperature[at], self.top_k[at], self.top_p[at])

    def concatenate(self, other: BatchParams) -> BatchParams:
        """The parameters of these rows, and then of other ones."""
        return BatchParams(
            np.concatenate([self.temperature, other.temperature]),
            np.concatenate([self.top_k, other.top_k]),
            np.concatenate([self.top_p, other.top_p]),
        )


def log_softmax(logits: npt.ArrayLike) -> Array:
    """Log-probabilities of logits over the last axis, in float64; shifted against overflow."""
    logits = np.asarray(logits, dtype=np.float64)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logprobs: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logprobs


def apply_temperature(logprobs: Array, temperature: npt.ArrayLike) -> Array:
    """Divide log-probabilities by the temperature and renormalise. temperature > 0."""
    # The division would overflow for a tiny temperature; shifted first, it can only reach -inf.
    shifted = logprobs - logprobs.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):
        return log_softmax(shifted / np.asarray(temperature)[..., None])


def apply_top_k(logprobs: Array, k: npt.ArrayLike) -> Array:
    """Keep the k most probable tokens, renormalised (Fan et al. 2018). k >= 1; ties: lower id."""
    order = argsort_descending(logprobs)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(order.shape[-1]), order.shape), -1)
    return log_softmax(np.where(ranks >= np.asarray(k)[..., None], -np.inf, logprobs))


def apply_top_p(logprobs: Array, p: npt.ArrayLike) -> Array:
    """Keep the smallest set of most probable tokens with total probability >= p, renormalised.

    Nucleus sampling (Holtzman et al. 2020). 0 < p <= 1; the top token is always kept.
    """
    order = argsort_descending(logprobs)
    probs = np.exp(np.take_along_axis(logprobs, order, -1))
    total_before = np.cumsum(probs, -1) - probs
    removed = np.empty(order.shape, np.bool_)
    np.put_along_axis(removed, order, total_before >= np.asarray(p)[..., None], -1)
    return log_softmax(np.where(removed, -np.inf, logprobs))


def argsort_descending(logprobs: Array) -> npt.NDArray[np.intp]:
    """Token ids by descending log-probability; ties: lower id first."""
    order: npt.NDArray[np.intp] = np.argsort(-logprobs, axis=-1, kind="stable")
    return order


def temperature_logprobs(logits: npt.ArrayLike, params: BatchParams) -> Array:
    """Log-probabilities (B, V) after temperature, before truncation.

    At temperature 0 (greedy decoding) they are those of temperature 1.
    """
    logprobs = log_softmax(logits)
    warm = np.flatnonzero(params.temperature)
    if len(warm):
        logprobs[warm] = apply_temperature(logprobs[warm], params.temperature[warm])
    return logprobs


def apply_truncation(logprobs: Array, params: BatchParams) -> Array:
    """Apply top-k, then top-p, to each row (B, V). Unchanged at temperature 0 (greedy decoding)."""
    by_k = np.flatnonzero((params.temperature > 0) & (params.top_k > 0))
    by_p = np.flatnonzero((params.temperature > 0) & (params.top_p < 1))
    if len(by_k) or len(by_p):
        logprobs = logprobs.copy()
    if len(by_k):
        logprobs[by_k] = apply_top_k(logprobs[by_k], params.top_k[by_k])
    if len(by_p):
        logprobs[by_p] = apply_top_p(logprobs[by_p], params.top_p[by_p])
    return logprobs


def cumulative_sums(logprobs: Array) -> Array:
    """Sums (..., V) of the probabilities up to each token, itself included, in the order of ids."""
    sums: Array = np.cumsum(np.exp(logprobs), -1)
    return sums


def sample(
    logprobs: Array, cumulative: Array, params: BatchParams, u: Array
) -> npt.NDArray[np.intp]:
    """Tokens (B,) of truncated log-probabilities (B, V): argmax where the temperature is 0.

    cumulative: their `cumulative_sums`. u: uniform random numbers (B,), 0 <= u < 1.
    """
    tokens: npt.NDArray[np.intp] = np.argmax(logprobs, axis=-1)
    warm = np.flatnonzero(params.temperature)
    if len(warm):
        tokens[warm] = sample_inverse_cdf(cumulative[warm], u[warm])
    return tokens


def sample_inverse_cdf(cumulative: Array, u: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Tokens (...) whose interval of the cumulative distribution contains u, 0 <= u < 1."""
    total = cumulative[..., -1:]
    # Rounding may leave the last sum a little off 1: u is scaled to it, and a product that rounds
    # up to the sum itself selects the last token with a probability above 0.
    last_possible = (cumulative < total).sum(-1)
    found = (cumulative <= np.asarray(u)[..., None] * total).sum(-1)
    token: npt.NDArray[np.intp] = np.minimum(found, last_possible)
    return token


def philox_uniform(seed: int, position: int) -> float:
    """Counter-based uniform random number in [0, 1), a function of (seed, position).

    The first number of NumPy's `Generator(Philox(key=seed, counter=position))`, to the last bit:
    Philox4x64-10 (Salmon et al., SC'11) is counter-based: no number needs the ones before it.
    Written out: constructing a NumPy generator reads entropy from the system, which takes longer.
    """
    c0, c1, c2, c3 = position + 1, 0, 0, 0  # NumPy counts before it draws
    k0, k1 = seed, 0
    for _ in range(10):
        p0, p1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = p1 >> 64 ^ c1 ^ k0, p1 & _64_BITS, p0 >> 64 ^ c3 ^ k1, p0 & _64_BITS
        k0, k1 = k0 + _WEYL[0] & _64_BITS, k1 + _WEYL[1] & _64_BITS
    return (c0 >> 11) * 2.0**-53


def philox_uniforms(seeds: npt.NDArray[np.uint64], positions: npt.NDArray[np.uint64]) -> Array:
    """The random numbers (N,) of `philox_uniform` for N seeds and positions."""
    if len(seeds) < _FEW:
        pairs = zip(seeds.tolist(), positions.tolist(), strict=True)
        return np.array([philox_uniform(seed, position) for seed, position in pairs], np.float64)
    c0, c1 = positions + np.uint64(1), np.zeros_like(positions)
    c2 = c3 = c1
    for k0, k1 in zip(*_round_keys(seeds), strict=True):
        high0, low0 = _multiply(c0, _MULTIPLIERS[0])
        high1, low1 = _multiply(c2, _MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
    return np.asarray((c0 >> np.uint64(11)) * 2.0**-53, np.float64)


def _round_keys(
    seeds: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """The keys of Philox's ten rounds, (10, N) and (10, 1); both grow modulo 2 ** 64."""
    rounds = np.arange(10, dtype=np.uint64)[:, None]
    return seeds + rounds * np.uint64(_WEYL[0]), rounds * np.uint64(_WEYL[1])


def _multiply(
    a: npt.NDArray[np.uint64], factor: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """The high and the low 64 bits of 128-bit products."""
    low_half, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    a_low, a_high = a & low_half, a >> half
    b_low, b_high = np.uint64(factor & 0xFFFFFFFF), np.uint64(factor >> 32)
    middle = a_high * b_low + (a_low * b_low >> half)
    middle_low = (middle & low_half) + a_low * b_high
    return a_high * b_high + (middle >> half) + (middle_low >> half), a * np.uint64(factor)
