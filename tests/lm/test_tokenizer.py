"""Bytes as text, and the character vocabulary as a tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.lm.tokenizer import Token, characters_per_token, is_whole, text_of_bytes
from playground.lm.vocabulary import UnknownCharactersError, Vocabulary
from playground.tokenization.byte_pairs import BytePairTokenizer


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        ("’x".encode(), "’x"),
        (b"\xe2\x80", "⟨E2 80⟩"),
        (b"\x99", "⟨99⟩"),
        (b"a\xe2\x80b\xff\xfec", "a⟨E2 80⟩b⟨FF FE⟩c"),
        (b"\x80\x80\xf0\x9f", "⟨80 80 F0 9F⟩"),
        ("⟩⟨".encode(), "⟩⟨"),
    ],
)
def test_bytes_that_are_no_whole_character_are_shown_as_such(content, text):
    assert text_of_bytes(content) == text
    assert is_whole(content) == ("⟨" not in text or text == "⟩⟨")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_stays_text(text):
    assert text_of_bytes(text.encode()) == text
    assert is_whole(text.encode())


@given(st.binary(max_size=12))
def test_no_bytes_become_a_replacement_character(content):
    assert ("\ufffd" in text_of_bytes(content)) == ("\ufffd".encode() in content)


def test_a_vocabulary_is_a_tokenizer_of_characters():
    vocabulary = Vocabulary("ab 😀")
    assert vocabulary.kind == "characters"
    assert vocabulary.tokenize("b😀") == [Token(1, "b", 0, 1), Token(3, "😀", 1, 2)]
    assert [vocabulary.tail("ab a", n) for n in (0, 1, 3, 9)] == ["", "a", "b a", "ab a"]
    assert vocabulary.token_text(3) == "😀"
    assert vocabulary.token_bytes(3) == "😀".encode()
    assert vocabulary.identity == Vocabulary(["a", "b", " ", "😀"]).identity
    with pytest.raises(UnknownCharactersError):
        vocabulary.tokenize("x")


def test_characters_of_tokens_are_counted_where_they_begin():
    vocabulary = Vocabulary("abé😀")
    assert characters_per_token(vocabulary, vocabulary.encode("é😀ab")) == 1
    pieces = BytePairTokenizer.learn("abababab", 257)
    text = "abab é 😀"  # ab, ab, a space, two bytes, a space, four bytes
    ids = pieces.encode(text)
    assert len(ids) == 10
    assert characters_per_token(pieces, ids) == len(text) / 10
    assert characters_per_token(pieces, ids[-3:]) == 1 / 3, "a rest counts as one, never as none"


def test_a_long_token_of_broken_bytes_costs_as_much_as_it_is_long():
    """As long as a tokenizer of a stranger may have: a quadratic loop would take hours."""
    text = text_of_bytes(b"a\x80" * 2**22)
    assert text == "a⟨80⟩" * 2**22
