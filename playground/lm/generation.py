"""Steps of autoregressive generation: sampled tokens, and the distributions they come from."""

from __future__ import annotations

from dataclasses import dataclass

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
class Steps:
    """N sampled tokens and the distributions that they were sampled from; (N,) or (N, K) each.

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

    token: npt.NDArray[np.intp]
    prob: Array
    candidate: npt.NDArray[np.intp]
    candidate_prob: Array
    other: Array
    n_kept: npt.NDArray[np.intp]
    kept_prob: Array
    u: Array
    low: Array
    high: Array
    candidate_low: Array

    @classmethod
    def empty(cls, n: int, vocab_size: int) -> Steps:
        """Arrays of n steps, to be filled by `put`."""
        k = min(N_CANDIDATES, vocab_size)
        return cls(
            token=np.empty(n, np.intp),
            prob=np.empty(n),
            candidate=np.empty((n, k), np.intp),
            candidate_prob=np.empty((n, k)),
            other=np.empty(n),
            n_kept=np.empty(n, np.intp),
            kept_prob=np.empty(n),
            u=np.empty(n),
            low=np.empty(n),
            high=np.empty(n),
            candidate_low=np.empty((n, k)),
        )

    def put(self, index: int, source: Steps, row: int) -> None:
        """Copy one step."""
        self.token[index] = source.token[row]
        self.prob[index] = source.prob[row]
        self.candidate[index] = source.candidate[row]
        self.candidate_prob[index] = source.candidate_prob[row]
        self.other[index] = source.other[row]
        self.n_kept[index] = source.n_kept[row]
        self.kept_prob[index] = source.kept_prob[row]
        self.u[index] = source.u[row]
        self.low[index] = source.low[row]
        self.high[index] = source.high[row]
        self.candidate_low[index] = source.candidate_low[row]

    @property
    def nbytes(self) -> int:
        arrays = (getattr(self, name) for name in Steps.__slots__)
        return sum(int(array.nbytes) for array in arrays)

    def __len__(self) -> int:
        return len(self.token)


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
    return Steps(
        token=token,
        prob=probs[rows, token],
        candidate=top,
        candidate_prob=probs[rows[:, None], top],
        other=other,
        n_kept=n_kept,
        kept_prob=kept_prob,
        u=drawn,
        low=lows[:, 0],
        high=cumulative[rows, token] / total,
        candidate_low=lows[:, 1:],
    )


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
