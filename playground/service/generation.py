"""Text generation with a session's model: validation, and continuations, whole or in parts."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

from playground.checkpoints.folder import BaseRun
from playground.checkpoints.schema import CheckpointEntry
from playground.errors import InvalidInput
from playground.inference.backend import Backend
from playground.inference.batch import GenerationRequest
from playground.lm.generation import Steps
from playground.lm.language_model import LanguageModel
from playground.lm.sampling import SamplingParams
from playground.lm.tokenizer import Tokenizer
from playground.service.contexts import check_ids, context_tail, encode_context
from playground.service.model_loader import model_key
from playground.service.sessions import LoadModel, Session

TOKENS_MAX = 500
STREAM_TOKENS = 5  # of a part of a stream


@dataclass(frozen=True, slots=True)
class Generation:
    """A continuation of a text.

    step: training step of the model. context_used: the part of the context in the model's window.
    position: absolute index of the first new token. steps: one for each new token.
    """

    session: Session
    vocabulary: Tokenizer
    step: int
    context_used: str
    position: int
    steps: Steps

    @property
    def text(self) -> str:
        """The new text."""
        return self.vocabulary.decode(self.steps.token.tolist())


@dataclass(frozen=True, slots=True)
class Prompt:
    """A checked text, with the model that is to continue it.

    ids: all its tokens. suffix_ids: those at their end that come after the context.
    """

    session: Session
    run: BaseRun
    entry: CheckpointEntry
    model: LanguageModel
    context: str
    ids: tuple[int, ...]
    suffix_ids: tuple[int, ...] = ()

    def followed_by(self, ids: Sequence[int]) -> Prompt:
        """The same text with more tokens after it."""
        more = tuple(ids)
        return replace(self, ids=self.ids + more, suffix_ids=self.suffix_ids + more)


class Generator:
    """Checks and continues texts.

    seconds_max: longest time that a generation may take; one that would take longer is refused.
    """

    def __init__(self, load_model: LoadModel, engine: Backend, *, seconds_max: float) -> None:
        self._load_model = load_model
        self._engine = engine
        self._seconds_max = seconds_max

    async def prompt(
        self,
        session: Session,
        context: str,
        n: int,
        step: int | None,
        suffix_ids: Sequence[int] = (),
    ) -> Prompt:
        """Check a request for n tokens, 1 to TOKENS_MAX, and load the model.

        suffix_ids: ids of tokens that come after the context. step: None for the last one.
        Raises StepNotFound, ModelNotInitialized, InvalidInput, BadCheckpoint, and HubError if the
        step's weights have to be downloaded.
        """
        run = session.require_run()
        if not 1 <= n <= TOKENS_MAX:
            raise InvalidInput("errors.tokens_out_of_range", most=TOKENS_MAX).at("n")
        check_ids(run, suffix_ids, field="context_ids")
        ids = await encode_context(run, context)
        entry = run.checkpoint(step)
        model = await self._load_model(session, entry)
        return Prompt(session, run, entry, model, context, tuple(ids)).followed_by(suffix_ids)

    async def generate(
        self, prompt: Prompt, params: SamplingParams, *, n: int, position: int | None = None
    ) -> Generation:
        """Continue a prompt by n tokens. Raises Overloaded, EngineUnavailable.

        position: absolute index of the first new token; default the number of those before it.
        """
        start = len(prompt.ids) if position is None else position
        return await self._continue(prompt, params, n, start, self._seconds_max)

    async def stream(
        self,
        prompt: Prompt,
        params: SamplingParams,
        *,
        n: int,
        position: int | None = None,
        n_part: int = STREAM_TOKENS,
    ) -> AsyncGenerator[Generation, None]:
        """`generate` in parts of n_part tokens, as they are computed."""
        start = len(prompt.ids) if position is None else position
        seconds = self._seconds_max
        for done in range(0, n, n_part):
            part = await self._continue(
                prompt, params, min(n_part, n - done), start + done, seconds
            )
            yield part
            seconds = math.inf  # what was begun is not refused
            prompt = prompt.followed_by(part.steps.token.tolist())

    async def _continue(
        self, prompt: Prompt, params: SamplingParams, n: int, position: int, seconds_max: float
    ) -> Generation:
        run, entry = prompt.run, prompt.entry
        context_used = await context_tail(run, prompt.context, prompt.suffix_ids)
        ids = prompt.ids[-prompt.model.config.block_size :]
        request = GenerationRequest(ids, params, n, position, seconds_max)
        steps = await self._engine.generate(model_key(run, entry), prompt.model, request)
        return Generation(prompt.session, run.vocabulary, entry.step, context_used, position, steps)
