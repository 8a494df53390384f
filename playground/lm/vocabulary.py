"""Character-level tokenizer, and substitution of characters outside its vocabulary."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import ClassVar, Literal

from playground.lm.text import adapt_text
from playground.lm.tokenizer import Kind, Token

# Typographic characters and their ASCII replacements. Accents and ligatures need no entry:
# Unicode's compatibility decomposition (NFKD) has them.
_LOOKALIKES = {
    "\t": " ", "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'", "′": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "″": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "--", "―": "--", "−": "-", "_": "-",
    "•": "-", "·": ".", "×": "x", "÷": "/", "⁄": "/", "…": "...", "€": "E", "£": "L", "$": "S",
    "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "ı": "i",
    "[": "(", "]": ")", "{": "(", "}": ")", "<": "(", ">": ")",
    '"': "'", "'": '"', "&": "and", "@": "at", "%": "percent",
}  # fmt: skip

_RULES = {
    "empty": "a vocabulary needs at least one character",
    "entry": "every entry of a vocabulary must be one character",
    "duplicate": "a vocabulary must not list a character twice",
}


class VocabularyError(ValueError):
    """A list of characters is no vocabulary. reason: the rule that it breaks."""

    def __init__(self, reason: Literal["empty", "entry", "duplicate"]) -> None:
        super().__init__(_RULES[reason])
        self.reason = reason


class UnknownCharactersError(ValueError):
    """Text contains characters outside the vocabulary.

    characters: each of them once, in order of appearance.
    """

    def __init__(self, characters: list[str]) -> None:
        super().__init__(f"Unknown characters: {characters}")
        self.characters = characters


class Vocabulary:
    """Immutable character-level tokenizer: a token is a Unicode code point, its id the index."""

    __slots__ = ("_ids", "characters")

    kind: ClassVar[Kind] = "characters"

    def __init__(self, characters: Iterable[str]) -> None:
        """Raises VocabularyError unless there are one or more distinct single characters."""
        self.characters = tuple(characters)
        if not self.characters:
            raise VocabularyError("empty")
        if any(not isinstance(c, str) or len(c) != 1 for c in self.characters):
            raise VocabularyError("entry")
        self._ids = {character: id for id, character in enumerate(self.characters)}
        if len(self._ids) != len(self.characters):
            raise VocabularyError("duplicate")

    @classmethod
    def of(cls, text: str) -> Vocabulary:
        """Vocabulary of the distinct characters of a text, sorted by code point."""
        return cls(sorted(set(text)))

    @property
    def identity(self) -> tuple[str, ...]:
        return self.characters

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: str) -> bool:
        return character in self._ids

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, one a character. Raises UnknownCharactersError."""
        try:
            return [self._ids[character] for character in text]
        except KeyError:
            raise UnknownCharactersError(self.unknown(text)) from None

    def tokenize(self, text: str) -> list[Token]:
        """The tokens of a text, one a character. Raises UnknownCharactersError."""
        ids = self.encode(text)
        return [Token(id, text[at], at, at + 1) for at, id in enumerate(ids)]

    def tail(self, text: str, n: int) -> str:
        """The last n characters of a text."""
        return text[-n:] if n > 0 else ""

    def token_text(self, id: int) -> str:
        """The character of an id."""
        return self.characters[id]

    def token_bytes(self, id: int) -> bytes:
        """The character of an id in UTF-8."""
        return self.characters[id].encode()

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids. Raises IndexError for an id outside the vocabulary."""
        return "".join(self.characters[id] for id in ids)

    def unknown(self, text: str) -> list[str]:
        """Distinct characters of a text outside the vocabulary, in order of appearance."""
        return [character for character in dict.fromkeys(text) if character not in self._ids]

    def substitute(self, character: str) -> str:
        """Nearest replacement of a character inside the vocabulary, "" if there is none.

        In this order: the character, a typographic look-alike, the NFKD decomposition without
        accents, the other letter case.
        """
        plain = unicodedata.normalize("NFKD", character)
        stripped = "".join(c for c in plain if not unicodedata.combining(c))
        attempts = [character, _lookalike(character), stripped, _lookalike(stripped)]
        attempts.append(_lookalike(attempts[-1]))  # “ is like ", and where that is unknown like '
        for cased in (str, str.lower, str.upper):
            for attempt in map(cased, attempts):
                if attempt and all(c in self._ids for c in attempt):
                    return attempt
        return ""

    def adapt(self, text: str) -> str:
        """The same text in the forms that the vocabulary has: `adapt_text`."""
        return adapt_text(text, self._ids)

    def substitutes(self, text: str) -> dict[str, str]:
        """`substitute` of each unknown character of an adapted text, in order of appearance."""
        return {character: self.substitute(character) for character in self.unknown(text)}

    def replace_unknown(self, text: str) -> str:
        """The text, adapted, with each character still unknown replaced by `substitute`."""
        text = self.adapt(text)
        return text.translate({ord(c): near for c, near in self.substitutes(text).items()})


def _lookalike(text: str) -> str:
    return "".join(_LOOKALIKES.get(character, character) for character in text)
