"""Protocol of a tokenizer: text to token ids, and the text, bytes and offsets of tokens.

Two forms: `Vocabulary`, one token a character, and the tokenizers of `playground.tokenization`,
whose tokens are pieces of words or of characters.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["characters", "tokens"]


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a text.

    text: what it stands for, as it reads within a text. start, end: its place in the text, in code
    points; equal for a token that stands for nothing in it, such as one that begins every text.
    """

    id: int
    text: str
    start: int
    end: int


class Tokenizer(Protocol):
    """Text to token ids and back. Ids go from 0 to `len() - 1`.

    kind: whether each token is a character. identity: equal for tokenizers of the same tokens.
    """

    @property
    def kind(self) -> Kind: ...

    @property
    def identity(self) -> Hashable: ...

    def __len__(self) -> int: ...

    def encode(self, text: str) -> list[int]:
        """Token ids of a text. Raises UnknownCharactersError where some of it has no token."""

    def tokenize(self, text: str) -> list[Token]:
        """The tokens of a text, with their places. Raises as `encode`."""

    def tail(self, text: str, n: int) -> str:
        """The part of a text that its last n tokens stand for. Raises as `encode`."""

    def token_text(self, id: int) -> str:
        """The text of a token within a text; bytes that are no whole character as ⟨E2 80⟩."""

    def token_bytes(self, id: int) -> bytes:
        """The bytes of a token within a text, in UTF-8, or a part of a character."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens that follow a text; parts of a character joined once it is whole."""


def text_of_bytes(content: bytes) -> str:
    """Bytes as text: UTF-8, and each run of bytes that is no whole character as ⟨E2 80⟩."""
    text = content.decode("utf-8", "surrogateescape")  # such a byte is a half surrogate then
    runs = itertools.groupby(text, lambda character: "\udc80" <= character <= "\udcff")
    return "".join(_shown("".join(run)) if is_broken else "".join(run) for is_broken, run in runs)


def _shown(escaped: str) -> str:
    return f"⟨{escaped.encode('utf-8', 'surrogateescape').hex(' ').upper()}⟩"


def is_whole(content: bytes) -> bool:
    """Whether bytes are UTF-8, no part of a character left over."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def characters_per_token(tokenizer: Tokenizer, ids: Sequence[int]) -> float:
    """Mean number of characters of tokens (N,), N >= 1; a character counts where it begins.

    A loss in nats per token, divided by it, is one in nats per character.
    """
    if tokenizer.kind == "characters":
        return 1.0
    starts = [_n_starts(tokenizer.token_bytes(id)) for id in range(len(tokenizer))]
    return max(1, sum(starts[id] for id in ids)) / len(ids)  # all may be the rest of a character


def _n_starts(content: bytes) -> int:
    """Number of characters that begin in a piece of UTF-8."""
    return sum(byte & 0b1100_0000 != 0b1000_0000 for byte in content)
