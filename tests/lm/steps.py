"""One sampled step as a reader sees it: characters instead of ids, numbers instead of arrays."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from playground.lm.generation import Rest, sample_steps
from playground.lm.sampling import BatchParams, philox_uniform


class Candidate(NamedTuple):
    token: str
    prob: float


def sample_step(logits, vocabulary, params, position):
    u = np.array([philox_uniform(params.seed, position)])
    return step_of(
        sample_steps(np.asarray(logits)[None], BatchParams.stack([params]), u), vocabulary
    )


def step_of(steps, vocabulary, index=0):
    ids, probs = steps.candidate[index].tolist(), steps.candidate_prob[index].tolist()
    return SimpleNamespace(
        token=vocabulary.characters[steps.token[index]],
        prob=float(steps.prob[index]),
        candidates=tuple(map(Candidate, (vocabulary.characters[id] for id in ids), probs)),
        other=Rest(len(vocabulary) - len(ids), float(steps.other[index])),
        n_kept=int(steps.n_kept[index]),
        kept_prob=float(steps.kept_prob[index]),
        u=float(steps.u[index]),
        low=float(steps.low[index]),
        high=float(steps.high[index]),
        candidate_lows=steps.candidate_low[index].tolist(),
    )
