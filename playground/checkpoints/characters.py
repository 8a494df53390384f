"""Parsing of character vocabularies: vocab.json and tokenizer.json as other programs write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from playground.checkpoints.errors import as_invalid_input
from playground.checkpoints.json_files import parse_json, whole_number
from playground.errors import BadCheckpoint
from playground.lm.vocabulary import Vocabulary, VocabularyError

_SUBWORD_MARKERS = (b'"ByteLevel"', b'"Metaspace"')  # their tokens stand for something else
# <|endoftext|>, [UNK], {pad}, EOS, or nothing at all; no byte <0x0A>
_SPECIAL = re.compile(
    r"<(?!0x)[^<>]+>|\[[^\[\]]+\]|\([^()]+\)|\{[^{}]+\}|__\w+__"
    r"|(?i:pad|unk|bos|sos|eos|eot)|START|END|"
)
# <space>, <|nl|>, [TAB], __cr__, \n
_SPELLED = re.compile(r"<\|?(\w+)\|?>|\[(\w+)\]|\((\w+)\)|\{(\w+)\}|__(\w+?)__|(\\[ntr])")
_SPELLINGS = {
    "space": " ",
    "sp": " ",
    "whitespace": " ",
    "nl": "\n",
    "newline": "\n",
    "lf": "\n",
    "\\n": "\n",
    "tab": "\t",
    "\\t": "\t",
    "cr": "\r",
    "\\r": "\r",
}
# What people name a list of characters, or their numbers; and what those lie in.
_LISTS = re.compile(
    "(s|c|ch|char|token)(to|2|_to_)(i|id|idx|int)|(i|id|idx|int)(to|2|_to_)(s|c|ch|char|token)"
    "|vocab(ulary)?|char(s|acters)|tokens|alphabet|symbols|letters|encoder"
)
_HOLDERS = ("meta", "tokenizer")
_TOKEN_KEYS, _ID_KEYS = ("token", "char", "character", "content"), ("id", "index", "idx")


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
    tokens = _spelled_out(tokens)
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


def _spelled_out(tokens: list[Any]) -> list[Any]:
    """The tokens, each character in the place of its name, such as <space>.

    Not where the character is listed too: then the name is a special token.
    """
    found = {token for token in tokens if isinstance(token, str)}
    result = []
    for token in tokens:
        match = _SPELLED.fullmatch(token) if isinstance(token, str) else None
        character = _SPELLINGS.get(match[match.lastindex or 0].lower()) if match else None
        if character is not None and character not in found:
            found.add(character)
            token = character
        result.append(token)
    return result


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

    Of a list, of a string, of {token: id}, of {"id": token}, of pairs of them, of nanoGPT's
    {"stoi": ..., "itos": ...}, or of the tokenizer.json of the tokenizers library.
    """
    match content:
        case {"model": {"vocab": dict() as inner}}:
            return _tokens(inner | added, {})
        case {"model": {"vocab": [*pairs]}}:  # its Unigram model: [[token, score], ...]
            inner = {pair[0]: id for id, pair in enumerate(pairs) if _is_scored(pair)}
            return _tokens(inner | added, {}) if len(inner) == len(pairs) else None
        case [list() | dict(), *_]:
            pairs = [_pair(entry) for entry in content]
            return _in_order((id, token) for token, id in pairs)
        case list():
            return content
        case str():
            return list(content)
        case dict() if (nested := _nested(content)) is not None:
            return _tokens(nested, {})
        case dict() if all(re.fullmatch("[0-9]{1,7}", id) for id in content) and any(
            isinstance(token, str) for token in content.values()
        ):
            return _in_order(content.items())
        case dict():
            return _in_order((id, name) for name, id in content.items())
        case _:
            return None


def _nested(content: Mapping[str, Any]) -> Any:
    lists = [value for key, value in content.items() if _LISTS.fullmatch(key)]
    held = [content[key] for key in _HOLDERS if isinstance(content.get(key), dict)]
    kinds = [[v for v in lists if isinstance(v, kind)] for kind in ((dict, list), str)]
    return next(iter([*kinds[0], *kinds[1], *held]), None)


def _is_scored(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)


def _pair(entry: Any) -> tuple[Any, Any]:
    """Token and id of [token, id], [id, token] or {"token": ..., "id": ...}; else None, None."""
    match entry:
        case [str() as token, id] | [int() as id, str() as token]:
            return token, id
        case dict():
            return _first_of(entry, _TOKEN_KEYS), _first_of(entry, _ID_KEYS)
        case _:
            return None, None


def _first_of(entry: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((entry[key] for key in keys if key in entry), None)


def _in_order(listed: Iterable[tuple[Any, Any]]) -> list[Any] | None:
    """The tokens of (id, token) by id, where each id from 0 on is there, and once."""
    pairs = [(whole_number(id), token) for id, token in listed]
    by_id = dict(pairs)
    if len(by_id) != len(pairs) or by_id.keys() != set(range(len(pairs))):
        return None
    return [by_id[id] for id in range(len(pairs))]
