"""Which text a session's model learned from, where this server has it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial

from playground.lm.vocabulary import Vocabulary
from playground.service.sessions import Session
from playground.training.corpora import (
    PACKAGED_TEXTS,
    Corpus,
    PackagedText,
    corpus_from_text,
    open_corpus,
    packaged_text,
    shuffle_lines,
)
from playground.training.job import TrainingJob

FindJob = Callable[[str], TrainingJob]
"""The training of a live session."""


@dataclass(frozen=True, slots=True)
class CorpusSource:
    """Where a text comes from. key: equal for equal texts. open: takes up to a second."""

    key: Hashable
    open: Callable[[], Corpus[Vocabulary]]


def find_corpus(session: Session, find_job: FindJob) -> CorpusSource | None:
    """The text that a session with a model claims to have learned; None where it is not here.

    That its vocabulary is the model's is left to the caller: another text may have the same name.
    """
    assert session.run is not None
    if session.source == "live":
        return _source_of_job(find_job(session.session_id))
    config = session.run.config
    known = PACKAGED_TEXTS if session.source == "bundled" else {}
    name = known.get(config.corpus or "")
    if name is None:
        return None
    seed = config.seed if config.end_token == "\n" else None
    return CorpusSource((name, seed), partial(_packaged_corpus, name, seed))


def key_of_text(session_id: str) -> Hashable:
    """The key of the text that a visitor gave to a training."""
    return "text", session_id


def _source_of_job(job: TrainingJob) -> CorpusSource | None:
    """The corpus as the job's worker opens it; None for a model that was uploaded."""
    if job.corpus is None or job.plan is None:
        return None
    seed = job.plan.params.seed
    key: Hashable = (job.corpus, seed if job.corpus == "arithmetic" else None)
    if job.corpus == "text":
        key = key_of_text(job.session_id)
    return CorpusSource(key, partial(open_corpus, job.corpus, seed=seed, path=job.text_path))


def _packaged_corpus(name: PackagedText, seed: int | None) -> Corpus[Vocabulary]:
    """seed: of a list's order, as `playground.train --lines` has it; None: the text as it is."""
    text = packaged_text(name)
    return corpus_from_text(text if seed is None else shuffle_lines(text, seed), prompt="")
