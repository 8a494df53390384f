"""One next token, drawn many times: with a session's model, from one forward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from playground.checkpoints.schema import CheckpointEntry
from playground.errors import InvalidInput
from playground.lm.draws import Draws, repeat_draw
from playground.lm.incremental import left_pad
from playground.lm.language_model import LanguageModel
from playground.lm.sampling import SamplingParams
from playground.lm.tokenizer import Tokenizer
from playground.service.contexts import context_tail, encode_context
from playground.service.serial_executor import SerialExecutor
from playground.service.sessions import LoadModel, Session

DRAWS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class RepeatedDraw:
    """The draws, and what they were drawn with. position: absolute index of the token."""

    session: Session
    checkpoint: CheckpointEntry
    vocabulary: Tokenizer
    context_used: str
    position: int
    draws: Draws


class DrawRepeater:
    """Repeated draws, one at a time with other long computations."""

    def __init__(self, load_model: LoadModel, executor: SerialExecutor) -> None:
        self._load_model = load_model
        self._executor = executor

    async def draw(
        self,
        session: Session,
        context: str,
        params: SamplingParams,
        *,
        n: int,
        position: int | None,
        step: int | None,
        suffix_ids: Sequence[int] = (),
    ) -> RepeatedDraw:
        """Draw the token after a context n times, 1 to DRAWS_MAX; see `repeat_draw` for the seeds.

        position: default the number of tokens of the context. Raises StepNotFound,
        ModelNotInitialized, InvalidInput, BadCheckpoint, Overloaded, and HubError if the step's
        weights have to be downloaded.
        """
        run = session.require_run()
        if not 1 <= n <= DRAWS_MAX:
            raise InvalidInput("errors.tokens_out_of_range", most=DRAWS_MAX).at("n")
        ids = await encode_context(run, context, suffix_ids)
        position = len(ids) if position is None else position
        entry = run.checkpoint(step)
        model = await self._load_model(session, entry)
        work = _draws(model, ids[-run.model_config.block_size :], params, position, n)
        (draws,) = await self._executor.run(work, run.model_config.gigaflops)
        used = await context_tail(run, context, suffix_ids)
        return RepeatedDraw(session, entry, run.vocabulary, used, position, draws)


def _draws(
    model: LanguageModel, ids: Sequence[int], params: SamplingParams, position: int, n: int
) -> Iterator[Draws]:
    logits, _ = model.extend(model.empty_state(1), *left_pad([ids]))
    yield repeat_draw(logits[0, -1].numpy(), params, position, n)
