"""Scoring a text with a session's model: what is accepted, one text at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from playground.checkpoints.schema import CheckpointEntry
from playground.errors import InvalidInput, TooLarge
from playground.lm.language_model import LanguageModel, ModelShape
from playground.lm.scoring import Scores, concatenate, context_min, n_windows, score_text
from playground.service.contexts import check_ids, encode_text, start_id, text_tail
from playground.service.serial_executor import SerialExecutor
from playground.service.sessions import LoadModel, Session

SCORE_TEXT_MAX = 10_000  # characters
# What ranking, candidates and JSON take, in gigaflops that a forward makes in the same time.
_PER_TOKEN = 2e-3
_PER_LOGIT = 2e-6


@dataclass(frozen=True, slots=True)
class TextScore:
    """A scored text.

    checkpoint: the training step of the model. scores: of every token, the first one after an empty
    context; where the model has none, of every token but the first, None for a text of one.
    n_characters: those of the scored tokens. context_min: so many of the tokens before each were
    seen at least; as many as the model reads where the score is exact.
    """

    session: Session
    checkpoint: CheckpointEntry
    ids: list[int]
    n_characters: int
    scores: Scores | None
    context_min: int


class Scorer:
    """Scores texts, one at a time with other long computations.

    Where a text would be too much work window by window (full attention), its windows overlap less.
    """

    def __init__(self, load_model: LoadModel, executor: SerialExecutor) -> None:
        self._load_model = load_model
        self._executor = executor

    async def score(
        self, session: Session, text: str, step: int | None, suffix_ids: Sequence[int] = ()
    ) -> TextScore:
        """Score a text of 1 to SCORE_TEXT_MAX characters; step None: the last one.

        suffix_ids: ids of tokens that come after the text, as many at most.
        Raises StepNotFound, ModelNotInitialized, InvalidInput, TooLarge, BadCheckpoint, Overloaded,
        and HubError if the step's weights have to be downloaded.
        """
        run = session.require_run()
        if not 1 <= len(text) <= SCORE_TEXT_MAX:
            raise InvalidInput("errors.text_length", most=SCORE_TEXT_MAX).at("text")
        check_ids(run, suffix_ids, field="text_ids")
        ids = [*await encode_text(run.vocabulary, text, field="text"), *suffix_ids]
        stride = choose_stride(run.model_config, len(ids), self._executor.gigaflops_max)
        entry = run.checkpoint(step)
        model = await self._load_model(session, entry)
        work = _gigaflops(model.config, len(ids), stride)
        start = await start_id(run)
        pieces = _pieces(model, start, torch.tensor(ids), stride)
        parts = await self._executor.run(pieces, work)
        scores = concatenate(parts) if parts else None
        n_scored = len(ids) - len(suffix_ids) - (start is None)
        n_characters = len(await text_tail(run.vocabulary, text, n_scored))
        n_characters += len(run.vocabulary.decode(suffix_ids))
        least = context_min(run.model_config, stride)
        return TextScore(session, entry, ids, n_characters, scores, least)


def _pieces(
    model: LanguageModel, start: int | None, ids: torch.Tensor, stride: int
) -> Iterator[Scores]:
    if start is not None:
        yield from score_text(model, torch.tensor([start, ids[0]]))
    yield from score_text(model, ids, stride)


def choose_stride(config: ModelShape, n_tokens: int, gigaflops_max: float) -> int:
    """The smallest stride of windows for a text, 1 where attention slides.

    Raises TooLarge, with a length that would do, if no stride is within gigaflops_max.
    """
    past = n_tokens - 1 - config.block_size
    stride = 1
    if past > 0 and not config.is_sliding:
        left = gigaflops_max - n_tokens * _overhead(config)
        n_more = max(1, math.floor(left / config.gigaflops) - 1)  # windows after the first
        stride = min(config.block_size, math.ceil(past / n_more))
    if n_tokens > 1 and _gigaflops(config, n_tokens, stride) > gigaflops_max:
        each = config.gigaflops / config.block_size + _overhead(config)
        most = max(1, math.floor(gigaflops_max / each) - config.block_size)
        raise TooLarge("errors.text_too_much_work", most=most).at("text")
    return stride


def _overhead(config: ModelShape) -> float:
    return _PER_TOKEN + _PER_LOGIT * config.vocab_size


def _gigaflops(config: ModelShape, n_tokens: int, stride: int) -> float:
    windows = n_windows(config, n_tokens, stride)
    return windows * config.gigaflops + n_tokens * _overhead(config)
