"""Training texts of the sessions' models, where this server has them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Generic

from playground.lm.tokenizer import Tokenizer
from playground.lm.vocabulary import Vocabulary
from playground.service.sessions import Session
from playground.training.corpora import (
    PACKAGED_TEXTS,
    AnyTokenizer,
    Corpus,
    PackagedText,
    corpus_from_text,
    in_word_pieces,
    open_corpus,
    packaged_text,
    shuffle_lines,
)
from playground.training.job import TrainingJob

FindJob = Callable[[str], TrainingJob]
"""The training of a live session."""


@dataclass(frozen=True, slots=True)
class CorpusSource(Generic[AnyTokenizer]):
    """A training text that can be opened.

    key: equal for equal texts. open: the text in characters, or in as many word pieces as the model
    has, which are learned from it anew; takes up to some seconds.
    """

    key: tuple[Hashable, ...]
    open: Callable[[], Corpus[AnyTokenizer]]


def find_corpus(session: Session, find_job: FindJob) -> CorpusSource[Tokenizer] | None:
    """The text that a session with a model claims to have learned; None where it is not here.

    That its tokens are the model's is left to the caller: another text may have the same name.
    """
    run = session.require_run()
    job = find_job(session.session_id) if session.source == "live" else None
    source = _packaged_source(session) if job is None else _source_of_job(job)
    if source is None or run.vocabulary.kind == "characters":
        return source
    vocab_size = run.model_config.vocab_size
    return CorpusSource(
        (*source.key, vocab_size), lambda: in_word_pieces(source.open(), vocab_size)
    )


def is_own_text(key: Hashable, session_id: str) -> bool:
    """Whether a key is that of the text that a visitor gave to a training."""
    own = _own_text_key(session_id)
    return isinstance(key, tuple) and key[: len(own)] == own


def _own_text_key(session_id: str) -> tuple[Hashable, ...]:
    return "text", session_id


def _packaged_source(session: Session) -> CorpusSource[Vocabulary] | None:
    config = session.require_run().config
    known = PACKAGED_TEXTS if session.source == "bundled" else {}
    name = known.get(config.corpus or "")
    if name is None:
        return None
    seed = config.seed if config.end_token == "\n" else None
    return CorpusSource((name, seed), partial(_packaged_corpus, name, seed))


def _source_of_job(job: TrainingJob) -> CorpusSource[Vocabulary] | None:
    """The corpus as the job's worker opens it; None for a model that was uploaded."""
    if job.corpus is None or job.plan is None:
        return None
    seed = job.plan.params.seed
    key: tuple[Hashable, ...] = (job.corpus, seed if job.corpus == "arithmetic" else None)
    if job.corpus == "text":
        key = _own_text_key(job.session_id)
    return CorpusSource(key, partial(open_corpus, job.corpus, seed=seed, path=job.text_path))


def _packaged_corpus(name: PackagedText, seed: int | None) -> Corpus[Vocabulary]:
    """seed: of a list's order, as `playground.train --lines` has it; None: the text as it is."""
    text = packaged_text(name)
    return corpus_from_text(text if seed is None else shuffle_lines(text, seed), prompt="")
