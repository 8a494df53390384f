"""Small tokenizers of each kind, made by the tokenizers library."""

import pytest
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from playground.tokenization.library_tokenizer import LibraryTokenizer

TEXT = ["Once upon a time there was a small house, and the house was small.", "don’t 123 naïve"] * 4


def byte_level(vocab_size=300):
    """GPT-2's kind, with a token that ends texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=["<|end|>"], initial_alphabet=sorted(alphabet)
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def sentence_piece():
    """Llama's kind: U+2581 for spaces, bytes where a character has no token, <s> before texts."""
    tokenizer = byte_fallback_model()
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)]
    )  # fmt: skip
    tokenizer.add_special_tokens([AddedToken("<s>", special=True)])
    start = ("<s>", tokenizer.token_to_id("<s>"))
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[start])
    return tokenizer


def byte_fallback_model():
    pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    pieces += sorted(set("▁Oncupatimehrwslo,.d123") | {"▁a", "▁t", "▁th", "▁the"})
    merges = [("▁", "a"), ("▁", "t"), ("▁t", "h"), ("▁th", "e")]
    vocab = {piece: id for id, piece in enumerate(pieces)}
    return Tokenizer(models.BPE(vocab=vocab, merges=merges, byte_fallback=True))


def word_piece():
    """BERT's kind."""
    pieces = ["[UNK]", "once", "up", "##on", "a", "time", ".", "##s"]
    vocab = {piece: id for id, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def unigram():
    """T5's kind, and XGLM's."""
    pieces = [("<unk>", 0.0), ("▁", -2.0), ("▁a", -3.0), ("▁time", -3.5), ("s", -4.0), ("a", -4.5)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def without_unknown():
    """Its model drops characters without a word."""
    return Tokenizer(models.BPE(vocab={"A": 0, "B": 1, " ": 2}, merges=[]))


KINDS = [byte_level, sentence_piece, word_piece, unigram, without_unknown]


@pytest.fixture(scope="session")
def opened(tmp_path_factory):
    """`opened(make)`: a library's tokenizer, and ours of its file; the same for the same maker."""
    known = {}

    def open(make):
        if make not in known:
            path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
            library = make()
            library.save(str(path))
            known[make] = library, LibraryTokenizer(path, max_bytes=2**24)
        return known[make]

    return open
