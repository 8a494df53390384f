"""The text files of a command: read, and as a corpus."""

from __future__ import annotations

import hashlib
from pathlib import Path

from playground.errors import CommandError, InvalidInput
from playground.lm.vocabulary import Vocabulary
from playground.training.corpora import Corpus, corpus_from_text, shuffle_lines
from playground.training.texts import check_characters, decode_text


def read_text(path: Path) -> str:
    """The normalized text of a file. Raises CommandError."""
    try:
        text = decode_text(path.read_bytes())
        check_characters(text)
    except InvalidInput as error:
        raise CommandError(f"{path}: {error}") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    return text


def read_corpus(path: Path, *, lines: bool, seed: int) -> tuple[Corpus[Vocabulary], str]:
    """A text file as a corpus, and the sha256 of its normalized text. Raises CommandError.

    lines: shuffle them.
    """
    text = read_text(path)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if lines:
        text = shuffle_lines(text, seed)
    if not text:
        raise CommandError(f"{path} has no text in it.")
    return corpus_from_text(text, prompt=""), sha256
