"""Child process that loads and runs an untrusted tokenizer.json.

Its arguments are PATH, DESCRIBE and N_IDS. It sends the description of the tokenizer if DESCRIBE is
1, and then the tokens of each text that it receives. Tokens that were added beyond N_IDS are left
out, unless it is 0. Imports little, so that it starts soon.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from playground.child_process import serve

IDS_MAX = 1_000_000

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_PLAIN = re.compile(r"▁?[A-Za-z]+")
_SPACED = {"Whitespace", "WhitespaceSplit", "BertPreTokenizer"}  # spaces lie between their tokens


def describe(tokenizer: Any) -> dict[str, Any]:
    """What the tokenizer's ids stand for: the bytes of each, as Latin-1; null where it has none.

    added: the ids of tokens that were added to those of its model, such as one that ends a text.
    marks_ends: whether tokens say where words end, and none where a space is.
    """
    by_id = {id: token for token, id in tokenizer.get_vocab(with_added_tokens=True).items()}
    size = max(by_id, default=-1) + 1
    if not 0 < size <= IDS_MAX:
        raise ValueError(f"its ids are not those of 1 to {IDS_MAX} tokens")
    added = {id: token.content for id, token in tokenizer.get_added_tokens_decoder().items()}
    piece = _piece_reader(tokenizer, [token for id, token in by_id.items() if id not in added])
    pieces: list[str | None] = []
    for id in range(size):
        token = by_id.get(id)
        if token is None:
            pieces.append(None)
        else:
            content = added[id].encode() if id in added else piece(id, token)
            pieces.append(content.decode("latin-1"))
    return {"pieces": pieces, "added": sorted(added), "marks_ends": _marks_ends(tokenizer)}


def _marks_ends(tokenizer: Any) -> bool:
    has_suffix = bool(getattr(tokenizer.model, "end_of_word_suffix", None))
    return has_suffix or "BPEDecoder" in _types(json.loads(tokenizer.to_str()).get("decoder"))


def _piece_reader(tokenizer: Any, tokens: list[str]) -> Callable[[int, str], bytes]:
    """A function of (id, token) to the bytes that a token has within a text.

    Not `decode([id])`: at the beginning of a text many decoders drop a space.
    """
    stages = json.loads(tokenizer.to_str())
    decoders, splits = _types(stages.get("decoder")), _types(stages.get("pre_tokenizer"))
    if "ByteLevel" in decoders | splits:
        alphabet = _byte_alphabet()
        return lambda id, token: _from_alphabet(token, alphabet)
    if not decoders and not splits & _SPACED:
        marked = "Metaspace" in splits or "▁" in json.dumps(
            stages.get("normalizer"), ensure_ascii=False
        )
        return lambda id, token: _from_piece(token.replace("▁", " ") if marked else token)
    anchor = next((token for token in tokens if _PLAIN.fullmatch(token)), None)
    before = [] if anchor is None else [tokenizer.token_to_id(anchor)]
    start = tokenizer.decode(before, skip_special_tokens=False)

    def in_context(id: int, token: str) -> bytes:
        if _BYTE.fullmatch(token):
            return _from_piece(token)
        text = tokenizer.decode([*before, id], skip_special_tokens=False)
        return (text.removeprefix(start) if text.startswith(start) else token).encode()

    return in_context


def _types(stage: Any) -> set[str]:
    """The types of a stage of the tokenizer and of the stages inside it."""
    if isinstance(stage, list):
        return set().union(*map(_types, stage))
    if not isinstance(stage, dict):
        return set()
    inner = _types([value for value in stage.values() if isinstance(value, list)])
    return inner | ({stage["type"]} if isinstance(stage.get("type"), str) else set())


def _from_piece(token: str) -> bytes:
    found = _BYTE.fullmatch(token)
    return bytes([int(found[1], 16)]) if found else token.encode()


def _from_alphabet(token: str, alphabet: dict[str, int]) -> bytes:
    if all(character in alphabet for character in token):
        return bytes(alphabet[character] for character in token)
    return token.encode()


def _byte_alphabet() -> dict[str, int]:
    """The characters that byte-level BPE writes for bytes (Radford et al. 2019)."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {
        chr(256 + index): byte for index, byte in enumerate(others)
    }


def encode(tokenizer: Any, text: str) -> dict[str, Any]:
    """Ids and places of the tokens of a text, without those that are put after every text."""
    encoding = tokenizer.encode(text)
    n = len(encoding.ids)
    while n and encoding.special_tokens_mask[n - 1]:
        n -= 1
    n = n or len(encoding.ids)  # of an empty text there are only those
    return {
        "ids": encoding.ids[:n],
        "offsets": encoding.offsets[:n],
        "unknown": _lacking_bytes(tokenizer, text, encoding)
        or _dropped(tokenizer, text, encoding.offsets),
    }


def _lacking_bytes(tokenizer: Any, text: str, encoding: Any) -> list[str]:
    """The characters, each once, of which byte-level BPE leaves out a byte: it lacks its token.

    Not those of added tokens, which are not read byte by byte.
    """
    if "ByteLevel" not in f"{tokenizer.pre_tokenizer} {tokenizer.normalizer}":
        return []
    letters = _byte_alphabet().items()
    lacking = {byte for letter, byte in letters if tokenizer.token_to_id(letter) is None}
    if not lacking or getattr(tokenizer.model, "unk_token", None) is not None:
        return []
    added = tokenizer.get_added_tokens_decoder().keys()
    left = [*text]
    for id, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
        if id in added:
            left[start:end] = [""] * (end - start)
    return [c for c in dict.fromkeys(left) if lacking.intersection(c.encode())]


def _dropped(tokenizer: Any, text: str, offsets: list[tuple[int, int]]) -> list[str]:
    """The characters, each once, that a model without an unknown token leaves out of a text.

    By themselves: places are shifted where something is missing. Spaces and marks may be left out
    on purpose where there are stages before the model.
    """
    covered = bytearray(len(text))
    for start, end in offsets:
        covered[start:end] = bytes([1]) * (end - start)
    if all(covered):
        return []
    characters = dict.fromkeys(text)
    if tokenizer.normalizer is not None or tokenizer.pre_tokenizer is not None:
        characters = {c: None for c in characters if not (c.isspace() or _is_mark(c))}
    return [c for c in characters if not tokenizer.encode(c, add_special_tokens=False).ids]


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _load(path: str, n_ids: int) -> tuple[Any, int]:
    """The tokenizer, and how many tokens were left out."""
    from tokenizers import Tokenizer

    content = Path(path).read_bytes()
    text = content.decode(json.detect_encoding(content))
    tokenizer = Tokenizer.from_str(text)
    added = tokenizer.get_added_tokens_decoder().items()
    if beyond := {token.content for id, token in added if n_ids and id >= n_ids}:
        stages = json.loads(text)
        kept = [token for token in stages["added_tokens"] if token["content"] not in beyond]
        tokenizer = Tokenizer.from_str(json.dumps(stages | {"added_tokens": kept}))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if getattr(tokenizer.model, "dropout", None):
        tokenizer.model.dropout = None  # of training: a text would have other tokens each time
    return tokenizer, len(beyond)


def _start(arguments: list[str]) -> tuple[object, Callable[[Any], object]]:
    path, described, n_ids = arguments
    tokenizer, n_left_out = _load(path, int(n_ids))
    about = describe(tokenizer) | {"n_left_out": n_left_out} if described == "1" else {}
    return about, partial(encode, tokenizer)


if __name__ == "__main__":
    serve(_start)
