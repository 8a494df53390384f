"""The characters of a model that others trained, as people and tokenizer libraries list them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from playground.checkpoints.errors import as_invalid_input
from playground.checkpoints.json_files import parse_json
from playground.errors import BadCheckpoint
from playground.lm.vocabulary import Vocabulary, VocabularyError

_SUBWORD_MARKERS = (b'"ByteLevel"', b'"Metaspace"')  # their tokens stand for something else
_SPECIAL = re.compile(
    r"<(?!0x)[^<>]+>|\[[^\[\]]+\]|__\w+__"
)  # <|endoftext|>, [UNK]; no byte <0x0A>
_KEYS = ("stoi", "itos", "vocab", "chars", "characters", "char2idx", "char_to_idx", "token_to_id")


@dataclass(frozen=True, slots=True)
class TokenList:
    """The tokens of a vocabulary file.

    vocabulary: those that are characters. ids: the id of each of them in the file, and so its row
    in the weights. n_tokens: with the special tokens, such as [UNK], which are none.
    """

    vocabulary: Vocabulary
    ids: tuple[int, ...]
    n_tokens: int


def parse_characters(content: bytes, file: str) -> TokenList:
    """The tokens of a vocab.json or tokenizer.json. Raises BadCheckpoint unless of characters."""
    value = parse_json(content, file)
    if any(mark in content for mark in _SUBWORD_MARKERS):
        raise BadCheckpoint("checkpoint.no_characters", file=file)
    added = _added_tokens(value)
    tokens = _tokens(value, added)
    if tokens is None:
        raise BadCheckpoint("checkpoint.no_list", file=file)
    ids = []
    for id, token in enumerate(tokens):
        if not isinstance(token, str):
            raise BadCheckpoint("checkpoint.several_characters", file=file)
        if len(token) == 1:
            ids.append(id)
        elif token not in added and not _SPECIAL.fullmatch(token):
            raise BadCheckpoint("checkpoint.several_characters", file=file)
    try:
        return TokenList(Vocabulary(tokens[id] for id in ids), tuple(ids), len(tokens))
    except VocabularyError as error:
        reason = as_invalid_input(error).message
        raise BadCheckpoint("checkpoint.in_file", file=file, reason=reason) from None


def _added_tokens(value: Any) -> dict[str, int]:
    """The tokens that the tokenizers library keeps beside its model's: special ones, with ids."""
    match value:
        case {"added_tokens": [*added], "model": dict()}:
            return {
                token["content"]: token["id"]
                for token in added
                if isinstance(token, dict)
                and isinstance(token.get("content"), str)
                and type(token.get("id")) is int
            }
        case _:
            return {}


def _tokens(content: Any, added: dict[str, int]) -> list[Any] | None:
    """The tokens in the order of their ids; None where that is not what it is.

    Of a list, of a string, of {token: id}, of {"id": token}, of nanoGPT's {"stoi": ..., "itos":
    ...}, or of the tokenizer.json of the tokenizers library.
    """
    match content:
        case {"model": {"vocab": dict() as inner}}:
            return _tokens(inner | added, {})
        case {"model": {"vocab": [*pairs]}}:  # its Unigram model: [[token, score], ...]
            inner = {pair[0]: id for id, pair in enumerate(pairs) if _is_scored(pair)}
            return _tokens(inner | added, {}) if len(inner) == len(pairs) else None
        case list():
            return content
        case str():
            return list(content)
        case dict() if (nested := _nested(content)) is not None:
            return _tokens(nested, {})
        case dict() if all(type(id) is int for id in content.values()):
            return _in_order(content.values(), {id: token for token, id in content.items()})
        case dict() if all(re.fullmatch("[0-9]{1,7}", id) for id in content):
            return _in_order([int(id) for id in content], {int(i): t for i, t in content.items()})
        case _:
            return None


def _nested(content: dict[str, Any]) -> Any:
    values = (content.get(key) for key in _KEYS)
    return next((value for value in values if isinstance(value, (dict, list, str))), None)


def _is_scored(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)


def _in_order(ids: Collection[int], by_id: dict[int, Any]) -> list[Any] | None:
    """The tokens by id, where each id from 0 on is there, and once."""
    n_tokens = len(ids)
    if len(by_id) != n_tokens or by_id.keys() != set(range(n_tokens)):
        return None
    return [by_id[id] for id in range(n_tokens)]
