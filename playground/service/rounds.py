"""Rounds of a guessing game: passages that a model was not trained on, with their continuation.

After Shannon, Prediction and entropy of printed English (1951).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from playground.checkpoints.folder import BaseRun
from playground.concurrency import LoadingCache
from playground.errors import InvalidInput
from playground.lm.tokenizer import Tokenizer, is_whole
from playground.lm.vocabulary import Vocabulary
from playground.service.contexts import encode_text, have_same_tokens
from playground.service.sessions import Session
from playground.service.training_texts import FindJob, find_corpus, is_own_text
from playground.training.corpora import Corpus, Ids, TokenCounts

ROUND_LENGTH = 20  # tokens to guess: twenty are fun, more are tedium
ROUND_MAX = 100
ROUND_CONTEXT_MAX = 200  # tokens before them, where the model reads as many

_CACHE_BYTES = 32 * 2**20

WriteTokens = Callable[[Session, str, int, int], Awaitable[list[int]]]
"""Continues a text of a session by so many tokens, sampled with a seed."""


@dataclass(frozen=True, slots=True)
class Round:
    """A passage, and its continuation that is to be guessed.

    source: "text" for a passage of the validation part of the text that the model learned from;
    "model" where there is none on this server: the model has written it, at temperature 1.
    context: at most as many tokens as the model reads. ids: of those that follow.
    unigram, bigram: natural logarithms of the probability of each token by its frequency in the
    training part, and by that after the token before; None for "model".
    """

    source: Literal["text", "model"]
    vocabulary: Tokenizer = field(compare=False)
    context: str
    ids: tuple[int, ...]
    unigram: tuple[float, ...] | None = None
    bigram: tuple[float, ...] | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The texts of the tokens that follow."""
        return tuple(map(self.vocabulary.token_text, self.ids))


@dataclass(frozen=True, slots=True)
class _Passages:
    """The source of passages. starts: where words begin in the validation part."""

    vocabulary: Tokenizer
    validation: Ids
    starts: Ids
    counts: TokenCounts

    @property
    def nbytes(self) -> int:
        return self.validation.nbytes + self.starts.nbytes + self.counts.nbytes


class Rounds:
    """Makes rounds; a function of session, seed and length. Bound to one event loop."""

    def __init__(self, find_job: FindJob, write_tokens: WriteTokens) -> None:
        self._find_job = find_job
        self._write_tokens = write_tokens
        self._passages: LoadingCache[_Passages] = LoadingCache(
            _CACHE_BYTES, lambda passages: passages.nbytes, loads_at_once=1
        )

    async def make(self, session: Session, seed: int, n: int = ROUND_LENGTH) -> Round:
        """The round of a seed, of n tokens, 1 to ROUND_MAX.

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
        self._passages.drop(lambda key: is_own_text(key, session_id))

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
        elif not prompt:
            prompt = _first_word(vocabulary)
        begun = await encode_text(vocabulary, prompt, field="text")
        ids = begun + await self._write_tokens(session, prompt, n_context + n, seed)
        context = _context(vocabulary, ids[-n_context - n : -n])
        return Round("model", vocabulary, context, tuple(ids[-n:]))


def _first_word(tokenizer: Tokenizer) -> str:
    """The text of the first token that is letters alone; of any, where there is none."""
    texts = (tokenizer.token_text(id) for id in range(len(tokenizer)))
    return next((text for text in texts if text.isalpha()), tokenizer.token_text(0))


def _passages(corpus: Corpus[Tokenizer]) -> _Passages:
    ids, vocabulary = corpus.validation, corpus.vocabulary
    texts = [vocabulary.token_text(id) for id in range(len(vocabulary))]
    is_space = np.array([text.isspace() for text in texts])[ids]
    begins_with_space = np.array([text[:1].isspace() for text in texts])[ids]
    ends_with_space = np.array([text[-1:].isspace() for text in texts])[ids]
    begins_word = ~is_space[1:] & (ends_with_space[:-1] | begins_with_space[1:])
    starts = np.flatnonzero(begins_word) + 1
    counts = TokenCounts.of(corpus.train, len(vocabulary))
    return _Passages(vocabulary, ids, starts, counts)


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
    return Round(
        "text",
        passages.vocabulary,
        _context(passages.vocabulary, ids[max(0, start - n_context) : start].tolist()),
        tuple(answer.tolist()),
        tuple(passages.counts.unigram_logprobs(answer).tolist()),
        tuple(passages.counts.bigram_logprobs(ids[start - 1 : start + n]).tolist()),
    )


def _context(vocabulary: Tokenizer, ids: Sequence[int]) -> str:
    """The text of tokens, from the first whole character on."""
    first = next((i for i, id in enumerate(ids) if is_whole(vocabulary.token_bytes(id))), 0)
    return vocabulary.decode(ids[first:])
