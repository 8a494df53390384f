"""Tokenizers of well-known models: the very ids that are published for them."""

from pathlib import Path

import pytest

from playground.tokenization import references
from playground.tokenization.references import REFERENCES, reference_tokenizer


@pytest.mark.parametrize("name", REFERENCES)
def test_it_has_as_many_tokens_as_is_said_and_its_licence(name):
    assert len(reference_tokenizer(name)) == REFERENCES[name].vocab_size
    assert "Permission" in (Path(references.__file__).with_name(name) / "LICENSE").read_text()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello world", [15496, 995]),
        (" strawberry", [41236]),
        ("strawberry", [301, 1831, 8396]),
        ("é", [2634]),
        ("", []),
    ],
)
def test_gpt2_cuts_as_gpt2_does(text, ids):
    assert reference_tokenizer("gpt2").encode(text) == ids
