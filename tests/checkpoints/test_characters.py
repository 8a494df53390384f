"""Vocabularies of characters, special tokens among them; what is none says so."""

import json

import pytest
import torch

from playground.checkpoints.characters import parse_characters
from playground.errors import BadCheckpoint
from tests.checkpoints.gpt2 import CHARACTERS, REPO, SIZES, draw, files_with, hold_equal, opened

IDS = {c: i for i, c in enumerate(CHARACTERS)}
BY_ID = {str(i): c for c, i in IDS.items()}


def parsed(value):
    return parse_characters(json.dumps(value).encode(), "tokenizer.json")


def tokenizer(vocab, *added, kind="WordLevel"):
    tokens = [{"id": id, "content": token, "special": True} for token, id in added]
    return {"added_tokens": tokens, "model": {"type": kind, "vocab": vocab, "unk_token": "[UNK]"}}


@pytest.mark.parametrize(
    ("value", "ids", "n_tokens"),
    [
        (CHARACTERS, range(11), 11),
        ({"chars": CHARACTERS}, range(11), 11),
        ({"chars": list(CHARACTERS), "vocab_size": 11}, range(11), 11),
        ({"char2idx": IDS}, range(11), 11),
        (
            tokenizer({c: i + 2 for c, i in IDS.items()} | {"[UNK]": 0, "[PAD]": 1}),
            range(2, 13),
            13,
        ),
        (tokenizer(IDS, ("[UNK]", 11), ("[PAD]", 12)), range(11), 13),
        (tokenizer(IDS | {"end of text": 11}, ("end of text", 11)), range(11), 12),
        (tokenizer([[c, -1.0] for c in CHARACTERS], kind="Unigram"), range(11), 11),
        (IDS | {"<|endoftext|>": 11}, range(11), 12),
        (["<pad>", "<unk>", *CHARACTERS, "<s>"], range(2, 13), 14),
    ],
)
def test_characters_and_their_rows(value, ids, n_tokens):
    tokens = parsed(value)
    assert "".join(tokens.vocabulary.characters) == CHARACTERS
    assert tokens.ids == tuple(ids)
    assert tokens.n_tokens == n_tokens


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (tokenizer(IDS | {"the": 11}), "tokens of several characters"),
        (tokenizer(IDS | {"<0x0A>": 11}), "tokens of several characters"),
        (tokenizer(IDS, ("[UNK]", 20)), "nor their numbers from 0 on"),
        (tokenizer({"[UNK]": 0, "[PAD]": 1}), "at least one character"),
        (tokenizer([["a", -1.0], ["b"]], kind="Unigram"), "nor their numbers from 0 on"),
        ({"added_tokens": 3, "model": {"vocab": 3}}, "nor their numbers from 0 on"),
        ("", "at least one character"),
        (3, "nor their numbers from 0 on"),
    ],
)
def test_what_is_no_list_of_characters(value, sentence):
    with pytest.raises(BadCheckpoint, match=sentence):
        parsed(value)


@pytest.mark.parametrize(
    "value",
    [
        *({key: IDS} for key in ("char_to_id", "char2id", "ctoi", "c2i", "char_to_int", "encoder")),
        *({key: BY_ID} for key in ("idx2char", "idx_to_char", "id_to_token", "int_to_char")),
        *({key: list(CHARACTERS)} for key in ("vocabulary", "tokens", "alphabet")),
        {"meta": {"stoi": IDS, "itos": BY_ID, "vocab_size": 11}},
        {"tokenizer": {"type": "char", "vocab": IDS}},
        {"vocab": "char", "tokenizer": "char", "meta": {"author": "ada"}, "stoi": IDS},
        {c: str(i) for c, i in IDS.items()},
        {c: float(i) for c, i in IDS.items()},
        [[c, i] for c, i in reversed(IDS.items())],
        [[i, c] for c, i in IDS.items()],
        [{"token": c, "id": i} for c, i in IDS.items()],
        [{"index": i, "char": c} for c, i in reversed(IDS.items())],
    ],
    ids=str,
)
def test_lists_as_people_keep_them(value):
    tokens = parsed(value)
    assert "".join(tokens.vocabulary.characters) == CHARACTERS
    assert tokens.ids == tuple(range(11))


@pytest.mark.parametrize(
    ("spelling", "character"),
    [
        *((spelling, " ") for spelling in ("<space>", "[SPACE]", "__space__", "<|space|>")),
        *((spelling, "\n") for spelling in ("<nl>", "<NL>", "[newline]", "{nl}", "\\n")),
        ("<tab>", "\t"),
        ("<cr>", "\r"),
    ],
)
def test_a_character_that_is_spelled_out_is_that_character(spelling, character):
    tokens = parsed(["a", spelling, "b"])
    assert tokens.vocabulary.characters == ("a", character, "b")
    assert (tokens.ids, tokens.n_tokens) == ((0, 1, 2), 3)
    assert parsed({"a": 0, spelling: 1, "<pad>": 2}).vocabulary.characters == ("a", character)


def test_a_name_of_a_character_that_is_listed_too_is_a_special_token():
    tokens = parsed(["a", " ", "<space>", "<tab>", "[TAB]"])
    assert (tokens.vocabulary.characters, tokens.ids) == (("a", " ", "\t"), (0, 1, 3))


SPECIAL = ("PAD", "EOS", "UNK", "END", "BOS", "eos", "(unk)", "{pad}", "</s>", "[MASK]", "")


@pytest.mark.parametrize("token", SPECIAL)
def test_names_of_special_tokens(token):
    assert parsed(IDS | {token: 11}).ids == tuple(range(11))


@pytest.mark.parametrize("first", [True, False])
def test_special_tokens_are_no_characters(hub, settings, first):
    """Neither listed nor drawn: the odds are those over the characters alone."""
    tensors = draw(bias=False)
    table, special = tensors["transformer.wte.weight"], torch.full((2, SIZES["n_embd"]), 9.0)
    at = 2 if first else 0
    vocab = {c: i + at for c, i in IDS.items()}
    vocab |= {token: i + (0 if first else 11) for i, token in enumerate(("[UNK]", "[PAD]"))}
    stored = torch.cat([special, table] if first else [table, special])
    files = files_with(tensors | {"transformer.wte.weight": stored}, vocab_size=13)
    del files["vocab.json"]
    hub.commit(REPO, files | {"tokenizer.json": json.dumps(tokenizer(vocab)).encode()})
    session, model = opened(settings)
    assert "".join(session.run.vocabulary.characters) == CHARACTERS
    assert session.run.vocabulary.unknown("[a]") == ["[", "]"]
    hold_equal(model, tensors)
