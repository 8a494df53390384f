"""Texts to learn from: alike at every entrance, and a sentence for each that cannot be learned."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.cli.corpus import read_corpus
from playground.errors import CommandError, InvalidInput
from playground.training.corpora import open_corpus
from playground.training.texts import TEXT_MAX, check_text, decode_text, decode_upload, read_text

CASES = json.loads((Path(__file__).parents[1] / "data" / "texts.json").read_text("utf-8"))["texts"]
REST = "the cat sat on the mat, and the dog sat on the log.\n" * 8
MARKED = ("utf-8-sig", "utf-16", "utf-32")


def case_texts(learned):
    return [
        pytest.param(case["text"] + REST, (case["learned"] or "") + REST, id=case["name"])
        for case in CASES
        if (case["learned"] is not None) is learned
    ]


def entrances(text, folder):
    """The corpus of a text by each of its ways in."""
    path = folder / "text.txt"
    sent = {"pasted": read_text(text)}
    for encoding in ("utf-8", *MARKED):
        raw = text.encode(encoding)
        path.write_bytes(raw)
        yield f"command, {encoding}", read_corpus(path, lines=False, seed=1)[0]
        sent[f"upload, {encoding}"] = read_text(decode_upload("a.txt", raw))
    for name, learned in sent.items():
        path.write_bytes(learned.encode())  # as the training's process reads it
        yield name, open_corpus("text", seed=1, path=path)


def written(corpus):
    return corpus.vocabulary.decode(np.concatenate([corpus.train, corpus.validation]))


@pytest.mark.parametrize(("text", "learned"), case_texts(learned=True))
def test_a_text_is_the_same_at_every_entrance(text, learned, tmp_path):
    for name, corpus in entrances(text, tmp_path):
        assert written(corpus) == learned, name


@pytest.mark.parametrize(("text", "_"), case_texts(learned=False))
def test_what_is_no_text_is_refused_at_every_entrance(text, _, tmp_path):
    path = tmp_path / "text.txt"
    with pytest.raises(InvalidInput):
        read_text(text)
    for encoding in ("utf-8", *MARKED):
        path.write_bytes(text.encode(encoding))
        with pytest.raises(InvalidInput):
            decode_upload("a.txt", path.read_bytes())
        with pytest.raises(CommandError):
            read_corpus(path, lines=False, seed=1)


LINE_ENDS = ("\n", "\r", "\r\n", "\x85", "\u2028", "\u2029")
PIECES = st.sampled_from([*LINE_ENDS, "\ufeff", "ö", "o\u0308", "👩\u200d👧", "\u200f"])


@given(text=st.lists(PIECES | st.characters(exclude_categories=["Cs", "Cc"])).map("".join))
def test_whatever_a_text_is_made_of_its_vocabulary_and_ids_are_the_same(text, tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts", numbered=True)
    corpora = dict(entrances(text + REST, folder))
    first = corpora["pasted"]
    for name, corpus in corpora.items():
        assert corpus.vocabulary.characters == first.vocabulary.characters, name
        assert np.array_equal(corpus.train, first.train), name
        assert np.array_equal(corpus.validation, first.validation), name
    assert {*LINE_ENDS} & set(first.vocabulary.characters) == {"\n"}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_both_byte_orders_are_read(encoding):
    assert decode_text("\ufeffGrüße 😀\r\n".encode(encoding)) == "Grüße 😀\n"


def letters(n):
    return "".join(map(chr, itertools.islice(itertools.count(0x4E00), n)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        (" \n" * 100, "empty"),
        ("ab " * 33, "99 characters"),
        ("ab" * (TEXT_MAX // 2) + "a", "5,000,001 characters"),
        ("a" * 100, "one character"),
        ("ab\0" * 100, "control characters"),
        ("ab\x07\x1b" * 100, "control characters"),
        ("ab\ud800" + "c" * 200, "lone surrogates"),
    ],
)
def test_texts_that_cannot_be_learned(text, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        check_text(text)


def test_texts_that_can():
    check_text("ab" * 50)
    check_text("ab" * (TEXT_MAX // 2))
    check_text(letters(997) + "\t\r\n")


def test_a_longer_text_is_too_large_for_the_protocol_too():
    with pytest.raises(InvalidInput) as caught:
        check_text("ab" * TEXT_MAX)
    assert caught.value.status == 413


@pytest.mark.parametrize("ending", [".text", ".markdown", ".csv", ".log", ".srt", ".TXT "])
def test_texts_have_other_endings_too(ending):
    assert decode_upload(f"a{ending}", b"text " * 100) == "text " * 100


def test_files_in_utf_8():
    text = "Grüße\n" * 40
    assert decode_upload("a.TXT", text.encode()) == text
    assert decode_upload("a.md", text.encode("utf-8-sig")) == text
    assert decode_upload("a.md", text.replace("\n", "\r\n").encode()) == text


@pytest.mark.parametrize(
    ("filename", "raw", "sentence"),
    [
        ("a.pdf", b"text " * 100, r"ends in \.txt or \.md"),
        ("a.txt", "Grüße\n".encode("latin-1") * 40, r"in UTF-8 \(byte 2\)\. .* “Save as” .*UTF-8"),
        (
            "a.txt",
            "“Grüße”\n".encode("cp1252") * 40,
            "before Unicode, such as Windows-1252 .* “Save",
        ),
        ("a.txt", "Привет\n".encode("cp1251") * 40, "before Unicode, such as .* “Save as” .*UTF-8"),
        (
            "a.txt",
            "Grüße\n".encode() * 40 + b"\xfc",
            r"in UTF-8 \(byte 320\)\. Open it .* “Save as”",
        ),
        ("a.txt", "Grüße\n".encode("utf-16-be") * 40, "in UTF-16 without a byte order mark"),
        ("a.txt", "Grüße\n".encode("utf-16-le") * 40, "zero bytes.* “Save as” .*UTF-8"),
        ("a.txt", "Grüße\n".encode("utf-16") * 40 + b"!", r"not a text in UTF-16 \(byte 560\)"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0" * 40, "zero bytes"),
        ("a.txt", b"%PDF-1.4\n%\xe2\xe3" * 40, "of the kind PDF.* export it as plain text"),
        ("a.txt", b"PK\x03\x04\0\0" * 40, "of the kind Word, zip"),
        ("a.txt", b"{\\rtf1\\ansi Hello}" * 20, "of the kind RTF"),
        ("a.txt", "abc\x93quoted\x94 text ".encode() * 20, r"such as U\+0093\. Take them out"),
        ("a.txt", b"a", "has 1 character;"),
        ("a.txt", b"", "empty"),
        ("a.txt", b"a" * (4 * TEXT_MAX + 1), "20,000,001 bytes"),
    ],
)
def test_files_that_are_no_text(filename, raw, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        decode_upload(filename, raw)
