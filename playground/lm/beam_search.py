"""Beam search: the most probable continuations of a text, found breadth first.

At each depth, the `width` most probable of all one-token extensions of the prefixes kept so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from playground.lm.language_model import LanguageModel
from playground.lm.sampling import Array, argsort_descending, log_softmax


@dataclass(frozen=True, slots=True)
class Beams:
    """The prefixes that are kept at one depth, (K,) each; the most probable first.

    parents: index of each prefix without its last token, in the depth before. tokens: the last
    tokens. logprobs: sums of the natural logarithms of all its tokens' probabilities.
    """

    parents: npt.NDArray[np.intp]
    tokens: npt.NDArray[np.intp]
    logprobs: Array


def beam_search(model: LanguageModel, ids: Sequence[int], *, width: int, n: int) -> Iterator[Beams]:
    """Beams of depth 1 to n after a text of one or more ids, at temperature 1.

    K = width, or as many prefixes as there are. Ties: the better parent, then the lower id.
    """
    window = torch.tensor([list(ids[-model.config.block_size :])])
    lengths = torch.tensor([window.shape[1]])
    logprobs, cache, new = np.zeros(1), model.empty_state(1), window
    for depth in range(n):
        logits, cache = model.extend(cache, new, lengths)
        total = logprobs[:, None] + log_softmax(logits[:, -1].numpy())
        best = argsort_descending(total.ravel())[:width]
        parents, tokens = np.divmod(best, total.shape[1])
        logprobs = total.ravel()[best]
        yield Beams(parents, tokens, logprobs)
        if depth + 1 < n:
            cache = cache.select(torch.from_numpy(parents))
            new, lengths = (
                torch.from_numpy(tokens[:, None]),
                torch.ones(len(best), dtype=torch.long),
            )


def trace_back(levels: Sequence[Beams]) -> list[list[int]]:
    """The token ids of each prefix of the last depth."""
    paths: list[list[int]] = []
    for index in range(len(levels[-1].tokens)):
        path, at = [], index
        for level in reversed(levels):
            path.append(int(level.tokens[at]))
            at = int(level.parents[at])
        paths.append(path[::-1])
    return paths
