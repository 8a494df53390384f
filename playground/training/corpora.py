"""Texts to learn from: in token ids, cut into a part to learn and one to be judged by.

What cannot be used is refused in a sentence, before anything is trained.
"""

from __future__ import annotations

import hashlib
import random
import sysconfig
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from pydoc_data import topics
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from playground.errors import InvalidInput, TooLarge
from playground.i18n.translate import Message
from playground.lm.vocabulary import Vocabulary

CorpusName = Literal["docs", "python", "arithmetic", "shakespeare", "text"]
Ids = npt.NDArray[np.int64]

TEXT_MIN, TEXT_MAX = 100, 5_000_000  # characters
TEXT_BYTES_MAX = 4 * TEXT_MAX
CHARACTERS_MAX = 1000  # different ones: more is no alphabet, and no small model learns it
TRAINING_PART = 0.9
TERM_MAX = 99
N_PROBLEMS = 200

_TEXT, _MARKDOWN = ".txt", ".md"
_PYTHON_CHARACTERS = 1_000_000
_PYTHON_FILE_BYTES = (2_000, 60_000)  # neither stubs nor one subject for a tenth of the text
_SUMS = 50_000


class Problem(NamedTuple):
    """A text, and how its line must go on; none of the lines that are learned holds it."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text in token ids, and what is known about it before training.

    train, validation   token ids (N,)
    prompt              an example to begin with
    end_token           the character after which a line of this text is complete, or None
    problems            what a model that has understood the text can answer
    """

    vocabulary: Vocabulary
    train: Ids
    validation: Ids
    prompt: str
    end_token: str | None = None
    problems: tuple[Problem, ...] = ()

    def line_starts(self) -> Ids | None:
        """Where a line begins in `train`, if the text is a list of lines; else None."""
        if self.end_token is None:
            return None
        end = self.vocabulary.encode(self.end_token)[0]
        return np.concatenate([[0], np.flatnonzero(self.train[:-1] == end) + 1])


@dataclass(frozen=True, slots=True)
class About:
    """A corpus as a visitor is offered it."""

    name: CorpusName

    @property
    def title(self) -> Message:
        return Message.of(f"training.corpus_{self.name}")

    @property
    def description(self) -> Message:
        key = f"training.corpus_{self.name}_about"
        return Message.of(key, least=TEXT_MIN, most=TEXT_MAX)


CORPORA = tuple(About(name) for name in get_args(CorpusName))


def open_corpus(name: CorpusName, *, seed: int, path: Path | None = None) -> Corpus:
    """Build a corpus; `path` is the text of "text" and "shakespeare". Raises InvalidInput.

    seed: of the sums. The other texts are the same for every seed.
    """
    if name == "arithmetic":
        return sums(seed)
    if name == "docs":
        return of_text(docs_text(), prompt="The ")
    if name == "python":
        return of_text(python_text(Path(sysconfig.get_path("stdlib"))), prompt="    def ")
    assert path is not None
    text = path.read_bytes().decode()  # as it is: no newline is translated
    return of_text(text, prompt="ROMEO:\n" if name == "shakespeare" else text[:16])


def of_text(text: str, *, prompt: str) -> Corpus:
    """The first 90 % of a text to learn from, the rest to be judged by."""
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
    """The reference that Python carries for its help(): 460,000 characters of English."""
    return "\n".join(text for _, text in sorted(topics.topics.items()))


def python_text(folder: Path) -> str:
    """A million characters of the programs in a folder, the same ones every time."""
    small, large = _PYTHON_FILE_BYTES
    files = [p for p in folder.glob("*.py") if small <= p.stat().st_size <= large]
    parts: list[str] = []
    length = 0
    # In an order that says nothing: by name, the last tenth would be about the letters t to z.
    for path in sorted(files, key=lambda p: hashlib.sha256(p.name.encode()).digest()):
        raw = path.read_bytes()
        if not raw.isascii() or length >= _PYTHON_CHARACTERS:
            continue
        parts.append(raw.decode().replace("\r\n", "\n"))
        length += len(parts[-1])
    return "\n\n".join(parts)[:_PYTHON_CHARACTERS]


def sums(seed: int) -> Corpus:
    """Lines `12+7=19`; a tenth of all pairs of terms is held out, in both orders.

    The digits stand as people write them. Units first would be easier, since a carry is then known
    when it is needed; where windows begin with a line, small models manage without.
    """
    rng = random.Random(seed)
    pairs = [(a, b) for a in range(TERM_MAX + 1) for b in range(a, TERM_MAX + 1)]
    rng.shuffle(pairs)
    n_held_out = len(pairs) // 10
    held_out = [_ordered(pair, rng) for pair in pairs[:n_held_out]]
    known = [_ordered(pair, rng) for pair in rng.choices(pairs[n_held_out:], k=_SUMS)]
    vocabulary = Vocabulary.of("0123456789+=\n")
    train, validation = (
        np.array(vocabulary.encode("".join(f"{a}+{b}={a + b}\n" for a, b in lines)))
        for lines in (known, held_out)
    )
    problems = tuple(Problem(f"{a}+{b}=", f"{a + b}\n") for a, b in held_out[:N_PROBLEMS])
    return Corpus(vocabulary, train, validation, problems[0].question, "\n", problems)


def _ordered(pair: tuple[int, int], rng: random.Random) -> tuple[int, int]:
    return pair if rng.random() < 0.5 else (pair[1], pair[0])


def check_text(text: str) -> None:
    """Refuse a visitor's text that no model can learn from. Raises InvalidInput."""
    if not text.strip():
        raise InvalidInput("training.text_empty")
    if len(text) < TEXT_MIN:
        raise InvalidInput("training.text_too_short", found=len(text), least=TEXT_MIN)
    if len(text) > TEXT_MAX:
        raise TooLarge("training.text_too_long", found=len(text), most=TEXT_MAX)
    characters = set(text)
    if len(characters) == 1:
        raise InvalidInput("training.text_of_one_character")
    if len(characters) > CHARACTERS_MAX:
        raise InvalidInput(
            "training.too_many_characters", found=len(characters), most=CHARACTERS_MAX
        )
    controls = [c for c in characters - {*"\t\n\r\f"} if unicodedata.category(c) in ("Cc", "Cs")]
    if "\0" in controls or sum(map(text.count, controls)) > len(text) / 100:
        raise InvalidInput("training.control_characters")
    if any(unicodedata.category(c) == "Cs" for c in controls):
        raise InvalidInput("training.lone_surrogates")


def decode_text(filename: str, raw: bytes) -> str:
    """The text of an uploaded file, checked; a byte order mark is left out. Raises InvalidInput."""
    if not filename.lower().endswith((_TEXT, _MARKDOWN)):
        raise InvalidInput("training.file_type", text=_TEXT, markdown=_MARKDOWN)
    if len(raw) > TEXT_BYTES_MAX:
        raise TooLarge("training.file_too_long", found=len(raw), most=TEXT_BYTES_MAX)
    if b"\0" in raw:
        raise InvalidInput("training.zero_bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("training.not_utf8", byte=error.start) from None
    text = text.replace("\r\n", "\n")
    check_text(text)
    return text


@dataclass(frozen=True, slots=True)
class Baselines:
    """What simple guessers reach on the validation text, in nats per character.

    uniform: every character equally likely; letters: by how often each occurs;
    pairs: by how often each follows the one before it.
    """

    uniform: float
    letters: float
    pairs: float


def landmarks(corpus: Corpus) -> Baselines:
    """Measured with counts from the text to learn, smoothed so that nothing is impossible."""
    size, train, validation = len(corpus.vocabulary), corpus.train, corpus.validation
    counts = np.bincount(train, minlength=size) + 1.0
    letters = counts / counts.sum()
    together = np.bincount(train[:-1] * size + train[1:], minlength=size * size)
    after = together.reshape(size, size) + letters  # as if every letter had been seen once more
    pairs = after / after.sum(1, keepdims=True)
    return Baselines(
        uniform=float(np.log(size)),
        letters=float(-np.log(letters[validation]).mean()),
        pairs=float(-np.log(pairs[validation[:-1], validation[1:]]).mean()),
    )
