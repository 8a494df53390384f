"""KL divergences between the predictions of two models, training steps or temperatures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from playground.checkpoints.folder import BaseRun
from playground.checkpoints.schema import CheckpointEntry
from playground.errors import InvalidInput, TooLarge
from playground.lm.divergence import kl_divergence_bits
from playground.lm.incremental import left_pad
from playground.lm.language_model import LanguageModel
from playground.lm.sampling import Array, BatchParams, SamplingParams, temperature_logprobs
from playground.service.contexts import encode_context, have_same_tokens
from playground.service.serial_executor import SerialExecutor
from playground.service.sessions import LoadModel, Session

POSITIONS_MAX = 64
ROWS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Lane:
    """One of the two sides. step: None for the last one; temperature as in SamplingParams."""

    session: Session
    step: int | None
    temperature: float

    @property
    def run(self) -> BaseRun:
        """Raises ModelNotInitialized."""
        return self.session.require_run()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Kullback-Leibler divergences in bits over the whole vocabulary, (M,) each.

    first: absolute index of the first position. kl: of the other distribution from the first one,
    D(first || other). kl_reverse: D(other || first).
    """

    lanes: tuple[Lane, Lane]
    checkpoints: tuple[CheckpointEntry, CheckpointEntry]
    first: int
    kl: Array
    kl_reverse: Array


class Comparer:
    """Comparisons, one at a time with other long computations."""

    def __init__(self, load_model: LoadModel, executor: SerialExecutor) -> None:
        self._load_model = load_model
        self._executor = executor

    async def compare(
        self, lane: Lane, other: Lane, context: str, n: int, suffix_ids: Sequence[int] = ()
    ) -> Comparison:
        """Compare what follows the last n prefixes of a context, 1 to POSITIONS_MAX; the last one
        is the whole context, with the ids of the tokens after it.

        Raises StepNotFound, ModelNotInitialized, InvalidInput, TooLarge, BadCheckpoint, Overloaded,
        and HubError if weights have to be downloaded.
        """
        runs = lane.run, other.run
        if not await have_same_tokens(runs[0].vocabulary, runs[1].vocabulary):
            raise InvalidInput("errors.other_vocabulary").at("other.session_id")
        ids = await encode_context(runs[0], context, suffix_ids)
        if not 1 <= n <= min(POSITIONS_MAX, len(ids)):
            most = min(POSITIONS_MAX, len(ids))
            raise InvalidInput("errors.positions_out_of_range", most=most).at("positions")
        each = sum(run.model_config.gigaflops for run in runs)
        if n > 1 and n * each > self._executor.gigaflops_max:
            fitting = max(1, math.floor(self._executor.gigaflops_max / each))
            raise TooLarge("errors.positions_too_much_work", most=fitting).at("positions")
        entries = runs[0].checkpoint(lane.step), runs[1].checkpoint(other.step)
        models = [
            await self._load_model(side.session, entry)
            for side, entry in zip((lane, other), entries, strict=True)
        ]
        temperatures = lane.temperature, other.temperature
        parts = await self._executor.run(_divergences(models, temperatures, ids, n), n * each)
        kl, reverse = np.concatenate(parts, 1)
        return Comparison((lane, other), entries, len(ids) - n + 1, kl, reverse)


def _divergences(
    models: Sequence[LanguageModel], temperatures: Sequence[float], ids: list[int], n: int
) -> Iterator[Array]:
    """Both divergences (2, m) after the last n prefixes of ids, some of them at a time."""
    ends = range(len(ids) - n + 1, len(ids) + 1)
    for at in range(0, n, ROWS_AT_ONCE):
        prefixes = [ids[:end] for end in ends[at : at + ROWS_AT_ONCE]]
        p, q = (
            next_logprobs(model, prefixes, temperature)
            for model, temperature in zip(models, temperatures, strict=True)
        )
        yield np.stack([kl_divergence_bits(p, q), kl_divergence_bits(q, p)])


def next_logprobs(
    model: LanguageModel, prefixes: Sequence[Sequence[int]], temperature: float
) -> Array:
    """Log-probabilities (B, V) of the token after each text, after temperature; 0 is 1."""
    size = model.config.block_size
    windows = left_pad([prefix[-size:] for prefix in prefixes])
    logits, _ = model.extend(model.empty_state(len(prefixes)), *windows)
    params = BatchParams.stack([SamplingParams(temperature or 1.0)] * len(prefixes))
    return temperature_logprobs(logits[:, -1].numpy(), params)
