"""Base class of subword tokenizers, wherever the library that tokenizes runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from typing import ClassVar

from playground.lm.tokenizer import Kind, Token, text_of_bytes
from playground.lm.vocabulary import UnknownCharactersError


class PieceTokenizer(ABC):
    """A `Tokenizer` whose ids stand for bytes, and whose file is a tokenizer.json."""

    kind: ClassVar[Kind] = "tokens"

    @property
    @abstractmethod
    def identity(self) -> Hashable: ...

    @property
    @abstractmethod
    def content(self) -> bytes:
        """The tokenizer.json."""

    @property
    @abstractmethod
    def pieces(self) -> tuple[bytes | None, ...]:
        """The bytes of each id; None for one that no token has."""

    @abstractmethod
    def tokenize(self, text: str) -> list[Token]:
        """The tokens of a text, with their places. Raises UnknownCharactersError."""

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def gaps(self) -> list[int]:
        """The ids below `len()` that no token has."""
        return [id for id, piece in enumerate(self.pieces) if piece is None]

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with those that the tokenizer puts before every text.

        Raises UnknownCharactersError for characters that no token stands for, half surrogate pairs
        among them.
        """
        return [token.id for token in self.tokenize(text)]

    def tail(self, text: str, n: int) -> str:
        """The part of a text that its last n tokens stand for."""
        tokens = self.tokenize(text)
        if n >= len(tokens):
            return text
        start = next((t.start for t in tokens[len(tokens) - n :] if t.end > t.start), len(text))
        return text[start:]

    def token_text(self, id: int) -> str:
        """The text of a token within a text; bytes that are no whole character as ⟨E2 80⟩."""
        return text_of_bytes(self.token_bytes(id))

    def token_bytes(self, id: int) -> bytes:
        """The bytes of a token within a text; none for an id that no token has."""
        return self.pieces[id] or b""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens that follow a text; parts of a character joined once it is whole."""
        return text_of_bytes(b"".join(self.token_bytes(id) for id in ids))


def check_surrogates(text: str) -> None:
    """Raises UnknownCharactersError for a half of a surrogate pair, which no token stands for."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnknownCharactersError([text[error.start]]) from None
