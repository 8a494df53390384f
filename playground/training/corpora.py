"""Corpora: texts as token ids, split into a training and a validation part."""

from __future__ import annotations

import hashlib
import lzma
import random
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from pydoc_data import topics
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from playground.i18n.translate import Message
from playground.lm.vocabulary import Vocabulary
from playground.training.texts import TEXT_MAX, TEXT_MIN, decode_text

CorpusName = Literal["tales", "docs", "python", "arithmetic", "shakespeare", "text"]
DEFAULT_CORPUS: CorpusName = "tales"
Ids = npt.NDArray[np.int64]

# The Grimms' tales in 19th-century translations, and The Aesop for Children (1919); public domain.
TALES = Path(__file__).parent / "data" / "tales.txt.xz"

TRAINING_PART = 0.9
TERM_MAX = 99
N_PROBLEMS = 200

_PYTHON_CHARACTERS = 1_000_000
_PYTHON_FILE_BYTES = (2_000, 60_000)  # no stubs, and no file of a tenth of the text
_N_LINES = 50_000


class Problem(NamedTuple):
    """A prompt with its only right continuation; held out of the training part."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text in token ids.

    train, validation   token ids (N,)
    prompt              an example prompt
    end_token           the character that ends an item of this text, or None
    problems            held-out problems, by which accuracy is measured
    """

    vocabulary: Vocabulary
    train: Ids
    validation: Ids
    prompt: str
    end_token: str | None = None
    problems: tuple[Problem, ...] = ()

    def line_starts(self) -> Ids | None:
        """Indices at which an item begins in `train`; None where the text has no items."""
        if self.end_token is None:
            return None
        end = self.vocabulary.encode(self.end_token)[0]
        return np.concatenate([[0], np.flatnonzero(self.train[:-1] == end) + 1])


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """A corpus that the page offers, with its translated title and description."""

    name: CorpusName

    @property
    def title(self) -> Message:
        return Message.of(f"training.corpus_{self.name}")

    @property
    def description(self) -> Message:
        key = f"training.corpus_{self.name}_about"
        return Message.of(key, least=TEXT_MIN, most=TEXT_MAX)


CORPORA = tuple(CorpusInfo(name) for name in get_args(CorpusName))


def open_corpus(name: CorpusName, *, seed: int, path: Path | None = None) -> Corpus:
    """Build a corpus; `path` is the text of "text" and "shakespeare". Raises InvalidInput.

    seed: of "arithmetic"; the other corpora do not depend on it.
    """
    if name == "arithmetic":
        return arithmetic_corpus(seed)
    if name == "tales":
        return corpus_from_text(
            decode_text(lzma.decompress(TALES.read_bytes())), prompt="Once upon a time"
        )
    if name == "docs":
        return corpus_from_text(docs_text(), prompt="The ")
    if name == "python":
        return corpus_from_text(python_text(Path(sysconfig.get_path("stdlib"))), prompt="    def ")
    assert path is not None
    text = decode_text(path.read_bytes())
    return corpus_from_text(text, prompt="ROMEO:\n" if name == "shakespeare" else text[:16])


def corpus_from_text(text: str, *, prompt: str) -> Corpus:
    """Split a text: its first TRAINING_PART for training, the rest for validation.

    prompt: characters that do not occur in the text are dropped.
    """
    code_points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    present = np.flatnonzero(np.bincount(code_points))
    id_of = np.zeros(int(present[-1]) + 1, dtype=np.int64)
    id_of[present] = np.arange(len(present))
    ids = id_of[code_points]
    cut = int(len(ids) * TRAINING_PART)
    vocabulary = Vocabulary(chr(point) for point in present)
    known = "".join(c for c in prompt if c in vocabulary) or vocabulary.characters[0]
    return Corpus(vocabulary, ids[:cut], ids[cut:], known)


def docs_text() -> str:
    """Python's own language reference, as `help()` shows it: 460,000 characters of English."""
    return "\n".join(text for _, text in sorted(topics.topics.items()))


def python_text(folder: Path) -> str:
    """A million characters of the Python files in a folder; deterministic."""
    small, large = _PYTHON_FILE_BYTES
    files = [p for p in folder.glob("*.py") if small <= p.stat().st_size <= large]
    parts: list[str] = []
    length = 0
    # Ordered by a hash: in the order of names, the validation part would hold only t to z.
    for path in sorted(files, key=lambda p: hashlib.sha256(p.name.encode()).digest()):
        raw = path.read_bytes()
        if not raw.isascii() or length >= _PYTHON_CHARACTERS:
            continue
        parts.append(raw.decode().replace("\r\n", "\n"))
        length += len(parts[-1])
    return "\n\n".join(parts)[:_PYTHON_CHARACTERS]


def arithmetic_corpus(seed: int) -> Corpus:
    """Lines `12+7=19`; a tenth of all pairs of terms is held out, in both orders.

    Digits are in the usual order: least significant first is easier to learn, but is not needed
    where windows begin at line starts.
    """
    rng = random.Random(seed)
    pairs = [(a, b) for a in range(TERM_MAX + 1) for b in range(a, TERM_MAX + 1)]
    rng.shuffle(pairs)
    n_held_out = len(pairs) // 10
    held_out = [_ordered(pair, rng) for pair in pairs[:n_held_out]]
    known = [_ordered(pair, rng) for pair in rng.choices(pairs[n_held_out:], k=_N_LINES)]
    vocabulary = Vocabulary.of("0123456789+=\n")
    train, validation = (
        np.array(vocabulary.encode("".join(f"{a}+{b}={a + b}\n" for a, b in lines)))
        for lines in (known, held_out)
    )
    problems = tuple(Problem(f"{a}+{b}=", f"{a + b}\n") for a, b in held_out[:N_PROBLEMS])
    return Corpus(vocabulary, train, validation, problems[0].question, "\n", problems)


def _ordered(pair: tuple[int, int], rng: random.Random) -> tuple[int, int]:
    return pair if rng.random() < 0.5 else (pair[1], pair[0])


@dataclass(frozen=True, slots=True)
class Baselines:
    """Validation losses of count-based models, in nats per character.

    uniform: every character equally likely; unigram: by its frequency; bigram: by its frequency
    after the one before it.
    """

    uniform: float
    unigram: float
    bigram: float


def compute_baselines(corpus: Corpus) -> Baselines:
    """Losses from counts in the training part, smoothed so that no probability is zero."""
    size, train, validation = len(corpus.vocabulary), corpus.train, corpus.validation
    counts = np.bincount(train, minlength=size) + 1.0
    unigram = counts / counts.sum()
    # Pairs are counted as they occur: a table of all would grow with the square of the vocabulary.
    pairs, n_pairs = np.unique(train[:-1] * size + train[1:], return_counts=True)
    before, after = validation[:-1], validation[1:]
    at = np.searchsorted(pairs, before * size + after).clip(max=len(pairs) - 1)
    n_seen = np.where(pairs[at] == before * size + after, n_pairs[at], 0)
    n_before = np.bincount(train[:-1], minlength=size)[before]
    # Smoothed as if each character had occurred once more after each, by its frequency.
    bigram = (n_seen + unigram[after]) / (n_before + 1.0)
    return Baselines(
        uniform=float(np.log(size)),
        unigram=float(-np.log(unigram[validation]).mean()),
        bigram=float(-np.log(bigram).mean()),
    )
