"""The text files of a command: read, and as a corpus."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from playground.errors import CommandError
from playground.training.corpora import CHARACTERS_MAX, Corpus, corpus_from_text


def read_text(path: Path) -> str:
    """The text of a UTF-8 file. Raises CommandError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text (byte {error.start:,}).") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    if "\0" in text:
        raise CommandError(f"{path} has zero bytes in it: it is no text.")
    return text


def read_corpus(path: Path, *, lines: bool, seed: int) -> tuple[Corpus, str]:
    """A UTF-8 file as a corpus, and its sha256; `lines` shuffles its lines. Raises CommandError."""
    text = read_text(path)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if lines:
        items = [line for line in text.split("\n") if line]
        random.Random(seed).shuffle(items)
        text = "".join(f"{item}\n" for item in items)
    if not text:
        raise CommandError(f"{path} has no text in it.")
    if (found := len(set(text))) > CHARACTERS_MAX:
        raise CommandError(
            f"{path} has {found:,} different characters; at most {CHARACTERS_MAX:,} can be learned."
        )
    return corpus_from_text(text, prompt=""), sha256
