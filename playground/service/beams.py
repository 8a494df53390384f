"""Beam search with a session's model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from playground.checkpoints.schema import CheckpointEntry
from playground.errors import InvalidInput, TooLarge
from playground.lm.beam_search import Beams, beam_search, trace_back
from playground.lm.language_model import ModelShape
from playground.lm.tokenizer import Tokenizer
from playground.service.contexts import context_tail, encode_context
from playground.service.serial_executor import SerialExecutor
from playground.service.sessions import LoadModel, Session

WIDTH_MAX = 10
DEPTH_MAX = 50


@dataclass(frozen=True, slots=True)
class BeamTree:
    """The prefixes that beam search kept, depth by depth, and the texts it ended with."""

    session: Session
    checkpoint: CheckpointEntry
    vocabulary: Tokenizer
    context_used: str
    levels: list[Beams]

    def texts(self) -> list[str]:
        """The text of each final beam, the most probable first."""
        return [self.vocabulary.decode(path) for path in trace_back(self.levels)]


class BeamSearch:
    """Beam searches, one at a time with other long computations."""

    def __init__(self, load_model: LoadModel, executor: SerialExecutor) -> None:
        self._load_model = load_model
        self._executor = executor

    async def search(
        self,
        session: Session,
        context: str,
        *,
        width: int,
        n: int,
        step: int | None,
        suffix_ids: Sequence[int] = (),
    ) -> BeamTree:
        """Search n tokens deep, 1 to DEPTH_MAX, keeping 1 to WIDTH_MAX prefixes.

        Raises StepNotFound, ModelNotInitialized, InvalidInput, TooLarge, BadCheckpoint, Overloaded,
        and HubError if the step's weights have to be downloaded.
        """
        run = session.require_run()
        if not 1 <= width <= WIDTH_MAX:
            raise InvalidInput("errors.width_out_of_range", most=WIDTH_MAX).at("width")
        if not 1 <= n <= DEPTH_MAX:
            raise InvalidInput("errors.tokens_out_of_range", most=DEPTH_MAX).at("n")
        ids = await encode_context(run, context, suffix_ids)
        is_short = run.vocabulary.kind == "tokens" and len(ids) + n <= run.model_config.block_size
        work = gigaflops(run.model_config, width, n, len(ids) if is_short else None)
        if n > 1 and work > self._executor.gigaflops_max:
            most = _deepest(run.model_config, width, self._executor.gigaflops_max)
            raise TooLarge("errors.beams_too_much_work", most=most).at("n")
        entry = run.checkpoint(step)
        model = await self._load_model(session, entry)
        levels = await self._executor.run(beam_search(model, ids, width=width, n=n), work)
        used = await context_tail(run, context, suffix_ids)
        return BeamTree(session, entry, run.vocabulary, used, levels)


def gigaflops(config: ModelShape, width: int, n: int, n_read: int | None = None) -> float:
    """Work of a search: the context is read once, then each depth reads a token a prefix.

    With full attention a token past the window is a window of its own: counted as if all were,
    unless n_read tells how many tokens a context has with which all fit the window.
    """
    if n_read is not None:
        return (n_read + (n - 1) * width) * config.gigaflops / config.block_size
    each = config.gigaflops / (config.block_size if config.is_sliding else 1)
    return config.gigaflops + (n - 1) * width * each


def _deepest(config: ModelShape, width: int, gigaflops_max: float) -> int:
    each = gigaflops(config, width, 2) - config.gigaflops
    return max(1, 1 + math.floor((gigaflops_max - config.gigaflops) / each))
