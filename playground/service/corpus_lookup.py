"""Lookup of contexts in the training text of a session's model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from playground.concurrency import LoadingCache
from playground.corpus_index.suffix_array import LOOKUP_MAX, SuffixArray
from playground.lm.tokenizer import Tokenizer
from playground.service.contexts import encode_context, have_same_tokens
from playground.service.sessions import Session
from playground.service.training_texts import FindJob, find_corpus, is_own_text
from playground.training.corpora import Corpus

BACKOFF_MAX = 12  # tokens of the longest context that is tried unless a length is given
EXCERPT_CHARACTERS = 40  # characters before and after a place


@dataclass(frozen=True, slots=True)
class Excerpt:
    """An occurrence: the index of its first token in the text, and what is around it.

    next: the token that followed; after: what follows, that token first.
    """

    position: int
    before: str
    next: str
    after: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """A context in a training text.

    n_characters: of the training part. context: the last k tokens, those that were looked up.
    counts: occurrences of the last 0, 1, 2 … k of them that another token follows.
    followers: each of those tokens with its count; the most frequent first.
    """

    vocabulary: Tokenizer
    n_characters: int
    context: str
    counts: tuple[int, ...]
    followers: tuple[tuple[int, int], ...]
    places: tuple[Excerpt, ...]

    @property
    def k(self) -> int:
        return len(self.counts) - 1

    @property
    def count(self) -> int:
        return self.counts[-1]


class CorpusLookup:
    """Indexes of training texts, built on demand: one at a time, in a thread; LRU.

    Bound to one event loop.
    """

    def __init__(self, find_job: FindJob, max_bytes: int) -> None:
        """max_bytes: of all indexes."""
        self._find_job = find_job
        self._indexes: LoadingCache[_Index] = LoadingCache(
            max_bytes, lambda index: index.nbytes, loads_at_once=1
        )

    async def look_up(
        self, session: Session, context: str, length: int | None, suffix_ids: Sequence[int] = ()
    ) -> Lookup | None:
        """Look up the last tokens of a context; None where the text is not on this server.

        length: so many of them, 0 to LOOKUP_MAX; by default the most, up to BACKOFF_MAX, that
        occur. suffix_ids: of tokens after the context. Raises ModelNotInitialized, InvalidInput,
        BadCheckpoint.
        """
        run = session.require_run()
        ids = await encode_context(run, context, suffix_ids)
        if (source := find_corpus(session, self._find_job)) is None:
            return None
        index = await self._indexes.get(source.key, lambda: _Index(source.open()))
        if not await have_same_tokens(index.vocabulary, run.vocabulary):
            return None  # another text of the same name
        return await asyncio.to_thread(index.look_up, ids[-LOOKUP_MAX:], length)

    def forget(self, session_id: str) -> None:
        """Drop the index of a live session's own text."""
        self._indexes.drop(lambda key: is_own_text(key, session_id))


class _Index:
    """The training part of a text: its suffix array, and its tokens as text."""

    def __init__(self, corpus: Corpus[Tokenizer]) -> None:
        self.vocabulary = corpus.vocabulary
        self._suffixes = SuffixArray(corpus.train, len(corpus.vocabulary))
        self._n_characters = len(corpus.vocabulary.decode(corpus.train.tolist()))

    @property
    def nbytes(self) -> int:
        return self._suffixes.nbytes

    def look_up(self, ids: list[int], length: int | None) -> Lookup:
        most = min(len(ids), BACKOFF_MAX if length is None else length)
        counts = [self._suffixes.count(ids[len(ids) - n :]) for n in range(most + 1)]
        used = most
        if length is None:
            used = max(n for n, count in enumerate(counts) if count)
        context = ids[len(ids) - used :]
        found = self._suffixes.look_up(context)
        return Lookup(
            self.vocabulary,
            self._n_characters,
            self.vocabulary.decode(context),
            tuple(counts[: used + 1]),
            found.followers,
            tuple(self._excerpt(position, used) for position in found.positions),
        )

    def _excerpt(self, position: int, n: int) -> Excerpt:
        end = position + n
        decode = self.vocabulary.decode
        # A token is a character at least, or a part of one, which is shown by its bytes.
        before = decode(self._suffixes.ids(position - EXCERPT_CHARACTERS, position))[
            -EXCERPT_CHARACTERS:
        ]
        following = self._suffixes.ids(end, end + EXCERPT_CHARACTERS)
        token = self.vocabulary.token_text(following[0])
        return Excerpt(
            position, before, token, decode(following)[: max(EXCERPT_CHARACTERS, len(token))]
        )
