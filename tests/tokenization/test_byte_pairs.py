"""Byte-level BPE, as it is learned here: tokens, merges in their order, and its file."""

import subprocess
import sys

import pytest

from playground.lm.vocabulary import UnknownCharactersError
from playground.tokenization import byte_pairs
from playground.tokenization.byte_pairs import BytePairTokenizer, Merge
from playground.tokenization.library_tokenizer import LibraryTokenizer

TEXT = "the cat sat on the mat, and the dog sat on the log. " * 20
TEXTS = [
    "the cat",
    "  spaces\n\n  and lines\t",
    "naïve café e\u0301",
    "日本語 😀👩‍👩‍👧",
    "\x00<>&${}",
    "",
]


@pytest.fixture(scope="module")
def tokenizer():
    return BytePairTokenizer.learn(TEXT, 300)


def test_every_text_has_tokens_and_they_are_that_text(tokenizer):
    for text in TEXTS:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        tokens = tokenizer.tokenize(text)
        assert [token.id for token in tokens] == ids
        assert all(text[t.start : t.end] == t.text for t in tokens if "⟨" not in t.text)


def test_frequent_words_are_one_token_and_no_pair_that_occurs_once_is_learned(tokenizer):
    assert [token.text for token in tokenizer.tokenize("the cat sat")] == ["the", " cat", " sat"]
    assert 256 < len(tokenizer) <= 300
    assert len(BytePairTokenizer.learn("abcdefg", 300)) == 256


def test_merges_come_in_their_order_with_how_often_the_pair_occurred():
    tokenizer = BytePairTokenizer.learn("aab aab aab cab cab", 300)
    merges = tokenizer.merges("aab aab aab cab cab")
    assert merges == [
        Merge("a", "b", 5),
        Merge("a", "ab", 3),
        Merge("c", "ab", 2),
        Merge(" ", "aab", 2),  # the first word has no space before it
        Merge(" ", "cab", 2),
    ]


def test_no_merge_was_more_frequent_than_the_one_before_it(tokenizer):
    merges = tokenizer.merges(TEXT)
    assert len(merges) == len(tokenizer) - 256
    counts = [merge.count for merge in merges]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 2
    pieces = {piece.decode() for piece in tokenizer.pieces[256:]}
    assert {merge.left + merge.right for merge in merges} == pieces


def test_the_same_text_gives_the_same_tokenizer(tokenizer):
    again = BytePairTokenizer.learn(TEXT, 300)
    assert again.content == tokenizer.content
    assert again.identity == tokenizer.identity
    assert BytePairTokenizer.learn(TEXT, 270).identity != tokenizer.identity


def test_its_file_is_the_same_tokenizer_in_a_process_of_its_own(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(tokenizer.content)
    read = LibraryTokenizer(path, max_bytes=2**20)
    assert read.content == tokenizer.content
    assert read.identity == tokenizer.identity
    assert read.pieces == tokenizer.pieces
    assert read.gaps == []
    for text in TEXTS:
        assert read.tokenize(text) == tokenizer.tokenize(text)
        assert read.tail(text, 2) == tokenizer.tail(text, 2)


def test_a_long_text_is_read_in_pieces_that_change_nothing(monkeypatch):
    text = ("the cat\n\n sat, on\n\n\nthe   mat \n\t and  \n" + "".join(TEXTS)) * 20
    whole = BytePairTokenizer.learn(text, 330)
    ids, merges = whole.encode(text), whole.merges(text)
    for size in (1, 2, 3, 7):
        monkeypatch.setattr(byte_pairs, "_CHUNK", size)
        assert BytePairTokenizer.learn(text, 330).content == whole.content
        assert whole.encode(text) == ids
        assert whole.merges(text) == merges


def test_half_a_surrogate_pair_is_unknown(tokenizer):
    for method in (tokenizer.encode, tokenizer.tokenize):
        with pytest.raises(UnknownCharactersError) as error:
            method("a\ud800")
        assert error.value.characters == ["\ud800"]


def test_the_library_is_imported_where_one_is_learned():
    code = (
        "import sys\n"
        "from playground.tokenization.byte_pairs import BytePairTokenizer\n"
        "assert 'tokenizers' not in sys.modules\n"
        "BytePairTokenizer.learn('a text', 257)\n"
        "assert 'tokenizers' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
