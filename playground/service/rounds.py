"""Rounds of a guessing game: what comes next in a text that the model has not learned from?

After Shannon, Prediction and entropy of printed English (1951).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from playground.checkpoints.folder import BaseRun
from playground.concurrency import LoadingCache
from playground.errors import InvalidInput
from playground.lm.vocabulary import Vocabulary
from playground.service.contexts import have_same_tokens
from playground.service.learned_texts import FindJob, find_corpus, key_of_text
from playground.service.sessions import Session
from playground.training.corpora import CharacterCounts, Corpus, Ids

ROUND_LENGTH = 20  # characters to guess: twenty are fun, more are tedium
ROUND_MAX = 100
ROUND_CONTEXT_MAX = 200  # characters before them, where the model reads as many

_CACHE_BYTES = 32 * 2**20

WriteText = Callable[[Session, str, int, int], Awaitable[str]]
"""Continues a text of a session by so many characters, sampled with a seed."""


@dataclass(frozen=True, slots=True)
class Round:
    """A passage, and its continuation that is to be guessed.

    source: "text" for a passage of the validation part of the text that the model learned from;
    "model" where there is none on this server: the model has written it, at temperature 1.
    context: at most as many characters as the model reads. tokens: what follows.
    unigram, bigram: natural logarithms of the probability of each token by its frequency in the
    training part, and by that after the token before; None for "model".
    """

    source: Literal["text", "model"]
    context: str
    tokens: tuple[str, ...]
    unigram: tuple[float, ...] | None = None
    bigram: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Passages:
    """What passages are taken from. starts: where words begin in the validation part."""

    vocabulary: Vocabulary
    validation: Ids
    starts: Ids
    counts: CharacterCounts

    @property
    def nbytes(self) -> int:
        return self.validation.nbytes + self.starts.nbytes + self.counts.nbytes


class Rounds:
    """Makes rounds; a function of session, seed and length. Bound to one event loop."""

    def __init__(self, find_job: FindJob, write_text: WriteText) -> None:
        self._find_job = find_job
        self._write_text = write_text
        self._passages: LoadingCache[_Passages] = LoadingCache(
            _CACHE_BYTES, lambda passages: passages.nbytes, loads_at_once=1
        )

    async def make(self, session: Session, seed: int, n: int = ROUND_LENGTH) -> Round:
        """The round of a seed, of n characters, 1 to ROUND_MAX.

        Raises ModelNotInitialized, InvalidInput; for a model that writes also as generation does.
        """
        run = session.require_run()
        if not 1 <= n <= ROUND_MAX:
            raise InvalidInput("errors.tokens_out_of_range", most=ROUND_MAX).at("n")
        n_context = min(run.model_config.block_size, ROUND_CONTEXT_MAX)
        passages = await self._find_passages(session, run)
        if passages is not None and len(passages.validation) > n:
            return _from_text(passages, n_context, n, seed)
        return await self._from_model(session, run, n_context, n, seed)

    def forget(self, session_id: str) -> None:
        """Drop what is remembered of a live session's own text."""
        self._passages.drop(lambda key: key == key_of_text(session_id))

    async def _find_passages(self, session: Session, run: BaseRun) -> _Passages | None:
        if (source := find_corpus(session, self._find_job)) is None:
            return None
        passages = await self._passages.get(source.key, lambda: _passages(source.open()))
        # Else another text of the same name.
        is_own = await have_same_tokens(passages.vocabulary, run.vocabulary)
        return passages if is_own else None

    async def _from_model(
        self, session: Session, run: BaseRun, n_context: int, n: int, seed: int
    ) -> Round:
        vocabulary, prompt = run.vocabulary, run.config.prompt
        if isinstance(vocabulary, Vocabulary):
            prompt = "".join(c for c in prompt if c in vocabulary) or vocabulary.characters[0]
        text = prompt + await self._write_text(session, prompt, n_context + n, seed)
        tokens = await asyncio.to_thread(vocabulary.tokenize, text)
        before, answer = tokens[:-n][-n_context:], tokens[-n:]
        context = text[before[0].start : answer[0].start] if before else ""
        return Round("model", context, tuple(token.text for token in answer))


def _passages(corpus: Corpus[Vocabulary]) -> _Passages:
    ids = corpus.validation
    is_space = np.array([character.isspace() for character in corpus.vocabulary.characters])[ids]
    starts = np.flatnonzero(is_space[:-1] & ~is_space[1:]) + 1
    counts = CharacterCounts.of(corpus.train, len(corpus.vocabulary))
    return _Passages(corpus.vocabulary, ids, starts, counts)


def _from_text(passages: _Passages, n_context: int, n: int, seed: int) -> Round:
    """A passage of the validation part that begins with a word, where there is such a one."""
    ids = passages.validation
    last = len(ids) - n
    first = min(n_context, last)
    starts = passages.starts[(passages.starts >= first) & (passages.starts <= last)]
    if len(starts) == 0:
        starts = np.arange(first, last + 1)
    # random() of a seed is the same in every version of Python.
    start = int(starts[int(random.Random(seed).random() * len(starts))])
    answer = ids[start : start + n]
    decode = passages.vocabulary.decode
    return Round(
        "text",
        decode(ids[max(0, start - n_context) : start].tolist()),
        tuple(decode(answer.tolist())),
        tuple(passages.counts.unigram_logprobs(answer).tolist()),
        tuple(passages.counts.bigram_logprobs(ids[start - 1 : start + n]).tolist()),
    )
