"""KL divergences between a model's predictions after several contexts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playground.checkpoints.folder import BaseRun
from playground.checkpoints.schema import CheckpointEntry
from playground.errors import InvalidInput, TooLarge
from playground.lm.divergence import kl_divergence_bits
from playground.lm.generation import N_CANDIDATES
from playground.lm.language_model import LanguageModel
from playground.lm.sampling import Array, argsort_descending
from playground.service.comparison import ROWS_AT_ONCE, Lane, next_logprobs
from playground.service.contexts import check_ids, encode_context, encode_text
from playground.service.serial_executor import SerialExecutor
from playground.service.sessions import LoadModel

OTHERS_MAX = 64


@dataclass(frozen=True, slots=True)
class ContextComparison:
    """Distributions after M other contexts beside that after one; K = N_CANDIDATES at most.

    prob: of the token that is followed, after the context; other_prob: after the others, (M,).
    kl: D(after the context || after the other) in bits over the whole vocabulary, (M,).
    candidate, candidate_prob: the most probable ids after each other context, descending, (M, K);
        candidate_before: their probabilities after the context.
    rest: total probability of the tokens that are no candidates, (M,); rest_before: likewise.
    """

    lane: Lane
    checkpoint: CheckpointEntry
    prob: float
    other_prob: Array
    kl: Array
    candidate: npt.NDArray[np.intp]
    candidate_prob: Array
    candidate_before: Array
    rest: Array
    rest_before: Array


class ContextComparer:
    """Comparisons of contexts, one at a time with other long computations."""

    def __init__(self, load_model: LoadModel, executor: SerialExecutor) -> None:
        self._load_model = load_model
        self._executor = executor

    async def compare(
        self,
        lane: Lane,
        context: str,
        others: Sequence[str],
        token: str | int,
        suffix_ids: Sequence[int] = (),
    ) -> ContextComparison:
        """Compare what follows a context with what follows 1 to OTHERS_MAX others.

        token: the one whose probability is followed, by its text or its id. suffix_ids: of tokens
        that come after the context, and after each of the others. Raises StepNotFound,
        ModelNotInitialized, InvalidInput, TooLarge, BadCheckpoint, Overloaded, and HubError if
        weights have to be downloaded.
        """
        run = lane.run
        ids = [await encode_context(run, context, suffix_ids)]
        try:
            ids += [await encode_context(run, other, suffix_ids) for other in others]
        except InvalidInput as error:
            raise error.at("others") from None
        followed = await _single_token(run, token)
        each = run.model_config.gigaflops
        if len(others) > 1 and len(ids) * each > self._executor.gigaflops_max:
            fitting = max(1, math.floor(self._executor.gigaflops_max / each) - 1)
            raise TooLarge("errors.others_too_much_work", most=fitting).at("others")
        entry = run.checkpoint(lane.step)
        model = await self._load_model(lane.session, entry)
        rows = _logprobs(model, ids, lane.temperature)
        logprobs = np.concatenate(await self._executor.run(rows, len(ids) * each))
        return _comparison(lane, entry, logprobs, followed)


async def _single_token(run: BaseRun, token: str | int) -> int:
    if isinstance(token, int):
        check_ids(run, [token], field="token_id")
        return token
    try:
        [id] = await encode_text(run.vocabulary, token, field="token")
    except (InvalidInput, ValueError):
        raise InvalidInput("errors.token_not_known").at("token") from None
    return id


def _logprobs(
    model: LanguageModel, ids: Sequence[Sequence[int]], temperature: float
) -> Iterator[Array]:
    """Log-probabilities (m, V) after each context, some of them at a time."""
    for at in range(0, len(ids), ROWS_AT_ONCE):
        yield next_logprobs(model, ids[at : at + ROWS_AT_ONCE], temperature)


def _comparison(
    lane: Lane, checkpoint: CheckpointEntry, logprobs: Array, token: int
) -> ContextComparison:
    """logprobs (M + 1, V): those after the context first."""
    probs = np.exp(logprobs)
    before, after = probs[0], probs[1:]
    order = argsort_descending(logprobs[1:])
    top, rest = order[:, :N_CANDIDATES], order[:, N_CANDIDATES:]
    return ContextComparison(
        lane=lane,
        checkpoint=checkpoint,
        prob=float(before[token]),
        other_prob=after[:, token],
        kl=kl_divergence_bits(logprobs[0], logprobs[1:]),
        candidate=top,
        candidate_prob=np.take_along_axis(after, top, -1),
        candidate_before=before[top],
        rest=np.take_along_axis(after, rest, -1).sum(-1),
        rest_before=before[rest].sum(-1),
    )
