"""Corpora: texts as token ids, split into a training and a validation part."""

from __future__ import annotations

import hashlib
import lzma
import random
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from pydoc_data import topics
from typing import Generic, Literal, NamedTuple, Self, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from playground.lm.tokenizer import Tokenizer
from playground.lm.vocabulary import Vocabulary
from playground.tokenization.byte_pairs import VOCAB_SIZE, BytePairTokenizer
from playground.training.choices import Choice
from playground.training.texts import TEXT_MAX, TEXT_MIN, decode_text

CorpusName = Literal["tales", "docs", "python", "arithmetic", "shakespeare", "text"]
DEFAULT_CORPUS: CorpusName = "tales"
TokenizerName = Literal["characters", "bpe"]
"""What a training makes tokens of: characters, or word pieces that it first learns itself."""
Ids = npt.NDArray[np.int64]
AnyTokenizer = TypeVar("AnyTokenizer", bound=Tokenizer, covariant=True)

# Texts in the package, all in the public domain: Tiny Shakespeare; the Grimms' tales in
# 19th-century translations and The Aesop for Children (1919); first names of the US Social
# Security data.
PackagedText = Literal["shakespeare", "tales", "names"]
# Each by `corpus` of the configs of models that learned from it.
PACKAGED_TEXTS: dict[str, PackagedText] = {
    "fairy tales and fables": "tales",
    "Tiny Shakespeare": "shakespeare",
    "32,033 first names": "names",
}
_DATA = Path(__file__).parent / "data"

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
class Corpus(Generic[AnyTokenizer]):
    """A text in token ids.

    train, validation   token ids (N,)
    prompt              an example prompt
    end_token           the character that ends an item of this text, or None
    problems            held-out problems, by which accuracy is measured
    """

    vocabulary: AnyTokenizer
    train: Ids
    validation: Ids
    prompt: str
    end_token: str | None = None
    problems: tuple[Problem, ...] = ()

    def item_starts(self) -> Ids | None:
        """Indices at which an item begins in `train`; None where the text has no items."""
        if self.end_token is None:
            return None
        return item_starts(self.train, self.vocabulary.encode(self.end_token)[0])


_BOUNDS = {"least": TEXT_MIN, "most": TEXT_MAX}
CORPORA: tuple[Choice[CorpusName], ...] = tuple(
    Choice(name, f"training.corpus_{name}", _BOUNDS) for name in get_args(CorpusName)
)
TOKENIZERS: tuple[Choice[TokenizerName], ...] = tuple(
    Choice(name, f"training.tokenizer_{name}", {"most": VOCAB_SIZE})
    for name in get_args(TokenizerName)
)


def item_starts(ids: Ids, end: int) -> Ids:
    """Indices at which an item begins in ids (N,): the first one, and after each end token."""
    return np.concatenate([[0], np.flatnonzero(ids[:-1] == end) + 1])


def open_corpus(name: CorpusName, *, seed: int, path: Path | None = None) -> Corpus[Vocabulary]:
    """Build a corpus; `path` is the text of "text". Raises InvalidInput.

    seed: of "arithmetic"; the other corpora do not depend on it.
    """
    if name == "arithmetic":
        return arithmetic_corpus(seed)
    if name == "tales":
        return corpus_from_text(packaged_text("tales"), prompt="Once upon a time")
    if name == "shakespeare":
        return corpus_from_text(packaged_text("shakespeare"), prompt="ROMEO:\n")
    if name == "docs":
        return corpus_from_text(docs_text(), prompt="The ")
    if name == "python":
        return corpus_from_text(python_text(Path(sysconfig.get_path("stdlib"))), prompt="    def ")
    assert path is not None
    text = decode_text(path.read_bytes())
    return corpus_from_text(text, prompt=text[:16])


def packaged_text(name: PackagedText) -> str:
    """A text that the package holds."""
    return decode_text(lzma.decompress((_DATA / f"{name}.txt.xz").read_bytes()))


def shuffle_lines(text: str, seed: int) -> str:
    """The lines of a list that are not empty, in a random order, each with a line feed."""
    items = [line for line in text.split("\n") if line]
    random.Random(seed).shuffle(items)
    return "".join(f"{item}\n" for item in items)


def corpus_from_text(text: str, *, prompt: str) -> Corpus[Vocabulary]:
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


def in_word_pieces(corpus: Corpus[Vocabulary], vocab_size: int) -> Corpus[BytePairTokenizer]:
    """The same text in tokens, at most vocab_size, that are learned from its training part."""
    parts = (corpus.train, corpus.validation)
    train, validation = (corpus.vocabulary.decode(part.tolist()) for part in parts)
    tokenizer = BytePairTokenizer.learn(train, vocab_size)
    return Corpus(
        tokenizer,
        np.array(tokenizer.encode(train)),
        np.array(tokenizer.encode(validation)),
        corpus.prompt,
        corpus.end_token,
        corpus.problems,
    )


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


def arithmetic_corpus(seed: int) -> Corpus[Vocabulary]:
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


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens and pairs of neighbours in a text, smoothed so that no probability is zero.

    unigram: probabilities (V,). n_before: how often each token is followed by one (V,).
    pairs: before * V + after, ascending, with n_pairs, how often each occurs.
    """

    unigram: npt.NDArray[np.float64]
    n_before: Ids
    pairs: Ids
    n_pairs: Ids

    @classmethod
    def of(cls, ids: Ids, vocab_size: int) -> Self:
        """Counts of token ids (N,)."""
        counts = np.bincount(ids, minlength=vocab_size) + 1.0
        n_before = np.bincount(ids[:-1], minlength=vocab_size)
        # Counted as they occur: a table of all would grow with the square of the vocabulary.
        pairs, n_pairs = np.unique(ids[:-1] * vocab_size + ids[1:], return_counts=True)
        return cls(counts / counts.sum(), n_before, pairs, n_pairs)

    @property
    def nbytes(self) -> int:
        arrays = (self.unigram, self.n_before, self.pairs, self.n_pairs)
        return sum(array.nbytes for array in arrays)

    def unigram_logprobs(self, ids: Ids) -> npt.NDArray[np.float64]:
        """Natural logarithms (N,) of the probabilities of ids (N,), each by its frequency."""
        logprobs: npt.NDArray[np.float64] = np.log(self.unigram[ids])
        return logprobs

    def bigram_logprobs(self, ids: Ids) -> npt.NDArray[np.float64]:
        """The same (N - 1,), of each but the first, by its frequency after the one before it."""
        before, after = ids[:-1], ids[1:]
        keys = before * len(self.unigram) + after
        at = np.searchsorted(self.pairs, keys).clip(max=len(self.pairs) - 1)
        n_seen = np.where(self.pairs[at] == keys, self.n_pairs[at], 0)
        # Smoothed as if each token had occurred once more after each, by its frequency.
        prob = (n_seen + self.unigram[after]) / (self.n_before[before] + 1.0)
        logprobs: npt.NDArray[np.float64] = np.log(prob)
        return logprobs


def compute_baselines(corpus: Corpus[Tokenizer]) -> Baselines:
    """Losses on the validation part from counts in the training part."""
    size, validation = len(corpus.vocabulary), corpus.validation
    counts = TokenCounts.of(corpus.train, size)
    return Baselines(
        uniform=float(np.log(size)),
        unigram=float(-counts.unigram_logprobs(validation).mean()),
        bigram=float(-counts.bigram_logprobs(validation).mean()),
    )
