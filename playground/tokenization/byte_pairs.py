"""Byte-level byte-pair encoding, learned from a text (Sennrich et al. 2016, Radford et al. 2019).

From the 256 bytes on, the two neighbouring tokens that occur together most often become one, again
and again. In this process: the text is one of ours, and so is the tokenizer. The library is
imported where one is learned.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

from playground.lm.tokenizer import Token
from playground.tokenization.child import describe, encode
from playground.tokenization.pieces import PieceTokenizer, check_surrogates

_CHUNK = 100_000
_BREAK = re.compile(r"\S(?=[ \n])")

VOCAB_SIZE = 1000
VOCAB_SIZES = (257, 10_000)  # a merge at least; a tokenizer.json within the bound of our JSON


@dataclass(frozen=True, slots=True)
class Merge:
    """Two tokens that became one. count: how often they stood side by side in the text then."""

    left: str
    right: str
    count: int


class BytePairTokenizer(PieceTokenizer):
    """A tokenizer that was learned here. Every text has tokens: each byte is one."""

    def __init__(self, library: Any) -> None:
        """library: the `tokenizers.Tokenizer`."""
        self._library = library

    @classmethod
    def learn(cls, text: str, vocab_size: int) -> Self:
        """Learn from a text: at most vocab_size tokens, fewer where no pair occurs twice.

        Words, numbers and punctuation are merged within themselves alone, as in GPT-2.
        """
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        library = Tokenizer(models.BPE())
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        library.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=2,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        library.train_from_iterator(_chunks(text), trainer)
        return cls(library)

    @cached_property
    def identity(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def content(self) -> bytes:
        content: str = self._library.to_str()
        return content.encode()

    @cached_property
    def pieces(self) -> tuple[bytes | None, ...]:
        described = describe(self._library)["pieces"]
        return tuple(piece.encode("latin-1") for piece in described)

    def merges(self, text: str) -> list[Merge]:
        """The merges in their order, with how often each was there to be made in a text.

        Counted as they are learned: in distinct words, of which each merge changes a few.
        """
        library = self._library
        counted: Counter[str] = Counter()
        for chunk in _chunks(text):
            counted.update(word for word, _ in library.pre_tokenizer.pre_tokenize_str(chunk))
        words, counts = [[*word] for word in counted], [*counted.values()]
        found: dict[tuple[str, str], set[int]] = defaultdict(set)
        for at, word in enumerate(words):
            for pair in pairwise(word):
                found[pair].add(at)
        merges = []
        for left, right in json.loads(self.content)["model"]["merges"]:
            count = 0
            for at in found.pop((left, right), ()):
                count += counts[at] * [*pairwise(words[at])].count((left, right))
                words[at] = _merged(words[at], left, right)
                for pair in pairwise(words[at]):
                    if left + right in pair:
                        found[pair].add(at)
            texts = [self.token_text(library.token_to_id(part)) for part in (left, right)]
            merges.append(Merge(texts[0], texts[1], count))
        return merges

    def encode(self, text: str) -> list[int]:
        """Token ids of a text. Raises UnknownCharactersError for half surrogate pairs."""
        check_surrogates(text)
        ids: list[int] = []
        for chunk in _chunks(text):
            ids += self._library.encode_batch_fast([chunk])[0].ids  # without places
        return ids

    def tokenize(self, text: str) -> list[Token]:
        """The tokens of a text, with their places. Raises as `encode`."""
        check_surrogates(text)
        found = encode(self._library, text)
        places = zip(found["ids"], found["offsets"], strict=True)
        return [Token(id, self.token_text(id), start, end) for id, (start, end) in places]


def _chunks(text: str) -> Iterator[str]:
    """A text in pieces of about _CHUNK characters that have the same tokens as the whole.

    The library takes hundreds of bytes a character while it reads. No token reaches over the place
    between a character and the space or line feed after it.
    """
    start = 0
    while start < len(text):
        found = _BREAK.search(text, start + _CHUNK)
        end = found.end() if found else len(text)
        yield text[start:end]
        start = end


def _merged(word: list[str], left: str, right: str) -> list[str]:
    """A word with each pair of neighbours, from its beginning, as one."""
    merged: list[str] = []
    for symbol in word:
        if symbol == right and merged and merged[-1] == left:
            merged[-1] = left + right
        else:
            merged.append(symbol)
    return merged
