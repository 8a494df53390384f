"""The tokenizers library behind the interface: its ids and places, text of tokens, bounds."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from playground.errors import BadCheckpoint
from playground.lm.tokenizer import is_whole
from playground.lm.vocabulary import UnknownCharactersError
from playground.tokenization import library_tokenizer
from playground.tokenization.library_tokenizer import LibraryTokenizer
from tests.tokenization.conftest import (
    KINDS,
    byte_level,
    sentence_piece,
    unigram,
    without_unknown,
    word_piece,
)

TRICKY = "Once upon don’t 👩‍👩‍👧 हिन्दी ไทย العربية \u202e\x00 e\u0301"
unicode_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.parametrize("make", KINDS)
def test_ids_and_places_are_the_library_s(opened, make):
    library, ours = opened(make)
    text = "A B" if make is without_unknown else "once upon a time."
    expected = library.encode(text)
    assert [token.id for token in ours.tokenize(text)] == expected.ids
    assert [(t.start, t.end) for t in ours.tokenize(text)] == expected.offsets
    assert ours.encode(text) == expected.ids
    assert len(ours) == library.get_vocab_size()


def test_a_token_keeps_its_leading_space(opened):
    _, ours = opened(sentence_piece)
    assert [token.text for token in ours.tokenize("Once the")] == [
        "<s>", " ", "O", "n", "c", "e", " the",
    ]  # fmt: skip
    _, ours = opened(unigram)
    assert [token.text for token in ours.tokenize("time as")] == [" time", " a", "s"]
    _, ours = opened(word_piece)
    assert [token.text for token in ours.tokenize("Once upon times.")] == [
        " once", " up", "on", " time", "s", ".",
    ]  # fmt: skip


@pytest.mark.parametrize("make", [byte_level, sentence_piece])
def test_half_a_character_is_shown_by_its_bytes_and_joined_once_it_is_whole(opened, make):
    _, ours = opened(make)
    parts = [token for token in ours.tokenize("€😀") if not is_whole(ours.token_bytes(token.id))]
    assert parts
    assert all(token.text.startswith("⟨") and token.text.endswith("⟩") for token in parts)
    ids = ours.encode("a€😀")
    assert ours.decode(ids).endswith("a€😀")
    assert "\ufffd" not in ours.decode(ids[:-1])
    assert ours.decode(ids[:-1]).endswith("⟩")


@given(text=unicode_text)
def test_bytes_go_round(opened, text):
    _, ours = opened(byte_level)
    assert ours.decode(ours.encode(text)) == text
    _, ours = opened(sentence_piece)
    if text:  # <s>, and the space that stands before every text
        written = ours.decode(ours.encode(text))
        assert written == "<s> " + text.replace("▁", " ")


CLUSTERS = [
    "👩‍👩‍👧‍👦",
    "👋🏽",
    "🇩🇪",
    "❤️",
    "हिन्दी",
    "क्षि",
    "ไทยกำ",
    "العَرَبِيَّة",
    "لا",
    "e\u0301",
    "한",
    "’",
    "<|end|>",
    " ",
    "\n",
    "a",
]


@given(parts=st.lists(st.one_of(st.sampled_from(CLUSTERS), unicode_text), max_size=8))
@examples(max_examples=80)
def test_what_is_drawn_as_one_goes_round_token_by_token(opened, parts):
    """Places lie in order, the parts of a character have its place, and none is a "\ufffd"."""
    text = "".join(parts)
    for make in (byte_level, sentence_piece):
        _, ours = opened(make)
        tokens = ours.tokenize(text)
        spans = [(token.start, token.end) for token in tokens if token.end > token.start]
        assert spans == sorted(spans)
        assert spans[-1][1] == len(text) if text else not spans
        assert len({start for start, _ in spans}) == len(set(spans))  # equal or apart
        for token, before in zip(tokens[1:], tokens, strict=False):
            is_part = not is_whole(ours.token_bytes(token.id))
            shares = (token.start, token.end) == (before.start, before.end) != (0, 0)
            assert is_part or not shares or before.text == " "  # Llama's, before every text
            assert ("\ufffd" in token.text) <= ("\ufffd" in text)
        again = ours.decode(token.id for token in tokens)
        assert again.endswith(text.replace("▁", " ") if make is sentence_piece else text)


@given(text=unicode_text, half=st.characters(categories=["Cs"]), at=st.integers(0, 30))
@examples(max_examples=50)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(opened, text, half, at):
    _, ours = opened(byte_level)
    with pytest.raises(UnknownCharactersError) as caught:
        ours.tokenize(text[:at] + half + text[at:])
    assert caught.value.characters == [half]


@given(text=unicode_text)
@examples(max_examples=50)
def test_the_others_go_round_or_say_which_characters_they_lack(opened, text):
    _, ours = opened(without_unknown)
    unknown = [character for character in dict.fromkeys(text) if character not in "AB "]
    if unknown:
        with pytest.raises(UnknownCharactersError) as caught:
            ours.encode(text)
        assert caught.value.characters == unknown
    else:
        assert ours.decode(ours.encode(text)) == text


@pytest.mark.parametrize("make", [byte_level, sentence_piece])
def test_tricky_texts_keep_their_places(opened, make):
    library, ours = opened(make)
    assert [(t.start, t.end) for t in ours.tokenize(TRICKY)] == library.encode(TRICKY).offsets
    for n in range(len(ours.encode(TRICKY)) + 1):
        tail = ours.tail(TRICKY, n)
        assert TRICKY.endswith(tail)
    assert ours.tail(TRICKY, 0) == ""


@pytest.mark.parametrize("half", ["\ud83d", "a\udc00b"])
def test_half_a_surrogate_pair_is_refused(opened, half):
    _, ours = opened(byte_level)
    with pytest.raises(UnknownCharactersError):
        ours.encode(half)


def test_special_tokens_are_read_in_a_text_and_none_is_put_after_it(opened, tmp_path):
    library, ours = opened(byte_level)
    assert ours.tokenize("a<|end|>")[-1].text == "<|end|>"
    content = json.loads(library.to_str())
    end = {"id": "<|end|>", "ids": [0], "tokens": ["<|end|>"]}
    single = [
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "<|end|>", "type_id": 0}},
    ]
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [],
        "special_tokens": {"<|end|>": end},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    closing = LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**24)
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode("a").ids[-1] == 0
    assert closing.encode("a") == ours.encode("a")


def test_tokens_that_were_added_beyond_the_ids_of_the_model_are_none(tmp_path):
    """As [PAD] is in many repos: it would have no row in the weights."""
    made = byte_level()
    made.add_special_tokens(["<turn>", "[PAD]"])
    made.save(str(tmp_path / "tokenizer.json"))
    whole, cut = (
        LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20, n_ids=n_ids)
        for n_ids in (None, 301)
    )
    assert (len(whole), len(cut)) == (302, 301)
    assert whole.identity != cut.identity
    assert whole.encode("a [PAD]")[-1] == 301
    assert max(cut.encode("a [PAD]")) < 256
    assert cut.encode("<turn>") == [300]
    assert cut.decode(cut.encode("a [PAD]")) == "a [PAD]"


def test_words_whose_ends_are_marked_are_refused(tmp_path):
    """Their spaces would be lost."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    trainer = trainers.BpeTrainer(special_tokens=["<unk>"], end_of_word_suffix="</w>")
    tokenizer.train_from_iterator(["the house of the mouse"] * 3, trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(BadCheckpoint, match=r"where words end .* open a model whose tokens have"):
        len(LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20))


def test_a_character_of_which_a_byte_has_no_token_is_told(tmp_path):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(special_tokens=["<|end|>"])
    tokenizer.train_from_iterator(["the house é ñ"] * 3, trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    ours = LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20)
    assert ours.decode(ours.encode("house é<|end|>")) == "house é<|end|>"
    with pytest.raises(UnknownCharactersError) as caught:
        ours.encode("the €éÿ<|end|>é")  # € and ÿ share a byte with what has tokens
    assert caught.value.characters == ["€", "ÿ"]


def test_marks_that_a_normalizer_removes_are_no_unknown_characters(opened, tmp_path):
    tokenizer = word_piece()
    tokenizer.model = models.WordPiece(vocab={"[UNK]": 0, "नमसत": 1, "สวสด": 2}, unk_token="[UNK]")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    ours = LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20)
    assert ours.encode("नमस्ते สวัสดี") == [1, 2]


def test_ids_between_that_no_token_has(tmp_path):
    tokenizer = Tokenizer(models.WordLevel(vocab={"a": 0, "b": 3}, unk_token="a"))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    ours = LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20)
    assert len(ours) == 4
    assert ours.gaps == [1, 2]
    assert ours.token_text(1) == ""
    assert ours.token_text(3) == "b"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"model": 3}', b"[" * 100_000])
def test_a_file_that_is_no_tokenizer(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        len(LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_file_in_the_encodings_of_other_json(opened, tmp_path, encoding):
    library, ours = opened(byte_level)
    (tmp_path / "tokenizer.json").write_text(library.to_str(), encoding)
    other = LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**24)
    assert other.encode(TRICKY) == ours.encode(TRICKY)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "tokenizer.json"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(BadCheckpoint, match=r"100\.0 MB; the limit is 16 MB"):
        len(LibraryTokenizer(path, max_bytes=16 * 2**20))
    with pytest.raises(BadCheckpoint, match="missing"):
        len(LibraryTokenizer(tmp_path / "other.json", max_bytes=1))


def test_a_pattern_that_takes_for_ever_ends_with_the_deadline(tmp_path):
    tokenizer = byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        pattern=Regex(r"(?:a|a)*(?=x)|."), behavior="isolated"
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    ours = LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20, encode_seconds=0.5)
    assert len(ours) == 300
    start = time.monotonic()
    with pytest.raises(BadCheckpoint, match="too long"):
        ours.encode(("a" * 18 + " ") * 200)
    assert time.monotonic() - start < 10
    assert ours.encode("ab")  # the next text has a process of its own


def test_a_pattern_that_gives_up_is_told(tmp_path):
    tokenizer = byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        pattern=Regex(r"(?:a|aa)+(?!.)\b\B"), behavior="isolated"
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(BadCheckpoint, match="retry-limit"):
        LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20).encode("a" * 3000)


def test_memory_has_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(library_tokenizer, "MEMORY_BYTES", 2**28)
    tokenizer = byte_level()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace("a", "a" * 1000)] * 3)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    ours = LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20)
    with pytest.raises(BadCheckpoint, match="too much memory"):
        ours.encode("a" * 10)


def test_a_process_that_was_idle_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(library_tokenizer, "IDLE_SECONDS", 0.3)
    byte_level().save(str(tmp_path / "tokenizer.json"))
    ours = LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20)
    first = ours.encode("Once")
    child = ours._child
    for _ in range(100):
        if child.has_ended:
            break
        time.sleep(0.1)
    assert child.has_ended
    assert ours.encode("Once upon")[: len(first)] == first
    assert ours._child is not child


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc")
def test_the_process_ends_with_its_tokenizer(tmp_path):
    byte_level().save(str(tmp_path / "tokenizer.json"))
    ours = LibraryTokenizer(tmp_path / "tokenizer.json", max_bytes=2**20)
    len(ours)
    pid = ours._child.pid
    os.kill(pid, 0)
    del ours
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
