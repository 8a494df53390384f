"""Step after step: what was weighed for a position, and what was picked there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from playground.lm.sampling import SamplingParams, ranked, sample, temperature_logprobs, truncate
from playground.lm.vocabulary import Vocabulary

N_CANDIDATES = 10

Predict = Callable[[Sequence[int]], Awaitable[np.ndarray]]
"""Token ids of a window (1 to block_size of them) to the logits of the next token, shape (V,)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One token with its probability, 0 to 1."""

    token: str
    prob: float


@dataclass(frozen=True, slots=True)
class Rest:
    """The tokens below the listed candidates: how many, and their probability together."""

    count: int
    prob: float


@dataclass(frozen=True, slots=True)
class Step:
    """One character: where it stands, what it is, and what it was chosen from.

    position: absolute index of the character in the text.
    prob: probability of `token`, after temperature and before truncation, as in `candidates`.
    candidates: the N_CANDIDATES most probable tokens (fewer in a smaller vocabulary), descending.
    kept: so many of the most probable tokens were drawn from; top_k and top_p left the others out.
    """

    position: int
    token: str
    prob: float
    candidates: tuple[Candidate, ...]
    other: Rest
    kept: int


def next_step(
    logits: np.ndarray, vocabulary: Vocabulary, params: SamplingParams, position: int
) -> Step:
    """The step at a position, from the logits (V,) that the model gave for it."""
    logprobs = temperature_logprobs(logits, params)
    probs = np.exp(logprobs)
    kept = truncate(logprobs, params)
    picked = sample(kept, params, position)
    order = ranked(logprobs)
    top, rest = order[:N_CANDIDATES], order[N_CANDIDATES:]
    return Step(
        position=position,
        token=vocabulary.characters[picked],
        prob=float(probs[picked]),
        candidates=tuple(Candidate(vocabulary.characters[i], float(probs[i])) for i in top),
        other=Rest(len(rest), float(probs[rest].sum())),
        kept=int(np.isfinite(kept).sum()),
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
    """Continue `context` by n characters, yielding the Step of each.

    position: absolute index of the first new character, `len(context)` unless told; callers that
    send only the end of a longer text tell it, since each draw depends on it.
    Raises UnknownCharactersError before the first step, whatever `predict` raises at any.
    """
    ids = vocabulary.encode(context)
    start = len(context) if position is None else position
    for index in range(start, start + n):
        step = next_step(await predict(ids[-block_size:]), vocabulary, params, index)
        yield step
        ids += vocabulary.encode(step.token)
