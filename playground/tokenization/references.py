"""Tokenizers of well-known models, without the models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playground.tokenization.library_tokenizer import LibraryTokenizer

ReferenceName = Literal["gpt2"]
_FILE_BYTES = 2 * 2**20


@dataclass(frozen=True, slots=True)
class Reference:
    """name: of the model. vocab_size: number of its tokens."""

    name: str
    vocab_size: int


REFERENCES: Mapping[ReferenceName, Reference] = {"gpt2": Reference("GPT-2", 50_257)}


def reference_tokenizer(name: ReferenceName) -> LibraryTokenizer:
    """The tokenizer of a folder of this package, which holds its licence, too."""
    path = Path(__file__).with_name(name) / "tokenizer.json"
    return LibraryTokenizer(path, max_bytes=_FILE_BYTES)
