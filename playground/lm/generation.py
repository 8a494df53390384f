"""Steps of autoregressive generation: sampled tokens, and the distributions they come from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from playground.lm.sampling import (
    Array,
    BatchParams,
    apply_truncation,
    argsort_descending,
    sample,
    temperature_logprobs,
)

N_CANDIDATES = 10
_SORTED_MAX = 20_000  # tokens of a vocabulary that is sorted whole


@dataclass(frozen=True, slots=True)
class Rest:
    """The tokens that are not among the candidates: their number and total probability."""

    count: int
    prob: float


@dataclass(frozen=True, slots=True)
class Steps:
    """N sampled tokens and the distributions that they were sampled from.

    records: a structured array (N,), so that a step is copied at once; its fields, (N,) or (N, K):

    token: the sampled ids.
    prob: probability of the token, after temperature and before truncation, as in candidate_probs.
    candidate, candidate_prob: the K = N_CANDIDATES most probable ids (fewer in a smaller
        vocabulary), descending.
    other: total probability of the tokens that are not among the candidates.
    n_kept, kept_prob: number of tokens that top_k and top_p kept, and their total probability, by
        which those of the tokens are divided when one is drawn; all of them at temperature 0.
    u: the random number that the token was drawn with; nan at temperature 0.
    low, high: interval of the token in the cumulative distribution that it was drawn from: kept
        tokens in the order of ids, probabilities renormalised to 1. low <= u < high.
    candidate_low: the same lower bound of each candidate; nan for one that was not kept. The upper
        one is candidate_prob / kept_prob above it.
    """

    records: npt.NDArray[np.void]

    @classmethod
    def empty(cls, n: int, vocab_size: int) -> Steps:
        """Records of n steps, to be filled by `put`."""
        return cls(np.empty(n, steps_dtype(vocab_size)))

    def put(self, index: int, source: Steps, row: int) -> None:
        """Copy one step."""
        self.records[index] = source.records[row]

    @property
    def token(self) -> npt.NDArray[np.int64]:
        return self.records["token"]

    @property
    def prob(self) -> Array:
        return self.records["prob"]

    @property
    def candidate(self) -> npt.NDArray[np.int64]:
        return self.records["candidate"]

    @property
    def candidate_prob(self) -> Array:
        return self.records["candidate_prob"]

    @property
    def other(self) -> Array:
        return self.records["other"]

    @property
    def n_kept(self) -> npt.NDArray[np.int64]:
        return self.records["n_kept"]

    @property
    def kept_prob(self) -> Array:
        return self.records["kept_prob"]

    @property
    def u(self) -> Array:
        return self.records["u"]

    @property
    def low(self) -> Array:
        return self.records["low"]

    @property
    def high(self) -> Array:
        return self.records["high"]

    @property
    def candidate_low(self) -> Array:
        return self.records["candidate_low"]

    @property
    def nbytes(self) -> int:
        return self.records.nbytes

    def __len__(self) -> int:
        return len(self.records)


@lru_cache
def steps_dtype(vocab_size: int) -> np.dtype[np.void]:
    """The type of the records of Steps."""
    k = min(N_CANDIDATES, vocab_size)
    return np.dtype([
        ("token", np.int64), ("prob", np.float64),
        ("candidate", np.int64, (k,)), ("candidate_prob", np.float64, (k,)),
        ("other", np.float64), ("n_kept", np.int64), ("kept_prob", np.float64),
        ("u", np.float64), ("low", np.float64), ("high", np.float64),
        ("candidate_low", np.float64, (k,)),
    ])  # fmt: skip


def sample_steps(logits: npt.ArrayLike, params: BatchParams, u: Array) -> Steps:
    """One step for each row of logits (B, V); u: a uniform random number for each, (B,)."""
    logprobs = temperature_logprobs(logits, params)
    probs = np.exp(logprobs)
    truncated = apply_truncation(logprobs, params)
    cumulative = np.cumsum(probs if truncated is logprobs else np.exp(truncated), -1)
    token = sample(truncated, cumulative, params, u)
    kept = truncated > -np.inf
    n_kept = kept.sum(-1)
    rows = np.arange(len(logprobs))
    top, other = _candidates(logprobs, probs)
    kept_prob = np.where(kept, probs, 0.0).sum(-1)
    kept_prob[n_kept == kept.shape[1]] = 1.0
    drawn = np.where(params.temperature > 0, u, np.nan)
    total = cumulative[:, -1]
    ids = np.concatenate([token[:, None], top], 1)
    lows = np.where(ids > 0, cumulative[rows[:, None], ids - 1], 0.0) / total[:, None]
    lows[:, 1:][np.arange(top.shape[1]) >= n_kept[:, None]] = np.nan  # the most probable are kept
    steps = Steps.empty(len(logprobs), logprobs.shape[1])
    steps.token[:] = token
    steps.prob[:] = probs[rows, token]
    steps.candidate[:] = top
    steps.candidate_prob[:] = probs[rows[:, None], top]
    steps.other[:] = other
    steps.n_kept[:] = n_kept
    steps.kept_prob[:] = kept_prob
    steps.u[:] = drawn
    steps.low[:] = lows[:, 0]
    steps.high[:] = cumulative[rows, token] / total
    steps.candidate_low[:] = lows[:, 1:]
    return steps


def _candidates(logprobs: Array, probs: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """The most probable ids (B, K), descending, lower id first; total probability of the others."""
    rows = np.arange(len(logprobs))[:, None]
    if logprobs.shape[1] <= _SORTED_MAX:
        order = argsort_descending(logprobs)
        return order[:, :N_CANDIDATES], probs[rows, order[:, N_CANDIDATES:]].sum(-1)
    top = (
        np.stack([_top(row) for row in logprobs])
        if len(logprobs)
        else np.empty((0, N_CANDIDATES), np.intp)
    )
    others = probs.copy()
    others[rows, top] = 0.0
    return top, others.sum(-1)


def _top(logprobs: Array) -> npt.NDArray[np.intp]:
    """The N_CANDIDATES most probable ids of (V,): a sort of all would take far longer."""
    least = np.partition(logprobs, -N_CANDIDATES)[-N_CANDIDATES]
    found = np.flatnonzero(logprobs >= least)
    return found[argsort_descending(logprobs[found])][:N_CANDIDATES]
