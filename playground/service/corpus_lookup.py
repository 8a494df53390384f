"""What followed a context in the text that a session's model learned from."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from playground.concurrency import LoadingCache
from playground.corpus_index.suffix_array import Occurrences, SuffixArray
from playground.lm.vocabulary import Vocabulary
from playground.service.contexts import encode_context, have_same_tokens
from playground.service.learned_texts import FindJob, find_corpus, key_of_text
from playground.service.sessions import Session
from playground.training.corpora import Corpus

BACKOFF_MAX = 12  # characters of the longest context that is tried unless a length is given


@dataclass(frozen=True, slots=True)
class Lookup:
    """A context in a training text.

    n_characters: of the training part. context: its last characters, those that were looked up.
    counts: occurrences of the last 0, 1, 2 … of them.
    """

    n_characters: int
    context: str
    counts: tuple[int, ...]
    occurrences: Occurrences


@dataclass(frozen=True, slots=True)
class _Index:
    vocabulary: Vocabulary
    suffixes: SuffixArray


class CorpusLookup:
    """Indexes of training texts, built on demand: one at a time, in a thread; LRU.

    Bound to one event loop.
    """

    def __init__(self, find_job: FindJob, max_bytes: int) -> None:
        """max_bytes: of all indexes."""
        self._find_job = find_job
        self._indexes: LoadingCache[_Index] = LoadingCache(
            max_bytes, lambda index: index.suffixes.nbytes, loads_at_once=1
        )

    async def look_up(self, session: Session, context: str, length: int | None) -> Lookup | None:
        """Look up the last characters of a context; None where the text is not on this server.

        length: so many of them, 0 to LOOKUP_MAX; by default the most, up to BACKOFF_MAX, that
        occur. Raises ModelNotInitialized, InvalidInput.
        """
        run = session.require_run()
        await encode_context(run, context)
        if (source := find_corpus(session, self._find_job)) is None:
            return None
        index = await self._indexes.get(source.key, lambda: _index(source.open()))
        if not await have_same_tokens(index.vocabulary, run.vocabulary):
            return None  # another text of the same name
        return await asyncio.to_thread(_look_up, index.suffixes, context, length)

    def forget(self, session_id: str) -> None:
        """Drop the index of a live session's own text."""
        self._indexes.drop(lambda key: key == key_of_text(session_id))


def _index(corpus: Corpus[Vocabulary]) -> _Index:
    text = corpus.vocabulary.decode(corpus.train.tolist())
    return _Index(corpus.vocabulary, SuffixArray(text))


def _look_up(suffixes: SuffixArray, context: str, length: int | None) -> Lookup:
    most = min(len(context), BACKOFF_MAX if length is None else length)
    counts = [suffixes.count(context[len(context) - n :]) for n in range(most + 1)]
    used = most
    if length is None:
        used = max(n for n, count in enumerate(counts) if count)
    tail = context[len(context) - used :]
    return Lookup(len(suffixes), tail, tuple(counts[: used + 1]), suffixes.look_up(tail))
